"""The least-cost amounts of a plan's levers: a linear program, solved with HiGHS.

A column for each stretch of each lever, a row for what must hold. What cannot all
hold is broken as little as possible: every soft row has a slack that is dearer than
any lever. Lots are whole: a short search branches on the dearest fractions, at most
``NODES_MAX`` programs, then rounds towards doing more. One thread, a fixed seed and
limits on iterations alone: the same account gives the same plan. Floats; the exact
engine has the last word. Nothing here knows what a lever is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil, floor
from typing import Final

import highspy
import numpy as np
from numpy.typing import NDArray

from bot.guard.plan_model import Atom, Lever, Row

__all__ = ["NODES_MAX", "Program", "Solution"]

NODES_MAX: Final = 16
"""Programs that one search for whole lots may solve."""

_SEARCHED: Final = 16
"""Levers up to which lots are searched for; in larger accounts one lot is little."""
_ITERATIONS_MAX: Final = 20_000
_SLACK_COST: Final = 1_000.0
"""USDT for one USDT of excess that stays: more than any lever costs for one."""
_TINY: Final = 1e-9
_WHOLE_ENOUGH: Final = 1e-6

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Solution:
    """Amounts by lever, in its units, and how far the soft rows stay broken, USDT."""

    amounts: tuple[float, ...]
    objective: float
    shortfall: float

    @property
    def is_reached(self) -> bool:
        """Whether every soft row holds."""
        return self.shortfall <= _WHOLE_ENOUGH


@dataclass(slots=True)
class Program:
    """One set of levers and rows; ``solve`` may be asked with other bounds."""

    levers: Sequence[Lever]
    rows: Sequence[Row]
    _highs: highspy.Highs = field(init=False)
    _starts: list[int] = field(init=False)
    """The first stretch of each lever; its total is a column of its own."""

    def __post_init__(self) -> None:
        """Hand the program to the solver once."""
        self._highs = highspy.Highs()  # type: ignore[no-untyped-call]  # it states no types
        for name, value in (
            ("output_flag", False),
            ("threads", 1),
            ("random_seed", 0),
            ("presolve", "off"),
            ("simplex_iteration_limit", _ITERATIONS_MAX),
        ):
            self._highs.setOptionValue(name, value)
        self._starts = []
        self._highs.passModel(self._model())

    def solve(self) -> Solution | None:
        """The least-cost amounts with whole lots; None where the solver gave up.

        Parts of lots are left where no whole ones were found to fit.
        """
        best: Solution | None = None
        first: Solution | None = None
        open_bounds: list[dict[int, tuple[float, float]]] = [{}]
        solved, most = 0, NODES_MAX if len(self.levers) <= _SEARCHED else 1
        while open_bounds and solved < most:
            bounds = open_bounds.pop()
            solved += 1
            found = self._relaxed(bounds)
            first = first or found
            if found is None or (best and found.objective >= best.objective - _TINY):
                continue
            broken = self._most_broken(found)
            if broken is None:
                best = found
                continue
            open_bounds += _branches(bounds, *broken)
            rounded = self._rounded(found, bounds)
            if rounded and (best is None or rounded.objective < best.objective):
                best = rounded
        return best or first

    def _relaxed(self, bounds: dict[int, tuple[float, float]]) -> Solution | None:
        """The program with lots that may be parts, under other bounds."""
        for number, (low, high) in bounds.items():
            self._highs.changeColBounds(number, low, high)
        self._highs.run()
        is_optimal = self._highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        values = np.array(self._highs.getSolution().col_value) if is_optimal else None
        objective = self._highs.getInfo().objective_function_value
        for number in bounds:
            most = float(self.levers[number].most)
            self._highs.changeColBounds(number, 0.0, most)
        if values is None:
            return None
        count = len(self.levers)
        slack = values[self._starts[-1] :]
        return Solution(
            amounts=tuple(float(v) if v > _TINY else 0.0 for v in values[:count]),
            objective=float(objective),
            shortfall=float(slack.sum()),
        )

    def _rounded(
        self, found: Solution, bounds: dict[int, tuple[float, float]]
    ) -> Solution | None:
        """The same with every lot rounded up and every dust raised to its least."""
        fixed = dict(bounds)
        for number, lever in enumerate(self.levers):
            amount, least = found.amounts[number], float(lever.least)
            if amount <= 0.0:
                fixed[number] = (0.0, 0.0)
                continue
            if lever.is_whole:
                step = float(lever.step)
                amount = ceil(amount / step - _WHOLE_ENOUGH) * step
                fixed[number] = (amount, amount)
            elif amount < least:
                fixed[number] = (min(least, float(lever.most)), float(lever.most))
        return self._relaxed(fixed)

    def _most_broken(self, found: Solution) -> tuple[int, float, float] | None:
        """The lever whose amount is furthest from what can be sent, with both sides."""
        worst: tuple[float, int, float, float] | None = None
        for number, lever in enumerate(self.levers):
            sides = _sides(lever, found.amounts[number])
            if sides is None:
                continue
            price = lever.pieces[0].rates.total + abs(lever.preference)
            gap = min(
                found.amounts[number] - sides[0], sides[1] - found.amounts[number]
            )
            if worst is None or gap * price > worst[0]:
                worst = (gap * price, number, *sides)
        return None if worst is None else worst[1:]

    def _model(self) -> highspy.HighsLp:
        costs, uppers = self._columns()
        rooms = [row.room for row in self.rows]
        ties = len(self.levers)
        columns, felt = np.nonzero(matrix := self._matrix(len(costs)))
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = len(costs), len(rooms) + ties
        model.col_cost_ = np.array(costs)
        model.col_lower_ = np.zeros(len(costs))
        model.col_upper_ = np.array(uppers)
        model.row_lower_ = np.array([-highspy.kHighsInf] * len(rooms) + [0.0] * ties)
        model.row_upper_ = np.array(rooms + [0.0] * ties)
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_ = np.searchsorted(columns, np.arange(len(costs) + 1))
        model.a_matrix_.index_ = felt
        model.a_matrix_.value_ = matrix[columns, felt]
        return model

    def _columns(self) -> tuple[list[float], list[float]]:
        """Costs and bounds: of the levers' totals, their stretches, the slacks."""
        costs = [0.0] * len(self.levers)
        uppers = [float(lever.most) for lever in self.levers]
        for lever in self.levers:
            self._starts.append(len(costs))
            for piece in lever.pieces:
                costs.append(piece.rates.total + piece.delay + lever.preference)
                uppers.append(piece.width)
        self._starts.append(len(costs))
        slacks = sum(row.is_soft for row in self.rows)
        costs += [_SLACK_COST] * slacks
        uppers += [highspy.kHighsInf] * slacks
        return costs, uppers

    def _matrix(self, width: int) -> FloatArray:
        """A row for each column of the program: what it does to each of its rows."""
        atoms: dict[Atom, int] = {}
        for atom in _atoms(self.levers):
            atoms.setdefault(atom, len(atoms))
        weights = np.array(
            [[row.weigh(atom) for atom in atoms] for row in self.rows]
        ).reshape(len(self.rows), len(atoms))
        moved = np.zeros((width, len(atoms)))
        ties = np.zeros((width, len(self.levers)))
        for number, lever in enumerate(self.levers):
            start = self._starts[number]
            ties[number, number] = -1.0
            ties[start : start + len(lever.pieces), number] = 1.0
            for atom, amount in lever.moves.items():
                moved[start : start + len(lever.pieces), atoms[atom]] += amount
            for offset, piece in enumerate(lever.pieces):
                for atom, amount in piece.paid.items():
                    moved[start + offset, atoms[atom]] += amount
        found = moved @ weights.T
        soft = [number for number, row in enumerate(self.rows) if row.is_soft]
        for offset, number in enumerate(soft):
            found[self._starts[-1] + offset, number] = -1.0
        return np.hstack([found, ties])


def _atoms(levers: Sequence[Lever]) -> Iterator[Atom]:
    for lever in levers:
        yield from lever.moves
        for piece in lever.pieces:
            yield from piece.paid


def _sides(lever: Lever, amount: float) -> tuple[float, float] | None:
    """The amounts on both sides of one that cannot be sent; None if it can."""
    least = float(lever.least)
    if 0.0 < amount < least - _TINY:
        return 0.0, min(least, float(lever.most))
    if not lever.is_whole:
        return None
    step = float(lever.step)
    lots = amount / step
    if abs(lots - round(lots)) <= _WHOLE_ENOUGH * max(1.0, lots):
        return None
    return floor(lots) * step, ceil(lots) * step


def _branches(
    bounds: dict[int, tuple[float, float]], number: int, below: float, above: float
) -> list[dict[int, tuple[float, float]]]:
    """Two searches: at most below, and at least above, which is tried first."""
    low, high = bounds.get(number, (0.0, float("inf")))
    return [
        {**bounds, number: (low, below)},
        {**bounds, number: (above, high)},
    ]
