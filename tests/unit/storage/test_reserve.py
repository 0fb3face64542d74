"""A full disk: the room kept aside, what it buys, and the truth when it is used up."""

import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.domain.entries import Entry, Noted
from bot.domain.errors import JournalError
from storage.journal import SqliteJournal
from storage.reader import JournalReader
from storage.reserve import Reserve
from storage.sidefiles import beside

AT = datetime(2026, 1, 1, tzinfo=UTC)
SIZE = 300_000


def note(number: int) -> Entry:
    """One row."""
    return Entry(at=AT, body=Noted(topic="t", text=str(number)))


def read(path: Path) -> list[Entry]:
    """Every stored row."""
    with JournalReader.open(path) as reader:
        return [stored.entry for stored in reader.entries()]


class SmallDisk:
    """A connection on a disk that has no room but what a reserve file holds."""

    def __init__(self, connection: sqlite3.Connection, reserve: Path) -> None:
        self._connection = connection
        self._reserve = reserve
        self.left = 1
        """How many commits fit into what the reserve held."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def executemany(self, statement: str, rows: Iterator[Any]) -> Any:
        """Refuse as SQLite does, unless the reserve has made room."""
        if self._reserve.exists() or not self.left:
            full = sqlite3.OperationalError("database or disk is full")
            full.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise full
        self.left -= 1
        return self._connection.executemany(statement, rows)


def on_small_disk(path: Path) -> SqliteJournal:
    """A journal with a reserve, on a disk that is otherwise full."""
    journal = SqliteJournal.create(path)
    journal.keep_reserve(SIZE)
    disk = SmallDisk(journal._connection, beside(path, ".reserve"))  # noqa: SLF001 - the seam to the disk
    journal._connection = disk  # type: ignore[assignment]  # noqa: SLF001 - as above
    return journal


def test_a_reserve_holds_real_blocks(tmp_path: Path) -> None:
    """What is kept is taken from the disk, and given back it is gone."""
    reserve = Reserve(tmp_path / "j")
    assert reserve.keep(SIZE)
    held = beside(tmp_path / "j", ".reserve").stat()
    assert held.st_blocks * 512 >= held.st_size == reserve.size_bytes == SIZE
    assert reserve.keep(SIZE), "what is there stays"
    assert reserve.give_back()
    assert not reserve.give_back(), "there is nothing left to give"
    assert list(tmp_path.iterdir()) == []


def test_a_reserve_of_another_size_is_made_anew(tmp_path: Path) -> None:
    """A torn reserve of a process that died is no reserve."""
    reserve = Reserve(tmp_path / "j")
    beside(tmp_path / "j", ".reserve").write_bytes(b"x" * 10)
    assert reserve.keep(SIZE)
    assert reserve.size_bytes == SIZE


def test_a_reserve_that_cannot_be_kept_leaves_nothing(tmp_path: Path) -> None:
    """A folder that is gone has no room; nothing is raised and nothing is left."""
    reserve = Reserve(tmp_path / "gone" / "j")
    assert not reserve.keep(SIZE)
    assert reserve.size_bytes == 0


def test_a_full_disk_takes_the_reserve_and_the_rows_are_stored(tmp_path: Path) -> None:
    """The commit that finds the disk full succeeds with what was kept aside."""
    path = tmp_path / "j"
    journal = on_small_disk(path)
    reserve = Reserve(path)
    assert reserve.size_bytes == SIZE
    journal.append([note(1)])
    journal.commit()
    assert reserve.size_bytes == 0
    assert read(path) == [note(1)]
    journal.close()
    assert read(path) == [note(1)]


def test_without_a_reserve_the_sentence_says_what_was_not_stored(
    tmp_path: Path,
) -> None:
    """Used up, the error names the rows and the end; closing says the same again."""
    path = tmp_path / "j"
    journal = on_small_disk(path)
    journal.append([note(1)])
    journal.commit()
    journal.append([note(2), note(3)])
    truth = (
        r"The disk is full .*: the newest 2 rows of .* could not be stored, .*"
        r"The bot has ended and guards nothing: make room and start it again\."
    )
    with pytest.raises(JournalError, match=truth):
        journal.commit()
    with pytest.raises(JournalError, match=truth):
        journal.close()
    assert read(path) == [note(1)]
    with SqliteJournal.extend(path) as again:
        again.append([note(2)])
    assert read(path) == [note(1), note(2)]


def test_sqlites_own_full_is_told(tmp_path: Path) -> None:
    """A file that SQLite itself may not let grow is a full disk, and the rows wait."""
    path = tmp_path / "j"
    journal = SqliteJournal.create(path)
    connection = journal._connection  # noqa: SLF001 - the seam to the disk
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    journal.append([note(number) for number in range(500)])
    with pytest.raises(JournalError, match="The disk is full"):
        journal.commit()
    connection.execute("PRAGMA max_page_count = 100000")
    journal.close()
    assert len(read(path)) == 500


_CHILD = """
import sys
from pathlib import Path
from tests.unit.storage.test_reserve import write_until_refused
write_until_refused(Path(sys.argv[1]))
"""


def _write_on(journal: SqliteJournal) -> None:
    for number in range(100_000):
        journal.append([note(number)])
        journal.commit()


def write_until_refused(path: Path) -> None:
    """In a process of its own: a file system that lets no file grow past a limit."""
    journal = SqliteJournal.create(path)
    journal.keep_reserve(SIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
    with pytest.raises(JournalError, match="could not be stored"):
        _write_on(journal)
    assert not journal.has_reserve, "it was tried"
    with pytest.raises(JournalError, match="could not be stored"):
        journal.close()


def test_a_real_refusal_of_the_file_system_loses_no_committed_row(
    tmp_path: Path,
) -> None:
    """Where the kernel refuses to write, what was committed is there, whole."""
    path = tmp_path / "j"
    done = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", _CHILD, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = read(path)
    assert rows == [note(number) for number in range(len(rows))]
    assert rows
