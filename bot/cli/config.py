"""``gnomon config show``: every setting, its value, its default and its source."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bot.settings import Settings, read_settings
from bot.settings_keys import KEYS, shown

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Look at the settings in force.")

_HELP = """
Show every setting of gnomon.toml with its value, default and source.

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
    if as_json:
        strategies = [
            {
                "name": s.name,
                "kind": s.kind,
                "schedule": s.schedule,
                "enabled": s.enabled,
                "parameters": {k: str(v) for k, v in s.parameters.items()},
            }
            for s in settings.strategies
        ]
        answer = {"keys": rows, "strategies": strategies}
        sys.stdout.write(json.dumps(answer, indent=2) + "\n")
        return
    table = Table(box=None, header_style="bold")
    for name in ("key", "value", "default", "source", "meaning"):
        table.add_column(name)
    for row in rows:
        table.add_row(*row.values())
    Console().print(table)


def _rows(settings: Settings) -> list[dict[str, str]]:
    return [
        {
            "key": key.name,
            "value": shown(settings.values[key.name]),
            "default": key.default,
            "source": settings.sources[key.name],
            "meaning": key.sentence,
        }
        for key in KEYS
    ]
