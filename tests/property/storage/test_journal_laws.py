"""Laws of the file: equal entries give equal bytes, and damage never goes unseen."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.entries import Entry
from bot.domain.errors import JournalError
from storage.journal import SqliteJournal
from storage.reader import JournalReader
from storage.rows import DETAILS
from storage.schema import table_of
from tests.property.storage.drawn import entries

_ENV = os.environ  # noqa: TID251 - a child process of a test

_ROOT = Path(__file__).resolve().parents[3]
_lists = st.lists(entries, min_size=1, max_size=30)


def _write(path: Path, listed: Sequence[Entry], cuts: Sequence[int]) -> bytes:
    """Write entries with a commit after each of some places."""
    with SqliteJournal.create(path) as journal:
        for place, entry in enumerate(listed):
            journal.append([entry])
            if place in cuts:
                journal.commit()
    return path.read_bytes()


def _child(path: Path, rows: int, ending: str, **environment: str) -> int:
    """Write a journal in another process; its exit status."""
    name = "tests.property.storage.write_journal"
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-m", name, str(path), str(rows), ending],
        check=False,
        cwd=_ROOT,
        env={**_ENV, **environment},
    )
    return done.returncode


def _read(path: Path) -> list[Entry]:
    with JournalReader.open(path) as reader:
        return [stored.entry for stored in reader.entries()]


@given(listed=_lists, cuts=st.lists(st.integers(0, 29)))
@settings(max_examples=25)
def test_grouping_leaves_no_trace(listed: list[Entry], cuts: list[int]) -> None:
    """The same entries give the same bytes, however they were committed."""
    with TemporaryDirectory() as folder:
        one = _write(Path(folder, "one"), listed, [])
        other = _write(Path(folder, "other"), listed, cuts)

        assert one == other
        assert _read(Path(folder, "one")) == listed
        assert not Path(folder, "one-wal").exists()


@given(listed=_lists, data=st.data())
@settings(max_examples=25)
def test_a_resumed_run_ends_as_one_that_was_not_cut(
    listed: list[Entry], data: st.DataObject
) -> None:
    """Cut anywhere and derived again, the journal holds the same bytes."""
    cut = data.draw(st.integers(0, len(listed)))
    with TemporaryDirectory() as folder:
        whole, part = Path(folder, "whole"), Path(folder, "part")
        _write(whole, listed, [])
        _write(part, listed[:cut], [])
        with SqliteJournal.resume(part) as journal:
            assert journal.is_replaying == (cut > 0)
            journal.append(listed)
            assert not journal.is_replaying
            assert journal.rows == len(listed)
        assert part.read_bytes() == whole.read_bytes()
        assert Path(f"{part}.head").read_bytes() == Path(f"{whole}.head").read_bytes()
        assert _read(part) == listed


@given(listed=_lists)
@settings(max_examples=25)
def test_every_view_shows_each_entry_of_its_kind(listed: list[Entry]) -> None:
    """Rebuilt from the views, the entries of each kind are all there, in order."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "journal")
        _write(path, listed, [])
        with JournalReader.open(path) as reader:
            for model in DETAILS:
                found = [row[0] for row in reader.all(table_of(model).select())]
                expected = [
                    place
                    for place, entry in enumerate(listed, 1)
                    if type(entry.body).__name__ == model.kind
                    for _ in range(_items(entry, model.items))
                ]
                assert found == expected


def _items(entry: Entry, path: str | None) -> int:
    return 1 if path is None else len(getattr(entry.body, path))


@cache
def _expected(path: Path) -> list[Entry]:
    return _read(path)


@pytest.fixture(scope="module")
def unclosed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal whose process was killed: its rows are in the write-ahead log."""
    path = tmp_path_factory.mktemp("unclosed") / "journal.sqlite"
    assert _child(path, 60, "kill") == -9
    return path


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_in_the_log_is_seen_or_harmless(
    unclosed: Path, sound: Path, place: float, bit: int
) -> None:
    """A damaged log, which SQLite would cut short in silence, is seen by the head."""
    with TemporaryDirectory() as folder:
        path = Path(folder, unclosed.name)
        for suffix in ("", "-wal", ".head"):
            shutil.copy(f"{unclosed}{suffix}", f"{path}{suffix}")
        log = Path(f"{path}-wal")
        damaged = bytearray(log.read_bytes())
        damaged[int(place * len(damaged))] ^= 1 << bit
        log.write_bytes(damaged)
        try:
            found = _read(path)
        except JournalError as error:
            assert str(path) in str(error)  # noqa: PT017 - both ends are right
        else:
            assert found == _expected(sound)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed journal of a few pages, and what it holds."""
    path = tmp_path_factory.mktemp("sound") / "journal.sqlite"
    assert _child(path, 60, "close") == 0
    return path


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_seen_or_harmless(sound: Path, place: float, bit: int) -> None:
    """One flipped bit anywhere in the file: an error, or exactly the same entries."""
    expected = _expected(sound)
    with TemporaryDirectory() as folder:
        path = Path(folder, sound.name)
        damaged = bytearray(sound.read_bytes())
        damaged[int(place * len(damaged))] ^= 1 << bit
        path.write_bytes(damaged)
        shutil.copy(f"{sound}.head", f"{path}.head")
        try:
            found = _read(path)
        except JournalError as error:
            assert str(path) in str(error)  # noqa: PT017 - both ends are right
        else:
            assert found == expected


@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_seen(sound: Path, share: float) -> None:
    """A file that lost its end never opens."""
    with TemporaryDirectory() as folder:
        path = Path(folder, sound.name)
        content = sound.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        shutil.copy(f"{sound}.head", f"{path}.head")

        with pytest.raises(JournalError):
            _read(path)


@pytest.mark.parametrize("hash_seed", ["0", "1", "4711"])
def test_bytes_do_not_depend_on_the_hash_seed(
    sound: Path, tmp_path: Path, hash_seed: str
) -> None:
    """Another process with another PYTHONHASHSEED writes the same file."""
    path = tmp_path / "journal.sqlite"
    assert _child(path, 60, "close", PYTHONHASHSEED=hash_seed) == 0

    assert path.read_bytes() == sound.read_bytes()


@pytest.mark.parametrize("rows", [0, 1, 2, 7, 30, 120])
def test_a_killed_writer_leaves_a_clean_prefix(tmp_path: Path, rows: int) -> None:
    """After kill -9 every committed entry is there, and writing goes on."""
    path, whole = tmp_path / "journal.sqlite", tmp_path / "whole.sqlite"
    killed = _child(path, rows, "kill")
    assert _child(whole, rows + 5, "close") == 0
    everything = _read(whole)

    assert killed == -9
    assert _read(path) == everything[:rows]
    with SqliteJournal.resume(path) as journal:
        journal.append(everything)
    assert _read(path) == everything


def test_no_statement_changes_what_was_written(sound: Path, tmp_path: Path) -> None:
    """UPDATE, DELETE, REPLACE and rows out of place are refused by the file itself."""
    path = tmp_path / "journal.sqlite"
    shutil.copy(sound, path)
    insert = "INSERT {} INTO entry VALUES ({}, '2021-05-19T00:00', 'Noted', '{{}}', '')"
    connection = sqlite3.connect(path)
    try:
        for statement in (
            "UPDATE entry SET body = '{}' WHERE seq = 3",
            "DELETE FROM entry WHERE seq = 3",
            insert.format("OR REPLACE", 3),
            insert.format("", 999),
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)
    finally:
        connection.close()
