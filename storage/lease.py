"""One process for one account on this machine, whatever journal it writes.

Two journals of one account would each believe the other's trades to be foreign.
The lease is a lock file in the user's own folder, named by the account; the kernel
takes it back when the process dies. Other machines are not covered: there foreign
orders with our own kind of id are the sign.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bot.domain.errors import AccountBusyError, RefusedError

__all__ = ["AccountLease"]

_PATH_MAX: Final = 4096


class AccountLease:
    """The right to trade one account; make one with ``take``."""

    @staticmethod
    @contextmanager
    def take(uid: str, journal: Path, folder: Path | None = None) -> Iterator[None]:
        """Hold the lease for as long as the block runs.

        Args:
            uid: The account's number.
            journal: What the holder writes; told to whoever comes second.
            folder: Where leases lie; the user's own folder when None.

        Raises:
            AccountBusyError: Another process holds it.
            RefusedError: The folder cannot be written.
        """
        path = (folder or Path.home() / ".gnomon") / f"account-{_safe(uid)}.lease"
        descriptor = _opened(path)
        try:
            _lock(descriptor, uid)
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(journal.absolute()).encode())
            yield
        finally:
            os.close(descriptor)


def _safe(uid: str) -> str:
    """The part of a number that can be in a file's name.

    Example:
        >>> _safe("../165")
        '165'
    """
    return "".join(c for c in uid if c.isalnum())


def _opened(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise RefusedError(
            f"The account's lease {path} cannot be written: {error.strerror}."
        ) from None


def _lock(descriptor: int, uid: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        journal = os.read(descriptor, _PATH_MAX).decode(errors="replace")
        where = f" and writes {journal}" if journal else ""
        asked = f"--journal {journal}" if journal else "its --journal"
        raise AccountBusyError(
            f"Another process on this machine trades account {uid}{where}; stop that "
            f"one first, or ask it through an operator's command with {asked}."
        ) from None
