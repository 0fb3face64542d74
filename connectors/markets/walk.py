"""Walk a scenario forward: blocks of prices, premiums and volatilities.

A walk draws everything from one seeded generator, in blocks of a fixed number of
marks, so that the numbers depend on the seed and the scenario alone. It knows no
symbol and no Decimal; rows are marks, columns are coins.
"""

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from connectors.markets.files import FloatArray
from connectors.markets.processes import (
    jumps,
    mean_reverting,
    shape_path,
    student,
    volatility_base,
)
from connectors.markets.scenarios import COINS, MARKET, CoinFigures, Scenario

__all__ = ["Block", "generator_of", "sigma_usual", "walk"]

_BLOCK: Final = 4_096
_DAY_S: Final = 86_400.0
_MEMORY_S: Final = 600.0
"""Time constant of realised volatility and of what the premium feels."""

_PREMIUM_PUSH: Final = 0.12
_PREMIUM_BEND: Final = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Consecutive marks; ``first`` is the number of the first one in the walk.

    ``spot`` and ``perp`` are USDT prices, ``mark`` is the contract's mark price,
    ``premium`` its distance to the spot, ``usdt`` is USD per USDT, ``sigma_1m`` the
    realised volatility of one minute, exponentially weighted over ten minutes.
    """

    first: int
    spot: FloatArray
    perp: FloatArray
    mark: FloatArray
    premium: FloatArray
    usdt: FloatArray
    sigma_1m: FloatArray


@dataclass(slots=True, kw_only=True)
class _State:
    """Where the processes stand after the last block."""

    log_vol: FloatArray
    market: FloatArray
    idio: FloatArray
    premium: FloatArray
    premium_noise: FloatArray
    push: FloatArray
    variance: FloatArray
    log_usd: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is fixed for the whole walk."""

    scenario: Scenario
    coins: tuple[CoinFigures, ...]
    interval_s: int
    market: FloatArray
    usdt: FloatArray
    premium: FloatArray
    shape_betas: FloatArray

    def decay(self, rate_day: float) -> float:
        """What a mean reversion of ``rate_day`` leaves after one mark."""
        return math.exp(-rate_day * self.interval_s / _DAY_S)


def generator_of(scenario: Scenario, seed: int, part: str) -> np.random.Generator:
    """The seeded generator of one part of a scenario's randomness."""
    words = [seed, zlib.crc32(scenario.name.encode()), zlib.crc32(part.encode())]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))


def sigma_usual(coin: CoinFigures, scenario: Scenario) -> float:
    """The usual volatility of one minute of a coin in a scenario."""
    variance = (coin.beta * MARKET.vol_day) ** 2 + coin.idio_vol_day**2
    return scenario.volatility_x * math.sqrt(variance / 1_440.0)


def walk(
    scenario: Scenario, names: Sequence[str], marks: int, interval_s: int, seed: int
) -> Iterator[Block]:
    """All marks of a scenario, a block at a time; the first mark is at the start."""
    plan = _plan(scenario, names, marks, interval_s, seed)
    rng = generator_of(scenario, seed, "walk")
    state = _begin(rng, plan)
    for first in range(0, marks, _BLOCK):
        yield _block(rng, plan, state, first, min(_BLOCK, marks - first))


def _plan(
    scenario: Scenario, names: Sequence[str], marks: int, interval_s: int, seed: int
) -> _Plan:
    rng = generator_of(scenario, seed, "shape")
    coins = tuple(COINS[name] for name in names)
    market, usdt, premium = (
        shape_path(rng, shape, marks, interval_s)
        for shape in (scenario.market, scenario.usdt, scenario.premium)
    )
    spread = generator_of(scenario, seed, "betas").uniform(
        *scenario.alt_beta_x, len(COINS)
    )
    places = [list(COINS).index(name) for name in names]
    betas = np.array([max(coin.beta, scenario.alt_beta_min) for coin in coins])
    is_btc = np.array([name == "BTC" for name in names])
    return _Plan(
        scenario=scenario,
        coins=coins,
        interval_s=interval_s,
        market=market,
        usdt=usdt,
        premium=premium[:, None] * np.where(is_btc, 1.0 / 3.0, 1.0),
        shape_betas=np.where(is_btc, 1.0, betas * spread[places]),
    )


