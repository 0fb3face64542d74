"""What protects an account while nobody is there, and what does not.

Each stop that rests is held against the account that it would cut: it protects when
it goes off before the exchange takes that account over, by the uniform move of all
prices. Everything that a move can liquidate and that no stop protects is named, with
its distance and the reason; an account whose stops cut less than it needs is named
with each leg that lacks some (``protection_cover``). A pure reading of one shadow: it
sends nothing, and an account that cannot be measured is never called protected.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from bot.domain.accounts import FUTURES, isolated_pair
from bot.domain.events import OrderChanged
from bot.domain.money import ZERO, plain
from bot.domain.orders import Side
from bot.domain.stops import StopChanged
from bot.guard.judge import judge
from bot.guard.limits import GuardLimits
from bot.guard.resting_plan import wanted_stops
from bot.guard.state import GuardState, SubjectState
from bot.report import figures
from bot.report.protection_cover import (
    LegCover,
    SideCover,
    covers_of,
    ended,
    is_closing,
    move_of,
)
from bot.report.protection_orders import order_document, unwatched
from bot.risk.measure import SubjectMeasure, measure_subjects
from bot.shadow.project import pair_mark
from bot.shadow.state import Shadow
from bot.shadow.stops import resting_stops

__all__ = [
    "BareAccount",
    "KeptLine",
    "PartAccount",
    "Protection",
    "RestingStop",
    "protection",
    "stops_line",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestingStop:
    """One stop and what it is for; ``move`` is from the mark to its trigger."""

    stop: StopChanged
    mark: Decimal | None
    move: Decimal | None
    protects: tuple[str, ...]
    """The accounts that it saves in time; none for one that saves nothing."""

    @property
    def is_ours(self) -> bool:
        """Whether this program placed it."""
        return self.stop.intent_id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class BareAccount:
    """An account that a move of prices liquidates and that no stop protects.

    ``move`` is that move, a fraction with its sign; None where it is not known.
    """

    subject: str
    move: Decimal | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartAccount:
    """An account whose stops cut less of it than it needs; ``sides`` say what."""

    subject: str
    sides: tuple[SideCover, ...]

    @property
    def worst(self) -> SideCover:
        """The side that ends it first, its stops filled in full."""
        return min(self.sides, key=lambda side: abs(side.end or side.edge))

    @property
    def move(self) -> Decimal:
        """The move that ends it on its worst side, a fraction with its sign."""
        return self.worst.end or self.worst.edge

    @property
    def lacks(self) -> tuple[str, ...]:
        """What is not covered, worst side first, each once."""
        ranked = sorted(self.sides, key=lambda side: side is not self.worst)
        return tuple(dict.fromkeys(told for side in ranked for told in side.lacks))


_KEPT: Final = timedelta(seconds=10)
"""How long a line of the live view is shown before it is read again."""

_Account = TypeVar("_Account", BareAccount, PartAccount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """All stops, the accounts that they protect, and those that nothing does."""

    stops: tuple[RestingStop, ...] = ()
    protected: tuple[str, ...] = ()
    unprotected: tuple[BareAccount, ...] = ()
    partly: tuple[PartAccount, ...] = ()
    safe: tuple[str, ...] = field(default=())
    """Accounts that no uniform move liquidates."""
    orders: tuple[OrderChanged, ...] = ()
    """Resting orders that may add to what is held while nobody is there."""

    def as_document(self) -> Mapping[str, object]:
        """The machine's form; money and moves as plain text."""
        return {
            "stops": [_stop_document(each) for each in self.stops],
            "protected": list(self.protected),
            "unprotected": [
                {
                    "account": bare.subject,
                    "move": _text(bare.move),
                    "reason": bare.reason,
                }
                for bare in self.unprotected
            ],
            "partly": [_part_document(part) for part in self.partly],
            "not_liquidable": list(self.safe),
            "orders": [order_document(each) for each in self.orders],
        }


