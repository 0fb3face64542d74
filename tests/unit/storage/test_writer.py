"""The writer: locks, resumption, files kept aside, and a disk that refuses."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.entries import Entry, Noted
from bot.domain.errors import JournalError, UsageError
from storage.header import settle_counter
from storage.journal import BUFFER_ROWS, SqliteJournal
from storage.reader import JournalReader
from storage.sidefiles import HeadFile, WriterLock, measure_fsync_ms, read_head
from tests.unit.storage.told import STORY, at, write

_ROOT = Path(__file__).resolve().parents[3]


def _note(number: int, text: str = "x") -> Entry:
    return Entry(at=at(number), body=Noted(topic=str(number), text=text))


def _read(path: Path) -> list[Entry]:
    with JournalReader.open(path) as reader:
        return [stored.entry for stored in reader.entries()]


def test_a_closed_journal_is_one_file_and_its_head(tmp_path: Path) -> None:
    """A clean close leaves neither log nor lock behind, and reading makes none."""
    path = write(tmp_path / "journal.sqlite", STORY)
    _read(path)

    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "journal.sqlite",
        "journal.sqlite.head",
    ]


def test_the_file_is_durable_strict_and_ours(journal: Path) -> None:
    """WAL, STRICT tables only, and a header that says what the file is."""
    connection = sqlite3.connect(journal)
    try:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        (name,) = connection.execute("PRAGMA application_id").fetchone()
        tables = connection.execute("PRAGMA table_list").fetchall()
    finally:
        connection.close()

    assert (mode, name) == ("wal", int.from_bytes(b"GNOM", "big"))
    assert [
        (table[1], table[5])
        for table in tables
        if table[2] == "table" and not table[1].startswith("sqlite_")
    ] == [("entry", 1)]


def test_how_often_a_journal_was_opened_leaves_no_trace(tmp_path: Path) -> None:
    """Rows written in three sittings give the bytes of rows written in one."""
    rows = [_note(number, "x" * 400) for number in range(120)]
    with SqliteJournal.create(tmp_path / "one") as one:
        one.append(rows)
    SqliteJournal.create(tmp_path / "three").close()
    for part in (rows[:40], rows[40:80], rows[80:]):
        with SqliteJournal.extend(tmp_path / "three") as three:
            three.append(part)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "three").read_bytes()
    with closing(sqlite3.connect(tmp_path / "three")) as connection:
        check = connection.execute("PRAGMA integrity_check")
        assert check.fetchall() == [("ok",)]


def test_a_journal_with_a_log_beside_it_is_left_to_sqlite(journal: Path) -> None:
    """Only a file that nobody has open gets its header settled."""
    before = journal.read_bytes()
    other = before[:24] + b"\0\0\0\x07" + before[28:]
    journal.write_bytes(other)
    log = Path(f"{journal}-wal")
    log.touch()
    settle_counter(journal)
    assert journal.read_bytes() == other

    log.unlink()
    settle_counter(journal)
    assert journal.read_bytes() == before


def test_every_commit_waits_for_the_disk(tmp_path: Path) -> None:
    """The writer's connection runs with synchronous=FULL."""
    with SqliteJournal.create(tmp_path / "j") as journal:
        (level,) = journal._connection.execute("PRAGMA synchronous").fetchone()  # noqa: SLF001 - no other way to see it

    assert level == 2


def test_a_committed_row_is_seen_by_a_reader_at_once(tmp_path: Path) -> None:
    """A reader sees what was committed, not what waits in the buffer."""
    with SqliteJournal.create(tmp_path / "j") as journal:
        journal.append([_note(1)])
        journal.commit()
        journal.append([_note(2)])

        assert _read(tmp_path / "j") == [_note(1)]
    assert _read(tmp_path / "j") == [_note(1), _note(2)]


def test_a_reader_keeps_its_view(tmp_path: Path) -> None:
    """What is committed after a reader opened does not change its answers."""
    with SqliteJournal.create(tmp_path / "j") as journal:
        journal.append([_note(1)])
        journal.commit()
        with JournalReader.open(tmp_path / "j") as reader:
            journal.append([_note(2)])
            journal.commit()

            assert len(list(reader.entries())) == reader.head.seq == 1


