"""Rows that are kept for a report: the newest so many, and how many were dropped."""

from collections import deque
from typing import Generic, TypeVar

__all__ = ["ROWS_MAX", "Kept"]

ROWS_MAX = 5_000
"""Rows of one kind that a report keeps; the journal holds all of them."""

Row = TypeVar("Row")


class Kept(Generic[Row]):
    """A list that forgets its oldest rows and counts what it forgot.

    Example:
        >>> kept = Kept[int](2)
        >>> for number in range(5):
        ...     kept.add(number)
        >>> kept.rows(), kept.dropped
        ((3, 4), 3)
    """

    def __init__(self, most: int = ROWS_MAX) -> None:
        self._rows: deque[Row] = deque(maxlen=most)
        self._count = 0

    def add(self, row: Row) -> None:
        """Keep a row; the oldest leaves when there is no room."""
        self._rows.append(row)
        self._count += 1

    def replace_last(self, row: Row) -> None:
        """Put a row in the place of the newest one.

        Raises:
            IndexError: There is no row yet.
        """
        self._rows[-1] = row

    def rows(self) -> tuple[Row, ...]:
        """What is kept, oldest first."""
        return tuple(self._rows)

    def newest(self, count: int) -> tuple[Row, ...]:
        """The newest rows, oldest of them first."""
        start = max(len(self._rows) - count, 0)
        return tuple(self._rows[place] for place in range(start, len(self._rows)))

    @property
    def dropped(self) -> int:
        """How many rows were forgotten."""
        return self._count - len(self._rows)
