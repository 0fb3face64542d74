"""One venue's timeline: requests with their latency, timers, jobs, the market's ticks.

It is the reader, the clock and the gateways of one simulated account. What happens is
handed out as moments, in time order; whoever drives it decides how far time has come
and what the market says. ``world.py`` walks it through a market that is known
beforehand, ``live_world.py`` along one that is not. Everything is decided by its inputs
and its seeded generators. It must not know the risk engine.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 - the composition root seeds it
from typing import Final

from bot.domain.accounts import AccountSnapshot
from bot.domain.events import Event, FundingQuoted, IntentSettled, ScheduleDue
from bot.domain.instruments import Rules
from bot.domain.intents import (
    Approved,
    CancelOrder,
    CancelStop,
    Intent,
    PlaceOrder,
    PlaceStop,
)
from bot.domain.market import MarketInstant
from bot.domain.orders import Outcome
from connectors.system.schedules import VirtualScheduler
from connectors.venue.venue import Venue

__all__ = ["FaultDice", "Latency", "VenueTimeline"]

_DRAIN_LIMIT: Final = 600
"""Seconds of venue time that requests in flight get after the market's end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long a request takes to take effect, uniform between two bounds."""

    min_ms: int = 50
    max_ms: int = 250

    def draw(self, dice: Random) -> timedelta:
        """One latency."""
        return timedelta(milliseconds=dice.randint(self.min_ms, self.max_ms))


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultDice:
    """How often an answer is lost; both kinds settle as in doubt after a time-out.

    ``lost_answer``: the request was done and the answer never came.
    ``lost_request``: the request never arrived. ``lost_lookup``: a look-up of an
    intent in doubt fails and is repeated. The time-outs are those of the live client;
    a look-up that is answered is the venue's own word, where a live one must see an
    order absent for ten seconds.
    """

    lost_answer: float = 0.0
    lost_request: float = 0.0
    lost_lookup: float = 0.0
    timeout: timedelta = timedelta(seconds=5)
    order_timeout: timedelta = timedelta(seconds=2)
    lookup_delay: timedelta = timedelta(seconds=1)

    def patience(self, intent: Intent) -> timedelta:
        """How long an answer is waited for; a leg that waits is not hedged."""
        is_order = isinstance(intent, PlaceOrder | CancelOrder | PlaceStop | CancelStop)
        return self.order_timeout if is_order else self.timeout


_Action = Callable[[datetime], Sequence[Event]]
"""What happens at a point of the timeline; returns the facts it makes."""


