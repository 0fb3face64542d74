"""What the shadow would be if an intent were done: the measure of admission.

A projection fills an order in full, at its limit or at the mark worsened by the
cost of the depth, and pays the taker fee. It is a forecast for the risk engine,
never a booking: the journal takes its amounts from the exchange alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from bot.domain.accounts import (
    FUTURES,
    AccountId,
    Balance,
    MarginMode,
    Position,
    PositionKey,
    PositionSide,
)
from bot.domain.instruments import ContractRules, Lots
from bot.domain.intents import (
    AdjustMargin,
    Borrow,
    CancelOrder,
    CancelStop,
    Intent,
    PlaceOrder,
    PlaceStop,
    Repay,
    Transfer,
)
from bot.domain.money import ONE, ZERO
from bot.domain.orders import Side
from bot.domain.records import changed
from bot.shadow.state import EMPTY_BALANCE, Shadow

__all__ = ["UnknownPriceError", "expected_price", "fill_cost", "pair_mark", "project"]


_WORST_COST: Final = Decimal("0.5")
_CLOSING: Final = {PositionSide.LONG: Side.SELL, PositionSide.SHORT: Side.BUY}


class UnknownPriceError(Exception):
    """An intent cannot be measured because a price or a rule is not known."""


def project(shadow: Shadow, intent: Intent) -> Shadow:
    """The shadow as if ``intent`` had been done in full.

    Raises:
        UnknownPriceError: The mark or the rules of the instrument are unknown.
    """
    return _PROJECTORS[type(intent)](shadow, intent)


def fill_cost(shadow: Shadow, symbol: str, base_qty: Decimal) -> Decimal:
    """Expected cost of trading ``base_qty`` coins at once, a fraction of the price.

    ``half_spread + sigma_1m x sqrt(Q / volume_1m)``, at most one half; 10 bp where
    no depth was ever quoted, which is wider than the spread of any market we trade.
    """
    depth = shadow.liquidity.get(symbol)
    if depth is None or depth.volume_1m <= 0:
        return Decimal("0.001")
    share = abs(base_qty) / depth.volume_1m
    return min(depth.half_spread + depth.sigma_1m * share.sqrt(), _WORST_COST)


def pair_mark(shadow: Shadow, symbol: str) -> Decimal | None:
    """What one base coin of a spot pair costs in its quote coin, by the marks.

    Marks are in the dollars that margin accounts are valued in; they differ from
    prices in USDT where USDT itself has a mark. None when a mark or rule is missing.
    """
    rules = shadow.rules.spot.get(symbol)
    if rules is None:
        return None
    base = shadow.margin_marks.get(rules.base)
    quote = shadow.margin_marks.get(rules.quote, ONE if rules.quote == "USDT" else None)
    if base is None or quote is None or quote <= 0:
        return None
    return base / quote


def expected_price(shadow: Shadow, order: PlaceOrder) -> Decimal:
    """The price an order is measured at: its limit, else the mark with its cost.

    Raises:
        UnknownPriceError: The mark or the rules of the instrument are unknown.
    """
    if order.price is not None:
        return order.price
    mark = _trade_mark(shadow, order)
    if order.account != FUTURES:
        cost = fill_cost(shadow, order.symbol, order.qty)
        return mark * (ONE + order.side.sign * cost)
    contract = _contract(shadow, order.symbol)
    change = _order_lots(order, _held_lots(shadow, order))
    coins = change * contract.multiplier
    if contract.is_inverse:
        coins /= mark
    sign = order.side.sign if change == 0 else ONE.copy_sign(change)
    return mark * (ONE + sign * fill_cost(shadow, order.symbol, coins))


def _trade_mark(shadow: Shadow, order: PlaceOrder) -> Decimal:
    if order.account == FUTURES:
        mark = shadow.futures_marks.get(order.symbol)
    else:
        mark = pair_mark(shadow, order.symbol)
    if mark is None or mark <= 0:
        raise UnknownPriceError(f"no mark price of {order.symbol} is known")
    return _traded(shadow, order.symbol, mark)


def _traded(shadow: Shadow, symbol: str, mark: Decimal) -> Decimal:
    """The last trade where it is newer than the mark, within the exchange's band.

    An exit is made at what is traded; orders beyond the band are refused.
    """
    seen, contract = shadow.last_prices.get(symbol), shadow.rules.contracts.get(symbol)
    pair = shadow.rules.spot.get(symbol)
    name = symbol if pair is None else pair.base
    marked_at = shadow.mark_times.get(name)
    if seen is None or marked_at is None or seen.at <= marked_at:
        return mark
    if contract is not None:
        band = contract.price_band
    else:
        band = ZERO if pair is None else pair.price_limit_rate
    return min(max(seen.price, mark * (ONE - band)), mark * (ONE + band))


def _contract(shadow: Shadow, symbol: str) -> ContractRules:
    contract = shadow.rules.contracts.get(symbol)
    if contract is None:
        raise UnknownPriceError(f"no rules of the contract {symbol} are known")
    return contract


def _change(shadow: Shadow, account: AccountId, coin: str, delta: Balance) -> Shadow:
    """The shadow with ``delta`` added to one coin of one account."""
    coins = dict(shadow.balances.get(account, {}))
    old = coins.get(coin, EMPTY_BALANCE)
    coins[coin] = Balance(
        total=old.total + delta.total,
        hold=old.hold,
        principal=old.principal + delta.principal,
        interest=old.interest + delta.interest,
    )
    return changed(shadow, balances={**shadow.balances, account: coins})


def _order(shadow: Shadow, order: PlaceOrder) -> Shadow:
    if order.account == FUTURES:
        return _futures_order(shadow, order)
    return _spot_order(shadow, order)


def _cancel(shadow: Shadow, intent: CancelOrder) -> Shadow:
    orders = {k: v for k, v in shadow.orders.items() if k != intent.order_id}
    return replace(shadow, orders=orders)


def _resting(shadow: Shadow, intent: PlaceStop | CancelStop) -> Shadow:
    """A stop holds nothing until it triggers: no number changes."""
    return shadow


def _borrow(shadow: Shadow, intent: Borrow) -> Shadow:
    delta = Balance(total=intent.amount, principal=intent.amount)
    return _change(shadow, intent.account, intent.coin, delta)


def _transfer(shadow: Shadow, intent: Transfer) -> Shadow:
    out = _change(shadow, intent.source, intent.coin, Balance(total=-intent.amount))
    return _change(out, intent.target, intent.coin, Balance(total=intent.amount))


def _spot_order(shadow: Shadow, order: PlaceOrder) -> Shadow:
    rules = shadow.rules.spot.get(order.symbol)
    if rules is None:
        raise UnknownPriceError(f"no rules of the pair {order.symbol} are known")
    value = order.qty * expected_price(shadow, order)
    taker = shadow.rules.spot_fee_rates.get(order.symbol, (ZERO, Decimal("0.002")))[1]
    sign = order.side.sign
    base = Balance(total=sign * order.qty)
    quote = Balance(total=-sign * value - value * taker)
    bought = _change(shadow, order.account, rules.base, base)
    return _change(bought, order.account, rules.quote, quote)


def _repay(shadow: Shadow, intent: Repay) -> Shadow:
    owed = shadow.balance(intent.account, intent.coin)
    amount = min(intent.amount, owed.liability)
    interest = min(amount, owed.interest)
    delta = Balance(total=-amount, principal=interest - amount, interest=-interest)
    return _change(shadow, intent.account, intent.coin, delta)


def _adjust_margin(shadow: Shadow, intent: AdjustMargin) -> Shadow:
    key = PositionKey(intent.symbol, intent.position_side)
    position = shadow.positions.get(key)
    if position is None:
        return shadow
    grown = replace(position, margin=position.margin + intent.amount)
    return replace(shadow, positions={**shadow.positions, key: grown})


def _futures_order(shadow: Shadow, order: PlaceOrder) -> Shadow:
    contract = _contract(shadow, order.symbol)
    key = PositionKey(order.symbol, order.position_side)
    held = shadow.positions.get(key) or _flat(order)
    lots = Decimal(held.lots)
    change = _order_lots(order, lots)
    if change == 0:
        return shadow
    price = expected_price(shadow, order)
    opened = change if lots * change >= 0 else _beyond(lots, change)
    closed = change - opened
    released = held.entry_value * closed / lots if closed else ZERO
    value = contract.value(closed, price)
    pnl = value - released if contract.is_inverse else released - value
    fee = abs(contract.value(change, price)) * contract.taker_fee_rate
    paid = _change(shadow, FUTURES, contract.settle, Balance(total=pnl - fee))
    positions = {k: v for k, v in paid.positions.items() if k != key}
    if lots + change:
        left = replace(
            held,
            lots=Lots(int(lots + closed)),
            entry_value=held.entry_value + released,
            margin=held.margin * (lots + closed) / lots if lots else ZERO,
        )
        positions[key] = _opened(left, order, opened, contract.value(opened, price))
    return replace(paid, positions=positions)


def _flat(order: PlaceOrder) -> Position:
    """A position of nothing, on which the order opens."""
    return Position(
        symbol=order.symbol,
        lots=Lots(0),
        entry_value=ZERO,
        mode=order.margin_mode,
        side=order.position_side,
        leverage=order.leverage,
    )


def _opened(
    held: Position, order: PlaceOrder, lots: Decimal, value: Decimal
) -> Position:
    """What is held after ``lots`` worth ``value`` are added to it."""
    if not lots:
        return held
    margin = ZERO
    if order.margin_mode is MarginMode.ISOLATED:
        margin = abs(value) / max(order.leverage, ONE)
    return replace(
        held,
        lots=Lots(int(held.lots + lots)),
        entry_value=held.entry_value + value,
        mode=order.margin_mode,
        leverage=order.leverage,
        margin=held.margin + margin,
    )


def _held_lots(shadow: Shadow, order: PlaceOrder) -> Decimal:
    held = shadow.positions.get(PositionKey(order.symbol, order.position_side))
    return ZERO if held is None else Decimal(held.lots)


def _order_lots(order: PlaceOrder, lots: Decimal) -> Decimal:
    """Signed lots that the order really trades: reductions never pass zero."""
    if order.close:
        return -lots
    change = order.side.sign * order.qty
    if order.reduce_only or _CLOSING.get(order.position_side) is order.side:
        if lots * change >= 0:
            return ZERO
        return max(change, -lots) if change < 0 else min(change, -lots)
    return change


def _beyond(lots: Decimal, change: Decimal) -> Decimal:
    """The part of an opposite trade that passes zero and opens the other way."""
    left = lots + change
    return left if left * change > 0 else ZERO


_PROJECTORS: Final[Mapping[type, Callable[[Shadow, Any], Shadow]]] = {
    PlaceOrder: _order,
    CancelOrder: _cancel,
    Borrow: _borrow,
    Repay: _repay,
    Transfer: _transfer,
    AdjustMargin: _adjust_margin,
    PlaceStop: _resting,
    CancelStop: _resting,
}
