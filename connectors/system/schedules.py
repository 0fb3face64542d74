"""Schedules: text in, APScheduler triggers out, fired in real or virtual time.

Three forms: ``every 60s`` (also m, h), ``cron MIN HOUR DAY MONTH WEEKDAY`` in
UTC, and ``before-settlement 10m SYMBOL``. What begins with ``on`` is no clock's: the
engine fires it (``bot/domain/schedules.py``) and here it never comes. A job does
nothing but put one ``ScheduleDue`` on the queue. The virtual scheduler asks the same
triggers for their next fire time, so a replay runs what live would run; nothing here
reads the clock on virtual time.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from apscheduler.events import EVENT_JOB_EXECUTED, JobExecutionEvent
from apscheduler.executors.base import BaseExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bot.domain.errors import UsageError
from bot.domain.events import ScheduleDue
from bot.domain.schedules import occasion_of
from bot.domain.strategy import Job
from bot.ports import Clock

__all__ = [
    "OccasionSchedule",
    "PacedScheduler",
    "RealScheduler",
    "SettlementSchedule",
    "TriggerSchedule",
    "VirtualScheduler",
    "parse_duration",
    "parse_schedule",
]

_DURATION: Final = re.compile(r"([0-9]{1,7})(s|m|h)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


def parse_duration(text: str) -> timedelta:
    """Read ``90s``, ``5m`` or ``8h``.

    Raises:
        UsageError: The text has another form or is zero.

    Example:
        >>> parse_duration("5m")
        datetime.timedelta(seconds=300)
    """
    found = _DURATION.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise UsageError(
            f"The duration {text!r} is not understood; write 90s, 5m or 8h."
        )
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


class _Trigger(Protocol):
    """The part of an APScheduler trigger that is used."""

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """The next time after ``previous_fire_time``, at or after ``now``."""


class TriggerSchedule:
    """A schedule that an APScheduler trigger decides.

    The trigger is asked once for each fire time: a simulation asks for the next one
    at every instant.
    """

    def __init__(self, trigger: _Trigger) -> None:
        self.trigger = trigger
        self._previous: datetime | None = None
        self._next: datetime | None = None

    def next_after(self, now: datetime) -> datetime | None:
        """The next fire time strictly after the last one taken."""
        if self._next is None:
            self._next = self.trigger.get_next_fire_time(self._previous, now)
        return self._next

    def take(self, fired: datetime) -> None:
        """Remember that ``fired`` has been used."""
        self._previous = fired
        self._next = None


class SettlementSchedule:
    """Fires a fixed time before each funding settlement of one contract."""

    def __init__(self, symbol: str, lead: timedelta) -> None:
        self.symbol = symbol
        self._lead = lead
        self._settlement_at: datetime | None = None
        self._taken: datetime | None = None

    def told(self, settlement_at: datetime) -> None:
        """The exchange stated the next settlement; a moved one re-arms."""
        self._settlement_at = settlement_at

    def next_after(self, now: datetime) -> datetime | None:
        """The armed fire time, or None until the next settlement is known."""
        if self._settlement_at is None:
            return None
        due = self._settlement_at - self._lead
        return None if due < now or due == self._taken else due

    def take(self, fired: datetime) -> None:
        """Remember that ``fired`` has been used."""
        self._taken = fired

    def take_late(self, now: datetime) -> datetime | None:
        """A fire time that had passed when it was first told, once; else None."""
        if self._settlement_at is None:
            return None
        due = self._settlement_at - self._lead
        if due >= now or due == self._taken:
            return None
        self._taken = due
        return due


class OccasionSchedule:
    """A schedule that something in the account fires and no clock."""

    def next_after(self, now: datetime) -> datetime | None:
        """Never."""
        return None

    def take(self, fired: datetime) -> None:
        """Nothing was fired here."""


_Schedule = TriggerSchedule | SettlementSchedule | OccasionSchedule


def parse_schedule(text: str, start: datetime) -> _Schedule:
    """Turn one part of a schedule into something that knows its next fire time.

    Raises:
        UsageError: The text is none of the forms.

    Example:
        >>> start = datetime(2025, 1, 1, tzinfo=UTC)
        >>> parse_schedule("every 90s", start).next_after(start)
        datetime.datetime(2025, 1, 1, 0, 1, 30, tzinfo=datetime.timezone.utc)
    """
    match text.split():
        case ["every", step]:
            every = parse_duration(step)
            return TriggerSchedule(
                IntervalTrigger(
                    seconds=int(every.total_seconds()),
                    start_date=start + every,
                    timezone=UTC,
                )
            )
        case ["cron", *fields]:
            return TriggerSchedule(_cron(fields, text))
        case ["before-settlement", lead, symbol]:
            return SettlementSchedule(symbol, parse_duration(lead))
        case _ if occasion_of(text) is not None:
            return OccasionSchedule()
        case _:
            raise UsageError(
                f"The schedule {text!r} is not understood; write 'every 60s', "
                "'cron MIN HOUR DAY MONTH WEEKDAY' (UTC), "
                "'before-settlement 10m XBTUSDTM' or 'on band'."
            )


def _cron(fields: Sequence[str], text: str) -> _Trigger:
    try:
        trigger: _Trigger = CronTrigger.from_crontab(" ".join(fields), timezone=UTC)
    except ValueError as error:
        raise UsageError(f"The schedule {text!r} is not a crontab: {error}.") from None
    return trigger


class VirtualScheduler:
    """The same triggers on virtual time; ties fire in the order of the jobs."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._schedules: list[tuple[Job, _Schedule]] = []
        self._put: Callable[[ScheduleDue], None] | None = None

    def start(self, jobs: Sequence[Job], put: Callable[[ScheduleDue], None]) -> None:
        """Arm the jobs."""
        self._put = put
        self._schedules = [
            (job, parse_schedule(job.schedule, self._start)) for job in jobs
        ]

    def stop(self) -> None:
        """Fire no more."""
        self._schedules = []

    def told_settlement(self, symbol: str, settlement_at: datetime) -> None:
        """Arm the schedules that wait for a contract's next settlement."""
        for _, schedule in self._schedules:
            if isinstance(schedule, SettlementSchedule) and schedule.symbol == symbol:
                schedule.told(settlement_at)

    def next_due(self, now: datetime) -> datetime | None:
        """When the next job fires, None if none is armed."""
        times = [s.next_after(now) for _, s in self._schedules]
        return min((t for t in times if t is not None), default=None)

    def fire(self, now: datetime) -> None:
        """Put every job that is due at or before ``now``."""
        if self._put is None:
            return
        for job, schedule in self._schedules:
            passed = _passed(schedule, now)
            if passed:
                self._put(_due(job.name, now, passed))


