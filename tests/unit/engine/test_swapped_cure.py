"""A swap on a venue that really does it: sold, bought, and never far apart."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from itertools import accumulate

import pytest

from bot.domain.accounts import MARGIN_CROSS, AccountSnapshot
from bot.domain.intents import PlaceOrder
from bot.domain.market import Liquidity
from tests.unit.engine.test_planned_cure import Desk
from tests.unit.venue.builders import THIN, instant, opening

RISEN = "68500"
"""BTC goes up and ETH does not: the debt becomes 96 % of what is owned."""
PRICES = {"ETH-USDT": Decimal(2500), "BTC-USDT": Decimal(RISEN)}
BACKSTOP = Decimal("0.85")


@dataclass
class ThinDesk(Desk):
    """A desk on markets that take little in a minute."""

    liquidity: Liquidity = THIN

    def move(self, btc: str, seconds: float = 1) -> None:
        """The market moves, and time passes."""
        self.now += timedelta(seconds=seconds)
        moment = instant(self.now, btc=btc, liquidity=self.liquidity)
        self.see(self.venue.tick(moment))


def long_against_short(owed: str, cash: str) -> AccountSnapshot:
    """Ten ETH (25,000 USDT) against BTC that is owed."""
    return opening(
        {"margin_cross": {"ETH": "10", "USDT": cash}},
        debts={"margin_cross": {"BTC": owed}},
    )


@pytest.mark.parametrize(("owed", "cash"), [("0.35", "0"), ("0.39", "3000")])
@pytest.mark.parametrize("volume", ["10000", "40", "10"])
def test_a_long_coin_against_a_short_one_is_cured_by_turns(
    owed: str, cash: str, volume: str
) -> None:
    """At its backstop the guard sells a chunk and buys a chunk until it is under it."""
    liquidity = replace(THIN, volume_1m=Decimal(volume))
    desk = ThinDesk(long_against_short(owed, cash), liquidity=liquidity)
    for _ in range(140):
        desk.move(RISEN, seconds=6)
    assert not desk.refused
    now = desk.measure(MARGIN_CROSS)
    assert now is not None
    assert now.ratio is not None
    assert now.ratio < BACKSTOP
    assert not desk.state.guard.is_acting
    orders = [i for i in desk.sent if isinstance(i, PlaceOrder)]
    values = [i.qty * PRICES[i.symbol] * i.side.sign for i in orders]
    ahead = [abs(value) for value in accumulate(values)]
    assert max(ahead) <= max(abs(value) for value in values) * Decimal("1.01")
    if volume == "10":
        assert len(orders) > 4
