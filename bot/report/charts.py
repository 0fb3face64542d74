"""Small line charts as SVG text: axes, bands, rules, marks, honest gaps.

A chart is drawn for a page that loads nothing: no script, no font, no link.
Colours are classes that the page's style defines. Where a value is unknown the
line is broken, never bridged; where there are more points than pixels, the
smallest and largest of each pixel column stay, so that no peak is lost. Pixels
are floats, money is not: this module must not compute anything but places.
"""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import Final

from bot.report import figures
from bot.report.chart_scale import (
    TimeAxis,
    ValueAxis,
    fit_times,
    fit_values,
    thin,
)
from bot.report.frame import Series

__all__ = ["Band", "Chart", "Line", "Mark", "Rule", "draw"]

_WIDTH: Final = 960
_LEFT: Final = 84
_RIGHT: Final = 84
_TOP: Final = 12
_BOTTOM: Final = 30
_MARK_COLUMN: Final = 4
"""Marks closer than this many pixels share one sign."""
_RULE_GAP: Final = 12
"""Labels of rules are kept this many pixels apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One curve; ``style`` is a class of the page, ``name`` its legend."""

    name: str
    series: Series
    style: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A zone between two values, shaded behind the curves."""

    low: Decimal
    high: Decimal
    style: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A threshold drawn across the chart, with its label at the right edge."""

    value: Decimal
    label: str
    style: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that happened, marked on the time axis."""

    at: datetime
    text: str
    style: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What to draw. ``key`` is unique in the page; ``write`` prints a tick.

    ``floor`` and ``ceiling`` fix the ends of the value axis; a value beyond a
    fixed end is drawn on the edge. None leaves the end to the data.
    """

    key: str
    title: str
    description: str
    lines: Sequence[Line]
    write: Callable[[Decimal], str]
    bands: Sequence[Band] = ()
    rules: Sequence[Rule] = ()
    marks: Sequence[Mark] = ()
    floor: Decimal | None = None
    ceiling: Decimal | None = None
    height: int = 260


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plot:
    """The chart with its two axes in place."""

    chart: Chart
    times: TimeAxis
    values: ValueAxis

    @property
    def bottom(self) -> int:
        return self.chart.height - _BOTTOM

    def x(self, at: datetime) -> float:
        return self.times.place(at, _LEFT, _WIDTH - _RIGHT)

    def y(self, value: float) -> float:
        return self.values.place(value, self.bottom, _TOP)


def _escape(text: str) -> str:
    return html.escape(figures.clean(text), quote=True)


def _number(value: Decimal | None) -> float | None:
    """A place on the axis; the infinite keep their sign, unknown stays unknown."""
    return None if value is None or value.is_nan() else float(value)


def _points(series: Series) -> list[tuple[datetime, float | None]]:
    return [(at, _number(value)) for at, value in series]


def _axes(chart: Chart) -> _Plot | None:
    points = [point for line in chart.lines for point in _points(line.series)]
    known = [(at, value) for at, value in points if value is not None]
    if not known:
        return None
    finite = [value for _, value in known if isfinite(value)]
    values = fit_values(finite, _number(chart.floor), _number(chart.ceiling))
    return _Plot(chart=chart, times=fit_times([at for at, _ in points]), values=values)


def draw(chart: Chart) -> str:
    """The chart as one ``<svg>`` element, or a sentence when nothing is known.

    Example:
        >>> draw(Chart(key="k", title="Equity", description="d", lines=(),
        ...            write=figures.usdt))
        '<p class="none">Equity: no value is known.</p>'
    """
    plot = _axes(chart)
    if plot is None:
        return f'<p class="none">{_escape(chart.title)}: no value is known.</p>'
    body = [
        *_bands(plot),
        *_value_grid(plot),
        *_time_grid(plot),
        *_rules(plot),
        *(piece for line in chart.lines for piece in _curve(plot, line)),
        *_marks(plot),
    ]
    key = _escape(chart.key)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {chart.height}" role="img" '
        f'aria-labelledby="{key}-t {key}-d" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="{key}-t">{_escape(chart.title)}</title>'
        f'<desc id="{key}-d">{_escape(chart.description)}</desc>'
        f"{''.join(body)}</svg>"
    )


def _bands(plot: _Plot) -> list[str]:
    pieces = []
    for band in plot.chart.bands:
        top = plot.y(float(band.high))
        size = plot.y(float(band.low)) - top
        if size > 0:
            pieces.append(
                f'<rect class="{_escape(band.style)}" x="{_LEFT}" y="{top:.1f}" '
                f'width="{_WIDTH - _LEFT - _RIGHT}" height="{size:.1f}"/>'
            )
    return pieces


def _value_grid(plot: _Plot) -> list[str]:
    pieces = []
    for tick in plot.values.ticks:
        y = plot.y(float(tick))
        pieces.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" '
            f'y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="tick" x="{_LEFT - 10}" y="{y + 4:.1f}" '
            f'text-anchor="end">{_escape(plot.chart.write(tick))}</text>'
        )
    return pieces


def _time_grid(plot: _Plot) -> list[str]:
    y = plot.bottom
    pieces = [
        f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
    ]
    for at, label in plot.times.ticks:
        x = plot.x(at)
        pieces.append(
            f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + 5}"/>'
            f'<text class="tick" x="{x:.1f}" y="{y + 20}" '
            f'text-anchor="middle">{_escape(label)}</text>'
        )
    return pieces


def _rules(plot: _Plot) -> list[str]:
    pieces = []
    last = None
    for rule in sorted(plot.chart.rules, key=lambda rule: rule.value):
        if not plot.values.holds(float(rule.value)):
            continue
        y = plot.y(float(rule.value))
        label = y if last is None else min(y, last - _RULE_GAP)
        last = label
        pieces.append(
            f'<line class="{_escape(rule.style)}" x1="{_LEFT}" '
            f'x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="rule-label" x="{_WIDTH - _RIGHT + 7}" '
            f'y="{label + 4:.1f}">{_escape(rule.label)}</text>'
        )
    return pieces


def _curve(plot: _Plot, line: Line) -> list[str]:
    pieces = []
    placed = [
        (plot.x(at), None if value is None else plot.y(value))
        for at, value in _points(line.series)
    ]
    style = _escape(line.style)
    for run in thin(placed):
        if len(run) == 1:
            x, y = run[0]
            pieces.append(
                f'<circle class="{style} dot" cx="{x:.1f}" cy="{y:.1f}" r="2"/>'
            )
        else:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
            pieces.append(f'<polyline class="{style}" points="{path}"/>')
    return pieces


def _marks(plot: _Plot) -> list[str]:
    columns: dict[tuple[int, str], list[Mark]] = {}
    for mark in plot.chart.marks:
        if plot.times.holds(mark.at):
            column = int(plot.x(mark.at)) // _MARK_COLUMN
            columns.setdefault((column, mark.style), []).append(mark)
    return [_mark(plot, marks) for marks in columns.values()]


def _mark(plot: _Plot, marks: Sequence[Mark]) -> str:
    first = marks[0]
    x, y = plot.x(first.at), plot.bottom
    told = f"{figures.moment(first.at)} UTC: {first.text}"
    if len(marks) > 1:
        told += f" (and {len(marks) - 1} more here)"
    style = _escape(first.style)
    return (
        f'<g class="{style}"><title>{_escape(told)}</title>'
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{y}"/>'
        f'<path d="M{x:.1f} {y - 9} l5 9 h-10 z"/></g>'
    )
