"""Beta hedge: worked examples of when, how much and which way it trades."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MAIN, SPOT
from bot.domain.errors import UsageError
from bot.domain.intents import Approved, PlaceOrder
from bot.domain.orders import Side
from bot.domain.strategy import Strategy
from bot.shadow.apply import register
from strategies import KINDS
from tests.unit.strategies.bench import (
    NOW,
    World,
    balance,
    done,
    position,
    usdt,
    view_of,
)

Closes = tuple[tuple[datetime, Decimal], ...]
HOURS = 800
D = Decimal


def history(beta: float, hours: int = HOURS, phase: float = 0.0) -> Closes:
    """Hourly closes that move ``beta`` times as far as a wave does."""
    start = NOW - timedelta(hours=hours)
    level, rows = 0.0, list[tuple[datetime, Decimal]]()
    for hour in range(hours):
        level += beta * 0.01 * math.sin((hour + HOURS - hours) * (1.7 + phase))
        close = Decimal(f"{100 * math.exp(level):.10f}")
        rows.append((start + timedelta(hours=hour), close))
    return tuple(rows)


def _sum(btc: Closes, eth: Closes) -> Closes:
    """A coin that moves as one twice and as the other once."""
    rows = zip(btc, eth, strict=True)
    return tuple((at, one * one * two / 10_000) for (at, one), (_, two) in rows)


def hedge(**values: object) -> Strategy:
    """The strategy with these parameters."""
    return KINDS["beta_hedge"]("hedge", None, values)


def _world(sol: str = "100", lots: int = 0, **changes: object) -> World:
    """So many coins at 100 with a beta of 2; a BTC lot is worth 0.1 USDT here."""
    world = World(
        balances={
            SPOT: {"SOL": balance(sol), "USDT": balance("1000")},
            FUTURES: {"USDT": balance("50000")},
        },
        positions=(position("XBTUSDTM", lots),) if lots else (),
        closes={"SOL": history(2.0), "BTC": history(1.0)},
    )
    return replace(world, **changes)  # type: ignore[arg-type] # fields by name


def _told(world: World, **values: object) -> list[tuple[Side, int, bool]]:
    found = []
    for proposal in hedge(**values).decide(world.view(), NOW):
        assert isinstance(proposal.intent, PlaceOrder)
        order = proposal.intent
        assert order.symbol == "XBTUSDTM"
        found.append((order.side, int(order.qty), order.reduce_only))
    return found


def test_net_beta_is_sold_with_the_hedge() -> None:
    """10 000 USDT of a coin with beta 2 are hedged by 200 000 lots of 0.1 USDT."""
    ((side, lots, reduces),) = _told(_world())

    assert side is Side.SELL
    assert abs(lots - 200_000) <= 40
    assert not reduces


def test_a_hedge_is_as_large_as_the_free_margin() -> None:
    """200 000 lots at 3x cost 6 667 USDT: 3 000 carry less than half, 300 nothing."""
    poor = _world()
    spot = poor.balances[SPOT]
    ((side, lots, _),) = _told(
        replace(poor, balances={SPOT: spot, FUTURES: {"USDT": balance("3000")}})
    )
    assert side is Side.SELL
    assert 85_000 < lots < 90_000
    none = replace(poor, balances={SPOT: spot, FUTURES: {"USDT": balance("300")}})
    assert _told(none) == []


def test_inside_the_band_nothing_is_traded() -> None:
    """A hedge that is 2 % of the gross off, or 90 USDT, stays as it is."""
    assert _told(_world(lots=-198_000)) == []
    assert _told(_world(lots=-199_100), band_share=0) == []
    assert len(_told(_world(lots=-190_000), band_share=0)) == 1


def test_too_much_hedge_is_reduced() -> None:
    """A hedge of twice the size is bought back by half, reduce-only."""
    ((side, lots, reduces),) = _told(_world(lots=-400_000))

    assert (side, reduces) == (Side.BUY, True)
    assert abs(lots - 200_000) <= 40


def test_a_hedge_of_the_wrong_side_is_first_closed() -> None:
    """A long hedge of a long book goes to flat first; the rest follows."""
    shadow = _world(lots=50_000).shadow()
    (first,) = hedge().decide(view_of(shadow), NOW)
    assert isinstance(first.intent, PlaceOrder)
    assert (int(first.intent.qty), first.intent.reduce_only) == (50_000, True)

    (second,) = hedge().decide(view_of(done(shadow, [first])), NOW)
    assert isinstance(second.intent, PlaceOrder)
    assert not second.intent.reduce_only


@pytest.mark.parametrize(
    "changes",
    [
        {"closes": {"SOL": history(2.0), "BTC": history(1.0, 40)}},
        {"closes": {"SOL": history(2.0)}},
        {"mark": None},
        {"futures_mark": None},
        {"half_spread": None},
        {"perp_half_spread": "0.05"},
        {"halted": frozenset({"XBTUSDTM"})},
    ],
    ids=[
        *("short history", "no history", "no mark", "no futures mark"),
        *("no depth", "too dear", "halted"),
    ],
)
def test_unknown_or_dear_is_no_new_hedge(changes: Mapping[str, object]) -> None:
    """Without the hedge's own history, a price or a sensible cost nothing is added."""
    world = replace(_world(), **changes)  # type: ignore[arg-type] # fields by name

    assert _told(world) == []


