"""Weights of a diversified book: equal shares of risk, caps by beta, and one hedge.

Risk is budgeted, not money: each coin gets the weight at which its contribution to the
variance is its budget (Spinu, "An algorithm for computing risk parity weights", 2013).
The covariance is the shrunk one. No coin gets more than its cap, which falls as its
stress beta rises; the whole is scaled to a volatility and never beyond a leverage. What
beta is left above the wanted one is sold in the hedge. Estimates, not money; no I/O.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bot.risk.betas import Betas
from bot.risk.covariance import Covariance
from bot.risk.line import FloatArray

__all__ = ["AllocationLimits", "allocate", "caps_of", "rank_satellites", "risk_parity"]

_ROUNDS: Final = 200
_CLOSE: Final = 1e-10
_HOURS_A_YEAR: Final = 8_760.0
_BETA_LEAST: Final = 1.0
_HELD_BONUS: Final = 0.8
"""How much better a satellite looks that is held already: changing costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationLimits:
    """What bounds a book; weights and leverages are multiples of its capital.

    ``core_share`` is the share of the risk budget that the core gets, ``asset_max`` the
    most of a coin whose stress beta is 1 or less, ``volatility`` a year, a fraction.
    """

    core_share: float = 0.6
    asset_max: float = 1.0
    leverage_max: float = 1.5
    volatility: float = 0.4
    beta: float = 0.6


def risk_parity(matrix: FloatArray, budgets: FloatArray) -> FloatArray:
    """Positive weights that sum to 1 and share the variance as ``budgets`` say.

    Args:
        matrix: A positive definite covariance.
        budgets: Shares of the variance, positive, one a coin.

    Example:
        Uncorrelated, twice the volatility: half the weight, the same risk.

        >>> risk_parity(np.diag([1.0, 4.0]), np.array([0.5, 0.5])).round(4).tolist()
        [0.6667, 0.3333]
    """
    diagonal = np.diag(matrix)
    weights = np.sqrt(budgets / diagonal)
    for _ in range(_ROUNDS):
        before = weights.copy()
        for place in range(len(weights)):
            others = matrix[place] @ weights - diagonal[place] * weights[place]
            root = np.sqrt(others**2 + 4.0 * diagonal[place] * budgets[place])
            weights[place] = (root - others) / (2.0 * diagonal[place])
        if np.abs(weights - before).max() <= _CLOSE * weights.max():
            break
    shared: FloatArray = weights / weights.sum()
    return shared


def caps_of(betas: Betas, coins: Sequence[str], asset_max: float) -> FloatArray:
    """The most of each coin: a high beta in a fall makes the multiplier lower.

    Example:
        >>> betas = Betas(coins=("BTC", "ALT"), references=("BTC",),
        ...     values=np.array([[1.0], [1.5]]), stress=np.array([1.0, 2.0]),
        ...     covariances=np.zeros((2, 1, 1)), hours=np.ones(2), assumed=())
        >>> caps_of(betas, ["BTC", "ALT"], 1.0).tolist()
        [1.0, 0.5]
    """
    stress = [max(betas.stress_of(coin), _BETA_LEAST) for coin in coins]
    return asset_max / np.array(stress)


def rank_satellites(
    covariance: Covariance,
    betas: Betas,
    core: Sequence[str],
    candidates: Sequence[str],
    held: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    """The candidates by beta and correlation to the core, the lowest first.

    A coin whose covariance or beta is assumed for want of history is none of them.
    """
    unknown = {*covariance.assumed, *betas.assumed}
    known = [c for c in candidates if c not in unknown and c not in core]
    lead = covariance.part(core).sum()
    scores: list[tuple[float, str]] = []
    for coin in known:
        both = covariance.part([*core, coin])
        shared = both[:-1, -1].sum() / np.sqrt(lead * both[-1, -1])
        bonus = _HELD_BONUS if coin in held else 1.0
        scores.append((float(abs(betas.of(coin)[0]) * abs(shared) * bonus), coin))
    return tuple(coin for _, coin in sorted(scores))


def allocate(
    covariance: Covariance,
    betas: Betas,
    core: Sequence[str],
    satellites: Sequence[str],
    limits: AllocationLimits,
) -> Mapping[str, float]:
    """Coin to its weight, a signed multiple of the capital.

    All weights are long but for the hedge, the first coin of the core: from it is
    taken what beta the book has above the wanted one.

    Raises:
        KeyError: A coin is not in the covariance or has no beta.
    """
    coins = [*core, *satellites]
    matrix = covariance.over(_HOURS_A_YEAR).part(coins)
    share = limits.core_share if satellites else 1.0
    budgets = np.array(
        [share / len(core)] * len(core)
        + [(1.0 - share) / max(len(satellites), 1)] * len(satellites)
    )
    shape = risk_parity(matrix, budgets)
    spread = float(np.sqrt(shape @ matrix @ shape))
    total = min(limits.leverage_max, limits.volatility / spread)
    weights = _capped(shape, total, caps_of(betas, coins, limits.asset_max))
    slopes = np.array([betas.of(coin)[0] for coin in coins])
    weights[0] -= max(float(weights @ slopes) - limits.beta, 0.0) / float(slopes[0])
    return dict(zip(coins, weights.tolist(), strict=True))


def _capped(shape: FloatArray, total: float, caps: FloatArray) -> FloatArray:
    """``shape`` scaled to a total, none over its cap; what is cut goes to the others.

    Where all caps bind the total is less.
    """
    weights = np.minimum(shape * total, caps)
    for _ in range(len(shape)):
        free = weights < caps
        left = total - float(weights.sum())
        if left <= _CLOSE or not free.any():
            break
        grown = weights + np.where(free, shape, 0.0) * left / float(shape[free].sum())
        weights = np.minimum(grown, caps)
    return weights
