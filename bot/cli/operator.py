"""The operator's commands: look at the account, move money, cancel, close everything.

Looking asks the exchange. Everything that changes something goes the one journaled
path: through the running bot when one runs, else through a short session of its own
without guard and strategies. Nothing here decides about money.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from bot.cli.live_runner import journal_of
from bot.cli.operate import operate
from bot.compose_live import connected
from bot.domain.errors import RefusedError
from bot.engine.operator_requests import check_words
from bot.report.operator_view import account_document, account_table, done_table
from bot.settings import Settings, read_settings
from connectors.kucoin.overview import Overview, read_overview

__all__ = [
    "balances_app",
    "borrow_app",
    "cancel_all_app",
    "flatten_app",
    "loans_app",
    "orders_app",
    "positions_app",
    "repay_app",
    "transfer_app",
]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")
]
Config = Annotated[
    Path | None, typer.Option(help="Settings; gnomon.toml here when it exists.")
]
JournalPath = Annotated[
    Path | None, typer.Option("--journal", help="Journal of the live bot.")
]
Coin = Annotated[str, typer.Argument(help="A coin such as USDT.")]
Amount = Annotated[str, typer.Argument(help="How much, in coins.")]
Account = Annotated[
    str, typer.Option(help="margin, or a pair such as BTC-USDT for its isolated one.")
]

_BORROW_HELP: Final = """
Borrow a coin into a margin account, all of it or nothing.

Examples:

    gnomon borrow USDT 100 --dry-run

    gnomon borrow BTC 0.01 --account BTC-USDT
"""

_REPAY_HELP: Final = """
Repay a coin from the same account's balance; interest goes first.

Examples:

    gnomon repay USDT all

    gnomon repay BTC 0.01 --account BTC-USDT --dry-run
"""

_TRANSFER_HELP: Final = """
Move a coin between two accounts of yours.

Examples:

    gnomon transfer USDT 100 main margin

    gnomon transfer USDT 50 futures BTC-USDT --dry-run
"""

_CANCEL_ALL_HELP: Final = """
Cancel every order and every stop that rests, yours and foreign ones.

Afterwards no order of the bot is left. A running bot rests no stops until you type
`gnomon rest-stops` or start it again; its guard goes on.

Examples:

    gnomon cancel-all --dry-run

    gnomon cancel-all
"""

_REST_STOPS_HELP: Final = """
Let the running bot rest its stops again, after a cancel-all withdrew them.

Stops protect the account when nobody is there to act. A bot that is started rests them
by itself, unless `guard.resting_stops` is false.

Examples:

    gnomon rest-stops

    gnomon rest-stops --json
"""

_FLATTEN_HELP: Final = """
Close everything that can be liquidated: orders, positions, loans.

Cancels all orders, closes futures positions, buys back what is owed and sells what
margin accounts hold, then repays. Strategies of a running bot are not stopped:
stop it first, or it may open again.

Examples:

    gnomon flatten --dry-run

    gnomon flatten --spot
"""

_LOOK: Final = "\n\nExamples:\n\n    gnomon {name}\n\n    gnomon {name} --json\n"


def _app() -> typer.Typer:
    return typer.Typer(add_completion=False, rich_markup_mode="markdown")


balances_app, positions_app, loans_app, orders_app = (_app() for _ in range(4))
borrow_app, repay_app, transfer_app = (_app() for _ in range(3))
cancel_all_app, flatten_app, rest_stops_app = (_app() for _ in range(3))


@balances_app.command(
    "balances",
    help="What every account holds, as KuCoin states it."
    + _LOOK.format(name="balances"),
)
def balances(*, config: Config = None, as_json: AsJson = False) -> None:
    """Show balances."""
    _look("balances", config, as_json=as_json)


@positions_app.command(
    "positions", help="The futures positions." + _LOOK.format(name="positions")
)
def positions(*, config: Config = None, as_json: AsJson = False) -> None:
    """Show positions."""
    _look("positions", config, as_json=as_json)


@loans_app.command(
    "loans", help="What is owed, principal and interest." + _LOOK.format(name="loans")
)
def loans(*, config: Config = None, as_json: AsJson = False) -> None:
    """Show loans."""
    _look("loans", config, as_json=as_json)


@orders_app.command(
    "orders", help="The orders that rest." + _LOOK.format(name="orders")
)
def orders(*, config: Config = None, as_json: AsJson = False) -> None:
    """Show open orders."""
    _look("orders", config, as_json=as_json)


def _look(what: str, config: Path | None, *, as_json: bool) -> None:
    settings = read_settings(config)
    with _waiting("Reading the account"):
        overview = asyncio.run(_overview(settings, what))
    if as_json:
        sys.stdout.write(json.dumps(account_document(overview, what)) + "\n")
        return
    Console().print(account_table(overview, what))


def _waiting(what: str) -> AbstractContextManager[object]:
    """Something that moves on a terminal's standard error while it takes its time."""
    console = Console(stderr=True)
    return console.status(f"{what} ...") if console.is_terminal else nullcontext()


