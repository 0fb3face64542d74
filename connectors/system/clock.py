"""The real clock, and the speed at which virtual time passes.

``SystemClock`` is the one place that reads the time of day. A ``Pacer`` holds a
simulated world to a chosen number of market seconds a real second; the free
pacer never waits. Neither changes anything that is computed.
"""

import asyncio
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["FreePacer", "Pacer", "SystemClock", "WallPacer", "nap"]


class SystemClock:
    """The time of day, UTC."""

    def now(self) -> datetime:
        """The current time."""
        return datetime.now(tz=UTC)  # noqa: TID251 - the one reader of the clock


class Pacer(Protocol):
    """Decides when the next virtual instant may begin."""

    async def wait_until(self, at: datetime) -> None:
        """Return when the virtual time ``at`` may happen."""


class FreePacer:
    """As fast as the machine goes."""

    async def wait_until(self, at: datetime) -> None:
        """Never wait."""


class WallPacer:
    """``speed`` market seconds a real second, counted from the first instant.

    Instants pass without waiting while it is set free: a resumed run re-derives
    its past at full speed. The event loop gets a turn at every wait.
    """

    def __init__(self, speed: float) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be positive, was {speed}")
        self._speed = speed
        self._origin: tuple[datetime, float] | None = None
        self._is_free = False

    def set_free(self, *, is_free: bool) -> None:
        """Pass instants without waiting while ``is_free``; then start anew.

        Saying again what already holds changes nothing.
        """
        if is_free != self._is_free:
            self._is_free = is_free
            self._origin = None

    async def wait_until(self, at: datetime) -> None:
        """Sleep until the real time that belongs to ``at``."""
        if self._is_free:
            return
        loop = asyncio.get_running_loop()
        if self._origin is None:
            self._origin = (at, loop.time())
        first_at, first_real = self._origin
        due = first_real + (at - first_at).total_seconds() / self._speed
        delay = due - loop.time()
        await asyncio.sleep(max(delay, 0))  # noqa: TID251 - pacing is this class's work


async def nap(seconds: float) -> None:
    """Wait real seconds: for whoever is given a way to wait."""
    await asyncio.sleep(seconds)  # noqa: TID251 - waiting is this function's work
