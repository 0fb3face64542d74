"""Rows of the exchange's ledgers and histories as bookings: pure functions.

One row becomes one ``Explained``: its id, the bookings that it explains, the fill
that it is. Money is booked once. A ledger row of a trade is split into the trade
and its fee; a transfer is one-sided, since coins on their way belong to neither
account; loans are booked from the borrow and repay histories, so that ledger rows
about them are skipped and only hint that a history has news. A kind of row that
nobody here knows is booked as an adjustment, with a note. Nothing here reads,
remembers, or compares with a balance.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    MARGIN_CROSS,
    AccountId,
    isolated_account,
    isolated_pair,
)
from bot.domain.events import Bucket, Cause, Filled, LedgerBooked, Posting
from bot.domain.money import ZERO, plain
from bot.domain.orders import Outcome
from connectors.kucoin.cursors import to_ms
from connectors.kucoin.parse.futures_orders import FuturesFill
from connectors.kucoin.parse.ledgers import LedgerRow
from connectors.kucoin.parse.loans import InterestRecord, LoanRecord
from connectors.kucoin.parse.paging import LedgerContext, ledger_context
from connectors.kucoin.parse.spot_orders import SpotFill

__all__ = [
    "Explained",
    "Names",
    "borrow_row",
    "fill_id",
    "interest_row",
    "margin_account_of",
    "margin_row",
    "plain_row",
    "repay_row",
    "spot_fill_row",
]

_LOANS: Final = None
_KINDS: Final[Mapping[str, Cause | None]] = {
    "TRADEEXCHANGE": Cause.TRADE,
    "MARGINEXCHANGE": Cause.TRADE,
    "ISOLATEDEXCHANGE": Cause.TRADE,
    "CROSSMARGIN": Cause.TRADE,
    "ISOLATEDMARGIN": Cause.TRADE,
    "EXCHANGE": Cause.TRADE,
    "TRANSFER": Cause.TRANSFER,
    "SUBTRANSFER": Cause.TRANSFER,
    "BROKERTRANSFER": Cause.TRANSFER,
    "MAINTRANSFER": Cause.TRANSFER,
    "DEPOSIT": Cause.TRANSFER,
    "WITHDRAW": Cause.TRANSFER,
    "WITHDRAWAL": Cause.TRANSFER,
    "RETURNEDFEES": Cause.FEE,
    "REFUNDEDFEES": Cause.FEE,
    "DEDUCTIONFEES": Cause.FEE,
    "LIQUIDATION": Cause.LIQUIDATION,
    "ASSERTRETURN": Cause.LIQUIDATION,
    "ASSETRETURN": Cause.LIQUIDATION,
    "LIQUIDATIONTAKEOVER": Cause.LIQUIDATION,
    "LIQUIDATIONFEE": Cause.LIQUIDATION_FEE,
    "LIQUIDATIONFEES": Cause.LIQUIDATION_FEE,
    "BORROW": _LOANS,
    "BORROWINGS": _LOANS,
    "MARGINBORROW": _LOANS,
    "LOANS": _LOANS,
    "REPAY": _LOANS,
    "REPAYMENT": _LOANS,
    "DEBTREPAYMENT": _LOANS,
    "LOANSREPAID": _LOANS,
    "MARGINREPAY": _LOANS,
}
_FEES_OF: Final = {Cause.LIQUIDATION: Cause.LIQUIDATION_FEE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the exchange's ids and symbols mean to us.

    ``intent_of`` maps an order's or a loan's number to our intent, None where it is
    not ours; ``mark_of`` a symbol to the price that slippage is measured from, None
    where there is none: a fill counts as done at its own price then.
    """

    intent_of: Callable[[str], str | None]
    mark_of: Callable[[str], Decimal | None]
    loan_of: Callable[[Cause, AccountId, LoanRecord], str | None] = lambda *_: None
    """The request that a row of a loan belongs to whose number is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One row, read: what it books, and what else should be looked at.

    ``traded`` names the symbol of a trade whose fills should be read, ``owes`` the
    coin whose loans should be. A futures fill is booked later, with the position.
    """

    row_id: str
    at: datetime
    account: AccountId
    bookings: tuple[LedgerBooked, ...] = ()
    fill: Filled | None = None
    futures_fill: FuturesFill | None = None
    traded: str | None = None
    trade_id: str | None = None
    owes: str | None = None
    borrowed: Decimal = ZERO
    note: str | None = None
    is_unplaced: bool = False
    """Whether it belongs to an isolated pair that is not kept: look which ones are."""


