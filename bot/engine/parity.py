"""Our ratio beside the exchange's own, at every report: by how much, and why.

Pure functions. A report is old when it arrives and the exchange's marks are not of
the same instant as ours, so a short memory of our own ratios is kept: where the
stated number lies within what ours were, the difference is one of timing. What the
errors mean for the guard is in ``bot/guard/buffer.py``; nothing here decides.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.entries import Entry, ParityCause, ParityChecked
from bot.domain.events import RatioReported
from bot.domain.money import ZERO, plain
from bot.guard.buffer import ErrorTrack, Standing, followed, has_lapsed
from bot.guard.limits import ParityLimits
from bot.guard.state import GuardState
from bot.risk.kernel_row import KernelNumbers
from bot.risk.measure import SubjectMeasure, measure_subject
from bot.risk.view import touched
from bot.shadow.state import Request, Shadow

__all__ = [
    "TOLERANCE",
    "Reading",
    "Readings",
    "agree",
    "check_report",
    "follow",
    "follow_reports",
    "lapse",
    "own_range",
    "recall_tracks",
    "remember",
    "subject_of",
]

TOLERANCE: Final = Decimal("0.0001")
"""The exchange prints four decimals of a ratio and cuts the rest."""
_KEPT: Final = 512
"""Moments that are remembered at most: fifty a second of the window."""
_NAMED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Our numbers of one moment, exact or in floats with a bound of their error.

    Which of the two it is makes no difference to anything but the time it takes.
    """

    shadow: Shadow
    measures: tuple[SubjectMeasure, ...] = ()
    numbers: tuple[KernelNumbers, ...] = ()


Readings = tuple[Reading, ...]
"""Of the last seconds, oldest first."""


def subject_of(report: RatioReported) -> str:
    """The subject that a report speaks of; a risk rate names its settle currency."""
    is_rate = report.account == FUTURES
    return f"{FUTURES}:{report.coin}" if is_rate else str(report.account)


def agree(own: Decimal, stated: Decimal) -> bool:
    """Whether two ratios are the same but for printing; both may be infinite.

    Example:
        >>> agree(Decimal("0.66009"), Decimal("0.66"))
        True
        >>> agree(Decimal("Infinity"), Decimal(12))
        False
    """
    if not (own.is_finite() and stated.is_finite()):
        return own == stated
    return abs(own - stated) <= TOLERANCE


# -- the memory of our own numbers ------------------------------------------


def remember(readings: Readings, reading: Reading, keep: timedelta) -> Readings:
    """The memory with the numbers of this moment, and without what is too old.

    Args:
        readings: What was remembered.
        reading: The numbers of this moment.
        keep: How far back the memory goes.
    """
    since = reading.shadow.at - keep
    first = max(len(readings) + 1 - _KEPT, 0)
    while first < len(readings) and readings[first].shadow.at < since:
        first += 1
    return (*readings[first:], reading)


def own_range(
    readings: Readings, subject: str
) -> tuple[Decimal | None, Decimal | None]:
    """The lowest and highest of our own ratios of a subject, exact; None is unknown.

    Of numbers in floats only those are measured exactly that may be an extreme.
    """
    spans = list(_spans(readings, subject))
    if not spans:
        return None, None
    least = min(high for _, high, _ in spans)
    most = max(low for low, _, _ in spans)
    lows = [_exact(each, subject) for low, _, each in spans if low <= least]
    highs = [_exact(each, subject) for _, high, each in spans if high >= most]
    return (
        min((ratio for ratio in lows if ratio is not None), default=None),
        max((ratio for ratio in highs if ratio is not None), default=None),
    )


_Span = tuple[Decimal, Decimal, Decimal | Shadow]
"""Where a ratio lies at least and at most, and the ratio or what it is made of."""


def _spans(readings: Readings, subject: str) -> Iterator[_Span]:
    """Each ratio of a subject once: one that no mark touched is the same object."""
    before: KernelNumbers | None = None
    for reading in readings:
        for measure in reading.measures:
            if measure.subject == subject and measure.ratio is not None:
                yield measure.ratio, measure.ratio, measure.ratio
        for numbers in reading.numbers:
            if numbers.subject == subject and numbers is not before:
                before, found = numbers, numbers.ratio_bounds
                if found is not None:
                    yield *found, reading.shadow


def _exact(known: Decimal | Shadow, subject: str) -> Decimal | None:
    if isinstance(known, Decimal):
        return known
    measure = measure_subject(known, subject)
    return None if measure is None else measure.ratio


# -- one report -------------------------------------------------------------


def check_report(
    report: RatioReported,
    measure: SubjectMeasure | None,
    shadow: Shadow,
    readings: Readings,
) -> ParityChecked:
    """The exchange's ratio beside ours, with the error and its cause.

    Args:
        report: What the exchange states.
        measure: Our numbers of its subject at this moment; None is one that owes
            nothing and holds nothing, so its ratio is zero.
        shadow: The account that was measured.
        readings: Our numbers within the age of the report.
    """
    subject = subject_of(report)
    own = ZERO if measure is None else measure.ratio
    waiting = _under_way(shadow, report)
    low, high = own_range(readings, subject)
    low, high = own if low is None else low, own if high is None else high
    cause = _cause(own, report.value, low, high, is_in_flight=bool(waiting))
    inputs: dict[str, str] = {}
    if cause is not ParityCause.PRINTING:
        inputs = {
            **_range_words(low, high),
            **_mark_words(shadow, measure),
            **({"under way": ", ".join(waiting[:_NAMED])} if waiting else {}),
        }
    if measure is not None and measure.missing:
        inputs["missing"] = "; ".join(measure.missing)
    return ParityChecked(
        subject=subject,
        stated=report.value,
        own=own,
        error=_error(own, report.value),
        cause=cause,
        inputs=inputs,
    )


