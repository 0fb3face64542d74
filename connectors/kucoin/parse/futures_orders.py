"""Futures orders and fills, from REST and from pushes.

Reads ``GET /api/v1/orders`` and its single forms, ``/api/v1/fills``,
``/api/v1/recentFills`` and the push ``/contractMarket/tradeOrders``. Sizes are
whole lots. An order carries no fee: fills do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import MarginMode, PositionSide
from bot.domain.orders import OrderState, OrderType, Side
from connectors.kucoin.parse.envelope import body, page, push
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.positions import MARGIN_MODES, POSITION_SIDES

__all__ = [
    "ORDER_TYPES",
    "SIDES",
    "FuturesFill",
    "FuturesOrder",
    "FuturesOrderPush",
    "OrderPage",
    "futures_fills",
    "futures_order",
    "futures_order_push",
    "futures_orders",
]

SIDES: Final[Mapping[str, Side]] = {"buy": Side.BUY, "sell": Side.SELL}
ORDER_TYPES: Final[Mapping[str, OrderType]] = {
    "limit": OrderType.LIMIT,
    "market": OrderType.MARKET,
}
_OPEN: Final[Mapping[str, bool]] = {"open": True, "done": False}
_CHANGES: Final = {
    name: name for name in ("received", "open", "match", "update", "filled", "canceled")
}
_STOPS: Final = {"up": "up", "down": "down"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesOrder:
    """One futures order; ``lots`` and ``filled_lots`` are unsigned.

    ``order_id`` is empty in documents that carry none. ``side`` is None only for a
    close order. ``mode`` is None in documents from
    before margin modes existed. ``is_waiting`` is an untriggered stop, which
    holds no margin.
    """

    order_id: str
    client_id: str | None
    symbol: str
    side: Side | None
    type: OrderType
    price: Decimal | None
    lots: int
    filled_lots: int
    state: OrderState
    reduce_only: bool
    close: bool
    is_waiting: bool
    mode: MarginMode | None
    position_side: PositionSide
    leverage: Decimal | None
    settle: str | None
    at: datetime | None
    path: str

    @property
    def remaining_lots(self) -> int:
        """What may still fill, zero for a done order."""
        return self.lots - self.filled_lots if self.state is OrderState.OPEN else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage:
    """The orders of an answer, and whether the answer holds all of them."""

    orders: tuple[FuturesOrder, ...]
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesFill:
    """One futures trade of ours; a positive fee was paid.

    ``position_side`` is BOTH where the row names none, as one-way accounts have it.
    """

    trade_id: str
    order_id: str
    symbol: str
    side: Side
    lots: int
    price: Decimal
    value: Decimal
    fee: Decimal
    fee_currency: str
    is_maker: bool
    forced: str | None
    mode: MarginMode | None
    position_side: PositionSide
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesOrderPush:
    """One message of the order stream; ``match_*`` are set where it traded."""

    order_id: str
    client_id: str | None
    symbol: str
    side: Side
    change: str
    state: OrderState
    lots: int
    filled_lots: int
    price: Decimal | None
    match_price: Decimal | None
    match_lots: int | None
    trade_id: str | None
    is_maker: bool | None
    forced: str | None
    at: datetime


def futures_orders(document: Node) -> OrderPage:
    """Read a page or a list of orders.

    Raises:
        UsageError: A field is missing or broken, or an order is listed twice.
    """
    items, is_complete = page(document)
    orders = tuple(futures_order(row) for row in items)
    seen: set[str] = set()
    for order, row in zip(orders, items, strict=True):
        if order.order_id and order.order_id in seen:
            row["id"].refuse("an order that is listed once")
        seen.add(order.order_id)
    return OrderPage(orders=orders, is_complete=is_complete)


def futures_order(document: Node) -> FuturesOrder:
    """Read one order.

    Raises:
        UsageError: A field is missing or broken, or more is filled than ordered.
    """
    data = body(document)
    close = data["closeOrder"].optional_flag() or False
    lots, filled = _sizes(data, close=close)
    price = data["price"].optional_price()
    return FuturesOrder(
        order_id=data["id"].optional_identity() or "",
        client_id=data["clientOid"].optional_text(),
        symbol=data["symbol"].text(),
        side=_side(data["side"], close=close),
        type=_type(data["type"], price),
        price=price,
        lots=lots,
        filled_lots=filled,
        state=_state(data, lots, filled),
        reduce_only=data["reduceOnly"].optional_flag() or False,
        close=close,
        is_waiting=_is_waiting(data),
        mode=_mode(data["marginMode"]),
        position_side=_position_side(data["positionSide"]),
        leverage=data["leverage"].optional_price(),
        settle=data["settleCurrency"].optional_text(),
        at=data["createdAt"].optional_time_ms(),
        path=data.path,
    )


def _side(node: Node, *, close: bool) -> Side | None:
    return None if close and node.is_blank else node.word(SIDES)


def _type(node: Node, price: Decimal | None) -> OrderType:
    """The type as stated; without one, an order with a price is a limit order."""
    if not node.is_blank:
        return node.word(ORDER_TYPES)
    return OrderType.MARKET if price is None else OrderType.LIMIT


def _sizes(data: Node, *, close: bool) -> tuple[int, int]:
    """Ordered and filled lots; a close order may have no size of its own."""
    size = data["size"]
    lots = 0 if close and size.is_blank else size.integer()
    if lots < 0:
        size.refuse("a whole number that is not negative")
    filled_name = "filledSize" if not data["filledSize"].is_blank else "dealSize"
    filled = data[filled_name].optional_integer() or 0
    if filled < 0 or (filled > lots and not close):
        data[filled_name].refuse("from 0 to the size of the order")
    return lots, filled


def _state(data: Node, lots: int, filled: int) -> OrderState:
    """Open, filled, or cancelled (done before it was filled in full).

    ``isActive`` and ``status`` say the same; where one is missing the other is
    taken. Where they contradict, or both are missing, the order counts as open:
    that is the reading which costs margin.
    """
    active = data["isActive"].optional_flag()
    status = None if data["status"].is_blank else data["status"].word(_OPEN)
    if active or status or (active is None and status is None):
        return OrderState.OPEN
    return OrderState.FILLED if 0 < lots <= filled else OrderState.CANCELLED


def _is_waiting(data: Node) -> bool:
    if data["stop"].is_blank:
        return False
    data["stop"].word(_STOPS)
    return not (data["stopTriggered"].optional_flag() or False)


def _mode(node: Node) -> MarginMode | None:
    return None if node.is_blank else node.word(MARGIN_MODES)


def _position_side(node: Node) -> PositionSide:
    return PositionSide.BOTH if node.is_blank else node.word(POSITION_SIDES)


def futures_fills(document: Node) -> tuple[FuturesFill, ...]:
    """Read a page or a list of fills."""
    return tuple(_fill(row) for row in page(document)[0])


def _fill(row: Node) -> FuturesFill:
    return FuturesFill(
        trade_id=row["tradeId"].identity(),
        order_id=row["orderId"].identity(),
        symbol=row["symbol"].text(),
        side=row["side"].word(SIDES),
        lots=row["size"].integer(),
        price=row["price"].price(),
        value=row["value"].decimal(),
        fee=row["fee"].decimal(),
        fee_currency=row["feeCurrency"].text(),
        is_maker=row["liquidity"].word({"maker": True, "taker": False}),
        forced=_forced(row["tradeType"]),
        mode=_mode(row["marginMode"]),
        position_side=_position_side(row["positionSide"]),
        at=row["tradeTime"].time_ns(),
    )


def _forced(node: Node) -> str | None:
    """What forced the trade: liquid, adl, settlement; None for our own trading."""
    word = node.optional_text()
    return None if word in {None, "trade"} else word


def futures_order_push(document: Node) -> FuturesOrderPush:
    """Read one message of the order stream.

    The fee side is told by ``feeType``; ``liquidity`` says who was in the book and
    is the fallback.
    """
    data = push(document)
    lots, filled = data["size"].integer(), data["filledSize"].optional_integer() or 0
    status = data["status"].word({"open": True, "match": True, "done": False})
    done = OrderState.FILLED if 0 < lots <= filled else OrderState.CANCELLED
    return FuturesOrderPush(
        order_id=data["orderId"].identity(),
        client_id=data["clientOid"].optional_text(),
        symbol=data["symbol"].text(),
        side=data["side"].word(SIDES),
        change=data["type"].word(_CHANGES),
        state=OrderState.OPEN if status else done,
        lots=lots,
        filled_lots=filled,
        price=data["price"].optional_price(),
        match_price=data["matchPrice"].optional_price(),
        match_lots=data["matchSize"].optional_integer(),
        trade_id=data["tradeId"].optional_identity(),
        is_maker=_maker(data),
        forced=_forced(data["tradeType"]),
        at=data["ts"].time_ns(),
    )


def _maker(data: Node) -> bool | None:
    if not data["feeType"].is_blank:
        return data["feeType"].word({"makerFee": True, "takerFee": False})
    if data["liquidity"].is_blank:
        return None
    return data["liquidity"].word({"maker": True, "taker": False})
