"""What a person must be told at once, out of what a step led to.

Pure: a moment and its step in, levels and sentences out. Routine work says
nothing; each sentence stands alone, because it may arrive on a telephone.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from bot.domain.entries import Decided, Entry, Noted
from bot.domain.events import AccountStatus, AccountStatusChanged, Event, FeedChanged
from bot.domain.money import short
from bot.engine.core import Step
from bot.report.wording import subject_title

__all__ = ["ALARM", "INFO", "WARNING", "alerts_of"]

INFO: Final = "info"
WARNING: Final = "warning"
ALARM: Final = "alarm"

_NOTES: Final = {
    "guard stuck": ALARM,
    "action did not help": WARNING,
    "parity": WARNING,
    "drift": ALARM,
    "doubt": WARNING,
    "books": ALARM,
    "foreign": WARNING,
    "clock": ALARM,
    "late run": INFO,
}
_STATUSES: Final = {
    AccountStatus.NORMAL: INFO,
    AccountStatus.WARNED: ALARM,
    AccountStatus.ORDERS_CANCELLED: ALARM,
    AccountStatus.LIQUIDATING: ALARM,
    AccountStatus.LIQUIDATED: ALARM,
    AccountStatus.BANKRUPT: ALARM,
}


def alerts_of(moment: Sequence[Event], step: Step) -> Iterator[tuple[str, str]]:
    """Each thing that somebody must know, as ``(level, sentence)``."""
    for event in moment:
        if isinstance(event, AccountStatusChanged):
            yield _STATUSES[event.status], _status(event)
        elif isinstance(event, FeedChanged):
            word = "is silent" if event.is_silent else "delivers again"
            level = WARNING if event.is_silent else INFO
            yield level, f"The feed {event.feed} {word}: {event.reason}."
    for entry in step.entries:
        yield from _entry(entry)


def _status(event: AccountStatusChanged) -> str:
    ratio = "" if event.ratio is None else f" at {short(event.ratio)}"
    subject = event.account if event.coin is None else f"futures:{event.coin}"
    name = subject_title(subject)
    return f"KuCoin says: {name} is {event.status.replace('_', ' ')}{ratio}."


def _entry(entry: Entry) -> Iterator[tuple[str, str]]:
    body = entry.body
    if isinstance(body, Decided) and body.owner == "guard":
        level = ALARM if body.verdict == "cure" else INFO
        verb = "starts a cure" if body.verdict == "cure" else "ends a cure"
        yield level, f"The guard {verb}: {body.reason}."
    elif isinstance(body, Noted) and body.topic in _NOTES:
        yield _NOTES[body.topic], f"{body.topic.capitalize()}: {body.text}."
