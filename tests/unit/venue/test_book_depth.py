"""Books with depth: what taking costs, how much there is, how it comes back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.market import Liquidity
from bot.domain.orders import Side
from connectors.venue.book import (
    DepthUse,
    build_levels,
    depth_cap,
    impact_price,
    in_lots,
    unknown_liquidity,
    walk,
)
from connectors.venue.examples import XBTUSDM, XBTUSDTM

D = Decimal
CALM = Liquidity(half_spread=D("0.0002"), sigma_1m=D("0.001"), volume_1m=D(100))
TICK, STEP = D("0.1"), D("0.0001")
MID = D(50000)
START = datetime(2025, 1, 1, tzinfo=UTC)


def _average(side: Side, qty: Decimal) -> Decimal:
    found = walk(build_levels(MID, CALM, side, TICK, STEP), qty)
    assert found.remaining == 0
    return sum((price * size for price, size in found.fills), D(0)) / qty


@pytest.mark.parametrize("side", list(Side))
def test_the_whole_depth_costs_what_the_formula_says(side: Side) -> None:
    """Ten coins of a hundred a minute cost 2 bp and sqrt(0.1) x 10 bp, to a tick."""
    formula = impact_price(MID, CALM, side, D(10))
    paid = _average(side, D(10))
    assert 0 <= side.sign * (paid - formula) <= TICK


@given(
    qty=st.decimals("0.0001", "10", places=4),
    side=st.sampled_from(Side),
)
def test_no_order_pays_less_than_the_formula(qty: Decimal, side: Side) -> None:
    """Inside a level the taker pays the level: never better than the curve."""
    formula = impact_price(MID, CALM, side, qty)
    assert side.sign * (_average(side, qty) - formula) >= 0


@given(
    price=st.decimals("0.0001", "100000", places=4),
    volume=st.decimals("0", "1000000", places=3),
    sigma=st.decimals("0", "0.5", places=4),
    side=st.sampled_from(Side),
)
def test_levels_are_on_the_grid_get_worse_and_end_at_the_cap(
    price: Decimal, volume: Decimal, sigma: Decimal, side: Side
) -> None:
    """Prices are ticks, sizes steps, each level is no better than the last."""
    depth = Liquidity(half_spread=D("0.0005"), sigma_1m=sigma, volume_1m=volume)
    tick, step = D("0.0001"), D("0.01")
    levels = build_levels(price, depth, side, tick, step)
    assert all(level.price % tick == 0 and level.price > 0 for level in levels)
    assert all(level.qty % step == 0 and level.qty > 0 for level in levels)
    prices = [side.sign * level.price for level in levels]
    assert prices == sorted(prices)
    total = sum((level.qty for level in levels), D(0))
    assert total <= depth_cap(depth, step)
    if side is Side.BUY:
        assert total == depth_cap(depth, step)


def test_a_limit_stops_the_walk() -> None:
    """A buyer with a limit takes nothing above it, a seller nothing below."""
    for side in Side:
        levels = build_levels(MID, CALM, side, TICK, STEP)
        limit = levels[3].price
        found = walk(levels, D(100), limit, side)
        assert all(side.sign * (price - limit) <= 0 for price, _ in found.fills)
        assert found.qty + found.remaining == 100


def test_what_was_taken_is_skipped_and_flows_back_in_a_minute() -> None:
    """After the whole cap is gone nothing is left; half of it is back in 30 s."""
    cap = depth_cap(CALM, STEP)
    levels = build_levels(MID, CALM, Side.BUY, TICK, STEP)
    depth = DepthUse(step=STEP)
    depth.take(START, cap, cap)
    assert walk(levels, D(1), used=depth.used(START, cap)).qty == 0
    half = depth.used(START + timedelta(seconds=30), cap)
    assert half == cap / 2
    assert walk(levels, cap, used=half).qty == cap / 2
    assert depth.used(START + timedelta(seconds=60), cap) == 0


def test_lots_count_what_the_contract_counts() -> None:
    """100 BTC a minute are 100,000 linear lots, and 5 M inverse lots at 50,000."""
    assert in_lots(XBTUSDTM, CALM, MID).volume_1m == 100000
    assert in_lots(XBTUSDM, CALM, MID).volume_1m == 5000000


def test_a_market_without_stated_depth_gets_a_conservative_one() -> None:
    """50,000 USDT a minute at 20 bp: a tenth of it, 5,000 USDT, can be taken."""
    depth = unknown_liquidity(MID)
    assert depth_cap(depth, STEP) * MID == 5000
    assert depth.half_spread > CALM.half_spread


def test_a_dead_market_has_no_levels() -> None:
    """No volume, no depth: nothing can be taken, nothing divides by zero."""
    dead = replace(CALM, volume_1m=D(0))
    assert build_levels(MID, dead, Side.SELL, TICK, STEP) == ()
    assert impact_price(MID, dead, Side.SELL, D(1)) == D("49990.0000")
