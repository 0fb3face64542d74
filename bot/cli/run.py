"""``gnomon replay``: run a simulation to its end, as fast as it goes.

It reads the inputs, asks the composition root for a run, shows it, and prints the
summary. With ``--json`` standard output holds exactly one object. The options that
``gnomon paper`` shares are declared here. Nothing here decides anything about trading.
"""

from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli.runner import RunOptions, run

__all__ = [
    "Account",
    "AsJson",
    "BorrowX",
    "Config",
    "End",
    "Force",
    "JournalPath",
    "NoGuard",
    "NoStrategies",
    "Scenario",
    "Start",
    "replay_app",
]

_REPLAY_HELP: Final = """
Replay a recorded or synthetic market as fast as it goes, with the same engine.

Examples:

    gnomon replay --market window.toml --account account.toml

    gnomon replay --market window.toml --account account.toml --no-guard --json

    gnomon replay --scenario crash --seed 3 --json
"""

Market = Annotated[
    str | None,
    typer.Option(help="A market's manifest (TOML) or a folder with market.toml."),
]
Scenario = Annotated[
    str | None,
    typer.Option(
        help="A synthetic market: calm, trend, crash, squeeze, depeg, funding-flip."
    ),
]
Account = Annotated[
    Path | None, typer.Option(help="The starting account (TOML); else the built-in.")
]
Config = Annotated[
    Path | None, typer.Option(help="Settings; gnomon.toml here when it exists.")
]
JournalPath = Annotated[
    Path | None, typer.Option("--journal", help="Journal file; else runs/NAME-SEED.")
]
Start = Annotated[
    str | None, typer.Option(help="Begin later, RFC 3339 with zone, in the window.")
]
End = Annotated[str | None, typer.Option(help="End earlier, RFC 3339 with zone.")]
Seed = Annotated[int, typer.Option(help="Decides every chance of the run.", min=0)]
BorrowX = Annotated[
    str | None, typer.Option(help="Multiplies the assumed borrow rates, such as 3.")
]
NoGuard = Annotated[bool, typer.Option("--no-guard", help="Switch the guard off.")]
NoStrategies = Annotated[
    bool, typer.Option("--no-strategies", help="Switch all strategies off.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Keep the old journal aside and start anew.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

replay_app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@replay_app.command("replay", help=_REPLAY_HELP)
def replay(
    *,
    market: Market = None,
    scenario: Scenario = None,
    account: Account = None,
    config: Config = None,
    journal: JournalPath = None,
    start: Start = None,
    end: End = None,
    seed: Seed = 1,
    borrow_x: BorrowX = None,
    no_guard: NoGuard = False,
    no_strategies: NoStrategies = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Replay a market as fast as it goes."""
    run(
        RunOptions(
            world="replay",
            market=market,
            scenario=scenario,
            account=account,
            config=config,
            journal=journal,
            start=start,
            end=end,
            seed=seed,
            speed=0,
            borrow_x=borrow_x,
            is_guarded=not no_guard,
            has_strategies=not no_strategies,
            force=force,
            as_json=as_json,
        )
    )
