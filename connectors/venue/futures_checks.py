"""Which futures orders the venue refuses, with KuCoin's codes, and how they shrink.

Codes and their meaning: futures-and-unified.md 7.5. The checks run in the order
contract, liquidation, mode, size, price, closing, leverage, margin, so that the
first reason is the plainest. What only closes is never asked for margin or
leverage. Nothing here changes any state.
"""

from decimal import Decimal
from typing import Final

from bot.domain.accounts import MarginMode, PositionKey, PositionSide
from bot.domain.instruments import ContractRules
from bot.domain.intents import PlaceOrder
from bot.domain.money import ONE, ZERO, plain
from bot.domain.orders import OrderType, Side
from connectors.venue.futures_risk import (
    SideBook,
    book_margin,
    cross_margin,
    free_cash,
    has_maintenance_rate,
    initial_margin_in_use,
    maximum_size,
    side_books,
    taker_rate,
    tier_of,
)
from connectors.venue.futures_risk import imr as initial_rate
from connectors.venue.futures_state import FuturesOrder, FuturesState
from connectors.venue.refusal import Refusal

__all__ = ["check_order", "reducible_lots", "sized"]

_CLOSES: Final = {PositionSide.LONG: Side.SELL, PositionSide.SHORT: Side.BUY}


def reducible_lots(
    state: FuturesState, symbol: str, side: Side, position_side: PositionSide
) -> int:
    """How many lots a trade on ``side`` could close now; resting orders not counted."""
    position = state.positions.get(PositionKey(symbol, position_side))
    if position is None or position.lots * side.sign > 0:
        return 0
    return abs(position.lots)


def sized(state: FuturesState, order: PlaceOrder) -> tuple[Side, int]:
    """The side and lots that an order trades after clipping.

    ``close`` takes the closing side and the whole position; ``reduce_only`` and the
    closing side of hedge mode are cut to the position (the excess is cancelled);
    anything else trades as written. Zero lots: there is nothing to close.
    """
    position = state.positions.get(PositionKey(order.symbol, order.position_side))
    if order.close:
        if position is None:
            return order.side, 0
        return (Side.SELL if position.lots > 0 else Side.BUY), abs(position.lots)
    if order.reduce_only or _CLOSES.get(order.position_side) is order.side:
        room = reducible_lots(state, order.symbol, order.side, order.position_side)
        return order.side, min(int(order.qty), room)
    return order.side, int(order.qty)


def check_order(state: FuturesState, order: PlaceOrder) -> Refusal | None:
    """KuCoin's refusal of an order, or None when it may trade or rest."""
    contract = state.rules.contracts.get(order.symbol)
    if contract is None:
        return Refusal("100003", f"No contract is called {order.symbol!r}.")
    if not has_maintenance_rate(contract):
        return Refusal("300002", f"{order.symbol} states no margin rates to trade by.")
    if order.symbol not in state.marks:
        return Refusal("300002", f"{order.symbol} has no mark price yet.")
    checks = (_check_mode, _check_size, _check_price, _check_closing, _check_opening)
    refusals = (check(state, contract, order) for check in checks)
    return next((refusal for refusal in refusals if refusal is not None), None)


def _check_mode(
    state: FuturesState, contract: ContractRules, order: PlaceOrder
) -> Refusal | None:
    """Margin mode per symbol, position mode per account."""
    resting = state.orders.resting_futures()
    modes = {p.mode for p in state.positions.values() if p.symbol == order.symbol}
    modes.update(o.mode for o in resting if o.symbol == order.symbol)
    if modes - {order.margin_mode}:
        return Refusal(
            "330005",
            f"{order.symbol} is in another margin mode than {order.margin_mode}.",
        )
    sides = {key.side for key in state.positions} | {o.position_side for o in resting}
    is_hedged = order.position_side is not PositionSide.BOTH
    if any((side is not PositionSide.BOTH) is not is_hedged for side in sides):
        return Refusal(
            "330011",
            f"Position side {order.position_side} does not fit the account's mode.",
        )
    return None


def _check_size(
    state: FuturesState, contract: ContractRules, order: PlaceOrder
) -> Refusal | None:
    """Whole lots in steps of the lot size, within the order limit."""
    if order.close:
        return None
    if order.qty <= 0 or order.qty % contract.lot_size != 0:
        return Refusal(
            "300000",
            f"Size must be a positive multiple of {contract.lot_size} lots, "
            f"was {plain(order.qty)}.",
        )
    if order.qty > contract.max_order_lots:
        return Refusal(
            "300000",
            f"Size must be at most {contract.max_order_lots} lots, "
            f"was {plain(order.qty)}.",
        )
    return None


def _check_price(
    state: FuturesState, contract: ContractRules, order: PlaceOrder
) -> Refusal | None:
    """Tick and band: buys not too far above the mark, sells not too far below."""
    if order.type is OrderType.MARKET:
        return None
    price = order.price
    if price is None or price <= 0 or price % contract.tick_size != 0:
        return Refusal(
            "300000",
            f"Price must be a positive multiple of {plain(contract.tick_size)}, "
            f"was {price}.",
        )
    mark, band = state.mark(order.symbol), contract.price_band
    if order.side is Side.BUY and price > mark * (ONE + band):
        return Refusal("300011", f"Price {plain(price)} is above the band of {mark}.")
    if order.side is Side.SELL and price < mark * (ONE - band):
        return Refusal("300012", f"Price {plain(price)} is below the band of {mark}.")
    return None


