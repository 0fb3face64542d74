"""The account and an operator's request, as tables for people and as documents.

Numbers are exact texts in documents and in tables alike: an operator compares them
with the exchange's own pages. Nothing here asks anybody anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.domain.accounts import MarginMode
from bot.domain.money import plain
from bot.report import figures
from bot.report.wording import account_title, subject_title
from connectors.kucoin.overview import Overview

__all__ = ["account_document", "account_table", "done_table"]

Row = Mapping[str, str]

_BEFORE: Final = " distance before"
_SHOWN: Final = 24
"""Requests that are shown, the newest; a long cure has many."""
_NOTHING: Final = "Nothing was sent."
_FIRST: Final = (
    "Nothing was sent. This is the first round; what follows is planned on what "
    "becomes of it."
)

_TITLES: Final = {
    "balances": ("account", "coin", "total", "available", "hold"),
    "loans": ("account", "coin", "principal", "interest", "liability"),
    "positions": (
        "symbol",
        "side",
        "lots",
        "entry_value",
        "mode",
        "leverage",
        "margin",
    ),
    "orders": (
        "account",
        "symbol",
        "side",
        "qty",
        "filled",
        "price",
        "id",
        "client_id",
    ),
}


def account_document(overview: Overview, what: str) -> Mapping[str, object]:
    """One part of the account for a machine."""
    return {what: [dict(row) for row in _rows(overview, what)]}


def account_table(overview: Overview, what: str) -> RenderableType:
    """One part of the account for people."""
    rows = list(_rows(overview, what))
    if not rows:
        return Text(f"There are no {what}.")
    return _table(_TITLES[what], rows)


def done_table(answer: Mapping[str, object]) -> RenderableType:
    """What became of an operator's request, or what would be sent."""
    requests = answer.get("requests")
    found = requests if isinstance(requests, list) else []
    if not found:
        return Text("There is nothing to do.")
    if answer.get("dry_run"):
        rows = [_previewed(row) for row in found]
        return Group(
            _table(("what", "state", "why, and what it does"), rows),
            Text(_FIRST if answer.get("do") == "flatten" else _NOTHING),
        )
    rows = [{k: v for k, v in row.items() if isinstance(v, str)} for row in found]
    titles = ["id", "what", "state", "done"]
    if any(row.get("reason") for row in rows):
        titles.append("reason")
    table = _table(titles, rows[-_SHOWN:])
    earlier = len(rows) - _SHOWN
    if earlier <= 0:
        return table
    words = f"{earlier} earlier requests: `gnomon journal intents` shows them."
    return Group(Text(words), table)


def _previewed(row: Mapping[str, object]) -> Row:
    """A request of a dry run: the reason of a refusal, else how distances change."""
    measured = row.get("measured")
    numbers = measured if isinstance(measured, Mapping) else {}
    words = str(row.get("reason", ""))
    if row.get("state") != "refused":
        words = "; ".join(_changes(numbers)) or words
    return {
        "what": str(row.get("what", "")),
        "state": str(row.get("state", "")),
        "why, and what it does": words,
    }


def _changes(measured: Mapping[str, str]) -> Iterator[str]:
    r"""Each account that a request brings nearer to liquidation or farther from it.

    Example:
        >>> list(_changes({"margin_cross distance before": "0.31256",
        ...                "margin_cross distance after": "0.31249"}))
        ['cross margin liquidated at 31.25\xa0% -> 31.24\xa0%']
    """
    for key, before in measured.items():
        subject, found, _ = key.partition(_BEFORE)
        if not found:
            continue
        after = measured.get(f"{subject} distance after")
        if after != before:
            first = figures.distance(Decimal(before), 2)
            last = "never" if after is None else figures.distance(Decimal(after), 2)
            yield f"{subject_title(subject)} liquidated at {first} -> {last}"


def _table(titles: Sequence[str], rows: Sequence[Row]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in titles:
        numeric = any(_is_number(row.get(title, "")) for row in rows)
        table.add_column(
            title.replace("_", " "),
            justify="right" if numeric else "left",
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(row.get(title, "")) for title in titles))
    return table


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).replace("-", "", 1).isdigit()


def _rows(overview: Overview, what: str) -> Iterator[Row]:
    match what:
        case "balances":
            return _balances(overview)
        case "loans":
            return _loans(overview)
        case "positions":
            return _positions(overview)
        case _:
            return _orders(overview)


def _balances(overview: Overview) -> Iterator[Row]:
    for account, coins in sorted(overview.snapshot.balances.items()):
        for coin, held in sorted(coins.items()):
            if held.total or held.hold:
                yield {
                    "account": account_title(account),
                    "coin": coin,
                    "total": plain(held.total),
                    "available": plain(held.available),
                    "hold": plain(held.hold),
                }


def _loans(overview: Overview) -> Iterator[Row]:
    for account, coins in sorted(overview.snapshot.balances.items()):
        for coin, held in sorted(coins.items()):
            if held.liability:
                yield {
                    "account": account_title(account),
                    "coin": coin,
                    "principal": plain(held.principal),
                    "interest": plain(held.interest),
                    "liability": plain(held.liability),
                }


def _positions(overview: Overview) -> Iterator[Row]:
    for key, position in sorted(overview.snapshot.positions.items()):
        is_isolated = position.mode is MarginMode.ISOLATED
        yield {
            "symbol": key.symbol,
            "side": "long" if position.lots > 0 else "short",
            "lots": str(position.lots),
            "entry_value": plain(position.entry_value),
            "mode": str(position.mode),
            "leverage": plain(position.leverage),
            "margin": plain(position.margin) if is_isolated else "",
        }


def _orders(overview: Overview) -> Iterator[Row]:
    for order in overview.orders:
        yield {
            "account": "" if order.account is None else account_title(order.account),
            "symbol": order.symbol,
            "side": "" if order.side is None else str(order.side),
            "qty": _text(order.qty),
            "filled": _text(order.filled_qty),
            "price": _text(order.price),
            "id": order.order_id,
            "client_id": order.client_id or "",
        }


def _text(number: Decimal | None) -> str:
    return "" if number is None else plain(number)
