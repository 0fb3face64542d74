"""A year of hourly closes by coin, the past that the forecast draws from.

A rolling table: a row is one full hour (UTC), a column a coin. Whoever keeps it adds
a row as an hour ends; rows older than ``HOURS_MAX`` fall off. A close that was never
seen is NaN, never a repeated price, so an hour without marks costs its own returns
and nothing else. Pure: no clock, no input; floats, because nothing here is money.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import numpy as np

from bot.risk.first_passage import FloatArray
from bot.risk.scenarios import ROWS_WANTED, History

__all__ = ["HOURS_MAX", "HourlyCloses", "closes_from", "hour_of"]

HOURS_MAX: Final = ROWS_WANTED + 1
"""Closes that are kept of a coin: one more than the returns that are wanted."""

_HOUR: Final = timedelta(hours=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Rows = Sequence[tuple[datetime, Decimal]]


def hour_of(when: datetime) -> int:
    """The full hour that a time is nearest to, in hours since 1970.

    Example:
        >>> hour_of(datetime(1970, 1, 2, 0, 0, 3, tzinfo=UTC))
        24
        >>> hour_of(datetime(1970, 1, 1, 23, 59, tzinfo=UTC))
        24
    """
    return int((when - _EPOCH + _HOUR / 2) // _HOUR)


def _no_prices() -> FloatArray:
    return np.empty((0, 0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HourlyCloses:
    """Closes in USDT: rows are hours, oldest first, columns are ``coins``.

    ``hour`` is that of the last row, in hours since 1970.
    """

    coins: tuple[str, ...] = ()
    hour: int = 0
    prices: FloatArray = field(default_factory=_no_prices)

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same closes."""
        return (
            isinstance(other, HourlyCloses)
            and (self.coins, self.hour) == (other.coins, other.hour)
            and np.array_equal(self.prices, other.prices, equal_nan=True)
        )

    __hash__ = None  # type: ignore[assignment] # compared by its numbers

    def with_closes(
        self, closes: Mapping[str, tuple[datetime, Decimal]]
    ) -> "HourlyCloses":
        """The table with the newest close of each coin; one of an older hour is late.

        Example:
            >>> first = datetime(2025, 1, 1, tzinfo=UTC)
            >>> one = HourlyCloses().with_closes({"BTC": (first, Decimal(100))})
            >>> two = one.with_closes({"BTC": (first + 2 * _HOUR, Decimal(110))})
            >>> two.prices.ravel().tolist()
            [100.0, nan, 110.0]
        """
        sound = {
            c: (hour_of(at), close) for c, (at, close) in closes.items() if close > 0
        }
        if not sound:
            return self
        newest = max(hour for hour, _ in sound.values())
        if newest < self.hour:
            return self
        coins = (*self.coins, *sorted(sound.keys() - set(self.coins)))
        prices = _grown(self.prices, newest - self.hour, len(coins))
        for place, coin in enumerate(coins):
            hour, close = sound.get(coin, (None, None))
            if hour == newest and close is not None:
                prices[-1, place] = float(close)
        return HourlyCloses(coins=coins, hour=newest, prices=prices)

    def history(self, wanted: Iterable[str]) -> History:
        """Hourly log returns of the wanted coins that are known, in their order.

        Example:
            >>> first = datetime(2025, 1, 1, tzinfo=UTC)
            >>> rows = [(first, Decimal(100)), (first + _HOUR, Decimal(200))]
            >>> past = closes_from({"BTC": rows}).history(["BTC", "NEW"])
            >>> past.coins, past.returns.round(4).tolist()
            (('BTC',), [[0.6931]])
        """
        place = {coin: index for index, coin in enumerate(self.coins)}
        coins = tuple(coin for coin in wanted if coin in place)
        columns = self.prices[:, [place[coin] for coin in coins]]
        return History(coins=coins, returns=np.diff(np.log(columns), axis=0))

    def worst_hour(self, coin: str) -> float | None:
        """The largest hourly move on record, without sign; None without any.

        Example:
            >>> first = datetime(2025, 1, 1, tzinfo=UTC)
            >>> path = (100, 80, 100)
            >>> rows = [(first + n * _HOUR, Decimal(p)) for n, p in enumerate(path)]
            >>> closes_from({"BTC": rows}).worst_hour("BTC")
            0.25
        """
        if coin not in self.coins:
            return None
        closes = self.prices[:, self.coins.index(coin)]
        moves = np.abs(closes[1:] / closes[:-1] - 1.0)
        known = moves[np.isfinite(moves)]
        return float(known.max()) if len(known) else None


def closes_from(history: Mapping[str, Rows]) -> HourlyCloses:
    """The table of closes from before a start; of an hour the last one counts.

    Args:
        history: Coin to its closes, oldest first, on any grid of an hour or finer.
    """
    hourly = {
        coin: {hour_of(at): float(close) for at, close in rows if close > 0}
        for coin, rows in sorted(history.items())
    }
    hourly = {coin: rows for coin, rows in hourly.items() if rows}
    if not hourly:
        return HourlyCloses()
    last = max(max(rows) for rows in hourly.values())
    first = max(min(min(rows) for rows in hourly.values()), last - HOURS_MAX + 1)
    prices = np.full((last - first + 1, len(hourly)), np.nan)
    for place, rows in enumerate(hourly.values()):
        for hour, close in rows.items():
            if hour >= first:
                prices[hour - first, place] = close
    return HourlyCloses(coins=tuple(hourly), hour=last, prices=prices)


def _grown(prices: FloatArray, more_rows: int, columns: int) -> FloatArray:
    """A copy with more rows at its end and columns at its side, cut to the limit."""
    added = min(max(more_rows, 0), HOURS_MAX) if len(prices) else 1
    kept = prices[max(len(prices) + added - HOURS_MAX, 0) :]
    grown = np.full((len(kept) + added, columns), np.nan)
    grown[: len(kept), : prices.shape[1]] = kept
    return grown
