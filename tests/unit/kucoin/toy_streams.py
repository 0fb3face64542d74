"""A stream server on this machine that misbehaves on command, and what tests read.

It speaks KuCoin's stream dialect as far as a client can tell: welcome, ack, pong,
pushes. Each fault is an attribute that a test switches on.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from aiohttp import WSMsgType, web

from connectors.kucoin.answers import Answer, Urgency
from connectors.kucoin.parse.node import Node
from connectors.kucoin.sockets import SocketKit, SocketLimits, Streams
from connectors.kucoin.streams import Channel, Frame, Gap, Restored
from connectors.kucoin.subscriptions import SubscriptionLimits

START = datetime(2026, 3, 1, tzinfo=UTC)
PATIENCE_S = 20.0
"""How long a test waits for something that must happen."""
QUICK = SocketLimits(
    subscriptions=SubscriptionLimits(ack_s=0.1),
    tick_s=0.01,
    connect_s=0.5,
    welcome_s=0.1,
    close_s=0.1,
    connects=100,
    backoff_first_s=0.02,
    backoff_max_s=0.1,
    token_reuse_s=0.0,
    unread_calm_s=0.05,
)

TOKEN = "toy+secret=="  # noqa: S105 - of a toy server
Item = Frame | Gap | Restored
Kind = TypeVar("Kind", Frame, Gap, Restored)


class ToyClock:
    """The exchange's time: it runs with the machine's, and can be pushed ahead."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> datetime:
        """The time of the toy exchange."""
        real_s = asyncio.get_running_loop().time()
        return START + timedelta(seconds=real_s % 1000 + self.ahead_s)

    def ms(self) -> int:
        """The same in milliseconds since 1970."""
        return int(self.now().timestamp() * 1000)


class Peer:
    """One client's connection, seen from the server."""

    def __init__(self, number: int, socket: web.WebSocketResponse) -> None:
        self.number = number
        self.socket = socket
        self.topics: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.pings = 0