async def _overview(settings: Settings, what: str) -> Overview:
    async with connected(settings) as connection:
        await connection.clock.measure(connection.client)
        return await read_overview(connection.client, lists_orders=what == "orders")


@borrow_app.command("borrow", help=_BORROW_HELP)
def borrow(
    coin: Coin,
    amount: Amount,
    *,
    account: Account = "margin",
    config: Config = None,
    journal: JournalPath = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Borrow a coin into a margin account, all of it or nothing."""
    request = {"do": "borrow", "coin": coin, "amount": amount, "account": account}
    _do(request, config, journal, is_preview=dry_run, as_json=as_json)


@repay_app.command("repay", help=_REPAY_HELP)
def repay(
    coin: Coin,
    amount: Annotated[str, typer.Argument(help="How much, or `all`.")],
    *,
    account: Account = "margin",
    config: Config = None,
    journal: JournalPath = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Repay a coin from the same account's balance; interest goes first."""
    request = {"do": "repay", "coin": coin, "amount": amount, "account": account}
    _do(request, config, journal, is_preview=dry_run, as_json=as_json)


@transfer_app.command("transfer", help=_TRANSFER_HELP)
def transfer(
    coin: Coin,
    amount: Amount,
    source: Annotated[str, typer.Argument(help="main, spot, margin, futures, a pair.")],
    target: Annotated[str, typer.Argument(help="Where it goes.")],
    *,
    config: Config = None,
    journal: JournalPath = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Move a coin between two accounts of yours."""
    request = {
        "do": "transfer",
        "coin": coin,
        "amount": amount,
        "source": source,
        "target": target,
    }
    _do(request, config, journal, is_preview=dry_run, as_json=as_json)


@cancel_all_app.command("cancel-all", help=_CANCEL_ALL_HELP)
def cancel_all(
    *,
    config: Config = None,
    journal: JournalPath = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Cancel every order that rests, yours and foreign ones."""
    _do({"do": "cancel-all"}, config, journal, is_preview=dry_run, as_json=as_json)


@flatten_app.command("flatten", help=_FLATTEN_HELP)
def flatten(
    *,
    spot: Annotated[
        bool, typer.Option("--spot", help="Sell the coins of the spot account too.")
    ] = False,
    config: Config = None,
    journal: JournalPath = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Close everything that can be liquidated: orders, positions, loans."""
    request = {"do": "flatten", "spot": "yes" if spot else "no"}
    _do(request, config, journal, is_preview=dry_run, as_json=as_json)


@rest_stops_app.command("rest-stops", help=_REST_STOPS_HELP)
def rest_stops(
    *, config: Config = None, journal: JournalPath = None, as_json: AsJson = False
) -> None:
    """Let stops rest again after a cancel-all."""
    _do({"do": "rest-stops"}, config, journal, is_preview=False, as_json=as_json)


def _do(
    request: Mapping[str, str],
    config: Path | None,
    journal: Path | None,
    *,
    is_preview: bool,
    as_json: bool,
) -> None:
    check_words(request)
    settings = read_settings(config)
    if not is_preview and not settings.is_live_armed:
        raise RefusedError(
            "This sends real requests: set GNOMON_LIVE=yes in .env, or look first "
            "with --dry-run."
        )
    wanted = {**request, "dry_run": "yes" if is_preview else "no"}
    with _waiting("Asking the running bot, or opening the account"):
        answer = asyncio.run(operate(settings, journal_of(settings, journal), wanted))
    if as_json:
        sys.stdout.write(json.dumps(answer) + "\n")
    else:
        Console().print(done_table(answer))
    if not answer.get("is_done"):
        would = "would be" if is_preview else "was"
        raise RefusedError(f"Not everything {would} done; the answer says why.")
