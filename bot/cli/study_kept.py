"""A file of a study's finished jobs, a line each: ``--kept FILE``.

A line is written and made durable as soon as its job is finished. A last line that a
kill cut short is left out, any other line that cannot be read is an error: nothing is
guessed and nothing is overwritten. One study at a time writes to it.
"""

import fcntl
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bot.domain.errors import UsageError
from bot.study.rows import Row

__all__ = ["KeptFile"]

_BEGINS: Final = '{"job": "'


class KeptFile:
    """Finished jobs in a file of JSON lines; it is made where there is none.

    It is this study's until it is closed.

    Raises:
        UsageError: It cannot be written, another study writes to it, or a line of it
            is not one of a study's.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[str, list[Row]] = {}
        try:
            self._file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise self._unfit(error) from error
        try:
            self._begin()
        except UsageError:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        """It is open already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Another study may write to it from here on.

        What could not be written has been said by then.
        """
        with suppress(OSError):
            self._file.close()

    def _begin(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"Another study writes to {self._path}; wait for it, or name another "
                "file with --kept."
            ) from None
        except OSError as error:
            raise self._unfit(error) from error
        try:
            self._file.seek(0)
            text = self._file.read()
        except (OSError, UnicodeDecodeError) as error:
            raise self._unfit(error) from error
        *lines, rest = text.split("\n")
        for number, line in enumerate(lines, start=1):
            self._read(number, line)
        if rest:
            self._cut(len(lines) + 1, rest, len(text.encode()) - len(rest.encode()))

    def find(self, key: str) -> list[Row] | None:
        """The rows of a finished job; None where it is not."""
        return self._rows.get(key)

    def keep(self, key: str, rows: Sequence[Row]) -> None:
        """Remember the rows of a job that has just finished, durably.

        Raises:
            UsageError: The file cannot be written.
        """
        line = json.dumps({"job": key, "rows": list(rows)}) + "\n"
        try:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise UsageError(
                f"The rows of {key} could not be kept: {error}; make room for "
                f"{self._path} and begin again."
            ) from error

    def _cut(self, number: int, rest: str, whole: int) -> None:
        """Leave out what a kill cut short, and nothing that is not ours."""
        if rest[: len(_BEGINS)] != _BEGINS[: len(rest)]:
            raise self._wrong(number)
        self._file.truncate(whole)

    def _read(self, number: int, line: str) -> None:
        try:
            found = json.loads(line)
            key, rows = found["job"], found["rows"]
        except (ValueError, TypeError, KeyError):
            key, rows = None, None
        if not isinstance(key, str) or not isinstance(rows, list):
            raise self._wrong(number)
        self._rows[key] = rows

    def _unfit(self, error: Exception) -> UsageError:
        return UsageError(
            f"{self._path} cannot keep a study's rows: {error}; name another file "
            "with --kept."
        )

    def _wrong(self, number: int) -> UsageError:
        return UsageError(
            f"Line {number} of {self._path} is not a finished job of a study; name "
            "another file with --kept."
        )
