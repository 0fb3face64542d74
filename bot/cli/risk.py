"""``gnomon risk``: what an account's numbers are, and what a move would make them.

Reads files, writes one answer, decides nothing. With ``--json`` standard output
holds exactly one object, or nothing on an error; sentences go to standard error.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.cli.risk_files import (
    AsJson,
    File,
    content,
    documents_of,
    print_json,
    stopped,
)
from bot.cli.risk_forecast import HELP as _FORECAST_HELP
from bot.cli.risk_forecast import forecast_command
from bot.cli.risk_history import closes_of, covariance_model
from bot.cli.risk_size import HELP as _SIZE_HELP
from bot.cli.risk_size import size_command
from bot.domain.errors import GnomonError
from bot.report.assess import assess
from bot.report.assess_view import assessment_view, what_if_view
from bot.report.frontier import History, frontier_answer
from bot.report.frontier_view import frontier_view
from bot.report.whatif import read_betas, read_moves, what_if

__all__ = ["app"]

app = typer.Typer(
    help="Recompute every risk number of an account from the exchange's documents.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Beta = Annotated[
    list[str] | None,
    typer.Option(
        "--beta",
        metavar="COIN=BETA",
        help="Beta of a coin, for the beta-weighted distance. Repeatable; wins "
        "over --betas.",
    ),
]
Betas = Annotated[
    Path | None,
    typer.Option(
        "--betas",
        metavar="FILE",
        help='JSON object of betas, such as {"BTC": "1", "ETH": "1.2"}.',
    ),
]

_ASSESS_HELP = """
Debt ratios, risk rates and liquidation prices of an account.

Examples:

    gnomon risk assess account.json

    gnomon risk assess account.json --json | jq .margin_cross.debt_ratio

What cannot be known is null, and `missing` says why. Exit 2 names a broken field.
"""

_FRONTIER_HELP = """
The nearest ways to be liquidated: the likeliest moves, all coins, each coin alone.

Examples:

    gnomon risk frontier account.json --market markets/october.toml

    gnomon risk frontier account.json --beta BTC=1 --beta ETH=1.2 --json

The likeliest moves need hourly closes: `returns` in the file, such as
`{"BTC": [["2025-10-01T00:00:00Z", "114000.5"], ...]}`, or `--market`.
"""

_WHAT_IF_HELP = """
The same numbers after moves of the market, and how far each threshold is.

Examples:

    gnomon risk what-if account.json --shock BTC=-0.2 --shock ETH=-0.25

    gnomon risk what-if account.json --beta BTC=1 --beta ETH=1.2 --json

A shock is a relative move of the coin's USDT price; other coins keep theirs.
"""


app.command("forecast", help=_FORECAST_HELP)(forecast_command)
app.command("size", help=_SIZE_HELP)(size_command)


@app.command("assess", help=_ASSESS_HELP)
def assess_command(file: File, *, as_json: AsJson = False) -> None:
    """Print every risk number of a file of documents."""
    try:
        answer = assess(documents_of(file))
    except GnomonError as error:
        raise stopped(error) from None
    if as_json:
        print_json(answer)
    else:
        Console().print(assessment_view(answer))


@app.command("frontier", help=_FRONTIER_HELP)
def frontier_command(
    file: File,
    *,
    market: Annotated[
        Path | None,
        typer.Option(
            "--market",
            metavar="FILE.toml",
            help="Recorded market whose last closes give the covariance.",
        ),
    ] = None,
    horizon_h: Annotated[
        float,
        typer.Option("--horizon", metavar="HOURS", help="Hours of one deviation."),
    ] = 24.0,
    half_life_h: Annotated[
        float,
        typer.Option("--half-life", metavar="HOURS", help="Hours that halve a weight."),
    ] = 240.0,
    beta: Beta = None,
    betas: Betas = None,
    as_json: AsJson = False,
) -> None:
    """Print the nearest ways of each account to its thresholds."""
    try:
        model = covariance_model(horizon_h, half_life_h)
        documents = documents_of(file)
        closes = closes_of(documents, market)
        history = History(closes=closes, model=model)
        answer = frontier_answer(documents, history, _weights(beta, betas))
    except GnomonError as error:
        raise stopped(error) from None
    if as_json:
        print_json(answer)
    else:
        Console().print(frontier_view(answer))


@app.command("what-if", help=_WHAT_IF_HELP)
def what_if_command(
    file: File,
    *,
    shock: Annotated[
        list[str] | None,
        typer.Option(
            "--shock",
            metavar="COIN=MOVE",
            help="Move of a coin's USDT price, -0.2 is 20 % down. Repeatable.",
        ),
    ] = None,
    beta: Beta = None,
    betas: Betas = None,
    as_json: AsJson = False,
) -> None:
    """Print the numbers before and after shocks, and the frontier."""
    try:
        moves = read_moves(shock or (), "--shock")
        weights = _weights(beta, betas)
        answer = what_if(documents_of(file), moves, weights)
    except GnomonError as error:
        raise stopped(error) from None
    if as_json:
        print_json(answer)
    else:
        Console().print(what_if_view(answer))


def _weights(beta: list[str] | None, betas: Path | None) -> dict[str, Decimal]:
    """The betas of the file, those of the command line over them."""
    listed = {} if betas is None else dict(read_betas(content(betas), str(betas)))
    return listed | dict(read_moves(beta or (), "--beta"))
