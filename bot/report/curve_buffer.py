"""A curve that stays short however long the run is.

The live view redraws its curves several times a second, and a year of minutes has
half a million points. The buffer keeps a bounded number: when it is full it
halves its resolution, keeping of each four neighbours the smallest, the largest
and a gap if there was one. This module must not know what it measures.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from bot.report.frame import Series

__all__ = ["CurveBuffer"]

_Point = tuple[datetime, Decimal | None]
_GROUP = 4
_LEAST = 16


class CurveBuffer:
    """Collects points in order of time, at most about ``most`` of them.

    The first and the last point, the smallest and the largest value, and that
    there was a gap, always survive.

    Example:
        >>> from datetime import UTC, timedelta
        >>> buffer = CurveBuffer(most=16)
        >>> noon = datetime(2025, 1, 1, 12, tzinfo=UTC)
        >>> for minute in range(1000):
        ...     buffer.add(noon + timedelta(minutes=minute), Decimal(minute % 600))
        >>> values = [value for _, value in buffer.series()]
        >>> len(values) <= 17, min(values), max(values), values[-1]
        (True, Decimal('0'), Decimal('599'), Decimal('399'))
    """

    def __init__(self, most: int = 600) -> None:
        if most < _LEAST:
            raise ValueError(f"most must be at least {_LEAST} points, was {most}")
        self._most = most
        self._points: list[_Point] = []

    def add(self, at: datetime, value: Decimal | None) -> None:
        """Take the next point; None is a gap."""
        known = None if value is None or value.is_nan() else value
        self._points.append((at, known))
        if len(self._points) > self._most:
            self._points = _halved(self._points)

    def series(self) -> Series:
        """The curve so far."""
        return tuple(self._points)


def _halved(points: list[_Point]) -> list[_Point]:
    first, *middle, last = points
    kept = [first]
    for start in range(0, len(middle), _GROUP):
        kept += _told(middle[start : start + _GROUP])
    return [*kept, last]


def _told(group: Sequence[_Point]) -> list[_Point]:
    """The points of a group that a picture needs, in their order."""
    known = [
        (value, index) for index, (_, value) in enumerate(group) if value is not None
    ]
    kept = {min(known)[1], max(known)[1]} if known else set()
    gap = next((index for index, (_, value) in enumerate(group) if value is None), None)
    if gap is not None:
        kept.add(gap)
    return [group[index] for index in sorted(kept)]
