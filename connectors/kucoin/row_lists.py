"""The lists that explain an account: which there are, and how each is read.

A ``RowList`` is one list of one account: a ledger, a loan history, fills. Reading
it gives ``Explained`` rows. Which lists are worth asking for is ``looks``' business.
The cost of each is the weight of its endpoint: ledgers 2, fills 2 to 5, funding 5,
loan histories 15 to 20.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    isolated_pair,
)
from connectors.kucoin.answers import Rest, Urgency
from connectors.kucoin.books import (
    Explained,
    Names,
    borrow_row,
    interest_row,
    margin_row,
    plain_row,
    repay_row,
    spot_fill_row,
)
from connectors.kucoin.futures_books import (
    funding_row,
    futures_fill_row,
    futures_ledger_row,
)
from connectors.kucoin.pages import Walk, walk
from connectors.kucoin.parse.funding import funding_payments
from connectors.kucoin.parse.futures_orders import futures_fills
from connectors.kucoin.parse.ledgers import futures_ledger, ledger
from connectors.kucoin.parse.loans import borrows, interests, repays
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.spot_orders import spot_fills

__all__ = ["Kind", "RowList", "Sense", "loan_lists", "read_list", "standing_lists"]

_DAY: Final = timedelta(days=1)
_CLASSIC: Final = "MAIN"


class Kind(StrEnum):
    """Every list that money or fills are read from."""

    MAIN_LEDGER = "main ledger"
    SPOT_LEDGER = "spot ledger"
    MARGIN_LEDGER = "margin ledger"
    BORROWS = "borrows"
    REPAYS = "repays"
    INTERESTS = "interests"
    SPOT_FILLS = "spot fills"
    MARGIN_FILLS = "margin fills"
    FUTURES_FILLS = "futures fills"
    FUTURES_LEDGER = "futures ledger"
    FUNDINGS = "fundings"


@dataclass(frozen=True, slots=True, order=True)
class RowList:
    """One list; ``word`` is its coin, symbol or settle coin, where it is of one."""

    kind: Kind
    account: AccountId
    word: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sense:
    """What is needed to understand rows: our ids, and the isolated pairs kept."""

    names: Names
    pairs: Mapping[str, tuple[str, str]]


def _loans(endpoint: str) -> Walk:
    return Walk(
        endpoint=endpoint,
        page_size=500,
        window=7 * _DAY,
        size_name="pageSize",
        start_name="startTime",
        end_name="endTime",
    )


_WALKS: Final[Mapping[Kind, Walk]] = {
    Kind.MAIN_LEDGER: Walk(
        endpoint="main_ledger", page_size=500, window=_DAY, size_name="pageSize"
    ),
    Kind.SPOT_LEDGER: Walk(endpoint="spot_ledger", page_size=200, window=3 * _DAY),
    Kind.MARGIN_LEDGER: Walk(endpoint="margin_ledger", page_size=200, window=3 * _DAY),
    Kind.BORROWS: _loans("borrow_history"),
    Kind.REPAYS: _loans("repay_history"),
    Kind.INTERESTS: _loans("interest_history"),
    Kind.SPOT_FILLS: Walk(endpoint="spot_fills", page_size=100, window=7 * _DAY),
    Kind.MARGIN_FILLS: Walk(endpoint="margin_fills", page_size=100, window=7 * _DAY),
    Kind.FUTURES_FILLS: Walk(
        endpoint="futures_fills",
        page_size=1000,
        window=7 * _DAY,
        size_name="pageSize",
    ),
    Kind.FUTURES_LEDGER: Walk(
        endpoint="futures_ledger", page_size=50, window=_DAY, size_name="maxCount"
    ),
    Kind.FUNDINGS: Walk(
        endpoint="funding_history",
        page_size=100,
        window=7 * _DAY,
        size_name="maxCount",
    ),
}
_SETTLES: Final = {"BTC": "XBT"}


def standing_lists(account: AccountId, settles: Iterable[str]) -> set[RowList]:
    """The lists that every look at an account reads; one ledger serves all margin.

    ``settles`` are the settle coins of the futures account, each with its ledger.
    """
    if account == MAIN:
        return {RowList(Kind.MAIN_LEDGER, MAIN)}
    if account == SPOT:
        return {RowList(Kind.SPOT_LEDGER, SPOT)}
    if account == FUTURES:
        ledgers = {RowList(Kind.FUTURES_LEDGER, FUTURES, coin) for coin in settles}
        return {RowList(Kind.FUTURES_FILLS, FUTURES), *ledgers}
    return {RowList(Kind.MARGIN_LEDGER, MARGIN_CROSS)}


def loan_lists(account: AccountId, coin: str) -> set[RowList]:
    """Everything that explains a debt of a coin, weight 50 together."""
    kinds = (Kind.BORROWS, Kind.REPAYS, Kind.INTERESTS)
    return {RowList(kind, account, coin) for kind in kinds}


async def read_list(
    rest: Rest,
    rows: RowList,
    span: tuple[datetime, datetime],
    sense: Sense,
    urgency: Urgency,
) -> dict[str, Explained]:
    """The rows of a list since a time, by their id, each once.

    Raises:
        ExchangeRefusedError: The exchange refuses the question.
        UnreachableError: No sound answer.
        UsageError: A row is broken.
    """
    pages = await walk(rest, _WALKS[rows.kind], _params(rows), span, urgency)
    read = _READERS[rows.kind]
    found = (each for page in pages for each in read(rows, page, sense))
    return {
        each.row_id: each for each in found if each is not None and each.at >= span[0]
    }


def _params(rows: RowList) -> Mapping[str, str]:
    pair = isolated_pair(rows.account)
    if rows.kind in {Kind.BORROWS, Kind.REPAYS, Kind.INTERESTS}:
        asked = {"currency": rows.word, "isIsolated": "false"}
        return asked if pair is None else asked | {"isIsolated": "true", "symbol": pair}
    if rows.kind is Kind.MARGIN_FILLS:
        trade_type = "MARGIN_TRADE" if pair is None else "MARGIN_ISOLATED_TRADE"
        return {"symbol": rows.word, "tradeType": trade_type}
    if rows.kind in {Kind.SPOT_FILLS, Kind.FUNDINGS}:
        return {"symbol": rows.word}
    if rows.kind is Kind.FUTURES_LEDGER:
        return {"currency": _SETTLES.get(rows.word, rows.word)}
    return {}


_Rows = Iterator[Explained | None]


def _main(rows: RowList, page: Node, sense: Sense) -> _Rows:
    """The classic ledger lists other accounts too; those have ledgers of their own."""
    for row in ledger(page):
        if row.account.upper() == _CLASSIC:
            yield plain_row("main", MAIN, row, sense.names)


def _spot(rows: RowList, page: Node, sense: Sense) -> _Rows:
    for row in ledger(page):
        yield plain_row("spot", SPOT, row, sense.names)


def _margin(rows: RowList, page: Node, sense: Sense) -> _Rows:
    for row in ledger(page):
        yield margin_row(row, sense.pairs, sense.names)


def _borrows(rows: RowList, page: Node, sense: Sense) -> _Rows:
    for row in borrows(page)[0]:
        yield borrow_row(rows.account, row, sense.names)


def _repays(rows: RowList, page: Node, sense: Sense) -> _Rows:
    for row in repays(page)[0]:
        yield repay_row(rows.account, row, sense.names)


def _interests(rows: RowList, page: Node, sense: Sense) -> _Rows:
    for row in interests(page)[0]:
        yield interest_row(rows.account, row)


def _spot_fills(rows: RowList, page: Node, sense: Sense) -> _Rows:
    for row in spot_fills(page):
        yield spot_fill_row(rows.account, row, sense.names)


def _futures_fills(rows: RowList, page: Node, sense: Sense) -> _Rows:
    for row in futures_fills(page):
        yield futures_fill_row(row, sense.names)


def _futures_ledger(rows: RowList, page: Node, sense: Sense) -> _Rows:
    for row in futures_ledger(page)[0]:
        yield futures_ledger_row(row)


def _fundings(rows: RowList, page: Node, sense: Sense) -> _Rows:
    for row in funding_payments(page)[0]:
        yield funding_row(row)


_READERS: Final[Mapping[Kind, Callable[[RowList, Node, Sense], _Rows]]] = {
    Kind.MAIN_LEDGER: _main,
    Kind.SPOT_LEDGER: _spot,
    Kind.MARGIN_LEDGER: _margin,
    Kind.BORROWS: _borrows,
    Kind.REPAYS: _repays,
    Kind.INTERESTS: _interests,
    Kind.SPOT_FILLS: _spot_fills,
    Kind.MARGIN_FILLS: _spot_fills,
    Kind.FUTURES_FILLS: _futures_fills,
    Kind.FUTURES_LEDGER: _futures_ledger,
    Kind.FUNDINGS: _fundings,
}
