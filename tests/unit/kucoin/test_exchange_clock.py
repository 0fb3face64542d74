"""The exchange's clock: measured, extrapolated, bounded, and honest about jumps."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bot.domain.errors import UnreachableError
from connectors.kucoin.answers import Answer, Urgency
from connectors.kucoin.exchange_clock import ExchangeClock
from connectors.kucoin.parse.node import Node

START = datetime(2026, 11, 22, tzinfo=UTC)
START_S = START.timestamp()


class World:
    """This machine's two clocks, and an exchange whose time runs at a rate."""

    def __init__(self, rate: float = 1.0, ahead_s: float = 0.0) -> None:
        self.mono_s = 500.0
        self.wall_s = START_S
        self.rate = rate
        self.ahead_s = ahead_s
        self.trips: list[tuple[float, float] | None] = []
        self.asked: list[str] = []

    def monotonic(self) -> float:
        """Seconds of the clock that never goes back."""
        return self.mono_s

    def wall(self) -> float:
        """Seconds since 1970 as this machine believes."""
        return self.wall_s

    def exchange_s(self) -> float:
        """The true time of the exchange."""
        return START_S + self.ahead_s + (self.mono_s - 500.0) * self.rate

    def pass_s(self, seconds: float) -> None:
        """Let real time pass."""
        self.mono_s += seconds
        self.wall_s += seconds

    def trip(self, there_s: float, back_s: float) -> None:
        """How long the next question travels there and back."""
        self.trips.append((there_s, back_s))

    def no_answer(self) -> None:
        """The next question gets no answer."""
        self.trips.append(None)

    async def read(
        self,
        endpoint: str,
        params: Mapping[str, str] | None = None,
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Node:
        """Tell the exchange's time in whole milliseconds, after a trip."""
        self.asked.append(endpoint)
        trip = self.trips.pop(0) if self.trips else (0.0, 0.0)
        if trip is None:
            raise UnreachableError("nobody answers")
        self.pass_s(trip[0])
        stamp = Decimal(int(self.exchange_s() * 1000))
        self.pass_s(trip[1])
        return Node(stamp, endpoint)

    async def write(
        self,
        endpoint: str,
        params: Mapping[str, object],
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Answer:
        """Nothing is written for the time."""
        raise AssertionError(endpoint)


def _clock(world: World) -> ExchangeClock:
    return ExchangeClock(world.rate, world.monotonic, world.wall)


def _off_s(clock: ExchangeClock, world: World) -> float:
    return clock.now().timestamp() - world.exchange_s()


def _trips(world: World, trips: Iterable[tuple[float, float]]) -> None:
    for there_s, back_s in trips:
        world.trip(there_s, back_s)


async def test_before_the_first_measurement_the_time_is_unknown() -> None:
    """The exchange's time is not guessed: ``now`` raises, the figures are None."""
    clock = _clock(World())
    with pytest.raises(UnreachableError, match="not known yet"):
        clock.now()
    assert not clock.is_measured
    assert (clock.offset_s, clock.error_s, clock.age_s) == (None, None, None)
    assert not clock.has_jumped
    assert clock.signing_ms() == int(START_S * 1000)


async def test_a_clock_that_is_behind_is_corrected() -> None:
    """This machine is 7 s behind: now and the signature are the exchange's time."""
    world = World(ahead_s=7.0)
    clock = _clock(world)
    await clock.measure(world)
    world.pass_s(60.0)
    assert abs(_off_s(clock, world)) <= 0.001
    assert clock.offset_s == pytest.approx(7.0, abs=0.001)
    assert clock.age_s == pytest.approx(60.0)
    assert clock.signing_ms() == pytest.approx(world.exchange_s() * 1000, abs=2)


@pytest.mark.parametrize(
    "trips",
    [
        [(0.1, 0.1)] * 5,
        [(0.4, 0.0)] * 5,
        [(0.0, 0.4)] * 5,
        [(1.0, 2.0), (0.3, 0.3), (0.02, 0.01), (0.5, 0.1), (2.0, 2.0)],
    ],
)
async def test_the_error_is_within_its_bound(trips: list[tuple[float, float]]) -> None:
    """However a trip divides, the time is off by at most half the quickest trip."""
    world = World(ahead_s=-3.0)
    clock = _clock(world)
    _trips(world, trips)
    await clock.measure(world)
    quickest_s = min(there_s + back_s for there_s, back_s in trips)
    error_s = quickest_s / 2 + 0.001
    assert clock.error_s == pytest.approx(error_s)
    assert abs(_off_s(clock, world)) <= error_s + 1e-6


async def test_a_served_venue_runs_at_its_own_rate() -> None:
    """At rate 60 a second here is a minute there; signatures keep to wall time."""
    world = World(rate=60.0, ahead_s=86_400.0)
    clock = _clock(world)
    _trips(world, [(0.01, 0.01)] * 5)
    await clock.measure(world)
    error_s = 0.01 * 60 + 0.001
    assert clock.error_s == pytest.approx(error_s)
    world.pass_s(10.0)
    assert abs(_off_s(clock, world)) <= error_s + 1e-6
    assert clock.signing_ms() == int(world.wall_s * 1000)


async def test_a_step_of_the_wall_clock_is_seen_and_does_not_move_now() -> None:
    """Set back by an hour, this machine's clock is distrusted; now goes on."""
    world = World()
    clock = _clock(world)
    await clock.measure(world)
    world.pass_s(5.0)
    assert clock.jump_s == pytest.approx(0.0)
    world.wall_s -= 3600
    assert clock.has_jumped
    assert clock.jump_s == pytest.approx(-3600.0)
    assert abs(_off_s(clock, world)) <= 0.001
    await clock.measure(world)
    assert clock.jump_s == pytest.approx(0.0)
    assert clock.signing_ms() == pytest.approx(world.exchange_s() * 1000, abs=2)


async def test_a_suspend_is_seen() -> None:
    """The machine slept for a minute: only wall time passed, and that is told."""
    world = World()
    clock = _clock(world)
    await clock.measure(world)
    world.wall_s += 60
    assert clock.jump_s == pytest.approx(60.0)
    assert clock.has_jumped


async def test_drift_below_a_second_is_no_jump() -> None:
    """A clock that is being slewed is not a clock that was set."""
    world = World()
    clock = _clock(world)
    await clock.measure(world)
    world.pass_s(100.0)
    world.wall_s += 0.9
    assert not clock.has_jumped


async def test_now_does_not_go_back_by_a_correction() -> None:
    """A better measurement that is a little earlier is waited for."""
    world = World()
    clock = _clock(world)
    _trips(world, [(0.0, 0.8)] * 5)  # taken for 0.4 s earlier than it was
    world.ahead_s = 0.8
    await clock.measure(world)
    first = clock.now()
    world.ahead_s = 0.2
    await clock.measure(world)
    assert clock.now() == first
    world.pass_s(10.0)
    assert abs(_off_s(clock, world)) <= 0.001
    assert clock.now() > first


async def test_a_large_step_back_of_the_exchange_is_followed() -> None:
    """An exchange that began anew an hour earlier is believed, not waited for."""
    world = World()
    clock = _clock(world)
    await clock.measure(world)
    first = clock.now()
    world.ahead_s = -3600.0
    await clock.measure(world)
    assert first - clock.now() == pytest.approx(
        timedelta(hours=1), abs=timedelta(milliseconds=2)
    )


async def test_one_answer_of_five_is_enough() -> None:
    """Questions without an answer are left out."""
    world = World(ahead_s=2.0)
    for _ in range(4):
        world.no_answer()
    clock = _clock(world)
    await clock.measure(world)
    assert clock.offset_s == pytest.approx(2.0, abs=0.001)
    assert world.asked == ["spot_time"] * 5


async def test_without_any_answer_the_last_measurement_stands() -> None:
    """No answer at all raises; the time that was known is still known, and older."""
    world = World(ahead_s=2.0)
    clock = _clock(world)
    await clock.measure(world, endpoint="futures_time", samples=1)
    world.pass_s(60.0)
    for _ in range(5):
        world.no_answer()
    with pytest.raises(UnreachableError):
        await clock.measure(world)
    assert clock.age_s == pytest.approx(60.0)
    assert abs(_off_s(clock, world)) <= 0.001


@pytest.mark.parametrize("rate", [0, -1, Decimal("-0.5")])
def test_time_runs_forward(rate: Decimal | float) -> None:
    """A rate that is not positive is refused."""
    with pytest.raises(ValueError, match="positive"):
        ExchangeClock(rate)
