"""The seams between the pure core and the world, in the core's own words.

Each port is small and belongs to its user. Requests go out through the
gateways, which return at once; every answer comes back later as an event, also
the answer that there is none (in doubt). Which adapter stands behind a port is
known to ``bot/compose.py`` alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from bot.domain.accounts import AccountSnapshot
from bot.domain.entries import Entry
from bot.domain.events import FundingQuoted, ScheduleDue
from bot.domain.instruments import Rules
from bot.domain.intents import Approved
from bot.domain.market import MarketDescription, MarketInstant, PathOrder
from bot.domain.strategy import Job

__all__ = [
    "AccountReader",
    "Clock",
    "Journal",
    "LoanGateway",
    "Market",
    "Notifier",
    "OrderGateway",
    "Scheduler",
    "TransferGateway",
]


class Clock(Protocol):
    """The time of this world, UTC."""

    def now(self) -> datetime:
        """The current time."""


class Market(Protocol):
    """A market that can be walked through: recorded or synthetic."""

    @property
    def description(self) -> MarketDescription:
        """What it is and how it was made."""

    def first_prices(self) -> MarketInstant:
        """The market at its start."""

    def instants(self, path_order: Mapping[str, PathOrder]) -> Iterator[MarketInstant]:
        """Every instant in time order; the same sequence at every call."""

    def history(self) -> Mapping[str, Sequence[tuple[datetime, Decimal]]]:
        """Closes before the start, by coin, for estimators."""

    def funding_past(self) -> Mapping[str, tuple[FundingQuoted, ...]]:
        """Rates that settled before the start, by contract, oldest first."""


class AccountReader(Protocol):
    """Reads the whole account at once: at start and at every reconciliation."""

    async def read_snapshot(self) -> AccountSnapshot:
        """Balances, debts and positions as the exchange states them now."""

    async def read_rules(self) -> Rules:
        """The exchange's rules as of now."""


class OrderGateway(Protocol):
    """Sends order and cancel requests."""

    def send_order(self, approved: Approved) -> None:
        """Send; the outcome comes back as ``IntentSettled``."""

    def find_order(self, approved: Approved) -> None:
        """Look up what became of an intent in doubt; the answer is an event."""


class LoanGateway(Protocol):
    """Sends borrow and repay requests; one in flight an account and coin."""

    def send_loan(self, approved: Approved) -> None:
        """Send; the outcome comes back as ``IntentSettled``."""

    def find_loan(self, approved: Approved) -> None:
        """Look up what became of a loan request in doubt."""


class TransferGateway(Protocol):
    """Moves coins between accounts and isolated margin."""

    def send_transfer(self, approved: Approved) -> None:
        """Send; the outcome comes back as ``IntentSettled``."""

    def find_transfer(self, approved: Approved) -> None:
        """Look up what became of a transfer in doubt."""


class Scheduler(Protocol):
    """Fires jobs; a job runs nothing but one ``put``."""

    def start(self, jobs: Sequence[Job], put: Callable[[ScheduleDue], None]) -> None:
        """Begin to fire; ``put`` takes each due event."""

    def stop(self) -> None:
        """Fire no more."""


class Journal(Protocol):
    """The memory: append-only, ordered, hash-chained."""

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries in order; they become durable at the next ``commit``.

        Raises:
            JournalError: A resumed run met a row that differs from the journal.
        """

    def commit(self) -> None:
        """Make everything appended so far durable before returning."""

    def close(self) -> None:
        """Commit, checkpoint and close."""


class Notifier(Protocol):
    """Tells a person."""

    def notify(self, level: str, sentence: str) -> None:
        """Deliver one sentence: info, warning or alarm."""
