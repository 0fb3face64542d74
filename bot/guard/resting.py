"""Keeps the stops at the exchange as they should be: places, re-prices, withdraws.

One round compares what should rest (``resting_plan``) with what does. A stop without
its position, and one that could trade more than is there, goes at once; a price or a
size that has moved is replaced no more often than every few minutes; nothing is placed
while the guard cures an account. On futures the new stop comes before the old one
goes, in margin accounts after it, because nothing there says reduce-only. The other
leg of a pair rests only beside its first leg. All that is asked for in an hour is
limited. While a person's pause lasts ours are withdrawn and none is placed. Foreign
stops are never touched. Nothing here sends anything.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, PositionKey
from bot.domain.intents import CancelStop, PlaceOrder, PlaceStop, Proposal
from bot.domain.money import ONE, ZERO, plain
from bot.domain.records import changed
from bot.domain.stops import StopChanged
from bot.guard.limits import GuardLimits
from bot.guard.resting_match import REPRICE, grouped, key_of, matched
from bot.guard.resting_plan import stop_move, wanted_stops
from bot.guard.resting_wanted import RungKey, StopKey, Wanted, WantedStop
from bot.guard.state import GUARD, GuardState, RestingState
from bot.guard.stop_safety import (
    StopLeg,
    is_stop_near,
    leg_of,
    reducible_qty,
)
from bot.risk.measure import SubjectMeasure
from bot.shadow.state import Shadow
from bot.shadow.stops import resting_stops

__all__ = [
    "STOPS",
    "RestingRound",
    "near_withdrawals",
    "resting_round",
    "withdrawals",
]

STOPS: Final = "stops"
"""Who owns the requests for stops: routine ones, never the guard's own."""

_QUIET: Final = timedelta(seconds=30)
"""Between two plans, so that a pair is filled before its stops are sized."""
_COMPARE: Final = timedelta(minutes=2)
"""Between two looks at whether a price has to move."""
_AGAIN: Final = timedelta(minutes=10)
"""How long a stop that was refused is not asked for again."""
_HOUR: Final = timedelta(hours=1)
_MOST_AN_HOUR: Final = 240
"""Requests for stops in an hour, a small part of what the exchange takes in half a
minute; withdrawals that safety needs are beside it."""
_MOST_A_ROUND: Final = 24
"""Requests in one round: ladders of many legs come in several, first rungs first."""
_DRIFT: Final = Decimal("0.01")
"""A trigger price that is off by no more than this share stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestingRound:
    """What one round asks for, and what is remembered of it."""

    state: RestingState
    proposals: tuple[Proposal, ...] = ()


def resting_round(
    shadow: Shadow,
    measures: Callable[[], Sequence[SubjectMeasure]],
    guard: GuardState,
    limits: GuardLimits,
) -> RestingRound | None:
    """The next requests for stops; None when there is nothing to compare yet.

    Args:
        shadow: The account; stops that may not reduce any more are withdrawn at once.
        measures: Gives its subjects at this moment; asked for only when they count.
        guard: Their thresholds and episodes, and what was remembered.
        limits: Whether stops rest at all, and how far from the end.
    """
    before = guard.resting
    if before.is_paused or not limits.resting_stops:
        ours = [stop for stop in resting_stops(shadow) if stop.intent_id is not None]
        gone = tuple(_withdrawn(shadow, ours))
        return RestingRound(state=before, proposals=gone) if gone else None
    is_same = _is_same(shadow, before)
    unsafe = () if is_same else tuple(_withdrawn(shadow, _unsafe(shadow)))
    if guard.is_acting:
        return RestingRound(state=before, proposals=unsafe) if unsafe else None
    if not _is_due(shadow, before):
        if not _is_compared(shadow, before):
            return RestingRound(state=before, proposals=unsafe) if unsafe else None
        if not _has_drifted(before.edges, _edges(measures(), guard, limits)):
            seen = changed(before, compared_at=shadow.at)
            return RestingRound(state=seen, proposals=unsafe)
    subjects = measures()
    wanted = wanted_stops(shadow, subjects, dict(guard.subjects), limits)
    leaving = {p.intent.stop_id for p in unsafe if isinstance(p.intent, CancelStop)}
    proposals = tuple(_changes(shadow, wanted, leaving))
    state, allowed = _within_budget(before, shadow, proposals)
    planned = replace(
        state,
        planned_at=shadow.at,
        compared_at=shadow.at,
        balances=shadow.balances,
        positions=shadow.positions,
        stops=shadow.stops,
        setbacks=shadow.setbacks,
        edges=_edges(subjects, guard, limits),
        is_replacing=any(isinstance(p.intent, CancelStop) for p in allowed),
    )
    return RestingRound(state=planned, proposals=(*unsafe, *allowed))


# -- when -----------------------------------------------------------------


def _is_due(shadow: Shadow, known: RestingState) -> bool:
    """Whether anything has changed that the stops depend on, and it is time."""
    if known.planned_at is None:
        return True
    # A margin stop goes before its successor comes: no pause between the two.
    if known.is_replacing and not _asked_to_leave(shadow):
        return True
    waited = shadow.at - known.planned_at
    return waited >= _QUIET and not _is_same(shadow, known)


def _is_compared(shadow: Shadow, known: RestingState) -> bool:
    """Whether it is time to see if the accounts' edges have drifted."""
    if known.planned_at is None or known.compared_at is None:
        return True
    is_settled = shadow.at - known.planned_at >= REPRICE
    return is_settled and shadow.at - known.compared_at >= _COMPARE


