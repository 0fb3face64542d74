"""How a market trades: the top of its book and its last minutes.

Reads the part order books ``/api/v1/market/orderbook/level2_{size}`` and
``/api/v1/level2/depth{size}``, and the candles ``/api/v1/market/candles`` (newest
first, volume in coins) and ``/api/v1/kline/query`` (oldest first, volume in lots).
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from connectors.kucoin.parse.envelope import body
from connectors.kucoin.parse.node import Node, at_ms

__all__ = ["Minute", "TopOfBook", "futures_minutes", "spot_minutes", "top_of_book"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopOfBook:
    """The best bid and ask of a book."""

    bid: Decimal
    ask: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """One candle: its begin, its close, its volume in coins or lots."""

    at: datetime
    close: Decimal
    volume: Decimal


def top_of_book(document: Node) -> TopOfBook | None:
    """Read the best prices; None where a side of the book is empty.

    Example:
        >>> book = {"bids": [["9", "1"]], "asks": [["11", "1"]]}
        >>> top_of_book(Node(book, "book"))
        TopOfBook(bid=Decimal('9'), ask=Decimal('11'))
    """
    data = body(document)
    bids = [_cells(level, 2)[0].price() for level in data["bids"].each()]
    asks = [_cells(level, 2)[0].price() for level in data["asks"].each()]
    if not bids or not asks:
        return None
    return TopOfBook(bid=max(bids), ask=min(asks))


def spot_minutes(document: Node) -> tuple[Minute, ...]:
    """Read spot candles, oldest first: time (s), open, close, high, low, volume."""
    rows = [_cells(row, 6) for row in body(document).each()]
    minutes = [
        Minute(
            at=at_ms(cells[0].integer() * 1000),
            close=cells[2].price(),
            volume=cells[5].amount(),
        )
        for cells in rows
    ]
    return tuple(sorted(minutes, key=lambda minute: minute.at))


def futures_minutes(document: Node) -> tuple[Minute, ...]:
    """Read contract candles, oldest first: time (ms), open, high, low, close, lots."""
    rows = [_cells(row, 6) for row in body(document).each()]
    minutes = [
        Minute(at=cells[0].time_ms(), close=cells[4].price(), volume=cells[5].amount())
        for cells in rows
    ]
    return tuple(sorted(minutes, key=lambda minute: minute.at))


def _cells(row: Node, least: int) -> tuple[Node, ...]:
    cells = tuple(row.each())
    if len(cells) < least:
        row.refuse(f"a row of at least {least} numbers")
    return cells
