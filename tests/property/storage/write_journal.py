"""A child process of the journal's tests: write some rows, then close or die."""

import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.entries import Entry, Noted, Sampled
from bot.domain.events import Cause, LedgerBooked, Posting
from storage.journal import SqliteJournal

_START = datetime(2021, 5, 19, tzinfo=UTC)


def _entry(number: int) -> Entry:
    at = _START + timedelta(seconds=number)
    if number % 3 == 0:
        coins = {f"C{place}": Decimal(number * place) for place in range(40)}
        return Entry(at=at, body=Sampled(equity_usdt=Decimal(number), marks=coins))
    if number % 3 == 1:
        note = Noted(topic="t", text="x" * number * 50)
        return Entry(at=at, body=note)
    amount = Decimal(number) / 8
    posting = Posting(account=MARGIN_CROSS, coin="USDT", amount=amount)
    booked = LedgerBooked(
        at=at, entry_id=str(number), cause=Cause.FEE, postings=(posting,)
    )
    return Entry(at=at, body=booked)


def main(path: str, rows: str, ending: str) -> None:
    """Write ``rows`` rows with a commit after each, then ``close`` or ``kill``."""
    journal = SqliteJournal.create(Path(path))
    for number in range(int(rows)):
        journal.append([_entry(number)])
        journal.commit()
    if ending == "kill":
        journal.append([_entry(int(rows))])
        os.kill(os.getpid(), signal.SIGKILL)
    journal.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
