"""The ratios of every subject in many markets at once.

A scenario multiplies the price of each coin; contracts follow their coin, USDT stays.
Wide accounts are one matrix product, accounts in one coin a column each, and the
maintenance tier of an isolated position follows its value as the exact rules do. A
value within 1e-12 above a tier's limit counts as at it. Nothing here draws scenarios.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from bot.risk.kernel_row import Row
from bot.risk.lines import Kind

__all__ = ["Floats", "stressed"]

Floats = NDArray[np.float64]
_Part = tuple[float, float]

_CHUNK: Final = 512
"""Scenarios at a time, so that the work stays in the processor's cache."""

_AT_LIMIT: Final = 1.0 - 1e-12
"""A value is taken so much smaller, so that one exactly at a limit is within it."""


def stressed(rows: Sequence[Row], coins: Sequence[str], factors: Floats) -> Floats:
    """The ratio of each row in each scenario.

    Args:
        rows: The subjects at the marks of now.
        coins: The coin of each column of ``factors``; all moved coins of the rows.
        factors: Of shape (scenarios, coins): what each price is multiplied with.

    Returns:
        Shape (scenarios, rows): NaN is unknown, infinity a margin that is used up.

    Raises:
        ValueError: A factor that is not positive and finite, or a wrong shape.
    """
    if factors.ndim != 2 or factors.shape[1] != len(coins):  # noqa: PLR2004 - a matrix has two axes
        raise ValueError(f"factors need {len(coins)} columns, had {factors.shape}")
    if factors.size and not (factors.min() > 0.0 and np.isfinite(factors.max())):
        raise ValueError("factors must be positive and finite")
    plan = _Plan.of(rows, coins)
    found = np.empty((len(factors), len(rows)))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for start in range(0, len(factors), _CHUNK):
            part = slice(start, start + _CHUNK)
            plan.ratios(factors[part], found[part])
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Steps:
    """A position whose tier may move: where it stands and what its tiers ask for."""

    column: int
    move: int
    value: float
    least: float
    limits: Floats
    rates: Floats

    @classmethod
    def of(cls, row: Row, column: int, move: int) -> Self | None:
        """The steps of a row; None where one rate holds for every value."""
        ladder = row.line.ladder
        if ladder is None or len(ladder.rates) == 1:
            return None
        return cls(
            column=column,
            move=move,
            value=row.value,
            least=float(ladder.least_value),
            limits=np.array([float(limit) for limit in ladder.limits]),
            rates=np.array([float(rate) for rate in ladder.rates]),
        )

    def requirement(self, moves: Floats) -> Floats:
        """What it requires in each scenario."""
        value = self.value * moves[:, self.move]
        low, high = self._rungs(np.array([value.min(), value.max()]))
        if low == high:
            return value * self.rates[low]
        rates: Floats = self.rates[self._rungs(value)]
        return value * rates

    def _rungs(self, value: Floats) -> NDArray[np.intp]:
        counted = np.maximum(value * _AT_LIMIT, self.least)
        found = np.searchsorted(self.limits, counted, side="left")
        rungs: NDArray[np.intp] = np.minimum(found, len(self.rates) - 1)
        return rungs


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """The rows as arrays over *moves*: the factor of a coin, then one over some.

    ``required`` and ``held`` are constants by row; ``by`` of shape (2, moves, wide)
    has the weights of the rows that need a matrix product, ``alone`` of shape
    (2, narrow) those of the rows with one move at most.
    """

    inverse: NDArray[np.intp]
    required: Floats
    held: Floats
    wide: NDArray[np.intp]
    by: Floats
    narrow: NDArray[np.intp]
    move: NDArray[np.intp]
    alone: Floats
    steps: tuple[_Steps, ...]
    is_margin: NDArray[np.bool_]

    @classmethod
    def of(cls, rows: Sequence[Row], coins: Sequence[str]) -> Self:
        """Lay the rows out at the marks of now."""
        place = {coin: i for i, coin in enumerate(coins)}
        inverse = sorted({place[c] for row in rows for c, p in _moved(row) if p < 0})
        names = [(coin, 1) for coin in coins] + [(coins[i], -1) for i in inverse]
        move = {name: i for i, name in enumerate(names)}
        sums = [_by_move(row, move) for row in rows]
        wide = [i for i, parts in enumerate(sums) if len(parts) > 1]
        narrow = [i for i, parts in enumerate(sums) if len(parts) <= 1]
        by = np.zeros((2, len(names), len(wide)))
        for column, row in enumerate(wide):
            for index, part in sums[row].items():
                by[:, index, column] = part
        alone = [next(iter(sums[i].items()), (0, (0.0, 0.0))) for i in narrow]
        constants = np.array([row.constants for row in rows]).reshape(-1, 2)
        steps = (
            _Steps.of(rows[i], i, index)
            for i, (index, _) in zip(narrow, alone, strict=True)
        )
        return cls(
            inverse=np.array(inverse, dtype=np.intp),
            required=constants[:, 0],
            held=constants[:, 1],
            wide=np.array(wide, dtype=np.intp),
            by=by,
            narrow=np.array(narrow, dtype=np.intp),
            move=np.array([index for index, _ in alone], dtype=np.intp),
            alone=np.array([part for _, part in alone]).reshape(-1, 2).T,
            steps=tuple(each for each in steps if each is not None),
            is_margin=np.array([r.line.kind is Kind.MARGIN for r in rows], dtype=bool),
        )

    def ratios(self, factors: Floats, found: Floats) -> None:
        """Write the ratios of some scenarios into ``found``."""
        moves = factors
        if len(self.inverse):
            moves = np.hstack([factors, 1.0 / factors[:, self.inverse]])
        required, held = np.empty_like(found), np.empty_like(found)
        alone = moves[:, self.move] if len(self.narrow) else moves[:, :0]
        for side, sums in enumerate((required, held)):
            sums[:, self.wide] = moves @ self.by[side]
            sums[:, self.narrow] = alone * self.alone[side]
        for each in self.steps:
            required[:, each.column] = each.requirement(moves)
        required += self.required
        held += self.held
        np.divide(required, held, out=found)
        np.copyto(found, np.inf, where=held <= 0.0)
        is_spent = (held < 0.0) & self.is_margin
        np.copyto(found, 0.0, where=(required <= 0.0) & ~is_spent)


def _moved(row: Row) -> Iterator[tuple[str, int]]:
    """The coin and the power of each leg that the market moves."""
    return ((leg.coin, leg.power) for leg in row.line.legs if leg.is_moved)


def _by_move(row: Row, move: Mapping[tuple[str, int], int]) -> dict[int, _Part]:
    """What a row requires and holds by move, at the marks of now."""
    found: dict[int, _Part] = {}
    for index, leg in enumerate(row.line.legs):
        if leg.is_moved:
            at = move[leg.coin, leg.power]
            required, held = found.get(at, (0.0, 0.0))
            more = row.terms(index)
            found[at] = required + more[0], held + more[1]
    return found
