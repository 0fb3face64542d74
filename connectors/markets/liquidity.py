"""Estimate the depth of a symbol from the bars that have closed already.

What a venue needs to price an order is a half-spread, a one-minute volatility and
a one-minute volume. All three come from bars that closed at or before the moment
they are quoted for; nothing looks ahead. What the volume of another exchange means
for KuCoin is an assumption, written in ``volume_share``.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from bot.domain.market import Liquidity
from connectors.markets.figures import decimals, rounded
from connectors.markets.files import Bars, FloatArray, IntArray

__all__ = [
    "DEFAULT_VOLUME_USDT_1M",
    "DepthEstimator",
    "half_spread_base",
    "volume_share",
]

_MAJORS: Final = frozenset({"BTC", "ETH"})
_SHARES: Final = {"KUCOIN": 1.0, "KUCOINFUT": 1.0}
_OTHER_SHARE: Final = 0.05

DEFAULT_VOLUME_USDT_1M: Final = {True: 100_000.0, False: 10_000.0}
"""USDT a minute where no file has a volume: for BTC and ETH, and for others."""

_VOLATILITY_WINDOW_S: Final = 3_600
_VOLATILITY_BARS_MIN: Final = 12
_MEDIAN_WINDOW_S: Final = 7 * 86_400
_MEDIAN_BARS_MIN: Final = 24
_DAY_S: Final = 86_400
_SPREAD_FACTOR_MIN: Final = 0.5
_SIGMA_DEFAULT: Final = {True: 0.0006, False: 0.001}
_VOLUME_MIN: Final = 1e-8


def half_spread_base(coin: str) -> float:
    """Half of the usual spread, a fraction of the price: 2 bp or 5 bp.

    Example:
        >>> half_spread_base("BTC"), half_spread_base("DOGE")
        (0.0002, 0.0005)
    """
    return 0.0002 if coin in _MAJORS else 0.0005


def volume_share(exchange: str) -> float:
    """KuCoin's assumed share of a volume recorded at another exchange.

    Example:
        >>> volume_share("BINANCE"), volume_share("KUCOIN")
        (0.05, 1.0)
    """
    return _SHARES.get(exchange, _OTHER_SHARE)


@dataclass(frozen=True, slots=True)
class DepthEstimator:
    """Liquidity of one symbol at any moment, from closed bars only.

    Attributes:
        coin: The coin, for its usual spread.
        grid: The bars that the volatility is measured on.
        volume: The bars that the volume comes from; None where none is recorded.
    """

    coin: str
    grid: Bars
    volume: Bars | None
    _returns2: FloatArray = field(init=False, repr=False)
    _volumes: FloatArray = field(init=False, repr=False)
    _sigmas: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        close = self.grid.close
        before = np.concatenate((self.grid.open[:1], close[:-1]))
        returns = np.log(close / before)
        object.__setattr__(self, "_returns2", _running(returns * returns))
        volumes = np.empty(0)
        if self.volume is not None and self.volume.volume is not None:
            volumes = self.volume.volume
        object.__setattr__(self, "_volumes", _running(volumes))
        rows = np.arange(1, len(close) + 1)
        object.__setattr__(self, "_sigmas", self._sigma_after(rows))

    def quotes(self, times: IntArray, prices: FloatArray) -> list[Liquidity]:
        """One estimate for each time (seconds), with the price of that time.

        The price only turns the assumed USDT volume of a coin without any recorded
        volume into coins.
        """
        estimated = self.estimates(times, prices)
        columns = (decimals(rounded(values, 4)) for values in estimated)
        return [
            Liquidity(half_spread=half, sigma_1m=deviation, volume_1m=coins)
            for half, deviation, coins in zip(*columns, strict=True)
        ]

    def estimates(
        self, times: IntArray, prices: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Half-spread, volatility and volume (coins) a minute at each time, as arrays.

        What ``quotes`` rounds; the arguments are the same.
        """
        sigma = self._sigma_at(times)
        spread = half_spread_base(self.coin) * self._spread_factor(times, sigma)
        return spread, sigma, self._volume_at(times, prices)

    def _sigma_after(self, rows: IntArray) -> FloatArray:
        """Root mean square of the last returns, scaled to one minute."""
        step = self.grid.step_s
        window = max(_VOLATILITY_WINDOW_S // step, _VOLATILITY_BARS_MIN)
        first = np.maximum(rows - window, 0)
        count = np.maximum(rows - first, 1)
        mean = (self._returns2[rows] - self._returns2[first]) / count
        result: FloatArray = np.sqrt(np.maximum(mean, 0.0) * 60.0 / step)
        return result

    def _sigma_at(self, times: IntArray) -> FloatArray:
        rows = np.searchsorted(self.grid.close_s, times, side="right")
        sigma = self._sigmas[np.maximum(rows - 1, 0)]
        return np.where(rows > 0, sigma, _SIGMA_DEFAULT[self.coin in _MAJORS])

    def _spread_factor(self, times: IntArray, sigma: FloatArray) -> FloatArray:
        """Volatility over its median of the seven days before the day of the quote."""
        factors = np.ones(len(times))
        days = times // _DAY_S
        for day in np.unique(days):
            here = days == day
            median = self._median_before(int(day) * _DAY_S)
            if median > 0:
                factors[here] = np.maximum(sigma[here] / median, _SPREAD_FACTOR_MIN)
        return factors

    def _median_before(self, until_s: int) -> float:
        closes = self.grid.close_s
        last = int(np.searchsorted(closes, until_s, side="right"))
        first = int(np.searchsorted(closes, until_s - _MEDIAN_WINDOW_S, side="right"))
        if last - first < _MEDIAN_BARS_MIN:
            return 0.0
        return float(np.median(self._sigmas[first:last]))

    def _volume_at(self, times: IntArray, prices: FloatArray) -> FloatArray:
        """Coins a minute: the mean of the last hour, at least one bar, as recorded."""
        assumed = DEFAULT_VOLUME_USDT_1M[self.coin in _MAJORS] / prices
        if self.volume is None or self.volume.volume is None:
            return assumed
        step = self.volume.step_s
        rows = np.searchsorted(self.volume.close_s, times, side="right")
        first = np.maximum(rows - max(_VOLATILITY_WINDOW_S // step, 1), 0)
        minutes = np.maximum(rows - first, 1) * step / 60.0
        mean = (self._volumes[rows] - self._volumes[first]) / minutes
        mean = np.maximum(mean * volume_share(self.volume.exchange), _VOLUME_MIN)
        return np.where(rows > 0, mean, assumed)


def _running(values: FloatArray) -> FloatArray:
    """Sums of the first 0, 1, 2, ... values."""
    return np.concatenate((np.zeros(1), np.cumsum(values)))
