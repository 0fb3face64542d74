"""The account's books, rebuilt from postings alone.

The sum of the postings of an account, coin and bucket *is* its balance, to the
last digit; nothing else is added, so a difference from the exchange shows. All
amounts are ``Decimal`` in coins. This module must not know a price, except that
``pnl`` may be told the marks at which to value what it summed.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final

from bot.domain.events import Bucket, Cause
from bot.domain.money import ONE, ZERO
from storage.queries import NO_FILTERS, Filters, select_rows
from storage.reader import JournalReader
from storage.rows import PostingRow
from storage.schema import table_of

__all__ = [
    "BookBalance",
    "LoanBook",
    "PnlLine",
    "TrialLine",
    "balances",
    "loans",
    "pnl",
    "trial_balance",
]

_EXACT_DIGITS: Final = 200
"""Digits of the sums: far more than any amount has, so that none is rounded."""

_COLUMNS: Final = ("cause", "account", "coin", "bucket", "symbol", "amount")

_ZERO_SUM: Final = frozenset(
    {Cause.BORROW, Cause.REPAY, Cause.TRANSFER, Cause.MARGIN_MOVE}
)
"""Causes that move money within the account: their net per coin is zero."""

_CAPITAL: Final = frozenset({Cause.OPENING, *_ZERO_SUM})
"""Causes that are no profit and no loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookBalance:
    """One coin in one account. ``margin`` is isolated futures margin by symbol."""

    account: str
    coin: str
    balance: Decimal = ZERO
    principal: Decimal = ZERO
    interest: Decimal = ZERO
    margin: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def net(self) -> Decimal:
        """What is owned less what is owed; margin is a part of what is owned."""
        return self.balance - self.principal - self.interest


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLine:
    """The net of one coin by one cause; ``must_be_zero`` where money only moved."""

    coin: str
    cause: Cause
    net: Decimal
    must_be_zero: bool

    @property
    def is_balanced(self) -> bool:
        """Whether the line is as it must be."""
        return not self.must_be_zero or self.net == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PnlLine:
    """Profit of one cause in one coin; ``value_usdt`` is None without a mark."""

    cause: Cause
    coin: str
    amount: Decimal
    value_usdt: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanBook:
    """What one account borrowed, paid back, was charged and still owes of a coin.

    ``opened`` was owed at the start. ``taken_off`` is what a liquidation, the
    insurance or an adjustment took off the debt.
    """

    account: str
    coin: str
    opened: Decimal
    borrowed: Decimal
    repaid: Decimal
    interest_charged: Decimal
    taken_off: Decimal
    principal: Decimal
    interest: Decimal

    @property
    def liability(self) -> Decimal:
        """What is still owed, interest included."""
        return self.principal + self.interest


@dataclass(frozen=True, slots=True)
class _Line:
    """One posting, read."""

    cause: Cause
    account: str
    coin: str
    bucket: Bucket
    symbol: str | None
    amount: Decimal

    @property
    def net(self) -> Decimal:
        """What the posting does to the account's worth, in coins."""
        if self.bucket is Bucket.BALANCE:
            return self.amount
        return ZERO if self.bucket is Bucket.MARGIN else -self.amount


def _lines(
    reader: JournalReader, filters: Filters, until_seq: int | None = None
) -> Iterator[_Line]:
    """The postings that pass the filters, newest first."""
    chosen = select_rows(PostingRow, _COLUMNS, filters)
    if until_seq is not None:
        chosen = chosen.where(table_of(PostingRow).c.seq <= until_seq)
    for cause, account, coin, bucket, symbol, amount in reader.all(chosen):
        yield _Line(
            Cause(cause), account, coin, Bucket(bucket), symbol, Decimal(amount)
        )


