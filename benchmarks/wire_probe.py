"""The bot of ``bench_wire_latency.py``: a live session that notes its own times.

It is the session of ``gnomon live`` with the same observers; a few of our functions
are wrapped to time the stages, requests are timed by the hooks of the HTTP client.
ccxt is not touched. All times are of the monotonic clock, which every process of the
machine shares.
"""

import asyncio
import gc
import json
import resource
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import aiohttp

import bot.engine.admitting as engine_admitting
import bot.engine.lookout as engine_lookout
import bot.engine.work as engine_work
from bot.cli import live_runner
from bot.cli.live_runner import RunLive
from bot.cli.logs import open_log
from bot.compose_live import LiveOptions, open_session
from bot.domain.events import Event, MarksTicked
from bot.domain.intents import CancelStop, PlaceStop
from bot.engine.core import Core, Step
from bot.engine.loop import Engine
from bot.live_start import Connection, LiveSession
from bot.settings import Settings, settings_from
from connectors.kucoin.client import open_client
from connectors.kucoin.exchange_clock import ExchangeClock
from connectors.kucoin.gateway import Gateway
from connectors.kucoin.mark_slot import MarkSlot
from connectors.kucoin.socket_link import Link
from connectors.kucoin.wire import SignedKucoin, Wire
from connectors.kucoin.world import LiveWorld
from connectors.system.clock import nap
from connectors.system.memory import keep_for_good
from connectors.system.notify import LogNotifier
from storage.journal import SqliteJournal

__all__ = ["run_bot"]

_NOW: Final = time.monotonic
_CURED_BY: Final = Decimal("0.0005")
_STAGES: Final = (
    (engine_lookout, "measure_subjects", "measure"),
    (engine_work, "judge", "judge"),
    (engine_work, "cure_round", "plan"),
    (engine_admitting, "admit", "admit"),
    (engine_lookout.Lookout, "numbers", "glance"),
    (Core, "step", "step"),
    (SqliteJournal, "append", "append"),
    (SqliteJournal, "commit", "commit"),
    (Link, "_take", "decode"),
    (LiveWorld, "_take", "feed"),
    (MarkSlot, "take", "slot"),
    (SignedKucoin, "sign", "sign"),
)

_INSIDE: Final = (
    *("measure", "judge", "plan", "admit", "step"),
    *("append", "commit", "used"),
)
"""The stages of a step until its verdict; the last is processor time of all."""


class Probe:
    """What was seen: one row for each tick, one for each request."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.came: list[tuple[float, str, float]] = []
        self.taken: list[tuple[float, str, float]] = []
        self.ticks: list[dict[str, Any]] = []
        self.sends: dict[str, dict[str, float]] = {}
        self.moments = 0
        self.collections: list[tuple[float, int, float]] = []
        """When each began, of which generation, and how long it took."""
        self.decided_s = 0.0
        """When the last step's verdict stood, before anybody who watches."""
        self._at_decision: dict[str, float] = {}
        self._collecting_s = 0.0

    def timed(self, owner: Any, name: str, stage: str) -> None:
        """Add the time that a function takes to a stage."""
        inner: Callable[..., Any] = getattr(owner, name)

        def outer(*given: Any, **named: Any) -> Any:
            began = _NOW()
            try:
                return inner(*given, **named)
            finally:
                self.spent[stage] = self.spent.get(stage, 0.0) + _NOW() - began

        setattr(owner, name, outer)

    def install(self) -> None:
        """Wrap what is timed."""
        for owner, name, stage in _STAGES:
            self.timed(owner, name, stage)
        self._follow_marks()
        self._follow_steps()
        self._follow_requests()
        gc.callbacks.append(self._collected)

    def _collected(self, phase: str, facts: dict[str, int]) -> None:
        if phase == "start":
            self._collecting_s = _NOW()
        else:
            spent = _NOW() - self._collecting_s
            self.collections.append((_NOW(), facts["generation"], spent))

    def _follow_marks(self) -> None:
        """Remember which frames each tick is made of."""
        slot: Any = MarkSlot
        take, put_margin, put_contract = slot.take, slot.put_margin, slot.put_contract

        def margin(self_: Any, mark: Any, received_s: float = 0.0, *more: Any) -> None:
            topic = f"/indicator/markPrice:{mark.base}-{mark.quote}"
            self.came.append((received_s, topic, time.thread_time()))
            put_margin(self_, mark, received_s, *more)

        def contract(self_: Any, mark: Any, at_s: float = 0.0, *more: Any) -> None:
            topic = f"/contract/instrument:{mark.symbol}"
            self.came.append((at_s, topic, time.thread_time()))
            put_contract(self_, mark, at_s, *more)

        def taken(self_: Any) -> Any:
            self.taken, self.came = self.came, []
            return take(self_)

        slot.take, slot.put_margin, slot.put_contract = taken, margin, contract

    def _follow_steps(self) -> None:
        handle = Engine.handle

        def outer(engine: Engine, moment: Sequence[Event]) -> Step:
            before, began, used = dict(self.spent), _NOW(), time.thread_time()
            step = handle(engine, moment)
            self.moments += 1
            before["used"] = used
            if any(isinstance(event, MarksTicked) for event in moment):
                self._tick(before, began, _NOW(), step)
            return step

        Engine.handle = outer

    def _tick(
        self, before: dict[str, float], began: float, ended: float, step: Step
    ) -> None:
        frames = [frame for frame in self.taken if frame[0]]
        self.taken = []
        if not frames:
            return  # marks that were read by a request
        newest_s, newest, used = max(frames)
        stops = PlaceStop | CancelStop
        asked = [each for each in step.approved if not isinstance(each.intent, stops)]
        self.ticks.append(
            {
                "oldest_s": min(frames)[0],
                "newest_s": newest_s,
                "newest": newest,
                "frames": len(frames),
                "used_then": used,
                "used_at_verdict": self._at_decision["used"],
                "began_s": began,
                "decided_s": self.decided_s,
                "ended_s": ended,
                "approved": [each.intent_id for each in asked],
                "kinds": [type(each.intent).__name__ for each in asked],
                "rows": len(step.entries),
                "spent": {
                    stage: self._at_decision.get(stage, 0.0) - before.get(stage, 0.0)
                    for stage in _INSIDE
                },
                "taking": {
                    stage: self.spent.pop(stage, 0.0)
                    for stage in ("decode", "feed", "slot")
                },
            }
        )

    def decided(self, moment: Sequence[Event], step: Step) -> None:
        """The first of the observers: the verdict stands; approved rows are durable."""
        self.decided_s = _NOW()
        self._at_decision = {**self.spent, "used": time.thread_time()}

    def _follow_requests(self) -> None:
        """When the task of a request begins, and when it is to be signed."""
        gateway: Any = Gateway
        run, send = gateway._run, Wire.send  # noqa: SLF001 - the bench's own probe

        async def running(self_: Any, approved: Any) -> None:
            self.sends[approved.intent_id] = {"task_s": _NOW()}
            await run(self_, approved)

        async def sending(self_: Any, *given: Any) -> Any:
            oid = given[1].get("clientOid") if len(given) > 1 else None
            if oid in self.sends:
                self.sends[oid]["signing_s"] = _NOW()
            return await send(self_, *given)

        gateway._run = running  # noqa: SLF001 - the bench's own probe
        Wire.send = sending

    def traces(self) -> aiohttp.TraceConfig:
        """The hooks of the HTTP client: connection and bytes of each request."""
        config = aiohttp.TraceConfig()

        async def created(_: Any, about: SimpleNamespace, __: Any) -> None:
            about.connected = True

        async def headers(_: Any, about: SimpleNamespace, __: Any) -> None:
            about.headers_s = _NOW()

        async def chunk(_: Any, about: SimpleNamespace, sent: Any) -> None:
            oid = _client_oid(sent.chunk)
            if oid in self.sends and "written_s" not in self.sends[oid]:
                self.sends[oid]["headers_s"] = about.headers_s
                self.sends[oid]["written_s"] = _NOW()
                self.sends[oid]["used"] = time.thread_time()
                self.sends[oid]["new_line"] = getattr(about, "connected", False)

        config.on_connection_create_end.append(created)
        config.on_request_headers_sent.append(headers)
        config.on_request_chunk_sent.append(chunk)
        return config


