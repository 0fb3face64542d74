"""The outlook against what must hold of any: order, scale, repeatability, unknowns."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.risk.blackout import stress_distance
from bot.risk.covariance import Covariance
from bot.risk.forecast import forecast
from bot.risk.forecast_scored import RELIABILITY
from bot.risk.forecast_trust import as_it_came, trust_of
from bot.risk.hourly_closes import HOURS_MAX, HourlyCloses, closes_from
from bot.risk.odds import GRID, Odds, OddsCurve
from bot.risk.outlook import Asked, effective_bets, look_ahead
from bot.risk.path_levels import Booked, Drift, Shifted
from bot.risk.scenarios import History, Model
from bot.risk.terms import Terms

FEW = Model(paths=128)
LEAST = 1.1e-6
START = datetime(2025, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

distances = st.floats(0.02, 0.8)
seeds = st.integers(0, 2**32 - 1)


def heavy(seed: int, rows: int = 300) -> History:
    """Hours of two coins with tails, partly together."""
    chance = np.random.default_rng(seed)
    common = chance.standard_t(3, (rows, 1))
    own = chance.standard_t(3, (rows, 2))
    return History(coins=("BTC", "ETH"), returns=0.006 * (common + own))


def long(distance: float, scale: float = 1.0) -> Terms:
    """BTC and ETH bought on credit, liquidated ``distance`` lower."""
    return Terms(
        subject="margin_cross",
        warning=0.95,
        liquidation=0.97,
        requirement_constant=194.0 * (1.0 - distance) * scale,
        margin={"BTC": 100.0 * scale, "ETH": 100.0 * scale},
    )


@st.composite
def curves(draw: st.DrawFn) -> OddsCurve:
    """Any falling curve on the grid."""
    likely = draw(st.lists(st.floats(0.0, 1.0), min_size=12, max_size=12))
    return OddsCurve(GRID, tuple(sorted(likely, reverse=True)))


@given(seeds, distances, st.integers(1, 48))
def test_the_curve_at_its_own_distance_is_the_probability(
    seed: int, distance: float, horizon: int
) -> None:
    """It lies between the curve's two points, to the millionth that it knows."""
    asked = Asked(terms=long(distance), distance=distance)
    (found,) = look_ahead(
        [asked], heavy(seed), horizon_h=horizon, model=FEW, seed=seed
    ).accounts
    assert found.curve is not None
    likely = found.probability[horizon]
    further = next((d for d in GRID if d >= distance), None)
    nearer = max((d for d in GRID if d <= distance), default=0.0)
    assert likely <= found.curve.at(nearer) + LEAST
    if further is not None:
        assert likely >= found.curve.at(further) - LEAST


@given(seeds, distances)
def test_the_curve_does_not_depend_on_where_the_account_stands(
    seed: int, distance: float
) -> None:
    """The same holdings nearer or further, larger or smaller, have the same curve."""
    one = Asked(terms=long(distance), distance=distance)
    other = Asked(terms=long(0.5, scale=7.0), distance=0.5)
    curves_of = [
        look_ahead([each], heavy(seed), horizon_h=24, model=FEW, seed=1).accounts[0]
        for each in (one, other)
    ]
    first, second = (each.curve for each in curves_of)
    assert first is not None
    assert second is not None
    assert np.allclose(first.probabilities, second.probabilities, atol=1e-9)


@given(seeds, distances)
def test_the_outlook_says_what_the_forecast_says(seed: int, distance: float) -> None:
    """Both draw the same paths, so their probabilities are the same numbers."""
    terms, past = long(distance), heavy(seed)
    asked = [Asked(terms=terms, distance=distance)]
    ahead = look_ahead(asked, past, horizon_h=24, model=FEW, seed=3)
    whole = forecast([terms], past, drifts={}, model=FEW, seed=3)
    reach = whole.subjects[0].at(0.97)
    assert reach is not None
    assert ahead.accounts[0].probability == pytest.approx(dict(reach.probability))
    again = look_ahead(asked, past, horizon_h=24, model=FEW, seed=3)
    assert again == ahead


@given(curves(), st.floats(1e-5, 1.0))
def test_the_needed_distance_meets_the_limit(curve: OddsCurve, limit: float) -> None:
    """At the needed distance the odds are within the limit, just before it not."""
    needed = curve.distance_of(limit)
    if curve.probabilities[-1] > limit:
        assert float(needed) == GRID[-1]
        return
    assert curve.at(float(needed)) <= limit * (1.0 + 1e-9)
    before = float(needed) - 0.0002
    assert before <= 0.0 or curve.at(before) >= limit * (1.0 - 1e-9)


