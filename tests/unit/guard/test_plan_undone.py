"""What a plan does where its first choice cannot be paid for."""

from decimal import Decimal

import pytest

from benchmarks.bench_planner import LIMITS, drawn, strained
from bot.domain.accounts import MARGIN_CROSS
from bot.domain.intents import PlaceOrder
from bot.guard.judge import Verdict, VerdictKind
from bot.guard.limits import Thresholds
from bot.guard.plan import Plan, make_plan
from bot.guard.sizing import is_at_target
from bot.risk.measure import measure_subject
from bot.shadow.project import project
from bot.shadow.state import Shadow

NUMBERS = [1, 5, 7, 19]
"""Of the accounts that are drawn, those whose first choice cannot be paid for."""
DRAWN = drawn(strained, 30, 20, seed=309, count=20)
TIMES_MAX = 3


def cured(shadow: Shadow) -> Plan:
    """The plan of its futures, at the thresholds that the figures are made with."""
    measure = measure_subject(shadow, "futures:USDT")
    assert measure is not None
    bounds = Thresholds(
        act=Decimal("0.16"), target=Decimal("0.25"), backstop=Decimal("0.85")
    )
    verdict = Verdict(
        kind=VerdictKind.CURE, measure=measure, thresholds=bounds, reason="test"
    )
    plan = make_plan(shadow, verdict, LIMITS)
    assert plan is not None
    return plan


@pytest.mark.parametrize("number", NUMBERS)
def test_another_way_is_found_where_the_first_lacks_the_cash(number: int) -> None:
    """Pairs whose spot leg nobody can pay are left, and others cut: it arrives."""
    plan = cured(DRAWN[number])
    assert plan.is_reached
    assert is_at_target(plan.after, plan.thresholds)


@pytest.mark.parametrize("number", NUMBERS)
def test_no_trade_is_left_to_buy_what_some_cash_is_enough_for(number: int) -> None:
    """Every step can be paid when its turn comes, and no instrument is fed in bits."""
    done = DRAWN[number]
    plan = cured(done)
    for step in plan.steps:
        for intent in step.intents:
            done = project(done, intent)
        assert done.balance(MARGIN_CROSS, "USDT").total >= 0, step.name
    names = [step.name for step in plan.steps if step.order is not None]
    assert max(names.count(name) for name in names) <= TIMES_MAX
    assert any(isinstance(i, PlaceOrder) for s in plan.steps for i in s.intents)
