"""Foreign text can do nothing: not to a page, not to a terminal.

The sample frame and the sample report are walked field by field and every text in
them is replaced by an attack; what comes out is parsed and looked at.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from bot.report import figures
from bot.report.frame import Frame, FuturesGauge, MarginGauge, Reach
from bot.report.html import render_html
from bot.report.run_report import RunReport
from bot.report.summary_text import end_lines
from bot.report.terminal import render, render_end
from tests.unit.report.sample_report import NOON, sample_frame, sample_report

ATTACKS = st.sampled_from(
    (
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        "</style><script>x</script>",
        "</title></svg><script>x</script>",
        "<!-- ",
        "]]>",
        "&lt;script&gt;",
        "[red]markup[/red] [link=file:///x]",
        "\x1b[2J\x1b[31m\x07\x9b31m",
        "a\r\nb\u202ec\ud800\u2028",
    )
) | st.text(min_size=1)
SUMMARY_TEXTS = ("start", "end", "journal")
TAGS = frozenset(
    (
        *("html", "head", "meta", "title", "style", "body", "header", "nav"),
        *("main", "section", "footer", "div", "span", "p", "a", "strong", "code"),
        *("h1", "h2", "h3", "ul", "li", "dl", "dt", "dd", "figure", "figcaption"),
        *("table", "caption", "thead", "tbody", "tr", "th", "td"),
        *("svg", "desc", "g", "line", "rect", "circle", "polyline", "path", "text"),
    )
)
VOID = frozenset({"meta"})


def planted(value: object, text: str) -> object:
    """The same value with every text in it replaced; numbers and enums stay."""
    planted_value = value
    if isinstance(value, str) and not isinstance(value, Enum):
        planted_value = text
    elif isinstance(value, tuple):
        planted_value = tuple(planted(item, text) for item in value)
    elif isinstance(value, Mapping):
        planted_value = {
            f"{text}{index}": planted(item, text)
            for index, item in enumerate(value.values())
        }
    elif is_dataclass(value) and not isinstance(value, type):
        planted_value = type(value)(**_parts(value, text))
    return planted_value


def _parts(value: object, text: str) -> dict[str, object]:
    """The planted fields of a dataclass; a summary keeps its keys and numbers."""
    assert is_dataclass(value)
    names = [field.name for field in fields(value) if field.name != "summary"]
    parts = {name: planted(getattr(value, name), text) for name in names}
    if isinstance(value, RunReport):
        parts["summary"] = {**value.summary, **dict.fromkeys(SUMMARY_TEXTS, text)}
    return parts


class Reader(HTMLParser):
    """Collects tags, attributes and words, and checks that tags are balanced."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.comments = 0
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag opens."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag opens and closes."""
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """A tag closes the one that was opened last."""
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        """A comment, which the page has none of."""
        self.comments += 1

    def handle_data(self, data: str) -> None:
        """Words."""
        self.words.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


@given(text=ATTACKS)
def test_foreign_text_adds_nothing_to_the_page(text: str) -> None:
    """With an attack in every field the page has the same tags and attributes."""
    plain = read(render_html(sample_report()))
    report = planted(sample_report(), text)
    assert isinstance(report, RunReport)
    page = render_html(report)
    page.encode("utf-8")
    attacked = read(page)

    assert not attacked.open
    assert attacked.comments == 0
    assert attacked.tags <= plain.tags <= TAGS
    assert attacked.attributes <= plain.attributes
    assert not any(name.startswith("on") for name in attacked.attributes)
    shown = " ".join("".join(attacked.words).split())
    assert " ".join(figures.clean(text).split()) in shown


def is_quiet(line: str) -> bool:
    """Whether a line of output holds nothing that a terminal obeys."""
    return not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in line)


@given(text=ATTACKS, width=st.integers(30, 160), height=st.integers(8, 60))
def test_foreign_text_cannot_steer_the_terminal(
    text: str, width: int, height: int
) -> None:
    """With an attack in every field the view keeps its size and stays quiet."""
    frame = planted(sample_frame(), text)
    assert isinstance(frame, Frame)
    lines = render(frame, width, height).split("\n")

    assert len(lines) == height
    assert {line.cell_len for line in lines} == {width}
    assert all(is_quiet(line.plain) for line in lines)


@given(text=ATTACKS)
def test_foreign_text_cannot_steer_the_last_screen(text: str) -> None:
    """The last screen and its plain lines stay quiet as well."""
    report = planted(sample_report(), text)
    assert isinstance(report, RunReport)

    assert all(is_quiet(line) for line in render_end(report).plain.split("\n"))
    assert all(is_quiet(line) for line in end_lines(report))


maybe = st.none() | st.decimals(allow_nan=True, allow_infinity=True)


@given(
    numbers=st.lists(maybe, min_size=8, max_size=8),
    curve=st.lists(maybe, max_size=30),
    width=st.integers(1, 200),
    height=st.integers(1, 80),
)
def test_any_numbers_in_any_window_make_a_view(
    numbers: list[Decimal | None],
    curve: list[Decimal | None],
    width: int,
    height: int,
) -> None:
    """No number and no window size makes the live view fail or change its size."""
    series = tuple((NOON + timedelta(minutes=i), v) for i, v in enumerate(curve))
    reach = Reach(level=Decimal("0.97"), down=_move(numbers[0]), up=_move(numbers[1]))
    base = sample_frame()
    frame = Frame(
        at=NOON,
        title=base.title,
        world=base.world,
        equity_usdt=numbers[2],
        equity_start_usdt=numbers[3],
        guard=base.guard,
        progress=numbers[4],
        margins=(MarginGauge(name="m", debt_ratio=numbers[5], reaches=(reach,)),),
        futures=(FuturesGauge(settle="USDT", risk_rate=numbers[6], tmmr=numbers[7]),),
        twin=base.twin,
        equity_series=series,
        ratio_series=series,
    )
    lines = render(frame, width, height).split("\n")

    assert len(lines) == max(height, 8)
    assert {line.cell_len for line in lines} == {max(width, 30)}


def _move(value: Decimal | None) -> Decimal | None:
    return None if value is None or value.is_nan() else value
