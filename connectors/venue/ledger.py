"""The venue's books: who owns, holds and owes how much of what.

Theory of operation. A balance changes in one place only, ``Ledger.book``: one
call is one ``LedgerBooked`` with one cause, applied at once and put into the
outbox together with every other event that the venue emits, so that the order of
the outbox is the order of what happened. Summing the postings of all events
rebuilds every number to the last digit. Amounts are multiples of 1e-8: whoever
books has rounded, and the ledger refuses what is not round.

This module knows no price, no rule and no order; it must not decide anything.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import AccountId, Balance
from bot.domain.events import (
    Bucket,
    Cause,
    Event,
    HoldChanged,
    LedgerBooked,
    Posting,
    require_utc,
)
from bot.domain.money import LEDGER_QUANTUM, ZERO

__all__ = ["Ledger", "is_multiple", "is_sane"]

_LARGEST: Final = Decimal(10) ** 18
"""No amount of coins is larger; beyond it 28 digits cannot carry the quantum."""


def is_sane(amount: Decimal) -> bool:
    """Whether an amount is finite and small enough to be booked exactly.

    Example:
        >>> is_sane(Decimal(-5)), is_sane(Decimal("NaN")), is_sane(Decimal("1e40"))
        (True, False, False)
    """
    return amount.is_finite() and abs(amount) < _LARGEST


def is_multiple(amount: Decimal, step: Decimal = LEDGER_QUANTUM) -> bool:
    """Whether a sane amount is a whole number of steps.

    Example:
        >>> is_multiple(Decimal("0.3"), Decimal("0.1"))
        True
        >>> is_multiple(Decimal("0.000000001"))
        False
    """
    return is_sane(amount) and amount % step == 0


@dataclass(slots=True)
class _Line:
    """The numbers of one coin in one account, in coins."""

    total: Decimal = ZERO
    hold: Decimal = ZERO
    principal: Decimal = ZERO
    interest: Decimal = ZERO

    def frozen(self) -> Balance:
        """The same numbers as a value that cannot change."""
        return Balance(
            total=self.total,
            hold=self.hold,
            principal=self.principal,
            interest=self.interest,
        )


def _require_booked_amount(posting: Posting) -> None:
    """Refuse an amount finer than the ledger's quantum, and a nameless margin."""
    if not is_multiple(posting.amount):
        raise ValueError(
            f"a posting of {posting.account} {posting.coin} must be a multiple of "
            f"{LEDGER_QUANTUM}, was {posting.amount}: round it before booking"
        )
    if posting.bucket is Bucket.MARGIN and posting.symbol is None:
        raise ValueError(
            f"a margin posting of {posting.account} {posting.coin} needs a symbol"
        )


