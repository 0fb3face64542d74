"""Runs a simulation for the command line: inputs, twin, live view, summary.

The twin is the same account on the same market without the guard; it runs first
and fast, so that the live view can show both. Progress and views go to standard
error or to a terminal, the summary to standard output. Files are written whole
or not at all. Decisions about trading are made elsewhere.
"""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from rich.console import Console

from bot.cli.screen import LiveScreen, ProgressLine, Screen
from bot.compose import (
    NullJournal,
    Plan,
    Simulation,
    open_journal,
    paper_account,
    plan_run,
    simulate,
)
from bot.domain.entries import Entry, RunEnded
from bot.domain.errors import UsageError
from bot.domain.money import decimal_from
from bot.engine.loop import Engine, Observer
from bot.ports import Journal, Market
from bot.report.build import Sources, build_report
from bot.report.html import render_html
from bot.report.recorder import Recorder
from bot.report.tally import Tally
from bot.report.terminal import render_end
from bot.settings import Settings, read_settings
from connectors.markets.recorded import open_market
from connectors.markets.synthetic import open_scenario
from connectors.system.clock import FreePacer, Pacer, WallPacer
from connectors.venue.account_file import AccountFile, load_account
from storage.opening import decide

__all__ = ["RunOptions", "run"]

_PAPER_SECONDS: Final = 50
"""How long a paper run takes when no speed is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the command line asked for."""

    world: str
    market: str | None
    scenario: str | None
    account: Path | None
    config: Path | None
    journal: Path | None
    start: str | None
    end: str | None
    seed: int
    speed: float | None
    borrow_x: str | None
    is_guarded: bool
    has_strategies: bool
    force: bool
    as_json: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watched:
    """A run with those who watched it."""

    simulation: Simulation
    tally: Tally
    recorder: Recorder


def run(options: RunOptions) -> None:
    """Do the whole run and print its summary."""
    settings = read_settings(options.config)
    plan = _plan(options, settings)
    journal_path = _journal_path(options, plan)
    journal = open_journal(
        plan, journal_path, force=_forced(options, plan, journal_path)
    )
    twin = _twin(plan, options) if plan.is_guarded else None
    watched = asyncio.run(_main(plan, options, journal, twin))
    _finish(plan, options, watched, twin, journal_path)


def _plan(options: RunOptions, settings: Settings) -> Plan:
    market = _market(options, settings)
    return plan_run(
        world=options.world,
        market=market,
        account=_account(options),
        settings=settings,
        seed=options.seed,
        is_guarded=options.is_guarded,
        has_strategies=options.has_strategies,
    )


def _account(options: RunOptions) -> AccountFile:
    return paper_account() if options.account is None else load_account(options.account)


def _market(options: RunOptions, settings: Settings) -> Market:
    if options.market is not None and options.scenario is not None:
        raise UsageError("Give --market or --scenario, not both.")
    borrow_x = settings.borrow.multiplier
    if options.borrow_x is not None:
        try:
            borrow_x = decimal_from(options.borrow_x, "--borrow-x")
        except ValueError as error:
            raise UsageError(f"{error}.") from None
    if options.market is None:
        if options.start is not None or options.end is not None:
            raise UsageError("--start and --end choose a part of a --market.")
        return open_scenario(
            options.scenario or "crash", options.seed, borrow_x=borrow_x
        )
    return _recorded(options.market, options, borrow_x)


def _recorded(name: str, options: RunOptions, borrow_x: Decimal) -> Market:
    if name == "kucoin":
        raise UsageError(
            "--market kucoin needs the live connector, which this version does not "
            "have yet; name a manifest, or use --scenario."
        )
    return open_market(
        Path(name),
        start=_time(options.start, "--start"),
        end=_time(options.end, "--end"),
        borrow_x=borrow_x,
    )


