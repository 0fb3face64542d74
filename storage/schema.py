"""The schema as SQL, its version, and the way from an older one.

The DDL is written from the classes of ``storage/rows.py``. A file carries its
version in ``user_version`` and says that it is a journal in ``application_id``.
A migration only makes or drops views: the rows of ``entry`` are never rewritten,
because their hashes cover them. What a file's schema should read is known to the
letter, so that a damaged or foreign schema is told from ours. This module must
not read entries.
"""

import sqlite3
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Column, Table, insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable
from sqlmodel import SQLModel

from bot.domain.errors import JournalError
from storage.rows import DETAILS, EntryDetail, EntryRow

__all__ = [
    "APPLICATION_ID",
    "INSERT",
    "MIGRATIONS",
    "SCHEMA",
    "SCHEMA_VERSION",
    "check_identity",
    "check_schema",
    "create_schema",
    "migrate",
    "table_of",
]

APPLICATION_ID: Final = 0x474E4F4D
"""``GNOM`` in ASCII, in the header of every journal."""

SCHEMA_VERSION: Final = 1
MIGRATIONS: Final[Mapping[int, tuple[str, ...]]] = {}
"""From a version to the statements that make the next one of it."""

_DIALECT: Final = sqlite.dialect()
_OLDEST_SQLITE: Final = (3, 38, 0)
"""STRICT tables came with 3.37, JSON functions for all with 3.38."""


def table_of(model: type[SQLModel]) -> Table:
    """The SQLAlchemy table behind a model class."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


INSERT: Final = str(insert(table_of(EntryRow)).compile(dialect=_DIALECT))
"""The one statement that writes: a row of ``entry``."""


def _expression(column: Column[str], prefix: str) -> str:
    """The SQL that reads one column of a view out of an entry."""
    info = column.info
    if "path" not in info:
        return f"entry.{column.name}"
    if info["path"] == "#":
        return "item.key"
    paths = (info["path"] or column.name).split("|")
    reads = [
        f"json_extract(item.value, '$.{path[1:]}')"
        if path.startswith("@")
        else f"json_extract({prefix}, '$.{path}')"
        for path in paths
    ]
    return reads[0] if len(reads) == 1 else f"coalesce({', '.join(reads)})"


def _view(model: type[EntryDetail]) -> str:
    table = table_of(model)
    columns = ", ".join(
        f"{_expression(column, 'entry.body')} AS {column.name}"
        for column in table.columns
    )
    source = "entry"
    if model.items is not None:
        source += f", json_each(entry.body, '$.{model.items}') AS item"
    return (
        f"CREATE VIEW {table.name} AS SELECT {columns} "  # noqa: S608 - our own names
        f"FROM {source} WHERE entry.kind = '{model.kind}'"
    )


def _guard(event: str) -> str:
    return (
        f"CREATE TRIGGER entry_no_{event.lower()} BEFORE {event} ON entry BEGIN "
        f"SELECT RAISE(ABORT, 'the journal is append-only'); END"
    )


_NEXT_ONLY: Final = (
    "CREATE TRIGGER entry_next_only BEFORE INSERT ON entry "
    "WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM entry) BEGIN "
    "SELECT RAISE(ABORT, 'the journal is append-only'); END"
)

SCHEMA: Final[tuple[str, ...]] = tuple(
    " ".join(statement.split())
    for statement in (
        str(CreateTable(table_of(EntryRow)).compile(dialect=_DIALECT)),
        _guard("UPDATE"),
        _guard("DELETE"),
        _NEXT_ONLY,
        *(_view(model) for model in DETAILS),
    )
)
"""Every statement of the schema, in order."""


def create_schema(connection: sqlite3.Connection) -> None:
    """Make an empty journal, all of it or nothing of it.

    Raises:
        JournalError: The SQLite library is too old.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise JournalError(
            f"The journal needs SQLite 3.38 or newer, and this Python has "
            f"{sqlite3.sqlite_version}; use a newer Python."
        )
    connection.execute("PRAGMA page_size = 4096")
    connection.execute("PRAGMA encoding = 'UTF-8'")
    connection.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def check_identity(connection: sqlite3.Connection, name: str) -> int:
    """The schema version of a file, after a look that it is a journal of ours.

    Raises:
        JournalError: It is no journal, or it was written by a newer version.
    """
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if application_id != APPLICATION_ID:
        raise JournalError(
            f"{name} is not a Gnomon journal (or its header is damaged); name "
            f"another file."
        )
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise JournalError(
            f"{name} has schema version {version} and this program knows "
            f"{SCHEMA_VERSION}; use the newer program that wrote it."
        )
    return int(version)


def check_schema(connection: sqlite3.Connection, name: str) -> None:
    """See that the file's schema is ours to the letter.

    Raises:
        JournalError: A table, view or trigger is missing, foreign or changed.
    """
    found = connection.execute(
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL"
    ).fetchall()
    if {sql for (sql,) in found} != set(SCHEMA) or len(found) != len(SCHEMA):
        raise JournalError(
            f"The schema of {name} is not that of a journal of version "
            f"{SCHEMA_VERSION}: it was changed or is damaged. Restore a copy."
        )


def migrate(
    connection: sqlite3.Connection,
    version: int,
    migrations: Mapping[int, tuple[str, ...]] = MIGRATIONS,
    target: int = SCHEMA_VERSION,
) -> None:
    """Bring a file from ``version`` to ``target`` in one transaction.

    Raises:
        JournalError: No way leads from that version.
    """
    steps = range(version, target)
    if missing := [step for step in steps if step not in migrations]:
        raise JournalError(
            f"The journal has schema version {version}, and no migration leads "
            f"on from version {missing[0]}; use the program that wrote it."
        )
    connection.execute("BEGIN IMMEDIATE")
    for step in steps:
        for statement in migrations[step]:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {target}")
    connection.execute("COMMIT")