class Ledger:
    """The naive double entry book of one simulated user.

    Amounts are in coins. A balance may be negative for the length of a takeover,
    until the exchange absorbs it; principal, interest, holds and earmarked
    margins may never be.

    Example:
        >>> from bot.domain.accounts import SPOT
        >>> from datetime import UTC
        >>> books = Ledger()
        >>> at = datetime(2025, 1, 1, tzinfo=UTC)
        >>> entry = books.book(at, Cause.OPENING, [
        ...     Posting(account=SPOT, coin="BTC", amount=Decimal("0.5"))])
        >>> entry.entry_id, books.total(SPOT, "BTC")
        ('ledger-1', Decimal('0.5'))
    """

    def __init__(self, id_prefix: str = "") -> None:
        self._id_prefix = id_prefix
        self._lines: defaultdict[AccountId, dict[str, _Line]] = defaultdict(dict)
        self._known: dict[AccountId, tuple[tuple[str, Balance], ...]] = {}
        self._margins: dict[tuple[AccountId, str, str], Decimal] = {}
        self._counters: defaultdict[str, int] = defaultdict(int)
        self.outbox: list[Event] = []

    def next_id(self, kind: str) -> str:
        """A new id ``kind-counter``, counted apart for each kind, never reused."""
        self._counters[kind] += 1
        return f"{self._id_prefix}{kind}-{self._counters[kind]}"

    def book(  # noqa: PLR0913 - the fields of the event, named at every call
        self,
        at: datetime,
        cause: Cause,
        postings: Sequence[Posting],
        *,
        intent_id: str | None = None,
        symbol: str | None = None,
        rate: Decimal | None = None,
    ) -> LedgerBooked:
        """Apply the postings, put the event into the outbox and return it.

        Args:
            at: The venue's time, UTC.
            cause: The one reason why the money moved.
            postings: Signed changes in coins, multiples of 1e-8; at least one.
            intent_id: The request of ours that led to it, if one did.
            symbol: The instrument it belongs to, if any.
            rate: Funding or hourly interest rate, a fraction, where one applies.

        Raises:
            ValueError: A posting is not round, or would make a debt, an interest
                or an earmarked margin negative. Nothing was applied then.
        """
        require_utc(at, "at")
        if not postings:
            raise ValueError(f"an entry of cause {cause} needs at least one posting")
        for posting in postings:
            _require_booked_amount(posting)
        self._require_no_negative(postings)
        for posting in postings:
            self._apply(posting)
        entry = LedgerBooked(
            at=at,
            entry_id=self.next_id("ledger"),
            cause=cause,
            postings=tuple(postings),
            intent_id=intent_id,
            symbol=symbol,
            rate=rate,
        )
        self.outbox.append(entry)
        return entry

    def total(self, account: AccountId, coin: str) -> Decimal:
        """Coins owned, holds included; zero for a coin that never moved."""
        return self._line(account, coin).total

    def hold(self, account: AccountId, coin: str) -> Decimal:
        """Coins that open orders hold."""
        return self._line(account, coin).hold

    def principal(self, account: AccountId, coin: str) -> Decimal:
        """Coins borrowed and not yet repaid, without open interest."""
        return self._line(account, coin).principal

    def interest(self, account: AccountId, coin: str) -> Decimal:
        """Coins of interest that are owed on top of the principal."""
        return self._line(account, coin).interest

    def liability(self, account: AccountId, coin: str) -> Decimal:
        """Principal and interest together, in coins."""
        line = self._line(account, coin)
        return line.principal + line.interest

    def available(self, account: AccountId, coin: str) -> Decimal:
        """Total less hold, in coins; negative only inside a takeover."""
        line = self._line(account, coin)
        return line.total - line.hold

    def margin(self, account: AccountId, coin: str, symbol: str) -> Decimal:
        """Coins of a futures wallet earmarked for one isolated position."""
        return self._margins.get((account, coin, symbol), ZERO)

    def margins(self, account: AccountId, coin: str) -> Decimal:
        """Coins of a futures wallet earmarked for all isolated positions."""
        return sum(
            (
                amount
                for (owner, name, _), amount in self._margins.items()
                if owner == account and name == coin
            ),
            ZERO,
        )

    def set_hold(
        self, at: datetime, account: AccountId, coin: str, hold: Decimal
    ) -> None:
        """State the hold of a coin; emits ``HoldChanged`` when it is another.

        Raises:
            ValueError: ``hold`` is negative.
        """
        if hold < 0:
            raise ValueError(f"the hold of {account} {coin} must be >= 0, was {hold}")
        if hold == self._line(account, coin).hold:
            return
        self._lines[account].setdefault(coin, _Line()).hold = hold
        self._known.pop(account, None)
        self.outbox.append(HoldChanged(at=at, account=account, coin=coin, hold=hold))

    def emit(self, event: Event) -> None:
        """Put another event into the outbox, in order with the money."""
        self.outbox.append(event)

    def drain(self) -> list[Event]:
        """Everything emitted since the last drain, oldest first."""
        events, self.outbox = self.outbox, []
        return events

    def accounts(self) -> Sequence[AccountId]:
        """The accounts that ever moved, sorted by name."""
        return sorted(self._lines)

    def coins(self, account: AccountId) -> Sequence[str]:
        """The coins that ever moved in an account, sorted by name."""
        return sorted(self._lines[account]) if account in self._lines else []

    def lines(self, account: AccountId) -> Sequence[tuple[str, Balance]]:
        """Each coin of an account with its numbers, sorted by coin."""
        known = self._known.get(account)
        if known is None:
            coins = self.coins(account)
            known = tuple((c, self._line(account, c).frozen()) for c in coins)
            self._known[account] = known
        return known

    def balances(self) -> Mapping[AccountId, Mapping[str, Balance]]:
        """Every number of every account, as a value; all-zero coins are left out."""
        empty = Balance()
        return {
            account: {
                coin: balance
                for coin, balance in self.lines(account)
                if balance != empty
            }
            for account in self.accounts()
        }

    def _line(self, account: AccountId, coin: str) -> _Line:
        """The numbers of a coin; fresh zeros, not kept, when it never moved."""
        return self._lines.get(account, {}).get(coin, _Line())

    def _require_no_negative(self, postings: Sequence[Posting]) -> None:
        """Refuse postings after which something is owed or earmarked below zero."""
        after: dict[tuple[AccountId, str, Bucket, str | None], Decimal] = {}
        for posting in postings:
            if posting.bucket is Bucket.BALANCE:
                continue
            symbol = posting.symbol if posting.bucket is Bucket.MARGIN else None
            key = (posting.account, posting.coin, posting.bucket, symbol)
            after[key] = after.get(key, self._now(posting)) + posting.amount
        for (account, coin, bucket, _), amount in after.items():
            if amount < 0:
                raise ValueError(
                    f"{bucket} of {account} {coin} would become {amount}; "
                    "book no more than there is"
                )

    def _now(self, posting: Posting) -> Decimal:
        """The number that a posting is about to change."""
        match posting.bucket:
            case Bucket.BALANCE:
                return self.total(posting.account, posting.coin)
            case Bucket.PRINCIPAL:
                return self.principal(posting.account, posting.coin)
            case Bucket.INTEREST:
                return self.interest(posting.account, posting.coin)
            case Bucket.MARGIN:
                return self.margin(posting.account, posting.coin, posting.symbol or "")

    def _apply(self, posting: Posting) -> None:
        """Change the one number that a posting names."""
        line = self._lines[posting.account].setdefault(posting.coin, _Line())
        self._known.pop(posting.account, None)
        match posting.bucket:
            case Bucket.BALANCE:
                line.total += posting.amount
            case Bucket.PRINCIPAL:
                line.principal += posting.amount
            case Bucket.INTEREST:
                line.interest += posting.amount
            case Bucket.MARGIN:
                key = (posting.account, posting.coin, posting.symbol or "")
                self._margins[key] = self._margins.get(key, ZERO) + posting.amount
