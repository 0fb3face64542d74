"""The three ledgers of the spot host: main, spot, margin.

KuCoin keeps trades of the fast accounts in ledgers of their own and everything
that a loan does in the general one. A row's amount is never negative: its
direction says which way, and a trade's amount is net of its fee, which is negative
where a maker is paid. Windows: 24 hours
for the general ledger, 3 days for the other two. Nothing here changes anything.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    isolated_pair,
)
from bot.domain.events import Cause
from bot.domain.money import LEDGER_QUANTUM, plain
from connectors.venue.server.archive import LedgerRecord
from connectors.venue.server.asks import names, query_word
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import Call
from connectors.venue.server.pages import (
    newest_between,
    numbered_page,
    rows_before,
    window,
)
from connectors.venue.server.words_spot_basic import ms, trailing_number

__all__ = ["ledgers", "margin_ledgers", "spot_ledgers"]

_DAY: Final = timedelta(days=1)
_THREE_DAYS: Final = timedelta(days=3)
_MOST_COINS: Final = 10
_MOST_ROWS: Final = 200

_MAIN_KINDS: Final[Mapping[Cause, str]] = {Cause.TRANSFER: "TRANSFER"}
_LOAN_KINDS: Final[Mapping[Cause, str]] = {
    Cause.BORROW: "Borrowings",
    Cause.REPAY: "Debt Repayment",
}
_SPOT_KINDS: Final[Mapping[Cause, str]] = {
    Cause.TRADE: "TRADE_EXCHANGE",
    Cause.FEE: "TRADE_EXCHANGE",
    Cause.TRANSFER: "TRANSFER",
}
_MARGIN_KINDS: Final[Mapping[Cause, str]] = {
    Cause.TRADE: "MARGIN_EXCHANGE",
    Cause.FEE: "MARGIN_EXCHANGE",
    Cause.TRANSFER: "TRANSFER",
    Cause.LIQUIDATION: "LIQUIDATION",
    Cause.LIQUIDATION_FEE: "LIQUIDATION",
    Cause.INSURANCE: "ASSERT_RETURN",
}
"""``ASSERT_RETURN`` (KuCoin's spelling): what the exchange put in after a takeover."""

_MARGIN_WORDS: Final = (
    *dict.fromkeys(_MARGIN_KINDS.values()),
    "ISOLATED_EXCHANGE",
)
_SPOT_WORDS: Final = (
    *dict.fromkeys(_SPOT_KINDS.values()),
    "SUB_TRANSFER",
    "RETURNED_FEES",
    "DEDUCTION_FEES",
    "OTHER",
)


def _is_margin(account: AccountId) -> bool:
    return account == MARGIN_CROSS or isolated_pair(account) is not None


def _general_kind(record: LedgerRecord) -> str | None:
    """The word of a row in the general ledger, None where it is not shown there."""
    if record.account == MAIN:
        return _MAIN_KINDS.get(record.booking.cause)
    if _is_margin(record.account):
        return _LOAN_KINDS.get(record.booking.cause)
    return None


def _spot_kind(record: LedgerRecord) -> str | None:
    """The word of a row in the spot ledger, None for another account's."""
    if record.account != SPOT:
        return None
    return _SPOT_KINDS.get(record.booking.cause)


def _margin_kind(record: LedgerRecord) -> str | None:
    """The word of a row in the margin ledger, None for another account's."""
    if not _is_margin(record.account):
        return None
    kind = _MARGIN_KINDS.get(record.booking.cause)
    if kind == "MARGIN_EXCHANGE" and record.account != MARGIN_CROSS:
        return "ISOLATED_EXCHANGE"
    return kind


_Kind = Callable[[LedgerRecord], str | None]


def _matching(
    backend: Backend, call: Call, kind: _Kind, most: timedelta
) -> Sequence[LedgerRecord]:
    """The rows that a query asks for, newest first."""
    span = window(call, most)
    coins = names(call, "currency", _MOST_COINS)
    direction = query_word(call, "direction", ("in", "out"))
    wanted = call.query.get("bizType", "")
    return [
        record
        for record in newest_between(backend.archive.ledger, span, lambda r: r.at)
        if (not coins or record.coin in coins)
        and direction in {None, _direction(record)}
        and (word := kind(record)) is not None
        and wanted in {"", word}
    ]


def _direction(record: LedgerRecord) -> str:
    return "in" if record.amount > 0 else "out"


def _context(record: LedgerRecord) -> str:
    """Order, trade and pair of a trade's row, as JSON in a text."""
    if record.order_id is None or record.trade_id is None:
        return "{}"
    words = {
        "symbol": record.booking.symbol,
        "orderId": record.order_id,
        "tradeId": str(trailing_number(record.trade_id)),
    }
    return json.dumps(words, separators=(",", ":"))


def _eight(amount: Decimal) -> str:
    """An amount with eight decimals, as the fast ledgers print it."""
    return f"{amount.quantize(LEDGER_QUANTUM):f}"


def ledgers(backend: Backend, call: Call) -> object:
    """``GET /api/v1/accounts/ledgers``: the main account, loans of the margin ones."""
    rows = _matching(backend, call, _general_kind, _DAY)
    return numbered_page(call, rows, _general_words)


def _general_words(record: LedgerRecord) -> dict[str, object]:
    account = "MAIN"
    if record.account != MAIN:
        account = "MARGIN" if record.account == MARGIN_CROSS else "ISOLATED"
    return {
        "id": str(record.number),
        "currency": record.coin,
        "amount": plain(abs(record.amount)),
        "fee": plain(record.fee),
        "balance": plain(record.balance),
        "accountType": account,
        "bizType": _general_kind(record),
        "direction": _direction(record),
        "createdAt": ms(record.at),
        "context": "",
    }


def spot_ledgers(backend: Backend, call: Call) -> object:
    """``GET /api/v1/hf/accounts/ledgers``: ids and times are texts here."""
    query_word(call, "bizType", _SPOT_WORDS)
    rows = _matching(backend, call, _spot_kind, _THREE_DAYS)
    found, _ = rows_before(call, rows, _number, _MOST_ROWS)
    return [
        {
            **_fast_words(record),
            "id": str(record.number),
            "accountType": "TRADE_HF",
            "bizType": _spot_kind(record),
            "createdAt": str(ms(record.at)),
        }
        for record in found
    ]


def margin_ledgers(backend: Backend, call: Call) -> object:
    """``GET /api/v3/hf/margin/account/ledgers``: ids and times are numbers here."""
    query_word(call, "bizType", _MARGIN_WORDS)
    rows = _matching(backend, call, _margin_kind, _THREE_DAYS)
    found, _ = rows_before(call, rows, _number, _MOST_ROWS)
    return [
        {
            **_fast_words(record),
            "id": record.number,
            "accountType": _margin_account(record),
            "bizType": _margin_kind(record),
            "createdAt": ms(record.at),
        }
        for record in found
    ]


def _number(record: LedgerRecord) -> int:
    return record.number


def _margin_account(record: LedgerRecord) -> str:
    """The account type of a row; KuCoin still writes the old V2 words here."""
    return "MARGIN_V2" if record.account == MARGIN_CROSS else "ISOLATED_V2"


def _fast_words(record: LedgerRecord) -> dict[str, object]:
    """What the two fast ledgers write alike."""
    return {
        "currency": record.coin,
        "amount": _eight(abs(record.amount)),
        "fee": _eight(record.fee),
        "tax": "0",
        "balance": _eight(record.balance),
        "direction": _direction(record),
        "context": _context(record),
    }
