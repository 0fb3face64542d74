"""A finished run becomes a report that says where every number is from."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.entries import RunStarted
from bot.domain.market import Instrument, MarketDescription
from bot.report.build import Sources, build_report
from bot.report.html import render_html
from bot.report.recorder import Recorder
from bot.report.run_report import RunReport
from bot.report.tally import Tally
from bot.report.terminal import render_end
from tests.unit.report.moments import AT, LONG, SHORT, Run, position

_MARKET = MarketDescription(
    name="window",
    title="A window",
    start=AT,
    end=AT + timedelta(minutes=1),
    instruments=(
        Instrument(
            coin="BTC",
            spot_symbol="BTC-USDT",
            perp_symbol="XBTUSDTM",
            resolution="1m",
            derived=("the marks inside a bar are a path through its four prices",),
        ),
    ),
    resolution="1m",
    digest="d1",
)


def _run(*, is_guarded: bool) -> tuple[Run, Tally, Recorder]:
    run = Run({**LONG, **SHORT}, position(-1000), is_guarded=is_guarded)
    tally, recorder = Tally(run.state.shadow), Recorder(run.state.shadow)
    run.watch(tally, recorder)
    for second, price in enumerate(("60000", "55000", "48000"), start=1):
        run.tick(second, price)
    tally.close(run.state.shadow)
    return run, tally, recorder


def _sources(run: Run, tally: Tally, twin: Recorder | None) -> Sources:
    return Sources(
        title="A window",
        world="replay",
        header=RunStarted(
            name="window-1",
            world="replay",
            epoch=1,
            identity={"guard": "true", "seed": "1", "market": "d1"},
            facts={"path_order": '{"BTC": "low_first"}'},
        ),
        description=_MARKET,
        assumptions=("fees of VIP 0",),
        notices=(),
        summary={**tally.summary(), "without_guard": {"equity_end": "1"}},
        twin=twin,
        guard=run.state.guard,
        journal_path="runs/window-1/journal.sqlite",
        report_path="runs/window-1/report.html",
    )


def _report(*, has_twin: bool = True) -> RunReport:
    run, tally, recorder = _run(is_guarded=True)
    twin = _run(is_guarded=False)[2] if has_twin else None
    return build_report(recorder, _sources(run, tally, twin))


def test_curves_and_limits_share_the_names_that_people_use() -> None:
    """Each distance has the guard's limits under the same name, and both runs."""
    report = _report()

    assert set(report.debt_ratios) == {"cross margin"}
    assert set(report.risk_rates) == {"USDT"}
    assert set(report.distances) == {"cross margin", "futures USDT"}
    assert set(report.limits) == set(report.distances)
    assert report.limits["cross margin"].act == Decimal("0.15")
    curve = report.debt_ratios["cross margin"]
    assert len(curve.with_guard) == len(curve.without_guard) == 3
    assert set(report.prices) == {"BTC"}


def test_facts_and_derived_tell_where_the_data_are_from() -> None:
    """The identity of the run and what was rebuilt are in the report."""
    report = _report()

    assert dict(report.facts)["Path inside a bar"] == "low first: BTC"
    assert dict(report.facts)["Market digest"] == "d1"
    assert report.derived == (
        "BTC: the marks inside a bar are a path through its four prices",
    )


def test_a_made_up_market_is_called_made_up_once() -> None:
    """Nothing was rebuilt in a market that is synthetic as a whole."""
    run, tally, recorder = _run(is_guarded=True)
    sources = _sources(run, tally, None)
    made_up = replace(sources, description=replace(_MARKET, is_synthetic=True))
    report = build_report(recorder, made_up)

    assert report.is_synthetic
    assert report.derived == ()


def test_without_a_twin_nothing_is_compared() -> None:
    """A run that has no twin has no comparison, not one with itself."""
    report = _report(has_twin=False)

    assert report.without_guard is None
    assert report.equity.without_guard == ()


def test_an_open_request_is_told_at_the_end() -> None:
    """A run that stops while a request is on its way says so."""
    report = _report()

    assert any("saw no end of" in row.text for row in report.decisions)


def test_the_commands_that_come_next_name_a_decision_of_this_run() -> None:
    """What to type next works as it stands: the id is of this run's journal."""
    report = _report()
    first = report.next_commands[0].command

    assert first.split()[:2] == ["gnomon", "explain"]
    assert first.split()[2] in {row.decision_id for row in report.decisions}
    assert "--journal" not in first


def test_the_views_take_the_report() -> None:
    """The page and the last screen are drawn from it without a word missing."""
    report = _report()
    page = render_html(report)

    assert "Distance to liquidation, futures USDT" in page
    assert "guard" in render_end(report, 80).plain
    assert MARGIN_CROSS not in page
