"""Reading a journal: checked first, then one unchanging view of it.

A reader sees the journal as it was when it was opened, also while a bot writes on.
It never writes, not even a side file. This module must not know what a query
means.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import Select, create_engine, select
from sqlalchemy.pool import StaticPool
from sqlmodel import Session

from bot.domain.entries import Entry
from bot.domain.errors import JournalError
from storage.chain import Head
from storage.codec import StoredRow, decode
from storage.rows import EntryRow
from storage.schema import table_of
from storage.sidefiles import beside
from storage.verify import Watch, as_journal_error, check_journal, plain_watch

__all__ = ["JournalReader", "StoredEntry"]

_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """An entry and its number in the journal."""

    seq: int
    entry: Entry


class JournalReader:
    """A checked journal, open for reading. Make one with ``open``."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        session: Session,
        *,
        head: Head,
        has_anchor: bool,
    ) -> None:
        self.path = path
        self.head = head
        """The last row of what is read here."""
        self.has_anchor = has_anchor
        """Whether a head file vouched for the journal's end."""
        self.connection = connection
        self._session = session

    @classmethod
    @contextmanager
    def open(cls, path: Path, watch: Watch = plain_watch) -> Iterator[Self]:
        """Check a journal and read it; the view ends with the ``with`` block.

        Args:
            path: The journal.
            watch: Wraps the rows while they are checked, for a progress bar.

        Raises:
            JournalError: It is missing, damaged, foreign or newer.
        """
        if path.is_dir():
            raise JournalError(f"{path} is a folder; name the journal in it.")
        if not path.is_file():
            raise JournalError(
                f"There is no journal {path}; run `gnomon paper` to make one, or name "
                f"another with --journal."
            )
        with ExitStack() as stack, as_journal_error(path):
            connection = _connect(path)
            stack.callback(connection.close)
            engine = create_engine(
                "sqlite://", creator=lambda: connection, poolclass=StaticPool
            )
            session = stack.enter_context(Session(engine))
            session.connection()
            connection.execute("BEGIN")
            checked = check_journal(connection, path, watch)
            yield cls(
                path,
                connection,
                session,
                head=checked.head,
                has_anchor=checked.has_anchor,
            )

    def all(self, statement: Select[Any]) -> Sequence[Any]:
        """The rows of a select on the classes of ``storage/rows.py``, as tuples."""
        return self._session.execute(statement).all()

    def entries(self, *kinds: str, after: int = 0) -> Iterator[StoredEntry]:
        """Entries in order, read back whole.

        Args:
            kinds: Names of body types; none means all.
            after: Only entries with a greater number.
        """
        table = table_of(EntryRow).c
        chosen = select(table.seq, table.at, table.kind, table.body)
        if kinds:
            chosen = chosen.where(table.kind.in_(kinds))
        chosen = chosen.order_by(table.seq).limit(_PAGE)
        while True:
            rows = self.all(chosen.where(table.seq > after))
            for seq, at, kind, body in rows:
                yield StoredEntry(seq=seq, entry=decode(StoredRow(at, kind, body)))
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]

    def entry(self, seq: int) -> Entry:
        """The entry of a number that this journal has."""
        return next(self.entries(after=seq - 1)).entry

    def first_seq(self, kind: str, *, after: int) -> int | None:
        """The number of the first entry of a kind after another, None if none."""
        table = table_of(EntryRow).c
        chosen = select(table.seq).where(table.kind == kind, table.seq > after)
        found = self.all(chosen.order_by(table.seq).limit(1))
        return int(found[0][0]) if found else None

    def last(self) -> StoredEntry | None:
        """The newest entry, None in an empty journal."""
        return next(self.entries(after=self.head.seq - 1), None)


def _connect(path: Path) -> sqlite3.Connection:
    """Open without leaving a trace: a cleanly closed file is read as it lies.

    A file with a write-ahead log beside it belongs to a running bot or to one that
    was killed, and is read through the log.
    """
    mode = "mode=ro" if beside(path, "-wal").exists() else "mode=ro&immutable=1"
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?{mode}",
        uri=True,
        isolation_level=None,
        timeout=5,
    )
