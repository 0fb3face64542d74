"""Is this file a whole, unchanged journal of ours? The one answer to that.

Used before anything is read from a journal and before anything is written to it.
Damage of any kind becomes a ``JournalError`` that names the file and says what to
do. This module must not write.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.domain.errors import JournalError
from storage.chain import GENESIS, ChainedRow, Head, check_chain
from storage.codec import StoredRow, decode, encode
from storage.schema import SCHEMA_VERSION, check_identity, check_schema
from storage.sidefiles import read_head

__all__ = ["Checked", "Watch", "as_journal_error", "check_content", "check_journal"]

Watch = Callable[[Iterable[ChainedRow], int], Iterable[ChainedRow]]
"""Wraps the rows on their way (with their number), for a progress bar."""

_EVERYTHING = "SELECT seq, at, kind, body, hash FROM entry ORDER BY seq"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the check found: the last row, whether a head file vouched for it."""

    head: Head
    has_anchor: bool


def plain_watch(rows: Iterable[ChainedRow], total: int) -> Iterable[ChainedRow]:
    """Watch nothing."""
    return rows


@contextmanager
def as_journal_error(path: Path) -> Iterator[None]:
    """Turn what SQLite says about a file into a sentence of ours."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise JournalError(
            f"The journal {path} cannot be read or written ({error}): it is damaged, "
            f"no journal, or the disk refuses. Check the disk, or restore a copy."
        ) from error


def check_journal(
    connection: sqlite3.Connection, path: Path, watch: Watch = plain_watch
) -> Checked:
    """See that a file is a journal of this version whose chain and end are whole.

    Args:
        connection: Open on the file; the head file is read before the rows, so a
            process that is writing now does no harm.
        path: The journal, for its head file and for sentences.
        watch: Wraps the rows on their way.

    Raises:
        JournalError: Anything is missing, changed, foreign or newer.
    """
    anchor = read_head(path)
    with as_journal_error(path):
        version = check_identity(connection, str(path))
        if version != SCHEMA_VERSION:
            raise JournalError(
                f"{path} has schema version {version}, older than {SCHEMA_VERSION}; "
                f"it is upgraded when a run resumes it."
            )
        check_schema(connection, str(path))
        (total,) = connection.execute("SELECT max(seq) FROM entry").fetchone()
        rows = watch(connection.execute(_EVERYTHING), total or 0)
        head = GENESIS
        for row in check_chain(rows, anchor or GENESIS, str(path)):
            head = Head(row[0], row[4])
    return Checked(head=head, has_anchor=anchor is not None)


def check_content(
    connection: sqlite3.Connection, path: Path, watch: Watch = plain_watch
) -> Mapping[str, int]:
    """The deep check: SQLite's own, and that every row reads and writes the same.

    Returns:
        How many entries there are of each kind, in order of first appearance.

    Raises:
        JournalError: A page is damaged or a row is not what this version writes.
    """
    counts: Counter[str] = Counter()
    with as_journal_error(path):
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise JournalError(
                f"SQLite finds {path} damaged: {verdict}. Restore a copy."
            )
        (total,) = connection.execute("SELECT max(seq) FROM entry").fetchone()
        for seq, at, kind, body, _ in watch(
            connection.execute(_EVERYTHING), total or 0
        ):
            row = StoredRow(at, kind, body)
            if encode(decode(row)) != row:
                raise JournalError(
                    f"Row {seq} of {path} reads as another text than it holds; it "
                    f"was written by another version."
                )
            counts[kind] += 1
    return dict(counts)