def _passed(schedule: _Schedule, now: datetime) -> list[datetime]:
    """The fire times up to ``now``, all taken; more than one after a stall."""
    found: list[datetime] = []
    while (due := schedule.next_after(now)) is not None and due <= now:
        schedule.take(due)
        found.append(due)
    return found


def _due(job: str, now: datetime, passed: Sequence[datetime]) -> ScheduleDue:
    """One event for all the fire times that have passed: the newest is made."""
    return ScheduleDue(at=now, job=job, due_at=passed[-1], missed=len(passed) - 1)


class PacedScheduler:
    """The virtual schedules on a clock that runs faster than the wall.

    For an exchange on this machine whose time is sped up: APScheduler itself waits
    for the wall. A job is fired for the time that it was due, which is a little past
    when the wait ends.
    """

    def __init__(self, clock: Clock, rate: float) -> None:
        self._clock = clock
        self._rate = rate
        self._virtual = VirtualScheduler(clock.now())
        self._armed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, jobs: Sequence[Job], put: Callable[[ScheduleDue], None]) -> None:
        """Arm the jobs on the running loop."""

        def put_now(due: ScheduleDue) -> None:
            put(replace(due, at=self._clock.now()))

        self._virtual.start(jobs, put_now)
        self._task = asyncio.get_running_loop().create_task(self._run())

    def told_settlement(self, symbol: str, settlement_at: datetime) -> None:
        """Arm the schedules that wait for a contract's next settlement."""
        self._virtual.told_settlement(symbol, settlement_at)
        self._armed.set()

    def stop(self) -> None:
        """Fire no more."""
        self._virtual.stop()
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        fired: datetime | None = None
        while True:
            now = self._clock.now()
            due = self._virtual.next_due(fired or now)
            await self._wait(None if due is None else (due - now).total_seconds())
            fired = due if due is not None and self._clock.now() >= due else None
            if fired is not None:
                self._virtual.fire(fired)

    async def _wait(self, seconds: float | None) -> None:
        """Wait in the clock's time, None for ever; less when something is armed."""
        self._armed.clear()
        wall_s = None if seconds is None else max(seconds / self._rate, 0)
        try:
            async with asyncio.timeout(wall_s):
                await self._armed.wait()
        except TimeoutError:
            return


