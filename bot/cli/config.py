"""``gnomon config show``: every setting, its value, its default and its source."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.settings import Settings, read_settings
from bot.settings_blackouts import BLACKOUTS
from bot.settings_delistings import DELISTINGS
from bot.settings_keys import KEYS, shown

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Look at the settings in force.")

_LISTS: Final = {
    BLACKOUTS: "announced times without orders and transfers",
    DELISTINGS: "coins and contracts that leave the exchange, and when",
}
"""Settings that are lists, each with its meaning; their default is none."""

_HELP = """
Show every setting of gnomon.toml with its value, default and source.

Parameters of strategies are shown as they stand in the file; `gnomon strategy list`
has their defaults, `gnomon strategy check NAME` tries them.

Examples:

    gnomon config show

    gnomon config show --config gnomon.toml --json
"""


@app.callback()
def _root() -> None:
    """Look at the settings in force."""


@app.command("show", help=_HELP)
def show(
    *,
    config: Annotated[
        Path | None, typer.Option(help="Settings; gnomon.toml here when it exists.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
) -> None:
    """Print every key with its default and source."""
    settings = read_settings(config)
    rows = _rows(settings)
    strategies = _strategies(settings)
    if as_json:
        answer = {"keys": rows, "strategies": strategies}
        sys.stdout.write(json.dumps(answer, indent=2) + "\n")
        return
    Console().print(_table([list(row.values()) for row in rows], list(rows[0])))
    if strategies:
        Console().print()
        told = [[_words(value) for value in each.values()] for each in strategies]
        Console().print(_table(told, list(strategies[0])))


def _table(rows: list[list[str]], names: list[str]) -> Table:
    table = Table(box=None, header_style="bold")
    for name in names:
        table.add_column(name)
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _words(value: object) -> str:
    r"""A value of a strategy in a cell.

    Example:
        >>> _words({"coins": "['ETH']", "max_pairs": "3"}), _words(True), _words(None)
        ("coins = ['ETH']\nmax_pairs = 3", 'yes', '')
    """
    if isinstance(value, Mapping):
        return "\n".join(f"{name} = {each}" for name, each in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _strategies(settings: Settings) -> list[dict[str, object]]:
    return [
        {
            "name": s.name,
            "kind": s.kind,
            "schedule": s.schedule,
            "enabled": s.enabled,
            "path": None if s.path is None else str(s.path),
            "parameters": {k: str(v) for k, v in s.parameters.items()},
            "overlay": {k: str(v) for k, v in s.overlay.items()},
        }
        for s in settings.strategies
    ]


def _rows(settings: Settings) -> list[dict[str, str]]:
    lists = [
        {
            "key": name,
            "value": str(settings.values.get(name, "none")),
            "default": "none",
            "source": "gnomon.toml" if name in settings.values else "default",
            "meaning": meaning,
        }
        for name, meaning in _LISTS.items()
    ]
    keys = [
        {
            "key": key.name,
            "value": shown(settings.values[key.name]),
            "default": key.default,
            "source": settings.sources[key.name],
            "meaning": key.sentence,
        }
        for key in KEYS
    ]
    return [*keys, *lists]
