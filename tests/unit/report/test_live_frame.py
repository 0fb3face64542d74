"""The frame of a moment: every number is the account's own, and none is guessed."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import MARGIN_CROSS, Balance
from bot.domain.events import (
    BorrowRateQuoted,
    Bucket,
    Cause,
    FeedChanged,
    FundingQuoted,
    MarksTicked,
    Posting,
    TradingHalted,
)
from bot.guard.limits import GuardLimits
from bot.report.frame import Frame, GuardState
from bot.report.live_frame import FrameSources, live_frame
from bot.report.next_action import act_move
from bot.report.recorder import Recorder
from bot.report.terminal import render
from bot.risk.measure import measure_subject
from bot.risk.reach import reach
from bot.risk.stress_set import moved_alike
from tests.unit.report.moments import (
    AT,
    LONG,
    SHORT,
    Run,
    after,
    booked,
    money,
    position,
)

_PPM = Decimal("0.000001")


def _recorded(run: Run) -> Recorder:
    recorder = Recorder(run.state.shadow)
    run.watch(recorder)
    return recorder


def _frame(
    run: Run,
    recorder: Recorder,
    twin: Recorder | None = None,
    *,
    is_guarded: bool = True,
) -> Frame:
    sources = FrameSources(
        title="a market",
        world="paper",
        start=AT,
        end=AT + timedelta(seconds=100),
        speed=Decimal(60),
        equity_start=Decimal(22_000),
        twin=twin,
        is_guarded=is_guarded,
        limits=GuardLimits(),
    )
    return live_frame(recorder, run.step, sources)


def test_a_levered_account_is_shown_with_both_reaches() -> None:
    """40,000 owed on 1 BTC at 60,000: 97 % at -31.27 %, 95 % at -29.82 %."""
    run = Run(LONG)
    recorder = _recorded(run)
    run.tick(25, "60000")
    frame = _frame(run, recorder)
    (gauge,) = frame.margins

    assert frame.progress == money("0.25")
    assert frame.equity_usdt == 22_000
    assert frame.equity_change == 0
    assert gauge.name == "cross margin"
    assert gauge.debts == (("USDT", Decimal(40_000)),)
    assert [reach.level for reach in gauge.reaches] == [money("0.95"), money("0.97")]
    for shown in gauge.reaches:
        exact = Decimal(40_000) / (shown.level * 60_000) - 1
        assert shown.down is not None
        assert abs(shown.down - exact) < _PPM
        assert shown.up is None


def test_a_short_is_shown_with_its_settlement() -> None:
    """A short of 1 BTC receives 6 USDT at a rate of 0.01 % and a mark of 60,000."""
    run = Run(SHORT, position(-1000, "61000"))
    recorder = _recorded(run)
    run.tell(
        FundingQuoted(
            at=after(0),
            symbol="XBTUSDTM",
            funding_rate=money("0.0001"),
            settlement_at=after(3600),
            funding_interval_h=Decimal(8),
        )
    )
    run.tick(1, "60000")
    frame = _frame(run, recorder)
    (line,), (gauge,) = frame.positions, frame.futures

    assert line.entry == 61_000
    assert line.mark == 60_000
    assert line.upnl_usdt == 1000
    assert line.notional_usdt == 60_000
    assert frame.settlement is not None
    assert frame.settlement.amount_usdt == 6
    assert frame.settlement_in == timedelta(seconds=3599)
    assert gauge.title == "futures USDT"
    assert gauge.risk_rate is not None
    assert gauge.tmmr is not None
    assert abs(gauge.risk_rate * gauge.tmmr - 1) < _PPM
    assert [reach.level for reach in gauge.reaches] == [money("0.95"), Decimal(1)]
    assert all(reach.down is None for reach in gauge.reaches)
    assert all((reach.up or 0) > 0 for reach in gauge.reaches)


def test_a_loan_has_its_rate_or_none() -> None:
    """A rate that was never quoted is unknown; a quoted one is shown."""
    run = Run(LONG)
    recorder = _recorded(run)
    run.tick(1, "60000")
    before = _frame(run, recorder).loans
    run.tell(BorrowRateQuoted(at=after(2), coin="USDT", annual_rate=money("0.11")))

    assert before[0].annual_rate is None
    assert _frame(run, recorder).loans[0].annual_rate == money("0.11")
    assert before[0].principal == 40_000


def test_without_marks_nothing_is_known_and_nothing_is_zero() -> None:
    """Before the first mark ratio, equity and guard are unknown, with a notice."""
    run = Run(LONG)
    recorder = _recorded(run)
    run.tell(TradingHalted(at=after(1), symbol="BTC-USDT", is_halted=True, reason="x"))
    frame = _frame(run, recorder)
    (gauge,) = frame.margins

    assert frame.equity_usdt is None
    assert gauge.debt_ratio is None
    assert not any(reach.is_known for reach in gauge.reaches)
    assert frame.guard.state is GuardState.UNKNOWN
    assert frame.guard.next_action is None
    assert any("cannot be measured" in notice for notice in frame.notices)
    assert "BTC-USDT takes no new orders" in frame.notices


def test_silent_feeds_stay_on_the_screen_until_they_are_heard() -> None:
    """One line however many there are, because new risk waits for all of them."""
    run = Run(LONG)
    recorder = _recorded(run)
    for feed in ("spot orders", "futures wallet"):
        run.tell(FeedChanged(at=after(1), feed=feed, is_live=False, reason="down"))
    told = "No word from futures wallet and 1 more: new risk waits"
    assert told in _frame(run, recorder).notices
    for feed in ("spot orders", "futures wallet"):
        run.tell(FeedChanged(at=after(2), feed=feed, is_live=True, reason="back"))
    assert not any("No word" in notice for notice in _frame(run, recorder).notices)


def test_the_next_action_happens_where_it_is_said() -> None:
    """After the trigger's move the account is exactly at its act distance."""
    run = Run(LONG)
    recorder = _recorded(run)
    run.tick(1, "60000")
    guard = _frame(run, recorder).guard

    assert guard.state is GuardState.WATCHING
    assert guard.trigger is not None
    there = moved_alike(run.state.shadow, guard.trigger)
    measure = measure_subject(there, MARGIN_CROSS)
    assert measure is not None
    assert measure.distance is not None
    assert abs(measure.distance - money("0.15")) < _PPM
    assert guard.next_action is not None
    assert guard.next_action.startswith("move 2,000 USDT from main to cross margin")


