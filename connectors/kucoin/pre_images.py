"""What was before a request that moves money left, so that its fate can be told later.

Borrowing, repaying and moving margin carry no idempotency key, and a transfer's key
cannot be asked for. So before such a request leaves, the debt (or the margin) and the
newest rows of the history are read and made durable; what is there later and was not
there then is what the request did. Reading and comparing only: nothing here sends.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    PositionSide,
    isolated_pair,
)
from bot.domain.entries import Noted
from bot.domain.errors import UsageError
from bot.domain.intents import AdjustMargin, Borrow, Repay, Transfer
from bot.domain.money import ZERO, plain
from bot.ports import Clock
from connectors.kucoin.answers import Rest, Urgency
from connectors.kucoin.parse.ledgers import futures_ledger, ledger
from connectors.kucoin.parse.loans import LoanRecord, borrows, repays
from connectors.kucoin.parse.margin_accounts import cross_account, isolated_pairs
from connectors.kucoin.parse.positions import positions

__all__ = [
    "PRE_IMAGE",
    "MoneyIntent",
    "Move",
    "PreImage",
    "liability",
    "loan_records",
    "moves",
    "position_margin",
    "read_pre_image",
]

PRE_IMAGE: Final = "pre-image"
"""The topic of the note that keeps a pre-image in the journal."""

MoneyIntent = Borrow | Repay | Transfer | AdjustMargin

_CLOCK_SLACK: Final = timedelta(seconds=30)
_SEEN_MAX: Final = 40
_PAGE: Final = "50"
_LEDGERS: Final[Mapping[AccountId, str]] = {
    MAIN: "main_ledger",
    SPOT: "spot_ledger",
    FUTURES: "futures_ledger",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PreImage:
    """The state of one coin (or position) before a request, at the exchange's time.

    ``amount`` is the debt for a loan, the isolated margin for a margin move, None for
    a transfer. ``seen`` are the newest ids of the history that were there already.
    """

    at: datetime
    amount: Decimal | None = None
    seen: frozenset[str] = frozenset()

    def is_new(self, row_id: str, at: datetime) -> bool:
        """Whether a row of the history came after it; two clocks may be apart."""
        return row_id not in self.seen and at >= self.at - _CLOCK_SLACK

    def noted(self, intent_id: str, intent: MoneyIntent) -> Noted:
        """The journal's note of it."""
        inputs = {
            "intent_id": intent_id,
            "at": self.at.isoformat(),
            "seen": ",".join(sorted(self.seen)),
        }
        if self.amount is not None:
            inputs["amount"] = plain(self.amount)
        return Noted(
            topic=PRE_IMAGE,
            text=f"before {intent_id}, {_named(intent)}",
            inputs=inputs,
        )

    @classmethod
    def of(cls, noted: Noted) -> "PreImage":
        """The pre-image that a note of an earlier process keeps.

        Raises:
            UsageError: The note is none of ours.
        """
        try:
            at = datetime.fromisoformat(noted.inputs["at"])
            amount = noted.inputs.get("amount")
            return cls(
                at=at,
                amount=None if amount is None else Decimal(amount),
                seen=frozenset(filter(None, noted.inputs["seen"].split(","))),
            )
        except (KeyError, ValueError, ArithmeticError):
            raise UsageError(
                f"The journal's note {noted.text!r} is no pre-image that can be read; "
                "settle that request by hand."
            ) from None


def _named(intent: MoneyIntent) -> str:
    match intent:
        case Borrow(coin=coin, account=account):
            return f"a loan of {coin} in {account}"
        case Repay(coin=coin, account=account):
            return f"a repayment of {coin} in {account}"
        case Transfer(coin=coin, source=source, target=target):
            return f"a transfer of {coin} from {source} to {target}"
        case AdjustMargin(symbol=symbol):
            return f"a move of the margin of {symbol}"


async def read_pre_image(
    rest: Rest, clock: Clock, intent: MoneyIntent, urgency: Urgency
) -> PreImage:
    """Read what is now, before the request leaves.

    Raises:
        ExchangeRefusedError, UnreachableError, UsageError: It could not be read; the
            request must not leave.
    """
    at = clock.now()
    match intent:
        case Borrow() | Repay():
            records = await loan_records(rest, intent, urgency)
            seen = frozenset(r.order_no for r in records[:_SEEN_MAX])
            debt = await liability(rest, intent.account, intent.coin, urgency)
            return PreImage(at=at, amount=debt, seen=seen)
        case Transfer():
            out, into = await _both_ends(rest, intent, urgency)
            ids = [m.row_id for m in (*out[:_SEEN_MAX], *into[:_SEEN_MAX])]
            return PreImage(at=at, seen=frozenset(ids))
        case AdjustMargin():
            margin = await position_margin(rest, intent, urgency)
            return PreImage(at=at, amount=margin)


