"""The shortest vector of returns that brings an account to a level.

Of all simple returns ``s``, one a coin and none under -1, with ``excess(1 + s) = 0``
the one with the least ``s' C^-1 s``: the most likely way to be liquidated if returns
are normal with covariance ``C``. Along one straight line it is ``C w`` times a
number while no price reaches zero, and then the corners of a path: the critical line
of Markowitz (Naval Research Logistics 3, 1956), where ties are broken by the least
index (Murty, Linear Algebra and its Applications 5, 1972), so that it ends. Inverse
accounts of several coins are curved: there each step goes to the foot of the
perpendicular on the tangent (Hasofer and Lind 1974, Rackwitz and Fiessler 1978) or is
Newton's, is halved until it helps, and several starts are tried; the best is returned.
Nothing here estimates ``C`` or decides anything.
"""

from typing import Final

import numpy as np
from numpy import bool_
from numpy.typing import NDArray

from bot.risk.line import FloatArray, Line
from bot.risk.rays import ray_moves

__all__ = ["EIGENVALUE_MIN", "VOLATILITY_MIN", "regular", "smallest_shock"]

EIGENVALUE_MIN: Final = 1e-6
"""The least eigenvalue of a correlation matrix that is taken as it is."""

VOLATILITY_MIN: Final = 1e-4
"""The least volatility, as a share of the largest, that is taken as it is."""

_TIE: Final = 1e-12
_CORNERS_A_COIN: Final = 50
_STEPS_MAX: Final = 200
_HALVINGS_MAX: Final = 12
_STILL: Final = 1e-12
_NEAR: Final = 1e-9


def regular(matrix: FloatArray) -> tuple[FloatArray, bool]:
    """A covariance that can be inverted, and whether it had to be changed for that.

    A volatility under ``VOLATILITY_MIN`` of the largest is raised to it; correlations
    are blended with none until no eigenvalue is under ``EIGENVALUE_MIN``. Coins that
    move as one thus may part a little, and a coin that never moved may move.

    Raises:
        ValueError: No coin moves at all.

    Example:
        Two stablecoins that moved exactly alike.

        >>> mended, is_changed = regular(np.full((2, 2), 4e-8))
        >>> is_changed, (mended / 4e-8).round(9).tolist()
        (True, [[1.0, 0.999999], [0.999999, 1.0]])
    """
    spread = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    if not spread.max(initial=0.0) > 0.0:
        raise ValueError("no coin of the covariance moves")
    scale = np.maximum(spread, VOLATILITY_MIN * spread.max())
    known = np.where(spread > 0.0, scale, np.inf)
    correlation = matrix / np.outer(known, known)
    np.fill_diagonal(correlation, 1.0)
    least = float(np.linalg.eigvalsh(correlation)[0])
    is_changed = bool((scale > spread).any()) or least < EIGENVALUE_MIN
    if least < EIGENVALUE_MIN:
        blend = (EIGENVALUE_MIN - least) / (1.0 - least)
        correlation = (1.0 - blend) * correlation + blend * np.eye(len(matrix))
    return correlation * np.outer(scale, scale), is_changed


def smallest_shock(line: Line, covariance: FloatArray) -> FloatArray | None:
    """The shortest vector, one simple return a coin; None where no shock does it.

    A coin at -1 stands for prices as near to zero as one likes.

    Args:
        line: An account at a level.
        covariance: Of the simple returns of the line's coins, in its order, and
            regular.

    Example:
        >>> line = Line(("BTC",), np.array([-97.0]), 80.0, False, 1e-10)
        >>> smallest_shock(line, np.array([[0.0025]])).round(6).tolist()
        [-0.175258]
    """
    if line.is_reached:
        return np.zeros(len(line.coins))
    if not line.is_reachable:
        return None
    spread = np.sqrt(np.diag(covariance))
    if not line.is_inverse:
        correlation = covariance / np.outer(spread, spread)
        scaled = _critical_line(
            correlation, line.weights * spread, -line.excess, 1.0 / spread
        )
        return np.maximum(scaled * spread, -1.0)
    if len(line.coins) == 1:
        return -line.weights / line.constant - 1.0
    return _curved(line, covariance)


def _critical_line(
    covariance: FloatArray, weights: FloatArray, target: float, floor: FloatArray
) -> FloatArray:
    """The shortest ``x`` with ``weights @ x = target`` and no ``x`` under ``-floor``.

    ``target`` is above zero and can be met. Along the path ``x`` is ``C (t w + m)``,
    ``m`` zero where x is free and not negative where it is held at its floor.

    Raises:
        ArithmeticError: The path has no end.
    """
    scale = float(np.abs(weights).max())
    weights, target = weights / scale, target / scale
    held = np.zeros(len(weights), dtype=bool)
    time = 0.0
    for _ in range(_CORNERS_A_COIN * len(weights)):
        base, slope, stops = _piece(covariance, weights, floor, held)
        gain = float(weights @ slope)
        end = (target - float(weights @ base)) / gain if gain > 0.0 else np.inf
        time = float(np.maximum(stops, time).min())
        if end <= time and end < np.inf:
            return base + slope * end
        first = int(np.argmax(stops <= time * (1.0 + _TIE)))
        held[first] = not held[first]
    raise ArithmeticError("the critical line has no end")


