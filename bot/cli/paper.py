"""``gnomon paper``: trade on paper, on a market of ours or on KuCoin's live one.

It reads the inputs, asks the composition root for a run, shows it, and prints the
summary. With ``--json`` standard output holds exactly one object. Nothing here
decides anything about trading.
"""

from typing import Annotated, Final

import typer

from bot.cli.live_market import run_live_market
from bot.cli.run import (
    Account,
    AsJson,
    BorrowX,
    Config,
    End,
    Force,
    JournalPath,
    NoGuard,
    NoStrategies,
    Scenario,
    Start,
)
from bot.cli.runner import RunOptions, run

__all__ = ["paper_app"]

_PAPER_HELP: Final = """
Trade on paper against a simulated exchange. No key, no real money.

Without `--market` it plays the embedded crash: a levered account, the guard, and
what the exchange would have done without it. With `--market kucoin` it trades on
KuCoin's live prices: public data only, no key is read. A run that was cut short goes
on where its journal ends.

Examples:

    gnomon paper

    gnomon paper --scenario squeeze --seed 7 --speed 600

    gnomon paper --market window.toml --account account.toml --json

    gnomon paper --market kucoin --account account.toml --for 8h
"""

PaperMarket = Annotated[
    str | None,
    typer.Option(
        help="A manifest (TOML), a folder with market.toml, or kucoin: the live market."
    ),
]
PaperSeed = Annotated[
    int | None, typer.Option(help="Decides every chance of the run, else 1.", min=0)
]
Duration = Annotated[
    str | None,
    typer.Option("--for", help="End a live run by itself after 90s, 10m or 8h."),
]
Speed = Annotated[
    float | None,
    typer.Option(
        help="Market seconds a second; 0 is as fast as it goes. Else about 50 s."
    ),
]
paper_app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@paper_app.command("paper", help=_PAPER_HELP)
def paper(
    *,
    market: PaperMarket = None,
    scenario: Scenario = None,
    account: Account = None,
    config: Config = None,
    journal: JournalPath = None,
    start: Start = None,
    end: End = None,
    seed: PaperSeed = None,
    duration: Duration = None,
    speed: Speed = None,
    borrow_x: BorrowX = None,
    no_guard: NoGuard = False,
    no_strategies: NoStrategies = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Paper-trade a market at a chosen speed."""
    options = RunOptions(
        world="paper",
        market=market,
        scenario=scenario,
        account=account,
        config=config,
        journal=journal,
        start=start,
        end=end,
        seed=1 if seed is None else seed,
        is_seeded=seed is not None,
        duration=duration,
        speed=speed,
        borrow_x=borrow_x,
        is_guarded=not no_guard,
        has_strategies=not no_strategies,
        force=force,
        as_json=as_json,
    )
    (run_live_market if options.is_live_market else run)(options)
