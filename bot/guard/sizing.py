"""How much of a lever is enough: the smallest share that reaches the target.

The measure after a share of a lever improves with the share for every lever the
guard has (less debt, more collateral, less exposure), so a search finds it. It
is exact to one part in 4,096, rounded towards doing more. It must not know what
the lever is.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from bot.domain.money import ONE
from bot.guard.limits import Thresholds
from bot.risk.measure import SubjectMeasure

__all__ = ["is_at_target", "smallest_share"]

_PARTS: Final = 4096
_TWO: Final = 2
_PATIENCE: Final = 3


def is_at_target(measure: SubjectMeasure | None, thresholds: Thresholds) -> bool:
    """Whether an account would be cured; one without exposure is."""
    if measure is None:
        return True
    if measure.ratio is None or measure.ratio >= thresholds.backstop:
        return False
    return measure.distance is None or measure.distance >= thresholds.target


def smallest_share(
    after: Callable[[Decimal], SubjectMeasure | None],
    thresholds: Thresholds,
    now: SubjectMeasure | None = None,
) -> Decimal:
    """The smallest share in (0, 1] whose ``after`` is at the target, else 1.

    Args:
        after: The account's measure when a share of the lever has been used.
        thresholds: Where the account has to get.
        now: The account before anything is done, which shortens the search.
    """
    whole = after(ONE)
    if not is_at_target(whole, thresholds):
        return ONE
    search = _Search()
    search.saw(0, _gap(now, thresholds), is_enough=False)
    search.saw(_PARTS, _gap(whole, thresholds), is_enough=True)
    while search.high - search.low > 1:
        part = search.next_part()
        measure = after(Decimal(part) / _PARTS)
        is_enough = is_at_target(measure, thresholds)
        search.saw(part, _gap(measure, thresholds), is_enough=is_enough)
    return Decimal(search.high) / _PARTS


def _gap(measure: SubjectMeasure | None, thresholds: Thresholds) -> float | None:
    """How far beyond the target an account is; None where no distance says it."""
    if measure is None or measure.distance is None:
        return None
    return float(measure.distance - thresholds.target)


@dataclass(slots=True)
class _Search:
    """The border between too little and enough, in whole parts.

    Each measure is dear and its distance is almost a straight line in the share, so
    the next part is where the line through the last two crosses the target; the
    middle, where there is no such line or the line before did not halve what is open.
    The border that is found is the same: only the way to it is shorter.
    """

    low: int = 0
    high: int = _PARTS
    _seen: list[tuple[int, float]] = field(default_factory=list)
    _slow: int = 0
    """Tries in a row that did not halve what is open."""

    def saw(self, part: int, gap: float | None, *, is_enough: bool) -> None:
        """Take what a part of the lever leads to."""
        width = self.high - self.low
        if is_enough:
            self.high = part
        else:
            self.low = part
        is_halved = 2 * (self.high - self.low) <= width
        self._slow = 0 if is_halved else self._slow + 1
        if gap is not None:
            self._seen = [*self._seen[-1:], (part, gap)]

    def next_part(self) -> int:
        """What to try: strictly between too little and enough."""
        crossing = None if self._slow >= _PATIENCE else self._crossing()
        if crossing is None:
            return (self.low + self.high) // 2
        return min(max(crossing, self.low + 1), self.high - 1)

    def _crossing(self) -> int | None:
        """The first part beyond the target on the line through the last two."""
        if len(self._seen) < _TWO:
            return None
        (one, its), (other, gap) = self._seen
        if gap == its:
            return None
        at = other - gap * (other - one) / (gap - its)
        return math.ceil(at) if abs(at) <= _PARTS else None
