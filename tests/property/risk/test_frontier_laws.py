"""The smallest shock against brute force, and the moves against the exact engine.

The oracles know nothing of the search: a dense grid of the line of two or three
coins, random directions walked until they meet it, and projected gradients from many
starts. The exact engine's distances are the truth for every ray.
"""

from collections.abc import Collection
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.accounts import Balance
from bot.domain.instruments import ContractRules
from bot.risk.covariance import Covariance
from bot.risk.distance import Distance, MarginTerms, futures_distance, margin_distance
from bot.risk.frontier import Moves, frontier
from bot.risk.futures_shape import FuturesAccount, futures_shape
from bot.risk.line import FloatArray, Line
from bot.risk.rays import ray_moves
from bot.risk.smallest_shock import regular, smallest_shock
from bot.risk.terms import Terms
from tests.property.risk.drawn import (
    COINS,
    accounts,
    betas,
    coefficients,
    coin_prices,
    futures,
)
from tests.property.risk.weighed import (
    futures_terms,
    gross_and_parts,
    least_slope,
    margin_terms,
)

LEVELS = st.sampled_from(["0.6", "0.95", "0.97", "1"]).map(Decimal)
Drawn = tuple[FuturesAccount, dict[str, ContractRules], dict[str, Decimal]]


@st.composite
def covariances(draw: st.DrawFn, size: int) -> FloatArray:
    """A positive definite matrix with volatilities from 0.1 % to 60 %."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    factors = rng.normal(size=(size, draw(st.integers(1, size + 2))))
    whole = factors @ factors.T + draw(st.sampled_from([0.01, 0.3])) * np.eye(size)
    spread = np.exp(rng.uniform(np.log(0.001), np.log(0.6), size))
    root = np.sqrt(np.diag(whole))
    return np.asarray(whole / np.outer(root, root) * np.outer(spread, spread))


@st.composite
def lines(
    draw: st.DrawFn, size: int, *, is_inverse: bool = False, least: float = 0.05
) -> Line:
    """An account under its level, with weights of both signs."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weights = rng.uniform(least, 1.0, size) * draw(
        st.sampled_from([rng.choice([-1.0, 1.0], size), -np.ones(size), np.ones(size)])
    )
    gap = float(rng.uniform(0.01, 1.5))
    constant = -gap - float(weights.sum())
    gross = float(np.abs(weights).sum()) + abs(constant)
    return Line(
        tuple(f"C{index}" for index in range(size)),
        weights,
        constant,
        is_inverse,
        1e-12 * gross,
    )


def length(matrix: FloatArray, vector: FloatArray) -> float:
    """The Mahalanobis length."""
    return float(np.sqrt(vector @ np.linalg.solve(matrix, vector)))


def lies_on(line: Line, vector: FloatArray) -> bool:
    """Whether the account is at its level there, within rounding."""
    factors = 1.0 + vector
    powers = 1.0 / factors if line.is_inverse else factors
    gross = float(np.abs(line.weights) @ powers) + abs(line.constant)
    return abs(line.height(factors)) <= 1e-9 * gross


@given(data=st.data(), size=st.integers(1, 7))
def test_the_smallest_shock_meets_the_conditions_of_an_optimum(
    data: st.DataObject, size: int
) -> None:
    """It lies on the level, keeps the floor, and no allowed direction shortens it."""
    line = data.draw(lines(size))
    matrix, _ = regular(data.draw(covariances(size)))
    vector = smallest_shock(line, matrix)
    assert (vector is None) == (not line.is_reachable)
    assume(vector is not None)
    assert vector is not None
    assert lies_on(line, vector)
    assert (vector >= -1.0).all()
    pull = np.linalg.solve(matrix, vector)
    free = vector > -1.0 + 1e-9
    scale = np.abs(pull).max()
    multiplier = (
        float(pull[free] @ line.weights[free])
        / float(line.weights[free] @ line.weights[free])
        if free.any()
        else 0.0
    )
    rest = pull - multiplier * line.weights
    assert np.abs(rest[free]).max(initial=0.0) <= 1e-5 * scale
    if free.any():
        assert (rest[~free] >= -1e-5 * scale).all()


