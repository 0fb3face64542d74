"""From a message to what the reader gets: read, judged, put in line.

Every message of every connection comes through here. Nothing that a message holds
can raise: what cannot be read is counted and becomes a gap of its channel. What is
older than what was seen, or seen already, is dropped and counted.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bot.domain.errors import UsageError
from bot.ports import Clock
from connectors.kucoin.parse.node import Node
from connectors.kucoin.socket_buffer import SocketBuffer
from connectors.kucoin.streams import Channel, Frame, Gap, Restored
from connectors.kucoin.topics import Push, kind_of, read_push, topic_of
from connectors.kucoin.watchdog import Cause, ChannelWatch, Silence, Source

__all__ = ["ChannelCounts", "Inbox"]

_UNREADABLE: Final = (
    UsageError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
_SEEN_MAX: Final = 4096
_SHOWN: Final = 160


@dataclass(slots=True)
class ChannelCounts:
    """What happened on a channel since the start, in messages."""

    frames: int = 0
    overwritten: int = 0
    older: int = 0
    repeated: int = 0
    unread: int = 0


@dataclass(slots=True)
class _Desk:
    """All that is kept of one channel."""

    watch: ChannelWatch
    symbols: frozenset[str]
    pulse: frozenset[str]
    counts: ChannelCounts = field(default_factory=ChannelCounts)
    newest: dict[str, tuple[datetime, object]] = field(default_factory=dict)
    """The newest mark of each symbol, with the exchange's time of it."""
    calm_at_s: dict[Source, float] = field(default_factory=dict)


