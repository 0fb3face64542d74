"""Walking a long list of the exchange: window by window, page by page.

KuCoin limits both how much time one question may span and how many rows one answer
holds. The newest window is asked for without an end, so that a clock that is behind
hides no row. Pages may shift while they are read: whoever reads drops duplicates by
id. Every walk has a limit. Nothing here knows what the rows mean.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.domain.errors import UnreachableError
from connectors.kucoin.answers import Rest, Urgency
from connectors.kucoin.cursors import to_ms
from connectors.kucoin.endpoints import ENDPOINTS, Paging
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.paging import PageEnd, page_end

__all__ = ["PAGES_MAX", "Walk", "walk", "windows"]

PAGES_MAX: Final = 200
"""Pages of one window; the exchange's busiest account has fewer rows."""
_WINDOWS_MAX: Final = 1000
_MS: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One list and how it may be asked: names of KuCoin's parameters and limits.

    ``page_size`` is the largest the endpoint takes, ``window`` the longest span.
    """

    endpoint: str
    page_size: int
    window: timedelta
    size_name: str = "limit"
    start_name: str = "startAt"
    end_name: str = "endAt"


def windows(
    since: datetime, until: datetime, longest: timedelta
) -> Iterator[tuple[datetime, datetime | None]]:
    """The spans to ask for, oldest first; the last one has no end.

    Example:
        >>> from datetime import UTC
        >>> day, hour = timedelta(days=1), timedelta(hours=1)
        >>> start = datetime(2025, 1, 1, tzinfo=UTC)
        >>> [(a.hour, b and b.hour) for a, b in windows(start, start + day + hour, day)]
        [(0, 23), (0, None)]
    """
    while since + longest <= until:
        yield since, since + longest - _MS
        since += longest
    yield since, None


async def walk(
    rest: Rest,
    how: Walk,
    params: Mapping[str, str],
    span: tuple[datetime, datetime],
    urgency: Urgency,
) -> list[Node]:
    """Every page of a list from a time until now, oldest window first.

    Args:
        rest: The exchange.
        how: The endpoint and its limits.
        params: What else the endpoint wants.
        span: Since when, and now, in the exchange's time.
        urgency: Whether the guard asks.

    Raises:
        ExchangeRefusedError: The exchange refuses the question.
        UnreachableError: No sound answer, or the list has no end.
    """
    since, until = span
    pages: list[Node] = []
    for count, (start, end) in enumerate(windows(since, until, how.window)):
        if count >= _WINDOWS_MAX:
            raise _endless(how)
        asked = {**params, how.start_name: str(to_ms(start))}
        if end is not None:
            asked[how.end_name] = str(to_ms(end))
        pages += await _window(rest, how, asked, urgency)
    return pages


async def _window(
    rest: Rest, how: Walk, params: Mapping[str, str], urgency: Urgency
) -> list[Node]:
    asked = {**params, how.size_name: str(how.page_size)}
    pages: list[Node] = []
    while True:
        page = await rest.read(how.endpoint, asked, urgency=urgency)
        pages.append(page)
        more = _next(how, page_end(page), len(pages))
        if more is None or more.items() <= asked.items():
            return pages
        if len(pages) >= PAGES_MAX:
            raise _endless(how)
        asked = {**asked, **more}


def _next(how: Walk, end: PageEnd, count: int) -> Mapping[str, str] | None:
    """What to ask for the page behind this one; None where this is the last."""
    paging = ENDPOINTS[how.endpoint].pages
    if paging is Paging.PAGE:
        is_last = end.rows == 0 or (
            end.rows < how.page_size if end.pages is None else count >= end.pages
        )
        return None if is_last else {paging.value: str(count + 1)}
    if paging is Paging.OFFSET:
        is_last = end.has_more is not True
    else:
        is_last = end.rows < how.page_size
    if is_last or end.last_id is None:
        return None
    return {paging.value: end.last_id}


def _endless(how: Walk) -> UnreachableError:
    return UnreachableError(
        f"KuCoin's list {how.endpoint} has more than {PAGES_MAX} pages or "
        f"{_WINDOWS_MAX} windows; read the account anew from a fresh journal."
    )