def _is_same(shadow: Shadow, known: RestingState) -> bool:
    """Whether nothing is held, rests or was refused that was not at the last plan."""
    return (
        shadow.balances is known.balances
        and shadow.positions is known.positions
        and shadow.stops is known.stops
        and shadow.setbacks is known.setbacks
    )


def _edges(
    measures: Sequence[SubjectMeasure], guard: GuardState, limits: GuardLimits
) -> Mapping[str, Decimal]:
    """Where each account's stops would go off, as moves from a fixed price.

    The price is that of the coin with the largest exposure: an account's frontier has
    moved when this has, not when the market did.
    """
    found: dict[str, Decimal] = {}
    for measure in measures:
        known = guard.subjects.get(measure.subject)
        if known is None or not measure.exposure_usdt:
            continue
        distance = known.thresholds.act * limits.stop_share
        total = sum((abs(v) for v in measure.exposure_usdt.values()), ZERO)
        for edge in (measure.down, measure.up):
            move = stop_move(edge, distance)
            if move is not None:
                name = f"{measure.subject} {'up' if move > 0 else 'down'}"
                found[name] = total * (ONE + move)
    return found


def _has_drifted(before: Mapping[str, Decimal], now: Mapping[str, Decimal]) -> bool:
    if before.keys() != now.keys():
        return True
    return any(abs(now[name] - before[name]) > before[name] * _DRIFT for name in now)


# -- what -----------------------------------------------------------------


def _changes(shadow: Shadow, wanted: Wanted, gone: Iterable[str]) -> Iterable[Proposal]:
    """Place what is missing, replace what is off, withdraw what nobody wants."""
    leaving = {*gone, *_asked_to_leave(shadow)}
    groups = grouped(
        s for s in resting_stops(shadow) if s.intent_id and s.stop_id not in leaving
    )
    asked = list(_asked_for(shadow))
    there: set[RungKey] = set()
    for key, wants in _by_leg(wanted.stops).items():
        alone = [
            w for w in wants if not (w.partner_of is None or w.partner_of in there)
        ]
        leg = matched(
            shadow.at,
            [want for want in wants if want not in alone],
            groups.pop(key, []),
            [each for each in asked if key_of(each) == key],
        )
        there |= {want.name for want in leg.rests}
        if leg.missing and _is_set_back(shadow, key):
            continue
        # On futures the new stop comes before the old one goes, elsewhere after it.
        if leg.missing and (key[0] == FUTURES or not leg.surplus):
            yield from map(_placed, leg.missing)
            there |= {want.name for want in leg.missing}
        elif not leg.is_asked:
            yield from _withdrawn(shadow, leg.surplus)
    if not wanted.without:
        for held in groups.values():
            yield from _withdrawn(shadow, held)


def _by_leg(stops: Iterable[WantedStop]) -> Mapping[StopKey, list[WantedStop]]:
    """The rungs of each leg; legs that others lean on come before those."""
    legs: dict[StopKey, list[WantedStop]] = {}
    for stop in sorted(stops, key=lambda each: each.partner_of is not None):
        legs.setdefault(stop.key, []).append(stop)
    return legs


def _is_set_back(shadow: Shadow, key: StopKey) -> bool:
    """Whether the exchange has refused a stop of this leg a short while ago."""
    setback = shadow.setbacks.get((STOPS, key[1]))
    return (
        setback is not None
        and isinstance(setback.intent, PlaceStop)
        and key_of(setback.intent) == key
        and shadow.at - setback.at < _AGAIN
    )


def _placed(want: WantedStop) -> Proposal:
    intent = want.intent
    way = "rises" if intent.is_up else "falls"
    return Proposal(
        owner=STOPS,
        intent=intent,
        reason=(
            f"{intent.side} {plain(intent.qty)} of {intent.symbol} if it {way} to "
            f"{plain(intent.stop_price)} and nobody acts: {want.subject}"
        ),
        pair=want.coin if want.partner_of is not None else None,
        inputs={"protects": want.subject, "move": f"{want.move:.6f}"},
    )


