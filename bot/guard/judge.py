"""Says which accounts must be cured, and why, in numbers.

An account is cured from its trigger (distance under ``act``, or ratio over the
backstop) until its target (distance at ``target`` and ratio under the
backstop): hysteresis, so it neither flutters nor stops halfway. After an episode
it rests for the cooldown, unless a fifth of what is left between its trigger and
its liquidation is used up. The thresholds are wider by the buffer of what is known
of our own errors. Where a mark is aged its worst end is judged; where one is lost the
account is cured to its target, wherever it stands. An account that has nothing left to
lose is cured. A number that is unknown is never safe: it is said, and new risk is
blocked elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from bot.domain.money import ZERO, plain, short
from bot.guard.buffer import shift_of
from bot.guard.foresight import Foresight
from bot.guard.limits import GuardLimits, Opening, Thresholds, thresholds_for
from bot.guard.state import GuardState, SubjectState
from bot.risk.aged import Aged, Staleness
from bot.risk.announced import Announced
from bot.risk.measure import SubjectMeasure
from bot.shadow.state import Shadow

__all__ = [
    "Judgement",
    "Verdict",
    "VerdictKind",
    "ended",
    "inputs_of",
    "judge",
    "over",
]

_URGENT_SHARE: Final = Decimal("0.8")
_SMALL: Final = 0.001
_LONGEST: Final = timedelta(hours=4)
"""A cure that has been at its target for so long is over, whatever it still holds."""


class VerdictKind(StrEnum):
    """What to do about one account."""

    SAFE = "safe"
    CURE = "cure"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One account's judgement with the sentence and the numbers behind it."""

    kind: VerdictKind
    measure: SubjectMeasure
    thresholds: Thresholds
    reason: str
    buffer: Decimal = ZERO
    """By how much the thresholds are wider because of what is known of our errors."""
    odds: float | None = None
    """How likely a liquidation within the horizon is; None is not known."""
    is_new_episode: bool = False
    is_end_of_episode: bool = False

    def at_worst(self, shadow: Shadow) -> Shadow:
        """The shadow to plan a cure on: old marks and rules to come, as judged."""
        for each in (self.measure.aged, self.measure.announced):
            shadow = shadow if each is None else each.on(shadow)
        return shadow


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """All verdicts of one moment and the state that follows from them.

    ``emptied`` names the accounts whose episode ended because they have nothing left
    to lose: no debt, no position.
    """

    state: GuardState
    verdicts: tuple[Verdict, ...]
    emptied: tuple[str, ...] = ()


def judge(
    state: GuardState,
    measures: Sequence[SubjectMeasure],
    limits: GuardLimits,
    at: datetime,
) -> Judgement:
    """Judge every account that has something to lose."""
    subjects: dict[str, SubjectState] = {}
    verdicts: list[Verdict] = []
    needy = {m.subject for m in measures if _is_needy(state, m)}
    for measure in measures:
        seen = state.subjects.get(measure.subject)
        known = _opened(measure, limits) if seen is None else seen
        is_alone = needy <= {measure.subject}
        verdict = _verdict(state, known, measure, at, is_alone=is_alone)
        verdicts.append(verdict)
        if seen is not None or measure.ratio is not None:
            subjects[measure.subject] = _after(known, verdict, limits, at)
    gone = {n: s for n, s in state.subjects.items() if n not in subjects}
    resting = {n: _rested(s, limits, at) for n, s in sorted(gone.items())}
    subjects |= {n: s for n, s in resting.items() if _is_resting(s, at)}
    return Judgement(
        state=replace(state, subjects=subjects),
        verdicts=tuple(verdicts),
        emptied=tuple(n for n, s in sorted(gone.items()) if s.is_acting),
    )


def _rested(known: SubjectState, limits: GuardLimits, at: datetime) -> SubjectState:
    """An account without anything to lose: an episode is over, the rest stays."""
    return ended(known, limits, at) if known.is_acting else known


def _is_resting(known: SubjectState, at: datetime) -> bool:
    """An empty account is remembered until its cooldown ends, then it is new."""
    return known.cooled_until is not None and at < known.cooled_until


