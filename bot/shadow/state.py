"""The shadow: everything known about the account and the market at one time.

Frozen: a new fact makes a new shadow (``apply.py``). Mappings are never changed
in place. What is unknown is absent, and readers get ``None`` for it. This module
holds no formula but sums of amounts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import AccountId, Balance, Position, PositionKey
from bot.domain.events import (
    AccountStatus,
    BorrowRateQuoted,
    FundingQuoted,
    LiquidityQuoted,
    OrderChanged,
)
from bot.domain.instruments import Rules
from bot.domain.intents import Approved, PlaceOrder
from bot.domain.orders import IntentState
from bot.domain.stops import StopChanged
from bot.domain.strategy import Setback

__all__ = [
    "CLOSED_LIMIT",
    "EMPTY_BALANCE",
    "HISTORY_LIMIT",
    "Request",
    "Shadow",
    "TimedPrice",
    "empty_shadow",
]

EMPTY_BALANCE: Final = Balance()

HISTORY_LIMIT: Final = 24 * 90
"""How many hourly closes of a coin are kept."""

CLOSED_LIMIT: Final = 500
"""How many done orders are remembered, so that late news cannot reopen them."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request of ours that has left and is not proven finished.

    ``filled_qty`` is what its order is known to have filled; an order that rests
    stays a request in state DONE until it leaves the book.
    """

    approved: Approved
    state: IntentState
    sent_at: datetime
    order_id: str | None = None
    filled_qty: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class TimedPrice:
    """A price and when it was seen."""

    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """The account and the market as the facts so far make them."""

    at: datetime
    rules: Rules
    balances: Mapping[AccountId, Mapping[str, Balance]] = field(default_factory=dict)
    positions: Mapping[PositionKey, Position] = field(default_factory=dict)
    margin_leverage: Mapping[AccountId, Decimal] = field(default_factory=dict)
    orders: Mapping[str, OrderChanged] = field(default_factory=dict)
    closed_orders: tuple[str, ...] = ()
    """Ids of the newest done orders, oldest first."""
    stops: Mapping[str, StopChanged] = field(default_factory=dict)
    """The stops that rest, ours and foreign ones, by the exchange's id."""
    closed_stops: tuple[str, ...] = ()
    """Ids of the newest stops that rest no more, oldest first."""
    requests: Mapping[str, Request] = field(default_factory=dict)
    setbacks: Mapping[tuple[str, str], Setback] = field(default_factory=dict)
    """(owner, coin or symbol) to what was last refused or fell short."""
    margin_marks: Mapping[str, Decimal] = field(default_factory=dict)
    futures_marks: Mapping[str, Decimal] = field(default_factory=dict)
    mark_times: Mapping[str, datetime] = field(default_factory=dict)
    index_prices: Mapping[str, TimedPrice] = field(default_factory=dict)
    """By contract; they widen what a stale mark may be, and confirm its jumps."""
    last_prices: Mapping[str, TimedPrice] = field(default_factory=dict)
    """By contract or pair; they price an exit while they are newer than the mark."""
    funding: Mapping[str, FundingQuoted] = field(default_factory=dict)
    funding_past: Mapping[str, tuple[FundingQuoted, ...]] = field(default_factory=dict)
    """The last quote of each cycle that is over, by contract, oldest first."""
    borrow: Mapping[str, BorrowRateQuoted] = field(default_factory=dict)
    liquidity: Mapping[str, LiquidityQuoted] = field(default_factory=dict)
    statuses: Mapping[tuple[AccountId, str], AccountStatus] = field(
        default_factory=dict
    )
    """(account, settle coin or empty text) to status; absent is normal."""
    halted: frozenset[str] = frozenset()
    silent_feeds: Mapping[str, str] = field(default_factory=dict)
    """Sources of facts that are not heard now, to the reason."""
    unexplained: tuple[str, ...] = ()
    """What the last reconciliation found and no booking explains, in sentences."""
    closes: Mapping[str, tuple[tuple[datetime, Decimal], ...]] = field(
        default_factory=dict
    )
    """Hourly closes by coin, oldest first."""
    next_close_at: datetime = _EPOCH
    rules_change_at: datetime | None = None
    """When the first announced change of the rules comes into force."""
    is_open: bool = False
    """Whether a snapshot has been taken: before it nothing is known."""

    def balance(self, account: AccountId, coin: str) -> Balance:
        """A coin in an account; zero where the exchange stated no such coin."""
        return self.balances.get(account, {}).get(coin, EMPTY_BALANCE)

    def mark_age(self, name: str) -> timedelta | None:
        """How old the mark of a coin or contract is, None if there never was one."""
        when = self.mark_times.get(name)
        return None if when is None else self.at - when

    def is_under_way(self, request: Request) -> bool:
        """Whether a request may still change the account by itself.

        An order that was accepted is under way until it rests in the book or has
        ended: what it filled may be told after its acceptance.
        """
        if not request.state.is_final:
            return True
        is_order = isinstance(request.approved.intent, PlaceOrder)
        number = request.order_id
        return is_order and number is not None and number not in self.orders

    def request_of_order(self, order: OrderChanged) -> Request | None:
        """The request that placed an order, if it was ours."""
        return None if order.intent_id is None else self.requests.get(order.intent_id)


def empty_shadow(rules: Rules) -> Shadow:
    """A shadow that knows the rules and nothing else.

    Example:
        >>> empty_shadow(Rules()).is_open
        False
    """
    return Shadow(at=_EPOCH, rules=rules, rules_change_at=rules.next_change_at)
