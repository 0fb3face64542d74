"""How much of a cut the market can take now, and the least that it accepts.

A minute gives a share of its volume; what was taken comes back evenly over the
minute after it. Sizes are in the unit of the order: coins, or lots on futures.
Nothing here chooses what to cut.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.instruments import SpotRules
from bot.domain.intents import PlaceOrder
from bot.domain.money import ZERO, floor_to, round_up
from bot.guard.limits import GuardLimits
from bot.shadow.project import pair_mark
from bot.shadow.state import Shadow

__all__ = ["at_most", "capped_order", "least_spot", "minute_qty"]

_MINUTE: Final = timedelta(minutes=1)
_MILLISECOND: Final = timedelta(milliseconds=1)
_MINUTE_MS: Final = Decimal(60_000)
_FUNDS_MARGIN: Final = Decimal("1.1")
"""The least value is asked at the price of arrival, which may be lower by then."""


def capped_order(
    shadow: Shadow,
    order: PlaceOrder,
    cut_at: Mapping[str, datetime],
    limits: GuardLimits,
) -> PlaceOrder | None:
    """The order cut to what the depth gives now; None while it has to recover first.

    Args:
        shadow: The account and the market.
        order: What is to trade.
        cut_at: When each instrument was last cut.
        limits: The share of a minute's volume and the least pause.
    """
    last = cut_at.get(order.symbol)
    waited = _MINUTE if last is None else min(shadow.at - last, _MINUTE)
    if waited < limits.chunk_pause:
        return None
    depth = shadow.liquidity.get(order.symbol)
    if depth is None or depth.volume_1m <= 0:
        return order
    share = limits.chunk_share * Decimal(waited // _MILLISECOND) / _MINUTE_MS
    return at_most(shadow, order, _in_unit(shadow, order, depth.volume_1m * share))


def minute_qty(
    shadow: Shadow, order: PlaceOrder, limits: GuardLimits
) -> Decimal | None:
    """What a minute of the market takes of an order, in its unit; None is unknown."""
    depth = shadow.liquidity.get(order.symbol)
    if depth is None or depth.volume_1m <= 0:
        return None
    return _in_unit(shadow, order, depth.volume_1m * limits.chunk_share)


def _in_unit(shadow: Shadow, order: PlaceOrder, coins: Decimal) -> Decimal:
    """Coins in the unit of the order."""
    if order.account != FUTURES:
        return coins
    contract = shadow.rules.contracts[order.symbol]
    if contract.is_inverse:
        return coins * shadow.futures_marks[order.symbol] / contract.multiplier
    return coins / contract.multiplier


def at_most(shadow: Shadow, order: PlaceOrder, qty: Decimal) -> PlaceOrder:
    """The order cut to ``qty``, but never under the least that can trade."""
    if order.qty <= qty:
        return order
    if order.account == FUTURES:
        step = Decimal(shadow.rules.contracts[order.symbol].lot_size)
        return replace(order, qty=min(max(floor_to(qty, step), step), order.qty))
    rules = shadow.rules.spot[order.symbol]
    least = least_spot(shadow, rules)
    if least is None:
        return order
    cut = max(floor_to(max(qty, ZERO), rules.base_increment), least)
    return replace(order, qty=min(cut, order.qty))


def least_spot(shadow: Shadow, rules: SpotRules) -> Decimal | None:
    """The smallest order of a pair that the exchange accepts, None without a mark."""
    price = pair_mark(shadow, rules.symbol)
    if price is None or price <= 0:
        return None
    funds = rules.min_funds * _FUNDS_MARGIN / price
    return round_up(max(rules.base_min, funds), rules.base_increment)
