"""How much of a lever is enough: the smallest share that reaches the target.

The measure after a share of a lever improves with the share for every lever the
guard has (less debt, more collateral, less exposure), so bisection finds it. It
is exact to one part in 4,096, rounded towards doing more. It must not know what
the lever is.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from bot.domain.money import ONE, ZERO
from bot.guard.limits import Thresholds
from bot.risk.measure import SubjectMeasure

__all__ = ["is_at_target", "smallest_share"]

_STEPS: Final = 12


def is_at_target(measure: SubjectMeasure | None, thresholds: Thresholds) -> bool:
    """Whether an account would be cured; one without exposure is."""
    if measure is None:
        return True
    if measure.ratio is None or measure.ratio >= thresholds.backstop:
        return False
    return measure.distance is None or measure.distance >= thresholds.target


def smallest_share(
    after: Callable[[Decimal], SubjectMeasure | None], thresholds: Thresholds
) -> Decimal:
    """The smallest share in (0, 1] whose ``after`` is at the target, else 1.

    Args:
        after: The account's measure when a share of the lever has been used.
        thresholds: Where the account has to get.
    """
    if not is_at_target(after(ONE), thresholds):
        return ONE
    low, high = ZERO, ONE
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if is_at_target(after(middle), thresholds):
            high = middle
        else:
            low = middle
    return high
