"""What is said to be charged within a horizon is what the simulated venue charges."""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import FUTURES, MARGIN_CROSS
from bot.domain.events import (
    BorrowRateQuoted,
    Bucket,
    Cause,
    Event,
    FundingQuoted,
    LedgerBooked,
)
from bot.domain.market import BorrowRate, FundingSettlement
from bot.risk.coming_flows import borrow_rate, coming_interest, settlements
from bot.risk.examples import XBTUSDTM
from bot.risk.known_flows import known_flows
from bot.risk.measure import measure_subjects
from bot.shadow.apply import apply
from bot.shadow.state import Shadow
from tests.property.risk.drawn import decimals
from tests.unit.guard.bench import position, shadow_of
from tests.unit.venue.builders import DEEP, START, instant, opening, rules, venue

D = Decimal
HOUR = timedelta(hours=1)
hours = st.integers(1, 48)
starts = st.timedeltas(timedelta(0), timedelta(hours=3))


def booked(
    events: list[Event], cause: Cause, bucket: Bucket
) -> defaultdict[str, Decimal]:
    """What was booked for a cause, by coin; interest that rolled over is in neither."""
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for event in events:
        if isinstance(event, LedgerBooked) and event.cause is cause:
            for posting in event.postings:
                is_debt = posting.bucket in {Bucket.PRINCIPAL, Bucket.INTEREST}
                if posting.bucket is bucket or (is_debt and bucket is Bucket.INTEREST):
                    found[posting.coin] += posting.amount
    return found


@given(decimals("0.001", "2"), decimals("1", "40000", 2), decimals("0", "3", 4), hours)
def test_interest_within_a_horizon_is_what_the_venue_charges(
    btc: Decimal, usdt: Decimal, rate: Decimal, span: int
) -> None:
    """Every full hour, compounding, rounded up: equal to the last digit, by coin."""
    rates = tuple(BorrowRate(coin=c, annual_rate=rate) for c in ("BTC", "USDT"))
    account = opening(
        {"margin_cross": {"ETH": "200"}},
        debts={"margin_cross": {"BTC": str(btc), "USDT": str(usdt)}},
    )
    exchange = venue(account, first=instant(liquidity=DEEP, rates=rates))
    known = shadow_of(account)
    for each in rates:
        quote = BorrowRateQuoted(at=START, coin=each.coin, annual_rate=rate)
        known = apply(known, quote)
    end = START + span * HOUR
    said: defaultdict[str, Decimal] = defaultdict(Decimal)
    for flow in coming_interest(known, MARGIN_CROSS, end):
        said[flow.coin] += flow.amount

    charged = booked(exchange.advance(end), Cause.INTEREST, Bucket.INTEREST)
    assert all(said[coin] == charged[coin] for coin in ("BTC", "USDT"))


def quoted(
    settlement_at: datetime, rate: Decimal, interval_h: Decimal
) -> FundingQuoted:
    """What the exchange shows of XBTUSDTM."""
    return FundingQuoted(
        at=START,
        symbol="XBTUSDTM",
        funding_rate=rate,
        settlement_at=settlement_at,
        funding_interval_h=interval_h,
    )


@given(
    st.integers(-500, 500).filter(bool),
    decimals("-0.003", "0.003", 6),
    st.sampled_from([1, 2, 4, 8]),
    st.integers(0, 7),
    hours,
)
def test_funding_within_a_horizon_is_what_the_venue_settles(
    lots: int, rate: Decimal, interval: int, first: int, span: int
) -> None:
    """At constant marks and rate all settlements sum to the wallet's change."""
    account = opening({"futures": {"USDT": "100000"}}, positions=[position(lots)])
    exchange, known = venue(account), shadow_of(account)
    due = START + timedelta(minutes=30 + 60 * (first % interval))
    known = apply(known, quoted(due, rate, D(interval)))
    (measure,) = measure_subjects(known)
    drift = known_flows(known, measure, span)

    events: list[Event] = []
    at = START
    while at <= START + span * HOUR:
        is_due = at >= due and (at - due) % (interval * HOUR) == timedelta(0)
        settled = FundingSettlement(symbol="XBTUSDTM", funding_rate=rate)
        told = replace(instant(at), settlements=(settled,) if is_due else ())
        events += exchange.tick(told)
        at += timedelta(minutes=30)
    paid = booked(events, Cause.FUNDING, Bucket.BALANCE)["USDT"]
    assert sum(each.margin for each in drift.booked) == pytest.approx(float(paid))
    assert exchange.snapshot().balances[FUTURES]["USDT"].total == 100000 + paid


@given(starts, st.sampled_from([1, 2, 4, 8]), hours)
def test_settlements_are_an_interval_apart_and_inside_the_horizon(
    late: timedelta, interval: int, span: int
) -> None:
    """A quote that is over still says when the next one is."""
    quote = quoted(START, D("0.0001"), D(interval))
    now = START + late
    found = [at for at, _ in settlements(quote, XBTUSDTM, now, now + span * HOUR)]

    assert all(now < at <= now + span * HOUR for at in found)
    assert all((at - START) % (interval * HOUR) == timedelta(0) for at in found)
    assert abs(len(found) - span / interval) <= 1


def test_later_settlements_keep_to_the_cap_of_the_contract() -> None:
    """The quoted one is as quoted; what is only expected is bounded."""
    capped = replace(
        XBTUSDTM, funding_rate_cap=D("0.003"), funding_rate_floor=D("-0.003")
    )
    quote = quoted(START + HOUR, D("0.01"), D(8))
    found = settlements(quote, capped, START, START + 24 * HOUR)

    assert [rate for _, rate in found] == [D("0.01"), D("0.003"), D("0.003")]


def test_without_an_interval_only_the_quoted_settlement_is_known() -> None:
    """No interval is assumed."""
    quote = quoted(START + HOUR, D("0.01"), D(0))
    found = list(settlements(quote, XBTUSDTM, START, START + 24 * HOUR))

    assert len(found) == 1


def test_a_debt_without_a_quoted_rate_costs_what_is_assumed() -> None:
    """Missing is not free: 11 % a year for USDT, 8 % for a small coin."""
    known = Shadow(at=START, rules=rules())

    assert (borrow_rate(known, "USDT"), borrow_rate(known, "XYZ")) == (
        D("0.11"),
        D("0.08"),
    )


def test_a_delisted_position_pays_no_funding_after_its_end() -> None:
    """Three settlements within a day, one before the contract ends."""
    account = opening({"futures": {"USDT": "9000"}}, positions=[position(100)])
    known = apply(shadow_of(account), quoted(START + HOUR, D("0.0001"), D(8)))
    (measure,) = measure_subjects(known)
    ends = {"BTC": START + 5 * HOUR}

    assert len(known_flows(known, measure, 24).booked) == 3
    assert len(known_flows(known, measure, 24, ends).booked) == 1
