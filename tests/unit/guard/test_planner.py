"""Worked examples of the planner: which lever comes first, and what it asks for."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    Balance,
    MarginMode,
    isolated_account,
)
from bot.domain.events import AccountStatus, OrderChanged
from bot.domain.intents import (
    AdjustMargin,
    CancelOrder,
    Intent,
    PlaceOrder,
    Repay,
    Transfer,
)
from bot.domain.orders import IntentState, OrderState, Side
from bot.guard.planner import Cure, idle_repayments, is_waiting, plan_cure
from bot.guard.sizing import is_at_target
from bot.guard.state import SubjectState
from bot.risk.measure import SubjectMeasure, measure_subject
from bot.shadow.project import project
from bot.shadow.state import Shadow
from tests.unit.guard.bench import (
    LIMITS,
    START,
    THRESHOLDS,
    cross_long,
    later,
    measured,
    position,
    requested,
    shadow_of,
    subject_state,
    verdict_on,
)
from tests.unit.venue.builders import opening

RESTING = OrderChanged(
    at=START,
    order_id="o1",
    intent_id=None,
    account=MARGIN_CROSS,
    symbol="BTC-USDT",
    side=Side.BUY,
    state=OrderState.OPEN,
    qty=Decimal("0.1"),
    filled_qty=Decimal(0),
    price=Decimal(45000),
)
REPAY = Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(5))
BORROWED_IDLE = {
    "USDT": Balance(total=Decimal(500), principal=Decimal(40000)),
    "BTC": Balance(total=Decimal(1)),
}


def cure(
    shadow: Shadow, subject: str = "margin_cross", known: SubjectState | None = None
) -> Cure:
    """The next round for a subject under cure."""
    state = subject_state() if known is None else known
    return plan_cure(shadow, verdict_on(shadow, subject), state, LIMITS)


def intents(found: Cure) -> list[Intent]:
    """What a round asks for."""
    return [proposal.intent for proposal in found.proposals]


def benched(*names: str, until: datetime | None = None) -> SubjectState:
    """A state in which these instruments are benched."""
    end = until or START + timedelta(hours=1)
    return replace(subject_state(), benched_until=dict.fromkeys(names, end))


def paid_in(shadow: Shadow, move: Transfer) -> SubjectMeasure | None:
    """The account after coins came in and repaid what is owed of them."""
    repaid = Repay(account=MARGIN_CROSS, coin=move.coin, amount=move.amount)
    return measure_subject(project(project(shadow, move), repaid), "margin_cross")


def test_resting_orders_that_add_risk_are_cancelled_first() -> None:
    """A cancel costs nothing; reduce-only orders and other accounts' stay."""
    orders = {
        "o1": RESTING,
        "o2": replace(RESTING, order_id="o2", reduce_only=True),
        "o3": replace(RESTING, order_id="o3", account=SPOT),
    }
    found = cure(replace(cross_long(), orders=orders))
    assert intents(found) == [
        CancelOrder(account=MARGIN_CROSS, symbol="BTC-USDT", order_id="o1")
    ]


def test_a_cancel_is_not_asked_for_twice() -> None:
    """While one is without an answer the next lever is used."""
    shadow = replace(cross_long(), orders={"o1": RESTING})
    asked = CancelOrder(account=MARGIN_CROSS, symbol="BTC-USDT", order_id="o1")
    found = cure(requested(shadow, [asked]))
    assert not any(isinstance(i, CancelOrder) for i in intents(found))


def test_idle_coins_repay_what_is_owed_of_them() -> None:
    """500 idle USDT against a debt in USDT: they go before anything is sold."""
    shadow = replace(cross_long(), balances={MARGIN_CROSS: BORROWED_IDLE})
    assert intents(cure(shadow)) == [
        Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(500))
    ]


@pytest.mark.parametrize("state", [IntentState.SENT, IntentState.IN_DOUBT])
def test_a_loan_without_an_answer_has_no_second_beside_it(state: IntentState) -> None:
    """Loans have no idempotency key: sent or in doubt, there is only one."""
    shadow = replace(cross_long(), balances={MARGIN_CROSS: BORROWED_IDLE})
    assert idle_repayments(requested(shadow, [REPAY], state), MARGIN_CROSS) == []


def test_dust_is_not_repaid_by_the_guard() -> None:
    """Less than a USDT is not worth a request."""
    coins = {
        **BORROWED_IDLE,
        "USDT": Balance(total=Decimal("0.99"), principal=Decimal(1)),
    }
    shadow = replace(cross_long(), balances={MARGIN_CROSS: coins})
    assert idle_repayments(shadow, MARGIN_CROSS) == []


def test_the_reserve_comes_before_a_sale_and_no_more_of_it_than_needed() -> None:
    """Of 30000 USDT in main as much is moved as reaches the target once it repays."""
    shadow = cross_long(main={"USDT": "30000"})
    (move,) = intents(cure(shadow))
    assert isinstance(move, Transfer)
    assert (move.source, move.target, move.coin) == (MAIN, MARGIN_CROSS, "USDT")
    assert is_at_target(paid_in(shadow, move), THRESHOLDS)
    less = replace(move, amount=move.amount - 1)
    assert not is_at_target(paid_in(shadow, less), THRESHOLDS)


def test_the_spot_account_is_the_second_reserve() -> None:
    """When main is empty, idle coins of the spot account are brought in."""
    (move,) = intents(cure(cross_long(spot={"USDT": "30000"})))
    assert isinstance(move, Transfer)
    assert move.source == SPOT


