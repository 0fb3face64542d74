"""A served venue with switches, for the fault campaign.

The venue is that of ``gnomon venue serve``, on its own ports, with three additions:
its faults begin and end when they are told to, every request is written down as it
arrives (before any fault touches it), and at every mark the distance to liquidation
of each endangered account is written down too. It answers nothing by itself.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final

from aiohttp import web

from bot.compose_venue import ServeOptions, compose_venue
from bot.domain.events import Event, LedgerBooked, MarksTicked
from bot.ports import Market
from bot.risk.measure import measure_subjects
from bot.shadow.state import Shadow
from connectors.markets.scenarios import Scenario, Shape
from connectors.markets.synthetic import SyntheticMarket, open_scenario
from connectors.venue.account_file import load_account
from connectors.venue.server.calls import Route
from connectors.venue.server.fault_script import (
    FaultScript,
    Halt,
    RestRule,
    WebsocketRule,
    family_of,
    parse_script,
)
from connectors.venue.server.faults import FaultLog, Faults, FrameDice
from connectors.venue.server.front import Front
from connectors.venue.server.incidents import Incidents, check_script
from connectors.venue.server.process import Process
from connectors.venue.server.sockets import mount as mount_sockets

__all__ = ["Arrival", "Episode", "World", "drawn_script", "open_world"]

ACCOUNT: Final = """\
vip = 8

[main]
USDT = "5000"

[spot]
USDT = "20000"

[margin_cross]
leverage = "5"
balance = {USDT = "400", BTC = "@6000"}
principal = {USDT = "4800"}

[margin_isolated."BTC-USDT"]
leverage = "5"
balance = {USDT = "4000", BTC = "0.02"}

[futures]
wallet = {USDT = "12000"}
"""
"""A cross account 24 % above its liquidation, money everywhere else."""

SETTINGS: Final = """\
[costs]
vip = 8

[limits]
max_daily_loss = "0.9"
max_daily_turnover = "1000"

[guard]
cooldown_s = 30

[strategy.carry]
kind = "funding_arbitrage"
schedule = "every 10s"
coins = ["ETH", "SOL"]
spot_account = "spot"
notional_usdt = "6000"
chunk_usdt = "300"
hold_h = 720
min_carry = "0"
pause_s = 10

[strategy.hedge]
kind = "beta_hedge"
schedule = "every 15s"
accounts = ["margin_cross"]
hedge_symbol = "XBTUSDTM"
band_usdt = "60"
band_share = "0.005"
max_cost_share = "1"

