"""Funding arbitrage among several coins: rotation, caps, margin, and memory."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, SPOT
from bot.shadow.state import Shadow
from tests.unit.strategies.bench import NOW, World, balance, done, usdt, view_of
from tests.unit.strategies.test_funding_arbitrage import asked, carry, hedged, order


def _quoted(world: World, rates: Mapping[str, str]) -> Shadow:
    """The world's shadow with a rate of its own for each contract."""
    shadow = world.shadow()
    quotes = {
        symbol: replace(shadow.funding[symbol], funding_rate=Decimal(rate))
        for symbol, rate in rates.items()
    }
    return replace(shadow, funding=quotes)


@pytest.mark.parametrize(("rate", "leaves"), [("0.0004", False), ("0.003", True)])
def test_a_pair_gives_way_to_one_that_pays_for_the_change(
    rate: str, *, leaves: bool
) -> None:
    """SOL at 0.01 % stays beside a little more; for much more it is given up."""
    shadow = _quoted(hedged(), {"SOLUSDTM": "0.0001", "XBTUSDTM": rate})
    strategy = carry(coins=["SOL", "BTC"], max_pairs=1)
    found = list(strategy.decide(view_of(shadow), NOW))

    assert bool(found) is leaves
    if leaves:
        assert order(found[0]).is_reduction
        assert "gives way to BTC" in found[0].reason


def test_a_rate_that_turns_a_little_is_held_through() -> None:
    """At -0.001 % going on costs less than a way in and out: the pair stays."""
    assert asked(carry(), hedged(rate="-0.00001")) == []


def test_all_pairs_together_stay_under_the_total() -> None:
    """With 1,300 USDT for all and one pair of 1,000, the next gets the other 300."""
    shadow = _quoted(hedged(), {"SOLUSDTM": "0.001", "XBTUSDTM": "0.001"})
    strategy = carry(coins=["SOL", "BTC"], total_usdt=1300)
    (proposal,) = strategy.decide(view_of(shadow), NOW)

    assert order(proposal).symbol == "BTC-USDT"
    assert order(proposal).qty == 3


def test_thin_margin_behind_the_perpetual_takes_a_chunk_away() -> None:
    """With 300 USDT behind 1,000 and a floor of a third, half the pair is left."""
    balances = {SPOT: {"SOL": balance("10"), "USDT": balance("9000")}}
    world = hedged(balances={**balances, FUTURES: {"USDT": balance("300")}})
    (proposal,) = asked(carry(moves_usdt=False), world)

    assert order(proposal).is_reduction
    assert "frees margin" in proposal.reason


def test_a_chunk_that_goes_is_not_bought_back() -> None:
    """Both legs of the chunk are reductions, one after the other; then it rests."""
    balances = {SPOT: {"SOL": balance("10"), "USDT": balance("9000")}}
    shadow = hedged(balances={**balances, FUTURES: {"USDT": balance("300")}}).shadow()
    for _ in range(2):
        found = list(carry(moves_usdt=False).decide(view_of(shadow), NOW))
        assert [order(each).is_reduction for each in found] == [True]
        shadow = done(shadow, found)

    assert shadow.balance(SPOT, "SOL").total == 5
    assert [p.lots for p in shadow.positions.values()] == [-50]
    assert list(carry(moves_usdt=False).decide(view_of(shadow), NOW)) == []


def test_a_proposal_says_when_it_breaks_even() -> None:
    """The way in and out, the expected income and their hours are in the inputs."""
    (proposal,) = asked(carry(), World(balances=usdt()))
    numbers = {
        name: Decimal(proposal.inputs[name])
        for name in ("round_trip", "expected_income", "break_even_h")
    }
    ratio = 720 * numbers["round_trip"] / numbers["expected_income"]

    assert numbers["break_even_h"] == pytest.approx(ratio, rel=Decimal("0.001"))


def test_rates_of_the_past_weigh_against_the_newest_one() -> None:
    """One high quote after a month of nothing does not pay the way in and out."""
    world = World(balances=usdt(), rate="0.0004")
    shadow = world.shadow()
    newest = shadow.funding["SOLUSDTM"]
    past = tuple(
        replace(
            newest,
            funding_rate=Decimal("-0.0002"),
            settlement_at=newest.settlement_at - timedelta(hours=8 * ago),
        )
        for ago in range(90, 0, -1)
    )
    remembered = replace(shadow, funding_past={"SOLUSDTM": past})

    assert list(carry().decide(view_of(shadow), NOW)) != []
    assert list(carry().decide(view_of(remembered), NOW)) == []
