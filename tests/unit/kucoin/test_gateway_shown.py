"""Answers that are lost after a push has shown the order."""

from decimal import Decimal

from bot.domain.accounts import SPOT
from bot.domain.intents import PlaceOrder
from bot.domain.money import ZERO
from bot.domain.orders import OrderState, Outcome, Side
from connectors.kucoin.registry import OrderFact
from tests.unit.kucoin.gateway_bench import Bench
from tests.unit.kucoin.world_bench import approved, lost, settle

BUY = PlaceOrder(account=SPOT, symbol="BTC-USDT", side=Side.BUY, qty=Decimal("0.10"))


def _fact(bench: Bench, state: OrderState, client_id: str) -> OrderFact:
    is_filled = state is OrderState.FILLED
    return OrderFact(
        at=bench.time.now(),
        order_id="o7",
        client_id=client_id,
        symbol="BTC-USDT",
        side=Side.BUY,
        state=state,
        qty=BUY.qty,
        filled_qty=BUY.qty if is_filled else ZERO,
        account=SPOT,
    )


async def test_a_push_before_the_lost_answer_is_the_answer() -> None:
    """An order that a push has shown, ended or open, is done though its answer is lost.

    Its end may be booked before the request is given up on; a doubt told then would
    be looked up by nobody and stay for ever.
    """
    for state in (OrderState.OPEN, OrderState.FILLED, OrderState.CANCELLED):
        bench = Bench()
        bench.rest.writes["place_spot_order"] = [lost()]
        bench.registry.expect(approved(BUY))
        bench.registry.see(_fact(bench, state, "g1-i0000001"))
        bench.gateway.send_order(approved(BUY))
        await settle()
        [event] = bench.events
        assert (event.outcome, event.order_id) == (Outcome.DONE, "o7")
        assert bench.registry.intent_of("o7") == "g1-i0000001"
        await bench.crew.close()


async def test_the_push_of_another_order_proves_nothing() -> None:
    """A lost answer stays a doubt when only other orders were shown."""
    bench = Bench()
    bench.rest.writes["place_spot_order"] = [lost()]
    bench.registry.see(_fact(bench, OrderState.FILLED, "g1-i0000002"))
    bench.gateway.send_order(approved(BUY))
    await settle()
    assert bench.outcomes == [Outcome.IN_DOUBT]
    await bench.crew.close()
