"""The moving market of a served venue: its clock, and who applies what is due.

Market time begins when the server starts: every instant is shifted by the same
span. ``MarketClock`` says what time it is at the venue, at a chosen number of market
seconds a real second; it never passes an instant that was not applied yet, so a
request cannot arrive before the prices of its own time. When the market has ended
its last prices stay. Nothing here decides anything about money.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bot.domain.market import MarketInstant
from connectors.venue.server.backend import Backend
from connectors.venue.server.incidents import Incidents

__all__ = ["MarketClock", "Pace", "shifted", "sleep"]

_POLL_S: Final = 0.25
"""The longest real wait: a request may have set a new timer meanwhile."""


async def sleep(seconds: float) -> None:
    """Wait in real time; the one sleeper of the served venue."""
    await asyncio.sleep(max(seconds, 0.0))  # noqa: TID251 - waiting is its work


def shifted(instant: MarketInstant, by: timedelta) -> MarketInstant:
    """The same instant at another time, with all the times in it."""
    return replace(
        instant,
        at=instant.at + by,
        funding_quotes=tuple(
            replace(quote, settlement_at=quote.settlement_at + by)
            for quote in instant.funding_quotes
        ),
    )


class MarketClock:
    """The venue's time.

    Args:
        start: The venue's time now, UTC.
        speed: Market seconds a real second.
        monotonic_s: A real clock that never goes back, in seconds.

    Raises:
        ValueError: The speed is not positive.

    Example:
        >>> from datetime import UTC
        >>> real = [100.0]
        >>> start = datetime(2025, 1, 1, tzinfo=UTC)
        >>> clock = MarketClock(start, 60, lambda: real[0])
        >>> real[0] += 0.5
        >>> (clock.now() - start).total_seconds()
        30.0
        >>> clock.ceiling = start + timedelta(seconds=10)
        >>> (clock.now() - start).total_seconds()
        10.0
    """

    def __init__(
        self, start: datetime, speed: float, monotonic_s: Callable[[], float]
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be positive, was {speed}")
        self.start = start
        self._speed = speed
        self._monotonic_s = monotonic_s
        self._origin_s = monotonic_s()
        self.ceiling: datetime | None = None
        """The time of the next instant, which the clock may reach and not pass."""

    def now(self) -> datetime:
        """The venue's time: real time at the chosen speed, up to the ceiling."""
        free = self._free()
        return free if self.ceiling is None else min(free, self.ceiling)

    def real_wait_s(self, until: datetime) -> float:
        """Real seconds until the clock shows a time; 0 when it is due."""
        return max((until - self._free()).total_seconds() / self._speed, 0.0)

    def lag_s(self) -> float:
        """Market seconds that the venue is behind its own pace."""
        return (self._free() - self.now()).total_seconds()

    def _free(self) -> datetime:
        passed_s = (self._monotonic_s() - self._origin_s) * self._speed
        return self.start + timedelta(seconds=passed_s)


class Pace:
    """Applies instants, timers and incidents when their time has come.

    Args:
        instants: The market, its own times, oldest first.
        shift: What is added to each of its times.
        clock: The venue's time; this class sets its ceiling.
        incidents: What the fault script does by itself.
        wait: Sleeps for real seconds.
    """

    def __init__(
        self,
        *,
        instants: Iterator[MarketInstant],
        shift: timedelta,
        clock: MarketClock,
        incidents: Incidents,
        wait: Callable[[float], Awaitable[None]] = sleep,
    ) -> None:
        self._instants = instants
        self._shift = shift
        self._clock = clock
        self._incidents = incidents
        self._wait = wait
        self._next: MarketInstant | None = None
        self.applied = 0
        """Instants that were applied so far."""
        self._pull()

    @property
    def has_ended(self) -> bool:
        """Whether the market has no more instants."""
        return self._next is None

    async def run(self, backend: Backend) -> None:
        """Drive the venue until this task is cancelled."""
        while True:
            await self._wait(0.0 if self.step(backend) else self._idle_s(backend))

    def step(self, backend: Backend) -> bool:
        """Apply the one thing that is due first; False when nothing is.

        What was due before an instant happens before it; timers at the instant's own
        time are run by the venue, at the old prices.
        """
        now = self._clock.now()
        incident = self._incidents.next_due()
        if incident is not None and incident <= now:
            self._incidents.run_due(backend, now)
            return True
        instant = self._next
        if instant is not None and instant.at <= now:
            backend.tick(instant)
            self.applied += 1
            self._pull()
            return True
        timer = backend.venue.next_timer()
        if timer is not None and timer <= now:
            backend.advance(now)
            return True
        return False

    def _pull(self) -> None:
        """Look at the next instant and let the clock go as far as it."""
        found = next(self._instants, None)
        self._next = None if found is None else shifted(found, self._shift)
        self._clock.ceiling = None if self._next is None else self._next.at

    def _idle_s(self, backend: Backend) -> float:
        """Real seconds until something is due, at most a poll's length."""
        times = [backend.venue.next_timer(), self._incidents.next_due()]
        times.append(None if self._next is None else self._next.at)
        due = min((t for t in times if t is not None), default=None)
        if due is None:
            return _POLL_S
        return min(self._clock.real_wait_s(due), _POLL_S)
