"""What a trader sees while the bot runs, and on the last screen.

``render`` fills a rectangle of exactly the size it is given, so that a live
display never jumps or flickers: 80 by 24 shows what matters, 120 by 40 adds the
curves. What has no room is counted, never silently dropped. Pure: a ``Frame`` or
a ``RunReport`` in, styled text out; no clock, no output, no terminal size.
"""

from collections.abc import Sequence
from decimal import Decimal
from textwrap import wrap
from typing import Final

from rich.text import Text

from bot.report import figures
from bot.report.frame import Frame, Tone, banner_of
from bot.report.run_report import RunReport
from bot.report.summary_text import comparisons, guard_difference, verdict
from bot.report.terminal_parts import (
    STYLES,
    ahead_lines,
    banner_line,
    clock_line,
    equity_line,
    event_lines,
    fit,
    futures_lines,
    guard_lines,
    margin_lines,
    notice_lines,
    price_line,
    settlement_line,
    title_line,
    twin_line,
)
from bot.report.terminal_plot import Curve, chart, sparkline
from bot.report.terminal_tables import loan_lines, position_lines

__all__ = ["render", "render_end"]

_WIDE: Final = 110
_TALL: Final = 30
_EVENTS_MIN: Final = 4
"""Lines kept for the recent events, their title included."""
_ROOMY: Final = 34
"""So many lines have room for the forecast's whole sentences."""
_NOTICES_MAX: Final = 3
_HEIGHT_MIN: Final = 8
_WIDTH_MIN: Final = 30
_RATIO_ENDS: Final = (Decimal(0), Decimal(1))
_TWIN_STYLE: Final = "yellow"
_GUARD_STYLE: Final = "cyan"


def render(frame: Frame, width: int, height: int) -> Text:
    r"""The live view at exactly ``width`` by ``height`` characters.

    Example:
        >>> from datetime import UTC, datetime
        >>> from bot.report.frame import GuardView
        >>> frame = Frame(at=datetime(2025, 1, 1, tzinfo=UTC), title="t",
        ...     world="paper", equity_usdt=None, equity_start_usdt=None,
        ...     guard=GuardView())
        >>> lines = render(frame, 80, 24).plain.split("\n")
        >>> len(lines), {len(line) for line in lines}
        (24, {80})
    """
    width, height = max(width, _WIDTH_MIN), max(height, _HEIGHT_MIN)
    head = [banner_line(frame, width), clock_line(frame, width)]
    if width >= _WIDE and height >= _TALL:
        body = _two_columns(frame, width, height - len(head) - 1)
        head.append(Text(""))
    else:
        body = _one_column(frame, width, height - len(head))
    lines = [fit(line, width) for line in [*head, *body][:height]]
    lines += [Text(" " * width)] * (height - len(lines))
    view = Text("\n").join(lines)
    view.no_wrap = True
    view.end = ""
    return view


def _cut(lines: Sequence[Text], room: int) -> list[Text]:
    """As many lines as there is room for; the last one counts what is left out."""
    if len(lines) <= room:
        return list(lines)
    if room <= 0:
        return []
    left_out = len(lines) - room + 1
    return [*lines[: room - 1], Text(f"   … {left_out} more lines", style="dim")]


def _worst_first(value: Decimal | None) -> Decimal:
    """The unknown counts as the worst: it is shown before any number."""
    return Decimal("Infinity") if value is None or value.is_nan() else value


def _gauges(frame: Frame) -> list[Text]:
    """All accounts, the one nearest to its end first."""
    with_debts = not frame.loans
    gauges = [
        (_worst_first(gauge.debt_ratio), margin_lines(gauge, with_debts=with_debts))
        for gauge in frame.margins
    ]
    gauges += [
        (_worst_first(gauge.risk_rate), futures_lines(gauge)) for gauge in frame.futures
    ]
    gauges.sort(key=lambda pair: pair[0], reverse=True)
    return [line for _, lines in gauges for line in lines]


