"""Orders and fills of spot and margin, from REST and from pushes.

Reads ``GET /api/v3/hf/margin/orders/...`` and ``/fills``, the spot forms of the same,
the lists of pairs in which something rests, the answer to placing an order, and the
push ``/spotMarket/tradeOrdersV2``. The push does not say which account an order
belongs to: tag orders through their client id.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.orders import OrderState, OrderType, Side, TimeInForce
from connectors.kucoin.parse.envelope import body, coin, push, rows
from connectors.kucoin.parse.futures_orders import ORDER_TYPES, SIDES
from connectors.kucoin.parse.node import Node

__all__ = [
    "PlacedOrder",
    "SpotFill",
    "SpotOrder",
    "SpotOrderPush",
    "active_symbols",
    "placed_order",
    "spot_fills",
    "spot_order",
    "spot_order_push",
    "spot_orders",
]

_ACCOUNTS: Final[Mapping[str, str]] = {
    "TRADE": "spot",
    "MARGIN_TRADE": "margin_cross",
    "MARGIN_ISOLATED_TRADE": "margin_isolated",
    "liquid": "liquidation",
}
_TIMES: Final[Mapping[str, TimeInForce | None]] = {
    "GTC": TimeInForce.GTC,
    "GTT": None,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}
_CHANGES: Final = {
    name: name for name in ("received", "open", "match", "update", "filled", "canceled")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotOrder:
    """One spot or margin order; sizes in base coins, ``funds`` in quote.

    ``account`` is spot, margin_cross or margin_isolated. ``size`` is None for a
    market order by funds. ``time_in_force`` is None for good-till-time.
    """

    order_id: str
    client_id: str | None
    account: str
    symbol: str
    type: OrderType
    side: Side
    price: Decimal | None
    size: Decimal | None
    funds: Decimal | None
    filled_size: Decimal
    filled_funds: Decimal
    fee: Decimal | None
    fee_coin: str | None
    time_in_force: TimeInForce | None
    post_only: bool
    state: OrderState
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotFill:
    """One trade of ours; a positive fee was paid in ``fee_coin``."""

    trade_id: str
    order_id: str
    account: str
    symbol: str
    side: Side
    price: Decimal
    size: Decimal
    funds: Decimal
    fee: Decimal
    fee_coin: str
    is_maker: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedOrder:
    """The answer to placing an order, with what was borrowed for it."""

    order_id: str
    client_id: str | None
    borrowed: Decimal | None
    loan_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotOrderPush:
    """One message of the order stream; ``match_*`` are set where it traded."""

    order_id: str
    client_id: str | None
    symbol: str
    side: Side
    type: OrderType
    change: str
    state: OrderState
    size: Decimal | None
    filled_size: Decimal | None
    price: Decimal | None
    match_price: Decimal | None
    match_size: Decimal | None
    trade_id: str | None
    is_maker: bool | None
    at: datetime


def spot_orders(document: Node) -> tuple[SpotOrder, ...]:
    """Read a list of orders, or a page of closed ones."""
    return tuple(spot_order(row) for row in rows(document))


def active_symbols(document: Node) -> frozenset[str]:
    """Read in which pairs an order rests; an explicit null names none.

    Raises:
        UsageError: There is no such list, or margin counts pairs that it does not name.
    """
    data = body(document)
    symbols = data["symbols"]
    is_null = symbols.is_blank and not symbols.is_absent
    named = () if is_null else tuple(each.text() for each in symbols.each())
    stated = data["symbolSize"].optional_integer()
    if stated is not None and stated > len(named):
        symbols.refuse(f"a list of {stated} pairs")
    return frozenset(named)


def spot_order(document: Node) -> SpotOrder:
    """Read one order.

    Raises:
        UsageError: A field is missing or broken.
    """
    data = body(document)
    fee_coin = data["feeCurrency"].optional_text()
    size = data["size"].optional_price()
    filled = data["dealSize"].amount()
    return SpotOrder(
        order_id=data["id"].identity(),
        client_id=data["clientOid"].optional_text(),
        account=data["tradeType"].word(_ACCOUNTS),
        symbol=data["symbol"].text(),
        type=data["type"].word(ORDER_TYPES),
        side=data["side"].word(SIDES),
        price=data["price"].optional_price(),
        size=size,
        funds=data["funds"].optional_price(),
        filled_size=filled,
        filled_funds=data["dealFunds"].amount(),
        fee=data["fee"].optional_decimal(),
        fee_coin=None if fee_coin is None else coin(fee_coin),
        time_in_force=data["timeInForce"].word(_TIMES),
        post_only=data["postOnly"].optional_flag() or False,
        state=_state(data),
        at=data["createdAt"].time_ms(),
    )


def _state(data: Node) -> OrderState:
    """Open, filled, or cancelled: done with something cancelled or unfilled."""
    if data["active"].flag():
        return OrderState.OPEN
    if data["cancelExist"].optional_flag():
        return OrderState.CANCELLED
    return OrderState.FILLED if data["dealSize"].amount() > 0 else OrderState.CANCELLED


def spot_fills(document: Node) -> tuple[SpotFill, ...]:
    """Read a page of fills."""
    return tuple(
        SpotFill(
            trade_id=row["tradeId"].identity(),
            order_id=row["orderId"].identity(),
            account=row["tradeType"].word(_ACCOUNTS),
            symbol=row["symbol"].text(),
            side=row["side"].word(SIDES),
            price=row["price"].price(),
            size=row["size"].price(),
            funds=row["funds"].amount(),
            fee=row["fee"].decimal(),
            fee_coin=coin(row["feeCurrency"].text()),
            is_maker=row["liquidity"].word({"maker": True, "taker": False}),
            at=row["createdAt"].time_ms(),
        )
        for row in rows(document)
    )


def placed_order(document: Node) -> PlacedOrder:
    """Read the answer to placing a spot, margin or futures order."""
    data = body(document)
    return PlacedOrder(
        order_id=data["orderId"].identity(),
        client_id=data["clientOid"].optional_text(),
        borrowed=data["borrowSize"].optional_amount(),
        loan_id=data["loanApplyId"].optional_text(),
    )


def spot_order_push(document: Node) -> SpotOrderPush:
    """Read one message of the order stream."""
    data = push(document)
    change = data["type"].word(_CHANGES)
    opened = data["status"].word(
        {"new": True, "open": True, "match": True, "done": False}
    )
    done = OrderState.FILLED if change == "filled" else OrderState.CANCELLED
    fee_type = data["feeType"] if data["liquidity"].is_blank else data["liquidity"]
    makers = {"maker": True, "makerFee": True, "taker": False, "takerFee": False}
    size = data["originSize"] if data["size"].is_blank else data["size"]
    return SpotOrderPush(
        order_id=data["orderId"].identity(),
        client_id=data["clientOid"].optional_text(),
        symbol=data["symbol"].text(),
        side=data["side"].word(SIDES),
        type=data["orderType"].word(ORDER_TYPES),
        change=change,
        state=OrderState.OPEN if opened else done,
        size=size.optional_amount(),
        filled_size=data["filledSize"].optional_amount(),
        price=data["price"].optional_price(),
        match_price=data["matchPrice"].optional_price(),
        match_size=data["matchSize"].optional_amount(),
        trade_id=data["tradeId"].optional_identity(),
        is_maker=None if fee_type.is_blank else fee_type.word(makers),
        at=data["ts"].time_ns(),
    )
