"""Betas from hourly closes: worked examples of slopes, doubts, gaps and stress."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from bot.risk.betas import BetaModel, Betas, Closes, estimate_betas, fit_betas
from bot.risk.line import FloatArray

START = datetime(2025, 1, 1, tzinfo=UTC)
MODEL = BetaModel()


def _noise(seed: int, hours: int = 800, spread: float = 0.01) -> FloatArray:
    return np.random.default_rng(seed).normal(0.0, spread, hours)


def _closes(moves: FloatArray) -> Closes:
    prices = 100 * np.cumprod(1 + moves)
    return [
        (START + timedelta(hours=hour), Decimal(repr(price)))
        for hour, price in enumerate(prices.tolist())
    ]


def _estimated(**moves: FloatArray) -> Betas:
    closes = {coin: _closes(path) for coin, path in moves.items()}
    found = estimate_betas(closes, ["ALT"], ["BTC"], MODEL)
    assert found is not None
    return found


def test_the_estimate_finds_the_slope() -> None:
    """A coin that moves twice as far, exactly, has the beta 2 and hardly any band."""
    btc = _noise(1)
    found = _estimated(BTC=btc, ALT=2 * btc)

    assert found.of("ALT")[0] == pytest.approx(2.0, abs=1e-3)
    assert found.band_of("ALT")[0] < 0.01
    assert found.assumed == ()


def test_noise_is_shrunk_to_the_prior() -> None:
    """A slope of 3 under noise ten times as large lies nearer to 1, and says so."""
    btc = _noise(1, 100)
    sure = _estimated(BTC=btc, ALT=3 * btc)
    shaken = _estimated(BTC=btc, ALT=3 * btc + _noise(2, 100, 0.1))

    assert abs(shaken.of("ALT")[0] - 1) < abs(sure.of("ALT")[0] - 1)
    assert shaken.band_of("ALT")[0] > 10 * sure.band_of("ALT")[0]


def test_a_new_regime_is_learnt_in_days() -> None:
    """A beta that goes from 1 to 2 eight days ago is estimated above 1.6."""
    btc = _noise(1)
    slope = np.where(np.arange(800) < 800 - 192, 1.0, 2.0)
    found = _estimated(BTC=btc, ALT=slope * btc + _noise(2, spread=0.002))

    assert 1.6 < found.of("ALT")[0] < 2.0


def test_a_gap_costs_its_own_hours_only() -> None:
    """Without every tenth close the slope is the same; a gap is no return of zero."""
    btc = _noise(1)
    alt = _closes(2 * btc)
    holes = [row for hour, row in enumerate(alt) if hour % 10]
    found = estimate_betas({"BTC": _closes(btc), "ALT": holes}, ["ALT"], ["BTC"], MODEL)

    assert found is not None
    assert found.of("ALT")[0] == pytest.approx(2.0, abs=1e-3)
    assert found.hours[1] < 0.85 * found.hours[0]


def test_a_coin_that_stopped_is_as_unknown_as_a_new_one() -> None:
    """Closes that ended forty days ago say less than the anchor of the coin itself."""
    btc = _noise(1, 1400)
    alt = _closes(2 * btc)
    stopped = estimate_betas(
        {"BTC": _closes(btc), "ALT": alt[:440]}, ["ALT"], ["BTC"], MODEL
    )
    assert stopped is not None
    assert stopped.band_of("ALT")[0] >= MODEL.drift_sd


def test_a_reference_without_history_has_no_betas() -> None:
    """Neither an absent nor a standing reference tells anything."""
    alt = _closes(_noise(1))
    assert estimate_betas({"ALT": alt}, ["ALT"], ["BTC"], MODEL) is None
    still = _closes(np.zeros(800))
    assert estimate_betas({"ALT": alt, "BTC": still}, ["ALT"], ["BTC"], MODEL) is None


def test_two_references_share_a_coin() -> None:
    """A coin of 0.5 BTC and 1.2 ETH, where both move alike by half."""
    btc = _noise(1)
    eth = 0.8 * btc + _noise(2, spread=0.006)
    moves = np.column_stack([btc, eth, 0.5 * btc + 1.2 * eth])
    found = fit_betas(["BTC", "ETH", "ALT"], moves, 2, MODEL)

    assert found is not None
    assert found.of("ALT").tolist() == pytest.approx([0.5, 1.2], abs=0.01)
    assert found.of("ETH").tolist() == [0.0, 1.0]


def test_a_stress_beta_is_that_of_the_falls() -> None:
    """A coin that falls twice as far and rises half as far has a stress beta over 1.5.

    One that falls less than otherwise keeps its whole beta: no count on luck.
    """
    btc = _noise(1, 1400)
    worse = _estimated(BTC=btc, ALT=np.where(btc < 0, 2.0, 0.5) * btc)
    better = _estimated(BTC=btc, ALT=np.where(btc < 0, 0.5, 2.0) * btc)

    assert worse.stress_of("ALT") > 1.5
    assert better.stress_of("ALT") > 1.1


def test_who_is_not_in_it_has_no_beta() -> None:
    """A coin that was not asked for is an error, not a zero."""
    btc = _noise(1)
    with pytest.raises(KeyError):
        _estimated(BTC=btc, ALT=btc).of("ETH")
