"""Laws of the guard on any account: it only reduces, evenly, and is never refused."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import FUTURES
from bot.domain.events import AccountStatus
from bot.domain.intents import (
    AdjustMargin,
    Approved,
    Intent,
    PlaceOrder,
    Proposal,
    Refused,
)
from bot.engine.curing import cure_round
from bot.guard.admit import Admission, admit, is_reduction
from bot.guard.doubt import unsettled_qty
from bot.guard.judge import Verdict, VerdictKind, judge
from bot.guard.limits import GuardLimits, RiskLimits, Thresholds
from bot.guard.paydown import paid_down
from bot.guard.planner import plan_cure
from bot.guard.reduce import Cut, reductions
from bot.guard.state import GuardState, SubjectState
from bot.risk.exposures import coin_exposures
from bot.risk.measure import SubjectMeasure, measure_subject, measure_subjects
from bot.shadow.project import project
from bot.shadow.state import Shadow
from tests.property.guard.drawn import PAIR, intents, net_coins, shadows

NEAR = Thresholds(act=Decimal("0.15"), target=Decimal("0.25"), backstop=Decimal("0.85"))
KNOWN = SubjectState(thresholds=NEAR, is_acting=True, episode=1)
LIMITS = GuardLimits()
ZERO = Decimal(0)
COST = Decimal("0.01")
"""Fee, half-spread and depth of a trade, as a share of the distance."""


def verdicts(shadow: Shadow) -> list[Verdict]:
    """Each account of the shadow, as if it had to be cured."""
    return [
        Verdict(kind=VerdictKind.CURE, measure=m, thresholds=NEAR, reason="law")
        for m in measure_subjects(shadow)
    ]


def cuts(shadow: Shadow) -> list[tuple[Verdict, Cut]]:
    """Every cut of every account."""
    return [
        (verdict, cut)
        for verdict in verdicts(shadow)
        for cut in reductions(shadow, verdict, KNOWN, LIMITS)
    ]


def orders(cut: Cut) -> list[PlaceOrder]:
    """The orders of a cut."""
    return [p.intent for p in cut.proposals if isinstance(p.intent, PlaceOrder)]


@given(shadows())
def test_a_cut_is_never_larger_than_what_is_there(shadow: Shadow) -> None:
    """It points against the net holding and leaves room for what has no answer."""
    for _, cut in cuts(shadow):
        for order in orders(cut):
            held = net_coins(shadow, order)
            asked = unsettled_qty(shadow, order.account, order.symbol, order.side)
            assert held * order.side.sign < 0
            assert 0 < order.qty <= abs(held) - asked
            assert order.symbol not in shadow.halted


@given(shadows())
def test_a_cut_keeps_to_the_rules_of_its_market(shadow: Shadow) -> None:
    """Whole lots and steps, the least size, and cash or coins that are there."""
    for _, cut in cuts(shadow):
        for order in orders(cut):
            if order.account == FUTURES:
                contract = shadow.rules.contracts[order.symbol]
                assert order.qty % contract.lot_size == 0
                assert order.reduce_only
                continue
            pair = shadow.rules.spot[order.symbol]
            price = shadow.margin_marks[pair.base]
            assert order.qty % pair.base_increment == 0
            assert order.qty >= pair.base_min
            assert order.qty * price >= pair.min_funds
            coin = pair.base if order.side.sign < 0 else pair.quote
            needed = order.qty if order.side.sign < 0 else order.qty * price
            assert needed <= shadow.balance(order.account, coin).available


@given(shadows())
def test_both_legs_of_a_cut_are_even(shadow: Shadow) -> None:
    """The other leg loses no more than its share of what the first one loses."""
    for _, cut in cuts(shadow):
        legs = orders(cut)
        if len(legs) != 2:
            continue
        first, other = (abs(_coins(shadow, leg)) for leg in legs)
        assert legs[0].side is not legs[1].side
        assert other <= first * Decimal("1.0000001")
        exposures = coin_exposures(shadow, "BTC" if "BT" in legs[0].symbol else "ETH")
        sign = -legs[0].side.sign
        same = sum((max(e.base_qty * sign, ZERO) for e in exposures), ZERO)
        rest = sum((max(-e.base_qty * sign, ZERO) for e in exposures), ZERO)
        step = Decimal("0.001") + abs(_coins(shadow, replace(legs[1], qty=Decimal(1))))
        assert other <= first * min(rest / same, Decimal(1)) + step


def _coins(shadow: Shadow, order: PlaceOrder) -> Decimal:
    if order.account != FUTURES:
        return order.qty
    contract = shadow.rules.contracts[order.symbol]
    if contract.is_inverse:
        return order.qty / shadow.futures_marks[order.symbol]
    return order.qty * contract.multiplier


@given(shadows())
def test_the_first_cut_does_not_endanger_its_own_account(shadow: Shadow) -> None:
    """After it and the repayment behind it the distance shrinks by costs at most."""
    seen: set[str] = set()
    for verdict, cut in cuts(shadow):
        was = verdict.measure
        if was.subject in seen or not cut.proposals or was.distance is None:
            continue
        seen.add(was.subject)
        done = project(shadow, orders(cut)[0])
        if was.account != FUTURES:
            done = paid_down(shadow, done, was.account)
        now = measure_subject(done, was.subject)
        assert now is None or now.distance is None or _is_no_nearer(was, now)


def _is_no_nearer(was: SubjectMeasure, now: SubjectMeasure) -> bool:
    if was.distance is None or now.distance is None:
        return False
    return now.distance >= was.distance - COST


@given(shadows())
def test_everything_the_planner_asks_for_is_let_pass(shadow: Shadow) -> None:
    """Each proposal is a reduction, or money that is proven to help and let pass.

    Only margin that would be taken from cross positions is held to their distance.
    """
    for verdict in verdicts(shadow):
        cure = plan_cure(shadow, verdict, KNOWN, LIMITS)
        for proposal in cure.proposals:
            if is_reduction(shadow, proposal.intent):
                continue
            found = admit(curing(shadow, verdict), proposal, "i")
            moves = isinstance(proposal.intent, AdjustMargin)
            assert moves or isinstance(found, Approved), found


def curing(shadow: Shadow, verdict: Verdict) -> Admission:
    """What a proposal is held to while the account of a verdict is under cure."""
    return Admission(
        shadow=shadow,
        guard=GuardState(subjects={verdict.measure.subject: KNOWN}),
        limits=RiskLimits(),
        guard_limits=LIMITS,
        day_open_equity=Decimal(10**9),
    )


@given(shadows())
def test_a_round_can_always_be_made(shadow: Shadow) -> None:
    """Whatever the account looks like, judging and planning give an answer."""
    judgement = judge(GuardState(), measure_subjects(shadow), LIMITS, shadow.at)
    assert len(judgement.verdicts) == len(measure_subjects(shadow))
    for verdict in judgement.verdicts:
        cure_round(shadow, verdict, KNOWN, LIMITS)


@given(shadows(), intents, st.sampled_from(AccountStatus), st.booleans())
def test_a_reduction_is_never_refused(
    shadow: Shadow, intent: Intent, status: AccountStatus, is_blind: bool
) -> None:
    """Whatever is unknown, stale, halted, in doubt, warned or over a limit."""
    if is_blind:
        shadow = replace(shadow, margin_marks={}, futures_marks={}, mark_times={})
    shadow = replace(
        shadow,
        at=shadow.at + timedelta(days=1),
        is_open=not is_blind,
        halted=frozenset({"BTC-USDT", "ETH-USDT", "XBTUSDTM"}),
        statuses={(PAIR, ""): status, (FUTURES, "USDT"): status},
    )
    zero = Decimal(0)
    admission = Admission(
        shadow=shadow,
        guard=GuardState(subjects={"margin_cross": KNOWN}),
        limits=RiskLimits(
            max_leverage=zero,
            max_order_usdt=zero,
            max_gross_usdt=zero,
            max_daily_loss=zero,
        ),
        guard_limits=LIMITS,
        day_open_equity=Decimal(10**9),
    )
    proposal = Proposal(owner="law", intent=intent, reason="law")
    found = admit(admission, proposal, "i")
    if is_reduction(shadow, intent):
        assert isinstance(found, Approved)
    elif not isinstance(intent, AdjustMargin):
        assert isinstance(found, Refused)


@given(shadows(), intents)
def test_a_reduction_lowers_what_it_says(shadow: Shadow, intent: Intent) -> None:
    """Less net coins, fewer lots, less debt, or more in an account that needs it."""
    if not is_reduction(shadow, intent) or not isinstance(intent, PlaceOrder):
        return
    before = net_coins(shadow, intent)
    after = net_coins(project(shadow, intent), intent)
    assert abs(after) < abs(before)
    assert before * after >= 0
