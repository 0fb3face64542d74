"""Whether what helps one account endangers another: the exact comparison.

An account is pushed under when it ends nearer than its act distance, or beyond its
backstop, and further that way than it was. Nothing here plans or approves.
"""

from decimal import Decimal
from typing import Final

from bot.domain.money import ONE
from bot.guard.limits import Thresholds
from bot.risk.measure import SubjectMeasure

__all__ = ["is_better", "is_pushed_under", "is_worse"]

_ROUNDING: Final = Decimal("1e-6")
"""What a distance or a ratio may lose to rounding alone."""

_ENDLESS: Final = Decimal("Infinity")
"""The distance where no uniform move liquidates."""


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


def is_better(
    before: SubjectMeasure,
    after: SubjectMeasure | None,
    backstop: Decimal | None = None,
) -> bool:
    """Whether an account is further from its liquidation, or has nothing to lose.

    Over its backstop an account that no uniform move liquidates is far from safe: a
    lower ratio is better there, although a move that liquidates can be named then.

    Args:
        before: The account before.
        after: The account after; None where it has nothing left to lose.
        backstop: The ratio over which that holds; by default nowhere.
    """
    if after is None:
        return True
    if before.ratio is None or after.ratio is None:
        return False
    if after.distance is None:
        return before.distance is not None or after.ratio < before.ratio
    if before.distance is None:
        is_over = backstop is not None and before.ratio >= backstop
        return is_over and after.ratio < before.ratio
    return after.distance > before.distance or (
        after.distance == before.distance and after.ratio < before.ratio
    )


def is_worse(before: SubjectMeasure, after: SubjectMeasure | None) -> bool:
    """Whether an account is nearer to its liquidation, beyond rounding, or unknown.

    Where the distance stays, a higher ratio is worse: a repayment in an account that
    owes more than it owns takes the collateral away faster than the debt.
    """
    if after is None or before.ratio is None:
        return False
    if after.ratio is None:
        return True
    was, now = (_ENDLESS if m.distance is None else m.distance for m in (before, after))
    if was - _ROUNDING <= now <= was + _ROUNDING:
        return after.ratio > before.ratio * (ONE + _ROUNDING)
    return now < was - _ROUNDING
