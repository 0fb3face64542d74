"""Candles, and the minutes of one market as they are counted, spot or futures.

A minute is one candle from the market's first price in it to its last; a minute
without a price has none, as at KuCoin. The volume is what the market says that a
minute trades, an estimate and not a count. Bounded: the oldest minutes fall out.
Nothing here knows a venue or a symbol.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby
from typing import Final

from bot.domain.market import Liquidity
from bot.domain.money import ZERO

__all__ = ["MINUTE_S", "Candle", "Minutes", "candle_of"]

MINUTE_S: Final = 60
_DAY_S: Final = 24 * 60 * MINUTE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One span of prices; ``start_s`` since 1970, volume in coins, turnover quote."""

    start_s: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    turnover: Decimal

    def with_price(self, price: Decimal, volume: Decimal) -> "Candle":
        """The same minute after another price."""
        return replace(
            self,
            high=max(self.high, price),
            low=min(self.low, price),
            close=price,
            volume=volume,
            turnover=volume * price,
        )


class Minutes:
    """The candles of one market, a minute each, oldest first.

    Args:
        kept: How many are kept at most.

    Example:
        >>> minutes = Minutes(kept=10)
        >>> for second, price in ((0, 5), (30, 7), (61, 6)):
        ...     minutes.count(second, Decimal(price), None)
        >>> [(c.start_s, str(c.high), str(c.close)) for c in minutes.of(60)]
        [(0, '7', '7'), (60, '6', '6')]
        >>> [(c.start_s, str(c.open), str(c.close)) for c in minutes.of(120)]
        [(0, '5', '6')]
    """

    def __init__(self, kept: int) -> None:
        self._rows: deque[Candle] = deque(maxlen=kept)

    @property
    def first(self) -> Candle | None:
        """The oldest, None before the first price."""
        return self._rows[0] if self._rows else None

    @property
    def last(self) -> Candle | None:
        """The newest, None before the first price."""
        return self._rows[-1] if self._rows else None

    def count(self, at_s: int, price: Decimal, depth: Liquidity | None) -> None:
        """Count a price in the minute of ``at_s``, seconds since 1970."""
        volume = ZERO if depth is None else depth.volume_1m
        start = at_s // MINUTE_S * MINUTE_S
        if self._rows and self._rows[-1].start_s == start:
            self._rows[-1] = self._rows[-1].with_price(price, volume)
            return
        self._rows.append(candle_of(start, price, price, volume))

    def put_before(self, past: Sequence[Candle]) -> None:
        """Put older candles, oldest first, in front; what overlaps is left out."""
        until = self._rows[0].start_s if self._rows else None
        older = [each for each in past if until is None or each.start_s < until]
        self._rows = deque([*older, *self._rows], maxlen=self._rows.maxlen)

    def of(self, span_s: int, since_s: int = 0) -> list[Candle]:
        """The candles of ``span_s`` seconds each, from the span of a time on."""
        begin = since_s // span_s * span_s
        recent = (each for each in self._rows if each.start_s >= begin)
        return [
            _merged(start, list(group))
            for start, group in groupby(
                recent, key=lambda candle: candle.start_s // span_s * span_s
            )
        ]

    def day_until(self, at_s: int) -> Candle | None:
        """The last 24 hours as one candle, at least the newest minute; None of none."""
        recent = [each for each in self._rows if each.start_s > at_s - _DAY_S]
        recent = recent or list(self._rows)[-1:]
        return _merged(recent[0].start_s, recent) if recent else None


def candle_of(start_s: int, opened: Decimal, close: Decimal, volume: Decimal) -> Candle:
    """A candle that went straight from one price to another."""
    return Candle(
        start_s=start_s,
        open=opened,
        high=max(opened, close),
        low=min(opened, close),
        close=close,
        volume=volume,
        turnover=volume * close,
    )


def _merged(start_s: int, minutes: Sequence[Candle]) -> Candle:
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
