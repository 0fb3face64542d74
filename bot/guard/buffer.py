"""How far our ratio may be from the exchange's, and what follows from it.

Theory of operation. Every report of the exchange's own ratio is compared with ours.
The sizes of the errors of the last reports make a *buffer*: their 99th percentile,
which rises at once, falls slowly and has a ceiling. The guard judges an account as
if it stood that much worse. An error that nothing explains and that comes again
makes the account *drift* (no new risk), a larger one sets it *apart* (only
reductions, and the guard judges by the worse of the two numbers) until three
reports agree. Pure and deterministic: nothing here reads a clock or a shadow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from bot.domain.entries import ParityCause, ParityChecked
from bot.domain.money import ONE, ZERO, floor_to
from bot.guard.limits import ParityLimits, Thresholds

__all__ = [
    "ErrorTrack",
    "Standing",
    "followed",
    "has_lapsed",
    "is_risk_rate",
    "shift_of",
    "widened",
]

_KEPT: Final = 200
"""Reports whose errors are remembered, a subject."""
_TAIL: Final = Decimal("0.01")
"""Share of the errors that the buffer may be smaller than."""
_DECAY: Final = Decimal("0.98")
"""What a report leaves of a buffer that is larger than the errors ask for."""
_QUANTUM: Final = Decimal("0.000001")
_IN_A_ROW: Final = 2
"""Unexplained reports beyond a limit after which it counts."""
_TO_RETURN: Final = 3
"""Reports in agreement after which an account is as before."""
_LAPSE: Final = timedelta(seconds=60)
_WIDEST: Final = Decimal("0.90")
"""No distance is asked for beyond this, unless it was asked for already."""


class Standing(StrEnum):
    """How the exchange's ratio and ours stand to each other."""

    AGREED = "agreed"
    DRIFTING = "drifting"
    APART = "apart"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorTrack:
    """What is remembered of one subject's reports.

    ``errors`` are sizes, newest last, zero where only the printing differed.
    ``stated`` and ``own`` are the two numbers of the newest report.
    """

    errors: tuple[Decimal, ...] = ()
    buffer: Decimal = ZERO
    standing: Standing = Standing.AGREED
    beyond_first: int = 0
    beyond_second: int = 0
    agreeing: int = 0
    stated: Decimal = ZERO
    own: Decimal | None = None
    at: datetime | None = None


def is_risk_rate(subject: str) -> bool:
    """Whether a subject's ratio is a futures risk rate, not a debt ratio.

    Example:
        >>> is_risk_rate("futures:USDT"), is_risk_rate("margin_cross")
        (True, False)
    """
    return subject.startswith("futures")


def followed(
    track: ErrorTrack, checked: ParityChecked, limits: ParityLimits, at: datetime
) -> ErrorTrack:
    """The track after one more report.

    Example:
        >>> from datetime import UTC
        >>> report = ParityChecked(subject="margin_cross", stated=Decimal("0.63"),
        ...     own=Decimal("0.60"), error=Decimal("-0.03"),
        ...     cause=ParityCause.UNEXPLAINED)
        >>> at = datetime(2025, 1, 1, tzinfo=UTC)
        >>> once = followed(ErrorTrack(), report, ParityLimits(), at)
        >>> once.standing, followed(once, report, ParityLimits(), at).standing
        (<Standing.DRIFTING: 'drifting'>, <Standing.APART: 'apart'>)
    """
    first, second = limits.allowed(
        checked.stated, is_risk_rate=is_risk_rate(checked.subject)
    )
    track = replace(track, stated=checked.stated, own=checked.own, at=at)
    track = _counted(track, checked, first, second)
    track = replace(track, standing=_standing(track))
    return _buffered(track, checked, second)


def _counted(
    track: ErrorTrack, checked: ParityChecked, first: Decimal, second: Decimal
) -> ErrorTrack:
    """How many reports in a row agree, or are beyond the limits.

    A report that was made while a request of ours was under way, or that we have no
    number for, says neither.
    """
    if checked.cause in {ParityCause.IN_FLIGHT, ParityCause.MISSING}:
        return replace(track, agreeing=0) if checked.own is None else track
    size = None if checked.error is None else abs(checked.error)
    is_explained = checked.cause is not ParityCause.UNEXPLAINED
    if is_explained or (size is not None and size <= first):
        return replace(
            track, agreeing=track.agreeing + 1, beyond_first=0, beyond_second=0
        )
    is_far = size is None or size > second
    return replace(
        track,
        agreeing=0,
        beyond_first=track.beyond_first + 1,
        beyond_second=track.beyond_second + 1 if is_far else 0,
    )


def _standing(track: ErrorTrack) -> Standing:
    """One report beyond the second limit already stops new risk; two count."""
    if track.agreeing >= _TO_RETURN:
        return Standing.AGREED
    if track.standing is Standing.APART or track.beyond_second >= _IN_A_ROW:
        return Standing.APART
    if track.beyond_first >= _IN_A_ROW or track.beyond_second:
        return Standing.DRIFTING
    return track.standing


def _buffered(
    track: ErrorTrack, checked: ParityChecked, ceiling: Decimal
) -> ErrorTrack:
    """The buffer after one more error; what is under way is no error of ours."""
    if checked.error is None or checked.cause is ParityCause.IN_FLIGHT:
        return track
    is_printing = checked.cause is ParityCause.PRINTING
    size = ZERO if is_printing else abs(checked.error)
    errors = (*track.errors, size)[-_KEPT:]
    fallen = floor_to(track.buffer * _DECAY, _QUANTUM)
    buffer = min(max(_percentile(errors), fallen), ceiling)
    return replace(track, errors=errors, buffer=buffer)


def _percentile(sizes: Sequence[Decimal]) -> Decimal:
    """The size that all but the largest hundredth of the errors stay within.

    Example:
        >>> _percentile([Decimal(n) for n in range(200)])
        Decimal('197')
        >>> _percentile([Decimal(3), Decimal(1)])
        Decimal('3')
    """
    return sorted(sizes)[len(sizes) - 1 - int(len(sizes) * _TAIL)]


def has_lapsed(track: ErrorTrack, at: datetime) -> bool:
    """Whether a subject that is gone has not been reported on for a minute."""
    return track.at is None or at - track.at > _LAPSE


def shift_of(track: ErrorTrack | None) -> Decimal:
    """By how much an account is judged worse than it is measured.

    The buffer; while the numbers are apart, at least what the exchange's is worse by.
    """
    if track is None:
        return ZERO
    if track.standing is not Standing.APART or track.own is None:
        return track.buffer
    if not track.stated.is_finite():
        return ONE if track.own.is_finite() else track.buffer
    if not track.own.is_finite():
        return track.buffer
    return max(track.buffer, min(track.stated - track.own, ONE))


def widened(thresholds: Thresholds, by: Decimal) -> Thresholds:
    """The thresholds that judge an account as if it stood worse by that much.

    Example:
        >>> base = Thresholds(act=Decimal("0.15"), target=Decimal("0.25"),
        ...     backstop=Decimal("0.85"))
        >>> wide = widened(base, Decimal("0.01"))
        >>> str(wide.act), str(wide.target), str(wide.backstop)
        ('0.16', '0.26', '0.84')
    """
    if by <= 0:
        return thresholds
    return replace(
        thresholds,
        act=min(thresholds.act + by, max(thresholds.act, _WIDEST)),
        target=min(thresholds.target + by, max(thresholds.target, _WIDEST)),
        backstop=max(thresholds.backstop - by, ZERO),
    )
