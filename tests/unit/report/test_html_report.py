"""The HTML report: what it says, what it may load, and how it is built."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.report.frame import Tone
from bot.report.html import render_html
from bot.report.html_plots import plots
from bot.report.run_report import (
    ActionRow,
    Curve,
    FillRow,
    RunReport,
    count_in,
    figure_in,
)
from bot.report.summary_text import (
    books_note,
    comparisons,
    end_lines,
    guard_difference,
    verdict,
)
from tests.unit.report.sample_report import NOON, hours, sample_report

EMPTY = RunReport(title="Nothing", world="paper", summary={})


def changed(**fields: object) -> RunReport:
    report = sample_report()
    return replace(report, summary={**report.summary, **fields})


def without(*keys: str) -> RunReport:
    report = sample_report()
    kept = {key: v for key, v in report.summary.items() if key not in keys}
    return replace(report, summary=kept)


def visible(page: str) -> str:
    """The words of a page, without tags, style and space."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body).replace("\u00a0", " "))


def test_the_page_can_load_nothing() -> None:
    """The policy is strict and the page has no script, link, picture or address."""
    page = render_html(sample_report())

    assert (
        'http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; img-src data:\""
    ) in page
    for word in ("<script", "<link", "<img", "<iframe", "@import", "url(", "src="):
        assert word not in page
    addresses = set(re.findall(r"https?://[^\"' ]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}


def test_links_stay_inside_the_page() -> None:
    """Every link goes to an anchor that is there."""
    page = render_html(sample_report())
    links = re.findall(r'href="([^"]*)"', page)

    assert links
    for link in links:
        assert link.startswith("#")
        assert f'id="{link[1:]}"' in page


def test_ids_are_unique() -> None:
    """No anchor or chart part is named twice."""
    ids = re.findall(r'\bid="([^"]*)"', render_html(sample_report()))

    assert len(ids) == len(set(ids))


def test_every_part_of_the_run_is_on_the_page() -> None:
    """Whatever the report holds can be read on the page."""
    words = visible(render_html(sample_report()))

    for part in (
        "REPLAY",
        "Crash of October",
        "2025-10-10 12:00:00 to 2025-10-10 15:00:00 UTC, 3 h",
        "The account survived: it was not liquidated.",
        "The guard saved you 6,463.01 USDT, 25.58 % of the equity at the start.",
        "The guard acts at 6 %.",
        "The market of this run is made up.",
        "Sold 0.17 BTC",
        "83.45 %",
        "76.84 %",
        "d-000001",
        "The parts sum exactly to the change in equity.",
        "42,527.17",
        "+31.2",
        "115,238.16",
        "Fees: VIP 0.",
        "ETH between the coarse closes.",
        "runs/crash-7/journal.sqlite",
        "gnomon doctor",
    ):
        assert part in words, part


def test_every_table_has_a_caption_and_scopes() -> None:
    """A table can be understood by ear."""
    page = render_html(sample_report())

    assert page.count("<table") == page.count("<caption>") > 4
    assert "<th>" not in page


def test_light_dark_and_paper() -> None:
    """The page has a dark face and a printed one."""
    page = render_html(EMPTY)

    assert "@media (prefers-color-scheme:dark)" in page
    assert "@media print" in page
    assert '<html lang="en">' in page


def test_an_empty_report_is_unknown_and_never_zero() -> None:
    """A summary without numbers gives a page that says unknown everywhere."""
    words = visible(render_html(EMPTY))

    assert "Whether the account was liquidated is unknown." in words
    assert "Equity went from unknown to unknown USDT." in words
    assert "0.00" not in words


def test_an_unknown_cost_is_not_zero() -> None:
    """An action whose cost is unknown says so in its row."""
    row = re.search(
        r"<tr><td[^>]*>2025-10-10 13:00:00.*?</tr>", render_html(sample_report())
    )

    assert row is not None
    assert row.group().endswith('<td class="num">unknown</td></tr>')


def test_a_very_long_table_is_cut_and_says_so() -> None:
    """Ten thousand fills do not make a page that cannot be opened."""
    (fill,) = sample_report().fills
    fills = tuple(
        replace(fill, at=fill.at + timedelta(seconds=index)) for index in range(10_000)
    )
    page = render_html(replace(sample_report(), fills=fills))

    assert "The first 200 and the last 200 of 10,000" in page
    assert "2025-10-10 13:00:00" in page
    assert "2025-10-10 15:46:39" in page
    assert len(page) < 400_000


def test_a_year_of_minutes_makes_a_small_page() -> None:
    """Curves are thinned to the pixels before they are written."""
    series = tuple(
        (NOON + timedelta(minutes=index), Decimal(index % 997))
        for index in range(100_000)
    )
    curve = Curve(with_guard=series, without_guard=series)

    assert len(render_html(replace(EMPTY, equity=curve))) < 200_000


def test_the_charts_show_the_levels() -> None:
    """Debt ratio has KuCoin's four levels, distance the guard's two."""
    charts = {chart.title: chart for chart in plots(sample_report())}

    ratio = charts["Debt ratio, cross margin"]
    assert [rule.label for rule in ratio.rules] == ["60 %", "90 %", "95 %", "97 %"]
    distance = charts["Distance to liquidation, cross margin"]
    labels = [rule.label.replace("\u00a0", " ") for rule in distance.rules]
    assert labels == ["act 15.0 %", "target 25.0 %"]
    assert [mark.style for mark in distance.marks] == ["mark", "mark-danger"]


def test_relative_prices_start_at_the_first_known_one() -> None:
    """A coin without a price at the start is measured from its first price."""
    report = replace(EMPTY, prices={"BTC": hours(None, "0", "100", "90")})
    chart = plots(report)[-1]

    assert [value for _, value in chart.lines[0].series] == [
        None,
        None,
        Decimal(0),
        Decimal("-0.1"),
    ]


def test_more_coins_than_styles_are_counted() -> None:
    """Coins that are not drawn are named in the title, by number."""
    prices = {f"C{index}": hours("1", "2") for index in range(9)}

    assert "3 more not drawn" in plots(replace(EMPTY, prices=prices))[-1].title


@pytest.mark.parametrize(
    ("ours", "theirs", "sentence"),
    [
        ("90", "100", "The guard cost you 10.00 USDT"),
        ("110", "100", "The guard saved you 10.00 USDT"),
        ("100", "100.0", "The guard made no difference to the equity at the end."),
        ("100", None, "The difference that the guard made in equity is unknown."),
    ],
)
def test_the_difference_is_said_plainly(
    ours: str, theirs: str | None, sentence: str
) -> None:
    """A guard that cost money is told so in the same place and the same words."""
    report = changed(equity_end=ours, without_guard={"equity_end": theirs})

    assert verdict(report).sentences[-1].startswith(sentence)


@pytest.mark.parametrize(
    ("count", "headline", "tone"),
    [
        (0, "The account survived: it was not liquidated.", Tone.CALM),
        (1, "The account was liquidated once.", Tone.DANGER),
        (7, "The account was liquidated 7 times.", Tone.DANGER),
        (None, "Whether the account was liquidated is unknown.", Tone.NEUTRAL),
    ],
)
def test_headlines(count: int | None, headline: str, tone: Tone) -> None:
    """The first line says whether the account is still there."""
    told = verdict(changed(liquidations=count))

    assert (told.headline, told.tone) == (headline, tone)


def test_without_a_twin_there_is_no_claim() -> None:
    """With nothing to compare, nothing is said to be saved."""
    report = without("without_guard")
    told = verdict(report)

    assert guard_difference(report) is None
    assert not any("saved" in line or "cost you" in line for line in told.sentences)
    assert all(row.without_guard is None for row in comparisons(report))
    noted = replace(report, without_guard_note="The guard was switched off.")
    assert verdict(noted).sentences[-1] == "The guard was switched off."


@pytest.mark.parametrize(
    ("pnl", "tone"),
    [
        ({"price": "-8665.49"}, Tone.CALM),
        ({"price": "-8665.49", "fees": "-0.00000001"}, Tone.DANGER),
        ({"price": "-8665.49", "fees": None}, Tone.CAUTION),
        (None, Tone.CAUTION),
    ],
)
def test_the_books_are_checked(pnl: object, tone: Tone) -> None:
    """Parts that do not sum exactly are said not to, at the last digit."""
    assert books_note(changed(pnl=pnl))[1] is tone


def test_a_broken_number_in_the_summary_is_an_error() -> None:
    """A field that is not a number is named, not shown as something else."""
    with pytest.raises(ValueError, match="equity_end must be a number"):
        figure_in({"equity_end": "12,5"}, "equity_end")
    assert figure_in({"x": "Infinity"}, "x") == Decimal("Infinity")
    assert figure_in({"x": "NaN"}, "x") is None
    assert count_in({"x": "Infinity"}, "x") is None


def test_plain_lines_for_output_without_a_terminal() -> None:
    """The plain lines have the outcome, the paths and the next commands."""
    lines = end_lines(sample_report())

    assert lines[1] == "The account survived: it was not liquidated."
    assert "Journal: runs/crash-7/journal.sqlite" in lines
    assert lines[-1] == "Next:    gnomon doctor  (what is missing)"


def test_rows_may_hold_the_infinite() -> None:
    """An infinite ratio is shown as such, in its row."""
    action = ActionRow(at=NOON, what="a", why="b", before=Decimal("Infinity"))
    page = render_html(replace(EMPTY, actions=(action,)))

    assert "∞\u00a0%" in page


def test_a_fill_names_its_unit() -> None:
    """Lots and coins are never confused."""
    fill = FillRow(
        at=NOON,
        account="futures",
        symbol="XBTUSDTM",
        side="buy",
        qty=Decimal(3),
        unit="lots",
        price=Decimal(100_000),
        fee=None,
        fee_coin="USDT",
    )
    words = visible(render_html(replace(EMPTY, fills=(fill,))))

    assert "3 lots 100,000.00 unknown USDT" in words
