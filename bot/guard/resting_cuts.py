"""What stops would have to cut, of an account that stands at its stop distance.

The cuts are the guard's own, largest adverse exposure first, until the account is at
its target; they are not held to a minute's depth, and nothing is repaid, which a dead
bot cannot do. A position that is larger than one order is cut by several, summed up.
Nothing here knows at which price a cut should be made.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, isolated_pair
from bot.domain.instruments import SpotRules
from bot.domain.intents import PlaceOrder
from bot.domain.money import floor_to, round_up
from bot.domain.orders import Side
from bot.guard.depth import least_spot
from bot.guard.judge import Verdict, VerdictKind
from bot.guard.legs import most_tradable, with_other_leg
from bot.guard.limits import GuardLimits, Thresholds
from bot.guard.reduce import reductions
from bot.guard.resting_ladder import MOST_RUNGS, LegCut
from bot.guard.sizing import is_at_target, smallest_share
from bot.guard.state import SubjectState
from bot.risk.measure import SubjectMeasure, measure_subject
from bot.risk.stress_set import moved_alike
from bot.shadow.project import UnknownPriceError, project
from bot.shadow.state import Shadow

__all__ = ["Cuts", "cuts_at", "moved"]

_MOST_CUTS: Final = 80
"""Cuts of one account and side: each is an order, or an order with its other leg."""
_ALL: Final = Decimal(1_000_000)
"""A stop is not cut to what a minute's depth gives: ladders see to that."""

_Cut = tuple[PlaceOrder, PlaceOrder | None, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """What to cut, largest first, and whether that brings the account to its target."""

    cuts: tuple[LegCut, ...] = ()
    is_enough: bool = False


def cuts_at(there: Shadow, subject: str, goal: Thresholds, limits: GuardLimits) -> Cuts:
    """The cuts that bring an account to its target, one for each symbol.

    Args:
        there: The account as it stands where its stops go off (``moved``).
        subject: The account's name.
        goal: Its target.
        limits: The guard's own.
    """
    uncapped = replace(limits, chunk_share=_ALL)
    used: dict[str, int] = {}
    found: dict[str, LegCut] = {}
    for _ in range(_MOST_CUTS):
        measure = measure_subject(there, subject)
        if measure is None or is_at_target(measure, goal):
            return Cuts(cuts=tuple(found.values()), is_enough=True)
        verdict = Verdict(
            kind=VerdictKind.CURE, measure=measure, thresholds=goal, reason="a stop"
        )
        try:
            cut = _next(there, verdict, uncapped, used)
            if cut is None:
                break
            for order in cut[:2]:
                there = there if order is None else project(there, order)
        except UnknownPriceError:
            break
        symbol = cut[0].symbol
        used[symbol] = used.get(symbol, 0) + (1 if _is_large(there, cut[0]) else 99)
        found[symbol] = _summed(found.get(symbol), cut)
    return Cuts(cuts=tuple(found.values()))


def _next(
    there: Shadow, verdict: Verdict, limits: GuardLimits, used: Mapping[str, int]
) -> _Cut | None:
    """The next cut, of a symbol that is not cut as far as it goes."""
    cuts = _futures_cuts if verdict.measure.is_futures else _margin_cuts
    spent = {symbol for symbol, times in used.items() if times >= MOST_RUNGS}
    found = cuts(there, verdict, limits)
    return next((cut for cut in found if cut[0].symbol not in spent), None)


def _is_large(there: Shadow, order: PlaceOrder) -> bool:
    """Whether an order is as large as one may be, so that more of it may follow."""
    if order.account == FUTURES:
        return order.qty >= there.rules.contracts[order.symbol].max_order_lots
    return order.qty >= there.rules.spot[order.symbol].base_max


def _summed(known: LegCut | None, cut: _Cut) -> LegCut:
    """Two cuts of one symbol as one."""
    order, other, coin = cut
    if known is None:
        return LegCut(order=order, other=other, coin=coin)
    order = replace(order, qty=order.qty + known.order.qty)
    if known.other is not None and other is not None:
        is_same = known.other.symbol == other.symbol
        other = replace(other, qty=other.qty + known.other.qty) if is_same else other
    return LegCut(order=order, other=other or known.other, coin=coin)


def _futures_cuts(
    there: Shadow, verdict: Verdict, limits: GuardLimits
) -> Iterator[_Cut]:
    """The guard's own cuts of futures: what it sends is all that it needs."""
    fresh = SubjectState(thresholds=verdict.thresholds)
    for cut in reductions(there, verdict, fresh, limits):
        orders = [p.intent for p in cut.proposals if isinstance(p.intent, PlaceOrder)]
        if orders:
            coin = there.rules.contracts[orders[0].symbol].base
            yield orders[0], (orders[1] if orders[1:] else None), coin


def _margin_cuts(
    there: Shadow, verdict: Verdict, limits: GuardLimits
) -> Iterator[_Cut]:
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


def moved(shadow: Shadow, move: Decimal) -> Shadow:
    """The shadow with every mark moved alike, and nothing on its way."""
    return replace(moved_alike(shadow, move), requests={}, stops={})
