"""What waits for the engine: the newest marks, and every other moment in its order.

Marks go first, because the guard lives by them. Each time they went, a round of what
else waits follows, so that neither can starve the other: however fast marks come and
however slow a step is, an answer is handed out after as many mark moments as rounds
stand before it, and a mark waits for one round at most. The latest mark of a name
wins; moments are never dropped. It must not know what a moment means.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from bot.domain.events import Event
from connectors.kucoin.mark_slot import MarkSlot

__all__ = ["Inbox"]

_QUEUE_MAX: Final = 10_000
_ROUND: Final = 16
"""Moments that marks wait for at most; steps of some milliseconds each."""


class Inbox:
    """Moments on their way to the engine.

    Args:
        marks: Where marks wait, the latest of each name.
        ring: Called when a moment has come.
    """

    def __init__(self, marks: MarkSlot, ring: Callable[[], None]) -> None:
        self._marks, self._ring = marks, ring
        self._queue: deque[tuple[Event, ...]] = deque()
        self.marks_received_s = 0.0
        """Monotonic time at which the newest mark of the last mark moment was read."""

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, moment: Iterable[Event]) -> None:
        """Queue one moment.

        Raises:
            RuntimeError: The engine is far behind; the process must start anew.
        """
        events = tuple(moment)
        if not events:
            return
        if len(self._queue) >= _QUEUE_MAX:
            raise RuntimeError(f"{_QUEUE_MAX} moments wait: the engine is too slow")
        self._queue.append(events)
        self._ring()

    def due(self) -> Iterator[tuple[Event, ...]]:
        """All that waits, until nothing does: marks, a round of the rest, marks."""
        marks = self._marks
        while self._queue or not marks.is_empty:
            if not marks.is_empty:
                self.marks_received_s = marks.received_s
                yield (*marks.take_indexes(), *marks.take())
            for _ in range(min(len(self._queue), _ROUND)):
                yield self._queue.popleft()
