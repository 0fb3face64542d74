"""The HTML report of a run: one file that needs nothing else.

No script, no font, no picture and no link to anywhere; a content policy in the
page forbids them. It reads on a phone, in the dark, on paper and aloud. The
order is that of a trader's questions: did it survive, what did the guard do for
me, what happened, what did it cost, what is assumed. Returns text: writing the
file belongs to the caller.
"""

from datetime import datetime
from typing import Final

from bot.report import figures
from bot.report.frame import banner_of
from bot.report.html_episodes import episode_table
from bot.report.html_parts import (
    Markup,
    bullets,
    chart_figure,
    definitions,
    heading,
    join,
    paragraph,
    text,
)
from bot.report.html_plots import plots
from bot.report.html_style import STYLE
from bot.report.html_tables import (
    action_table,
    comparison_table,
    count_list,
    fill_table,
    funding_table,
    loan_table,
    pnl_table,
    saved_interest,
    timeline_table,
)
from bot.report.outlook_view import outlook_table
from bot.report.run_report import RunReport
from bot.report.summary_text import verdict

__all__ = ["render_html"]

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

_SECTIONS: Final = (
    ("curves", "Curves"),
    ("happened", "What happened"),
    ("guard", "What the guard did"),
    ("costs", "Costs"),
    ("fills", "Orders and fills"),
    ("assumed", "What is assumed"),
    ("read", "How to read this"),
)

_HOW_TO_READ: Final = """
Equity is everything owned less everything owed, over all accounts, in USDT at mark
prices.

The debt ratio of a margin account is what is owed over what is owned. KuCoin calls
it low to 60 %, medium to 90 % and high above, warns at 95 % and takes the account
over at 97 %.

The risk rate of a futures account is the maintenance margin over the margin that is
there. KuCoin cancels orders at 95 % and liquidates at 100 %.

The distance is how far every coin would have to move against the account, together
and at once, until it is liquidated. The guard acts when it falls under the line
marked act, and stops when it is back at the line marked target.

A triangle on the time axis is an action of the guard, or in red a liquidation or
another danger. A gap in a curve means that the number was unknown then.

Ratios are rounded up and distances down. The word unknown means unknown, never
zero. The journal holds every number in full.
"""


def render_html(report: RunReport) -> str:
    """The whole page as text, to be written as UTF-8.

    Example:
        >>> page = render_html(RunReport(title="A & B", world="paper", summary={}))
        >>> "<title>A &amp; B, Gnomon</title>" in page, "<script" in page
        (True, False)
    """
    body = join(
        [
            _header(report),
            _contents(),
            Markup("<main>"),
            _outcome(report),
            _curves(report),
            _story(report),
            _costs(report),
            _ground(report),
            Markup("</main>"),
            _footer(report),
        ]
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{text(report.title)}, Gnomon</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _header(report: RunReport) -> Markup:
    banner = banner_of(report.world)
    return Markup(
        '<header><div class="brand">Gnomon'
        f'<span class="banner tone-{banner.tone}">{text(banner.word)}</span></div>'
        f"<h1>{text(report.title)}</h1>"
        f'<p class="soft">{text(_period(report))}</p>'
        f'<p class="soft">{text(banner.sentence.capitalize())}.</p></header>'
    )


def _period(report: RunReport) -> str:
    """From when to when, and how long; a time that cannot be read stays as it is."""
    ends = [report.summary.get(key) for key in ("start", "end")]
    times = [_time(end) for end in ends]
    if times[0] is None or times[1] is None:
        return " to ".join(figures.UNKNOWN if e is None else str(e) for e in ends)
    span = figures.duration(times[1] - times[0])
    return f"{figures.moment(times[0])} to {figures.moment(times[1])} UTC, {span}"


def _time(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return None if time.tzinfo is None else time


def _contents() -> Markup:
    links = " ".join(f'<a href="#{key}">{text(title)}</a>' for key, title in _SECTIONS)
    return Markup(f'<nav aria-label="Contents">{links}</nav>')


def _section(key: str) -> Markup:
    return heading(dict(_SECTIONS)[key], key)


def _outcome(report: RunReport) -> Markup:
    told = verdict(report)
    last = len(told.sentences) - 1
    lines = "".join(
        str(paragraph(sentence, "last" if index == last else ""))
        for index, sentence in enumerate(told.sentences)
    )
    notices = [paragraph(notice, "notice") for notice in report.notices]
    if report.is_synthetic:
        notices.append(paragraph("The market of this run is made up.", "notice"))
    if report.derived:
        notices.append(
            paragraph(
                "Some of the data were rebuilt and not recorded; see What is assumed.",
                "notice",
            )
        )
    return join(
        [
            Markup(
                f'<section class="verdict tone-{told.tone}" aria-label="Outcome">'
                f'<p class="headline">{text(told.headline)}</p>{lines}</section>'
            ),
            *notices,
            comparison_table(report),
        ]
    )


def _curves(report: RunReport) -> Markup:
    return join([_section("curves"), *(chart_figure(chart) for chart in plots(report))])


def _story(report: RunReport) -> Markup:
    return join(
        [
            _section("happened"),
            timeline_table(report),
            _section("guard"),
            action_table(report),
            Markup("<h3>What the forecast said</h3>"),
            outlook_table(report.outlooks),
            episode_table(report),
        ]
    )


def _costs(report: RunReport) -> Markup:
    return join(
        [
            _section("costs"),
            pnl_table(report),
            Markup("<h3>Loans and interest</h3>"),
            loan_table(report),
            saved_interest(report),
            Markup("<h3>Funding</h3>"),
            funding_table(report),
            _section("fills"),
            count_list(report),
            fill_table(report),
        ]
    )


def _ground(report: RunReport) -> Markup:
    return join(
        [
            _section("assumed"),
            bullets(report.assumptions, "No assumption was stated."),
            Markup("<h3>Rebuilt data</h3>"),
            bullets(report.derived, "Nothing was rebuilt."),
            Markup("<h3>This run</h3>"),
            definitions(report.facts),
            _section("read"),
            bullets(_HOW_TO_READ.strip().split("\n\n"), ""),
        ]
    )


def _footer(report: RunReport) -> Markup:
    journal = (
        f"Journal: <code>{text(report.journal_path)}</code>"
        if report.journal_path
        else "No journal was kept."
    )
    steps = "".join(
        f"<li><code>{text(step.command)}</code> {text(step.purpose)}</li>"
        for step in report.next_commands
    )
    after = f"<p>What to type next</p><ul>{steps}</ul>" if steps else ""
    return Markup(f"<footer><p>{journal}</p>{after}</footer>")
