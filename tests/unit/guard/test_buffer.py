"""The buffer and the standing of an account, by worked examples and laws."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.entries import ParityCause, ParityChecked
from bot.guard.buffer import (
    ErrorTrack,
    Standing,
    followed,
    has_lapsed,
    shift_of,
    widened,
)
from bot.guard.judge import VerdictKind, inputs_of, judge
from bot.guard.limits import GuardLimits, ParityLimits
from bot.guard.state import GuardState, SubjectState
from tests.unit.guard.bench import START, THRESHOLDS, cross_long, measured

LIMITS = ParityLimits()


def report(
    error: str | None,
    cause: ParityCause = ParityCause.UNEXPLAINED,
    *,
    subject: str = "margin_cross",
    stated: str = "0.5",
) -> ParityChecked:
    """A report of the exchange, from our error beside it."""
    size = None if error is None else Decimal(error)
    own = None if size is None else Decimal(stated) + size
    return ParityChecked(
        subject=subject, stated=Decimal(stated), own=own, error=size, cause=cause
    )


def after(
    reports: Sequence[ParityChecked], track: ErrorTrack | None = None
) -> ErrorTrack:
    """The track after some reports, four seconds apart."""
    found = track or ErrorTrack()
    for n, each in enumerate(reports):
        found = followed(found, each, LIMITS, START + timedelta(seconds=4 * n))
    return found


AGREED = report("0.00005", ParityCause.PRINTING)


def test_one_report_beyond_the_first_limit_changes_nothing() -> None:
    """0.003 off once may be a late report; twice in a row is a drift."""
    assert after([report("0.003")]).standing is Standing.AGREED
    assert after([report("0.003"), report("-0.003")]).standing is Standing.DRIFTING
    between = [report("0.003"), AGREED, report("0.003")]
    assert after(between).standing is Standing.AGREED


@pytest.mark.parametrize(
    "cause",
    [ParityCause.PRINTING, ParityCause.MARK_TIMING, ParityCause.IN_FLIGHT],
)
def test_an_explained_difference_is_no_drift(cause: ParityCause) -> None:
    """However large it is and however often it comes."""
    assert after([report("0.2", cause)] * 5).standing is Standing.AGREED


def test_beyond_the_second_limit_the_numbers_are_apart() -> None:
    """0.02 off: at once no new risk, at the second report only reductions."""
    far = report("-0.02")
    assert after([far]).standing is Standing.DRIFTING
    assert after([far, far]).standing is Standing.APART


def test_a_number_that_cannot_be_compared_is_the_largest_error() -> None:
    """The exchange states infinity and we have a number: there is no difference."""
    endless = replace(report(None, stated="Infinity"), own=Decimal("0.5"))
    assert after([endless, endless]).standing is Standing.APART
    assert shift_of(after([endless, endless])) == 1


def test_three_agreeing_reports_return_to_normal() -> None:
    """Two are not enough, and a request under way neither helps nor hinders."""
    apart = after([report("-0.02")] * 2)
    waiting = report("-0.3", ParityCause.IN_FLIGHT)
    assert after([AGREED] * 2, apart).standing is Standing.APART
    assert after([AGREED, waiting, AGREED, waiting], apart).standing is Standing.APART
    mended = after([AGREED, waiting, AGREED, AGREED], apart)
    assert mended.standing is Standing.AGREED


def test_a_ratio_that_we_do_not_know_breaks_the_row_of_agreement() -> None:
    """Unknown is never safe: the count towards normal begins anew."""
    apart = after([report("-0.02")] * 2)
    unknown = report(None, ParityCause.MISSING)
    assert after([AGREED, AGREED, unknown, AGREED], apart).standing is Standing.APART


def test_a_risk_rate_is_held_to_a_share_of_itself() -> None:
    """At 0.5 the first limit is 0.015, so 0.012 is within it; at 0.1 it is not."""
    near = report("0.012", subject="futures:USDT", stated="0.5")
    low = report("0.012", subject="futures:USDT", stated="0.1")
    assert after([near, near]).standing is Standing.AGREED
    assert after([low, low]).standing is Standing.APART
    debt = report("0.009", subject="margin_cross")
    assert after([debt, debt]).standing is Standing.DRIFTING


def test_printing_makes_no_buffer() -> None:
    """Two hundred reports that differ in the last digit only."""
    assert shift_of(after([AGREED] * 200)) == 0


def test_the_buffer_is_the_error_that_one_report_in_a_hundred_exceeds() -> None:
    """198 errors of 0.001 and two of 0.005: the two are passed over."""
    small, large = (
        report("0.001", ParityCause.MARK_TIMING),
        report("0.005", ParityCause.MARK_TIMING),
    )
    assert after([*[small] * 198, large, large]).buffer == Decimal("0.001")
    assert after([*[small] * 197, large, large, large]).buffer == Decimal("0.005")


def test_the_buffer_falls_slowly_and_ends_at_zero() -> None:
    """A hundredth part of what is no longer seen is left after a few hundred."""
    raised = after([report("0.005", ParityCause.MARK_TIMING)])
    calmer = after([AGREED] * 201, raised)
    assert Decimal(0) < calmer.buffer < raised.buffer
    assert after([AGREED] * 1_000, calmer).buffer == 0


def test_the_buffer_has_a_ceiling() -> None:
    """It never passes the second limit, whatever the error."""
    assert after([report("0.4")]).buffer == LIMITS.debt_ratio_second


def test_apart_judges_by_the_worse_of_both() -> None:
    """Stated 0.5, ours 0.4: the account is judged a tenth worse; the other way not."""
    worse = after([report("-0.1")] * 2)
    assert shift_of(worse) == Decimal("0.1")
    better = after([report("0.1")] * 2)
    assert shift_of(better) == LIMITS.debt_ratio_second
    assert shift_of(None) == 0


def test_the_guard_acts_on_the_exchange_s_number_when_they_are_apart() -> None:
    """Ours is 0.8 and safe; the exchange's 0.87 is over the backstop of 0.85."""
    measure = measured(cross_long(), "margin_cross")
    wide = replace(THRESHOLDS, act=Decimal("0.05"), target=Decimal("0.10"))
    known = {"margin_cross": SubjectState(thresholds=wide)}
    calm = judge(GuardState(subjects=known), [measure], GuardLimits(), START)
    assert [v.kind for v in calm.verdicts] == [VerdictKind.SAFE]
    track = after([report("-0.07", stated="0.87")] * 2)
    state = GuardState(subjects=known, parity={"margin_cross": track})
    (verdict,) = judge(state, [measure], GuardLimits(), START).verdicts
    assert verdict.kind is VerdictKind.CURE
    assert verdict.buffer == Decimal("0.07")
    inputs = inputs_of(verdict.measure, verdict.thresholds, verdict.buffer)
    assert (inputs["buffer"], inputs["backstop"]) == ("0.07", "0.78")


