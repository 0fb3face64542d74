"""Runs ``gnomon paper --market kucoin``: paper trading on the live public market.

The session comes from the composition root; here it is watched, ended in order by a
signal or by ``--for``, and summed up as every other run is. The report is written
before the journal says that the run has ended. Nothing here decides about trading.
"""

import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from bot.cli.inputs import (
    RunOptions,
    account_of,
    journal_path,
    refuse_folder,
    report_path,
)
from bot.cli.outcome import Outcome, Watched, outcome_of, show, write_report
from bot.cli.screen import ProgressLine, Screen, market_screen
from bot.cli.sentences import say
from bot.compose import Plan
from bot.compose_paper import GUARDED, TWIN, PaperSession, open_paper
from bot.domain.entries import Entry, RunEnded
from bot.domain.errors import UsageError
from bot.engine.loop import Observer
from bot.paper_plan import NAME, ListenedMarket, PaperAsked
from bot.report.recorder import Recorder
from bot.report.tally import Tally
from bot.settings import read_settings
from connectors.system.clock import nap
from connectors.system.schedules import parse_duration

__all__ = ["run_live_market"]

_INTERRUPTED: Final = 130
_CODES: Final = {signal.SIGINT: _INTERRUPTED, signal.SIGTERM: 0}
_REASONS: Final = {signal.SIGINT: "interrupted", signal.SIGTERM: "stopped"}


def run_live_market(options: RunOptions) -> None:
    """Do the whole run, print its summary and exit with its code."""
    asked = _asked(options)
    outcome, code = asyncio.run(_run(asked, options))
    if outcome is None:
        say("Stopped before the run had begun.")
    else:
        show(outcome, as_json=options.as_json)
    if code:
        sys.exit(code)


def _asked(options: RunOptions) -> PaperAsked:
    """The run on the live market that was asked for.

    Raises:
        UsageError: An option makes no sense there, or an input is wrong.
    """
    _refuse_on_live(options)
    duration = None if options.duration is None else parse_duration(options.duration)
    asked = PaperAsked(
        account=account_of(options),
        settings=read_settings(options.config),
        duration=duration,
        is_guarded=options.is_guarded,
        has_strategies=options.has_strategies,
        force=options.force,
        is_own_folder=options.journal is None,
    )
    refuse_folder(journal_path(options, NAME))
    refuse_folder(report_path(options, NAME))
    return asked


def _refuse_on_live(options: RunOptions) -> None:
    """A live market has no beginning, end, speed or chance that could be chosen."""
    if options.scenario is not None:
        raise UsageError("Give --market or --scenario, not both.")
    senseless = {
        "--start": (options.start, "it begins now"),
        "--end": (options.end, "its end is not known; use --for"),
        "--speed": (options.speed, "it is as fast as the exchange"),
        "--seed": (options.is_seeded or None, "its prices are no chance of ours"),
        "--borrow-x": (
            options.borrow_x,
            "it is no study; set borrow.multiplier in gnomon.toml for another rate",
        ),
    }
    for option, (given, reason) in senseless.items():
        if given is not None:
            raise UsageError(
                f"{option} makes no sense with --market kucoin, the live market: "
                f"{reason}."
            )


async def _run(asked: PaperAsked, options: RunOptions) -> tuple[Outcome | None, int]:
    """The outcome and the exit code; no outcome where a signal came too early."""
    ending = _Ending()
    ending.listen()
    try:
        return await _session(asked, options, ending), ending.code
    except asyncio.CancelledError:
        if not ending.is_early:
            raise
        return None, ending.code


async def _session(
    asked: PaperAsked, options: RunOptions, ending: "_Ending"
) -> Outcome:
    path, report = journal_path(options, NAME), report_path(options, NAME)
    async with open_paper(asked, path) as session:
        ending.ends(session)
        watched = await _watched(session, asked, options, ending)
        plan = _ended(session.plan, watched[GUARDED])
        outcome = outcome_of(plan, watched[GUARDED], watched.get(TWIN), path, report)
        write_report(outcome, report)
        _end(session, watched[GUARDED], ending.reason)
    return outcome


