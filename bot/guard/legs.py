"""How much of an instrument can be cut now, and the other leg of a hedged cut.

Limits of an order: what is held or affordable, what stays a reduction when every
request in doubt was done, and what a minute of the market can take. The other leg
of a pair is cut by the same share; when it can take less, the first leg takes less
too, so that no leg is left alone. Nothing here sends or approves anything.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, AccountId
from bot.domain.instruments import SpotRules
from bot.domain.intents import PlaceOrder
from bot.domain.money import ONE, ZERO, floor_to
from bot.domain.orders import IntentState, Side
from bot.guard.limits import GuardLimits
from bot.risk.exposures import coin_exposures, hedge_qty
from bot.shadow.project import fill_cost
from bot.shadow.state import Shadow

__all__ = [
    "base_qty",
    "capped_order",
    "in_doubt_qty",
    "most_tradable",
    "with_other_leg",
]

_MINUTE: Final = timedelta(minutes=1)
_MILLISECOND: Final = timedelta(milliseconds=1)
_MINUTE_MS: Final = Decimal(60_000)


def capped_order(
    shadow: Shadow,
    order: PlaceOrder,
    cut_at: Mapping[str, datetime],
    limits: GuardLimits,
) -> PlaceOrder | None:
    """The order cut to what the depth gives now; None while that is too little.

    A minute gives ``chunk_share`` of its volume; what was taken comes back evenly
    over the minute after it.
    """
    last = cut_at.get(order.symbol)
    waited = _MINUTE if last is None else min(shadow.at - last, _MINUTE)
    if waited < limits.chunk_pause:
        return None
    share = Decimal(waited // _MILLISECOND) / _MINUTE_MS
    return _sized(shadow, order, _chunk(shadow, order, limits) * share)


def _sized(shadow: Shadow, order: PlaceOrder, most: Decimal) -> PlaceOrder:
    """The order with at most ``most``, in its steps and never under its minimum."""
    if order.qty <= most:
        return order
    if order.account == FUTURES:
        step = Decimal(shadow.rules.contracts[order.symbol].lot_size)
        return replace(order, qty=max(floor_to(most, step), step))
    rules = shadow.rules.spot[order.symbol]
    mark = shadow.margin_marks[rules.base]
    least = max(rules.base_min, rules.min_funds / mark * 2)
    qty = floor_to(max(most, min(least, order.qty)), rules.base_increment)
    return replace(order, qty=min(qty, order.qty))


def _chunk(shadow: Shadow, order: PlaceOrder, limits: GuardLimits) -> Decimal:
    """The most of one order, in its own unit: a share of a minute's volume."""
    depth = shadow.liquidity.get(order.symbol)
    if depth is None or depth.volume_1m <= 0:
        return order.qty
    coins = depth.volume_1m * limits.chunk_share
    if order.account != FUTURES:
        return coins
    contract = shadow.rules.contracts[order.symbol]
    if contract.is_inverse:
        return coins * shadow.futures_marks[order.symbol] / contract.multiplier
    return coins / contract.multiplier


def most_tradable(
    shadow: Shadow, account: AccountId, rules: SpotRules, sign: int
) -> Decimal:
    """The most that can be traded and is a reduction under every outcome."""
    mark = shadow.margin_marks.get(rules.base)
    if mark is None:
        return ZERO
    balance = shadow.balance(account, rules.base)
    net = (balance.total - balance.liability) * sign
    net -= in_doubt_qty(shadow, account, rules.symbol)
    if sign > 0:
        return min(net, balance.available)
    cash = shadow.balance(account, rules.quote).available
    cost = fill_cost(shadow, rules.symbol, max(net, ZERO))
    fee = shadow.rules.spot_fee_rates.get(rules.symbol, (ZERO, Decimal("0.002")))[1]
    affordable = cash / (mark * (ONE + cost) * (ONE + fee) * Decimal("1.001"))
    return min(net, affordable)


def in_doubt_qty(shadow: Shadow, account: AccountId, symbol: str) -> Decimal:
    """What orders in doubt may have traded already on this symbol."""
    return sum(
        (
            request.approved.intent.qty - request.filled_qty
            for request in shadow.requests.values()
            if request.state is IntentState.IN_DOUBT
            and isinstance(request.approved.intent, PlaceOrder)
            and request.approved.intent.account == account
            and request.approved.intent.symbol == symbol
        ),
        ZERO,
    )


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
    other = _other_leg(shadow, order, coin)
    if other is None:
        return order, None
    capped = capped_order(shadow, other, cut_at, limits)
    if capped is None:
        return None
    if capped.qty >= other.qty:
        return order, other
    share = base_qty(shadow, capped) / base_qty(shadow, other)
    return _sized(shadow, order, order.qty * share), capped


def _other_leg(shadow: Shadow, order: PlaceOrder, coin: str) -> PlaceOrder | None:
    """The same coins out of the opposite leg, if there is one and it can trade."""
    sign = -order.side.sign
    coins = hedge_qty(
        coin_exposures(shadow, coin),
        exposure_sign=sign,
        qty=base_qty(shadow, order),
        from_account=order.account,
    )
    if coins.qty <= 0 or coins.account is None:
        return None
    if coins.account == FUTURES:
        return _hedge_futures(shadow, coins.symbol, coins.qty, sign)
    rules = shadow.rules.spot.get(f"{coin}-USDT")
    if rules is None or rules.symbol in shadow.halted:
        return None
    most = most_tradable(shadow, coins.account, rules, -sign)
    qty = floor_to(min(coins.qty, most), rules.base_increment)
    mark = shadow.margin_marks.get(coin, ZERO)
    if qty < rules.base_min or qty * mark < rules.min_funds:
        return None
    return PlaceOrder(
        account=coins.account,
        symbol=rules.symbol,
        side=Side.BUY if sign > 0 else Side.SELL,
        qty=qty,
        is_reduction=True,
    )


def base_qty(shadow: Shadow, order: PlaceOrder) -> Decimal:
    """The coins that an order moves."""
    if order.account != FUTURES:
        return order.qty
    contract = shadow.rules.contracts[order.symbol]
    if contract.is_inverse:
        return order.qty * contract.multiplier / shadow.futures_marks[order.symbol]
    return order.qty * contract.multiplier


def _hedge_futures(
    shadow: Shadow, symbol: str, coins: Decimal, sign: int
) -> PlaceOrder | None:
    contract = shadow.rules.contracts.get(symbol)
    mark = shadow.futures_marks.get(symbol)
    position = next((p for p in shadow.positions.values() if p.symbol == symbol), None)
    if contract is None or mark is None or position is None:
        return None
    lots = coins * mark / contract.multiplier
    if not contract.is_inverse:
        lots = coins / contract.multiplier
    lots = floor_to(min(lots, abs(Decimal(position.lots))), Decimal(contract.lot_size))
    if lots <= 0 or symbol in shadow.halted:
        return None
    return PlaceOrder(
        account=FUTURES,
        symbol=symbol,
        side=Side.BUY if sign > 0 else Side.SELL,
        qty=lots,
        reduce_only=True,
        margin_mode=position.mode,
        position_side=position.side,
        leverage=position.leverage,
        is_reduction=True,
    )
