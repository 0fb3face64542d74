"""Pushes about settings and stop orders: what a person may change by hand.

Reads ``/contract/marginMode``, ``/contract/crossLeverage`` (both come with the subject
``user.config``), ``position.adjustRiskLimit`` and the stop orders of both hosts
(``/spotMarket/advancedOrders``, ``/contractMarket/advancedOrders``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.domain.accounts import MarginMode
from bot.domain.orders import Side
from connectors.kucoin.parse.envelope import push
from connectors.kucoin.parse.futures_orders import SIDES
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.positions import MARGIN_MODES

__all__ = [
    "CrossLeverageChange",
    "MarginModeChange",
    "RiskLimitChange",
    "StopOrderPush",
    "risk_limit_push",
    "stop_order_push",
    "user_config_push",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginModeChange:
    """The margin mode of these contracts from now on; the push has no time."""

    modes: Mapping[str, MarginMode]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossLeverageChange:
    """The cross leverage of these contracts from now on; the push has no time."""

    leverages: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimitChange:
    """The answer to a change of a contract's risk-limit level."""

    symbol: str | None
    is_success: bool
    level: int | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOrderPush:
    """One message about a stop order; ``change`` is the exchange's word, lower case.

    ``account`` is the exchange's trade type on the spot host, None on futures.
    """

    order_id: str
    symbol: str
    side: Side
    change: str
    size: Decimal | None
    price: Decimal | None
    stop: str | None
    stop_price: Decimal | None
    account: str | None
    at: datetime
    is_placed: bool | None = None
    """Whether the order of one that triggered was accepted, where that is said."""


def user_config_push(document: Node) -> MarginModeChange | CrossLeverageChange:
    """Read a ``user.config`` push; the shape of its values tells which one it is.

    Raises:
        UsageError: It names no contract, or its values are neither.
    """
    data = push(document)
    items = dict(data.entries())
    if not items:
        data.refuse("an object that names a contract")
    if all(item.is_object for item in items.values()):
        return CrossLeverageChange(
            leverages={name: item["leverage"].price() for name, item in items.items()}
        )
    return MarginModeChange(
        modes={name: item.word(MARGIN_MODES) for name, item in items.items()}
    )


def risk_limit_push(document: Node) -> RiskLimitChange:
    """Read a ``position.adjustRiskLimit`` push."""
    data = push(document)
    symbol = data["symbol"].optional_text()
    if symbol is None and not document["topic"].is_blank:
        symbol = document["topic"].text().partition(":")[2] or None
    return RiskLimitChange(
        symbol=symbol,
        is_success=data["success"].flag(),
        level=data["riskLimitLevel"].optional_integer(),
        message=data["msg"].optional_text() or "",
    )


def stop_order_push(document: Node) -> StopOrderPush:
    """Read a push about a stop order, of either host."""
    data = push(document)
    return StopOrderPush(
        order_id=data["orderId"].identity(),
        symbol=data["symbol"].text(),
        side=data["side"].word(SIDES),
        change=data["type"].text().lower(),
        size=data["size"].optional_amount(),
        price=data["orderPrice"].optional_price(),
        stop=data["stop"].optional_text(),
        stop_price=data["stopPrice"].optional_price(),
        account=data["tradeType"].optional_text(),
        at=data["ts"].time_ns(),
        is_placed=data["triggerSuccess"].optional_flag(),
    )
