"""Where things go on a chart: nice ticks, time ticks, and thinning of points.

Works in floats because the answer is a pixel. A scale never has zero width, so
that one point, or a flat line, is drawn in the middle instead of failing. This
module must not know what it measures.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import floor
from typing import Final

__all__ = ["TimeAxis", "ValueAxis", "fit_times", "fit_values", "nice_step", "thin"]

_TICKS: Final = 6
_TIME_TICKS: Final = 8
_LARGEST: Final = 1e15
"""Beyond this a float no longer tells cents apart; the axis is cut there."""
_STEPS_S: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1_800),
    *(3_600, 7_200, 10_800, 21_600, 43_200),
    *(86_400, 172_800, 604_800, 1_209_600, 2_592_000, 7_776_000, 31_536_000),
)
_MINUTE_S: Final = 60
_DAY_S: Final = 86_400
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _place(share: float, start: float, end: float) -> float:
    """A share of the way from start to end, held between the two."""
    return start + min(max(share, 0.0), 1.0) * (end - start)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueAxis:
    """The value axis: its ends and the ticks between them."""

    low: float
    high: float
    ticks: tuple[Decimal, ...]

    def place(self, value: float, start: float, end: float) -> float:
        """The pixel of a value; beyond an end it lies on that end."""
        return _place((value - self.low) / (self.high - self.low), start, end)

    def holds(self, value: float) -> bool:
        """Whether a value lies within the axis."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeAxis:
    """The time axis: its ends and its labelled ticks, UTC."""

    start: datetime
    end: datetime
    ticks: tuple[tuple[datetime, str], ...]

    def place(self, at: datetime, start: float, end: float) -> float:
        """The pixel of a time; before or after, it lies on the end."""
        return _place((at - self.start) / (self.end - self.start), start, end)

    def holds(self, at: datetime) -> bool:
        """Whether a time lies within the axis."""
        return self.start <= at <= self.end


def nice_step(span: float, count: int = _TICKS) -> Decimal:
    """A round step (1, 2, 2.5 or 5 times a power of ten) for about ``count`` ticks.

    Example:
        >>> nice_step(18_432.0), nice_step(1.05)
        (Decimal('5000'), Decimal('0.2'))
    """
    raw = Decimal(span) / count
    unit = Decimal(1).scaleb(raw.adjusted())
    for factor in (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5)):
        if factor * unit >= raw:
            return _whole(factor * unit)
    return _whole(10 * unit)


def _whole(number: Decimal) -> Decimal:
    """The same number without an exponent above zero."""
    return number.quantize(Decimal(1)) if number == number.to_integral() else number


def fit_values(
    values: Sequence[float],
    fixed_low: float | None = None,
    fixed_high: float | None = None,
) -> ValueAxis:
    """An axis over the values with a little air, or with the ends that are fixed.

    Example:
        >>> axis = fit_values([10.0, 20.0])
        >>> axis.low < 10 and axis.high > 20, [str(tick) for tick in axis.ticks]
        (True, ['10', '12', '14', '16', '18', '20'])
    """
    cut = [min(max(value, -_LARGEST), _LARGEST) for value in values] or [0.0]
    low, high = min(cut), max(cut)
    air = (high - low) * 0.06 or abs(high) * 0.02 or 1.0
    low = low - air if fixed_low is None else fixed_low
    high = high + air if fixed_high is None else fixed_high
    if not low < high:
        low, high = low - 1.0, low + 1.0
    step = nice_step(high - low)
    first = floor(Decimal(low) / step)
    ticks = (step * (first + index) for index in range(2 * _TICKS + 4))
    return ValueAxis(
        low=low,
        high=high,
        ticks=tuple(tick for tick in ticks if low <= float(tick) <= high),
    )


def _label(at: datetime, step_s: int, previous: datetime | None) -> str:
    if step_s >= _DAY_S:
        is_new_year = previous is None or previous.year != at.year
        return at.strftime("%Y-%m-%d" if is_new_year else "%m-%d")
    if previous is None or previous.date() != at.date():
        return at.strftime("%m-%d %H:%M")
    return at.strftime("%H:%M:%S" if step_s < _MINUTE_S else "%H:%M")


def fit_times(times: Iterable[datetime]) -> TimeAxis:
    """An axis from the first time to the last, with ticks at round times.

    Example:
        >>> noon = datetime(2025, 10, 10, 12, tzinfo=UTC)
        >>> axis = fit_times([noon, noon + timedelta(hours=5)])
        >>> [label for _, label in axis.ticks]
        ['10-10 12:00', '13:00', '14:00', '15:00', '16:00', '17:00']
    """
    every = [at.astimezone(UTC) for at in times]
    start, end = min(every), max(every)
    if start == end:
        start, end = start - timedelta(minutes=1), end + timedelta(minutes=1)
    span_s = (end - start).total_seconds()
    step_s = next((s for s in _STEPS_S if span_s / s <= _TIME_TICKS), None)
    step_s = step_s or int(span_s / _TIME_TICKS) + 1
    number = -(-(start - _EPOCH) // timedelta(seconds=step_s))
    ticks: list[tuple[datetime, str]] = []
    at = _EPOCH + timedelta(seconds=number * step_s)
    while at <= end:
        previous = ticks[-1][0] if ticks else None
        ticks.append((at, _label(at, step_s, previous)))
        at += timedelta(seconds=step_s)
    return TimeAxis(start=start, end=end, ticks=tuple(ticks))


def thin(
    points: Sequence[tuple[float, float | None]],
) -> list[list[tuple[float, float]]]:
    """Unbroken runs of points, at most four to a pixel column.

    Of each column the first, lowest, highest and last point stay, in their order:
    a line through them covers the same pixels as a line through all. A point
    without a value ends the run.

    Example:
        >>> thin([(0.0, 1.0), (0.1, 9.0), (0.2, 5.0), (0.3, 2.0), (3.0, None),
        ...       (4.0, 4.0)])
        [[(0.0, 1.0), (0.1, 9.0), (0.3, 2.0)], [(4.0, 4.0)]]
    """
    runs: list[list[tuple[float, float]]] = []
    column: list[tuple[float, float]] = []
    is_broken = True
    for x, y in points:
        if y is None:
            _flush(runs, column)
            is_broken = True
            continue
        if is_broken:
            runs.append([])
        elif int(x) != int(column[-1][0]):
            _flush(runs, column)
        column.append((x, y))
        is_broken = False
    _flush(runs, column)
    return runs


def _flush(
    runs: list[list[tuple[float, float]]], column: list[tuple[float, float]]
) -> None:
    """Move the telling points of a column to the last run and empty the column."""
    if column:
        indexes = range(len(column))
        low = min(indexes, key=lambda index: column[index][1])
        high = max(indexes, key=lambda index: column[index][1])
        kept = sorted({0, low, high, len(column) - 1})
        runs[-1].extend(column[index] for index in kept)
        column.clear()
