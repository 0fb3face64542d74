"""Where the betas of each policy come from, always from the past alone.

``gnomon`` asks the estimator that the strategy asks. The rivals are a fixed ratio of
one and a plain rolling regression; both answer in the same form, so that what follows
is one and the same code. A row of the table is an hour; nothing after it is looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bot.risk.betas import BetaModel, Betas, fit_betas
from bot.risk.line import FloatArray

__all__ = ["NONE", "POLICIES", "Returns", "betas_at", "hedges_of"]

NONE: Final = "none"
POLICIES: Final = (NONE, "one", "rolling_ols", "gnomon", "gnomon_btc_eth")
"""No hedge, a ratio of one, a rolling regression, ours, and ours with two hedges."""

_ROLLING_H: Final = 720
_ROLLING_LEAST_H: Final = 48
_HEDGES: Final[Mapping[str, int]] = {NONE: 0, "gnomon_btc_eth": 2}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Returns:
    """Simple hourly returns, NaN where none; ``coins`` begin with the ``hedges``."""

    coins: tuple[str, ...]
    hedges: tuple[str, ...]
    moves: FloatArray


def hedges_of(policy: str) -> int:
    """How many of the first coins are the policy's hedges.

    Example:
        >>> [hedges_of(policy) for policy in POLICIES]
        [0, 1, 1, 1, 2]
    """
    return _HEDGES.get(policy, 1)


def betas_at(policy: str, returns: Returns, row: int, model: BetaModel) -> Betas | None:
    """The betas that a policy holds true at the end of a row's hour; None is unknown.

    Raises:
        ValueError: There is no such policy.
    """
    if policy.startswith("gnomon"):
        seen = returns.moves[max(row + 1 - model.window_h, 0) : row + 1]
        return fit_betas(returns.coins, seen, hedges_of(policy), model)
    if policy == "one":
        return _stated(returns.coins, np.ones(len(returns.coins)))
    if policy == "rolling_ols":
        seen = returns.moves[max(row + 1 - _ROLLING_H, 0) : row + 1]
        return _rolling(returns.coins, seen)
    raise ValueError(f"no policy is called {policy}")


def _rolling(coins: Sequence[str], moves: FloatArray) -> Betas | None:
    """Ordinary least squares, each coin over the hours that it shares with the first.

    A coin without enough of them is not hedged: there is nothing to shrink to.
    """
    known = np.isfinite(moves) & np.isfinite(moves[:, :1])
    counts = known.sum(axis=0)
    if counts[0] < _ROLLING_LEAST_H:
        return None
    y = np.where(known, moves, 0.0)
    x = np.where(known, moves[:, :1], 0.0)
    share = np.maximum(counts, 1)
    x = np.where(known, x - x.sum(axis=0) / share, 0.0)
    y = np.where(known, y - y.sum(axis=0) / share, 0.0)
    spread = (x * x).sum(axis=0)
    enough = (counts >= _ROLLING_LEAST_H) & (spread > 0.0)
    slopes = np.where(enough, (x * y).sum(axis=0) / np.where(enough, spread, 1.0), 0.0)
    return _stated(coins, slopes)


def _stated(coins: Sequence[str], slopes: FloatArray) -> Betas:
    """Slopes on the first coin that claim to be certain."""
    count = len(coins)
    return Betas(
        coins=tuple(coins),
        references=(coins[0],),
        values=slopes[:, None],
        covariances=np.zeros((count, 1, 1)),
        stress=slopes,
        hours=np.full(count, np.inf),
        assumed=(),
    )
