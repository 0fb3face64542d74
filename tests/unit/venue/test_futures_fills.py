"""Booking of futures executions: what each fill does to wallet and position."""

from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MarginMode, PositionSide
from bot.domain.events import Bucket, Cause, Filled, PositionChanged
from bot.domain.orders import Side
from tests.unit.venue.futures_bench import Bench, booked, replayed

D = Decimal


def test_an_opening_fill_costs_only_the_fee() -> None:
    """Opening moves no profit: the wallet changes by the fee, rounded up."""
    bench = Bench({"USDT": "1000"})
    events = bench.trade(Side.BUY, 1, "86275.1")
    assert booked(events, Cause.FEE) == [D("-0.05176506")]
    assert booked(events, Cause.REALISED_PNL) == []
    held = bench.desk.position("XBTUSDTM")
    assert held is not None
    assert (held.lots, held.entry_value) == (1, D("86.2751"))


def test_the_printed_closed_position_is_reproduced() -> None:
    """Opening at 93859.8 and closing at 94443.5 gains 0.5837 before fees."""
    bench = Bench({"USDT": "1000"})
    bench.trade(Side.BUY, 1, "93859.8")
    events = bench.trade(Side.SELL, 1, "94443.5")
    assert booked(events, Cause.REALISED_PNL) == [D("0.5837")]
    assert bench.desk.position("XBTUSDTM") is None


def test_a_partial_close_releases_its_share_of_the_cost_exactly() -> None:
    """Whatever the steps, realised profits sum to sales less purchases."""
    bench = Bench({"USDT": "1000"})
    bench.trade(Side.BUY, 3, "50000.1")
    bench.trade(Side.BUY, 4, "50013.7")
    for lots, price in ((2, "50100.3"), (1, "49000.1"), (4, "50500.9")):
        bench.trade(Side.SELL, lots, price)
    bought = 3 * D("50.0001") + 4 * D("50.0137")
    sold = 2 * D("50.1003") + D("49.0001") + 4 * D("50.5009")
    assert sum(booked(bench.events, Cause.REALISED_PNL)) == sold - bought


def test_a_flip_is_a_close_and_an_open() -> None:
    """Selling 15 against a long of 10 realises 10 and leaves a short of 5."""
    bench = Bench({"USDT": "1000"})
    bench.trade(Side.BUY, 10, "50000")
    events = bench.trade(Side.SELL, 15, "51000")
    assert booked(events, Cause.REALISED_PNL) == [D(10)]
    held = bench.desk.position("XBTUSDTM")
    assert held is not None
    assert (held.lots, held.entry_value) == (-5, D(-255))


def test_an_inverse_long_gains_coins_when_the_price_rises() -> None:
    """10,000 USD bought at 50,000 and sold at 62,500 gain 0.2 - 0.16 BTC."""
    bench = Bench({"BTC": "1"})
    bench.trade(Side.BUY, 10000, "50000", symbol="XBTUSDM")
    events = bench.trade(Side.SELL, 10000, "62500", symbol="XBTUSDM")
    assert booked(events, Cause.REALISED_PNL) == [D("0.04")]
    assert booked(events, Cause.FEE) == [D("-0.000096")]


def test_an_inverse_short_gains_coins_when_the_price_falls() -> None:
    """10,000 USD sold at 50,000 and bought at 40,000 gain 0.25 - 0.2 BTC."""
    bench = Bench({"BTC": "1"})
    bench.trade(Side.SELL, 10000, "50000", symbol="XBTUSDM")
    events = bench.trade(Side.BUY, 10000, "40000", symbol="XBTUSDM")
    assert booked(events, Cause.REALISED_PNL) == [D("0.05")]


def test_an_isolated_fill_earmarks_margin_and_a_close_returns_its_share() -> None:
    """Value over leverage is earmarked; half the position gives back half of it."""
    bench = Bench({"USDT": "1000"})
    bench.trade(Side.BUY, 10, "50000", mode=MarginMode.ISOLATED, leverage="10")
    held = bench.desk.position("XBTUSDTM")
    assert held is not None
    assert held.margin == D(50)
    assert bench.ledger.margin(FUTURES, "USDT", "XBTUSDTM") == D(50)
    bench.trade(Side.SELL, 5, "50000", mode=MarginMode.ISOLATED)
    assert bench.ledger.margin(FUTURES, "USDT", "XBTUSDTM") == D(25)
    bench.trade(Side.SELL, 5, "50000", mode=MarginMode.ISOLATED)
    assert replayed(bench.events, "USDT", Bucket.MARGIN) == 0


def test_hedge_mode_keeps_both_sides_apart() -> None:
    """A long and a short of one contract are two positions."""
    bench = Bench({"USDT": "1000"})
    bench.trade(Side.BUY, 10, "50000", position_side=PositionSide.LONG)
    bench.trade(Side.SELL, 4, "50000", position_side=PositionSide.SHORT)
    long = bench.desk.position("XBTUSDTM", PositionSide.LONG)
    short = bench.desk.position("XBTUSDTM", PositionSide.SHORT)
    assert long is not None
    assert short is not None
    assert (long.lots, short.lots) == (10, -4)


def test_a_hedge_side_cannot_be_sold_through_zero() -> None:
    """The closing side of hedge mode never opens: a caller that tries has a bug."""
    bench = Bench({"USDT": "1000"})
    bench.trade(Side.BUY, 1, "50000", position_side=PositionSide.LONG)
    with pytest.raises(ValueError, match="clip it first"):
        bench.trade(Side.SELL, 2, "50000", position_side=PositionSide.LONG)


def test_a_maker_pays_the_maker_rate() -> None:
    """A resting fill costs 0.02 % instead of 0.06 %."""
    bench = Bench({"USDT": "1000"})
    events = bench.trade(Side.BUY, 10, "50000", is_maker=True)
    assert booked(events, Cause.FEE) == [D("-0.1")]


def test_the_fill_comes_before_its_money_and_the_position_last() -> None:
    """The order of the events is the order of what happened."""
    bench = Bench({"USDT": "1000"})
    events = bench.trade(Side.BUY, 10, "50000")
    assert isinstance(events[0], Filled)
    assert isinstance(events[-1], PositionChanged)
    assert events[-1].position == bench.desk.position("XBTUSDTM")
