"""A recorded market hour by hour, as arrays: for studies, never for trading.

A row is one full hour (UTC), a column a coin. What was not recorded is NaN: an hour
without a bar is no repeated price. The depth is that of the perpetual, estimated from
closed bars as everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

import numpy as np

from bot.domain.market import Liquidity, PathOrder
from connectors.markets.figures import seconds_of
from connectors.markets.files import FloatArray, IntArray
from connectors.markets.legs import Leg
from connectors.markets.notes import Window
from connectors.markets.paths import BarPath, View

__all__ = ["HourlyPrices", "hourly_prices"]

_HOUR_S: Final = 3_600

Past = Mapping[str, Sequence[tuple[datetime, Decimal]]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HourlyPrices:
    """Prices in USDT, hours x coins.

    Attributes:
        coins: The columns.
        hours: The rows, full hours since 1970, without a gap.
        first: The first row inside the window; rows before it are history.
        spot: Spot prices; before the window the closes that reach furthest back.
        perp: Last prices of the perpetual; NaN before the window.
        legs: Where the prices come from, in the order of the columns.
    """

    coins: tuple[str, ...]
    hours: IntArray
    first: int
    spot: FloatArray
    perp: FloatArray
    legs: tuple[Leg, ...]

    def depth(self, coin: str, rows: IntArray) -> list[Liquidity]:
        """The depth of a coin's perpetual at some rows of the window.

        Raises:
            ValueError: The coin is not in it.
        """
        place = self.coins.index(coin)
        prices = self.perp[rows, place]
        return self.legs[place].perp_depth.quotes(self.hours[rows] * _HOUR_S, prices)


def hourly_prices(legs: Sequence[Leg], past: Past, window: Window) -> HourlyPrices:
    """The hours of a window and of what is known from before it.

    Args:
        legs: The coins of the market.
        past: Coin to its hourly closes until the start, oldest first.
        window: From when to when it trades.
    """
    start, end = -(-window.start_s // _HOUR_S), window.end_s // _HOUR_S
    oldest = [seconds_of(rows[0][0]) // _HOUR_S for rows in past.values() if rows]
    hours = np.arange(min([*oldest, start]), end + 1)
    first = int(start - hours[0])
    spot = np.full((len(hours), len(legs)), np.nan)
    perp = spot.copy()
    for place, leg in enumerate(legs):
        for at, close in past.get(leg.instrument.coin, ()):
            row = -(-seconds_of(at) // _HOUR_S) - int(hours[0])
            if row < first:
                spot[row, place] = float(close)
        times = hours[first:] * _HOUR_S
        spot[first:, place] = _prices(leg, leg.spot, times, window)
        perp[first:, place] = _prices(leg, leg.perp, times, window)
    return HourlyPrices(
        coins=tuple(leg.instrument.coin for leg in legs),
        hours=hours,
        first=first,
        spot=spot,
        perp=perp,
        legs=tuple(legs),
    )


def _prices(leg: Leg, path: int, times: IntArray, window: Window) -> FloatArray:
    """The last prices up to some times; NaN where no bar reaches."""
    view = View(order=PathOrder.LOW_FIRST, start_s=window.start_s, from_below=True)
    prices, _ = leg.paths[path].at(times, view)
    trades = (times >= leg.begin_s) & (times <= leg.stop_s)
    trades &= BarPath(leg.grid).covers(times, from_below=True)
    return np.where(trades, prices, np.nan)
