"""The proof of interest saved: every repaid loan beside itself as it would have been.

From the first sweep of a loan on, its *ghost* goes on without our sweeps: the same
hourly charge at the same rate (``bot/domain/interest.py``), everybody else's borrowings
and repayments, and none of ours. What the ghost is charged more than the loan is what
was saved, in coins, to the last digit; everything else is taken to be alike. A sweep is
a repayment that is no leg of a pair and comes from neither the guard nor the operator.
It reads rows in their order, live or out of a journal. An hour whose rate nobody knows
is counted and claims nothing; after a liquidation nothing is claimed any more. It must
not value anything and must not influence a run.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import AccountId, Balance
from bot.domain.events import (
    BorrowRateQuoted,
    Bucket,
    Cause,
    LedgerBooked,
    SnapshotTaken,
)
from bot.domain.intents import Approved, Repay
from bot.domain.interest import Loan, hour_interest, hourly_rate, next_hour, repay
from bot.domain.money import ZERO
from bot.guard.flatten import OPERATOR
from bot.guard.state import GUARD
from bot.shadow.state import Shadow

__all__ = ["InterestBook", "SavedInterest", "is_sweep"]

_DELAY: Final = timedelta(seconds=20)
"""How long after the full hour a charge is made (seen: 13 to 28 s)."""
_GRACE: Final = timedelta(seconds=40)
"""How much longer the exchange's own booking of a charge is waited for."""
_HOUR: Final = timedelta(hours=1)
_QUOTES_KEPT: Final = 64
_DEBTS: Final = frozenset({Bucket.PRINCIPAL, Bucket.INTEREST})
_END: Final = frozenset({Cause.LIQUIDATION, Cause.LIQUIDATION_FEE, Cause.INSURANCE})

