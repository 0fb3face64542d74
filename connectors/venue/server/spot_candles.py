"""The last prices of the spot pairs, kept minute by minute for klines and tickers.

A candle is what the market stated in a minute of the venue's time; its volume is
what the market says a minute trades. Minutes in which nothing was stated have no
candle, as at KuCoin. Bounded: ten thousand candles a pair. Nothing here trades.
"""

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Final

from bot.domain.events import Event
from bot.domain.market import MarketInstant
from bot.domain.money import ZERO
from connectors.venue.server.backend import Backend
from connectors.venue.server.past_candles import Candle, past_candles
from connectors.venue.server.words_spot_basic import in_seconds

__all__ = ["SpotCandles", "merge"]

_KEPT: Final = 7 * 24 * 60
_MINUTE_S: Final = 60


class SpotCandles:
    """A part of a backend that watches the market from the moment it is made."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._seen: MarketInstant | None = None
        self._candles: dict[str, deque[Candle]] = {}
        tape = backend.venue.tape
        for symbol in backend.venue.rules.spot:
            last = tape.last(symbol)
            if last is not None:
                self._add(symbol, backend.now(), last)
        backend.listen(self._hear)

    def remember(self, symbol: str, closes: Sequence[tuple[datetime, Decimal]]) -> None:
        """Put the closes from before the server's start in front of the candles.

        Args:
            symbol: A pair that trades here.
            closes: Times (already shifted to the venue's) and prices, oldest first;
                each opens where the one before it closed.
        """
        kept = self._candles.setdefault(symbol, deque(maxlen=_KEPT))
        tick = self._backend.venue.rules.spot[symbol].price_increment
        past = past_candles(closes, self._backend.venue.tape.liquidity(symbol), tick)
        until = kept[0].start_s if kept else None
        past = [c for c in past if until is None or c.start_s < until]
        self._candles[symbol] = deque([*past, *kept], maxlen=_KEPT)

    def of(self, symbol: str, span_s: int, since_s: int = 0) -> list[Candle]:
        """A pair's candles of ``span_s`` seconds each, oldest first, from a time."""
        begin = since_s // span_s * span_s
        minutes = (m for m in self._candles.get(symbol, ()) if m.start_s >= begin)
        return [
            merge(start, list(group))
            for start, group in groupby(
                minutes, key=lambda candle: candle.start_s // span_s * span_s
            )
        ]

    def last_day(self, symbol: str, at: datetime) -> Candle | None:
        """The last 24 hours of a pair as one candle, None before its first price."""
        since = in_seconds(at) - 24 * 60 * _MINUTE_S
        minutes = self._candles.get(symbol, deque())
        recent = [candle for candle in minutes if candle.start_s > since]
        recent = recent or list(minutes)[-1:]
        return merge(recent[0].start_s, recent) if recent else None

    def _hear(self, at: datetime, events: Sequence[Event]) -> None:
        """Take over the newest instant, once."""
        instant = self._backend.last_instant
        if instant is None or instant is self._seen:
            return
        self._seen = instant
        for symbol, price in instant.last_prices.items():
            if symbol in self._backend.venue.rules.spot:
                self._add(symbol, instant.at, price)

    def _add(self, symbol: str, at: datetime, price: Decimal) -> None:
        """Count a price in its minute."""
        start = in_seconds(at) // _MINUTE_S * _MINUTE_S
        volume = self._volume(symbol)
        kept = self._candles.setdefault(symbol, deque(maxlen=_KEPT))
        if kept and kept[-1].start_s == start:
            kept[-1] = kept[-1].with_price(price, volume)
            return
        kept.append(
            Candle(
                start_s=start,
                open=price,
                high=price,
                low=price,
                close=price,
                volume=volume,
                turnover=volume * price,
            )
        )

    def _volume(self, symbol: str) -> Decimal:
        """What the market says a minute trades, in coins; zero where it is silent."""
        liquidity = self._backend.venue.tape.liquidity(symbol)
        return ZERO if liquidity is None else liquidity.volume_1m


def merge(start_s: int, minutes: Sequence[Candle]) -> Candle:
    """Several candles, oldest first, as one that begins at ``start_s``."""
    return Candle(
        start_s=start_s,
        open=minutes[0].open,
        high=max(candle.high for candle in minutes),
        low=min(candle.low for candle in minutes),
        close=minutes[-1].close,
        volume=sum((candle.volume for candle in minutes), ZERO),
        turnover=sum((candle.turnover for candle in minutes), ZERO),
    )
