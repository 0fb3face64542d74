"""The exchange's streams as one ordered sequence of frames, gaps and restorations.

``Streams`` keeps as many connections as its channels need: public and private, spot
and futures, 300 topics each. A loss, a silence, a message that cannot be read and a
reader that is too slow all become a ``Gap``, and a ``Restored`` once the channel
delivers again. It sends no order and reads no account: it only listens.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import aiohttp

from bot.domain.errors import UsageError
from connectors.kucoin.answers import Rest
from connectors.kucoin.socket_buffer import SocketBuffer
from connectors.kucoin.socket_inbox import ChannelCounts, Inbox
from connectors.kucoin.socket_kit import SocketKit, SocketLimits
from connectors.kucoin.socket_opener import Opener
from connectors.kucoin.socket_shard import Shard
from connectors.kucoin.streams import Channel, Frame, Gap, Restored
from connectors.kucoin.subscriptions import Wish, place
from connectors.kucoin.topics import kind_of
from connectors.kucoin.watchdog import Source

__all__ = ["ChannelHealth", "SocketKit", "SocketLimits", "Streams"]

_Hosts = dict[tuple[str, bool], list[Wish]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHealth:
    """How one channel fares.

    ``last_frame_at`` and ``mark_times`` are in the exchange's time; ``acked`` of
    ``wanted`` subscriptions are confirmed; ``reconnects`` and ``renewals`` are
    those of the connections that it shares with other channels.
    """

    is_live: bool
    reason: str | None
    last_frame_at: datetime | None
    wanted: int
    acked: int
    refused: Mapping[str, str]
    reconnects: int
    renewals: int
    frames: int
    overwritten: int
    older: int
    repeated: int
    unread: int
    mark_times: Mapping[str, datetime]


class Streams:
    """All streams of one account.

    Args:
        rest: Gives the stream tokens.
        kit: The exchange's clock, the wait, the limits and the jitter.
        wanted: The symbols of each channel; none for a topic without symbols.

    Raises:
        UsageError: A channel is not read here, or its symbols do not fit it.
    """

    def __init__(
        self,
        rest: Rest,
        kit: SocketKit,
        wanted: Mapping[Channel, Collection[str]],
    ) -> None:
        self._rest = rest
        self._kit = kit
        self._buffer = SocketBuffer(kit.limits.queue_max)
        self._inbox = Inbox(
            self._buffer,
            kit.clock,
            kit.monotonic,
            calm_s=kit.limits.unread_calm_s,
            ahead_s=kit.limits.ahead_s,
        )
        self._inbox.on_overflow = self._begin_anew
        self._wanted: dict[Channel, tuple[str, ...]] = {}
        self._shards: dict[Source, Shard] = {}
        self._tasks: dict[Source, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._opener: Opener | None = None
        self.subscribe(wanted)

    async def start(self) -> None:
        """Begin to connect; returns at once. Only once."""
        if self._session is not None:
            raise UsageError("The streams were started already; make new ones.")
        self._session = aiohttp.ClientSession()
        self._opener = Opener(self._rest, self._session, self._inbox, self._kit)
        self._arrange()

    def subscribe(self, wanted: Mapping[Channel, Collection[str]]) -> None:
        """Replace what is wanted; what stays wanted is not disturbed.

        A channel may come with another ``stale_after_s`` than before.

        Raises:
            UsageError: A channel is not read here, or its symbols do not fit it.
        """
        checked = {
            channel: _checked(channel, symbols) for channel, symbols in wanted.items()
        }
        kept = {(channel.host, channel.topic) for channel in checked}
        if len(kept) < len(checked):
            raise UsageError("A stream channel is wanted twice; name it once.")
        for channel in self._wanted:
            if (channel.host, channel.topic) not in kept:
                self._inbox.close_channel(channel)
        self._wanted = checked
        for channel, symbols in checked.items():
            self._inbox.open_channel(channel, symbols)
        if self._opener is not None:
            self._arrange()

    async def frames(self) -> AsyncIterator[Frame | Gap | Restored]:
        """Everything in order, for one reader; ends after ``close``.

        Raises:
            Exception: What ended the streams unexpectedly.
        """
        while (item := await self._buffer.next()) is not None:
            yield item

    async def close(self) -> None:
        """Close every connection and end the iterator."""
        self._buffer.close()
        tasks = [*self._tasks.values(), *self._leaving]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        self._shards.clear()
        if self._session is not None:
            await self._session.close()

    def health(self) -> Mapping[Channel, ChannelHealth]:
        """How every channel fares now."""
        return {
            channel: self._health(channel, symbols)
            for channel, symbols in self._wanted.items()
        }

    @property
    def overflows(self) -> int:
        """How often the reader was too slow."""
        return self._inbox.overflows

    @property
    def strangers(self) -> int:
        """Messages that no wanted channel explains."""
        return self._inbox.strangers

    def _health(self, channel: Channel, symbols: tuple[str, ...]) -> ChannelHealth:
        watch, counts = self._inbox.watch_of(channel), self._inbox.counts_of(channel)
        shards = [self._shards[leg] for leg in watch.legs if leg in self._shards]
        books = [shard.link.subscriptions for shard in shards if shard.link is not None]
        return ChannelHealth(
            is_live=watch.is_live,
            reason=watch.reason,
            last_frame_at=watch.last_frame_at,
            wanted=len(symbols) or 1,
            acked=sum(book.acked(channel.topic) for book in books),
            refused={
                symbol: words
                for book in books
                for symbol, words in book.refused(channel.topic).items()
            },
            reconnects=sum(shard.reconnects for shard in shards),
            renewals=sum(shard.renewals for shard in shards),
            **_counted(counts),
            mark_times=self._inbox.mark_times(channel),
        )

    def _begin_anew(self, reason: str) -> None:
        for shard in self._shards.values():
            shard.give_up(reason)

    def _arrange(self) -> None:
        """Spread what is wanted over connections; start and stop as needed."""
        limit = self._kit.limits.subscriptions.topics_per_link
        desired: dict[Source, list[Wish]] = {}
        for (host, is_private), wishes in self._by_host().items():
            held = {
                source.number: shard.wishes
                for source, shard in self._shards.items()
                if (source.host, source.is_private) == (host, is_private)
            }
            for number, theirs in place(wishes, held, limit).items():
                desired[Source(host, is_private, number)] = theirs
        for source in [source for source in self._shards if source not in desired]:
            self._stop(source)
        for source, wishes in desired.items():
            self._shard(source).want(wishes)

    def _by_host(self) -> _Hosts:
        found: _Hosts = {}
        for channel, symbols in self._wanted.items():
            kind = kind_of(channel)
            joins = kind is not None and kind.joins_symbols
            theirs = found.setdefault((channel.host, channel.is_private), [])
            theirs += [Wish(channel.topic, name, joins) for name in symbols or ("",)]
        return found

    def _shard(self, source: Source) -> Shard:
        found = self._shards.get(source)
        if found is not None:
            return found
        if self._opener is None:
            raise UsageError("The streams are not started yet.")
        shard = Shard(source, self._opener, self._inbox, self._kit)
        self._shards[source] = shard
        task: asyncio.Task[None] = asyncio.create_task(shard.run(), name=str(source))
        self._tasks[source] = task
        task.add_done_callback(self._ended)
        return shard

    def _stop(self, source: Source) -> None:
        self._shards.pop(source).want(())
        task = self._tasks.pop(source)
        task.cancel()
        self._leaving.add(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task that ends by an error of ours ends the iterator with it."""
        self._leaving.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._buffer.fail(error)


def _counted(counts: ChannelCounts) -> dict[str, int]:
    return {
        "frames": counts.frames,
        "overwritten": counts.overwritten,
        "older": counts.older,
        "repeated": counts.repeated,
        "unread": counts.unread,
    }


def _checked(channel: Channel, symbols: Collection[str]) -> tuple[str, ...]:
    kind = kind_of(channel)
    if kind is None:
        raise UsageError(
            f"Nothing reads the stream {channel.topic} of the {channel.host} host; "
            "use a channel of connectors.kucoin.topics."
        )
    names = tuple(dict.fromkeys(symbols))
    if bool(names) != kind.takes_symbols:
        wanted = "needs symbols" if kind.takes_symbols else "takes no symbols"
        raise UsageError(f"The stream {channel.topic} {wanted}, was given {names!r}.")
    if any(not name or set(name) & set(",: \"'") for name in names):
        raise UsageError(f"The symbols {names!r} of {channel.topic} are not symbols.")
    return names