async def loan_records(
    rest: Rest, intent: Borrow | Repay, urgency: Urgency
) -> tuple[LoanRecord, ...]:
    """The newest loans, or repayments, of a coin in an account, newest first."""
    pair = isolated_pair(intent.account)
    params = {
        "currency": intent.coin,
        "isIsolated": "false" if pair is None else "true",
        "pageSize": _PAGE,
    }
    if pair is not None:
        params["symbol"] = pair
    if isinstance(intent, Borrow):
        found = borrows(await rest.read("borrow_history", params, urgency=urgency))[0]
    else:
        found = repays(await rest.read("repay_history", params, urgency=urgency))[0]
    mine = [r for r in found if r.coin == intent.coin and r.pair in {pair, None}]
    return tuple(sorted(mine, key=lambda r: r.at, reverse=True))


async def liability(
    rest: Rest, account: AccountId, coin: str, urgency: Urgency
) -> Decimal:
    """What a margin account owes of a coin, interest included."""
    pair = isolated_pair(account)
    if pair is None:
        data = await rest.read("margin_accounts", urgency=urgency)
        line = cross_account(data).lines.get(coin)
        return ZERO if line is None else line.liability
    data = await rest.read("isolated_accounts", {"symbol": pair}, urgency=urgency)
    found = isolated_pairs(data).get(pair)
    lines = () if found is None else (found.base, found.quote)
    return sum((line.liability for line in lines if line.coin == coin), ZERO)


async def position_margin(
    rest: Rest, intent: AdjustMargin, urgency: Urgency
) -> Decimal | None:
    """The isolated margin of a position, None when there is no such position."""
    found = positions(await rest.read("positions", urgency=urgency))
    for line in found.values():
        side_is_ours = line.side in {intent.position_side, PositionSide.BOTH}
        if line.symbol == intent.symbol and side_is_ours:
            return line.margin
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One ledger row of a transfer: signed, in is positive."""

    row_id: str
    amount: Decimal
    at: datetime


async def _both_ends(
    rest: Rest, intent: Transfer, urgency: Urgency
) -> tuple[tuple[Move, ...], tuple[Move, ...]]:
    out = await moves(rest, intent.source, intent.coin, urgency)
    return out, await moves(rest, intent.target, intent.coin, urgency)


async def moves(
    rest: Rest, account: AccountId, coin: str, urgency: Urgency
) -> tuple[Move, ...]:
    """The newest transfers in and out of an account, newest first."""
    if account == FUTURES:
        found = await _futures_moves(rest, coin, urgency)
    else:
        found = await _ledger_moves(rest, account, coin, urgency)
    return tuple(sorted(found, key=lambda m: m.at, reverse=True))


async def _futures_moves(rest: Rest, coin: str, urgency: Urgency) -> list[Move]:
    params = {"currency": "XBT" if coin == "BTC" else coin, "maxCount": _PAGE}
    rows, _ = futures_ledger(await rest.read("futures_ledger", params, urgency=urgency))
    signs = {"transferin": 1, "transferout": -1}
    return [
        Move(
            row_id=f"futures:{row.row_id}",
            amount=abs(row.amount) * signs[row.kind.lower()],
            at=row.at,
        )
        for row in rows
        if row.kind.lower() in signs
    ]


async def _ledger_moves(
    rest: Rest, account: AccountId, coin: str, urgency: Urgency
) -> list[Move]:
    name = _LEDGERS.get(account, "margin_ledger")
    size = "pageSize" if name == "main_ledger" else "limit"
    params = {"currency": coin, size: _PAGE}
    rows = ledger(await rest.read(name, params, urgency=urgency))
    return [
        Move(row_id=f"{name}:{row.row_id}", amount=row.amount, at=row.at)
        for row in rows
        if "transfer" in row.kind.lower()
        and row.coin == coin
        and _is_of(account, row.account)
    ]


def _is_of(account: AccountId, word: str) -> bool:
    """Whether a row's account type is this account's; the pair is not told."""
    kind = word.upper()
    if account == MAIN:
        return kind == "MAIN"
    if account == MARGIN_CROSS:
        return kind.startswith("MARGIN")
    if isolated_pair(account) is not None:
        return kind.startswith("ISOLATED")
    return kind.startswith("TRADE") or kind == "SPOT"
