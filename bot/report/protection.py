"""What protects an account while nobody is there, and what does not.

Each stop that rests is held against the account that it would cut: it protects when
it goes off before the exchange takes that account over, by the uniform move of all
prices. Everything that a move can liquidate and that no stop protects is named, with
its distance and the reason. A pure reading of one shadow: it sends nothing, and an
account that cannot be measured is never called protected.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.accounts import FUTURES, isolated_pair
from bot.domain.money import ONE, plain
from bot.domain.orders import Side
from bot.domain.stops import StopChanged
from bot.guard.judge import judge
from bot.guard.limits import GuardLimits
from bot.guard.resting_plan import wanted_stops
from bot.guard.state import GuardState
from bot.risk.measure import SubjectMeasure, measure_subjects
from bot.shadow.project import pair_mark
from bot.shadow.state import Shadow
from bot.shadow.stops import resting_stops

__all__ = ["BareAccount", "Protection", "RestingStop", "protection", "stops_line"]


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
class Protection:
    """All stops, the accounts that they protect, and those that nothing does."""

    stops: tuple[RestingStop, ...] = ()
    protected: tuple[str, ...] = ()
    unprotected: tuple[BareAccount, ...] = ()
    safe: tuple[str, ...] = field(default=())
    """Accounts that no uniform move liquidates."""

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
            "not_liquidable": list(self.safe),
        }


def protection(shadow: Shadow, limits: GuardLimits) -> Protection:
    """What would happen to each account if nobody acted from now on."""
    measures = measure_subjects(shadow)
    stops = resting_stops(shadow)
    reasons = _reasons(shadow, measures, limits)
    saved: dict[str, set[str]] = {stop.stop_id: set() for stop in stops}
    protected: list[str] = []
    bare: list[BareAccount] = []
    safe: list[str] = []
    for measure in measures:
        edges = [edge for edge in (measure.down, measure.up) if edge is not None]
        if measure.ratio is None or measure.missing:
            reason = "its numbers are not known: " + "; ".join(measure.missing)
            bare.append(BareAccount(subject=measure.subject, move=None, reason=reason))
            continue
        if not edges:
            safe.append(measure.subject)
            continue
        open_edges = []
        for edge in edges:
            savers = [s for s in stops if _saves(shadow, s, measure, edge)]
            for stop in savers:
                saved[stop.stop_id].add(measure.subject)
            if not savers:
                open_edges.append(edge)
        if not open_edges:
            protected.append(measure.subject)
            continue
        why = reasons.get(measure.subject) or _why(shadow, stops, measure)
        worst = min(open_edges, key=abs)
        bare.append(BareAccount(subject=measure.subject, move=worst, reason=why))
    return Protection(
        stops=tuple(
            _resting(shadow, stop, tuple(sorted(saved[stop.stop_id]))) for stop in stops
        ),
        protected=tuple(protected),
        unprotected=tuple(sorted(bare, key=lambda b: (abs(b.move or 0), b.subject))),
        safe=tuple(safe),
    )


def _reasons(
    shadow: Shadow, measures: Sequence[SubjectMeasure], limits: GuardLimits
) -> Mapping[str, str]:
    """Why no stop is possible, by account; thresholds as of an opening now."""
    opened = judge(GuardState(), measures, limits, shadow.at).state
    return dict(wanted_stops(shadow, measures, dict(opened.subjects), limits).without)


def _why(shadow: Shadow, stops: Sequence[StopChanged], measure: SubjectMeasure) -> str:
    theirs = [stop for stop in stops if _is_of(shadow, stop, measure)]
    if theirs:
        return "its stops would go off after the takeover or on one side only"
    return "no stop rests for it"


def _saves(
    shadow: Shadow, stop: StopChanged, measure: SubjectMeasure, edge: Decimal
) -> bool:
    """Whether a stop cuts an account before a move of prices ends it."""
    move = _move(shadow, stop)
    if move is None or not _is_of(shadow, stop, measure):
        return False
    if stop.is_up is not (edge > 0):
        return False
    is_closing = stop.side is (Side.BUY if stop.is_up else Side.SELL)
    return is_closing and abs(move) < abs(edge)


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


def _move(shadow: Shadow, stop: StopChanged) -> Decimal | None:
    mark = _mark(shadow, stop)
    return None if mark is None or mark <= 0 else stop.stop_price / mark - ONE


def _resting(
    shadow: Shadow, stop: StopChanged, protects: tuple[str, ...]
) -> RestingStop:
    return RestingStop(
        stop=stop,
        mark=_mark(shadow, stop),
        move=_move(shadow, stop),
        protects=protects,
    )


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


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


def stops_line(shadow: Shadow, measures: Sequence[SubjectMeasure]) -> str:
    """One line for the live view: what would act if the process ended now.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> stops_line(empty_shadow(Rules()), ())
        'no stop rests; nothing can be liquidated'
    """
    stops = resting_stops(shadow)
    moves = [m for stop in stops if (m := _move(shadow, stop)) is not None]
    told = "no stop rests"
    if stops:
        word = "stop rests" if len(stops) == 1 else "stops rest"
        near = f", the nearest at {min(moves, key=abs) * 100:+.1f} %" if moves else ""
        told = f"{len(stops)} {word}{near}"
    named = {
        measure.subject
        for measure in measures
        for edge in (measure.down, measure.up)
        if edge is not None and not any(_saves(shadow, s, measure, edge) for s in stops)
    }
    named |= {measure.subject for measure in measures if measure.ratio is None}
    if named:
        return f"{told}; not protected: {', '.join(sorted(named))}"
    return f"{told}; " + ("all are protected" if stops else "nothing can be liquidated")
