"""The covariance is one, whatever the histories, and finds what made the returns."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.risk.covariance import Closes, CovarianceModel, estimate_covariance
from bot.risk.line import FloatArray

START = datetime(2025, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SHORT = CovarianceModel(min_hours=24, horizon_h=1.0)
EVEN = CovarianceModel(min_hours=24, horizon_h=1.0, half_life_h=1e9)


def closes_of(returns: FloatArray, first: int = 0) -> Closes:
    """Hourly closes with these simple returns."""
    prices = 100.0 * np.cumprod(np.concatenate(([1.0], 1.0 + returns)))
    return [
        (START + HOUR * (first + hour), Decimal(repr(float(price))))
        for hour, price in enumerate(prices)
    ]


@st.composite
def histories(draw: st.DrawFn) -> dict[str, Closes]:
    """Coins with their own starts, ends and gaps; some move as one or not at all."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    common = rng.normal(size=300)
    found: dict[str, Closes] = {}
    for number in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["free", "common", "against", "still", "none"]))
        noise = draw(st.sampled_from([0.0, 0.3, 3.0]))
        moves = {"common": common, "against": -common}.get(kind, 0.0 * common)
        moves = 0.01 * (moves + noise * rng.normal(size=300))
        if kind == "free":
            moves = 0.02 * rng.normal(size=300)
        moves = np.clip(moves, -0.5, 0.5) * (kind != "still")
        rows = closes_of(moves)[draw(st.integers(0, 290)) if kind == "none" else 0 :]
        gaps = rng.random(len(rows)) > draw(st.sampled_from([0.0, 0.0, 0.4, 0.9]))
        found[f"C{number}"] = [
            row for row, kept in zip(rows, gaps, strict=True) if kept
        ]
    return found


@given(closes=histories())
def test_every_estimate_is_positive_definite_and_symmetric(
    closes: dict[str, Closes],
) -> None:
    """Whatever overlaps, gaps, twins and still coins: a Cholesky root exists."""
    found = estimate_covariance(closes, SHORT)
    if found is None:
        assert all(len(rows) < 400 for rows in closes.values())
        return
    assert found.coins == tuple(sorted(closes))
    spread = np.sqrt(np.diag(found.matrix))
    correlation = found.matrix / np.outer(spread, spread)
    assert (spread >= SHORT.volatility_min * (1 - 1e-9)).all()
    assert float(np.linalg.eigvalsh(correlation)[0]) > 1e-6
    assert np.abs(correlation).max() <= 1.0 + 1e-12
    assert np.allclose(found.matrix, found.matrix.T, rtol=1e-12, atol=0.0)
    assert 0.0 < found.shrinkage <= 1.0


@given(closes=histories(), hours=st.floats(0.5, 1000.0))
def test_the_horizon_only_scales(closes: dict[str, Closes], hours: float) -> None:
    """A covariance over so many hours is so many times that of one."""
    hourly = estimate_covariance(closes, SHORT)
    longer = estimate_covariance(closes, CovarianceModel(min_hours=24, horizon_h=hours))
    if hourly is None or longer is None:
        assert hourly is longer
        return
    assert np.allclose(longer.matrix, hours * hourly.matrix, rtol=1e-12, atol=0.0)
    assert np.allclose(hourly.over(hours).matrix, longer.matrix, rtol=1e-12, atol=0.0)


@given(seed=st.integers(0, 2**32))
def test_long_even_histories_give_their_second_moments(seed: int) -> None:
    """With equal weights the variances are the mean squares, exactly."""
    rng = np.random.default_rng(seed)
    moves = 0.01 * rng.normal(size=(200, 3))
    closes = {f"C{n}": closes_of(moves[:, n]) for n in range(3)}
    found = estimate_covariance(closes, EVEN)
    assert found is not None
    assert np.diag(found.matrix) == pytest.approx((moves**2).mean(axis=0), rel=1e-6)


def test_shrinkage_falls_with_the_length_of_history() -> None:
    """What made the returns is found closer, and trusted more, with more hours."""
    truth = np.array([[1.0, 0.8, 0.1], [0.8, 1.0, 0.1], [0.1, 0.1, 1.0]])
    rng = np.random.default_rng(7)
    moves = 0.01 * rng.normal(size=(20_000, 3)) @ np.linalg.cholesky(truth).T
    shrinkages, errors = [], []
    for hours in (100, 1_000, 20_000):
        closes = {f"C{n}": closes_of(moves[:hours, n]) for n in range(3)}
        found = estimate_covariance(closes, EVEN)
        assert found is not None
        shrinkages.append(found.shrinkage)
        errors.append(float(np.abs(found.matrix / 1e-4 - truth).max()))
    assert shrinkages == sorted(shrinkages, reverse=True)
    assert errors[-1] < 0.03


