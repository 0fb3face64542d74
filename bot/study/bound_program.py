"""The clairvoyant's linear program, column by column: one account on one path.

``bot.study.clairvoyant`` says what it bounds and which rules it keeps; here is how.
States stand at the kept rows, moves in the segments between them. Amounts of USDT
are in units of the account's own USDT, holdings are shares of what was opened, so
that all coefficients are near 1. Nothing here chooses rows or reads a market.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from bot.study.holdings import Holdings, PerpHolding, SpotHolding
from bot.study.path import Floats, Path
from bot.study.program import Program, Term
from bot.study.untouched import growth_of, untouched_carry

__all__ = ["BoundProgram"]

_SETTLE: Final = "USDT"
_TANGENTS: Final = (1.0, 0.5, 0.0)
"""Shares of the opening size at which maintenance is held from below."""


class BoundProgram:
    """The program of one account on one path; amounts of USDT in units of ``unit``."""

    def __init__(self, holdings: Holdings, path: Path, first_row: int) -> None:
        self.program = Program()
        self.path = path
        self.holdings = holdings
        self.last = len(path.rows) - 1
        self.is_free = [int(row) >= first_row for row in path.rows[:-1]]
        self.unit = max(
            holdings.wallet + holdings.reserve + holdings.cash + holdings.owed_cash,
            1.0,
        )
        self.has_margin = bool(holdings.spots) or holdings.cash > 0
        self.has_futures = bool(holdings.perps)
        self.carry: list[Term] = []
        self.worth: list[Term] = []
        self._columns()
        for spot in holdings.spots:
            self._spot(spot)
        for perp in holdings.perps:
            self._perp(perp)
        self._balance()
        self._solvency()
        self._lost_carry()

    def usdt(self, amount: float) -> float:
        """An amount in the program's unit."""
        return amount / self.unit

    def states(self, opening: float, low: float = 0.0) -> list[int]:
        """A column a kept row, the first one fixed."""
        add = self.program.column
        first = add(low=opening, high=opening)
        return [first, *(add(low=low) for _ in range(self.last))]

    def moves(self) -> list[int]:
        """A column a segment, fixed at zero where nothing may be done yet."""
        add = self.program.column
        return [add(high=np.inf if free else 0.0) for free in self.is_free]

    def _columns(self) -> None:
        held = self.holdings
        infinite = float("-inf")
        entry = sum(p.sign * p.size * p.entry for p in held.perps)
        self.cash = self.states(self.usdt(held.cash))
        self.owed = self.states(self.usdt(held.owed_cash))
        self.futures = self.states(self.usdt(held.wallet - entry), infinite)
        self.reserve = self.states(self.usdt(held.reserve))
        self.borrowed, self.repaid = self.moves(), self.moves()
        self.to_margin, self.to_futures = self.moves(), self.moves()
        self.reserve_margin, self.reserve_futures = self.moves(), self.moves()
        self.cash_in: list[list[Term]] = [[] for _ in self.is_free]
        self.futures_in: list[list[Term]] = [[] for _ in self.is_free]
        self.realised: list[list[Term]] = [[] for _ in self.is_free]
        self.assets: list[list[Term]] = [[] for _ in range(self.last + 1)]
        self.debts: list[list[Term]] = [[] for _ in range(self.last + 1)]
        self.margins: list[list[Term]] = [[] for _ in range(self.last + 1)]
        self.in_use: list[list[Term]] = [[] for _ in range(self.last + 1)]

    def keep_in_margin(self) -> None:
        """Let no USDT leave the margin account."""
        for column in self.to_futures:
            self.program.highs[column] = 0.0

    def equity_end(self, columns: Sequence[float]) -> float:
        """What the account is worth at the last kept row, in the program's unit."""
        return sum(columns[place] * worth for place, worth in self.worth)

    # -- one coin of the margin account ------------------------------------

    def _spot(self, spot: SpotHolding) -> None:
        path = self.path
        marks = path.at(path.walked.marks[spot.coin])
        if spot.owned:
            kept = self.states(1.0)
            for row in range(self.last + 1):
                worth = self.usdt(spot.owned * spot.weight * float(marks[row]))
                self.assets[row].append((kept[row], worth))
            self.worth.append((kept[-1], self.usdt(spot.owned * float(marks[-1]))))
            self._sold(spot, kept)
        if spot.owed:
            self._owed_coin(spot, marks)

    def _sold(self, spot: SpotHolding, kept: Sequence[int]) -> None:
        path, symbol = self.path, spot.symbol
        sold = self.moves()
        for k in range(self.last):
            taken = spot.fee + float(path.spread[symbol][k])
            price = self.usdt(spot.owned * float(path.best_sale[symbol][k]))
            paid = self.usdt(spot.owned * float(path.best_buy[symbol][k])) * taken
            self.program.row([(kept[k], 1), (kept[k + 1], -1), (sold[k], -1)], 0, 0)
            self.program.costs[sold[k]] += paid
            self.cash_in[k].append((sold[k], price * (1 - taken)))
        self._depth(symbol, sold, spot.owned)

    def _owed_coin(self, spot: SpotHolding, marks: Floats) -> None:
        path, symbol = self.path, spot.symbol
        growth = path.at(growth_of(path.walked, spot.coin))
        owed, bought = self.states(1.0), self.moves()
        for row in range(self.last + 1):
            worth = self.usdt(spot.owed * float(growth[row] * marks[row]))
            self.debts[row].append((owed[row], worth))
        self.worth.append((owed[-1], -self.debts[-1][-1][1]))
        for k in range(self.last):
            taken = spot.fee + float(path.spread[symbol][k])
            coins = spot.owed * float(growth[k])
            price = self.usdt(coins * float(path.best_buy[symbol][k]))
            self.program.row([(owed[k], 1), (owed[k + 1], -1), (bought[k], -1)], 0, 0)
            self.program.costs[bought[k]] += price * taken
            self.cash_in[k].append((bought[k], -price * (1 + taken)))
            self._charged(spot.coin, spot.owed, [(owed[k + 1], 1.0)], k)
        self._depth(symbol, bought, spot.owed)

    def _charged(
        self, coin: str, owed: float, units: Sequence[Term], segment: int
    ) -> None:
        """Interest of a segment on what is owed at its end."""
        charge = self.path.charge.get(coin)
        if charge is not None:
            rate = self.usdt(owed * float(charge[segment]))
            self.carry += [(place, -value * rate) for place, value in units]

    def _depth(self, symbol: str, traded: Sequence[int], size: float) -> None:
        """What is missing from a book, what flows back, and the most that may be."""
        cap, flow = self.path.cap.get(symbol), self.path.depth.get(symbol)
        if cap is None or flow is None or not np.isfinite(cap).all():
            return
        most, used = 0.0, self.program.column(high=0.0)
        for k in range(self.last):
            most = max(float(cap[k]), most - float(flow[k]))
            after = self.program.column(high=most / size)
            self.program.row(
                [(after, 1.0), (used, -1.0), (traded[k], -1.0)],
                low=-float(flow[k]) / size,
            )
            used = after

    # -- one perpetual ------------------------------------------------------

    def _perp(self, perp: PerpHolding) -> None:
        kept, closed = self.states(1.0), self.moves()
        marks = self.path.at(self.path.walked.futures[perp.symbol])
        lowest = np.minimum.accumulate(marks)
        for row in range(self.last + 1):
            mark = float(marks[row])
            value = perp.sign * perp.size * mark - perp.size * mark * perp.fee
            self.margins[row].append((kept[row], self.usdt(value)))
            used = perp.size * float(lowest[row]) / perp.leverage
            self.in_use[row].append((kept[row], self.usdt(used)))
            self._maintained(perp, kept[row], row, mark)
        value = perp.sign * perp.size * float(marks[-1])
        self.worth.append((kept[-1], self.usdt(value)))
        for k in range(self.last):
            self._closed(perp, kept, closed[k], k)
            self._funded(perp, kept, k)
        self._depth(perp.symbol, closed, perp.size)

    def _maintained(self, perp: PerpHolding, kept: int, row: int, mark: float) -> None:
        """Maintenance at its tangents, each from below."""
        needed = self.program.column()
        self.margins[row].append((needed, -1.0))
        for share in _TANGENTS:
            value, slope = perp.maintenance(perp.size * share)
            rise = self.usdt(slope * perp.size * mark)
            base = self.usdt((value - slope * perp.size * share) * mark)
            self.program.row([(needed, 1.0), (kept, -rise)], low=base)

    def _closed(
        self, perp: PerpHolding, kept: Sequence[int], closed: int, k: int
    ) -> None:
        path, symbol = self.path, perp.symbol
        sale, buy = float(path.best_sale[symbol][k]), float(path.best_buy[symbol][k])
        taken = perp.fee + float(path.spread[symbol][k])
        if perp.sign > 0:
            cash, gap = sale * (1 - taken), float(path.sale_gap[symbol][k])
            gain = sale - perp.entry
        else:
            cash, gap = -buy * (1 + taken), float(path.buy_gap[symbol][k])
            gain = perp.entry - buy
        self.program.row([(kept[k], 1), (kept[k + 1], -1), (closed, -1)], 0, 0)
        self.program.costs[closed] += self.usdt(perp.size * (buy * taken + gap))
        self.futures_in[k].append((closed, self.usdt(perp.size * cash)))
        self.realised[k].append((closed, self.usdt(perp.size * max(gain, 0.0))))

    def _funded(self, perp: PerpHolding, kept: Sequence[int], k: int) -> None:
        up, down = self.path.funding_up, self.path.funding_down
        if perp.symbol not in up:
            return
        parts = [perp.sign * perp.size * float(p[perp.symbol][k]) for p in (up, down)]
        for part in parts:
            got = (kept[k] if part > 0 else kept[k + 1], self.usdt(part))
            self.futures_in[k].append(got)
            self.carry.append(got)
            if part > 0:
                self.realised[k].append(got)

    # -- the pools ------------------------------------------------------------

    def _balance(self) -> None:
        add = self.program.row
        growth = self.path.at(growth_of(self.path.walked, _SETTLE))
        for k in range(self.last):
            loan, paid = self.borrowed[k], self.repaid[k]
            inward, outward = self.to_margin[k], self.to_futures[k]
            margin, futures = self.reserve_margin[k], self.reserve_futures[k]
            moved: list[Term] = [(loan, 1), (paid, -1), (inward, 1), (outward, -1)]
            cash = [*moved, (margin, 1), *self.cash_in[k]]
            add([(self.cash[k + 1], -1), (self.cash[k], 1), *cash], 0, 0)
            units = [(loan, 1 / float(growth[k])), (paid, -1 / float(growth[k]))]
            add([(self.owed[k + 1], -1), (self.owed[k], 1), *units], 0, 0)
            wallet = [(outward, 1), (inward, -1), (futures, 1), *self.futures_in[k]]
            add([(self.futures[k + 1], -1), (self.futures[k], 1), *wallet], 0, 0)
            spent: list[Term] = [(margin, -1), (futures, -1)]
            add([(self.reserve[k + 1], -1), (self.reserve[k], 1), *spent], 0, 0)
            add([(paid, 1.0), (self.owed[k], -float(growth[k]))], high=0.0)
            add([(paid, 1.0), (self.cash[k], -1.0), *self._own_cash(k)], high=0.0)
            kept = [(self.owed[k + 1], 1.0), (loan, -1 / float(growth[k]))]
            self._charged(_SETTLE, self.unit, kept, k)
        self._limits()

    def _own_cash(self, k: int) -> list[Term]:
        """What comes into a segment's cash that is no loan, with its sign turned."""
        sold = [(column, -value) for column, value in self.cash_in[k] if value > 0]
        return [*sold, (self.to_margin[k], -1.0), (self.reserve_margin[k], -1.0)]

    def _limits(self) -> None:
        """A pool that is not there takes nothing; futures let out only free cash."""
        program = self.program
        pools = [
            (self.has_margin, (self.reserve_margin, self.borrowed, self.repaid)),
            (self.has_futures, (self.reserve_futures,)),
            (self.has_margin and self.has_futures, (self.to_margin, self.to_futures)),
        ]
        for there, groups in pools:
            for column in () if there else [c for group in groups for c in group]:
                program.highs[column] = 0.0
        opening = self.usdt(self.holdings.wallet)
        used = sum(value for _, value in self.in_use[0])
        room = max(opening, used)
        gained: list[Term] = []
        for k in range(self.last):
            arrived = [(self.to_futures[k], -1.0), (self.reserve_futures[k], -1.0)]
            gained += [*arrived, *((c, -v) for c, v in self.realised[k])]
            gained.append((self.to_margin[k], 1.0))
            if self.has_futures:
                program.row([*gained, *self.in_use[k + 1]], high=room)

    def _solvency(self) -> None:
        path, level = self.path, self.holdings.level
        usdt = path.at(path.walked.marks[_SETTLE])
        growth = path.at(growth_of(path.walked, _SETTLE))
        for row in range(1, self.last + 1):
            owned = [*self.assets[row], (self.cash[row], float(usdt[row]))]
            debts = [
                *self.debts[row],
                (self.owed[row], float(usdt[row] * growth[row])),
            ]
            if self.has_margin:
                terms = [(c, v * level) for c, v in owned]
                self.program.row([*terms, *((c, -v) for c, v in debts)], low=0.0)
            if self.has_futures:
                terms = [(self.futures[row], 1.0), *self.margins[row]]
                self.program.row(terms, low=0.0)
        price = float(usdt[-1])
        self.worth += [(self.cash[-1], price), (self.futures[-1], price)]
        owing = -price * float(growth[-1])
        self.worth += [(self.reserve[-1], price), (self.owed[-1], owing)]

    def _lost_carry(self) -> None:
        """Carry below that of the untouched account is a cost, above it is none."""
        carry = untouched_carry(self.holdings, self.path.walked)
        lost = self.program.column(1.0)
        self.program.row([(lost, 1.0), *self.carry], low=self.usdt(carry))
