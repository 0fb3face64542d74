"""Worked examples of a backtest: what a year holds, and what the depth carries."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bot.domain.accounts import SPOT
from bot.domain.events import (
    Event,
    Filled,
    LiquidityQuoted,
    MarksTicked,
    OrderChanged,
)
from bot.domain.intents import Approved, PlaceOrder
from bot.domain.orders import OrderState, OrderType, Side
from bot.engine.state import State, Step
from bot.report.backtest import BacktestMeter
from bot.report.tally import Tally
from bot.shadow.state import Shadow, empty_shadow
from tests.unit.venue.builders import rules

NOON = datetime(2024, 12, 31, 12, tzinfo=UTC)
LATE = datetime(2024, 12, 31, 23, 55, tzinfo=UTC)
MIDNIGHT = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass
class Run:
    """A run whose tally is told what it is to say."""

    shadow: Shadow = field(default_factory=lambda: empty_shadow(rules()))
    meter: BacktestMeter = field(init=False)

    def __post_init__(self) -> None:
        """A meter that has seen nothing."""
        self.meter = BacktestMeter(Tally(replace(self.shadow, at=NOON)))

    def tick(self, at: datetime, equity: str, **parts: str) -> None:
        """A mark at which the equity is known and the parts have come to this."""
        tally, worth = self.meter.tally, Decimal(equity)
        tally.equity_start = tally.equity_start or worth
        tally.equity_end = worth
        tally.parts.update({name: Decimal(sum_) for name, sum_ in parts.items()})
        self.shadow = replace(self.shadow, at=at)
        self.happen([MarksTicked(at=at, margin_marks={}, futures_marks={})])

    def happen(self, moment: Sequence[Event], *approved: Approved) -> None:
        """One step."""
        self.meter(moment, Step(state=State(shadow=self.shadow), approved=approved))

    def answer(self) -> Any:
        """Its figures."""
        return self.meter.answer()


def test_what_settles_at_midnight_belongs_to_the_year_that_it_begins() -> None:
    """Funding of 4 at 00:00 is in the equity of 2025 alone, so in its funding too."""
    run = Run()
    run.tick(NOON, "1000")
    run.tick(LATE, "1010", funding="3")
    run.tick(MIDNIGHT, "1014", funding="7")
    run.tick(MIDNIGHT.replace(hour=1), "1015", funding="7")
    old, new = run.answer()["years"]
    assert (old["equity_end"], old["pnl"]["funding"]) == ("1010", "3")
    assert (new["equity_start"], new["pnl"]["funding"]) == ("1010", "4")
    assert (old["pnl"]["price"], new["pnl"]["price"]) == ("7", "1")
    assert run.answer()["pnl"]["funding"] == "7"


DEPTH = LiquidityQuoted(
    at=NOON,
    symbol="ETH-USDT",
    half_spread=Decimal("0.0001"),
    sigma_1m=Decimal("0.001"),
    volume_1m=Decimal(10),
)
BUY = PlaceOrder(account=SPOT, symbol="ETH-USDT", side=Side.BUY, qty=Decimal(4))
FILL = Filled(
    at=NOON,
    trade_id="t",
    order_id="o",
    intent_id="i",
    account=SPOT,
    symbol="ETH-USDT",
    side=Side.BUY,
    qty=Decimal(1),
    price=Decimal(3000),
    reference_price=Decimal(3000),
    fee=Decimal(0),
    fee_coin="USDT",
    is_maker=False,
)
ENDED = OrderChanged(
    at=NOON,
    order_id="o",
    intent_id="i",
    account=SPOT,
    symbol="ETH-USDT",
    side=Side.BUY,
    state=OrderState.CANCELLED,
    qty=Decimal(4),
    filled_qty=Decimal(1),
    reason="market: the depth is used up",
)


def capacity(order: PlaceOrder, *told: Event) -> Any:
    """The capacity of 1000 USDT that asked for an order and were told this."""
    run = Run(replace(empty_shadow(rules()), liquidity={"ETH-USDT": DEPTH}))
    run.tick(NOON, "1000")
    run.happen([], Approved(intent_id="i", owner="mine", intent=order, reason="up"))
    run.happen(told)
    return run.answer()["capacity"]


def test_the_depth_carries_what_was_asked_for_and_not_what_it_gave() -> None:
    """Four of the ten coins of a minute were asked, one was there: a share of 0.4."""
    found = capacity(BUY, FILL, ENDED)
    assert found["order_share_of_minute_p99"] == "0.40000000"
    assert (found["orders"], found["capital_by_depth"]) == (1, "250.00")


def test_an_order_that_got_nothing_asked_all_the_same() -> None:
    """The depth was used up before it came."""
    found = capacity(BUY, replace(ENDED, filled_qty=Decimal(0)))
    assert (found["orders"], found["capital_by_depth"]) == (1, "250.00")


def test_an_order_that_rests_takes_what_it_fills() -> None:
    """It never asked for four coins at once: a share of 0.1."""
    rests = replace(BUY, type=OrderType.LIMIT, price=Decimal(3000))
    found = capacity(rests, FILL, replace(ENDED, price=Decimal(3000)))
    assert found["capital_by_depth"] == "1000.00"
