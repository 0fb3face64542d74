"""How far a forecast number may be trusted: its score, shown beside it.

A probability is a claim; beside it stands what came of such claims on markets that
the model was not fitted on: the Brier skill of its horizon (above 0 is better than
saying the usual rate of the account's kind) and, of all forecasts in the same
bin, what was said and what came. Looks numbers up; measures nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from bot.risk.forecast_scored import FITTED, RELIABILITY, SCORED, SKILL, STATES

__all__ = ["PROVENANCE", "Trust", "as_it_came", "trust_of"]

PROVENANCE = (
    f"{STATES} account states from {SCORED[0]} to {SCORED[1]}, held out; fitted on "
    f"{FITTED[0]} to {FITTED[1]}"
)
"""What the score is of, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The score of one number: fractions, ``low`` and ``high`` bound its bin.

    ``came`` is how often it happened where between ``low`` and ``high`` was said,
    ``said`` the mean of what was said there, ``forecasts`` how many there were.
    ``horizon_h`` is the scored horizon that is nearest to the one asked for.
    """

    horizon_h: int
    skill: float
    skill_low: float
    skill_high: float
    low: float
    high: float
    said: float
    came: float
    forecasts: int

    @property
    def sentence(self) -> str:
        """The same in words, short.

        Example:
            >>> trust_of(0.03, 24).sentence
            'of 10831 such (said 3.3 %) 4.4 % came true; Brier skill +0.079'
        """
        return (
            f"of {self.forecasts} such (said {self.said * 100:.1f} %) "
            f"{self.came * 100:.1f} % came true; Brier skill {self.skill:+.3f}"
        )


def trust_of(probability: float, horizon_h: float) -> Trust:
    """The score of a probability within so many hours.

    Example:
        >>> found = trust_of(0.0042, 8)
        >>> found.low, found.high, found.came
        (0.001, 0.005, 0.0049)
    """
    horizon = min(SKILL, key=lambda hours: (abs(hours - horizon_h), hours))
    skill, low, high, _ = SKILL[horizon]
    row = _bin(RELIABILITY[horizon], probability)
    return Trust(
        horizon_h=horizon,
        skill=skill,
        skill_low=low,
        skill_high=high,
        low=row[0],
        high=row[1],
        said=row[2],
        came=row[3],
        forecasts=row[4],
    )


def as_it_came(probability: float, horizon_h: float) -> float:
    """What a probability has meant: how often it came where about this was said.

    Straight lines between the scored bins, never falling; 0 stays 0 and 1 stays 1.

    Example:
        The model says too little: where 0.7 % was said 1.2 % came.

        >>> round(as_it_came(0.0072, 24), 4)
        0.0115
        >>> as_it_came(0.0, 24), as_it_came(1.0, 24)
        (0.0, 1.0)
    """
    horizon = trust_of(probability, horizon_h).horizon_h
    rows = [(row[2], row[3]) for row in RELIABILITY[horizon]]
    came, high = [], 0.0
    for _, each in rows:
        high = max(high, each)
        came.append(min(high, 1.0))
    said = [0.0, *(row[0] for row in rows), 1.0]
    return float(np.interp(probability, said, [0.0, *came, 1.0]))


def _bin(
    rows: Sequence[tuple[float, float, float, float, int]], probability: float
) -> tuple[float, float, float, float, int]:
    """The bin that holds it, or the nearest one that was scored."""

    def apart(row: tuple[float, float, float, float, int]) -> float:
        if row[0] <= probability < row[1]:
            return -inf
        return min(abs(probability - row[0]), abs(probability - row[1]))

    return min(rows, key=apart)
