"""Paper trading on a market that is not known beforehand: venues paced by its clock.

Theory of operation. Every second of the exchange's time the market is asked what it
states now; the answer is one instant, or None while it is not heard. Each *table* (one
simulated account; the guarded one and its unguarded twin sit side by side) takes the
same instants. Between them requests arrive and timers run at their due times. Nothing
is caught up with: seconds in which nobody looked had no instant. A request that needs
a price waits for the next instant that states it, because a fill at an old price would
be invented. This module must not know the risk engine, nor where the market comes from.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 - the composition root seeds it
from typing import Final, Protocol

from bot.domain.events import Event, IntentSettled, MarksTicked
from bot.domain.intents import Approved, PlaceOrder
from bot.domain.market import MarketInstant
from bot.domain.orders import Outcome
from bot.ports import Clock
from connectors.system.schedules import VirtualScheduler
from connectors.venue.timeline import Latency, VenueTimeline
from connectors.venue.venue import Venue

__all__ = ["LiveMarket", "PaperTable", "Rounds"]

Moment = tuple[Event, ...]
Handle = Callable[[str, Moment], None]

_BEAT: Final = timedelta(seconds=1)
_MISSED: Final = 3
"""Seconds without an instant after which time is told without one."""
_PRICED_FOR: Final = timedelta(seconds=10)
"""How long a stated price may be traded at."""


class LiveMarket(Protocol):
    """A market that is listened to."""

    def instant(self, at: datetime) -> MarketInstant | None:
        """What is new at a time; None where nothing was heard that can be stated."""

    def check(self) -> None:
        """Raise what ended the listening, if anything did."""


class PaperTable(VenueTimeline):
    """One simulated account on a live market: reader, clock and gateways.

    Args:
        start: The exchange's time now.
        venue: Holds the account.
        scheduler: The jobs of its strategies.
        dice: Draws the latencies.
        latency: How long requests take.
    """

    def __init__(
        self,
        *,
        start: datetime,
        venue: Venue,
        scheduler: VirtualScheduler,
        dice: Random,
        latency: Latency,
    ) -> None:
        super().__init__(
            start=start, venue=venue, scheduler=scheduler, dice=dice, latency=latency
        )
        self._waiting: list[Approved] = []
        self._priced_at: dict[str, datetime] = {}
        self._opened_at = start

    @property
    def waiting(self) -> int:
        """How many orders wait for a price."""
        return len(self._waiting)

    def next_due(self, horizon: datetime) -> datetime | None:
        """The earliest thing at or before ``horizon`` that is not the market's."""
        return self._next_due(horizon)

    def pass_time(self, until: datetime) -> Iterator[Moment]:
        """Everything due up to a time, in order, a moment at a time."""
        while (due := self._next_due(until)) is not None:
            yield from self._run_due(max(due, self._now))

    def take(self, instant: MarketInstant) -> Iterator[Moment]:
        """The market moved: the instant, then the orders that waited for it."""
        self.instants += 1
        self._priced_at.update(dict.fromkeys(_priced(instant), instant.at))
        yield self._tick(instant)
        waiting, self._waiting = self._waiting, []
        for approved in waiting:
            yield tuple(self._arrive(self._now, approved))

    def pulse(self, at: datetime) -> Moment:
        """Time passes while the market is not heard: its last marks grow old."""
        return (MarksTicked(at=at),)

    def end(self) -> Iterator[Moment]:
        """Let what is under way land; an order without a price is not done."""
        yield from self._drain()
        waiting, self._waiting = self._waiting, []
        for approved in waiting:
            yield (_not_done(self._now, approved),)

    def _arrive(self, at: datetime, approved: Approved) -> Sequence[Event]:
        if self._lacks_price(at, approved):
            self._waiting.append(approved)
            return ()
        return self._venue.submit(at, approved)

    def _lacks_price(self, at: datetime, approved: Approved) -> bool:
        intent = approved.intent
        if not isinstance(intent, PlaceOrder):
            return False
        stated_at = self._priced_at.get(intent.symbol, self._opened_at)
        return at - stated_at > _PRICED_FOR


def _priced(instant: MarketInstant) -> set[str]:
    """The symbols whose price an instant states; a contract trades by its mark too."""
    return {
        symbol
        for symbol in instant.last_prices
        if "-" in symbol or symbol in instant.futures_marks
    }


def _not_done(at: datetime, approved: Approved) -> IntentSettled:
    return IntentSettled(
        at=at,
        intent_id=approved.intent_id,
        outcome=Outcome.REFUSED,
        reason="the run ended before the market stated a price for it",
    )


class Rounds:
    """Drives tables along one live market, until it is stopped.

    Args:
        clock: The exchange's time.
        market: What is listened to.
        tables: The simulated accounts, by name; all see the same instants.
        wait: Waits real seconds.
        rate: Seconds of the exchange's time a real second.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        market: LiveMarket,
        tables: Mapping[str, PaperTable],
        wait: Callable[[float], Awaitable[None]],
        rate: float = 1.0,
    ) -> None:
        self._clock = clock
        self._market = market
        self._tables = tables
        self._wait = wait
        self._rate = rate
        self._at = clock.now()
        self._next_beat = self._at
        self._is_stopped = False
        self._unheard = 0
        self.beats = 0
        """Seconds that were looked at; those without an instant count too."""

    @property
    def at(self) -> datetime:
        """The exchange's time of the round under way."""
        return self._at

    def stop(self) -> None:
        """End after the round that is under way; what is in flight still lands."""
        self._is_stopped = True

    async def run(self, handle: Handle, after_round: Callable[[], None]) -> None:
        """Drive every table until ``stop``.

        Args:
            handle: Takes each moment of each table, by the table's name.
            after_round: Called when all tables have come as far as the clock.

        Raises:
            Exception: What ended the listening to the market.
        """
        while not self._is_stopped:
            self._market.check()
            self._round(handle)
            after_round()
            await self._wait(self._pause_s())
        for name, table in self._tables.items():
            self._hand_out(handle, name, table.end())
        after_round()

    def _round(self, handle: Handle) -> None:
        """Pass time up to now, then state what the market says, once a second."""
        self._at = max(self._at, self._clock.now())
        for name, table in self._tables.items():
            self._hand_out(handle, name, table.pass_time(self._at))
        if self._at < self._next_beat:
            return
        self.beats += 1
        self._next_beat = self._at.replace(microsecond=0) + _BEAT
        instant = self._market.instant(self._at)
        self._unheard = self._unheard + 1 if instant is None else 0
        for name, table in self._tables.items():
            if instant is not None:
                self._hand_out(handle, name, table.take(instant))
            elif self._unheard > _MISSED:
                handle(name, table.pulse(self._at))

    @staticmethod
    def _hand_out(handle: Handle, name: str, moments: Iterator[Moment]) -> None:
        for moment in moments:
            if moment:
                handle(name, moment)

    def _pause_s(self) -> float:
        """Real seconds until something is due, at most until the next beat."""
        dues = [t.next_due(self._next_beat) for t in self._tables.values()]
        due = min((at for at in dues if at is not None), default=self._next_beat)
        left_s = (min(due, self._next_beat) - self._clock.now()).total_seconds()
        return max(left_s / self._rate, 0.0)
