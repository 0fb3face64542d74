"""Scores of probabilities: Brier, skill, reliability, with bands by months.

Arrays of states by shapes by distances by horizons, and the month of each state.
Bands are the 5th and 95th percentile over months drawn with replacement, because
states of one month share its weather. Knows no market and no forecast.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.forecast_cases import FloatArray

__all__ = ["EDGES", "FORECASTS_MIN", "by_month", "reliability", "skill", "skill_band"]

FORECASTS_MIN: Final = 200
EDGES: Final = (
    *(0.0, 0.001, 0.005, 0.01, 0.02, 0.05),
    *(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
)
TOLERANCE: Final = 0.05
_DRAWS: Final = 1_000
_BAND: Final = (5.0, 95.0)
_NOISE: Final = 1e-12

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


def skill(
    forecasts: FloatArray, rival: FloatArray, happened: BoolArray
) -> float | None:
    """One less the quotient of the two Brier scores; over 0 is better.

    None where nothing happened, so that a rival that knew it has no error at all.
    """
    if not happened.any():
        return None
    ours = ((forecasts - happened) ** 2).sum()
    return float(1.0 - ours / ((rival - happened) ** 2).sum())


def by_month(values: FloatArray, months: IntArray) -> FloatArray:
    """Sums of all values of each month."""
    flat = values.reshape(len(values), -1).sum(axis=1)
    sums: FloatArray = np.bincount(months, weights=flat).astype(np.float64)
    return sums


def skill_band(
    forecasts: FloatArray, rival: FloatArray, happened: BoolArray, months: IntArray
) -> list[float]:
    """Where the skill lies when months are drawn again; empty where it is None."""
    ours = by_month((forecasts - happened) ** 2, months)
    theirs = by_month((rival - happened) ** 2, months)
    if not happened.any():
        return []
    return _band(
        len(ours),
        lambda draw: 1.0 - ours[draw].sum(1) / np.maximum(theirs[draw].sum(1), _NOISE),
    )


def reliability(
    forecasts: FloatArray, happened: BoolArray, months: IntArray
) -> list[dict[str, Any]]:
    """For each bin of forecasts: what was said, what came, the gap and its band."""
    count = int(months.max()) + 1
    month = np.broadcast_to(
        months.reshape(-1, *([1] * (forecasts.ndim - 1))), forecasts.shape
    ).ravel()
    said, came = forecasts.ravel(), happened.ravel()
    places = np.clip(np.searchsorted(EDGES, said, side="right") - 1, 0, len(EDGES) - 2)
    rows: list[dict[str, Any]] = []
    for place, (low, high) in enumerate(pairwise(EDGES)):
        inside = places == place
        size = int(inside.sum())
        if size < FORECASTS_MIN:
            continue
        sizes = np.bincount(month[inside], minlength=count).astype(np.float64)
        gaps = np.bincount(
            month[inside], weights=came[inside] - said[inside], minlength=count
        ).astype(np.float64)
        gap = float(gaps.sum() / size)
        band = _band(count, _mean_of(gaps, sizes))
        rows.append(
            {
                "from": low,
                "to": high,
                "forecasts": size,
                "said": float(said[inside].mean()),
                "came": float(came[inside].mean()),
                "gap": gap,
                "gap_band": band,
                "within_5_points": abs(gap) <= TOLERANCE,
                "within_band": band[0] <= 0.0 <= band[1],
            }
        )
    return rows


def _mean_of(sums: FloatArray, sizes: FloatArray) -> Callable[[IntArray], FloatArray]:
    def mean(draw: IntArray) -> FloatArray:
        result: FloatArray = sums[draw].sum(1) / np.maximum(sizes[draw].sum(1), 1.0)
        return result

    return mean


def _band(count: int, figure: Callable[[IntArray], FloatArray]) -> list[float]:
    draws = np.random.default_rng(5).integers(0, count, (_DRAWS, count))
    low, high = np.percentile(figure(draws), _BAND)
    return [float(low), float(high)]