def _client_oid(body: bytes) -> str:
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    return str(found.get("clientOid", "")) if isinstance(found, dict) else ""


async def _session(
    environment: dict[str, str], uid: str, seconds: float, probe: Probe, journal: Path
) -> LiveSession:
    settings = _eager(settings_from(environment, {}))
    clock = ExchangeClock(rate=settings.clock_rate)
    client = open_client(
        key=settings.api_key.reveal(),
        secret=settings.api_secret.reveal(),
        passphrase=settings.api_passphrase.reveal(),
        spot_url=settings.spot_url,
        futures_url=settings.futures_url,
        clock=clock,
        traces=[probe.traces()],
    )
    connection = Connection(client=client, clock=clock, settings=settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(client.close)
        options = LiveOptions(journal=journal, uid=uid)
        session = await stack.enter_async_context(open_session(connection, options))
        await _watched(session, probe, _asked(settings, uid, journal), stack)
        ending = asyncio.create_task(_stop_after(session, seconds))
        stack.callback(ending.cancel)
        keep_for_good()
        await session.run()
        return session


async def _watched(
    session: LiveSession, probe: Probe, asked: RunLive, stack: AsyncExitStack
) -> None:
    """The observers of ``gnomon live``, with the probe before them."""
    assert asked.journal is not None
    watched = live_runner._watched  # noqa: SLF001 - exactly the observers of the command
    await watched(session, asked, asked.journal, stack, LogNotifier())
    theirs = session.engine._observers  # noqa: SLF001 - the same
    session.engine.watch([probe.decided, *theirs])


def _eager(settings: Settings) -> Settings:
    """A guard that cures little and often, so that many marks lead to a decision."""
    guard = replace(
        settings.guard,
        target_distance=settings.guard.act_distance + _CURED_BY,
        target_distance_alt=settings.guard.act_distance_alt + _CURED_BY,
        cooldown=timedelta(0),
        chunk_pause=timedelta(0),
    )
    return replace(settings, guard=guard)


def _asked(settings: Settings, uid: str, journal: Path) -> RunLive:
    return RunLive(
        settings=settings,
        uid=uid,
        journal=journal,
        duration=None,
        is_guarded=True,
        has_strategies=False,
        is_withdraw_accepted=False,
        is_open_ip_accepted=False,
        as_json=True,
    )


async def _stop_after(session: LiveSession, seconds: float) -> None:
    await nap(seconds)
    session.stop()


def run_bot(
    environment: dict[str, str], uid: str, seconds: float, folder: Path
) -> None:
    """Trade for some seconds; ``seen.json`` then says what was measured."""
    probe = Probe()
    probe.install()
    journal = folder / "runs" / "journal.sqlite"
    journal.parent.mkdir()
    open_log(journal.parent, is_quiet=True)
    began, used = _NOW(), time.process_time()
    asyncio.run(_session(environment, uid, seconds, probe, journal))
    found = {
        "ticks": probe.ticks,
        "sends": probe.sends,
        "moments": probe.moments,
        "collections": probe.collections,
        "seconds": _NOW() - began,
        "cpu_seconds": time.process_time() - used,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    (folder / "seen.json").write_text(json.dumps(found), encoding="utf-8")
