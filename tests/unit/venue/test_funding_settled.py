"""Funding: who pays whom how much, and out of which pocket."""

from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MarginMode
from bot.domain.events import Cause, Event, LedgerBooked, PositionChanged
from connectors.venue.examples import XBTUSDM, XBTUSDTM
from connectors.venue.funding import funding_cash
from tests.unit.venue.futures_bench import INVERSE, Bench, booked, position

D = Decimal


@pytest.mark.parametrize(
    ("lots", "mark", "rate", "cash"),
    [
        (1, "87139.92", "0.000641", "-0.05585669"),
        (5, "74540.89", "-0.000147", "0.05478755"),
        (3, "74403.4", "-0.000315", "0.07031121"),
        (-1, "87139.92", "0.000641", "0.05585669"),
    ],
)
def test_the_official_payments_are_reproduced(
    lots: int, mark: str, rate: str, cash: str
) -> None:
    """A positive rate makes longs pay; eight decimals, halves away from zero."""
    assert funding_cash(XBTUSDTM, lots, D(mark), D(rate)) == D(cash)


def test_the_inverse_example_is_reproduced() -> None:
    """Long 10,000 XBTUSDM at mark 5,000 and 0.0250 %: 0.0005 BTC are paid."""
    assert funding_cash(XBTUSDM, 10000, D(5000), D("0.00025")) == D("-0.0005")


def test_a_cross_position_pays_from_the_wallet() -> None:
    """The booking names rate and symbol; the position itself does not change."""
    bench = Bench({"USDT": "1000"}, positions=[position(100, "50000")])
    events = bench.tick("50000", rate="0.0001")
    assert booked(events, Cause.FUNDING) == [D("-0.5")]
    (entry,) = _bookings(events)
    assert (entry.rate, entry.symbol) == (D("0.0001"), "XBTUSDTM")
    assert bench.wallet() == D("999.5")


def test_an_isolated_position_pays_from_its_margin() -> None:
    """The coins leave the wallet and the earmarked margin shrinks with them."""
    held = position(100, "50000", mode=MarginMode.ISOLATED, margin="500")
    bench = Bench({"USDT": "1000"}, positions=[held])
    events = bench.tick("50000", rate="0.0001")
    left = bench.desk.position("XBTUSDTM")
    assert left is not None
    assert left.margin == D("499.5")
    assert bench.ledger.margin(FUTURES, "USDT", "XBTUSDTM") == D("499.5")
    told = [e for e in events if isinstance(e, PositionChanged)]
    assert [e.reason for e in told] == ["funding"]


def test_funding_takes_no_margin_below_zero() -> None:
    """Beyond the margin the wallet pays, and the position is liquidated at once."""
    held = position(
        100, "50000", mode=MarginMode.ISOLATED, margin="0.2", leverage="100"
    )
    bench = Bench({"USDT": "1000"}, positions=[held])
    events = bench.tick("50000", rate="0.0001")
    assert booked(events, Cause.FUNDING) == [D("-0.5")]
    assert bench.desk.positions == {}
    assert bench.ledger.margins(FUTURES, "USDT") == 0


def test_a_coin_settled_position_pays_in_its_coin() -> None:
    """The inverse position's booking is in BTC."""
    held = position(-10000, "50000", contract=INVERSE)
    bench = Bench({"BTC": "1"}, positions=[held])
    events = bench.tick("50000", rate="0.0001")
    assert booked(events, Cause.FUNDING) == [D("0.00002")]
    assert bench.wallet("BTC") == D("1.00002")


def test_a_flat_account_pays_nothing() -> None:
    """Only who holds at the instant pays."""
    assert _bookings(Bench({"USDT": "1"}).tick("50000", rate="0.01")) == []


def _bookings(events: list[Event]) -> list[LedgerBooked]:
    return [
        e for e in events if isinstance(e, LedgerBooked) and e.cause is Cause.FUNDING
    ]
