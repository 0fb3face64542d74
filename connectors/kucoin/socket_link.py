"""One connection to one of the exchange's stream servers.

It waits for the welcome, subscribes, pings, and hands every push to the inbox, until
it is lost; then it says why and is never used again. It decides nothing about what a
loss means.
"""

import asyncio
import json
from collections.abc import Iterable
from itertools import count
from typing import Final

import aiohttp

from bot.domain.errors import UsageError
from connectors.kucoin.parse.decode import decode
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.service import StreamServer
from connectors.kucoin.socket_inbox import Inbox
from connectors.kucoin.socket_kit import SocketError, SocketKit
from connectors.kucoin.subscriptions import (
    MessageBudget,
    Request,
    Subscriptions,
    Wish,
)
from connectors.kucoin.watchdog import Source

__all__ = ["Link", "await_welcome"]

_DATA: Final = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)
_TOKEN_CODES: Final = frozenset({"401", "40101", "400003"})
_SHOWN: Final = 160


async def await_welcome(
    socket: aiohttp.ClientWebSocketResponse, kit: SocketKit
) -> None:
    """Wait for the welcome, which comes before anything may be sent.

    Raises:
        SocketError: None came in time, or something else did.
    """
    try:
        async with asyncio.timeout(kit.limits.welcome_s):
            message = await socket.receive()
    except TimeoutError:
        raise SocketError("the exchange did not welcome the connection") from None
    if message.type not in _DATA:
        raise SocketError("the exchange closed the connection before its welcome")
    try:
        document = decode(message.data, "The welcome")
    except UsageError as error:
        raise SocketError(str(error)) from None
    said = document.get("type") if isinstance(document, dict) else None
    if said != "welcome":
        words = _words(document)
        raise SocketError(f"the exchange answered the connection with {words}")


