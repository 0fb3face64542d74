"""What every answer and every push is wrapped in.

An answer is ``{"code": "200000", "data": ...}``; a push is ``{"topic", "subject",
"data": ...}``. Callers may hold the whole or only its ``data``.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from bot.domain.errors import UsageError
from connectors.kucoin.parse.node import Node

__all__ = ["body", "coin", "only_of", "page", "push", "rows"]

_SUCCESS: Final = "200000"
_COINS: Final = {"XBT": "BTC"}


def coin(word: str) -> str:
    """Our word for a coin; the futures side writes BTC as XBT.

    Example:
        >>> coin("XBT"), coin("ETH")
        ('BTC', 'ETH')
    """
    return _COINS.get(word, word)


def body(document: Node) -> Node:
    """The data of an answer, whether the envelope is around it or not.

    Raises:
        UsageError: The envelope holds an error of the exchange, or no data.

    Example:
        >>> body(Node({"code": "200000", "data": 7}, "status")).path
        'status.data'
    """
    if not document.is_object or document["code"].is_absent:
        return document
    code = document["code"].identity()
    if code != _SUCCESS:
        said = document["msg"].value
        words = f" ({said[:200]})" if isinstance(said, str) and said else ""
        raise UsageError(
            f"{document.path} is an error answer of the exchange, code {code}{words}; "
            f"only answers with code {_SUCCESS} can be read."
        )
    data = document["data"]
    if data.is_absent:
        data.refuse("the data of the answer")
    return data


def push(document: Node) -> Node:
    """The data of a push, whether the message is around it or not."""
    if not document.is_object or document["topic"].is_absent:
        return body(document)
    return document["data"]


def rows(document: Node) -> tuple[Node, ...]:
    """The elements of an answer that is a list, or a page with ``items``."""
    data = body(document)
    if data.is_object:
        data = data["items"]
    return tuple(data.each())


def only_of(names: Collection[str] | None, items: Iterable[Node]) -> Iterator[Node]:
    """The rows whose symbol is one of these; None gives all.

    An odd row of what nobody follows must not hide the others, so it is not read.

    Example:
        >>> listed = Node([{"symbol": "A"}, {"symbol": 7}, {}], "symbols")
        >>> [row.path for row in only_of({"A"}, listed.each())]
        ['symbols[0]']
    """
    for row in items:
        if names is None:
            yield row
            continue
        name = row["symbol"].value
        if isinstance(name, str) and name in names:
            yield row


def page(document: Node) -> tuple[tuple[Node, ...], bool]:
    """The elements of a paged answer and whether they are all of them.

    A list is complete. A page is complete when its ``totalPage`` is at most 1.
    """
    data = body(document)
    if not data.is_object:
        return tuple(data.each()), True
    pages = data["totalPage"].optional_integer()
    return tuple(data["items"].each()), pages is None or pages <= 1
