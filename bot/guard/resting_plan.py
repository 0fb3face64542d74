"""Which stops should rest at the exchange, in case nobody is there to act.

For every account that a uniform move liquidates: the prices at which it would stand
a *stop distance* from its end, which is a share of its act distance, so that a living
guard has always acted before. There the account is cut to its target as the guard
would cut it, without the repayments that a dead bot cannot make, and the other leg
of a hedge leaves at the matching price. ``wanted_stops`` measures all that with the
exact engine on the shadow as if the market had moved. It sends nothing and keeps
nothing.

The trigger price is the frontier's own: after a move ``s`` an account that a move ``d``
liquidates has ``(1 + d) / (1 + s) - 1`` left, which is the stop distance at
``s = (1 + d) / (1 -+ distance) - 1``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from bot.domain.accounts import FUTURES, AccountId, PositionSide, isolated_pair
from bot.domain.instruments import SpotRules
from bot.domain.intents import PlaceOrder, PlaceStop
from bot.domain.money import ONE, floor_to, round_up
from bot.domain.orders import Side
from bot.guard.depth import least_spot
from bot.guard.judge import Verdict, VerdictKind
from bot.guard.legs import most_tradable, with_other_leg
from bot.guard.limits import GuardLimits, Thresholds
from bot.guard.reduce import reductions
from bot.guard.sizing import is_at_target, smallest_share
from bot.guard.state import SubjectState
from bot.guard.stop_safety import StopLeg, leg_of, reducible_qty
from bot.risk.measure import SubjectMeasure, measure_subject
from bot.shadow.project import UnknownPriceError, pair_mark, project
from bot.shadow.state import Shadow

__all__ = ["StopKey", "Wanted", "WantedStop", "stop_move", "wanted_stops"]

_MOST_LEGS: Final = 24
"""Positions that one account's stops cut at most; each is a leg, or a pair of legs."""
_DEEPEST: Final = Decimal("-0.9")
_HIGHEST: Final = Decimal(4)
"""Moves beyond these need no stop: nobody trades at a tenth or at five times."""
_ALL: Final = Decimal(1_000_000)
"""A stop is not cut to what a minute's depth gives: there is no second one after it."""

StopKey = tuple[AccountId, str, Side, PositionSide, bool]
"""Account, symbol, side, position side, and its direction: one stop each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedStop:
    """One stop that should rest.

    ``subject`` is the account that it protects, ``move`` the uniform move of all
    prices at which it goes off. ``partner_of`` names the stop whose other leg it is;
    alone it would protect nothing.
    """

    intent: PlaceStop
    subject: str
    move: Decimal
    coin: str
    partner_of: StopKey | None = None

    @property
    def key(self) -> StopKey:
        """What it is, whatever its price and size."""
        stop = self.intent
        return (
            stop.account,
            stop.symbol,
            stop.side,
            stop.position_side,
            stop.is_up,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """All stops that should rest, and why an account has none."""

    stops: tuple[WantedStop, ...] = ()
    without: tuple[tuple[str, str], ...] = ()
    """Subject and sentence."""

    def partners_of(self, key: StopKey) -> tuple[WantedStop, ...]:
        """The other legs that leave with a stop."""
        return tuple(stop for stop in self.stops if stop.partner_of == key)


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
    """The stops of every account, those of the same kind joined into one."""
    found: dict[StopKey, WantedStop] = {}
    without: list[tuple[str, str]] = []
    for measure in measures:
        known = guarded.get(measure.subject)
        stops, reason = (
            ((), "its thresholds are not known yet")
            if known is None
            else _stops_of(shadow, measure, known, limits)
        )
        if reason is not None:
            without.append((measure.subject, reason))
        for stop in stops:
            found[stop.key] = _joined(found.get(stop.key), stop)
    fitting = _fitting(shadow, list(found.values()))
    return Wanted(stops=fitting, without=tuple(without))


def _joined(one: WantedStop | None, other: WantedStop) -> WantedStop:
    """Of two stops of a kind the one that goes off first, in the larger size."""
    if one is None:
        return other
    first = one if abs(one.move) <= abs(other.move) else other
    qty = max(one.intent.qty, other.intent.qty)
    is_leg = one.partner_of is None or other.partner_of is None
    return replace(
        first,
        intent=replace(first.intent, qty=qty),
        partner_of=None if is_leg else first.partner_of,
    )


def _stops_of(
    shadow: Shadow, measure: SubjectMeasure, known: SubjectState, limits: GuardLimits
) -> tuple[tuple[WantedStop, ...], str | None]:
    """The stops of one account, and why there are none if so."""
    if measure.ratio is None or (measure.distance is None and measure.missing):
        return (), "its numbers are not known: " + "; ".join(measure.missing)
    if measure.distance is None:
        return (), None
    distance = known.thresholds.act * limits.stop_share
    found: list[WantedStop] = []
    reason: str | None = None
    for edge in (measure.down, measure.up):
        move = stop_move(edge, distance)
        if move is None:
            continue
        stops = _cut_at(shadow, measure, known, limits, move)
        found += stops
        if not stops:
            reason = "nothing that can be traded would bring it further away"
    if not found and reason is None and measure.distance <= distance:
        reason = "it is nearer to its end than a stop would rest"
    return tuple(found), reason


def _cut_at(
    shadow: Shadow,
    measure: SubjectMeasure,
    known: SubjectState,
    limits: GuardLimits,
    move: Decimal,
) -> list[WantedStop]:
    """The stops that cut one account to its target at one move of all prices."""
    found: list[WantedStop] = []
    there = _moved(shadow, move)
    goal = replace(known.thresholds, backstop=measure.liquidation)
    try:
        for first, other, coin in _legs(there, measure.subject, goal, limits):
            leg = _stop(shadow, first, measure.subject, move, coin)
            if leg is None:
                continue
            found.append(leg)
            partner = (
                None
                if other is None
                else _stop(shadow, other, measure.subject, move, coin)
            )
            if partner is not None:
                found.append(replace(partner, partner_of=leg.key))
    except UnknownPriceError:
        return found
    return found


Cut = tuple[PlaceOrder, PlaceOrder | None, str]
"""An order of the endangered account, its other leg, and their coin."""


def _legs(
    there: Shadow, subject: str, goal: Thresholds, limits: GuardLimits
) -> Iterator[Cut]:
    """Cuts, one symbol after the other, until the account is at its target."""
    uncapped = replace(limits, chunk_share=_ALL)
    used: set[str] = set()
    for _ in range(_MOST_LEGS):
        measure = measure_subject(there, subject)
        if measure is None or is_at_target(measure, goal):
            return
        verdict = Verdict(
            kind=VerdictKind.CURE, measure=measure, thresholds=goal, reason="a stop"
        )
        cuts = _futures_cuts if measure.is_futures else _margin_cuts
        cut = next(
            (c for c in cuts(there, verdict, uncapped) if c[0].symbol not in used), None
        )
        if cut is None:
            return
        used.add(cut[0].symbol)
        for order in cut[:2]:
            there = there if order is None else project(there, order)
        yield cut


def _futures_cuts(
    there: Shadow, verdict: Verdict, limits: GuardLimits
) -> Iterator[Cut]:
    """The guard's own cuts of futures: what it sends is all that it needs."""
    fresh = SubjectState(thresholds=verdict.thresholds)
    for cut in reductions(there, verdict, fresh, limits):
        orders = [p.intent for p in cut.proposals if isinstance(p.intent, PlaceOrder)]
        if orders:
            coin = there.rules.contracts[orders[0].symbol].base
            yield orders[0], (orders[1] if orders[1:] else None), coin