def _opened(measure: SubjectMeasure, limits: GuardLimits) -> SubjectState:
    return SubjectState(
        thresholds=thresholds_for(
            limits,
            Opening(
                exposure_usdt=measure.exposure_usdt,
                distance=_seen(measure).distance,
                ratio=_seen(measure).ratio,
                liquidation=measure.liquidation,
                is_futures=measure.is_futures,
            ),
        )
    )


def _seen(measure: SubjectMeasure) -> SubjectMeasure | Aged | Announced:
    """An account's numbers at the marks that were seen, by the rules of now."""
    return measure.announced or measure.aged or measure


def _is_needy(state: GuardState, measure: SubjectMeasure) -> bool:
    """Whether an account is in haste: past its trigger, or short of a cure's target."""
    known = state.known(measure.subject)
    if known is None or measure.ratio is None:
        return measure.ratio is None
    if known.is_acting:
        return not _is_cured(measure, known.thresholds)
    return _trigger(measure, known.thresholds, state.foresight) is not None


def _verdict(
    state: GuardState,
    known: SubjectState,
    measure: SubjectMeasure,
    at: datetime,
    *,
    is_alone: bool,
) -> Verdict:
    by = shift_of(state.parity.get(measure.subject))
    thresholds = state.thresholds_of(measure.subject, known.thresholds)
    odds = state.foresight.odds.at(measure.subject, measure.distance)
    trigger = _trigger(measure, thresholds, state.foresight)
    if measure.ratio is None:
        kind, reason = VerdictKind.UNKNOWN, "unknown: " + "; ".join(measure.missing)
    elif known.is_acting:
        is_leaving = is_alone and _is_leaving(known, at)
        is_over = _is_cured(measure, thresholds) and not is_leaving
        kind = VerdictKind.SAFE if is_over else VerdictKind.CURE
        reason = _numbers(measure, thresholds)
    elif trigger is not None and not _is_cooling(known, measure, thresholds, at):
        kind, reason = VerdictKind.CURE, trigger
    else:
        kind, reason = VerdictKind.SAFE, ""
    return Verdict(
        kind=kind,
        measure=measure,
        thresholds=thresholds,
        reason=_with_ages(reason, measure) if reason else "",
        buffer=by,
        odds=odds,
        is_new_episode=kind is VerdictKind.CURE and not known.is_acting,
        is_end_of_episode=kind is VerdictKind.SAFE and known.is_acting,
    )


def _trigger(
    measure: SubjectMeasure, thresholds: Thresholds, foresight: Foresight
) -> str | None:
    if measure.distance is not None and measure.distance < thresholds.act:
        why = foresight.words(measure.subject, measure.distance, thresholds.act)
        return (
            f"a move of {_percent(measure.distance)} liquidates {measure.subject}, "
            f"under the act distance of {_percent(thresholds.act)}{why}"
        )
    if measure.ratio is not None and measure.ratio >= thresholds.backstop:
        word = "risk rate" if measure.is_futures else "debt ratio"
        return (
            f"the {word} of {measure.subject} is {short(measure.ratio)}, "
            f"at its backstop of {plain(thresholds.backstop)}"
        )
    return _lost_sight(measure, thresholds)


def _lost_sight(measure: SubjectMeasure, thresholds: Thresholds) -> str | None:
    """Why an account is cured of which a mark was not seen for very long."""
    aged, distance = measure.aged, measure.distance
    if aged is None or aged.staleness < Staleness.LOST or distance is None:
        return None
    if _is_cured(measure, thresholds):
        return None
    return (
        f"a move of {_percent(distance)} may liquidate {measure.subject}, under its "
        f"target of {_percent(thresholds.target)}"
    )


def _with_ages(sentence: str, measure: SubjectMeasure) -> str:
    """A sentence that says so when its numbers are a worst end."""
    aged = measure.aged
    if measure.announced is not None:
        sentence = f"{sentence}, by the rules that are announced"
    if aged is None:
        return sentence
    return (
        f"{sentence} ({aged.words}: its ratio is {short(aged.ratio_low)} to "
        f"{short(aged.ratio_high)})"
    )


def _is_cured(measure: SubjectMeasure, thresholds: Thresholds) -> bool:
    far = measure.distance is None or measure.distance >= thresholds.target
    low = measure.ratio is not None and measure.ratio < thresholds.backstop
    return far and low


