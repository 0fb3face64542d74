"""The nearest zero of a sum of floored lines: the one solver of this package.

Along a move ``s`` of the market a coin's price factor is ``max(0, 1 + beta x s)``.
How far an account is over a threshold is then ``constant + sum of weight x
factor``: a broken line, whose first zero on either side of 0 is found exactly by
walking its corners. Nothing here knows what the weights mean.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from bot.domain.money import ZERO

__all__ = ["FLOOR_MOVE", "nearest_zeros"]

FLOOR_MOVE: Final = Decimal(-1) + Decimal("1e-18")
"""A market cannot fall by 100 %; zeros at or below this do not count."""

_NOISE: Final = Decimal("1e-20")
"""A height under this share of the gross terms is a rounding of zero."""


def nearest_zeros(
    constant: Decimal, weights: Mapping[Decimal, Decimal]
) -> tuple[Decimal | None, Decimal | None]:
    """The first zeros below and above 0 of a broken line that is negative at 0.

    Args:
        constant: The part that no move changes.
        weights: Beta to the sum of the weights of all that moves with it.

    Returns:
        ``(down, up)`` with ``-1 < down < 0 < up``; None where there is no zero.

    Raises:
        ValueError: The line is not negative at 0, so there is nothing to reach.

    Example:
        Debt of 80 against 0.97 x 100 of assets that move with the market.

        >>> down, up = nearest_zeros(Decimal(80), {Decimal(1): Decimal(-97)})
        >>> round(down, 4), up
        (Decimal('-0.1753'), None)
    """
    level = constant + sum(weights.values(), ZERO)
    if level >= 0:
        raise ValueError(f"the line must be negative at 0, was {level}")
    slope = sum((beta * weight for beta, weight in weights.items()), ZERO)
    corners = sorted(
        (-1 / beta, weight, beta * weight) for beta, weight in weights.items() if beta
    )
    fallen = [each for each in reversed(corners) if FLOOR_MOVE < each[0] < 0]
    risen = [each for each in corners if each[0] > 0]
    noise = _NOISE * (abs(constant) + sum(map(abs, weights.values()), ZERO))
    start = (level, slope, noise)
    return _walk(start, fallen, FLOOR_MOVE), _walk(start, risen, None)


def _walk(
    start: tuple[Decimal, Decimal, Decimal],
    corners: Iterable[tuple[Decimal, Decimal, Decimal]],
    border: Decimal | None,
) -> Decimal | None:
    """Go from 0 outward, corner by corner, until the line passes zero.

    ``start`` is the line's level and slope at 0, and what counts as nothing; the
    level is always where the current piece would be at 0. Each corner is the move
    at which a term vanishes, with the term's own level and slope; the height there
    is taken without the term, so that an account that is worthless there has zero
    and not a crossing.
    """
    level, slope, noise = start
    for corner, weight, part in corners:
        rest_level, rest_slope = level - weight, slope - part
        if rest_level + rest_slope * corner > noise:
            return -level / slope
        level, slope = rest_level, rest_slope
    is_down = border is not None
    if abs(slope) <= noise or (slope > 0) is is_down:
        return None
    zero = -level / slope
    return zero if border is None or zero > border else None
