"""Whether the guard was in time: from the mark that crosses an act level to the door.

The distances were measured at the venue, at every mark; the act levels are those that
the bot noted. A crossing does not count while the exchange takes nothing, or while the
marks were not fresh; then it is told apart and why.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from fault_claim import Claim
from fault_world import Arrival, Episode, World

from bot.domain.intents import Approved, CancelOrder, Repay, Transfer

__all__ = ["guard_rows", "timely"]

_GUARD: Final = "guard"
_GUARD_LIMIT_S: Final = 0.5
_AHEAD_S: Final = 3
"""A reduction so long before the crossing belongs to it."""
_STALE_S: Final = 30
_COOLDOWN: Final = timedelta(seconds=30)
"""That of the campaign's bots."""
_URGENT: Final = Decimal("0.8")
"""The share of the act level under which a guard no longer rests."""
_TOLERATED_MS: Final = 5000
"""Of a signature's time; a fast clock has no offset that the bot could measure."""


def timely(world: World, claim: Claim) -> tuple[list[str], list[dict[str, Any]]]:
    """From the mark that crosses an act level to the first reduction at the door."""
    sent = sorted(a.came_s for a in _of_guard(world.front.arrivals, claim))
    rows: list[dict[str, Any]] = []
    for subject in claim.acts:
        crossed = _judged(world, claim, subject)
        if crossed is None:
            continue
        at_s, _, level, excuse = crossed
        # A guard that was ahead of the level (its buffer widens it) is in time.
        first = next((s for s in sent if s >= at_s), None)
        is_ahead = any(at_s - _AHEAD_S <= s < at_s for s in sent)
        took = 0.0 if is_ahead else (None if first is None else first - at_s)
        rows.append(
            {
                "subject": subject,
                "took_s": took,
                "excuse": excuse,
                "under_way": _under_way(claim, subject),
                "deepest": str(_deepest(world, subject, at_s, first)),
                "act": str(level),
            }
        )
    late = [
        f"I9: {row['subject']} crossed its act level and the first reduction came "
        f"after {row['took_s']} s; under way then: {row['under_way'] or 'nothing'}; "
        f"nearest until then {row['deepest']} of {row['act']}"
        for row in rows
        if not row["excuse"]
        and (row["took_s"] is None or row["took_s"] > _GUARD_LIMIT_S)
    ]
    return late, rows


def _under_way(claim: Claim, subject: str) -> list[str]:
    """Who else had a request on the account when the guard sent its first one."""
    mine = [claim.begun[n] for n, a in claim.approved.items() if a.owner == _GUARD]
    if not mine:
        return []
    first = min(mine)
    last = max((seq for n, seq in claim.ended.items() if seq < first), default=0)
    return [
        f"{a.owner}'s {type(a.intent).__name__.lower()}"
        for n, a in claim.approved.items()
        if a.owner != _GUARD
        and subject.partition(":")[0] in {x.partition(":")[0] for x in _accounts(a)}
        and claim.begun[n] < first
        and claim.ended.get(n, first + 1) >= last
    ]


def _accounts(approved: Approved) -> tuple[str, ...]:
    intent = approved.intent
    if isinstance(intent, Transfer):
        return (str(intent.source), str(intent.target))
    return (str(getattr(intent, "account", "futures")),)


def _judged(
    world: World, claim: Claim, subject: str
) -> tuple[float, datetime, Decimal, str] | None:
    """The first crossing that has no excuse, else the first; and its excuse."""
    excused = None
    for at_s, at, level in _crossings(world, claim, subject):
        excuse = _excuse(world, at, at_s)
        if not excuse:
            return at_s, at, level, ""
        excused = excused or (at_s, at, level, excuse)
    return excused


