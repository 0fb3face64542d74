"""Borrowing and repaying: answers, histories, interest and rates.

Reads ``POST`` and ``GET /api/v3/margin/borrow``, ``/api/v3/margin/repay``,
``/api/v3/margin/interest``, ``/api/v3/margin/borrowRate`` and
``/api/v3/margin/available-inventory``. Loans have no client id: the histories are
the only proof of what became of a request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.orders import Outcome
from connectors.kucoin.parse.envelope import body, coin, page
from connectors.kucoin.parse.node import Node

__all__ = [
    "BorrowRateQuote",
    "InterestRecord",
    "LoanAnswer",
    "LoanRecord",
    "borrow_rates",
    "borrows",
    "interests",
    "inventory",
    "loan_answer",
    "repays",
]

_STATUSES: Final[Mapping[str, Outcome]] = {
    "PENDING": Outcome.IN_DOUBT,
    "SUCCESS": Outcome.DONE,
    "FAILED": Outcome.REFUSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanAnswer:
    """The answer to a borrow or repay request; ``done_amount`` may be partial."""

    order_no: str
    done_amount: Decimal
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanRecord:
    """One borrow or repay of the history; ``pair`` is None in cross margin.

    ``principal`` and ``interest`` are the parts of a repayment.
    """

    order_no: str
    pair: str | None
    coin: str
    requested: Decimal
    done_amount: Decimal
    principal: Decimal | None
    interest: Decimal | None
    outcome: Outcome
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InterestRecord:
    """One hourly charge; ``daily_rate`` is rounded by the exchange, for display."""

    coin: str
    amount: Decimal
    daily_rate: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BorrowRateQuote:
    """What a coin costs to borrow at our VIP level, fractions an hour and a year."""

    coin: str
    hourly_rate: Decimal
    annual_rate: Decimal


def loan_answer(document: Node) -> LoanAnswer:
    """Read the answer to a borrow or a repay."""
    data = body(document)
    return LoanAnswer(
        order_no=data["orderNo"].identity(),
        done_amount=data["actualSize"].amount(),
        at=data["timestamp"].optional_time_ms(),
    )


def borrows(document: Node) -> tuple[tuple[LoanRecord, ...], bool]:
    """Read the history of loans and whether this is all of it."""
    items, is_complete = page(document)
    return tuple(
        _record(row, row["actualSize"].amount(), None, None) for row in items
    ), is_complete


def repays(document: Node) -> tuple[tuple[LoanRecord, ...], bool]:
    """Read the history of repayments and whether this is all of it."""
    items, is_complete = page(document)
    return tuple(_repay(row) for row in items), is_complete


def _repay(row: Node) -> LoanRecord:
    principal, interest = row["principal"].amount(), row["interest"].amount()
    return _record(row, principal + interest, principal, interest)


def _record(
    row: Node, done: Decimal, principal: Decimal | None, interest: Decimal | None
) -> LoanRecord:
    return LoanRecord(
        order_no=row["orderNo"].identity(),
        pair=row["symbol"].optional_text(),
        coin=coin(row["currency"].text()),
        requested=row["size"].amount(),
        done_amount=done,
        principal=principal,
        interest=interest,
        outcome=row["status"].word(_STATUSES),
        at=row["createdTime"].time_ms(),
    )


def interests(document: Node) -> tuple[tuple[InterestRecord, ...], bool]:
    """Read the history of interest and whether this is all of it."""
    items, is_complete = page(document)
    records = tuple(
        InterestRecord(
            coin=coin(row["currency"].text()),
            amount=row["interestAmount"].amount(),
            daily_rate=row["dayRatio"].amount(),
            at=row["createdTime"].time_ms(),
        )
        for row in items
    )
    return records, is_complete


def borrow_rates(document: Node) -> tuple[BorrowRateQuote, ...]:
    """Read our own borrow rates."""
    return tuple(
        BorrowRateQuote(
            coin=coin(row["currency"].text()),
            hourly_rate=row["hourlyBorrowRate"].amount(),
            annual_rate=row["annualizedBorrowRate"].amount(),
        )
        for row in body(document)["items"].each()
    )


def inventory(document: Node) -> Mapping[str, Decimal]:
    """Read what the platform has left to lend, by coin.

    Raises:
        UsageError: A row is broken or a coin is listed twice.
    """
    found: dict[str, Decimal] = {}
    data = body(document)
    for row in data.each() if data.is_list else data["items"].each():
        name = coin(row["currency"].text())
        if name in found:
            row["currency"].refuse("a coin that is listed once")
        found[name] = row["borrowableAmount"].amount()
    return found
