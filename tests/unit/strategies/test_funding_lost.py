"""A leg of a pair that was lost on its way: nobody refused it, so nobody waits."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, SPOT
from bot.domain.intents import PlaceOrder
from bot.domain.orders import Side
from bot.domain.strategy import Setback
from tests.unit.strategies.bench import NOW, position
from tests.unit.strategies.test_funding_arbitrage import asked, carry, hedged, order

COMPLETION = PlaceOrder(
    account=FUTURES, symbol="SOLUSDTM", side=Side.SELL, qty=Decimal(40)
)
SALE = PlaceOrder(
    account=SPOT,
    symbol="SOL-USDT",
    side=Side.SELL,
    qty=Decimal(4),
    is_reduction=True,
)


@pytest.mark.parametrize(
    ("tried", "rate"), [(COMPLETION, "0.001"), (SALE, "-0.0005")], ids=["more", "less"]
)
def test_a_lost_leg_is_sent_again_at_once(tried: PlaceOrder, rate: str) -> None:
    """A completion and a sale are repeated a second later; refused ones are not."""
    at = NOW - timedelta(seconds=1)
    refused = Setback(at=at, intent=tried, reason="nothing of it is known")
    world = hedged(
        positions=(position("SOLUSDTM", -60),),
        rate=rate,
        setbacks={("carry", tried.symbol): refused},
    )
    assert [p.intent for p in asked(carry(), world)] != [tried]

    lost = replace(refused, was_lost=True)
    (proposal,) = asked(
        carry(), replace(world, setbacks={("carry", tried.symbol): lost})
    )
    again = order(proposal)
    assert (again.symbol, again.qty) == (tried.symbol, tried.qty)
