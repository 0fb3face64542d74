"""Whether what helps one account endangers another: the exact comparison.

An account is pushed under when it ends nearer than its act distance, or beyond its
backstop, and further that way than it was. Nothing here plans or approves.
"""

from bot.guard.limits import Thresholds
from bot.risk.measure import SubjectMeasure

__all__ = ["is_better", "is_pushed_under"]


def is_pushed_under(
    before: SubjectMeasure | None, after: SubjectMeasure, limits: Thresholds
) -> bool:
    """Whether an account is under a threshold and worse than before, or unknown now.

    Args:
        before: The account before; None if it had nothing to lose.
        after: The account after.
        limits: Its act distance and its backstop.
    """
    if after.ratio is None:
        return before is None or before.ratio is not None
    near = after.distance
    if near is not None and near < limits.act:
        was = None if before is None else before.distance
        if was is None or near < was:
            return True
    if after.ratio < limits.backstop:
        return False
    return before is None or before.ratio is None or after.ratio > before.ratio


def is_better(before: SubjectMeasure, after: SubjectMeasure | None) -> bool:
    """Whether an account is further from its liquidation, or has nothing to lose."""
    if after is None:
        return True
    if before.ratio is None or after.ratio is None:
        return False
    if after.distance is None:
        return before.distance is not None or after.ratio < before.ratio
    if before.distance is None:
        return False
    return after.distance > before.distance or (
        after.distance == before.distance and after.ratio < before.ratio
    )
