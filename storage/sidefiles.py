"""The small files beside a journal, and the disk below it.

``NAME.head`` says which row was committed last, so that a journal that lost its
end is told from one that is whole. It holds two lines, and each commit overwrites
the older one in place: a torn line is seen by its own check and the other still
stands. (Replacing the file at each commit cost as much as the commit itself.)
``NAME.lock`` is held by the one process that writes and vanishes with it. This
module must not read the journal itself.
"""

import fcntl
import hashlib
import os
import re
from pathlib import Path
from time import perf_counter
from typing import Final, Self

from bot.domain.errors import JournalError
from storage.chain import Head

__all__ = [
    "HeadFile",
    "WriterLock",
    "beside",
    "identity_of",
    "measure_fsync_ms",
    "read_head",
    "require_unmoved",
    "set_aside",
    "sync_folder",
]

_HEAD: Final = re.compile(r"((\d{20}) ([0-9a-f]{64})) ([0-9a-f]{16})\n")
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


def identity_of(path: Path) -> tuple[int, int] | None:
    """Which file a path leads to, by device and number; None when to none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def require_unmoved(path: Path, identity: tuple[int, int] | None) -> None:
    """Refuse to go on with a journal that nobody can find again.

    Raises:
        JournalError: The path leads nowhere, or to another file than ``identity``.
    """
    if identity_of(path) != identity:
        raise JournalError(
            f"The journal {path} was deleted, moved or replaced while it was written: "
            "what was remembered last cannot be found again. The bot has ended and "
            "guards nothing: put the file back if it is still there, and start again; "
            "a new journal begins with the account as it is."
        )


def _line(head: Head) -> bytes:
    text = f"{head.seq:020d} {head.hash}"
    return f"{text} {_check_of(text)}\n".encode()


def _check_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class HeadFile:
    """The head file of a journal that is being written."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._slot = 0

    @classmethod
    def start(cls, path: Path, head: Head) -> Self:
        """Put a fresh head file in place and keep it open.

        Args:
            path: The journal.
            head: Its last committed row.

        Raises:
            OSError: The disk refuses.
        """
        _replace(path, head)
        return cls(path, os.open(beside(path, ".head"), os.O_WRONLY))

    def write(self, head: Head) -> None:
        """Note one more commit: a single small write, not waited for.

        Raises:
            OSError: The disk refuses.
        """
        line = _line(head)
        os.pwrite(self._descriptor, line, self._slot * len(line))
        self._slot = 1 - self._slot

    def close(self, head: Head) -> None:
        """Leave the last head behind, durably.

        Raises:
            OSError: The disk refuses.
        """
        self.release()
        _replace(self._path, head)

    def release(self) -> None:
        """Let go of the file as it stands; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _replace(path: Path, head: Head) -> None:
    """Write both lines to a new file, wait for the disk, and put it in place."""
    target, draft = beside(path, ".head"), beside(path, ".head.new")
    with draft.open("wb") as file:
        file.write(_line(head) * 2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target)
    sync_folder(path.parent)


def read_head(path: Path) -> Head | None:
    """The anchor of a journal, or None when there is no head file (or an empty one).

    Raises:
        JournalError: The head file holds no whole line.
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
    heads = [
        Head(int(match[2]), match[3])
        for match in _HEAD.finditer(text)
        if _check_of(match[1]) == match[4]
    ]
    if not heads:
        raise JournalError(
            f"{target} is damaged: it does not hold a row number and a hash. If the "
            f"journal beside it is known to be whole, delete the head file."
        )
    return max(heads, key=lambda head: head.seq)


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