def _withdrawn(shadow: Shadow, stops: Iterable[StopChanged]) -> Iterable[Proposal]:
    """A cancel for each stop that is not being cancelled, or was refused just now."""
    asked = _asked_to_leave(shadow)
    for stop in stops:
        if stop.stop_id not in asked and not _was_kept(shadow, stop):
            intent = CancelStop(
                account=stop.account, symbol=stop.symbol, stop_id=stop.stop_id
            )
            reason = f"withdraw the {stop.side} stop of {stop.symbol} at "
            yield Proposal(
                owner=STOPS, intent=intent, reason=reason + plain(stop.stop_price)
            )


def _was_kept(shadow: Shadow, stop: StopChanged) -> bool:
    """Whether the exchange has refused to withdraw a stop a short while ago."""
    setback = shadow.setbacks.get((STOPS, stop.symbol))
    return (
        setback is not None
        and isinstance(setback.intent, CancelStop)
        and setback.intent.stop_id == stop.stop_id
        and shadow.at - setback.at < _QUIET
    )


def _asked_for(shadow: Shadow) -> Iterable[PlaceStop]:
    """The stops that were asked for and have no answer yet."""
    for request in shadow.requests.values():
        if isinstance(request.approved.intent, PlaceStop):
            yield request.approved.intent


def _asked_to_leave(shadow: Shadow) -> frozenset[str]:
    """The stops whose cancel has no answer yet."""
    return frozenset(
        request.approved.intent.stop_id
        for request in shadow.requests.values()
        if isinstance(request.approved.intent, CancelStop)
    )


# -- never more than is there ---------------------------------------------


def _unsafe(shadow: Shadow) -> Iterable[StopChanged]:
    """Our stops that could do more than reduce what is there now."""
    traded: dict[StopLeg, Decimal] = {}
    for stop in resting_stops(shadow):
        if stop.account == FUTURES:
            held = shadow.positions.get(PositionKey(stop.symbol, stop.position_side))
            is_left = held is not None and held.lots * stop.side.sign < 0
        else:
            leg = leg_of(shadow, stop)
            traded[leg] = traded.get(leg, ZERO) + stop.qty
            is_left = traded[leg] <= reducible_qty(shadow, stop)
        if stop.intent_id is not None and not is_left:
            yield stop


def withdrawals(shadow: Shadow, orders: Iterable[PlaceOrder]) -> tuple[Proposal, ...]:
    """The cancels of our margin stops on the legs that these orders cut.

    They leave before the orders do, so that nothing is sold twice. Stops of futures
    reduce only and stay.
    """
    legs = {(o.account, o.symbol, o.side) for o in orders if o.account != FUTURES}
    mine = [
        stop
        for stop in resting_stops(shadow)
        if stop.intent_id and (stop.account, stop.symbol, stop.side) in legs
    ]
    return _in_haste(_withdrawn(shadow, mine))


def near_withdrawals(shadow: Shadow) -> tuple[Proposal, ...]:
    """The cancels of our margin stops that may go off while a cut is on its way.

    Until they are gone a cut must leave them their share.
    """
    near = [
        stop
        for stop in resting_stops(shadow)
        if stop.intent_id
        and stop.account != FUTURES
        and is_stop_near(shadow, stop.symbol, stop.stop_price, is_up=stop.is_up)
    ]
    return _in_haste(_withdrawn(shadow, near))


def _in_haste(proposals: Iterable[Proposal]) -> tuple[Proposal, ...]:
    """The same as requests of the guard, which wait for nobody."""
    return tuple(replace(each, owner=GUARD) for each in proposals)


# -- how often ------------------------------------------------------------


def _within_budget(
    before: RestingState, shadow: Shadow, proposals: tuple[Proposal, ...]
) -> tuple[RestingState, tuple[Proposal, ...]]:
    """As many of the proposals as the hour has left, and as go at once.

    A margin stop is withdrawn for its successor only while the hour has room for both.
    """
    began, used = before.hour_at, before.used
    if began is None or shadow.at - began >= _HOUR:
        began, used = shadow.at, 0
    left = max(_MOST_AN_HOUR - used, 0)
    allowed: list[Proposal] = []
    for proposal in proposals:
        intent = proposal.intent
        is_pair = isinstance(intent, CancelStop) and intent.account != FUTURES
        needs = 2 if is_pair else 1
        if needs > left or len(allowed) >= _MOST_A_ROUND:
            break
        left -= needs
        allowed.append(proposal)
    used += len(allowed)
    return replace(before, hour_at=began, used=used), tuple(allowed)