@given(curves(), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_odds_never_rise_with_the_distance(
    curve: OddsCurve, one: float, other: float
) -> None:
    """Further away is never likelier, and what is not known is no number."""
    near, far = sorted((one, other))
    assert curve.at(near) >= curve.at(far) - 1e-12
    odds = Odds({"margin_cross": curve})
    assert odds.at("futures:USDT", Decimal("0.1")) is None
    assert odds.at("margin_cross", None) is None


def test_a_coin_without_history_has_no_number() -> None:
    """The account that holds it is unknown, another one is not."""
    strange = Terms(
        subject="futures:USDT",
        warning=0.95,
        liquidation=1.0,
        requirement={"NEW": 1.0},
        margin_constant=10.0,
    )
    asked = [Asked(terms=strange, distance=0.1), Asked(terms=long(0.1), distance=0.1)]
    unknown, known = look_ahead(
        asked, heavy(1), horizon_h=24, model=FEW, seed=1
    ).accounts
    assert (unknown.missing, unknown.probability, unknown.curve) == (("NEW",), {}, None)
    assert known.probability[24] > 0.0


@given(st.integers(1, 12), st.floats(0.0, 0.99))
def test_equal_bets_count_as_their_correlation_says(count: int, rho: float) -> None:
    """N / (1 + (n - 1) rho): all of them when unrelated, one when they are the same."""
    coins = tuple(f"C{n}" for n in range(count))
    matrix = (np.full((count, count), rho) + (1 - rho) * np.eye(count)) * 4e-4
    terms = Terms(
        subject="margin_cross",
        warning=0.95,
        liquidation=0.97,
        requirement_constant=50.0,
        margin=dict.fromkeys(coins, 100.0),
    )
    found = effective_bets(terms, Covariance(coins, matrix, 24.0))
    assert found == pytest.approx(count / (1 + (count - 1) * rho))


@given(seeds, st.floats(0.0, 5.0), st.integers(1, 24))
def test_what_is_to_be_paid_never_helps(seed: int, paid: float, hour: int) -> None:
    """A funding that is paid, or a coin that stops counting, is never a help."""
    terms, past = long(0.08), heavy(seed)
    without = Terms(
        subject=terms.subject,
        warning=terms.warning,
        liquidation=terms.liquidation,
        requirement_constant=terms.requirement_constant,
        margin={"BTC": 100.0},
    )
    shift = Drift(shifts=(Shifted(after_h=float(hour), terms=without),))
    pay = Drift(booked=(Booked(after_h=float(hour), margin=-paid),))
    plain, booked, shifted = (
        forecast([terms], past, drifts={"margin_cross": each}, model=FEW, seed=5)
        for each in (Drift(), pay, shift)
    )
    for worse in (booked, shifted):
        for hours in (1, 8, 24):
            assert plain.any_liquidation is not None
            assert worse.any_liquidation is not None
            gap = worse.any_liquidation[hours] - plain.any_liquidation[hours]
            assert gap >= -1e-9
    assert shifted.any_liquidation is not None
    assert shifted.any_liquidation[24] == pytest.approx(1.0)


@given(
    st.decimals("0.01", "0.5", places=3),
    st.decimals("0.90", "0.99", places=3),
    st.decimals("0.5", "3", places=2),
)
def test_from_the_stress_distance_the_move_stays_under_the_warning(
    move: Decimal, warning: Decimal, short: Decimal
) -> None:
    """A long or a short account that far away is not warned after the move."""
    liquidation = Decimal(1)
    needed = stress_distance(move, warning, liquidation)
    if needed < 1:
        debt = liquidation * (1 - needed)
        assert debt / (1 - move) <= warning * Decimal("1.000001")
    owed = liquidation / (1 + needed) * short
    assert owed * (1 + move) / short <= warning * Decimal("1.000001")


@given(st.lists(st.integers(-1, 200), min_size=1, max_size=60))
def test_closes_kept_hour_by_hour_are_those_read_at_once(prices: list[int]) -> None:
    """The rolling table equals the table of the whole past; a hole stays a hole."""
    rows = [
        (START + place * HOUR, Decimal(price))
        for place, price in enumerate(prices)
        if price > 0
    ]
    kept = HourlyCloses()
    for row in rows:
        kept = kept.with_closes({"BTC": row})
    assert kept == closes_from({"BTC": rows})
    if rows:
        unknown = kept.history(["BTC", "NEW"])
        assert unknown.coins == ("BTC",)
        holes = sum(price <= 0 for price in prices)
        assert np.isnan(unknown.returns).sum() <= 2 * holes


def test_the_table_forgets_what_is_older_than_a_year() -> None:
    """A year of hours and one more; a long silence leaves no more than that."""
    kept = closes_from(
        {"BTC": [(START + n * HOUR, Decimal(100)) for n in range(HOURS_MAX + 50)]}
    )
    assert kept.prices.shape == (HOURS_MAX, 1)
    later = START + (HOURS_MAX + 20_000) * HOUR
    after = kept.with_closes({"BTC": (later, Decimal(90)), "ETH": (later, Decimal(9))})
    assert after.prices.shape == (HOURS_MAX, 2)
    assert np.isfinite(after.prices).sum() == 2


@given(st.floats(0.0, 1.0), st.sampled_from([0.5, 1.0, 6.0, 24.0, 168.0]))
def test_every_number_has_a_score(likely: float, horizon: float) -> None:
    """It falls into a bin that was scored, or stands beside the nearest one."""
    found = trust_of(likely, horizon)
    rows = RELIABILITY[found.horizon_h]
    assert (found.low, found.high) in {(row[0], row[1]) for row in rows}
    last = rows[-1][1]
    assert found.low <= likely <= found.high or likely >= last
    assert math.isfinite(found.skill)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.sampled_from([1, 8, 24]))
def test_what_a_number_has_meant_rises_with_it(
    one: float, other: float, horizon: int
) -> None:
    """A larger number never means less, and a bin's own number means what came."""
    low, high = sorted((one, other))
    assert 0.0 <= as_it_came(low, horizon) <= as_it_came(high, horizon) <= 1.0
    said, came = RELIABILITY[horizon][1][2:4]
    assert as_it_came(said, horizon) == pytest.approx(came)
