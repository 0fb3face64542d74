"""What a journal knows of the time before this start, folded from its entries.

A live journal is not derived again: its rows are the memory. This module turns
them into what recovery needs: the newest books, the requests whose fate is not
proven, the guard's thresholds and episodes, the day's budgets, the pre-images of
loans. It is pure; whoever reads the journal hands the entries in, oldest first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.entries import (
    JOURNALED_EVENTS,
    Decided,
    Entry,
    EntryBody,
    Noted,
    RunStarted,
    Sampled,
)
from bot.domain.events import (
    Filled,
    IntentSettled,
    LedgerBooked,
    OrderChanged,
    SnapshotTaken,
)
from bot.domain.instruments import Rules
from bot.domain.intents import Approved, CancelStop, PlaceStop
from bot.domain.money import plain
from bot.engine.open_requests import OpenRequests
from bot.guard.buffer import ErrorTrack
from bot.guard.limits import Thresholds
from bot.guard.overlay_rows import KEPT as OVERLAY_KEPT
from bot.guard.overlay_rows import state_from
from bot.guard.overlay_state import OverlayState
from bot.guard.repair import PairWatch
from bot.guard.size_results import SIZING, Results, recalled
from bot.guard.state import GuardState, SubjectState
from bot.guard.twin import Twin, unwatched
from bot.guard.twin_rows import still_open
from bot.shadow.apply import apply, register
from bot.shadow.state import Shadow, empty_shadow

__all__ = [
    "DAY_OPENED",
    "PAIR_CUT",
    "PAIR_DONE",
    "PRE_IMAGE",
    "THRESHOLDS",
    "Memory",
    "day_note",
    "guard_of",
    "opened_notes",
    "owner_title",
    "pair_notes",
    "recall",
    "thresholds_note",
]

DAY_OPENED: Final = "day opened"
"""The topic of the equity that a UTC day opened with."""

PAIR_CUT: Final = "pair cut"
"""The topic of a hedge that lost a part of a leg, with its legs before that."""

PAIR_DONE: Final = "pair done"
"""The topic of such a hedge that is even again, or is left to a person."""

THRESHOLDS: Final = "thresholds"
"""The topic under which the guard's thresholds of an account are kept."""

PRE_IMAGE: Final = "pre-image"
"""The topic of what was owed before a loan request left; ``inputs["intent_id"]``."""

_FIELDS: Final = ("act", "target", "backstop")
_USUAL: Final = "usual_target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Everything a restart takes over from the journal."""

    runs: int = 0
    epoch: int = 0
    account: str | None = None
    shadow: Shadow | None = None
    """The books and positions as last journaled; it knows no rules and no marks."""
    opened_at: datetime | None = None
    """When the books were first stated by the exchange."""
    snapshot_at: datetime | None = None
    """When they were last."""
    open_intents: tuple[Approved, ...] = ()
    thresholds: Mapping[str, Thresholds] = field(default_factory=dict)
    acting: Mapping[str, datetime] = field(default_factory=dict)
    """The accounts in the middle of a cure, and since when."""
    cured: Mapping[str, datetime] = field(default_factory=dict)
    """When the newest cure of each account ended."""
    episodes: Mapping[str, int] = field(default_factory=dict)
    """How many cures each account has seen."""
    pairs: Mapping[str, PairWatch] = field(default_factory=dict)
    """By coin, the hedges that were cut and were not even again."""
    tracks: Mapping[str, ErrorTrack] = field(default_factory=dict)
    """How near the shadow was to the exchange's ratios, by account."""
    results: Results = field(default_factory=Results)
    """How the equity went, which scales new risk."""
    overlays: Mapping[str, OverlayState] = field(default_factory=dict)
    """By strategy, the newest state of its overlay."""
    twins: tuple[Twin, ...] = ()
    """The episodes whose account without the guard is still watched."""
    last_at: datetime | None = None
    """The time of the newest row."""
    pre_images: Mapping[str, Noted] = field(default_factory=dict)
    """By the id of a loan request whose fate is open."""
    order_ids: Mapping[str, str] = field(default_factory=dict)
    """The exchange's number of each order and loan of ours, to our intent's id."""
    bookings: tuple[LedgerBooked, ...] = ()
    fills: tuple[Filled, ...] = ()
    equities: Mapping[date, Decimal] = field(default_factory=dict)
    """The first known equity of each UTC day."""

    def twins_at(self, at: datetime) -> tuple[Twin, ...]:
        """The open twins for a start at a time; a long absence makes them unclear."""
        last_at = self.last_at or at
        return tuple(unwatched(twin, last_at, at) for twin in self.twins)