def _piece(
    covariance: FloatArray, weights: FloatArray, floor: FloatArray, held: NDArray[bool_]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """One straight piece: ``x = base + slope x t``, and where each coin would turn.

    A free coin turns where it meets its floor, a held one where nothing presses it
    to the floor any more.
    """
    free = ~held
    stops = np.full(len(weights), np.inf)
    base, slope = -floor, np.zeros(len(weights))
    among = covariance[np.ix_(free, free)]
    base[free] = 0.0
    if held.any():
        across = covariance[np.ix_(held, free)]
        known = np.column_stack((across, -floor[held]))
        solved = _solved(covariance[np.ix_(held, held)], known)
        among = among - across.T @ solved[:, :-1]
        base[free] = across.T @ solved[:, -1]
        growth = -(solved[:, :-1] @ weights[free]) - weights[held]
        stops[held] = _turn(solved[:, -1], growth)
    slope[free] = among @ weights[free]
    stops[free] = _turn((base + floor)[free], slope[free])
    return base, slope, stops


def _solved(matrix: FloatArray, known: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.solve(matrix, known), dtype=np.float64)


def _turn(height: FloatArray, growth: FloatArray) -> FloatArray:
    """When each ``height + growth x t`` falls to zero; infinity where it does not."""
    falling = growth < 0.0
    return np.where(falling, -height / np.where(falling, growth, 1.0), np.inf)


def _curved(line: Line, covariance: FloatArray) -> FloatArray | None:
    """The shortest of what is found from each coin alone, all alike and uphill.

    And from the directions in which the coins move together most and least.
    """
    one_each = np.eye(len(line.coins))
    alike = np.ones(len(line.coins))
    uphill = covariance @ -line.weights
    own = np.linalg.eigh(covariance)[1].T
    starts = [*one_each, *-one_each, alike, -alike, uphill, *own, *-own]
    precision = _solved(covariance, np.eye(len(line.coins)))
    found = [
        _descended(line, covariance, precision, point)
        for start in starts
        if (point := _on_surface(line, start)) is not None
    ]
    return min(found, key=lambda point: _square(precision, point), default=None)


def _descended(
    line: Line, covariance: FloatArray, precision: FloatArray, point: FloatArray
) -> FloatArray:
    """Go along the surface by whichever step helps more, until none does."""
    for _ in range(_STEPS_MAX):
        nearer = [
            found
            for step in _steps(line, covariance, point)
            if (found := _shorter(line, precision, point, step)) is not None
        ]
        if not nearer:
            return point
        point = min(nearer, key=lambda found: _square(precision, found))
    return point


def _steps(
    line: Line, covariance: FloatArray, point: FloatArray
) -> tuple[FloatArray, ...]:
    """To the foot on the tangent, and Newton's to where the gradients are parallel."""
    uphill = -line.weights / (1.0 + point) ** 2
    toward = covariance @ uphill
    pull = float(uphill @ point) / float(uphill @ toward)
    foot = toward * pull - point
    bend = 2.0 * line.weights / (1.0 + point) ** 3
    size = len(point)
    system = np.zeros((size + 1, size + 1))
    system[:size, :size] = np.eye(size) - pull * covariance * bend
    system[:size, size], system[size, :size] = -toward, uphill
    try:
        newton = _solved(system, np.append(foot, 0.0))[:size]
    except np.linalg.LinAlgError:
        return (foot,)
    return foot, newton


def _shorter(
    line: Line, precision: FloatArray, point: FloatArray, step: FloatArray
) -> FloatArray | None:
    """A point of the surface in the step's direction that is nearer, if any is."""
    if np.abs(step).max() <= _NEAR * np.abs(point).max():
        return None
    least = _square(precision, point) * (1.0 - _STILL)
    for halving in range(_HALVINGS_MAX):
        found = _on_surface(line, point + step * 0.5**halving)
        if found is not None and _square(precision, found) < least:
            return found
    return None


def _on_surface(line: Line, direction: FloatArray) -> FloatArray | None:
    """Where the ray in a direction meets the surface."""
    reach = ray_moves(line, direction).up
    return None if reach is None else direction * reach


def _square(precision: FloatArray, point: FloatArray) -> float:
    return float(point @ precision @ point)
