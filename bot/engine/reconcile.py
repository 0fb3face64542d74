"""The exchange's own statement against the shadow, booked to the last digit.

Theory of operation. A snapshot replaces the shadow's amounts. Before it does, every
difference is said in a note and booked, so that the sum of the journal's postings
is the exchange's balance afterwards. A debt whose split between principal and
interest moved while its total did not is interest of the exchange's own making;
any other amount is an adjustment and counts as not explained. Positions and holds
are absolute: they are taken over, and written down where they differ. Nothing here
reads a clock, decides, or changes the shadow beyond these facts.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    AccountId,
    Balance,
    Position,
    PositionKey,
)
from bot.domain.entries import Entry, Noted
from bot.domain.events import (
    Bucket,
    Cause,
    HoldChanged,
    LedgerBooked,
    PositionChanged,
    Posting,
    SnapshotTaken,
)
from bot.domain.instruments import Lots
from bot.domain.money import ZERO, plain
from bot.shadow.apply import apply, leave_unexplained
from bot.shadow.drift import compare
from bot.shadow.state import EMPTY_BALANCE, Shadow

__all__ = ["BookingIds", "Reconciled", "reconcile"]

_ROUNDING: Final = Decimal("0.000001")
"""Share of a position's cost within which its entry and margin may be printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """The shadow as the exchange states it, and the rows that led there, in order.

    ``entries`` ends with the snapshot itself.
    """

    shadow: Shadow
    entries: tuple[Entry, ...]


@dataclass(slots=True)
class BookingIds:
    """Gives the bookings of one step ids out of the run's sequence."""

    epoch: int
    next_seq: int

    def next_booking(self) -> str:
        """An id that nothing else of this run has.

        Example:
            >>> BookingIds(2, 17).next_booking()
            'g2-a0000017'
        """
        self.next_seq += 1
        return f"g{self.epoch}-a{self.next_seq - 1:07d}"


def reconcile(
    shadow: Shadow, taken: SnapshotTaken, next_id: Callable[[], str]
) -> Reconciled:
    """Take over a snapshot.

    A shadow without any books is opened with it: its amounts are booked as the
    opening. A shadow that has books, though no snapshot opened it yet, has been
    told its opening already; only what differs is booked.

    Args:
        shadow: The account as known so far.
        taken: The exchange's statement of the same instant.
        next_id: Gives an id that no other booking has.
    """
    if shadow.is_open:
        facts = _differences(shadow, taken, next_id)
        notes = _drift_notes(shadow, taken)
        unexplained = _unexplained(shadow, taken)
    elif shadow.balances:
        facts = tuple(_adjustments(shadow, taken, next_id))
        notes, unexplained = (), ()
    else:
        facts, notes, unexplained = _opening(shadow, taken), (), ()
    for fact in facts:
        shadow = apply(shadow, fact)
    shadow = leave_unexplained(apply(shadow, taken), unexplained)
    rows: tuple[Noted | LedgerBooked | HoldChanged | PositionChanged, ...]
    rows = (*notes, *facts)
    entries = [Entry(at=taken.at, body=row) for row in rows]
    return Reconciled(shadow=shadow, entries=(*entries, Entry(at=taken.at, body=taken)))


_Fact = LedgerBooked | HoldChanged | PositionChanged


# -- the opening ------------------------------------------------------------


def _opening(shadow: Shadow, taken: SnapshotTaken) -> tuple[_Fact, ...]:
    """Everything the exchange states, as the books' first lines."""
    booked: list[_Fact] = []
    for account in sorted(taken.snapshot.balances):
        for coin, balance in sorted(taken.snapshot.balances[account].items()):
            postings = _postings(account, coin, EMPTY_BALANCE, balance)
            if postings:
                entry_id = f"opening-{account}-{coin}"
                booked.append(_booked(taken, entry_id, Cause.OPENING, postings))
    for key in sorted(taken.snapshot.positions):
        posting = _margin_posting(shadow, key, None, taken.snapshot.positions[key])
        if posting is not None:
            entry_id = f"opening-margin-{key}"
            booked.append(_booked(taken, entry_id, Cause.OPENING, (posting,)))
    return tuple(booked)


# -- the differences --------------------------------------------------------


def _differences(
    shadow: Shadow, taken: SnapshotTaken, next_id: Callable[[], str]
) -> tuple[_Fact, ...]:
    return (
        *_adjustments(shadow, taken, next_id),
        *_margins(shadow, taken, next_id),
        *_positions(shadow, taken),
        *_holds(shadow, taken),
    )


def _adjustments(
    shadow: Shadow, taken: SnapshotTaken, next_id: Callable[[], str]
) -> Iterator[LedgerBooked]:
    for account, coin, ours, theirs in _pairs(shadow, taken):
        postings = _postings(account, coin, ours, theirs)
        if postings:
            cause = Cause.ADJUSTMENT
            if _is_split_only(ours, theirs):
                cause = Cause.INTEREST
            yield _booked(taken, next_id(), cause, postings)


def _margins(
    shadow: Shadow, taken: SnapshotTaken, next_id: Callable[[], str]
) -> Iterator[LedgerBooked]:
    """Isolated margin is earmarked by position; what differs is earmarked anew."""
    for key, ours, theirs in _position_pairs(shadow, taken):
        posting = _margin_posting(shadow, key, ours, theirs)
        if posting is not None:
            yield _booked(taken, next_id(), Cause.ADJUSTMENT, (posting,))


