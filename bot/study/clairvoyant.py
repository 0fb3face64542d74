"""The clairvoyant: the least that surviving a known path can cost, from below.

A linear program over the kept rows of a path (at most 300 instants, the worst ones
among them) and the segments between them. It may sell what is owned, buy back what
is owed, close perpetuals, repay, borrow USDT, move USDT between the pools and bring
in the reserve; it never adds exposure. At every kept row no pool may be liquidated.
Its cost is that of ``bot.study.cost``: fees, slippage and carry that is lost.

It is a relaxation, so its value is at most what any policy pays that trades as a
taker on the same path and is not liquidated: no lots, no minimum sizes, every trade
of a segment at that segment's best price and least spread, no impact beyond the
half-spread, liquidation looked at on the kept rows only, funding and interest of a
segment at the better of the holdings around it, maintenance at tangents from below.
Kept are the depth (a tenth of a minute's volume, flowing back in a minute), what the
futures account lets out, and that a perpetual's profit is cash only when realised.
In one thing it is stricter than a policy: what is borrowed grows from the start of
its segment, by at most that segment's interest.
Not kept is KuCoin's rule that nothing leaves a margin account over a debt ratio of
60 %, which is no linear one: the bound may move USDT from margin to futures at any
time, or, where it is asked for so, never. The second is a bound for every policy
that has not done it.

Nothing here replays or trades.
"""

from dataclasses import dataclass

from bot.study.bound_program import BoundProgram
from bot.study.holdings import Holdings
from bot.study.path import Walked, path_of
from bot.study.program import Solved
from bot.study.untouched import choose_rows

__all__ = ["Bound", "bound"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a clairvoyant could have done.

    ``cost`` is a bound from below in USDT, None without a plan that survives;
    ``equity_end`` is what that plan ends with, at its too favourable prices.
    ``instants`` is how many the program kept; none were needed where doing nothing
    survives.
    """

    status: Solved
    cost: float | None
    equity_end: float | None
    instants: int

    @property
    def relaxation(self) -> str:
        """What kind of bound it is, in words."""
        if not self.instants:
            return "none: doing nothing survives"
        return f"linear program, {self.instants} instants, no lots, half-spread only"

    @property
    def survives(self) -> bool | None:
        """Whether any plan survives; None where the solver could not say."""
        if self.status is Solved.UNKNOWN:
            return None
        return self.status is Solved.OPTIMAL


def bound(
    holdings: Holdings,
    walked: Walked,
    first_row: int = 0,
    *,
    leaves_margin: bool = True,
) -> Bound:
    """The cheapest surviving plan that may act from ``first_row`` on.

    Args:
        holdings: The opening account.
        walked: Every instant of the market, as a replay sees it.
        first_row: The first instant at which anything may be done.
        leaves_margin: Whether USDT may be moved from margin to futures.
    """
    rows = choose_rows(holdings, walked, first_row)
    built = BoundProgram(holdings, path_of(walked, rows), first_row)
    if not leaves_margin:
        built.keep_in_margin()
    solution = built.program.solve()
    if solution.status is not Solved.OPTIMAL:
        return Bound(
            status=solution.status, cost=None, equity_end=None, instants=len(rows)
        )
    return Bound(
        status=solution.status,
        cost=solution.value * built.unit,
        equity_end=built.equity_end(solution.columns) * built.unit,
        instants=len(rows),
    )