def _crossings(
    world: World, claim: Claim, subject: str
) -> Iterator[tuple[float, datetime, Decimal]]:
    """Where the distance falls under the level at which the guard has to act."""
    was_safe = False
    for at_s, at, distances in world.distances:
        distance, level = distances.get(subject), _level(claim, subject, at)
        if distance is None or level is None:
            continue
        if was_safe and distance < level and not _is_curing(claim, subject, at):
            yield at_s, at, level
        was_safe = distance >= level


def _level(claim: Claim, subject: str, at: datetime) -> Decimal | None:
    """The act level in force; a guard that rests after a cure acts at a part of it."""
    acts = claim.acts[subject]
    act = next((level for since, level in reversed(acts) if since <= at), None)
    rests = any(
        ended is not None and timedelta(0) <= at - ended < _COOLDOWN
        for _, ended in claim.cures[subject]
    )
    return act * _URGENT if act is not None and rests else act


def _is_curing(claim: Claim, subject: str, at: datetime) -> bool:
    """Whether the guard was at it already: its buffer widens the level."""
    return any(
        began < at and (ended is None or at <= ended)
        for began, ended in claim.cures[subject]
    )


def _deepest(
    world: World, subject: str, from_s: float, to_s: float | None
) -> Decimal | None:
    """The smallest distance from the crossing to the first reduction."""
    seen = (
        distances.get(subject)
        for at_s, _, distances in world.distances
        if at_s >= from_s and (to_s is None or at_s <= to_s)
    )
    return min((each for each in seen if each is not None), default=None)


def _of_guard(arrivals: Sequence[Arrival], claim: Claim) -> Iterator[Arrival]:
    """What the guard sent: by its id, or by the amount or order that it names."""
    mine = [a for a in claim.approved.values() if a.owner == _GUARD]
    ids = {a.intent_id for a in mine}
    repaid = {
        (a.intent.coin, str(a.intent.amount.normalize()))
        for a in mine
        if isinstance(a.intent, Repay)
    }
    cancelled = {a.intent.order_id for a in mine if isinstance(a.intent, CancelOrder)}
    for arrival in arrivals:
        if not arrival.is_write:
            continue
        if arrival.client_id in ids:
            yield arrival
        elif arrival.path.endswith("/repay"):
            size = str(Decimal(str(arrival.body["size"])).normalize())
            if (arrival.body["currency"], size) in repaid:
                yield arrival
        elif arrival.path.rsplit("/", 1)[-1] in cancelled:
            yield arrival


def _excuse(world: World, at: datetime, at_s: float) -> str:
    """Why the deadline does not count: the door was shut, or the marks were not fresh.

    A stall of the marks counts from its beginning to its end, with the seconds of the
    exchange after which they are stale before it.
    """
    found = [each for each in world.episodes if each.covers(at_s)]
    return _shut(found[0], at) or _stale(world, at) if found else ""


def _shut(episode: Episode, at: datetime) -> str:
    for blackout in episode.script.blackouts:
        if blackout.span.covers(episode.at, at):
            return "the exchange is closed"
    for clock in episode.script.clocks:
        is_judged = not clock.is_timestamp_only and abs(clock.skew_ms) > _TOLERATED_MS
        if is_judged and clock.span.covers(episode.at, at):
            return "every signature is refused"
    return ""


def _stale(world: World, at: datetime) -> str:
    for line in world.log.lines:
        row = json.loads(line)
        topic = str(row.get("topic", ""))
        if row["fault"] not in {"stall", "close"}:
            continue
        is_marks = topic.startswith(("/indicator", "/contract/instrument"))
        since = (at - datetime.fromisoformat(row["at"])).total_seconds()
        if (is_marks or row["fault"] == "close") and -1 <= since <= _STALE_S:
            return f"the marks were not fresh ({row['fault']} of {topic})"
    return ""


def guard_rows(mapping: Mapping[str, Any]) -> list[float]:
    """The times that count."""
    return [
        row["took_s"]
        for row in mapping["guard"]
        if not row["excuse"] and row["took_s"] is not None
    ]
