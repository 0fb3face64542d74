"""The terminal view: exact size, worst first, unknown in words, nothing hidden."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console

from bot.domain.events import AccountStatus
from bot.report.frame import (
    EventLine,
    Frame,
    FuturesGauge,
    GuardState,
    GuardView,
    MarginGauge,
    PositionLine,
    Reach,
    Twin,
)
from bot.report.terminal import render, render_end
from bot.report.terminal_plot import Curve, bar, chart, sparkline
from tests.unit.report.sample_report import NOON, hours, sample_frame, sample_report

UNKNOWN = Frame(
    at=NOON,
    title="",
    world="paper",
    equity_usdt=None,
    equity_start_usdt=None,
    guard=GuardView(),
)


def shown(frame: Frame, width: int = 80, height: int = 24) -> str:
    return render(frame, width, height).plain.replace("\u00a0", " ")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (40, 10), (110, 30)])
def test_the_view_fills_its_rectangle(size: tuple[int, int]) -> None:
    """Every frame has exactly the asked size, so that nothing jumps."""
    width, height = size
    lines = render(sample_frame(), width, height).split("\n")

    assert len(lines) == height
    assert {line.cell_len for line in lines} == {width}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_console_prints_it_as_it_is(size: tuple[int, int]) -> None:
    """A console of that size adds no line and breaks none."""
    width, height = size
    console = Console(file=StringIO(), width=width, height=height)
    lines = console.render_lines(render(sample_frame(), width, height), pad=False)

    assert len(lines) == height


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_what_a_trader_looks_for_first(size: tuple[int, int]) -> None:
    """World, equity, ratios, distances, guard and loans are there at both sizes."""
    view = shown(sample_frame(), *size)

    for part in (
        "PAPER",
        "2025-10-10 15:00:00 UTC",
        "47 %",
        "16,601.05 USDT",
        "▼ \u22128,665.49 (\u221234.30 %)",
        "14,439.92",
        "liquidated 1x",
        "guard ahead 2,161.13",
        "71.31 % ▲ medium",
        "liquidated 97 % at \u221218.2 %",
        "warned 95 % at \u221216.9 %",
        "22.13 % ● low",
        "liquidated 100 % at +31.2 %",
        "orders cancelled by KuCoin",
        "▲ cooling",
        "at \u22126.3 % from here: sell 0.12 BTC and repay 12,640 USDT",
        "XBTUSDTM",
        "33,800",
        "XBTUSDTM in 1 h, +0.0100 %, you pay 1.56",
        "The mark of ETH is 14 s old.",
        "Sold 0.17 BTC.",
    ):
        assert part in view, part


def test_the_unknown_frame_says_unknown() -> None:
    """A frame in which nothing is known shows no number at all."""
    view = shown(UNKNOWN)

    assert "unknown USDT" in view
    assert "· unknown" in view
    assert "0.00" not in view
    assert "● low" not in view


def test_unknown_ratio_and_distance_are_not_safe() -> None:
    """An unknown ratio has no bar and no band, and an unknown distance no number."""
    gauge = MarginGauge(
        name="cross margin",
        debt_ratio=None,
        reaches=(Reach(level=Decimal("0.97"), is_known=False),),
    )
    view = shown(replace(UNKNOWN, margins=(gauge,)))

    assert "unknown · unknown" in view
    assert "??????" in view
    assert "liquidated 97 % at unknown" in view


def test_no_move_reaches_is_not_unknown() -> None:
    """An account that no uniform move liquidates is told so."""
    gauge = FuturesGauge(
        settle="USDT", risk_rate=Decimal(0), reaches=(Reach(level=Decimal(1)),)
    )

    assert "liquidated 100 %: no uniform move" in shown(
        replace(UNKNOWN, futures=(gauge,))
    )


def test_a_reached_level_is_shouted() -> None:
    """A distance of zero is not printed as a small number."""
    gauge = MarginGauge(
        name="cross margin",
        debt_ratio=Decimal("0.98"),
        reaches=(Reach(level=Decimal("0.97"), down=Decimal(0)),),
        status=AccountStatus.LIQUIDATING,
    )
    view = shown(replace(UNKNOWN, margins=(gauge,)))

    assert "■ BEING LIQUIDATED" in view
    assert "97 % REACHED" in view


def test_the_worst_account_comes_first() -> None:
    """Accounts are ordered by danger, the unknown before all."""
    gauges = tuple(
        MarginGauge(name=name, debt_ratio=ratio)
        for name, ratio in (
            ("calm", Decimal("0.1")),
            ("hot", Decimal("0.9")),
            ("blind", None),
        )
    )
    view = shown(replace(UNKNOWN, margins=gauges))

    assert view.index("blind") < view.index("hot") < view.index("calm")


def test_what_has_no_room_is_counted() -> None:
    """Of forty positions the view shows some and says how many lines it left out."""
    positions = tuple(
        PositionLine(
            symbol=f"C{index:02}USDTM",
            lots=1,
            notional_usdt=None,
            entry=None,
            mark=None,
            upnl_usdt=None,
        )
        for index in range(40)
    )
    frame = replace(sample_frame(), positions=positions)

    assert "more lines" in shown(frame)
    assert "Events" in shown(frame)


def test_debts_are_listed_where_no_loan_is() -> None:
    """What is owed is on the screen in one place or the other."""
    assert "owes 33,812.387 USDT" in shown(replace(sample_frame(), loans=()))


def test_the_newest_event_is_on_top_and_whole() -> None:
    """A long sentence takes two lines instead of losing its end."""
    events = (
        EventLine(at=NOON, text="old"),
        EventLine(at=NOON + timedelta(hours=1), text="word " * 20 + "end."),
    )
    view = shown(replace(UNKNOWN, events=events))

    assert view.index("13:00:00") < view.index("old")
    assert "end." in view


def test_a_twin_that_is_ahead_is_shown_so() -> None:
    """The live view does not hide that the guard has cost money so far."""
    frame = replace(
        UNKNOWN,
        equity_usdt=Decimal(90),
        twin=Twin(equity_usdt=Decimal(100)),
    )

    assert "guard behind 10.00" in shown(frame)


@pytest.mark.parametrize("state", list(GuardState))
def test_every_guard_state_is_a_word(state: GuardState) -> None:
    """Each state of the guard can be read without its colour."""
    assert f"{state.tone.sign} {state.value}" in shown(
        replace(UNKNOWN, guard=GuardView(state=state))
    )


def test_live_and_paper_look_different() -> None:
    """The banner of real money has other words and another colour."""
    paper = render(UNKNOWN, 80, 24)
    live = render(replace(UNKNOWN, world="live"), 80, 24)

    assert "LIVE  real money, real orders" in live.plain
    assert paper.spans[0].style != live.spans[0].style


def test_a_sparkline_keeps_the_worst_value() -> None:
    """A short fall is not lost among many points."""
    values = ["10"] * 50 + ["1"] + ["10"] * 49

    assert "▁" in sparkline(hours(*values), 10, min)
    assert "▁" not in sparkline(hours(*values), 10, max).replace("▁" * 10, "")


def test_a_sparkline_has_gaps() -> None:
    """Nothing is drawn where nothing was known."""
    assert sparkline(hours("1", None, "2"), 3, min) == "▁ █"
    assert sparkline((), 3, min) == "   "


def test_a_bar_is_full_beyond_its_end() -> None:
    """An infinite ratio fills the bar, a negative one leaves it empty."""
    assert bar(Decimal("Infinity"), 4, "red").plain == "━━━━"
    assert bar(Decimal(-1), 4, "red").plain == "╌╌╌╌"


def test_a_chart_without_values_says_so() -> None:
    """An empty chart keeps its place and says that nothing is known."""
    lines = chart([Curve(series=hours(None), style="cyan")], 30, 4, str)

    assert len(lines) == 4
    assert "no value is known" in lines[0].plain


def test_the_last_screen() -> None:
    """The last screen has the outcome, both runs, the paths and the next commands."""
    view = render_end(sample_report(), 80).plain.replace("\u00a0", " ")

    for part in (
        "REPLAY",
        "● The account survived: it was not liquidated.",
        "The guard saved you 6,463.01 USDT",
        "with guard",
        "without guard",
        "16,601.05",
        "10,138.04",
        "Difference in equity, USDT",
        "+6,463.01",
        "runs/crash-7/report.html",
        "runs/crash-7/journal.sqlite",
        "gnomon doctor",
    ):
        assert part in view, part


def test_the_last_screen_says_what_the_guard_cost() -> None:
    """A negative difference stands there with its sign and its sentence."""
    report = sample_report()
    summary = {**report.summary, "equity_end": "9000"}
    view = render_end(replace(report, summary=summary), 80).plain

    assert "The guard cost you 1,138.04 USDT" in view
    assert "\u22121,138.04" in view
