"""A recorded market once an hour, as arrays: for studies over years of it.

The same files, legs and depth estimates as ``open_market``, read at full hours
only. Whatever is estimated at an hour comes from bars that closed at or before it;
the highest and lowest contract price of an hour are those of its finest bars' opens
and closes, and belong to the hour that ends there: a wick of the last price alone
does not move a mark (Binance's BTC contract printed 48,168 on 2021-07-26 beside an
index under 40,000). Nothing here knows an account or decides anything.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from bot.domain.errors import UsageError
from bot.domain.market import MarketInstant, PathOrder
from connectors.markets.figures import decimals, rounded, seconds_of, time_of
from connectors.markets.files import Bars, FloatArray, IntArray
from connectors.markets.legs import Leg, load_leg
from connectors.markets.manifest import read_manifest
from connectors.markets.notes import Window
from connectors.markets.paths import View
from connectors.markets.recorded import RecordedMarket, open_market

__all__ = ["HourlyCoin", "HourlyDepth", "HourlyMarket", "open_hourly"]

_HOUR_S: Final = 3_600
_LONE: Final = "zero basis"


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyDepth:
    """Depth of one symbol at each hour: fractions of the price, coins a minute."""

    half_spread: FloatArray
    sigma_1m: FloatArray
    volume_1m: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyCoin:
    """One coin at each hour of its market; prices in USDT.

    ``settled_s`` and ``rates`` hold every settlement up to the market's end, those
    of before its start included. ``trades`` is false where the coin has no rows.
    """

    coin: str
    trades: np.typing.NDArray[np.bool_]
    spot: FloatArray
    perp: FloatArray
    high: FloatArray
    low: FloatArray
    spot_depth: HourlyDepth
    perp_depth: HourlyDepth
    settled_s: IntArray
    rates: FloatArray
    derived: tuple[str, ...]

    @property
    def is_zero_basis(self) -> bool:
        """Whether one leg is the other one's price: its basis says nothing."""
        return any(_LONE in words for words in self.derived)


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyMarket:
    """A market at ``hours`` (seconds since 1970, UTC), the coins by name."""

    market: RecordedMarket
    hours: IntArray
    coins: tuple[HourlyCoin, ...]

    @property
    def name(self) -> str:
        """The manifest's."""
        return self.market.description.name

    def prices_at(self, row: int) -> MarketInstant:
        """An instant with the prices of one hour, of the coins that trade then."""
        prices = {
            each.coin: decimals(rounded(np.array([each.spot[row], each.perp[row]])))
            for each in self.coins
            if each.trades[row]
        }
        symbols = {i.coin: i for i in self.market.description.instruments}
        perps = {
            symbol: pair[1]
            for coin, pair in prices.items()
            if (symbol := symbols[coin].perp_symbol) is not None
        }
        spots = {f"{coin}-USDT": pair[0] for coin, pair in prices.items()}
        return MarketInstant(
            at=time_of(int(self.hours[row])),
            last_prices={**spots, **perps},
            margin_marks={coin: pair[0] for coin, pair in prices.items()},
            futures_marks=perps,
        )


def open_hourly(
    path: Path, start: datetime | None = None, end: datetime | None = None
) -> HourlyMarket:
    """Read a manifest at full hours, from the first at or after its start.

    Args:
        path: The manifest, or the folder that holds ``market.toml``.
        start: Begin later than it says.
        end: End earlier than it says.

    Raises:
        UsageError: The manifest or a file is bad, or spans less than two hours.
    """
    market = open_market(path, start=start, end=end)
    described = market.description
    window = Window(
        start_s=seconds_of(described.start), end_s=seconds_of(described.end)
    )
    first = -(-window.start_s // _HOUR_S) * _HOUR_S
    hours = np.arange(first, window.end_s + 1, _HOUR_S, dtype=np.int64)
    if len(hours) < 2:  # noqa: PLR2004 - an hour has two ends
        raise UsageError(f"{path} holds less than two full hours; choose a longer one.")
    loaded = [load_leg(files, window) for files in read_manifest(path).instruments]
    return HourlyMarket(
        market=market,
        hours=hours,
        coins=tuple(_coin(leg, hours, window) for leg in loaded if leg is not None),
    )


def _coin(leg: Leg, hours: IntArray, window: Window) -> HourlyCoin:
    view = View(order=PathOrder.LOW_FIRST, start_s=window.start_s)
    spot, _ = leg.paths[leg.spot].at(hours, view)
    perp, _ = leg.paths[leg.perp].at(hours, view)
    trades = (hours >= leg.begin_s) & (hours <= leg.stop_s)
    rows = None if leg.funding is None else leg.funding.rows
    rise, fall = _extremes(leg.grid, hours)
    base = leg.paths[0].at(hours, view)[0]
    return HourlyCoin(
        coin=leg.instrument.coin,
        trades=trades & np.isfinite(spot) & np.isfinite(perp),
        spot=spot,
        perp=perp,
        high=np.fmax(perp, rise * perp / base),
        low=np.fmin(perp, fall * perp / base),
        spot_depth=HourlyDepth(**_named(leg.spot_depth.estimates(hours, spot))),
        perp_depth=HourlyDepth(**_named(leg.perp_depth.estimates(hours, perp))),
        settled_s=np.array(() if rows is None else rows.at_s, dtype=np.int64),
        rates=np.array([float(r) for r in (() if rows is None else rows.rates)]),
        derived=leg.instrument.derived,
    )


def _named(columns: tuple[FloatArray, ...]) -> dict[str, FloatArray]:
    return dict(zip(("half_spread", "sigma_1m", "volume_1m"), columns, strict=True))


def _extremes(grid: Bars, hours: IntArray) -> tuple[FloatArray, FloatArray]:
    """The highest and lowest open or close of a bar in the hour that ends then."""
    high, low = np.full(len(hours), np.nan), np.full(len(hours), np.nan)
    place = np.searchsorted(hours, grid.close_s)
    inside = (place < len(hours)) & (grid.close_s > hours[0] - _HOUR_S)
    np.fmax.at(high, place[inside], np.fmax(grid.open, grid.close)[inside])
    np.fmin.at(low, place[inside], np.fmin(grid.open, grid.close)[inside])
    return high, low
