"""``gnomon venue serve``: the simulated exchange over the network, on this machine.

It reads the inputs, asks the composition root for a process and runs it. When both
hosts listen, standard output gets exactly one line of JSON: where they are and with
which keys. Nothing here decides anything.
"""

import asyncio
import math
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.compose import paper_account
from bot.compose_venue import ServeOptions, compose_venue
from bot.domain.errors import UsageError
from bot.ports import Market
from connectors.markets.recorded import open_market
from connectors.markets.synthetic import open_scenario
from connectors.venue.account_file import load_account
from connectors.venue.server.fault_script import FaultScript, parse_script
from connectors.venue.server.key_file import load_keys

__all__ = ["venue_app"]

venue_app = typer.Typer(
    help="The simulated exchange, served on this machine.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

_HELP: Final = """
Serve the simulated exchange in KuCoin's own dialect on 127.0.0.1: spot and margin on
one port, futures on the next. When it is ready it prints one line of JSON with the
addresses and two API keys. End it with Ctrl-C or SIGTERM.

Examples:

    gnomon venue serve --scenario crash --port 8080

    gnomon venue serve --market window.toml --account account.toml --clock x60

    gnomon venue serve --port 0 --faults faults.toml --books end.toml
"""

_MAX_BYTES: Final = 1_000_000


@venue_app.callback()
def _root() -> None:
    """The simulated exchange, served on this machine."""


@venue_app.command("serve", help=_HELP)
def serve(
    *,
    port: Annotated[
        int, typer.Option(help="Of spot; futures get the next. 0: free ones.", min=0)
    ] = 8080,
    market: Annotated[
        Path | None, typer.Option(help="A market's manifest (TOML) or its folder.")
    ] = None,
    scenario: Annotated[
        str | None, typer.Option(help="A synthetic market; crash if none is named.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="Begin later in --market, RFC 3339 with zone.")
    ] = None,
    account: Annotated[
        Path | None, typer.Option(help="The account (TOML); else the built-in.")
    ] = None,
    clock: Annotated[
        str, typer.Option(help="real, or xN for N market seconds a second.")
    ] = "real",
    seed: Annotated[int, typer.Option(help="Decides chances and keys.", min=0)] = 1,
    faults: Annotated[
        Path | None, typer.Option(help="What shall go wrong (TOML, docs/venue.md).")
    ] = None,
    fault_log: Annotated[
        Path | None, typer.Option(help="Where each fault is written, JSON lines.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(help="API keys (TOML); else from the seed.")
    ] = None,
    books: Annotated[
        Path | None, typer.Option(help="Where the account goes at the end.")
    ] = None,
) -> None:
    """Serve until a signal."""
    process = compose_venue(
        ServeOptions(
            market=_market(market, scenario, seed, start),
            account=paper_account() if account is None else load_account(account),
            port=_port(port),
            speed=_speed(clock),
            seed=seed,
            script=_script(faults),
            keys=() if keys is None else load_keys(keys),
            books=books,
            fault_log=fault_log,
        )
    )
    sys.exit(asyncio.run(process.run(_say)))


def _say(line: str) -> None:
    """The one line on standard output."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _market(
    manifest: Path | None, scenario: str | None, seed: int, start: str | None
) -> Market:
    if manifest is not None and scenario is not None:
        raise UsageError("Give --market or --scenario, not both.")
    if manifest is not None:
        return open_market(manifest, start=_time(start))
    if start is not None:
        raise UsageError("--start chooses a part of a --market; name one.")
    return open_scenario(scenario or "crash", seed)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.utcoffset() is None:
        raise UsageError(
            "--start must be a time with a zone such as 2025-10-10T21:00:00Z, was "
            f"{text!r}."
        )
    return when.astimezone(UTC)


def _port(port: int) -> int:
    highest = 65534
    if port > highest:
        raise UsageError(f"--port must be 0 to {highest}, was {port}.")
    return port


def _speed(clock: str) -> float:
    """Market seconds a real second."""
    if clock == "real":
        return 1.0
    try:
        speed = float(clock.removeprefix("x")) if clock.startswith("x") else math.nan
    except ValueError:
        speed = math.nan
    if not (math.isfinite(speed) and speed > 0):
        raise UsageError(f"--clock must be real or xN such as x60, was {clock!r}.")
    return speed


def _script(path: Path | None) -> FaultScript:
    if path is None:
        return FaultScript()
    try:
        raw = path.read_bytes()
        if len(raw) > _MAX_BYTES:
            raise UsageError(f"{path} is larger than {_MAX_BYTES} bytes.")
        return parse_script(raw.decode("utf-8"), str(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