def thresholds_note(subject: str, thresholds: Thresholds) -> Noted:
    """The row that lets a restart keep an account's thresholds.

    Without it an account that was cut off in the middle of a fall would be taken
    as newly opened, and be judged by the distance that the fall has left it.
    """
    values = {name: getattr(thresholds, name) for name in (*_FIELDS, _USUAL)}
    numbers = {name: str(value) for name, value in values.items() if value is not None}
    return Noted(
        topic=THRESHOLDS,
        text=f"{subject} is guarded from {thresholds.words}",
        inputs={
            "subject": subject,
            **numbers,
            "is_adapted": str(thresholds.is_adapted).lower(),
        },
    )


def opened_notes(
    before: Mapping[str, SubjectState], after: Mapping[str, SubjectState]
) -> list[Noted]:
    """The thresholds of every account that has other ones than before.

    Example:
        >>> opened_notes({}, {})
        []
    """
    return [
        thresholds_note(name, kept.thresholds)
        for name, kept in sorted(after.items())
        if name not in before or kept.thresholds != before[name].thresholds
    ]


def day_note(day: str, equity: Decimal) -> Noted:
    """The row that lets a restart keep the day's budget of loss and turnover.

    Without it every start would open the day anew, and a bot that is restarted often
    could lose many times what it may lose in a day.
    """
    return Noted(
        topic=DAY_OPENED,
        text=f"{day} opened with {equity:.2f} USDT",
        inputs={"day": day, "equity_usdt": str(equity)},
    )


def pair_notes(
    before: Mapping[str, PairWatch], after: Mapping[str, PairWatch]
) -> list[Noted]:
    """The rows that let a restart finish the repair of a hedge.

    Without them a kill between the two legs of a cut would leave one leg alone.
    """
    begun = [
        Noted(
            topic=PAIR_CUT,
            text=(
                f"the {coin} hedge is cut: {plain(watch.longs)} long, "
                f"{plain(watch.shorts)} short before"
            ),
            inputs={
                "coin": coin,
                "longs": plain(watch.longs),
                "shorts": plain(watch.shorts),
            },
        )
        for coin, watch in sorted(after.items())
        if coin not in before
    ]
    done = [
        Noted(
            topic=PAIR_DONE,
            text=f"the {coin} hedge is no longer watched",
            inputs={"coin": coin},
        )
        for coin in sorted(before.keys() - after.keys())
    ]
    return [*begun, *done]


def guard_of(
    memory: Memory, *, is_guarded: bool, cooldown: timedelta = timedelta(0)
) -> GuardState:
    """The guard as it was: thresholds, open cures, rests after cures, cut hedges.

    A cure goes on to its target, although the account may be past its trigger by now.
    Without a guard nobody would end one, so none is taken over then.
    """
    subjects = {
        name: SubjectState(
            thresholds=thresholds,
            is_acting=is_guarded and name in memory.acting,
            has_slow_exits=is_guarded and name in memory.acting,
            acting_since=memory.acting.get(name) if is_guarded else None,
            episode=memory.episodes.get(name, 0),
            cooled_until=(
                memory.cured[name] + cooldown if name in memory.cured else None
            ),
        )
        for name, thresholds in memory.thresholds.items()
    }
    pairs = memory.pairs if is_guarded else {}
    return GuardState(subjects=subjects, pairs=pairs, parity=memory.tracks)


def recall(entries: Iterable[Entry]) -> Memory:
    """Fold a journal, oldest entry first, into what a restart needs.

    Example:
        >>> recall([]).runs
        0
    """
    folding = _Folding()
    for entry in entries:
        folding.take(entry)
    return folding.memory()


