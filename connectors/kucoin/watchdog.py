"""Whether a channel delivers, told once at each change.

A channel comes over one or more connections (its *legs*). Each leg may fail for a
cause: it is down, it is silent, it sent what cannot be read. The first cause of a leg
makes a ``Gap``; when no leg has a cause left, that makes a ``Restored``. Silence is
measured in the exchange's time against the exchange's own timestamps, so a burst of
old messages proves nothing. Pure: times are given.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Final

from connectors.kucoin.streams import Channel, Gap, Restored

__all__ = ["Cause", "ChannelWatch", "Silence", "Source"]

_GIVE_UP_AFTER: Final = 3
_PATIENCE_MAX: Final = 6


class Cause(Enum):
    """Why a leg does not deliver."""

    DOWN = auto()
    SILENT = auto()
    UNREAD = auto()


class Silence(Enum):
    """What to make of how long nothing was heard."""

    FINE = auto()
    TOO_LONG = auto()
    HOPELESS = auto()
    """Three times too long: connect anew."""


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """One connection's place: its host, its kind and its number."""

    host: str
    is_private: bool
    number: int = 0

    def __str__(self) -> str:
        kind = "private" if self.is_private else "public"
        return f"{self.host} {kind} {self.number}"


@dataclass(slots=True)
class _Leg:
    seen: datetime
    """Up to when nothing is missing: its last frame or restoration."""
    causes: dict[Cause, str] = field(default_factory=dict)
    is_told: bool = False
    pulse: datetime | None = None
    """The newest exchange time of a regular push; None while it is down."""
    given_up: int = 0


class ChannelWatch:
    """The state of one channel; ``channel`` may be replaced to change its deadline."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.last_frame_at: datetime | None = None
        self._legs: dict[Source, _Leg] = {}
        self._is_live = False

    @property
    def is_live(self) -> bool:
        """Whether it was told to deliver and no cause has come up since."""
        return self._is_live

    @property
    def reason(self) -> str | None:
        """Why it does not deliver; None while it does."""
        causes = (text for leg in self._legs.values() for text in leg.causes.values())
        return next(causes, None)

    @property
    def legs(self) -> tuple[Source, ...]:
        """The connections that it is expected over."""
        return tuple(self._legs)

    def has_leg(self, leg: Source) -> bool:
        """Whether it is expected over this connection."""
        return leg in self._legs

    def expect(self, leg: Source, at: datetime) -> None:
        """It will come over this connection too, which is not up yet."""
        if leg not in self._legs:
            waiting = {Cause.DOWN: "not connected yet"}
            self._legs[leg] = _Leg(at, waiting)

    def forget(self, leg: Source) -> Restored | None:
        """It comes no more over this connection."""
        self._legs.pop(leg, None)
        return self._restored()

    def fail(
        self, leg: Source, cause: Cause, reason: str, *, at_most: datetime
    ) -> Gap | None:
        """A cause came up; a gap, unless the leg's failure was told already.

        Args:
            leg: The connection.
            cause: What is wrong with it.
            reason: The same for a person.
            at_most: Now, in the exchange's time; a gap never begins later.
        """
        state = self._legs.get(leg)
        if state is None:
            return None
        state.causes[cause] = reason
        if cause is Cause.DOWN:
            state.pulse = None
        if state.is_told:
            return None
        state.is_told = True
        self._is_live = False
        since = min(state.seen, at_most)
        return Gap(channel=self.channel, since=since, reason=reason)

    def clear(self, leg: Source, cause: Cause, at: datetime) -> Restored | None:
        """A cause is gone; restored when it was the last of all legs."""
        state = self._legs.get(leg)
        if state is None or state.causes.pop(cause, None) is None:
            return None
        if cause is Cause.DOWN:
            state.pulse = at
            state.causes.clear()
        if not state.causes:
            state.is_told = False
            state.seen = max(state.seen, at)
        return self._restored()

    def _restored(self) -> Restored | None:
        broken = any(leg.causes for leg in self._legs.values())
        if broken or self._is_live or not self._legs:
            return None
        self._is_live = True
        return Restored(channel=self.channel)

    def hear(
        self, leg: Source, at: datetime, now: datetime, *, is_pulse: bool
    ) -> Restored | None:
        """A frame of the exchange's time ``at`` came; it may end a silence."""
        state = self._legs.get(leg)
        if state is None:
            return None
        self.last_frame_at = max(self.last_frame_at or at, at)
        state.seen = max(state.seen, at)
        if not is_pulse or state.pulse is None:
            return None
        state.pulse = max(state.pulse, at)
        stale_s = self.channel.stale_after_s
        if stale_s is not None and (now - at).total_seconds() > stale_s:
            return None
        state.given_up = 0
        return self.clear(leg, Cause.SILENT, at)

    def silence(self, leg: Source, now: datetime) -> Silence:
        """How a leg's silence is to be taken; being hopeless doubles the patience."""
        state, stale_s = self._legs.get(leg), self.channel.stale_after_s
        if state is None or stale_s is None or state.pulse is None:
            return Silence.FINE
        silent_s = (now - state.pulse).total_seconds()
        if silent_s <= stale_s:
            return Silence.FINE
        if silent_s <= stale_s * _GIVE_UP_AFTER * 2**state.given_up:
            return Silence.TOO_LONG
        state.given_up = min(state.given_up + 1, _PATIENCE_MAX)
        return Silence.HOPELESS