def protection(shadow: Shadow, limits: GuardLimits) -> Protection:
    """What would happen to each account if nobody acted from now on."""
    measures = measure_subjects(shadow)
    stops = resting_stops(shadow)
    opened = judge(GuardState(), measures, limits, shadow.at).state.subjects
    reasons = dict(wanted_stops(shadow, measures, dict(opened), limits).without)
    saved: dict[str, set[str]] = {stop.stop_id: set() for stop in stops}
    found: list[_Found] = []
    for measure in measures:
        theirs = [stop for stop in stops if _is_of(shadow, stop, measure)]
        for stop in theirs:
            if any(_saves(shadow, stop, measure, edge) for edge in _edges(measure)):
                saved[stop.stop_id].add(measure.subject)
        sides = _sides(shadow, measure, opened.get(measure.subject), limits)
        why = reasons.get(measure.subject) or _why(theirs)
        sides = tuple(ended(shadow, measure, side, stops) for side in sides)
        found.append(_found(shadow, measure, sides, why))
    return Protection(
        stops=tuple(
            _resting(shadow, stop, tuple(sorted(saved[stop.stop_id]))) for stop in stops
        ),
        protected=tuple(f.subject for f in found if f.is_protected),
        unprotected=_worst_first([f.bare for f in found if f.bare is not None]),
        partly=_worst_first([f.part for f in found if f.part is not None]),
        safe=tuple(f.subject for f in found if f.is_safe),
        orders=unwatched(shadow),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was found of one account."""

    subject: str
    bare: BareAccount | None = None
    part: PartAccount | None = None
    is_safe: bool = False

    @property
    def is_protected(self) -> bool:
        return self.bare is None and self.part is None and not self.is_safe


def _found(
    shadow: Shadow, measure: SubjectMeasure, sides: Sequence[SideCover], why: str
) -> _Found:
    """Whether one account is safe, protected, protected in part, or bare."""
    subject = measure.subject
    if measure.ratio is None or measure.missing:
        why = "its numbers are not known: " + "; ".join(measure.missing)
        bare = BareAccount(subject=subject, move=None, reason=why)
        return _Found(subject=subject, bare=bare)
    if not sides:
        return _Found(subject=subject, is_safe=True)
    is_open = [s.edge for s in sides if not _savers(shadow, measure, s.edge)]
    if is_open:
        bare = BareAccount(subject=subject, move=min(is_open, key=abs), reason=why)
        return _Found(subject=subject, bare=bare)
    lacking = [side for side in sides if side.lacks]
    if not lacking:
        return _Found(subject=subject)
    return _Found(
        subject=subject, part=PartAccount(subject=subject, sides=tuple(lacking))
    )


def _worst_first(found: Sequence[_Account]) -> tuple[_Account, ...]:
    """By the smallest move that ends an account; an unknown one before all."""
    return tuple(sorted(found, key=lambda each: (abs(each.move or ZERO), each.subject)))


def _edges(measure: SubjectMeasure) -> tuple[Decimal, ...]:
    return tuple(edge for edge in (measure.down, measure.up) if edge is not None)


def _sides(
    shadow: Shadow,
    measure: SubjectMeasure,
    known: SubjectState | None,
    limits: GuardLimits,
) -> tuple[SideCover, ...]:
    stops = resting_stops(shadow)
    if measure.ratio is None or measure.missing:
        return ()
    return tuple(covers_of(shadow, measure, known, limits, stops))


def _savers(
    shadow: Shadow, measure: SubjectMeasure, edge: Decimal
) -> tuple[StopChanged, ...]:
    """The stops that cut an account before a move of prices ends it."""
    stops = resting_stops(shadow)
    return tuple(stop for stop in stops if _saves(shadow, stop, measure, edge))


def _why(theirs: Sequence[StopChanged]) -> str:
    if theirs:
        return "its stops would go off after the takeover or on one side only"
    return "no stop rests for it"


def _saves(
    shadow: Shadow, stop: StopChanged, measure: SubjectMeasure, edge: Decimal
) -> bool:
    """Whether a stop cuts an account before a move of prices ends it."""
    if not _is_of(shadow, stop, measure) or not is_closing(shadow, stop, edge):
        return False
    return stop.side is (Side.BUY if stop.is_up else Side.SELL)


def _is_of(shadow: Shadow, stop: StopChanged, measure: SubjectMeasure) -> bool:
    """Whether a stop trades in an account that is guarded as one."""
    if stop.account != measure.account:
        return False
    if stop.account != FUTURES:
        pair = isolated_pair(measure.account)
        return pair is None or pair == stop.symbol
    contract = shadow.rules.contracts.get(stop.symbol)
    if contract is None:
        return False
    return any(
        position.symbol == stop.symbol and measure.holds(position, contract)
        for position in shadow.positions.values()
    )


def _mark(shadow: Shadow, stop: StopChanged) -> Decimal | None:
    if stop.account == FUTURES:
        return shadow.futures_marks.get(stop.symbol)
    return pair_mark(shadow, stop.symbol)


def _resting(
    shadow: Shadow, stop: StopChanged, protects: tuple[str, ...]
) -> RestingStop:
    return RestingStop(
        stop=stop,
        mark=_mark(shadow, stop),
        move=move_of(shadow, stop),
        protects=protects,
    )


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def _part_document(part: PartAccount) -> Mapping[str, object]:
    return {
        "account": part.subject,
        "move": _text(part.move),
        "reasons": list(part.lacks),
        "sides": [
            {
                "move": _text(side.edge),
                "move_with_stops": _text(side.end),
                "legs": [_leg_document(leg) for leg in side.legs],
            }
            for side in part.sides
        ],
    }


def _leg_document(leg: LegCover) -> Mapping[str, object]:
    return {
        "account": leg.account,
        "symbol": leg.symbol,
        "side": str(leg.side),
        "needed": plain(leg.needed),
        "resting": plain(leg.resting),
        "is_other_leg": leg.is_other_leg,
        "is_covered": leg.is_covered,
    }


def _stop_document(resting: RestingStop) -> Mapping[str, object]:
    stop = resting.stop
    return {
        "id": stop.stop_id,
        "account": stop.account,
        "symbol": stop.symbol,
        "side": str(stop.side),
        "size": plain(stop.qty),
        "trigger_price": plain(stop.stop_price),
        "triggers": "above" if stop.is_up else "below",
        "mark": _text(resting.mark),
        "move": _text(resting.move),
        "reduce_only": stop.reduce_only,
        "owner": "gnomon" if resting.is_ours else "other",
        "protects": list(resting.protects),
    }


@dataclass(slots=True)
class KeptLine:
    """The line of the live view, read again every ten seconds of the market's time.

    A frame is drawn on the guard's own thread: it must not measure a large account.
    """

    _at: datetime | None = None
    _line: str = ""

    def read(
        self,
        shadow: Shadow,
        measures: Sequence[SubjectMeasure],
        guarded: Mapping[str, SubjectState],
        limits: GuardLimits,
    ) -> str:
        """As ``stops_line`` says it, now or a few seconds ago."""
        if self._at is None or shadow.at - self._at >= _KEPT:
            self._at = shadow.at
            self._line = stops_line(shadow, measures, guarded, limits)
        return self._line


def stops_line(
    shadow: Shadow,
    measures: Sequence[SubjectMeasure],
    guarded: Mapping[str, SubjectState],
    limits: GuardLimits,
) -> str:
    """One line for the live view: what would act if the process ended now.

    Args:
        shadow: The account.
        measures: Its guarded accounts at this moment.
        guarded: What the guard remembers of each.
        limits: Where stops should rest.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> stops_line(empty_shadow(Rules()), (), {}, GuardLimits())
        'no stop rests; nothing can be liquidated'
    """
    stops = resting_stops(shadow)
    moves = [m for stop in stops if (m := move_of(shadow, stop)) is not None]
    told = "no stop rests"
    if stops:
        word = "stop rests" if len(stops) == 1 else "stops rest"
        near = f", the nearest at {figures.move(min(moves, key=abs))}" if moves else ""
        told = f"{len(stops)} {word}{near}"
    found = [
        _found(shadow, measure, _sides(shadow, measure, known, limits), "")
        for measure in measures
        for known in [guarded.get(measure.subject)]
    ]
    bare = sorted(f.subject for f in found if f.bare is not None)
    part = sorted(f.subject for f in found if f.part is not None)
    if bare:
        told += f"; not protected: {', '.join(bare)}"
    if part:
        told += f"; in part: {', '.join(part)}"
    if bare or part:
        return told
    return f"{told}; " + ("all are protected" if stops else "nothing can be liquidated")