@pytest.mark.parametrize("hours", [0, 30], ids=["none", "too short"])
def test_a_coin_without_history_is_hedged_at_its_prior_and_said(hours: int) -> None:
    """10 000 USDT of a new coin: 100 000 lots of 0.1 USDT, and the reason says so."""
    closes = {"SOL": history(2.0, hours), "BTC": history(1.0)}
    (told,) = hedge().decide(_world(closes=closes).view(), NOW)

    assert isinstance(told.intent, PlaceOrder)
    assert told.intent.qty == 100_000
    assert "the beta of SOL is assumed" in told.reason
    assert told.inputs["beta SOL"].startswith("1.000000 +- 0.7")


def test_two_hedges_share_what_is_held() -> None:
    """10 000 USDT that move as BTC twice and as ETH once: both are sold."""
    btc, eth = history(1.0), history(1.0, phase=2.0)
    closes = {"BTC": btc, "SOL": eth, "ALT": _sum(btc, eth)}
    held = {SPOT: {"ALT": balance("100")}, FUTURES: {"USDT": balance("50000")}}
    shadow = _world(closes=closes, balances=held).shadow()
    marks, times = shadow.margin_marks, shadow.mark_times
    priced = replace(
        shadow,
        margin_marks={**marks, "ALT": Decimal(100)},
        mark_times={**times, "ALT": NOW},
    )
    told = hedge(more_hedges=["SOLUSDTM"]).decide(view_of(priced), NOW)

    orders = {
        p.intent.symbol: p.intent for p in told if isinstance(p.intent, PlaceOrder)
    }
    assert {o.side for o in orders.values()} == {Side.SELL}
    assert abs(orders["XBTUSDTM"].qty - 200_000) < 2_000
    assert abs(orders["SOLUSDTM"].qty - 1_000) < 20


def test_a_wide_error_widens_the_band() -> None:
    """With two errors as a band a new coin, 10 000 at 1 +- 0.7, is not hedged."""
    closes = {"BTC": history(1.0)}
    assert len(_told(_world(closes=closes))) == 1
    assert _told(_world(closes=closes), band_errors=2) == []


def test_a_hedge_is_named_once() -> None:
    """The first hedge cannot be one of the others."""
    with pytest.raises(UsageError, match="more_hedges must not name XBTUSDTM"):
        hedge(more_hedges=["XBTUSDTM"])


def test_a_hedge_without_a_cause_is_closed() -> None:
    """Nothing held: the hedge goes, whatever is known of betas and marks."""
    world = World(
        balances=usdt(), positions=(position("XBTUSDTM", -500),), futures_mark=None
    )

    assert _told(world) == [(Side.BUY, 500, True)]


def test_the_reserve_is_not_hedged() -> None:
    """Coins in the main account are left out, and main cannot be named."""
    world = World(balances={MAIN: {"SOL": balance("100")}}, closes=_world().closes)

    assert _told(world) == []
    with pytest.raises(UsageError, match="accounts must not name main"):
        hedge(accounts=["main"])


def test_an_arbitrage_pair_has_no_beta() -> None:
    """Coins against their own perpetual cancel before any beta is applied."""
    world = _world(sol="10", positions=(position("SOLUSDTM", -100),))

    assert _told(world) == []


def test_one_leg_of_a_pair_that_is_being_traded_is_not_hedged_at_once() -> None:
    """10 SOL whose short is on its way: a fact asks for nothing, the schedule does.

    Each chunk of an arbitrage was hedged between its legs and unhedged after them.
    """
    sale = PlaceOrder(account=FUTURES, symbol="SOLUSDTM", side=Side.SELL, qty=D(100))
    approved = Approved(
        intent_id="carry-1", owner="carry", intent=sale, reason="", pair="SOL"
    )
    open_pair = register(_world(sol="10").shadow(), approved, NOW)
    for job, orders in ((None, 0), ("hedge", 1)):
        view = replace(view_of(open_pair), due_job=job)
        assert view.pairs_in_flight() == {"SOL"}
        assert len(hedge().decide(view, NOW)) == orders
