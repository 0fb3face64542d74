"""Auto-deleveraging: the score, the lamps, and what a strike does."""

from decimal import Decimal

import pytest

from bot.domain.accounts import PositionKey
from bot.domain.events import AdlRankReported, Cause, Filled, PositionChanged
from connectors.venue.futures import AdlStrike
from tests.unit.venue.futures_bench import Bench, booked, position

D = Decimal
KEY = PositionKey("XBTUSDTM")


def test_a_strike_cuts_a_profitable_position_at_the_given_price() -> None:
    """Half a short goes at the other party's price, free of fees."""
    bench = Bench({"USDT": "1000"}, positions=[position(-100, "50000")])
    bench.tick("40000")
    bench.desk.strike(bench.at, AdlStrike(key=KEY, lots=50, price=D(39000)))
    events = bench.drain()
    (fill,) = [e for e in events if isinstance(e, Filled)]
    assert (fill.forced, fill.qty, fill.fee) == ("adl", D(50), D(0))
    assert booked(events, Cause.REALISED_PNL) == [D(550)]
    told = [e for e in events if isinstance(e, PositionChanged)]
    assert [(e.reason, e.position.lots) for e in told] == [("adl", -50)]


def test_a_strike_larger_than_the_position_takes_all_of_it() -> None:
    """The hedge's other leg is naked afterwards: nothing of the perp is left."""
    bench = Bench({"USDT": "1000"}, positions=[position(-100, "50000")])
    bench.tick("40000")
    bench.desk.strike(bench.at, AdlStrike(key=KEY, lots=999, price=D(39000)))
    assert bench.desk.positions == {}


def test_a_losing_position_is_left_alone() -> None:
    """ADL takes from winners only."""
    bench = Bench({"USDT": "1000"}, positions=[position(-100, "50000")])
    bench.tick("51000")
    bench.desk.strike(bench.at, AdlStrike(key=KEY, lots=50, price=D(39000)))
    assert bench.drain() == []


@pytest.mark.parametrize(("lots", "price"), [(0, "1"), (-1, "1"), (1, "0")])
def test_a_senseless_strike_is_a_bug_of_the_caller(lots: int, price: str) -> None:
    """Sizes and prices are positive."""
    with pytest.raises(ValueError, match="must be positive"):
        AdlStrike(key=KEY, lots=lots, price=D(price))


def test_lamps_rise_with_profit_and_leverage_and_are_told_on_change() -> None:
    """No lamp change, no event; a loser has one lamp, a levered winner five."""
    bench = Bench({"USDT": "600"}, positions=[position(-100, "50000")])
    lamps = []
    for price in ("51000", "51000", "49900", "35000", "10000"):
        events = bench.tick(price)
        lamps.append([e.rank for e in events if isinstance(e, AdlRankReported)])
    assert lamps == [[1], [], [2], [3], [2]]
    held = bench.desk.position("XBTUSDTM")
    assert held is not None
    assert held.adl_rank == 2
