"""The newest trade and the best prices of one symbol.

Reads ``GET /api/v1/market/orderbook/level1`` (time in milliseconds) and the futures
host's ``/api/v1/ticker`` (time in nanoseconds).
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from connectors.kucoin.parse.envelope import body
from connectors.kucoin.parse.node import Node

__all__ = ["Ticker", "futures_ticker", "spot_ticker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticker:
    """The last traded price and the top of the book; None where there is none."""

    last: Decimal | None
    bid: Decimal | None
    ask: Decimal | None
    at: datetime | None


def spot_ticker(document: Node) -> Ticker:
    """Read the ticker of a spot pair.

    Example:
        >>> spot_ticker(Node({"price": "7", "bestBid": "6", "bestAsk": "8",
        ...                   "time": 0}, "ticker")).last
        Decimal('7')
    """
    data = body(document)
    return Ticker(
        last=data["price"].optional_price(),
        bid=data["bestBid"].optional_price(),
        ask=data["bestAsk"].optional_price(),
        at=data["time"].optional_time_ms(),
    )


def futures_ticker(document: Node) -> Ticker:
    """Read the ticker of a contract."""
    data = body(document)
    return Ticker(
        last=data["price"].optional_price(),
        bid=data["bestBidPrice"].optional_price(),
        ask=data["bestAskPrice"].optional_price(),
        at=None if data["ts"].is_blank else data["ts"].time_ns(),
    )
