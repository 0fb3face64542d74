"""News of orders: who they belong to, and that their fills are told first."""

from decimal import Decimal

from bot.domain.accounts import FUTURES, MARGIN_CROSS, SPOT, isolated_account
from bot.domain.intents import PlaceOrder
from bot.domain.orders import OrderState, OrderType, Side
from connectors.kucoin.feed import Feed, Interests, Taken
from connectors.kucoin.order_reads import of_spot_push
from connectors.kucoin.parse.spot_orders import SpotOrderPush
from connectors.kucoin.registry import OrderRegistry
from connectors.kucoin.standing import Standing
from connectors.kucoin.streams import Channel, Frame
from tests.unit.kucoin.world_bench import START, approved, filled

D = Decimal
SPOT_PRIVATE = Channel("spot", "/account/balance", is_private=True)
FUTURES_PRIVATE = Channel("futures", "/contract/positionAll", is_private=True)
PUBLIC = Channel("futures", "/contract/instrument")
PAIR = "ETH-USDT"
ISOLATED = isolated_account(PAIR)


def feed_of() -> Feed:
    """A feed that has heard nothing yet."""
    return Feed(
        interests=Interests(
            coins=frozenset({"USDT", "BTC", "ETH"}),
            spot_symbols=frozenset({"BTC-USDT"}),
            contracts=frozenset({"XBTUSDTM"}),
            pairs=frozenset({PAIR}),
        ),
        registry=OrderRegistry(),
        standing=Standing(warning_debt_ratio=D("0.95")),
    )


def take(feed: Feed, value: object, channel: Channel = SPOT_PRIVATE) -> Taken:
    """Give a feed one push."""
    frame = Frame(channel=channel, subject="s", value=value, received_s=1.0)
    return feed.take(frame)


def push_of(
    order_id: str, change: str, *, client_id: str | None = None, size: str = "0.1"
) -> SpotOrderPush:
    """One message of the order stream."""
    state = {"filled": OrderState.FILLED, "canceled": OrderState.CANCELLED}
    return SpotOrderPush(
        order_id=order_id,
        client_id=client_id,
        symbol="BTC-USDT",
        side=Side.BUY,
        type=OrderType.LIMIT,
        change=change,
        state=state.get(change, OrderState.OPEN),
        size=D("0.1"),
        filled_size=D(size) if change == "filled" else D(0),
        price=D(50000),
        match_price=None,
        match_size=None,
        trade_id=None,
        is_maker=None,
        at=START,
    )


def test_an_order_of_ours_wakes_its_account() -> None:
    """The push names no account; our own id does."""
    feed = feed_of()
    intent = PlaceOrder(
        account=MARGIN_CROSS,
        symbol="BTC-USDT",
        side=Side.BUY,
        qty=D("0.1"),
        type=OrderType.LIMIT,
        price=D(50000),
    )
    ours = approved(intent)
    feed.registry.expect(ours)
    taken = take(feed, push_of("o1", "open", client_id=ours.intent_id))
    assert taken.touched == {MARGIN_CROSS}
    [told] = feed.registry.tell(frozenset({MARGIN_CROSS})).orders
    assert (told.intent_id, told.account) == (ours.intent_id, MARGIN_CROSS)


def test_a_foreign_order_waits_for_its_account() -> None:
    """An order of nobody here is not told before it is known where it trades."""
    feed = feed_of()
    taken = take(feed, push_of("x", "open", client_id="by-hand"))
    assert taken.touched == {SPOT, MARGIN_CROSS}
    assert feed.registry.tell(frozenset()).orders == ()
    assert [fact.order_id for fact in feed.registry.homeless()] == ["x"]


def test_an_ended_order_is_not_reopened() -> None:
    """Late and repeated messages of an order change nothing."""
    feed = feed_of()
    ours = approved(
        PlaceOrder(account=SPOT, symbol="BTC-USDT", side=Side.BUY, qty=D("0.1"))
    )
    feed.registry.expect(ours)
    for change in ("open", "canceled", "open", "canceled"):
        take(feed, push_of("o1", change, client_id=ours.intent_id))
    [told] = feed.registry.tell(frozenset({SPOT})).orders
    assert told.state is OrderState.CANCELLED
    take(feed, push_of("o1", "open", client_id=ours.intent_id))
    assert feed.registry.tell(frozenset({SPOT})).orders == ()


def done_order() -> OrderRegistry:
    """An order of ours that a push says has filled 0.1."""
    feed = feed_of()
    ours = approved(
        PlaceOrder(account=SPOT, symbol="BTC-USDT", side=Side.BUY, qty=D("0.1"))
    )
    feed.registry.expect(ours)
    take(feed, push_of("o1", "filled", client_id=ours.intent_id))
    return feed.registry


def test_an_order_is_told_after_its_fills() -> None:
    """As long as only part of what it filled is booked, it waits."""
    registry = done_order()
    registry.book([filled("o1", "0.04")])
    assert registry.tell(frozenset({SPOT})).orders == ()
    assert registry.traded() == ((SPOT, "BTC-USDT"),)
    registry.book([filled("o1", "0.06", "t2")])
    [told] = registry.tell(frozenset({SPOT})).orders
    assert told.filled_qty == D("0.1")
    assert not registry.waiting()


def test_patience_for_fills_has_an_end() -> None:
    """After five looks at its account the order is told all the same, with a note."""
    registry = done_order()
    for _ in range(20):
        assert registry.tell(frozenset({FUTURES})).orders == ()
    for _ in range(5):
        assert registry.tell(frozenset({SPOT})).orders == ()
    told = registry.tell(frozenset({SPOT}))
    assert len(told.orders) == len(told.notes) == 1


def test_fills_may_come_before_their_order() -> None:
    """A fill that a look brings before any message of its order counts for it."""
    registry = OrderRegistry()
    registry.book([filled("o1", "0.1")])
    ours = approved(
        PlaceOrder(account=SPOT, symbol="BTC-USDT", side=Side.BUY, qty=D("0.1"))
    )
    registry.expect(ours)
    registry.accepted(START, "o1", ours.intent_id)
    registry.see(of_spot_push(push_of("o1", "filled")))
    [told] = registry.tell(frozenset({SPOT})).orders
    assert told.state is OrderState.FILLED
