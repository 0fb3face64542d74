"""``gnomon calibrate``: our formulas beside a small live account, step by step.

Prints the steps, or walks through them and writes each observation down as a vector.
Who reads and who sends is decided by the factory that the command is made with.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bot.cli.calibrate_file import VectorFile
from bot.cli.calibrate_runner import Calibration, Hands
from bot.cli.journal_options import JsonOption
from bot.cli.journal_view import note, print_json, print_table
from bot.domain.errors import UsageError
from bot.report.calibration_plan import STEPS
from bot.settings import Settings, read_settings
from connectors.kucoin.answers import Rest

__all__ = ["Bench", "Opened", "calibrate_app", "show"]

_EXAMPLES: Final = """\
Examples:

  gnomon calibrate --dry-run

  gnomon calibrate --symbol XBTUSDTM --out vectors.json

It needs an empty futures account in cross mode with room for a few lots, and live
orders that are armed. Whatever it places it takes away again, also after an error. A
calibration that was interrupted goes on when it is asked for again.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A live account to calibrate on."""

    rest: Rest
    hands: Hands
    now: Callable[[], datetime]
    pause: Callable[[float], Awaitable[None]]


Opened = Callable[[Settings, str], AbstractAsyncContextManager[Bench]]
"""Opens a live account for the settings in force and one contract, until the end."""


def calibrate_app(opened: Opened) -> typer.Typer:
    """The command, on the accounts that ``opened`` gives.

    Args:
        opened: Only entered when something is to be read or sent.
    """
    app = typer.Typer(add_completion=False)

    @app.command("calibrate", epilog=_EXAMPLES)
    def calibrate(
        *,
        symbol: Annotated[
            str, typer.Option(help="A contract in cross mode.")
        ] = "XBTUSDTM",
        out: Annotated[
            Path | None, typer.Option(help="The file of vectors; grown, never lost.")
        ] = None,
        steps_only: Annotated[
            bool, typer.Option("--dry-run", help="Print the steps, and do nothing.")
        ] = False,
        config: Annotated[
            Path | None,
            typer.Option(help="Settings; gnomon.toml here when it exists."),
        ] = None,
        as_object: JsonOption = False,
    ) -> None:
        """Compare the bot's formulas with a small live account."""
        file = None if out is None else VectorFile.open(out)
        if steps_only:
            show({} if file is None else file.done, as_object=as_object)
            return
        if file is None:
            raise UsageError("Name the file of vectors with --out, or use --dry-run.")
        asyncio.run(_run(opened, read_settings(config), symbol, file))
        show(file.done, as_object=as_object)

    return app


async def _run(
    opened: Opened, settings: Settings, symbol: str, file: VectorFile
) -> None:
    async with opened(settings, symbol) as bench:
        calibration = Calibration(
            rest=bench.rest,
            hands=bench.hands,
            symbol=symbol,
            file=file,
            now=bench.now,
            pause=bench.pause,
            say=note,
        )
        await calibration.run()


def show(done: dict[str, list[dict[str, object]]], *, as_object: bool) -> None:
    """Print the steps and, of those that are done, every number beside ours."""
    rows = [row for step in STEPS for row in _rows(step.name, done)]
    steps = [
        {"step": step.name, "done": step.name in done, "what": step.sentence}
        for step in STEPS
    ]
    if as_object:
        print_json({"steps": steps, "numbers": rows})
        return
    headings = {"step": "step", "done": "done", "what": "what is done and compared"}
    words = [{**each, "done": "yes" if each["done"] else ""} for each in steps]
    print_table("steps of a calibration", headings, words)
    if rows:
        names = ("step", "what", "stated", "own", "error", "agrees")
        print_table("numbers", {name: name for name in names}, rows)
        differ = sum(row["agrees"] == "no" for row in rows)
        sys.stdout.write(f"{len(rows)} numbers, {differ} beyond their tolerance\n")


def _rows(step: str, done: dict[str, list[dict[str, object]]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for vector in done.get(step, []):
        expected, own = vector.get("expected"), vector.get("own")
        if not isinstance(expected, dict) or not isinstance(own, dict):
            continue
        for what, stated in expected.items():
            found.append(
                {
                    "step": step,
                    "what": what,
                    "stated": stated,
                    "own": own.get(what),
                    "error": vector.get("error"),
                    "agrees": "yes" if vector.get("agrees") else "no",
                }
            )
    return found
