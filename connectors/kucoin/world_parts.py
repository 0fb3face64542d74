"""What the live world needs of its clock and its sockets, in as few words as it uses.

Protocols only; ``exchange_clock.ExchangeClock`` and ``sockets.Streams`` fit them.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Protocol

from bot.ports import Clock
from connectors.kucoin.answers import Rest
from connectors.kucoin.streams import Channel, Frame, Gap, Restored

__all__ = ["LiveClock", "Source"]


class LiveClock(Clock, Protocol):
    """The exchange's time, which must be measured again and again."""

    @property
    def has_jumped(self) -> bool:
        """Whether this machine slept or its clock was set."""

    async def measure(self, rest: Rest) -> None:
        """Read the exchange's clock."""


class Source(Protocol):
    """The sockets."""

    def frames(self) -> AsyncIterator[Frame | Gap | Restored]:
        """Frames, gaps and restorations, in order."""

    def health(self) -> Mapping[Channel, object]:
        """The channels that are wanted."""

    def subscribe(self, wanted: Mapping[Channel, Collection[str]]) -> None:
        """Replace what is wanted; what stays wanted is not disturbed."""
