"""What is left of a book's beta, and of its variance, after hedging: rows and sums.

The residual beta of a window is the slope of the hedged book's hourly returns on BTC's
(on the first hedge's coin where there is no BTC) over that window, measured afterwards,
with White's standard error. The reduction of variance is one minus the sum of squares
with the hedge over that without. Quantiles are taken over windows, and over windows and
books; their standard error comes from drawing whole windows again, for the books of one
window are alike. Nothing here decides anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bot.risk.line import FloatArray

__all__ = [
    "COINS_FALL",
    "CRASH_FALL",
    "Mark",
    "is_crash",
    "mark_of",
    "quantiles_of",
    "reduction",
    "steepest_day",
]

CRASH_FALL: Final = 0.10
"""A window in which the reference fell this far within 24 hours is a crash window."""
COINS_FALL: Final = 0.20
"""So is one in which the median coin fell this far within 24 hours."""

_DAY_H: Final = 24
_HOURS_MIN: Final = 100
_DRAWS: Final = 400
_SEED: Final = 5
_HIGH: Final = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One book through one window under one policy.

    Attributes:
        residual_beta: The slope that is left.
        standard_error: Of that slope.
        squares: Sum of squares of the hedged book's returns around their mean.
        hours: Hours that were counted.
    """

    residual_beta: float
    standard_error: float
    squares: float
    hours: int


def mark_of(returns: FloatArray, reference: FloatArray) -> Mark | None:
    """The residual beta of hourly returns; None with under a hundred common hours.

    Example:
        >>> wave = np.sin(np.arange(300.0))
        >>> found = mark_of(0.2 * wave, wave)
        >>> round(found.residual_beta, 6), found.hours
        (0.2, 300)
    """
    known = np.isfinite(returns) & np.isfinite(reference)
    if known.sum() < _HOURS_MIN:
        return None
    y = returns[known] - returns[known].mean()
    x = reference[known] - reference[known].mean()
    spread = float(x @ x)
    if spread <= 0.0:
        return None
    slope = float(x @ y) / spread
    rest = y - slope * x
    return Mark(
        residual_beta=slope,
        standard_error=float(np.sqrt((x * x) @ (rest * rest))) / spread,
        squares=float(y @ y),
        hours=int(known.sum()),
    )


def steepest_day(prices: FloatArray) -> float:
    """The deepest fall from a high of the 24 hours before, a fraction.

    Example:
        >>> steepest_day(np.array([100.0, 90.0, 95.0]))
        0.1
    """
    known = prices[np.isfinite(prices)]
    if not len(known):
        return 0.0
    highs = np.array(
        [known[max(row - _DAY_H, 0) : row + 1].max() for row in range(len(known))]
    )
    return float(np.round((1.0 - known / highs).max(), 12))


def is_crash(reference: FloatArray, coins: FloatArray) -> bool:
    """Whether hourly prices of the reference, or of most coins (columns), crashed.

    Example:
        >>> still, fallen = np.full(9, 100.0), np.linspace(100, 75, 9)
        >>> is_crash(still, np.column_stack([still, fallen, fallen]))
        True
        >>> is_crash(still, np.column_stack([still, still, fallen]))
        False
    """
    falls = [steepest_day(column) for column in coins.T]
    is_broad = bool(falls) and float(np.median(falls)) >= COINS_FALL
    return is_broad or steepest_day(reference) >= CRASH_FALL


def quantiles_of(
    windows: Sequence[Sequence[float]],
) -> Mapping[str, tuple[float, float | None]] | None:
    """Median and 90th percentile of numbers without sign, each with its error.

    Args:
        windows: The numbers of each window; windows are independent of each other,
            numbers within one are not. One window alone tells no error.

    Example:
        >>> found = quantiles_of([[0.1, -0.3], [0.2]])
        >>> round(found["median"][0], 3)
        0.2
        >>> quantiles_of([[0.1, -0.3]])["median"][1] is None
        True
    """
    groups = [np.abs(np.array(each)) for each in windows if len(each)]
    if not groups:
        return None
    whole = np.concatenate(groups)
    drawn: list[tuple[float, float]] = []
    if len(groups) > 1:
        chance = np.random.default_rng(_SEED)
        picks = chance.integers(len(groups), size=(_DRAWS, len(groups)))
        drawn = [_both(np.concatenate([groups[at] for at in pick])) for pick in picks]
    errors = np.std(np.array(drawn), axis=0).tolist() if drawn else [None, None]
    values = zip(("median", "p90"), _both(whole), errors, strict=True)
    return {name: (value, error) for name, value, error in values}


def _both(numbers: FloatArray) -> tuple[float, float]:
    """Median and 90th percentile, linear between two neighbours."""
    ordered = np.sort(numbers)
    places = np.array([0.5, _HIGH]) * (len(ordered) - 1)
    median, high = np.interp(places, np.arange(len(ordered)), ordered).tolist()
    return median, high


def reduction(hedged: Iterable[float], bare: Iterable[float]) -> float | None:
    """One minus the ratio of two sums of squares; None where nothing moved."""
    before = sum(bare)
    return 1.0 - sum(hedged) / before if before > 0.0 else None
