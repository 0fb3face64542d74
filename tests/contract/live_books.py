"""Books compared to the last digit: the journal's, the shadow's and the venue's.

The sums of the journal's postings, the state that the journal folds to, and what the
venue itself says must be one. Nothing here decides what is right; a test does.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any, Final

from bot.domain.accounts import Balance, Position
from bot.domain.entries import Entry
from bot.domain.events import Cause, LedgerBooked
from bot.domain.money import ZERO, plain
from bot.engine.memory import recall
from bot.shadow.state import Shadow
from storage.books import balances
from storage.reader import JournalReader
from tests.contract.live_process import Venue

__all__ = ["compare_books", "entries_of", "settled_books"]

SETTLE_S: Final = 30.0
_POLL_S: Final = 0.2
_BUCKETS: Final = {"total": "balance", "principal": "principal", "interest": "interest"}


def entries_of(journal: Path, *kinds: str) -> list[Entry]:
    """Every entry, or those of some kinds, also while the bot writes."""
    with JournalReader.open(journal) as reader:
        return [stored.entry for stored in reader.entries(*kinds)]


Numbers = dict[tuple[str, ...], Decimal]


def compare_books(journal: Path, books: Any) -> list[str]:
    """Where the journal and the venue's books differ, in sentences; none if equal.

    Compared exactly: the sums of all postings by account, coin and bucket; total,
    principal, interest and hold of every account and coin of the folded state; and
    every position's lots, entry value, margin and mode. Bookings of cause
    ``adjustment`` and ids that were booked twice are named too.
    """
    with JournalReader.open(journal) as reader:
        posted = _posted(reader)
        entries = [stored.entry for stored in reader.entries()]
    shadow = recall(entries).shadow
    if shadow is None:
        return ["the journal has no books yet"]
    return [
        *_differences("postings", posted, _stated(books, _BUCKETS)),
        *_differences("state", _held(shadow), _stated(books, _STATE)),
        *_differences("positions", _positions(shadow), _stated_positions(books)),
        *_doubtful(entries),
    ]


_STATE: Final = {name: name for name in ("total", "principal", "interest", "hold")}


def _posted(reader: JournalReader) -> Numbers:
    numbers: Numbers = {}
    for line in balances(reader):
        numbers[line.account, line.coin, "balance"] = line.balance
        numbers[line.account, line.coin, "principal"] = line.principal
        numbers[line.account, line.coin, "interest"] = line.interest
    return numbers


def _stated(books: Any, names: Mapping[str, str]) -> Numbers:
    return {
        (account, coin, named): Decimal(line[name])
        for account, coins in books["balances"].items()
        for coin, line in coins.items()
        for name, named in names.items()
    }


def _held(shadow: Shadow) -> Numbers:
    return {
        (account, coin, name): _number(line, name)
        for account, coins in shadow.balances.items()
        for coin, line in coins.items()
        for name in _STATE
    }


def _number(line: Balance, name: str) -> Decimal:
    number = getattr(line, name)
    assert isinstance(number, Decimal)
    return number


def _positions(shadow: Shadow) -> Numbers:
    return {
        (row.symbol, row.side.value, row.mode.value, name): amount
        for row in shadow.positions.values()
        for name, amount in _position(row).items()
    }


def _position(row: Position) -> dict[str, Decimal]:
    return {
        "lots": Decimal(row.lots),
        "entry_value": row.entry_value,
        "margin": row.margin,
    }


def _stated_positions(books: Any) -> Numbers:
    return {
        (row["symbol"], row["side"], row["mode"], name): Decimal(str(row[name]))
        for row in books["positions"]
        for name in ("lots", "entry_value", "margin")
    }


def _differences(what: str, ours: Numbers, theirs: Numbers) -> list[str]:
    return [
        f"{what} {' '.join(key)}: the journal has {plain(mine)}, the venue "
        f"{plain(its)} (difference {plain(mine - its)})"
        for key in sorted({*ours, *theirs})
        if (mine := ours.get(key, ZERO)) != (its := theirs.get(key, ZERO))
    ]


def _doubtful(entries: Sequence[Entry]) -> Iterator[str]:
    seen: dict[str, int] = defaultdict(int)
    for entry in entries:
        if isinstance(entry.body, LedgerBooked):
            seen[entry.body.entry_id] += 1
            if entry.body.cause is Cause.ADJUSTMENT:
                yield f"adjusted without an explanation: {entry.body.entry_id}"
    yield from (f"booked {n} times: {name}" for name, n in seen.items() if n > 1)


def settled_books(
    journal: Path, place: Venue, limit_s: float = SETTLE_S
) -> tuple[list[str], Any]:
    """Compare again and again until both agree; the last differences and books.

    The bot hears of a booking after it was made. The venue's books are read before
    and after the journal: only a pair of equal books is a still account.
    """
    end = time.monotonic() + limit_s
    differences, after = ["never compared"], None
    while differences and time.monotonic() < end:
        before = place.books()
        differences = compare_books(journal, before)
        after = place.books()
        if not differences:
            break
        Event().wait(_POLL_S)
    return differences, after
