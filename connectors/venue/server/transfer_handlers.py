"""Transfers between the user's own accounts, and how much may leave one.

``MARGIN_V2`` and ``ISOLATED_V2`` mean ``MARGIN`` and ``ISOLATED``. There are no
sub-accounts and no options account. Only the venue moves coins.
"""

from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    Balance,
    isolated_account,
)
from bot.domain.intents import Transfer
from bot.domain.money import LEDGER_QUANTUM, ZERO, plain
from bot.domain.orders import Outcome
from connectors.kucoin.parse.envelope import coin
from connectors.venue.margin import is_margin
from connectors.venue.server.asks import (
    body_number,
    body_text,
    body_word,
    invalid,
    optional_body_text,
    query_text,
)
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import Call, ProblemError

__all__ = ["inner_transfer", "transferable", "universal_transfer"]

_ACCOUNTS: Final[dict[str, AccountId]] = {
    "MAIN": MAIN,
    "TRADE": SPOT,
    "TRADE_HF": SPOT,
    "CONTRACT": FUTURES,
    "MARGIN": MARGIN_CROSS,
    "MARGIN_V2": MARGIN_CROSS,
}
_ISOLATED: Final = frozenset({"ISOLATED", "ISOLATED_V2"})
_DIRECTIONS: Final = ("INTERNAL", "PARENT_TO_SUB", "SUB_TO_PARENT")


def _account(word: str, tag: str | None) -> AccountId:
    """The account that a type and its tag (the pair of an isolated one) name.

    Raises:
        ProblemError: There is no such account here.
    """
    if word in _ISOLATED:
        if tag is None:
            raise invalid("an isolated account needs its pair as the account tag.")
        return isolated_account(tag)
    if word not in _ACCOUNTS:
        raise invalid(f"account type {word} does not exist here.")
    return _ACCOUNTS[word]


def universal_transfer(backend: Backend, call: Call) -> object:
    """``POST /api/v3/accounts/universal-transfer``."""
    if body_word(call.body, "type", _DIRECTIONS) != "INTERNAL":
        raise invalid("this account has no sub-accounts to move coins to.")
    source, target = (
        _account(
            body_text(call.body, f"{end}AccountType"),
            optional_body_text(call.body, f"{end}AccountTag"),
        )
        for end in ("from", "to")
    )
    return _move(backend, call, source, target)


def inner_transfer(backend: Backend, call: Call) -> object:
    """``POST /api/v2/accounts/inner-transfer``: the older one, in lower case."""
    source, target = (
        _account(
            body_text(call.body, end).upper(),
            optional_body_text(call.body, f"{end}Tag"),
        )
        for end in ("from", "to")
    )
    return _move(backend, call, source, target)


def _move(backend: Backend, call: Call, source: AccountId, target: AccountId) -> object:
    """Do a transfer; its client id is spent only if it was done."""
    intent = Transfer(
        source=source,
        target=target,
        coin=coin(body_text(call.body, "currency")),
        amount=body_number(call.body, "amount"),
    )
    client_id = body_text(call.body, "clientOid")
    settled = backend.submit(call.at, intent, client_id)
    if settled.outcome is not Outcome.DONE:
        raise ProblemError(settled.code or "500000", settled.reason or "refused.")
    return {"orderId": backend.next_id("transfer")}


def transferable(backend: Backend, call: Call) -> object:
    """``GET /api/v1/accounts/transferable``: the venue's own figure."""
    name = coin(query_text(call, "currency"))
    account = _account(query_text(call, "type"), call.query.get("tag") or None)
    lines = backend.venue.snapshot().balances.get(account, {})
    line = lines.get(name, Balance())
    return {
        "currency": query_text(call, "currency"),
        "balance": plain(line.total),
        "available": plain(line.available),
        "holds": plain(line.hold),
        "transferable": plain(_spare(backend, account, name, line.available)),
    }


def _spare(
    backend: Backend, account: AccountId, name: str, available: Decimal
) -> Decimal:
    """The most that the venue lets leave, to the last digit of the ledger."""
    if account == FUTURES:
        raise invalid("type CONTRACT: ask the futures host for its account overview.")
    if not is_margin(account):
        return available
    if backend.venue.is_taken(account):
        return ZERO
    check = backend.venue.numbers.check_transfer_out
    least, most = 0, int(max(available, ZERO) / LEDGER_QUANTUM)
    while least < most:
        middle = (least + most + 1) // 2
        if check(account, name, middle * LEDGER_QUANTUM) is None:
            least = middle
        else:
            most = middle - 1
    return least * LEDGER_QUANTUM
