"""Schedules: text in, the same fire times on virtual time as in real time."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.errors import UsageError
from bot.domain.events import ScheduleDue
from bot.domain.strategy import Job
from connectors.system.clock import SystemClock, nap
from connectors.system.schedules import (
    RealScheduler,
    SettlementSchedule,
    VirtualScheduler,
    parse_duration,
    parse_schedule,
)

START = datetime(2025, 1, 1, 12, 0, 0, tzinfo=UTC)


def after(**span: float) -> datetime:
    """So long after the start."""
    return START + timedelta(**span)


def fired(*schedules: str, until: datetime) -> list[tuple[str, datetime]]:
    """Every job that fires up to a time, one after the other, as a world does it."""
    scheduler, due = VirtualScheduler(START), list[ScheduleDue]()
    scheduler.start([Job(name=text, schedule=text) for text in schedules], due.append)
    now = START
    while (then := scheduler.next_due(now)) is not None and then <= until:
        now = then
        scheduler.fire(now)
    assert all(event.at == event.due_at for event in due)
    return [(event.job, event.due_at) for event in due]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("8h", 28800), ("01s", 1)]
)
def test_durations_are_a_number_and_a_unit(text: str, seconds: int) -> None:
    """Seconds, minutes and hours."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "0s", "60", "s", "-5m", "1.5h", "5 m", "5d", "5m\n", "9" * 30 + "h", "٣s"],
)
def test_another_duration_is_refused_with_a_sentence(text: str) -> None:
    """Empty, zero, negative, another unit, or longer than time itself."""
    with pytest.raises(UsageError, match="write 90s, 5m or 8h"):
        parse_duration(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "every",
        "every 60s now",
        "hourly",
        "cron",
        "cron * * *",
        "cron 61 * * * *",
        "before-settlement 10m",
        "before-settlement XBTUSDTM 10m",
    ],
)
def test_another_schedule_is_refused_with_a_sentence(text: str) -> None:
    """The sentence says what was written and what is understood."""
    with pytest.raises(UsageError, match=r"schedule|duration"):
        parse_schedule(text, START)


def test_every_fires_from_one_interval_after_the_start() -> None:
    """Each minute for three minutes: three times, and the borders count."""
    assert fired("every 60s", until=after(minutes=3)) == [
        ("every 60s", after(minutes=1)),
        ("every 60s", after(minutes=2)),
        ("every 60s", after(minutes=3)),
    ]


def test_cron_is_in_utc_and_fires_at_its_minute() -> None:
    """Every half hour; the start itself is one."""
    assert fired("cron */30 * * * *", until=after(hours=1)) == [
        ("cron */30 * * * *", after()),
        ("cron */30 * * * *", after(minutes=30)),
        ("cron */30 * * * *", after(minutes=60)),
    ]


def test_a_cron_that_never_comes_never_fires() -> None:
    """The thirtieth of February is not found, and not looked for at every tick."""
    assert fired("cron 0 0 30 2 *", until=after(days=3650)) == []


def test_jobs_fire_in_time_order_and_ties_in_their_own() -> None:
    """At minute two both fire, the first job first."""
    found = fired("every 60s", "every 2m", until=after(minutes=2))
    assert [job for job, _ in found] == ["every 60s", "every 60s", "every 2m"]


def settlements(*told: tuple[datetime, datetime]) -> list[datetime]:
    """Fire times of a schedule that is told settlements at these times."""
    scheduler, due = VirtualScheduler(START), list[ScheduleDue]()
    job = Job(name="carry", schedule="before-settlement 10m XBTUSDTM")
    scheduler.start([job], due.append)
    now = START
    for when, settlement in told:
        while (then := scheduler.next_due(now)) is not None and then <= when:
            now = then
            scheduler.fire(now)
        now = when
        scheduler.told_settlement("XBTUSDTM", settlement)
        scheduler.told_settlement("ETHUSDTM", when)
    while (then := scheduler.next_due(now)) is not None:
        now = then
        scheduler.fire(now)
    return [event.due_at for event in due]


def test_a_settlement_fires_once_before_each_time_that_is_told() -> None:
    """Told twice it fires once; the next settlement arms it again."""
    first, second = after(hours=4), after(hours=12)
    assert settlements(
        (after(), first),
        (after(hours=1), first),
        (after(hours=3, minutes=55), first),
        (first, second),
    ) == [first - timedelta(minutes=10), second - timedelta(minutes=10)]