class VenueTimeline:
    """Reader, clock and gateways over one in-process venue."""

    def __init__(  # noqa: PLR0913 - a timeline is made of exactly these parts
        self,
        *,
        start: datetime,
        venue: Venue,
        scheduler: VirtualScheduler,
        dice: Random,
        latency: Latency | None = None,
        faults: FaultDice | None = None,
    ) -> None:
        self._venue = venue
        self._scheduler = scheduler
        self._dice = dice
        self._latency = latency or Latency()
        self._faults = faults or FaultDice()
        self._now = start
        self._pending: list[tuple[datetime, int, _Action]] = []
        self._sequence = 0
        self._due_jobs: list[ScheduleDue] = []
        self.instants = 0
        self.sent: set[str] = set()
        """Ids of every request that was ever sent, for the invariants."""

    # -- clock and reader -------------------------------------------------

    def now(self) -> datetime:
        """The venue's time."""
        return self._now

    async def read_snapshot(self) -> AccountSnapshot:
        return self._venue.snapshot()

    async def read_rules(self) -> Rules:
        return self._venue.rules

    def put(self, due: ScheduleDue) -> None:
        """Take a due job from the scheduler; it is handed out at once."""
        self._due_jobs.append(due)

    # -- gateways ---------------------------------------------------------

    def send_order(self, approved: Approved) -> None:
        self._send(approved)

    def find_order(self, approved: Approved) -> None:
        self._find(approved)

    def send_loan(self, approved: Approved) -> None:
        self._send(approved)

    def find_loan(self, approved: Approved) -> None:
        self._find(approved)

    def send_transfer(self, approved: Approved) -> None:
        self._send(approved)

    def find_transfer(self, approved: Approved) -> None:
        self._find(approved)

    def _send(self, approved: Approved) -> None:
        if approved.intent_id in self.sent:
            raise ValueError(f"{approved.intent_id} was sent before; never resend")
        self.sent.add(approved.intent_id)
        arrival = self._now + self._latency.draw(self._dice)
        fate = self._dice.random()
        faults, patience = self._faults, self._faults.patience(approved.intent)
        if fate < faults.lost_request:
            self._after(patience, _doubt(approved, "the request timed out"))
            return
        if fate < faults.lost_request + faults.lost_answer:
            self._at(arrival, lambda at: self._arrive_unanswered(at, approved))
            self._after(patience, _doubt(approved, "the answer timed out"))
            return
        self._at(arrival, lambda at: self._arrive(at, approved))

    def _arrive(self, at: datetime, approved: Approved) -> Sequence[Event]:
        """A request takes effect at the venue."""
        return self._venue.submit(at, approved)

    def _arrive_unanswered(self, at: datetime, approved: Approved) -> list[Event]:
        """Done at the venue; the facts are pushed, the answer itself is lost."""
        events = self._venue.submit(at, approved)
        return [e for e in events if not isinstance(e, IntentSettled)]

    def _find(self, approved: Approved) -> None:
        self._after(
            self._faults.lookup_delay + self._latency.draw(self._dice),
            lambda at: [self._look_up(at, approved)],
        )

    def _look_up(self, at: datetime, approved: Approved) -> IntentSettled:
        if self._dice.random() < self._faults.lost_lookup:
            return _settled_in_doubt(at, approved, "the look-up timed out")
        return self._venue.find(at, approved)

    # -- the timeline -----------------------------------------------------

    def _after(self, delay: timedelta, action: _Action) -> None:
        self._at(self._now + delay, action)

    def _at(self, at: datetime, action: _Action) -> None:
        self._sequence += 1
        heapq.heappush(self._pending, (at, self._sequence, action))

    def _next_due(self, horizon: datetime) -> datetime | None:
        """The earliest thing at or before ``horizon`` that is not the market's."""
        times = [self._venue.next_timer(), self._scheduler.next_due(self._now)]
        if self._pending:
            times.append(self._pending[0][0])
        first = min((t for t in times if t is not None), default=None)
        return first if first is not None and first <= horizon else None

    def _run_due(self, due: datetime) -> Iterator[tuple[Event, ...]]:
        """The venue's timers, then arrivals, then jobs: one moment each."""
        self._now = due
        timer = self._venue.next_timer()
        if timer is not None and timer <= due:
            yield tuple(self._venue.advance(due))
        while self._pending and self._pending[0][0] <= due:
            action = heapq.heappop(self._pending)[2]
            yield tuple(action(due))
        self._scheduler.fire(due)
        jobs, self._due_jobs = self._due_jobs, []
        for job in jobs:
            yield (job,)

    def _tick(self, instant: MarketInstant) -> tuple[Event, ...]:
        self._now = instant.at
        events = self._venue.tick(instant)
        for event in events:
            if isinstance(event, FundingQuoted):
                self._scheduler.told_settlement(event.symbol, event.settlement_at)
        return tuple(events)

    def _drain(self) -> Iterator[tuple[Event, ...]]:
        """Let requests in flight land after the market's end; no new jobs."""
        self._scheduler.stop()
        limit = self._now + timedelta(seconds=_DRAIN_LIMIT)
        while self._pending and self._pending[0][0] <= limit:
            at, _, action = heapq.heappop(self._pending)
            self._now = max(self._now, at)
            yield tuple(action(self._now))


def _doubt(approved: Approved, reason: str) -> _Action:
    return lambda at: [_settled_in_doubt(at, approved, reason)]


def _settled_in_doubt(at: datetime, approved: Approved, reason: str) -> IntentSettled:
    return IntentSettled(
        at=at, intent_id=approved.intent_id, outcome=Outcome.IN_DOUBT, reason=reason
    )
