"""The one module that knows which world the bot lives in.

It plugs the engine into a simulated venue on a recorded or synthetic market,
paced (paper) or free (replay, simulated), with a journal or without one. No
other module branches on the world. The live world arrives with its connector;
until then asking for it is refused with a sentence.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random  # noqa: TID251 - every generator is seeded here
from typing import Final

from bot.compose_strategies import (
    code_of,
    refuse_idle,
    strategies_of,
    uncounted,
)
from bot.domain.accounts import AccountSnapshot
from bot.domain.entries import Entry, RunStarted
from bot.domain.errors import UsageError
from bot.domain.instruments import Rules
from bot.domain.market import MarketDescription, PathOrder
from bot.domain.strategy import Strategy
from bot.engine.core import Core
from bot.engine.executor import Executor
from bot.engine.loop import Engine, Observer
from bot.engine.startup import Recovered, recover
from bot.ports import Journal, Market
from bot.risk.adverse import adverse_first
from bot.settings import Settings
from connectors.kucoin.parse.decode import decode
from connectors.markets.cadence import stale_after
from connectors.markets.inverse import with_inverse
from connectors.markets.recorded import RecordedMarket
from connectors.system.clock import Pacer
from connectors.system.schedules import VirtualScheduler, parse_schedule
from connectors.venue.account_file import AccountFile, load_account, resolve
from connectors.venue.rules import assumptions, rules_for
from connectors.venue.venue import Venue
from connectors.venue.world import FaultDice, Latency, SimulatedWorld
from storage.opening import open_for_run

__all__ = [
    "NullJournal",
    "Plan",
    "Simulation",
    "documents_of",
    "open_journal",
    "paper_account",
    "plan_run",
    "settings_digest",
    "simulate",
    "strategies_of",
]

_SAMPLES: Final = 1_500
"""How many samples of the account a run keeps at most, about."""

_PAPER_ACCOUNT: Final = "paper_account.toml"

_WORLDS: Final = frozenset({"paper", "replay", "simulated"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A simulated run, decided to the last input before anything is written."""

    world: str
    name: str
    market: Market
    rules: Rules
    opening: AccountSnapshot
    path_order: Mapping[str, PathOrder]
    settings: Settings
    strategies: tuple[Strategy, ...]
    seed: int
    is_guarded: bool
    header: RunStarted
    assumptions: tuple[str, ...]
    vip: int = 0
    faults: FaultDice = field(default_factory=FaultDice)

    @property
    def duration(self) -> timedelta:
        """How much market time the run spans."""
        described = self.market.description
        return described.end - described.start


class NullJournal:
    """Remembers nothing: for the twin that runs beside a journaled run."""

    def append(self, entries: Sequence[Entry]) -> None:
        """Forget."""

    def commit(self) -> None:
        """Nothing to make durable."""

    def close(self) -> None:
        """Nothing to close."""


def paper_account() -> AccountFile:
    """The account that is traded when none is named, an installed file."""
    return load_account(Path(__file__).parents[1] / "connectors/venue" / _PAPER_ACCOUNT)


def plan_run(  # noqa: PLR0913 - a run is decided by exactly these inputs
    *,
    world: str,
    market: Market,
    account: AccountFile,
    settings: Settings,
    seed: int,
    is_guarded: bool = True,
    has_strategies: bool = True,
    faults: FaultDice | None = None,
) -> Plan:
    """Resolve the account on the market and fix everything that decides the run.

    Raises:
        UsageError: The account holds what the market does not trade, a strategy
            is unknown, the world has no connector yet, or a schedule or an
            overlay waits for a market that is not traded.
    """
    if world not in _WORLDS:
        raise UsageError(
            f"The world {world!r} has no connector yet; use paper, replay or simulated."
        )
    documents = documents_of(market)
    market = with_inverse(market, [p.symbol for p in account.positions])
    first = market.first_prices()
    vip = account.vip or settings.vip
    rules = rules_for(market.description, first, documents, vip)
    opening = resolve(account, rules, first)
    order = adverse_first(opening, rules, first.margin_marks)
    strategies = strategies_of(settings.strategies) if has_strategies else ()
    refuse_idle(strategies, rules)
    described, unseen = market.description, uncounted(strategies, rules)
    assumed = (*described.assumptions, *assumptions(rules), *_own(settings), *unseen)
    identity = {
        "market": described.digest,
        "account": account.digest,
        "config": settings_digest(settings),
        "seed": str(seed),
        "guard": str(is_guarded).lower(),
        "strategies": ",".join(s.name for s in strategies),
    }
    plan = Plan(
        world=world,
        name=f"{described.name}-{seed}",
        market=market,
        rules=rules,
        opening=opening,
        path_order=order,
        settings=settings,
        strategies=strategies,
        seed=seed,
        is_guarded=is_guarded,
        header=_header(world, seed, described, identity, _facts(order, assumed)),
        assumptions=assumed,
        vip=vip,
        faults=faults or FaultDice(),
    )
    _venue(plan)
    _scheduler(plan)
    return plan