def _money(frame: Frame) -> list[Text]:
    lines = (equity_line(frame), twin_line(frame))
    return [line for line in lines if line is not None]


def _tables(frame: Frame, width: int) -> list[Text]:
    lines: list[Text] = []
    if frame.positions:
        lines += position_lines(frame.positions, width)
    if frame.loans:
        lines += loan_lines(frame.loans)
    return lines


def _quiet(frame: Frame, width: int, most: int) -> list[Text]:
    """The lines that look ahead or around: forecast, next settlement, marks."""
    lines = (settlement_line(frame), price_line(frame))
    ahead = ahead_lines(frame, width, most)
    return [*ahead, *(line for line in lines if line is not None)]


def _events(frame: Frame, width: int, room: int) -> list[Text]:
    if room <= 1:
        return []
    lines = event_lines(frame.events, width, room - 1)
    return [title_line("Events", width), *lines]


def _one_column(frame: Frame, width: int, height: int) -> list[Text]:
    lines = _money(frame)
    lines += _cut(notice_lines(frame), _NOTICES_MAX)
    lines += _cut(_gauges(frame), max(2, height - len(lines) - 12))
    lines += guard_lines(frame, width)
    room = height - len(lines) - _EVENTS_MIN
    quiet = _quiet(frame, width, 1)
    lines += _cut(_tables(frame, width), room - len(quiet))
    lines += quiet[: max(height - len(lines) - _EVENTS_MIN, 0)]
    if height - len(lines) > _EVENTS_MIN + 1:
        lines.insert(1, _spark(frame, width))
    return lines + _events(frame, width, height - len(lines))


def _spark(frame: Frame, width: int) -> Text:
    drawn = sparkline(frame.equity_series, max(width - 12, 1), min)
    return Text.assemble(" " * 11, (drawn, _GUARD_STYLE))


def _two_columns(frame: Frame, width: int, height: int) -> list[Text]:
    left_width = width * 3 // 5
    right_width = width - left_width - 3
    left = _left(frame, left_width, height)
    right = _right(frame, right_width, height)
    blank = Text("")
    rows = []
    for row in range(height):
        one = left[row] if row < len(left) else blank
        two = right[row] if row < len(right) else blank
        rows.append(
            Text.assemble(fit(one, left_width), (" │ ", "dim"), fit(two, right_width))
        )
    return rows


def _left(frame: Frame, width: int, height: int) -> list[Text]:
    most = 2 if height >= _ROOMY else 1
    lines = [*_money(frame), *_quiet(frame, width, most)]
    lines += _cut(notice_lines(frame), _NOTICES_MAX)
    lines += [title_line("Risk", width)]
    lines += _cut(_gauges(frame), max(2, height - len(lines) - 12))
    lines += guard_lines(frame, width)
    tables = _tables(frame, width)
    if tables:
        lines.append(title_line("Positions and loans", width))
    lines += _cut(tables, height - len(lines) - _EVENTS_MIN)
    return lines + _events(frame, width, height - len(lines))


def _right(frame: Frame, width: int, height: int) -> list[Text]:
    twin = frame.twin
    tall = (height - 2) * 3 // 5
    curves = [Curve(series=frame.equity_series, style=_GUARD_STYLE)]
    ratios = [Curve(series=frame.ratio_series, style=_GUARD_STYLE)]
    if twin is not None:
        curves.insert(0, Curve(series=twin.equity_series, style=_TWIN_STYLE))
        ratios.insert(0, Curve(series=twin.ratio_series, style=_TWIN_STYLE))
    name = figures.clean(frame.ratio_name)
    return [
        _chart_title("Equity, USDT", frame, width),
        *chart(curves, width, tall, _whole),
        _chart_title(name[:1].upper() + name[1:], frame, width),
        *chart(ratios, width, height - 2 - tall, _whole_percent, _RATIO_ENDS),
    ]


