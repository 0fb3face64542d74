"""What a person must be told at once, out of what happens.

One object listens to a session and tells each thing once: an outage is one warning
however many feeds it takes, a guard that stays stuck is told again every ten minutes,
and feeds that were never heard since the start are one sentence. Routine work says
nothing above ``info``; each sentence stands alone, because it may arrive on a
telephone. It sends nothing and reads no clock: times are those of the events.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.entries import Decided, Entry, Noted
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    Event,
    FeedChanged,
    IntentSettled,
    OrderChanged,
)
from bot.domain.intents import Approved
from bot.domain.money import plain
from bot.domain.orders import OrderState, Outcome
from bot.engine.core import Step
from bot.engine.intake import unexplained_in
from bot.engine.unwritten import JOURNAL_FEED
from bot.guard.adl import ADL_TOPIC
from bot.guard.borrow_watch import BORROW_TOPIC
from bot.guard.buffer import Standing
from bot.guard.state import GUARD
from bot.guard.twin_rows import COUNTERFACTUAL
from bot.ports import Notifier
from bot.report import figures
from bot.report.band_watch import BandWatch
from bot.report.wording import intent_title, ratio_word, subject_title
from bot.risk.bands import Band
from connectors.system.disk import DISK_FEED

__all__ = ["ALARM", "INFO", "WARNING", "Alerts", "FeedWatch"]

INFO: Final = "info"
WARNING: Final = "warning"
ALARM: Final = "alarm"

Told = tuple[str, str]
"""A level and a sentence."""

_STUCK: Final = "guard stuck"
_NOTES: Final = {
    _STUCK: ALARM,
    "drift": ALARM,
    "look failed": ALARM,
    "still in doubt": WARNING,
    "poll failed": WARNING,
    "action did not help": WARNING,
    "parity": WARNING,
    ADL_TOPIC: WARNING,
    BORROW_TOPIC: WARNING,
    COUNTERFACTUAL: INFO,
    "late run": INFO,
}
"""How urgent a note is; a topic that is not here is only for the journal."""

_STATUSES: Final = {
    AccountStatus.NORMAL: INFO,
    AccountStatus.WARNED: ALARM,
    AccountStatus.ORDERS_CANCELLED: ALARM,
    AccountStatus.LIQUIDATING: ALARM,
    AccountStatus.LIQUIDATED: ALARM,
    AccountStatus.BANKRUPT: ALARM,
}
_BANDS: Final = {Band.LOW: INFO, Band.MEDIUM: WARNING, Band.HIGH: ALARM}
_PARITY: Final = {
    Standing.AGREED: (INFO, "KuCoin's ratio and ours agree again."),
    Standing.DRIFTING: (
        WARNING,
        "KuCoin's ratio and ours differ; no new risk until they agree.",
    ),
    Standing.APART: (
        ALARM,
        "KuCoin's ratio and ours are apart: only reductions pass; see `gnomon parity`.",
    ),
}
_AGAIN: Final = timedelta(minutes=10)
_CONNECTING: Final = timedelta(seconds=60)
_KEPT: Final = 256
"""Sentences whose repetition is noticed at a time."""


class FeedWatch:
    """Tells of feeds: connecting at a start, then outages as a whole."""

    def __init__(self) -> None:
        self._unheard: set[str] = set()
        self._silent: set[str] = set()
        self._began: datetime | None = None
        self._is_connected = False
        self._is_late_told = False

    def see(self, event: FeedChanged) -> Iterator[Told]:
        """One feed fell silent or is heard again; a disk is told in its own words."""
        if event.feed == DISK_FEED:
            level = WARNING if event.is_silent else INFO
            then = "New risk waits." if event.is_silent else "New risk may be taken."
            yield level, f"Disk: {event.reason}. {then}"
            return
        if event.feed == JOURNAL_FEED:
            level = ALARM if event.is_silent else INFO
            yield level, f"Journal: {event.reason}."
            return
        if event.is_silent:
            yield from self._fell(event)
        else:
            yield from self._heard(event.feed)

    def tick(self, at: datetime) -> Iterator[Told]:
        """Time passes: feeds that are still unheard are one warning."""
        if self._began is None or self._is_late_told or not self._unheard:
            return
        if at - self._began >= _CONNECTING:
            self._is_late_told = True
            names = ", ".join(sorted(self._unheard))
            within = f"{_CONNECTING.total_seconds():.0f} s of the start"
            yield WARNING, f"Not heard within {within}: {names}. New risk waits."

    def _fell(self, event: FeedChanged) -> Iterator[Told]:
        if not self._is_connected:
            self._began = self._began or event.at
            self._unheard.add(event.feed)
            return
        level = INFO if self._silent else WARNING
        self._silent.add(event.feed)
        yield level, f"The feed {event.feed} is silent: {event.reason}. New risk waits."

    def _heard(self, feed: str) -> Iterator[Told]:
        self._is_connected = True
        if feed in self._unheard:
            self._unheard.remove(feed)
            if not self._unheard:
                yield INFO, "Every feed delivers."
        elif feed in self._silent:
            self._silent.remove(feed)
            if not self._silent:
                yield INFO, "Every feed delivers again, and the account was read."


class Alerts:
    """An observer of the engine that tells a notifier what a person must know."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._feeds = FeedWatch()
        self._told_at: dict[Told, datetime] = {}
        self._sent: dict[str, str] = {}
        self._strangers: dict[str, None] = {}
        self._standings: dict[str, Standing] = {}
        self._bands = BandWatch()

    def __call__(self, moment: Sequence[Event], step: Step) -> None:
        """Watch one moment; the signature is an engine observer's."""
        at = step.state.shadow.at
        for told in (*self._feeds.tick(at), *self._parity(step)):
            self._notifier.notify(*told)
        for event in moment:
            for told in self._event(event):
                self._notifier.notify(*told)
        for words in unexplained_in(moment):
            self._notifier.notify(ALARM, f"Books: {words}. New risk waits.")
        for entry in step.entries:
            for told in self._entry(entry, step):
                self._notifier.notify(*told)
        for band, words in self._bands.see(step.measures):
            self._notifier.notify(_BANDS[band], words)

    def note(self, at: datetime, body: Noted) -> None:
        """Tell of a note that was not made by the engine.

        The same about the same is told again after ten minutes at the earliest; a
        guard that is stuck says other numbers each time and counts as the same.
        """
        level = _NOTES.get(body.topic)
        if level is None:
            return
        about = (body.topic, "" if body.topic == _STUCK else body.text)
        before = self._told_at.get(about)
        if before is not None and at - before < _AGAIN:
            return
        if len(self._told_at) >= _KEPT:
            self._told_at.pop(next(iter(self._told_at)))
        self._told_at[about] = at
        self._notifier.notify(level, f"{body.topic.capitalize()}: {_ended(body.text)}")

    def _event(self, event: Event) -> Iterator[Told]:
        match event:
            case AccountStatusChanged():
                yield _STATUSES[event.status], _status(event)
            case FeedChanged():
                yield from self._feeds.see(event)
            case IntentSettled(intent_id=name) if name in self._sent:
                yield from self._settled(event)
            case OrderChanged(intent_id=None, state=OrderState.OPEN):
                yield from self._stranger(event)
            case _:
                pass

    def _parity(self, step: Step) -> Iterator[Told]:
        """The exchange's ratio and ours came apart, or agree again."""
        for subject, track in step.state.guard.parity.items():
            before = self._standings.get(subject, Standing.AGREED)
            if track.standing is not before:
                self._standings[subject] = track.standing
                level, words = _PARITY[track.standing]
                yield level, f"{subject_title(subject).capitalize()}: {words}"

    def _stranger(self, event: OrderChanged) -> Iterator[Told]:
        """An order rests that no request of ours has placed; once an order."""
        if event.order_id in self._strangers:
            return
        if len(self._strangers) >= _KEPT:
            self._strangers.pop(next(iter(self._strangers)))
        self._strangers[event.order_id] = None
        what = f"{event.side} {plain(event.qty)} {event.symbol} ({event.order_id})"
        where = subject_title(event.account)
        advice = "See who placed it; `gnomon orders` shows it."
        yield WARNING, f"An order that is not ours rests in {where}: {what}. {advice}"

    def _settled(self, event: IntentSettled) -> Iterator[Told]:
        """Done is no news; refused and in doubt are."""
        what = self._sent[event.intent_id]
        if event.outcome is not Outcome.IN_DOUBT:
            del self._sent[event.intent_id]
        if event.outcome is not Outcome.DONE:
            why = event.reason or "no reason was given"
            verb = str(event.outcome).replace("_", " ")
            yield WARNING, f"{what} ({event.intent_id}) is {verb}: {_ended(why)}"

    def _entry(self, entry: Entry, step: Step) -> Iterator[Told]:
        body = entry.body
        if isinstance(body, Decided) and body.owner == GUARD:
            self._told_at.pop((_STUCK, ""), None)
            is_cure = body.verdict == "cure"
            verb = "starts a cure" if is_cure else "ends a cure"
            words = f"The guard {verb}: {_ended(body.reason)}{_ratio_words(body)}"
            yield ALARM if is_cure else INFO, words
        elif isinstance(body, Approved):
            what = intent_title(step.state.shadow.rules, body.intent)
            what = f"{body.owner}: {what}"
            if len(self._sent) >= _KEPT:
                self._sent.pop(next(iter(self._sent)))
            self._sent[body.intent_id] = what
            yield INFO, f"{what} ({body.intent_id}): {_ended(body.reason)}"
        elif isinstance(body, Noted):
            self.note(entry.at, body)


def _ratio_words(body: Decided) -> str:
    """The ratio that a decision rested on, in KuCoin's words; none where it is lost."""
    if "ratio" not in body.inputs:
        return ""
    ratio = figures.banded(Decimal(body.inputs["ratio"]))
    return f" Its {ratio_word(body.subject)} is {ratio}."


def _status(event: AccountStatusChanged) -> str:
    ratio = "" if event.ratio is None else f" at {figures.banded(event.ratio)}"
    subject = event.account if event.coin is None else f"futures:{event.coin}"
    name = subject_title(subject)
    return f"KuCoin says: {name} is {event.status.replace('_', ' ')}{ratio}."


def _ended(text: str) -> str:
    """A text as the end of a sentence, with one full stop.

    Example:
        >>> _ended("done."), _ended("done")
        ('done.', 'done.')
    """
    return f"{text.rstrip('.')}."
