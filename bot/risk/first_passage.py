"""First passage: how likely a path touches a level between two looks at it.

A path that is under the level at both ends of a step may have been over it in
between. For a Brownian motion whose ends are ``a`` and ``b`` under the level, with
``v`` the variance of the step, that has the probability ``exp(-2 a b / v)`` (the
reflection principle: Karatzas and Shreve, Brownian Motion and Stochastic Calculus,
2.8). Arrays in, arrays out; nothing here knows what a path is a path of.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FloatArray",
    "barrier_probability",
    "mean_step",
    "median_step",
    "reached_by_step",
]

FloatArray = NDArray[np.float64]

_NEVER: Final = 1e3
"""Half the exponent at which nothing is touched, far beyond what a float can tell."""


def barrier_probability(distance: float, deviation: float) -> float:
    """The chance that a Brownian motion without drift has reached a barrier.

    Args:
        distance: From the start to the barrier, zero or more (a log price).
        deviation: Standard deviation at the horizon, in the same unit.

    Example:
        A barrier two deviations away: twice the tail of the normal distribution.

        >>> round(barrier_probability(0.10, 0.05), 4)
        0.0455
    """
    if distance <= 0.0:
        return 1.0
    return math.erfc(distance / deviation / math.sqrt(2.0)) if deviation > 0.0 else 0.0


def reached_by_step(
    start: float, ends: FloatArray, variances: FloatArray
) -> FloatArray:
    """The chance that each path has reached zero from below by the end of each step.

    Args:
        start: Where all paths begin; negative is under the level.
        ends: Paths by steps: where each is at the end of each step.
        variances: Of the same shape: the variance that each step had beforehand.

    Returns:
        Paths by steps, never falling along a path; 1 where a path is over.

    Example:
        One path, two steps of variance 1 from -1 to -2 and on to 0.5.

        >>> path = reached_by_step(-1.0, np.array([[-2.0, 0.5]]), np.ones((1, 2)))
        >>> path.round(4).tolist()
        [[0.0183, 1.0]]
    """
    if start >= 0.0:
        return np.ones_like(ends)
    begins = np.empty_like(ends)
    begins[:, 0] = start
    begins[:, 1:] = ends[:, :-1]
    product = np.maximum(begins * ends, 0.0)
    exponent = np.full_like(ends, -np.inf)
    is_open = variances > product / _NEVER  # beyond, the quotient may overflow
    np.divide(-2.0 * product, variances, out=exponent, where=is_open)
    touched = np.exp(exponent)
    touched[ends >= 0.0] = 1.0
    result: FloatArray = np.subtract(1.0, np.cumprod(1.0 - touched, axis=1))
    return result


def mean_step(reached: FloatArray) -> float | None:
    """How many steps those take on average that reach the level at all.

    Args:
        reached: The share that has reached it by the end of each step.

    Returns:
        Steps, the middle of the step in which it happens; None when nothing does.

    Example:
        A tenth in the first step, two tenths in the second: (0.5 + 2 x 1.5) / 3.

        >>> round(mean_step(np.array([0.1, 0.3, 0.3])), 6)
        1.166667
    """
    share = float(reached[-1])
    if share <= 0.0:
        return None
    later = 1.0 - np.concatenate([[0.0], reached[:-1]]) / share
    return float(later.sum()) - 0.5


def median_step(reached: FloatArray) -> float | None:
    """After how many steps half of those that reach the level have reached it.

    Args:
        reached: The share that has reached it by the end of each step.

    Returns:
        Steps, interpolated within one; None when nothing reaches it.

    Example:
        A tenth by the first step, three tenths by the second: half of them is 0.15.

        >>> round(median_step(np.array([0.1, 0.3, 0.3])), 6)
        1.25
    """
    share = float(reached[-1])
    if share <= 0.0:
        return None
    known = np.concatenate([[0.0], reached])
    after = int(np.searchsorted(known, share / 2.0))
    low, high = float(known[after - 1]), float(known[after])
    return after - 1 + (share / 2.0 - low) / (high - low)
