"""The opening account on a path that nobody ever touches: its carry and its danger.

What a clairvoyant is compared with, and which instants its program must keep: the
worst ones. Floats throughout, one row an instant. Nothing here solves anything.
"""

from typing import Final

import numpy as np

from bot.study.holdings import Holdings
from bot.study.path import Floats, Walked

__all__ = ["ROWS_MAX", "choose_rows", "growth_of", "slacks", "untouched_carry"]

ROWS_MAX: Final = 300
"""Instants that a program keeps at most."""

_SETTLE: Final = "USDT"
_DENSE: Final = 40
"""Rows kept one after the other from the first at which a plan may act."""


def untouched_carry(holdings: Holdings, walked: Walked) -> float:
    """Funding less interest of the opening account if nobody ever touched it, USDT."""
    total = 0.0
    for coin, owed in holdings.borrowed.items():
        if owed and coin in walked.charge:
            total -= owed * float(walked.charge[coin].sum())
    for perp in holdings.perps:
        if perp.symbol in walked.funding:
            total += perp.sign * perp.size * float(walked.funding[perp.symbol].sum())
    return total


def slacks(holdings: Holdings, walked: Walked) -> tuple[Floats, ...]:
    """By pool, how far the untouched account is from liquidation, in USDT a row."""
    found: list[Floats] = []
    usdt = walked.marks[_SETTLE]
    if any(holdings.borrowed.values()):
        assets = holdings.cash * usdt
        debts = holdings.owed_cash * usdt * growth_of(walked, _SETTLE)
        for spot in holdings.spots:
            marks = walked.marks[spot.coin]
            assets = assets + spot.owned * spot.weight * marks
            debts = debts + spot.owed * marks * growth_of(walked, spot.coin)
        found.append(holdings.level * assets - debts)
    if holdings.perps:
        margin = np.full(len(walked.at_s), holdings.wallet)
        for perp in holdings.perps:
            marks = walked.futures[perp.symbol]
            maintenance, _ = perp.maintenance(perp.size)
            margin = margin + perp.sign * perp.size * (marks - perp.entry)
            margin = margin - marks * (maintenance + perp.size * perp.fee)
        found.append(margin)
    return tuple(found)


def choose_rows(holdings: Holdings, walked: Walked, first_row: int = 0) -> list[int]:
    """The first and last instants, those after ``first_row``, and the worst of all.

    The rest of the time is cut into stretches of equally many instants, and of each
    the worst instant of every pool is kept.
    """
    last = len(walked.at_s) - 1
    kept = {0, last, *range(first_row, min(first_row + _DENSE, last) + 1)}
    pools = slacks(holdings, walked)
    room = (ROWS_MAX - len(kept)) // max(len(pools), 1)
    for pool in pools:
        for stretch in np.array_split(np.arange(last + 1), max(room, 1)):
            if len(stretch):
                kept.add(int(stretch[np.argmin(pool[stretch])]))
    return sorted(kept)


def growth_of(walked: Walked, coin: str) -> Floats:
    """What one coin of debt has grown to; 1 where no rate was ever quoted."""
    known = walked.growth.get(coin)
    return np.ones(len(walked.at_s)) if known is None else known
