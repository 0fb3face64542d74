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

FLOOR_MOVE: Final = Decimal(-1)
"""A market cannot fall by 100 % or more; zeros at or below this do not count."""


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
    slopes = [(beta, weight * beta) for beta, weight in weights.items() if beta]
    slope = sum((each for _, each in slopes), ZERO)
    fallen = sorted(
        ((-1 / beta, part) for beta, part in slopes if beta > 1), reverse=True
    )
    risen = sorted((-1 / beta, part) for beta, part in slopes if beta < 0)
    down = _walk(level, slope, fallen, FLOOR_MOVE)
    up = _walk(level, slope, risen, None)
    return down, up


def _walk(
    level: Decimal,
    slope: Decimal,
    corners: Iterable[tuple[Decimal, Decimal]],
    border: Decimal | None,
) -> Decimal | None:
    """Go from 0 outward, corner by corner, until the line reaches zero.

    ``level`` is the height at 0 of the line that holds on the current piece. A
    term of slope ``part`` that vanishes at ``corner`` had height ``-part x corner``
    at 0; beyond the corner it is gone.
    """
    is_down = border is not None
    for corner, part in corners:
        if level + slope * corner >= 0:
            return -level / slope
        level += part * corner
        slope -= part
    if slope == 0 or (slope > 0) is is_down:
        return None
    zero = -level / slope
    return zero if border is None or zero > border else None
