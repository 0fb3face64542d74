"""The forecast against what must hold of any: order, certainty, repeatability.

Histories are drawn from normal and heavy-tailed laws by a seed; accounts are long,
short, mixed and settled in coins. The closed form of first passage is the oracle
where returns are normal, the plain terms are the oracle of when a path is over.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.risk.first_passage import FloatArray, barrier_probability
from bot.risk.forecast import HORIZONS_H, Drift, Forecast, Reach, forecast
from bot.risk.path_levels import PathView, reached_tables
from bot.risk.scenarios import History, Model, rhythm, simulate, volatility
from bot.risk.terms import Terms

COINS = ("BTC", "ETH", "SOL")
FEW = Model(paths=64)
STEADY = Model(
    long_run_share=1.0,
    block_h=1,
    scale=1.0,
    is_mirrored=True,
    has_rhythm=False,
    paths=16_384,
)
"""Constant volatility and independent hours: a Brownian motion looked at hourly."""

seeds = st.integers(0, 2**32 - 1)
weights = st.dictionaries(
    st.sampled_from(COINS), st.floats(-100.0, 100.0), min_size=1, max_size=3
)


def heavy(seed: int, rows: int = 400, coins: tuple[str, ...] = COINS) -> History:
    """Hours with tails, in which the coins move partly together."""
    chance = np.random.default_rng(seed)
    common = chance.standard_t(3, (rows, 1))
    own = chance.standard_t(3, (rows, len(coins)))
    return History(coins=coins, returns=0.005 * (common + own))


def long(distance: float, subject: str = "margin_cross") -> Terms:
    """One BTC bought on credit, liquidated ``distance`` lower."""
    return Terms(
        subject=subject,
        warning=0.95,
        liquidation=0.97,
        requirement_constant=97.0 * (1.0 - distance),
        margin={"BTC": 100.0},
    )


def only(found: Forecast, level: float = 0.97) -> Reach:
    """The forecast of a level of the only subject."""
    reach = found.subjects[0].at(level)
    assert reach is not None
    return reach


@st.composite
def accounts(draw: st.DrawFn) -> Terms:
    """Any account that is under its levels now."""
    requirement, margin = draw(weights), draw(weights)
    requires = sum(requirement.values())
    has = sum(margin.values())
    return Terms(
        subject="any",
        warning=0.95,
        liquidation=1.0,
        requirement_constant=draw(st.floats(10.0, 100.0)) - requires,
        requirement=requirement,
        margin_constant=draw(st.floats(110.0, 300.0)) - has,
        margin=margin,
        is_inverse=draw(st.booleans()),
    )


@given(accounts(), seeds)
def test_more_time_and_a_lower_level_are_more_likely(terms: Terms, seed: int) -> None:
    """A probability never falls with the horizon and never rises with the level."""
    found = forecast([terms], heavy(seed), drifts={}, model=FEW, seed=seed)
    warning, liquidation = found.subjects[0].reaches
    for reach in (warning, liquidation):
        inside = list(reach.probability.values())
        assert inside == sorted(inside)
        assert all(0.0 <= each <= 1.0 for each in inside)
    for hours in HORIZONS_H:
        assert warning.probability[hours] >= liquidation.probability[hours]


@given(st.floats(0.001, 0.5), st.floats(0.001, 0.5), seeds)
def test_what_is_farther_is_less_likely(one: float, other: float, seed: int) -> None:
    """Of two debts against the same coin the smaller is liquidated no more often."""
    near, far = sorted((one, other))
    past = heavy(seed)
    nearer = only(forecast([long(near)], past, drifts={}, model=FEW, seed=seed))
    farther = only(forecast([long(far)], past, drifts={}, model=FEW, seed=seed))
    for hours in HORIZONS_H:
        assert nearer.probability[hours] >= farther.probability[hours]


@given(st.floats(0.0, 0.5), seeds)
def test_an_account_at_the_level_has_reached_it(over: float, seed: int) -> None:
    """At or over the level now the probability is 1 at once."""
    terms = replace(long(0.0), requirement_constant=97.0 * (1.0 + over))
    reach = only(forecast([terms], heavy(seed), drifts={}, model=FEW, seed=seed))
    assert set(reach.probability.values()) == {1.0}
    assert reach.median_h == 0.0


@given(weights, st.floats(0.0, 90.0), st.booleans(), seeds)
def test_what_no_price_liquidates_has_no_probability(
    margin: dict[str, float], debt: float, is_inverse: bool, seed: int
) -> None:
    """Owing less than what is held in USDT, with coins owned beside it: exactly 0."""
    terms = Terms(
        subject="rich",
        warning=0.95,
        liquidation=0.97,
        requirement_constant=debt,
        margin_constant=100.0,
        margin={coin: abs(weight) for coin, weight in margin.items()},
        is_inverse=is_inverse,
    )
    reach = only(forecast([terms], heavy(seed), drifts={}, model=FEW, seed=seed))
    assert set(reach.probability.values()) == {0.0}
    assert reach.median_h is None


@given(accounts(), seeds)
def test_the_same_seed_gives_the_same_bits(terms: Terms, seed: int) -> None:
    """Twice the same, also when the history holds a coin that nobody has."""
    past = heavy(seed)
    more = History(
        coins=(*COINS, "DOGE"),
        returns=np.concatenate([past.returns, past.returns[:, :1] * 2.0], axis=1),
    )
    model = replace(FEW, has_rhythm=False)
    first = forecast([terms], past, drifts={}, model=model, seed=seed)
    assert forecast([terms], past, drifts={}, model=model, seed=seed) == first
    assert forecast([terms], more, drifts={}, model=model, seed=seed) == first


@given(accounts(), seeds, st.floats(-1.0, 1.0), st.floats(-1.0, 1.0))
def test_a_path_over_the_level_has_reached_it(
    terms: Terms, seed: int, owed: float, paid: float
) -> None:
    """Where the plain terms, revalued, are over the level, the table says 1."""
    paths = simulate(heavy(seed), COINS, 8, model=replace(FEW, paths=8), seed=seed)
    drift = Drift(requirement_per_h=owed, margin_per_h=paid)
    table = reached_tables(PathView(paths), terms, [1.0], drift)[0]
    for path, step in np.ndindex(table.shape):
        factors = dict(zip(COINS, paths.factors[path, step].tolist(), strict=True))
        later = replace(
            terms,
            requirement_constant=terms.requirement_constant + owed * (step + 1),
            margin_constant=terms.margin_constant + paid * (step + 1),
        )
        if later.excess(1.0, factors) > 1e-9:
            assert (table[path, step:] == 1.0).all()


@pytest.mark.parametrize("deviations", [0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_normal_returns_agree_with_the_closed_form(
    deviations: float, seed: int
) -> None:
    """Small normal returns: first passage of a Brownian motion, to sampling error."""
    rows = np.random.default_rng(seed).normal(0.0, 0.001, (20_000, 1))
    size = float(rows.std())
    distance = -math.expm1(-deviations * size * math.sqrt(24.0))
    past = History(coins=("BTC",), returns=rows)
    reach = only(forecast([long(distance)], past, drifts={}, model=STEADY, seed=seed))
    for hours in HORIZONS_H:
        exact = barrier_probability(-math.log1p(-distance), size * math.sqrt(hours))
        error = math.sqrt(exact * (1.0 - exact) / STEADY.paths)
        assert abs(reach.probability[hours] - exact) < 4.0 * error + 0.002


def test_a_hedged_mix_moves_by_what_is_left() -> None:
    """Two coins of correlation 0.8, one owned and one owed: their spread's variance."""
    chance = np.random.default_rng(3)
    root = np.linalg.cholesky(np.array([[1.0, 0.8], [0.8, 1.0]]))
    rows = 0.001 * chance.normal(size=(20_000, 2)) @ root.T
    terms = Terms(
        subject="pair",
        warning=0.95,
        liquidation=1.0,
        requirement={"ETH": 100.0},
        margin={"BTC": 100.0},
        margin_constant=0.5,
    )
    past = History(coins=("BTC", "ETH"), returns=rows)
    reach = only(forecast([terms], past, drifts={}, model=STEADY, seed=5), 1.0)
    spread = float((rows[:, 0] - rows[:, 1]).std())
    exact = barrier_probability(0.005, spread * math.sqrt(24.0))
    assert reach.probability[24] == pytest.approx(exact, abs=0.02)


