"""Accounts along price paths: the chance that each path has reached a level.

The excess of a subject (``Terms.excess``) at the ends of all steps of all paths is
one product of arrays; between two ends it is taken as a Brownian motion with the
variance that its coins were expected to have, at the prices of the step's
beginning. What is known to come is added to the constants. Nothing here draws a
path or knows how long ahead anybody looks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bot.risk.first_passage import FloatArray, reached_by_step
from bot.risk.scenarios import Paths
from bot.risk.terms import Terms

__all__ = ["Drift", "PathView", "reached_tables"]

_RIDGE: Final = 1e-9
"""Added to the correlation's diagonal: two coins may move as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What is known to come whatever prices do, an hour, in the subject's numeraire.

    Interest raises the requirement of a margin account; a funding that is paid
    lowers the margin of a futures account, one that is received raises it.
    """

    requirement_per_h: float = 0.0
    margin_per_h: float = 0.0


class PathView:
    """The paths as subjects need them: each array is made once."""

    def __init__(self, paths: Paths) -> None:
        self.coins = paths.coins
        self.steps_per_hour = paths.steps_per_hour
        self._factors = paths.factors
        self._deviations = paths.deviations
        count = len(paths.coins)
        ridged = paths.correlation + _RIDGE * np.eye(count)
        self.root = np.linalg.cholesky(ridged).astype(np.float64)
        self._made: dict[bool, tuple[FloatArray, FloatArray]] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """Paths and steps."""
        return self._factors.shape[0], self._factors.shape[1]

    def powers(self, *, is_inverse: bool) -> tuple[FloatArray, FloatArray]:
        """What weights count at when steps end, and its deviation over the step."""
        if is_inverse not in self._made:
            ends = 1.0 / self._factors if is_inverse else self._factors
            moved = self._deviations.copy()
            moved[:, 1:] *= ends[:, :-1]
            self._made[is_inverse] = (ends, moved)
        return self._made[is_inverse]

    def row(self, weights: Mapping[str, float]) -> FloatArray:
        """Weights in the order of the coins."""
        return np.array([weights.get(coin, 0.0) for coin in self.coins])


def reached_tables(
    view: PathView, terms: Terms, levels: Sequence[float], drift: Drift
) -> list[FloatArray]:
    """The chance that each path has reached each level by the end of each step.

    Args:
        view: The paths; every coin of the subject is among them.
        terms: The subject.
        levels: Ratios, ascending.
        drift: What is known to come.

    Returns:
        For each level paths by steps. A path that reaches a level has passed those
        under it.

    Example:
        One path: BTC down a tenth, then up again, at 3 % a step; owing 88 of 100.

        >>> path = Paths(coins=("BTC",), steps_per_hour=1, rows=1,
        ...     factors=np.array([[[0.9], [1.0]]]),
        ...     deviations=np.full((1, 2, 1), 0.03), correlation=np.ones((1, 1)))
        >>> long = Terms(subject="margin_cross", warning=0.95, liquidation=0.97,
        ...     requirement_constant=88.0, margin={"BTC": 100.0})
        >>> warning, liquidation = reached_tables(
        ...     PathView(path), long, [0.95, 0.97], Drift())
        >>> warning.tolist(), liquidation.round(2).tolist()
        ([[1.0, 1.0]], [[1.0, 1.0]])
    """
    tables: list[FloatArray] = []
    for level in levels:
        table = _table(view, terms, level, drift)
        tables.append(np.minimum(table, tables[-1]) if tables else table)
    return tables


def _table(view: PathView, terms: Terms, level: float, drift: Drift) -> FloatArray:
    """Paths by steps: the chance that the path has reached the level by then."""
    weights = view.row(terms.requirement) - level * view.row(terms.margin)
    constant = terms.requirement_constant - level * terms.margin_constant
    per_hour = drift.requirement_per_h - level * drift.margin_per_h
    hours = np.arange(1, view.shape[1] + 1) / view.steps_per_hour
    known = constant + per_hour * hours
    if _is_out_of_reach(terms, drift, weights, max(constant, float(known[-1]))):
        return np.zeros(view.shape)
    ends, moved = view.powers(is_inverse=terms.is_inverse)
    touched = np.flatnonzero(weights)
    if len(touched) == 1:
        coin = int(touched[0])
        excess = ends[:, :, coin] * weights[coin] + known
        variances = (moved[:, :, coin] * weights[coin]) ** 2
    else:
        excess = ends @ weights + known
        spread = moved @ (weights[:, None] * view.root)
        variances = np.einsum("pkc,pkc->pk", spread, spread)
    return reached_by_step(constant + float(weights.sum()), excess, variances)


def _is_out_of_reach(
    terms: Terms, drift: Drift, weights: FloatArray, constant: float
) -> bool:
    """Whether no prices above zero take the excess over zero, or nothing is required.

    Without a requirement the ratio is 0 whatever the margin is.
    """
    is_free = (
        terms.requirement_constant == 0.0
        and drift.requirement_per_h == 0.0
        and not any(terms.requirement.values())
    )
    stays_under = constant < 0.0 or (constant == 0.0 and bool((weights < 0.0).any()))
    return is_free or (stays_under and not (weights > 0.0).any())
