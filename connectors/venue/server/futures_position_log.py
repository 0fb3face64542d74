"""What became of each futures position: fees, funding, realised profit, closings.

The venue keeps a position as it stands; KuCoin also says what it has cost and earned
since it was opened, and lists the closed ones. This part folds the venue's events into
one story for each position. It judges nothing and moves no money.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, MarginMode, Position, PositionKey
from bot.domain.events import (
    Bucket,
    Cause,
    Event,
    Filled,
    LedgerBooked,
    PositionChanged,
)
from bot.domain.money import LEDGER_QUANTUM, ZERO, round_half_up
from connectors.venue.server.backend import Backend
from connectors.venue.server.records import keep

__all__ = ["PositionLog", "Story", "TradeSplit", "position_log"]

_FIRST_ID: Final = 500_000_000_000_000_000
_MOST_SPLITS: Final = 100_000
_PROFITS: Final = frozenset({Cause.REALISED_PNL, Cause.LIQUIDATION})


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeSplit:
    """How a trade's lots and fee divide into closing and opening."""

    closing: int
    close_fee: Decimal
    open_fee: Decimal
    mode: MarginMode
    key: PositionKey


@dataclass(slots=True, kw_only=True)
class Story:
    """One position from its opening to its closing; money in the settle currency.

    ``fees`` are paid, ``funding`` and ``gross`` are received. The sums of values and
    lots give the average prices: ``opened`` what was traded into it, ``closed`` out.
    """

    position_id: int
    key: PositionKey
    opened_at: datetime
    is_long: bool
    mode: MarginMode
    leverage: Decimal
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    gross: Decimal = ZERO
    added_margin: Decimal = ZERO
    opened_lots: int = 0
    opened_value: Decimal = ZERO
    closed_lots: int = 0
    closed_value: Decimal = ZERO
    closed_at: datetime | None = None
    forced: str | None = None

    @property
    def realised(self) -> Decimal:
        """Profit after fees and funding."""
        return self.gross - self.fees + self.funding