def _is_leaving(known: SubjectState, at: datetime) -> bool:
    """Whether a cure at its target still leaves what leaves slowly.

    It does so while no other account is in haste.
    """
    since = known.acting_since
    return known.has_slow_exits and since is not None and at - since < _LONGEST


def _is_cooling(
    known: SubjectState, measure: SubjectMeasure, limits: Thresholds, at: datetime
) -> bool:
    if known.cooled_until is None or at >= known.cooled_until:
        return False
    distance, ratio, end = measure.distance, measure.ratio, measure.liquidation
    is_near = distance is not None and distance < limits.act * _URGENT_SHARE
    room = (end - limits.backstop) * _URGENT_SHARE
    is_high = ratio is not None and end - ratio < room
    return not (is_near or is_high)


def _after(
    known: SubjectState, verdict: Verdict, limits: GuardLimits, at: datetime
) -> SubjectState:
    if verdict.is_new_episode:
        return replace(
            known,
            is_acting=True,
            acting_since=at,
            episode=known.episode + 1,
            strikes={},
            benched_until={},
        )
    if verdict.is_end_of_episode:
        return ended(known, limits, at)
    return _lifted(known, verdict, limits)


def _lifted(known: SubjectState, verdict: Verdict, limits: GuardLimits) -> SubjectState:
    """An account that opened near, with the usual thresholds once it is far enough."""
    usual, seen = known.thresholds.usual_target, _seen(verdict.measure)
    if usual is None or seen.ratio is None or verdict.kind is not VerdictKind.SAFE:
        return known
    if seen.distance is not None and seen.distance < usual:
        return known
    now = _opened(verdict.measure, limits).thresholds
    return known if now.is_adapted else replace(known, thresholds=now)


def ended(known: SubjectState, limits: GuardLimits, at: datetime) -> SubjectState:
    """An account after its episode: it rests for the cooldown.

    Example:
        >>> from datetime import UTC
        >>> usual = Thresholds(act=Decimal("0.15"), target=Decimal("0.25"),
        ...     backstop=Decimal("0.85"))
        >>> acting = SubjectState(thresholds=usual, is_acting=True)
        >>> ended(acting, GuardLimits(), datetime(2025, 1, 1, tzinfo=UTC)).is_acting
        False
    """
    return replace(
        known,
        is_acting=False,
        has_slow_exits=False,
        acting_since=None,
        before=None,
        cooled_until=at + limits.cooldown,
    )


def over(verdict: Verdict) -> Verdict:
    """The verdict on an account whose cure has nothing left to do."""
    return replace(verdict, kind=VerdictKind.SAFE, is_end_of_episode=True)


def _numbers(measure: SubjectMeasure, thresholds: Thresholds) -> str:
    distance = "none" if measure.distance is None else _percent(measure.distance)
    return (
        f"{measure.subject} is {distance} from liquidation, "
        f"aiming at {_percent(thresholds.target)}"
    )


def _likely(odds: float) -> str:
    """A probability as a person reads it.

    Example:
        >>> _likely(0.0000013), _likely(0.0114)
        ('under 0.1 %', '1.1 %')
    """
    return "under 0.1 %" if odds < _SMALL else f"{odds * 100:.2g} %"


def _percent(fraction: Decimal) -> str:
    """A fraction for a sentence: 0.1534 is 15.3 %.

    Example:
        >>> _percent(Decimal("0.1534"))
        '15.3 %'
    """
    return f"{fraction * 100:.1f} %"


def inputs_of(
    measure: SubjectMeasure,
    thresholds: Thresholds,
    buffer: Decimal = ZERO,
    odds: float | None = None,
) -> Mapping[str, str]:
    """The numbers of a verdict as text, for the journal; no buffer is not said."""
    numbers = {
        "subject": measure.subject,
        "ratio": measure.ratio,
        "distance": measure.distance,
        "down": measure.down,
        "up": measure.up,
        "act": thresholds.act,
        "target": thresholds.target,
        "backstop": thresholds.backstop,
        "buffer": buffer or None,
        "liquidation_probability": None if odds is None else f"{odds:.4f}",
    }
    said = {
        name: value if isinstance(value, str) else plain(value)
        for name, value in numbers.items()
        if value is not None
    }
    return said if measure.aged is None else {**said, **measure.aged.inputs}
