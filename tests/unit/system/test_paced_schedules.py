"""Schedules on a clock that runs faster than the wall."""

import asyncio
from datetime import UTC, datetime, timedelta

from bot.domain.events import ScheduleDue
from bot.domain.strategy import Job
from connectors.system.clock import nap
from connectors.system.schedules import PacedScheduler

START = datetime(2026, 1, 1, tzinfo=UTC)
RATE = 600.0


class Fast:
    """Ten minutes a second."""

    def __init__(self) -> None:
        self._began = asyncio.get_running_loop().time()

    def now(self) -> datetime:
        """The time of this world."""
        passed = asyncio.get_running_loop().time() - self._began
        return START + timedelta(seconds=passed * RATE)


async def fired(
    jobs: list[Job], settles_in_s: float | None, wall_s: float
) -> list[str]:
    """The jobs that fired within some of the wall's time."""
    found: list[ScheduleDue] = []
    scheduler = PacedScheduler(Fast(), RATE)
    scheduler.start(jobs, found.append)
    if settles_in_s is not None:
        scheduler.told_settlement("XBTUSDTM", START + timedelta(seconds=settles_in_s))
    await nap(wall_s)
    scheduler.stop()
    await nap(0.01)
    count = len(found)
    await nap(0.15)
    assert len(found) == count, "it fired after it was stopped"
    return [due.job for due in found]


async def test_a_minute_passes_in_a_tenth_of_a_second() -> None:
    """Every 60 s at ten minutes a second: about three within 0.35 s."""
    job = Job(name="tick", schedule="every 60s")
    assert len(await fired([job], None, 0.35)) in {2, 3}


async def test_a_settlement_arms_its_job_once() -> None:
    """A minute before the settlement in three: it fires once, not again."""
    job = Job(name="before", schedule="before-settlement 1m XBTUSDTM")
    assert await fired([job], 180, 0.5) == ["before"]
    assert await fired([job], None, 0.1) == []
