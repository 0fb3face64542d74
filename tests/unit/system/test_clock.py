"""The clocks: the time of day, no waiting, and market seconds a real second."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from connectors.system.clock import FreePacer, SystemClock, WallPacer

START = datetime(2025, 1, 1, tzinfo=UTC)


class Slept:
    """Counts how long the pacer wanted to sleep, without sleeping."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, delay: float) -> None:
        """Take note."""
        self.seconds.append(delay)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> Slept:
    """The event loop's sleep, replaced."""
    found = Slept()
    monkeypatch.setattr(asyncio, "sleep", found)
    return found


def test_the_time_of_day_is_utc() -> None:
    """It carries its zone and does not go back."""
    clock = SystemClock()
    first, second = clock.now(), clock.now()
    assert first.tzinfo is UTC
    assert first <= second


async def test_the_free_pacer_never_waits(slept: Slept) -> None:
    """Not even for a year."""
    await FreePacer().wait_until(START + timedelta(days=365))
    assert slept.seconds == []


async def test_the_wall_pacer_counts_from_its_first_instant(slept: Slept) -> None:
    """At 60 market seconds a second, a minute later is a second later."""
    pacer = WallPacer(60)
    await pacer.wait_until(START)
    await pacer.wait_until(START + timedelta(minutes=1))
    await pacer.wait_until(START + timedelta(minutes=10))
    assert slept.seconds[0] == 0
    assert slept.seconds[1:] == pytest.approx([1, 10], abs=0.5)


async def test_a_world_that_is_late_does_not_wait(slept: Slept) -> None:
    """An instant whose time has passed only yields to the others."""
    pacer = WallPacer(1000)
    await pacer.wait_until(START)
    await pacer.wait_until(START - timedelta(hours=1))
    assert slept.seconds == [0, 0]


async def test_a_resumed_run_derives_its_past_without_waiting(slept: Slept) -> None:
    """While it is free nothing waits; then the pace begins anew."""
    pacer = WallPacer(1)
    pacer.set_free(is_free=True)
    await pacer.wait_until(START + timedelta(days=1))
    assert slept.seconds == []
    pacer.set_free(is_free=False)
    await pacer.wait_until(START + timedelta(days=2))
    await pacer.wait_until(START + timedelta(days=2, seconds=5))
    assert slept.seconds == pytest.approx([0, 5], abs=0.5)


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_speed_is_positive(speed: float) -> None:
    """Anything else is refused at once."""
    with pytest.raises(ValueError, match="speed must be positive"):
        WallPacer(speed)
