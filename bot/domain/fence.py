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

__all__ = ["Fault", "fenced"]

_Answer = TypeVar("_Answer")
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]+")
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Fault:
    """What foreign code raised, as the middle of a sentence, the same in every run.

    Example:
        >>> found = fenced(lambda: 1 // 0)
        >>> isinstance(found, Fault) and found.text.partition(",")[0]
        'ZeroDivisionError: integer division or modulo by zero'
    """

    text: str


def fenced(call: Callable[[], _Answer]) -> _Answer | Fault:
    """What the call answers, or what it raised.

    Only an interrupt of the whole process (Ctrl-C) passes.

    Example:
        >>> fenced(lambda: 3)
        3
    """
    try:
        return call()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code may raise anything
        return Fault(_sentence(error))


def _sentence(error: BaseException) -> str:
    """The error's name, its words and the last line of code that it passed."""
    said = " ".join(_ADDRESS.sub("0x", str(error)).split())[:_LONGEST]
    words = f"{type(error).__name__}: {said}" if said else type(error).__name__
    if isinstance(error, SyntaxError):
        return words
    frames = traceback.extract_tb(error.__traceback__)
    if len(frames) <= 1:
        return words
    last = frames[-1]
    return f"{words}, at line {last.lineno} of {PurePath(last.filename).name}"
