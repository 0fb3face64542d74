"""One live start: from the journal's tail to a running world.

Starting is recovering. The books are opened from the exchange's statement when the
journal is new, else from the journal, and what the exchange booked meanwhile is
read; rules, depth and history follow; requests without an answer are looked up. A
part of the composition root.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from bot.compose import settings_digest, strategies_of
from bot.compose_strategies import claim_notes
from bot.domain.accounts import AccountId, AccountSnapshot, isolated_pair
from bot.domain.entries import Entry, Noted, RunStarted
from bot.domain.errors import UnreachableError
from bot.domain.events import Event, OperatorAsked
from bot.domain.instruments import Rules
from bot.domain.intents import Borrow
from bot.domain.money import ZERO
from bot.domain.strategy import Strategy
from bot.engine.core import Core
from bot.engine.executor import Executor
from bot.engine.loop import Engine
from bot.engine.memory import PRE_IMAGE, Memory, guard_of
from bot.engine.readings import value_usdt
from bot.engine.startup import Recovered, recover
from bot.live_links import Links, disk_poll, interests_at_start
from bot.live_readers import FixedReader, LiveReader, Past, read_past
from bot.settings import Settings
from bot.shadow.state import empty_shadow
from connectors.kucoin.adoption import adopt_open, adopt_stops, see_orders
from connectors.kucoin.answers import ExchangeRefusedError
from connectors.kucoin.checks import Check, Expected, check_account, check_clock
from connectors.kucoin.client import KucoinClient
from connectors.kucoin.cursors import Cursors
from connectors.kucoin.exchange_clock import ExchangeClock
from connectors.kucoin.feed import Interests
from connectors.kucoin.interests import channels_of, listed
from connectors.kucoin.looks import Looker
from connectors.kucoin.registry import OrderRegistry
from connectors.kucoin.relisting import Relisting
from connectors.kucoin.rules_reader import RulesReader
from connectors.kucoin.snapshots import SnapshotReader
from connectors.kucoin.socket_kit import SocketKit
from connectors.kucoin.sockets import Streams
from connectors.kucoin.world import LiveWorld
from connectors.system.clock import nap
from connectors.system.schedules import PacedScheduler, RealScheduler
from storage.journal import SqliteJournal

__all__ = ["Connection", "LiveSession", "Start"]

_SETTLING: Final = 12
"""Looks at a start until the books are proven, a few seconds apart."""
_SETTLING_S: Final = 3.0
_SAMPLE_EVERY: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A client and the exchange's clock, measured or not."""

    client: KucoinClient
    clock: ExchangeClock
    settings: Settings

    async def checks(self, expected: Expected) -> tuple[Check, ...]:
        """Every check that the exchange answers."""
        with suppress(UnreachableError, ExchangeRefusedError):
            await self.clock.measure(self.client)
        clock = check_clock(self.clock, self.settings.clock_rate)
        return (clock, *await check_account(self.client, expected))


@dataclass(slots=True, kw_only=True)
class LiveSession:
    """A started engine on the live world; ``run`` it until ``stop``."""

    engine: Engine
    world: LiveWorld
    journal: SqliteJournal
    uid: str
    interests: Interests
    streams: Streams
    strategies: tuple[Strategy, ...]
    caught_up: int
    opened_at: datetime
    pump: PacedScheduler | RealScheduler
    listeners: list[Callable[[datetime, Noted], None]]
    """Hear of each note that the connector made durable by itself."""
    relisting: Relisting

    async def run(self) -> None:
        """Process what happens until ``stop``; ends with the first unexpected error."""
        await self.engine.run(self.world.moments())

    def put(self, event: OperatorAsked) -> None:
        """Hand an operator's request to the engine's own queue."""
        self.world.put(event)

    def stop(self) -> None:
        """End when nothing is under way any more."""
        self.pump.stop()
        self.world.stop()


