"""The guard's episodes, out of a journal's rows: what was done, what it was good for.

An ``EpisodeBook`` takes the entries in order, as they are read from a journal or as
a run writes them, and gives one ``Episode`` for each cure with its verdict
(``bot.guard.twin``), and the sums over all of them. An episode that began while an
older twin of its account was open is shown and not summed: the older verdict speaks
for both. So does a liquidation that was prevented, for a day: who is cured again an
hour later would not have lost the same account twice. It must not open a file and must
not print.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Self, TypeVar

from bot.domain.entries import Decided, Entry, Noted
from bot.domain.events import AccountStatus, AccountStatusChanged, IntentSettled
from bot.domain.intents import Approved
from bot.domain.money import ZERO
from bot.guard.state import GUARD
from bot.guard.twin import WATCHED_FOR, OutcomeKind
from bot.guard.twin_rows import COUNTERFACTUAL, TWIN_KEPT

__all__ = ["KINDS", "Episode", "EpisodeBook", "EpisodeStep", "EpisodeTotals"]

KINDS: Final = (
    "RunStarted",
    "RunEnded",
    "Decided",
    "Noted",
    "Approved",
    "IntentSettled",
    "AccountStatusChanged",
)
"""The kinds of rows that are read, for those who choose rows."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_MONTH: Final = timedelta(days=365.25) / 12
_PARTS: Final = ("fees", "slippage", "carry", "price")
_KEPT_EPISODES: Final = 1_000
_KEPT_REQUESTS: Final = 20_000
"""Of a bot that runs for years only the newest are kept in its memory."""
_OPEN: Final = "open"
_IN_VAIN: Final = "in vain"
_NOT_YET: Final = "the journal ends before the twin was watched for 24 hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeStep:
    """One request of the guard: why it was made, and what became of it."""

    at: datetime
    intent_id: str
    what: str
    outcome: str = "not answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One cure of one account and its verdict.

    Ratios and distances are fractions, None where none was known or no move
    liquidates; amounts USDT. ``costs`` has fees, slippage, carry (positive where it
    was saved) and, with a verdict, price: what prices made of the actions.
    ``outcome`` is a verdict's word, or ``open``; a cure after which the account was
    liquidated all the same counts as ``in vain``. ``is_counted`` is false where an
    older verdict of the same account speaks for it.
    """

    decision_id: str
    subject: str
    begun_at: datetime
    trigger: str
    before: Mapping[str, Decimal]
    ended_at: datetime | None = None
    after: Mapping[str, Decimal] = field(default_factory=dict)
    steps: tuple[EpisodeStep, ...] = ()
    outcome: str = _OPEN
    reason: str = _NOT_YET
    decided_at: datetime | None = None
    nearest: Decimal | None = None
    nearest_at: datetime | None = None
    costs: Mapping[str, Decimal] = field(default_factory=dict)
    difference: Decimal | None = None
    loss: Decimal | None = None
    worth: Decimal | None = None
    marks: Mapping[str, Decimal] = field(default_factory=dict)
    liquidated_at: datetime | None = None
    """When the account was taken over all the same, within a day of its cure."""
    is_counted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeTotals:
    """The sums over all counted episodes; USDT, and a month is 30.4 days.

    ``saved`` is what the actions were worth where they prevented a liquidation, each
    at its own moment: what the market did with it afterwards is not in it.
    ``too_early`` is what they cost where nothing was near: negative where they gained
    all the same. ``unknown`` counts episodes that have no amount.
    """

    counts: Mapping[str, int]
    saved: Decimal
    too_early: Decimal
    others: Decimal
    unknown: int
    months: Decimal

    @property
    def too_early_a_month(self) -> Decimal | None:
        """What false alarms cost a month; None for a journal of no length."""
        return self.too_early / self.months if self.months else None


class EpisodeBook:
    """Folds rows into episodes; ``take`` them in order."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, datetime], Episode] = {}
        self._acting: dict[str, tuple[str, datetime]] = {}
        self._requests: dict[str, EpisodeStep] = {}
        self._steps: dict[tuple[str, datetime], dict[str, None]] = {}
        self._saved_at: dict[str, datetime] = {}
        """When the counted episode that last saved each account was judged."""
        self._first: datetime | None = None
        self._last: datetime | None = None

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Self:
        """The book of these rows, oldest first."""
        book = cls()
        for entry in entries:
            book.take(entry)
        return book

    def take(self, entry: Entry) -> None:
        """One more row."""
        self._first = self._first or entry.at
        self._last = entry.at
        match entry.body:
            case Decided(owner=owner) as body if owner == GUARD:
                self._decided(entry.at, body)
            case Approved(owner=owner) as body if owner == GUARD:
                self._requests[body.intent_id] = EpisodeStep(
                    at=entry.at, intent_id=body.intent_id, what=body.reason
                )
                _forget_beyond(self._requests, _KEPT_REQUESTS)
            case IntentSettled(intent_id=name) as body if name in self._requests:
                step = self._requests[name]
                outcome = str(body.outcome).replace("_", " ")
                self._requests[name] = replace(step, outcome=outcome)
            case AccountStatusChanged(status=AccountStatus.LIQUIDATING) as body:
                self._taken_over(body)
            case Noted(topic=topic) as body if topic in {TWIN_KEPT, COUNTERFACTUAL}:
                self._looked_back(body.topic, body.inputs)
            case _:
                pass

    def _decided(self, at: datetime, body: Decided) -> None:
        name = (body.subject, at)
        if body.verdict == "cure":
            self._acting[body.subject] = name
            self._known[name] = Episode(
                decision_id=body.decision_id,
                subject=body.subject,
                begun_at=at,
                trigger=body.reason,
                before=_state(body.inputs),
            )
            _forget_beyond(self._known, _KEPT_EPISODES)
        elif body.verdict == "cured" and body.subject in self._acting:
            name = self._acting.pop(body.subject)
            known = self._known.get(name)
            if known is not None:
                after = _state(body.inputs)
                self._known[name] = replace(known, ended_at=at, after=after)

    def _taken_over(self, event: AccountStatusChanged) -> None:
        """Mark the cures of an account that was liquidated in or soon after them."""
        coin = "" if event.coin is None else f":{event.coin}"
        for name, known in self._known.items():
            is_its = known.subject == f"{event.account}{coin}"
            is_late = known.ended_at and event.at - known.ended_at > WATCHED_FOR
            if is_its and not is_late:
                at = known.liquidated_at or event.at
                self._known[name] = replace(known, liquidated_at=at)

    def _looked_back(self, topic: str, inputs: Mapping[str, str]) -> None:
        """A twin as it stands, or its verdict."""
        name = (inputs["subject"], datetime.fromisoformat(inputs["since"]))
        known = self._known.get(name)
        if known is None:
            return
        for word in inputs.get("intents", "").split():
            self._steps.setdefault(name, {})[word.partition("@")[0]] = None
        nearest_at = inputs.get("nearest_at")
        known = replace(
            known,
            costs={p: Decimal(inputs[p]) for p in _PARTS if p in inputs},
            nearest=_number(inputs, "nearest"),
            nearest_at=None if nearest_at is None else _time(nearest_at),
            is_counted=inputs.get("follows") != "true" and not self._is_saved(known),
        )
        if topic == COUNTERFACTUAL:
            known = _with_verdict(known, inputs, self._last)
            if known.is_counted and known.outcome == OutcomeKind.SAVED.value:
                self._saved_at[known.subject] = known.decided_at or known.begun_at
        self._known[name] = known

    def _is_saved(self, known: Episode) -> bool:
        """Whether its account was saved less than a day before it began."""
        saved_at = self._saved_at.get(known.subject)
        return saved_at is not None and (
            timedelta() <= known.begun_at - saved_at < WATCHED_FOR
        )

    def episodes(self) -> tuple[Episode, ...]:
        """All of them, oldest first."""
        return tuple(
            replace(known, steps=tuple(self._own_steps(name, known)))
            for name, known in self._known.items()
        )

    def _own_steps(
        self, name: tuple[str, datetime], known: Episode
    ) -> Iterator[EpisodeStep]:
        """The requests up to its end, and what the guard tidied up just then."""
        for intent_id in self._steps.get(name, ()):
            step = self._requests.get(intent_id)
            if step is not None and (
                known.ended_at is None or step.at <= known.ended_at
            ):
                yield step

    def totals(self) -> EpisodeTotals:
        """The sums over what was taken so far."""
        counted = [each for each in self._known.values() if each.is_counted]
        worth: dict[str, Decimal] = {}
        for each in counted:
            word = each.outcome if each.liquidated_at is None else _IN_VAIN
            worth[word] = worth.get(word, ZERO) + (each.worth or ZERO)
        span = (self._last - self._first) if self._last and self._first else timedelta()
        saved = worth.pop(OutcomeKind.SAVED.value, ZERO)
        early = worth.pop(OutcomeKind.TOO_EARLY.value, ZERO)
        return EpisodeTotals(
            counts=_counts(counted),
            saved=saved,
            too_early=-early,
            others=sum(worth.values(), ZERO),
            unknown=sum(each.worth is None for each in counted),
            months=Decimal(str(span / _MONTH)),
        )


