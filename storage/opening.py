"""May this run use that journal? Decided before anything is written.

A journal belongs to one run: the same world, market, account, settings and seed.
A run that was cut short goes on in its own journal; anything else needs a new file
or ``--force``, which keeps the old file aside. This module must not write.
"""

from enum import StrEnum
from pathlib import Path
from typing import Final

from bot.domain.entries import RunEnded, RunStarted
from bot.domain.errors import JournalError, UsageError
from storage.journal import SqliteJournal
from storage.reader import JournalReader

__all__ = ["Opening", "decide", "open_for_run"]

_SHOWN: Final = 20
_FORCE: Final = (
    "name another journal, or use --force to keep this one aside and start anew"
)


class Opening(StrEnum):
    """What to do with the journal that a run names."""

    CREATE = "create"
    RESUME = "resume"


def decide(path: Path, header: RunStarted, *, force: bool = False) -> Opening:
    """Whether a run makes the journal at ``path`` or resumes it.

    Args:
        path: The journal that was named; it need not exist.
        header: The run that is about to start.
        force: Start anew whatever is there.

    Raises:
        UsageError: The file is the journal of another run, or of one that ended.
        JournalError: The file is damaged, newer, or no journal.
    """
    if force or not path.exists():
        return Opening.CREATE
    with JournalReader.open(path) as reader:
        first = next(reader.entries(), None)
        last = reader.last()
    if first is None or last is None:
        return Opening.RESUME
    found = first.entry.body
    if not isinstance(found, RunStarted):
        raise JournalError(f"{path} does not begin with the start of a run; {_FORCE}.")
    if differing := _differences(found, header):
        raise UsageError(
            f"{path} is the journal of another run ({', '.join(differing)}); {_FORCE}."
        )
    if isinstance(last.entry.body, RunEnded):
        raise UsageError(
            f"{path} is the journal of a run that has already ended "
            f"({last.entry.body.reason}); {_FORCE}."
        )
    return Opening.RESUME


def open_for_run(
    path: Path, header: RunStarted, *, force: bool = False
) -> SqliteJournal:
    """Decide, then create the journal or open it for re-derivation.

    Raises:
        UsageError: The file is the journal of another run, or of one that ended.
        JournalError: The file is damaged, newer, in use, or no journal.
    """
    if decide(path, header, force=force) is Opening.RESUME:
        return SqliteJournal.resume(path)
    return SqliteJournal.create(path, force=force)


def _differences(found: RunStarted, header: RunStarted) -> list[str]:
    """Which parts of the identity differ, in words."""
    stored = {"world": found.world, "epoch": str(found.epoch), **found.identity}
    wanted = {"world": header.world, "epoch": str(header.epoch), **header.identity}
    return [
        f"its {name} is {_short(stored.get(name))}, this run has "
        f"{_short(wanted.get(name))}"
        for name in dict.fromkeys((*stored, *wanted))
        if stored.get(name) != wanted.get(name)
    ]


def _short(value: str | None) -> str:
    if value is None:
        return "none"
    return value if len(value) <= _SHOWN else f"{value[:12]}..."
