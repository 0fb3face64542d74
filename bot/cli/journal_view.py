"""How rows of a journal look in a terminal and as JSON.

Tables go to standard output, remarks to standard error; with ``--json`` standard
output holds one object and nothing else. This module must not ask a journal
anything.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from bot.domain.money import plain
from storage.chain import ChainedRow

__all__ = [
    "COLUMNS",
    "note",
    "print_json",
    "print_pairs",
    "print_table",
    "to_plain",
    "watch",
]

_POSTINGS: Final = {
    "at": "at",
    "account": "account",
    "symbol": "symbol",
    "coin": "coin",
    "bucket": "number",
    "amount": "amount",
    "rate": "rate",
}
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "runs": {
        "name": "run",
        "world": "world",
        "start": "start",
        "end": "end",
        "reason": "ended because",
        "identity": "identity",
    },
    "entries": {"seq": "#", "at": "at", "kind": "kind", "body": "body"},
    "balances": {
        "account": "account",
        "coin": "coin",
        "balance": "balance",
        "principal": "principal",
        "interest": "interest",
        "margin": "isolated margin",
    },
    "pnl": {
        "cause": "cause",
        "coin": "coin",
        "amount": "amount",
        "value_usdt": "USDT at the last marks",
    },
    "loans": {
        "account": "account",
        "coin": "coin",
        "opened": "owed at start",
        "borrowed": "borrowed",
        "interest_charged": "interest charged",
        "repaid": "repaid",
        "taken_off": "taken off",
        "liability": "still owed",
    },
    "orders": {
        "at": "at",
        "order_id": "order",
        "intent_id": "request",
        "account": "account",
        "symbol": "symbol",
        "side": "side",
        "qty": "quantity",
        "filled_qty": "filled",
        "price": "price",
        "state": "state",
        "reason": "reason",
    },
    "fills": {
        "at": "at",
        "account": "account",
        "symbol": "symbol",
        "side": "side",
        "qty": "quantity",
        "price": "price",
        "fee": "fee",
        "fee_coin": "fee coin",
        "intent_id": "request",
        "forced": "forced",
    },
    "intents": {
        "at": "at",
        "intent_id": "request",
        "owner": "owner",
        "what": "what",
        "account": "account",
        "symbol": "symbol",
        "coin": "coin",
        "amount": "amount",
        "state": "state",
        "reason": "reason",
    },
    "funding": _POSTINGS,
    "interest": _POSTINGS,
    "decisions": {
        "at": "at",
        "decision_id": "id",
        "owner": "owner",
        "subject": "subject",
        "verdict": "verdict",
        "reason": "reason",
    },
}
"""Which columns a table of the terminal shows, under which headings."""

_WIDE: Final = 220
"""Columns when the output is no terminal, so that nothing is cut."""

_WATCHED_ROWS: Final = 300_000
"""From about this many rows on a check takes over two seconds."""


def watch(rows: Iterable[ChainedRow], total: int) -> Iterable[ChainedRow]:
    """Show a progress bar on standard error over a long check."""
    if total < _WATCHED_ROWS or not sys.stderr.isatty():
        return rows
    console = Console(stderr=True)
    return track(
        rows,
        description="checking the journal",
        total=total,
        console=console,
        transient=True,
    )


def note(sentence: str) -> None:
    """Say something beside the answer, on standard error."""
    Console(stderr=True).print(Text(sentence), soft_wrap=True)


def to_plain(value: Any) -> Any:
    """Values for JSON: decimals as plain text, dataclasses as objects."""
    if isinstance(value, Decimal):
        return plain(value)
    if is_dataclass(value):
        return {
            field.name: to_plain(getattr(value, field.name)) for field in fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): to_plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(each) for each in value]
    return value


def print_json(answer: Mapping[str, Any]) -> None:
    """Write the one object of ``--json``."""
    text = msgspec.json.format(msgspec.json.encode(to_plain(answer)), indent=2)
    sys.stdout.write(text.decode() + "\n")


def print_table(
    title: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Draw rows as a table.

    Args:
        title: Stands above it.
        columns: Name in the row to heading, in order.
        rows: Numbers in them are set to the right.
    """
    table = Table(title=title, title_justify="left")
    shown = [[_cell(row.get(name)) for name in columns] for row in rows]
    for place, heading in enumerate(columns.values()):
        is_number = any(_is_number(line[place]) for line in shown)
        table.add_column(
            heading, justify="right" if is_number else "left", overflow="fold"
        )
    for line in shown:
        table.add_row(*(Text(cell) for cell in line))
    _console().print(table)


def print_pairs(title: str, pairs: Mapping[str, Any]) -> None:
    """Draw names and values below each other; what is None is left out."""
    console = _console()
    console.print(Text(title, style="bold"))
    known = {name: value for name, value in pairs.items() if value not in (None, {})}
    width = max((len(name) for name in known), default=0)
    for name, value in known.items():
        console.print(Text(f"  {name:<{width}}  {_cell(value)}"), soft_wrap=True)


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=_WIDE)


def _cell(value: Any) -> str:
    value = to_plain(value)
    if value is None:
        return ""
    if isinstance(value, str):
        return value.removesuffix(".000000Z") + "Z" if _is_whole_time(value) else value
    if isinstance(value, Mapping):
        parts = {name: _cell(each) for name, each in value.items()}
        return ", ".join(f"{name} {text}" for name, text in parts.items() if text)
    if isinstance(value, list):
        return ", ".join(_cell(each) for each in value)
    return str(value)


def _is_whole_time(text: str) -> bool:
    return text.endswith(".000000Z")


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdigit()
