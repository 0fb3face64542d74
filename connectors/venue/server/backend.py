"""What every handler and every socket of the served venue works on.

One ``Backend`` holds the venue, the clock, the archive and the listeners. All
calls are synchronous and come from one event loop, so the venue is never entered
twice. Every event the venue makes goes through ``publish``: into the archive
first, then to the listeners (the sockets), in order.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, cast

from bot.domain.events import Event, IntentSettled
from bot.domain.intents import Borrow, Intent, Repay
from bot.domain.market import MarketInstant
from connectors.venue.futures import AdlStrike
from connectors.venue.server.archive import Archive
from connectors.venue.server.tokens import Tokens
from connectors.venue.venue import Venue

__all__ = ["Backend", "Listener"]

_Part = TypeVar("_Part")

Listener = Callable[[datetime, Sequence[Event]], None]
"""Told the venue's time and what happened, in order; must not raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrived:
    """A request of the user's, as it came over the network."""

    intent_id: str
    intent: Intent


class Backend:
    """The served venue: one user's accounts on one moving market."""

    def __init__(self, *, venue: Venue, uid: str, now: Callable[[], datetime]) -> None:
        self.venue = venue
        self.uid = uid
        self.now = now
        """The venue's time (shifted market time at the clock's rate)."""
        self.archive = Archive(venue)
        self.last_instant: MarketInstant | None = None
        """The market's newest instant, times already shifted."""
        self.tokens = Tokens(now)
        """The tokens that open a socket, of both hosts."""
        self.socket_urls: dict[str, str] = {}
        """Host ("spot", "futures") to the URL of its socket, set when it listens."""
        self._parts: dict[object, object] = {}
        self._listeners: list[Listener] = []
        self._untold: deque[tuple[datetime, Sequence[Event]]] = deque()
        self._is_telling = False
        self._sequence = 0
        self.publish(now(), venue.opening_events)

    def listen(self, listener: Listener) -> None:
        """Tell this listener everything from now on."""
        self._listeners.append(listener)

    def part(self, make: "Callable[[Backend], _Part]") -> _Part:
        """The one part of a kind that works on this backend, made at its first use.

        Args:
            make: What makes it from the backend, most often its class. It may
                ``listen``; it lives as long as the backend.
        """
        if make not in self._parts:
            self._parts[make] = make(self)
        return cast("_Part", self._parts[make])

    def publish(self, at: datetime, events: Sequence[Event]) -> None:
        """Archive events, then tell every listener.

        A listener may submit a request itself, as a stop order does: what follows
        from it is told after everybody heard what came before.
        """
        self.archive.take(events)
        self._untold.append((at, events))
        if self._is_telling:
            return
        self._is_telling = True
        try:
            while self._untold:
                when, what = self._untold.popleft()
                for listener in tuple(self._listeners):
                    listener(when, what)
        finally:
            self._is_telling = False

    def tick(self, instant: MarketInstant) -> None:
        """The market moved."""
        self.last_instant = instant
        self.archive.settle(instant)
        self.publish(instant.at, self.venue.tick(instant))

    def advance(self, at: datetime) -> None:
        """Time passed: interest, takeovers."""
        self.publish(at, self.venue.advance(at))

    def submit(self, at: datetime, intent: Intent, client_id: str) -> IntentSettled:
        """Hand a request to the venue and publish what followed.

        Args:
            at: The venue's time of arrival, never before an earlier call's.
            intent: What is wanted, in our words.
            client_id: KuCoin's ``clientOid``; for loans a fresh ``next_id``.

        Returns:
            What became of it; a refusal carries KuCoin's ``code`` and a ``reason``.
        """
        if isinstance(intent, Borrow | Repay):
            self.archive.request(client_id, intent.amount)
        at = max(at, self.venue.now)
        request = _Arrived(intent_id=client_id, intent=intent)
        settled, *rest = self.venue.submit(at, request)
        if not isinstance(settled, IntentSettled):
            raise TypeError(f"the venue answered {client_id} with {settled!r}")
        self.publish(at, (settled, *rest))
        self.archive.forget_request(client_id)
        return settled

    def strike(self, at: datetime, strike: AdlStrike) -> None:
        """The exchange auto-deleverages one of the user's positions."""
        at = max(at, self.venue.now)
        self.publish(at, self.venue.strike(at, strike))

    def next_id(self, kind: str) -> str:
        """A fresh id for requests that have no client id at KuCoin."""
        self._sequence += 1
        return f"{kind}-{self._sequence}"
