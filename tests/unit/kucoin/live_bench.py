"""A live world over hand-made parts, for tests; only moments are checked here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from bot.domain.accounts import SPOT, AccountSnapshot, Balance
from bot.domain.entries import Noted
from bot.domain.errors import RefusedError
from bot.domain.events import (
    Event,
)
from bot.domain.instruments import Rules
from connectors.kucoin.feed import Interests
from connectors.kucoin.world import LiveWorld
from tests.unit.kucoin.world_bench import (
    FakeLooker,
    FakeReader,
    FakeRest,
    FakeStreams,
    Settlements,
    Time,
    settle,
)
from tests.unit.venue.builders import spot_rules

__all__ = ["HELD", "INTERESTS", "RULES", "Bench", "running"]

D = Decimal
E = TypeVar("E")
INTERESTS = Interests(
    coins=frozenset({"USDT"}),
    spot_symbols=frozenset({"BTC-USDT"}),
    contracts=frozenset({"XBTUSDTM"}),
)
RULES = Rules(spot={"BTC-USDT": spot_rules("BTC")})
HELD = AccountSnapshot(balances={SPOT: {"USDT": Balance(total=D(100))}})


@dataclass
class Bench:
    """A live world over hand-made parts, and the moments that came out of it."""

    rest: FakeRest = field(default_factory=FakeRest)
    time: Time = field(default_factory=Time)
    looker: FakeLooker = field(default_factory=FakeLooker)
    streams: FakeStreams = field(default_factory=FakeStreams)
    scheduler: Settlements = field(default_factory=Settlements)
    reader: FakeReader = field(default_factory=lambda: FakeReader(RULES))
    notes: list[Noted] = field(default_factory=list)
    moments: list[tuple[Event, ...]] = field(default_factory=list)
    error: BaseException | None = None
    wanted: Interests = INTERESTS

    def __post_init__(self) -> None:
        self.world = LiveWorld(
            rest=self.rest,
            streams=self.streams,
            looker=self.looker,
            reader=self.reader,
            clock=self.time,
            scheduler=self.scheduler,
            interests=INTERESTS,
            wanted=lambda: self.wanted,
            rules=RULES,
            remember=self.notes.append,
            sleep=self.time.sleep,
            monotonic=self.time.monotonic,
        )

    async def run(self) -> None:
        """Collect moments until the world ends; keep what ended it."""
        try:
            async for moment in self.world.moments():
                assert moment, "a moment is never empty"
                self.moments.append(moment)
        except (RuntimeError, RefusedError, ZeroDivisionError) as error:
            self.error = error

    def of(self, kind: type[E]) -> list[E]:
        """All events of a kind, in order."""
        return [e for moment in self.moments for e in moment if isinstance(e, kind)]


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[Bench]:
    """A world that runs until the test is over."""
    task = asyncio.create_task(bench.run())
    await settle()
    try:
        yield bench
    finally:
        bench.world.stop(drain_s=0)
        await settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
