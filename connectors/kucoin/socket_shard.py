"""One place for a connection, kept filled for ever.

A lost connection is a gap and is made anew, with a back-off that grows. A connection
that grows old is replaced before it goes: the new one is subscribed to everything while
the old one still delivers, which makes no gap.
"""

import asyncio
from collections.abc import Iterable
from typing import Final, NoReturn

from connectors.kucoin.socket_inbox import Inbox
from connectors.kucoin.socket_kit import SocketError, SocketKit
from connectors.kucoin.socket_link import Link
from connectors.kucoin.socket_opener import Opener
from connectors.kucoin.subscriptions import Wish
from connectors.kucoin.watchdog import Source

__all__ = ["Shard"]

_DOUBLINGS_MAX: Final = 16


class Shard:
    """Keeps one place filled; ``run`` ends only with an unexpected error."""

    def __init__(
        self, source: Source, opener: Opener, inbox: Inbox, kit: SocketKit
    ) -> None:
        self.source = source
        self._opener = opener
        self._inbox = inbox
        self._kit = kit
        self._wishes: list[Wish] = []
        self._links: dict[Link, asyncio.Task[str]] = {}
        self._current: Link | None = None
        self._failures = 0
        self.reconnects = 0
        """Connections that were lost."""
        self.renewals = 0
        """Connections that were replaced without a loss."""

    @property
    def wishes(self) -> list[Wish]:
        """What this place is subscribed to."""
        return list(self._wishes)

    @property
    def link(self) -> Link | None:
        """The connection that counts; None while there is none."""
        return self._current

    def want(self, wishes: Iterable[Wish]) -> None:
        """Replace what this place is subscribed to."""
        self._wishes = list(wishes)
        self._inbox.expect(self.source, [wish.topic for wish in self._wishes])
        for link in self._links:
            link.want(self._wishes)

    def give_up(self, reason: str) -> None:
        """Lose every connection of this place and begin anew."""
        for link in self._links:
            link.give_up(reason)

    async def run(self) -> NoReturn:
        """Keep the place filled until cancelled."""
        try:
            while True:
                self._current = await self._connect()
                while self._current is not None:
                    self._current = await self._keep(self._current)
        finally:
            for link in list(self._links):
                await self._drop(link)

    async def _connect(self) -> Link:
        while True:
            await self._back_off()
            try:
                link = await self._opener.open(self.source, self._failures)
            except SocketError as error:
                self._failures += 1
                self._inbox.down(self.source, str(error))
                continue
            return self._adopt(link)

    async def _back_off(self) -> None:
        limits = self._kit.limits
        if self._failures:
            doublings = min(self._failures - 1, _DOUBLINGS_MAX)
            wait_s = min(limits.backoff_first_s * 2**doublings, limits.backoff_max_s)
            await self._kit.sleep(wait_s * (0.75 + self._kit.jitter / 2))
        while not self._inbox.has_room:
            await self._kit.sleep(limits.tick_s)

    def _adopt(self, link: Link) -> Link:
        link.want(self._wishes)
        self._links[link] = asyncio.create_task(link.run())
        return link

    async def _keep(self, link: Link) -> Link | None:
        """Wait until a connection is lost or replaced; the next one, if there is."""
        due = asyncio.create_task(link.is_due.wait())
        try:
            await asyncio.wait(
                {self._links[link], due}, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            due.cancel()
        if self._links[link].done():
            await self._lose(link)
            return None
        return await self._replace(link)

    async def _replace(self, link: Link) -> Link | None:
        task = self._links[link]
        opening = asyncio.create_task(self._successor())
        try:
            await asyncio.wait({task, opening}, return_when=asyncio.FIRST_COMPLETED)
            is_lost = not opening.done()
            if is_lost:
                await self._lose(link)
            successor = await opening
        finally:
            if not opening.done():
                opening.cancel()
                await asyncio.gather(opening, return_exceptions=True)
        if is_lost:
            if successor is not None:
                successor.tell()  # it may have been confirmed just before the loss
            return successor
        return await self._hand_over(link, successor)

    async def _hand_over(self, link: Link, successor: Link | None) -> Link:
        """Let the old connection go, or keep it where no new one came."""
        if successor is None:
            link.postpone()
            return link
        self.renewals += 1
        self._failures = 0
        self._current = successor
        await self._drop(link)
        return successor

    async def _successor(self) -> Link | None:
        """A second connection, subscribed to everything; None if it did not come."""
        try:
            link = self._adopt(await self._opener.open(self.source))
        except SocketError:
            return None
        settling = asyncio.create_task(link.settled.wait())
        try:
            async with asyncio.timeout(self._kit.limits.settle_s):
                await asyncio.wait(
                    {settling, self._links[link]}, return_when=asyncio.FIRST_COMPLETED
                )
        except TimeoutError:
            pass
        finally:
            settling.cancel()
        if link.settled.is_set() and not self._links[link].done():
            return link
        await self._drop(link)
        return None

    async def _lose(self, link: Link) -> None:
        """A connection ended by itself: a gap; a brief life makes the wait longer."""
        reason = self._links[link].result()
        self.reconnects += 1
        lived_s = self._kit.monotonic() - link.opened_at_s
        is_proven = lived_s >= self._kit.limits.proven_s
        self._failures = 0 if is_proven else self._failures + 1
        if link.token_refused:
            self._opener.discard(self.source)
        self._inbox.down(self.source, reason)
        self._current = None
        await self._drop(link)

    async def _drop(self, link: Link) -> None:
        """End a connection that does not count any more."""
        task = self._links.pop(link)
        ended = task.done()
        task.cancel()
        results = await asyncio.gather(task, return_exceptions=True)
        await link.close()
        if not ended and isinstance(results[0], Exception):
            raise results[0]
