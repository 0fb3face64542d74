"""What the guard would do next, and which market move sets it off.

The trigger is exact: under a uniform move the price at which an account is
liquidated stays where it is, so the move at which the distance shrinks to the act
distance follows from it; the backstop's move is solved like any other level. At
the nearer of the two the guard's own planner is asked what it would do there.
Nothing here is sent anywhere: it is a forecast for people.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.intents import Intent
from bot.domain.money import ONE, ZERO
from bot.guard.judge import Verdict, VerdictKind
from bot.guard.limits import GuardLimits
from bot.guard.planner import plan_cure
from bot.guard.sizing import is_at_target
from bot.guard.state import GuardState, SubjectState
from bot.report import figures
from bot.report.wording import account_title, intent_title, ratio_word, subject_title
from bot.risk.measure import SubjectMeasure, measure_subject
from bot.risk.reach import reach
from bot.shadow.project import UnknownPriceError, project
from bot.shadow.state import Shadow

__all__ = ["Trigger", "act_move", "nearest_trigger", "planned_words"]

_ROUNDS: Final = 3
"""Rounds of a cure that are told: the reserve, the debt it pays, the first cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """The uniform move, a signed fraction, at which the guard acts, and why there."""

    measure: SubjectMeasure
    known: SubjectState
    move: Decimal
    reason: str


def act_move(down: Decimal | None, up: Decimal | None, act: Decimal) -> Decimal | None:
    """The smallest uniform move that brings liquidation within the act distance.

    Liquidation at ``1 + down`` of today's prices is ``act`` away from a price
    ``(1 + down) / (1 - act)``; for a rise from ``(1 + up) / (1 + act)``. Zero when
    it is that near already; None when no move liquidates.

    Args:
        down: The fall that liquidates, a negative fraction, None for none.
        up: The rise that liquidates, None for none.
        act: The act distance, a positive fraction.

    Example:
        Liquidated 20 % lower: at -5.9 % the same price is only 15 % away.

        >>> round(act_move(Decimal("-0.2"), None, Decimal("0.15")), 4)
        Decimal('-0.0588')
        >>> act_move(Decimal("-0.1"), None, Decimal("0.15"))
        Decimal('0')
    """
    moves: list[Decimal] = []
    if down is not None and act < ONE:
        moves.append(min((ONE + down) / (ONE - act) - ONE, ZERO))
    if up is not None:
        moves.append(max((ONE + up) / (ONE + act) - ONE, ZERO))
    return min(moves, key=abs, default=None)


def nearest_trigger(
    shadow: Shadow, measures: Sequence[SubjectMeasure], guard: GuardState
) -> Trigger | None:
    """The account that the guard would act for first, None when no move does it."""
    found = [
        trigger
        for measure in measures
        if (known := guard.known(measure.subject)) is not None
        and (trigger := _trigger(shadow, measure, known)) is not None
    ]
    return min(found, key=lambda trigger: abs(trigger.move), default=None)


def _trigger(
    shadow: Shadow, measure: SubjectMeasure, known: SubjectState
) -> Trigger | None:
    thresholds = known.thresholds
    act = act_move(measure.down, measure.up, thresholds.act)
    stop = reach(shadow, measure, thresholds.backstop)
    sides = [move for move in (stop.down, stop.up) if move is not None]
    backstop = min(sides, key=abs, default=None)
    name = subject_title(measure.subject)
    if act is not None and (backstop is None or abs(act) <= abs(backstop)):
        near = figures.distance(thresholds.act)
        reason = f"{name} then {near} from liquidation"
        return Trigger(measure=measure, known=known, move=act, reason=reason)
    if backstop is None:
        return None
    level = figures.percent(thresholds.backstop, 0)
    word = ratio_word(measure.subject)
    reason = f"{word} of {name} then at its backstop of {level}"
    return Trigger(measure=measure, known=known, move=backstop, reason=reason)


def planned_words(
    shadow: Shadow, measure: SubjectMeasure, known: SubjectState, limits: GuardLimits
) -> str:
    """What the guard's planner would do for an account on this shadow, in words."""
    told: list[str] = []
    here = f" in {account_title(measure.account)}"
    for _ in range(_ROUNDS):
        intents = _plan(shadow, measure, known, limits)
        if not intents:
            break
        titles = (intent_title(shadow.rules, each) for each in intents)
        told.append(", ".join(title.removesuffix(here) for title in titles))
        for intent in intents:
            shadow = project(shadow, intent)
        after = measure_subject(shadow, measure.subject)
        if after is None or is_at_target(after, known.thresholds):
            return ", ".join(told)
        measure = after
    if not told:
        return "nothing is left that it could do"
    return ", ".join(told) + ", and more"


def _plan(
    shadow: Shadow, measure: SubjectMeasure, known: SubjectState, limits: GuardLimits
) -> tuple[Intent, ...]:
    """One round of the planner; nothing when a price that it needs is unknown."""
    verdict = Verdict(
        kind=VerdictKind.CURE,
        measure=measure,
        thresholds=known.thresholds,
        reason="",
    )
    try:
        cure = plan_cure(shadow, verdict, known, limits)
        for proposal in cure.proposals:
            shadow = project(shadow, proposal.intent)
    except UnknownPriceError:
        return ()
    return tuple(proposal.intent for proposal in cure.proposals)
