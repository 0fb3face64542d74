"""The composition root of paper trading on KuCoin's live public market.

Public data is real, the private side is the simulated venue, and no key is read. A
start reads rules and prices, opens the journal, and seats an engine at a simulated
account; with the guard on, a twin without it sits beside on the same instants. The
past of a live market cannot be derived again: a run that was killed goes on from what
its journal says. What trades is decided elsewhere.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random  # noqa: TID251 - every generator is seeded here
from typing import Final

from bot.compose import NullJournal, Plan
from bot.domain.entries import Entry, Noted
from bot.domain.errors import RefusedError, UsageError
from bot.domain.events import Event
from bot.engine.core import Core
from bot.engine.executor import Executor
from bot.engine.loop import Engine, Observer
from bot.engine.memory import Memory, recall
from bot.engine.startup import Recovered, recover
from bot.live_readers import read_past
from bot.paper_plan import (
    PaperAsked,
    borrow_rates,
    header_of,
    interests_for,
    plan_paper,
    recovered,
)
from bot.ports import Journal
from connectors.kucoin.answers import ExchangeRefusedError
from connectors.kucoin.client import KucoinClient, open_client
from connectors.kucoin.exchange_clock import ExchangeClock
from connectors.kucoin.feed import Interests
from connectors.kucoin.public_market import PublicMarket, public_channels
from connectors.kucoin.public_start import read_start
from connectors.kucoin.socket_kit import SocketKit
from connectors.kucoin.sockets import Streams
from connectors.system.clock import nap
from connectors.system.schedules import VirtualScheduler
from connectors.venue.live_world import PaperTable, Rounds
from connectors.venue.timeline import Latency
from connectors.venue.venue import Venue
from storage.journal import SqliteJournal
from storage.opening import Opening, decide
from storage.reader import JournalReader

__all__ = ["GUARDED", "TWIN", "PaperAsked", "PaperSession", "Seat", "open_paper"]

GUARDED: Final = "run"
TWIN: Final = "without the guard"
_SAMPLES: Final = 1_500
_SAMPLE_EVERY: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """An engine at a simulated account, and where it is remembered."""

    engine: Engine
    table: PaperTable
    journal: Journal


@dataclass(slots=True, kw_only=True)
class PaperSession:
    """A started run: its seats by name, and what drives them."""

    plan: Plan
    market: PublicMarket
    rounds: Rounds
    seats: Mapping[str, Seat]
    journal: SqliteJournal
    resumed: int
    """How often the journal was begun before this start."""

    def watch(self, name: str, observers: Sequence[Observer]) -> None:
        """Show every further step of a seat to these."""
        self.seats[name].engine.watch(observers)

    async def run(self) -> None:
        """Go on until ``stop``; every row is durable at the end of its second."""
        await self.rounds.run(self._handle, self._keep)

    def stop(self) -> None:
        """End soon, in order."""
        self.rounds.stop()

    def _handle(self, name: str, moment: tuple[Event, ...]) -> None:
        self.seats[name].engine.handle(moment)

    def _keep(self) -> None:
        """Notes of the market, and the rows of this round."""
        at = self.rounds.at
        self.journal.append([Entry(at=at, body=n) for n in self.market.notes()])
        self.journal.commit()


@asynccontextmanager
async def open_paper(asked: PaperAsked, path: Path) -> AsyncIterator[PaperSession]:
    """Read the market, open the journal, seat the engines; all is closed at the end.

    Args:
        asked: What to run.
        path: The journal: new, or of a run that was killed.

    Raises:
        UsageError: The journal is another run's, or the account cannot be held.
        UnreachableError: KuCoin does not answer.
        RefusedError: KuCoin refuses a public question.
        JournalError: The journal is damaged, newer or in use.
    """
    memory = _memory(asked, path)
    settings = asked.settings
    clock = ExchangeClock(rate=settings.clock_rate)
    async with AsyncExitStack() as stack:
        client = open_client(
            key="",
            secret="",
            passphrase="",
            spot_url=settings.spot_url,
            futures_url=settings.futures_url,
            clock=clock,
        )
        stack.push_async_callback(client.close)
        opening = _Opening(asked=asked, client=client, clock=clock, stack=stack)
        try:
            session = await opening.session(memory, path)
        except ExchangeRefusedError as refusal:
            raise RefusedError(
                f"KuCoin refused a public question with code {refusal.code}: "
                f"{refusal.message}."
            ) from None
        yield session


def _memory(asked: PaperAsked, path: Path) -> Memory:
    """What the journal holds of this run; nothing where a new one is made.

    Raises:
        UsageError: The journal is another run's, or one that has ended.
    """
    if _opens(asked, path) is not Opening.RESUME:
        return Memory()
    with JournalReader.open(path) as reader:
        return recall(stored.entry for stored in reader.entries())


def _opens(asked: PaperAsked, path: Path) -> Opening:
    try:
        return decide(path, header_of(asked), force=asked.force)
    except UsageError:
        if asked.is_own_folder:
            return Opening.CREATE
        raise


@dataclass(slots=True, kw_only=True)
class _Opening:
    """One start; what it opens is closed by ``stack``."""

    asked: PaperAsked
    client: KucoinClient
    clock: ExchangeClock
    stack: AsyncExitStack

    async def session(self, memory: Memory, path: Path) -> PaperSession:
        await self.clock.measure(self.client)
        wanted = interests_for(
            self.asked.account, self.asked.strategies(), memory.shadow
        )
        start = await read_start(self.client, self.clock.now(), wanted)
        past = await read_past(self.client, self.clock, start.interests)
        plan = plan_paper(self.asked, start, past, memory)
        at = max(self.clock.now(), plan.market.description.start)
        venue = _venue(plan, at, memory)
        market = await self._market(plan, start.interests)
        journal = self._journal(memory, path)
        seats = {GUARDED: await self._seat(plan, venue, journal, memory)}
        if plan.is_guarded:
            seats[TWIN] = await self._twin(plan, at)
        return PaperSession(
            plan=plan,
            market=market,
            rounds=Rounds(
                clock=self.clock,
                market=market,
                tables={name: seat.table for name, seat in seats.items()},
                wait=nap,
                rate=float(self.asked.settings.clock_rate),
            ),
            seats=seats,
            journal=journal,
            resumed=memory.runs,
        )

    async def _market(self, plan: Plan, interests: Interests) -> PublicMarket:
        """Public sockets and polls, asked once and listening."""
        streams = Streams(
            self.client, SocketKit(clock=self.clock), public_channels(interests)
        )
        market = PublicMarket(
            rest=self.client,
            streams=streams,
            clock=self.clock,
            interests=interests,
            rules=plan.rules,
            borrow=borrow_rates(plan.settings, interests.coins),
            sleep=nap,
            clock_rate=plan.settings.clock_rate,
        )
        self.stack.push_async_callback(streams.close)
        self.stack.push_async_callback(market.close)
        await streams.start()
        await market.prime()
        market.start()
        return market

    def _journal(self, memory: Memory, path: Path) -> SqliteJournal:
        if _opens(self.asked, path) is Opening.RESUME:
            journal = SqliteJournal.extend(path)
        else:
            force = self.asked.force or self.asked.is_own_folder
            journal = SqliteJournal.create(path, force=force)
        self.stack.callback(journal.close)
        return journal

    async def _twin(self, plan: Plan, at: datetime) -> Seat:
        """The same account without the guard, remembered nowhere."""
        unguarded = replace(plan, is_guarded=False)
        venue = _venue(plan, at, Memory())
        return await self._seat(unguarded, venue, NullJournal(), Memory())

    async def _seat(
        self, plan: Plan, venue: Venue, journal: Journal, memory: Memory
    ) -> Seat:
        """An engine that has taken its first moment.

        A run that goes on knows its books already: what opened the venue is not
        booked again.
        """
        at, depth = venue.now, plan.settings.depth
        scheduler = VirtualScheduler(at)
        table = PaperTable(
            start=at,
            venue=venue,
            scheduler=scheduler,
            dice=Random(plan.seed),  # noqa: S311 - chance of a simulation, no secret
            latency=Latency(min_ms=depth.latency_min_ms, max_ms=depth.latency_max_ms),
        )
        scheduler.start([job for s in plan.strategies for job in s.jobs], table.put)
        is_going_on = memory.shadow is not None
        known = recovered(memory, plan.rules, at) if is_going_on else Recovered()
        known = replace(known, funding_past=plan.market.funding_past())
        began = await recover(table, at, known, plan.market.history())
        executor = Executor(orders=table, loans=table, transfers=table)
        engine = Engine(
            core=_core(plan), state=began.state, journal=journal, executor=executor
        )
        journal.append([Entry(at=at, body=plan.header), *_resumed(memory, at)])
        opening = () if is_going_on else tuple(venue.opening_events)
        engine.handle((*opening, *began.moment))
        journal.commit()
        for approved in began.lookups:
            executor.find(approved)
        return Seat(engine=engine, table=table, journal=journal)


def _venue(plan: Plan, at: datetime, memory: Memory) -> Venue:
    """The simulated exchange; its ids differ from those of every earlier start."""
    return Venue(
        rules=plan.rules,
        opening=plan.opening,
        first=replace(plan.market.first_prices(), at=at),
        at=at,
        vip=plan.vip,
        id_prefix=f"r{memory.runs + 1}-" if memory.runs else "",
    )


def _resumed(memory: Memory, at: datetime) -> list[Entry]:
    """What a restart could not know, in a sentence."""
    if memory.shadow is None:
        return []
    text = (
        "The run goes on from its journal: balances, debts and positions are those of "
        f"{memory.shadow.at.isoformat()}. Open orders are cancelled, requests without "
        "an answer count as not done, and no interest or funding was charged for the "
        "time between."
    )
    return [Entry(at=at, body=Noted(topic="resumed", text=text))]


def _core(plan: Plan) -> Core:
    every = plan.duration / _SAMPLES if plan.duration else _SAMPLE_EVERY
    return Core(
        guard_limits=plan.settings.guard,
        risk_limits=plan.settings.limits,
        sizing=plan.settings.sizing,
        strategies=plan.strategies,
        is_guarding=plan.is_guarded,
        epoch=plan.header.epoch,
        sample_every=max(every, timedelta(seconds=1)),
    )