def _facts(order: Mapping[str, PathOrder], assumed: Sequence[str]) -> Mapping[str, str]:
    """What the first row says beside the identity: the bars' path, the assumptions."""
    return {
        "path_order": json.dumps(order, sort_keys=True),
        "assumptions": json.dumps(assumed),
    }


def _header(
    world: str,
    seed: int,
    described: MarketDescription,
    identity: Mapping[str, str],
    facts: Mapping[str, str],
) -> RunStarted:
    """The first row of the journal."""
    return RunStarted(
        name=f"{described.name}-{seed}",
        world=world,
        epoch=1,
        identity=identity,
        facts={
            "market": described.name,
            "title": described.title,
            "start": described.start.isoformat(),
            "end": described.end.isoformat(),
            "resolution": described.resolution,
            **facts,
        },
    )


def _venue(plan: Plan) -> Venue:
    """The exchange at the start; an account that it cannot hold is refused."""
    return Venue(
        rules=plan.rules,
        opening=plan.opening,
        first=plan.market.first_prices(),
        at=plan.market.description.start,
        vip=plan.vip,
    )


def _scheduler(plan: Plan) -> VirtualScheduler:
    """The schedules on virtual time, not armed; one that is no schedule is refused."""
    start = plan.market.description.start
    for strategy in plan.strategies:
        for job in strategy.jobs:
            parse_schedule(job.schedule, start)
    return VirtualScheduler(start)


def documents_of(market: Market) -> Mapping[str, object] | None:
    """The exchange's own rules that a recorded market names, decoded exactly."""
    path = market.rules_path if isinstance(market, RecordedMarket) else None
    if path is None:
        return None
    found = decode(path.read_bytes(), str(path))
    if not isinstance(found, Mapping):
        raise UsageError(f"{path} must hold an object of KuCoin bodies by name.")
    return found


def _own(settings: Settings) -> tuple[str, ...]:
    """What execution is assumed to be like in this world."""
    depth = settings.depth
    return (
        (
            f"requests take effect {depth.latency_min_ms} to {depth.latency_max_ms} ms "
            "after they are sent, seeded"
        ),
        "marks and prices reach the bot at once",
    )


def settings_digest(settings: Settings) -> str:
    """What tells two sets of settings apart."""
    chosen = {
        "values": {name: str(value) for name, value in settings.values.items()},
        "strategies": [
            [
                s.name,
                code_of(s),
                s.schedule,
                s.enabled,
                repr((sorted(s.parameters.items()), sorted(s.overlay.items()))),
            ]
            for s in settings.strategies
        ],
    }
    return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()


def open_journal(plan: Plan, path: Path, *, force: bool) -> Journal:
    """Create the journal of a run, or open it where the run was cut short.

    Raises:
        UsageError: The file belongs to another run or to one that has ended.
        JournalError: The file is damaged, newer or in use.
    """
    return open_for_run(path, plan.header, force=force)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """A started run: an engine that has taken its first moment, and its world."""

    plan: Plan
    engine: Engine
    world: SimulatedWorld
    venue: Venue
    journal: Journal

    async def finish(self) -> None:
        """Run to the end of the market."""
        await self.engine.run(self.world.moments())


async def simulate(
    plan: Plan,
    journal: Journal,
    pacer: Pacer,
    observers: Callable[[Engine], Sequence[Observer]] | None = None,
) -> Simulation:
    """Start a run: venue, world, recovery and engine, the first moment handled.

    Args:
        plan: What to run.
        journal: Where it is remembered.
        pacer: How fast virtual time passes.
        observers: Given the started engine, who watches it.
    """
    start = plan.market.description.start
    venue, scheduler = _venue(plan), _scheduler(plan)
    depth = plan.settings.depth
    world = SimulatedWorld(
        market=plan.market,
        venue=venue,
        path_order=plan.path_order,
        scheduler=scheduler,
        pacer=pacer,
        dice=Random(plan.seed),  # noqa: S311 - chance of a simulation, not a secret
        latency=Latency(min_ms=depth.latency_min_ms, max_ms=depth.latency_max_ms),
        faults=plan.faults,
    )
    jobs = [job for strategy in plan.strategies for job in strategy.jobs]
    scheduler.start(jobs, world.put)
    known = Recovered(funding_past=plan.market.funding_past())
    began = await recover(world, start, known, plan.market.history())
    engine = Engine(
        core=_core(plan),
        state=began.state,
        journal=journal,
        executor=Executor(orders=world, loans=world, transfers=world),
    )
    journal.append([Entry(at=start, body=plan.header)])
    engine.handle((*venue.opening_events, *began.moment))
    if observers is not None:
        engine.watch(observers(engine))
    return Simulation(
        plan=plan, engine=engine, world=world, venue=venue, journal=journal
    )


def _core(plan: Plan) -> Core:
    settings, described = plan.settings, plan.market.description
    return Core(
        guard_limits=settings.guard,
        risk_limits=replace(settings.limits, mark_stale_after=stale_after(described)),
        sizing=settings.sizing,
        strategies=plan.strategies,
        is_guarding=plan.is_guarded,
        epoch=plan.header.epoch,
        sample_every=max(plan.duration / _SAMPLES, timedelta(seconds=1)),
    )