def fill_id(symbol: str, trade_id: str, side: str) -> str:
    """One side of one trade: a self-trade is two fills under one trade id.

    Example:
        >>> fill_id("BTC-USDT", "11040911994273793", "buy")
        'BTC-USDT:11040911994273793:buy'
    """
    return f"{symbol}:{trade_id}:{side}"


# -- ledgers ----------------------------------------------------------------


def plain_row(
    family: str, account: AccountId, row: LedgerRow, names: Names
) -> Explained:
    """A row of the main (``main``) or the spot (``spot``) ledger."""
    return _row(family, account, row, names)


def margin_row(
    row: LedgerRow, pairs: Mapping[str, tuple[str, str]], names: Names
) -> Explained:
    """A row of the margin ledger, which holds cross and all isolated pairs.

    Args:
        row: The row.
        pairs: The isolated pairs that are kept, with their two coins.
        names: What ids mean.
    """
    account = margin_account_of(row, pairs)
    if account is not None:
        return _row("margin", account, row, names)
    return Explained(
        row_id=f"margin:{row.row_id}",
        at=row.at,
        account=MARGIN_CROSS,
        is_unplaced=True,
        note=(
            f"The margin ledger's row {row.row_id} ({row.kind}, {plain(row.amount)} "
            f"{row.coin}) names no pair that is kept; nothing was booked from it."
        ),
    )


def margin_account_of(
    row: LedgerRow, pairs: Mapping[str, tuple[str, str]]
) -> AccountId | None:
    """Cross margin, or the pair a row belongs to; None where that is not certain."""
    if "ISOLATED" not in f"{row.account} {row.kind}".upper():
        return MARGIN_CROSS
    symbol = ledger_context(row.context).symbol
    if symbol is not None:
        return isolated_account(symbol)
    fitting = [pair for pair, coins in pairs.items() if row.coin in coins]
    return isolated_account(fitting[0]) if len(fitting) == 1 else None


def _row(family: str, account: AccountId, row: LedgerRow, names: Names) -> Explained:
    row_id = f"{family}:{row.row_id}"
    kind = "".join(letter for letter in row.kind.upper() if letter.isalpha())
    cause = _KINDS.get(kind, Cause.ADJUSTMENT)
    if cause is None:
        return Explained(row_id=row_id, at=row.at, account=account, owes=row.coin)
    context = ledger_context(row.context)
    parts = _parts(cause, row)
    is_trade = cause is Cause.TRADE
    return Explained(
        row_id=row_id,
        at=row.at,
        account=account,
        bookings=tuple(
            _booked(row_id + suffix, part, account, (row, amount), (context, names))
            for suffix, part, amount in parts
            if amount != 0
        ),
        traded=context.symbol if is_trade else None,
        trade_id=context.trade_id if is_trade else None,
        note=None if kind in _KINDS else _unknown_kind(row_id, account, row),
    )


def _parts(cause: Cause, row: LedgerRow) -> tuple[tuple[str, Cause, Decimal], ...]:
    """What a row's amount is made of; the amount includes the fee, in and out alike."""
    if cause in {Cause.TRADE, Cause.LIQUIDATION}:
        fee_cause = _FEES_OF.get(cause, Cause.FEE)
        return ("", cause, row.amount + row.fee), (":fee", fee_cause, -row.fee)
    return (("", cause, row.amount),)


def _booked(
    entry_id: str,
    cause: Cause,
    account: AccountId,
    money: tuple[LedgerRow, Decimal],
    meaning: tuple[LedgerContext, Names],
) -> LedgerBooked:
    (row, amount), (context, names) = money, meaning
    order_id = context.order_id
    return LedgerBooked(
        at=row.at,
        entry_id=entry_id,
        cause=cause,
        postings=(Posting(account=account, coin=row.coin, amount=amount),),
        intent_id=None if order_id is None else names.intent_of(order_id),
        symbol=context.symbol,
    )


