"""Each ratio of the exchange beside ours: the error, its cause, what follows."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS
from bot.domain.entries import Decided, Entry, Noted, ParityCause, ParityChecked
from bot.domain.events import Event, RatioReported, ScheduleDue
from bot.domain.intents import Approved, Borrow, Refused, Repay
from bot.domain.strategy import View
from bot.engine.core import Core, State, Step
from bot.engine.parity import Reading, Readings, recall_tracks, remember
from bot.guard.buffer import Standing
from bot.guard.limits import ParityLimits
from tests.unit.engine.steps import Asker, after, bodies, opened, ticked, told
from tests.unit.venue.builders import START, opening

CORE = Core(is_parity_kept=True, is_guarding=False)


def stated(seconds: float, value: str) -> RatioReported:
    """The exchange's debt ratio of the cross margin account."""
    return RatioReported(at=after(seconds), account=MARGIN_CROSS, value=Decimal(value))


def only(step: Step) -> ParityChecked:
    """The one comparison of a step."""
    (found,) = bodies(step, ParityChecked)
    assert isinstance(found, ParityChecked)
    return found


def causes(state: State, *moments: tuple[Event, ...]) -> list[str]:
    """The causes of all comparisons of some moments."""
    return [
        body.cause.value
        for step in told(state, CORE, *moments)
        for body in bodies(step, ParityChecked)
        if isinstance(body, ParityChecked)
    ]


def test_every_report_is_kept_also_between_ticks() -> None:
    """A report has a moment of its own; ours is measured then: 33000 / 50000."""
    step = CORE.step(opened(CORE), (stated(2, "0.6599"),))
    found = only(step)
    assert (found.subject, found.stated) == ("margin_cross", Decimal("0.6599"))
    assert (found.own, found.error) == (Decimal("0.66"), Decimal("0.0001"))
    assert found.cause is ParityCause.PRINTING
    assert found.inputs == {}
    assert bodies(step, Noted) == []


def test_a_simulated_run_keeps_only_what_differs() -> None:
    """The composition root decides; without it nothing is kept and nothing follows."""
    core = replace(CORE, is_parity_kept=False)
    step = core.step(opened(core), (ticked(1, "50000"), stated(1, "0.7")))
    assert bodies(step, ParityChecked) == []
    assert len(bodies(step, Noted)) == 1
    assert step.state.guard.parity == {}
    assert step.state.own_readings == ()


def test_a_number_that_was_ours_some_seconds_ago_is_a_matter_of_timing() -> None:
    """0.6875 was ours at a mark of 48000, five seconds before; after that it is not."""
    fall = [(ticked(1, "48000"),), (ticked(6, "50000"),)]
    assert causes(opened(CORE), *fall, (stated(6, "0.6875"),)) == ["mark timing"]
    quiet = [(ticked(s, "50000"),) for s in (10, 14)]
    late = causes(opened(CORE), *fall, *quiet, (stated(14, "0.6875"),))
    assert late == ["unexplained"]


def test_what_lies_between_two_of_our_numbers_is_timing_too() -> None:
    """The exchange's mark moved through every price on the way."""
    fall = [(ticked(1, "48000"),), (ticked(2, "50000"),)]
    found = told(opened(CORE), CORE, *fall, (stated(3, "0.67"),))
    checked = only(found[-1])
    assert checked.cause is ParityCause.MARK_TIMING
    assert checked.inputs["own low"] == "0.66"
    assert checked.inputs["own high"] == "0.6875"
    assert checked.inputs["mark BTC"] == "50000"


def test_a_request_without_an_answer_explains_a_difference() -> None:
    """The exchange may have done it already; it is named."""
    borrow = Borrow(account=MARGIN_CROSS, coin="USDT", amount=Decimal(100))
    core = replace(CORE, strategies=(Asker(lambda view: [borrow]),))
    due = ScheduleDue(at=after(1), job="asker.tick", due_at=after(1))
    calm = opening(
        {"margin_cross": {"BTC": "1"}}, debts={"margin_cross": {"USDT": "5000"}}
    )
    asked = core.step(opened(core, calm), (ticked(1, "50000"), due))
    (sent,) = asked.approved
    checked = only(core.step(asked.state, (stated(2, "0.102"),)))
    assert checked.cause is ParityCause.IN_FLIGHT
    assert checked.inputs["under way"] == sent.intent_id


def test_without_a_mark_we_have_no_number() -> None:
    """The reason is named; it is neither an error nor an agreement."""
    account = opening(
        {"margin_cross": {"BTC": "1", "SOL": "10"}},
        debts={"margin_cross": {"USDT": "33000"}},
    )
    checked = only(CORE.step(opened(CORE, account), (stated(1, "0.6"),)))
    assert checked.cause is ParityCause.MISSING
    assert (checked.own, checked.error) == (None, None)
    assert "SOL" in checked.inputs["missing"]


