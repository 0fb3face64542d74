"""The covariance of coins' returns from hourly closes, positive definite always.

Exponentially weighted second moments around zero (RiskMetrics Technical Document,
1996), pair by pair over the hours that both coins have, so uneven histories and gaps
cost only their own hours. The correlations are shrunk towards their mean as much as
their sampling error asks (Ledoit and Wolf, "Honey, I shrunk the sample covariance
matrix", Journal of Portfolio Management 30, 2004). An estimate, not money: floats.
A coin without enough history gets a place that is named in ``assumed``, the largest
volatility of all; where no coin has any there is no covariance. No I/O, no clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import numpy as np

from bot.risk.line import FloatArray

__all__ = ["Closes", "Covariance", "CovarianceModel", "estimate_covariance"]

Closes = Sequence[tuple[datetime, Decimal]]
"""Closes, oldest first; the last one of an hour counts for it."""

_HOUR: Final = timedelta(hours=1)
_MEAN_MAX: Final = 0.99
"""The largest mean correlation to shrink to; 1 would make all coins the same."""
_SHRINKAGE_MIN: Final = 0.01
_EIGENVALUE_MIN: Final = 1e-5
_WEIGHT_MIN: Final = 0.01
"""The least share of all weight: a coin with less moved too long ago to be known."""
_SYMMETRIC: Final = 1e-9
_LONE_CORRELATION: Final = 0.5
"""Taken between coins where no two have a common history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CovarianceModel:
    """How closes become a covariance.

    ``half_life_h`` hours halve the weight of a return, ``horizon_h`` is what the
    covariance is of, ``min_hours`` returns are the least of a coin and of a pair,
    ``volatility_min`` is the least hourly volatility, a fraction.
    """

    half_life_h: float = 240.0
    horizon_h: float = 24.0
    min_hours: int = 168
    volatility_min: float = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Covariance:
    """The covariance of simple returns over ``horizon_h`` hours.

    ``matrix`` is square in the order of ``coins``, ``shrinkage`` the weight of the
    target in it, ``assumed`` the coins whose returns are not known well enough.

    Raises:
        ValueError: It is no covariance: not square, not symmetric, not finite, a
            negative variance, or a horizon that is not above zero.
    """

    coins: tuple[str, ...]
    matrix: FloatArray
    horizon_h: float
    shrinkage: float = 0.0
    assumed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        size = len(self.coins)
        if self.matrix.shape != (size, size) or len(set(self.coins)) != size:
            raise ValueError(f"the covariance of {size} coins needs {size} rows each")
        if not np.isfinite(self.matrix).all() or not self.horizon_h > 0.0:
            raise ValueError("a covariance is finite and of a horizon above 0")
        spread = np.sqrt(np.abs(np.diag(self.matrix)))
        slack = _SYMMETRIC * np.outer(spread, spread)
        if (np.abs(self.matrix - self.matrix.T) > slack).any():
            raise ValueError("a covariance is symmetric")
        if (np.diag(self.matrix) < 0.0).any():
            raise ValueError("a variance is not negative")

    def part(self, coins: Sequence[str]) -> FloatArray:
        """The rows and columns of these coins, in their order.

        Raises:
            KeyError: A coin is not in it.

        Example:
            >>> both = Covariance(("A", "B"), np.diag([1.0, 4.0]), 24.0)
            >>> both.part(["B"]).tolist()
            [[4.0]]
        """
        place = {coin: index for index, coin in enumerate(self.coins)}
        chosen = [place[coin] for coin in coins]
        return self.matrix[np.ix_(chosen, chosen)]

    def over(self, horizon_h: float) -> "Covariance":
        """The same over another horizon, returns of different hours uncorrelated.

        Example:
            >>> daily = Covariance(("A",), np.array([[0.0024]]), 24.0)
            >>> daily.over(1.0).matrix.round(8).tolist()
            [[0.0001]]
        """
        return Covariance(
            self.coins,
            self.matrix * (horizon_h / self.horizon_h),
            horizon_h,
            self.shrinkage,
            self.assumed,
        )


