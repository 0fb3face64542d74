"""The entries of a journal that a live restart needs, without reading it all.

Samples and parity reports are most of a live journal and are needed only in part:
the newest reports, and the samples of the newest day. Everything that moved money
or state, and every request, is read whole. The hash chain was checked when the
journal was opened.
"""

from collections.abc import Iterator
from typing import Final

from bot.domain.entries import JOURNALED_EVENTS, Entry
from storage.reader import JournalReader

__all__ = ["entries_for_restart", "newest_reports"]

_QUOTES: Final = frozenset({"FundingQuoted", "BorrowRateQuoted", "AdlRankReported"})
_KINDS: Final = (
    "RunStarted",
    "Approved",
    "Decided",
    "Noted",
    *sorted({kind.__name__ for kind in JOURNALED_EVENTS} - _QUOTES),
)
_TAIL: Final = 20_000
"""Rows at the end of the journal in which reports and samples are looked for: at
one report every three seconds for two accounts, the better part of a day."""


def entries_for_restart(reader: JournalReader) -> Iterator[Entry]:
    """What moved money or state, oldest first, then the samples of the tail."""
    for stored in reader.entries(*_KINDS):
        yield stored.entry
    for stored in reader.entries("Sampled", after=_tail_start(reader)):
        yield stored.entry


def newest_reports(reader: JournalReader) -> Iterator[Entry]:
    """The parity reports of the tail, oldest first."""
    for stored in reader.entries("ParityChecked", after=_tail_start(reader)):
        yield stored.entry


def _tail_start(reader: JournalReader) -> int:
    return max(reader.head.seq - _TAIL, 0)
