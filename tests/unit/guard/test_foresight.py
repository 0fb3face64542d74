"""Worked examples of the odds in the guard: they move distances out, never in."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.guard.foresight import Foresight, foreseen, within
from bot.guard.glance import levels_of
from bot.guard.judge import VerdictKind, judge
from bot.guard.limits import GuardLimits, Thresholds
from bot.guard.state import GuardState
from bot.risk.odds import Odds, OddsCurve
from tests.unit.guard.bench import START
from tests.unit.guard.test_judge import NAME, at_distance

D = Decimal
LIMITS = GuardLimits()
USUAL = Thresholds(act=D("0.15"), target=D("0.25"), backstop=D("0.85"))
WILD = Odds({NAME: OddsCurve((0.10, 0.20, 0.40), (0.2, 0.01, 0.0001))})
"""A market in which 1 % within a day is 20 % away."""

fractions = st.decimals("0.01", "0.9", places=3)


def knowing(odds: Odds) -> GuardState:
    """A guard that has seen the account far away, and has these odds."""
    opened = judge(GuardState(), [at_distance("0.31")], LIMITS, START).state
    return replace(opened, foresight=within(LIMITS, odds, START))


def test_an_account_over_the_limit_is_cured_before_its_act_distance() -> None:
    """19 % away is beyond 15 %, but the odds are over 1 % from 20 % on."""
    later = START + timedelta(seconds=60)
    quiet = judge(knowing(Odds()), [at_distance("0.19")], LIMITS, later).verdicts[0]
    wild = judge(knowing(WILD), [at_distance("0.19")], LIMITS, later).verdicts[0]

    assert quiet.kind is VerdictKind.SAFE
    assert wild.kind is VerdictKind.CURE
    assert wild.is_new_episode
    assert wild.odds is not None
    assert wild.odds > 0.01
    assert "forecast at 1.3 %" in wild.reason


def test_a_cure_ends_only_where_the_odds_are_within_the_limit() -> None:
    """The odds ask for 30 %: 26 %, beyond the target, is not enough, 34 % is."""
    odds = Odds({NAME: OddsCurve((0.2, 0.3, 0.4), (0.2, 0.01, 0.001))})
    state = judge(knowing(odds), [at_distance("0.2")], LIMITS, START).state
    near = judge(state, [at_distance("0.26")], LIMITS, START)
    far = judge(state, [at_distance("0.34")], LIMITS, START)

    assert near.verdicts[0].kind is VerdictKind.CURE
    assert far.verdicts[0].is_end_of_episode


def test_no_more_than_one_and_a_half_targets_are_asked_for() -> None:
    """However likely a liquidation is, a cure ends at 37.5 %."""
    found = foreseen(USUAL, D("0.60"))

    assert (found.act, found.target) == (D("0.25"), D("0.375"))


def test_an_account_that_opened_near_keeps_its_own_distances() -> None:
    """Its odds were over the limit when it was opened: that was chosen."""
    near = replace(USUAL, act=D("0.05"), target=D("0.10"), is_adapted=True)

    assert foreseen(near, D("0.2")) == near
    assert foreseen(near, D("0.2"), D("0.2253")).act == D("0.2253")


def test_what_leaves_slowly_is_cured_earlier_and_no_further() -> None:
    """The act distance is that of a closed door, at most the target; never closer."""
    slow = foreseen(USUAL, None, shut_in=D("0.2253"))

    assert (slow.act, slow.target) == (D("0.2253"), USUAL.target)
    assert foreseen(USUAL, None, shut_in=D("0.5")).act == USUAL.target
    assert foreseen(USUAL, D("0.24"), shut_in=D("0.2253")).act == D("0.24")
    near = replace(USUAL, act=D("0.05"), target=D("0.10"), is_adapted=True)
    assert foreseen(near, None, shut_in=D("0.2253")) == near


def test_a_slow_account_says_why_it_is_cured() -> None:
    """The sentence says that leaving takes time."""
    ahead = Foresight(shut_in={NAME: D("0.2253")})
    state = judge(GuardState(), [at_distance("0.30")], LIMITS, START).state
    state = replace(state, foresight=ahead)
    (verdict,) = judge(state, [at_distance("0.21")], LIMITS, START).verdicts

    assert verdict.kind is VerdictKind.CURE
    assert "as it cannot be left at once" in verdict.reason


def test_the_quiet_look_sees_the_same_thresholds() -> None:
    """What the floats call safe is what the judge would call safe."""
    levels = levels_of(knowing(WILD))

    assert levels is not None
    assert levels[NAME].act == 0.2


@given(
    fractions,
    fractions,
    st.none() | fractions,
    st.just(D(0)) | fractions,
    st.just(D(0)) | fractions,
)
def test_what_lies_ahead_never_lowers_a_threshold(
    one: Decimal,
    other: Decimal,
    needed: Decimal | None,
    stress: Decimal,
    slow: Decimal,
) -> None:
    """Both thresholds rise or stay, the target never under the act distance."""
    act, target = sorted((one, other))
    own = replace(USUAL, act=act, target=target)
    found = foreseen(own, needed, stress, slow)

    assert found.act >= own.act
    assert found.target >= own.target
    assert found.target >= found.act
    assert found.act >= stress
    assert found.act >= min(slow, own.target)
    if needed is None and stress <= act and slow <= act:
        assert found == own
    if stress == 0:
        assert found.act <= own.target
        assert found.target <= max(own.target * D("1.5"), own.target)