@dataclass(slots=True, kw_only=True)
class Start:
    """One start of one account with one journal."""

    connection: Connection
    uid: str
    journal: SqliteJournal
    memory: Memory
    is_guarded: bool
    has_strategies: bool
    claims: tuple[str, ...] = ()
    _links: Links = field(default_factory=Links)
    _missed: list[Event] = field(default_factory=list)
    _listeners: list[Callable[[datetime, Noted], None]] = field(default_factory=list)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[LiveSession]:
        """The session; its sockets are closed at the end."""
        client, clock = self.connection.client, self.connection.clock
        strategies = self._strategies()
        rules_reader = RulesReader(client)
        snapshots = SnapshotReader(client, rules_reader.known_contracts)
        registry = self._links.registry
        await self._adopt(registry)
        looker = await self._looker(snapshots)
        snapshot = await self._books(looker)
        named = self._interests(snapshot, strategies)
        interests = self._links.begin(named, snapshots.contract_coins())
        rules = await rules_reader.read(interests)
        await see_orders(client, registry, listed(interests, rules))
        past = await read_past(client, clock, interests)
        streams = Streams(client, SocketKit(clock=clock), channels_of(interests))
        scheduler = self._scheduler()
        relisting, wanted = self._links.relisting(client, clock), self._links.wanted
        world = LiveWorld(
            rest=client,
            streams=streams,
            looker=looker,
            reader=LiveReader(snapshots=snapshots, rules=rules_reader, wanted=wanted),
            clock=clock,
            scheduler=scheduler,
            interests=interests,
            wanted=wanted,
            likely=self._links.likely,
            rules=rules,
            remember=self.remember,
            sleep=nap,
            recovered=self.memory.open_intents,
            requests=self._links.requests,
            registry=registry,
            clock_rate=self.connection.settings.clock_rate,
            more_polls=[disk_poll(self.journal, clock), relisting.poll()],
        )
        fixed = FixedReader(rules, snapshot)
        engine = await self._engine(world, fixed, past, strategies)
        self._links.engine = engine
        scheduler.start([job for s in strategies for job in s.jobs], world.put)
        await streams.start()
        try:
            yield LiveSession(
                engine=engine,
                world=world,
                journal=self.journal,
                uid=self.uid,
                interests=interests,
                streams=streams,
                strategies=strategies,
                caught_up=len(self._missed),
                opened_at=clock.now(),
                pump=scheduler,
                listeners=self._listeners,
                relisting=relisting,
            )
        finally:
            scheduler.stop()
            await streams.close()

    def remember(self, note: Noted) -> None:
        """Make a note durable before anything else happens.

        Raises:
            UnreachableError: It is what a borrowing rests on, and the journal
                takes no rows; a repayment goes on with it in memory.
        """
        at = self.connection.clock.now()
        self._keep(Entry(at=at, body=note), note)
        for listen in self._listeners:
            listen(at, note)

    def _keep(self, entry: Entry, note: Noted) -> None:
        engine = self._links.engine
        if engine is None:
            self.journal.append([entry])
            self.journal.commit()
        elif not engine.keep([entry]) and note.topic == PRE_IMAGE:
            name = note.inputs.get("intent_id", "")
            request = engine.state.shadow.requests.get(name)
            if request is None or isinstance(request.approved.intent, Borrow):
                raise UnreachableError(
                    f"The journal takes no rows, so {name} was not sent: make room."
                )

    async def _adopt(self, registry: OrderRegistry) -> None:
        """Which orders are ours, and which of their fills are booked."""
        memory = self.memory
        for order_id, intent_id in memory.order_ids.items():
            registry.adopt(order_id, intent_id)
        registry.book(memory.fills)
        self._links.requests.recover(memory.open_intents, memory.pre_images)
        client, clock = self.connection.client, self.connection.clock
        await adopt_open(client, registry, memory.open_intents)
        known = () if memory.shadow is None else memory.shadow.stops.values()
        self._missed += await adopt_stops(client, clock, registry, known)

    def _interests(
        self, snapshot: AccountSnapshot, strategies: Sequence[Strategy]
    ) -> Interests:
        """What is followed from now on, by name; the listing adds coins to it."""
        claims = [c for s in strategies for c in s.claims]
        return interests_at_start(
            snapshot,
            [*claims, *self.claims],
            [*self.memory.fills, *self._missed],
            self.connection.clock.now().date(),
        )

    def _strategies(self) -> tuple[Strategy, ...]:
        if not self.has_strategies:
            return ()
        return strategies_of(self.connection.settings.strategies)

    def _scheduler(self) -> PacedScheduler | RealScheduler:
        """The schedules; at another clock rate than the wall's they are paced."""
        clock, rate = self.connection.clock, self.connection.settings.clock_rate
        if rate == 1:
            return RealScheduler(clock)
        return PacedScheduler(clock, float(rate))

    # -- the books ----------------------------------------------------------

    async def _looker(self, snapshots: SnapshotReader) -> Looker:
        """What keeps the books, with the pairs and wallets that are known or in use."""
        known = self.memory.shadow
        snapshots.keep_settles(await snapshots.settles_in_use())
        accounts: set[AccountId] = set(await snapshots.pairs_in_use())
        if known is not None:
            accounts |= set(known.balances)
        pairs = sorted(p for a in accounts if (p := isolated_pair(a)) is not None)
        return Looker(
            rest=self.connection.client,
            clock=self.connection.clock,
            reader=snapshots,
            names=self._links.names(),
            pairs=pairs,
        )

    async def _books(self, looker: Looker) -> AccountSnapshot:
        """Open the books and prove them; what was booked meanwhile is kept.

        Raises:
            UnreachableError: The account never held still long enough.
        """
        known = self.memory.shadow
        if known is None or self.memory.snapshot_at is None:
            opening = (await looker.opening()).snapshot
            if opening is None:
                raise UnreachableError("The account could not be read as a whole.")
            return opening
        looker.open(
            AccountSnapshot(
                balances=known.balances,
                positions=known.positions,
                margin_leverage=known.margin_leverage,
            ),
            self._cursors(looker, known.balances),
        )
        words: tuple[str, ...] = ()
        for _ in range(_SETTLING):
            look = await looker.look(looker.families)
            self._missed += look.events()
            self._links.registry.book(look.fills)
            if look.snapshot is not None:
                return look.snapshot
            words = look.unexplained[:3] or ("the account never held still",)
            await nap(_SETTLING_S)
        raise UnreachableError(
            "The exchange's books never agreed with the journal's while it was read: "
            f"{'; '.join(words)}. Stop what else trades on the account and start again."
        )

    def _cursors(self, looker: Looker, balances: Mapping[AccountId, object]) -> Cursors:
        memory = self.memory
        balanced_at = memory.snapshot_at or memory.opened_at
        opened_at = memory.opened_at or balanced_at
        if balanced_at is None or opened_at is None:
            raise ValueError("a journal with books has a snapshot")
        booked = [(b.at, b.entry_id) for b in memory.bookings]
        booked += [(f.at, f"fill:{f.trade_id}") for f in memory.fills]
        return Cursors.rebuilt(
            floor=opened_at,
            balanced_at=balanced_at,
            accounts=dict.fromkeys([*looker.families, *balances]),
            booked=booked,
        )

    # -- the engine ---------------------------------------------------------

    async def _engine(
        self,
        world: LiveWorld,
        fixed: FixedReader,
        past: Past,
        strategies: tuple[Strategy, ...],
    ) -> Engine:
        """The engine after its first moment, with what is in doubt being looked up."""
        settings, at = self.connection.settings, world.now()
        noted = claim_notes(strategies, fixed.rules)
        epoch = max(int(at.timestamp()), self.memory.epoch + 1)
        recovered = replace(self._recovered(fixed.rules, at), funding_past=past.funding)
        began = await recover(fixed, at, recovered, past.closes)
        gateway = world.gateway
        executor = Executor(orders=gateway, loans=gateway, transfers=gateway)
        engine = Engine(
            core=Core(
                guard_limits=settings.guard,
                risk_limits=settings.limits,
                sizing=settings.sizing,
                strategies=strategies,
                is_guarding=self.is_guarded,
                epoch=epoch,
                sample_every=_SAMPLE_EVERY,
                is_parity_kept=True,
            ),
            state=began.state,
            journal=self.journal,
            executor=executor,
        )
        header = self._header(settings, epoch, strategies)
        rows = [Entry(at=at, body=note) for note in noted]
        self.journal.append([Entry(at=at, body=header), *rows])
        engine.handle(began.moment)
        self.journal.commit()
        for approved in began.lookups:
            executor.find(approved)
        return engine

    def _recovered(self, rules: Rules, at: datetime) -> Recovered:
        """What the journal hands over, the day's budgets included."""
        memory, day, limits = self.memory, at.date(), self.connection.settings.guard
        equity = memory.equities.get(day)
        fresh = empty_shadow(rules)
        guard = guard_of(memory, is_guarded=self.is_guarded, cooldown=limits.cooldown)
        turnover = sum(
            (value_usdt(fresh, fill) for fill in memory.fills if fill.at.date() == day),
            ZERO,
        )
        return Recovered(
            shadow=memory.shadow,
            open_intents=memory.open_intents,
            guard=guard,
            overlays=memory.overlays,
            twins=memory.twins_at(at),
            results=memory.results,
            missed=tuple(self._missed),
            day=day.isoformat() if equity is not None else "",
            day_open_equity=equity,
            day_turnover=turnover if equity is not None else ZERO,
        )

    def _header(
        self, settings: Settings, epoch: int, strategies: Sequence[Strategy]
    ) -> RunStarted:
        return RunStarted(
            name=f"live-{self.uid}",
            world="live",
            epoch=epoch,
            identity={
                "account": self.uid,
                "config": settings_digest(settings),
                "guard": str(self.is_guarded).lower(),
                "strategies": ",".join(s.name for s in strategies),
            },
            facts={
                "spot": settings.spot_url,
                "futures": settings.futures_url,
                "restart": str(self.memory.runs),
                "caught up": str(len(self._missed)),
            },
        )
