"""What goes on while the journal takes no rows: reductions, told beside it.

A request needs its durable row before it leaves. When the journal cannot store one -
the disk is full, locked, broken - only what can reduce risk may still be sent, and each
such request is told on a second channel at once; everything else is answered as refused
here, without leaving. The rows themselves wait in the journal's own bounded buffer and
are stored, in order, when it takes them again; beyond its limit the bot ends. That the
journal is silent is a fact for the core like a feed that fell silent, so no new risk is
even proposed until it is back. Where no second channel was named, the first row that
cannot be stored ends the run, as in every simulation.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.domain.entries import Entry
from bot.domain.errors import JournalUnwritableError
from bot.domain.events import Event, FeedChanged, IntentSettled
from bot.domain.intents import Approved
from bot.domain.orders import Outcome
from bot.guard.admit import is_reduction
from bot.ports import Journal
from bot.shadow.apply import register
from bot.shadow.state import Shadow

__all__ = ["JOURNAL_FEED", "Durable", "Told", "withheld"]

JOURNAL_FEED: Final = "journal"
"""The name under which the journal is told, as a feed that is silent or heard."""

_SILENT: Final = (
    "it takes no rows; only reductions are sent, each told here and kept in memory. "
    "Make room on its disk"
)
_HEARD: Final = "it takes rows again, and those that waited are stored"

Told = Callable[[Approved], None]
"""Tells of a request that left without its row in the journal."""


@dataclass(slots=True, kw_only=True)
class Durable:
    """A journal and what is known of it: whether it stores, and who is told if not."""

    journal: Journal
    told: Told | None = None
    is_silent: bool = False

    def store(self, entries: Sequence[Entry], *, is_urgent: bool) -> bool:
        """Append, and make durable where it is urgent; whether the journal stores.

        Raises:
            JournalError: It is no journal of this run, or too many rows wait, or it
                stores nothing and nobody else would be told.
        """
        try:
            if entries:
                self.journal.append(entries)
            if is_urgent:
                self.journal.commit()
        except JournalUnwritableError:
            if self.told is None:
                raise
            return False
        return True

    def change(self, at: datetime, *, is_stored: bool) -> Sequence[Event]:
        """The fact that the journal fell silent, or is heard again; else nothing."""
        if is_stored is not self.is_silent:
            return ()
        self.is_silent = not is_stored
        reason = _HEARD if is_stored else _SILENT
        fact = FeedChanged(at=at, feed=JOURNAL_FEED, is_live=is_stored, reason=reason)
        return (fact,)

    def tell(self, approved: Approved) -> None:
        """Tell of a request that leaves without its row."""
        if self.told is not None:
            self.told(approved)


def withheld(
    shadow: Shadow, approved: Iterable[Approved]
) -> tuple[tuple[Approved, ...], tuple[Event, ...]]:
    """Which requests may leave without a row, and the answers to those that may not.

    Args:
        shadow: The account as it was before any of them was asked for.
        approved: What admission let pass, in its order.
    """
    sent: list[Approved] = []
    answers: list[Event] = []
    for each in approved:
        if is_reduction(shadow, each.intent):
            shadow = register(shadow, each, shadow.at)
            sent.append(each)
            continue
        answers.append(
            IntentSettled(
                at=shadow.at,
                intent_id=each.intent_id,
                outcome=Outcome.REFUSED,
                reason="the journal could not store it, so it was not sent",
            )
        )
    return tuple(sent), tuple(answers)
