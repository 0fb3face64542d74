"""The small files beside a journal, and the disk below it.

``NAME.head`` says which row was committed last, so that a journal that lost its
end is told from one that is whole; it is replaced as a whole after each commit.
``NAME.lock`` is held by the one process that writes and vanishes with it. This
module must not read the journal itself.
"""

import fcntl
import os
import re
from pathlib import Path
from time import perf_counter
from typing import Final, Self

from bot.domain.errors import JournalError
from storage.chain import GENESIS, Head

__all__ = [
    "WriterLock",
    "beside",
    "measure_fsync_ms",
    "read_head",
    "set_aside",
    "sync_folder",
    "write_head",
]

_HEAD: Final = re.compile(r"(\d{1,18}) ([0-9a-f]{64})\n")
_FAMILY: Final = ("-wal", "-shm", "", ".head")
"""A journal and what belongs to it. The head goes last: should we die half-way,
it still tells that the journal lost its end."""


def beside(path: Path, suffix: str) -> Path:
    """The file next to a journal: its whole name and a suffix.

    Example:
        >>> beside(Path("runs/a.sqlite"), ".head").name
        'a.sqlite.head'
    """
    return path.with_name(path.name + suffix)


def write_head(path: Path, head: Head, *, durable: bool = False) -> None:
    """Replace the head file as a whole; ``durable`` also waits for the disk."""
    target, draft = beside(path, ".head"), beside(path, ".head.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.write(descriptor, f"{head.seq} {head.hash}\n".encode())
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(target)
    if durable:
        sync_folder(path.parent)


def read_head(path: Path) -> Head | None:
    """The anchor of a journal, or None when there is no head file (or an empty one).

    Raises:
        JournalError: The head file holds something else.
    """
    target = beside(path, ".head")
    try:
        text = target.read_bytes().decode("ascii", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise JournalError(f"{target} cannot be read: {error.strerror}.") from error
    if not text:
        return None
    match = _HEAD.fullmatch(text)
    if match is None:
        raise JournalError(
            f"{target} is damaged: it does not hold a row number and a hash. If the "
            f"journal beside it is known to be whole, delete the head file."
        )
    head = Head(int(match[1]), match[2])
    return GENESIS if head.seq == 0 else head


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_aside(path: Path) -> Path | None:
    """Rename a journal and its side files to the first free ``NAME.old-N``.

    Returns:
        The new name of the journal, or None when there was nothing to keep.
    """
    there = [suffix for suffix in _FAMILY if beside(path, suffix).exists()]
    if not there:
        return None
    number = 1
    while any(beside(path, f".old-{number}{end}").exists() for end in _FAMILY):
        number += 1
    for suffix in there:
        beside(path, suffix).rename(beside(path, f".old-{number}{suffix}"))
    sync_folder(path.parent)
    return beside(path, f".old-{number}")


class WriterLock:
    """The right to write one journal; the kernel takes it back when we die."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, journal: Path) -> Self:
        """Take the lock now.

        Raises:
            JournalError: Another process holds it, or the folder is not writable.
        """
        path = beside(journal, ".lock")
        while True:
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            except OSError as error:
                raise JournalError(
                    f"{journal} cannot be locked for writing: {error.strerror}."
                ) from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(descriptor)
                raise JournalError(
                    f"{journal} is in use by another process; stop that one first, "
                    f"or name another journal."
                ) from error
            if _is_still(path, descriptor):
                return cls(path, descriptor)
            os.close(descriptor)

    def release(self) -> None:
        """Give the lock back and remove its file; a second call does nothing."""
        if self._descriptor < 0:
            return
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the name still leads to the file that we locked."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def measure_fsync_ms(folder: Path, rounds: int = 5) -> float:
    """How long the disk takes to make 200 bytes durable: the middle of some tries.

    Returns:
        Milliseconds; a figure for a note to the operator, never for a journal.
    """
    probe = folder / ".fsync-probe"
    times = []
    descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        for _ in range(rounds):
            begun = perf_counter()
            os.write(descriptor, b"x" * 200)
            os.fsync(descriptor)
            times.append((perf_counter() - begun) * 1000)
    finally:
        os.close(descriptor)
        probe.unlink()
    return sorted(times)[len(times) // 2]
