"""Mark prices, of margin coins (in BTC) and of contracts.

Reads ``GET /api/v3/mark-price/all-symbols``, ``/api/v1/mark-price/{symbol}/current``
of either host, and the pushes ``/indicator/markPrice`` and ``/contract/instrument``.
The exchange marks margin coins in BTC, as ``USDT-BTC``; BTC itself has no mark.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.domain.money import ONE
from connectors.kucoin.parse.envelope import body, coin, push
from connectors.kucoin.parse.node import Node

__all__ = [
    "ContractMark",
    "MarginMark",
    "btc_prices",
    "contract_mark",
    "contract_mark_push",
    "margin_mark",
    "margin_mark_push",
    "margin_mark_rows",
    "margin_marks",
    "usdt_marks",
    "usdt_prices",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginMark:
    """What one coin of the symbol's base is worth in its quote; None: no price."""

    base: str
    quote: str
    price: Decimal | None
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractMark:
    """Mark and index price of a contract, in its quote currency."""

    symbol: str
    mark_price: Decimal
    index_price: Decimal | None
    at: datetime | None


def margin_marks(document: Node) -> tuple[MarginMark, ...]:
    """Read all margin marks; the answer may be a list or a single mark.

    Raises:
        UsageError: A row is broken or a symbol is listed twice.
    """
    data = body(document)
    if data.is_object:
        return (margin_mark(data),)
    marks: list[MarginMark] = []
    seen: set[tuple[str, str]] = set()
    for row in data.each():
        mark = margin_mark(row)
        if (mark.base, mark.quote) in seen:
            row["symbol"].refuse("a symbol that is listed once")
        seen.add((mark.base, mark.quote))
        marks.append(mark)
    return tuple(marks)


def margin_mark_rows(document: Node) -> Mapping[str, Node]:
    """The unread row of each coin that is listed with a mark in BTC, by coin.

    Whoever follows a coin reads its row with ``margin_mark``: an odd row of one coin
    must not hide the others. Of a coin that is listed twice the last row counts.

    Example:
        >>> listed = [{"symbol": "USDT-BTC", "value": "?"}, {"symbol": 7}, {}]
        >>> list(margin_mark_rows(Node(listed, "marks")))
        ['USDT']
    """
    found: dict[str, Node] = {}
    for row in body(document).each():
        symbol = row["symbol"].value
        base, _, quote = symbol.partition("-") if isinstance(symbol, str) else ("",) * 3
        if base and coin(quote) == "BTC":
            found[coin(base)] = row
    return found


def margin_mark(document: Node) -> MarginMark:
    """Read one margin mark; ``value`` null or 0 means that there is none."""
    data = body(document)
    base, quote = _pair(data["symbol"])
    return MarginMark(
        base=base,
        quote=quote,
        price=data["value"].optional_price(),
        at=data["timePoint"].optional_time_ms(),
    )


def margin_mark_push(document: Node) -> MarginMark:
    """Read a push of ``/indicator/markPrice`` (or ``/indicator/index``)."""
    data = push(document)
    base, quote = _pair(data["symbol"])
    return MarginMark(
        base=base,
        quote=quote,
        price=data["value"].price(),
        at=data["timestamp"].time_ms(),
    )


def _pair(node: Node) -> tuple[str, str]:
    base, dash, quote = node.text().partition("-")
    if not (base and dash and quote):
        node.refuse("a symbol such as USDT-BTC")
    return coin(base), coin(quote)


def btc_prices(marks: Iterable[MarginMark]) -> Mapping[str, Decimal]:
    """The price of each coin in BTC, BTC itself 1; coins without a price are left out.

    Example:
        >>> usdt = MarginMark(base="USDT", quote="BTC", price=Decimal("0.00002"),
        ...                   at=None)
        >>> btc_prices([usdt])
        {'BTC': Decimal('1'), 'USDT': Decimal('0.00002')}
    """
    prices = {"BTC": ONE}
    for mark in marks:
        if mark.quote == "BTC" and mark.base != "BTC" and mark.price is not None:
            prices[mark.base] = mark.price
    return prices


def usdt_prices(prices_btc: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
    """The same prices in USDT; empty where USDT has no mark in BTC.

    Example:
        >>> prices = usdt_prices({"BTC": Decimal(1), "USDT": Decimal("0.00002")})
        >>> prices == {"BTC": 50000, "USDT": 1}
        True
    """
    usdt = prices_btc.get("USDT")
    if usdt is None:
        return {}
    return {name: price / usdt for name, price in prices_btc.items()}


def usdt_marks(document: Node, coins: Iterable[str]) -> Mapping[str, Decimal]:
    """The marks of some coins in USDT, from a list of all; no other row is read.

    Empty where USDT has no mark in BTC; a coin without a price is left out.

    Raises:
        UsageError: The row of one of them is broken.

    Example:
        >>> listed = [{"symbol": "USDT-BTC", "value": "0.00002"}, {"symbol": 7}]
        >>> sorted(usdt_marks(Node(listed, "marks"), ["BTC"]).items())
        [('BTC', Decimal('5E+4')), ('USDT', Decimal('1'))]
    """
    rows = margin_mark_rows(document)
    asked = sorted({"USDT", *coins} & rows.keys())
    return usdt_prices(btc_prices(margin_mark(rows[each]) for each in asked))


def contract_mark(document: Node) -> ContractMark:
    """Read the mark price answer of the futures host."""
    data = body(document)
    return ContractMark(
        symbol=data["symbol"].text(),
        mark_price=data["value"].price(),
        index_price=data["indexPrice"].optional_price(),
        at=data["timePoint"].optional_time_ms(),
    )


def contract_mark_push(document: Node) -> ContractMark:
    """Read a ``mark.index.price`` push; its symbol stands in the topic only.

    Raises:
        UsageError: A field is broken, or the topic names no contract.
    """
    data = document["data"]
    _, colon, symbol = document["topic"].text().rpartition(":")
    if not colon or not symbol:
        document["topic"].refuse("a topic such as /contract/instrument:XBTUSDTM")
    return ContractMark(
        symbol=symbol,
        mark_price=data["markPrice"].price(),
        index_price=data["indexPrice"].optional_price(),
        at=data["timestamp"].time_ms(),
    )
