"""Curves and bars made of characters, for the terminal view.

A sparkline is one row of blocks; a chart is rows of braille dots with a scale.
Both keep the worst or the extreme values of each column, and leave a gap where
nothing is known. Floats are fine here: the answer is a dot. This module must not
know what it measures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Final

from rich.text import Text

from bot.report.frame import Series

__all__ = ["Curve", "bar", "chart", "sparkline"]

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_FULL: Final = "━"
_EMPTY: Final = "╌"
_TICK: Final = "┊"
_EDGE: Final = "┃"
_BRAILLE: Final = 0x2800
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot of a braille cell, by row and column."""
_ROWS: Final = 4
_COLUMNS: Final = 2
_MIDDLE_FROM: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One curve and the style in which it is drawn."""

    series: Series
    style: str


def _known(series: Series) -> list[tuple[float, float | None]]:
    """Seconds since the first point and the value; the infinite count as unknown."""
    if not series:
        return []
    first = series[0][0]
    numbers = (
        (
            (at - first).total_seconds(),
            None if value is None or value.is_nan() else float(value),
        )
        for at, value in series
    )
    return [
        (second, value if value is not None and isfinite(value) else None)
        for second, value in numbers
    ]


def _columns(series: Series, width: int) -> list[list[float]]:
    """The known values of each column, joined by straight lines between columns.

    Nothing is drawn from or to an unknown value: there the curve has a gap.
    """
    columns: list[list[float]] = [[] for _ in range(width)]
    points = _known(series)
    span = max((second for second, _ in points), default=0.0)
    last: tuple[int, float] | None = None
    for second, value in points:
        place = int(second / span * (width - 1)) if span > 0 else width - 1
        if value is None:
            last = None
            continue
        columns[place].append(value)
        if last is not None:
            _join(columns, last, (place, value))
        last = (place, value)
    return columns


def _join(
    columns: list[list[float]], start: tuple[int, float], end: tuple[int, float]
) -> None:
    steps = end[0] - start[0]
    for step in range(1, steps):
        value = start[1] + (end[1] - start[1]) * step / steps
        columns[start[0] + step].append(value)


def sparkline(
    series: Series, width: int, worst: Callable[[Sequence[float]], float]
) -> str:
    """One row of blocks; ``worst`` picks the value of a column (``min`` or ``max``).

    Example:
        >>> from datetime import UTC, datetime, timedelta
        >>> noon = datetime(2025, 1, 1, 12, tzinfo=UTC)
        >>> values = ("1", "2", None, "4")
        >>> sparkline(tuple((noon + timedelta(hours=hour), value and Decimal(value))
        ...                 for hour, value in enumerate(values)), 4, min)
        '▁▃ █'
    """
    picked = [worst(column) if column else None for column in _columns(series, width)]
    known = [value for value in picked if value is not None]
    if not known:
        return " " * width
    low, high = min(known), max(known)
    top = len(_BLOCKS) - 1
    return "".join(
        " "
        if value is None
        else _BLOCKS[round((value - low) / (high - low) * top) if high > low else 0]
        for value in picked
    )


def bar(
    share: Decimal | None,
    width: int,
    style: str,
    ticks: Sequence[Decimal] = (),
    edge: Decimal | None = None,
) -> Text:
    """A bar from 0 to 1 with ticks, and an edge where the account is lost.

    Example:
        >>> bar(Decimal("0.5"), 10, "green", (Decimal("0.6"),), Decimal("0.9")).plain
        '━━━━━╌┊╌╌┃'
        >>> bar(None, 4, "dim").plain
        '????'
    """
    if share is None or share.is_nan():
        return Text("?" * width, style="dim")
    filled = _cells(share, width)
    cells = [_FULL] * filled + [_EMPTY] * (width - filled)
    for tick in ticks:
        cells[min(_cells(tick, width), width - 1)] = _TICK
    if edge is not None:
        cells[min(_cells(edge, width), width - 1)] = _EDGE
    text = Text("".join(cells), style="dim")
    text.stylize(style, 0, filled)
    return text


def _cells(share: Decimal, width: int) -> int:
    """Whole cells of a share, held between none and all."""
    if share <= 0:
        return 0
    return width if share >= 1 else int(share * width)


def chart(
    curves: Sequence[Curve],
    width: int,
    height: int,
    write: Callable[[Decimal], str],
    ends: tuple[Decimal, Decimal] | None = None,
) -> list[Text]:
    """Rows of braille with the scale at the left.

    Later curves lie on top. All share one scale and, from their first to their
    last point, the whole width. ``ends`` fixes the scale; a value beyond an end
    is drawn on it.
    """
    known = [v for c in curves for _, v in _known(c.series) if v is not None]
    if not known:
        middle = Text(" no value is known".ljust(width)[:width], style="dim")
        return [middle, *(Text(" " * width) for _ in range(height - 1))]
    low, high = (min(known), max(known)) if ends is None else map(float, ends)
    labels = _labels(low, high, height, write)
    margin = max(len(label) for label in labels) + 1
    grid = _Grid(max(width - margin, 1), height)
    for curve in curves:
        grid.draw(curve, low, high)
    return [
        Text.assemble((label.rjust(margin - 1) + " ", "dim"), row)
        for label, row in zip(labels, grid.rows(), strict=True)
    ]


def _labels(
    low: float, high: float, height: int, write: Callable[[Decimal], str]
) -> list[str]:
    """The scale: its ends, and its middle where there is room."""
    labels = [""] * height
    if height >= _MIDDLE_FROM and high > low:
        labels[height // 2] = write(Decimal(str((low + high) / 2)))
    labels[-1] = write(Decimal(str(low)))
    labels[0] = write(Decimal(str(high)))
    return labels


def _row_of(value: float, low: float, span: float, top: int) -> int:
    """The row of dots of a value, counted from below."""
    if span <= 0:
        return top // 2
    return round(min(max((value - low) / span, 0.0), 1.0) * top)


class _Grid:
    """Dots, two by four to a cell; a cell takes the style of the last curve in it."""

    def __init__(self, width: int, height: int) -> None:
        self._bits = [[0] * width for _ in range(height)]
        self._styles = [[""] * width for _ in range(height)]
        self._width = width * _COLUMNS
        self._height = height * _ROWS

    def draw(self, curve: Curve, low: float, high: float) -> None:
        """Draw one curve, each column from its lowest to its highest value."""
        span = high - low
        top = self._height - 1
        for x, values in enumerate(_columns(curve.series, self._width)):
            if not values:
                continue
            ends = (min(values), max(values))
            places = [_row_of(value, low, span, top) for value in ends]
            for y in range(places[0], places[1] + 1):
                self._dot(x, top - y, curve.style)

    def _dot(self, x: int, y: int, style: str) -> None:
        row, column = y // _ROWS, x // _COLUMNS
        self._bits[row][column] |= _DOTS[y % _ROWS][x % _COLUMNS]
        self._styles[row][column] = style

    def rows(self) -> list[Text]:
        """The grid as lines of text."""
        lines = []
        for bits, styles in zip(self._bits, self._styles, strict=True):
            line = Text()
            for bit, style in zip(bits, styles, strict=True):
                line.append(chr(_BRAILLE + bit) if bit else " ", style=style)
            lines.append(line)
        return lines
