"""What has happened: facts from the exchange, the schedule and ourselves.

An event is frozen, past tense and cannot be refused. ``at`` is the exchange's
time of the fact (UTC). The engine is a function of these events, so a recorded
list of them replays a whole run. Money moves only in ``LedgerBooked``: one
event, one cause, exact postings; summing postings rebuilds every balance to the
last digit. Positions, holds and orders arrive as absolute statements.
Nothing here may import anything outside the standard library and ``bot.domain``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from bot.domain.accounts import (
    AccountId,
    AccountSnapshot,
    MarginMode,
    Position,
    PositionSide,
)
from bot.domain.instruments import Rules
from bot.domain.intents import Proposal
from bot.domain.money import ZERO
from bot.domain.orders import OrderState, Outcome, Side
from bot.domain.prices import PricesSeen
from bot.domain.stops import StopChanged

__all__ = [
    "AccountStatus",
    "AccountStatusChanged",
    "AdlRankReported",
    "BorrowRateQuoted",
    "Bucket",
    "Cause",
    "Event",
    "FeedChanged",
    "Filled",
    "FundingQuoted",
    "HoldChanged",
    "IntentSettled",
    "LedgerBooked",
    "LiquidityQuoted",
    "MarksTicked",
    "OperatorAsked",
    "OrderChanged",
    "PositionChanged",
    "Posting",
    "RatioReported",
    "RulesRead",
    "ScheduleDue",
    "SnapshotTaken",
    "TradingHalted",
    "require_utc",
]


def require_utc(when: datetime, field_name: str) -> None:
    """Refuse a naive time or one in another zone.

    Raises:
        ValueError: ``when`` does not carry ``tzinfo`` UTC.
    """
    if when.tzinfo is not UTC:
        raise ValueError(f"{field_name} must carry tzinfo UTC, was {when!r}")


class Bucket(StrEnum):
    """Which number of an account a posting changes."""

    BALANCE = "balance"
    """The coins owned (holds included); a futures wallet too."""
    PRINCIPAL = "principal"
    INTEREST = "interest"
    MARGIN = "margin"
    """Isolated futures margin, out of the wallet's free part; ``symbol`` is set."""


class Cause(StrEnum):
    """Why money moved. Every posting has exactly one cause."""

    OPENING = "opening"
    TRADE = "trade"
    FEE = "fee"
    REALISED_PNL = "realised_pnl"
    FUNDING = "funding"
    BORROW = "borrow"
    REPAY = "repay"
    INTEREST = "interest"
    TRANSFER = "transfer"
    MARGIN_MOVE = "margin_move"
    LIQUIDATION = "liquidation"
    LIQUIDATION_FEE = "liquidation_fee"
    INSURANCE = "insurance"
    """The exchange absorbed a negative balance."""
    ADJUSTMENT = "adjustment"
    """Found at a reconciliation and not yet explained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One signed change of one number of one account."""

    account: AccountId
    coin: str
    amount: Decimal
    bucket: Bucket = Bucket.BALANCE
    symbol: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarksTicked:
    """A set of mark prices of one instant, conflated: latest wins.

    ``margin_marks``: coin to USDT for one coin, what margin accounts are valued
    at (USDT itself may be listed when it trades away from 1). ``futures_marks``:
    contract symbol to its mark. Only what changed needs to be there.
    """

    at: datetime
    margin_marks: Mapping[str, Decimal] = field(default_factory=dict)
    futures_marks: Mapping[str, Decimal] = field(default_factory=dict)
    skipped: int = 0
    """Ticks that were overwritten in the slot before this one was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingQuoted:
    """The exchange's current funding rate of a contract, not yet settled."""

    at: datetime
    symbol: str
    funding_rate: Decimal
    settlement_at: datetime
    funding_interval_h: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BorrowRateQuoted:
    """What a coin costs to borrow, and how much of it can be had.

    ``annual_rate`` is a fraction a year; ``available`` in coins, None is unknown.
    """

    at: datetime
    coin: str
    annual_rate: Decimal
    available: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidityQuoted:
    """How deep a market is, for pricing an exit; sizes in base coins.

    ``half_spread`` and ``sigma_1m`` are fractions of the price, ``volume_1m`` the
    coins traded in a minute. Buying Q coins costs about ``half_spread + sigma_1m
    x sqrt(Q / volume_1m)``.
    """

    at: datetime
    symbol: str
    half_spread: Decimal
    sigma_1m: Decimal
    volume_1m: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerBooked:
    """Money moved, for one cause; ``entry_id`` is unique and never reused."""

    at: datetime
    entry_id: str
    cause: Cause
    postings: tuple[Posting, ...]
    intent_id: str | None = None
    symbol: str | None = None
    rate: Decimal | None = None
    """Funding or hourly interest rate, where one applies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A trade of ours. The money is in the ``LedgerBooked`` events beside it.

    ``qty`` is unsigned: base coins on spot and margin, lots on futures.
    ``reference_price`` is the mark (spot: mid) at the moment of the trade, from
    which slippage is measured. ``forced`` names a liquidation or ADL.
    """

    at: datetime
    trade_id: str
    order_id: str
    intent_id: str | None
    account: AccountId
    symbol: str
    side: Side
    qty: Decimal
    price: Decimal
    reference_price: Decimal
    fee: Decimal
    fee_coin: str
    is_maker: bool
    forced: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanged:
    """What the exchange says of an order of ours (or of a foreign one)."""

    at: datetime
    order_id: str
    intent_id: str | None
    account: AccountId
    symbol: str
    side: Side
    state: OrderState
    qty: Decimal
    filled_qty: Decimal
    price: Decimal | None = None
    reduce_only: bool = False
    reason: str | None = None
    margin_mode: MarginMode = MarginMode.CROSS
    position_side: PositionSide = PositionSide.BOTH


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldChanged:
    """How much of a coin open orders hold now, absolute."""

    at: datetime
    account: AccountId
    coin: str
    hold: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionChanged:
    """A futures position as it stands now; zero lots means closed.

    ``reason``: trade, funding, liquidation, adl, margin or foreign.
    """

    at: datetime
    position: Position
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdlRankReported:
    """Lights lit in the auto-deleveraging queue, 1 to 5."""

    at: datetime
    symbol: str
    rank: int


