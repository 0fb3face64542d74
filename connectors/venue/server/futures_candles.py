"""The last prices of the contracts, kept minute by minute, as the spot pairs' are.

A minute without a price has no candle. The volume is what the market says that trades
in a minute, which is an estimate and not a count. What was before the server's start
is known only where it was told. Bounded: two days of minutes a contract. Nothing here
trades.
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
from connectors.venue.server.spot_candles import merge
from connectors.venue.server.words_spot_basic import in_seconds

__all__ = ["FuturesCandles"]

_KEPT: Final = 2 * 24 * 60
_MINUTE_S: Final = 60
_DAY_S: Final = 24 * 60 * _MINUTE_S


class FuturesCandles:
    """A part of a backend that watches the contracts from the moment it is made."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._seen: MarketInstant | None = None
        self._minutes: dict[str, deque[Candle]] = {}
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
        kept = self._minutes.get(symbol)
        if not closes or not kept or not closes[-1][1]:
            return
        tick = self._backend.venue.rules.contracts[symbol].tick_size
        ratio = kept[0].open / closes[-1][1]
        moved = [
            (at, max((close * ratio / tick).to_integral_value() * tick, tick))
            for at, close in closes
        ]
        past = past_candles(moved, tape.liquidity(symbol), tick)
        past = [candle for candle in past if candle.start_s < kept[0].start_s]
        self._minutes[symbol] = deque([*past, *kept], maxlen=_KEPT)

    def of(self, symbol: str, span_s: int, since_s: int = 0) -> list[Candle]:
        """A contract's candles of ``span_s`` each, oldest first, from a time."""
        begin = since_s // span_s * span_s
        minutes = (m for m in self._minutes.get(symbol, ()) if m.start_s >= begin)
        return [
            merge(start, list(group))
            for start, group in groupby(
                minutes, key=lambda candle: candle.start_s // span_s * span_s
            )
        ]

    def last_day(self, symbol: str) -> Candle | None:
        """The last 24 hours of a contract as one candle, None before a price."""
        minutes = self._minutes.get(symbol)
        if not minutes:
            return None
        since = minutes[-1].start_s - _DAY_S
        recent = [candle for candle in minutes if candle.start_s > since]
        return merge(recent[0].start_s, recent)

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
        price, depth = tape.last(symbol), tape.liquidity(symbol)
        if price is None:
            return
        volume = ZERO if depth is None else depth.volume_1m
        start = in_seconds(at) // _MINUTE_S * _MINUTE_S
        minutes = self._minutes.setdefault(symbol, deque(maxlen=_KEPT))
        if minutes and minutes[-1].start_s == start:
            minutes[-1] = minutes[-1].with_price(price, volume)
            return
        minutes.append(
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
