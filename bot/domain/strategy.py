"""What a strategy is, and what it may see.

A strategy is a pure function of a read-only view of the shadow and of the time
it was due: it returns proposals, and the guard decides about them. It keeps no
state of its own; what it needs to remember is in the account itself. A number
that is unknown is ``None`` in the view, and a strategy must not guess it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from bot.domain.accounts import AccountId, Balance, Position
from bot.domain.events import BorrowRateQuoted, FundingQuoted, LiquidityQuoted
from bot.domain.instruments import Rules
from bot.domain.intents import Approved, Intent, PlaceOrder, Proposal
from bot.domain.room import Room, RoomAsked

__all__ = ["Job", "OpenOrder", "Setback", "Strategy", "View"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One schedule of a strategy.

    ``schedule`` is text: ``every 60s``, ``cron */5 * * * *`` (UTC), or
    ``before-settlement 10m SYMBOL``. Late by more than ``grace_s`` is journaled
    as missed and not run.
    """

    name: str
    schedule: str
    grace_s: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder:
    """An order that rests at the exchange.

    ``intent_id`` and ``placed_at`` are None where no request of ours placed it.
    """

    order_id: str
    intent_id: str | None
    account: AccountId
    symbol: str
    side_sign: int
    remaining: Decimal
    price: Decimal | None
    reduce_only: bool
    placed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setback:
    """The newest request on a coin or symbol that was refused or fell short.

    A strategy keeps no state, so this is how it knows that something was tried:
    without it every refusal would be answered with the same request again. One that
    ``was_lost`` was in doubt and is proven never to have been done: nobody refused it.
    """

    at: datetime
    intent: Intent
    reason: str
    was_lost: bool = False


class View(Protocol):
    """The shadow, read only. Prices in USDT; ``None`` means unknown or stale."""

    @property
    def at(self) -> datetime:
        """The time of the newest fact."""

    @property
    def rules(self) -> Rules:
        """The exchange's rules as last read."""

    @property
    def due_job(self) -> str | None:
        """The job that fired, None when a fact about requests or positions did."""

    def mark(self, coin: str) -> Decimal | None:
        """Margin mark price of a coin."""

    def futures_mark(self, symbol: str) -> Decimal | None:
        """Mark price of a contract."""

    def balance(self, account: AccountId, coin: str) -> Balance:
        """A coin in an account; zero where the exchange stated no such coin."""

    def balances(self, account: AccountId) -> Mapping[str, Balance]:
        """All coins of an account."""

    def accounts(self) -> Sequence[AccountId]:
        """The accounts that exist, in a fixed order."""

    def position(self, symbol: str) -> Position | None:
        """The one-way position of a contract, None when flat."""

    def positions(self) -> Sequence[Position]:
        """All futures positions, in a fixed order."""

    def funding(self, symbol: str) -> FundingQuoted | None:
        """The current funding quote of a contract."""

    def funding_past(self, symbol: str) -> Sequence[FundingQuoted]:
        """The last quote of each cycle that is over, oldest first; may be empty."""

    def borrow_rate(self, coin: str) -> BorrowRateQuoted | None:
        """The current borrow rate and inventory of a coin."""

    def liquidity(self, symbol: str) -> LiquidityQuoted | None:
        """The depth of a market."""

    def debt_ratio(self, account: AccountId) -> Decimal | None:
        """Debt ratio of a margin account, a fraction."""

    def risk_rate(self, settle: str) -> Decimal | None:
        """Futures cross risk rate of a settle currency, a fraction."""

    def distance(self, account: AccountId) -> Decimal | None:
        """Nearest adverse uniform move to liquidation, a positive fraction."""

    def affordable_lots(self, order: PlaceOrder) -> Decimal:
        """The most lots of an opening futures order that the free margin carries."""

    def room(self, asked: RoomAsked) -> Room | None:
        """The largest that admission lets be opened now; None where nobody sizes."""

    def fee_rates(self, symbol: str) -> tuple[Decimal, Decimal] | None:
        """(maker, taker) fee rates of a symbol."""

    def returns(self, coin: str) -> Sequence[tuple[datetime, Decimal]]:
        """Past closes of a coin, oldest first, never of the future."""

    def open_orders(self) -> Sequence[OpenOrder]:
        """Orders that rest at the exchange, ours and foreign ones."""

    def in_flight(self, owner: str) -> Sequence[Approved]:
        """Requests of an owner whose outcome is not known yet."""

    def pairs_in_flight(self) -> frozenset[str]:
        """Coins of which anybody trades both legs now and is not done."""

    def setback(self, owner: str, name: str) -> Setback | None:
        """What was last refused or fell short of an owner on a coin or symbol."""

    def is_halted(self, symbol: str) -> bool:
        """Whether a symbol takes no new orders."""

    def is_frozen(self, account: AccountId, name: str) -> bool:
        """Whether a request in doubt blocks new risk on a coin or symbol."""


class Strategy(Protocol):
    """A scheduled, pure decision."""

    @property
    def name(self) -> str:
        """Its name in settings and journal."""

    @property
    def jobs(self) -> Sequence[Job]:
        """When it wants to be asked."""

    @property
    def claims(self) -> frozenset[str]:
        """Markets whose whole position is its own: two strategies never share one."""

    def decide(self, view: View, due_at: datetime) -> Sequence[Proposal]:
        """What it wants done now; empty for nothing."""
