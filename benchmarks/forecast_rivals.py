"""What forecasts the states: the product's paths, and an EWMA normal beside them.

Both see the same hourly returns before the state begins and nothing after. The
normal one is a Brownian motion with the EWMA volatility of the same half-life and
its closed forms of first passage. Knows neither outcomes nor scores.
"""

import math
from typing import Final

import numpy as np

from benchmarks.forecast_cases import (
    COINS,
    DISTANCES,
    HORIZONS_H,
    LEVEL,
    SHAPES,
    FloatArray,
    alt_at,
    long_terms,
    mix_terms,
    short_terms,
)
from bot.risk.first_passage import barrier_probability
from bot.risk.path_levels import Drift, PathView, reached_tables
from bot.risk.scenarios import History, Model, simulate, volatility
from bot.risk.terms import Terms

__all__ = ["normal_forecast", "paths_forecast"]

_NOTHING: Final = Drift()
_IMAGES: Final = 60
_NOISE: Final = 1e-12


def paths_forecast(past: History, hour: int, model: Model) -> FloatArray:
    """The product's probabilities: shapes by distances by horizons."""
    paths = simulate(past, COINS, max(HORIZONS_H), model=model, seed=hour)
    view = PathView(paths)
    columns = [h - 1 for h in HORIZONS_H]
    alt = COINS[alt_at(hour)]

    def table(terms: Terms) -> FloatArray:
        return reached_tables(view, terms, [LEVEL], _NOTHING)[0][:, columns]

    result = np.empty((len(SHAPES), len(DISTANCES), len(HORIZONS_H)))
    for place, distance in enumerate(DISTANCES):
        tables = [
            table(long_terms("BTC", distance)),
            table(long_terms(alt, distance)),
            table(short_terms("BTC", distance)),
            table(short_terms(alt, distance)),
        ]
        tables.append(1.0 - (1.0 - tables[1]) * (1.0 - tables[3]))
        tables.append(table(mix_terms(distance)))
        result[:, place] = [each.mean(axis=0) for each in tables]
    return result


def normal_forecast(returns: FloatArray, hour: int, half_life_h: float) -> FloatArray:
    """The same by an EWMA normal: shapes by distances by horizons."""
    model = Model(half_life_h=half_life_h, long_run_share=0.0)
    mixed = np.log(np.exp(returns).mean(axis=1, keepdims=True))
    table = np.concatenate([returns, mixed], axis=1)
    past = History(coins=(*COINS, "mix"), returns=table)
    now = volatility(past, model)[-1]
    sizes = now[[0, alt_at(hour), -1]]
    result = np.empty((len(SHAPES), len(DISTANCES), len(HORIZONS_H)))
    for place, distance in enumerate(DISTANCES):
        down, up = -math.log1p(-distance), math.log1p(distance)
        for column, horizon in enumerate(HORIZONS_H):
            btc, alt, mix = (sizes * math.sqrt(horizon)).tolist()
            result[:, place, column] = [
                barrier_probability(down, btc),
                barrier_probability(down, alt),
                barrier_probability(up, btc),
                barrier_probability(up, alt),
                _two_sided(down, up, alt),
                barrier_probability(down, mix),
            ]
    return result


def _two_sided(down: float, up: float, deviation: float) -> float:
    """The chance of leaving a corridor: images of both barriers (Feller II, X.5)."""
    width, total, sign = down + up, 0.0, 1.0
    for image in range(_IMAGES):
        lower, upper = down + image * width, up + image * width
        if image % 2:
            lower, upper = up + image * width, down + image * width
        added = barrier_probability(lower, deviation)
        added += barrier_probability(upper, deviation)
        total += sign * added
        sign = -sign
        if added < _NOISE:
            break
    return min(max(total, 0.0), 1.0)