def _begin(rng: np.random.Generator, plan: _Plan) -> _State:
    count = len(plan.coins)
    usual = np.array([sigma_usual(coin, plan.scenario) for coin in plan.coins])
    return _State(
        log_vol=rng.standard_normal(2)
        * np.array([MARKET.slow_vol_sd, MARKET.fast_vol_sd]),
        market=np.zeros(1),
        idio=np.zeros(count),
        premium=rng.standard_normal(count),
        premium_noise=np.zeros(count),
        push=np.zeros(1),
        variance=usual**2,
        log_usd=np.log([coin.price for coin in plan.coins]),
    )


def _block(
    rng: np.random.Generator, plan: _Plan, state: _State, first: int, rows: int
) -> Block:
    span = slice(first, first + rows)
    level = _volatility(rng, plan, state, rows)
    level *= 1.0 + plan.scenario.stir * (plan.market[span] != 0)
    if first == 0:
        level[0] = 0.0
    before = state.market
    market = _market(rng, plan, state, level)
    idio = _idio(rng, plan, state, level)
    betas = np.array([coin.beta for coin in plan.coins])
    log_usd = (
        np.log([coin.price for coin in plan.coins])
        + _bounded(market, plan.scenario) * betas
        + plan.market[span, None] * plan.shape_betas
        + _bounded(idio, plan.scenario)
    )
    sigma = _realised(plan, state, log_usd)
    pushes = np.diff(
        market[:, 0] + plan.market[span], prepend=_last(plan, before, first)
    )
    premium = _premium(rng, plan, state, pushes[:, None])
    premium += plan.premium[span]
    spot = np.exp(log_usd - plan.usdt[span, None])
    noise = _premium_noise(rng, plan, state, rows)
    return Block(
        first=first,
        spot=spot,
        perp=spot * (1.0 + premium + noise),
        mark=spot * (1.0 + premium),
        premium=premium,
        usdt=np.exp(plan.usdt[span]),
        sigma_1m=sigma,
    )


def _last(plan: _Plan, market: FloatArray, first: int) -> float:
    """The market factor, shape included, at the mark before the block."""
    return float(market[0]) + float(plan.market[max(first - 1, 0)])


def _bounded(values: FloatArray, scenario: Scenario) -> FloatArray:
    """Keep the random part within the scenario's bound, smoothly."""
    if scenario.noise_bound is None:
        return values
    return scenario.noise_bound * np.tanh(values / scenario.noise_bound)


def _volatility(
    rng: np.random.Generator, plan: _Plan, state: _State, rows: int
) -> FloatArray:
    """The volatility level of each mark, one on the mean square."""
    normals = rng.standard_normal((rows, 2))
    parts = []
    for place, (sd, rate) in enumerate(
        (
            (MARKET.slow_vol_sd, MARKET.slow_vol_rate),
            (MARKET.fast_vol_sd, MARKET.fast_vol_rate),
        )
    ):
        decay = plan.decay(rate)
        shocks = normals[:, place : place + 1] * sd * math.sqrt(1.0 - decay**2)
        part = mean_reverting(state.log_vol[place : place + 1], decay, shocks)
        parts.append(part[:, 0])
    state.log_vol = np.array([part[-1] for part in parts])
    level: FloatArray = np.exp(parts[0] + parts[1]) * plan.scenario.volatility_x
    return level


