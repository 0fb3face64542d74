"""When a strategy is asked, and what its answer may be.

An ``Agenda`` is what the strategies of a run wait for, read once. ``asks_of`` says
who is asked in a moment: those whose job fired, and those for whom something happened
to the account (``bot/domain/schedules.py``). ``answer_of`` asks one of them behind the
fence: what it raises, or returns that is no list of sound proposals of its own
(``bot/engine/answers.py``), is a fault and stops that strategy alone. Pure; it sends
nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bot.domain.entries import Noted
from bot.domain.events import (
    Cause,
    Event,
    Filled,
    IntentSettled,
    LedgerBooked,
    MarksTicked,
    OperatorAsked,
    OrderChanged,
    PositionChanged,
    ScheduleDue,
)
from bot.domain.fence import Fault, fenced
from bot.domain.intents import Proposal
from bot.domain.schedules import Occasion, OnOccasion, occasion_of
from bot.domain.strategy import Strategy, View
from bot.engine.answers import read_answer
from bot.risk.bands import Band, settled_band
from bot.risk.measure import SubjectMeasure

__all__ = [
    "FAULT",
    "MISSED",
    "Agenda",
    "Ask",
    "Asking",
    "agenda_of",
    "answer_of",
    "asks_of",
    "fault_note",
    "missed_notes",
]

FAULT: Final = "strategy fault"
"""The topic of the row that says that a strategy was stopped."""

MISSED: Final = "missed run"
"""The topic of the row that says that a scheduled run was not made."""

_FACTS: Final = (IntentSettled, Filled, OrderChanged, PositionChanged)
_MOVES: Final = frozenset({Cause.BORROW, Cause.REPAY, Cause.TRANSFER, Cause.ADJUSTMENT})
_FORCED: Final = frozenset({"liquidation", "adl"})

Measured = Callable[[], Sequence[SubjectMeasure]]
"""The exact numbers of the moment, measured when they are first asked for."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One strategy to be asked; ``job`` None is a fact about its own requests."""

    strategy: Strategy
    job: str | None
    due_at: datetime

    @property
    def key(self) -> tuple[str, str | None]:
        """The same question is asked once, however often it waits."""
        return self.strategy.name, self.job


