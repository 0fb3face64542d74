"""An order that a dead process sent is ours before its fills are booked."""

from decimal import Decimal

import pytest

from bot.domain.accounts import MARGIN_CROSS, SPOT
from bot.domain.intents import Borrow, PlaceOrder
from bot.domain.orders import Side
from connectors.kucoin.adoption import adopt_open
from connectors.kucoin.registry import OrderRegistry
from tests.unit.kucoin.gateway_bench import Bench
from tests.unit.kucoin.world_bench import approved, gone, spot_row, unreachable

D = Decimal
BUY = approved(PlaceOrder(account=SPOT, symbol="BTC-USDT", side=Side.BUY, qty=D("0.1")))
LOAN = approved(Borrow(account=MARGIN_CROSS, coin="USDT", amount=D(100)))


async def test_an_order_under_our_id_is_adopted() -> None:
    """The exchange's id leads to our intent, although no answer was ever heard."""
    bench, registry = Bench(), OrderRegistry()
    bench.rest.reads["spot_order_by_client_id"] = spot_row("o1", BUY.intent_id)
    await adopt_open(bench.rest, registry, [LOAN, BUY])
    assert registry.intent_of("o1") == BUY.intent_id
    assert bench.rest.count("spot_order_by_client_id") == 1


@pytest.mark.parametrize("answer", [gone(), unreachable()])
async def test_no_answer_and_no_order_prove_nothing(answer: object) -> None:
    """The start goes on; the look-ups ask again."""
    bench, registry = Bench(), OrderRegistry()
    bench.rest.reads["spot_order_by_client_id"] = answer
    await adopt_open(bench.rest, registry, [BUY])
    assert registry.intent_of("o1") is None
    assert bench.rest.sent == []
