"""The simulated world around the bot: one timeline for market, venue and schedule.

The world merges four streams in virtual time order: the market's instants, the
venue's own timers (interest, liquidation steps), requests that arrive after
their latency, and scheduled jobs. It is the feed, the reader, the clock and the
gateways of a simulated run. Everything is decided by its inputs and its seeded
generators, so the same inputs give the same sequence. It must not know the
risk engine, and it must not know whether it is a paper run or a replay.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from random import Random  # noqa: TID251 - the composition root seeds it

from bot.domain.events import Event
from bot.domain.market import MarketInstant, PathOrder
from bot.ports import Market
from connectors.system.clock import Pacer
from connectors.system.schedules import VirtualScheduler
from connectors.venue.timeline import FaultDice, Latency, VenueTimeline
from connectors.venue.venue import Venue

__all__ = ["FaultDice", "Latency", "SimulatedWorld"]


class SimulatedWorld(VenueTimeline):
    """Feed, reader, clock and gateways over one in-process venue and its market."""

    def __init__(  # noqa: PLR0913 - a world is made of exactly these parts
        self,
        *,
        market: Market,
        venue: Venue,
        path_order: Mapping[str, PathOrder],
        scheduler: VirtualScheduler,
        pacer: Pacer,
        dice: Random,
        latency: Latency | None = None,
        faults: FaultDice | None = None,
    ) -> None:
        super().__init__(
            start=market.description.start,
            venue=venue,
            scheduler=scheduler,
            dice=dice,
            latency=latency,
            faults=faults,
        )
        self._market = market
        self._path_order = path_order
        self._pacer = pacer

    async def moments(self) -> AsyncIterator[tuple[Event, ...]]:
        """Everything that happens, in time order, a moment at a time.

        A moment is the facts of one instant that belong together; requests sent
        while it is handled arrive later.
        """
        for instant in self._instants():
            while (due := self._next_due(instant.at)) is not None:
                await self._pacer.wait_until(due)
                for moment in self._run_due(due):
                    yield moment
            await self._pacer.wait_until(instant.at)
            yield self._tick(instant)
        for moment in self._drain():
            yield moment

    def _instants(self) -> Iterator[MarketInstant]:
        for instant in self._market.instants(self._path_order):
            self.instants += 1
            yield instant
