"""Where a paged answer goes on, and what a ledger row says it belongs to.

KuCoin pages in three ways: by ``lastId``, by page number and by ``hasMore`` with an
``offset``. The context of a ledger row is JSON inside a text; it is reference data,
so that a context nobody can read is no context and stops no reading.
"""

from dataclasses import dataclass

from bot.domain.errors import UsageError
from connectors.kucoin.parse.decode import decode
from connectors.kucoin.parse.envelope import body
from connectors.kucoin.parse.node import Node

__all__ = ["LedgerContext", "PageEnd", "ledger_context", "page_end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageEnd:
    """How long a page is, how to ask for the next one, and whether there is one.

    ``last_id`` is what the next page starts behind, None where nothing states one.
    ``pages`` and ``has_more`` are None where the answer does not say.
    """

    rows: int
    last_id: str | None
    pages: int | None
    has_more: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerContext:
    """The order, trade and pair of a ledger row; None where it names none."""

    symbol: str | None = None
    order_id: str | None = None
    trade_id: str | None = None


def page_end(document: Node) -> PageEnd:
    """Read the end of a page of rows, whichever way it is paged.

    Raises:
        UsageError: It holds no list of rows.
    """
    data = body(document)
    if data.is_list:
        rows = tuple(data.each())
        return PageEnd(rows=len(rows), last_id=_last(rows), pages=None, has_more=None)
    name = "items" if data["dataList"].is_absent else "dataList"
    rows = tuple(data[name].each())
    return PageEnd(
        rows=len(rows),
        last_id=data["lastId"].optional_identity() or _last(rows),
        pages=data["totalPage"].optional_integer(),
        has_more=data["hasMore"].optional_flag(),
    )


def _last(rows: tuple[Node, ...]) -> str | None:
    if not rows:
        return None
    row = rows[-1]
    return row["offset"].optional_identity() or row["id"].optional_identity()


def ledger_context(text: str) -> LedgerContext:
    """Read the context of a ledger row; unreadable is empty.

    Example:
        >>> ledger_context('{"symbol":"KCS-USDT","orderId":"67","tradeId":"10"}')
        LedgerContext(symbol='KCS-USDT', order_id='67', trade_id='10')
        >>> ledger_context("sub-account") == ledger_context("{}") == LedgerContext()
        True
    """
    try:
        data = Node(decode(text), "context")
        return LedgerContext(
            symbol=data["symbol"].optional_text(),
            order_id=data["orderId"].optional_identity(),
            trade_id=data["tradeId"].optional_identity(),
        )
    except UsageError:
        return LedgerContext()
