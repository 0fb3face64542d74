"""Which rows of the exchange are booked already, and since when to read again.

Every row has one id over all lists, ``list:number`` (``spot:254062248624417``,
``borrow:67187162c0d6990007717b15``, ``fill:BTC-USDT:11040911994273793:buy``); a
booking made from it carries the same id, with a suffix where one row makes two. So
the journal alone can rebuild what was booked. Nothing here reads or books.

Theory of operation. The exchange shows rows late, twice and out of order. A look
therefore reads again from a while before the last look that balanced (``clean``),
and drops what was seen. What is older than ``floor`` was there before the books
were opened, or is too old to be told apart, and is never booked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.domain.accounts import AccountId
from bot.domain.errors import UsageError
from connectors.kucoin.parse.node import at_ms

__all__ = ["KEPT", "SEEN_LIMIT", "Cursors", "row_of", "to_ms", "to_us"]

KEPT: Final = timedelta(hours=6)
"""How long before the last clean look the ids of booked rows are remembered."""
SEEN_LIMIT: Final = 50_000
"""At most so many ids are remembered; the floor rises over those that are not."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FAMILIES: Final = frozenset(
    {
        *("main", "spot", "margin", "borrow", "repay", "interest"),
        *("fill", "futures", "funding"),
    }
)
_SUFFIXES: Final = (":fee", ":pnl")


def to_ms(at: datetime) -> int:
    """Whole milliseconds since 1970, rounded down.

    Example:
        >>> to_ms(datetime(1970, 1, 1, 0, 0, 1, 999, tzinfo=UTC))
        1000
    """
    return (at - _EPOCH) // timedelta(milliseconds=1)


def to_us(at: datetime) -> int:
    """Whole microseconds since 1970: what makes an id of ours unique."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def row_of(entry_id: str) -> str | None:
    """The id of the row that a booking was made from, None if from no row.

    Example:
        >>> row_of("spot:254:fee"), row_of("spot:254"), row_of("adjustment:spot:USDT")
        ('spot:254', 'spot:254', None)
    """
    if entry_id.partition(":")[0] not in _FAMILIES:
        return None
    for suffix in _SUFFIXES:
        entry_id = entry_id.removesuffix(suffix)
    return entry_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursors:
    """What is booked: ids of rows with their times, and when accounts balanced.

    ``clean`` is the time of the last look at which an account's rows explained its
    balances; all times are the exchange's.
    """

    floor: datetime
    seen: Mapping[str, datetime] = field(default_factory=dict)
    clean: Mapping[AccountId, datetime] = field(default_factory=dict)

    @classmethod
    def rebuilt(
        cls,
        floor: datetime,
        balanced_at: datetime,
        accounts: Iterable[AccountId],
        booked: Iterable[tuple[datetime, str]],
    ) -> "Cursors":
        """The cursors that a journal implies.

        Args:
            floor: When the books were opened.
            balanced_at: When they were last known to balance: the last snapshot.
            accounts: The accounts that are kept.
            booked: Time and ``entry_id`` of every ``LedgerBooked``, and time and
                ``"fill:" + trade_id`` of every ``Filled``, at least those since
                ``balanced_at - KEPT``.
        """
        rows = ((row_of(entry_id), at) for at, entry_id in booked)
        return cls(
            floor=floor,
            seen={row: at for row, at in rows if row is not None},
            clean=dict.fromkeys(accounts, balanced_at),
        ).pruned()

    def start(self, accounts: Iterable[AccountId], overlap: timedelta) -> datetime:
        """Since when the rows of some accounts must be read, whole milliseconds."""
        known = [self.clean.get(account, self.floor) for account in accounts]
        since = max(self.floor, min(known, default=self.floor) - overlap)
        return at_ms(to_ms(since))

    def with_seen(self, rows: Mapping[str, datetime]) -> "Cursors":
        """The cursors that know some more rows."""
        return replace(self, seen={**self.seen, **rows})

    def with_clean(self, accounts: Iterable[AccountId], at: datetime) -> "Cursors":
        """The cursors after a look at which these accounts balanced."""
        marks = dict.fromkeys(accounts, at)
        return replace(self, clean={**self.clean, **marks}).pruned()

    def pruned(self) -> "Cursors":
        """The cursors without ids that no look can meet again."""
        oldest = min(self.clean.values(), default=self.floor) - KEPT
        floor = max(self.floor, oldest)
        kept = {row: at for row, at in self.seen.items() if at >= floor}
        if len(kept) > SEEN_LIMIT:
            times = sorted(kept.values(), reverse=True)
            floor = max(floor, times[SEEN_LIMIT // 2] + timedelta(milliseconds=1))
            kept = {row: at for row, at in kept.items() if at >= floor}
        return replace(self, floor=floor, seen=kept)

    def as_texts(self) -> Mapping[str, str]:
        """The same as texts, in a fixed order; ``from_texts`` reads them."""
        texts = {"floor": self.floor.isoformat()}
        texts |= {f"clean {name}": at.isoformat() for name, at in self.clean.items()}
        texts |= {f"seen {row}": at.isoformat() for row, at in self.seen.items()}
        return dict(sorted(texts.items()))

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> "Cursors":
        """Read what ``as_texts`` wrote.

        Raises:
            UsageError: A name is not known, a time is broken, or there is no floor.
        """
        floor: datetime | None = None
        seen: dict[str, datetime] = {}
        clean: dict[AccountId, datetime] = {}
        for name, text in texts.items():
            kind, _, rest = name.partition(" ")
            if kind == "floor":
                floor = _time(name, text)
            elif kind == "clean":
                clean[AccountId(rest)] = _time(name, text)
            elif kind == "seen":
                seen[rest] = _time(name, text)
            else:
                raise UsageError(f"The cursors hold the unknown name {name!r}.")
        if floor is None:
            raise UsageError(
                "The cursors hold no floor; rebuild them from the journal."
            )
        return cls(floor=floor, seen=seen, clean=clean)


def _time(name: str, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise UsageError(f"The cursor {name!r} must be a UTC time, but it is {text!r}.")
    return at.astimezone(UTC)