def _time(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise UsageError(
            f"{option} must be a time with a zone such as 2025-10-10T21:00:00Z, "
            f"was {text!r}."
        )
    return when.astimezone(UTC)


# -- the journal ----------------------------------------------------------


def _journal_path(options: RunOptions, plan: Plan) -> Path:
    if options.journal is not None:
        return options.journal
    return Path("runs") / plan.name / "journal.sqlite"


def _forced(options: RunOptions, plan: Plan, path: Path) -> bool:
    """A named journal is only replaced by --force; our own folder keeps the old one.

    The old journal is kept beside the new one in either case.
    """
    if options.force:
        return True
    try:
        decide(path, plan.header)
    except UsageError:
        if options.journal is not None:
            raise
        return True
    return False


# -- running --------------------------------------------------------------


def _twin(plan: Plan, options: RunOptions) -> _Watched:
    """The same run without the guard, as fast as it goes, remembered nowhere."""
    unguarded = replace(plan, is_guarded=False)
    progress = _progress(options, "without the guard")
    return asyncio.run(_watch(unguarded, NullJournal(), FreePacer(), progress, None))


async def _main(
    plan: Plan, options: RunOptions, journal: Journal, twin: _Watched | None
) -> _Watched:
    speed = options.speed
    if speed is None:
        speed = max(plan.duration.total_seconds() / _PAPER_SECONDS, 0.001)
    if speed < 0:
        raise UsageError(f"--speed must be 0 or more, was {speed}.")
    pacer: Pacer = WallPacer(speed) if speed else FreePacer()
    screen = _screen(plan, options, speed, twin)
    try:
        watched = await _watch(
            plan, journal, pacer, screen, _free_while(journal, pacer)
        )
        _end(plan, watched, journal)
    finally:
        screen.stop()
        journal.close()
    return watched


def _free_while(journal: Journal, pacer: Pacer) -> Observer | None:
    """A resumed run passes its past at full speed."""
    if not isinstance(pacer, WallPacer) or not getattr(journal, "is_replaying", False):
        return None
    paced = pacer
    paced.set_free(is_free=True)

    def observe(moment: object, step: object) -> None:
        paced.set_free(is_free=bool(getattr(journal, "is_replaying", False)))

    return observe


async def _watch(
    plan: Plan,
    journal: Journal,
    pacer: Pacer,
    screen: Screen,
    extra: Observer | None,
) -> _Watched:
    """Run to the end with a tally, a recorder and a screen watching."""
    made: list[tuple[Tally, Recorder]] = []

    def observers(engine: Engine) -> Sequence[Observer]:
        tally, recorder = Tally(engine.state.shadow), Recorder(engine.state.shadow)
        made.append((tally, recorder))
        chosen: list[Observer] = [tally, recorder, screen.observer(tally, recorder)]
        return [*chosen, extra] if extra is not None else chosen

    simulation = await simulate(plan, journal, pacer, observers)
    await simulation.finish()
    tally, recorder = made[0]
    tally.close(simulation.engine.state.shadow)
    screen.stop()
    return _Watched(simulation=simulation, tally=tally, recorder=recorder)


def _end(plan: Plan, watched: _Watched, journal: Journal) -> None:
    """The last row: the run ended, with its summary (no path of this machine)."""
    at = max(watched.simulation.world.now(), plan.market.description.end)
    body = RunEnded(reason="end of market", summary=json.dumps(watched.tally.summary()))
    journal.append([Entry(at=at, body=body)])
    journal.commit()


# -- what a person sees ---------------------------------------------------


def _screen(
    plan: Plan, options: RunOptions, speed: float, twin: _Watched | None
) -> Screen:
    if speed and not options.as_json and sys.stdout.isatty():
        return LiveScreen(plan, speed, None if twin is None else twin.recorder)
    return _progress(options, "with the guard" if plan.is_guarded else "running")


def _progress(options: RunOptions, label: str) -> Screen:
    return ProgressLine(label, is_shown=sys.stderr.isatty() and not options.as_json)


def _finish(
    plan: Plan,
    options: RunOptions,
    watched: _Watched,
    twin: _Watched | None,
    journal_path: Path,
) -> None:
    report_path = journal_path.with_name(
        "report.html" if options.journal is None else f"{journal_path.stem}.html"
    )
    own = watched.tally.summary()
    other = own if twin is None else twin.tally.summary()
    summary = _summary(plan, own, other, journal_path, report_path)
    report = build_report(
        watched.recorder,
        Sources(
            title=plan.market.description.title,
            world=plan.world,
            header=plan.header,
            description=plan.market.description,
            assumptions=plan.assumptions,
            notices=_notices(watched),
            summary=summary,
            twin=None if twin is None else twin.recorder,
            guard=watched.simulation.engine.state.guard,
            journal_path=str(journal_path),
            report_path=str(report_path),
        ),
    )
    _write_whole(report_path, render_html(report))
    if options.as_json:
        sys.stdout.write(json.dumps(summary, indent=2) + "\n")
        return
    Console().print(render_end(report, Console().width))


def _notices(watched: _Watched) -> tuple[str, ...]:
    """What the reader must know first: thresholds that were eased at the opening."""
    subjects = watched.simulation.engine.state.guard.subjects
    return tuple(
        f"{name} opened nearer to liquidation than its act distance: the guard acts "
        f"at {state.thresholds.act * 100:.1f} % and restores "
        f"{state.thresholds.target * 100:.1f} %"
        for name, state in sorted(subjects.items())
        if state.thresholds.is_adapted
    )


_TWIN_KEYS: Final = (
    "equity_end",
    "equity_min",
    "liquidations",
    "max_debt_ratio",
    "max_risk_rate",
    "pnl",
)


def _summary(
    plan: Plan,
    own: Mapping[str, object],
    other: Mapping[str, object],
    journal_path: Path,
    report_path: Path,
) -> dict[str, object]:
    derived = [
        f"{instrument.coin}: {note}"
        for instrument in plan.market.description.instruments
        for note in instrument.derived
    ]
    return {
        **own,
        "derived": derived,
        "journal": str(journal_path),
        "report": str(report_path),
        "without_guard": {key: other[key] for key in _TWIN_KEYS},
    }


def _write_whole(path: Path, text: str) -> None:
    """Write a file whole: beside its place first, then moved into it."""
    beside = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise UsageError(f"The report {path} cannot be written: {error}.") from None
