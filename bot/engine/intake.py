"""The facts of one moment, taken into the shadow and into the journal's rows.

Facts go in one after the other; a snapshot is reconciled first. Money that a look
at the exchange could not explain stops new risk until a later snapshot is clean,
whoever booked it. Pure.
"""

from collections.abc import Callable, Sequence
from typing import Final

from bot.domain.entries import JOURNALED_EVENTS, Entry
from bot.domain.events import Cause, Event, LedgerBooked, SnapshotTaken
from bot.domain.money import plain
from bot.engine.reconcile import reconcile
from bot.shadow.apply import apply, leave_unexplained
from bot.shadow.state import Shadow

__all__ = ["take_in", "unexplained_in"]

_SENTENCES: Final = 20
"""Unexplained changes that are remembered; one is enough to stop new risk."""


def take_in(
    shadow: Shadow, moment: Sequence[Event], next_id: Callable[[], str]
) -> tuple[Shadow, list[Entry]]:
    """The shadow that knows the facts, and the rows that they leave.

    Args:
        shadow: The account before the moment.
        moment: The facts, in order.
        next_id: Gives an id that no other booking has.
    """
    entries: list[Entry] = []
    for event in moment:
        if isinstance(event, SnapshotTaken):
            done = reconcile(shadow, event, next_id)
            shadow, entries = done.shadow, [*entries, *done.entries]
            continue
        shadow = apply(shadow, event)
        if isinstance(event, JOURNALED_EVENTS):
            entries.append(Entry(at=event.at, body=event))
    found = unexplained_in(moment)
    if found:
        kept = (*shadow.unexplained, *found)[-_SENTENCES:]
        shadow = leave_unexplained(shadow, kept)
    return shadow, entries


def unexplained_in(moment: Sequence[Event]) -> tuple[str, ...]:
    """What the facts themselves call an adjustment, in sentences."""
    return tuple(
        f"{posting.account} {posting.bucket} changed by {plain(posting.amount)} "
        f"{posting.coin} without a row that says why"
        for event in moment
        if isinstance(event, LedgerBooked) and event.cause is Cause.ADJUSTMENT
        for posting in event.postings
    )
