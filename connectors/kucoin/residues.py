"""What no row explains: held back, booked when it stays, taken back when it is told.

Theory of operation. After the rows of a coherent look are booked, an amount may
still differ from what the exchange states: its *residue*. Mostly a row is late, so
a residue waits. What persists over every look for ``confirm_after`` is booked as an
adjustment, so that the books equal the exchange. When the late row arrives it is
booked like any row, which leaves the opposite residue: that takes the adjustment
back at once. So adjustments cancel out, and each row is still booked once.

A debt is one number here (principal and interest), since the exchange moves
interest into principal on its own. Nothing here reads, or knows a ledger.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, AccountId
from bot.domain.events import Bucket, Cause
from bot.domain.money import LEDGER_QUANTUM, ZERO, plain

__all__ = ["CONFIRM_AFTER", "Number", "Residues"]

CONFIRM_AFTER: Final = timedelta(seconds=10)
_REMEMBERED: Final = timedelta(days=1)
_FRESH: Final = timedelta(hours=1)
"""How long a row is asked for that would explain an adjustment."""


@dataclass(frozen=True, slots=True, order=True)
class Number:
    """One number of the account; PRINCIPAL stands for the whole debt of a coin."""

    account: AccountId
    coin: str
    bucket: Bucket


@dataclass(slots=True)
class _Waiting:
    """A residue since its first look: the part that every look since has shown."""

    since: datetime
    amount: Decimal


@dataclass(slots=True)
class _Assumed:
    """What was booked without a row and may still be taken back."""

    at: datetime
    cause: Cause
    amount: Decimal
    is_fresh: bool = True


@dataclass(slots=True)
class Residues:
    """The residues that wait and the bookings that rest on no row."""

    confirm_after: timedelta = CONFIRM_AFTER
    _waiting: dict[Number, _Waiting] = field(default_factory=dict)
    _assumed: dict[Number, list[_Assumed]] = field(default_factory=dict)

    def settle(
        self, number: Number, residue: Decimal, at: datetime
    ) -> list[tuple[Cause, Decimal]]:
        """What to book now because of a residue; what is left waits.

        Args:
            number: The number that differs, or does not.
            residue: The exchange's statement less the books, in coins.
            at: The time of the look.
        """
        amounts: dict[Cause, Decimal] = {}
        for cause, amount in self._taken_back(number, residue, at):
            residue -= amount
            amounts[cause] = amounts.get(cause, ZERO) + amount
        confirmed = self._confirmed(number, residue, at)
        if confirmed:
            self.assume(number, Cause.ADJUSTMENT, confirmed, at)
            cause = Cause.ADJUSTMENT
            amounts[cause] = amounts.get(cause, ZERO) + confirmed
        return [(cause, amount) for cause, amount in amounts.items() if amount]

    def assume(
        self, number: Number, cause: Cause, amount: Decimal, at: datetime
    ) -> None:
        """Remember a booking that rests on no row, so that a late one takes it back."""
        kept = self._assumed.setdefault(number, [])
        kept.append(_Assumed(at, cause, amount))

    def adjusted(self, number: Number) -> Decimal:
        """What was booked as adjustments of a number and not taken back."""
        kept = self._assumed.get(number, [])
        return sum(
            (each.amount for each in kept if each.cause is Cause.ADJUSTMENT), ZERO
        )

    def coins(self, account: AccountId) -> set[str]:
        """The coins of an account of which something waits."""
        return {number.coin for number in self._waiting if number.account == account}

    def to_explain(self, account: AccountId) -> set[str]:
        """The coins of an account with an adjustment that a late row may explain."""
        return {
            number.coin
            for number, kept in self._assumed.items()
            if number.account == account
            and any(each.cause is Cause.ADJUSTMENT and each.is_fresh for each in kept)
        }

    def is_waiting(self, number: Number) -> bool:
        """Whether a residue of this number is held back, dust included."""
        return number in self._waiting

    def is_clean(self, account: AccountId) -> bool:
        """Whether nothing of an account waits."""
        return not any(
            number.account == account and not _is_dust(number, waiting.amount)
            for number, waiting in self._waiting.items()
        )

    def is_unsettled(self, account: AccountId) -> bool:
        """Whether a late row may still explain something of an account."""
        return not self.is_clean(account) or any(
            number.account == account for number in self._assumed
        )

    def sentences(self) -> tuple[str, ...]:
        """What waits, for a person, in a fixed order; dust is not worth a word."""
        return tuple(
            _sentence(number, waiting.amount)
            for number, waiting in sorted(
                self._waiting.items(), key=lambda item: item[0]
            )
            if not _is_dust(number, waiting.amount)
        )

    def _taken_back(
        self, number: Number, residue: Decimal, at: datetime
    ) -> Iterator[tuple[Cause, Decimal]]:
        """The part of earlier assumptions that a residue the other way undoes.

        A larger residue than was assumed is something else, and waits like any.
        """
        kept = [
            each for each in self._assumed.pop(number, []) if at - each.at < _REMEMBERED
        ]
        for each in kept:
            each.is_fresh = at - each.at < _FRESH
        opposite = [each for each in kept if each.amount * residue < 0]
        if abs(residue) <= sum((abs(each.amount) for each in opposite), ZERO):
            for each in reversed(opposite):
                size = min(abs(residue), abs(each.amount))
                back = size if residue > 0 else -size
                residue -= back
                each.amount += back
                yield each.cause, back
        if left := [each for each in kept if each.amount]:
            self._assumed[number] = left

    def _confirmed(self, number: Number, residue: Decimal, at: datetime) -> Decimal:
        """The part of a residue that has persisted long enough to be booked."""
        waiting = self._waiting.get(number)
        if residue == 0:
            self._waiting.pop(number, None)
            return ZERO
        if (
            waiting is None
            or waiting.amount * residue < 0
            or _jitters(number, waiting.amount, residue)
        ):
            self._waiting[number] = _Waiting(at, residue)
            return ZERO
        waiting.amount = min(waiting.amount, residue, key=abs)
        if at - waiting.since < self.confirm_after:
            return ZERO
        left = residue - waiting.amount
        del self._waiting[number]
        if left:
            self._waiting[number] = _Waiting(at, left)
        return waiting.amount


def _is_dust(number: Number, amount: Decimal) -> bool:
    """Less than a ledger books: a futures wallet follows from two rounded figures."""
    return number.account == FUTURES and abs(amount) < LEDGER_QUANTUM


def _jitters(number: Number, before: Decimal, now: Decimal) -> bool:
    """Whether dust changed: it comes from rounding and is no amount then."""
    return before != now and _is_dust(number, now)


def _sentence(number: Number, amount: Decimal) -> str:
    verb = "owes" if number.bucket is Bucket.PRINCIPAL else "owns"
    more = "more" if amount > 0 else "less"
    return (
        f"{number.account} {verb} {plain(abs(amount))} {number.coin} {more} than its "
        "rows explain"
    )
