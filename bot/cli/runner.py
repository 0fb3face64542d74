"""Runs a simulation for the command line: inputs, twin, live view, summary.

The twin is the same account on the same market without the guard; it runs first
and fast, so that the live view can show both. Progress and views go to standard
error or to a terminal, the summary to standard output. The report is written
before the journal says that the run has ended, so that a run which was killed at
any point is started again with the same words. Decisions about trading are made
elsewhere.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

from bot.cli.inputs import RunOptions, journal_path, plan_of, report_path, speed_of
from bot.cli.outcome import Watched, outcome_of, show, write_report
from bot.cli.screen import ProgressLine, Screen, market_screen
from bot.compose import NullJournal, Plan, open_journal, simulate
from bot.domain.entries import Entry, RunEnded
from bot.domain.errors import UsageError
from bot.engine.loop import Engine, Observer
from bot.ports import Journal
from bot.report.recorder import Recorder
from bot.report.tally import Tally
from connectors.system.clock import FreePacer, Pacer, WallPacer
from storage.opening import decide

__all__ = ["RunOptions", "run"]


def run(options: RunOptions) -> None:
    """Do the whole run and print its summary."""
    plan = plan_of(options)
    path, report = journal_path(options, plan.name), report_path(options, plan.name)
    with closing(open_journal(plan, path, force=_forced(options, plan))) as journal:
        twin = _twin(plan, options) if plan.is_guarded else None
        watched = asyncio.run(_main(plan, options, journal, twin))
        outcome = outcome_of(plan, watched, twin, path, report)
        write_report(outcome, report)
        _end(plan, watched, journal)
    show(outcome, as_json=options.as_json)


def _forced(options: RunOptions, plan: Plan) -> bool:
    """A named journal is only replaced by --force; our own folder keeps the old one.

    The old journal is kept beside the new one in either case.
    """
    if options.force or options.journal is not None:
        return options.force
    try:
        decide(journal_path(options, plan.name), plan.header)
    except UsageError:
        return True
    return False


def _twin(plan: Plan, options: RunOptions) -> Watched:
    """The same run without the guard, as fast as it goes, remembered nowhere."""
    unguarded = replace(plan, is_guarded=False)
    progress = _progress(plan, "without the guard")
    return asyncio.run(_watch(unguarded, NullJournal(), FreePacer(), progress, None))


async def _main(
    plan: Plan, options: RunOptions, journal: Journal, twin: Watched | None
) -> Watched:
    speed = speed_of(options, plan)
    pacer: Pacer = WallPacer(speed) if speed else FreePacer()
    screen = _screen(plan, options, speed, twin)
    return await _watch(plan, journal, pacer, screen, _free_while(journal, pacer))


def _free_while(journal: Journal, pacer: Pacer) -> Observer | None:
    """A resumed run passes its past at full speed."""
    if not isinstance(pacer, WallPacer) or not _is_rederiving(journal):
        return None
    paced = pacer
    paced.set_free(is_free=True)

    def observe(moment: object, step: object) -> None:
        paced.set_free(is_free=_is_rederiving(journal))

    return observe


def _is_rederiving(journal: Journal) -> bool:
    return bool(getattr(journal, "is_replaying", False))


async def _watch(
    plan: Plan,
    journal: Journal,
    pacer: Pacer,
    screen: Screen,
    extra: Observer | None,
) -> Watched:
    """Run to the end with a tally, a recorder and a screen watching."""
    made: list[tuple[Tally, Recorder]] = []

    def observers(engine: Engine) -> Sequence[Observer]:
        tally, recorder = Tally(engine.state.shadow), Recorder(engine.state.shadow)
        made.append((tally, recorder))
        chosen: list[Observer] = [tally, recorder, screen.observer(tally, recorder)]
        return [*chosen, extra] if extra is not None else chosen

    try:
        simulation = await simulate(plan, journal, pacer, observers)
        await simulation.finish()
    finally:
        screen.stop()
    tally, recorder = made[0]
    tally.close(simulation.engine.state.shadow)
    return Watched(
        engine=simulation.engine,
        ended_at=simulation.world.now(),
        tally=tally,
        recorder=recorder,
    )


def _end(plan: Plan, watched: Watched, journal: Journal) -> None:
    """The last row: the run ended, with its summary (no path of this machine)."""
    at = max(watched.ended_at, plan.market.description.end)
    body = RunEnded(reason="end of market", summary=json.dumps(watched.tally.summary()))
    journal.append([Entry(at=at, body=body)])
    journal.commit()


def _screen(
    plan: Plan, options: RunOptions, speed: float, twin: Watched | None
) -> Screen:
    if speed and not options.as_json and sys.stdout.isatty():
        return market_screen(plan, speed, None if twin is None else twin.recorder)
    return _progress(plan, "with the guard" if plan.is_guarded else "running")


def _progress(plan: Plan, label: str) -> Screen:
    described = plan.market.description
    return ProgressLine(
        label, described.start, described.end, is_shown=sys.stderr.isatty()
    )
