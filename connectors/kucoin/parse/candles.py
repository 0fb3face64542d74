"""Candles: of spot pairs, of contracts, and of what contracts are priced by.

Reads ``GET /api/v1/market/candles`` (seconds, newest first, close before high and
low), ``/api/v1/kline/query`` (milliseconds, oldest first) and the mark candles of
``/api/ua/v1/market/kline`` (as spot). Rows come out oldest first, once each.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from connectors.kucoin.parse.envelope import body
from connectors.kucoin.parse.node import Node

__all__ = [
    "Candle",
    "PricedBy",
    "enclosed",
    "futures_candles",
    "priced_by",
    "spot_candles",
    "unified_candles",
]

_MS: Final = 1_000
_OPEN, _CLOSE, _HIGH, _LOW, _VOLUME = 1, 2, 3, 4, 5
_FUTURES_HIGH, _FUTURES_LOW, _FUTURES_CLOSE = 2, 3, 4
_LEAST: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One bar; ``open_ms`` is when it opens, UTC, in milliseconds since 1970.

    ``volume`` is base coins on spot and lots on futures, None where none is stated.
    """

    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedBy:
    """The names of the candles of a contract's index and of its premium."""

    index: str | None
    premium: str | None


def spot_candles(document: Node) -> tuple[Candle, ...]:
    """Read the candles of a spot pair.

    Raises:
        UsageError: A row is broken, or one bar is stated twice and differently.
    """
    return _in_order(_as_spot(row) for row in body(document).each())


def unified_candles(document: Node) -> tuple[Candle, ...]:
    """Read candles of the unified market side, such as those of a mark.

    Raises:
        UsageError: A row is broken, or one bar is stated twice and differently.
    """
    rows = body(document)["list"].each()
    return _in_order(replace(_as_spot(row), volume=None) for row in rows)


def futures_candles(document: Node) -> tuple[Candle, ...]:
    """Read the candles of a contract, its index or its premium.

    Raises:
        UsageError: A row is broken, or one bar is stated twice and differently.
    """
    return _in_order(_as_futures(row) for row in body(document).each())


def priced_by(contract: Node) -> PricedBy:
    """Read by which index and premium one listed contract is priced."""
    return PricedBy(
        index=contract["indexSymbol"].optional_text(),
        premium=contract["premiumsSymbol1M"].optional_text(),
    )


def enclosed(candle: Candle) -> Candle:
    """The candle with its high and low widened to its open and close.

    A bar may open at the close of the one before, outside what was traded in it.

    Example:
        >>> bar = Candle(open_ms=0, open=Decimal(9), high=Decimal(8),
        ...     low=Decimal(6), close=Decimal(7))
        >>> enclosed(bar).high
        Decimal('9')
    """
    prices = (candle.open, candle.high, candle.low, candle.close)
    high, low = max(prices), min(prices)
    if (high, low) == (candle.high, candle.low):
        return candle
    return replace(candle, high=high, low=low)


def _cells(row: Node) -> tuple[Node, ...]:
    cells = tuple(row.each())
    if len(cells) < _LEAST:
        row.refuse(f"a candle of at least {_LEAST} numbers")
    return cells


def _as_spot(row: Node) -> Candle:
    cells = _cells(row)
    return Candle(
        open_ms=cells[0].integer() * _MS,
        open=cells[_OPEN].decimal(),
        high=cells[_HIGH].decimal(),
        low=cells[_LOW].decimal(),
        close=cells[_CLOSE].decimal(),
        volume=_volume(cells),
    )


def _as_futures(row: Node) -> Candle:
    cells = _cells(row)
    return Candle(
        open_ms=cells[0].integer(),
        open=cells[_OPEN].decimal(),
        high=cells[_FUTURES_HIGH].decimal(),
        low=cells[_FUTURES_LOW].decimal(),
        close=cells[_FUTURES_CLOSE].decimal(),
        volume=_volume(cells),
    )


def _volume(cells: tuple[Node, ...]) -> Decimal | None:
    return cells[_VOLUME].optional_amount() if len(cells) > _VOLUME else None


def _in_order(candles: Iterable[Candle]) -> tuple[Candle, ...]:
    found: dict[int, Candle] = {}
    for candle in candles:
        known = found.setdefault(candle.open_ms, candle)
        if known != candle:
            Node(candle.open_ms, "candle").refuse("stated once, or twice the same")
    return tuple(found[at] for at in sorted(found))
