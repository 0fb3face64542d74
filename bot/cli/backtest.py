"""``gnomon backtest``: a replay of strategies that charges everything they would pay.

The same engine and venue as ``gnomon replay``; beside it runs the same account without
strategies. Fees, spread, depth, latency, interest and funding are the venue's; what
will happen is not there to be seen: the market is walked through, instant by instant.
With ``--json`` standard output holds exactly one object.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from bot.cli.backtest_view import backtest_view, facts_of
from bot.cli.inputs import RunOptions, plan_of
from bot.cli.outcome import Outcome, Watched, outcome_of, write_report
from bot.cli.run import (
    AsJson,
    BorrowX,
    Config,
    End,
    Force,
    JournalPath,
    Scenario,
    Seed,
    Start,
)
from bot.cli.screen import ProgressLine
from bot.compose import NullJournal, Plan, open_journal, simulate
from bot.domain.entries import Entry, Noted, RunEnded
from bot.domain.errors import UsageError
from bot.domain.events import Event
from bot.engine.asking import FAULT
from bot.engine.core import Step
from bot.engine.loop import Engine, Observer
from bot.ports import Journal
from bot.report.backtest import BacktestMeter
from bot.report.recorder import Recorder
from bot.report.tally import Tally
from connectors.system.clock import FreePacer

__all__ = ["backtest_app"]

_HELP: Final = """
Replay the strategies of the settings on a market and charge them everything.

Net return is on the whole capital: the equity of all accounts, reserve included.
Without `--account` it begins with 32,000 USDT in four accounts.

Examples:

    gnomon backtest market.toml --config gnomon.toml

    gnomon backtest markets/2023 --account account.toml --json

    gnomon backtest --scenario year --config gnomon.toml --report year.html
"""
_ACCOUNT: Final = Path(__file__).parents[2] / "connectors/venue/trial_account.toml"

Market = Annotated[
    str | None,
    typer.Argument(help="A market's manifest (TOML) or a folder with market.toml."),
]
Account = Annotated[Path | None, typer.Option(help="The starting account (TOML).")]
Report = Annotated[Path | None, typer.Option(help="The HTML report; else runs/.")]

backtest_app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@backtest_app.command("backtest", help=_HELP)
def backtest(
    *,
    market: Market = None,
    scenario: Scenario = None,
    account: Account = None,
    config: Config = None,
    journal: JournalPath = None,
    report: Report = None,
    start: Start = None,
    end: End = None,
    seed: Seed = 1,
    borrow_x: BorrowX = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Run the strategies and print what they earned."""
    if market is None and scenario is None:
        raise UsageError("Name a market, or a synthetic one with --scenario.")
    options = RunOptions(
        world="replay",
        market=market,
        scenario=scenario,
        account=account or _ACCOUNT,
        config=config,
        journal=journal,
        start=start,
        end=end,
        seed=seed,
        speed=0,
        borrow_x=borrow_x,
        is_guarded=True,
        has_strategies=True,
        force=force or journal is None,
        as_json=as_json,
    )
    _run(options, report)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ran:
    """A run with its figures, and the faults of its strategies."""

    watched: Watched
    meter: BacktestMeter
    faults: list[str]


def _run(options: RunOptions, report: Path | None) -> None:
    plan = plan_of(options)
    if not plan.strategies:
        raise UsageError(
            "The settings switch no strategy on; name one in a [strategy.NAME] table."
        )
    folder = Path("runs") / f"backtest-{plan.name}"
    path = options.journal or folder / "journal.sqlite"
    page = report or path.with_name("report.html")
    idle = replace(plan, strategies=())
    without = asyncio.run(_watch(idle, NullJournal(), "without the strategies"))
    with closing(open_journal(plan, path, force=options.force)) as journal:
        ran = asyncio.run(_watch(plan, journal, "with the strategies"))
        outcome = outcome_of(plan, ran.watched, None, path, page)
        answer = _answer(plan, outcome, ran, without)
        facts = (*facts_of(answer), *outcome.report.facts)
        write_report(
            replace(outcome, report=replace(outcome.report, facts=facts)), page
        )
        at = max(ran.watched.ended_at, plan.market.description.end)
        summary = json.dumps(ran.watched.tally.summary())
        journal.append(
            [Entry(at=at, body=RunEnded(reason="end of market", summary=summary))]
        )
        journal.commit()
    if options.as_json:
        sys.stdout.write(json.dumps(answer, indent=2) + "\n")
        return
    Console(highlight=False).print(backtest_view(answer))
    for sentence in ran.faults:
        sys.stderr.write(f"gnomon: {sentence}\n")


async def _watch(plan: Plan, journal: Journal, label: str) -> _Ran:
    """Run to the end as fast as it goes."""
    described, faults = plan.market.description, list[str]()
    line = ProgressLine(
        label, described.start, described.end, is_shown=sys.stderr.isatty()
    )
    made: list[tuple[Tally, Recorder, BacktestMeter]] = []

    def heed(moment: Sequence[Event], step: Step) -> None:
        for entry in step.entries:
            if isinstance(entry.body, Noted) and entry.body.topic == FAULT:
                faults.append(entry.body.text)

    def observers(engine: Engine) -> Sequence[Observer]:
        tally, recorder = Tally(engine.state.shadow), Recorder(engine.state.shadow)
        meter = BacktestMeter(tally, strategies=plan.strategies)
        made.append((tally, recorder, meter))
        return [tally, recorder, meter, heed, line.observer(tally, recorder)]

    try:
        simulation = await simulate(plan, journal, FreePacer(), observers)
        await simulation.finish()
    finally:
        line.stop()
    tally, recorder, meter = made[0]
    tally.close(simulation.engine.state.shadow)
    meter.close(tally.end)
    watched = Watched(
        engine=simulation.engine,
        ended_at=simulation.world.now(),
        tally=tally,
        recorder=recorder,
    )
    return _Ran(watched=watched, meter=meter, faults=faults)


def _answer(
    plan: Plan, outcome: Outcome, ran: _Ran, without: _Ran
) -> dict[str, object]:
    """The object that ``--json`` prints."""
    told, other = outcome.summary, without.meter.answer()
    kept = ("orders", "fills", "loans", "liquidations", "guard_actions")
    return {
        "market": plan.market.description.name,
        "title": plan.market.description.title,
        **ran.meter.answer(),
        **{name: told[name] for name in kept},
        "max_debt_ratio": told["max_debt_ratio"],
        "max_risk_rate": told["max_risk_rate"],
        "naked": told["naked"],
        "strategies": [strategy.name for strategy in plan.strategies],
        "faults": ran.faults,
        "without_strategies": {
            name: other[name]
            for name in ("equity_end", "net_return", "drawdown", "pnl")
        },
        "derived": told["derived"],
        "assumptions": list(plan.assumptions),
        "journal": told["journal"],
        "report": told["report"],
    }