[strategy.sweep]
kind = "auto_repay"
schedule = "every 20s"
coins = ["USDT"]
keep_usdt = "1000"
"""

_STORY: Final = {
    "duration_s": 1800,
    "mark_interval_s": 1,
    "market": Shape(
        move=(-0.22, -0.17),
        onset=(0.03, 0.04),
        length=(0.025, 0.035),
        retrace=(0.1, 0.3),
        jump_share=0.3,
    ),
    "premium": Shape(move=(0.0012, 0.0014), length=(0.01, 0.02)),
    "noise_bound": 0.004,
    "noise_rate": 25.0,
}
"""A fall of about a fifth: it begins 54 to 72 s after the start, and takes a minute."""


def small_market(seed: int) -> Market:
    """Three coins, a mark a second, and a fall that the guard must meet."""
    base = open_scenario("crash", seed, coins=("BTC", "ETH", "SOL"))
    scenario: Scenario = replace(base.scenario, name="fall", **_STORY)
    market: SyntheticMarket = replace(
        base,
        scenario=scenario,
        marks=scenario.duration_s + 1,
        interval_s=1,
        description=replace(
            base.description,
            end=base.description.start + timedelta(seconds=scenario.duration_s),
        ),
    )
    return market


def drawn_script(path: Path, seed: int) -> FaultScript:
    """The script with each chance cut to a share that the seed draws for its rule."""
    script = parse_script(path.read_text(encoding="utf-8"), path.name)
    dice = Random(f"{path.stem}/{seed}")

    def cut(rule: Any) -> Any:
        return replace(rule, rate=rule.rate * dice.uniform(0.5, 1.0))

    rest: tuple[RestRule, ...] = tuple(cut(rule) for rule in script.rest)
    pushes: tuple[WebsocketRule, ...] = tuple(cut(rule) for rule in script.websocket)
    return replace(script, rest=rest, websocket=pushes, seed=seed)


@dataclass(slots=True, kw_only=True)
class Arrival:
    """One request as it came to the door; times in seconds of a monotonic clock."""

    came_s: float
    at: datetime
    host: str
    method: str
    path: str
    body: Mapping[str, Any]
    faults: tuple[str, ...] = ()
    over_s: float | None = None

    @property
    def family(self) -> str:
        """Orders, cancels, loans, transfers, lookups, accounts, tokens, other."""
        return family_of(self.method, self.path)

    @property
    def is_write(self) -> bool:
        """Whether it changes something."""
        return self.family in {"orders", "cancels", "loans", "transfers"}

    @property
    def client_id(self) -> str | None:
        """Our id in it, where it has one."""
        found = self.body.get("clientOid") or self.body.get("bizNo")
        return str(found) if found else None


class WatchedFront(Front):
    """The counter, with a look at everybody who comes to it."""

    def __init__(self, old: Front) -> None:
        super().__init__(
            backend=old.backend,
            keys=old.keys,
            quotas=old.quotas,
            faults=old.faults,
            wall=old.wall,
            wait=old.wait,
        )
        self.arrivals: list[Arrival] = []
        self.on_write: Any = None

    async def serve(self, request: web.Request, route: Route) -> web.StreamResponse:
        came, at = time.monotonic(), self.backend.now()
        arrival = Arrival(
            came_s=came,
            at=at,
            host=route.host,
            method=request.method,
            path=request.path,
            body=_document(await request.read()),
        )
        self.arrivals.append(arrival)
        request["arrival"] = arrival
        if arrival.is_write and self.on_write is not None:
            self.on_write(arrival)
        try:
            return await super().serve(request, route)
        finally:
            arrival.over_s = time.monotonic()

    def _draw(self, request: web.Request, route: Route) -> Sequence[RestRule]:
        hits = super()._draw(request, route)
        request["arrival"].faults = tuple(rule.fault for rule in hits)
        return hits


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body) if body else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}


@dataclass(slots=True)
class _Switch:
    """Dice of pushes that can be taken away."""

    dice: FrameDice | None = None

    def draw(self, host: str, topic: str, at: datetime) -> WebsocketRule | None:
        return None if self.dice is None else self.dice.draw(host, topic, at)


@dataclass(slots=True, kw_only=True)
class Episode:
    """One time of chaos: its script, and when it began and was healed."""

    script: FaultScript
    at: datetime
    began_s: float
    healed_at: datetime | None = None
    healed_s: float | None = None

    def covers(self, at_s: float) -> bool:
        """Whether a time of the monotonic clock lies in it."""
        is_over = self.healed_s is not None and at_s > self.healed_s
        return self.began_s <= at_s and not is_over


@dataclass(slots=True, kw_only=True)
class World:
    """The venue that runs, its faults and what was seen."""

    process: Process
    front: WatchedFront
    switch: _Switch
    log: FaultLog
    distances: list[tuple[float, datetime, Mapping[str, Decimal]]] = field(
        default_factory=list
    )
    episodes: list[Episode] = field(default_factory=list)
    booked_s: float = 0.0
    """When money moved last, monotonic."""
    _incidents: Incidents | None = None

    @property
    def backend(self) -> Any:
        """The venue behind the counter."""
        return self.front.backend

    def break_loose(self, script: FaultScript) -> None:
        """Let a script begin now."""
        check_script(script, self.backend.venue.rules)
        start = self.backend.now()
        faults = Faults(script=script, start=start, log=self.log)
        self.front.faults = faults
        self.switch.dice = faults.frames
        self._incidents = Incidents(script, start, self.log)
        self.episodes.append(Episode(script=script, at=start, began_s=time.monotonic()))

    def step(self) -> None:
        """Do what the script does by itself."""
        now = self.backend.now()
        while self._incidents is not None:
            due = self._incidents.next_due()
            if due is None or due > now:
                return
            self._incidents.run_due(self.backend, now)

    def heal(self) -> None:
        """End every fault; halts are lifted, changed parameters stay changed."""
        now, episode = self.backend.now(), self.episodes[-1]
        self._incidents = None
        self._lift(episode.script.halts)
        self.front.faults = Faults(script=FaultScript(), start=now, log=self.log)
        self.switch.dice = None
        episode.healed_at, episode.healed_s = now, time.monotonic()

    def _lift(self, halts: Sequence[Halt]) -> None:
        last = self.backend.last_instant
        for halt in halts if last is not None else ():
            at = max(self.backend.now(), self.backend.venue.now)
            self.backend.tick(
                replace(last, at=at, settlements=(), halted={halt.symbol: False})
            )

    def hear(self, at: datetime, events: Sequence[Event]) -> None:
        """Write the distances down at every mark, and when money moved."""
        if any(isinstance(event, LedgerBooked) for event in events):
            self.booked_s = time.monotonic()
        if any(isinstance(event, MarksTicked) for event in events):
            measured = measure_subjects(self.shadow(at))
            found = {m.subject: m.distance for m in measured if m.distance is not None}
            self.distances.append((time.monotonic(), at, found))

    def shadow(self, at: datetime) -> Shadow:
        """What the venue's own books hold, with the last marks."""
        venue, last = self.backend.venue, self.backend.last_instant
        held = venue.snapshot()
        return Shadow(
            at=at,
            rules=venue.rules,
            balances=held.balances,
            positions=held.positions,
            margin_leverage=held.margin_leverage,
            margin_marks={} if last is None else last.margin_marks,
            futures_marks={} if last is None else last.futures_marks,
            is_open=True,
        )


def open_world(folder: Path, seed: int, clock: float, holdings: str = ACCOUNT) -> World:
    """Compose a venue in a folder; run it with ``world.process.run``."""
    account = folder / "account.toml"
    account.write_text(holdings, encoding="utf-8")
    process = compose_venue(
        ServeOptions(
            market=small_market(seed),
            account=load_account(account),
            speed=clock,
            seed=seed,
        )
    )
    front = WatchedFront(process.front)
    switch = _Switch()

    def mount(app: web.Application, host: str) -> None:
        mount_sockets(
            app,
            front.backend,
            host,
            front.backend.tokens,
            switch,
            note_bug=front.bugs.note,
        )

    process.front, process.mount = front, mount
    world = World(process=process, front=front, switch=switch, log=FaultLog())
    front.backend.listen(world.hear)
    return world