def _error(own: Decimal | None, stated: Decimal) -> Decimal | None:
    if own is None:
        return None
    if own.is_finite() and stated.is_finite():
        return own - stated
    return ZERO if own == stated else None


def _cause(
    own: Decimal | None,
    stated: Decimal,
    low: Decimal | None,
    high: Decimal | None,
    *,
    is_in_flight: bool,
) -> ParityCause:
    if own is None:
        return ParityCause.MISSING
    if agree(own, stated):
        return ParityCause.PRINTING
    if _is_between(stated, low, high):
        return ParityCause.MARK_TIMING
    return ParityCause.IN_FLIGHT if is_in_flight else ParityCause.UNEXPLAINED


def _is_between(stated: Decimal, low: Decimal | None, high: Decimal | None) -> bool:
    if low is None or high is None:
        return False
    return low - TOLERANCE <= stated <= high + TOLERANCE


def _under_way(shadow: Shadow, report: RatioReported) -> list[str]:
    """The requests under way that may change the reported account."""
    return sorted(
        name
        for name, request in shadow.requests.items()
        if shadow.is_under_way(request) and _touches(shadow, request, report)
    )


def _touches(shadow: Shadow, request: Request, report: RatioReported) -> bool:
    accounts = touched(shadow.rules, request.approved.intent)
    return any(account == report.account for account, _ in accounts)


def _range_words(low: Decimal | None, high: Decimal | None) -> dict[str, str]:
    if low is None or high is None:
        return {}
    return {"own low": plain(low), "own high": plain(high)}


def _mark_words(shadow: Shadow, measure: SubjectMeasure | None) -> dict[str, str]:
    """The marks that our number rests on: of coins, or of the futures held."""
    if measure is None:
        return {}
    if measure.is_futures:
        held = {key.symbol for key in shadow.positions}
        marks = shadow.futures_marks
    else:
        held = set(shadow.balances.get(measure.account, {}))
        marks = shadow.margin_marks
    return {f"mark {name}": plain(marks[name]) for name in sorted(held & set(marks))}


# -- what the guard is told -------------------------------------------------


def follow_reports(
    guard: GuardState,
    reports: Sequence[RatioReported],
    readings: Readings,
    limits: ParityLimits,
) -> tuple[GuardState, list[Entry]]:
    """The guard's state after a moment, and a row for each report in it.

    Args:
        guard: The state before it.
        reports: What the exchange states in it.
        readings: Our numbers of the last seconds, those of the moment last.
        limits: How large an error may be.
    """
    now, rows = readings[-1], list[Entry]()
    shadow = now.shadow
    guard = lapse(guard, shadow)
    known = {measure.subject: measure for measure in now.measures}
    for report in reports:
        subject = subject_of(report)
        ours = known.get(subject) or measure_subject(shadow, subject)
        checked = check_report(report, ours, shadow, readings)
        guard, checked = follow(guard, checked, limits, shadow.at)
        rows.append(Entry(at=report.at, body=checked))
    return guard, rows


def follow(
    guard: GuardState, checked: ParityChecked, limits: ParityLimits, at: datetime
) -> tuple[GuardState, ParityChecked]:
    """The guard's state after a report, and the report with what came of it."""
    before = guard.parity.get(checked.subject, ErrorTrack())
    after = followed(before, checked, limits, at)
    inputs = dict(checked.inputs)
    if after.standing is not Standing.AGREED or before.standing is not after.standing:
        inputs["standing"] = after.standing.value
    if after.buffer:
        inputs["buffer"] = plain(after.buffer)
    guard = replace(guard, parity={**guard.parity, checked.subject: after})
    return guard, replace(checked, inputs=inputs)


def lapse(guard: GuardState, shadow: Shadow) -> GuardState:
    """Forget a disagreement about an account that both sides have done with."""
    gone = [
        subject
        for subject, track in guard.parity.items()
        if track.standing is not Standing.AGREED
        and has_lapsed(track, shadow.at)
        and measure_subject(shadow, subject) is None
    ]
    if not gone:
        return guard
    calm = {subject: _calmed(guard.parity[subject]) for subject in gone}
    return replace(guard, parity={**guard.parity, **calm})


def _calmed(track: ErrorTrack) -> ErrorTrack:
    return replace(
        track,
        standing=Standing.AGREED,
        beyond_first=0,
        beyond_second=0,
        agreeing=0,
    )


def recall_tracks(
    entries: Iterable[Entry], limits: ParityLimits
) -> Mapping[str, ErrorTrack]:
    """The tracks that a journal's reports lead to, for a restart.

    Args:
        entries: The journal, oldest first; other kinds of entry are passed over.
        limits: The limits of the settings now.
    """
    guard = GuardState()
    for at, body in _reports(entries):
        guard, _ = follow(guard, body, limits, at)
    return guard.parity


def _reports(entries: Iterable[Entry]) -> Iterator[tuple[datetime, ParityChecked]]:
    for entry in entries:
        if isinstance(entry.body, ParityChecked):
            yield entry.at, entry.body
