"""Accounts along price paths: the chance that each path has reached a level.

The excess of a subject (``Terms.excess``) at the ends of all steps of all paths is
one product of arrays; between two ends it is taken as a Brownian motion with the
variance that its coins were expected to have, at the prices of the step's
beginning. What is known to come is added to the constants: so much an hour, at one
hour, or from an hour on other terms. Nothing here draws a path or knows how long
ahead anybody looks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bot.risk.first_passage import FloatArray, reached_by_step
from bot.risk.scenarios import Paths
from bot.risk.terms import Terms

__all__ = [
    "Booked",
    "Drift",
    "PathView",
    "Settled",
    "Shifted",
    "excess_along",
    "reached_tables",
]

_RIDGE: Final = 1e-9
"""Added to the correlation's diagonal: two coins may move as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """What is booked once, ``after_h`` hours from now.

    Margin that is paid is negative; interest that is charged raises the requirement.
    """

    after_h: float
    margin: float = 0.0
    requirement: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Margin weights that stay at the prices of an hour: a position was settled."""

    after_h: float
    margin: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifted:
    """From ``after_h`` hours on the subject has these terms: a coin counts no more.

    What ``settled`` lists is in no constant: it counts at the prices of its own hour.
    """

    after_h: float
    terms: Terms
    settled: tuple[Settled, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What is known to come whatever prices do, in the subject's numeraire.

    Interest raises the requirement of a margin account by the hour; a funding that
    is paid lowers the margin of a futures account, one that is received raises it.
    ``shifts`` are in the order of their hours.
    """

    requirement_per_h: float = 0.0
    margin_per_h: float = 0.0
    booked: tuple[Booked, ...] = ()
    shifts: tuple[Shifted, ...] = ()

    def known_by(self, hours: FloatArray, level: float) -> FloatArray:
        """What is added to the excess over a level by each time.

        Example:
            >>> drift = Drift(requirement_per_h=1.0,
            ...     booked=(Booked(after_h=2.0, margin=-10.0),))
            >>> drift.known_by(np.array([1.0, 2.0, 3.0]), 0.5).tolist()
            [1.0, 7.0, 8.0]
        """
        known: FloatArray = (self.requirement_per_h - level * self.margin_per_h) * hours
        for each in self.booked:
            added = each.requirement - level * each.margin
            known = known + added * (hours >= each.after_h)
        return known


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
    along = excess_along(view, terms, level, drift)
    return np.zeros(view.shape) if along is None else reached_by_step(*along)


def excess_along(
    view: PathView, terms: Terms, level: float, drift: Drift
) -> tuple[float, FloatArray, FloatArray] | None:
    """The excess over a level now, at the end of each step, and each step's variance.

    None where no prices above zero take the excess over zero, or nothing is required.
    """
    hours = np.arange(1, view.shape[1] + 1) / view.steps_per_hour
    known = drift.known_by(hours, level)
    begun = _along(view, terms, level)
    is_never = _is_out_of_reach(terms, drift, begun.weights, begun.worst(known))
    excess, variances = begun.excess + known, begun.variances
    for shift in drift.shifts:
        later = _along(view, shift.terms, level)
        worst = later.worst(known)
        is_free = _is_out_of_reach(shift.terms, drift, later.weights, worst)
        is_never &= is_free and not shift.settled
        is_over = hours >= shift.after_h
        fixed = _settled(view, shift, level, hours)
        excess = np.where(is_over, later.excess + fixed + known, excess)
        variances = np.where(is_over, later.variances, variances)
    return None if is_never else (begun.start, excess, variances)


def _settled(
    view: PathView, shift: Shifted, level: float, hours: FloatArray
) -> FloatArray:
    """What settled positions add to the excess of each path, paths by one."""
    added: FloatArray = np.zeros((view.shape[0], 1))
    ends, _ = view.powers(is_inverse=shift.terms.is_inverse)
    for each in shift.settled:
        step = int(np.searchsorted(hours, each.after_h))
        if step < len(hours):
            added[:, 0] -= level * (ends[:, step, :] @ view.row(each.margin))
    return added


@dataclass(frozen=True, slots=True, eq=False)
class _Along:
    """One set of terms along all paths, without what is known to come."""

    constant: float
    weights: FloatArray
    excess: FloatArray
    variances: FloatArray

    @property
    def start(self) -> float:
        """The excess now."""
        return self.constant + float(self.weights.sum())

    def worst(self, known: FloatArray) -> float:
        """The constant part when what is known to come is at its worst."""
        return self.constant + max(0.0, float(known.max()))


def _along(view: PathView, terms: Terms, level: float) -> _Along:
    weights = view.row(terms.requirement) - level * view.row(terms.margin)
    constant = terms.requirement_constant - level * terms.margin_constant
    ends, moved = view.powers(is_inverse=terms.is_inverse)
    touched = np.flatnonzero(weights)
    if len(touched) == 1:
        coin = int(touched[0])
        excess = ends[:, :, coin] * weights[coin] + constant
        variances = (moved[:, :, coin] * weights[coin]) ** 2
    else:
        excess = ends @ weights + constant
        spread = moved @ (weights[:, None] * view.root)
        variances = np.einsum("pkc,pkc->pk", spread, spread)
    return _Along(constant, weights, excess, variances)


def _is_out_of_reach(
    terms: Terms, drift: Drift, weights: FloatArray, constant: float
) -> bool:
    """Whether no prices above zero take the excess over zero, or nothing is required.

    Without a requirement the ratio is 0 whatever the margin is.
    """
    is_free = (
        terms.requirement_constant == 0.0
        and drift.requirement_per_h == 0.0
        and not any(each.requirement for each in drift.booked)
        and not any(terms.requirement.values())
    )
    stays_under = constant < 0.0 or (constant == 0.0 and bool((weights < 0.0).any()))
    return is_free or (stays_under and not (weights > 0.0).any())