@given(data=st.data())
def test_the_smallest_shock_of_two_coins_is_that_of_a_dense_search(
    data: st.DataObject,
) -> None:
    """All points of the level's line, a thousandth apart: none is shorter."""
    line = data.draw(lines(2))
    matrix, _ = regular(data.draw(covariances(2)))
    vector = smallest_shock(line, matrix)
    first = np.concatenate((np.linspace(-1.0, 3.0, 8001), -1 + np.geomspace(1e-6, 9)))
    second = (-line.excess - line.weights[0] * first) / line.weights[1]
    points = np.column_stack((first, second))[second > -1.0]
    if vector is None:
        assert not len(points)
        return
    if len(points):
        lengths = np.sqrt(
            np.einsum("ij,ji->i", points, np.linalg.solve(matrix, points.T))
        )
        assert length(matrix, vector) <= float(lengths.min()) * (1.0 + 1e-9)
        near = np.abs(vector[0]) < 2.9
        close = float(lengths.min()) - length(matrix, vector)
        step = 5e-4 * float(np.hypot(1.0, line.weights[0] / line.weights[1]))
        spare = step / float(np.sqrt(np.linalg.eigvalsh(matrix)[0]))
        assert not near or close <= spare


@given(data=st.data())
def test_the_smallest_shock_of_three_coins_is_that_of_a_dense_search(
    data: st.DataObject,
) -> None:
    """A grid of the level's plane: no point of it is shorter."""
    line = data.draw(lines(3))
    matrix, _ = regular(data.draw(covariances(3)))
    vector = smallest_shock(line, matrix)
    axis = np.linspace(-1.0, 2.0, 121)
    one, two = (each.ravel() for each in np.meshgrid(axis, axis))
    three = (
        -line.excess - line.weights[0] * one - line.weights[1] * two
    ) / line.weights[2]
    points = np.column_stack((one, two, three))[three > -1.0]
    assume(len(points) > 0)
    assert vector is not None
    lengths = np.sqrt(np.einsum("ij,ji->i", points, np.linalg.solve(matrix, points.T)))
    assert length(matrix, vector) <= float(lengths.min()) * (1.0 + 1e-9)


@given(data=st.data(), size=st.integers(4, 6))
def test_no_projected_gradient_from_any_start_ends_shorter(
    data: st.DataObject, size: int
) -> None:
    """Thirty starts of a plain descent in the multipliers never beat the path."""
    line = data.draw(lines(size))
    assume(line.is_reachable)
    matrix, _ = regular(data.draw(covariances(size)))
    vector = smallest_shock(line, matrix)
    assert vector is not None
    rng = np.random.default_rng(size)
    for point in _descents(line, matrix, rng, starts=30):
        assert lies_on(line, point)
        assert length(matrix, vector) <= length(matrix, point) * (1.0 + 1e-9)


def _descents(
    line: Line, matrix: FloatArray, rng: np.random.Generator, starts: int
) -> list[FloatArray]:
    """Points of the level found by shortening random ones inside the floor."""
    precision = np.linalg.inv(matrix)
    found = []
    for _ in range(starts):
        chosen = ray_moves(line, matrix @ line.weights + rng.normal(size=len(matrix)))
        if chosen.up is None:
            continue
        point = rng.normal(size=len(matrix))
        up = ray_moves(line, point).up
        if up is None or (1.0 + point * up < 0.0).any():
            continue
        point = point * up
        for _ in range(60):
            slope = precision @ point
            along = slope - line.weights * (slope @ line.weights) / (
                line.weights @ line.weights
            )
            curve = float(along @ precision @ along)
            if curve <= 0.0:
                break
            reach = float(slope @ along) / curve
            falling = along > 0.0
            room = np.min((1.0 + point[falling]) / along[falling], initial=np.inf)
            point = point - min(reach, room) * along
        found.append(point)
    return found


