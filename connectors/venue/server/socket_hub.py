"""From the venue to the sessions of one host: who gets which push, and when.

The hub hears every publication of the backend, asks the host's pushers for messages and
puts each into the lines of its subscribers. ``beat`` is called often; it does what is
due by the venue's clock: marks each second, ratios every four, funding each minute. A
market topic is built only while somebody listens. The hub never waits.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from bot.domain.events import Event, MarksTicked
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import FUTURES_HOST
from connectors.venue.server.notices import Notice, Noticeboard
from connectors.venue.server.pushes import Push, frame
from connectors.venue.server.pushes_books import BOOK_HEADS, BookPushes
from connectors.venue.server.pushes_futures import FuturesPushes, notice_push
from connectors.venue.server.pushes_futures_market import (
    futures_trades,
    settlement_pushes,
)
from connectors.venue.server.pushes_market import MarketTopic
from connectors.venue.server.pushes_spot import SpotPushes
from connectors.venue.server.pushes_spot_market import all_tickers, spot_trades
from connectors.venue.server.pushes_uta import UTA_TOPICS
from connectors.venue.server.socket_session import Session
from connectors.venue.server.socket_topics import MARKET_TOPICS
from connectors.venue.server.words_spot_basic import in_seconds

__all__ = ["Hub"]

_ALL_TICKERS: Final = "/market/ticker:all"
_MOST_SESSIONS: Final = 800
"""Connections of one host at a time, as many as KuCoin allows a user."""


class Hub:
    """The subscribers of one host.

    Args:
        backend: Its parts must have been prepared.
        host: ``spot`` or ``futures``.
    """

    def __init__(self, backend: Backend, host: str) -> None:
        self._backend = backend
        self._host = host
        self._is_futures = host == FUTURES_HOST
        self._private: SpotPushes | FuturesPushes = (
            FuturesPushes(backend) if self._is_futures else SpotPushes(backend)
        )
        self._books = BookPushes(backend)
        self._rows: dict[str, tuple[MarketTopic, ...]] = {}
        """The market topics behind each topic that somebody hears."""
        self._listeners: dict[str, set[Session]] = {}
        self._sessions: set[Session] = set()
        self._second: int | None = None
        self._due: dict[tuple[str, str], int] = {}
        """Topic and subject to the period that was pushed last."""
        backend.listen(self._on_events)
        backend.part(Noticeboard).listen(self._on_notice)

    # -- sessions ---------------------------------------------------------

    @property
    def is_full(self) -> bool:
        """Whether no more clients may come in."""
        return len(self._sessions) >= _MOST_SESSIONS

    def join(self, session: Session) -> None:
        """A client is connected."""
        self._sessions.add(session)

    def leave(self, session: Session) -> None:
        """A client is gone, with everything it listened to."""
        self._sessions.discard(session)
        self.unsubscribe(session, tuple(session.topics))

    def subscribe(self, session: Session, topics: Iterable[str]) -> None:
        """Let a session hear topics; again changes nothing."""
        for topic in topics:
            session.topics.add(topic)
            listeners = self._listeners.setdefault(topic, set())
            listeners.add(session)
            if len(listeners) == 1:
                self._begin(topic)

    def unsubscribe(self, session: Session, topics: Iterable[str]) -> None:
        """Let a session hear topics no more."""
        for topic in topics:
            session.topics.discard(topic)
            listeners = self._listeners.get(topic)
            if listeners is None:
                continue
            listeners.discard(session)
            if not listeners:
                del self._listeners[topic]
                self._end(topic)

    def close_all(self) -> None:
        """Cut every connection."""
        for session in tuple(self._sessions):
            session.cut()

    def _begin(self, topic: str) -> None:
        """The first listener of a topic: its rhythm begins, its book is looked at."""
        head, _, symbol = topic.partition(":")
        known = (*MARKET_TOPICS[self._host], *UTA_TOPICS)
        self._rows[topic] = tuple(row for row in known if row.head == head)
        if head in BOOK_HEADS:
            for _ in self._books.of(self._host, symbol, self._now()):
                pass

    def _end(self, topic: str) -> None:
        head, _, symbol = topic.partition(":")
        if head in BOOK_HEADS:
            self._books.forget(symbol)
        del self._rows[topic]
        for key in [key for key in self._due if key[0] == topic]:
            del self._due[key]

    # -- pushes -----------------------------------------------------------

    def beat(self, at: datetime) -> None:
        """Push what is due by the venue's time; cheap when nothing is."""
        second = in_seconds(at)
        if second == self._second:
            return
        self._second = second
        self._periodic(at)
        if not all(self._rows.values()):
            self._deliver_all(self._private.beat(at))
        for session in tuple(self._sessions):
            if session.owner.expires_at <= at:
                session.cut()

    def _on_notice(self, _at: datetime, notice: Notice) -> None:
        if notice.host == self._host:
            self._deliver(notice_push(notice))

    def _on_events(self, at: datetime, events: Sequence[Event]) -> None:
        is_tick = any(isinstance(event, MarksTicked) for event in events)
        if is_tick:
            self._moved(at)
        self._deliver_all(self._private.of_events(at, events))
        trades = futures_trades if self._is_futures else spot_trades
        self._deliver_all(trades(events, self._backend))
        if is_tick and self._is_futures:
            self._deliver_all(settlement_pushes(self._backend))
        if is_tick:
            self.beat(at)

    def _moved(self, at: datetime) -> None:
        """The market moved: marks that are due, tickers and books."""
        self._periodic(at)
        for topic, rows in self._rows.items():
            head, _, symbol = topic.partition(":")
            if topic == _ALL_TICKERS:
                self._deliver_all(all_tickers(self._backend, at))
            elif head in BOOK_HEADS:
                self._deliver_all(self._books.of(self._host, symbol, at))
            else:
                moving = (row for row in rows if row.every_s is None)
                self._build(topic, moving, at)

    def _periodic(self, at: datetime) -> None:
        """Every topic whose period has begun anew."""
        second = in_seconds(at)
        for topic, rows in self._rows.items():
            for row in rows:
                if row.every_s is None:
                    continue
                key, period = (topic, row.subject), second // row.every_s
                if self._due.get(key) != period:
                    self._due[key] = period
                    self._build(topic, (row,), at)

    def _build(self, topic: str, rows: Iterable[MarketTopic], at: datetime) -> None:
        for row in rows:
            push = row.push(self._backend, topic, at)
            if push is not None:
                self._deliver(push)

    def _deliver_all(self, pushes: Iterable[Push]) -> None:
        for push in pushes:
            self._deliver(push)

    def _deliver(self, push: Push) -> None:
        """Into the lines of the listeners of each of its topics."""
        for topic in push.topics:
            hearers = self._listeners.get(topic)
            if not hearers:
                continue
            text = frame(push, topic, self._backend.uid)
            for session in hearers:
                session.offer(topic, text, is_state=push.is_state)

    def _now(self) -> datetime:
        return self._backend.now()
