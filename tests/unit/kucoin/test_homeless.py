"""Orders of somebody else of which no message says in which account they trade."""

from decimal import Decimal

from bot.domain.accounts import SPOT
from bot.domain.orders import OrderState, Side
from connectors.kucoin.answers import Urgency
from connectors.kucoin.registry import OrderFact
from tests.unit.kucoin.live_bench import Bench, running
from tests.unit.kucoin.world_bench import START, gone


def fact(number: int, state: OrderState) -> OrderFact:
    """What a push says of an order that nobody placed here."""
    return OrderFact(
        at=START,
        order_id=f"strange-{number}",
        client_id=None,
        symbol="BTC-USDT",
        side=Side.BUY,
        state=state,
        qty=Decimal(1),
        filled_qty=Decimal(0),
    )


async def test_an_ended_order_without_a_home_is_forgotten() -> None:
    """A stranger who cancels thousands of orders must not fill the memory."""
    bench = Bench()
    bench.rest.reads |= {"spot_order": gone(), "margin_order": gone()}
    registry = bench.world.registry
    async with running(bench):
        registry.see(fact(1, OrderState.CANCELLED))
        registry.see(fact(2, OrderState.OPEN))
        for _ in range(8):
            bench.world.waker.touch({SPOT})
            await bench.time.advance(1)
        assert not registry.knows("strange-1")
        assert registry.knows("strange-2"), "it may still trade"
        assert [f.order_id for f in registry.homeless()] == ["strange-2"]


async def test_an_urgent_look_asks_for_no_homes() -> None:
    """The guard's look is not delayed by a stranger's orders."""
    bench = Bench()
    bench.rest.reads |= {"spot_order": gone(), "margin_order": gone()}
    async with running(bench):
        await bench.time.advance(1)
        bench.world.registry.see(fact(1, OrderState.OPEN))
        bench.world.waker.touch({SPOT}, urgency=Urgency.GUARD)
        await bench.time.advance(1)
        assert bench.rest.count("spot_order") == 0
        bench.world.waker.touch({SPOT})
        await bench.time.advance(1)
        assert bench.rest.count("spot_order") == 1
