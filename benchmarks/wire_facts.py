"""What a run did, read from its journal: the facts that two runs are compared by.

Liquidations and funding settlements as sets, requests by owner and kind, equities at
the same minutes. Pure functions of entries; nothing here runs anything.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.entries import Entry, Sampled
from bot.domain.events import (
    Cause,
    Filled,
    FundingQuoted,
    LedgerBooked,
)
from bot.domain.intents import Approved

__all__ = [
    "actions",
    "gaps",
    "last_equity",
    "liquidations",
    "origin",
    "settlements",
    "until",
]

_FORCED: Final = frozenset({Cause.LIQUIDATION, Cause.LIQUIDATION_FEE, Cause.INSURANCE})


def liquidations(entries: Iterable[Entry]) -> list[str]:
    """What the exchange took over: accounts by their bookings, contracts by fills.

    The fill of a margin takeover is not told over the wire; its bookings are.
    """
    found: set[str] = set()
    for body in (entry.body for entry in entries):
        if isinstance(body, LedgerBooked) and body.cause in _FORCED:
            found |= {str(posting.account) for posting in body.postings}
        elif isinstance(body, Filled) and body.forced and body.account == FUTURES:
            found.add(f"{body.account} {body.symbol} {body.side} {body.forced}")
    return sorted(found)


def settlements(entries: Sequence[Entry], origin: datetime) -> list[str]:
    """Each funding payment: contract, rate, and minutes since the origin."""
    return sorted(
        f"{body.symbol} {body.rate} {round((body.at - origin).total_seconds() / 60)}"
        for body in (entry.body for entry in entries)
        if isinstance(body, LedgerBooked) and body.cause is Cause.FUNDING
    )


def origin(entries: Sequence[Entry]) -> datetime:
    """The first settlement that was announced: the same event on both clocks."""
    quoted = [e.body for e in entries if isinstance(e.body, FundingQuoted)]
    if not quoted:
        return entries[0].at
    return min(body.settlement_at for body in quoted)


def actions(entries: Iterable[Entry]) -> dict[str, int]:
    """How many requests each owner made."""
    found: dict[str, int] = {}
    for entry in entries:
        if isinstance(entry.body, Approved):
            what = f"{entry.body.owner} {type(entry.body.intent).__name__}"
            found[what] = found.get(what, 0) + 1
    return dict(sorted(found.items()))


def gaps(
    equities: Sequence[tuple[float, str]], twin: Sequence[Entry]
) -> dict[str, str]:
    """The equity of both by minute, the wire's less the twin's."""
    start = twin[0].at
    sampled = {
        round((entry.at - start).total_seconds() / 60): entry.body.equity_usdt
        for entry in twin
        if isinstance(entry.body, Sampled)
    }
    found: dict[str, str] = {}
    for passed_s, equity in equities:
        minute = round(passed_s / 60)
        other = sampled.get(minute)
        if other is not None and minute % 5 == 0 and str(minute) not in found:
            found[str(minute)] = f"{Decimal(equity) - other:.0f}"
    return found


def until(entries: Iterable[Entry], end: datetime) -> list[Entry]:
    """The entries up to a time."""
    return [entry for entry in entries if entry.at <= end]


def last_equity(entries: Sequence[Entry]) -> Decimal:
    """The newest sample; the market's end is one."""
    samples = (
        e.body.equity_usdt for e in reversed(entries) if isinstance(e.body, Sampled)
    )
    return next(equity for equity in samples if equity is not None)
