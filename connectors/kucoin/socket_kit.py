"""What the parts of the stream client share: clock, waiting, limits.

Every wait and every size of the stream client has its bound here.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from bot.ports import Clock
from connectors.kucoin.subscriptions import SubscriptionLimits

__all__ = ["SocketError", "SocketKit", "SocketLimits"]

_HOUR_S: Final = 3600.0


class SocketError(Exception):
    """A connection was not made or is lost; a sentence without any secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketLimits:
    """Bounds, in real seconds unless said otherwise."""

    subscriptions: SubscriptionLimits = field(default_factory=SubscriptionLimits)
    queue_max: int = 10_000
    """Frames that wait for the reader."""
    message_bytes_max: int = 4 * 1024 * 1024
    tick_s: float = 0.25
    """How often pings, answers, silence and subscriptions are looked after."""
    token_s: float = 10.0
    token_reuse_s: float = 30.0
    """Connections that are made together share one token."""
    connect_s: float = 5.0
    welcome_s: float = 5.0
    send_s: float = 5.0
    close_s: float = 0.5
    connects: int = 6
    """New connections in ``connects_window_s``, over all of them."""
    connects_window_s: float = 60.0
    backoff_first_s: float = 0.5
    backoff_max_s: float = 30.0
    proven_s: float = 30.0
    """A connection that lived as long as this starts the back-off anew."""
    renew_after_s: float = 12 * _HOUR_S
    """The longest life; the jitter shortens it by up to a fifth. Both in real
    time and in the exchange's time, whichever passes first."""
    renew_retry_s: float = 300.0
    settle_s: float = 30.0
    """A replacement must be subscribed to everything within this."""
    unread_calm_s: float = 2.0
    ahead_s: float = 300.0
    """How far ahead of the exchange's clock a timestamp may be."""
    ping_s_min: float = 0.2
    ping_s_max: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketKit:
    """The clock, the wait, the limits and one number for all that is jittered.

    ``jitter`` is from 0 to 1; the composition root draws it.
    """

    clock: Clock
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep  # noqa: TID251 - waiting for the network is in real time
    limits: SocketLimits = field(default_factory=SocketLimits)
    jitter: float = 0.5
