"""Worked examples and laws of slow exits: what cannot leave at once falls further."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.events import LiquidityQuoted
from bot.domain.intents import PlaceOrder
from bot.engine.curing import cure_round
from bot.guard.exits import SlowExit, exit_moves, shut_in, slow_exit
from bot.guard.plan import make_plan
from bot.shadow.apply import apply
from bot.shadow.state import Shadow
from tests.unit.guard.bench import (
    LIMITS,
    THRESHOLDS,
    depth,
    measured,
    shadow_of,
    subject_state,
    verdict_on,
)
from tests.unit.venue.builders import opening

TARGET = THRESHOLDS.target


def book(shadow: Shadow, symbol: str, volume: str, sigma: str) -> Shadow:
    """The shadow with a market's depth and volatility."""
    quoted = LiquidityQuoted(
        at=shadow.at,
        symbol=symbol,
        half_spread=Decimal("0.0001"),
        sigma_1m=Decimal(sigma),
        volume_1m=Decimal(volume),
    )
    return apply(shadow, quoted)


def two_coins(btc: str, eth: str, owed: str, eth_volume: str = "2") -> Shadow:
    """BTC in a deep market and ETH in one that gives 0.1 of ``eth_volume`` a minute."""
    account = opening(
        {"margin_cross": {"BTC": btc, "ETH": eth}},
        debts={"margin_cross": {"USDT": owed}},
    )
    shadow = book(shadow_of(account), "BTC-USDT", "1000", "0.0005")
    return book(shadow, "ETH-USDT", eth_volume, "0.001")


def moves(shadow: Shadow) -> tuple[Mapping[str, Decimal], ...]:
    """The slow exits of the margin account at the usual target."""
    found = exit_moves(shadow, measured(shadow, "margin_cross"), TARGET, LIMITS)
    return tuple(each.moves for each in found)


def test_what_leaves_within_minutes_asks_for_nothing() -> None:
    """Both coins are sold within a minute's share of their volume."""
    assert moves(two_coins("1", "20", "50000", eth_volume="1000")) == ()


def test_a_thin_coin_that_is_owned_falls_further_and_rises_no_further() -> None:
    """20 ETH at 0.2 a minute take 100 minutes: half a target further at least."""
    down, up = moves(two_coins("1", "20", "50000"))
    assert down["BTC"] == -TARGET
    assert up["BTC"] == TARGET
    assert down["ETH"] <= -TARGET * Decimal("1.5")
    assert up["ETH"] == TARGET


def test_a_thin_coin_that_is_owed_rises_further() -> None:
    """What is owed must be bought back: its rise is against the account."""
    account = opening(
        {"margin_cross": {"USDT": "100000"}}, debts={"margin_cross": {"ETH": "20"}}
    )
    down, up = moves(book(shadow_of(account), "ETH-USDT", "2", "0.001"))
    assert down["ETH"] == -TARGET
    assert up["ETH"] >= TARGET * Decimal("1.5")


def test_without_a_quoted_depth_nothing_is_slow() -> None:
    """As the plans do: what nobody quoted is taken to trade at once."""
    shadow = two_coins("1", "20", "50000")
    bare = replace(shadow, liquidity={})
    found = slow_exit(bare, measured(bare, "margin_cross"), "ETH", LIMITS)
    assert found == SlowExit()


def needed(volume: str) -> Decimal | None:
    """What 10 ETH ask for where 0.1 of this volume may be sold in a minute."""
    shadow = two_coins("1", "10", "50000", volume)
    asked = shut_in(shadow, [measured(shadow, "margin_cross")], LIMITS)
    return asked.get("margin_cross")


def test_what_takes_half_an_hour_must_stand_the_fall_of_a_closed_door() -> None:
    """Two hours, half an hour, 15 minutes, and one: 20 %, 14 % and 4 % under 95 %."""
    assert needed("0.8333") == Decimal("0.2253")
    assert needed("3.3333") == Decimal("0.2253")
    assert needed("6.6667") == Decimal("0.1640")
    assert needed("100") == Decimal("0.0619")
    assert needed("1e9") is None


@given(minutes=st.floats(0.5, 200), more=st.floats(1, 1.02))
def test_a_little_slower_asks_for_a_little_more(minutes: float, more: float) -> None:
    """No minute is a cliff: two hundredths more time ask for a percent or two more."""
    volumes = [
        str(Decimal(100) / Decimal(repr(each))) for each in (minutes, minutes * more)
    ]
    less, further = (needed(each) or Decimal(0) for each in volumes)
    assert less <= further <= less + Decimal("0.0125")


@given(
    minutes=st.floats(0, 1e6),
    sigma=st.floats(0, 10),
    target=st.floats(0.01, 0.9),
    more=st.floats(1, 10),
)
def test_slower_and_wilder_is_never_nearer(
    minutes: float, sigma: float, target: float, more: float
) -> None:
    """The further move is a share from 0 to 1 and grows with time and volatility."""
    here = SlowExit(minutes, sigma).further(target)
    assert 0.0 <= here <= 1.0
    assert SlowExit(minutes * more, sigma).further(target) >= here
    assert SlowExit(minutes, sigma * more).further(target) >= here


def test_a_cure_at_its_target_goes_on_with_what_leaves_slowly() -> None:
    """A fall of 25 % is survived, but not one in which the thin coin falls further."""
    shadow = two_coins("1", "20", "70000")
    verdict = verdict_on(shadow, "margin_cross")
    assert verdict.measure.distance is not None
    assert verdict.measure.distance >= TARGET
    plan = make_plan(shadow, verdict, LIMITS)
    assert plan is not None
    orders = [
        intent
        for step in plan.steps
        for intent in step.intents
        if isinstance(intent, PlaceOrder)
    ]
    assert {order.symbol for order in orders} == {"ETH-USDT"}
    done = cure_round(shadow, verdict, subject_state(), LIMITS)
    assert done is not None
    assert done.state.has_slow_exits
    assert not done.is_over
    assert [getattr(p.intent, "account", "") for p in done.proposals] == [MARGIN_CROSS]
    assert "ETH takes 100 minutes to leave, so it must survive a fall of 3" in (
        done.proposals[0].reason
    )


def test_a_cure_is_over_at_its_target_when_all_leaves_at_once() -> None:
    """The same account in a deep market: the round ends the cure and asks nothing."""
    shadow = two_coins("1", "20", "70000", eth_volume="100000")
    verdict = verdict_on(shadow, "margin_cross")
    done = cure_round(shadow, verdict, subject_state(), LIMITS)
    assert done is not None
    assert done.is_over
    assert done.proposals == ()
    assert not done.state.has_slow_exits


def test_a_cure_at_its_target_is_over_where_the_thin_market_is_shut() -> None:
    """Nothing can be done about what leaves slowly, so nothing is waited for."""
    shadow = depth(two_coins("0.01", "30", "40000"), "BTC-USDT", "1000")
    shut = replace(shadow, halted=frozenset({"ETH-USDT", "BTC-USDT"}))
    verdict = verdict_on(shut, "margin_cross")
    done = cure_round(shut, verdict, subject_state(), LIMITS)
    assert done is not None
    assert done.is_over
    assert done.proposals == ()
