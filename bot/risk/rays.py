"""The nearest moves along a ray that bring an account to a level, in floats.

Along a move ``s`` the factor of a coin is ``max(0, 1 + beta x s)``: betas of 1 are
the uniform move, one beta of 1 and zeros are a coin alone. The same solver as
``bot.risk.ray``, with a float's idea of zero; it must agree with it, and with
``bot.risk.distance`` where contracts settle in a coin. Nothing here decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from bot.risk.line import NOISE, FloatArray, Line

__all__ = ["NEVER", "NOW", "Moves", "ray_moves"]

_FLOOR: Final = -1.0
_POLISH: Final = 3
_REAL: Final = 1e-6
"""An imaginary part under this share of a root's size is rounding."""


@dataclass(frozen=True, slots=True)
class Moves:
    """The nearest moves down and up, fractions; None where no move does it.

    ``down`` is in (-1, 0], ``up`` zero or more; both are 0 at the level.
    """

    down: float | None
    up: float | None

    @property
    def down_factor(self) -> float | None:
        """What a price is multiplied with at ``down``, for a beta of 1."""
        return None if self.down is None else 1.0 + self.down

    @property
    def up_factor(self) -> float | None:
        """What a price is multiplied with at ``up``, for a beta of 1."""
        return None if self.up is None else 1.0 + self.up


NEVER: Final = Moves(down=None, up=None)
NOW: Final = Moves(down=0.0, up=0.0)


def ray_moves(line: Line, betas: FloatArray) -> Moves:
    """The moves at which the line is zero when each coin moves with its beta.

    Args:
        line: An account at a level.
        betas: One number a coin of the line, in its order.

    Example:
        >>> line = Line(("BTC",), np.array([-97.0]), 80.0, False, 1e-10)
        >>> moves = ray_moves(line, np.ones(1))
        >>> round(moves.down, 6), moves.up
        (-0.175258, None)
    """
    if line.is_reached:
        return NOW
    if line.is_inverse:
        return _inverse_moves(line, betas)
    corners = sorted(-1.0 / beta for beta in betas[betas != 0.0].tolist())
    fallen = [corner for corner in reversed(corners) if _FLOOR < corner < 0.0]
    risen = [corner for corner in corners if corner > 0.0]
    return Moves(
        down=_walk(line, betas, (*fallen, _FLOOR)), up=_walk(line, betas, risen, 1.0)
    )


def _walk(
    line: Line, betas: FloatArray, corners: Iterable[float], beyond: float | None = None
) -> float | None:
    """Go from 0 outward, corner by corner, until the line is above zero.

    ``beyond`` is a step past the last corner where the last piece has no end.
    """
    before = 0.0
    for corner in corners:
        if _height(line, betas, corner) > line.noise:
            return _zero(line, betas, (before + corner) / 2.0, 0.0)
        before = corner
    if beyond is None:
        return None
    return _zero(line, betas, before + beyond, line.noise)


def _height(line: Line, betas: FloatArray, move: float) -> float:
    return line.height(np.maximum(0.0, 1.0 + betas * move))


def _zero(
    line: Line, betas: FloatArray, inside: float, least_slope: float
) -> float | None:
    """The zero of the piece around ``inside`` if the line rises outward there."""
    alive = 1.0 + betas * inside > 0.0
    slope = float((line.weights * betas)[alive].sum())
    if slope * np.sign(inside) <= least_slope:
        return None
    return -(line.constant + float(line.weights[alive].sum())) / slope


def _inverse_moves(line: Line, betas: FloatArray) -> Moves:
    """The zeros of ``constant + sum of weight / (1 + beta x s)`` before any pole."""
    poles = [-1.0 / beta for beta in betas[betas != 0.0].tolist()]
    low = max([_FLOOR, *(pole for pole in poles if pole < 0.0)])
    high = min([np.inf, *(pole for pole in poles if pole > 0.0)])
    zeros = [_polished(line, betas, zero) for zero in _roots(line, betas)]
    found = [
        zero for zero in zeros if low * (1.0 - NOISE) < zero < high and _met(line, zero)
    ]
    return Moves(
        down=max((zero for zero in found if zero < 0.0), default=None),
        up=min((zero for zero in found if zero > 0.0), default=None),
    )


def _met(line: Line, move: float) -> bool:
    """Whether a zero is one of money: so far out there is only rounding."""
    return abs(move) * line.noise < abs(line.excess)


def _roots(line: Line, betas: FloatArray) -> list[float]:
    """The real zeros: those of the polynomial over the common denominator."""
    distinct = np.unique(betas[betas != 0.0])
    constant = line.constant + float(line.weights[betas == 0.0].sum())
    total = constant * _product(distinct)
    for beta in distinct:
        weight = float(line.weights[betas == beta].sum())
        others = weight * _product(distinct[distinct != beta])
        total[1:] += others
    roots = np.roots(np.trim_zeros(total, "f"))
    is_real = np.abs(roots.imag) <= _REAL * (1.0 + np.abs(roots.real))
    return [float(root) for root in roots[is_real].real]


def _product(betas: FloatArray) -> FloatArray:
    """The coefficients of the product of ``1 + beta x s``, highest power first."""
    total = np.ones(1)
    for beta in betas:
        total = np.convolve(total, np.array([beta, 1.0]))
    return total


def _polished(line: Line, betas: FloatArray, move: float) -> float:
    """A root after some steps of Newton on the line itself."""
    for _ in range(_POLISH):
        factors = 1.0 + betas * move
        if not factors.all():
            return move
        slope = -float((line.weights * betas) @ (1.0 / factors**2))
        if slope == 0.0:
            return move
        move -= line.height(factors) / slope
    return move
