"""The register: the one place where an order's state moves."""

from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS, SPOT
from bot.domain.events import OrderChanged
from bot.domain.orders import OrderState, OrderType, Side, TimeInForce
from connectors.venue.ledger import Ledger
from connectors.venue.orders import (
    FUTURES_CODES,
    MARGIN_CODES,
    SPOT_CODES,
    OrderRegister,
    VenueOrder,
    codes_for,
)
from tests.unit.venue.builders import START


def _order(number: int = 1, qty: str = "2") -> VenueOrder:
    return VenueOrder(
        order_id=f"order-{number}",
        intent_id=f"i-{number}",
        account=SPOT,
        symbol="BTC-USDT",
        side=Side.SELL,
        qty=Decimal(qty),
        type=OrderType.LIMIT,
        price=Decimal(100),
        time_in_force=TimeInForce.GTC,
        hold_coin="BTC",
    )


def test_each_product_has_its_own_codes() -> None:
    """An error code tells which product refused."""
    assert codes_for(SPOT) == SPOT_CODES
    assert codes_for(MARGIN_CROSS) == MARGIN_CODES
    assert codes_for(FUTURES) == FUTURES_CODES
    assert codes_for(MAIN) == MARGIN_CODES


def test_the_hold_of_a_coin_is_the_sum_of_its_orders() -> None:
    """Two orders hold together, and each frees its own part."""
    ledger = Ledger()
    register = OrderRegister(ledger)
    first, second = _order(1), _order(2, "3")
    for order in (first, second):
        register.accept(order)
        register.rest(START, order, order.qty)
    assert ledger.hold(SPOT, "BTC") == 5

    register.settle(START, first, "cancelled")

    assert ledger.hold(SPOT, "BTC") == 3
    assert register.resting("BTC-USDT") == (second,)
    assert register.resting_of(SPOT) == (second,)
    assert register.resting_symbols() == ("BTC-USDT",)


@pytest.mark.parametrize(
    ("filled", "reason", "state"),
    [
        ("2", None, OrderState.FILLED),
        ("2", "too late", OrderState.FILLED),
        ("1", None, OrderState.OPEN),
        ("1", "cancelled", OrderState.CANCELLED),
    ],
)
def test_an_order_ends_when_it_is_full_or_cancelled(
    filled: str, reason: str | None, state: OrderState
) -> None:
    """A full order is filled, whatever reason to cancel it comes with that."""
    ledger = Ledger()
    register, order = OrderRegister(ledger), _order()
    register.accept(order)
    register.rest(START, order, order.qty)
    register.fill(order, Decimal(filled))

    register.settle(START, order, reason)

    told = ledger.drain()[-1]
    assert isinstance(told, OrderChanged)
    assert told.state is state
    assert told.filled_qty == Decimal(filled)
    assert (told.reason is None) == (state is not OrderState.CANCELLED)


@pytest.mark.parametrize("qty", ["0", "-1", "2.1"])
def test_a_fill_that_does_not_fit_is_a_bug(qty: str) -> None:
    """An order never fills beyond its size."""
    register, order = OrderRegister(Ledger()), _order()
    register.accept(order)

    with pytest.raises(ValueError, match="does not fit"):
        register.fill(order, Decimal(qty))


def test_orders_are_found_by_both_ids() -> None:
    """The exchange's id and the client's lead to the same order."""
    register, order = OrderRegister(Ledger()), _order()
    register.accept(order)

    assert register.get("order-1") is order
    assert register.by_client_id("i-1") is order
    assert register.by_client_id("i-2") is None
    assert register.get("order-2") is None
