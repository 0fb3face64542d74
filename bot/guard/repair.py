"""Makes a pair even again after the guard cut it and one leg filled short.

When a hedged pair is cut, the coins of its long and short legs are remembered.
Until both legs have left by the same share, the leg that lags behind is reduced:
a partial fill, a refusal or a used-up book never leaves a leg alone unattended.
Repairs are reductions only; they go on after the episode that caused them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.events import Event, Filled
from bot.domain.intents import PlaceOrder, Proposal
from bot.domain.money import ONE, ZERO, plain
from bot.guard.depth import capped_order
from bot.guard.legs import futures_leg, margin_leg
from bot.guard.limits import GuardLimits
from bot.risk.exposures import Exposure, coin_exposures
from bot.shadow.state import Shadow

__all__ = [
    "PairWatch",
    "Repaired",
    "is_trading",
    "repair",
    "torn_pairs",
    "tried",
    "watch_pair",
]

GUARD: Final = "guard"
_SAME_SHARE: Final = Decimal("0.98")
_EVEN_SHARE: Final = Decimal("0.9")
_GIVE_UP: Final = 200
"""Attempts after which a pair that will not even out is left to a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairWatch:
    """The legs of a coin before it was cut, in coins, and when they were repaired."""

    longs: Decimal
    shorts: Decimal
    cut_at: Mapping[str, datetime] = field(default_factory=dict)
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """What to do about a watched pair: nothing more, wait, or one more order."""

    is_even: bool
    proposal: Proposal | None = None


def watch_pair(shadow: Shadow, coin: str) -> PairWatch:
    """The legs of a coin as they stand.

    Legs that all but cancel are remembered as cancelling: a pair that is cut often
    would otherwise keep the rest of a lot of every cut.
    """
    longs, shorts = _sides(shadow, coin_exposures(shadow, coin))
    larger = max(longs, shorts)
    if min(longs, shorts) >= larger * _SAME_SHARE:
        longs = shorts = larger
    return PairWatch(longs=longs, shorts=shorts)


def torn_pairs(before: Shadow, moment: Iterable[Event]) -> dict[str, PairWatch]:
    """The pairs of which the exchange took a leg in this moment, as they stood before.

    A liquidation or an auto-deleveraging leaves the other leg naked. Only legs that
    cancelled each other, within a tenth, count as a pair.

    Args:
        before: The account before the moment.
        moment: What happened.
    """
    found: dict[str, PairWatch] = {}
    for event in moment:
        if isinstance(event, Filled) and event.forced is not None:
            coin = _coin_of(before, event)
            watch = watch_pair(before, coin)
            small, large = sorted((watch.longs, watch.shorts))
            if small > 0 and small >= large * _EVEN_SHARE:
                found.setdefault(coin, watch)
    return found


def _coin_of(shadow: Shadow, fill: Filled) -> str:
    contract = shadow.rules.contracts.get(fill.symbol)
    if fill.account == FUTURES and contract is not None:
        return contract.base
    pair = shadow.rules.spot.get(fill.symbol)
    return fill.symbol.split("-")[0] if pair is None else pair.base


def is_trading(shadow: Shadow, coin: str) -> bool:
    """Whether an order on any market of a coin is on its way or in doubt.

    One that rests in the book is not waited for: it may rest for days.
    """
    contracts = shadow.rules.contracts
    return any(
        isinstance(request.approved.intent, PlaceOrder)
        and request.order_id not in shadow.orders
        and (
            request.approved.intent.symbol == f"{coin}-USDT"
            or (
                (contract := contracts.get(request.approved.intent.symbol)) is not None
                and contract.base == coin
            )
        )
        for request in shadow.requests.values()
    )


def tried(watch: PairWatch, proposal: Proposal, at: datetime) -> PairWatch:
    """The watch after one more attempt."""
    symbol = getattr(proposal.intent, "symbol", "")
    return replace(
        watch, cut_at={**watch.cut_at, symbol: at}, attempts=watch.attempts + 1
    )


def _sides(shadow: Shadow, legs: Iterable[Exposure]) -> tuple[Decimal, Decimal]:
    steady = [_steady(shadow, leg) for leg in legs]
    longs = sum((qty for qty in steady if qty > 0), ZERO)
    shorts = -sum((qty for qty in steady if qty < 0), ZERO)
    return longs, shorts


def _steady(shadow: Shadow, leg: Exposure) -> Decimal:
    """The coins of a leg that no price changes: an inverse position's at its entry.

    By the mark it would grow in a fall, and look as if somebody had added to it.
    """
    contract = shadow.rules.contracts.get(leg.symbol)
    if contract is None or not contract.is_inverse:
        return leg.base_qty
    held = [
        shadow.positions[key].entry_value
        for key in sorted(shadow.positions)
        if key.symbol == leg.symbol
        and shadow.positions[key].entry_value * leg.base_qty > 0
    ]
    return held[0] if held else leg.base_qty


def repair(
    shadow: Shadow, coin: str, watch: PairWatch, limits: GuardLimits
) -> Repaired:
    """Compare the legs' shares with those before the cut and even them out."""
    legs = coin_exposures(shadow, coin)
    longs, shorts = _sides(shadow, legs)
    has_grown = longs > watch.longs or shorts > watch.shorts
    if has_grown or not watch.longs or not watch.shorts:
        return Repaired(is_even=True)
    share = min(longs / watch.longs, shorts / watch.shorts, ONE)
    excess = longs - share * watch.longs
    sign = 1
    if excess <= 0:
        excess, sign = shorts - share * watch.shorts, -1
    if any(e.base_qty * sign > 0 and e.symbol in shadow.halted for e in legs):
        return Repaired(is_even=not excess)
    order = _order(shadow, legs, sign, excess)
    if order is None or watch.attempts >= _GIVE_UP:
        return Repaired(is_even=True)
    capped = capped_order(shadow, order, watch.cut_at, limits)
    if capped is None:
        return Repaired(is_even=False)
    reason = f"{capped.side} {plain(capped.qty)} of {capped.symbol}: the pair is uneven"
    proposal = Proposal(owner=GUARD, intent=capped, reason=reason, pair=coin)
    return Repaired(is_even=False, proposal=proposal)


def _order(
    shadow: Shadow, legs: Iterable[Exposure], sign: int, excess: Decimal
) -> PlaceOrder | None:
    """Reduce the largest leg of a side by ``excess`` coins; None under its steps."""
    side = [leg for leg in legs if leg.base_qty * sign > 0 and not leg.is_wallet]
    leg = max(side, key=lambda e: (abs(e.base_qty), e.symbol), default=None)
    if leg is None:
        return None
    qty = min(excess * leg.base_qty / _steady(shadow, leg), abs(leg.base_qty))
    if leg.account == FUTURES:
        return futures_leg(shadow, leg.symbol, qty, sign)
    return margin_leg(shadow, leg.account, leg.symbol, qty, sign)