def test_the_guard_does_what_was_forecast() -> None:
    """Just beyond the trigger the engine sends what the frame has announced."""
    run = Run(LONG)
    recorder = _recorded(run)
    run.tick(1, "60000")
    told = _frame(run, recorder).guard
    assert told.trigger is not None
    beyond = Decimal(60_000) * (1 + told.trigger) - Decimal("0.1")
    run.tick(2, str(beyond))
    (sent,) = run.step.approved
    frame = _frame(run, recorder)

    assert sent.reason.startswith("move 2000 USDT from main")
    assert frame.guard.state is GuardState.ACTING
    assert frame.guard.actions == 1
    assert frame.guard.next_action == (
        "now: waiting for the exchange: move 2,000 USDT from main to cross margin"
    )


def test_nothing_to_lose_is_no_next_action() -> None:
    """An account without debt and positions has nothing that sets the guard off."""
    run = Run({MARGIN_CROSS: {"BTC": Balance(total=Decimal(1))}})
    recorder = _recorded(run)
    run.tick(1, "60000")
    guard = _frame(run, recorder).guard

    assert guard.next_action == "nothing: no uniform move liquidates an account"
    assert guard.trigger is None


def test_a_guard_that_is_off_says_so() -> None:
    """Switched off is shown as off, and announces nothing."""
    run = Run(LONG, is_guarded=False)
    recorder = _recorded(run)
    run.tick(1, "60000")

    assert _frame(run, recorder, is_guarded=False).guard.state is GuardState.OFF


def test_the_twin_is_valued_at_the_same_marks() -> None:
    """The same holdings are worth the same at every moment, sampled or not."""
    twin_run, run = Run(LONG, is_guarded=False), Run(LONG)
    twin, recorder = _recorded(twin_run), _recorded(run)
    for each in (twin_run, run):
        each.tick(1, "60000")
    twin_run.tell(
        booked(
            after(50),
            Cause.LIQUIDATION_FEE,
            Posting(account=MARGIN_CROSS, coin="USDT", amount=Decimal(-600)),
        )
    )
    run.tick(2, "59000")
    early = _frame(run, recorder, twin).twin
    run.tick(60, "58000")
    frame = _frame(run, recorder, twin)
    assert early is not None
    assert frame.twin is not None
    assert frame.equity_usdt is not None

    assert early.equity_usdt == 21_000
    assert frame.twin.equity_usdt == frame.equity_usdt - 600
    assert frame.twin.liquidations == 0
    assert all(at <= after(60) for at, _ in frame.twin.equity_series)


