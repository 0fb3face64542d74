"""The study of betas: books, windows, no look ahead, and the command."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bot.risk.betas import BetaModel
from bot.risk.hedging import HedgePolicy
from bot.risk.line import FloatArray
from bot.study.beta import QUICK, cells_of, returns_of
from bot.study.beta_books import Kind, books_of
from bot.study.beta_models import POLICIES, betas_at
from bot.study.beta_rows import rows_of, summary_of
from bot.study.beta_score import mark_of, quantiles_of
from bot.study.beta_walk import Terms, spans_of, walk_span
from bot.study.markets import Source
from connectors.markets.hourly import HourlyPrices
from connectors.markets.recorded import open_market
from tests.simulation.small import drive
from tests.unit.markets.build import candles, manifest

HOURS = 24 * 40
TERMS = Terms(model=BetaModel(), policy=HedgePolicy(), every_h=24)


def _paths(seed: int = 3, hours: int = HOURS) -> dict[str, FloatArray]:
    """BTC, a coin of twice BTC, and one of half BTC and its own noise."""
    chance = np.random.default_rng(seed)
    btc = chance.normal(0, 0.006, hours)
    own = chance.normal(0, 0.004, hours)
    moves = {"BTC": btc, "ALT": 2 * btc, "OWN": 0.5 * btc + own}
    found: dict[str, FloatArray] = {}
    for coin, each in moves.items():
        found[coin] = np.asarray(100.0 * np.cumprod(1.0 + each), np.float64)
    return found


def _market(folder: Path, paths: dict[str, FloatArray]) -> Path:
    """Hourly bars of each coin; the window begins after five days of history."""
    folder.mkdir(exist_ok=True)
    files = {}
    for coin, closes in paths.items():
        opens = np.concatenate((closes[:1], closes[:-1]))
        rows = [
            (a, max(a, b), min(a, b), b)
            for a, b in zip(opens.tolist(), closes.tolist(), strict=True)
        ]
        name = f"BINANCE_{coin}USDT_spot_1h.parquet"
        candles(folder / name, rows, minutes=60, volume=60_000.0)
        files[coin] = {"spot": name}
    manifest(folder, files, start="2025-01-06T00:00:00Z", end="2025-02-08T00:00:00Z")
    return folder


def _prices(folder: Path, paths: dict[str, FloatArray]) -> HourlyPrices:
    return open_market(_market(folder, paths)).hourly_prices()


def test_books_hold_spot_margin_and_perpetuals() -> None:
    """Shares without signs add up to one; shorts are borrowed or sold as contracts."""
    books = books_of(["BTC", "ETH", "SOL", "ADA", "XRP"])
    kinds = {held.kind for book in books for held in book.holdings}
    shorts = {h.kind for book in books for h in book.holdings if h.share < 0}

    assert kinds == set(Kind)
    assert shorts == {Kind.MARGIN, Kind.FUTURES}
    for book in books:
        assert sum(abs(held.share) for held in book.holdings) == pytest.approx(1)


def test_an_hour_without_a_bar_has_no_price(tmp_path: Path) -> None:
    """Hours are full ones; history before the window counts, gaps are NaN."""
    paths = _paths()
    prices = _prices(tmp_path / "m", paths)

    assert prices.first == 5 * 24 - 1
    btc = prices.coins.index("BTC")
    assert prices.spot[:, btc].tolist() == pytest.approx(
        paths["BTC"][: len(prices.hours)].tolist()
    )
    assert np.isnan(prices.perp[: prices.first]).all()
    assert np.isfinite(prices.perp[prices.first :]).all()


def test_the_future_changes_nothing_in_the_past(tmp_path: Path) -> None:
    """Prices after day 20 may be shuffled: betas and hedges before are the same."""
    prices = _prices(tmp_path / "m", _paths())
    split = prices.first + 20 * 24
    spot, perp = prices.spot.copy(), prices.perp.copy()
    np.random.default_rng(1).shuffle(spot[split + 1 :])
    np.random.default_rng(2).shuffle(perp[split + 1 :])
    other = replace(prices, spot=spot, perp=perp)
    (span,) = spans_of(prices)
    books = books_of(prices.coins)

    for policy in POLICIES[1:-1]:
        for row in (split - 240, split):
            one = betas_at(policy, returns_of(prices), row, TERMS.model)
            two = betas_at(policy, returns_of(other), row, TERMS.model)
            assert one is not None
            assert two is not None
            assert np.array_equal(one.values, two.values)
    before = 20 * 24
    for one_way, other_way in zip(
        walk_span(prices, returns_of(prices), books, span, TERMS),
        walk_span(other, returns_of(other), books, span, TERMS),
        strict=True,
    ):
        assert np.array_equal(one_way.returns[:before], other_way.returns[:before])


def test_a_coin_of_twice_the_reference_is_hedged_to_nothing(tmp_path: Path) -> None:
    """Its residual beta is under the band's 0.1; a ratio of one leaves about one."""
    prices = _prices(tmp_path / "m", _paths())
    (span,) = spans_of(prices)
    books = [book for book in books_of(prices.coins) if book.name == "ALT"]
    reference = returns_of(prices).moves[span.first + 1 : span.last + 1, 0]
    left = {}
    for passage in walk_span(prices, returns_of(prices), books, span, TERMS):
        mark = mark_of(passage.returns, reference)
        assert mark is not None
        left[passage.policy] = mark.residual_beta

    assert left["none"] == pytest.approx(2.0, abs=0.01)
    assert left["one"] == pytest.approx(1.0, abs=0.1)
    assert abs(left["gnomon"]) < 0.1