def _margin_cuts(there: Shadow, verdict: Verdict, limits: GuardLimits) -> Iterator[Cut]:
    """Trades of a margin account, largest endangered coin first, nothing repaid."""
    measure = verdict.measure
    is_long = measure.down is not None and (
        measure.up is None or -measure.down <= measure.up
    )
    sign = 1 if is_long else -1
    pair = isolated_pair(measure.account)
    exposures = measure.exposure_usdt.items()
    for coin, value in sorted(exposures, key=lambda kv: (-(kv[1] * sign), kv[0])):
        rules = there.rules.spot.get(pair or f"{coin}-USDT")
        if rules is None or rules.base != coin or rules.symbol in there.halted:
            continue
        if value * sign <= 0:
            continue
        order = _margin_order(there, verdict, rules, sign)
        legs = order and with_other_leg(there, order, coin, {}, limits)
        if legs:
            yield *legs, coin


def _margin_order(
    there: Shadow, verdict: Verdict, rules: SpotRules, sign: int
) -> PlaceOrder | None:
    """The smallest trade that brings the distance to the target, else all of it."""
    measure = verdict.measure
    most = min(most_tradable(there, measure.account, rules, sign), rules.base_max)
    whole = floor_to(most, rules.base_increment)
    least = least_spot(there, rules)
    if least is None or whole < least:
        return None

    def at_qty(qty: Decimal) -> PlaceOrder:
        return PlaceOrder(
            account=measure.account,
            symbol=rules.symbol,
            side=Side.SELL if sign > 0 else Side.BUY,
            qty=qty,
            is_reduction=True,
        )

    def after(share: Decimal) -> SubjectMeasure | None:
        return measure_subject(project(there, at_qty(whole * share)), measure.subject)

    share = smallest_share(after, verdict.thresholds, measure)
    qty = max(round_up(whole * share, rules.base_increment), least)
    return at_qty(whole if whole - qty < least else qty)


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


def _moved(shadow: Shadow, move: Decimal) -> Shadow:
    """The shadow with every mark but USDT's moved alike, and nothing on its way."""
    factor = ONE + move
    margin = {
        coin: mark if coin == "USDT" else mark * factor
        for coin, mark in shadow.margin_marks.items()
    }
    futures = {name: mark * factor for name, mark in shadow.futures_marks.items()}
    return replace(
        shadow, margin_marks=margin, futures_marks=futures, requests={}, stops={}
    )


def _fitting(shadow: Shadow, stops: list[WantedStop]) -> tuple[WantedStop, ...]:
    """The stops whose sum on a leg of a margin account is no more than the leg.

    Those that protect their own account come first; what is left under the least
    order is left out, with its other leg.
    """
    stops = sorted(stops, key=lambda s: (s.partner_of is not None, abs(s.move), s.key))
    room: dict[StopLeg, Decimal] = {}
    kept: list[WantedStop] = []
    gone: set[StopKey] = set()
    for stop in stops:
        intent = stop.intent
        if stop.partner_of in gone:
            continue
        if intent.account == FUTURES:
            kept.append(stop)
            continue
        rules = shadow.rules.spot[intent.symbol]
        leg = leg_of(shadow, intent)
        left = room.setdefault(leg, reducible_qty(shadow, intent))
        qty = floor_to(min(intent.qty, left), rules.base_increment)
        if qty * intent.stop_price < rules.min_funds or qty < rules.base_min:
            gone.add(stop.key)
            continue
        room[leg] = left - qty
        kept.append(replace(stop, intent=replace(intent, qty=qty)))
    return tuple(kept)
