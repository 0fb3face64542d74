"""Laws of what a plan can pay: nothing is spent, lent or moved that is not there."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import MAIN, MARGIN_CROSS, SPOT
from bot.domain.intents import Borrow, Transfer
from bot.guard.limits import GuardLimits
from bot.guard.plan import make_plan
from bot.guard.plan_limits import leaving
from bot.guard.planner import plan_cure
from bot.risk.measure import measure_subjects
from bot.shadow.project import project
from bot.shadow.state import Shadow
from tests.property.guard.drawn import shadows
from tests.unit.guard.bench import shadow_of, subject_state, verdict_on
from tests.unit.venue.builders import opening

LIMITS = GuardLimits()


@given(shadows(), st.sampled_from((0, 1, 2, 3)))
def test_a_round_takes_no_more_out_of_an_account_than_may_leave(
    shadow: Shadow, number: int
) -> None:
    """What the admission would refuse is not asked for; no loan is left behind."""
    subjects = [m.subject for m in measure_subjects(shadow)]
    if number >= len(subjects):
        return
    verdict = verdict_on(shadow, subjects[number])
    found = plan_cure(shadow, verdict, subject_state(), LIMITS)
    for proposal in found.proposals:
        intent = proposal.intent
        if isinstance(intent, Transfer) and intent.source not in {MAIN, SPOT}:
            assert intent.amount <= leaving(shadow, intent.source, intent.coin)
        if isinstance(intent, Borrow):
            lent = project(shadow, intent)
            assert intent.amount <= leaving(lent, intent.account, intent.coin)


def long_against_short(eth: int, share: int, cash: int) -> Shadow:
    """One coin owned, another one owed, and some cash: the debt is so much of all."""
    owed = Decimal((eth * 2500 + cash) * share) / 100 / 50_000
    return shadow_of(
        opening(
            {"margin_cross": {"ETH": str(eth), "USDT": str(cash)}},
            debts={"margin_cross": {"BTC": str(owed)}},
        )
    )


@given(
    eth=st.integers(4, 40),
    share=st.integers(86, 98),
    cash=st.sampled_from((0, 0, 20, 3000)),
)
def test_one_coin_against_another_is_always_brought_under_its_backstop(
    eth: int, share: int, cash: int
) -> None:
    """Neither half may help alone; a sale and a purchase together do, at any size."""
    shadow = long_against_short(eth, share, cash)
    plan = make_plan(shadow, verdict_on(shadow, MARGIN_CROSS), LIMITS)
    assert plan is not None
    assert plan.is_reached
    done = shadow
    for step in plan.steps:
        for intent in step.intents:
            done = project(done, intent)
            assert done.balance(MARGIN_CROSS, "USDT").total >= 0, step
