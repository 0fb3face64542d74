"""How much room the disk under the journal has, and whether that is enough.

A disk that is nearly full is told to the engine as a source that fell silent: new
risk waits, because an approval that cannot be stored cannot be sent, and reductions
go on with the room that is left. It is heard again when there is room for the floor
and for the journal's reserve. This module must not write a journal itself.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, Protocol

from bot.domain.events import Event, FeedChanged

__all__ = [
    "DISK_FEED",
    "DISK_FLOOR_BYTES",
    "DiskWatch",
    "Kept",
    "free_bytes",
    "gigabytes",
]

DISK_FLOOR_BYTES: Final = 1_000_000_000
"""Free bytes under which no new risk is taken."""

DISK_FEED: Final = "disk"
"""The name under which the disk is told, as a feed that is silent or heard."""


class Kept(Protocol):
    """A journal that keeps room aside."""

    @property
    def has_reserve(self) -> bool:
        """Whether it still does."""

    def keep_reserve(self) -> bool:
        """Take the room again; whether there was any."""


def free_bytes(folder: Path) -> int:
    """What this process may still write under a folder.

    Raises:
        OSError: The folder cannot be read.
    """
    return shutil.disk_usage(folder).free


def gigabytes(count: int) -> str:
    """Bytes for a sentence, rounded down, so that nothing looks enough that is not.

    Example:
        >>> gigabytes(999_999_999), gigabytes(12_340_000_000)
        ('0.99', '12.34')
    """
    return f"{Decimal(count // 10_000_000).scaleb(-2):.2f}"


@dataclass(slots=True, kw_only=True)
class DiskWatch:
    """Tells when the room under a journal falls below the floor, and when it is back.

    ``room`` gives the free bytes under a folder, ``now`` the exchange's time.
    """

    folder: Path
    journal: Kept
    now: Callable[[], datetime]
    room: Callable[[Path], int] = free_bytes
    floor_bytes: int = DISK_FLOOR_BYTES
    _is_low: bool = False

    async def ask(self) -> Sequence[Event]:
        """What changed since the last time; nothing most of the time."""
        reason = self._reason()
        is_low = reason is not None
        if is_low == self._is_low:
            return ()
        self._is_low = is_low
        text = reason or "there is room again under the journal"
        at = self.now()
        return (FeedChanged(at=at, feed=DISK_FEED, is_live=not is_low, reason=text),)

    def _reason(self) -> str | None:
        """Why the disk is not to be relied on, None when there is room."""
        try:
            free = self.room(self.folder)
        except OSError as error:
            return f"the room under the journal cannot be read ({error.strerror})"
        if free < self.floor_bytes:
            return (
                f"{gigabytes(free)} GB are free under the journal, less than the "
                f"{gigabytes(self.floor_bytes)} GB that new risk needs; make room"
            )
        if self.journal.has_reserve or self.journal.keep_reserve():
            return None
        return "the journal's reserve cannot be kept beside it; make room"
