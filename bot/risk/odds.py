"""The probability of a liquidation as a function of how far away it is.

A forecast says how likely an account is liquidated as it stands. A guard and a
planner also ask how likely it would be if the account stood elsewhere: the same
holdings made smaller or larger until a uniform move of ``distance`` liquidates
them. The answer is a falling curve, known at a few distances and read off between
them. A probability of a model, as of the hour it was made; nothing here decides.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from math import ceil, exp, log
from typing import Final

__all__ = ["GRID", "Odds", "OddsCurve"]

GRID: Final = (0.03, 0.05, 0.07, 0.10, 0.13, 0.16, 0.20, 0.25, 0.30, 0.36, 0.45, 0.60)
"""The distances at which a curve is known, fractions."""

_LEAST: Final = 1e-6
"""A probability under this is as good as it, and has a logarithm."""
_PLACES: Final = 10_000
"""One over the step of a distance that is rounded: four decimals."""


@dataclass(frozen=True, slots=True)
class OddsCurve:
    """Probabilities at rising distances, never rising; at distance 0 it is 1.

    Raises:
        ValueError: The two do not belong together, or do not rise and fall so.
    """

    distances: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        rises = list(self.distances) == sorted(set(self.distances))
        falls = list(self.probabilities) == sorted(self.probabilities, reverse=True)
        if len(self.distances) != len(self.probabilities) or not self.distances:
            raise ValueError("a curve has a probability for each distance")
        if not (rises and falls and self.distances[0] > 0.0):
            raise ValueError("distances rise from above 0 and probabilities fall")

    def at(self, distance: float) -> float:
        """The probability at a distance; beyond the last one it is that of the last.

        Between two distances its logarithm is a straight line.

        Example:
            >>> curve = OddsCurve((0.1, 0.2), (0.1, 0.001))
            >>> [round(curve.at(d), 4) for d in (0.0, 0.1, 0.15, 0.5)]
            [1.0, 0.1, 0.01, 0.001]
        """
        if distance <= 0.0:
            return 1.0
        if distance >= self.distances[-1]:
            return self.probabilities[-1]
        after = bisect_left(self.distances, distance)
        near = (0.0, 1.0) if after == 0 else self._point(after - 1)
        far = self._point(after)
        share = (distance - near[0]) / (far[0] - near[0])
        return exp((1.0 - share) * _log(near[1]) + share * _log(far[1]))

    def distance_of(self, probability: float) -> Decimal:
        """The nearest distance whose probability is no larger, rounded away.

        The last distance of the curve where none of it is that unlikely.

        Example:
            >>> OddsCurve((0.1, 0.2), (0.1, 0.001)).distance_of(0.01)
            Decimal('0.1500')
        """
        points = [(0.0, 1.0), *zip(self.distances, self.probabilities, strict=True)]
        for near, far in pairwise(points):
            if far[1] > probability:
                continue
            if near[1] <= probability:
                return _rounded(near[0])
            high, low = _log(near[1]), _log(far[1])
            share = (high - _log(probability)) / (high - low) if high > low else 1.0
            return _rounded(near[0] + share * (far[0] - near[0]))
        return _rounded(self.distances[-1])

    def _point(self, place: int) -> tuple[float, float]:
        return self.distances[place], self.probabilities[place]


@dataclass(frozen=True, slots=True)
class Odds:
    """The curves of all accounts that have one, within ``horizon_h`` hours."""

    curves: Mapping[str, OddsCurve] = field(default_factory=dict)
    horizon_h: int = 24

    def at(self, subject: str, distance: Decimal | None) -> float | None:
        """How likely an account at this distance is liquidated within the horizon.

        Args:
            subject: As ``measure_subjects`` names it.
            distance: The uniform adverse move that liquidates it, a fraction; None
                where no uniform move does, which no curve speaks of.

        Returns:
            A fraction, or None where it is not known, which is never safe.

        Example:
            >>> odds = Odds({"margin_cross": OddsCurve((0.1, 0.2), (0.1, 0.001))})
            >>> odds.at("margin_cross", Decimal("0.2")), odds.at("futures:USDT", None)
            (0.001, None)
        """
        curve = self.curves.get(subject)
        if curve is None or distance is None:
            return None
        return curve.at(float(distance))


def _log(probability: float) -> float:
    return log(max(probability, _LEAST))


def _rounded(distance: float) -> Decimal:
    return Decimal(ceil(round(distance * _PLACES, 6))).scaleb(-4)
