"""Balances of main and spot, transfers, and the ledgers of every account.

Reads ``GET /api/v1/accounts``, ``/api/v1/accounts/transferable``,
``/api/v1/accounts/ledgers``, ``/api/v1/hf/accounts/ledgers``,
``/api/v3/hf/margin/account/ledgers``, ``/api/v1/transaction-history`` and the push
``/account/balance``. Amounts come out signed: in is positive.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    isolated_account,
)
from bot.domain.money import ZERO
from connectors.kucoin.parse.envelope import body, coin, push, rows
from connectors.kucoin.parse.node import Node

__all__ = [
    "BalancePush",
    "FuturesLedgerRow",
    "LedgerRow",
    "PlainBalance",
    "Transferable",
    "balance_push",
    "futures_ledger",
    "ledger",
    "plain_balances",
    "transferable",
]

_PLAIN_ACCOUNTS: Final = {"main": MAIN, "trade": SPOT, "trade_hf": SPOT}
_IN: Final[Mapping[str, int]] = {"in": 1, "out": -1}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainBalance:
    """One coin of the main or spot account; ``account`` in the exchange's word."""

    account: str
    coin: str
    total: Decimal
    available: Decimal
    hold: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferable:
    """How much of a coin the exchange lets leave an account."""

    coin: str
    total: Decimal
    available: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One booking of a spot or margin account; ``amount`` is signed.

    ``fee`` is part of ``amount``: positive where it was paid, negative where a maker
    was paid.
    """

    row_id: str
    coin: str
    amount: Decimal
    fee: Decimal
    balance: Decimal
    account: str
    kind: str
    context: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesLedgerRow:
    """One booking of the futures account; funding and fees hide in RealisedPNL."""

    row_id: str
    currency: str
    kind: str
    amount: Decimal
    fee: Decimal
    equity: Decimal
    remark: str
    is_completed: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancePush:
    """One balance as it stands after an event.

    ``account`` is None where the message names none that we know; ``event`` is
    the exchange's word for what happened.
    """

    account: AccountId | None
    coin: str
    total: Decimal
    available: Decimal
    hold: Decimal
    event: str
    event_id: str | None
    at: datetime


def plain_balances(document: Node) -> tuple[PlainBalance, ...]:
    """Read the balances of the main and spot accounts."""
    return tuple(
        PlainBalance(
            account=row["type"].text(),
            coin=coin(row["currency"].text()),
            total=row["balance"].amount(),
            available=row["available"].amount(),
            hold=row["holds"].amount(),
        )
        for row in body(document).each()
    )


def transferable(document: Node) -> Transferable:
    """Read the exchange's own figure of what may leave."""
    data = body(document)
    return Transferable(
        coin=coin(data["currency"].text()),
        total=data["balance"].amount(),
        available=data["available"].amount(),
        amount=data["transferable"].amount(),
    )


def ledger(document: Node) -> tuple[LedgerRow, ...]:
    """Read a page or a list of spot or margin bookings.

    The sign comes from ``direction``; an amount that is negative already is
    taken by its size.
    """
    return tuple(_ledger_row(row) for row in rows(document))


def _ledger_row(row: Node) -> LedgerRow:
    context = row["context"]
    return LedgerRow(
        row_id=row["id"].identity(),
        coin=coin(row["currency"].text()),
        amount=row["direction"].word(_IN) * abs(row["amount"].decimal()),
        fee=row["fee"].optional_decimal() or ZERO,
        balance=row["balance"].decimal(),
        account=row["accountType"].text(),
        kind=row["bizType"].text(),
        context="" if context.is_blank else context.text(),
        at=row["createdAt"].time_ms(),
    )


def futures_ledger(document: Node) -> tuple[tuple[FuturesLedgerRow, ...], bool]:
    """Read the futures bookings and whether there are more behind this page."""
    data = body(document)
    found = tuple(
        FuturesLedgerRow(
            row_id=row["offset"].identity(),
            currency=row["currency"].text(),
            kind=row["type"].text(),
            amount=row["amount"].decimal(),
            fee=row["fee"].decimal(),
            equity=row["accountEquity"].decimal(),
            remark=row["remark"].optional_text() or "",
            is_completed=row["status"].text() == "Completed",
            at=row["time"].time_ms(),
        )
        for row in data["dataList"].each()
    )
    return found, data["hasMore"].flag()


def balance_push(document: Node) -> BalancePush:
    """Read a push of ``/account/balance``, of any account."""
    data = push(document)
    event = data["relationEvent"].text()
    context = data["relationContext"]
    return BalancePush(
        account=_account(event, context),
        coin=coin(data["currency"].text()),
        total=data["total"].amount(),
        available=data["available"].amount(),
        hold=data["hold"].amount(),
        event=event,
        event_id=data["relationEventId"].optional_identity(),
        at=data["time"].time_ms(),
    )


def _account(event: str, context: Node) -> AccountId | None:
    """Which account an event belongs to, told by the beginning of its name.

    The exchange prints ``margin.hold``, ``isolated_BTC-USDT.transfer`` and
    ``isolatedV2_BTC-USDT.transfer``, ``trade.hold`` and ``main.transfer``.
    """
    head, _, _ = event.partition(".")
    if head.lower().startswith("isolated"):
        _, _, pair = head.partition("_")
        return isolated_account(pair) if pair else None
    if head.lower().startswith("margin"):
        return MARGIN_CROSS
    return _PLAIN_ACCOUNTS.get(head.lower())