def test_shrinking_beats_the_sample_on_short_histories() -> None:
    """Ten coins with one mean correlation, eighty hours: nearer to the truth."""
    size, hours = 10, 80
    truth = np.full((size, size), 0.5) + 0.5 * np.eye(size)
    rng = np.random.default_rng(11)
    ours, raw = [], []
    for _ in range(20):
        moves = 0.01 * rng.normal(size=(hours, size)) @ np.linalg.cholesky(truth).T
        closes = {f"C{n}": closes_of(moves[:, n]) for n in range(size)}
        found = estimate_covariance(closes, EVEN)
        assert found is not None
        sample = moves.T @ moves / hours
        ours.append(float(((found.matrix - 1e-4 * truth) ** 2).sum()))
        raw.append(float(((sample - 1e-4 * truth) ** 2).sum()))
    assert np.mean(ours) < 0.7 * np.mean(raw)


def test_recent_hours_weigh_more() -> None:
    """After a quiet year a wild week decides the volatility."""
    calm, wild = np.full(2_000, 0.001), np.full(240, 0.05)
    moves = np.concatenate((calm, wild)) * np.tile([1.0, -1.0], 1_120)
    found = estimate_covariance({"A": closes_of(moves)}, CovarianceModel(horizon_h=1.0))
    assert found is not None
    assert float(found.matrix[0, 0]) ** 0.5 == pytest.approx(0.05 * 0.5**0.5, rel=0.02)


def test_a_coin_that_stopped_long_ago_is_assumed() -> None:
    """A history that ended eight half-lives ago tells nothing of today."""
    rng = np.random.default_rng(3)
    closes = {
        "NOW": closes_of(0.01 * rng.normal(size=2_500)),
        "THEN": closes_of(0.03 * rng.normal(size=500)),
    }
    found = estimate_covariance(closes, CovarianceModel())
    assert found is not None
    assert found.assumed == ("THEN",)
    assert found.matrix[0, 0] == found.matrix[1, 1]


def test_closes_of_minutes_count_once_an_hour() -> None:
    """The last close of an hour is the hour's, however many there are."""
    rng = np.random.default_rng(5)
    hourly = closes_of(0.01 * rng.normal(size=300))
    busy = [
        (when - timedelta(minutes=minute), close * (2 if minute else 1))
        for when, close in hourly
        for minute in (40, 1, 0)
    ]
    one, other = (estimate_covariance({"A": rows}, SHORT) for rows in (hourly, busy))
    assert one is not None
    assert other is not None
    assert one.matrix[0, 0] == other.matrix[0, 0]


def test_pairs_that_contradict_each_other_are_reconciled() -> None:
    """A with B, B with C, A against C, each in its own weeks: still a covariance."""
    rng = np.random.default_rng(9)
    first, second, third = (0.01 * rng.normal(size=200) for _ in range(3))
    a = [*closes_of(first), *closes_of(third, 600)]
    b = [*closes_of(first), *closes_of(second, 300)]
    c = [*closes_of(second, 300), *closes_of(-third, 600)]
    found = estimate_covariance({"A": a, "B": b, "C": c}, EVEN)
    assert found is not None
    spread = np.sqrt(np.diag(found.matrix))
    values = np.linalg.eigvalsh(found.matrix / np.outer(spread, spread))
    assert float(values[0]) > 5e-6


@given(seed=st.integers(0, 2**32), size=st.integers(3, 6))
def test_the_shrinkage_is_that_of_ledoit_and_wolf(seed: int, size: int) -> None:
    """Their formula for a constant correlation, written down with loops."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(size, size))
    moves = np.clip(0.01 * rng.normal(size=(150, size)) @ mixed, -0.5, 0.5)
    closes = {f"C{n}": closes_of(moves[:, n]) for n in range(size)}
    found = estimate_covariance(closes, EVEN)
    assert found is not None
    expected = min(max(_ledoit_wolf(moves / np.sqrt((moves**2).mean(axis=0))), 0.01), 1)
    assert found.shrinkage == pytest.approx(expected, rel=1e-4)


def _ledoit_wolf(scores: FloatArray) -> float:
    """Error over misfit, of returns with a variance of one."""
    hours, size = scores.shape
    pairs = [(i, j) for i in range(size) for j in range(size) if i != j]
    sample = {(i, j): float((scores[:, i] * scores[:, j]).mean()) for i, j in pairs}
    mean = sum(sample.values()) / len(pairs)
    error = misfit = 0.0
    for i, j in pairs:
        product = scores[:, i] * scores[:, j] - sample[i, j]
        own, other = scores[:, i] ** 2 - 1.0, scores[:, j] ** 2 - 1.0
        error += float((product**2).mean())
        error -= mean / 2.0 * float((own * product).mean() + (other * product).mean())
        misfit += (sample[i, j] - mean) ** 2
    return float(error / misfit / hours)
