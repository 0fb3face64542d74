"""Windows and pages of KuCoin's lists, the spot host's two ways.

Either ``currentPage`` and ``pageSize``, or ``lastId`` and ``limit``: there the rows
before ``lastId`` follow, newest first. A window that is wider than the endpoint
allows is refused. Nothing here knows what a row holds.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

from connectors.venue.server.asks import invalid, query_time, query_whole
from connectors.venue.server.calls import Call

__all__ = ["PAGE_SIZES", "newest_between", "numbered_page", "rows_before", "window"]

T = TypeVar("T")

PAGE_SIZES: Final = (10, 500)
"""The smallest and the largest ``pageSize``."""

_LAST_ID: Final = 10**18


def window(
    call: Call, most: timedelta, start: str = "startAt", end: str = "endAt"
) -> tuple[datetime, datetime]:
    """The span of time that a query asks for, both ends included.

    With one end the other lies ``most`` away; without both it ends now.

    Raises:
        ProblemError: It is wider than ``most``, or ends before it starts.
    """
    first, last = query_time(call, start), query_time(call, end)
    if first is None:
        last = call.at if last is None else last
        first = last - most
    elif last is None:
        last = first + most
    if last < first:
        raise invalid(f"{end} must not be before {start}.")
    if last - first > most:
        hours = most // timedelta(hours=1)
        raise invalid(f"The time range of one query cannot exceed {hours} hours.")
    return first, last


def newest_between(
    oldest_first: Sequence[T],
    span: tuple[datetime, datetime],
    at: Callable[[T], datetime],
) -> Iterator[T]:
    """The records of a span of time, newest first; older ones are not looked at.

    Example:
        >>> from datetime import UTC
        >>> days = [datetime(2025, 1, day, tzinfo=UTC) for day in (1, 2, 3, 4)]
        >>> [d.day for d in newest_between(days, (days[1], days[2]), lambda d: d)]
        [3, 2]
    """
    first, last = span
    for record in reversed(oldest_first):
        when = at(record)
        if when < first:
            return
        if when <= last:
            yield record


def numbered_page(
    call: Call, newest_first: Sequence[T], word: Callable[[T], object]
) -> dict[str, object]:
    """The page that ``currentPage`` and ``pageSize`` ask for, with its totals."""
    number = query_whole(call, "currentPage", 1, 1, 10**6)
    size = query_whole(call, "pageSize", 50, *PAGE_SIZES)
    total = len(newest_first)
    rows = newest_first[(number - 1) * size : number * size]
    return {
        "currentPage": number,
        "pageSize": size,
        "totalNum": total,
        "totalPage": -(-total // size),
        "items": [word(row) for row in rows],
    }


def rows_before(
    call: Call, newest_first: Sequence[T], number: Callable[[T], int], most: int = 100
) -> tuple[list[T], int]:
    """The rows with numbers below ``lastId``, at most ``limit``, and the last one's.

    Args:
        call: Its ``lastId`` may be absent: then the newest rows come.
        newest_first: All rows that match.
        number: The number of a row.
        most: The largest ``limit``; the default is KuCoin's.

    Returns:
        The rows and what to send as ``lastId`` for the next page; 0 without rows.
    """
    default = 100 if most > 100 else 20  # noqa: PLR2004 - KuCoin's two defaults
    limit = query_whole(call, "limit", default, 1, most)
    last = query_whole(call, "lastId", 0, 0, _LAST_ID)
    rows = [row for row in newest_first if last == 0 or number(row) < last][:limit]
    return rows, number(rows[-1]) if rows else last
