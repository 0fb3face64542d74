"""``gnomon study``: what guard and carry are worth on recorded markets, beside others.

It reads a folder of markets and prints one table. Progress goes to standard error;
with ``--json`` standard output holds exactly one object. It decides nothing.
"""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from bot.cli.study_beta import BETA_HELP, beta
from bot.cli.study_kept import KeptFile
from bot.settings import read_settings, settings_from
from bot.study import carry as carry_study
from bot.study.carry_view import carry_view
from bot.study.guard import QUICK, WHOLE, Way, run_study
from bot.study.kept import Forgetful
from bot.study.markets import SQUEEZE, Source, find_markets
from bot.study.view import study_view

__all__ = ["app"]

app = typer.Typer(
    help="Replay recorded markets under several policies and compare them.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

_GUARD_HELP: Final = """
The guard beside nobody, a losers-first margin call and a clairvoyant.

Examples:

    gnomon study guard --markets windows --quick

    gnomon study guard --markets windows --workers 2 --json > study.json

    gnomon study guard --markets windows --kept rows.jsonl --json > study.json

With `--kept` a study that was cut short goes on where it was; the file is for one
version of the program and of the prices.

DIR holds market manifests (TOML files, or folders with market.toml). A market that
cannot be read is a sentence in `failed`; exit 2 only if none can be.
"""

_WIDE: Final = 220


@app.callback()
def _root() -> None:
    """Studies on recorded markets."""


app.command("beta", help=BETA_HELP)(beta)


@app.command("guard", help=_GUARD_HELP)
def guard(
    *,
    markets: Annotated[
        Path, typer.Option(metavar="DIR", help="A folder of market manifests.")
    ],
    workers: Annotated[int, typer.Option(help="Processes at once.", min=1, max=64)] = 2,
    quick: Annotated[
        bool, typer.Option("--quick", help="Two leverages, two days a market.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(help="Settings (TOML); without it the built-in defaults."),
    ] = None,
    squeeze: Annotated[
        bool, typer.Option(help="Add the synthetic squeeze to the markets.")
    ] = True,
    kept: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Finished rows, to go on from."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = (
        False
    ),
) -> None:
    """Make the table and print it."""
    settings = settings_from({}, {}) if config is None else read_settings(config)
    scope = QUICK if quick else WHOLE
    sources = find_markets(markets)
    if squeeze:
        sources = (*sources, Source(name=SQUEEZE))
    with nullcontext(Forgetful()) if kept is None else KeptFile(kept) as finished:
        way = Way(workers=workers, say=_say, kept=finished)
        study = run_study(sources, settings, scope, way)
    if as_json:
        sys.stdout.write(json.dumps(study.answer(), indent=1) + "\n")
        return
    is_terminal = sys.stdout.isatty()
    Console(width=None if is_terminal else _WIDE).print(study_view(study))


_CARRY_HELP: Final = """
Funding arbitrage beside always on, a fixed threshold, idle USDT and a clairvoyant.

Examples:

    gnomon study carry --markets windows --quick

    gnomon study carry --markets windows --workers 2 --json > carry.json

Net returns are fractions of total capital, by calendar year; the clairvoyant is a
bound. A market that cannot be read is a sentence in `failed`; exit 2 only if none can.
"""


@app.command("carry", help=_CARRY_HELP)
def carry(
    *,
    markets: Annotated[
        Path, typer.Option(metavar="DIR", help="A folder of market manifests.")
    ],
    workers: Annotated[int, typer.Option(help="Processes at once.", min=1, max=64)] = 2,
    quick: Annotated[
        bool, typer.Option("--quick", help="One size, one bound a year.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = (
        False
    ),
) -> None:
    """Make the table and print it."""
    scope = carry_study.QUICK if quick else carry_study.WHOLE
    sources = find_markets(markets)
    study = carry_study.run_carry_study(sources, scope, workers, _say)
    if as_json:
        sys.stdout.write(json.dumps(study.answer(), indent=1) + "\n")
        return
    width = None if sys.stdout.isatty() else _WIDE
    Console(width=width).print(carry_view(study))


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
