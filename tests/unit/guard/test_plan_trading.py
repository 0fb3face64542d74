"""Worked examples of a plan's trades: paid for, in order, together where needed."""

from decimal import Decimal

import pytest

from bot.domain.accounts import MARGIN_CROSS, isolated_account
from bot.domain.intents import PlaceOrder, Repay
from bot.domain.orders import Side
from bot.guard.plan import Plan, make_plan
from bot.guard.planner import plan_cure
from bot.guard.safety import is_better, is_worse
from bot.guard.state import SWAPPING
from bot.shadow.project import project
from bot.shadow.state import Shadow
from tests.unit.guard.bench import (
    LIMITS,
    THRESHOLDS,
    measured,
    shadow_of,
    subject_state,
    verdict_on,
)
from tests.unit.venue.builders import opening

PAIR = isolated_account("BTC-USDT")


def planned(shadow: Shadow, subject: str = MARGIN_CROSS) -> Plan:
    """The plan of a subject that has one."""
    plan = make_plan(shadow, verdict_on(shadow, subject), LIMITS)
    assert plan is not None
    return plan


def long_against_short(owed: str, cash: str = "0", eth: str = "10") -> Shadow:
    """ETH (2,500 USDT each) against BTC that is owed."""
    return shadow_of(
        opening(
            {"margin_cross": {"ETH": eth, "USDT": cash}},
            debts={"margin_cross": {"BTC": owed}},
        )
    )


def insolvent() -> Shadow:
    """A pair account that owes 101 USDT and owns 100."""
    return shadow_of(
        opening({PAIR: {"USDT": "100", "BTC": "0"}}, debts={PAIR: {"USDT": "101"}})
    )


@pytest.mark.parametrize(
    ("owed", "cash"), [("0.48", "0"), ("0.5376", "3000"), ("0.4913", "0")]
)
def test_what_helps_only_together_is_one_step(owed: str, cash: str) -> None:
    """The sale stands before the purchase that it pays for, and the plan arrives."""
    plan = planned(long_against_short(owed, cash))
    assert plan.is_reached
    step = plan.steps[0]
    assert step.name == f"ETH-USDT{SWAPPING}BTC-USDT"
    assert step.partner is not None
    sides = [i.side for i in step.intents if isinstance(i, PlaceOrder)]
    assert sides == [Side.SELL, Side.BUY]


@pytest.mark.parametrize("cash", ["0", "30", "3000"])
def test_no_step_spends_cash_that_is_not_there(cash: str) -> None:
    """USDT never falls under zero, whatever order the steps stand in."""
    done = long_against_short("0.5", cash)
    for step in planned(done).steps:
        for intent in step.intents:
            done = project(done, intent)
            assert done.balance(MARGIN_CROSS, "USDT").total >= 0


def test_a_purchase_that_nothing_pays_for_goes_as_far_as_its_cash() -> None:
    """2,000 USDT against one BTC that is owed: 0.04 are bought, less what it costs."""
    shadow = shadow_of(
        opening(
            {"margin_cross": {"USDT": "2000"}, PAIR: {}},
            debts={"margin_cross": {"BTC": "1"}},
        )
    )
    for step in planned(shadow).steps:
        for intent in step.intents:
            if isinstance(intent, PlaceOrder):
                assert intent.qty < Decimal("0.04")


def test_a_repayment_that_worsens_its_account_is_no_step() -> None:
    """Where more is owed than owned it takes collateral away faster than the debt."""
    shadow = insolvent()
    plan = planned(shadow, PAIR)
    assert not any(isinstance(i, Repay) for s in plan.steps for i in s.intents)
    assert plan.dropped == (f"repaying would make {PAIR} worse",)
    assert plan.after is not None
    assert plan.after.ratio == Decimal("1.01")


def test_the_ladder_repays_nothing_that_worsens_the_account_either() -> None:
    """Neither the plan's round nor the fixed order sends such a repayment."""
    shadow = insolvent()
    cure = plan_cure(shadow, verdict_on(shadow, PAIR), subject_state(), LIMITS)
    assert not any(isinstance(p.intent, Repay) for p in cure.proposals)


def test_over_the_backstop_a_lower_ratio_is_better_though_a_distance_is_named() -> None:
    """That no uniform move liquidates is no comfort where one coin alone does."""
    before = measured(long_against_short("0.4825"), MARGIN_CROSS)
    assert before.distance is None
    short = measured(long_against_short("0.39", "18000", eth="1"), MARGIN_CROSS)
    assert short.distance is not None
    assert (short.ratio or 0) > THRESHOLDS.backstop
    assert (short.ratio or 0) < (before.ratio or 0)
    assert is_better(before, short, THRESHOLDS.backstop)
    assert not is_better(before, short)


def test_worse_is_nearer_or_the_same_way_off_at_a_higher_ratio() -> None:
    """An account without debt is never worse; rounding alone is no worsening."""
    near = measured(long_against_short("0.39", "18000", eth="1"), MARGIN_CROSS)
    far = measured(long_against_short("0.2", "18000", eth="1"), MARGIN_CROSS)
    assert is_worse(far, near)
    assert not is_worse(near, far)
    assert not is_worse(near, near)
    assert not is_worse(near, None)