def test_what_is_known_to_come_is_certain() -> None:
    """Interest of 0.4 an hour on 96 of 97: under after two hours, over after three."""
    terms = Terms(
        subject="pledge",
        warning=0.95,
        liquidation=0.97,
        requirement_constant=96.0,
        margin_constant=100.0,
    )
    drifts = {"pledge": Drift(requirement_per_h=0.4)}
    reach = only(forecast([terms], heavy(1), drifts=drifts, model=FEW, seed=1))
    assert reach.probability == {1: 0.0, 8: 1.0, 24: 1.0}
    assert reach.median_h == 2.5
    assert reach.share == 1.0


def test_a_coin_without_history_has_no_probability() -> None:
    """An unknown coin leaves its account unknown, and so the sum of all accounts."""
    stranger = replace(long(0.1, "stranger"), margin={"NEW": 100.0})
    found = forecast([long(0.1), stranger], heavy(1), drifts={}, model=FEW, seed=1)
    assert found.subjects[0].missing == ()
    assert len(found.subjects[0].reaches) == 2
    assert found.subjects[1].missing == ("NEW",)
    assert found.subjects[1].reaches == ()
    assert found.any_liquidation is None


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda table: table[-200:], id="short"),
        pytest.param(lambda table: _blank(table, slice(-1, None)), id="stale"),
        pytest.param(lambda table: _blank(table, slice(0, None, 2)), id="torn"),
    ],
)
def test_a_history_that_is_too_thin_is_none(spoil) -> None:  # type: ignore[no-untyped-def]  # a lambda of arrays
    """Too few rows, no return of now, or no unbroken day: not known."""
    past = History(coins=COINS, returns=spoil(heavy(1).returns))
    found = forecast([long(0.1)], past, drifts={}, model=FEW, seed=1)
    assert found.subjects[0].missing == ("BTC",)


