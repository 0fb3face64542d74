"""The engine's state at one moment as a ``Frame``, ready to be drawn.

It is called a few times a second, reads the state and the recorder, and changes
neither. What the guard would do next is asked of the guard's own planner on a
hypothetical market. This module must not draw, and must not read a clock.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.money import ONE, ZERO
from bot.engine.core import Step
from bot.engine.stops_word import PAUSED
from bot.guard.limits import GuardLimits, RiskLimits
from bot.guard.size_limits import SizingLimits
from bot.guard.state import GuardState as Guarded
from bot.guard.state import SubjectState
from bot.report import figures
from bot.report.account_view import (
    futures_gauges,
    loan_lines,
    margin_gauges,
    next_settlement,
    position_lines,
    price_lines,
)
from bot.report.action_log import GUARD
from bot.report.age_words import age_notices
from bot.report.frame import (
    EventLine,
    Frame,
    GuardState,
    GuardView,
    Series,
    Twin,
)
from bot.report.next_action import nearest_trigger, planned_words
from bot.report.outlook_view import ahead_words
from bot.report.recorder import Recorder
from bot.report.size_words import size_words
from bot.report.wording import intent_title, ratio_word, subject_title
from bot.risk.measure import (
    SubjectMeasure,
    equity_usdt,
    measure_subject,
    measure_subjects,
)
from bot.risk.stress_set import moved_alike
from bot.shadow.state import Shadow
from connectors.system.disk import DISK_FEED

__all__ = ["FrameSources", "live_frame"]

_EVENTS: Final = 40
"""Events handed to the view, which shows as many as it has room for."""

Measures = Mapping[str, SubjectMeasure]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSources:
    """What a frame needs beside the state: the run's name, span, speed and twin.

    ``speed`` is market seconds a second. ``equity_start`` is in USDT, None until it
    is known. ``limits`` sizes the guard's next action; the thresholds themselves
    are those that the guard keeps for each account.
    """

    title: str
    world: str
    start: datetime
    end: datetime
    speed: Decimal | None
    equity_start: Decimal | None
    twin: Recorder | None
    is_guarded: bool
    limits: GuardLimits = field(default_factory=GuardLimits)
    risk_limits: RiskLimits = field(default_factory=RiskLimits)
    sizing: SizingLimits = field(default_factory=SizingLimits)


def live_frame(recorder: Recorder, step: Step, sources: FrameSources) -> Frame:
    """Everything that the live view shows at this moment."""
    shadow = step.state.shadow
    measured = step.measures or measure_subjects(shadow)
    measures = {measure.subject: measure for measure in measured}
    subjects = list(dict.fromkeys([*recorder.subjects, *measures]))
    main = recorder.main_subject
    return Frame(
        at=shadow.at,
        title=sources.title,
        world=sources.world,
        equity_usdt=equity_usdt(shadow),
        equity_start_usdt=sources.equity_start,
        guard=replace(
            _guard_view(recorder, step, measured, sources),
            resting=_resting(recorder, step, measured, sources),
        ),
        progress=_progress(shadow.at, sources),
        speed=sources.speed,
        margins=margin_gauges(shadow, subjects, measures),
        futures=futures_gauges(shadow, subjects, measures),
        prices=price_lines(shadow, recorder.first_marks, measures),
        positions=position_lines(shadow),
        loans=loan_lines(shadow),
        settlement=next_settlement(shadow),
        events=_events(recorder),
        notices=(
            *age_notices(shadow, measured, step.mark_cadence),
            *_notices(shadow, measured, step.state.guard),
        ),
        ahead=(
            *ahead_words(step.state),
            *size_words(step.state, sources.risk_limits, sources.sizing),
        ),
        twin=_twin(sources.twin, shadow, main),
        equity_series=recorder.equity(),
        ratio_series=recorder.ratio(main),
        ratio_name=_ratio_name(main),
    )


def _progress(at: datetime, sources: FrameSources) -> Decimal | None:
    """The share of the market's time that has passed, held between 0 and 1."""
    span = (sources.end - sources.start).total_seconds()
    if span <= 0:
        return None
    passed = Decimal(str((at - sources.start).total_seconds()))
    return min(max(passed / Decimal(str(span)), ZERO), ONE)


def _ratio_name(subject: str | None) -> str:
    if subject is None:
        return "debt ratio"
    return f"{ratio_word(subject)}, {subject_title(subject)}"


def _events(recorder: Recorder) -> tuple[EventLine, ...]:
    return tuple(
        EventLine(at=row.at, text=f"{row.owner} {row.text}", tone=row.tone)
        for row in recorder.decisions.newest(_EVENTS)
    )


