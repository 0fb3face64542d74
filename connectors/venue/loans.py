"""The loan desk: borrow, repay, interest at once and each full hour.

Rules of ``spot-margin.md`` 6, and what it leaves open:

- A loan is charged one hour of interest the moment it is made, then each full UTC
  hour, here at 20 seconds past it (seen: 13 to 28 s). Every debt that stands at
  that moment is charged, however young: nobody has published a proration.
- The interest of the last hour becomes principal, the new one is the principal
  times ``annual / 8760``, rounded up to 1e-8.
- A repayment pays interest first; more than is owed is cut to what is owed.
- A coin whose rate was never quoted cannot be borrowed; a debt in it that exists
  already costs 11 % (USDT), 4 % (BTC, ETH) or 8 % a year (DESIGN section 11).
- The stock for lending is what was last quoted, less what was borrowed since.

This module must not trade; who is being liquidated is told by the caller.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import AccountId
from bot.domain.events import Bucket, Cause, Posting
from bot.domain.instruments import MarginCoinRules
from bot.domain.intents import Borrow, Repay
from bot.domain.market import MarketInstant
from bot.domain.money import LEDGER_QUANTUM, ZERO, floor_to, round_up
from connectors.venue.ledger import Ledger, is_multiple
from connectors.venue.margin import MarginNumbers, is_margin
from connectors.venue.refusal import Refusal
from connectors.venue.tape import Tape

__all__ = ["INTEREST_DELAY", "LoanDesk", "first_charge_after"]

INTEREST_DELAY: Final = timedelta(seconds=20)
"""How long after a full hour interest is charged."""

_HOUR: Final = timedelta(hours=1)
_HOURS_A_YEAR: Final = Decimal(8760)
_UNQUOTED_ANNUAL: Final = {
    "USDT": Decimal("0.11"),
    "BTC": Decimal("0.04"),
    "ETH": Decimal("0.04"),
}
_UNQUOTED_OTHERS: Final = Decimal("0.08")


def first_charge_after(at: datetime) -> datetime:
    """The next time interest is charged, strictly after ``at``.

    Example:
        >>> from datetime import UTC
        >>> first_charge_after(datetime(2025, 1, 1, 0, 0, 20, tzinfo=UTC)).isoformat()
        '2025-01-01T01:00:20+00:00'
    """
    due = at.replace(minute=0, second=0, microsecond=0) + INTEREST_DELAY
    return due if due > at else due + _HOUR


@dataclass(frozen=True, slots=True)
class _Offer:
    """How much of a loan can be had, and what stops the rest."""

    amount: Decimal
    shortage: Refusal


class LoanDesk:
    """Debts of the margin accounts, and the platform's stock."""

    def __init__(
        self, ledger: Ledger, numbers: MarginNumbers, tape: Tape, at: datetime
    ) -> None:
        self._ledger = ledger
        self._numbers = numbers
        self._tape = tape
        self._stock: dict[str, Decimal | None] = {}
        self._next_charge = first_charge_after(at)

    def restock(self, instant: MarketInstant) -> None:
        """Take over the lending stock that an instant quotes."""
        for rate in instant.borrow_rates:
            self._stock[rate.coin] = rate.available

    def borrow(self, at: datetime, intent: Borrow, intent_id: str) -> Decimal | Refusal:
        """Lend a coin; all of it, or with ``allow_partial`` what there is.

        Returns:
            The coins lent, or why none were.
        """
        rules = self._numbers.coin_rules(intent.account, intent.coin)
        rate = self._tape.borrow_rate(intent.coin)
        refusal = _check_borrow(intent, rules)
        if refusal is not None:
            return refusal
        offer = self._offer(intent, rules)
        if rate is None:
            return Refusal(
                "130204",
                f"no lending rate of {intent.coin} is quoted: nothing to lend.",
            )
        if offer.amount < intent.amount and not intent.allow_partial:
            return offer.shortage
        if offer.amount <= 0:
            return offer.shortage
        self.charge_due(at)
        self._lend(at, intent, offer.amount, intent_id)
        self._charge_first_hour(at, intent, offer.amount, intent_id)
        return offer.amount

    def repay(self, at: datetime, intent: Repay, intent_id: str) -> Decimal | Refusal:
        """Pay back from the available balance, interest first.

        Returns:
            The coins paid back (at most what was owed), or why none were.
        """
        owed = self._ledger.liability(intent.account, intent.coin)
        if not is_margin(intent.account) or owed == 0:
            return Refusal(
                "400400", f"{intent.account} owes no {intent.coin}: nothing to repay."
            )
        if not is_multiple(intent.amount) or intent.amount <= 0:
            return Refusal(
                "400400", f"a repayment must be a multiple of {LEDGER_QUANTUM}, > 0."
            )
        amount = min(intent.amount, owed)
        available = self._ledger.available(intent.account, intent.coin)
        if amount > available:
            return Refusal(
                "130203",
                f"{intent.account} has {available:f} {intent.coin} available, "
                f"repaying {amount:f} needs more: cancel orders or buy.",
            )
        self.pay_off(at, intent.account, intent.coin, amount, intent_id)
        return amount

    def pay_off(
        self,
        at: datetime,
        account: AccountId,
        coin: str,
        amount: Decimal,
        intent_id: str | None,
    ) -> None:
        """Book a repayment that was checked: interest first, then principal."""
        interest = min(amount, self._ledger.interest(account, coin))
        principal = amount - interest
        postings = [Posting(account=account, coin=coin, amount=-amount)]
        if interest > 0:
            postings.append(_on(account, coin, Bucket.INTEREST, -interest))
        if principal > 0:
            postings.append(_on(account, coin, Bucket.PRINCIPAL, -principal))
        self._ledger.book(at, Cause.REPAY, postings, intent_id=intent_id)
        stock = self._stock.get(coin)
        if stock is not None:
            self._stock[coin] = stock + principal

    def next_charge(self) -> datetime | None:
        """When interest is charged next; None while nobody owes anything."""
        return self._next_charge if self._debts() else None

    def charge_due(self, at: datetime) -> None:
        """Charge every full hour that came due up to ``at``, oldest first.

        Hours in which nobody owed anything pass without a trace.
        """
        while self._next_charge <= at:
            debts = self._debts()
            if not debts:
                self._next_charge = first_charge_after(at)
                return
            due, self._next_charge = self._next_charge, self._next_charge + _HOUR
            for account, coin in debts:
                self._charge(due, account, coin)

    def annual_rate(self, coin: str) -> Decimal:
        """The rate in force, a fraction a year; see the module for unquoted coins."""
        quoted = self._tape.borrow_rate(coin)
        if quoted is not None:
            return quoted.annual_rate
        return _UNQUOTED_ANNUAL.get(coin, _UNQUOTED_OTHERS)

    def stock(self, coin: str) -> Decimal | None:
        """What the platform has left to lend of a coin; None is not known."""
        return self._stock.get(coin)

    def _debts(self) -> list[tuple[AccountId, str]]:
        """Every account and coin that owes something, in a fixed order."""
        return [
            (account, coin)
            for account in self._ledger.accounts()
            if is_margin(account)
            for coin, line in self._ledger.lines(account)
            if line.liability > 0
        ]

    def _charge(self, at: datetime, account: AccountId, coin: str) -> None:
        """One hour of one debt: the old interest becomes principal, a new one is due.

        Example (IN-4): principal 10 and interest 0.00004692 become principal
        10.00004692 and interest 0.00004693 at the same rate.
        """
        rate = self.annual_rate(coin) / _HOURS_A_YEAR
        rolled = self._ledger.interest(account, coin)
        principal = self._ledger.principal(account, coin) + rolled
        charge = round_up(principal * rate)
        postings = [
            _on(account, coin, Bucket.PRINCIPAL, rolled),
            _on(account, coin, Bucket.INTEREST, charge - rolled),
        ]
        postings = [posting for posting in postings if posting.amount != 0]
        if postings:
            self._ledger.book(at, Cause.INTEREST, postings, rate=rate)

    def _offer(self, intent: Borrow, rules: MarginCoinRules | None) -> _Offer:
        """The most that can be lent now, in whole units, and the code for less."""
        room = self._numbers.max_borrow(intent.account, intent.coin)
        stock = self._stock.get(intent.coin)
        coin = intent.coin
        if room is None or rules is None:
            sentence = f"a mark price is missing, so no {coin} can be lent: wait."
            return _Offer(ZERO, Refusal("130203", sentence))
        most = min(intent.amount, room)
        shortage = Refusal(
            "130203",
            f"{intent.account} may borrow {room:f} {coin} more, not all of it.",
        )
        if stock is not None and stock < most:
            most = stock
            shortage = Refusal("130204", f"the platform has {stock:f} {coin} to lend.")
        most = floor_to(most, rules.borrow_unit or rules.quantum)
        if most <= 0 or (rules.borrow_min is not None and most < rules.borrow_min):
            most = ZERO
        return _Offer(most, shortage)

    def _lend(
        self, at: datetime, intent: Borrow, amount: Decimal, intent_id: str
    ) -> None:
        """Book the loan itself."""
        account, coin = intent.account, intent.coin
        self._ledger.book(
            at,
            Cause.BORROW,
            [
                Posting(account=account, coin=coin, amount=amount),
                _on(account, coin, Bucket.PRINCIPAL, amount),
            ],
            intent_id=intent_id,
        )
        stock = self._stock.get(coin)
        if stock is not None:
            self._stock[coin] = stock - amount

    def _charge_first_hour(
        self, at: datetime, intent: Borrow, amount: Decimal, intent_id: str
    ) -> None:
        """Charge the hour that every new loan owes at once (IN-1)."""
        rate = self.annual_rate(intent.coin) / _HOURS_A_YEAR
        charge = round_up(amount * rate)
        if charge == 0:
            return
        self._ledger.book(
            at,
            Cause.INTEREST,
            [_on(intent.account, intent.coin, Bucket.INTEREST, charge)],
            intent_id=intent_id,
            rate=rate,
        )


def _on(account: AccountId, coin: str, bucket: Bucket, amount: Decimal) -> Posting:
    """A posting on what is owed."""
    return Posting(account=account, coin=coin, amount=amount, bucket=bucket)


def _check_borrow(intent: Borrow, rules: MarginCoinRules | None) -> Refusal | None:
    """Refuse a loan that the coin's rules forbid, whatever the account owns."""
    if rules is None:
        return Refusal(
            "130201", f"{intent.coin} cannot be borrowed in {intent.account}."
        )
    if not rules.borrow_enabled:
        return Refusal("130201", f"borrowing of {intent.coin} is switched off.")
    unit = rules.borrow_unit or rules.quantum
    if not is_multiple(intent.amount, unit) or intent.amount <= 0:
        return Refusal("400400", f"borrow a positive multiple of {unit} {intent.coin}.")
    if rules.borrow_min is not None and intent.amount < rules.borrow_min:
        return Refusal("400400", f"borrow at least {rules.borrow_min} {intent.coin}.")
    return None
