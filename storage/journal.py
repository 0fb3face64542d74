"""The one writer of a journal.

Theory of operation. ``append`` turns entries into rows, links them into the hash
chain and keeps them in a small buffer; ``commit`` makes them durable in one
transaction (WAL, ``synchronous=FULL``) and then notes the new head. When
``commit`` raises, the rows stay in the buffer, up to a limit, and the next ``commit``
tries them again; on a full disk it first gives back the reserve, if one is kept.
Which rows share a transaction leaves no trace in the closed file, so equal entries
give equal bytes. A *resumed* journal is derived once more from its start: every
appended entry must equal the stored one, and only past the stored tail does writing go
on. An *extended* one goes on after its tail at once. One thread at a time may use a
journal; readers in other processes never block it. This module must not look into
what it stores.
"""

import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bot.domain.entries import Entry
from bot.domain.errors import JournalError, JournalUnwritableError, UsageError
from storage.chain import GENESIS, ChainedRow, Head, link
from storage.codec import StoredRow, encode
from storage.connecting import connect
from storage.header import settle_counter
from storage.reserve import RESERVE_BYTES, Reserve, is_about_room, room_words
from storage.schema import INSERT, create_schema
from storage.sidefiles import (
    HeadFile,
    WriterLock,
    beside,
    identity_of,
    require_unmoved,
    set_aside,
    sync_folder,
)
from storage.verify import as_journal_error, check_journal

__all__ = ["BUFFER_ROWS", "MOST_WAITING", "SqliteJournal"]

BUFFER_ROWS: Final = 2_000
"""A full buffer commits by itself; how many rows that takes."""

MOST_WAITING: Final = 20_000
"""Rows that wait in memory at most while the disk takes none."""

_READ_ROWS: Final = 500
_SHOWN: Final = 400


@dataclass(frozen=True, slots=True)
class _Files:
    """What an open journal holds on to."""

    path: Path
    connection: sqlite3.Connection
    lock: WriterLock
    anchor: HeadFile