def test_a_settlement_that_is_moved_moves_its_schedule() -> None:
    """A new interval brings it forward."""
    assert settlements((after(), after(hours=8)), (after(hours=1), after(hours=4))) == [
        after(hours=3, minutes=50)
    ]


def test_a_settlement_that_is_told_too_late_is_missed() -> None:
    """Ten minutes before it have passed already: nothing fires."""
    assert settlements((after(), after(minutes=9))) == []


def test_after_the_stop_nothing_fires() -> None:
    """No job is left."""
    scheduler, due = VirtualScheduler(START), list[ScheduleDue]()
    put: Callable[[ScheduleDue], None] = due.append
    scheduler.start([Job(name="a", schedule="every 60s")], put)
    scheduler.stop()
    assert scheduler.next_due(START) is None
    scheduler.fire(after(hours=1))
    assert due == []


def test_before_the_start_nothing_fires() -> None:
    """A scheduler without jobs is silent."""
    scheduler = VirtualScheduler(START)
    scheduler.fire(after(hours=1))
    assert scheduler.next_due(START) is None


def test_a_settlement_schedule_knows_its_symbol() -> None:
    """The form of the third kind."""
    found = parse_schedule("before-settlement 10m XBTUSDTM", START)
    assert isinstance(found, SettlementSchedule)
    assert found.symbol == "XBTUSDTM"
    assert found.next_after(START) is None


async def test_in_real_time_the_same_jobs_are_armed() -> None:
    """Each by its name; a settlement once it is told, and again when it moves."""
    clock = SystemClock()
    scheduler, now = RealScheduler(clock), clock.now()
    texts = ("every 1h", "cron 0 0 * * *", "before-settlement 10m XBTUSDTM")
    late: list[ScheduleDue] = []
    scheduler.start([Job(name=text, schedule=text) for text in texts], late.append)
    armed = scheduler.next_fires()
    assert set(armed) == set(texts[:2])
    assert armed["every 1h"] - now <= timedelta(hours=1, seconds=2)
    for hours in (8, 8, 4):
        scheduler.told_settlement("XBTUSDTM", now + timedelta(hours=hours))
    scheduler.told_settlement("ETHUSDTM", now + timedelta(hours=1))
    due = scheduler.next_fires()["before-settlement 10m XBTUSDTM"]
    assert due == now + timedelta(hours=3, minutes=50)
    scheduler.stop()


def test_after_a_stall_one_run_stands_for_all() -> None:
    """Asked 250 s late, a job of every minute is due once, for three more."""
    scheduler, due = VirtualScheduler(START), list[ScheduleDue]()
    scheduler.start([Job(name="tick", schedule="every 60s")], due.append)
    assert scheduler.next_due(START) == after(seconds=60)
    scheduler.fire(after(seconds=250))
    scheduler.fire(after(seconds=250))
    (event,) = due
    assert event == ScheduleDue(
        at=after(seconds=250), job="tick", due_at=after(seconds=240), missed=3
    )
    assert scheduler.next_due(after(seconds=250)) == after(seconds=300)


async def test_in_real_time_a_blocked_loop_makes_one_run_of_many() -> None:
    """The loop stands for two and a half seconds: one event, in the loop's thread."""
    clock, found = SystemClock(), list[tuple[ScheduleDue, int]]()
    scheduler = RealScheduler(clock)

    def put(due: ScheduleDue) -> None:
        found.append((due, threading.get_ident()))

    scheduler.start([Job(name="tick", schedule="every 1s")], put)
    threading.Event().wait(2.5)
    await nap(0.2)
    scheduler.stop()
    ((event, thread),) = found
    assert event.missed == 1
    assert timedelta(0) < event.at - event.due_at < timedelta(seconds=1.5)
    assert thread == threading.get_ident()


async def test_in_real_time_a_settlement_told_too_late_is_due_at_once() -> None:
    """Once, with the time that it was due; the engine says whether it is made."""
    clock, found = SystemClock(), list[ScheduleDue]()
    scheduler, now = RealScheduler(clock), clock.now()
    job = Job(name="entry", schedule="before-settlement 10m XBTUSDTM")
    scheduler.start([job], found.append)
    for _ in range(2):
        scheduler.told_settlement("XBTUSDTM", now + timedelta(minutes=4))
    scheduler.stop()
    (event,) = found
    assert event.due_at == now - timedelta(minutes=6)