class Toy:
    """The server; also the ``Rest`` that gives its tokens."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self.requests: dict[int, web.Request] = {}
        self.tokens: list[str] = []
        self.url = ""
        self.ping_interval_ms = 18_000
        self.ping_timeout_ms = 10_000
        self.welcomes = True
        self.pongs = True
        self.answers: Callable[[Peer, str], str] = lambda _peer, _topic: "ack"
        """``ack``, ``silent``, or the text of an error."""
        self.refuse_token: Exception | None = None
        self.status = 101

    async def read(
        self,
        endpoint: str,
        params: Mapping[str, str] | None = None,
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Node:
        """A token and this server's address."""
        self.tokens.append(endpoint)
        if self.refuse_token is not None:
            raise self.refuse_token
        server = {
            "endpoint": f"{self.url}/{endpoint}",
            "encrypt": False,
            "protocol": "websocket",
            "pingInterval": self.ping_interval_ms,
            "pingTimeout": self.ping_timeout_ms,
        }
        return Node({"token": TOKEN, "instanceServers": [server]}, "token")

    async def write(
        self,
        endpoint: str,
        params: Mapping[str, object],
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Answer:
        """Streams never write."""
        raise AssertionError("the streams wrote")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection from its beginning to its end."""
        if self.status != 101:
            return web.Response(status=self.status)
        assert request.query["token"] == TOKEN
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        peer = Peer(len(self.peers), socket)
        self.peers.append(peer)
        self.requests[peer.number] = request
        if self.welcomes:
            await self._say(peer, {"id": request.query["connectId"], "type": "welcome"})
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._answer(peer, json.loads(message.data))
        return socket

    async def _answer(self, peer: Peer, said: dict[str, Any]) -> None:
        if said["type"] == "ping":
            peer.pings += 1
            if self.pongs:
                await self._say(peer, {"id": said["id"], "type": "pong"})
            return
        peer.requests.append(said)
        answer = self.answers(peer, said["topic"])
        if answer == "ack":
            if said["type"] == "subscribe":
                peer.topics.append(said["topic"])
            await self._say(peer, {"id": said["id"], "type": "ack"})
        elif answer != "silent":
            error = {"id": said["id"], "type": "error", "code": 404, "data": answer}
            await self._say(peer, error)

    async def _say(self, peer: Peer, document: dict[str, Any]) -> None:
        await peer.socket.send_str(json.dumps(document))

    async def push(self, document: dict[str, Any], peer: int = -1) -> None:
        """Send one push over one connection, the newest by default."""
        await self.peers[peer].socket.send_str(json.dumps(document))

    async def push_raw(self, text: str, peer: int = -1) -> None:
        """Send any text over one connection."""
        await self.peers[peer].socket.send_str(text)

    def reset(self, peer: int = -1, half: bytes = b"") -> None:
        """Reset a connection, after the first half of a frame where given."""
        number = self.peers[peer].number
        transport = self.requests[number].transport
        if transport is None or transport.is_closing():
            return
        if half:
            transport.write(half)
        transport.abort()


class Reader:
    """Reads the streams in the background and keeps everything in order."""

    def __init__(self, streams: Streams) -> None:
        self.items: list[Item] = []
        self._streams = streams
        self._news = asyncio.Event()
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for item in self._streams.frames():
            self.items.append(item)
            self._news.set()

    async def until(self, is_enough: Callable[[list[Item]], bool]) -> list[Item]:
        """Everything read so far, as soon as it is enough."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_enough(self.items):
                self._news.clear()
                await self._news.wait()
        return list(self.items)

    async def frames(self, number: int = 1) -> list[Frame]:
        """Wait for that many frames; all frames so far."""
        return of(Frame, await self.until(lambda x: len(of(Frame, x)) >= number))

    async def gaps(self, number: int = 1) -> list[Gap]:
        """Wait for that many gaps; all gaps so far."""
        return of(Gap, await self.until(lambda x: len(of(Gap, x)) >= number))

    async def restored(self, number: int = 1) -> list[Restored]:
        """Wait for that many restorations; all of them so far."""
        return of(Restored, await self.until(lambda x: len(of(Restored, x)) >= number))


def of(kind: type[Kind], items: Sequence[Item]) -> list[Kind]:
    """The items of one kind."""
    return [item for item in items if isinstance(item, kind)]


def balance(event_id: str) -> dict[str, Any]:
    """A push about one balance."""
    return {
        "topic": "/account/balance",
        "type": "message",
        "subject": "account.balance",
        "data": {
            "currency": "USDT",
            "total": "21.133773386762",
            "available": "20.132773386762",
            "hold": "1.001",
            "relationEvent": "margin.hold",
            "relationEventId": event_id,
            "time": "1730269283892",
        },
    }


def newest(toy: "Toy", topic: str) -> int:
    """The number of the newest connection that is subscribed to a topic."""
    return max(peer.number for peer in toy.peers if topic in peer.topics)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait, a few milliseconds at a time, until something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 - the toy has no events
            await asyncio.sleep(0.005)  # noqa: TID251 - polling a toy


async def nothing_for(seconds: float) -> None:
    """Let real time pass in which something must not happen."""
    await asyncio.sleep(seconds)  # noqa: TID251 - absence has no event


class Bench:
    """A toy server, its clock, streams that listen to it, and a reader."""

    def __init__(self, toy: Toy, clock: ToyClock, streams: Streams) -> None:
        self.toy = toy
        self.clock = clock
        self.streams = streams
        self.reader = Reader(streams)

    def mark(self, price: str, at_ms: int, symbol: str = "XBTUSDTM") -> dict[str, Any]:
        """A push of a contract's mark."""
        return {
            "topic": f"/contract/instrument:{symbol}",
            "type": "message",
            "subject": "mark.index.price",
            "data": {"markPrice": float(price), "indexPrice": 1, "timestamp": at_ms},
        }


@asynccontextmanager
async def bench(
    wanted: Mapping[Channel, tuple[str, ...]],
    *,
    toy: Toy | None = None,
    limits: SocketLimits = QUICK,
    **changed: Any,
) -> AsyncIterator[Bench]:
    """Streams that are started against a toy server; all is closed behind."""
    toy = toy or Toy()
    async with _served(toy):
        clock = ToyClock()
        kit = SocketKit(clock=clock, limits=replace(limits, **changed), jitter=0.5)
        streams = Streams(toy, kit, wanted)
        await streams.start()
        made = Bench(toy, clock, streams)
        try:
            yield made
        finally:
            await streams.close()
            await asyncio.gather(made.reader.task, return_exceptions=True)


@asynccontextmanager
async def _served(toy: Toy) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_get("/{endpoint}", toy.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    toy.url = f"ws://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield
    finally:
        await runner.cleanup()
