"""Everything that can go wrong, split by what the reader should do about it.

::

    GnomonError
    |-- UsageError          exit 2: settings, arguments or an input file are wrong
    |-- UnreachableError    exit 3: an exchange or a remote source does not answer
    |-- RefusedError        exit 4: stopped by a limit, by arming or by the exchange
    |   `-- AccountBusyError    another process trades the account; it may end soon
    `-- JournalError        exit 5: the journal is missing, damaged, locked or newer
        `-- JournalUnwritableError  it takes no rows now; they wait in memory

Each message is a sentence that says what is wrong, where, and what to do. No
message ever carries a secret. Anything else that escapes is a bug (exit 1).
"""

from typing import ClassVar

__all__ = [
    "AccountBusyError",
    "GnomonError",
    "JournalError",
    "JournalUnwritableError",
    "RefusedError",
    "UnreachableError",
    "UsageError",
]


class GnomonError(Exception):
    """The base of every error that a person can act on."""

    exit_code: ClassVar[int] = 1


class UsageError(GnomonError):
    """An argument, a setting or an input file is wrong; nothing was done."""

    exit_code = 2


class UnreachableError(GnomonError):
    """The exchange or a remote source does not answer; try again later."""

    exit_code = 3


class RefusedError(GnomonError):
    """A limit, the arming or the exchange refused; read the reason first."""

    exit_code = 4


class AccountBusyError(RefusedError):
    """Another process of this machine trades the account; a short one ends soon."""


class JournalError(GnomonError):
    """The journal is missing, damaged, locked by another process, or newer."""

    exit_code = 5


class JournalUnwritableError(JournalError):
    """The journal takes no rows now; they wait in memory, and a later try may store."""
