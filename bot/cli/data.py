"""``gnomon data fetch``: recorded market data from KuCoin's public side.

Reads the options, opens a client without a key, fetches, and says what came of it.
Progress goes to standard error; standard output gets the answer.
"""

import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from bot.cli.journal_options import JsonOption, read_instant
from bot.cli.journal_view import print_json, print_pairs
from bot.domain.errors import UsageError
from bot.settings import Settings, read_settings
from connectors.kucoin.answers import Rest
from connectors.kucoin.archive_fetch import Fetched, fetch
from connectors.kucoin.archive_plan import FetchPlan, plan_fetch
from connectors.kucoin.client import open_client
from connectors.kucoin.exchange_clock import ExchangeClock

__all__ = ["Public", "app", "fetched"]

app = typer.Typer(add_completion=False, no_args_is_help=True)

_EXAMPLES: Final = """\
Examples:

  gnomon data fetch --symbols BTC,ETH --from 2026-10-01 --to 2026-10-08 --out btc-eth

  gnomon data fetch --symbols XBTUSDTM --from 2026-10-01T12:00:00Z \\
      --to 2026-10-01T18:00:00Z --bars 5m --out crash

  gnomon replay --market btc-eth

No key is needed. A fetch that was interrupted goes on when it is asked for again.
"""


@app.callback()
def _root() -> None:
    """Market data of KuCoin, kept on disk in the layout that replays."""


@dataclass(frozen=True, slots=True)
class Public:
    """The exchange's public side: its requests and its time."""

    rest: Rest
    now: Callable[[], datetime]


Opened = Callable[[Settings], AbstractAsyncContextManager[Public]]
"""Opens the public side for the settings in force."""


@asynccontextmanager
async def _public(settings: Settings) -> Any:
    """KuCoin itself, or the address that the settings name."""
    clock = ExchangeClock(settings.clock_rate)
    client = open_client(
        key="",
        secret="",
        passphrase="",
        spot_url=settings.spot_url,
        futures_url=settings.futures_url,
        clock=clock,
        vip=settings.vip,
    )
    try:
        await clock.measure(client)
        yield Public(client, clock.now)
    finally:
        await client.close()


@app.command("fetch", epilog=_EXAMPLES)
def fetch_command(
    *,
    symbols: Annotated[
        str, typer.Option(help="Coins, pairs or contracts, with commas between.")
    ],
    begin: Annotated[
        str, typer.Option("--from", help="First bar: RFC 3339, or a date (UTC).")
    ],
    to: Annotated[str, typer.Option("--to", help="No bar opens here or later.")],
    out: Annotated[Path, typer.Option(help="The folder that becomes the market.")],
    bars: Annotated[
        str, typer.Option(help="Length of a bar: 1m, 5m, 15m, 30m, 1h or 4h.")
    ] = "1m",
    with_index: Annotated[
        bool, typer.Option("--with-index", help="Keep index and premium too.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option(help="Settings; gnomon.toml here when it exists.")
    ] = None,
    as_object: JsonOption = False,
) -> None:
    """Fetch candles, marks and funding of some coins into a folder."""
    start, end = read_instant(begin, "--from"), read_instant(to, "--to")
    if start is None or end is None:
        raise UsageError("--from and --to must both be given.")

    def plan(now: datetime) -> FetchPlan:
        words = [word for word in symbols.split(",") if word.strip()]
        return plan_fetch(words, start, end, bars, now=now, has_index=with_index)

    done = asyncio.run(fetched(read_settings(config), plan, out))
    if as_object:
        print_json(_answer(done))
    else:
        print_pairs(f"fetched into {out}", _answer(done))
        sys.stdout.write(f"Replay it with: gnomon replay --market {out}\n")


async def fetched(
    settings: Settings,
    plan: Callable[[datetime], FetchPlan],
    out: Path,
    opened: Opened = _public,
) -> Fetched:
    """Open the exchange, fetch what is planned at its time, and close it."""
    async with opened(settings) as public:
        wanted = plan(public.now())
        with _Bars() as shown:
            return await fetch(public.rest, wanted, out, shown.told)


def _answer(done: Fetched) -> dict[str, Any]:
    return {
        "manifest": str(done.manifest),
        "bars": done.bars,
        "settlements": done.settlements,
        "widened": done.widened,
        "missing": list(done.missing),
    }


@dataclass(slots=True)
class _Bars:
    """A progress bar for each series, on standard error."""

    shown: Progress = field(
        default_factory=lambda: Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=Console(stderr=True),
            transient=not sys.stderr.isatty(),
            disable=not sys.stderr.isatty(),
        )
    )
    tasks: dict[str, TaskID] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.shown.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shown.stop()

    def told(self, series: str, done: int, total: int) -> None:
        """How far one series is."""
        if series not in self.tasks:
            self.tasks[series] = self.shown.add_task(series, total=total)
        self.shown.update(self.tasks[series], completed=done)
