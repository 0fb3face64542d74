"""The connection of a journal's one writer: upgraded, every commit durable.

It must not read or write an entry.
"""

import sqlite3
from contextlib import ExitStack
from pathlib import Path

from bot.domain.errors import JournalError
from storage.schema import SCHEMA_VERSION, check_identity, migrate
from storage.sidefiles import beside
from storage.verify import as_journal_error

__all__ = ["connect"]


def connect(path: Path) -> sqlite3.Connection:
    """Open for writing, upgraded to this version, every commit durable."""
    with as_journal_error(path), ExitStack() as undo:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            timeout=5,
            check_same_thread=False,
        )
        undo.callback(connection.close)
        version = check_identity(connection, str(path))
        if version != SCHEMA_VERSION:
            _upgrade(connection, path, version)
        _prepare(connection, path)
        undo.pop_all()
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise JournalError(
            f"{path} cannot use a write-ahead log (mode {mode}); put the journal on a "
            f"local disk."
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cell_size_check = ON")


def _upgrade(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Migrate forward; the file as it was is kept as ``NAME.vN``."""
    copy = sqlite3.connect(beside(path, f".v{version}"))
    try:
        connection.backup(copy)
    finally:
        copy.close()
    migrate(connection, version)
