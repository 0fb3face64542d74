"""The records that the archive keeps: values with a number that only grows.

Nothing here folds an event or knows KuCoin's names.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar

from bot.domain.accounts import AccountId
from bot.domain.events import Filled, LedgerBooked
from bot.domain.orders import OrderState
from connectors.venue.orders import VenueOrder

__all__ = [
    "FillRecord",
    "FundingRecord",
    "InterestRecord",
    "LedgerRecord",
    "LoanRecord",
    "OrderRecord",
    "SettledRate",
    "TransferRecord",
    "keep",
]

_MOST: Final = 100_000
"""Records of one kind that are kept; the exchange, too, forgets after a while."""

T = TypeVar("T")


def keep(records: list[T], record: T, most: int = _MOST) -> None:
    """Append, and let the oldest tenth go when there are too many.

    Example:
        >>> records = list(range(20))
        >>> keep(records, 20, most=20)
        >>> records[0], records[-1], len(records)
        (2, 20, 19)
    """
    records.append(record)
    if len(records) > most:
        del records[: max(most // 10, 1)]


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
class TransferRecord:
    """Coins moved between two accounts of ours; ``client_id`` as it was sent."""

    number: int
    client_id: str
    source: AccountId
    target: AccountId
    coin: str
    amount: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledRate:
    """A rate that a contract settled at."""

    symbol: str
    at: datetime
    funding_rate: Decimal
