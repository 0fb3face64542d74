"""Worked examples of what requests without an answer may still do."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS, SPOT
from bot.domain.events import OrderChanged
from bot.domain.intents import (
    AdjustMargin,
    Borrow,
    CancelOrder,
    Intent,
    PlaceOrder,
    Repay,
    Transfer,
)
from bot.domain.orders import IntentState, OrderState, OrderType, Side
from bot.guard.doubt import as_if_done, unsettled_qty
from bot.shadow.project import UnknownPriceError, project
from tests.unit.guard.asking import BORROW, BUY, OPEN, rich
from tests.unit.guard.bench import START, position, requested

SELL = replace(BUY, side=Side.SELL)
CLOSE = replace(OPEN, side=Side.SELL, qty=Decimal(1), close=True)


def test_the_quantities_of_one_side_add_up() -> None:
    """Sent and in doubt alike; another side, market or account does not count."""
    shadow = requested(rich(), [SELL, replace(SELL, qty=Decimal("0.2"))])
    shadow = requested(shadow, [SELL], IntentState.SENT)
    others: list[Intent] = [BUY, replace(SELL, account=SPOT), OPEN, BORROW]
    shadow = requested(shadow, others)
    found = unsettled_qty(shadow, MARGIN_CROSS, "BTC-USDT", Side.SELL)
    assert found == Decimal("0.4")


def test_what_is_proven_or_filled_is_not_unsettled() -> None:
    """An accepted order is seen in the book and in the fills."""
    shadow = requested(rich(), [SELL], IntentState.DONE)
    assert unsettled_qty(shadow, MARGIN_CROSS, "BTC-USDT", Side.SELL) == 0
    shadow = requested(rich(), [SELL])
    filled = replace(shadow.requests["r0"], filled_qty=Decimal(5))
    shadow = replace(shadow, requests={"r0": filled})
    assert unsettled_qty(shadow, MARGIN_CROSS, "BTC-USDT", Side.SELL) == 0


def test_a_close_may_take_the_whole_position() -> None:
    """Whatever quantity is written on it."""
    held = position(300)
    shadow = replace(rich(), positions={held.key: held})
    shadow = requested(shadow, [CLOSE])
    assert unsettled_qty(shadow, FUTURES, "XBTUSDTM", Side.SELL) == 300


@pytest.mark.parametrize("state", [IntentState.SENT, IntentState.IN_DOUBT])
def test_new_risk_counts_as_done(state: IntentState) -> None:
    """Orders, loans and what is taken out of an account."""
    out = Transfer(source=MARGIN_CROSS, target=MAIN, coin="USDT", amount=Decimal(5))
    for intent in (BUY, OPEN, BORROW, out):
        found = as_if_done(requested(rich(), [intent], state))
        assert found.balances == project(rich(), intent).balances
        assert found.positions == project(rich(), intent).positions


@pytest.mark.parametrize(
    "intent",
    [
        replace(SELL, is_reduction=True),
        replace(OPEN, reduce_only=True),
        CLOSE,
        Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(5)),
        CancelOrder(account=MARGIN_CROSS, symbol="BTC-USDT", order_id="o"),
        Transfer(source=MAIN, target=FUTURES, coin="USDT", amount=Decimal(5)),
        AdjustMargin(symbol="XBTUSDTM", amount=Decimal(5)),
    ],
)
def test_a_reduction_is_not_counted_on(intent: Intent) -> None:
    """It may not come about."""
    found = as_if_done(requested(rich(), [intent]))
    assert found.balances == rich().balances


def test_a_loan_that_is_proven_is_in_the_balance_already() -> None:
    """Only orders live on after their answer."""
    loan = Borrow(account=MARGIN_CROSS, coin="USDT", amount=Decimal(100))
    found = as_if_done(requested(rich(), [loan], IntentState.DONE))
    assert found.balances == rich().balances


def test_a_resting_order_counts_with_what_is_left_of_it() -> None:
    """Three quarters of it may still trade; its order margin is not counted twice."""
    bid = replace(OPEN, type=OrderType.LIMIT, price=Decimal(49000), qty=Decimal(40))
    shadow = requested(rich(), [bid], IntentState.DONE)
    request = replace(shadow.requests["r0"], order_id="o1", filled_qty=Decimal(10))
    resting = OrderChanged(
        at=START,
        order_id="o1",
        intent_id="r0",
        account=FUTURES,
        symbol="XBTUSDTM",
        side=Side.BUY,
        state=OrderState.OPEN,
        qty=Decimal(40),
        filled_qty=Decimal(10),
    )
    shadow = replace(shadow, requests={"r0": request}, orders={"o1": resting})
    found = as_if_done(shadow)
    assert [p.lots for p in found.positions.values()] == [30]
    assert found.orders == {}
    whole = replace(request, filled_qty=Decimal(40))
    assert as_if_done(replace(shadow, requests={"r0": whole})).positions == {}


def test_a_request_that_cannot_be_measured_is_said() -> None:
    """Then nobody knows what the account would be."""
    odd = PlaceOrder(account=FUTURES, symbol="OLDUSDTM", side=Side.BUY, qty=Decimal(1))
    with pytest.raises(UnknownPriceError):
        as_if_done(requested(rich(), [odd]))