@given(data=st.data(), size=st.integers(2, 5), is_inverse=st.booleans())
def test_no_random_direction_is_shorter(
    data: st.DataObject, size: int, *, is_inverse: bool
) -> None:
    """Ten thousand directions, walked until the level is met: none is nearer."""
    line = data.draw(lines(size, is_inverse=is_inverse))
    matrix, _ = regular(data.draw(covariances(size)))
    vector = smallest_shock(line, matrix)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    ways = rng.normal(size=(10_000, size)) @ np.linalg.cholesky(matrix).T
    if is_inverse:
        ways = ways[:300]
        ups = [(way, ray_moves(line, way).up) for way in ways]
        points = np.array([way * up for way, up in ups if up is not None])
    else:
        rise = ways @ line.weights
        reach = np.where(rise > 0.0, -line.excess / np.where(rise > 0, rise, 1.0), -1.0)
        points = (ways * reach[:, None])[reach > 0.0]
        points = points[(points > -1.0).all(axis=1)]
    if not len(points):
        return
    assert vector is not None
    lengths = np.sqrt(np.einsum("ij,ji->i", points, np.linalg.solve(matrix, points.T)))
    assert length(matrix, vector) <= float(lengths.min()) * (1.0 + 1e-9)


@given(data=st.data())
def test_the_smallest_shock_of_two_inverse_coins_is_that_of_a_dense_search(
    data: st.DataObject,
) -> None:
    """The curve of an account that settles in a coin, point by point."""
    line = data.draw(lines(2, is_inverse=True))
    matrix, _ = regular(data.draw(covariances(2)))
    vector = smallest_shock(line, matrix)
    first = -1.0 + np.geomspace(1e-3, 30.0, 40_001)
    rest = -(line.constant + line.weights[0] / (1.0 + first)) / line.weights[1]
    is_price = rest > 0.0
    points = np.column_stack((first[is_price], 1.0 / rest[is_price] - 1.0))
    assume(len(points) > 0)
    assert vector is not None
    assert lies_on(line, vector)
    lengths = np.sqrt(np.einsum("ij,ji->i", points, np.linalg.solve(matrix, points.T)))
    assert length(matrix, vector) <= float(lengths.min()) * (1.0 + 1e-7)


def agrees(
    found: Moves | None,
    exact: Distance,
    gross: Decimal,
    slope: float,
    betas: Collection[Decimal] = (Decimal(1),),
) -> None:
    """The float moves are the exact ones, to a 1e-9th of what rounding leaves.

    A move at which a coin is worth next to nothing is at the edge of what floats see.
    """
    assert found is not None
    sides = ((found.down, exact.down), (found.up, exact.up))
    for float_move, exact_move in sides:
        if exact_move is None or float_move is None:
            far = exact_move is not None and abs(exact_move) > Decimal(10) ** 6
            edge = exact_move is not None and any(
                beta * exact_move < Decimal("-0.999999") for beta in betas
            )
            assert (float_move is None and exact_move is None) or far or edge
            continue
        spare = 1e-9 + 1e-14 * float(gross) / slope
        assert float_move == pytest.approx(float(exact_move), rel=spare, abs=1e-12)


@given(
    held=accounts,
    prices=coin_prices,
    weights=coefficients,
    level=LEVELS,
    slopes=betas,
)
def test_margin_moves_are_those_of_the_exact_engine(
    held: dict[str, Balance],
    prices: dict[str, Decimal],
    weights: dict[str, Decimal],
    level: Decimal,
    slopes: dict[str, Decimal],
) -> None:
    """Uniform, by beta and each coin alone: the distance in Decimal agrees."""
    prices = prices | {"USDT": Decimal(1)}
    exact = MarginTerms(prices=prices, coefficients=weights, level=level)
    terms = margin_terms(held, prices, weights)
    found = frontier(
        terms, float(level), betas={coin: float(beta) for coin, beta in slopes.items()}
    )
    gross, parts = gross_and_parts(terms, float(level))
    agrees(found.uniform, margin_distance(held, exact), gross, least_slope(parts, {}))
    agrees(
        found.beta_weighted,
        margin_distance(held, exact, slopes),
        gross,
        least_slope(parts, slopes),
        slopes.values(),
    )
    for coin, alone in found.alone.items():
        one = {each: Decimal(each == coin) for each in COINS}
        agrees(alone, margin_distance(held, exact, one), gross, abs(parts[coin]) or 1.0)


