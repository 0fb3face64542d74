"""The account and an operator's request, as tables for people and as documents.

Numbers are exact texts in documents and in tables alike: an operator compares them
with the exchange's own pages. Nothing here asks anybody anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.domain.money import plain
from bot.report.wording import account_title
from connectors.kucoin.overview import Overview

__all__ = ["account_document", "account_table", "done_table"]

Row = Mapping[str, str]

_TITLES = {
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
    rows = [
        {k: v if isinstance(v, str) else "" for k, v in row.items()}
        for row in (requests if isinstance(requests, list) else [])
    ]
    if not rows:
        return Text("There is nothing to do.")
    titles = ("id", "what", "state", "filled", "reason")
    if answer.get("dry_run"):
        return Group(
            _table(("what", "state", "reason"), rows), Text("Nothing was sent.")
        )
    return _table(titles, rows)


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
        yield {
            "symbol": key.symbol,
            "side": str(position.side),
            "lots": str(position.lots),
            "entry_value": plain(position.entry_value),
            "mode": str(position.mode),
            "leverage": plain(position.leverage),
            "margin": plain(position.margin),
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