def _whole(value: Decimal) -> str:
    return figures.usdt(value).partition(".")[0]


def _whole_percent(value: Decimal) -> str:
    return figures.percent(value, 0)


def _chart_title(title: str, frame: Frame, width: int) -> Text:
    line = Text.assemble((f" {title} ", "bold dim"), ("━ guard ", _GUARD_STYLE))
    if frame.twin is not None:
        line.append("━ no guard ", style=_TWIN_STYLE)
    line.append("─" * max(width - line.cell_len, 0), style="dim")
    return line


def render_end(report: RunReport, width: int = 80) -> Text:
    """The last screen: the outcome, both runs side by side, where things are.

    As many lines as it takes, each at most ``width`` wide except commands and
    paths, which are never cut because they are there to be copied.
    """
    told = verdict(report)
    banner = banner_of(report.world)
    lines = [
        Text.assemble(
            (f" {figures.clean(banner.word)} ", "bold reverse"),
            f"  {figures.clean(report.title)}",
        ),
        Text(""),
        Text(f" {told.tone.sign} {told.headline}", style=STYLES[told.tone] or "bold"),
        *(Text(f"   {line}") for text in told.sentences for line in _wrap(text, width)),
        Text(""),
        *_side_by_side(report, width),
        Text(""),
        *_notices(report, width),
        *_places(report),
    ]
    view = Text("\n").join(lines)
    view.no_wrap = True
    view.overflow = "ignore"
    return view


def _wrap(text: str, width: int) -> list[str]:
    return wrap(figures.clean(text), max(width - 4, 20), break_on_hyphens=False)


def _side_by_side(report: RunReport, width: int) -> list[Text]:
    rows = comparisons(report)
    cells = [cell for row in rows for cell in (row.with_guard, row.without_guard or "")]
    size = max(min(max((width - 32) // 2, 14), 20), *(len(cell) + 2 for cell in cells))
    heads = ("with guard".rjust(size), "without guard".rjust(size))
    lines = [Text(f"   {'':27}{heads[0]}{heads[1]}", style="dim")]
    for row in rows:
        other = figures.DASH if row.without_guard is None else row.without_guard
        lines.append(
            Text(f"   {row.label:27}{row.with_guard.rjust(size)}{other.rjust(size)}")
        )
    difference = guard_difference(report)
    if report.without_guard is not None:
        sign = figures.usdt(difference, signed=True).rjust(size)
        tone = Tone.NEUTRAL if difference is None else _gain(difference)
        lines.append(
            Text(f"   {'Difference in equity, USDT':27}{sign}", style=STYLES[tone])
        )
    return lines


def _gain(difference: Decimal) -> Tone:
    return Tone.CALM if difference >= 0 else Tone.DANGER


def _notices(report: RunReport, width: int) -> list[Text]:
    lines = []
    for notice in report.notices:
        first, *rest = _wrap(notice, width) or [""]
        lines.append(Text(f" {Tone.CAUTION.sign} {first}", style=STYLES[Tone.CAUTION]))
        lines += [Text(f"   {line}", style=STYLES[Tone.CAUTION]) for line in rest]
    return [*lines, Text("")] if lines else []


def _places(report: RunReport) -> list[Text]:
    lines = []
    if report.report_path:
        lines.append(Text(f"   Report   {figures.clean(report.report_path)}"))
    if report.journal_path:
        lines.append(Text(f"   Journal  {figures.clean(report.journal_path)}"))
    if report.next_commands:
        lines += [Text(""), Text("   What to type next", style="dim")]
    size = max((len(step.command) for step in report.next_commands), default=0)
    for step in report.next_commands:
        lines.append(
            Text.assemble(
                "   ",
                (figures.clean(step.command).ljust(size), "bold"),
                (f"   {figures.clean(step.purpose)}", "dim"),
            )
        )
    return lines
