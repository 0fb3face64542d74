"""What the exchange remembers for its user: orders, fills, ledgers, histories.

The archive folds the venue's events into records that handlers page through. It
is the venue's memory and never its judge: amounts come from the events alone.
Every record has a number that only grows (``number``), KuCoin's ``lastId``. Each
list keeps its newest records only, so that a server may run for weeks.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from bot.domain.accounts import AccountId, PositionKey
from bot.domain.events import (
    Bucket,
    Cause,
    Event,
    Filled,
    FundingQuoted,
    LedgerBooked,
    OrderChanged,
    PositionChanged,
    Posting,
)
from bot.domain.market import MarketInstant
from bot.domain.money import ZERO
from connectors.venue.server.records import (
    FillRecord,
    FundingRecord,
    InterestRecord,
    LedgerRecord,
    LoanRecord,
    OrderRecord,
    SettledRate,
    TransferRecord,
    keep,
)
from connectors.venue.venue import Venue

__all__ = [
    "Archive",
    "FillRecord",
    "FundingRecord",
    "InterestRecord",
    "LedgerRecord",
    "LoanRecord",
    "OrderRecord",
    "SettledRate",
    "TransferRecord",
]

_FEES: Final = frozenset({Cause.FEE, Cause.LIQUIDATION_FEE})
_OF_TRADES: Final = frozenset(
    {Cause.TRADE, Cause.REALISED_PNL, Cause.LIQUIDATION, *_FEES}
)


class Archive:
    """Everything that can be asked for later."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.orders: dict[str, OrderRecord] = {}
        """By order id, oldest first."""
        self.fills: list[FillRecord] = []
        self.ledger: list[LedgerRecord] = []
        self.loans: list[LoanRecord] = []
        self.interest: list[InterestRecord] = []
        self.funding: list[FundingRecord] = []
        self.transfers: list[TransferRecord] = []
        self.settled_rates: list[SettledRate] = []
        self.quotes: dict[str, FundingQuoted] = {}
        """The current funding quote of each contract."""
        self._clients: dict[str, str] = {}
        self._balances: defaultdict[tuple[AccountId, str], Decimal]
        self._balances = defaultdict(Decimal)
        self._numbers: defaultdict[str, int] = defaultdict(int)
        self._requested: dict[str, Decimal] = {}
        self._lots: dict[PositionKey, int] = {
            key: int(position.lots)
            for key, position in venue.snapshot().positions.items()
        }
        self._trade: Filled | None = None
        """The fill whose bookings are being folded."""

    def take(self, events: Sequence[Event]) -> None:
        """Fold events, in order."""
        for event in events:
            match event:
                case Filled():
                    self._take_fill(event)
                case LedgerBooked():
                    self._take_booking(event)
                case OrderChanged():
                    self._take_order(event)
                case PositionChanged(position=position):
                    self._lots[position.key] = int(position.lots)
                case FundingQuoted(symbol=symbol):
                    self.quotes[symbol] = event
                case _:
                    pass

    def settle(self, instant: MarketInstant) -> None:
        """Remember the rates that contracts settled at in an instant."""
        for settlement in instant.settlements:
            rate = SettledRate(
                symbol=settlement.symbol,
                at=instant.at,
                funding_rate=settlement.funding_rate,
            )
            keep(self.settled_rates, rate)

    def request(self, client_id: str, amount: Decimal) -> None:
        """Note what a loan asks for, before it is done (it may be done in part)."""
        self._requested[client_id] = amount

    def forget_request(self, client_id: str) -> None:
        """The request was answered; a loan that was made has its own record."""
        self._requested.pop(client_id, None)

    def order_by_client(self, client_id: str) -> OrderRecord | None:
        """The newest order with this client id."""
        order_id = self._clients.get(client_id)
        return None if order_id is None else self.orders.get(order_id)

    def loan_refused(self, record: LoanRecord) -> None:
        """Remember a borrow or repay that was refused (status FAILED).

        Its ``number`` is given here, whatever the record says.
        """
        keep(self.loans, replace(record, number=self._number("loan")))

    def balances_after(self) -> Mapping[tuple[AccountId, str], Decimal]:
        """The balance of each account and coin after the last record."""
        return dict(self._balances)

    def _number(self, kind: str) -> int:
        self._numbers[kind] += 1
        return self._numbers[kind]

    def _take_fill(self, fill: Filled) -> None:
        self._trade = fill
        keep(self.fills, FillRecord(number=self._number("fill"), fill=fill))
        record = self._record(fill.order_id, fill)
        if record is not None:
            record.fee += fill.fee
            record.fee_coin = fill.fee_coin
            record.updated_at = fill.at

    def _take_order(self, event: OrderChanged) -> None:
        record = self._record(event.order_id, event)
        if record is not None:
            record.updated_at = event.at
            record.reason = event.reason or record.reason

    def _record(
        self, order_id: str, event: Filled | OrderChanged
    ) -> OrderRecord | None:
        """The record of an order, made when it is first heard of.

        None for a trade that the exchange made by itself: a takeover or a cut by
        auto-deleveraging has no order of the user's.
        """
        known = self.orders.get(order_id)
        order = self._venue.orders.get(order_id)
        if known is not None or order is None:
            return known
        made = OrderRecord(order=order, created_at=event.at, updated_at=event.at)
        self.orders[order_id] = made
        self._clients[order.intent_id] = order_id
        return made

    def _take_booking(self, booking: LedgerBooked) -> None:
        for posting in booking.postings:
            if posting.bucket is Bucket.BALANCE:
                self._take_balance(booking, posting)
        match booking.cause:
            case Cause.BORROW | Cause.REPAY:
                self._take_loan(booking)
            case Cause.INTEREST:
                self._take_interest(booking)
            case Cause.FUNDING:
                self._take_funding(booking)
            case Cause.TRANSFER:
                self._take_transfer(booking)
            case _:
                pass

    def _take_balance(self, booking: LedgerBooked, posting: Posting) -> None:
        """One line of an account's ledger; a fee goes into the line of its trade."""
        key = (posting.account, posting.coin)
        self._balances[key] += posting.amount
        trade = self._trade_of(booking, posting)
        is_fee = trade is not None and booking.cause in _FEES
        fee = -posting.amount if is_fee else ZERO
        last = self._line_of(trade, posting) if is_fee else None
        if last is not None:
            self.ledger[last] = replace(
                self.ledger[last],
                amount=self.ledger[last].amount + posting.amount,
                fee=self.ledger[last].fee + fee,
                balance=self._balances[key],
            )
            return
        record = LedgerRecord(
            number=self._number("ledger"),
            at=booking.at,
            account=posting.account,
            coin=posting.coin,
            amount=posting.amount,
            fee=fee,
            balance=self._balances[key],
            booking=booking,
            order_id=None if trade is None else trade.order_id,
            trade_id=None if trade is None else trade.trade_id,
        )
        keep(self.ledger, record)

    def _trade_of(self, booking: LedgerBooked, posting: Posting) -> Filled | None:
        """The fill that a booking belongs to; only the latest one can be it."""
        trade = self._trade
        if trade is None or booking.cause not in _OF_TRADES:
            return None
        is_its = booking.symbol == trade.symbol and posting.account == trade.account
        return trade if is_its else None

    def _line_of(self, trade: Filled | None, posting: Posting) -> int | None:
        """Where the latest line of a trade in a coin stands."""
        for index in range(len(self.ledger) - 1, -1, -1):
            line = self.ledger[index]
            if trade is None or line.trade_id != trade.trade_id:
                return None
            if line.account == posting.account and line.coin == posting.coin:
                return index
        return None

    def _take_loan(self, booking: LedgerBooked) -> None:
        """A borrow or a repayment, split into principal and interest."""
        sums: defaultdict[Bucket, Decimal] = defaultdict(Decimal)
        for posting in booking.postings:
            sums[posting.bucket] += abs(posting.amount)
        first = booking.postings[0]
        done, number = sums[Bucket.BALANCE], self._number("loan")
        order_no = booking.intent_id or f"forced-{number}"
        record = LoanRecord(
            number=number,
            order_no=order_no,
            is_repay=booking.cause is Cause.REPAY,
            account=first.account,
            coin=first.coin,
            requested=self._requested.pop(order_no, done),
            done=done,
            principal=sums[Bucket.PRINCIPAL],
            interest=sums[Bucket.INTEREST],
            is_success=True,
            at=booking.at,
        )
        keep(self.loans, record)

    def _take_interest(self, booking: LedgerBooked) -> None:
        """An hour's charge: what rolls into the principal cancels out in the sum."""
        first = booking.postings[0]
        record = InterestRecord(
            number=self._number("interest"),
            account=first.account,
            coin=first.coin,
            amount=sum((posting.amount for posting in booking.postings), ZERO),
            hourly_rate=booking.rate if booking.rate is not None else ZERO,
            at=booking.at,
        )
        keep(self.interest, record)

    def _take_funding(self, booking: LedgerBooked) -> None:
        """A settlement of one position; its side follows from who paid."""
        cash = booking.postings[0]
        symbol, rate = booking.symbol, booking.rate
        mark = None if symbol is None else self._venue.tape.futures_mark(symbol)
        if symbol is None or rate is None or mark is None:
            raise ValueError(f"funding entry {booking.entry_id} lacks symbol or rate")
        sign = 1 if (cash.amount < 0) == (rate > 0) else -1
        lots = [n for key, n in self._lots.items() if key.symbol == symbol]
        record = FundingRecord(
            number=self._number("funding"),
            at=booking.at,
            symbol=symbol,
            funding_rate=rate,
            mark_price=mark,
            lots=next((n for n in lots if n * sign > 0), 0),
            amount=cash.amount,
            settle=cash.coin,
        )
        keep(self.funding, record)

    def _take_transfer(self, booking: LedgerBooked) -> None:
        """Coins that left one account for another."""
        out, into = booking.postings
        record = TransferRecord(
            number=self._number("transfer"),
            client_id=booking.intent_id or booking.entry_id,
            source=out.account,
            target=into.account,
            coin=out.coin,
            amount=into.amount,
            at=booking.at,
        )
        keep(self.transfers, record)