def _positions(shadow: Shadow, taken: SnapshotTaken) -> Iterator[PositionChanged]:
    for _, ours, theirs in _position_pairs(shadow, taken):
        stated = theirs if theirs is not None else _closed(ours)
        if stated is not None and not _is_same(ours, stated):
            yield PositionChanged(at=taken.at, position=stated, reason="reconciled")


def _holds(shadow: Shadow, taken: SnapshotTaken) -> Iterator[HoldChanged]:
    for account, coin, ours, theirs in _pairs(shadow, taken):
        if ours.hold != theirs.hold:
            yield HoldChanged(at=taken.at, account=account, coin=coin, hold=theirs.hold)


def _closed(ours: Position | None) -> Position | None:
    if ours is None:
        return None
    return Position(
        symbol=ours.symbol,
        lots=Lots(0),
        entry_value=ZERO,
        mode=ours.mode,
        side=ours.side,
        leverage=ours.leverage,
    )


def _is_same(ours: Position | None, stated: Position) -> bool:
    if ours is None:
        return stated.lots == 0
    names = ("lots", "entry_value", "margin", "mode", "leverage")
    return all(getattr(ours, name) == getattr(stated, name) for name in names)


# -- the words --------------------------------------------------------------


def _drift_notes(shadow: Shadow, taken: SnapshotTaken) -> tuple[Noted, ...]:
    return tuple(
        Noted(
            topic="drift",
            text=str(drift),
            inputs={
                "where": drift.where,
                "shadow": plain(drift.shadow),
                "exchange": plain(drift.exchange),
            },
        )
        for drift in compare(shadow, taken.snapshot)
    )


def _unexplained(shadow: Shadow, taken: SnapshotTaken) -> tuple[str, ...]:
    """The differences that nothing but an adjustment accounts for."""
    found: list[str] = []
    for account, coin, ours, theirs in _pairs(shadow, taken):
        owned, owed = theirs.total - ours.total, theirs.liability - ours.liability
        if owned:
            found.append(f"{account} owns {plain(owned)} {coin} more than was booked")
        if owed:
            found.append(f"{account} owes {plain(owed)} {coin} more than was booked")
    for key, mine, exchange in _position_pairs(shadow, taken):
        if not _is_near(mine, exchange):
            lots = 0 if mine is None else mine.lots
            stated = 0 if exchange is None else exchange.lots
            found.append(
                f"the position in {key} is not the one that was booked "
                f"({lots} lots booked, {stated} stated)"
            )
    return tuple(found)


def _is_near(ours: Position | None, theirs: Position | None) -> bool:
    """Whether two positions are the same but for the digits that are printed."""
    if ours is None or theirs is None:
        return (ours is None or ours.lots == 0) and (theirs is None or theirs.lots == 0)
    allowed = abs(ours.entry_value) * _ROUNDING
    return (
        ours.lots == theirs.lots
        and abs(ours.entry_value - theirs.entry_value) <= allowed
        and abs(ours.margin - theirs.margin) <= allowed
    )


# -- the numbers ------------------------------------------------------------


def _pairs(
    shadow: Shadow, taken: SnapshotTaken
) -> Iterator[tuple[AccountId, str, Balance, Balance]]:
    """Every coin of every account on both sides, in a fixed order."""
    stated: Mapping[AccountId, Mapping[str, Balance]] = taken.snapshot.balances
    for account in sorted({*shadow.balances, *stated}):
        ours, theirs = shadow.balances.get(account, {}), stated.get(account, {})
        for coin in sorted({*ours, *theirs}):
            mine = ours.get(coin, EMPTY_BALANCE)
            yield account, coin, mine, theirs.get(coin, EMPTY_BALANCE)


def _position_pairs(
    shadow: Shadow, taken: SnapshotTaken
) -> Iterator[tuple[PositionKey, Position | None, Position | None]]:
    stated = taken.snapshot.positions
    for key in sorted({*shadow.positions, *stated}):
        yield key, shadow.positions.get(key), stated.get(key)


def _is_split_only(ours: Balance, theirs: Balance) -> bool:
    return ours.total == theirs.total and ours.liability == theirs.liability


def _postings(
    account: AccountId, coin: str, ours: Balance, theirs: Balance
) -> tuple[Posting, ...]:
    """What turns our amounts of one coin into the exchange's."""
    amounts = {
        Bucket.BALANCE: theirs.total - ours.total,
        Bucket.PRINCIPAL: theirs.principal - ours.principal,
        Bucket.INTEREST: theirs.interest - ours.interest,
    }
    return tuple(
        Posting(account=account, coin=coin, amount=amount, bucket=bucket)
        for bucket, amount in amounts.items()
        if amount != 0
    )


def _margin_posting(
    shadow: Shadow, key: PositionKey, ours: Position | None, theirs: Position | None
) -> Posting | None:
    """The change of a position's isolated margin; None without one or without rules."""
    before = ZERO if ours is None else ours.margin
    amount = (ZERO if theirs is None else theirs.margin) - before
    contract = shadow.rules.contracts.get(key.symbol)
    if amount == 0 or contract is None:
        return None
    return Posting(
        account=FUTURES,
        coin=contract.settle,
        amount=amount,
        bucket=Bucket.MARGIN,
        symbol=str(key),
    )


def _booked(
    taken: SnapshotTaken, entry_id: str, cause: Cause, postings: tuple[Posting, ...]
) -> LedgerBooked:
    return LedgerBooked(at=taken.at, entry_id=entry_id, cause=cause, postings=postings)
