"""Interest saved, for people and machines: an object and a table.

Amounts are coins, as the exchange books them. Nothing here decides anything.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from rich.table import Table

from bot.domain.entries import Entry
from bot.domain.money import plain
from bot.report.interest_book import InterestBook, SavedInterest

__all__ = ["SAVED_KINDS", "saved_document", "saved_in", "saved_table"]

SAVED_KINDS: Final = (
    "Approved",
    "BorrowRateQuoted",
    "LedgerBooked",
    "RunEnded",
    "SnapshotTaken",
)
"""The kinds of rows that prove what was saved."""


def saved_in(entries: Iterable[Entry]) -> tuple[SavedInterest, ...]:
    """What the sweeps in a journal saved, up to its last row; rows in their order."""
    book = InterestBook()
    last = None
    for entry in entries:
        book.see(entry.at, entry.body)
        last = entry.at if last is None else max(last, entry.at)
    return () if last is None else book.rows(last)


def saved_document(rows: Sequence[SavedInterest]) -> list[dict[str, object]]:
    """The machine's form; coins as plain text.

    Example:
        >>> saved_document([])
        []
    """
    return [
        {
            "account": row.account,
            "coin": row.coin,
            "repaid": plain(row.swept),
            "interest_saved": plain(row.saved),
            "unknown_hours": row.unknown_hours,
            "is_open": row.is_open,
        }
        for row in rows
    ]


def saved_table(rows: Sequence[SavedInterest]) -> Table:
    """The same for a reader."""
    table = Table(title="Interest saved by repaying from idle balances, in coins")
    for name in ("account", "coin", "repaid", "interest saved", "hours without a rate"):
        table.add_column(
            name, justify="left" if name in {"account", "coin"} else "right"
        )
    for row in rows:
        table.add_row(
            row.account,
            row.coin,
            plain(row.swept),
            plain(row.saved),
            str(row.unknown_hours),
        )
    return table
