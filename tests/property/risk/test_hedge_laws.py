"""Laws of betas, bands and weights over returns and books that nobody chose."""

from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bot.risk.allocation import AllocationLimits, allocate, risk_parity
from bot.risk.betas import BetaModel, Betas, fit_betas
from bot.risk.covariance import Covariance
from bot.risk.hedging import HedgePolicy, beta_exposure
from bot.risk.line import FloatArray

COINS = ("BTC", "ETH", "ALT", "NEW")
seeds = st.integers(0, 2**32 - 1)
usdt = st.decimals(-100_000, 100_000, places=2)


def _moves(seed: int, hours: int) -> FloatArray:
    """Returns with one factor, tails and gaps; the last coin has few."""
    chance = np.random.default_rng(seed)
    common = chance.standard_t(3, (hours, 1)) * 0.005
    moves = common * chance.uniform(-1, 3, 4) + chance.standard_t(3, (hours, 4)) * 0.004
    moves[:, 0] = common[:, 0]
    moves[chance.random((hours, 4)) < chance.uniform(0, 0.3)] = np.nan
    moves[: hours - int(chance.integers(hours)), 3] = np.nan
    return moves


def _betas(seed: int, hours: int) -> Betas | None:
    return fit_betas(COINS, _moves(seed, hours), 1, BetaModel())


@given(seeds, st.integers(60, 600))
def test_a_band_is_never_wider_than_what_was_believed_before(
    seed: int, hours: int
) -> None:
    """Returns take doubt away and never add any beyond prior and drift."""
    model = BetaModel()
    found = _betas(seed, hours)
    if found is None:
        return
    widest = (model.prior_sd**2 + model.drift_sd**2) ** 0.5 + 1e-9
    for coin in COINS:
        assert 0.0 <= found.band_of(coin)[0] <= widest
        assert np.isfinite(found.of(coin)).all()
    assert found.of("BTC").tolist() == [1.0]


@given(seeds, st.integers(60, 400), st.integers(1, 200))
def test_the_future_changes_no_beta(seed: int, hours: int, later: int) -> None:
    """Hours after the last one that is looked at may be anything."""
    moves = _moves(seed, hours + later)
    shuffled = moves.copy()
    np.random.default_rng(seed).shuffle(shuffled[hours:])
    first = fit_betas(COINS, moves[:hours], 1, BetaModel())
    other = fit_betas(COINS, shuffled[:hours], 1, BetaModel())

    if first is None or other is None:
        assert first is other
    else:
        assert np.array_equal(first.values, other.values)


@given(seeds, st.lists(usdt, min_size=4, max_size=4), usdt)
def test_a_hedge_ends_in_the_middle_of_its_band(
    seed: int, values: list[Decimal], hedge: Decimal
) -> None:
    """What is outside the band is traded to nothing, what is inside is left."""
    betas = _betas(seed, 300)
    if betas is None:
        return
    policy = HedgePolicy()
    exposure = beta_exposure(dict(zip(COINS, values, strict=True)), betas)
    net, error = exposure.net[0] + hedge, exposure.error[0]
    change = policy.change(net, exposure.gross, error)

    assert exposure.gross == sum(abs(value) for value in values)
    if abs(net) > policy.band(exposure.gross, error):
        assert net + change == 0
    else:
        assert change == 0


def _matrix(seed: int) -> FloatArray:
    chance = np.random.default_rng(seed)
    root = chance.normal(0, 1, (4, 8)) * chance.uniform(0.1, 3, (4, 1))
    matrix: FloatArray = root @ root.T + np.eye(4) * 1e-3
    return matrix * 1e-3


@given(seeds, st.lists(st.floats(0.05, 1), min_size=4, max_size=4))
def test_each_weight_carries_its_share_of_the_risk(
    seed: int, wanted: list[float]
) -> None:
    """Contributions to the variance are the budgets."""
    matrix, budgets = _matrix(seed), np.array(wanted) / sum(wanted)
    weights = risk_parity(matrix, budgets)
    shares = weights * (matrix @ weights)

    assert (weights > 0).all()
    assert np.allclose(shares / shares.sum(), budgets, atol=1e-6)


@given(seeds, st.floats(0.1, 2), st.floats(0.1, 3), st.floats(0, 1.5))
def test_a_book_keeps_its_limits(
    seed: int, asset_max: float, leverage: float, beta: float
) -> None:
    """No weight above its cap, no leverage and no beta above what is wanted."""
    chance = np.random.default_rng(seed)
    values = np.concatenate(([1.0], chance.uniform(0.1, 3, 3)))[:, None]
    betas = Betas(
        coins=COINS,
        references=("BTC",),
        values=values,
        covariances=np.zeros((4, 1, 1)),
        stress=values[:, 0] * 1.2,
        hours=np.full(4, 500.0),
        assumed=(),
    )
    limits = AllocationLimits(asset_max=asset_max, leverage_max=leverage, beta=beta)
    weights = allocate(
        Covariance(COINS, _matrix(seed), 24.0), betas, COINS[:2], COINS[2:], limits
    )

    for place, coin in enumerate(COINS):
        cap = asset_max / max(betas.stress_of(coin), 1.0)
        assert weights[coin] <= cap + 1e-9
        assert place == 0 or weights[coin] >= 0
    assert sum(weights.values()) <= leverage + 1e-9
    assert sum(weights[c] * betas.of(c)[0] for c in COINS) <= beta + 1e-9
