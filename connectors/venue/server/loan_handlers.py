"""Borrowing, repaying and their histories on the spot host.

A loan has no client id: two equal requests are two loans. A refused request leaves
a row ``FAILED`` in the history, with nothing done. Only the venue lends.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    MARGIN_CROSS,
    AccountId,
    isolated_account,
    isolated_pair,
)
from bot.domain.events import IntentSettled
from bot.domain.intents import Borrow, Repay
from bot.domain.money import ZERO, plain
from bot.domain.orders import Outcome
from connectors.kucoin.parse.node import at_ms
from connectors.venue.server.archive import InterestRecord, LoanRecord
from connectors.venue.server.asks import (
    body_flag,
    body_number,
    body_text,
    body_word,
    query_flag,
    query_text,
    query_time,
)
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import Call, ProblemError
from connectors.venue.server.pages import newest_between, numbered_page
from connectors.venue.server.words_spot_basic import ms

__all__ = ["borrow", "borrow_history", "interest_history", "repay", "repay_history"]

_FLOOR: Final = at_ms(1_680_278_400_000)
"""No history reaches further back."""

_HOURS_A_DAY: Final = 24
_DAY_RATIO: Final = Decimal("0.000001")


def _account(call: Call) -> AccountId:
    """The margin account that a request's body names."""
    if body_flag(call.body, "isIsolated"):
        return isolated_account(body_text(call.body, "symbol"))
    return MARGIN_CROSS


def borrow(backend: Backend, call: Call) -> object:
    """``POST /api/v3/margin/borrow``: ``IOC`` takes what there is, ``FOK`` all."""
    intent = Borrow(
        account=_account(call),
        coin=body_text(call.body, "currency"),
        amount=body_number(call.body, "size"),
        allow_partial=body_word(call.body, "timeInForce", ("IOC", "FOK")) == "IOC",
    )
    number = backend.next_id("loan")
    settled = _settle(backend, call, intent, number)
    return {"orderNo": number, "actualSize": plain(settled.done_amount)}


def repay(backend: Backend, call: Call) -> object:
    """``POST /api/v3/margin/repay``: more than is owed is cut to what is owed."""
    intent = Repay(
        account=_account(call),
        coin=body_text(call.body, "currency"),
        amount=body_number(call.body, "size"),
    )
    number = backend.next_id("repay")
    settled = _settle(backend, call, intent, number)
    return {
        "timestamp": ms(settled.at),
        "orderNo": number,
        "actualSize": plain(settled.done_amount),
    }


def _settle(
    backend: Backend, call: Call, intent: Borrow | Repay, number: str
) -> IntentSettled:
    """Do a loan or a repayment, or remember that it failed and say why."""
    settled = backend.submit(call.at, intent, number)
    if settled.outcome is Outcome.DONE:
        return settled
    failed = LoanRecord(
        number=0,
        order_no=number,
        is_repay=isinstance(intent, Repay),
        account=intent.account,
        coin=intent.coin,
        requested=intent.amount,
        done=ZERO,
        principal=ZERO,
        interest=ZERO,
        is_success=False,
        at=settled.at,
    )
    backend.archive.loan_refused(failed)
    raise ProblemError(settled.code or "500000", settled.reason or "it was refused.")


def _wanted(call: Call, account: AccountId) -> bool:
    """Whether a query for cross or isolated rows asks for an account's."""
    pair = isolated_pair(account)
    if not query_flag(call, "isIsolated"):
        return pair is None
    return pair is not None and call.query.get("symbol", "") in {"", pair}


def _span(call: Call) -> tuple[datetime, datetime]:
    """The span of time that a history is asked for; it may be of any width."""
    first = query_time(call, "startTime") or _FLOOR
    return first, query_time(call, "endTime") or call.at


def _loans(backend: Backend, call: Call, *, is_repay: bool) -> Sequence[LoanRecord]:
    """The loans or repayments that a query asks for, newest first."""
    coin, number = query_text(call, "currency"), call.query.get("orderNo", "")
    return [
        record
        for record in newest_between(backend.archive.loans, _span(call), lambda r: r.at)
        if record.is_repay == is_repay
        and record.coin == coin
        and _wanted(call, record.account)
        and number in {"", record.order_no}
    ]


def borrow_history(backend: Backend, call: Call) -> object:
    """``GET /api/v3/margin/borrow``."""
    rows = _loans(backend, call, is_repay=False)
    page = numbered_page(
        call,
        rows,
        lambda row: {**_loan_words(row), "actualSize": plain(row.done)},
    )
    return {"timestamp": ms(call.at), **page}


def repay_history(backend: Backend, call: Call) -> object:
    """``GET /api/v3/margin/repay``."""
    rows = _loans(backend, call, is_repay=True)
    page = numbered_page(
        call,
        rows,
        lambda row: {
            **_loan_words(row),
            "principal": plain(row.principal),
            "interest": plain(row.interest),
        },
    )
    return {"timestamp": ms(call.at), **page}


def _loan_words(row: LoanRecord) -> dict[str, object]:
    """What both histories write alike; ``symbol`` is null in cross margin."""
    return {
        "orderNo": row.order_no,
        "symbol": isolated_pair(row.account),
        "currency": row.coin,
        "size": plain(row.requested),
        "status": "SUCCESS" if row.is_success else "FAILED",
        "createdTime": ms(row.at),
    }


def interest_history(backend: Backend, call: Call) -> object:
    """``GET /api/v3/margin/interest``: one row an hour and debt, newest first."""
    coin = call.query.get("currency", "")
    charges = backend.archive.interest
    rows = [
        record
        for record in newest_between(charges, _span(call), lambda r: r.at)
        if coin in {"", record.coin} and _wanted(call, record.account)
    ]
    return {"timestamp": ms(call.at), **numbered_page(call, rows, _interest_words)}


def _interest_words(row: InterestRecord) -> dict[str, object]:
    """One charge; the day's rate is rounded to six decimals, for display."""
    day = (row.hourly_rate * _HOURS_A_DAY).quantize(_DAY_RATIO)
    return {
        "currency": row.coin,
        "dayRatio": plain(day),
        "interestAmount": plain(row.amount),
        "createdTime": ms(row.at),
    }
