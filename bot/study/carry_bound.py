"""The clairvoyant of the carry study: the most that rotating could have earned.

A linear program over the rows of a stretch: how many coins of each pair, in each
direction, are held from row to row, with everything that happened known before. It
begins in cash, is marked and not sold at the end, and must keep the same collateral
behind what it holds at every row. It is a bound from above for every policy on the
same rows: no lots, no impact, no limit of depth, fees and half-spread only, liquidation
not looked at between rows.

Three of them, each a bound for what the policies can earn of that kind. *Carry* has the
rules of the bot's strategy, which gives a loan back when nothing is left to borrow, and
earns funding alone, both legs at the spot price: the most net carry. *Basis* has the
same rules and trades the basis between the recorded legs too. *Loose* also keeps a
loan when nothing is left. The value is what a unit of usable capital gains; a reserve
scales it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from bot.risk.carry_choice import collateral_rates
from bot.study.carry_data import CarryCoin, CarryData
from bot.study.carry_replay import CarrySize
from bot.study.program import Program, Solved, Term
from connectors.markets.files import FloatArray

__all__ = ["Bound", "CarryBound", "carry_bound"]

_HOURS_A_YEAR: Final = 8_760


class Bound(StrEnum):
    """Under which rules the clairvoyant plays."""

    CARRY = "clairvoyant"
    BASIS = "clairvoyant_basis"
    LOOSE = "clairvoyant_loose"


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryBound:
    """``gain`` is a fraction of the usable capital; None where nothing was proven.

    ``curve`` is the plan's equity at each row, from 1.
    """

    status: Solved
    gain: float | None
    curve: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """One coin in one direction; USDT for each USDT of spot at the first row."""

    earned: FloatArray
    cost: FloatArray
    bound: FloatArray
    may_begin: np.typing.NDArray[np.bool_]
    may_hold: np.typing.NDArray[np.bool_]


def carry_bound(data: CarryData, size: CarrySize, kind: Bound) -> CarryBound:
    """Solve the stretch for a clairvoyant.

    Args:
        data: The stretch.
        size: Its margin floor and borrow multiple; the capital does not matter.
        kind: Its rules (see the module).
    """
    pairs = [
        pair
        for coin in data.coins
        for direction in (1, -1)
        if _can_pay(pair := _pair(coin, data.hours, size, direction, kind))
    ]
    program = Program()
    steps = len(data.hours)
    equity = [program.column(low=1.0, high=1.0)]
    equity += [program.column() for _ in range(steps)]
    program.costs[equity[-1]] = -1.0
    changes: list[list[Term]] = [[] for _ in range(steps)]
    used: list[list[Term]] = [[] for _ in range(steps)]
    for pair in pairs:
        _add(program, pair, changes, used)
    for row in range(steps):
        moved = [(column, -value) for column, value in changes[row]]
        program.row([(equity[row + 1], 1.0), (equity[row], -1.0), *moved], 0.0, 0.0)
        program.row([*used[row], (equity[row], -1.0)], high=0.0)
    solution = program.solve()
    if solution.status is not Solved.OPTIMAL:
        return CarryBound(status=solution.status, gain=None)
    curve = tuple(solution.columns[column] for column in equity)
    return CarryBound(status=solution.status, gain=-solution.value - 1, curve=curve)


def _pair(
    coin: CarryCoin,
    hours: FloatArray,
    size: CarrySize,
    direction: int,
    kind: Bound,
) -> _Pair:
    unit = float(coin.spot[np.isfinite(coin.spot)][0])
    has_basis = kind is not Bound.CARRY
    basis = np.diff(coin.spot) - np.diff(coin.perp) if has_basis else 0.0
    earned = direction * (basis + coin.funding)
    if direction < 0:
        rate = coin.annual[:-1] * size.borrow_x / _HOURS_A_YEAR
        earned = earned - rate * hours * coin.spot[:-1]
    bound, floor = collateral_rates(direction, size.margin_share, size.margin_floor)
    lends = coin.lends[:-1] if direction < 0 else np.ones(len(hours), dtype=np.bool_)
    trades = coin.trades[:-1]
    priced = trades & coin.trades[1:] & np.isfinite(earned)
    return _Pair(
        earned=np.where(priced, earned, 0.0) / unit,
        cost=np.nan_to_num((coin.fee + coin.half_spread) * coin.spot)[:-1] / unit,
        bound=np.nan_to_num(coin.spot)[:-1] * min(bound, floor) / unit,
        may_begin=trades & lends,
        may_hold=priced & (lends | (kind is Bound.LOOSE)),
    )


def _can_pay(pair: _Pair) -> bool:
    """Whether any stretch of holding earns its way in: else it is never used."""
    total, least, best = 0.0, np.inf, -np.inf
    for earned, cost in zip(pair.earned.tolist(), pair.cost.tolist(), strict=True):
        least = min(least, total + cost)
        total += earned
        best = max(best, total - least)
    return best > 0


def _add(
    program: Program,
    pair: _Pair,
    changes: list[list[Term]],
    used: list[list[Term]],
) -> None:
    """The columns of a pair, and what they do to equity and collateral."""
    before: int | None = None
    for row in range(len(pair.earned)):
        held = program.column(high=np.inf if pair.may_hold[row] else 0.0)
        bought = program.column(high=np.inf if pair.may_begin[row] else 0.0)
        sold = program.column()
        terms: list[Term] = [(held, 1.0), (bought, -1.0), (sold, 1.0)]
        terms += [] if before is None else [(before, -1.0)]
        program.row(terms, 0.0, 0.0)
        cost = float(pair.cost[row])
        changes[row] += [
            (held, float(pair.earned[row])),
            (bought, -cost),
            (sold, -cost),
        ]
        used[row].append((held, float(pair.bound[row])))
        before = held