def test_a_repaid_account_stays_on_the_screen_with_nothing_to_fear() -> None:
    """An account that once owed keeps its line, at zero, with no move to fear."""
    run = Run({**LONG, **SHORT}, position(-1000))
    recorder = _recorded(run)
    run.tick(1, "60000")
    paid = Posting(
        account=MARGIN_CROSS,
        coin="USDT",
        amount=Decimal(-40_000),
        bucket=Bucket.PRINCIPAL,
    )
    run.tell(booked(after(2), Cause.REPAY, paid))
    run.tick(3, "60000")
    (gauge,) = _frame(run, recorder).margins

    assert gauge.debt_ratio == 0
    assert gauge.reaches[0].nearest is None
    assert gauge.reaches[0].is_known


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 40)])
def test_every_frame_of_a_run_can_be_drawn(size: tuple[int, int]) -> None:
    """From the first fact to the last the view fills its rectangle exactly."""
    run = Run({**LONG, **SHORT}, position(-1000))
    recorder = _recorded(run)
    for second, price in enumerate(("60000", "52000", "46000", "41000", "60000")):
        run.tick(second + 1, price)
        lines = render(_frame(run, recorder), *size).plain.split("\n")
        assert (len(lines), {len(line) for line in lines}) == (size[1], {size[0]})


_moves = st.decimals("-0.95", "-0.01", places=4)
_acts = st.decimals("0.01", "0.5", places=3)


@given(down=_moves, act=_acts)
def test_a_fall_to_the_trigger_leaves_the_act_distance(
    down: Decimal, act: Decimal
) -> None:
    """After the move liquidation is the act distance away, or it was nearer."""
    move = act_move(down, None, act)
    assert move is not None
    left = 1 - (1 + down) / (1 + move)

    assert move <= 0
    if move < 0:
        assert abs(left - act) < _PPM
    else:
        assert -down <= act + _PPM


@given(up=st.decimals("0.01", "3", places=4), act=_acts)
def test_a_rise_to_the_trigger_leaves_the_act_distance(
    up: Decimal, act: Decimal
) -> None:
    """The same for a short."""
    move = act_move(None, up, act)
    assert move is not None
    left = (1 + up) / (1 + move) - 1

    assert move >= 0
    if move > 0:
        assert abs(left - act) < _PPM
    else:
        assert up <= act + _PPM


@given(level=st.decimals("0.7", "0.97", places=3))
def test_a_reach_is_where_the_ratio_is_at_the_level(level: Decimal) -> None:
    """Moved by the reach, the account's own measure gives the level."""
    run = Run(LONG)
    run.tick(1, "60000")
    measure = measure_subject(run.state.shadow, MARGIN_CROSS)
    assert measure is not None
    found = reach(run.state.shadow, measure, level)
    assert found.down is not None
    there = measure_subject(moved_alike(run.state.shadow, found.down), MARGIN_CROSS)
    assert there is not None
    assert there.ratio is not None

    assert abs(there.ratio - level) < _PPM


def test_an_old_mark_is_shown_with_the_range_that_it_leaves() -> None:
    """Fourteen seconds without a mark: the view says how far the ratio may be."""
    run = Run(LONG)
    recorder = _recorded(run)
    run.tick(1, "60000")
    assert _frame(run, recorder).notices == ()
    run.tell(MarksTicked(at=after(6)))
    (notice,) = _frame(run, recorder).notices
    assert plainly(notice) == (
        "cross margin: debt ratio 66.29 % to 67.06 %, BTC mark 5 s old; new risk waits"
    )
    run.tell(MarksTicked(at=after(15)))
    (notice,) = _frame(run, recorder).notices
    assert plainly(notice) == (
        "cross margin: debt ratio 66.03 % to 67.32 %, BTC mark 14 s old; "
        "the guard judges the worst"
    )


def plainly(text: str) -> str:
    """A text without its unbreakable spaces."""
    return text.replace("\N{NO-BREAK SPACE}", " ")
