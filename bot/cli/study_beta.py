"""``gnomon study beta``: what is left of a book's beta after hedging, out of sample.

It reads a folder of markets and prints one table. Progress goes to standard error;
with ``--json`` standard output holds exactly one object. It decides nothing.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from bot.study.beta import QUICK, WHOLE, run_beta_study
from bot.study.beta_view import beta_view
from bot.study.markets import find_markets

__all__ = ["BETA_HELP", "beta"]

BETA_HELP: Final = """
The beta hedge beside no hedge, a ratio of one and a rolling regression.

Betas are estimated from the past alone, the hedge is traded as the strategy trades it,
and what is left is measured over windows of 30 days, calm ones and crashes.

Examples:

    gnomon study beta --markets windows --quick

    gnomon study beta --markets windows --workers 2 --json > beta.json

DIR holds market manifests (TOML files, or folders with market.toml). A market that
cannot be read is a sentence in `failed`; exit 2 only if none can be.
"""

_WIDE: Final = 220


def beta(
    *,
    markets: Annotated[
        Path, typer.Option(metavar="DIR", help="A folder of market manifests.")
    ],
    workers: Annotated[int, typer.Option(help="Processes at once.", min=1, max=64)] = 2,
    quick: Annotated[
        bool, typer.Option("--quick", help="The last 120 days of each market.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = (
        False
    ),
) -> None:
    """Make the table and print it."""
    scope = QUICK if quick else WHOLE
    study = run_beta_study(find_markets(markets), scope, workers, _say)
    if as_json:
        sys.stdout.write(json.dumps(study.answer(), indent=1) + "\n")
        return
    is_terminal = sys.stdout.isatty()
    Console(width=None if is_terminal else _WIDE).print(beta_view(study))


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
