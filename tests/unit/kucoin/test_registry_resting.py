"""What is told of an order that was accepted and of which nothing more is heard."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.accounts import FUTURES
from bot.domain.intents import Approved, PlaceOrder
from bot.domain.orders import OrderState, OrderType, Side, TimeInForce
from connectors.kucoin.registry import OrderRegistry
from tests.unit.kucoin.world_bench import START, approved

D = Decimal
CUT = PlaceOrder(
    account=FUTURES, symbol="XBTUSDTM", side=Side.SELL, qty=D(40), reduce_only=True
)
LOOKED = frozenset({FUTURES})


def accepted(intent: PlaceOrder) -> tuple[OrderRegistry, Approved]:
    """A registry that knows of an order only that KuCoin took it."""
    registry, ours = OrderRegistry(), approved(intent)
    registry.expect(ours)
    registry.accepted(START, "o1", ours.intent_id)
    return registry, ours


def test_a_market_order_is_told_only_when_it_has_ended() -> None:
    """Told as open it would count as resting, and the guard would cut once more.

    That is so while its push, its look-up and the position are all late.
    """
    registry, ours = accepted(CUT)
    assert registry.tell(LOOKED).orders == ()
    assert registry.is_open("o1"), "it is still asked for"
    [open_fact] = registry.open_orders()
    registry.see(replace(open_fact, state=OrderState.CANCELLED))
    [told] = registry.tell(LOOKED).orders
    assert (told.state, told.intent_id) == (OrderState.CANCELLED, ours.intent_id)


def test_an_order_that_rests_is_told_as_open() -> None:
    """A limit order that stays in the book is an open order of the account."""
    resting = replace(
        CUT, type=OrderType.LIMIT, price=D(60000), time_in_force=TimeInForce.GTC
    )
    registry, _ = accepted(resting)
    [told] = registry.tell(LOOKED).orders
    assert told.state is OrderState.OPEN


def test_news_are_owed_until_an_order_that_cannot_rest_has_ended() -> None:
    """A session that is told to stop waits for it: its fills are not booked yet."""
    registry, _ = accepted(CUT)
    registry.tell(LOOKED)
    assert registry.owes_news
    [open_fact] = registry.open_orders()
    registry.see(replace(open_fact, state=OrderState.CANCELLED))
    assert registry.owes_news, "it has ended, and nobody was told"
    registry.tell(LOOKED)
    assert not registry.owes_news


def test_an_order_that_rests_owes_nothing() -> None:
    """A session does not wait for what may rest for days."""
    resting = replace(
        CUT, type=OrderType.LIMIT, price=D(60000), time_in_force=TimeInForce.GTC
    )
    registry, _ = accepted(resting)
    registry.tell(LOOKED)
    assert not registry.owes_news
