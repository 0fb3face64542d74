"""Which requests a journal leaves open: unproven ones, and orders that may trade."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import FUTURES, MARGIN_CROSS
from bot.domain.events import IntentSettled, OrderChanged
from bot.domain.intents import Approved, Borrow, PlaceOrder
from bot.domain.orders import OrderState, Outcome, Side
from bot.engine.open_requests import OpenRequests

START = datetime(2025, 1, 1, tzinfo=UTC)
ORDER = Approved(
    intent_id="g1-i0000001",
    owner="carry",
    intent=PlaceOrder(
        account=FUTURES, symbol="XBTUSDTM", side=Side.SELL, qty=Decimal(5)
    ),
    reason="begins",
)
LOAN = Approved(
    intent_id="g1-i0000002",
    owner="carry",
    intent=Borrow(account=MARGIN_CROSS, coin="BTC", amount=Decimal(1)),
    reason="begins",
)


def answered(outcome: Outcome, order_id: str | None = "o1") -> IntentSettled:
    """What the exchange answered to the order."""
    return IntentSettled(
        at=START, intent_id=ORDER.intent_id, outcome=outcome, order_id=order_id
    )


def stands(state: OrderState, filled: str = "0") -> OrderChanged:
    """What the exchange says of the order."""
    return OrderChanged(
        at=START,
        order_id="o1",
        intent_id=ORDER.intent_id,
        account=FUTURES,
        symbol="XBTUSDTM",
        side=Side.SELL,
        state=state,
        qty=Decimal(5),
        filled_qty=Decimal(filled),
    )


def told(*facts: IntentSettled | OrderChanged) -> tuple[Approved, ...]:
    """What is open after an order left and these facts came."""
    requests = OpenRequests()
    requests.left(ORDER)
    for fact in facts:
        if isinstance(fact, IntentSettled):
            requests.settled(fact)
        else:
            requests.order(fact)
    return requests.open


def test_an_order_that_rests_is_open() -> None:
    """Accepted, and filled in part: it may still trade."""
    assert told() == (ORDER,)
    assert told(answered(Outcome.DONE)) == (ORDER,)
    resting = (answered(Outcome.DONE), stands(OrderState.OPEN, "2"))
    assert told(*resting) == (ORDER,)


@pytest.mark.parametrize("state", [OrderState.FILLED, OrderState.CANCELLED])
def test_an_order_that_left_the_book_is_closed_in_any_order(state: OrderState) -> None:
    """Its end may be told before its acceptance; both are needed, none reopens it."""
    facts: tuple[IntentSettled | OrderChanged, ...] = (
        answered(Outcome.DONE),
        stands(OrderState.OPEN),
        stands(state, "5"),
    )
    for way in permutations(facts):
        assert told(*way) == ()
    assert told(stands(state)) == (ORDER,)
    assert told(*facts, answered(Outcome.DONE), stands(OrderState.OPEN)) == ()


def test_a_refusal_closes_an_order() -> None:
    """What was never accepted cannot rest."""
    assert told(answered(Outcome.REFUSED, None)) == ()
    assert told(answered(Outcome.IN_DOUBT), answered(Outcome.REFUSED, None)) == ()


def test_a_loan_that_was_made_is_closed() -> None:
    """Only orders live on after their answer."""
    requests = OpenRequests()
    requests.left(LOAN)
    done = IntentSettled(
        at=START, intent_id=LOAN.intent_id, outcome=Outcome.DONE, order_id="l1"
    )
    assert requests.settled(done)
    assert requests.open == ()


@given(st.lists(st.sampled_from(OrderState), max_size=5))
def test_orders_of_others_change_nothing(states: list[OrderState]) -> None:
    """An order without a request of ours opens and closes none."""
    requests = OpenRequests()
    for state in states:
        requests.order(stands(state))
    assert requests.open == ()
