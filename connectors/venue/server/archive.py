"""What the exchange remembers for its user: orders, fills, ledgers, histories.

The archive folds the venue's events into records that handlers page through. It
is the venue's memory and never its judge: amounts come from the events alone.
Every record has a number that only grows (``number``), KuCoin's ``lastId``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.domain.accounts import AccountId
from bot.domain.events import Event, Filled, FundingQuoted, LedgerBooked
from bot.domain.orders import OrderState
from connectors.venue.orders import VenueOrder
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
]


@dataclass(slots=True, kw_only=True)
class OrderRecord:
    """An order with the times and words that the matching engine does not keep."""

    order: VenueOrder
    created_at: datetime
    updated_at: datetime
    reason: str | None = None
    fee: Decimal = Decimal(0)
    fee_coin: str | None = None

    @property
    def is_active(self) -> bool:
        """Whether it is still in the book."""
        return self.order.state is OrderState.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRecord:
    """One trade of ours; ``number`` grows by one with each."""

    number: int
    fill: Filled


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRecord:
    """One posting on a balance, with the balance after it.

    Only ``Bucket.BALANCE`` postings have one; a trade's fee is in ``fee`` of the
    record of its trade and in its ``amount`` (fees included, as KuCoin has it).
    """

    number: int
    at: datetime
    account: AccountId
    coin: str
    amount: Decimal
    """Signed, fee included."""
    fee: Decimal
    balance: Decimal
    booking: LedgerBooked
    order_id: str | None = None
    trade_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanRecord:
    """A borrow or a repayment, done or refused."""

    number: int
    order_no: str
    is_repay: bool
    account: AccountId
    coin: str
    requested: Decimal
    done: Decimal
    principal: Decimal
    interest: Decimal
    is_success: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InterestRecord:
    """One charge of interest on one debt; ``hourly_rate`` a fraction."""

    number: int
    account: AccountId
    coin: str
    amount: Decimal
    hourly_rate: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRecord:
    """One funding payment of ours; ``amount`` signed, positive is received."""

    number: int
    at: datetime
    symbol: str
    funding_rate: Decimal
    mark_price: Decimal
    lots: int
    amount: Decimal
    settle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledRate:
    """A rate that a contract settled at."""

    symbol: str
    at: datetime
    funding_rate: Decimal


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
        self.settled_rates: list[SettledRate] = []
        self.quotes: dict[str, FundingQuoted] = {}
        """The current funding quote of each contract."""

    def take(self, events: Sequence[Event]) -> None:
        """Fold events, in order."""
        raise NotImplementedError

    def order_by_client(self, client_id: str) -> OrderRecord | None:
        """The newest order with this client id."""
        raise NotImplementedError

    def loan_refused(self, record: LoanRecord) -> None:
        """Remember a borrow or repay that was refused (status FAILED)."""
        raise NotImplementedError

    def balances_after(self) -> Mapping[tuple[AccountId, str], Decimal]:
        """The balance of each account and coin after the last record."""
        raise NotImplementedError