class Link:
    """A welcomed connection.

    Args:
        socket: The open socket; ``close`` closes it.
        server: Its server, for how often it wants a ping.
        source: Whose place it takes.
        inbox: Who takes the pushes.
        kit: Clock, wait and limits.
    """

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        server: StreamServer,
        source: Source,
        inbox: Inbox,
        kit: SocketKit,
    ) -> None:
        limits = kit.limits
        self._socket = socket
        self._source = source
        self._inbox = inbox
        self._kit = kit
        self._ping_s = _within(server.ping_interval_ms / 2000, kit)
        self._pong_s = _within(server.ping_timeout_ms / 1000, kit)
        self._name = str(source)
        self.subscriptions = Subscriptions(limits.subscriptions)
        self._budget = MessageBudget(
            limits.subscriptions.messages, limits.subscriptions.window_s
        )
        self._ping_ids = count(1)
        self._pinged_at_s = kit.monotonic()
        self._unanswered_since_s: float | None = None
        self.opened_at_s = kit.monotonic()
        self._opened_at = kit.clock.now()
        self.token_refused = False
        self.settled = asyncio.Event()
        """Set when everything desired was confirmed or refused."""
        self.is_due = asyncio.Event()
        """Set when it should be replaced, because of its age."""
        self._renew_after_s = limits.renew_after_s * (1 - _spread(source, kit) / 5)
        self._given_up: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def want(self, wishes: Iterable[Wish]) -> None:
        """Replace what it should be subscribed to."""
        self.subscriptions.want(wishes)
        self.settled.clear()
        self.tell()

    def tell(self) -> None:
        """Tell the inbox which topics are complete now, or are refused in full."""
        subscriptions = self.subscriptions
        for topic in subscriptions.topics:
            if subscriptions.is_complete(topic):
                self._inbox.up(self._source, topic)
            elif not subscriptions.is_open(topic):
                words = next(iter(subscriptions.refused(topic).values()), "refused")
                self._inbox.refused(
                    self._source, topic, f"the exchange refused {topic}: {words}"
                )
        if subscriptions.is_settled:
            self.settled.set()

    def give_up(self, reason: str) -> None:
        """End it; what still arrives is ignored."""
        if not self._given_up.done():
            self._given_up.set_result(reason)

    def postpone(self) -> None:
        """Ask for a replacement again later."""
        age_s = self._kit.monotonic() - self.opened_at_s
        self._renew_after_s = age_s + self._kit.limits.renew_retry_s
        self._opened_at = self._kit.clock.now()
        self.is_due.clear()

    async def run(self) -> str:
        """Serve until it is lost.

        Returns:
            Why it was lost, in words without a secret.
        """
        receiving = asyncio.create_task(self._receive())
        tending = asyncio.create_task(self._tend())
        tasks: list[asyncio.Future[str]] = [self._given_up, receiving, tending]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(task for task in tasks if task.done()).result()
        finally:
            receiving.cancel()
            tending.cancel()
            await asyncio.gather(receiving, tending, return_exceptions=True)

    async def close(self) -> None:
        """Close the socket; bounded by the limit of its making."""
        await self._socket.close()

    async def _receive(self) -> str:
        monotonic = self._kit.monotonic
        while True:
            message = await self._socket.receive()
            received_s = monotonic()
            if message.type not in _DATA:
                return f"the exchange closed the connection ({_close_words(message)})"
            if not self._given_up.done():
                self._take(message.data, received_s)

    def _take(self, data: str | bytes, received_s: float) -> None:
        try:
            document = decode(data, "A message")
        except UsageError as error:
            self._inbox.garbled(self._source, error)
            return
        kind = document.get("type") if isinstance(document, dict) else None
        if kind == "message" or (kind is None and _is_push(document)):
            self._inbox.take(self._source, Node(document, ""), received_s)
        elif kind == "pong":
            self._unanswered_since_s = None
        elif kind in {"ack", "error"}:
            self._answer(Node(document, "answer"), is_refusal=kind == "error")
        else:
            self._inbox.strangers += 1

    def _answer(self, answer: Node, *, is_refusal: bool) -> None:
        request_id = str(answer["id"].value)
        if not is_refusal:
            known = self.subscriptions.ack(request_id)
        else:
            words, now_s = _words(answer.value), self._kit.monotonic()
            if str(answer["code"].value) in _TOKEN_CODES:
                self.token_refused = True
                self.give_up(f"the exchange refused the token with {words}")
                return
            known = self.subscriptions.refuse(request_id, words, now_s)
        if known:
            self.tell()
        else:
            self._inbox.strangers += 1

    async def _tend(self) -> str:
        while True:
            try:
                async with asyncio.timeout(self._kit.limits.send_s):
                    await self._send_due()
            except TimeoutError:
                return "the connection takes no more messages"
            except (ConnectionError, aiohttp.ClientError, OSError) as error:
                return f"the connection broke ({type(error).__name__})"
            await self._kit.sleep(self._kit.limits.tick_s)
            if (reason := self._look()) is not None:
                return reason

    def _look(self) -> str | None:
        """What the clock says about this connection: a reason to end it, or None."""
        now_s = self._kit.monotonic()
        pinged_s = self._unanswered_since_s
        waited_s = 0.0 if pinged_s is None else now_s - pinged_s
        if waited_s > self._pong_s:
            return f"no answer to a ping for {waited_s:.0f} s"
        in_exchange_s = (self._kit.clock.now() - self._opened_at).total_seconds()
        if max(now_s - self.opened_at_s, in_exchange_s) >= self._renew_after_s:
            self.is_due.set()
        return self.subscriptions.overdue(now_s) or self._inbox.tend(self._source)

    async def _send_due(self) -> None:
        now_s = self._kit.monotonic()
        if now_s - self._pinged_at_s >= self._ping_s:
            await self._ping(now_s)
        while self._budget.allows(now_s):
            request = self.subscriptions.next_request(now_s)
            if request is None:
                return
            self._budget.note(now_s)
            await self._socket.send_str(_subscribe(request, self._source.is_private))

    async def _ping(self, now_s: float) -> None:
        self._pinged_at_s = now_s
        if self._unanswered_since_s is None:
            self._unanswered_since_s = now_s
        ping = {"id": f"p{next(self._ping_ids)}", "type": "ping"}
        await self._socket.send_str(json.dumps(ping))


def _within(seconds: float, kit: SocketKit) -> float:
    return min(max(seconds, kit.limits.ping_s_min / 2), kit.limits.ping_s_max)


def _spread(source: Source, kit: SocketKit) -> float:
    """A number from 0 to 1 that differs from connection to connection."""
    place = 4 * source.number + 2 * source.is_private + (source.host == "futures")
    return (kit.jitter + 0.618 * place) % 1


def _subscribe(request: Request, is_private: bool) -> str:  # noqa: FBT001 - one field
    return json.dumps(
        {
            "id": request.request_id,
            "type": "subscribe" if request.subscribes else "unsubscribe",
            "topic": request.topic,
            "privateChannel": is_private,
            "response": True,
        }
    )


def _is_push(document: object) -> bool:
    return isinstance(document, dict) and "topic" in document and "data" in document


def _words(document: object) -> str:
    """An error frame's code and text, cut and printable; never the whole frame."""
    if not isinstance(document, dict):
        return "something that is no message"
    text = f"{document.get('code', '')} {document.get('data', '')}".strip()
    shown = "".join(c if c.isprintable() else "?" for c in text[:_SHOWN])
    return shown or "something that is no message"


def _close_words(message: aiohttp.WSMessage) -> str:
    if message.type is aiohttp.WSMsgType.ERROR:
        return type(message.data).__name__
    return f"{message.type.name.lower()} {message.data or ''}".strip()
