"""``gnomon risk size``: reads a file and settings, prints the largest size.

Options become inputs here; nothing is computed and nothing is sent.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from bot.cli.risk_files import AsJson, File, documents_of, print_json, stopped
from bot.domain.accounts import MARGIN_CROSS, SPOT, AccountId
from bot.domain.errors import GnomonError, UsageError
from bot.domain.money import decimal_from
from bot.domain.room import Legs, RoomAsked
from bot.report.size import size_answer
from bot.report.size_view import size_view
from bot.settings import read_settings

__all__ = ["HELP", "size_command"]

HELP = """
The largest pair, or leg, that the account has room for, and what binds it.

Examples:

    gnomon risk size account.json --pair BTC

    gnomon risk size account.json --pair SOL --direction short --config gnomon.toml

    gnomon risk size account.json --pair ETH --legs perp --leverage 2 --json

A pair is a spot leg in cross margin and the coin's perpetual against it; long is long
spot. After it every account that it touches survives the stress set, keeps its act
distance, and the stable reserve stays. Nothing is sent.
"""

_SIDES: Final = {"long": 1, "short": -1}


def size_command(
    file: File,
    *,
    pair: Annotated[
        str, typer.Option("--pair", metavar="COIN", help="The coin, such as BTC.")
    ],
    direction: Annotated[
        str, typer.Option("--direction", metavar="long|short", help="Of the spot leg.")
    ] = "long",
    legs: Annotated[
        Legs, typer.Option("--legs", help="Both legs, or one of its own direction.")
    ] = Legs.PAIR,
    account: Annotated[
        str, typer.Option("--account", help="Of the spot leg: margin_cross or spot.")
    ] = MARGIN_CROSS,
    leverage: Annotated[
        str, typer.Option("--leverage", help="Of the perpetual, 1 to 125.")
    ] = "3",
    config: Annotated[
        Path | None, typer.Option(help="Settings; gnomon.toml here when it exists.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the largest size; nothing is sent."""
    try:
        settings = read_settings(config)
        asked = _asked(pair, direction, legs, account, leverage)
        limits = settings.guard, settings.limits, settings.sizing
        answer = size_answer(documents_of(file), asked, limits, settings.vip)
    except GnomonError as error:
        raise stopped(error) from None
    if as_json:
        print_json(answer)
    else:
        Console().print(size_view(answer))


def _asked(
    pair: str, direction: str, legs: Legs, account: str, leverage: str
) -> RoomAsked:
    coin = pair.strip().upper().removesuffix("-USDT")
    if not coin.isalnum() or coin == "USDT":
        raise UsageError(f"--pair must be a coin such as BTC, was {pair!r}.")
    if direction not in _SIDES:
        raise UsageError(f"--direction must be long or short, was {direction!r}.")
    if account not in {MARGIN_CROSS, SPOT}:
        raise UsageError(f"--account must be margin_cross or spot, was {account!r}.")
    return RoomAsked(
        coin=coin,
        direction=_SIDES[direction],
        account=AccountId(account),
        legs=legs,
        leverage=_leverage(leverage),
    )


def _leverage(text: str) -> Decimal:
    try:
        number = decimal_from(text, "--leverage")
    except ValueError:
        number = Decimal(0)
    if not 1 <= number <= 125:  # noqa: PLR2004 - the exchange's own range
        raise UsageError(f"--leverage must be a number from 1 to 125, was {text!r}.")
    return number
