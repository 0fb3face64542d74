"""The fence around code that is not ours: whatever it raises becomes a sentence.

A strategy's file is its author's. What it raises when it is imported or asked stops
that strategy and nothing else, so here, and nowhere else in the house, an error that
nobody named is caught. It must not be used for our own code: a bug of ours ends the
process.
"""

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, TypeVar

__all__ = ["Fault", "fenced", "shown"]

_Answer = TypeVar("_Answer")
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]+")
_LONGEST: Final = 300
_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Fault:
    """What foreign code raised, as the middle of a sentence, the same in every run.

    ``verb`` is ``returned`` where it raised nothing and its answer cannot be used.

    Example:
        >>> found = fenced(lambda: 1 // 0)
        >>> isinstance(found, Fault) and found.text.partition(",")[0]
        'ZeroDivisionError: integer division or modulo by zero'
    """

    text: str
    verb: str = "raised"

    @property
    def sentence(self) -> str:
        """What it did, to stand after its name."""
        return f"{self.verb} {self.text}"


def fenced(call: Callable[[], _Answer]) -> _Answer | Fault:
    """What the call answers, or what it raised.

    Only an interrupt of the whole process (Ctrl-C) passes. What waits is not fenced:
    a cancellation that arises here is the foreign code's own word.

    Example:
        >>> fenced(lambda: 3)
        3
    """
    try:
        return call()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - foreign code may raise anything
        return Fault(_sentence(error))


def shown(value: object) -> str:
    """A foreign value as a sentence shows it: short, the same in every run.

    Call it behind the fence: the value says itself what it looks like.

    Example:
        >>> shown(0.5), shown(object())
        ('0.5', '<object object at 0x>')
    """
    words = _plain(repr(value))
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}..."


def _plain(words: str) -> str:
    """Words on one line, without what differs from run to run or cannot be written."""
    written = words.encode(errors="backslashreplace").decode()
    return " ".join(_ADDRESS.sub("0x", written).split())


def _sentence(error: BaseException) -> str:
    """The error's name, its words and the last line of code that it passed."""
    told = traceback.TracebackException(type(error), error, None)
    said = _plain(str(told))[:_LONGEST]
    words = f"{type(error).__name__}: {said}" if said else type(error).__name__
    if isinstance(error, SyntaxError):
        return words
    frames = traceback.extract_tb(error.__traceback__)
    if len(frames) <= 1:
        return words
    last = frames[-1]
    return f"{words}, at line {last.lineno} of {PurePath(last.filename).name}"
