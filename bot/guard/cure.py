"""The next round of a cure, and which levers are left alone for a while.

A round is what is sent now; the next one is planned on what really happened. Nothing
here plans.
"""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.intents import Proposal
from bot.guard.plan import Plan
from bot.guard.state import SubjectState

__all__ = ["Cure", "benched_now", "is_benched"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cure:
    """The next round of proposals for one account, and what else was considered."""

    proposals: tuple[Proposal, ...]
    instrument: str
    summary: str
    alternatives: tuple[str, ...] = ()
    is_pausing: bool = False
    """An instrument could be cut and waits for its depth to recover."""
    plan: Plan | None = None
    """The whole plan that the round is the beginning of, where there is one."""


def is_benched(known: SubjectState, instrument: str, at: datetime) -> bool:
    """Whether an instrument that did not help is still left alone."""
    until = known.benched_until.get(instrument)
    return until is not None and at < until


def benched_now(known: SubjectState, at: datetime) -> frozenset[str]:
    """Every instrument that is left alone now."""
    return frozenset(n for n in known.benched_until if is_benched(known, n, at))
