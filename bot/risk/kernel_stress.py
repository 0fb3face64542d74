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

_UNMOVED: Final = (0, (0.0, 0.0))
"""The move of a row that no market moves: any, at no weight."""

_AT_LIMIT: Final = 1.0 - 1e-12
"""A value is taken so much smaller, so that one exactly at a limit is within it."""


def stressed(rows: Sequence[Row], coins: Sequence[str], factors: Floats) -> Floats:
    """The ratio of each row in each scenario.

    Args:
        rows: The subjects at the marks of now.
        coins: The coin of each column of ``factors``; all moved coins of the rows.
        factors: Of shape (scenarios, coins): what each price is multiplied with.

    Returns:
        Shape (scenarios, rows), each row's ratios side by side in memory: NaN is
        unknown, infinity a margin that is used up.

    Raises:
        ValueError: A factor that is not positive and finite, or a wrong shape.
    """
    if factors.ndim != 2 or factors.shape[1] != len(coins):  # noqa: PLR2004 - a matrix has two axes
        raise ValueError(f"factors need {len(coins)} columns, had {factors.shape}")
    if factors.size and not (factors.min() > 0.0 and np.isfinite(factors.max())):
        raise ValueError("factors must be positive and finite")
    plan = _Plan.of(rows, coins)
    found = np.empty((len(rows), len(factors)))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for start in range(0, len(factors), _CHUNK):
            part = slice(start, start + _CHUNK)
            plan.ratios(factors[part], found[:, part])
    return found.T


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tiers:
    """The positions whose tier may move, as arrays of (positions) and (tiers, ...).

    ``rows`` are their places in the plan. Short ladders are filled up with their last
    rate at limits that nothing exceeds.
    """

    rows: NDArray[np.intp]
    value: Floats
    least: Floats
    limits: Floats
    rates: Floats

    @classmethod
    def of(cls, rows: Sequence[tuple[int, Row]]) -> Self:
        """The ladders of those rows that have one."""
        found = [
            (i, row, row.line.ladder)
            for i, row in rows
            if row.line.ladder and any(leg.is_moved for leg in row.line.legs)
        ]
        steps = max((len(ladder.rates) for _, _, ladder in found), default=1)
        limits = np.full((steps - 1, len(found)), np.inf)
        rates = np.empty((steps, len(found)))
        for column, (_, _, ladder) in enumerate(found):
            own = [float(rate) for rate in ladder.rates]
            limits[: len(own) - 1, column] = [float(x) for x in ladder.limits[:-1]]
            rates[:, column] = own + own[-1:] * (steps - len(own))
        least = [float(ladder.least_value) for _, _, ladder in found]
        return cls(
            rows=np.array([i for i, _, _ in found], dtype=np.intp),
            value=np.array([row.value for _, row, _ in found]),
            least=np.array(least),
            limits=limits,
            rates=rates,
        )

    def requirement(self, moves: Floats) -> Floats:
        """What each requires in each scenario, from its own moves."""
        value: Floats = self.value[:, None] * moves
        counted = np.maximum(value * _AT_LIMIT, self.least[:, None])
        tier = np.zeros(value.shape, dtype=np.intp)
        for limit in self.limits:
            tier += counted > limit[:, None]
        tier *= len(self.rows)
        tier += np.arange(len(self.rows))[:, None]
        required: Floats = value * self.rates.ravel().take(tier)
        return required


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """The rows as arrays over *moves*: the factor of a coin, then one over some.

    ``order`` has the rows with several moves first; ``by`` of shape (2, wide, moves)
    has their weights in requirement and margin, ``alone`` of shape (2, narrow, 1)
    those of the others, each with the one move of ``move``.
    """

    order: NDArray[np.intp]
    inverse: NDArray[np.intp]
    constants: Floats
    by: Floats
    move: NDArray[np.intp]
    alone: Floats
    tiers: _Tiers
    is_margin: NDArray[np.bool_]

    @classmethod
    def of(cls, rows: Sequence[Row], coins: Sequence[str]) -> Self:
        """Lay the rows out at the marks of now."""
        place = {coin: i for i, coin in enumerate(coins)}
        inverse = sorted({place[c] for row in rows for c, p in _moved(row) if p < 0})
        names = [(coin, 1) for coin in coins] + [(coins[i], -1) for i in inverse]
        move = {name: i for i, name in enumerate(names)}
        parts = [_by_move(row, move) for row in rows]
        order = sorted(range(len(rows)), key=lambda i: (len(parts[i]) < 2, i))  # noqa: PLR2004 - one move or several
        wide = sum(len(each) > 1 for each in parts)
        by = np.zeros((2, wide, max(len(names), 1)))
        for line, row in enumerate(order[:wide]):
            for index, part in parts[row].items():
                by[:, line, index] = part
        alone = [next(iter(parts[i].items()), _UNMOVED) for i in order[wide:]]
        constants = np.array([rows[i].constants for i in order]).reshape(-1, 2, 1)
        return cls(
            order=np.array(order, dtype=np.intp),
            inverse=np.array(inverse, dtype=np.intp),
            constants=constants.swapaxes(0, 1),
            by=by,
            move=np.array([index for index, _ in alone], dtype=np.intp),
            alone=np.array([p for _, p in alone]).reshape(-1, 2, 1).swapaxes(0, 1),
            tiers=_Tiers.of([(line, rows[i]) for line, i in enumerate(order)]),
            is_margin=np.array(
                [[rows[i].line.kind is Kind.MARGIN] for i in order], dtype=bool
            ).reshape(-1, 1),
        )

    def ratios(self, factors: Floats, found: Floats) -> None:
        """Write the ratios of some scenarios into ``found``, a line for each row."""
        moves = np.ascontiguousarray(factors.T)
        if not len(moves):
            moves = np.ones((1, len(factors)))
        if len(self.inverse):
            moves = np.concatenate([moves, 1.0 / moves[self.inverse]])
        wide = len(self.by[0])
        alone = moves[self.move]
        sums = np.empty((2, len(self.order), len(factors)))
        for side in (0, 1):
            sums[side, :wide] = self.by[side] @ moves
            np.multiply(self.alone[side], alone, out=sums[side, wide:])
        if len(self.tiers.rows):
            own = alone[self.tiers.rows - wide]
            sums[0, self.tiers.rows] = self.tiers.requirement(own)
        sums += self.constants
        required, held = sums
        ratio = required / held
        np.copyto(ratio, np.inf, where=held <= 0.0)
        is_spent = (held < 0.0) & self.is_margin
        np.copyto(ratio, 0.0, where=(required <= 0.0) & ~is_spent)
        found[self.order] = ratio


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