Key = tuple[AccountId, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedInterest:
    """What the sweeps of one coin's loan in one account were good for, in coins.

    ``unknown_hours`` are whole hours without a known rate, for which nothing is
    claimed. ``is_open`` says that the saving still grows.
    """

    account: AccountId
    coin: str
    swept: Decimal
    saved: Decimal
    unknown_hours: int
    is_open: bool


@dataclass(slots=True)
class _Ghost:
    """A loan without our sweeps; ``due`` is when it is charged next."""

    loan: Loan
    due: datetime
    swept: Decimal = ZERO
    saved: Decimal = ZERO
    unknown_hours: int = 0
    is_open: bool = True


def is_sweep(approved: Approved) -> bool:
    """Whether a request pays back a loan from what lies idle."""
    return (
        isinstance(approved.intent, Repay)
        and approved.pair is None
        and approved.owner not in {GUARD, OPERATOR}
    )


def _first_due(at: datetime) -> datetime:
    due = at.replace(minute=0, second=0, microsecond=0) + _DELAY
    return due if due > at else next_hour(at) + _DELAY


@dataclass(slots=True)
class InterestBook:
    """The loans, their ghosts, and what was saved so far."""

    _loans: dict[Key, Loan] = field(default_factory=dict)
    _ghosts: dict[Key, _Ghost] = field(default_factory=dict)
    _quotes: dict[str, list[tuple[datetime, Decimal]]] = field(default_factory=dict)
    _sweeps: set[str] = field(default_factory=set)
    _is_open: bool = False

    @classmethod
    def opened(cls, opening: Shadow) -> "InterestBook":
        """A book over the balances and borrow rates that a run starts with."""
        book = cls()
        book._open(opening.balances)
        for coin, quoted in opening.borrow.items():
            book._quotes[coin] = [(quoted.at, hourly_rate(quoted.annual_rate))]
        return book

    def see(self, at: datetime, body: object) -> None:
        """Take in one row: an event, or a request that was approved."""
        self._charge_until(at - _GRACE)
        match body:
            case Approved() if is_sweep(body):
                self._sweeps.add(body.intent_id)
            case SnapshotTaken():
                self._open(body.snapshot.balances)
            case BorrowRateQuoted():
                quotes = self._quotes.setdefault(body.coin, [])
                quotes.append((body.at, hourly_rate(body.annual_rate)))
                del quotes[:-_QUOTES_KEPT]
            case LedgerBooked():
                self._booked(body)
            case _:
                pass

    def rows(self, until: datetime) -> tuple[SavedInterest, ...]:
        """What every sweep has saved up to a time, all charges due by then included."""
        self._charge_until(until)
        return tuple(
            SavedInterest(
                account=account,
                coin=coin,
                swept=ghost.swept,
                saved=ghost.saved,
                unknown_hours=ghost.unknown_hours,
                is_open=ghost.is_open and ghost.loan.liability > 0,
            )
            for (account, coin), ghost in sorted(self._ghosts.items())
        )

    def _open(self, balances: Mapping[AccountId, Mapping[str, Balance]]) -> None:
        """Take over the debts of the first statement; a later one changes nothing."""
        if self._is_open:
            return
        self._is_open = bool(balances)
        for account, coins in balances.items():
            for coin, held in coins.items():
                if held.liability:
                    loan = Loan(principal=held.principal, interest=held.interest)
                    self._loans[account, coin] = loan

    # -- bookings ---------------------------------------------------------

    def _booked(self, event: LedgerBooked) -> None:
        for key, principal, interest in _debts_of(event):
            before = self._loans.get(key, Loan())
            is_ours = event.cause is Cause.REPAY and event.intent_id in self._sweeps
            if is_ours and key not in self._ghosts:
                self._ghosts[key] = _Ghost(loan=before, due=_first_due(event.at))
            self._loans[key] = Loan(
                principal=before.principal + principal,
                interest=before.interest + interest,
            )
            ghost = self._ghosts.get(key)
            if ghost is None or not ghost.is_open:
                continue
            if is_ours:
                ghost.swept -= principal + interest
            elif event.cause is Cause.INTEREST and event.intent_id is None:
                if event.at + _HOUR / 2 >= ghost.due:
                    quoted = self._rate_at(key[1], event.at)
                    self._charge(ghost, quoted if event.rate is None else event.rate)
                ghost.saved -= principal + interest
            else:
                self._followed(ghost, event, principal, interest)

    @staticmethod
    def _followed(
        ghost: _Ghost, event: LedgerBooked, principal: Decimal, interest: Decimal
    ) -> None:
        """What the ghost does with a booking that is no charge and not our sweep."""
        change = principal + interest
        if event.cause is Cause.REPAY:
            ghost.loan = repay(ghost.loan, -change).loan
        elif event.cause in _END:
            ghost.is_open = False
        else:
            ghost.loan = Loan(
                principal=max(ghost.loan.principal + principal, ZERO),
                interest=max(ghost.loan.interest + interest, ZERO),
            )

    # -- charges ----------------------------------------------------------

    def _charge_until(self, until: datetime) -> None:
        """Charge the ghosts whose loans are gone: nobody books their hours."""
        for (_, coin), ghost in self._ghosts.items():
            while ghost.is_open and ghost.due <= until:
                self._charge(ghost, self._rate_at(coin, ghost.due))

    def _rate_at(self, coin: str, at: datetime) -> Decimal | None:
        known = [rate for when, rate in self._quotes.get(coin, ()) if when <= at]
        return known[-1] if known else None

    @staticmethod
    def _charge(ghost: _Ghost, rate: Decimal | None) -> None:
        """One whole hour of a ghost: interest becomes principal, a new one is due."""
        ghost.due += _HOUR
        if not ghost.loan.liability:
            return
        if rate is None:
            ghost.unknown_hours += 1
            return
        principal = ghost.loan.liability
        interest = hour_interest(principal, rate)
        ghost.loan = Loan(principal=principal, interest=interest)
        ghost.saved += interest


def _debts_of(event: LedgerBooked) -> Iterator[tuple[Key, Decimal, Decimal]]:
    """What a booking does to each loan: principal and interest, in coins."""
    sums: dict[Key, list[Decimal]] = {}
    for posting in event.postings:
        if posting.bucket in _DEBTS:
            both = sums.setdefault((posting.account, posting.coin), [ZERO, ZERO])
            both[posting.bucket is Bucket.INTEREST] += posting.amount
    for key, (principal, interest) in sums.items():
        yield key, principal, interest