def _check_closing(
    state: FuturesState, contract: ContractRules, order: PlaceOrder
) -> Refusal | None:
    """A closing order needs something to close."""
    if sized(state, order)[1] == 0:
        return Refusal("300009", f"There is no {order.symbol} position to close.")
    return None


def _check_opening(
    state: FuturesState, contract: ContractRules, order: PlaceOrder
) -> Refusal | None:
    """Leverage and margin, for an order that can open something."""
    opening = _as_opening(state, contract, order)
    if opening is None:
        return None
    if opening.mode is MarginMode.ISOLATED:
        return _check_isolated(state, contract, opening)
    return _check_cross(state, contract, opening)


def _as_opening(
    state: FuturesState, contract: ContractRules, order: PlaceOrder
) -> FuturesOrder | None:
    """The order as it would rest, or None when it cannot open anything."""
    mark = state.mark(order.symbol)
    resting = FuturesOrder(
        symbol=order.symbol,
        side=order.side,
        lots=int(order.qty),
        price=mark if order.price is None else order.price,
        mode=order.margin_mode,
        position_side=order.position_side,
        leverage=order.leverage,
        reduce_only=order.reduce_only,
        close=order.close,
    )
    return resting if resting.opens else None


def _book_now(state: FuturesState, settle: str, order: FuturesOrder) -> SideBook:
    """The order's book without it."""
    books = side_books(state, settle)
    return books.get(order.key) or SideBook(key=order.key)


def _check_leverage(contract: ContractRules, leverage: Decimal) -> Refusal | None:
    if not ONE <= leverage <= contract.max_leverage:
        return Refusal(
            "300016",
            f"Leverage of {contract.symbol} must be 1 to "
            f"{plain(contract.max_leverage)}, was {plain(leverage)}.",
        )
    return None


def _check_cross(
    state: FuturesState, contract: ContractRules, order: FuturesOrder
) -> Refusal | None:
    """Margin and maximum open size of a cross order that makes its book larger."""
    before = _book_now(state, contract.settle, order)
    after = SideBook(
        key=before.key,
        position=before.position,
        buys=before.buys,
        sells=before.sells,
        leverage=before.leverage,
    )
    after.add(order)
    if after.worst <= before.worst:
        return None
    refusal = _check_leverage(contract, order.leverage)
    return refusal or _check_cross_margin(state, contract, order, (before, after))


def _check_cross_margin(
    state: FuturesState,
    contract: ContractRules,
    order: FuturesOrder,
    books: tuple[SideBook, SideBook],
) -> Refusal | None:
    before, after = books
    leverage = after.leverage or ONE
    others = initial_margin_in_use(state, contract.settle) - (
        book_margin(state, before) if before.worst else ZERO
    )
    room = cross_margin(state, contract.settle) - others
    lot = _dearer_lot(state, contract, order)
    fee = order.lots * lot * taker_rate(contract)
    needed = after.worst * lot * initial_rate(contract, after.worst, leverage) + fee
    if needed > room:
        return Refusal(
            "300003",
            f"{contract.symbol} needs {plain(needed)} {contract.settle} of margin, "
            f"free are {plain(room)}.",
        )
    most = maximum_size(contract, room * leverage, state.mark(contract.symbol))
    limit = contract.cross_risk_limit
    if after.worst > most or (limit is not None and after.worst * lot > limit):
        return Refusal(
            "330008",
            f"{after.worst} lots of {contract.symbol} are over the maximum open size "
            f"of {most} lots.",
        )
    return None


def _dearer_lot(
    state: FuturesState, contract: ContractRules, order: FuturesOrder
) -> Decimal:
    """The value of a lot at mark or at the order's price, whichever is more."""
    at_mark = contract.value(ONE, state.mark(order.symbol))
    return max(at_mark, contract.value(ONE, order.price))


def _check_isolated(
    state: FuturesState, contract: ContractRules, order: FuturesOrder
) -> Refusal | None:
    """Leverage, tier and margin of an isolated order that opens."""
    position = state.positions.get(order.key)
    held = 0 if position is None else position.lots
    signed = order.side.sign * order.lots
    opening = abs(held + signed) if held * signed < 0 else order.lots
    if held * signed < 0 and order.lots <= abs(held):
        return None
    lot = _dearer_lot(state, contract, order)
    refusal = _check_leverage(contract, order.leverage) or _check_tier(
        contract, abs(held + signed) * lot, order.leverage
    )
    if refusal is not None:
        return refusal
    needed = opening * lot * (ONE / order.leverage + taker_rate(contract))
    free = free_cash(state, contract.settle)
    if needed > free:
        return Refusal(
            "300003",
            f"{contract.symbol} needs {plain(needed)} {contract.settle} of margin, "
            f"free are {plain(free)}.",
        )
    return None


def _check_tier(
    contract: ContractRules, value: Decimal, leverage: Decimal
) -> Refusal | None:
    """The isolated risk limit: a larger position allows less leverage."""
    if not contract.tiers:
        return None
    number = tier_of(contract, value)
    if number is None or leverage > contract.tiers[number].max_leverage:
        return Refusal(
            "300005",
            f"A {contract.symbol} position worth {plain(value)} {contract.settle} is "
            f"over the risk limit at leverage {plain(leverage)}.",
        )
    return None
