"""What lies ahead, as people see it: sentences of the live view, a table."""

from datetime import timedelta
from decimal import Decimal

from bot.engine.core import Core
from bot.report.html_parts import text
from bot.report.outlook_view import (
    OutlookRow,
    ahead_words,
    notable,
    outlook_rows,
    outlook_table,
    percent,
)
from bot.report.recorder import Recorder
from bot.risk.forecast_trust import PROVENANCE, trust_of
from bot.risk.outlook import AccountOutlook
from tests.unit.engine.steps import opened, ticked
from tests.unit.engine.test_ahead import begun, past, run
from tests.unit.venue.builders import START


def row(hours: int, likely: float, account: str = "margin cross") -> OutlookRow:
    """One look at one account."""
    return OutlookRow(
        at=START + timedelta(hours=hours),
        account=account,
        horizon_h=24,
        found=AccountOutlook(subject=account, probability={24: likely}),
        needed=Decimal("0.1234"),
    )


def test_a_sentence_has_the_number_and_what_came_of_such() -> None:
    """Each account with its odds, its score, the shock, its leading coin, its bets."""
    core = Core()
    state = run(core, begun(core, past(0.035)), (1, "50000"))[-1].state
    (told,) = ahead_words(state)
    (only,) = outlook_rows(state)

    assert only.likelihood is not None
    assert percent(only.likelihood) in told
    assert percent(trust_of(only.likelihood, 24).came) in told
    assert "sd by BTC" in told
    assert "1.0 bets" in told


def test_without_history_the_sentence_says_so() -> None:
    """Unknown is the word, never nought."""
    core = Core()
    state = run(core, opened(core), (1, "50000"))[-1].state

    (told,) = ahead_words(state)
    assert "no forecast, too little history of BTC" in told
    assert "unknown" in outlook_table(outlook_rows(state))


def test_the_report_shows_the_first_the_worst_and_the_last_look() -> None:
    """Of each account at most three, in the order of time, with the score's source."""
    rows = [row(0, 0.001), row(1, 0.02), row(2, 0.3), row(3, 0.01), row(4, 0.002)]
    kept = notable([*rows, row(2, 0.0, "futures USDT")])

    assert [each.likelihood for each in kept] == [0.001, 0.3, 0.002, 0.0]
    page = outlook_table(kept)
    assert text(PROVENANCE) in page
    assert "30.0 % in 24 h" in page
    assert "12.3" in page
    assert "never asked" in outlook_table(())


def test_the_recorder_keeps_each_look_once() -> None:
    """Ticks between two looks add nothing."""
    core = Core()
    state = begun(core, past(0.03))
    recorder = Recorder(state.shadow)
    for seconds in (1.0, 2.0, 3.0):
        moment = (ticked(seconds, "50000"),)
        step = core.step(state, moment)
        recorder(moment, step)
        state = step.state

    assert len(recorder.outlooks.rows()) == 1
    assert recorder.decisions.rows() == ()
