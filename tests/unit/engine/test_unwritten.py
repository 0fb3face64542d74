"""While the journal takes no rows: reductions leave and are told, nothing else does."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import MAIN, MARGIN_CROSS, SPOT
from bot.domain.entries import Entry, Noted
from bot.domain.errors import JournalError, JournalUnwritableError
from bot.domain.events import FeedChanged, IntentSettled, OperatorAsked
from bot.domain.intents import Approved, Borrow, Intent, Proposal, Repay, Transfer
from bot.domain.orders import Outcome
from bot.engine.core import Core
from bot.engine.executor import Executor
from bot.engine.loop import Engine
from bot.engine.unwritten import JOURNAL_FEED
from bot.ports import Journal
from storage.journal import MOST_WAITING, SqliteJournal
from storage.reader import JournalReader
from tests.unit.engine.steps import after, opened, ticked
from tests.unit.venue.builders import START

REPAY = Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(5))
BORROW = Borrow(account=MARGIN_CROSS, coin="USDT", amount=Decimal(5))
MOVE = Transfer(source=MAIN, target=SPOT, coin="USDT", amount=Decimal(5))


@dataclass
class Disk:
    """A journal whose disk is full while ``is_full``; what waits stays in memory."""

    is_full: bool = False
    waiting: list[Entry] = field(default_factory=list)
    stored: list[Entry] = field(default_factory=list)

    def append(self, entries: Sequence[Entry]) -> None:
        """Into memory."""
        self.waiting += entries

    def commit(self) -> None:
        """To the disk."""
        if self.is_full:
            raise JournalUnwritableError("The disk is full: make room.")
        self.stored += self.waiting
        self.waiting.clear()

    def close(self) -> None:
        """Closed."""


@dataclass
class Wire:
    """Gateways that keep what left, and whether its row was durable by then."""

    disk: Disk
    left: list[tuple[Approved, bool]] = field(default_factory=list)
    told: list[Approved] = field(default_factory=list)

    def _send(self, approved: Approved) -> None:
        rows = [e.body for e in self.disk.stored]
        self.left.append((approved, approved in rows))

    send_order = send_loan = send_transfer = _send

    def _find(self, approved: Approved) -> None:
        """Nobody is looked up here."""

    find_order = find_loan = find_transfer = _find

    @property
    def intents(self) -> list[Intent]:
        """What left."""
        return [approved.intent for approved, _ in self.left]


def engine_on(journal: Journal, wire: Wire) -> Engine:
    """An unguarded engine that goes on without its journal."""
    core = Core(is_guarding=False)
    found = Engine(
        core=core,
        state=opened(core),
        journal=journal,
        executor=Executor(orders=wire, loans=wire, transfers=wire),
    )
    found.stand_by(wire.told.append)
    return found


def asked(second: int, *intents: Intent) -> tuple[OperatorAsked, ...]:
    """A person wants these."""
    proposals = tuple(
        Proposal(owner="operator", intent=each, reason="asked") for each in intents
    )
    return (OperatorAsked(at=after(second), proposals=proposals),)


def test_a_reduction_leaves_without_its_row_and_is_told() -> None:
    """The repayment goes, marked; the borrowing beside it does not."""
    disk = Disk(is_full=True)
    wire = Wire(disk)
    engine = engine_on(disk, wire)
    engine.handle(asked(1, BORROW, REPAY))
    assert wire.intents == [REPAY]
    assert [approved.intent for approved in wire.told] == [REPAY]
    answers = [e.body for e in disk.waiting if isinstance(e.body, IntentSettled)]
    assert [answer.outcome for answer in answers] == [Outcome.REFUSED]
    assert "was not sent" in (answers[0].reason or "")
    assert [r.approved.intent for r in engine.state.shadow.requests.values()] == [REPAY]


def test_new_risk_is_not_even_approved_while_the_journal_is_silent() -> None:
    """Silent like a feed: admission refuses, and says why."""
    disk = Disk(is_full=True)
    engine = engine_on(disk, Wire(disk))
    engine.handle(asked(1, REPAY))
    assert set(engine.state.shadow.silent_feeds) == {JOURNAL_FEED}
    step = engine.handle(asked(2, BORROW))
    assert step.approved == ()


def test_when_the_journal_is_back_every_row_is_there_in_order() -> None:
    """Nothing that happened meanwhile is lost, and new risk may be taken again."""
    disk = Disk(is_full=True)
    engine = engine_on(disk, Wire(disk))
    for second in range(1, 4):
        engine.handle((*asked(second, REPAY), ticked(second, "50000")))
    assert not engine.keep()
    assert disk.stored == []
    waited = list(disk.waiting)
    disk.is_full = False
    assert engine.keep()
    assert disk.stored[: len(waited)] == waited
    assert engine.state.shadow.silent_feeds == {}
    engine.keep()
    facts = [e.body for e in disk.stored if isinstance(e.body, FeedChanged)]
    assert [fact.is_live for fact in facts] == [False, True]
    wire = Wire(disk)
    again = engine_on(disk, wire)
    again.handle(asked(9, REPAY))
    assert wire.told == []


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([REPAY, BORROW, MOVE])),
        min_size=1,
        max_size=12,
    )
)
def test_no_other_request_for_money_leaves_without_its_row(
    moments: list[tuple[bool, Intent]],
) -> None:
    """Whenever the disk is full and whenever not: only reductions are unjournaled.

    Each of them was told, and what was told is exactly what had no row.
    """
    disk = Disk()
    wire = Wire(disk)
    engine = engine_on(disk, wire)
    for second, (is_full, intent) in enumerate(moments, start=1):
        disk.is_full = is_full
        engine.handle((*asked(second, intent), ticked(second, "50000")))
        engine.keep()
    bare = [approved for approved, has_row in wire.left if not has_row]
    assert bare == wire.told
    assert {type(approved.intent) for approved in bare} <= {Repay}


def test_without_anybody_standing_by_the_first_row_ends_the_run() -> None:
    """As in every simulation: nothing leaves, the error says why."""
    disk = Disk(is_full=True)
    wire = Wire(disk)
    core = Core(is_guarding=False)
    engine = Engine(
        core=core,
        state=opened(core),
        journal=disk,
        executor=Executor(orders=wire, loans=wire, transfers=wire),
    )
    with pytest.raises(JournalUnwritableError):
        engine.handle(asked(1, REPAY))
    assert wire.left == []


def pages_of(journal: SqliteJournal, most: int | None = None) -> int:
    """The pages of the file; ``most`` limits them, which is a full disk."""
    connection: sqlite3.Connection = journal._connection  # noqa: SLF001 - the disk's seam
    if most is not None:
        connection.execute(f"PRAGMA max_page_count = {most}")
    (found,) = connection.execute("PRAGMA page_count").fetchone()
    return int(found)


def test_a_real_journal_takes_it_all_when_there_is_room_again(tmp_path: Path) -> None:
    """The chain is whole, every fact is in it once, the reductions among them."""
    path = tmp_path / "j"
    journal = SqliteJournal.create(path)
    wire = Wire(Disk())
    engine = engine_on(journal, wire)
    pages_of(journal, pages_of(journal))
    for second in range(1, 400):
        engine.handle((ticked(60 * second, "50000"),))
        engine.keep()
    engine.handle(asked(60 * 400, REPAY))
    assert [approved.intent for approved in wire.told] == [REPAY]
    pages_of(journal, 1_000_000)
    assert engine.keep()
    journal.close()
    with JournalReader.open(path) as reader:
        rows = [stored.entry.body for stored in reader.entries()]
    kept = [body for body in rows if isinstance(body, Approved)]
    assert [body.intent for body in kept] == [REPAY]
    assert sum(isinstance(body, FeedChanged) for body in rows) == 2


def test_what_waits_has_a_limit_and_a_sentence(tmp_path: Path) -> None:
    """Beyond it the bot ends, with exit code 5, and says what to do."""
    journal = SqliteJournal.create(tmp_path / "j")
    pages_of(journal, pages_of(journal))
    note = Noted(topic="t", text="x" * 200, inputs={})
    rows = [Entry(at=START, body=note)] * (MOST_WAITING // 4)
    with pytest.raises(JournalUnwritableError):
        journal.append(rows)
    for _ in range(3):
        with pytest.raises(JournalUnwritableError):
            journal.append(rows)
    with pytest.raises(JournalError, match=r"guards nothing\. Make room") as caught:
        journal.append(rows[:1])
    assert not isinstance(caught.value, JournalUnwritableError)
    assert caught.value.exit_code == 5
    pages_of(journal, 1_000_000)
    journal.close()
