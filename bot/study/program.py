"""A linear program, built row by row and solved by HiGHS on one thread.

Columns are numbered as they are added, rows are sums of ``(column, coefficient)``
between two bounds. Limits are on iterations, never on time, so that the answer is
the same on every machine. Nothing here knows what the numbers mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import highspy
import numpy as np

__all__ = ["Program", "Solution", "Solved", "Term"]

Term = tuple[int, float]
"""A column and its coefficient."""

INFINITY: Final = float("inf")
_ITERATIONS_MAX: Final = 200_000
_SMALL: Final = 1e-12


class Solved(StrEnum):
    """What became of a program."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """The verdict, the least value and each column's value."""

    status: Solved
    value: float
    columns: tuple[float, ...]


@dataclass(slots=True)
class Program:
    """A program under construction; minimise the sum of costs.

    Example:
        The least of ``x + 2 y`` with ``x + y >= 3`` and ``x <= 1`` is at (1, 2).

        >>> program = Program()
        >>> x, y = program.column(1.0, high=1.0), program.column(2.0)
        >>> program.row([(x, 1.0), (y, 1.0)], low=3.0)
        >>> solution = program.solve()
        >>> solution.value, solution.columns
        (5.0, (1.0, 2.0))
    """

    costs: list[float] = field(default_factory=list)
    lows: list[float] = field(default_factory=list)
    highs: list[float] = field(default_factory=list)
    row_lows: list[float] = field(default_factory=list)
    row_highs: list[float] = field(default_factory=list)
    starts: list[int] = field(default_factory=lambda: [0])
    places: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def column(
        self, cost: float = 0.0, low: float = 0.0, high: float = INFINITY
    ) -> int:
        """Add a column and return its number."""
        self.costs.append(cost)
        self.lows.append(low)
        self.highs.append(high)
        return len(self.costs) - 1

    def row(
        self, terms: Sequence[Term], low: float = -INFINITY, high: float = INFINITY
    ) -> None:
        """Hold a sum of terms between two bounds; equal columns are added up."""
        summed: dict[int, float] = {}
        for place, value in terms:
            summed[place] = summed.get(place, 0.0) + value
        for place, value in summed.items():
            if abs(value) > _SMALL:
                self.places.append(place)
                self.values.append(value)
        self.starts.append(len(self.places))
        self.row_lows.append(low)
        self.row_highs.append(high)

    def solve(self) -> Solution:
        """Solve it; what HiGHS does not prove is unknown."""
        solver = highspy.Highs()  # type: ignore[no-untyped-call] # HiGHS has no types here
        solver.setOptionValue("output_flag", False)  # noqa: FBT003 - HiGHS' own words
        solver.setOptionValue("threads", 1)
        solver.setOptionValue("simplex_iteration_limit", _ITERATIONS_MAX)
        solver.passModel(self._model())
        solver.run()
        status = _STATUS.get(solver.getModelStatus(), Solved.UNKNOWN)
        if status is not Solved.OPTIMAL:
            return Solution(status=status, value=INFINITY, columns=())
        columns = tuple(float(v) for v in solver.getSolution().col_value)
        value = float(np.dot(columns, self.costs))
        return Solution(status=status, value=value, columns=columns)

    def _model(self) -> highspy.HighsLp:
        model = highspy.HighsLp()
        model.num_col_ = len(self.costs)
        model.num_row_ = len(self.row_lows)
        model.col_cost_ = np.array(self.costs)
        model.col_lower_ = np.array(self.lows)
        model.col_upper_ = np.array(self.highs)
        model.row_lower_ = np.array(self.row_lows)
        model.row_upper_ = np.array(self.row_highs)
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.array(self.starts, dtype=np.int32)
        model.a_matrix_.index_ = np.array(self.places, dtype=np.int32)
        model.a_matrix_.value_ = np.array(self.values)
        return model


_STATUS: Final = {
    highspy.HighsModelStatus.kOptimal: Solved.OPTIMAL,
    highspy.HighsModelStatus.kInfeasible: Solved.INFEASIBLE,
}
