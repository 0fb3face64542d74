"""Room kept aside for a journal: a file that can be given back when the disk is full.

``NAME.reserve`` holds real blocks of the disk and no information. When a commit finds
the disk full the file is removed, and the commit fits into what it held: some
hundred thousand rows, enough for a bot to reduce what it has and to tell a person.
This module knows which of SQLite's errors are about room; it must not decide what
follows when there is none left.
"""

import os
import sqlite3
from pathlib import Path
from typing import Final

from storage.sidefiles import beside, sync_folder

__all__ = ["RESERVE_BYTES", "Reserve", "is_about_room", "room_words"]

RESERVE_BYTES: Final = 64 * 1024**2
"""What is kept beside a live journal."""

_BLOCK: Final = 1024**2
_ROOM_CODES: Final = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_IOERR_SHMSIZE,
        sqlite3.SQLITE_IOERR_TRUNCATE,
    }
)
"""A full disk, and how file systems that allocate late say the same."""


def is_about_room(error: sqlite3.Error) -> bool:
    """Whether more room on the disk may mend an error of SQLite.

    Example:
        >>> is_about_room(sqlite3.OperationalError("made by hand: no code"))
        False
    """
    return getattr(error, "sqlite_errorcode", None) in _ROOM_CODES


def room_words(error: sqlite3.Error) -> str:
    """What an error about room says of the disk, no more than is known.

    Example:
        >>> full = sqlite3.OperationalError("database or disk is full")
        >>> full.sqlite_errorcode = sqlite3.SQLITE_FULL
        >>> room_words(full)
        'is full'
    """
    code = getattr(error, "sqlite_errorcode", None)
    return "is full" if code == sqlite3.SQLITE_FULL else "takes no more"


class Reserve:
    """The reserve of one journal: there, or given back."""

    def __init__(self, journal: Path) -> None:
        self._path = beside(journal, ".reserve")

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._path

    @property
    def size_bytes(self) -> int:
        """What it holds now; 0 when it was given back or never kept."""
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def keep(self, size_bytes: int = RESERVE_BYTES) -> bool:
        """Take the room now; a reserve of that size that is there already stays.

        Returns:
            Whether it is there, whole. A disk without room for it leaves nothing.
        """
        if self.size_bytes == size_bytes:
            return True
        draft = self._path.with_name(self._path.name + ".new")
        try:
            _allocate(draft, size_bytes)
            draft.replace(self._path)
            sync_folder(self._path.parent)
        except OSError:
            draft.unlink(missing_ok=True)
            return False
        return True

    def give_back(self) -> bool:
        """Free the room. Whether there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True


def _allocate(path: Path, size_bytes: int) -> None:
    """Make a file of real blocks, not of a promise of them."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size_bytes)
        else:
            _fill(descriptor, size_bytes)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fill(descriptor: int, size_bytes: int) -> None:
    """Write every block; zeros may be left out by a file system that compresses."""
    left = size_bytes
    while left > 0:
        left -= os.write(descriptor, os.urandom(min(left, _BLOCK)))
