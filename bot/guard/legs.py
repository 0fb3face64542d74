"""The orders that take a leg away, and the other leg of a hedged cut.

Limits of an order: what is held or affordable, what stays a reduction when every
request without an answer was done, and what a minute of the market can take. The
other leg of a pair is cut by the same share; when it can take less, the first leg
takes less too, so that no leg is left alone. Nothing here sends or approves
anything.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, AccountId, Position
from bot.domain.instruments import SpotRules
from bot.domain.intents import PlaceOrder
from bot.domain.money import ONE, ZERO, floor_to
from bot.domain.orders import Side
from bot.guard.depth import at_most, capped_order, least_spot
from bot.guard.doubt import unsettled_qty
from bot.guard.limits import GuardLimits
from bot.risk.exposures import coin_exposures, hedge_qty
from bot.shadow.project import fill_cost, pair_mark
from bot.shadow.state import Shadow

__all__ = [
    "base_qty",
    "closing_order",
    "futures_leg",
    "margin_leg",
    "most_tradable",
    "other_leg",
    "with_other_leg",
]

_SLACK: Final = Decimal("1.001")
"""The exchange asks for a little more cash than a purchase is expected to cost."""


def closing_order(position: Position, lots: Decimal) -> PlaceOrder:
    """A reduce-only order over ``lots`` of a position, in its mode and on its side."""
    return PlaceOrder(
        account=FUTURES,
        symbol=position.symbol,
        side=Side.SELL if position.lots > 0 else Side.BUY,
        qty=lots,
        reduce_only=True,
        margin_mode=position.mode,
        position_side=position.side,
        leverage=position.leverage,
        is_reduction=True,
    )


def most_tradable(
    shadow: Shadow, account: AccountId, rules: SpotRules, sign: int
) -> Decimal:
    """The most that can be traded and is a reduction under every outcome.

    Args:
        shadow: The account.
        account: A margin or spot account.
        rules: The pair.
        sign: +1 sells what is owned net, -1 buys back what is owed net.

    Returns:
        Base coins, never negative.
    """
    price = pair_mark(shadow, rules.symbol)
    if price is None or price <= 0:
        return ZERO
    balance = shadow.balance(account, rules.base)
    net = (balance.total - balance.liability) * sign
    side = Side.SELL if sign > 0 else Side.BUY
    net = max(net - unsettled_qty(shadow, account, rules.symbol, side), ZERO)
    if sign > 0:
        return max(min(net, balance.available), ZERO)
    cash = shadow.balance(account, rules.quote).available
    cost = fill_cost(shadow, rules.symbol, net)
    fee = shadow.rules.spot_fee_rates.get(rules.symbol, (ZERO, Decimal("0.002")))[1]
    affordable = cash / (price * (ONE + cost) * (ONE + fee) * _SLACK)
    return max(min(net, affordable), ZERO)


def margin_leg(
    shadow: Shadow, account: AccountId, symbol: str, coins: Decimal, sign: int
) -> PlaceOrder | None:
    """A reduction of up to ``coins`` of a net holding; None when it cannot trade.

    ``sign`` is that of the holding: +1 is owned and sold, -1 is owed and bought.
    """
    rules = shadow.rules.spot.get(symbol)
    least = None if rules is None else least_spot(shadow, rules)
    if rules is None or least is None or symbol in shadow.halted:
        return None
    most = min(most_tradable(shadow, account, rules, sign), rules.base_max)
    qty = floor_to(min(coins, most), rules.base_increment)
    if qty < least:
        return None
    return PlaceOrder(
        account=account,
        symbol=symbol,
        side=Side.SELL if sign > 0 else Side.BUY,
        qty=qty,
        is_reduction=True,
    )


def futures_leg(
    shadow: Shadow, symbol: str, coins: Decimal, sign: int
) -> PlaceOrder | None:
    """A reduction of up to ``coins`` of a position; None when it cannot trade.

    ``sign`` is that of the position: +1 is long and sold, -1 is short and bought.
    """
    contract = shadow.rules.contracts.get(symbol)
    mark = shadow.futures_marks.get(symbol, ZERO)
    held = [
        shadow.positions[key]
        for key in sorted(shadow.positions)
        if key.symbol == symbol and shadow.positions[key].lots * sign > 0
    ]
    if contract is None or mark <= 0 or not held or symbol in shadow.halted:
        return None
    lots = (coins * mark if contract.is_inverse else coins) / contract.multiplier
    side = Side.SELL if sign > 0 else Side.BUY
    left = abs(Decimal(held[0].lots)) - unsettled_qty(shadow, FUTURES, symbol, side)
    most = max(min(lots, left, Decimal(contract.max_order_lots)), ZERO)
    lots = floor_to(most, Decimal(contract.lot_size))
    return closing_order(held[0], lots) if lots > 0 else None


def with_other_leg(
    shadow: Shadow,
    order: PlaceOrder,
    coin: str,
    cut_at: Mapping[str, datetime],
    limits: GuardLimits,
) -> tuple[PlaceOrder, PlaceOrder | None] | None:
    """The order with the same cut on the opposite leg; None while that must wait.

    The other leg is None where there is none, or where it cannot trade at all: an
    account in danger is not left alone because its hedge is halted.
    """
    other = other_leg(shadow, order, coin)
    if other is None:
        return order, None
    capped = capped_order(shadow, other, cut_at, limits)
    if capped is None:
        return None
    if capped.qty >= other.qty:
        return order, other
    wanted = order.qty * base_qty(shadow, capped) / base_qty(shadow, other)
    first = at_most(shadow, order, wanted)
    again = other_leg(shadow, first, coin)  # whole lots may have made it smaller
    return first, capped if again is None or again.qty > capped.qty else again


def other_leg(shadow: Shadow, order: PlaceOrder, coin: str) -> PlaceOrder | None:
    """The same coins out of the opposite leg, if there is one and it can trade."""
    sign = -order.side.sign
    leg = hedge_qty(
        coin_exposures(shadow, coin),
        exposure_sign=sign,
        qty=base_qty(shadow, order),
        from_account=order.account,
        from_symbol=order.symbol,
    )
    if leg.qty <= 0 or leg.account is None:
        return None
    if leg.account == FUTURES:
        return futures_leg(shadow, leg.symbol, leg.qty, -sign)
    return margin_leg(shadow, leg.account, leg.symbol, leg.qty, -sign)


def base_qty(shadow: Shadow, order: PlaceOrder) -> Decimal:
    """The coins that an order moves."""
    if order.account != FUTURES:
        return order.qty
    contract = shadow.rules.contracts[order.symbol]
    if contract.is_inverse:
        return order.qty * contract.multiplier / shadow.futures_marks[order.symbol]
    return order.qty * contract.multiplier
