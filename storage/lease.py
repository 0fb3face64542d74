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

from bot.domain.errors import RefusedError

__all__ = ["AccountLease"]


class AccountLease:
    """The right to trade one account; make one with ``take``."""

    @staticmethod
    @contextmanager
    def take(uid: str, folder: Path | None = None) -> Iterator[None]:
        """Hold the lease for as long as the block runs.

        Args:
            uid: The account's number.
            folder: Where leases lie; the user's own folder when None.

        Raises:
            RefusedError: Another process holds it, or the folder cannot be written.
        """
        where = folder or Path.home() / ".gnomon"
        safe = "".join(c for c in uid if c.isalnum())
        path = where / f"account-{safe}.lease"
        try:
            where.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise RefusedError(
                f"The account's lease {path} cannot be written: {error.strerror}."
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise RefusedError(
                f"Another process on this machine trades account {uid}; stop that one "
                "first, or ask it with an operator's command."
            ) from None
        try:
            yield
        finally:
            os.close(descriptor)