class _Ending:
    """What ends the run: a signal, or the time that was asked for."""

    def __init__(self) -> None:
        self._session: PaperSession | None = None
        self._task: asyncio.Task[object] | None = None
        self.reason = "end of the time asked for"
        self.code = 0
        self.is_early = False
        """Whether a signal came before there was anything to end in order."""

    def listen(self) -> None:
        """Take SIGINT and SIGTERM from now on."""
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in _CODES:
            loop.add_signal_handler(number, self._told, number)

    def ends(self, session: PaperSession) -> None:
        """From now on this session is ended in order."""
        self._session = session

    def _told(self, number: signal.Signals) -> None:
        self.reason, self.code = _REASONS[number], _CODES[number]
        if self._session is not None:
            self._session.stop()
        elif self._task is not None:
            self.is_early = True
            self._task.cancel()

    async def after(self, duration: timedelta, rate: float) -> None:
        """Stop when so much of the exchange's time has passed."""
        await nap(duration.total_seconds() / rate)
        if self._session is not None:
            self._session.stop()


async def _watched(
    session: PaperSession, asked: PaperAsked, options: RunOptions, ending: _Ending
) -> dict[str, Watched]:
    """Run to the end with a tally and a recorder at each seat and one screen."""
    made: dict[str, tuple[Tally, Recorder]] = {}
    for name, seat in session.seats.items():
        shadow = seat.engine.state.shadow
        made[name] = (Tally(shadow), Recorder(shadow))
    twin = made[TWIN][1] if TWIN in made else None
    screen = _screen(session.plan, asked, options, twin)
    for name, observers in made.items():
        watching: Sequence[Observer] = observers
        if name == GUARDED:
            watching = [*observers, screen.observer(*observers)]
        session.watch(name, watching)
    await _to_the_end(session, asked, ending, screen)
    return {
        name: _seen(session, name, tally, recorder)
        for name, (tally, recorder) in made.items()
    }


async def _to_the_end(
    session: PaperSession, asked: PaperAsked, ending: _Ending, screen: Screen
) -> None:
    timer: asyncio.Task[None] | None = None
    if asked.duration is not None:
        rate = float(asked.settings.clock_rate)
        timer = asyncio.create_task(ending.after(asked.duration, rate))
    try:
        await session.run()
    finally:
        screen.stop()
        if timer is not None:
            timer.cancel()


def _seen(
    session: PaperSession, name: str, tally: Tally, recorder: Recorder
) -> Watched:
    seat = session.seats[name]
    tally.close(seat.engine.state.shadow)
    return Watched(
        engine=seat.engine, ended_at=seat.table.now(), tally=tally, recorder=recorder
    )


def _ended(plan: Plan, watched: Watched) -> Plan:
    """The plan of a market whose end is known now."""
    described = replace(plan.market.description, end=watched.ended_at)
    market = ListenedMarket(description=described, first=plan.market.first_prices())
    return replace(plan, market=market)


def _end(session: PaperSession, watched: Watched, reason: str) -> None:
    """The last row: the run ended, with its summary (no path of this machine)."""
    body = RunEnded(reason=reason, summary=json.dumps(watched.tally.summary()))
    session.journal.append([Entry(at=watched.ended_at, body=body)])
    session.journal.commit()


def _screen(
    plan: Plan, asked: PaperAsked, options: RunOptions, twin: Recorder | None
) -> Screen:
    if not options.as_json and sys.stdout.isatty():
        return market_screen(plan, float(asked.settings.clock_rate), twin)
    described = plan.market.description
    is_shown = asked.duration is not None and sys.stderr.isatty()
    return ProgressLine("live", described.start, described.end, is_shown=is_shown)
