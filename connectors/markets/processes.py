"""The random processes of the synthetic markets, on arrays.

Each function takes the generator that it may draw from; the same generator in the
same state gives the same arrays. Nothing here knows a coin's name, a time or a
Decimal.
"""

import math
from typing import Final

import numpy as np

from connectors.markets.files import FloatArray
from connectors.markets.scenarios import MarketFigures, Shape

__all__ = ["jumps", "mean_reverting", "shape_path", "student", "volatility_base"]

_SPAN_MAX: Final = 13.8
"""Decay, in powers of e, that one vectorised block may span."""


def mean_reverting(start: FloatArray, decay: float, shocks: FloatArray) -> FloatArray:
    """x[k] = decay x[k-1] + shocks[k], for every column of ``shocks``.

    Args:
        start: The value before the first row, one for each column.
        decay: What is left of a value after one row, in (0, 1].
        shocks: Rows are steps, columns are independent series.

    Example:
        >>> mean_reverting(np.zeros(1), 0.5, np.array([[1.0], [0.0], [1.0]])).ravel()
        array([1.  , 0.5 , 1.25])
    """
    values = np.empty_like(shocks)
    rate = -math.log(decay)
    block = len(shocks) if rate == 0 else max(int(_SPAN_MAX / rate), 1)
    last = start
    for first in range(0, len(shocks), block):
        part = shocks[first : first + block]
        weights = np.exp(-rate * np.arange(1, len(part) + 1))[:, None]
        values[first : first + block] = weights * (
            last + np.cumsum(part / weights, axis=0)
        )
        last = values[min(first + block, len(shocks)) - 1]
    return values


def student(
    rng: np.random.Generator, freedom: float, size: tuple[int, int]
) -> FloatArray:
    """Student t draws scaled to variance one; ``freedom`` above 2."""
    return rng.standard_t(freedom, size) * math.sqrt((freedom - 2.0) / freedom)


def jumps(
    rng: np.random.Generator, rate: float, mean: float, sd: float, size: tuple[int, int]
) -> FloatArray:
    """Compound Poisson steps: ``rate`` jumps a step with normal sizes."""
    count = rng.poisson(rate, size)
    noise = rng.standard_normal(size)
    return count * mean + np.sqrt(count) * sd * noise


def volatility_base(figures: MarketFigures) -> float:
    """The daily volatility at log volatility zero.

    Such that the mean variance, with that of the jumps, is ``vol_day`` squared: a
    log-normal volatility of log deviation s has a mean square of exp(2 s^2).
    """
    spread = figures.slow_vol_sd**2 + figures.fast_vol_sd**2
    jump = figures.jumps_a_day * (figures.jump_sd**2 + figures.jump_mean**2)
    return math.sqrt((figures.vol_day**2 - jump) / math.exp(2.0 * spread))


def shape_path(
    rng: np.random.Generator, shape: Shape, marks: int, interval_s: int
) -> FloatArray:
    """The certain part of a log price: nothing, the move, what is given back.

    Args:
        rng: Draws the size, the time and the lumps.
        shape: The ranges.
        marks: How many values, the first one at time zero and always zero.
        interval_s: Seconds between values.
    """
    size, onset, length, retrace = (
        float(rng.uniform(*limits))
        for limits in (shape.move, shape.onset, shape.length, shape.retrace)
    )
    if size == 0:
        return np.zeros(marks)
    last = marks - 1
    first = min(round(onset * last), last - 1)
    steps = round(min(length * last, shape.length_max_s / interval_s))
    steps = min(max(steps, 1), last - first)
    path = np.zeros(marks)
    path[first + 1 : first + steps + 1] = size * _bridge(rng, shape, steps)
    after = np.arange(1, last - first - steps + 1)
    if len(after):
        given_back = (1.0 - np.exp(-4.0 * after / len(after))) / (1.0 - math.exp(-4.0))
        path[first + steps + 1 :] = size * (1.0 - retrace * given_back)
    return path


def _bridge(rng: np.random.Generator, shape: Shape, steps: int) -> FloatArray:
    """From above zero to one in ``steps``: part smooth, part in gamma lumps."""
    progress = np.arange(1, steps + 1) / steps
    waves = 1.0 + 0.7 * np.sin(
        2.0 * math.pi * (rng.uniform(1.5, 3.5) * progress + rng.uniform())
    )
    pace = waves * ((1.0 - shape.late) + 3.0 * shape.late * progress**2)
    smooth = np.cumsum(pace) / pace.sum()
    lumps = rng.standard_gamma(shape.lumps * pace / pace.sum())
    total = lumps.sum()
    lumpy = np.cumsum(lumps) / total if total > 0 else smooth
    path: FloatArray = (1.0 - shape.jump_share) * smooth + shape.jump_share * lumpy
    return path