@dataclass(slots=True, kw_only=True)
class PositionLog:
    """The stories of all positions, open and closed."""

    backend: Backend
    closed: list[Story] = field(default_factory=list)
    """Oldest first."""
    splits: dict[str, TradeSplit] = field(default_factory=dict)
    """By trade id."""
    dealt: dict[str, Decimal] = field(default_factory=dict)
    """Order id to the value of its fills, unsigned, in the settle currency."""
    _open: dict[PositionKey, Story] = field(default_factory=dict)
    _lots: dict[PositionKey, int] = field(default_factory=dict)
    _trade: Filled | None = None
    _count: int = 0

    def story(self, position: Position) -> Story:
        """The story of an open position."""
        known = self._open.get(position.key)
        return self._begin(self.backend.venue.now, position) if known is None else known

    def on_events(self, _at: datetime, events: Sequence[Event]) -> None:
        """Fold events, in order."""
        for event in events:
            match event:
                case Filled(account=account) if account == FUTURES:
                    self._take_fill(event)
                case LedgerBooked():
                    self._take_booking(event)
                case PositionChanged():
                    self._take_position(event)
                case _:
                    pass

    def _begin(self, at: datetime, position: Position) -> Story:
        self._count += 1
        story = Story(
            position_id=_FIRST_ID + self._count,
            key=position.key,
            opened_at=at,
            is_long=position.lots > 0,
            mode=position.mode,
            leverage=position.leverage,
            opened_lots=abs(position.lots),
            opened_value=abs(position.entry_value),
        )
        self._open[position.key] = story
        self._lots[position.key] = int(position.lots)
        return story

    def _take_fill(self, fill: Filled) -> None:
        """Divide a trade, and count it into the story that it closes."""
        key, mode = self._of(fill)
        held, lots = self._lots.get(key, 0), int(fill.qty)
        is_against = held * fill.side.sign < 0
        closing = min(lots, abs(held)) if is_against else 0
        close_fee = round_half_up(fill.fee * closing / lots, LEDGER_QUANTUM)
        self._trade = fill
        contract = self.backend.venue.rules.contracts[fill.symbol]
        value = contract.value(fill.qty, fill.price)
        self.dealt[fill.order_id] = self.dealt.get(fill.order_id, ZERO) + value
        for kept in (self.splits, self.dealt):
            if len(kept) >= _MOST_SPLITS:
                del kept[next(iter(kept))]
        self.splits[fill.trade_id] = TradeSplit(
            closing=closing,
            close_fee=close_fee,
            open_fee=fill.fee - close_fee,
            mode=mode,
            key=key,
        )
        story = self._open.get(key)
        if story is None:
            return
        if closing:
            story.closed_lots += closing
            story.closed_value += contract.value(Decimal(closing), fill.price)
            story.fees += close_fee
            story.forced = fill.forced
        if not is_against:
            story.fees += fill.fee
            story.opened_lots += lots
            story.opened_value += value

    def _of(self, fill: Filled) -> tuple[PositionKey, MarginMode]:
        """Which position a trade belongs to, and its margin mode."""
        order = self.backend.venue.orders.get(fill.order_id)
        if order is not None:
            return PositionKey(fill.symbol, order.position_side), order.margin_mode
        for key, story in self._open.items():
            is_against = story.is_long is (fill.side.sign < 0)
            if key.symbol == fill.symbol and is_against:
                return key, story.mode
        return PositionKey(fill.symbol), MarginMode.CROSS

    def _take_booking(self, booking: LedgerBooked) -> None:
        """Profit, funding and margin added by hand."""
        for posting in booking.postings:
            if posting.account != FUTURES or booking.symbol is None:
                continue
            is_margin = posting.bucket is Bucket.MARGIN
            story = self._story_of(booking, posting.symbol if is_margin else None)
            if story is None:
                continue
            if is_margin and booking.cause is Cause.MARGIN_MOVE and self._trade is None:
                story.added_margin += posting.amount
            elif not is_margin and booking.cause in _PROFITS:
                story.gross += posting.amount
            elif not is_margin and booking.cause is Cause.FUNDING:
                story.funding += posting.amount

    def _story_of(self, booking: LedgerBooked, name: str | None) -> Story | None:
        """The story that a booking belongs to: its trade's, or by side and sign."""
        if self._trade is not None and booking.cause in _PROFITS:
            return self._open.get(self.splits[self._trade.trade_id].key)
        stories = [s for key, s in self._open.items() if key.symbol == booking.symbol]
        if name is not None:
            return next((s for s in stories if str(s.key) == name), None)
        if booking.cause is not Cause.FUNDING or booking.rate is None:
            return None
        is_paid = booking.postings[0].amount < 0
        is_long = is_paid is (booking.rate > 0)
        return next((s for s in stories if s.is_long is is_long), None)

    def _take_position(self, event: PositionChanged) -> None:
        """Begin, go on with, or end a story; a flip does two of them."""
        position, key = event.position, event.position.key
        before, trade = self._lots.get(key, 0), self._trade
        self._trade = None
        self._lots[key] = int(position.lots)
        story = self._open.get(key)
        if story is not None and before * position.lots <= 0:
            story.closed_at = event.at
            keep(self.closed, self._open.pop(key))
            story = None
        if position.lots == 0:
            return
        if story is None:
            story = self._begin(event.at, position)
            if trade is not None:
                story.fees = self.splits[trade.trade_id].open_fee
        story.mode, story.leverage = position.mode, position.leverage


def position_log(backend: Backend) -> PositionLog:
    """The log of a backend, starting with the positions there are."""
    log = PositionLog(backend=backend)
    for key in sorted(backend.venue.futures.positions):
        log.story(backend.venue.futures.positions[key])
    backend.listen(log.on_events)
    return log
