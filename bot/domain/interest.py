"""Interest on margin loans: charged at once, then at every full hour, compounding.

At each full UTC hour the interest of the last hour becomes principal, and the new
principal is charged for one hour, rounded *up* to 8 decimals. A new loan is charged
for a full hour at the moment it is taken. A repayment pays interest first. Nothing
here knows a rate, an account or a clock.

Source: KuCoin help 900002175423 and its own records (vectors IN-1 to IN-4). That
the rounding is upward rests on one record; it is the higher charge of the readings
that fit. KuCoin does not say how a rate maps to an hour: annual rate / 8760 fits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.money import ZERO, round_up

__all__ = [
    "HOURS_A_YEAR",
    "Accrual",
    "Loan",
    "Repayment",
    "accruals",
    "borrow",
    "full_hours",
    "hour_interest",
    "hourly_rate",
    "next_hour",
    "repay",
]

HOURS_A_YEAR: Final = Decimal(8760)
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loan:
    """What is owed of one coin: principal, and the interest not yet rolled into it."""

    principal: Decimal = ZERO
    interest: Decimal = ZERO

    @property
    def liability(self) -> Decimal:
        """Principal and interest together, in coins."""
        return self.principal + self.interest


@dataclass(frozen=True, slots=True, kw_only=True)
class Accrual:
    """One hourly charge: what rolled into principal and what was charged anew."""

    at: datetime
    rolled: Decimal
    interest: Decimal
    loan: Loan


@dataclass(frozen=True, slots=True, kw_only=True)
class Repayment:
    """How a repayment was split; ``unused`` is what exceeded the debt."""

    interest: Decimal
    principal: Decimal
    unused: Decimal
    loan: Loan


def hourly_rate(annual_rate: Decimal) -> Decimal:
    """An annual rate (a fraction) for one hour.

    Example:
        >>> hourly_rate(Decimal("0.0876"))
        Decimal('0.00001')
    """
    return annual_rate / HOURS_A_YEAR


def hour_interest(principal: Decimal, rate: Decimal) -> Decimal:
    """One hour's interest in coins, rounded up to 8 decimals; ``rate`` is hourly.

    Example:
        KuCoin charged 0.00013482 on 10 USDT at 11.81 % a year.

        >>> hour_interest(Decimal(10), hourly_rate(Decimal("0.1181")))
        Decimal('0.00013482')
    """
    return round_up(max(principal, ZERO) * max(rate, ZERO))


def borrow(loan: Loan, amount: Decimal, rate: Decimal) -> Loan:
    """The debt after borrowing more: the new amount is charged for an hour at once.

    Example:
        >>> borrow(Loan(), Decimal(10), hourly_rate(Decimal("0.1181"))).liability
        Decimal('10.00013482')
    """
    if amount < 0:
        raise ValueError(f"amount to borrow must not be negative, was {amount}")
    return Loan(
        principal=loan.principal + amount,
        interest=loan.interest + hour_interest(amount, rate),
    )


def repay(loan: Loan, amount: Decimal) -> Repayment:
    """Pay back up to the whole debt, interest first.

    Example:
        KuCoin split a repayment of 10 into 0.00013482 and 9.99986518.

        >>> paid = repay(
        ...     Loan(principal=Decimal(10), interest=Decimal("0.00013482")), Decimal(10)
        ... )
        >>> paid.interest, paid.principal, paid.loan.principal
        (Decimal('0.00013482'), Decimal('9.99986518'), Decimal('0.00013482'))
    """
    if amount < 0:
        raise ValueError(f"amount to repay must not be negative, was {amount}")
    interest = min(amount, loan.interest)
    principal = min(amount - interest, loan.principal)
    return Repayment(
        interest=interest,
        principal=principal,
        unused=amount - interest - principal,
        loan=Loan(
            principal=loan.principal - principal, interest=loan.interest - interest
        ),
    )


def next_hour(after: datetime) -> datetime:
    """The first full hour strictly after a moment.

    Example:
        >>> from datetime import UTC
        >>> next_hour(datetime(2024, 10, 23, 3, 45, 38, tzinfo=UTC)).isoformat()
        '2024-10-23T04:00:00+00:00'
    """
    return after.replace(minute=0, second=0, microsecond=0) + _HOUR


def full_hours(start: datetime, end: datetime) -> Iterator[datetime]:
    """Every full hour after ``start`` and not after ``end``, in order.

    Example:
        >>> from datetime import UTC
        >>> times = [datetime(2024, 1, 1, hour, 30, tzinfo=UTC) for hour in (3, 6)]
        >>> [each.hour for each in full_hours(*times)]
        [4, 5, 6]
    """
    at = next_hour(start)
    while at <= end:
        yield at
        at += _HOUR


def accruals(
    loan: Loan, rate: Decimal, start: datetime, end: datetime
) -> Iterator[Accrual]:
    """The hourly charges after ``start`` and not after ``end`` at one hourly rate.

    Split the span where the rate changes and go on with the last ``loan``. A loan
    without anything owed accrues nothing.

    Example:
        KuCoin's DOGE loan: the first interest becomes principal an hour later.

        >>> from datetime import UTC
        >>> times = [datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in (0, 1)]
        >>> first = Loan(principal=Decimal(10), interest=Decimal("0.00004692"))
        >>> (charge,) = accruals(first, Decimal("0.000004692"), *times)
        >>> charge.loan.principal, charge.loan.interest
        (Decimal('10.00004692'), Decimal('0.00004693'))
    """
    for at in full_hours(start, end):
        if loan.liability <= 0:
            return
        rolled = loan.interest
        principal = loan.principal + rolled
        interest = hour_interest(principal, rate)
        loan = Loan(principal=principal, interest=interest)
        yield Accrual(at=at, rolled=rolled, interest=interest, loan=loan)