def test_futures_get_the_coin_that_they_settle_in() -> None:
    """An inverse position is helped with BTC, not with USDT."""
    account = opening(
        {"futures": {"BTC": "0.05"}, "main": {"BTC": "1", "USDT": "9000"}},
        positions=[position(10_000, symbol="XBTUSDM")],
    )
    (move,) = intents(cure(shadow_of(account), "futures:BTC"))
    assert isinstance(move, Transfer)
    assert (move.target, move.coin) == (FUTURES, "BTC")


@pytest.mark.parametrize("status", [AccountStatus.LIQUIDATING, AccountStatus.BANKRUPT])
def test_nothing_is_moved_into_an_account_that_is_taken_over(
    status: AccountStatus,
) -> None:
    """Transfers in are blocked by then, and would only be lost."""
    shadow = cross_long(main={"USDT": "30000"})
    shadow = replace(shadow, statuses={(MARGIN_CROSS, ""): status})
    assert not any(isinstance(i, Transfer) for i in intents(cure(shadow)))


def test_an_isolated_position_gets_margin_from_the_free_wallet_first() -> None:
    """Cash that carries no position becomes its margin, never more than is free."""
    held = position(100, mode=MarginMode.ISOLATED, margin="600")
    account = opening(
        {"futures": {"USDT": "900"}, "main": {"USDT": "900"}}, positions=[held]
    )
    (added,) = intents(cure(shadow_of(account), "futures_isolated:XBTUSDTM"))
    assert isinstance(added, AdjustMargin)
    assert added.symbol == "XBTUSDTM"
    assert Decimal(0) < added.amount <= Decimal(300)


def test_an_isolated_position_brings_the_reserve_into_the_wallet() -> None:
    """Without free cash the reserve moves first and becomes margin a round later."""
    held = position(100, mode=MarginMode.ISOLATED, margin="600")
    account = opening(
        {"futures": {"USDT": "600"}, "main": {"USDT": "900"}}, positions=[held]
    )
    (moved,) = intents(cure(shadow_of(account), "futures_isolated:XBTUSDTM"))
    assert isinstance(moved, Transfer)
    assert (moved.source, moved.target) == ("main", "futures")


def test_an_isolated_position_without_cash_is_cut() -> None:
    """When no cash is left anywhere the position itself is reduced."""
    held = position(100, mode=MarginMode.ISOLATED, margin="600")
    account = opening({"futures": {"USDT": "600"}}, positions=[held])
    (order,) = intents(cure(shadow_of(account), "futures_isolated:XBTUSDTM"))
    assert isinstance(order, PlaceOrder)
    assert order.margin_mode is MarginMode.ISOLATED


def test_a_pair_account_keeps_no_third_coin() -> None:
    """USDT is no collateral in an isolated pair of two other coins."""
    pair = isolated_account("ETH-BTC")
    account = opening(
        {pair: {"ETH": "20"}, "main": {"USDT": "9000"}}, debts={pair: {"BTC": "0.9"}}
    )
    found = cure(shadow_of(account), pair)
    assert intents(found) == []


def test_a_benched_lever_is_passed_over() -> None:
    """What did not help is left alone while there is something else."""
    shadow = cross_long(main={"USDT": "30000"})
    found = cure(shadow, known=benched("the reserve"))
    assert isinstance(intents(found)[0], PlaceOrder)
    assert "the reserve is benched" in found.alternatives


def test_the_last_lever_is_used_although_it_is_benched() -> None:
    """The bench prefers others; it never leaves an account to its fate."""
    found = cure(cross_long(), known=benched("BTC-USDT"))
    assert isinstance(intents(found)[0], PlaceOrder)


def test_a_bench_ends() -> None:
    """After its time an instrument is as good as any other."""
    found = cure(cross_long(), known=benched("BTC-USDT", until=START))
    assert "BTC-USDT is benched after it did not help" not in found.alternatives


def test_an_account_without_a_lever_says_what_was_considered() -> None:
    """Nothing can be done: the reasons are there for the journal."""
    shadow = replace(cross_long(), halted=frozenset({"BTC-USDT"}))
    found = cure(shadow)
    assert found.proposals == ()
    assert found.alternatives == (
        "no open order adds risk",
        "no idle balance of an owed coin",
        "no free cash for an isolated margin",
        "no reserve in the main or spot account",
        "nothing left that can be reduced",
    )


def test_an_answer_is_waited_for_but_not_for_ever() -> None:
    """A request on its way to this account is waited for, at most 15 seconds."""
    shadow = requested(cross_long(), [REPAY], IntentState.SENT, "guard")
    measure = measured(shadow, "margin_cross")
    assert is_waiting(shadow, measure)
    assert is_waiting(later(shadow, 15), measure)
    assert not is_waiting(later(shadow, 16), measure)


def test_a_request_in_doubt_or_elsewhere_is_not_waited_for() -> None:
    """A reduction goes on beside what is in doubt."""
    doubt = requested(cross_long(), [REPAY], IntentState.IN_DOUBT)
    assert not is_waiting(doubt, measured(doubt, "margin_cross"))
    other = replace(REPAY, account=isolated_account("BTC-USDT"))
    elsewhere = requested(cross_long(), [other], IntentState.SENT)
    assert not is_waiting(elsewhere, measured(elsewhere, "margin_cross"))


@pytest.mark.parametrize(
    ("owner", "seconds", "waits"),
    [
        ("guard", 5, True),
        ("guard", 16, False),
        ("carry", 0.2, True),
        ("carry", 1, False),
    ],
)
def test_the_guard_is_not_behind_the_requests_of_others(
    owner: str, seconds: float, *, waits: bool
) -> None:
    """It waits for its own answers, for those of others only as long as a good one."""
    shadow = requested(cross_long(), [REPAY], IntentState.SENT, owner)
    shadow = later(shadow, seconds)
    measure = measure_subject(shadow, "margin_cross")
    assert measure is not None
    assert is_waiting(shadow, measure) is waits