def _unknown_kind(row_id: str, account: AccountId, row: LedgerRow) -> str:
    return (
        f"The row {row_id} of {account} is of the kind {row.kind!r}, which is not "
        f"known; {plain(row.amount)} {row.coin} were booked as an adjustment."
    )


# -- loans ------------------------------------------------------------------


def borrow_row(account: AccountId, row: LoanRecord, names: Names) -> Explained | None:
    """A loan: coins in, principal up. None while its outcome is open."""
    amount = row.done_amount
    postings = (
        _posting(account, row.coin, amount, Bucket.BALANCE),
        _posting(account, row.coin, amount, Bucket.PRINCIPAL),
    )
    return _loan("borrow", account, row, (Cause.BORROW, postings), names)


def repay_row(account: AccountId, row: LoanRecord, names: Names) -> Explained | None:
    """A repayment: coins out, interest first, then principal, as the record splits it.

    None while its outcome is open.
    """
    interest, principal = row.interest or ZERO, row.principal or ZERO
    postings = (
        _posting(account, row.coin, -(interest + principal), Bucket.BALANCE),
        _posting(account, row.coin, -interest, Bucket.INTEREST),
        _posting(account, row.coin, -principal, Bucket.PRINCIPAL),
    )
    return _loan("repay", account, row, (Cause.REPAY, postings), names)


def _loan(
    family: str,
    account: AccountId,
    row: LoanRecord,
    booking: tuple[Cause, tuple[Posting, ...]],
    names: Names,
) -> Explained | None:
    if row.outcome is Outcome.IN_DOUBT:
        return None
    row_id = f"{family}:{row.order_no}"
    cause, postings = booking
    moved = tuple(posting for posting in postings if posting.amount != 0)
    if row.outcome is not Outcome.DONE or not moved:
        return Explained(row_id=row_id, at=row.at, account=account)
    booked = LedgerBooked(
        at=row.at,
        entry_id=row_id,
        cause=cause,
        postings=moved,
        intent_id=names.intent_of(row.order_no) or names.loan_of(cause, account, row),
        symbol=isolated_pair(account),
    )
    return Explained(
        row_id=row_id,
        at=row.at,
        account=account,
        bookings=(booked,),
        owes=row.coin,
        borrowed=row.done_amount if cause is Cause.BORROW else ZERO,
    )


def interest_row(account: AccountId, row: InterestRecord) -> Explained:
    """One charge of interest; it has no id, so its coin, time and amount are one.

    ``rate`` is the exchange's daily rate for an hour, which it prints rounded.
    """
    row_id = f"interest:{account}:{row.coin}:{to_ms(row.at)}:{plain(row.amount)}"
    if row.amount == 0:
        return Explained(row_id=row_id, at=row.at, account=account)
    posting = _posting(account, row.coin, row.amount, Bucket.INTEREST)
    booked = LedgerBooked(
        at=row.at,
        entry_id=row_id,
        cause=Cause.INTEREST,
        postings=(posting,),
        symbol=isolated_pair(account),
        rate=row.daily_rate / 24,
    )
    return Explained(row_id=row_id, at=row.at, account=account, bookings=(booked,))


def _posting(account: AccountId, coin: str, amount: Decimal, bucket: Bucket) -> Posting:
    return Posting(account=account, coin=coin, amount=amount, bucket=bucket)


# -- fills ------------------------------------------------------------------


def spot_fill_row(account: AccountId, row: SpotFill, names: Names) -> Explained:
    """A trade of spot or margin; its money is in the ledger's rows."""
    trade = fill_id(row.symbol, row.trade_id, row.side.value)
    mark = names.mark_of(row.symbol)
    fill = Filled(
        at=row.at,
        trade_id=trade,
        order_id=row.order_id,
        intent_id=names.intent_of(row.order_id),
        account=account,
        symbol=row.symbol,
        side=row.side,
        qty=row.size,
        price=row.price,
        reference_price=row.price if mark is None else mark,
        fee=row.fee,
        fee_coin=row.fee_coin,
        is_maker=row.is_maker,
        forced="liquidation" if row.account == "liquidation" else None,
    )
    return Explained(
        row_id=f"fill:{trade}",
        at=row.at,
        account=account,
        fill=fill,
        trade_id=row.trade_id,
    )
