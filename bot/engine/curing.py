"""One round of a cure: check the last action, wait or plan the next one.

It ties the guard's parts together for one account and one moment, and returns
what changed. It decides nothing itself and sends nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from bot.domain.entries import Noted
from bot.domain.intents import PlaceOrder, Proposal
from bot.guard.judge import Verdict
from bot.guard.limits import GuardLimits
from bot.guard.planner import is_waiting, plan_cure
from bot.guard.postcheck import check_after, remember_before
from bot.guard.state import SubjectState
from bot.shadow.state import Shadow

__all__ = ["Round", "cure_round"]

_STUCK_EVERY: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round of a cure does."""

    state: SubjectState
    proposals: tuple[Proposal, ...] = ()
    notes: tuple[Noted, ...] = ()


def cure_round(
    shadow: Shadow, verdict: Verdict, known: SubjectState, limits: GuardLimits
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
    cure = plan_cure(shadow, verdict, known, limits)
    if cure.is_pausing and not cure.proposals:
        return Round(state=known, notes=tuple(notes))
    if not cure.proposals:
        return _stuck(shadow, known, cure.alternatives, notes)
    symbols = [
        p.intent.symbol for p in cure.proposals if isinstance(p.intent, PlaceOrder)
    ]
    return Round(
        state=remember_before(known, shadow, cure.instrument, symbols),
        proposals=cure.proposals,
        notes=tuple(notes),
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