def _forget_beyond(kept: dict[_Key, _Value], limit: int) -> None:
    while len(kept) > limit:
        del kept[next(iter(kept))]


def _with_verdict(
    known: Episode, inputs: Mapping[str, str], at: datetime | None
) -> Episode:
    marks = {
        name.removeprefix("mark "): Decimal(text)
        for name, text in inputs.items()
        if name.startswith("mark ")
    }
    reason = inputs.get("missing", "")
    return replace(
        known,
        outcome=inputs["outcome"],
        reason=f"not known at some time: {reason}" if reason else "",
        decided_at=at,
        difference=_number(inputs, "difference"),
        loss=_number(inputs, "loss"),
        worth=_number(inputs, "worth"),
        marks=marks,
    )


def _counts(episodes: list[Episode]) -> dict[str, int]:
    words = [*(kind.value for kind in OutcomeKind), _OPEN, _IN_VAIN]
    found = [
        each.outcome if each.liquidated_at is None else _IN_VAIN for each in episodes
    ]
    return {word: found.count(word) for word in words}


def _state(inputs: Mapping[str, str]) -> dict[str, Decimal]:
    names = ("ratio", "distance")
    return {name: Decimal(inputs[name]) for name in names if name in inputs}


def _number(inputs: Mapping[str, str], name: str) -> Decimal | None:
    text = inputs.get(name)
    return None if text is None else Decimal(text)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
