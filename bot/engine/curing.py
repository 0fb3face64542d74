"""One round of a cure: check the last action, wait or plan the next one.

It ties the guard's parts together for one account and one moment, and returns
what changed. It decides nothing itself and sends nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from bot.domain.entries import Decided, Noted
from bot.domain.intents import PlaceOrder, Proposal, Repay
from bot.guard.cure import Cure
from bot.guard.judge import Verdict, inputs_of
from bot.guard.limits import GuardLimits
from bot.guard.plan import Surroundings
from bot.guard.planner import is_waiting, plan_cure
from bot.guard.postcheck import check_after, remember_before
from bot.guard.sizing import is_at_target
from bot.guard.state import GUARD, GuardState, SubjectState
from bot.shadow.state import Shadow

__all__ = ["Round", "cure_round", "emptied", "surroundings", "turned"]

_STUCK_EVERY: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round of a cure does."""

    state: SubjectState
    proposals: tuple[Proposal, ...] = ()
    notes: tuple[Noted, ...] = ()
    is_over: bool = False
    """The account is at its target and nothing is left that leaves slowly."""


def cure_round(
    shadow: Shadow,
    verdict: Verdict,
    known: SubjectState,
    limits: GuardLimits,
    around: Surroundings | None = None,
) -> Round | None:
    """The next round for an account under cure, None while an answer is awaited."""
    if is_waiting(shadow, verdict.measure):
        return None
    subject = verdict.measure.subject
    notes: list[Noted] = []
    checked = check_after(known, shadow, subject, limits)
    if checked is not None:
        known = checked.state
        topic = "action helped" if checked.has_helped else "action did not help"
        notes.append(Noted(topic=topic, text=checked.sentence))
    cure = plan_cure(shadow, verdict, known, limits, around)
    is_left = bool(cure.proposals) or cure.is_pausing
    known = replace(known, has_slow_exits=is_left)
    if not is_left and is_at_target(verdict.measure, verdict.thresholds):
        return Round(state=known, notes=tuple(notes), is_over=True)
    if cure.is_pausing and not cure.proposals:
        return Round(state=known, notes=tuple(notes))
    if not cure.proposals:
        return _stuck(shadow, known, cure.alternatives, notes)
    return Round(
        state=_remembered(known, shadow, verdict, cure),
        proposals=cure.proposals,
        notes=tuple(notes),
    )


def _remembered(
    known: SubjectState, shadow: Shadow, verdict: Verdict, cure: Cure
) -> SubjectState:
    """The state before a round, to check it by; a debt elsewhere is not checked here.

    A repayment in another account prepares what that one can spare: it cannot move
    this one, so nothing is held against it.
    """
    intents = [p.intent for p in cure.proposals]
    own = verdict.measure.account
    if all(isinstance(i, Repay) and i.account != own for i in intents):
        return replace(known, before=None, actions=known.actions + 1)
    symbols = [i.symbol for i in intents if isinstance(i, PlaceOrder)]
    return remember_before(known, shadow, cure.instrument, symbols)


def surroundings(guard: GuardState, limits: GuardLimits) -> Surroundings:
    """What a plan for one account has to know beside it: the others, and the odds.

    Example:
        >>> surroundings(GuardState(), GuardLimits()).thresholds
        {}
    """
    return Surroundings(
        thresholds={
            name: guard.thresholds_of(name, known.thresholds)
            for name, known in sorted(guard.subjects.items())
        },
        odds=guard.foresight.odds,
        max_probability=float(limits.max_liquidation_probability),
    )


def _stuck(
    shadow: Shadow,
    known: SubjectState,
    alternatives: Sequence[str],
    notes: Sequence[Noted],
) -> Round | None:
    """Nothing can be done now: say so once a minute, and keep trying."""
    said_at = known.stuck_noted_at
    if said_at is not None and shadow.at - said_at < _STUCK_EVERY:
        return Round(state=known, notes=tuple(notes)) if notes else None
    note = Noted(topic="guard stuck", text="; ".join(alternatives))
    return Round(state=replace(known, stuck_noted_at=shadow.at), notes=(*notes, note))


def turned(shadow: Shadow, verdict: Verdict, episode: int, decision_id: str) -> Decided:
    """The row of a cure that begins or ends, with every number behind it."""
    marks = {f"mark {c}": f"{m:f}" for c, m in shadow.margin_marks.items()}
    marks |= {f"mark {s}": f"{m:f}" for s, m in shadow.futures_marks.items()}
    return Decided(
        decision_id=decision_id,
        owner=GUARD,
        subject=verdict.measure.subject,
        verdict="cure" if verdict.is_new_episode else "cured",
        reason=verdict.reason,
        inputs={
            **inputs_of(
                verdict.measure, verdict.thresholds, verdict.buffer, verdict.odds
            ),
            "episode": str(episode),
            **marks,
        },
    )


def emptied(subject: str, decision_id: str) -> Decided:
    """The row of a cure that ends because nothing is left to lose.

    Example:
        >>> emptied("margin_cross", "g1-d0000001").verdict
        'cured'
    """
    return Decided(
        decision_id=decision_id,
        owner=GUARD,
        subject=subject,
        verdict="cured",
        reason=f"{subject} has nothing left to lose",
        inputs={"subject": subject},
    )
