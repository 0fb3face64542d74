"""A served venue with open sockets, and a client that waits for what it expects.

Nothing here asserts anything about the venue; a socket that does not welcome its client
or acknowledge a topic is an error of the bench.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeGuard

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import TestServer

from bot.domain.accounts import AccountSnapshot
from connectors.kucoin.parse.decode import decode
from connectors.kucoin.parse.node import Node
from connectors.venue.server.fault_script import parse_script
from connectors.venue.server.faults import Faults
from connectors.venue.server.sockets import mount
from tests.unit.venue.builders import START, opening
from tests.unit.venue_server.futures_backend import Served

SOON_S = 10.0
QUIET_S = 0.15


@dataclass(slots=True)
class Client:
    """A client of one socket: sends, and waits for what it expects."""

    socket: ClientWebSocketResponse
    count: int = 0

    async def say(self, **message: object) -> Any:
        """Send a message; the answer that carries its id."""
        self.count += 1
        message_id = str(self.count)
        await self.socket.send_str(json.dumps({"id": message_id, **message}))
        return await self.until(lambda found: found.get("id") == message_id)

    async def hear(self, topic: str, *, is_private: bool = False) -> None:
        """Subscribe and be acknowledged."""
        answer = await self.say(
            type="subscribe", topic=topic, privateChannel=is_private, response=True
        )
        if answer["type"] != "ack":
            raise ConnectionError(f"{topic} was not acknowledged: {answer}")

    async def next(self) -> Any:
        """The next message of any kind."""
        message = await self.socket.receive(timeout=SOON_S)
        if message.type is not WSMsgType.TEXT:
            raise ConnectionError(str(message.type))
        return decode(message.data)

    async def until(self, is_it: Callable[[dict[str, Any]], bool]) -> Any:
        """The next message that is the one, whatever comes before it."""
        while True:
            found = await self.next()
            if is_it(found):
                return found

    async def push(self, subject: str, count: int = 1) -> Sequence[Node]:
        """The next ``count`` pushes of a subject, as nodes."""
        rows = [
            await self.until(lambda found: found.get("subject") == subject)
            for _ in range(count)
        ]
        return [Node(row, subject) for row in rows]

    async def one(self, subject: str) -> Node:
        """The next push of a subject."""
        (found,) = await self.push(subject)
        return found

    async def is_quiet(self) -> bool:
        """Whether nothing comes for a moment."""
        try:
            await self.socket.receive(timeout=QUIET_S)
        except TimeoutError:
            return True
        return False


class Place:
    """A served venue with its sockets open."""

    def __init__(
        self, account: AccountSnapshot | None = None, script: str | None = None
    ) -> None:
        self.served = Served(account)
        self.backend = self.served.backend
        faults = None
        if script is not None:
            faults = Faults(script=parse_script(script, "script"), start=START)
        self.bugs: list[tuple[str, BaseException]] = []
        self.servers: dict[str, TestServer] = {}
        for host in ("spot", "futures"):
            app = web.Application()
            dice = None if faults is None else faults.frames
            mount(
                app,
                self.backend,
                host,
                self.backend.tokens,
                dice,
                note_bug=lambda where, error: self.bugs.append((where, error)),
            )
            self.servers[host] = TestServer(app, host="127.0.0.1")

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Place"]:
        """Listen on free ports."""
        for server in self.servers.values():
            await server.start_server()
        async with ClientSession() as self.http:
            yield self
        for server in self.servers.values():
            await server.close()
        if self.bugs:
            raise ExceptionGroup("bugs", [e for _, e in self.bugs if _is_one(e)])

    @asynccontextmanager
    async def client(
        self, host: str, *, is_private: bool = True, path: str = "/endpoint"
    ) -> AsyncIterator[Client]:
        """Connected and welcomed."""
        token = self.backend.tokens.issue(is_private, "1234567", self.served.at)
        url = self.servers[host].make_url(path)
        query = {"token": token, "connectId": "me"}
        async with self.http.ws_connect(url.with_query(query)) as socket:
            client = Client(socket)
            hello = await client.next()
            if "welcome" not in {hello.get("type"), hello.get("message")}:
                raise ConnectionError(f"not welcomed: {hello}")
            yield client


def _is_one(error: BaseException) -> TypeGuard[Exception]:
    return isinstance(error, Exception)


def margin_account() -> AccountSnapshot:
    """Cross and isolated margin accounts with debts, and some spot coins."""
    return opening(
        {
            "main": {"USDT": "100"},
            "spot": {"USDT": "1000"},
            "margin_cross": {"BTC": "1", "USDT": "1000"},
            "margin_isolated:BTC-USDT": {"BTC": "0.1", "USDT": "10"},
        },
        debts={
            "margin_cross": {"USDT": "20000"},
            "margin_isolated:BTC-USDT": {"USDT": "1000"},
        },
    )
