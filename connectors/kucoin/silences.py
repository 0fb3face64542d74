"""Which feeds are not heard now, and since which silence.

A feed that fell silent counts as heard again only when a full look has caught up
with what it may have missed, and only if it did not fall silent once more
meanwhile. Pure state; the world tells of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.events import Event, FeedChanged

__all__ = ["Silences"]

_HEARD = "it delivers, and the account was read"


@dataclass(slots=True)
class Silences:
    """The silent feeds; ``now`` gives the exchange's time."""

    now: Callable[[], datetime]
    _since: dict[str, int] = field(default_factory=dict)
    _count: int = 0

    def begin(self, feed: str, reason: str) -> tuple[Event, ...]:
        """A feed may have missed something; it is news only once."""
        is_news = feed not in self._since
        self._count += 1
        self._since[feed] = self._count
        if not is_news:
            return ()
        told = FeedChanged(at=self.now(), feed=feed, is_live=False, reason=reason)
        return (told,)

    def end(self, feed: str) -> Callable[[], Iterator[Event]] | None:
        """A feed delivers again: what to tell once everything was looked at.

        None for a feed that was never silent.
        """
        silence = self._since.get(feed)
        if silence is None:
            return None

        def caught_up() -> Iterator[Event]:
            if self._since.get(feed) == silence:
                del self._since[feed]
                yield FeedChanged(at=self.now(), feed=feed, is_live=True, reason=_HEARD)

        return caught_up
