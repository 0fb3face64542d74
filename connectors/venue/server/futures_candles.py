"""The last prices of the contracts, kept minute by minute, as the spot pairs' are.

What was before the server's start is known only where it was told. Bounded: two days of
minutes a contract. Nothing here trades.
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

__all__ = ["FuturesCandles"]

_KEPT: Final = 2 * 24 * 60


class FuturesCandles:
    """A part of a backend that watches the contracts from the moment it is made."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._seen: MarketInstant | None = None
        self._minutes = {each: Minutes(_KEPT) for each in backend.venue.rules.contracts}
        for symbol in backend.venue.rules.contracts:
            self._add(symbol, backend.now())
        backend.listen(self._on_events)

    def remember(self, symbol: str, closes: Sequence[tuple[datetime, Decimal]]) -> None:
        """Put the past of the contract's coin in front of the candles.

        Args:
            symbol: A contract that trades here.
            closes: The coin's times (already shifted to the venue's) and prices,
                oldest first; they are moved by the contract's distance to the last.
        """
        tape = self._backend.venue.tape
        opened = self._minutes[symbol].first
        if not closes or opened is None or not closes[-1][1]:
            return
        tick = self._backend.venue.rules.contracts[symbol].tick_size
        ratio = opened.open / closes[-1][1]
        moved = [
            (at, max((close * ratio / tick).to_integral_value() * tick, tick))
            for at, close in closes
        ]
        past = past_candles(moved, tape.liquidity(symbol), tick)
        self._minutes[symbol].put_before(past)

    def of(self, symbol: str, span_s: int, since_s: int = 0) -> list[Candle]:
        """A contract's candles of ``span_s`` each, oldest first, from a time."""
        minutes = self._minutes.get(symbol)
        return [] if minutes is None else minutes.of(span_s, since_s)

    def last_day(self, symbol: str) -> Candle | None:
        """The last 24 hours of a contract as one candle, None before a price."""
        minutes = self._minutes.get(symbol)
        if minutes is None or minutes.last is None:
            return None
        return minutes.day_until(minutes.last.start_s)

    def _on_events(self, _at: datetime, _events: Sequence[Event]) -> None:
        """Take over the newest instant, once."""
        instant = self._backend.last_instant
        if instant is None or instant is self._seen:
            return
        self._seen = instant
        for symbol in instant.last_prices:
            if symbol in self._backend.venue.rules.contracts:
                self._add(symbol, instant.at)

    def _add(self, symbol: str, at: datetime) -> None:
        """Count the last price in its minute."""
        tape = self._backend.venue.tape
        price = tape.last(symbol)
        if price is not None:
            self._minutes[symbol].count(in_seconds(at), price, tape.liquidity(symbol))
