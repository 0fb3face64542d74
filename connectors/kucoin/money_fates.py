"""What one look proves about a loan, a transfer or a move of margin in doubt.

The evidence is the difference from the pre-image: rows of the history that were not
there, then the debt or margin itself. A request without a pre-image never left,
because the pre-image is made durable first. Nothing here settles or sends.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final

from bot.domain.intents import AdjustMargin, Borrow, Repay, Transfer
from bot.domain.money import ZERO
from bot.domain.orders import Outcome
from bot.ports import Clock
from connectors.kucoin.answers import Rest
from connectors.kucoin.fates import Case, Fate
from connectors.kucoin.money_requests import is_ours
from connectors.kucoin.parse.loans import LoanRecord
from connectors.kucoin.pre_images import (
    MoneyIntent,
    Move,
    PreImage,
    liability,
    loan_records,
    moves,
    position_margin,
)

__all__ = ["money_fate"]

_HISTORY_SILENT: Final = timedelta(seconds=60)
_NEAR: Final = Decimal("0.1")
"""Within a tenth of the amount, a difference counts as that amount, or as none."""


async def money_fate(
    rest: Rest, clock: Clock, case: Case, intent: MoneyIntent
) -> Fate | None:
    """One look at a request that moves money."""
    if case.image is None:
        return Fate(
            outcome=Outcome.REFUSED,
            reason="it had not left: nothing was read before it, as would have been",
        )
    match intent:
        case Borrow() | Repay():
            return await _loan(rest, clock, case, case.image, intent)
        case Transfer():
            return await _transfer(rest, clock, case, case.image, intent)
        case AdjustMargin():
            return await _margin(rest, clock, case, case.image, intent)


async def _loan(
    rest: Rest, clock: Clock, case: Case, image: PreImage, intent: Borrow | Repay
) -> Fate | None:
    looked_at = clock.now()
    records, owed = await asyncio.gather(
        loan_records(rest, intent, case.urgency),
        liability(rest, intent.account, intent.coin, case.urgency),
    )
    record = _ours(records, image, intent)
    if record is not None:
        case.absence.broken()
        return _of_record(record)
    grown = owed - (image.amount or ZERO)
    moved = grown if isinstance(intent, Borrow) else -grown
    if _is_near(moved, ZERO, intent.amount):
        if case.absence.seen(case.sent_at, looked_at):
            return Fate(
                outcome=Outcome.REFUSED,
                reason=(
                    "neither the history nor the debt shows it, in "
                    f"{case.absence.looks} looks"
                ),
            )
        return None
    case.absence.broken()
    is_silent = looked_at - case.sent_at >= _HISTORY_SILENT
    if is_silent and _is_near(moved, intent.amount, intent.amount):
        return Fate(outcome=Outcome.DONE, done_amount=intent.amount)
    return None


def _ours(
    records: Sequence[LoanRecord], image: PreImage, intent: Borrow | Repay
) -> LoanRecord | None:
    """The record that was not there before and asks for what we asked for."""
    return next((record for record in records if is_ours(record, image, intent)), None)


def _of_record(record: LoanRecord) -> Fate | None:
    """Pending is not done; failed is refused."""
    if record.outcome is Outcome.IN_DOUBT:
        return None
    if record.outcome is Outcome.REFUSED or record.done_amount <= 0:
        return Fate(
            outcome=Outcome.REFUSED,
            reason=f"KuCoin's history says that loan request {record.order_no} failed",
        )
    return Fate(
        outcome=Outcome.DONE,
        loan_no=record.order_no,
        done_amount=record.done_amount,
    )


async def _transfer(
    rest: Rest, clock: Clock, case: Case, image: PreImage, intent: Transfer
) -> Fate | None:
    """Done when both accounts show it; on its way while only one does."""
    looked_at = clock.now()
    out, into = await asyncio.gather(
        moves(rest, intent.source, intent.coin, case.urgency),
        moves(rest, intent.target, intent.coin, case.urgency),
    )
    left = _has_new(out, image, -intent.amount)
    came = _has_new(into, image, intent.amount)
    if left and came:
        return Fate(outcome=Outcome.DONE, done_amount=intent.amount)
    if left or came:
        case.absence.broken()
        return None
    if not case.absence.seen(case.sent_at, looked_at):
        return None
    return Fate(
        outcome=Outcome.REFUSED,
        reason=f"neither ledger shows it, in {case.absence.looks} looks",
    )


def _has_new(rows: Sequence[Move], image: PreImage, amount: Decimal) -> bool:
    return any(
        row.amount == amount and image.is_new(row.row_id, row.at) for row in rows
    )


async def _margin(
    rest: Rest, clock: Clock, case: Case, image: PreImage, intent: AdjustMargin
) -> Fate | None:
    """By the margin itself, which funding and fees may move a little."""
    looked_at = clock.now()
    margin = await position_margin(rest, intent, case.urgency)
    if margin is None or image.amount is None:
        reason = f"{intent.symbol} has no isolated position any more"
    else:
        grown = margin - image.amount
        if _is_near(grown, intent.amount, intent.amount):
            return Fate(outcome=Outcome.DONE, done_amount=abs(intent.amount))
        if not _is_near(grown, ZERO, intent.amount):
            case.absence.broken()
            return None
        reason = f"the margin of {intent.symbol} did not move"
    if not case.absence.seen(case.sent_at, looked_at):
        return None
    return Fate(outcome=Outcome.REFUSED, reason=reason)


def _is_near(found: Decimal, expected: Decimal, amount: Decimal) -> bool:
    return abs(found - expected) <= abs(amount) * _NEAR
