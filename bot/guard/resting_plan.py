"""Which stops should rest at the exchange, in case nobody is there to act.

For every account that a uniform move liquidates: the prices at which it would stand
a *stop distance* from its end, which is a share of its act distance, so that a living
guard has always acted before. There the account is cut to its target as the guard
would cut it, without the repayments that a dead bot cannot make, and the other leg
of a hedge leaves at the matching price. ``wanted_stops`` measures all that with the
exact engine on the shadow as if the market had moved; what one minute of a book does
not take rests as a ladder (``resting_ladder``). It sends nothing and keeps nothing.

The trigger price is the frontier's own: after a move ``s`` an account that a move ``d``
liquidates has ``(1 + d) / (1 + s) - 1`` left, which is the stop distance at
``s = (1 + d) / (1 -+ distance) - 1``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.intents import PlaceOrder, PlaceStop
from bot.domain.money import ONE
from bot.guard.limits import GuardLimits
from bot.guard.resting_cuts import Cuts, cuts_at, moved
from bot.guard.resting_ladder import MOST_RUNGS, rung_count, rung_distance, rungs_of
from bot.guard.resting_wanted import (
    MOST_FUTURES_STOPS,
    RungKey,
    Wanted,
    WantedStop,
    fitting,
    joined,
)
from bot.guard.state import SubjectState
from bot.risk.measure import SubjectMeasure
from bot.shadow.project import pair_mark
from bot.shadow.state import Shadow

__all__ = ["stop_move", "wanted_stops"]

_DEEPEST: Final = Decimal("-0.9")
_HIGHEST: Final = Decimal(4)
"""Moves beyond these need no stop: nobody trades at a tenth or at five times."""
_SHORT: Final = "all that its stops can cut does not bring it to its target"
_NO_ROOM: Final = (
    f"the exchange lets only so many stops wait and {MOST_FUTURES_STOPS} are taken: "
    "its smallest positions have none"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edge:
    """One side of an account: the move that ends it, its distances, what to cut."""

    subject: str
    edge: Decimal
    act: Decimal
    last: Decimal
    done: Cuts


def stop_move(edge: Decimal | None, distance: Decimal) -> Decimal | None:
    """The move after which ``edge`` is ``distance`` away; None where none is wanted.

    None as well when the account is nearer than that already, or when the price would
    have to fall by nine tenths or to grow to five times.

    Example:
        >>> round(stop_move(Decimal("-0.2"), Decimal("0.06")), 4)
        Decimal('-0.1489')
        >>> round(stop_move(Decimal("0.2"), Decimal("0.06")), 4)
        Decimal('0.1321')
        >>> stop_move(Decimal("-0.05"), Decimal("0.06")) is None
        True
    """
    if edge is None or abs(edge) <= distance:
        return None
    left = ONE + distance if edge > 0 else ONE - distance
    move = (ONE + edge) / left - ONE
    return move if _DEEPEST <= move <= _HIGHEST else None


def wanted_stops(
    shadow: Shadow,
    measures: Sequence[SubjectMeasure],
    guarded: dict[str, SubjectState],
    limits: GuardLimits,
) -> Wanted:
    """The stops of every account, those of the same leg joined into one ladder.

    Where ladders would be more stops than may wait at the exchange they get shorter,
    and at the end the least cuts go: each account's largest come first.
    """
    found: list[_Edge] = []
    without: list[tuple[str, str]] = []
    short: list[tuple[str, str]] = []
    for measure in measures:
        known = guarded.get(measure.subject)
        edges, reason = (
            ([], "its thresholds are not known yet")
            if known is None
            else _edges_of(shadow, measure, known, limits)
        )
        if reason is not None:
            without.append((measure.subject, reason))
        found += edges
        short += [(e.subject, _SHORT) for e in edges if not e.done.is_enough]
    stops: list[WantedStop] = []
    for most in range(MOST_RUNGS, 0, -1):
        stops = joined(
            stop for plan in found for stop in _stops_at(shadow, plan, most, limits)
        )
        if sum(s.intent.account == FUTURES for s in stops) <= MOST_FUTURES_STOPS:
            break
    kept, dropped = _within_room(stops)
    short += [(subject, _NO_ROOM) for subject in sorted(dropped)]
    return Wanted(
        stops=fitting(shadow, kept), without=tuple(without), short=tuple(short)
    )


def _edges_of(
    shadow: Shadow, measure: SubjectMeasure, known: SubjectState, limits: GuardLimits
) -> tuple[list[_Edge], str | None]:
    """What one account needs cut on each side, and why it has no stops if so."""
    if measure.ratio is None or (measure.distance is None and measure.missing):
        return [], "its numbers are not known: " + "; ".join(measure.missing)
    if measure.distance is None:
        return [], None
    act = known.thresholds.act
    last = act * limits.stop_share
    found: list[_Edge] = []
    reason: str | None = None
    for edge in (measure.down, measure.up):
        move = stop_move(edge, last)
        if edge is None or move is None:
            continue
        goal = replace(known.thresholds, backstop=measure.liquidation)
        done = cuts_at(moved(shadow, move), measure.subject, goal, limits)
        if not done.cuts:
            reason = "nothing that can be traded would bring it further away"
            continue
        plan = _Edge(subject=measure.subject, edge=edge, act=act, last=last, done=done)
        found.append(plan)
    if not found and reason is None and measure.distance <= last:
        reason = "it is nearer to its end than a stop would rest"
    return found, reason


def _stops_at(
    shadow: Shadow, plan: _Edge, most: int, limits: GuardLimits
) -> Iterator[WantedStop]:
    """The ladders of one side of an account, of that many rungs at most."""
    for cut in plan.done.cuts:
        count = min(rung_count(shadow, cut, limits), most)
        for rung, part in enumerate(rungs_of(shadow, cut, count)):
            distance = rung_distance(plan.act, plan.last, rung, abs(plan.edge))
            move = stop_move(plan.edge, distance)
            if move is None:
                continue
            leg = _stop(shadow, part.order, plan.subject, move, cut.coin)
            if leg is None:
                continue
            leg = replace(leg, rung=rung)
            yield leg
            if part.other is None:
                continue
            other = _stop(shadow, part.other, plan.subject, move, cut.coin)
            if other is not None:
                yield replace(other, rung=rung, partner_of=leg.name)


def _within_room(
    stops: Sequence[WantedStop],
) -> tuple[list[WantedStop], frozenset[str]]:
    """As many futures stops as may wait, and the accounts that lost some.

    Each account's largest cuts come first in the sequence, so the rounds take one
    leg of every account before the next; a leg goes with its other leg.
    """
    turns: dict[str, int] = {}
    ranked: list[tuple[int, int, WantedStop]] = []
    for number, stop in enumerate(stops):
        if stop.partner_of is None:
            turns[stop.subject] = turns.get(stop.subject, 0) + 1
        ranked.append((turns.get(stop.subject, 0), number, stop))
    kept: list[tuple[int, WantedStop]] = []
    lost: set[RungKey] = set()
    subjects: set[str] = set()
    used = 0
    for _, number, stop in sorted(ranked, key=lambda each: each[:2]):
        needs = int(stop.intent.account == FUTURES)
        if used + needs > MOST_FUTURES_STOPS or stop.partner_of in lost:
            lost.add(stop.name)
            subjects.add(stop.subject)
            continue
        used += needs
        kept.append((number, stop))
    return [stop for _, stop in sorted(kept, key=lambda k: k[0])], frozenset(subjects)


def _stop(
    shadow: Shadow, order: PlaceOrder, subject: str, move: Decimal, coin: str
) -> WantedStop | None:
    """The stop that makes an order at a move; None where no price is known."""
    is_up = move > 0
    if order.account == FUTURES:
        mark = shadow.futures_marks.get(order.symbol)
        tick = shadow.rules.contracts[order.symbol].tick_size
    else:
        mark = pair_mark(shadow, order.symbol)
        tick = shadow.rules.spot[order.symbol].price_increment
    if mark is None or mark <= 0:
        return None
    rounding = ROUND_FLOOR if is_up else ROUND_CEILING
    steps = (mark * (ONE + move) / tick).to_integral_value(rounding=rounding)
    if steps <= 0:
        return None
    intent = PlaceStop(
        account=order.account,
        symbol=order.symbol,
        side=order.side,
        qty=order.qty,
        stop_price=steps * tick,
        is_up=is_up,
        margin_mode=order.margin_mode,
        position_side=order.position_side,
        leverage=order.leverage,
    )
    return WantedStop(intent=intent, subject=subject, move=move, coin=coin)