def test_a_full_buffer_commits_by_itself(tmp_path: Path) -> None:
    """An append that reaches the buffer's limit is stored, all of it."""
    with SqliteJournal.create(tmp_path / "j") as journal:
        journal.append([_note(number) for number in range(BUFFER_ROWS + 1)])

        assert len(_read(tmp_path / "j")) == BUFFER_ROWS + 1
        assert journal.rows == BUFFER_ROWS + 1


def test_an_existing_journal_is_not_overwritten(journal: Path) -> None:
    """Creating over a journal is refused, and the file stays as it was."""
    before = journal.read_bytes()
    with pytest.raises(UsageError, match="--force"):
        SqliteJournal.create(journal)

    assert journal.read_bytes() == before
    assert not Path(f"{journal}.lock").exists()


def test_force_keeps_the_old_file(journal: Path) -> None:
    """With force the old journal moves aside, whole and readable, each time."""
    for number in (1, 2):
        with SqliteJournal.create(journal, force=True) as fresh:
            fresh.append([_note(number)])

    assert _read(Path(f"{journal}.old-1")) == list(STORY)
    assert _read(Path(f"{journal}.old-2")) == [_note(1)]
    assert _read(journal) == [_note(2)]


def test_a_leftover_log_is_not_taken_for_ours(journal: Path) -> None:
    """A log without its journal is kept aside, not read into a new journal."""
    stale = Path(f"{journal}-wal")
    stale.write_bytes(b"stale")
    journal.unlink()
    with SqliteJournal.create(journal) as fresh:
        fresh.append([_note(1)])

    assert _read(journal) == [_note(1)]
    assert Path(f"{journal}.old-1-wal").read_bytes() == b"stale"


def test_a_resumed_run_must_meet_the_same_rows(journal: Path) -> None:
    """The first row that differs stops the run and is named with both readings."""
    changed = replace(STORY[2], at=at(999))
    resumed = SqliteJournal.resume(journal)
    with pytest.raises(JournalError, match=r"at row 3 the journal holds .* derived"):
        resumed.append([*STORY[:2], changed])
    resumed.close()

    assert _read(journal) == list(STORY)


def test_a_resumed_run_goes_on_past_the_tail(journal: Path) -> None:
    """While stored rows are left nothing is written; after them, writing goes on."""
    with SqliteJournal.resume(journal) as resumed:
        for entry in STORY:
            assert resumed.is_replaying
            resumed.append([entry])
            resumed.commit()
        assert not resumed.is_replaying
        resumed.append([_note(100)])

    assert _read(journal) == [*STORY, _note(100)]


def test_a_resumed_run_that_is_cut_again_loses_nothing(journal: Path) -> None:
    """Closing in the middle of the re-derivation leaves the journal as it was."""
    with SqliteJournal.resume(journal) as resumed:
        resumed.append(STORY[:3])

    assert _read(journal) == list(STORY)
    head = read_head(journal)
    assert head is not None
    assert head.seq == len(STORY)


def test_an_extended_journal_goes_on_at_once(journal: Path) -> None:
    """A live run writes after the last row without deriving the old ones."""
    with SqliteJournal.extend(journal) as extended:
        assert not extended.is_replaying
        extended.append([_note(100)])
        assert extended.rows == len(STORY) + 1

    assert _read(journal) == [*STORY, _note(100)]


@pytest.mark.parametrize("way", ["resume", "extend", "create"])
def test_a_second_writer_is_refused(tmp_path: Path, way: str) -> None:
    """While one process writes, another is told so and changes nothing."""
    path = tmp_path / "j"
    code = (
        "import sys; from pathlib import Path; "
        "from bot.domain.errors import JournalError; "
        "from storage.journal import SqliteJournal\n"
        "options = {'force': True} if sys.argv[2] == 'create' else {}\n"
        "try: getattr(SqliteJournal, sys.argv[2])(Path(sys.argv[1]), **options)\n"
        "except JournalError as error: print(error); sys.exit(error.exit_code)"
    )
    with SqliteJournal.create(path) as journal:
        journal.append([_note(1)])
        done = subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "-c", code, str(path), way],
            check=False,
            cwd=_ROOT,
            capture_output=True,
            text=True,
        )

    assert done.returncode == 5, done.stderr
    assert "in use by another process" in done.stdout
    assert _read(path) == [_note(1)]