class Inbox:
    """Judges messages and keeps the state of every channel.

    Args:
        buffer: Where what is good waits.
        clock: The exchange's time.
        monotonic: Seconds that never step.
        calm_s: How long after an unreadable message a channel counts as whole.
        ahead_s: How far in the future a timestamp may be, in seconds.
    """

    def __init__(
        self,
        buffer: SocketBuffer,
        clock: Clock,
        monotonic: Callable[[], float],
        *,
        calm_s: float,
        ahead_s: float,
    ) -> None:
        self._buffer = buffer
        self._clock = clock
        self._monotonic = monotonic
        self._calm_s = calm_s
        self._ahead = timedelta(seconds=ahead_s)
        self._desks: dict[tuple[str, str], _Desk] = {}
        self._seen: OrderedDict[str, None] = OrderedDict()
        self.strangers = 0
        """Messages that no subscribed channel explains."""
        self.overflows = 0
        self.on_overflow: Callable[[str], None] = lambda _: None

    def open_channel(self, channel: Channel, symbols: Collection[str]) -> None:
        """Take messages of a channel from now on; again, to change its symbols."""
        kind = kind_of(channel)
        desk = self._desks.get((channel.host, channel.topic))
        if desk is None:
            pulse = kind.pulse if kind is not None else frozenset()
            desk = _Desk(ChannelWatch(channel), frozenset(), pulse)
            self._desks[channel.host, channel.topic] = desk
        desk.watch.channel = channel
        desk.symbols = frozenset(symbols)
        desk.newest = {
            name: found for name, found in desk.newest.items() if name in desk.symbols
        }

    def close_channel(self, channel: Channel) -> None:
        """Take no more messages of a channel."""
        self._desks.pop((channel.host, channel.topic), None)

    def watch_of(self, channel: Channel) -> ChannelWatch:
        """The state of an open channel."""
        return self._desks[channel.host, channel.topic].watch

    def counts_of(self, channel: Channel) -> ChannelCounts:
        """What happened on an open channel."""
        return self._desks[channel.host, channel.topic].counts

    def mark_times(self, channel: Channel) -> dict[str, datetime]:
        """The exchange's time of the newest mark of each symbol."""
        desk = self._desks[channel.host, channel.topic]
        return {name: at for name, (at, _) in desk.newest.items()}

    @property
    def has_room(self) -> bool:
        """Whether the reader keeps up well enough to connect again."""
        return self._buffer.has_room

    # What connections say about themselves.

    def expect(self, source: Source, topics: Iterable[str]) -> None:
        """These topics come over this connection, and no others any more."""
        wanted = set(topics)
        for topic, desk in self._of_host(source.host):
            if topic in wanted:
                desk.watch.expect(source, self._clock.now())
            else:
                self._tell(desk.watch.forget(source))

    def up(self, source: Source, topic: str) -> None:
        """The exchange confirmed all of a topic on this connection."""
        desk = self._desks.get((source.host, topic))
        if desk is not None:
            self._tell(desk.watch.clear(source, Cause.DOWN, self._clock.now()))

    def down(self, source: Source, reason: str) -> None:
        """This connection delivers nothing any more."""
        for topic, _ in self._of_host(source.host):
            self.refused(source, topic, reason)

    def refused(self, source: Source, topic: str, reason: str) -> None:
        """This topic does not come over this connection."""
        desk = self._desks.get((source.host, topic))
        if desk is not None:
            self._fail(desk, source, Cause.DOWN, reason)

    def tend(self, source: Source) -> str | None:
        """Look for silence; a sentence when the connection should be made anew."""
        now, hopeless = self._clock.now(), None
        for topic, desk in self._of_host(source.host):
            silence = desk.watch.silence(source, now)
            if silence is not Silence.FINE:
                self._fail(desk, source, Cause.SILENT, f"{topic} is silent")
            if silence is Silence.HOPELESS:
                hopeless = f"{topic} stayed silent"
            if self._monotonic() >= desk.calm_at_s.get(source, float("inf")):
                del desk.calm_at_s[source]
                self._tell(desk.watch.clear(source, Cause.UNREAD, now))
        return hopeless

    def garbled(self, source: Source, error: UsageError) -> None:
        """A message of this connection is not even JSON: it may be of any channel."""
        for _, desk in self._of_host(source.host):
            if desk.watch.has_leg(source):
                self._unread(desk, source, error)

    # What the exchange says.

    def take(self, source: Source, document: Node, received_s: float) -> None:
        """Take one push; never raises for what it holds."""
        topic = topic_of(source.host, document)
        desk = self._desks.get((source.host, topic)) if topic is not None else None
        if desk is None or not desk.watch.has_leg(source):
            self.strangers += 1
            return
        try:
            push = read_push(source.host, document)
        except _UNREADABLE as error:
            self._unread(desk, source, error)
            return
        desk = self._desks.get((source.host, push.topic))
        if desk is None or not desk.watch.has_leg(source):
            self.strangers += 1
            return
        self._judge(desk, source, push, received_s)

    def _judge(
        self, desk: _Desk, source: Source, push: Push, received_s: float
    ) -> None:
        now = self._clock.now()
        at = push.at if push.at is not None else now
        if at - now > self._ahead:
            words = f"the time of {push.topic} lies in the future; check the clock"
            self._unread(desk, source, UsageError(words))
            return
        if push.slot is not None and push.slot not in desk.symbols:
            self.strangers += 1
            return
        is_pulse = not desk.pulse or push.subject in desk.pulse
        self._tell(desk.watch.hear(source, at, now, is_pulse=is_pulse))
        frame = Frame(
            channel=desk.watch.channel,
            subject=push.subject,
            value=push.value,
            received_s=received_s,
        )
        if push.slot is not None:
            self._put_mark(desk, push.slot, at, frame)
        elif push.identity is None or self._is_new(push.identity):
            self._put(desk, frame)
        else:
            desk.counts.repeated += 1

    def _put_mark(self, desk: _Desk, symbol: str, at: datetime, frame: Frame) -> None:
        newest = desk.newest.get(symbol)
        if newest is not None and at < newest[0]:
            desk.counts.older += 1
            return
        if newest is not None and newest == (at, frame.value):
            desk.counts.repeated += 1
            return
        channel = frame.channel
        done = self._buffer.put_mark((channel.host, channel.topic, symbol), frame)
        if done is None:
            self._overflow()
            return
        desk.newest[symbol] = (at, frame.value)
        desk.counts.overwritten += done
        desk.counts.frames += 1

    def _put(self, desk: _Desk, frame: Frame) -> None:
        if self._buffer.put(frame):
            desk.counts.frames += 1
        else:
            self._overflow()

    def _is_new(self, identity: str) -> bool:
        if identity in self._seen:
            return False
        self._seen[identity] = None
        if len(self._seen) > _SEEN_MAX:
            self._seen.popitem(last=False)
        return True

    def _overflow(self) -> None:
        """The reader is too slow: every channel has a gap, and all begins anew."""
        self.overflows += 1
        self._seen.clear()
        reason = "the reader does not keep up with the stream"
        for desk in self._desks.values():
            for leg in desk.watch.legs:
                self._fail(desk, leg, Cause.DOWN, reason)
        self.on_overflow(reason)

    def _unread(self, desk: _Desk, source: Source, error: Exception) -> None:
        desk.counts.unread += 1
        desk.calm_at_s[source] = self._monotonic() + self._calm_s
        words = str(error) if isinstance(error, UsageError) else type(error).__name__
        shown = "".join(c if c.isprintable() else "?" for c in words[:_SHOWN])
        self._fail(desk, source, Cause.UNREAD, f"a message was not understood: {shown}")

    def _fail(self, desk: _Desk, source: Source, cause: Cause, reason: str) -> None:
        now = self._clock.now()
        self._tell(desk.watch.fail(source, cause, reason, at_most=now))

    def _tell(self, note: Gap | Restored | None) -> None:
        if note is not None:
            self._buffer.tell(note)

    def _of_host(self, host: str) -> Iterator[tuple[str, _Desk]]:
        for (own_host, topic), desk in self._desks.items():
            if own_host == host:
                yield topic, desk
