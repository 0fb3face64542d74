"""What a live session says when it is over: an object for machines, words for people.

Pure: the tally of the session in, values out. A session that never knew a mark has no
equity, and says so instead of a zero.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from bot.report import figures
from bot.report.tally import Tally

__all__ = ["live_summary", "live_words"]


def live_summary(tally: Tally) -> Mapping[str, object]:
    """The summary of a closed tally; equity and profit are None without marks."""
    if tally.equity_end is not None:
        return tally.summary()
    return {
        "start": _time(tally.start),
        "end": _time(tally.end),
        "ticks": tally.ticks,
        "equity_start": None,
        "equity_min": None,
        "equity_end": None,
        "pnl": None,
        "liquidations": tally.liquidations,
        "guard_actions": tally.guard_actions,
        "orders": tally.orders,
        "fills": tally.fills,
        "loans": tally.loans,
    }


def _time(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")


def live_words(tally: Tally, journal: str) -> str:
    """The last lines on the screen, with what to type next.

    Args:
        tally: Closed.
        journal: Where the session was remembered.
    """
    lasted = figures.duration(tally.end - tally.start)
    counts = (
        f"{tally.orders} orders, {tally.fills} fills, {tally.loans} loans; "
        f"the guard acted {tally.guard_actions} times"
    )
    lines = [
        f"The session ended after {lasted} of the exchange's time.",
        "",
        f"  Equity   {_equity(tally.equity_start, tally.equity_end)}",
        f"  Sent     {counts}",
        f"  Journal  {journal}",
        "",
        "What to type next",
        f"  gnomon journal intents --journal {journal}",
        f"  gnomon journal balances --journal {journal}",
        f"  gnomon parity --journal {journal}",
    ]
    return "\n".join(lines) + "\n"


def _equity(first: Decimal | None, last: Decimal | None) -> str:
    if first is None or last is None:
        return "unknown: no mark came"
    change = figures.usdt(last - first, signed=True)
    return f"{figures.usdt(first)} -> {figures.usdt(last)} USDT ({change})"
