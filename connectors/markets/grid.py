"""Choose the instants of a market: where paths bend, and enough in between.

All instruments share the instants. Between two bends every path is log-linear, so
it is enough to space the instants there by the fastest mover, so that no price
moves more than half a percent from one to the next, at most one a second. What
still moves further within one second is one jump. Pure; seconds since 1970.
"""

import math
from typing import Final

import numpy as np

from connectors.markets.files import FloatArray, IntArray

__all__ = ["LOG_MOVE_MAX", "fill"]

LOG_MOVE_MAX: Final = 0.999 * math.log(1.005)
"""Largest log move between instants; a hair under 0.5 % leaves room for rounding."""

_MOVE_FLOOR: Final = 1e-12


def fill(
    points: IntArray, glide: FloatArray, jump: FloatArray, *, spacing_s: int = 1
) -> IntArray:
    """Put instants between the points.

    Args:
        points: Bends of any path, increasing, seconds; the first one is only the
            left edge and is not returned.
        glide: For each gap between points, the largest log move of any path from
            the left point to just before the right one.
        jump: For each gap, the largest log jump of any path at the right point.
        spacing_s: Seconds that at least lie between instants put in.

    Returns:
        All points but the first, and the instants between them, increasing.

    Example:
        A path that moves 2 % in 100 s needs four steps of 25 s.

        >>> fill(np.array([0, 100]), np.array([0.0199]), np.array([0.0])).tolist()
        [25, 50, 75, 100]
    """
    length = np.diff(points)
    steps = np.maximum(np.ceil(glide / LOG_MOVE_MAX), 1).astype(np.int64)
    spacing = np.maximum(length // steps, spacing_s)
    inner = np.where(steps > 1, (length - 1) // spacing, 0)
    put = _inside(points[:-1], spacing, inner)
    early = _before_jumps(points, glide, jump, inner * spacing, spacing_s)
    return np.unique(np.concatenate((points[1:], put, early)))


def _inside(left: IntArray, spacing: IntArray, count: IntArray) -> IntArray:
    """``left + spacing x (1, 2, ..., count)`` for every gap, in one array."""
    total = int(count.sum())
    starts = np.cumsum(count) - count
    nth = np.arange(total) - np.repeat(starts, count) + 1
    return np.repeat(left, count) + np.repeat(spacing, count) * nth


def _before_jumps(
    points: IntArray,
    glide: FloatArray,
    jump: FloatArray,
    covered: IntArray,
    spacing_s: int,
) -> IntArray:
    """One instant just before each jump that would come on top of a long glide."""
    length = np.diff(points)
    rest = length - covered
    last_move = glide * rest / length + jump
    needed = (jump > _MOVE_FLOOR) & (last_move > LOG_MOVE_MAX) & (rest > spacing_s)
    return points[1:][needed] - spacing_s
