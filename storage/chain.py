"""The hash chain: why a changed, lost or added row is seen.

Each row's hash is SHA-256 over the hash before it and the row's four texts, so
the last hash vouches for the whole journal. A row is five plain values; this
module must not open a file.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from bot.domain.errors import JournalError
from storage.codec import StoredRow

__all__ = ["GENESIS", "ChainedRow", "Head", "check_chain", "link"]

ChainedRow = tuple[int, str, str, str, str]
"""``(seq, at, kind, body, hash)`` as the table holds it."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last row of a journal: its number and its hash."""

    seq: int
    hash: str


GENESIS: Final = Head(0, hashlib.sha256(b"gnomon journal").hexdigest())
"""What comes before the first row."""


def link(head: Head, row: StoredRow) -> Head:
    """The head after one more row.

    Example:
        >>> link(GENESIS, StoredRow("2021-05-19T00:00:00.000000Z", "Noted", "{}")).seq
        1
    """
    seq = head.seq + 1
    text = f"{head.hash}\n{seq}\n{row.at}\n{row.kind}\n{row.body}"
    return Head(seq, hashlib.sha256(text.encode()).hexdigest())


def check_chain(
    rows: Iterable[ChainedRow], anchor: Head, name: str
) -> Iterator[ChainedRow]:
    """Pass rows on, from the first of the journal, as long as the chain holds.

    Args:
        rows: All rows in order.
        anchor: The last row that is known to have been committed.
        name: The journal's name, for sentences.

    Raises:
        JournalError: A row is missing, changed or out of place, or the journal
            ends before its anchor.
    """
    head = GENESIS
    anchored = anchor.seq == 0
    for row in rows:
        seq, at, kind, body, digest = row
        head = link(head, StoredRow(at, kind, body))
        if (seq, digest) != (head.seq, head.hash):
            raise JournalError(
                f"{name} is damaged at row {head.seq}: the row is missing or was "
                f"changed after it was written. Restore a copy; rows before it "
                f"are sound."
            )
        if head.seq == anchor.seq:
            _check_anchor(head, anchor, name)
            anchored = True
        yield row
    if not anchored:
        raise JournalError(
            f"{name} ends at row {head.seq}, but row {anchor.seq} was committed: its "
            f"end is lost. Restore a copy and reconcile with the exchange."
        )


def _check_anchor(head: Head, anchor: Head, name: str) -> None:
    if head.hash != anchor.hash:
        raise JournalError(
            f"{name} is not the journal that its head file belongs to: row "
            f"{anchor.seq} has another hash. Keep a journal and its .head together."
        )
