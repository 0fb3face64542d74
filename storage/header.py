"""The one thing in a closed journal's bytes that tells how it came about.

SQLite counts in a file's header how many connections have changed it, so a journal
that was killed and resumed would differ in that count from one that was not, and in
nothing else. Readers of a write-ahead-log file do not look at it. This module sets
it to one value, and must not touch a file that anybody has open.
"""

import os
from pathlib import Path
from typing import Final

from storage.sidefiles import beside

__all__ = ["settle_counter"]

_COUNTER: Final = 24
"""Where the change counter is: bytes 24 to 27 of the SQLite file format."""
_VALID_FOR: Final = 92
"""Where the count is for which the header's size of the file holds: 92 to 95."""
_SETTLED: Final = (1).to_bytes(4, "big")


def settle_counter(path: Path) -> None:
    """Set the change counter of a closed journal; one with a log beside it is left.

    Both fields are in one sector and say the same afterwards; if only the first
    were written, SQLite would take the size from the file itself.

    Raises:
        OSError: The disk refuses.
    """
    if beside(path, "-wal").exists():
        return
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.pwrite(descriptor, _SETTLED, _COUNTER)
        os.pwrite(descriptor, _SETTLED, _VALID_FOR)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
