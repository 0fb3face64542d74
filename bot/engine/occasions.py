"""What is kept of a scheduled run, and which requests are looked up.

Pure functions of a moment. They decide nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.domain.entries import Entry, Noted
from bot.domain.events import Event, IntentSettled, ScheduleDue
from bot.domain.intents import Approved
from bot.domain.orders import IntentState
from bot.shadow.state import Shadow

__all__ = ["lookups", "ran"]

_LATE: Final = timedelta(seconds=1)
"""A scheduled run later than this is worth a note."""


def ran(at: datetime, job: str, due_at: datetime, *, is_idle: bool) -> list[Entry]:
    """The rows of a scheduled run: that it came late, that it asked for something.

    Example:
        >>> from datetime import UTC
        >>> at = datetime(2026, 1, 1, tzinfo=UTC)
        >>> ran(at, "hedge.tick", at, is_idle=True)
        []
    """
    rows: list[Entry] = []
    if at - due_at > _LATE:
        text = f"{job} was due at {due_at.isoformat()} and ran at {at.isoformat()}"
        rows.append(Entry(at=at, body=Noted(topic="late run", text=text)))
    if not is_idle:
        rows.append(Entry(at=at, body=ScheduleDue(at=at, job=job, due_at=due_at)))
    return rows


def lookups(shadow: Shadow, moment: Sequence[Event]) -> tuple[Approved, ...]:
    """The intents that this moment put, or left, in doubt."""
    found: list[Approved] = []
    for event in moment:
        if isinstance(event, IntentSettled):
            request = shadow.requests.get(event.intent_id)
            if request is not None and request.state is IntentState.IN_DOUBT:
                found.append(request.approved)
    return tuple(found)
