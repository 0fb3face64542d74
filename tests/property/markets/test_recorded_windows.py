"""Laws of a recorded market under any window, any bar lengths and gaps."""

import math
import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.market import MarketInstant, PathOrder
from connectors.markets.recorded import open_market
from tests.unit.markets.build import Row, candles, manifest

START = datetime(2025, 1, 1, tzinfo=UTC)
HALF_PERCENT = Decimal("0.005")
HOUR_S = 3_600

moves = st.floats(-0.08, 0.08).map(lambda x: round(x, 4))
orders = st.sampled_from(PathOrder)
seconds = st.integers(0, HOUR_S - 60)
holes = st.integers(1, 18)


@st.composite
def bars(draw: st.DrawFn, count: int) -> list[Row]:
    """Candles that wander, jump between bars, and enclose their ends."""
    price, rows = 50.0, []
    for _ in range(count):
        opened = round(price * (1 + draw(moves) / 20), 4)
        closed = round(opened * (1 + draw(moves)), 4)
        high = round(max(opened, closed) * (1 + abs(draw(moves))), 4)
        low = round(min(opened, closed) * (1 - abs(draw(moves))), 4)
        rows.append((opened, high, low, closed))
        price = closed
    return rows


def _drop(path: Path, row: int) -> None:
    """Take one row out of a candle file: a gap."""
    rows = pq.read_table(path)
    kept = [number for number in range(rows.num_rows) if number != row]
    pq.write_table(rows.take(pa.array(kept)), path)


def _naive(rows: list[Row], step_s: int, second: float, order: PathOrder) -> float:
    """The price at a second by the words of the rule, one bar at a time."""
    bar = min(int(second // step_s), len(rows) - 1)
    opened, high, low, closed = rows[bar]
    extremes = [low, high] if order is PathOrder.LOW_FIRST else [high, low]
    corners = [opened, *extremes, closed]
    part = (second - bar * step_s) / step_s * 3
    if part >= 3:
        return closed
    left = int(part)
    weight = part - left
    return math.exp(
        math.log(corners[left]) * (1 - weight) + math.log(corners[left + 1]) * weight
    )


@given(rows=bars(12), order=orders)
def test_every_instant_lies_on_the_path_of_the_rule(
    rows: list[Row], order: PathOrder
) -> None:
    """A second computation, bar by bar, finds the same price to eight digits."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        candles(folder / "X_A_spot_5m.parquet", rows, minutes=5)
        path = manifest(
            folder, {"A": {"spot": "X_A_spot_5m.parquet"}}, end="2025-01-01T01:00:00Z"
        )
        instants = list(open_market(path).instants({"A": order}))
    for instant in instants:
        second = (instant.at - START).total_seconds()
        wanted = _naive(rows, 300, second, order)
        assert math.isclose(
            float(instant.last_prices["A-USDT"]), wanted, rel_tol=2e-7
        ), instant.at


@given(
    perp=bars(20), spot=bars(12), begin=seconds, order=orders, hole=st.integers(1, 18)
)
def test_half_a_percent_holds_in_any_window_over_any_bars(
    perp: list[Row], spot: list[Row], begin: int, order: PathOrder, hole: int
) -> None:
    """Three minute perps with a gap under five minute spots, from any second on."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _drop(candles(folder / "X_A_perp_3m.parquet", perp, minutes=3), hole)
        candles(folder / "X_A_spot_5m.parquet", spot, minutes=5)
        files = {"perp": "X_A_perp_3m.parquet", "spot": "X_A_spot_5m.parquet"}
        path = manifest(folder, {"A": files}, end="2025-01-01T01:00:00Z")
        start = START + timedelta(seconds=begin)
        market = open_market(path, start=start)
        instants = list(market.instants({"A": order}))

    assert (instants[0].at, instants[-1].at) == (start, START + timedelta(hours=1))
    assert instants[0] == market.first_prices()
    for before, after in pairwise(instants):
        assert _gentle(before, after), (before.at, after.at)


def _gentle(before: MarketInstant, after: MarketInstant) -> bool:
    if after.at - before.at == timedelta(seconds=1):
        return True
    return all(
        abs(price / before.last_prices[name] - 1) <= HALF_PERCENT
        for name, price in after.last_prices.items()
    )


@given(rows=bars(12), begin=seconds)
def test_a_later_start_walks_the_same_path(rows: list[Row], begin: int) -> None:
    """A narrower window has every corner that is left, and shows the same prices."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        candles(folder / "X_A_spot_5m.parquet", rows, minutes=5)
        path = manifest(
            folder, {"A": {"spot": "X_A_spot_5m.parquet"}}, end="2025-01-01T01:00:00Z"
        )
        start = START + timedelta(seconds=begin)
        whole = {i.at: i.last_prices for i in open_market(path).instants({})}
        later = list(open_market(path, start=start).instants({}))
    common = [instant for instant in later if instant.at in whole]
    corners = {START + timedelta(seconds=100 * n) for n in range(37)}
    left = {at for at in whole if at in corners and at > start}
    assert left
    assert left <= {instant.at for instant in common}
    assert all(instant.last_prices == whole[instant.at] for instant in common)


@given(rows=bars(12), spacing=st.integers(2, 120))
def test_coarsening_keeps_the_corners(rows: list[Row], spacing: int) -> None:
    """With a wider spacing fewer instants come between, and every corner stays."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        candles(folder / "X_A_spot_5m.parquet", rows, minutes=5)
        path = manifest(
            folder, {"A": {"spot": "X_A_spot_5m.parquet"}}, end="2025-01-01T01:00:00Z"
        )
        fine = list(open_market(path).instants({}))
        wide = {i.at: i for i in open_market(path, step_s=spacing).instants({})}
    assert len(wide) <= len(fine)
    corners = {START + timedelta(seconds=100 * n) for n in range(37)}
    assert corners <= set(wide)
    for instant in fine:
        if instant.at in corners:
            assert wide[instant.at].last_prices == instant.last_prices
