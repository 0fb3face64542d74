"""Small arithmetic of books: balances after postings, positions that changed.

Pure functions; nothing here remembers or reads.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from bot.domain.accounts import AccountId, Balance, Position, PositionKey
from bot.domain.events import Bucket, LedgerBooked, PositionChanged, Posting
from bot.domain.instruments import Lots
from bot.domain.money import ZERO, plain
from connectors.kucoin.books import Explained
from connectors.kucoin.futures_books import TOLERANCE

__all__ = [
    "EMPTY",
    "adjustment_notes",
    "after_bookings",
    "at_our_cost",
    "bookings_of",
    "contracts_of",
    "differ",
    "is_near",
    "position_changes",
]

EMPTY: Final = Balance()


def after_bookings(
    balances: Mapping[AccountId, Mapping[str, Balance]],
    bookings: Iterable[LedgerBooked],
) -> dict[AccountId, dict[str, Balance]]:
    """The balances after some bookings; earmarked margin is none."""
    after = {name: dict(held) for name, held in balances.items()}
    for booked in bookings:
        for posting in booked.postings:
            coins = after.setdefault(posting.account, {})
            line = _posted(coins.get(posting.coin, EMPTY), posting)
            coins[posting.coin] = line
            if line == EMPTY:
                del coins[posting.coin]
    return after


def _posted(line: Balance, posting: Posting) -> Balance:
    if posting.bucket is Bucket.BALANCE:
        return replace(line, total=line.total + posting.amount)
    if posting.bucket is Bucket.PRINCIPAL:
        return replace(line, principal=line.principal + posting.amount)
    if posting.bucket is Bucket.INTEREST:
        return replace(line, interest=line.interest + posting.amount)
    return line


def differ(ours: Balance, theirs: Balance) -> bool:
    """Whether amounts differ; a hold is no amount, and a split is none either."""
    return (ours.total, ours.liability) != (theirs.total, theirs.liability)


def is_near(ours: Position | None, theirs: Position | None) -> bool:
    """Whether two positions are one but for the digits that are printed."""
    if ours is None or theirs is None:
        return ours is theirs
    allowed = TOLERANCE * abs(theirs.entry_value)
    is_same_cost = abs(ours.entry_value - theirs.entry_value) <= allowed
    return ours.lots == theirs.lots and is_same_cost


def at_our_cost(
    ours: Mapping[PositionKey, Position], theirs: Mapping[PositionKey, Position]
) -> dict[PositionKey, Position]:
    """The stated positions, at the cost that their fills make where that is theirs.

    The exchange states an average price with so many digits; the cost that follows
    from it is off by what they leave out, the sum of the fills is not.
    """
    return {
        key: replace(stated, entry_value=mine.entry_value)
        if (mine := ours.get(key)) is not None and is_near(mine, stated)
        else stated
        for key, stated in theirs.items()
    }


def position_changes(
    at: datetime,
    rows: Sequence[Explained],
    before: Mapping[PositionKey, Position],
    after: Mapping[PositionKey, Position],
) -> Iterator[PositionChanged]:
    """What to tell of positions; a rank in the queue alone is no change."""
    fills = [row.fill for row in rows if row.futures_fill is not None and row.fill]
    forced = {fill.symbol: fill.forced for fill in fills}
    for key in sorted({*before, *after}):
        was = before.get(key)
        now = after.get(key) or _closed(before[key])
        if was is not None and replace(was, adl_rank=now.adl_rank) == now:
            continue
        reason = "margin" if was is not None and was.lots == now.lots else "foreign"
        if key.symbol in forced:
            reason = forced[key.symbol] or "trade"
        yield PositionChanged(at=at, position=now, reason=reason)


def _closed(position: Position) -> Position:
    return replace(position, lots=Lots(0), entry_value=ZERO, margin=ZERO)


def adjustment_notes(bookings: Iterable[LedgerBooked]) -> list[str]:
    """A sentence for every booking that no row explains."""
    return [
        f"{posting.account} {posting.coin}: {plain(posting.amount)} were booked as "
        f"{booked.cause.value} ({posting.bucket.value}), since no row explains them."
        for booked in bookings
        if booked.entry_id.startswith("residue:")
        for posting in booked.postings
    ]


def bookings_of(rows: Iterable[Explained]) -> list[LedgerBooked]:
    """What rows book on their own."""
    return [booked for row in rows for booked in row.bookings]


def contracts_of(rows: Iterable[Explained]) -> set[str]:
    """The contracts that traded; one may have been opened and closed again."""
    fills = (row.futures_fill for row in rows)
    return {fill.symbol for fill in fills if fill is not None}