def _notices(
    shadow: Shadow, measures: Sequence[SubjectMeasure], guard: Guarded
) -> tuple[str, ...]:
    """What stays wrong until it is cured."""
    told = [
        f"{subject_title(m.subject)} cannot be measured: {'; '.join(m.missing)}"
        for m in measures
        if m.missing
    ]
    told += [f"{symbol} takes no new orders" for symbol in sorted(shadow.halted)]
    told += [
        f"{name} is delisted: the guard is leaving it"
        for name in sorted(guard.leaving.begun)
    ]
    if DISK_FEED in shadow.silent_feeds:
        told.append(f"{shadow.silent_feeds[DISK_FEED]}: new risk waits")
    if silent := sorted(shadow.silent_feeds.keys() - {DISK_FEED}):
        more = f" and {len(silent) - 1} more" if len(silent) > 1 else ""
        told.append(f"No word from {silent[0]}{more}: new risk waits")
    for name, known in sorted(guard.subjects.items()):
        if known.thresholds.is_adapted:
            act = figures.distance(known.thresholds.act)
            told.append(
                f"{subject_title(name)} opened near liquidation: the guard acts "
                f"at {act} only"
            )
    return tuple(told)


# -- the twin -------------------------------------------------------------


def _until(series: Series, at: datetime) -> Series:
    """The part of a curve up to a time."""
    return series[: bisect_right(series, at, key=lambda point: point[0])]


def _twin(twin: Recorder | None, shadow: Shadow, main: str | None) -> Twin | None:
    """The unguarded run at the same time of the market, valued at the same marks."""
    if twin is None:
        return None
    held, ratio, equity = twin.holdings_at(shadow.at), None, None
    if held is not None:
        then = replace(shadow, balances=held.balances, positions=held.positions)
        equity = equity_usdt(then)
        measure = None if main is None else measure_subject(then, main)
        ratio = ZERO if measure is None else measure.ratio
    is_futures = main is not None and main.startswith("futures")
    return Twin(
        equity_usdt=equity,
        debt_ratio=None if is_futures else ratio,
        risk_rate=ratio if is_futures else None,
        liquidations=bisect_right(twin.liquidated_at, shadow.at),
        equity_series=_until(twin.equity(), shadow.at),
        ratio_series=_until(twin.ratio(main), shadow.at),
    )


# -- the guard ------------------------------------------------------------


def _guard_view(
    recorder: Recorder,
    step: Step,
    measures: Sequence[SubjectMeasure],
    sources: FrameSources,
) -> GuardView:
    if not sources.is_guarded:
        return GuardView(
            state=GuardState.OFF, next_action="nothing: the guard is switched off"
        )
    state = step.state
    acting = [
        (measure, known)
        for measure in measures
        if (known := state.guard.known(measure.subject)) is not None and known.is_acting
    ]
    if acting:
        return _acting(recorder, state.shadow, *acting[0], sources.limits)
    return _watching(recorder, step, measures, sources.limits)


def _resting(
    recorder: Recorder,
    step: Step,
    measures: Sequence[SubjectMeasure],
    sources: FrameSources,
) -> str | None:
    """What would act if the process ended; not said where no stops are to rest."""
    if not sources.is_guarded or not sources.limits.resting_stops:
        return None
    state = step.state
    if state.guard.resting.is_paused:
        return PAUSED
    known = state.guard.subjects
    return recorder.stops_line.read(state.shadow, measures, known, sources.limits)


def _acting(
    recorder: Recorder,
    shadow: Shadow,
    measure: SubjectMeasure,
    known: SubjectState,
    limits: GuardLimits,
) -> GuardView:
    """In an episode: what it waits for, else what it does now."""
    waiting = recorder.log.waiting(GUARD)
    if waiting:
        asked = ", ".join(intent_title(shadow.rules, w.intent) for w in waiting[:2])
        told = f"now: waiting for the exchange: {asked}"
    else:
        told = f"now: {planned_words(shadow, measure, known, limits)}"
    target = figures.distance(known.thresholds.target)
    return GuardView(
        state=GuardState.ACTING,
        next_action=told,
        trigger_note=f"(until {subject_title(measure.subject)} is {target} away)",
        actions=recorder.guard_actions,
    )


def _watching(
    recorder: Recorder,
    step: Step,
    measures: Sequence[SubjectMeasure],
    limits: GuardLimits,
) -> GuardView:
    """Between episodes: the move that would set it off, and what it would do."""
    shadow, guard = step.state.shadow, step.state.guard
    state = _rest(guard, measures, shadow.at)
    trigger = nearest_trigger(shadow, measures, guard)
    if trigger is None:
        is_known = all(measure.ratio is not None for measure in measures)
        told = "nothing: no uniform move liquidates an account" if is_known else None
        return GuardView(state=state, next_action=told, actions=recorder.guard_actions)
    there = moved_alike(shadow, trigger.move)
    measure = measure_subject(there, trigger.measure.subject)
    told = "nothing is left that it could do"
    if measure is not None:
        told = planned_words(there, measure, trigger.known, limits)
    return GuardView(
        state=state,
        next_action=told,
        trigger=trigger.move,
        trigger_note=f"({trigger.reason})",
        actions=recorder.guard_actions,
    )


def _rest(
    guard: Guarded, measures: Sequence[SubjectMeasure], at: datetime
) -> GuardState:
    if any(measure.ratio is None for measure in measures):
        return GuardState.UNKNOWN
    rests = [known.cooled_until for known in guard.subjects.values()]
    is_cooling = any(until is not None and at < until for until in rests)
    return GuardState.COOLING if is_cooling else GuardState.WATCHING
