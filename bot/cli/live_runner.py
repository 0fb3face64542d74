"""Runs a live session for the command line: screens, alerts, the operator's desk.

Everything that watches the session is an observer of its engine; the session itself
comes from the composition root. Signals end it in order: nothing new is begun, what
is under way is waited for, and what is still open is looked up by the next start.
"""

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loguru import logger

from bot.cli.live_screen import LiveView, QuietView, View
from bot.cli.logs import open_log
from bot.compose_live import LiveOptions, connected, open_session
from bot.domain.entries import Entry, RunEnded
from bot.domain.events import Event
from bot.engine.core import Step
from bot.engine.loop import Observer
from bot.engine.operator import OperatorDesk
from bot.live_start import LiveSession
from bot.ports import Notifier
from bot.report.alerts import alerts_of
from bot.report.recorder import Recorder
from bot.report.tally import Tally
from bot.settings import Settings
from connectors.system.clock import nap
from connectors.system.control import ControlServer, control_path
from connectors.system.notify import AddressNotifier, LogNotifier
from connectors.system.schedules import parse_duration

__all__ = ["RunLive", "journal_of", "run_live", "served"]

_PATIENCE_S: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLive:
    """What was asked for on the command line."""

    settings: Settings
    uid: str
    journal: Path | None
    duration: str | None
    is_guarded: bool
    has_strategies: bool
    is_withdraw_accepted: bool
    is_open_ip_accepted: bool
    as_json: bool


def journal_of(settings: Settings, named: Path | None) -> Path:
    """The journal of the live bot: as named, as set, else in its own folder."""
    if named is not None:
        return named
    return Path(settings.journal or "runs/live/journal.sqlite")


async def run_live(asked: RunLive) -> None:
    """Trade until a signal, the end of the time asked for, or an error."""
    settings = asked.settings
    limit = None if asked.duration is None else parse_duration(asked.duration)
    journal = journal_of(settings, asked.journal)
    open_log(journal.parent, is_quiet=asked.as_json or sys.stdout.isatty())
    options = LiveOptions(
        journal=journal,
        uid=asked.uid,
        is_guarded=asked.is_guarded,
        has_strategies=asked.has_strategies,
        is_withdraw_accepted=asked.is_withdraw_accepted,
        is_open_ip_accepted=asked.is_open_ip_accepted,
    )
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(connected(settings))
        session = await stack.enter_async_context(open_session(connection, options))
        logger.info(
            "Account {} is open at {}; {} bookings were caught up.",
            session.uid,
            session.opened_at.isoformat(),
            session.caught_up,
        )
        summary = await _watched(session, asked, journal, stack)
        if limit is not None:
            rate = float(settings.clock_rate)
            ending = asyncio.create_task(
                _end_after(session, limit.total_seconds() / rate)
            )
            stack.callback(ending.cancel)
        _on_signals(session)
        await session.run()
        document = summary()
        body = RunEnded(reason="stopped", summary=json.dumps(document))
        session.journal.append([Entry(at=session.world.now(), body=body)])
        session.journal.commit()
    if asked.as_json:
        sys.stdout.write(json.dumps({**document, "journal": str(journal)}) + "\n")


async def _watched(
    session: LiveSession, asked: RunLive, journal: Path, stack: AsyncExitStack
) -> Callable[[], Mapping[str, object]]:
    """Put everybody who watches beside the engine; gives the summary's maker."""
    shadow = session.engine.state.shadow
    tally, recorder = Tally(shadow), Recorder(shadow)
    view = _view(session, asked)
    stack.callback(view.stop)
    observers = await served(session, journal, stack)
    observers += [tally, recorder, _alerts(_notifier(asked.settings, stack))]
    session.engine.watch([*observers, view.observer(tally, recorder)])

    def summary() -> Mapping[str, object]:
        tally.close(session.engine.state.shadow)
        return tally.summary()

    return summary


async def served(
    session: LiveSession, journal: Path, stack: AsyncExitStack
) -> list[Observer]:
    """The rows made durable at every step, and the operator's desk."""

    def keep(moment: Sequence[Event], step: Step) -> None:
        if step.entries:
            session.journal.commit()

    desk = OperatorDesk(
        session.engine, session.put, session.world.now, patience_s=_PATIENCE_S
    )
    control = await ControlServer.open(control_path(journal), desk.answer)
    stack.push_async_callback(control.close)
    return [keep, desk]


def _view(session: LiveSession, asked: RunLive) -> View:
    if asked.as_json or not sys.stdout.isatty():
        return QuietView()
    return LiveView(session, asked.settings.guard, is_guarded=asked.is_guarded)


def _notifier(settings: Settings, stack: AsyncExitStack) -> Notifier:
    if not settings.alert_urls:
        return LogNotifier()
    notifier = AddressNotifier([url.reveal() for url in settings.alert_urls])
    task = asyncio.create_task(notifier.send_all())
    stack.callback(task.cancel)
    return notifier


def _alerts(notifier: Notifier) -> Observer:
    def observe(moment: Sequence[Event], step: Step) -> None:
        for level, sentence in alerts_of(moment, step):
            notifier.notify(level, sentence)

    return observe


async def _end_after(session: LiveSession, seconds: float) -> None:
    await nap(seconds)
    session.stop()


def _on_signals(session: LiveSession) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, session.stop)
