"""What the sockets deliver: typed frames, and the gaps between them.

``sockets.py`` turns KuCoin's frames into these values through ``parse``; the
connector's world turns them into events. A ``Gap`` says that frames of a channel may
be missing since a time: whoever keeps state from that channel must read it anew by
REST.
"""

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Channel", "Frame", "Gap", "Restored"]


@dataclass(frozen=True, slots=True, order=True)
class Channel:
    """One topic on one host: ``spot`` or ``futures``; without its symbols' list."""

    host: str
    topic: str
    is_private: bool = False
    stale_after_s: float | None = None
    """Silence that is too long, in seconds of the exchange's time; None: it may be
    silent for ever (orders, balances)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One push: its parsed value (a type of ``connectors.kucoin.parse``).

    ``received_s`` is the monotonic time at which its bytes were read. ``skipped``
    counts the older marks of the same symbol that this one overwrote unread.
    """

    channel: Channel
    subject: str
    value: object
    received_s: float
    skipped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Frames of a channel may be lost since ``since``.

    After a disconnect, a silence, a frame that cannot be read or an overflow.
    """

    channel: Channel
    since: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A channel is acknowledged (again) and delivers from now on."""

    channel: Channel