def test_a_lock_left_by_a_dead_process_does_not_bind(tmp_path: Path) -> None:
    """The file of a lock that nobody holds is taken over."""
    (tmp_path / "j.lock").touch()
    with SqliteJournal.create(tmp_path / "j") as journal:
        assert journal.rows == 0

    assert not (tmp_path / "j.lock").exists()


def test_releasing_a_lock_twice_is_harmless(tmp_path: Path) -> None:
    """Only the first release does anything; the lock can be taken again."""
    lock = WriterLock.take(tmp_path / "j")
    lock.release()
    lock.release()
    WriterLock.take(tmp_path / "j").release()


class _FullDisk:
    """A connection on a disk that is full until it is not."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.is_full = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def executemany(self, statement: str, rows: Iterator[Any]) -> Any:
        done = self._connection.executemany(statement, rows)
        if self.is_full:
            raise sqlite3.OperationalError("database or disk is full")
        return done


def test_a_commit_that_failed_can_be_tried_again(tmp_path: Path) -> None:
    """A full disk is a sentence, loses no row, and the next commit stores them all."""
    journal = SqliteJournal.create(tmp_path / "j")
    disk = _FullDisk(journal._connection)  # noqa: SLF001 - the seam to the disk
    journal._connection = disk  # type: ignore[assignment]  # noqa: SLF001 - as above
    journal.append([_note(1)])
    with pytest.raises(JournalError, match="disk is full"):
        journal.commit()
    journal.append([_note(2)])
    disk.is_full = False
    journal.commit()
    journal.close()

    assert _read(tmp_path / "j") == [_note(1), _note(2)]


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    """A journal below a file is refused with the reason."""
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="cannot be made"):
        SqliteJournal.create(tmp_path / "file" / "sub" / "j")


@pytest.mark.parametrize("harm", ["deleted", "moved", "replaced"])
def test_a_journal_that_was_taken_away_is_not_written_on(
    tmp_path: Path, harm: str
) -> None:
    """SQLite writes on into a file that nobody can find; the next commit says so."""
    path = tmp_path / "journal"
    journal = SqliteJournal.create(path)
    journal.append([_note(1)])
    journal.commit()
    if harm == "deleted":
        path.unlink()
    else:
        path.rename(tmp_path / "elsewhere")
    if harm == "replaced":
        path.write_bytes((tmp_path / "elsewhere").read_bytes())
    journal.append([_note(2)])
    with pytest.raises(
        JournalError, match=r"deleted, moved or replaced .* start again"
    ):
        journal.commit()
    with pytest.raises(JournalError, match="guards nothing"):
        journal.close()


def test_closing_twice_is_harmless(tmp_path: Path) -> None:
    """Only the first close does anything."""
    journal = SqliteJournal.create(tmp_path / "j")
    journal.close()
    journal.close()

    assert _read(tmp_path / "j") == []


def test_a_torn_head_line_leaves_the_other(tmp_path: Path) -> None:
    """A head file of which one line was half written still names a commit."""
    path = tmp_path / "j"
    with SqliteJournal.create(path) as journal:
        journal.append([_note(1)])
        first = journal.head
        journal.append([_note(2)])
    head = HeadFile.start(path, first)
    head.close(first)
    lines = Path(f"{path}.head").read_bytes()
    Path(f"{path}.head").write_bytes(lines[:50] + b"\0" * 20 + lines[70:])

    assert read_head(path) == first
    assert len(_read(path)) == 2


def test_the_disk_is_measured(tmp_path: Path) -> None:
    """The time of a sync is a positive figure and leaves no file."""
    assert measure_fsync_ms(tmp_path) > 0
    assert list(tmp_path.iterdir()) == []
