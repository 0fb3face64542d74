"""Whether a strategy is pure: what its file imports, and whether it repeats itself.

A strategy that reads a clock, a file, a network or chance cannot be replayed. Its
own file is read for such imports and calls; a ``Witness`` asks two strategies made
alike about the same view and compares. What a helper module of the trader's does is
seen only by its effects. Nothing here runs a market.
"""

import ast
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bot.domain.errors import UsageError
from bot.domain.fence import Fault
from bot.domain.intents import Proposal
from bot.domain.strategy import Job, Strategy, View
from bot.engine.answers import read_answer, taken

__all__ = ["Witness", "impure_lines"]

_MODULES: Final = frozenset(
    {
        *("aiohttp", "asyncio", "ccxt", "concurrent", "ftplib", "http", "httpx"),
        *("io", "logging", "multiprocessing", "os", "pathlib", "pickle", "random"),
        *("requests", "secrets", "shelve", "shutil", "signal", "smtplib", "socket"),
        *("sqlalchemy", "sqlite3", "sqlmodel", "ssl", "subprocess", "sys", "tempfile"),
        *("threading", "time", "urllib", "urllib3", "uuid", "websockets"),
    }
)
"""Modules that reach out of the process or differ from run to run."""

_CALLS: Final = frozenset(
    {"open", "print", "input", "exec", "eval", "compile", "__import__", "hash", "id"}
)
_CLOCKS: Final = frozenset({"now", "utcnow", "today"})


def impure_lines(path: Path) -> tuple[str, ...]:
    """What in a strategy's file reaches out of it, a sentence for each line.

    Raises:
        UsageError: The file cannot be read as Python.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{path} is not Python: {error}.") from None
    return tuple(
        f"line {getattr(node, 'lineno', 0)} of {path.name}: {words}"
        for node in ast.walk(tree)
        for words in _complaints(node)
    )


def _complaints(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            for alias in names:
                yield from _imports(alias.name)
        case ast.ImportFrom(module=str(module)):
            yield from _imports(module)
        case ast.Call(func=ast.Name(id=name)) if name in _CALLS:
            yield f"{name}() does not belong into a strategy"
        case ast.Call(func=ast.Attribute(attr=name)) if name in _CLOCKS:
            yield f"{name}() reads a clock; use view.at or due_at"
        case ast.Global():
            yield "global keeps state; a strategy keeps none"
        case _:
            return


def _imports(module: str) -> Iterator[str]:
    if module.partition(".")[0] in _MODULES:
        yield f"imports {module}, which reaches out of the process or is chance"


class Witness:
    """A strategy that is asked twice: it and its double must answer alike.

    The double is made anew from the same settings, so that neither sees what the
    other may have kept.
    """

    def __init__(self, strategy: Strategy, double: Strategy) -> None:
        self._strategy = strategy
        self._double = double
        self.asked = 0
        self.differed: datetime | None = None
        """When the two first answered differently."""
        self.longest_s = 0.0

    @property
    def name(self) -> str:
        """That of the strategy."""
        return self._strategy.name

    @property
    def jobs(self) -> Sequence[Job]:
        """Those of the strategy."""
        return self._strategy.jobs

    @property
    def claims(self) -> frozenset[str]:
        """Those of the strategy."""
        return self._strategy.claims

    def decide(self, view: View, due_at: datetime) -> Sequence[Proposal]:
        """What the strategy says, when it was timed and compared.

        An answer that cannot be used is handed on as it is: the engine says why.
        """
        self.asked += 1
        began = time.perf_counter()
        first: Any = taken(self._strategy.decide(view, due_at))
        self.longest_s = max(self.longest_s, time.perf_counter() - began)
        answer: Sequence[Proposal] = first
        if isinstance(read_answer(self.name, first), Fault):
            return answer
        again = taken(self._strategy.decide(view, due_at))
        other = taken(self._double.decide(view, due_at))
        if self.differed is None and not first == again == other:
            self.differed = view.at
        return answer
