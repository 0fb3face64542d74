"""The last prices of the spot pairs, kept minute by minute for klines and tickers.

A candle is what the market stated in a minute of the venue's time. Bounded: seven days
of minutes a pair. Nothing here trades.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.events import Event
from bot.domain.market import MarketInstant
from connectors.venue.server.backend import Backend
from connectors.venue.server.minutes import Candle, Minutes
from connectors.venue.server.past_candles import past_candles
from connectors.venue.server.words_spot_basic import in_seconds

__all__ = ["SpotCandles"]

_KEPT: Final = 7 * 24 * 60


class SpotCandles:
    """A part of a backend that watches the market from the moment it is made."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._seen: MarketInstant | None = None
        self._minutes = {each: Minutes(_KEPT) for each in backend.venue.rules.spot}
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
        tick = self._backend.venue.rules.spot[symbol].price_increment
        depth = self._backend.venue.tape.liquidity(symbol)
        self._minutes[symbol].put_before(past_candles(closes, depth, tick))

    def of(self, symbol: str, span_s: int, since_s: int = 0) -> list[Candle]:
        """A pair's candles of ``span_s`` seconds each, oldest first, from a time."""
        minutes = self._minutes.get(symbol)
        return [] if minutes is None else minutes.of(span_s, since_s)

    def last_day(self, symbol: str, at: datetime) -> Candle | None:
        """The last 24 hours of a pair as one candle, None before its first price."""
        minutes = self._minutes.get(symbol)
        return None if minutes is None else minutes.day_until(in_seconds(at))

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
        depth = self._backend.venue.tape.liquidity(symbol)
        self._minutes[symbol].count(in_seconds(at), price, depth)