class AccountStatus(StrEnum):
    """What the exchange does with an account."""

    NORMAL = "normal"
    WARNED = "warned"
    ORDERS_CANCELLED = "orders_cancelled"
    """Futures at risk rate 95 %."""
    LIQUIDATING = "liquidating"
    """Orders refused, transfers in blocked."""
    LIQUIDATED = "liquidated"
    BANKRUPT = "bankrupt"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatusChanged:
    """The exchange warned, cancelled, took over or released an account.

    ``ratio`` is the debt ratio or risk rate that the exchange states with it;
    ``account`` for futures carries the settle currency in ``coin``.
    """

    at: datetime
    account: AccountId
    status: AccountStatus
    coin: str | None = None
    ratio: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioReported:
    """The exchange's own debt ratio (margin) or risk rate (futures, by coin)."""

    at: datetime
    account: AccountId
    value: Decimal
    coin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingHalted:
    """A symbol opened or closed for new orders (delisting, upgrade, pause)."""

    at: datetime
    symbol: str
    is_halted: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedChanged:
    """A source of facts fell silent, or is heard again and has been caught up with.

    ``feed`` names the source for a person, such as ``margin account``. While one is
    silent the account may have changed without our knowledge.
    """

    at: datetime
    feed: str
    is_live: bool
    reason: str

    @property
    def is_silent(self) -> bool:
        """Whether facts of this source may be missing from now on."""
        return not self.is_live


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentSettled:
    """What became of a request of ours. ``in doubt`` is an answer too."""

    at: datetime
    intent_id: str
    outcome: Outcome
    order_id: str | None = None
    done_amount: Decimal = ZERO
    """Borrowed, repaid or transferred, in coins; zero for orders."""
    code: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleDue:
    """A scheduled job fired; it does nothing but put this event on the queue."""

    at: datetime
    job: str
    due_at: datetime
    missed: int = 0
    """Earlier runs that were not made; this one stands for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAsked:
    """A person wants these done, in this order; each is admitted like any other."""

    at: datetime
    proposals: tuple[Proposal, ...]
    rests_stops: bool | None = None
    """Whether stops may rest from now on; None leaves it as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotTaken:
    """The accounts as a reader saw them, at start or at a reconciliation."""

    at: datetime
    snapshot: AccountSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesRead:
    """The exchange's rules as of now."""

    at: datetime
    rules: Rules


Event = (
    MarksTicked
    | PricesSeen
    | FundingQuoted
    | BorrowRateQuoted
    | LiquidityQuoted
    | LedgerBooked
    | Filled
    | OrderChanged
    | StopChanged
    | HoldChanged
    | PositionChanged
    | AdlRankReported
    | AccountStatusChanged
    | RatioReported
    | TradingHalted
    | FeedChanged
    | IntentSettled
    | OperatorAsked
    | ScheduleDue
    | SnapshotTaken
    | RulesRead
)
"""Everything that the engine is told."""
