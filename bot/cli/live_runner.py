"""Runs a live session for the command line: screens, alerts, the operator's desk.

Everything that watches the session is an observer of its engine; the session itself
comes from the composition root. Signals end it in order: nothing new is begun, what
is under way is waited for, and what is still open is looked up by the next start.
"""

import asyncio
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loguru import logger

from bot.cli.ending import Ending
from bot.cli.live_alerts import Drained, last_words, notifier_of, unjournaled
from bot.cli.live_screen import QuietScreen, session_screen
from bot.cli.logs import open_log
from bot.cli.screen import Screen
from bot.compose_live import LiveOptions, connected, open_session
from bot.domain.entries import Entry, RunEnded
from bot.domain.events import Event
from bot.engine.core import Step
from bot.engine.loop import Observer
from bot.engine.operator import OperatorDesk
from bot.live_start import LiveSession
from bot.report.alerts import Alerts
from bot.report.live_end import live_summary, live_words
from bot.report.recorder import Recorder
from bot.report.tally import Tally
from bot.settings import Settings
from connectors.system.clock import nap
from connectors.system.control import ControlServer, control_path
from connectors.system.memory import keep_for_good
from connectors.system.schedules import parse_duration

__all__ = ["RunLive", "ended", "journal_of", "run_live", "served"]

_PATIENCE_S: Final = 120.0
_EVERYTHING: Final = frozenset({"cancel-all", "flatten"})
"""Requests before which all that rests is listed anew."""


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


async def run_live(asked: RunLive) -> signal.Signals | None:
    """Trade until a signal, the end of the time asked for, or an error.

    Returns:
        The signal that ended it, None when it ended by itself.
    """
    limit = None if asked.duration is None else parse_duration(asked.duration)
    rate = float(asked.settings.clock_rate)
    limit_s = None if limit is None else limit.total_seconds() / rate
    journal = journal_of(asked.settings, asked.journal)
    is_shown = not asked.as_json and sys.stdout.isatty()
    open_log(journal.parent, is_quiet=asked.as_json or is_shown)
    ending = Ending()
    try:
        tally = await _session(asked, journal, ending, limit_s)
    except asyncio.CancelledError:
        if ending.signal is None:
            raise
        logger.warning("Ended at once; the next start looks up what is open.")
        return ending.signal
    finally:
        ending.close()
    if asked.as_json:
        document = {**live_summary(tally), "journal": str(journal)}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.write(live_words(tally, str(journal)))
    return ending.signal


async def _session(
    asked: RunLive, journal: Path, ending: Ending, limit_s: float | None
) -> Tally:
    """Open the account, run, and write the journal's last row."""
    options = LiveOptions(
        journal=journal,
        uid=asked.uid,
        is_guarded=asked.is_guarded,
        has_strategies=asked.has_strategies,
        is_withdraw_accepted=asked.is_withdraw_accepted,
        is_open_ip_accepted=asked.is_open_ip_accepted,
    )
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(connected(asked.settings))
        notifier = notifier_of(asked.settings, stack)
        session = await stack.enter_async_context(open_session(connection, options))
        await stack.enter_async_context(last_words(notifier))
        logger.info(
            "Account {} is open, {} bookings were caught up; the journal is {}.",
            session.uid,
            session.caught_up,
            journal,
        )
        tally = await _watched(session, asked, journal, stack, notifier)
        ending.follow(session, limit_s)
        keep_for_good()
        await session.run()
        tally.close(session.engine.state.shadow)
        ended(session, live_summary(tally))
        return tally


def ended(session: LiveSession, summary: Mapping[str, object]) -> None:
    """Write the last row of a session that ended in order."""
    body = RunEnded(reason="stopped", summary=json.dumps(summary))
    session.journal.append([Entry(at=session.world.now(), body=body)])
    session.journal.commit()


async def _watched(
    session: LiveSession,
    asked: RunLive,
    journal: Path,
    stack: AsyncExitStack,
    notifier: Drained,
) -> Tally:
    """Put everybody who watches beside the engine; gives the sums of the session."""
    shadow = session.engine.state.shadow
    tally, recorder = Tally(shadow), Recorder(shadow)
    view = _view(session, asked)
    stack.callback(view.stop)
    alerts = Alerts(notifier)
    session.engine.stand_by(unjournaled(notifier))
    session.listeners.append(alerts.note)
    observers = await served(session, journal, stack, asked.settings)
    observers += [tally, recorder, alerts, view.observer(tally, recorder)]
    session.engine.watch(observers)
    return tally


async def served(
    session: LiveSession, journal: Path, stack: AsyncExitStack, settings: Settings
) -> list[Observer]:
    """The rows made durable at every step, and the operator's desk.

    Args:
        session: It is open.
        journal: Beside it the running process can be spoken to.
        stack: Closes what is opened here.
        settings: Say how fast the exchange's time goes, and how old a mark may be.
    """

    def keep(moment: Sequence[Event], step: Step) -> None:
        if step.entries:
            session.engine.keep()

    async def pause(seconds: float) -> None:
        await nap(seconds / float(settings.clock_rate))

    desk = OperatorDesk(
        session.engine,
        session.put,
        session.world.now,
        pause=pause,
        patience_s=_PATIENCE_S,
        fresh=settings.limits.mark_stale_after,
    )

    async def answer(request: Mapping[str, object]) -> Mapping[str, object]:
        is_listed = request.get(
            "do"
        ) not in _EVERYTHING or await session.relisting.fresh(
            session.world.waker.touch_held, nap
        )
        found = await desk.answer(request)
        return found if is_listed else {**found, **_unlisted(found)}

    control = await ControlServer.open(control_path(journal), answer)
    stack.push_async_callback(control.close)
    return [keep, desk]


def _unlisted(found: Mapping[str, object]) -> Mapping[str, object]:
    """What is added to an answer when KuCoin did not say what rests now."""
    rows = found.get("requests")
    row = {
        "id": None,
        "what": "list every order and stop anew",
        "state": "refused",
        "done": "0",
        "reason": "KuCoin did not list them in time: something may rest unseen.",
    }
    return {"requests": [*(rows if isinstance(rows, list) else ()), row]} | {
        "is_done": False
    }


def _view(session: LiveSession, asked: RunLive) -> Screen:
    if asked.as_json or not sys.stdout.isatty():
        return QuietScreen()
    return session_screen(session, asked.settings, is_guarded=asked.is_guarded)