class _Folding:
    """The scratch pad of one fold."""

    def __init__(self) -> None:
        self._runs: list[RunStarted] = []
        self._shadow = empty_shadow(Rules())
        self._snapshots: list[datetime] = []
        self._requests = OpenRequests()
        self._thresholds: dict[str, Thresholds] = {}
        self._acting: dict[str, datetime] = {}
        self._cured: dict[str, datetime] = {}
        self._pairs: dict[str, PairWatch] = {}
        self._episodes: dict[str, int] = {}
        self._twins: dict[str, Twin] = {}
        self._last_at: datetime | None = None
        self._pre_images: dict[str, Noted] = {}
        self._overlays: dict[str, OverlayState] = {}
        self._order_ids: dict[str, str] = {}
        self._bookings: list[LedgerBooked] = []
        self._fills: list[Filled] = []
        self._equities: dict[date, Decimal] = {}
        self._results = Results()

    def take(self, entry: Entry) -> None:
        """One more entry."""
        body = entry.body
        self._last_at = max(self._last_at or entry.at, entry.at)
        if isinstance(body, JOURNALED_EVENTS):
            self._shadow = apply(self._shadow, body)
        if isinstance(body, LedgerBooked):
            self._bookings.append(body)
        elif isinstance(body, Filled):
            self._fills.append(body)
        elif isinstance(body, Sampled) and body.equity_usdt is not None:
            self._equities.setdefault(entry.at.date(), body.equity_usdt)
        elif isinstance(body, Decided):
            self._decided(entry.at, body)
        else:
            self._told(body)

    def _decided(self, at: datetime, body: Decided) -> None:
        """The guard began or ended a cure."""
        if body.owner != "guard":
            return
        if body.verdict == "cure":
            self._acting[body.subject] = at
            number = body.inputs.get("episode", "")
            seen = self._episodes.get(body.subject, 0)
            episode = int(number) if number.isdecimal() else seen + 1
            self._episodes[body.subject] = episode
        elif body.verdict == "cured":
            self._acting.pop(body.subject, None)
            self._cured[body.subject] = at

    def _told(self, body: EntryBody) -> None:
        """What was begun, asked, answered or noted."""
        match body:
            case RunStarted():
                self._runs.append(body)
            case Approved():
                self._requests.left(body)
                if isinstance(body.intent, PlaceStop | CancelStop):
                    # The answer alone says that a stop rests, so who asked is kept.
                    self._shadow = register(self._shadow, body, self._shadow.at)
            case IntentSettled():
                self._settled(body)
            case OrderChanged():
                self._requests.order(body)
            case Noted():
                self._noted(body)
            case SnapshotTaken():
                self._snapshots = [*self._snapshots[:1], body.at]
            case _:
                pass

    def _settled(self, body: IntentSettled) -> None:
        if body.order_id is not None:
            self._order_ids[body.order_id] = body.intent_id
        if self._requests.settled(body):
            self._pre_images.pop(body.intent_id, None)

    def _noted(self, body: Noted) -> None:
        self._twins = still_open(self._twins, body)
        if body.topic == PRE_IMAGE and "intent_id" in body.inputs:
            self._pre_images[body.inputs["intent_id"]] = body
        if body.topic == THRESHOLDS and "subject" in body.inputs:
            self._thresholds[body.inputs["subject"]] = _thresholds(body.inputs)
        if body.topic == SIZING and "days" in body.inputs:
            self._results = recalled(body.inputs)
        if body.topic == DAY_OPENED and "day" in body.inputs:
            day = date.fromisoformat(body.inputs["day"])
            self._equities.setdefault(day, Decimal(body.inputs["equity_usdt"]))
        if body.topic == PAIR_CUT and "coin" in body.inputs:
            self._pairs[body.inputs["coin"]] = PairWatch(
                longs=Decimal(body.inputs["longs"]),
                shorts=Decimal(body.inputs["shorts"]),
            )
        if body.topic == OVERLAY_KEPT:
            self._overlays[body.inputs["strategy"]] = state_from(body.inputs)
        if body.topic == PAIR_DONE:
            self._pairs.pop(body.inputs.get("coin", ""), None)

    def memory(self) -> Memory:
        """What was folded."""
        last = self._runs[-1] if self._runs else None
        return Memory(
            runs=len(self._runs),
            epoch=0 if last is None else last.epoch,
            account=None if last is None else last.identity.get("account"),
            shadow=self._shadow if self._shadow.is_open else None,
            opened_at=self._snapshots[0] if self._snapshots else None,
            snapshot_at=self._snapshots[-1] if self._snapshots else None,
            open_intents=self._requests.open,
            thresholds=self._thresholds,
            acting=self._acting,
            cured=self._cured,
            pairs=self._pairs,
            episodes=self._episodes,
            overlays=self._overlays,
            twins=tuple(self._twins.values()),
            last_at=self._last_at,
            pre_images=self._pre_images,
            order_ids=self._order_ids,
            bookings=tuple(self._bookings),
            fills=tuple(self._fills),
            equities=self._equities,
            results=self._results,
        )


def _thresholds(inputs: Mapping[str, str]) -> Thresholds:
    known = (*_FIELDS, _USUAL) if _USUAL in inputs else _FIELDS
    numbers = {name: Decimal(inputs[name]) for name in known}
    return Thresholds(**numbers, is_adapted=inputs.get("is_adapted") == "true")


def owner_title(account: str | None) -> str:
    """Whose a journal is, in words; only an account of the exchange has a number.

    Example:
        >>> owner_title("165"), owner_title(None), owner_title("embedded")
        ('account 165', 'a simulation', 'a simulation')
    """
    return f"account {account}" if account and account.isdigit() else "a simulation"
