"""Increments of the order books: the difference of two rebuilt books.

The venue rebuilds its book at every price; what changed since the last look is what a
stream of increments tells. A level that is gone has size zero. Sequences are made of
the market's time, so that the books of REST carry comparable ones: an increment
applies when its number is above the book's. Spot counts milliseconds in ranges without
a hole, futures a number for each change.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.money import ZERO, plain
from connectors.venue.book import Level
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import FUTURES_HOST
from connectors.venue.server.futures_market_handlers import book_levels, moved_at
from connectors.venue.server.pushes import Push
from connectors.venue.server.words_futures_common import ms

__all__ = ["BOOK_HEADS", "BookPushes"]

BOOK_HEADS: Final = {
    "/market/level2": "trade.l2update",
    "/contractMarket/level2": "level2",
}
"""The topics of increments with their subjects."""

_Side = dict[Decimal, Decimal]


class BookPushes:
    """The books that were told last, of the symbols that somebody watches."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._told: dict[str, tuple[_Side, _Side]] = {}
        self._numbers: dict[str, int] = {}

    def forget(self, symbol: str) -> None:
        """Nobody watches a symbol any more: begin anew with the next one."""
        self._told.pop(symbol, None)
        self._numbers.pop(symbol, None)

    def of(self, host: str, symbol: str, at: datetime) -> Iterator[Push]:
        """The increments since the last call; the first call only looks."""
        bids, asks = (
            _sizes(levels) for levels in book_levels(self._backend, symbol, at)
        )
        before = self._told.get(symbol)
        number = ms(moved_at(self._backend))
        last = self._numbers.get(symbol, number)
        self._told[symbol], self._numbers[symbol] = (bids, asks), max(number, last)
        if before is None:
            return
        changes = [("buy", *change) for change in _changes(before[0], bids)]
        changes += [("sell", *change) for change in _changes(before[1], asks)]
        if not changes or number <= last:
            return
        if host == FUTURES_HOST:
            yield from _futures(symbol, changes, number)
        else:
            yield _spot(symbol, changes, (last + 1, number))


def _sizes(levels: Sequence[Level]) -> _Side:
    found: _Side = {}
    for level in levels:
        found[level.price] = found.get(level.price, ZERO) + level.qty
    return found


def _changes(before: _Side, after: _Side) -> list[tuple[Decimal, Decimal]]:
    """Prices whose size is another now; gone ones with size zero.

    Example:
        >>> one, two, three = Decimal(1), Decimal(2), Decimal(3)
        >>> _changes({one: two, two: two}, {two: three})
        [(Decimal('1'), Decimal('0')), (Decimal('2'), Decimal('3'))]
    """
    return [
        (price, after.get(price, ZERO))
        for price in sorted({*before, *after})
        if before.get(price) != after.get(price)
    ]


def _futures(
    symbol: str, changes: Sequence[tuple[str, Decimal, Decimal]], number: int
) -> Iterator[Push]:
    topic = f"/contractMarket/level2:{symbol}"
    for place, (side, price, size) in enumerate(changes):
        yield Push(
            subject="level2",
            topics=(topic,),
            data={
                "sequence": number * 1000 + place,
                "change": f"{plain(price)},{side},{int(size)}",
                "timestamp": number,
            },
        )


def _spot(
    symbol: str,
    changes: Sequence[tuple[str, Decimal, Decimal]],
    numbers: tuple[int, int],
) -> Push:
    topic = f"/market/level2:{symbol}"
    first, last = numbers
    sides = {
        word: [
            [plain(p), plain(size), str(last)] for s, p, size in changes if s == side
        ]
        for word, side in (("asks", "sell"), ("bids", "buy"))
    }
    return Push(
        subject="trade.l2update",
        topics=(topic,),
        data={
            "changes": sides,
            "sequenceEnd": last,
            "sequenceStart": first,
            "symbol": symbol,
            "time": last,
        },
    )
