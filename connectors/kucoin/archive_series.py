"""The series that make a market of KuCoin's, and how a piece of each is asked for.

A series is one coin's candles of one kind. KuCoin cuts long answers without a word,
so each request asks for fewer bars than it would cut at. Nothing here writes a file
or knows in which order series are read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from bot.domain.errors import RefusedError, UsageError
from connectors.kucoin.answers import ExchangeRefusedError, Rest
from connectors.kucoin.parse.candles import (
    Candle,
    enclosed,
    futures_candles,
    spot_candles,
    unified_candles,
)
from connectors.kucoin.parse.node import Node
from connectors.markets.archive import Bar, Span

__all__ = ["BAR_MINUTES", "Page", "Series", "SeriesKind", "read_page", "window_bars"]

_MINUTE_MS: Final = 60_000

BAR_MINUTES: Final[Mapping[str, int]] = {
    "1m": 1,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "4h": 240,
}
"""The lengths of bars that all of KuCoin's candles have."""

_SPOT_WORDS: Final[Mapping[int, str]] = {
    1: "1min",
    5: "5min",
    15: "15min",
    30: "30min",
    60: "1hour",
    240: "4hour",
}


class SeriesKind(StrEnum):
    """What the candles are of; also the word in the file's name."""

    SPOT = "spot"
    PERP = "perp"
    MARK = "mark"
    INDEX = "index"
    PREMIUM = "premium"


_WINDOW_BARS: Final[Mapping[SeriesKind, int]] = {
    SeriesKind.SPOT: 1_400,
    SeriesKind.MARK: 1_400,
    SeriesKind.PERP: 450,
    SeriesKind.INDEX: 450,
    SeriesKind.PREMIUM: 450,
}
"""Fewer than the 1,500 and 500 rows at which the exchange cuts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One kind of candles of one coin.

    ``symbol`` is what the exchange is asked for, ``file_symbol`` what stands in the
    file's name. ``volume_unit`` is base coins in one unit of the stated volume.
    """

    coin: str
    kind: SeriesKind
    symbol: str
    file_symbol: str
    bar: str
    volume_unit: Decimal = Decimal(1)

    @property
    def name(self) -> str:
        """The name of its file, without the ending.

        Example:
            >>> Series(coin="BTC", kind=SeriesKind.PERP, symbol="XBTUSDTM",
            ...     file_symbol="XBTUSDTM", bar="1h").name
            'KUCOIN_XBTUSDTM_perp_1h'
        """
        return f"KUCOIN_{self.file_symbol}_{self.kind.value}_{self.bar}"

    @property
    def step_ms(self) -> int:
        """The length of a bar in milliseconds."""
        return BAR_MINUTES[self.bar] * _MINUTE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The bars of one request; ``widened`` counts those that were enclosed."""

    bars: tuple[Bar, ...]
    widened: int


def window_bars(kind: SeriesKind) -> int:
    """How many bars one request may ask for."""
    return _WINDOW_BARS[kind]


async def read_page(rest: Rest, series: Series, span: Span) -> Page:
    """The bars of a series that open within a span of at most ``window_bars``.

    Raises:
        RefusedError: The exchange does not serve the series.
        UnreachableError: It does not answer.
        UsageError: An answer cannot be read.
    """
    try:
        candles = await _read(rest, series, span)
    except ExchangeRefusedError as refused:
        raise RefusedError(
            f"KuCoin does not give the {series.kind.value} candles of {series.symbol} "
            f"({refused.code} {refused.message})."
        ) from None
    within = [c for c in candles if span.start_ms <= c.open_ms < span.end_ms]
    bars: list[Bar] = []
    widened = 0
    for candle in within:
        whole = enclosed(candle)
        widened += whole is not candle
        bars.append(_bar(series, whole))
    return Page(bars=tuple(bars), widened=widened)


async def _read(rest: Rest, series: Series, span: Span) -> tuple[Candle, ...]:
    last_ms = span.end_ms - series.step_ms
    minutes = BAR_MINUTES[series.bar]
    if series.kind is SeriesKind.SPOT:
        answer = await rest.read(
            "spot_candles",
            {
                "symbol": series.symbol,
                "type": _SPOT_WORDS[minutes],
                "startAt": str(span.start_ms // 1_000),
                "endAt": str(span.end_ms // 1_000),
            },
        )
        return spot_candles(answer)
    if series.kind is SeriesKind.MARK:
        answer = await rest.read(
            "unified_candles",
            {
                "tradeType": "FUTURES",
                "symbol": f"{series.symbol}-mark-price",
                "interval": _SPOT_WORDS[minutes],
                "startAt": str(span.start_ms // 1_000),
                "endAt": str(span.end_ms // 1_000),
            },
        )
        return unified_candles(answer)
    answer = await rest.read(
        "futures_candles",
        {
            "symbol": series.symbol,
            "granularity": str(minutes),
            "from": str(span.start_ms),
            "to": str(last_ms),
        },
    )
    return futures_candles(answer)


def _bar(series: Series, candle: Candle) -> Bar:
    """A bar for the file; a price that no market can have is refused.

    Raises:
        UsageError: A price is zero or less, or the bar is off its grid.
    """
    where = Node(candle.open_ms, f"{series.name} at")
    if candle.low <= 0 and series.kind is not SeriesKind.PREMIUM:
        raise UsageError(
            f"{series.name}: the bar at {candle.open_ms} has the price {candle.low}; "
            "the exchange's answer cannot be used."
        )
    if candle.open_ms % series.step_ms:
        where.refuse(f"a multiple of {series.step_ms}")
    has_volume = series.kind in {SeriesKind.SPOT, SeriesKind.PERP}
    volume = candle.volume if has_volume else None
    return Bar(
        open_ms=candle.open_ms,
        open=candle.open,
        high=candle.high,
        low=candle.low,
        close=candle.close,
        volume=None if volume is None else volume * series.volume_unit,
    )
