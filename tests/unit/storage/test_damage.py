"""What is no whole journal of ours is refused, with a sentence that says why."""

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bot.domain.errors import JournalError
from storage.chain import GENESIS, Head
from storage.journal import SqliteJournal
from storage.opening import decide
from storage.reader import JournalReader
from storage.schema import SCHEMA, migrate
from storage.sidefiles import HeadFile
from storage.verify import check_content
from tests.unit.storage.told import HEADER, STORY, write


def _delete(path: Path, where: str) -> None:
    """Take rows away as somebody would who knows about the triggers."""
    (sql,) = [each for each in SCHEMA if "entry_no_delete" in each]
    statement = f"DELETE FROM entry {where}"  # noqa: S608 - our own words
    _execute(path, "DROP TRIGGER entry_no_delete", statement, sql)


def _execute(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def _newer(path: Path) -> None:
    _execute(path, "PRAGMA user_version = 99")


def _older(path: Path) -> None:
    _execute(path, "PRAGMA user_version = 0")


def _foreign(path: Path) -> None:
    path.unlink()
    _execute(path, "CREATE TABLE entry (seq INTEGER)")


def _not_sqlite(path: Path) -> None:
    path.write_text("equity,time\n1,2\n" * 500, encoding="utf-8")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _edited(path: Path) -> None:
    (sql,) = [each for each in SCHEMA if "entry_no_update" in each]
    _execute(
        path,
        "DROP TRIGGER entry_no_update",
        "UPDATE entry SET body = replace(body, '0.5', '0.6') WHERE seq = 2",
        sql,
    )


def _row_deleted(path: Path) -> None:
    _delete(path, "WHERE seq = 3")


def _tail_cut(path: Path) -> None:
    _delete(path, "WHERE seq > 4")


def _view_changed(path: Path) -> None:
    _execute(path, "DROP VIEW fills", "CREATE VIEW fills AS SELECT 1")


def _wrong_head(path: Path) -> None:
    HeadFile.start(path, Head(2, GENESIS.hash)).close(Head(2, GENESIS.hash))


def _garbled_head(path: Path) -> None:
    Path(f"{path}.head").write_bytes(b"\xff" * 200)


_DAMAGE: Mapping[Callable[[Path], None], str] = {
    _newer: "schema version 99",
    _older: "schema version 0",
    _foreign: "not a Gnomon journal",
    _not_sqlite: "not a database",
    _empty: "not a Gnomon journal",
    _edited: "damaged at row 2",
    _row_deleted: "damaged at row 3",
    _tail_cut: "ends at row 4",
    _view_changed: "schema",
    _wrong_head: "another hash",
    _garbled_head: "head is damaged",
}


@pytest.mark.parametrize("harm", _DAMAGE, ids=lambda harm: harm.__name__)
def test_damage_is_named(journal: Path, harm: Callable[[Path], None]) -> None:
    """Reading, resuming, extending and deciding all refuse with exit code 5."""
    harm(journal)
    for attempt in (
        lambda: JournalReader.open(journal).__enter__(),
        lambda: SqliteJournal.resume(journal),
        lambda: SqliteJournal.extend(journal),
        lambda: decide(journal, HEADER),
    ):
        with pytest.raises(JournalError, match=_DAMAGE[harm]) as caught:
            attempt()
        assert caught.value.exit_code == 5
    assert not Path(f"{journal}.lock").exists()


def test_a_missing_journal_is_named(tmp_path: Path) -> None:
    """A path without a file is a sentence, and no file is made."""
    for attempt in (
        lambda: JournalReader.open(tmp_path / "j").__enter__(),
        lambda: SqliteJournal.resume(tmp_path / "j"),
    ):
        with pytest.raises(JournalError, match="There is no journal"):
            attempt()
    assert list(tmp_path.iterdir()) == []


def test_a_journal_without_its_head_file_is_read(journal: Path) -> None:
    """A copy that came alone is sound as far as it can be seen, and says so."""
    Path(f"{journal}.head").unlink()
    with JournalReader.open(journal) as reader:
        assert not reader.has_anchor
        assert reader.head.seq == len(STORY)


def test_the_deep_check_counts_every_kind(journal: Path) -> None:
    """A sound journal passes the deep check, which counts its entries."""
    with JournalReader.open(journal) as reader:
        counts = check_content(reader.connection, journal)

    assert counts["LedgerBooked"] == 6
    assert sum(counts.values()) == len(STORY)


def test_a_migration_keeps_the_rows(tmp_path: Path) -> None:
    """From version to version the statements run in one transaction, rows untouched."""
    path = write(tmp_path / "j", STORY)
    connection = sqlite3.connect(path, isolation_level=None)
    rows = connection.execute("SELECT * FROM entry").fetchall()
    steps = {1: ("CREATE VIEW a AS SELECT 1",), 2: ("CREATE VIEW b AS SELECT 2",)}
    migrate(connection, 1, steps, 3)

    assert connection.execute("PRAGMA user_version").fetchone() == (3,)
    assert connection.execute("SELECT * FROM b").fetchone() == (2,)
    assert connection.execute("SELECT * FROM entry").fetchall() == rows
    with pytest.raises(JournalError, match="no migration leads"):
        migrate(connection, 3, steps, 5)
    connection.close()