def test_a_verdict_without_a_buffer_does_not_speak_of_one() -> None:
    """Journals of runs without reports read as before."""
    measure = measured(cross_long(), "margin_cross")
    assert "buffer" not in inputs_of(measure, THRESHOLDS)


def test_a_disagreement_lapses_a_minute_after_the_last_report() -> None:
    """Only then may it be forgotten, when nothing is measured any more."""
    track = after([report("-0.02")])
    assert not has_lapsed(track, START + timedelta(seconds=60))
    assert has_lapsed(track, START + timedelta(seconds=61))


errors = st.decimals(
    min_value="-0.5", max_value="0.5", allow_nan=False, allow_infinity=False, places=6
)
causes = st.sampled_from([c for c in ParityCause if c is not ParityCause.MISSING])
reports = st.builds(lambda error, cause: report(str(error), cause), errors, causes)


@given(st.lists(reports, max_size=60))
def test_the_buffer_is_never_negative_and_never_over_its_ceiling(
    told: list[ParityChecked],
) -> None:
    """Whatever is reported; and the memory is bounded."""
    track = after(told * 5)
    assert 0 <= track.buffer <= LIMITS.debt_ratio_second
    assert len(track.errors) <= 200


@given(st.lists(reports, max_size=30))
def test_three_agreeing_reports_mend_any_history(told: list[ParityChecked]) -> None:
    """There is no history from which an account does not return."""
    assert after([AGREED] * 3, after(told)).standing is Standing.AGREED


@given(errors.map(abs))
def test_a_wider_buffer_never_makes_the_guard_act_later(by: Decimal) -> None:
    """Act and target only grow, the backstop only falls."""
    wide = widened(THRESHOLDS, by)
    assert wide.act >= THRESHOLDS.act
    assert wide.target >= THRESHOLDS.target
    assert wide.backstop <= THRESHOLDS.backstop
    assert wide.target >= wide.act