@given(
    drawn=futures(is_inverse=True),
    level=LEVELS,
    slope=st.floats(-2.0, 3.0).map(lambda beta: round(beta, 6)),
)
def test_moves_of_coin_settled_futures_are_those_of_the_exact_engine(
    drawn: Drawn, level: Decimal, slope: float
) -> None:
    """One coin over its factor: the closed form of the exact engine."""
    account, contracts, marks = drawn
    shape = futures_shape(account, contracts)
    terms = futures_terms(shape, marks)
    found = frontier(terms, float(level), betas={"BTC": slope, "XBT": slope})
    gross, parts = gross_and_parts(terms, float(level))
    weight = abs(sum(parts.values())) or 1.0
    agrees(found.uniform, futures_distance(shape, marks, level), gross, weight)
    beta = {"BTC": Decimal(slope), "XBT": Decimal(slope)}
    exact = futures_distance(shape, marks, level, beta)
    rise = weight * abs(slope) or 1.0
    agrees(found.beta_weighted, exact, gross, rise, beta.values())


@given(drawn=futures(), level=LEVELS, slopes=betas)
def test_futures_moves_are_those_of_the_exact_engine(
    drawn: Drawn, level: Decimal, slopes: dict[str, Decimal]
) -> None:
    """The risk rate's distances, linear and settled in a coin."""
    account, contracts, marks = drawn
    shape = futures_shape(account, contracts)
    exact = futures_distance(shape, marks, level)
    assume(exact.is_known)
    terms = futures_terms(shape, marks)
    coins = terms.requirement.keys() | terms.margin.keys()
    weighted = {coin: slopes.get(coin, Decimal(1)) for coin in coins}
    found = frontier(
        terms, float(level), betas={coin: float(b) for coin, b in weighted.items()}
    )
    gross, parts = gross_and_parts(terms, float(level))
    agrees(found.uniform, exact, gross, least_slope(parts, {}))
    by_beta = futures_distance(shape, marks, level, weighted)
    if by_beta.is_known:
        slope = least_slope(parts, weighted)
        agrees(found.beta_weighted, by_beta, gross, slope, weighted.values())


@given(data=st.data(), size=st.integers(1, 5), scale=st.floats(0.01, 100.0))
def test_a_longer_horizon_shortens_the_shock_by_its_root(
    data: st.DataObject, size: int, scale: float
) -> None:
    """The vector stays, its length is divided by the root of the horizon."""
    line = data.draw(lines(size))
    assume(line.is_reachable)
    terms = Terms(
        subject="futures:USDT",
        warning=0.95,
        liquidation=1.0,
        requirement_constant=1.0,
        margin_constant=1.0 - line.constant,
        margin=dict(zip(line.coins, (-line.weights).tolist(), strict=True)),
    )
    daily = Covariance(line.coins, data.draw(covariances(size)), 24.0)
    near, far = (frontier(terms, 1.0, each) for each in (daily, daily.over(24 * scale)))
    assert near.shock is not None
    assert far.shock is not None
    assert far.shock.length_sd * scale**0.5 == pytest.approx(near.shock.length_sd)
    assert list(far.shock.moves.values()) == pytest.approx(
        list(near.shock.moves.values()), abs=1e-6
    )
    assert sum(near.shock.shares.values()) == pytest.approx(1.0)
