"""The twins of a run: begun at an episode's first action, followed, judged, kept.

It ties ``bot.guard.twin`` to the engine's step: which requests belong to which twin,
how many there may be, and which rows they leave. Pure; it sends nothing and changes
nothing about the account.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Self

from bot.domain.entries import Noted
from bot.domain.events import Event
from bot.domain.intents import Approved
from bot.domain.interest import full_hours
from bot.guard.state import GUARD, GuardState
from bot.guard.twin import Outcome, OutcomeKind, Twin, followed, judged
from bot.guard.twin_rows import outcome_note, twin_note
from bot.shadow.state import Shadow

__all__ = ["OPEN_MAX", "Acted", "Turned", "Twins", "follow"]

OPEN_MAX: Final = 16
"""Twins that are watched at a time; beyond it the oldest ends without a verdict."""


@dataclass(frozen=True, slots=True)
class Acted:
    """A round of a cure: whose, of which episode, and what was approved for it."""

    subject: str
    episode: int
    since: datetime
    intents: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Twins:
    """The open twins, oldest first, and the newest episode of each account."""

    open: tuple[Twin, ...] = ()
    begun: Mapping[str, datetime] = field(default_factory=dict)

    @classmethod
    def resumed(cls, known: Sequence[Twin]) -> Self:
        """The twins that a restart goes on with, oldest first."""
        in_order = tuple(sorted(known, key=lambda twin: twin.begun_at))
        return cls(open=in_order, begun={t.subject: t.since for t in in_order})


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """The twins after a moment, and the rows that it left."""

    twins: Twins
    notes: tuple[Noted, ...] = ()


def follow(
    twins: Twins,
    shadows: tuple[Shadow, Shadow],
    moment: Sequence[Event],
    guard: GuardState,
    done: tuple[Sequence[Acted], Sequence[Approved]],
) -> Turned:
    """Follow every twin through a moment, then take in what the guard did in it.

    Args:
        twins: Before the moment.
        shadows: The account before the moment, and after it.
        moment: What happened.
        guard: Who is under cure after it.
        done: The rounds of cures of this moment, and all that was approved in it.
    """
    rounds, approved = done
    if not twins.open and not rounds:
        return Turned(twins=twins)
    kept: list[Twin] = []
    outcomes: list[Outcome] = []
    for twin in twins.open:
        is_acting = _is_acting(guard, twin)
        after, outcome = followed(twin, shadows, moment, is_acting=is_acting)
        if outcome is None:
            kept.append(after)
        else:
            outcomes.append(outcome)
    now = _acted(replace(twins, open=tuple(kept)), rounds, approved, shadows[1].at)
    now, crowded = _bounded(now, shadows[1])
    rows = [outcome_note(outcome) for outcome in (*outcomes, *crowded)]
    rows += [twin_note(twin) for twin in _changed(twins, now, shadows)]
    return Turned(twins=now, notes=tuple(rows))


def _is_acting(guard: GuardState, twin: Twin) -> bool:
    known = guard.subjects.get(twin.subject)
    return known is not None and known.is_acting and known.acting_since == twin.since


def _acted(
    twins: Twins, rounds: Sequence[Acted], approved: Sequence[Approved], at: datetime
) -> Twins:
    """With a twin for each episode that acted first, and every request in its place.

    A round belongs to the account that it cures; what the guard does beside (it
    evens out a pair, repays what is left idle) belongs to every open twin.
    """
    for each in rounds:
        if each.intents:
            twins = _begun(twins, each, at)
            twins = _with(twins, each.intents, at, subject=each.subject)
    known = {name for each in rounds for name in each.intents}
    others = [a.intent_id for a in approved if a.owner == GUARD]
    return _with(twins, [name for name in others if name not in known], at)


def _begun(twins: Twins, each: Acted, at: datetime) -> Twins:
    if twins.begun.get(each.subject) == each.since:
        return twins
    twin = Twin(
        subject=each.subject,
        episode=each.episode,
        since=each.since,
        begun_at=at,
        seen_at=at,
        follows=any(twin.subject == each.subject for twin in twins.open),
    )
    begun = {**twins.begun, each.subject: each.since}
    return Twins(open=(*twins.open, twin), begun=begun)


def _with(
    twins: Twins, intents: Iterable[str], at: datetime, subject: str | None = None
) -> Twins:
    names = dict.fromkeys(intents, at)
    if not names:
        return twins
    found = tuple(
        replace(twin, intents={**twin.intents, **names})
        if subject in {None, twin.subject}
        else twin
        for twin in twins.open
    )
    return replace(twins, open=found)


def _bounded(twins: Twins, shadow: Shadow) -> tuple[Twins, list[Outcome]]:
    """Without the oldest beyond the limit, which end without an answer."""
    over = max(len(twins.open) - OPEN_MAX, 0)
    ended = [
        judged(twin, shadow, OutcomeKind.UNCLEAR, "too many twins were watched at once")
        for twin in twins.open[:over]
    ]
    return replace(twins, open=twins.open[over:]), ended


def _changed(
    before: Twins, after: Twins, shadows: tuple[Shadow, Shadow]
) -> Iterable[Twin]:
    """The twins of which a restart would not know enough: at changes, and hourly."""
    is_hour = any(full_hours(shadows[0].at, shadows[1].at))
    known = {(twin.subject, twin.since): twin for twin in before.open}
    for twin in after.open:
        was = known.get((twin.subject, twin.since))
        if was is None or is_hour or _state(was) != _state(twin):
            yield twin


def _state(twin: Twin) -> object:
    """What must not be lost, as something to compare."""
    return twin.given, twin.costs, twin.ended_at, tuple(twin.intents)