@dataclass(frozen=True, slots=True)
class _Waiter:
    """A job that waits for something to happen to the account."""

    strategy: Strategy
    job: str
    on: OnOccasion


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """What the strategies of a run wait for."""

    clocked: Mapping[str, tuple[Strategy, timedelta]] = field(default_factory=dict)
    """The jobs that a clock fires, each with its grace."""
    waiters: tuple[_Waiter, ...] = ()

    @property
    def has_levels(self) -> bool:
        """Whether somebody waits for a distance or a band, so marks are measured."""
        levels = {Occasion.DISTANCE, Occasion.BAND}
        return any(waiter.on.occasion in levels for waiter in self.waiters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is remembered of asking between two moments."""

    waiting: tuple[Ask, ...] = ()
    """Asked in the next moment, because the guard's requests left first in this."""
    stopped: frozenset[str] = frozenset()
    """The strategies that failed; none of them is asked again in this run."""
    under: frozenset[tuple[str, str]] = frozenset()
    """(job, account) whose distance was under the job's threshold."""
    bands: Mapping[str, Band] = field(default_factory=dict)
    """By account; one that is new begins low."""


def agenda_of(strategies: Sequence[Strategy]) -> Agenda:
    """Read every job of the strategies once.

    Raises:
        UsageError: An ``on`` part of a schedule is not understood.
    """
    clocked: dict[str, tuple[Strategy, timedelta]] = {}
    waiters: list[_Waiter] = []
    for strategy in strategies:
        for job in strategy.jobs:
            on = occasion_of(job.schedule)
            if on is None:
                clocked[job.name] = strategy, timedelta(seconds=job.grace_s)
            else:
                waiters.append(_Waiter(strategy, job.name, on))
    return Agenda(clocked=clocked, waiters=tuple(waiters))


def asks_of(
    agenda: Agenda, asking: Asking, moment: Sequence[Event], measured: Measured
) -> tuple[tuple[Ask, ...], Asking]:
    """Who is asked now, each question once, and what is remembered.

    Those who waited come first; a strategy whose job fired is not asked once more for
    a fact of the same moment.

    Args:
        agenda: What the strategies wait for.
        asking: What is remembered.
        moment: The facts.
        measured: Gives the exact numbers of this moment; called only where needed.
    """
    if not (asking.waiting or agenda.clocked or agenda.waiters):
        return (), asking
    found = [*asking.waiting, *_fired(agenda, moment)]
    levels: tuple[str, ...] = ()
    under, bands = asking.under, asking.bands
    has_ticked = any(isinstance(event, MarksTicked) for event in moment)
    if has_ticked and agenda.has_levels:
        measures = measured()
        now = _levels_now(agenda, asking, measures)
        levels, under, bands = _crossed(agenda, asking, now), now[0], now[1]
    happened = {*levels, *_happened(agenda, moment)}
    found += [
        Ask(waiter.strategy, waiter.job, moment[-1].at)
        for waiter in agenda.waiters
        if waiter.job in happened
    ]
    asked = {ask.strategy.name for ask in found}
    facts = [event for event in moment if isinstance(event, _FACTS)]
    if facts:
        found += [
            Ask(waiter.strategy, None, facts[0].at)
            for waiter in agenda.waiters
            if waiter.on.occasion is Occasion.FACT and waiter.strategy.name not in asked
        ]
    asks = {ask.key: ask for ask in found if ask.strategy.name not in asking.stopped}
    after = Asking(stopped=asking.stopped, under=under, bands=bands)
    return tuple(asks.values()), after


def _fired(agenda: Agenda, moment: Sequence[Event]) -> Iterator[Ask]:
    for event in moment:
        if isinstance(event, ScheduleDue) and event.job in agenda.clocked:
            strategy, grace = agenda.clocked[event.job]
            if event.at - event.due_at <= grace:
                yield Ask(strategy, event.job, event.due_at)


def missed_notes(agenda: Agenda, moment: Sequence[Event]) -> Iterator[Noted]:
    """The rows of runs that were not made: too late, or one with a later one."""
    for event in moment:
        if not isinstance(event, ScheduleDue) or event.job not in agenda.clocked:
            continue
        grace, late = agenda.clocked[event.job][1], event.at - event.due_at
        due = event.due_at.isoformat()
        if event.missed:
            text = (
                f"{event.missed} earlier runs of {event.job} are one with that of {due}"
            )
            yield Noted(topic=MISSED, text=text)
        if late > grace:
            text = (
                f"{event.job} was due at {due} and is not made: it comes "
                f"{late.total_seconds():.0f} s late, its grace is "
                f"{grace.total_seconds():.0f} s"
            )
            yield Noted(topic=MISSED, text=text)


def _levels_now(
    agenda: Agenda, asking: Asking, measures: Sequence[SubjectMeasure]
) -> tuple[frozenset[tuple[str, str]], Mapping[str, Band]]:
    """On which side of each threshold every account is, and its band.

    A distance that is not known leaves the side as it was; one that no move ends is
    far.
    """
    under: set[tuple[str, str]] = set()
    for waiter in agenda.waiters:
        if waiter.on.threshold is None:
            continue
        for measure in measures:
            key = (waiter.job, measure.subject)
            is_unknown = measure.distance is None and measure.ratio is None
            is_near = (
                measure.distance is not None and measure.distance < waiter.on.threshold
            )
            if is_near or (is_unknown and key in asking.under):
                under.add(key)
    bands = {
        m.subject: settled_band(asking.bands.get(m.subject, Band.LOW), m.ratio)
        for m in measures
    }
    return frozenset(under), bands


def _crossed(
    agenda: Agenda,
    asking: Asking,
    now: tuple[frozenset[tuple[str, str]], Mapping[str, Band]],
) -> tuple[str, ...]:
    """The jobs for which some account came to another side or band."""
    under, bands = now
    crossed = {job for job, _ in under ^ asking.under}
    is_banded = any(
        band is not asking.bands.get(subject, Band.LOW)
        for subject, band in bands.items()
    )
    return tuple(
        waiter.job
        for waiter in agenda.waiters
        if waiter.job in crossed or (is_banded and waiter.on.occasion is Occasion.BAND)
    )


def _happened(agenda: Agenda, moment: Sequence[Event]) -> tuple[str, ...]:
    """The jobs that wait for a forced fill or for somebody else's hand."""
    if not agenda.waiters:
        return ()
    is_forced = any(_is_forced(event) for event in moment)
    seen = {
        Occasion.FORCED_FILL: is_forced,
        Occasion.INTERFERENCE: not is_forced and any(map(_is_foreign, moment)),
    }
    return tuple(w.job for w in agenda.waiters if seen.get(w.on.occasion, False))


def _is_forced(event: Event) -> bool:
    match event:
        case Filled(forced=forced):
            return forced is not None
        case PositionChanged(reason=reason):
            return reason in _FORCED
        case _:
            return False


def _is_foreign(event: Event) -> bool:
    match event:
        case OperatorAsked():
            return True
        case Filled(intent_id=None):
            return True
        case PositionChanged(reason=reason):
            return reason == "foreign"
        case LedgerBooked(cause=cause, intent_id=None):
            return cause in _MOVES
        case _:
            return False


def answer_of(ask: Ask, view: View) -> tuple[Proposal, ...] | Fault:
    """What the strategy proposes, or what is wrong with it."""

    def asked() -> tuple[Proposal, ...] | Fault:
        return read_answer(ask.strategy.name, ask.strategy.decide(view, ask.due_at))

    return fenced(asked)


def fault_note(name: str, fault: Fault) -> Noted:
    """The row of a strategy that was stopped."""
    text = (
        f"{name} {fault.sentence}; it is not asked again before the next start, "
        "the guard and every other strategy go on"
    )
    return Noted(topic=FAULT, text=text, inputs={"strategy": name})
