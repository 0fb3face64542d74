"""Laws of the books: they are the postings and nothing else."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal, localcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.entries import Entry
from bot.domain.events import Bucket, Cause, LedgerBooked
from storage.books import balances, loans, trial_balance
from storage.journal import SqliteJournal
from storage.queries import Filters
from storage.reader import JournalReader
from tests.property.storage.drawn import bodies, times

_booked = st.builds(Entry, at=times, body=bodies["LedgerBooked"])
_ledgers = st.lists(_booked, min_size=1, max_size=15)


def _naive(entries: Sequence[Entry]) -> dict[tuple[str, str, Bucket], Decimal]:
    """The sums, added up one posting at a time from the entries themselves."""
    sums: dict[tuple[str, str, Bucket], Decimal] = defaultdict(Decimal)
    for entry in entries:
        assert isinstance(entry.body, LedgerBooked)
        for posting in entry.body.postings:
            sums[posting.account, posting.coin, posting.bucket] += posting.amount
    return sums


@given(ledgers=_ledgers, data=st.data())
def test_balances_are_rebuilt_exactly(
    ledgers: list[Entry], data: st.DataObject
) -> None:
    """At every time the balances equal the naive sums, to the last digit."""
    until = data.draw(st.sampled_from([entry.at for entry in ledgers]))
    with TemporaryDirectory() as folder, localcontext() as context:
        context.prec = 200
        with SqliteJournal.create(Path(folder, "j")) as journal:
            journal.append(ledgers)
        with JournalReader.open(Path(folder, "j")) as reader:
            now = balances(reader)
            then = balances(reader, Filters(until=until))
            debts = loans(reader)
            trial = trial_balance(reader)
        expected = _naive(ledgers)
        early = _naive([entry for entry in ledgers if entry.at <= until])

        for line in now:
            key = (line.account, line.coin)
            assert line.balance == expected[*key, Bucket.BALANCE]
            assert line.principal == expected[*key, Bucket.PRINCIPAL]
            assert line.interest == expected[*key, Bucket.INTEREST]
            assert sum(line.margin.values()) == expected[*key, Bucket.MARGIN]
        for line in then:
            assert line.balance == early[line.account, line.coin, Bucket.BALANCE]
        for debt in debts:
            assert debt.liability == (
                debt.opened
                + debt.borrowed
                + debt.interest_charged
                - debt.repaid
                - debt.taken_off
            )
        assert sum(each.net for each in trial) == sum(line.net for line in now)
        assert {each.cause for each in trial} <= set(Cause)
