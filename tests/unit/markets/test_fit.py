"""The generator looks like the recorded market within stated bands."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.market_fit import funding_figures, generated_funding, price_figures
from connectors.markets.scenarios import COINS, SCENARIOS
from connectors.markets.walk import walk

RESULT = Path(__file__).resolve().parents[3] / "benchmarks/results/market_fit.json"
SEEDS = range(6)


def test_the_year_has_the_fitted_figures() -> None:
    """Volatility, tails, clustering, betas and jumps of six years, hour by hour."""
    names = tuple(COINS)
    parts = []
    for seed in SEEDS:
        hours = 365 * 24 + 1
        blocks = walk(SCENARIOS["year"], names, hours, 3_600, seed)
        path = np.concatenate([block.spot for block in blocks])
        parts.append(np.diff(np.log(path), axis=0))
    returns = np.concatenate(parts)
    btc = returns[:, 0]
    found = {c: price_figures(returns[:, n], btc) for n, c in enumerate(names)}

    assert 0.022 < found["BTC"]["vol_day"] < 0.034
    assert 7 < found["BTC"]["kurtosis_1h"] < 35
    assert 2.5 < found["BTC"]["tail_index_1h"] < 5
    assert 0.15 < found["BTC"]["abs_autocorrelation_1h"] < 0.40
    assert 0.08 < found["BTC"]["abs_autocorrelation_24h"] < 0.25
    assert 0.03 < found["BTC"]["jumps_a_day"] < 0.2
    for coin, figures in COINS.items():
        assert abs(found[coin]["beta_btc"] / figures.beta - 1) < 0.1, coin
    assert 0.55 < found["XRP"]["correlation_btc_1h"] < 0.80
    assert 0.75 < found["ETH"]["correlation_btc_1h"] < 0.92


def test_the_calm_day_is_calmer_than_the_fitted_market() -> None:
    """The daily volatility of BTC over sixty calm days is under 3 %."""
    moves = []
    for seed in range(60):
        blocks = walk(SCENARIOS["calm"], ("BTC",), 1_441, 60, seed)
        path = np.concatenate([block.spot[:, 0] for block in blocks])
        moves.append(float(np.log(path[-1] / path[0])))
    assert 0.008 < np.std(moves) < 0.030


def test_every_one_of_two_hundred_crashes_is_of_the_stated_kind() -> None:
    """BTC falls 33 to 40 %, and no single mark of two seconds moves over 6 %."""
    for seed in range(200):
        blocks = walk(SCENARIOS["crash"], ("BTC", "ETH"), 4_501, 2, seed)
        path = np.concatenate([block.spot for block in blocks])
        fall = 1 - path.min(axis=0) / path[0]
        assert 0.33 < fall[0] < 0.40, seed
        assert fall[1] > fall[0], seed
        assert np.abs(np.diff(np.log(path), axis=0)).max() < 0.06, seed


def test_funding_of_a_year_looks_like_the_recorded_one() -> None:
    """Mean under 2 bp, a good part at exactly 1 bp, persistent, some negative."""
    found = generated_funding(11)["BTC"]
    assert 0 < found["mean"] < 0.0002
    assert 0.00005 < found["sd"] < 0.0003
    assert 0.2 < found["share_exactly_1bp"] < 0.6
    assert 0.03 < found["share_negative"] < 0.35
    assert 0.6 < found["autocorrelation_1"] < 0.95


def test_the_written_fit_is_of_the_present_parameters() -> None:
    """The table in benchmarks/results names every coin and holds both columns."""
    table = json.loads(RESULT.read_text(encoding="utf-8"))
    for kind in ("prices", "funding"):
        assert (
            set(table[kind]["recorded"]) == set(table[kind]["generated"]) == set(COINS)
        )
    recorded = table["prices"]["recorded"]
    for coin, figures in COINS.items():
        assert abs(recorded[coin]["beta_btc"] / figures.beta - 1) < 0.02, coin
    assert table["funding"]["generated"]["BTC"] == pytest.approx(
        generated_funding(1)["BTC"], rel=1e-3
    )


def test_the_measures_themselves_are_right() -> None:
    """On independent normal returns: no tails, no clustering, beta one."""
    rng = np.random.Generator(np.random.PCG64(1))
    returns = rng.standard_normal(50_000) * 0.01
    found = price_figures(returns, returns)
    assert found["vol_day"] == pytest.approx(0.01 * 24**0.5, rel=0.05)
    assert found["kurtosis_1h"] == pytest.approx(3.0, rel=0.05)
    assert abs(found["abs_autocorrelation_1h"]) < 0.02
    assert found["beta_btc"] == pytest.approx(1.0)
    rates = funding_figures(np.array([0.0001, 0.0001, -0.0003, 0.0002, 0.0001, 0.0]))
    assert rates["share_exactly_1bp"] == pytest.approx(0.5)
    assert rates["lowest"] == pytest.approx(-0.0003)