def _market(
    rng: np.random.Generator, plan: _Plan, state: _State, level: FloatArray
) -> FloatArray:
    """The market factor without its shape, one column."""
    rows, day = len(level), plan.interval_s / _DAY_S
    steps = student(rng, MARKET.tail_freedom, (rows, 1)) * (
        level[:, None] * volatility_base(MARKET) * math.sqrt(day)
    )
    jump = jumps(
        rng, MARKET.jumps_a_day * day, MARKET.jump_mean, MARKET.jump_sd, (rows, 1)
    )
    steps = steps + jump * (level[:, None] > 0)
    path = mean_reverting(state.market, plan.decay(plan.scenario.noise_rate), steps)
    state.market = path[-1]
    return path


def _idio(
    rng: np.random.Generator, plan: _Plan, state: _State, level: FloatArray
) -> FloatArray:
    """What each coin does on its own."""
    rows, day = len(level), plan.interval_s / _DAY_S
    vols = np.array([coin.idio_vol_day for coin in plan.coins])
    share = MARKET.idio_jumps_a_day * MARKET.idio_jump_sd**2 / 0.035**2
    spread = MARKET.slow_vol_sd**2 + MARKET.fast_vol_sd**2
    smooth = vols * math.sqrt(max(1.0 - share, 0.0) / math.exp(2.0 * spread))
    size = (rows, len(plan.coins))
    steps = student(rng, MARKET.tail_freedom, size) * (
        level[:, None] * smooth * math.sqrt(day)
    )
    jump = jumps(rng, MARKET.idio_jumps_a_day * day, 0.0, MARKET.idio_jump_sd, size)
    steps = steps + jump * (vols / 0.035) * (level[:, None] > 0)
    path = mean_reverting(state.idio, plan.decay(plan.scenario.noise_rate), steps)
    state.idio = path[-1]
    return path


def _realised(plan: _Plan, state: _State, log_usd: FloatArray) -> FloatArray:
    """Root of the exponentially weighted square returns, scaled to a minute."""
    returns = np.diff(log_usd, axis=0, prepend=state.log_usd[None, :])
    decay = math.exp(-plan.interval_s / _MEMORY_S)
    scale = (1.0 - decay) * 60.0 / plan.interval_s
    variance = mean_reverting(state.variance, decay, returns**2 * scale)
    state.variance, state.log_usd = variance[-1], log_usd[-1]
    return np.sqrt(np.maximum(variance, 0.0))


def _premium(
    rng: np.random.Generator, plan: _Plan, state: _State, pushes: FloatArray
) -> FloatArray:
    """A slow wandering, and what a fast market does to the perpetual."""
    decay = plan.decay(MARKET.premium_rate)
    normals = rng.standard_normal((len(pushes), len(plan.coins)))
    shocks = normals * math.sqrt(1.0 - decay**2)
    slow = mean_reverting(state.premium, decay, shocks)
    felt = mean_reverting(state.push, math.exp(-plan.interval_s / _MEMORY_S), pushes)
    state.premium, state.push = slow[-1], felt[-1]
    stress = _PREMIUM_PUSH * felt * np.abs(felt) / (np.abs(felt) + _PREMIUM_BEND)
    knots, quantiles = zip(*MARKET.premium_quantiles, strict=True)
    scale = np.array([coin.funding_sd for coin in plan.coins]) / COINS["BTC"].funding_sd
    wander = np.interp(slow, knots, quantiles) - MARKET.premium_centre
    wander = np.where(wander < 0, wander * scale, wander)
    premium: FloatArray = MARKET.premium_centre + wander + stress
    return premium


def _premium_noise(
    rng: np.random.Generator, plan: _Plan, state: _State, rows: int
) -> FloatArray:
    decay = plan.decay(MARKET.premium_noise_rate)
    normals = rng.standard_normal((rows, len(plan.coins)))
    shocks = normals * MARKET.premium_noise * math.sqrt(1.0 - decay**2)
    noise = mean_reverting(state.premium_noise, decay, shocks)
    state.premium_noise = noise[-1]
    return noise
