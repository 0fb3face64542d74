"""What a connection should be subscribed to, and what the exchange has confirmed.

Pure bookkeeping for one connection: it says what to send next and when an answer is
overdue; somebody else sends. A request that is refused or not answered is sent again
in halves, so that one bad symbol does not silence the other ninety-nine. Times are
monotonic seconds.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final, NamedTuple

__all__ = [
    "MessageBudget",
    "Request",
    "SubscriptionLimits",
    "Subscriptions",
    "Wish",
    "place",
]

_PENDING_MAX: Final = 100
_LEAVING: Final = "u"
"""How the ids of requests begin whose answer changes nothing."""


class Wish(NamedTuple):
    """One topic of one symbol; ``symbol`` is empty where the topic takes none."""

    topic: str
    symbol: str = ""
    joins: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionLimits:
    """The exchange's limits with a margin, and our patience.

    ``messages`` in ``window_s`` seconds is below the exchange's 100 in 10 s, so
    that pings always find room. ``sends_max`` unanswered requests mean that the
    connection is of no use.
    """

    topics_per_request: int = 100
    topics_per_link: int = 300
    messages: int = 80
    window_s: float = 10.0
    ack_s: float = 5.0
    sends_max: int = 2
    refused_retry_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """One message to send; all its wishes are of one topic."""

    request_id: str
    wishes: tuple[Wish, ...]
    subscribes: bool

    @property
    def topic(self) -> str:
        """The topic with its symbols, as the exchange writes them.

        Example:
            >>> pair = (Wish("/a", "X", True), Wish("/a", "Y", True))
            >>> Request("1", pair, subscribes=True).topic
            '/a:X,Y'
        """
        symbols = ",".join(wish.symbol for wish in self.wishes)
        return f"{self.wishes[0].topic}:{symbols}" if symbols else self.wishes[0].topic


@dataclass(slots=True)
class _Pending:
    wishes: tuple[Wish, ...]
    sent_at_s: float


@dataclass(slots=True)
class _Try:
    """How a wish fared so far: unanswered sends, and how many may share a request."""

    sends: int = 0
    together: int = 0
    refused: str | None = None
    again_at_s: float = 0.0


class MessageBudget:
    """How many messages a connection may send: a window that slides."""

    def __init__(self, messages: int, window_s: float) -> None:
        self._sent: deque[float] = deque(maxlen=messages)
        self._window_s = window_s

    def allows(self, now_s: float) -> bool:
        """Whether one more message fits now."""
        full = len(self._sent) == self._sent.maxlen
        return not full or now_s - self._sent[0] >= self._window_s

    def note(self, now_s: float) -> None:
        """One message was sent."""
        self._sent.append(now_s)


class Subscriptions:
    """Desired against confirmed, for one connection."""

    def __init__(self, limits: SubscriptionLimits) -> None:
        self._limits = limits
        self._wanted: dict[Wish, _Try] = {}
        self._acked: dict[Wish, None] = {}
        self._leaving: deque[Wish] = deque()
        self._pending: dict[str, _Pending] = {}
        self._ids = count(1)

    def want(self, wishes: Iterable[Wish]) -> None:
        """Replace what is desired; what is not in ``wishes`` is given up."""
        desired = dict.fromkeys(wishes)
        for wish in [wish for wish in self._wanted if wish not in desired]:
            del self._wanted[wish]
            if wish in self._acked:
                del self._acked[wish]
                self._leaving.append(wish)
        for wish in desired:
            self._wanted.setdefault(wish, self._fresh(wish))

    def _fresh(self, wish: Wish) -> _Try:
        return _Try(together=self._limits.topics_per_request if wish.joins else 1)

    def next_request(self, now_s: float) -> Request | None:
        """The next message to send now; it counts as sent."""
        if len(self._pending) >= _PENDING_MAX:
            return None
        if self._leaving:
            request_id = _LEAVING + self._next_id()
            return Request(request_id, (self._leaving.popleft(),), subscribes=False)
        wishes = self._next_batch(now_s)
        if not wishes:
            return None
        request = Request(self._next_id(), wishes, subscribes=True)
        self._pending[request.request_id] = _Pending(wishes, now_s)
        return request

    def _next_id(self) -> str:
        return str(next(self._ids))

    def _next_batch(self, now_s: float) -> tuple[Wish, ...]:
        waiting = self._waiting(now_s)
        if not waiting:
            return ()
        first = waiting[0]
        together = self._wanted[first].together
        batch = [
            wish
            for wish in waiting
            if wish.topic == first.topic and self._wanted[wish].together == together
        ]
        return tuple(batch[:together])

    def _waiting(self, now_s: float) -> list[Wish]:
        flying = {wish for item in self._pending.values() for wish in item.wishes}
        return [
            wish
            for wish, tried in self._wanted.items()
            if wish not in self._acked
            and wish not in flying
            and (tried.refused is None or tried.again_at_s <= now_s)
        ]

    def ack(self, request_id: str) -> bool:
        """The exchange confirmed a request; False: it is none of ours."""
        pending = self._pending.pop(request_id, None)
        if pending is None:
            return request_id.startswith(_LEAVING)
        for wish in pending.wishes:
            if wish in self._wanted:
                self._acked[wish] = None
                self._wanted[wish] = self._fresh(wish)
            else:
                self._leaving.append(wish)
        return True

    def refuse(self, request_id: str, words: str, now_s: float) -> bool:
        """The exchange refused a request; False: it is none of ours."""
        pending = self._pending.pop(request_id, None)
        if pending is None:
            return False
        for wish in pending.wishes:
            tried = self._wanted.get(wish)
            if tried is None:
                continue
            if len(pending.wishes) > 1:
                tried.together = len(pending.wishes) // 2
            else:
                tried.refused = words
                tried.again_at_s = now_s + self._limits.refused_retry_s
        return True

    def overdue(self, now_s: float) -> str | None:
        """Put unanswered requests back; a sentence when they were sent often enough."""
        late = [
            (request_id, item)
            for request_id, item in self._pending.items()
            if now_s - item.sent_at_s >= self._limits.ack_s
        ]
        for request_id, item in late:
            del self._pending[request_id]
            if (reason := self._unanswered(item)) is not None:
                return reason
        return None

    def _unanswered(self, item: _Pending) -> str | None:
        for wish in item.wishes:
            tried = self._wanted.get(wish)
            if tried is None:
                continue
            tried.sends += 1
            tried.together = max(1, len(item.wishes) // 2)
            if tried.sends >= self._limits.sends_max:
                return f"the exchange did not confirm the subscription to {wish.topic}"
        return None

    @property
    def topics(self) -> Sequence[str]:
        """Every desired topic once, in order."""
        return list(dict.fromkeys(wish.topic for wish in self._wanted))

    def is_complete(self, topic: str) -> bool:
        """Whether all of a topic is confirmed, but for symbols that were refused.

        A topic of which everything was refused is not complete.
        """
        return not self.is_open(topic) and self.acked(topic) > 0

    def is_open(self, topic: str) -> bool:
        """Whether an answer about some of a topic is still to come."""
        return any(
            wish.topic == topic and wish not in self._acked and tried.refused is None
            for wish, tried in self._wanted.items()
        )

    @property
    def is_settled(self) -> bool:
        """Whether every desired topic is confirmed or was refused."""
        return all(
            wish in self._acked or tried.refused is not None
            for wish, tried in self._wanted.items()
        )

    def acked(self, topic: str) -> int:
        """How many of a topic's wishes are confirmed."""
        return sum(wish.topic == topic for wish in self._acked)

    def refused(self, topic: str) -> Mapping[str, str]:
        """The exchange's words for each symbol of a topic that it refused."""
        return {
            wish.symbol: tried.refused
            for wish, tried in self._wanted.items()
            if wish.topic == topic and tried.refused is not None
        }


def place(
    wishes: Sequence[Wish], held: Mapping[int, Sequence[Wish]], limit: int
) -> dict[int, list[Wish]]:
    """Spread wishes over connections: what is held stays, the rest fills up.

    Args:
        wishes: Everything that is desired.
        held: What each connection has now, by its number.
        limit: The most topics of one connection.

    Returns:
        The wishes of each connection; one that is left without any is not there.

    Example:
        >>> a, b, c = Wish("/a"), Wish("/b"), Wish("/c")
        >>> placed = place([a, b, c], {0: [b]}, 2)
        >>> [[wish.topic for wish in placed[number]] for number in (0, 1)]
        [['/b', '/a'], ['/c']]
    """
    desired = dict.fromkeys(wishes)
    placed = {
        number: [wish for wish in theirs if wish in desired]
        for number, theirs in sorted(held.items())
    }
    settled = {wish for theirs in placed.values() for wish in theirs}
    for wish in desired:
        if wish in settled:
            continue
        number = next(
            number for number in count() if len(placed.get(number, ())) < limit
        )
        placed.setdefault(number, []).append(wish)
    return {number: theirs for number, theirs in placed.items() if theirs}
