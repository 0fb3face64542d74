"""Laws of every recorded market, on made-up candles."""

import itertools
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.market import MarketInstant, PathOrder
from connectors.markets.recorded import open_market
from tests.unit.markets.build import START_MS, Row, candles, funding, manifest

START = datetime(2025, 1, 1, tzinfo=UTC)
HALF_PERCENT = Decimal("0.005")
HOUR_MS = 3_600_000

moves = st.floats(-0.12, 0.12).map(lambda x: round(x, 4))
orders = st.sampled_from(PathOrder)


@st.composite
def bars(draw: st.DrawFn, count: int) -> list[Row]:
    """Candles that wander, jump between bars, and enclose their ends."""
    price, rows = 100.0, []
    for _ in range(count):
        opened = round(price * (1 + draw(moves) / 10), 4)
        closed = round(opened * (1 + draw(moves)), 4)
        high = round(max(opened, closed) * (1 + abs(draw(moves))), 4)
        low = round(min(opened, closed) * (1 - abs(draw(moves))), 4)
        rows.append((opened, high, low, closed))
        price = closed
    return rows


def _market(folder: Path, fine: list[Row], coarse: list[Row], minutes: int) -> Path:
    """Coin A on 5 minutes with a 15 minute spot and funding; coin B on 1 hour."""
    candles(folder / "X_A_perp_5m.parquet", fine, minutes=5)
    candles(folder / "X_A_spot_15m.parquet", coarse, minutes=15)
    candles(folder / "X_B_spot_1h.parquet", coarse[:1], minutes=60)
    settled = [(START_MS + n * HOUR_MS // 4, f"0.000{n + 1}") for n in range(4)]
    funding(folder / "f.csv.gz", settled)
    coins = {
        "A": {
            "perp": "X_A_perp_5m.parquet",
            "spot": "X_A_spot_15m.parquet",
            "funding": "f.csv.gz",
        },
        "B": {"spot": "X_B_spot_1h.parquet"},
    }
    end = (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return manifest(folder, coins, end=end)


def _instants(
    path: Path, order: Mapping[str, PathOrder], minutes: int
) -> list[MarketInstant]:
    end = START + timedelta(minutes=minutes)
    return [i for i in open_market(path).instants(order) if i.at <= end]


def _prices(instant: MarketInstant) -> dict[str, Decimal]:
    return {
        **instant.last_prices,
        **{f"margin {c}": p for c, p in instant.margin_marks.items()},
        **{f"mark {s}": p for s, p in instant.futures_marks.items()},
    }


@given(fine=bars(12), coarse=bars(4), order=orders)
def test_instants_are_close_enough_and_shared(
    fine: list[Row], coarse: list[Row], order: PathOrder
) -> None:
    """No price moves over half a percent between instants more than a second apart.

    Instants are at least one second apart, on whole seconds, and every coin that
    trades has all of its prices at each.
    """
    with tempfile.TemporaryDirectory() as name:
        path = _market(Path(name), fine, coarse, 60)
        instants = _instants(path, {"A": order}, 60)
    assert (instants[0].at, instants[-1].at) == (START, START + timedelta(hours=1))
    for before, after in itertools.pairwise(instants):
        gap = after.at - before.at
        assert gap >= timedelta(seconds=1)
        assert after.at.microsecond == 0
        assert set(_prices(before)) == set(_prices(after))
        old = _prices(before)
        for key, price in _prices(after).items():
            near = abs(price / old[key] - 1) <= HALF_PERCENT
            assert near or gap == timedelta(seconds=1), (key, before.at, after.at)


@given(fine=bars(12), coarse=bars(4), order=orders)
def test_every_corner_of_the_finest_bars_is_met_exactly(
    fine: list[Row], coarse: list[Row], order: PathOrder
) -> None:
    """Open, both extremes and the last close appear as the file has them."""
    with tempfile.TemporaryDirectory() as name:
        path = _market(Path(name), fine, coarse, 60)
        instants = {i.at: i for i in _instants(path, {"A": order}, 60)}
    for number, (opened, high, low, _) in enumerate(fine):
        corners = (low, high) if order is PathOrder.LOW_FIRST else (high, low)
        for offset, wanted in zip((0, 100, 200), (opened, *corners), strict=True):
            at = START + timedelta(seconds=300 * number + offset)
            assert instants[at].last_prices["AUSDTM"] == Decimal(repr(wanted))
    last = instants[START + timedelta(hours=1)]
    assert last.last_prices["AUSDTM"] == Decimal(repr(fine[-1][3]))


@given(fine=bars(12), coarse=bars(4), cut=st.integers(1, 3), order=orders)
def test_nothing_before_a_moment_depends_on_rows_after_it(
    fine: list[Row], coarse: list[Row], cut: int, order: PathOrder
) -> None:
    """Files cut at a common bar boundary give the same instants before it.

    But for one second before the boundary, where an instant is put if the next bar
    opens with a jump; what it shows is the path of before.
    """
    minutes = 15 * cut
    with tempfile.TemporaryDirectory() as name:
        path = _market(Path(name), fine, coarse, 60)
        whole = _only_a(_instants(path, {"A": order}, 60), minutes)
    with tempfile.TemporaryDirectory() as name:
        path = _market(Path(name), fine[: 3 * cut], coarse[:cut], 60)
        settled = [(START_MS + n * HOUR_MS // 4, f"0.000{n + 1}") for n in range(cut)]
        funding(Path(name) / "f.csv.gz", settled)
        cut_off = _only_a(_instants(path, {"A": order}, 60), minutes)
    eve = START + timedelta(minutes=minutes, seconds=-1)
    assert [row for row in cut_off if row[0] != eve] == [
        row for row in whole if row[0] != eve
    ]


def _only_a(instants: list[MarketInstant], minutes: int) -> list[tuple[object, ...]]:
    """What coin A shows before a moment; coin B's bar is longer than the cut."""
    end = START + timedelta(minutes=minutes)
    return [
        (
            i.at,
            i.last_prices["A-USDT"],
            i.last_prices["AUSDTM"],
            i.futures_marks["AUSDTM"],
            {s: q for s, q in i.liquidity.items() if s.startswith("A")},
            i.funding_quotes,
            i.settlements,
            [r for r in i.borrow_rates if r.coin == "A"],
        )
        for i in instants
        if i.at < end
    ]


@given(fine=bars(12), coarse=bars(4), order=orders)
def test_two_walks_are_the_same(
    fine: list[Row], coarse: list[Row], order: PathOrder
) -> None:
    """Asking for the instants again gives the same instants."""
    with tempfile.TemporaryDirectory() as name:
        market = open_market(_market(Path(name), fine, coarse, 60))
        first = list(market.instants({"A": order}))
        assert first == list(market.instants({"A": order}))
        assert first[0] == market.first_prices()
