"""``gnomon strategy``: write a strategy, list those that are found, check one.

With ``--json`` standard output holds exactly one object. It decides nothing about
trading and sends nothing.
"""

import json
import re
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bot.cli.strategy_template import files_for
from bot.compose_strategies import kind_for
from bot.domain.errors import RefusedError, UsageError
from bot.domain.money import plain
from bot.domain.scheduled import Kind
from bot.settings import Settings, StrategySettings, read_settings, settings_from
from bot.study.own_strategy import Checked, check
from connectors.system.strategy_files import installed_kinds, kind_of_entry
from strategies import KINDS

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    help="Write, list and check strategies.",
    rich_markup_mode="markdown",
)

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")

_NEW_HELP: Final = """
Write a strategy that works, a test of it and its settings. Nothing is overwritten.

Examples:

    gnomon strategy new my_idea

    gnomon strategy new my_idea --folder own
"""
_LIST_HELP: Final = """
Every kind of strategy that is found: built in, installed, named by path in settings.

Examples:

    gnomon strategy list

    gnomon strategy list --config gnomon.toml --json
"""
_CHECK_HELP: Final = """
Try a strategy on short synthetic markets: is it pure, does it raise, what is refused.

WHAT is a Python file, or the name of a `[strategy.NAME]` table of the settings. Exit 4
when a problem was found, 2 when it cannot be built.

Examples:

    gnomon strategy check my_idea.py

    gnomon strategy check my_idea --config my_idea.toml --json
"""

Config = Annotated[
    Path | None, typer.Option(help="Settings; gnomon.toml here when it exists.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback()
def _root() -> None:
    """Strategies of your own."""


@app.command("new", help=_NEW_HELP)
def new(
    *,
    name: Annotated[str, typer.Argument(help="Small letters, digits and _.")],
    folder: Annotated[Path, typer.Option(help="Where the files go.")] = Path(),
) -> None:
    """Write the files of a new strategy."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"The name of a strategy must be small letters, digits and _, such as "
            f"my_idea, was {name!r}."
        )
    files = {folder / file: text for file, text in files_for(name).items()}
    there = [str(path) for path in files if path.exists()]
    if there:
        raise UsageError(f"{', '.join(there)} exists; nothing was written.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}.") from None
    strategy, _, settings = files
    sys.stdout.write(
        "\n".join(
            (
                *(f"wrote {path}" for path in files),
                f"next: gnomon strategy check {strategy}",
                f"      gnomon paper --scenario calm --config {settings}\n",
            )
        )
    )


@app.command("list", help=_LIST_HELP)
def list_kinds(*, config: Config = None, as_json: AsJson = False) -> None:
    """Print every kind that is found."""
    settings = read_settings(config)
    kinds, failed = _found(settings)
    if as_json:
        answer = {"strategies": [_row(kind) for kind in kinds], "failed": failed}
        sys.stdout.write(json.dumps(answer, indent=2) + "\n")
        return
    console = Console(highlight=False)
    for kind in kinds:
        _show(console, kind)
    for sentence in failed:
        sys.stderr.write(f"gnomon: {sentence}\n")


def _found(settings: Settings) -> tuple[list[Kind], list[str]]:
    """The kinds, and a sentence for each that does not import."""
    kinds, failed = list(KINDS.values()), list[str]()
    for entry in installed_kinds().values():
        try:
            kinds.append(kind_of_entry(entry))
        except UsageError as error:
            failed.append(str(error))
    for chosen in settings.strategies:
        if chosen.path is None:
            continue
        try:
            kinds.append(kind_for(chosen))
        except UsageError as error:
            failed.append(f"[strategy.{chosen.name}] {error}")
    return kinds, failed


def _show(console: Console, kind: Kind) -> None:
    """One kind: where it is from, when it is asked, and what can be set."""
    console.print(Text.assemble((kind.name, "bold"), f"  {kind.source}"), end="")
    console.print(f", {kind.schedule}" if kind.schedule else "", markup=False)
    if kind.summary:
        console.print(Padding(Text(kind.summary), (0, 0, 0, 2)))
    if kind.parameters:
        table = Table(box=None, header_style="dim", pad_edge=False)
        table.add_column("parameter", no_wrap=True)
        table.add_column("default", max_width=16, overflow="fold")
        table.add_column("must be", overflow="fold")
        for name, parameter in kind.parameters.items():
            shown = _default(parameter.default) or "-"
            table.add_row(name, Text(shown), Text(parameter.expected))
        console.print(Padding(table, (0, 0, 0, 2)))
    console.print()


def _row(kind: Kind) -> dict[str, object]:
    return {
        "kind": kind.name,
        "summary": kind.summary,
        "source": kind.source,
        "schedule": kind.schedule,
        "parameters": [
            {
                "name": name,
                "default": _default(parameter.default),
                "must_be": parameter.expected,
                "meaning": parameter.sentence,
            }
            for name, parameter in kind.parameters.items()
        ],
    }


def _default(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


@app.command("check", help=_CHECK_HELP)
def check_one(
    *,
    what: Annotated[str, typer.Argument(metavar="WHAT", help="A file or a name.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Try one strategy and print what was found."""
    settings, chosen = _chosen(what, config)
    found = check(settings, chosen)
    if as_json:
        sys.stdout.write(json.dumps(found.answer(), indent=2) + "\n")
    else:
        _print(found)
    if found.problems:
        raise RefusedError(f"{found.name} has problems; each stands above.")


def _chosen(what: str, config: Path | None) -> tuple[Settings, StrategySettings]:
    """The table that is meant: of the settings, or of a file alone."""
    settings = read_settings(config)
    by_name: Mapping[str, StrategySettings] = {s.name: s for s in settings.strategies}
    if what in by_name:
        return settings, by_name[what]
    path = Path(what)
    if path.suffix != ".py" and not path.exists():
        known = ", ".join(by_name) or "none"
        raise UsageError(
            f"There is no file {what} and no [strategy.{what}] in the settings; "
            f"those that are: {known}."
        )
    for chosen in settings.strategies:
        if chosen.path is not None and chosen.path.resolve() == path.resolve():
            return settings, chosen
    table = {path.stem: {"path": str(path.resolve())}}
    return settings, settings_from({}, {"strategy": table}).strategies[0]


def _print(found: Checked) -> None:
    console = Console(highlight=False)
    console.print(f"{found.name}, from {found.source}", markup=False)
    for name, value in found.parameters.items():
        console.print(f"  {name} = {value}", markup=False)
    for trial in found.trials:
        console.print(
            f"{trial.market}: asked {trial.asked} times, proposed {trial.proposed}, "
            f"let pass {trial.approved}, {trial.fills} fills, "
            f"{trial.pnl_usdt:+.2f} USDT of equity",
            markup=False,
        )
        if trial.first:
            console.print(f"  first: {trial.first}", markup=False)
        for reason, count in trial.refused.items():
            console.print(f"  refused {count} times: {reason}", markup=False)
    for sentence in found.warnings:
        console.print(f"note: {sentence}", markup=False)
    for sentence in found.problems:
        console.print(f"problem: {sentence}", markup=False)
    if not found.problems:
        console.print("It may run.")
