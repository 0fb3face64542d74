"""How every command speaks to a person: one sentence on standard error, signed.

The name stands before each sentence, so that a log of several programs says who
spoke, and foreign text in it can steer no terminal. It ends nothing.
"""

import sys
from contextlib import suppress

from bot.report.figures import clean

__all__ = ["say"]


def say(sentence: str) -> None:
    """Print a sentence; where standard error is on a full disk the code still tells."""
    with suppress(OSError):
        sys.stderr.write(f"gnomon: {clean(sentence)}\n")