def _blank(table: FloatArray, rows: slice) -> FloatArray:
    """The table without what is known of some rows."""
    result = table.copy()
    result[rows] = np.nan
    return result


def test_a_young_coin_is_left_out_alone() -> None:
    """A coin listed 100 hours ago is unknown and the others keep their history."""
    table = heavy(1, rows=1_000).returns
    table[:900, 2] = np.nan
    past = History(coins=COINS, returns=table)
    paths = simulate(past, COINS, 24, model=FEW, seed=1)
    assert paths.coins == ("BTC", "ETH")
    assert paths.rows == 1_000 - 24 + 1


@given(seeds)
def test_any_liquidation_lies_between_the_largest_and_the_sum(seed: int) -> None:
    """Either account is liquidated as often as one at least, as both at most."""
    short = Terms(
        subject="futures.USDT",
        warning=0.95,
        liquidation=1.0,
        requirement={"BTC": 1.0},
        margin_constant=104.0,
        margin={"BTC": -100.0},
    )
    found = forecast([long(0.03), short], heavy(seed), drifts={}, model=FEW, seed=seed)
    assert found.any_liquidation is not None
    for hours, together in found.any_liquidation.items():
        parts = [each.reaches[1].probability[hours] for each in found.subjects]
        assert max(parts) - 1e-12 <= together <= sum(parts) + 1e-12


@given(seeds, st.floats(1.0, 50.0))
def test_the_volatility_is_the_plain_recursion(seed: int, half_life: float) -> None:
    """Row by row ``kept x old + (1 - kept) x squared return``, from the mean square."""
    past = heavy(seed, rows=600)
    model = Model(half_life_h=half_life, long_run_share=0.25)
    kept = 0.5 ** (1.0 / half_life)
    long_run = (past.returns**2).mean(axis=0)
    current, rows = long_run, [long_run]
    for row in past.returns:
        current = kept * current + (1.0 - kept) * row**2
        rows.append(current)
    plain = np.sqrt(0.75 * np.array(rows) + 0.25 * long_run)
    np.testing.assert_allclose(volatility(past, model), plain, rtol=1e-9)


def test_hours_of_the_day_have_their_volatility() -> None:
    """Days of twelve loud and twelve quiet hours: the next hours follow the clock."""
    loud = np.tile(np.repeat([3.0, 1.0], 12), 70)[:, None]
    rows = 0.01 * loud * np.random.default_rng(1).normal(size=(1_680, 3))
    week = rhythm(History(coins=COINS, returns=rows))
    assert len(week) == 168
    assert week[:12].mean() / week[12:24].mean() == pytest.approx(3.0, rel=0.1)
    assert (rhythm(History(coins=COINS, returns=rows[:1_000])) == 1.0).all()


def test_a_coin_that_never_moved_stays() -> None:
    """No return in the whole history: the price stays, nothing is divided by 0."""
    past = History(coins=("BTC",), returns=np.zeros((2_000, 1)))
    reach = only(forecast([long(0.01)], past, drifts={}, model=FEW, seed=1))
    assert set(reach.probability.values()) == {0.0}


def test_what_is_no_history_is_refused() -> None:
    """A table of other coins, a grid beside the hours, an endless return."""
    rows = np.zeros((300, 2))
    with pytest.raises(ValueError, match="rows by 1 coins"):
        History(coins=("BTC",), returns=rows)
    with pytest.raises(ValueError, match="divide an hour"):
        History(coins=("BTC", "ETH"), returns=rows, step_s=7)
    with pytest.raises(ValueError, match="finite"):
        History(coins=("BTC", "ETH"), returns=rows + np.inf)


def test_size_has_a_limit() -> None:
    """More paths, steps and coins than the limit are refused, and none at all too."""
    with pytest.raises(ValueError, match="fewer paths"):
        simulate(heavy(1), COINS, 24, model=Model(paths=10**6), seed=1)
    with pytest.raises(ValueError, match="at least 1"):
        simulate(heavy(1), COINS, 24, model=Model(paths=0), seed=1)


def test_five_minutes_are_a_grid_too() -> None:
    """Steps of five minutes look 24 hours ahead in 288 steps."""
    past = replace(heavy(1, rows=4_000), step_s=300)
    found = forecast([long(0.2)], past, drifts={}, model=FEW, seed=1)
    inside = list(only(found).probability.values())
    assert inside == sorted(inside)
    assert inside[-1] > 0.0