def estimate_covariance(
    closes: Mapping[str, Closes], model: CovarianceModel
) -> Covariance | None:
    """The shrunk covariance of all coins; None where no coin has enough history.

    Args:
        closes: Coin to its closes, oldest first, as ``View.returns`` gives them.
        model: Weights, horizon and least history.

    Example:
        Two coins that move alike, the second twice as far, and one without history.

        >>> from datetime import UTC
        >>> start = datetime(2025, 1, 1, tzinfo=UTC)
        >>> def path(scale):
        ...     moves = [scale * (0.01 if h % 3 else -0.015) for h in range(400)]
        ...     prices = np.cumprod(1 + np.array(moves)).tolist()
        ...     return [(start + _HOUR * h, Decimal(p)) for h, p in enumerate(prices)]
        >>> found = estimate_covariance(
        ...     {"A": path(1), "B": path(2), "NEW": ()}, CovarianceModel(horizon_h=1))
        >>> np.sqrt(np.diag(found.matrix)).round(3).tolist(), found.assumed
        ([0.012, 0.024, 0.024], ('NEW',))
    """
    coins = tuple(sorted(closes))
    returns, ages_h = _returns([closes[coin] for coin in coins])
    weights = np.exp2(-ages_h / model.half_life_h)
    has = np.isfinite(returns).astype(np.float64)
    known = has.sum(axis=0) >= max(model.min_hours, 2)
    known &= weights @ has >= _WEIGHT_MIN * weights.sum()
    if not known.any():
        return None
    has = has[:, known]
    values = np.where(has > 0.0, returns[:, known], 0.0)
    variances = (weights @ values**2) / (weights @ has)
    spread = np.maximum(np.sqrt(variances), model.volatility_min)
    correlation, shrinkage, mean = _correlation(
        values / spread, has, weights, model.min_hours
    )
    spreads = np.full(len(coins), spread.max())
    spreads[known] = spread
    whole = np.full((len(coins), len(coins)), mean)
    whole[np.ix_(known, known)] = correlation
    np.fill_diagonal(whole, 1.0)
    return Covariance(
        coins,
        _definite(whole) * np.outer(spreads, spreads) * model.horizon_h,
        model.horizon_h,
        shrinkage,
        tuple(
            coin for coin, is_known in zip(coins, known, strict=True) if not is_known
        ),
    )


def _returns(closes: Sequence[Closes]) -> tuple[FloatArray, FloatArray]:
    """Simple hourly returns by hour and coin, NaN where one is missing; and ages."""
    hourly = [_by_hour(each) for each in closes]
    hours = sorted({hour for each in hourly for hour in each})
    table = np.array(
        [
            [
                each[hour] / each[hour - _HOUR] - 1.0
                if hour in each and hour - _HOUR in each
                else np.nan
                for each in hourly
            ]
            for hour in hours
        ]
    ).reshape(len(hours), len(hourly))
    ages_h = np.array([(hours[-1] - hour) / _HOUR for hour in hours])
    return table, ages_h


def _by_hour(closes: Closes) -> dict[datetime, float]:
    """The last close of each hour; a price that is not positive is none.

    The full hour ends an hour: 13:00 and 12:59 count for the same one.
    """
    return {_hour_end(when): float(close) for when, close in closes if close > 0}


def _hour_end(when: datetime) -> datetime:
    begun = when.replace(minute=0, second=0, microsecond=0)
    return begun if begun == when else begun + _HOUR


def _correlation(
    scores: FloatArray, has: FloatArray, weights: FloatArray, min_hours: int
) -> tuple[FloatArray, float, float]:
    """Shrunk correlations of known coins, the weight of the target, and its mean.

    ``scores`` are returns over volatility, zero where there is none. A pair with too
    few common hours has the mean.
    """
    heavy = weights[:, None]
    common = has.T @ (heavy * has)
    share = np.divide(1.0, common, out=np.zeros_like(common), where=common > 0.0)

    def moment(left: FloatArray, right: FloatArray) -> FloatArray:
        """The weighted mean of a product over the hours of each pair."""
        return (left.T @ (heavy * right)) * share

    squares, own = moment(scores**2, has), moment(scores, scores)
    scale = np.sqrt(squares * squares.T)
    sample = np.divide(own, scale, out=np.zeros_like(own), where=scale > 0.0)
    enough = (has.T @ has >= min_hours) & (scale > 0.0)
    np.fill_diagonal(enough, val=False)
    mean = _mean(sample[enough], len(sample))
    sample = np.where(enough, sample, mean)
    np.fill_diagonal(sample, 1.0)
    spreads = moment(scores**2, scores**2) - own**2
    drags = moment(scores**3, scores) - squares * own
    size = (has.T @ (heavy**2 * has)) * share**2
    errors = ((spreads - mean * drags) * size)[enough].sum()
    gap = ((sample - mean) ** 2)[enough].sum()
    asked = float(errors / gap) if gap > 0.0 else 1.0
    shrinkage = min(max(asked, _SHRINKAGE_MIN), 1.0)
    shrunk = (1.0 - shrinkage) * sample + shrinkage * mean
    np.fill_diagonal(shrunk, 1.0)
    return shrunk, shrinkage, mean


def _mean(correlations: FloatArray, count: int) -> float:
    """The mean correlation, as far as a whole matrix of it is positive definite."""
    if not correlations.size:
        return _LONE_CORRELATION
    least = -_MEAN_MAX / max(count - 1, 1)
    return float(np.clip(correlations.mean(), least, _MEAN_MAX))


def _definite(correlation: FloatArray) -> FloatArray:
    """The same with no eigenvalue under the least and ones on its diagonal.

    Correlations that were taken pair by pair over different hours may contradict.
    """
    values, vectors = np.linalg.eigh(correlation)
    if values[0] >= _EIGENVALUE_MIN:
        return correlation
    mended = (vectors * np.maximum(values, 2.0 * _EIGENVALUE_MIN)) @ vectors.T
    spread = np.sqrt(np.diag(mended))
    unit: FloatArray = mended / np.outer(spread, spread)
    return (unit + unit.T) / 2.0