class SqliteJournal:
    """An open journal that this process writes. Make one with a class method."""

    def __init__(self, files: _Files, *, head: Head, tail: Head) -> None:
        self._path = files.path
        self._connection = files.connection
        self._lock = files.lock
        self._anchor = files.anchor
        self._head = head
        self._tail = tail
        self._ahead: deque[ChainedRow] = deque()
        self._pending: list[ChainedRow] = []
        self._is_closed = False
        self._reserve = Reserve(files.path)
        self._identity = identity_of(files.path)

    @classmethod
    def create(cls, path: Path, *, force: bool = False) -> Self:
        """Start an empty journal; with ``force`` an old one is kept as ``NAME.old-N``.

        Raises:
            UsageError: The file exists and ``force`` was not given.
            JournalError: Another process writes it, or the disk refuses.
        """
        _make_folder(path.parent)
        with ExitStack() as undo:
            lock = WriterLock.take(path)
            undo.callback(lock.release)
            if not force:
                _require_absent(path)
            _create_file(path)
            connection = connect(path)
            undo.callback(connection.close)
            anchor = _start_head(path, GENESIS)
            undo.pop_all()
        files = _Files(path, connection, lock, anchor)
        return cls(files, head=GENESIS, tail=GENESIS)

    @classmethod
    def resume(cls, path: Path) -> Self:
        """Open a journal to derive it again from its start, then to write on.

        Raises:
            JournalError: It is missing, damaged, newer, or in use.
        """
        return cls._open(path, derives_again=True)

    @classmethod
    def extend(cls, path: Path) -> Self:
        """Open a journal to write on after its last row.

        Raises:
            JournalError: It is missing, damaged, newer, or in use.
        """
        return cls._open(path, derives_again=False)

    @classmethod
    def _open(cls, path: Path, *, derives_again: bool) -> Self:
        if not path.is_file():
            raise JournalError(f"There is no journal {path}; name an existing one.")
        with ExitStack() as undo:
            lock = WriterLock.take(path)
            undo.callback(lock.release)
            connection = connect(path)
            undo.callback(connection.close)
            tail = check_journal(connection, path).head
            anchor = _start_head(path, tail)
            undo.pop_all()
        start = GENESIS if derives_again else tail
        return cls(_Files(path, connection, lock, anchor), head=start, tail=tail)

    @property
    def path(self) -> Path:
        """Where the journal is."""
        return self._path

    @property
    def rows(self) -> int:
        """The number of the newest entry of this run: matched or written."""
        return self._head.seq

    @property
    def head(self) -> Head:
        """The newest entry's number and hash, committed or not."""
        return self._head

    @property
    def is_replaying(self) -> bool:
        """Whether a resumed run still has stored rows before it."""
        return self._head.seq < self._tail.seq

    @property
    def has_reserve(self) -> bool:
        """Whether room for a full disk is kept beside the file."""
        return self._reserve.size_bytes > 0

    def keep_reserve(self, size_bytes: int = RESERVE_BYTES) -> bool:
        """Keep room aside for the day the disk is full; whether there was room."""
        return self._reserve.keep(size_bytes)

    def append(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            row = encode(entry)
            if self.is_replaying:
                self._match(row)
            else:
                self._add(row)
        if len(self._pending) > MOST_WAITING:
            raise JournalError(
                f"{len(self._pending)} rows wait to be stored in {self._path}, which "
                "takes none: the bot has ended and guards nothing. Make room on its "
                "disk and start it again."
            )
        if len(self._pending) >= BUFFER_ROWS:
            self.commit()

    def commit(self) -> None:
        if not self._pending:
            return
        with _unwritable(), as_journal_error(self._path):
            self._store()
        self._pending.clear()
        require_unmoved(self._path, self._identity)
        self._tail = self._head
        with _head_errors(self._path):
            self._anchor.write(self._tail)

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        with ExitStack() as stack:
            stack.callback(self._lock.release)
            stack.callback(self._connection.close)
            stack.callback(self._anchor.release)
            self.commit()
            self._reserve.give_back()
            require_unmoved(self._path, self._identity)
            self._seal()
            self._connection.close()
            self._settle()

    def _seal(self) -> None:
        """Leave a durable head and no log behind."""
        with _head_errors(self._path):
            self._anchor.close(self._tail)
        with as_journal_error(self._path):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _settle(self) -> None:
        """Leave no trace of how often the file was opened."""
        with _head_errors(self._path):
            settle_counter(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _add(self, row: StoredRow) -> None:
        self._head = link(self._head, row)
        self._pending.append(
            (self._head.seq, row.at, row.kind, row.body, self._head.hash)
        )

    def _store(self) -> None:
        """Insert what waits; a full disk takes the reserve, once.

        Raises:
            JournalError: The disk is full and nothing is kept aside any more.
        """
        try:
            self._insert()
        except sqlite3.Error as error:
            if not is_about_room(error):
                raise
            if not self._reserve.give_back():
                raise self._full(error) from error
            self._insert_again()

    def _insert_again(self) -> None:
        try:
            self._insert()
        except sqlite3.Error as error:
            raise self._full(error) from error

    def _full(self, error: sqlite3.Error) -> JournalError:
        rows = len(self._pending)
        words = "newest row" if rows == 1 else f"newest {rows} rows"
        return JournalError(
            f"The disk {room_words(error)} ({error}): the {words} of "
            f"{self._path} could not be stored, and of their requests only reductions "
            f"left, each told. The bot has ended and guards nothing: make room and "
            f"start it again."
        )

    def _insert(self) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(INSERT, self._pending)
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _match(self, row: StoredRow) -> None:
        """See that a derived row equals the stored one; step over it."""
        if not self._ahead:
            self._read_ahead()
        seq, at, kind, body, digest = self._ahead[0]
        stored = StoredRow(at, kind, body)
        if stored != row:
            raise JournalError(
                f"This run does not continue {self._path}: at row {seq} the journal "
                f"holds {_shown(stored)}, and the run derived {_shown(row)}. The "
                f"market, account, settings or program changed since; start a new "
                f"journal, or use --force to keep this one aside."
            )
        self._ahead.popleft()
        self._head = Head(seq, digest)

    def _read_ahead(self) -> None:
        with as_journal_error(self._path):
            self._ahead.extend(
                self._connection.execute(
                    "SELECT seq, at, kind, body, hash FROM entry WHERE seq > ? "
                    "ORDER BY seq LIMIT ?",
                    (self._head.seq, _READ_ROWS),
                )
            )


def _shown(row: StoredRow) -> str:
    text = f"{row.kind} of {row.at} {row.body}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _require_absent(path: Path) -> None:
    if path.exists():
        raise UsageError(
            f"{path} exists; name another journal, or use --force to keep it as "
            f"{path.name}.old-N and start a new one."
        )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JournalError(
            f"The folder {folder} of the journal cannot be made: {error.strerror}."
        ) from error


@contextmanager
def _head_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise JournalError(
            f"The head file of {path} cannot be written ({error.strerror}); the "
            f"entries themselves are stored. Check the disk."
        ) from error


@contextmanager
def _unwritable() -> Iterator[None]:
    """Say of an error of storing that the rows are kept, and may be stored later."""
    try:
        yield
    except JournalError as error:
        raise JournalUnwritableError(str(error)) from error


def _start_head(path: Path, head: Head) -> HeadFile:
    with _head_errors(path):
        return HeadFile.start(path, head)


def _create_file(path: Path) -> None:
    """Put an empty journal in place, whole: a killed attempt leaves none."""
    draft = beside(path, ".new")
    try:
        set_aside(path)
        draft.unlink(missing_ok=True)
        with as_journal_error(path):
            connection = sqlite3.connect(draft, isolation_level=None)
            try:
                create_schema(connection)
            finally:
                connection.close()
        draft.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise JournalError(f"{path} cannot be made: {error.strerror}.") from error