class RealScheduler:
    """APScheduler on the running event loop: one instance, coalesced, with grace.

    A job is one ``put`` in the loop itself. Runs that have passed are one; whether a
    late one is still made is the engine's to say, by the job's grace, so that it is
    journaled.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, executors={"default": _PutExecutor()}
        )
        self._put: Callable[[ScheduleDue], None] | None = None
        self._settlements: list[tuple[Job, SettlementSchedule]] = []

    def start(self, jobs: Sequence[Job], put: Callable[[ScheduleDue], None]) -> None:
        """Arm the jobs on the running loop."""
        now, self._put = self._clock.now(), put
        for job in jobs:
            schedule = parse_schedule(job.schedule, now)
            if isinstance(schedule, SettlementSchedule):
                self._settlements.append((job, schedule))
            elif isinstance(schedule, TriggerSchedule):
                self._arm(job, schedule.trigger, put)
        self._scheduler.start()

    def told_settlement(self, symbol: str, settlement_at: datetime) -> None:
        """Arm the schedules that wait for a contract's next settlement.

        Told the same again, or one that is too near, nothing changes.
        """
        now = self._clock.now()
        for job, schedule in self._settlements:
            if schedule.symbol != symbol or self._put is None:
                continue
            schedule.told(settlement_at)
            due = schedule.next_after(now)
            if due is not None:
                schedule.take(due)
                self._arm(job, DateTrigger(run_date=due, timezone=UTC), self._put)
            elif (late := schedule.take_late(now)) is not None:
                self._put(_due(job.name, now, [late]))

    def _arm(
        self, job: Job, trigger: _Trigger, put: Callable[[ScheduleDue], None]
    ) -> None:
        self._scheduler.add_job(
            _fire,
            trigger,
            args=[job.name, self._clock, put],
            id=job.name,
            coalesce=False,  # the executor does, and counts
            max_instances=1,
            misfire_grace_time=job.grace_s,
            replace_existing=True,
        )

    def next_fires(self) -> dict[str, datetime]:
        """When each armed job fires next, by its name."""
        return {job.id: job.next_run_time for job in self._scheduler.get_jobs()}

    def stop(self) -> None:
        """Fire no more; a second call does nothing."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


def _fire(
    name: str,
    clock: Clock,
    put: Callable[[ScheduleDue], None],
    passed: Sequence[datetime] = (),
) -> None:
    put(_due(name, clock.now(), passed))


class _PutExecutor(BaseExecutor):  # type: ignore[misc]  # APScheduler is untyped
    """Runs a job in the loop, with the times it was due: no thread, nothing skipped.

    APScheduler's own runs a plain function in a thread of a pool, and tells it neither
    when it was due nor how many runs it stands for.
    """

    def _do_submit_job(self, job: Any, run_times: Sequence[datetime]) -> None:
        job.func(*job.args, [when.astimezone(UTC) for when in run_times])
        done = JobExecutionEvent(EVENT_JOB_EXECUTED, job.id, "default", run_times[-1])
        self._run_job_success(job.id, [done])