@pytest.mark.parametrize(
    ("value", "cause"), [("0", "printing"), ("0.2", "unexplained")]
)
def test_an_account_with_nothing_to_lose_has_the_ratio_zero(
    value: str, cause: str
) -> None:
    """What the exchange states of it beyond zero is a position that we do not see."""
    report = RatioReported(
        at=after(1), account=FUTURES, value=Decimal(value), coin="USDT"
    )
    checked = only(CORE.step(opened(CORE), (report,)))
    assert (checked.subject, checked.own) == ("futures:USDT", Decimal(0))
    assert checked.cause.value == cause


def test_ratios_without_bound_agree_with_each_other_only() -> None:
    """There is nothing to subtract from infinity."""
    broke = opening({}, debts={"margin_cross": {"USDT": "5"}})
    both = only(CORE.step(opened(CORE, broke), (stated(1, "Infinity"),)))
    assert (both.cause, both.error) == (ParityCause.PRINTING, Decimal(0))
    one = only(CORE.step(opened(CORE), (stated(1, "Infinity"),)))
    assert (one.cause, one.error) == (ParityCause.UNEXPLAINED, None)


# -- what follows -----------------------------------------------------------

BORROW = Borrow(account=MARGIN_CROSS, coin="USDT", amount=Decimal(10))
REPAY = Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(1))
CALM = opening(
    {"margin_cross": {"BTC": "1", "USDT": "100"}},
    debts={"margin_cross": {"USDT": "20000"}},
)
"""A debt ratio of 20000 / 50100 = 0.3992."""


def _both(view: View) -> list[Borrow | Repay]:
    return [BORROW, REPAY]


ASKING = Core(strategies=(Asker(_both),), is_parity_kept=True)


def asked(*reports: str) -> Step:
    """What becomes of new risk and of a reduction after some reports."""
    state = opened(ASKING, CALM)
    for seconds, value in enumerate(reports, 1):
        state = ASKING.step(state, (stated(seconds, value),)).state
    at = len(reports) + 1
    state = ASKING.step(state, (ticked(at, "50000"),)).state
    due = ScheduleDue(at=after(at), job="asker.tick", due_at=after(at))
    return ASKING.step(state, (due,))


def test_two_unexplained_reports_stop_new_risk_and_no_reduction() -> None:
    """The refusal has both numbers."""
    assert len(bodies(asked("0.403"), Approved)) == 2
    step = asked("0.403", "0.403")
    (refused,) = bodies(step, Refused)
    assert isinstance(refused, Refused)
    assert refused.reason == (
        "the exchange states 0.403 for margin_cross, ours is 0.3992; "
        "no new risk until three reports agree"
    )
    (passed,) = bodies(step, Approved)
    assert isinstance(passed, Approved)
    assert passed.intent == REPAY
    assert len(bodies(asked("0.403", "0.403", *["0.3992"] * 3), Approved)) == 2


def test_a_disagreement_about_an_account_that_is_gone_lapses() -> None:
    """The exchange stated a risk rate of futures that we never saw, once."""
    strange = RatioReported(
        at=after(1), account=FUTURES, value=Decimal("0.2"), coin="USDT"
    )
    state = ASKING.step(opened(ASKING, CALM), (strange,)).state
    assert state.guard.parity["futures:USDT"].standing is Standing.DRIFTING
    state = ASKING.step(state, (ticked(40, "50000"),)).state
    assert state.guard.parity["futures:USDT"].standing is Standing.DRIFTING
    state = ASKING.step(state, (ticked(62, "50000"),)).state
    assert state.guard.parity["futures:USDT"].standing is Standing.AGREED


def test_the_guard_cures_by_the_exchange_s_number_when_they_are_apart() -> None:
    """0.86 stated twice, ours 0.3992: the report itself sets the cure off."""
    core = Core(is_parity_kept=True)
    first, second = told(
        opened(core, CALM), core, (stated(1, "0.86"),), (stated(2, "0.86"),)
    )
    assert bodies(first, Decided) == []
    (decided,) = bodies(second, Decided)
    assert isinstance(decided, Decided)
    assert decided.verdict == "cure"
    assert Decimal(decided.inputs["buffer"]) > Decimal("0.46")
    assert second.approved


def test_a_restart_takes_the_tracks_from_the_journal() -> None:
    """Folding the journal's comparisons gives the state that the run had."""
    state, rows = opened(ASKING, CALM), list[Entry]()
    for seconds, value in enumerate(("0.403", "0.41", "0.3992", "0.403"), 1):
        step = ASKING.step(state, (stated(seconds, value),))
        state, rows = step.state, [*rows, *step.entries]
    assert recall_tracks(rows, ParityLimits()) == state.guard.parity


def test_the_memory_of_our_ratios_is_bounded() -> None:
    """Marks may come many times a second for ever; the oldest give way."""
    shadow = opened(CORE).shadow
    keep = timedelta(seconds=10)
    readings: Readings = ()
    for n in range(5_000):
        at = START + timedelta(milliseconds=10 * n)
        now = Reading(shadow=replace(shadow, at=at))
        readings = remember(readings, now, keep)
    assert len(readings) == 512
    late = Reading(shadow=replace(shadow, at=START + timedelta(hours=1)))
    assert remember(readings, late, keep) == (late,)
