"""``gnomon doctor``: whether this machine, this key and this account can go live.

Every check is read only. Exit 0 when nothing stands in the way, 4 when something
does, 3 when the exchange cannot be reached.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from bot.cli.live_runner import journal_of
from bot.compose_live import connected, leverages_of
from bot.domain.errors import RefusedError, UnreachableError, UsageError
from bot.live_protection import read_protection
from bot.report.doctor import (
    as_document,
    is_ready,
    local_checks,
    owner_checks,
    view,
)
from bot.report.protection import Protection
from bot.report.protection_view import protection_view
from bot.settings import Settings, read_settings
from connectors.kucoin.answers import ExchangeRefusedError
from connectors.kucoin.checks import Check, CheckState, Expected
from connectors.system.control import control_path, is_running

__all__ = ["doctor_app"]

_HELP: Final = """
Check everything that a live start needs, and say what is missing.

Reads the settings, the journal and the disk; asks KuCoin about its clock, the key's
permissions and addresses, the account's mode, fee level, position mode, and the
margin mode and leverage of every contract that strategies trade. Then lists what
protects the account while the process is down - each stop that rests at KuCoin, with
its trigger and its distance - and what does not, and why. What KuCoin has announced
of a coin or contract that is held is shown, its notices as they are. Changes nothing.
Exit 0 when ready, 4 when something stands in the way, 3 when KuCoin does not answer.

Examples:

    gnomon doctor

    gnomon doctor --json
"""
_ENV: Final = Path(".env")

doctor_app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@doctor_app.command("doctor", help=_HELP)
def doctor(
    *,
    config: Annotated[
        Path | None, typer.Option(help="Settings; gnomon.toml here when it exists.")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help="Journal of the live bot.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object.")
    ] = False,
) -> None:
    """Run every check and print what was found."""
    settings = read_settings(config)
    path = journal_of(settings, journal)
    checks = list(local_checks(settings, path, _ENV))
    protected: Protection | None = None
    if settings.api_key and settings.api_secret and settings.api_passphrase:
        found, protected = asyncio.run(_remote(settings, path))
        checks += found
        checks += owner_checks(path, found)
    if as_json:
        sys.stdout.write(json.dumps(as_document(checks, protected)) + "\n")
    else:
        Console().print(view(checks))
        if protected is not None:
            Console().print(protection_view(protected))
    if is_ready(checks):
        return
    if any(check.is_unreachable for check in checks):
        raise UnreachableError("The exchange could not be reached; see above.")
    raise RefusedError("Not ready for a live start; the advice stands above.")


async def _remote(
    settings: Settings, journal: Path
) -> tuple[tuple[Check, ...], Protection | None]:
    """What the exchange says, and what protects the account where it can be read."""
    protected: Protection | None = None
    async with connected(settings) as connection:
        found = await connection.checks(
            Expected(vip=settings.vip, leverages=leverages_of(settings))
        )
        try:
            protected, announced = await read_protection(connection)
            found = (*found, *announced)
        except (ExchangeRefusedError, UnreachableError, UsageError) as error:
            found = (*found, _unread(error))
    if not await is_running(control_path(journal)):
        return found, protected
    running = Check(
        name="running",
        state=CheckState.WARN,
        sentence=f"A bot runs on {journal}.",
        advice="Stop it before another start; operator's commands go through it.",
    )
    return (*found, running), protected


def _unread(error: Exception) -> Check:
    return Check(
        name="protection",
        state=CheckState.WARN,
        sentence=f"What protects the account could not be read: {error}",
        advice="Without it nobody knows what acts while the process is down.",
    )
