"""The ``returns`` of a file of documents: hourly closes of coins, read strictly.

``{"BTC": [["2025-10-01T00:00:00Z", "114000.5"], ...]}``, oldest first, times with a
zone. Computes nothing.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Final

from bot.risk.covariance import Closes
from connectors.kucoin.parse.envelope import coin as coin_word
from connectors.kucoin.parse.node import Node

__all__ = ["read_returns"]

_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 9000
"""Hours around a time must be times too."""


def read_returns(document: Node) -> Mapping[str, Closes]:
    """Coin (BTC, never XBT) to its closes.

    Raises:
        UsageError: A row is no pair of a time and a price, times do not rise, or a
            coin is named twice; the message names the path.

    Example:
        >>> rows = {"xbt": [["2025-10-01T00:00:00Z", "114000.5"]]}
        >>> list(read_returns(Node(rows, "returns")))
        ['BTC']
    """
    found: dict[str, Closes] = {}
    for name, node in document.entries():
        word = coin_word(name.strip().upper())
        if word in found:
            node.refuse("the only history of its coin")
        rows = [_row(each) for each in node.each()]
        if any(later <= earlier for (earlier, _), (later, _) in pairwise(rows)):
            node.refuse("a list of closes whose times rise")
        found[word] = rows
    return found


def _row(node: Node) -> tuple[datetime, Decimal]:
    parts = list(node.each())
    if len(parts) != len(("time", "close")):
        node.refuse("a pair of a time and a close")
    return _time(parts[0]), parts[1].price()


def _time(node: Node) -> datetime:
    expected = "a time with a zone such as 2025-10-10T21:00:00Z"
    try:
        when = datetime.fromisoformat(node.text())
    except ValueError:
        node.refuse(expected)
    if when.utcoffset() is None:
        node.refuse(expected)
    if not _FIRST_YEAR <= when.year <= _LAST_YEAR:
        node.refuse(f"a time in one of the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return when.astimezone(UTC)