def balances(
    reader: JournalReader,
    filters: Filters = NO_FILTERS,
    *,
    until_seq: int | None = None,
) -> tuple[BookBalance, ...]:
    """Every balance at a time, or after an entry, by account and coin.

    Args:
        reader: The journal.
        filters: ``until`` is the time; an account and a coin narrow the answer.
            ``since`` would leave out the beginning of every balance and is ignored.
        until_seq: Only entries up to this number count.
    """
    sums: dict[tuple[str, str], dict[Bucket, Decimal]] = {}
    margins: dict[tuple[str, str], dict[str, Decimal]] = {}
    with localcontext() as context:
        context.prec = _EXACT_DIGITS
        whole = Filters(until=filters.until, account=filters.account, coin=filters.coin)
        for line in _lines(reader, whole, until_seq):
            key = (line.account, line.coin)
            book = sums.setdefault(key, defaultdict(Decimal))
            margin = margins.setdefault(key, defaultdict(Decimal))
            if line.bucket is Bucket.MARGIN:
                margin[line.symbol or ""] += line.amount
            else:
                book[line.bucket] += line.amount
    return tuple(
        BookBalance(
            account=key[0],
            coin=key[1],
            balance=sums[key].get(Bucket.BALANCE, ZERO),
            principal=sums[key].get(Bucket.PRINCIPAL, ZERO),
            interest=sums[key].get(Bucket.INTEREST, ZERO),
            margin={name: margins[key][name] for name in sorted(margins[key])},
        )
        for key in sorted(sums)
    )


def trial_balance(
    reader: JournalReader, until: datetime | None = None
) -> tuple[TrialLine, ...]:
    """The net change of every coin by cause; a borrow or a transfer must net zero."""
    sums = _sum_by_cause(reader, Filters(until=until))
    return tuple(
        TrialLine(coin=coin, cause=cause, net=net, must_be_zero=cause in _ZERO_SUM)
        for (cause, coin), net in sorted(sums.items(), key=lambda each: each[0][::-1])
    )


def pnl(
    reader: JournalReader,
    filters: Filters = NO_FILTERS,
    marks: Mapping[str, Decimal] | None = None,
) -> tuple[PnlLine, ...]:
    """What each cause earned or cost, exact in coins.

    Args:
        reader: The journal.
        filters: Time, account, coin and symbol.
        marks: Coin to USDT, for ``value_usdt``; USDT itself is 1 unless listed.

    Returns:
        One line for each cause and coin. A spot trade shows as what was given and
        what was got; its lines together, at the marks, are its profit.
    """
    prices = {"USDT": ONE, **(marks or {})}
    with localcontext() as context:
        context.prec = _EXACT_DIGITS
        return tuple(
            PnlLine(
                cause=cause,
                coin=coin,
                amount=net,
                value_usdt=net * prices[coin] if coin in prices else None,
            )
            for (cause, coin), net in sorted(_sum_by_cause(reader, filters).items())
            if cause not in _CAPITAL
        )


def _sum_by_cause(
    reader: JournalReader, filters: Filters
) -> dict[tuple[Cause, str], Decimal]:
    sums: dict[tuple[Cause, str], Decimal] = defaultdict(Decimal)
    with localcontext() as context:
        context.prec = _EXACT_DIGITS
        for line in _lines(reader, filters):
            sums[line.cause, line.coin] += line.net
    return sums


_LOAN_COLUMN: Final[Mapping[Cause, str]] = {
    Cause.OPENING: "opened",
    Cause.BORROW: "borrowed",
    Cause.REPAY: "repaid",
    Cause.INTEREST: "interest_charged",
}


def loans(reader: JournalReader, filters: Filters = NO_FILTERS) -> tuple[LoanBook, ...]:
    """Loans by account and coin, from the beginning up to ``filters.until``.

    The parts add up: ``opened + borrowed + interest_charged - repaid - taken_off``
    is the liability.
    """
    found: dict[tuple[str, str], dict[str, Decimal]] = {}
    with localcontext() as context:
        context.prec = _EXACT_DIGITS
        whole = Filters(until=filters.until, account=filters.account, coin=filters.coin)
        for line in _lines(reader, whole):
            if line.bucket not in {Bucket.PRINCIPAL, Bucket.INTEREST}:
                continue
            book = found.setdefault((line.account, line.coin), defaultdict(Decimal))
            book[line.bucket.value] += line.amount
            column = _LOAN_COLUMN.get(line.cause, "taken_off")
            is_payment = column in {"repaid", "taken_off"}
            book[column] += -line.amount if is_payment else line.amount
    return tuple(_loan_book(key, found[key]) for key in sorted(found))


def _loan_book(key: tuple[str, str], parts: Mapping[str, Decimal]) -> LoanBook:
    return LoanBook(
        account=key[0],
        coin=key[1],
        opened=parts.get("opened", ZERO),
        borrowed=parts.get("borrowed", ZERO),
        repaid=parts.get("repaid", ZERO),
        interest_charged=parts.get("interest_charged", ZERO),
        taken_off=parts.get("taken_off", ZERO),
        principal=parts.get("principal", ZERO),
        interest=parts.get("interest", ZERO),
    )
