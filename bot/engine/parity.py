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
from bot.risk.measure import SubjectMeasure
from bot.risk.view import touched
from bot.shadow.state import Request, Shadow

__all__ = [
    "OwnRange",
    "Ranges",
    "Watching",
    "agree",
    "check_report",
    "follow",
    "follow_reports",
    "lapse",
    "recall_tracks",
    "remember",
    "subject_of",
]

_TOLERANCE: Final = Decimal("0.0001")
"""The exchange prints four decimals of a ratio and cuts the rest."""
_BUCKET: Final = timedelta(seconds=1)
_RANGES_KEPT: Final = 64
_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class OwnRange:
    """The lowest and highest of our own ratios within about a second."""

    at: datetime
    low: Decimal
    high: Decimal


Ranges = Mapping[str, tuple[OwnRange, ...]]
"""By subject, oldest first."""


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
    return abs(own - stated) <= _TOLERANCE


# -- the memory of our own numbers ------------------------------------------


def remember(
    ranges: Ranges, measures: Sequence[SubjectMeasure], at: datetime, keep: timedelta
) -> Ranges:
    """The memory with the ratios of this moment, and without what is too old.

    Args:
        ranges: What was remembered.
        measures: The numbers of this moment.
        at: Its time.
        keep: How far back the memory goes.
    """
    found: dict[str, tuple[OwnRange, ...]] = {}
    for measure in measures:
        known = ranges.get(measure.subject, ())
        if measure.ratio is not None:
            known = _with_ratio(known, measure.ratio, at)
        found[measure.subject] = _recent(known, at - keep)[-_RANGES_KEPT:]
    gone = {s: _recent(r, at - keep) for s, r in ranges.items() if s not in found}
    return {**found, **{subject: rows for subject, rows in gone.items() if rows}}


def _recent(rows: tuple[OwnRange, ...], since: datetime) -> tuple[OwnRange, ...]:
    return tuple(row for row in rows if row.at + _BUCKET > since)


def _with_ratio(
    rows: tuple[OwnRange, ...], ratio: Decimal, at: datetime
) -> tuple[OwnRange, ...]:
    if rows and at - rows[-1].at < _BUCKET:
        last = rows[-1]
        low, high = min(last.low, ratio), max(last.high, ratio)
        return (*rows[:-1], replace(last, low=low, high=high))
    return (*rows, OwnRange(at, ratio, ratio))


# -- one report -------------------------------------------------------------


def check_report(
    report: RatioReported,
    measures: Sequence[SubjectMeasure],
    shadow: Shadow,
    ranges: Sequence[OwnRange],
) -> ParityChecked:
    """The exchange's ratio beside ours, with the error and its cause.

    Args:
        report: What the exchange states.
        measures: Our numbers at this moment; a subject that is not among them owes
            nothing and holds nothing, so its ratio is zero.
        shadow: The account that was measured.
        ranges: Our ratios of the subject within the age of the report.
    """
    subject = subject_of(report)
    measure = next((m for m in measures if m.subject == subject), None)
    own = ZERO if measure is None else measure.ratio
    waiting = _under_way(shadow, report)
    low = min([row.low for row in ranges], default=own)
    high = max([row.high for row in ranges], default=own)
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
    return low - _TOLERANCE <= stated <= high + _TOLERANCE


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """What is remembered between reports: the guard's part, and our own ratios."""

    guard: GuardState
    ranges: Ranges


def follow_reports(
    seen: Watching,
    reports: Sequence[RatioReported],
    measures: Sequence[SubjectMeasure],
    shadow: Shadow,
    limits: ParityLimits,
) -> tuple[Watching, list[Entry]]:
    """What is remembered after a moment, and a row for each report in it."""
    ranges = remember(seen.ranges, measures, shadow.at, limits.window)
    guard, rows = lapse(seen.guard, measures, shadow.at), list[Entry]()
    for report in reports:
        own = ranges.get(subject_of(report), ())
        checked = check_report(report, measures, shadow, own)
        guard, checked = follow(guard, checked, limits, shadow.at)
        rows.append(Entry(at=report.at, body=checked))
    return Watching(guard=guard, ranges=ranges), rows


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


def lapse(
    guard: GuardState, measures: Sequence[SubjectMeasure], at: datetime
) -> GuardState:
    """Forget a disagreement about an account that both sides have done with."""
    measured = {measure.subject for measure in measures}
    gone = [
        subject
        for subject, track in guard.parity.items()
        if track.standing is not Standing.AGREED
        and subject not in measured
        and has_lapsed(track, at)
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
