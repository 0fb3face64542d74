"""The bricks of the HTML report: escaped text, tables, figures, lists.

``Markup`` is text that is already HTML; everything else is foreign and is
escaped on the way in. Only this module and ``charts`` write tags around foreign
text, so this is the one place to look at when asking what a name can do. It must
not know what a report says.
"""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NewType

from bot.report import figures
from bot.report.charts import Chart, draw

__all__ = [
    "Column",
    "Markup",
    "bullets",
    "chart_figure",
    "definitions",
    "heading",
    "join",
    "paragraph",
    "table",
    "text",
]

Markup = NewType("Markup", str)
"""Text that is safe to place in the page as it stands."""

_ROWS_MAX: Final = 400
"""A table longer than this shows its first and last half of so many rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column's title and its class: ``num``, ``when``, ``wide`` or empty."""

    title: str
    style: str = ""


def text(value: str) -> Markup:
    """Foreign text made safe: invisible characters shown, tags escaped.

    Example:
        >>> text("<script>")
        '&lt;script&gt;'
    """
    return Markup(html.escape(figures.clean(value), quote=True))


def join(parts: Iterable[Markup]) -> Markup:
    """Pieces of markup, one after the other."""
    return Markup("\n".join(part for part in parts if part))


def heading(title: str, key: str) -> Markup:
    """A section's heading; ``key`` is its anchor, a word of our own."""
    return Markup(f'<h2 id="{text(key)}">{text(title)}</h2>')


def paragraph(sentence: str, style: str = "") -> Markup:
    """One paragraph of plain text."""
    mark = f' class="{text(style)}"' if style else ""
    return Markup(f"<p{mark}>{text(sentence)}</p>")


def bullets(items: Sequence[str], none: str) -> Markup:
    """A list of sentences, or the sentence that says why it is empty."""
    if not items:
        return paragraph(none, "none")
    return Markup(
        "<ul>" + "".join(f"<li>{text(item)}</li>" for item in items) + "</ul>"
    )


def definitions(pairs: Sequence[tuple[str, str]]) -> Markup:
    """Names and values in two columns."""
    rows = "".join(
        f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in pairs
    )
    return Markup(f"<dl>{rows}</dl>") if pairs else Markup("")


def _cell(column: Column, value: str | Markup, *, is_first: bool) -> str:
    style = f' class="{text(column.style)}"' if column.style else ""
    tag, scope = ("th", ' scope="row"') if is_first else ("td", "")
    return f"<{tag}{scope}{style}>{value}</{tag}>"


def _head(column: Column) -> str:
    style = f' class="{text(column.style)}"' if column.style else ""
    return f'<th scope="col"{style}>{text(column.title)}</th>'


def _row(columns: Sequence[Column], row: Sequence[Markup]) -> str:
    cells = (
        _cell(column, value, is_first=index == 0 and not column.style)
        for index, (column, value) in enumerate(zip(columns, row, strict=True))
    )
    return f"<tr>{''.join(cells)}</tr>"


def _shown(
    rows: Sequence[Sequence[Markup]], caption: str
) -> tuple[Sequence[Sequence[Markup]], str]:
    if len(rows) <= _ROWS_MAX:
        return rows, caption
    half = _ROWS_MAX // 2
    note = f"The first {half} and the last {half} of {len(rows):,}; "
    told = f"{caption} {note}all of them are in the journal."
    return [*rows[:half], *rows[-half:]], told


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Markup]],
    *,
    style: str = "",
    last_is_total: bool = False,
) -> Markup:
    """A table with caption and column headings; a very long one is cut, and says so.

    Example:
        >>> table("Fees", [Column(title="What"), Column(title="USDT", style="num")],
        ...       [[text("Taker"), text("1.00")]]).count("<td")
        1
    """
    shown, told = _shown(rows, caption)
    head = "".join(_head(column) for column in columns)
    body = [_row(columns, row) for row in shown]
    if last_is_total and body:
        body[-1] = body[-1].replace("<tr>", '<tr class="total">', 1)
    mark = f' class="{text(style)}"' if style else ""
    return Markup(
        f'<div class="scroll"><table{mark}><caption>{text(told)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _key(name: str, style: str) -> str:
    return (
        '<span class="key"><svg viewBox="0 0 30 10" aria-hidden="true">'
        f'<line class="stroke {text(style)}" x1="1" x2="29" y1="5" y2="5"/></svg>'
        f"{text(name)}</span>"
    )


def chart_figure(chart: Chart) -> Markup:
    """A chart under its title and legend, the line drawn on top named first."""
    shown = [line for line in reversed(chart.lines) if line.series]
    keys = "".join(_key(line.name, line.style) for line in shown)
    return Markup(
        f"<figure><figcaption><strong>{text(chart.title)}</strong>{keys}</figcaption>"
        f'<div class="scroll">{draw(chart)}</div></figure>'
    )
