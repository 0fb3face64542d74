"""Laws of value: at standing prices no request makes the user richer."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.events import Cause, Filled, LedgerBooked
from bot.domain.intents import AdjustMargin, CancelOrder, Intent, Repay, Transfer
from bot.domain.money import ZERO
from tests.property.venue.scripts import opened, prices, requests
from tests.unit.venue.builders import DEEP, RATES, approved, instant, later

ROUNDING = Decimal("1e-6")
"""Half-up rounding of futures profits, at worst a few quanta of BTC in USDT."""


@given(st.lists(requests, min_size=5, max_size=25), prices)
def test_requests_cost_or_cost_nothing(
    script: Sequence[Intent], price: Decimal
) -> None:
    """Trades cost spread and fee, loans interest; moving coins costs nothing."""
    sim, _ = opened()
    sim.tick(
        instant(
            later(30),
            btc=str(price),
            eth=str(price / 20),
            liquidity=DEEP,
            rates=RATES,
        )
    )
    sim.advance(later(60))
    for number, intent in enumerate(script):
        before = sim.equity_usdt()
        events = sim.submit(later(60), approved(intent, f"i-{number}"))
        after = sim.equity_usdt()
        if isinstance(intent, AdjustMargin | CancelOrder | Repay | Transfer):
            assert after == before
            continue
        assert after <= before + ROUNDING
        traded = any(isinstance(e, Filled) for e in events)
        charged = [
            e
            for e in events
            if isinstance(e, LedgerBooked) and e.cause is Cause.INTEREST
        ]
        if not traded and not charged:
            assert after == before


@given(st.lists(requests, min_size=5, max_size=25))
def test_every_trade_pays_its_fee_and_its_slippage_exactly(
    script: Sequence[Intent],
) -> None:
    """Equity falls by fees and by the distance of each fill from the mark."""
    sim, _ = opened()
    for number, intent in enumerate(script):
        before = sim.equity_usdt()
        events = sim.submit(later(0), approved(intent, f"i-{number}"))
        fills = [e for e in events if isinstance(e, Filled)]
        if not fills or any(e.symbol == "XBTUSDM" for e in fills):
            continue
        lot = Decimal("0.001") if fills[0].symbol == "XBTUSDTM" else Decimal(1)
        slipped = sum(
            (e.side.sign * (e.price - e.reference_price) * e.qty * lot for e in fills),
            ZERO,
        )
        fees = sum((e.fee for e in fills), ZERO)
        assert abs(before - sim.equity_usdt() - slipped - fees) <= ROUNDING