def test_a_market_without_bitcoin_or_ether_hedges_with_what_it_has(
    tmp_path: Path,
) -> None:
    """Another coin is the reference then, and is named; one coin alone is left out."""
    paths = _paths()
    two = _market(tmp_path / "two", {"ALT": paths["ALT"], "OWN": paths["OWN"]})
    cells, left_out = cells_of(Source(name="alts", path=two), QUICK)
    assert {cell.reference for cell in cells} == {"ALT"}
    assert {cell.book for cell in cells} == {"OWN", "OWN perpetual", "core"}
    assert left_out == []

    one = _market(tmp_path / "one", {"ALT": paths["ALT"]})
    cells, left_out = cells_of(Source(name="alts", path=one), QUICK)
    assert cells == []
    assert left_out == ["alts: one coin alone has nothing to be hedged with"]


def test_rows_and_sums_name_what_they_pool(tmp_path: Path) -> None:
    """Every row has its policy and figures; the sums say whether targets are met."""
    folder = _market(tmp_path / "m", _paths())
    cells, _ = cells_of(Source(name="m", path=folder), QUICK)
    rows = list(rows_of(cells))
    sums = summary_of(cells)

    assert {row["regime"] for row in rows} == {"all", "calm"}
    assert {row["policy"] for row in rows} == set(POLICIES) - {"gnomon_btc_eth"}
    for row in rows:
        assert float(str(row["residual_beta_median"])) >= 0
        if row["policy"] == "none":
            assert (row["variance_reduction"], row["turnover_30d"]) == ("0", "0")
    part = sums["out_of_sample"]
    assert isinstance(part, dict)
    assert part["all"]["gnomon"]["meets_median"] is True
    assert part["all"]["gnomon"]["windows"] == 1


def test_quantiles_draw_whole_windows() -> None:
    """Two windows that are alike within and apart from each other are uncertain."""
    found = quantiles_of([[0.1] * 50, [0.3] * 50])
    sure = quantiles_of([[0.1, 0.3]] * 50)

    assert found is not None
    assert sure is not None
    wide, narrow = found["median"][1], sure["median"][1]
    assert wide is not None
    assert narrow is not None
    assert wide > 2 * narrow


def test_the_command_prints_one_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output is one JSON object, rows have the stable keys, exit is 0."""
    _market(tmp_path / "m", _paths())
    said = drive(
        capsys,
        *("study", "beta", "--markets", str(tmp_path), "--quick", "--workers", "1"),
        "--json",
    )

    assert said.code == 0
    answer = json.loads(said.out)
    assert answer["study"] == "beta"
    assert answer["failed"] == []
    stable = {"market", "portfolio", "policy", "residual_beta_median"}
    stable |= {"residual_beta_p90", "variance_reduction"}
    assert all(stable <= row.keys() for row in answer["rows"])
    assert all(isinstance(row["variance_reduction"], str) for row in answer["rows"])
