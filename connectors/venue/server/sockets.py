"""The sockets of the served venue: one endpoint a host, on the port of its REST.

A client comes with a token, is welcomed, subscribes, pings, and hears (spot-margin.md
8, futures-and-unified.md 8). ``mount`` adds the endpoint to a host's application, and
beside it ``/uta`` for clients that take marks from the unified account's sockets. All
state lives in the hub; this module only speaks the protocol.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from aiohttp import WSMsgType, web

from bot.domain.errors import UsageError
from connectors.kucoin.parse.decode import decode
from connectors.kucoin.parse.node import Node
from connectors.venue.server.backend import Backend
from connectors.venue.server.envelope import dumps
from connectors.venue.server.futures_routes import prepare
from connectors.venue.server.pace import sleep
from connectors.venue.server.pushes_uta import uta_topic
from connectors.venue.server.socket_hub import Hub
from connectors.venue.server.socket_session import Dice, Session
from connectors.venue.server.socket_topics import (
    MOST_A_REQUEST,
    MOST_A_SESSION,
    TopicError,
    split_topics,
)
from connectors.venue.server.spot_candles import SpotCandles
from connectors.venue.server.tokens import TokenOwner, Tokens
from connectors.venue.server.words_spot_basic import ns

__all__ = ["ENDPOINT", "UTA_ENDPOINT", "mount"]

ENDPOINT: Final = "/endpoint"
UTA_ENDPOINT: Final = "/uta"

_BEAT_S: Final = 0.05
_SILENCE_S: Final = 60.0
"""A client that sends nothing for so long is cut off; it should ping every 18 s."""

_MESSAGES: Final = 100
_MESSAGES_S: Final = 10.0
_MOST_BYTES: Final = 65_536
_PING_INTERVAL_MS: Final = 18_000
_FOREVER: Final = timedelta(days=36_500)

NoteBug = Callable[[str, BaseException], None]
"""Told where and what, when something escapes that nobody foresaw."""


def mount(  # noqa: PLR0913 - what a host's socket is made of, named at the call
    app: web.Application,
    backend: Backend,
    host: str,
    tokens: Tokens,
    frame_dice: Dice | None = None,
    *,
    wait: Callable[[float], Awaitable[None]] = sleep,
    note_bug: NoteBug | None = None,
) -> None:
    """Add the socket of a host to its application.

    Args:
        app: The host's application, not started yet.
        backend: The venue; the parts that must hear everything are made now.
        host: ``spot`` or ``futures``.
        tokens: Who may come in.
        frame_dice: Faults of pushes, if there is a script.
        wait: Sleeps for real seconds.
        note_bug: Told of an error in the pushes; without it the error is raised when
            the application ends.
    """
    prepare(backend)
    backend.part(SpotCandles)
    door = _Door(
        backend=backend,
        host=host,
        tokens=tokens,
        dice=frame_dice,
        wait=wait,
        note_bug=note_bug,
        hub=Hub(backend, host),
    )
    app.router.add_get(ENDPOINT, door.classic)
    app.router.add_get(UTA_ENDPOINT, door.unified)
    app.cleanup_ctx.append(door.lifetime)
    app.on_shutdown.append(door.shut)


@dataclass(slots=True, kw_only=True)
class _Door:
    """Lets clients of one host in, and drives its hub."""

    backend: Backend
    host: str
    tokens: Tokens
    dice: Dice | None
    wait: Callable[[float], Awaitable[None]]
    note_bug: NoteBug | None
    hub: Hub
    _count: int = 0

    async def lifetime(self, _app: web.Application) -> AsyncIterator[None]:
        """The hub beats while the application runs."""
        beating = asyncio.ensure_future(self._beat())
        try:
            yield
        finally:
            beating.cancel()
            (ended,) = await asyncio.gather(beating, return_exceptions=True)
            if isinstance(ended, Exception):
                raise ended

    async def shut(self, _app: web.Application) -> None:
        """Cut every client, so that the end does not wait for them."""
        self.hub.close_all()

    async def _beat(self) -> None:
        """Beat for ever; an error of one beat is a bug and not the end of them."""
        while True:
            ended = await asyncio.gather(self._beat_once(), return_exceptions=True)
            self._judge(ended, "pushes")
            await self.wait(_BEAT_S)

    async def _beat_once(self) -> None:
        self.hub.beat(self.backend.now())

    # -- coming in --------------------------------------------------------

    async def classic(self, request: web.Request) -> web.WebSocketResponse:
        """``GET /endpoint?token=...&connectId=...``."""
        socket = web.WebSocketResponse(max_msg_size=_MOST_BYTES)
        await socket.prepare(request)
        self._count += 1
        connect_id = request.query.get("connectId") or f"{self.host}-{self._count}"
        owner = self.tokens.check(request.query.get("token", ""))
        if owner is None:
            await socket.send_str(_error(connect_id, 401, "token is invalid"))
        elif self.hub.is_full:
            await socket.send_str(_error(connect_id, 509, "too many connections"))
        if owner is None or self.hub.is_full:
            await socket.close(code=1008)
            return socket
        session = self._session(request, socket, owner)
        session.answer(dumps({"id": connect_id, "type": "welcome"}))
        await self._serve(session, _Classic(self.hub, session))
        return socket

    async def unified(self, request: web.Request) -> web.WebSocketResponse:
        """``GET /uta``: public channels, without a token."""
        socket = web.WebSocketResponse(max_msg_size=_MOST_BYTES)
        await socket.prepare(request)
        self._count += 1
        if self.hub.is_full:
            await socket.close(code=1008)
            return socket
        owner = TokenOwner(
            uid=self.backend.uid,
            is_private=False,
            expires_at=self.backend.now() + _FOREVER,
        )
        session = self._session(request, socket, owner)
        hello = {
            "sessionId": f"{self.host}-{self._count}",
            "message": "welcome",
            "pingInterval": _PING_INTERVAL_MS,
        }
        session.answer(dumps(hello))
        await self._serve(session, _Unified(self.hub, session))
        return socket

    def _session(
        self, request: web.Request, socket: web.WebSocketResponse, owner: TokenOwner
    ) -> Session:
        return Session(
            host=self.host,
            socket=socket,
            cut=partial(_cut, request),
            owner=owner,
            now=self.backend.now,
            wait=self.wait,
            dice=self.dice,
        )

    async def _serve(self, session: Session, speaker: "_Speaker") -> None:
        """Read and write until the client goes, is cut off or falls silent."""
        self.hub.join(session)
        writing = asyncio.ensure_future(session.write())
        reading = asyncio.ensure_future(_read(session, speaker))
        try:
            await asyncio.wait({writing, reading}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.hub.leave(session)
            for task in (writing, reading):
                task.cancel()
            ended = await asyncio.gather(writing, reading, return_exceptions=True)
            self._judge(ended, "a session")
            await session.socket.close()

    def _judge(self, ended: Iterable[BaseException | None], what: str) -> None:
        """A connection that broke is nothing; any other error is a bug."""
        for error in ended:
            is_usual = isinstance(error, ConnectionError | asyncio.CancelledError)
            if error is None or is_usual:
                continue
            if self.note_bug is None:
                raise error
            self.note_bug(f"{what} of the {self.host} socket", error)


def _cut(request: web.Request) -> None:
    """End a connection without a closing frame."""
    if request.transport is not None:
        request.transport.abort()


async def _read(session: Session, speaker: "_Speaker") -> None:
    """Hand every message on until the client is gone or silent too long."""
    clock = asyncio.get_running_loop().time
    times: deque[float] = deque(maxlen=_MESSAGES)
    while True:
        try:
            message = await session.socket.receive(timeout=_SILENCE_S)
        except TimeoutError:
            return
        if message.type is not WSMsgType.TEXT:
            return
        if len(times) == _MESSAGES and clock() - times[0] < _MESSAGES_S:
            session.answer(_error("", 509, "exceed max permits per second"))
            continue
        times.append(clock())
        speaker.hear(message.data)


def _error(message_id: str, code: int, data: str) -> str:
    return dumps({"id": message_id, "type": "error", "code": code, "data": data})


def _document(text: str) -> Node | None:
    """A message as a node, None where it is no JSON object."""
    try:
        document = Node(decode(text, "The message"), "message")
    except UsageError:
        return None
    return document if document.is_object else None


def _identity(document: Node) -> str:
    """The id of a message as a text, empty without one."""
    try:
        return document["id"].optional_identity() or ""
    except UsageError:
        return ""


def _is_true(node: Node) -> bool:
    """True as JSON or as a text."""
    return node.value is True or str(node.value).lower() == "true"


@dataclass(slots=True)
class _Speaker:
    """Answers the messages of one client."""

    hub: Hub
    session: Session

    def hear(self, text: str) -> None:
        """Answer one message."""
        document = _document(text)
        if document is None:
            self.session.answer(_error("", 400, "message is not a JSON object"))
            return
        message_id = _identity(document)
        if document["type"].value == "ping":
            pong = {
                "id": message_id,
                "type": "pong",
                "timestamp": ns(self.session.now()) // 1000,
            }
            self.session.answer(dumps(pong))
        else:
            self.request(message_id, document)

    def request(self, message_id: str, document: Node) -> None:
        """Answer a message that is no ping."""
        raise NotImplementedError


class _Classic(_Speaker):
    """The classic form: type, topic, ack."""

    def request(self, message_id: str, document: Node) -> None:
        kind = document["type"].value
        if kind not in {"subscribe", "unsubscribe"}:
            self.session.answer(_error(message_id, 415, "type is not supported"))
            return
        try:
            topics = self._topics(document)
            self._do(str(kind), topics)
        except TopicError as problem:
            self.session.answer(_error(message_id, problem.code, problem.data))
            return
        if _is_true(document["response"]):
            self.session.answer(dumps({"id": message_id, "type": "ack"}))

    def _topics(self, document: Node) -> list[str]:
        topic = document["topic"].value
        if not isinstance(topic, str):
            raise TopicError(400, "topic is required")
        return split_topics(
            self.session.host,
            topic,
            may_be_private=self.session.owner.is_private,
            is_private_channel=_is_true(document["privateChannel"]),
        )

    def _do(self, kind: str, topics: list[str]) -> None:
        if kind == "unsubscribe":
            self.hub.unsubscribe(self.session, topics)
            return
        if len(self.session.topics.union(topics)) > MOST_A_SESSION:
            raise TopicError(
                509,
                f"exceed max subscription count limitation of {MOST_A_SESSION} "
                "per session",
            )
        self.hub.subscribe(self.session, topics)


class _Unified(_Speaker):
    """The unified form: action, channel, result."""

    def request(self, message_id: str, document: Node) -> None:
        symbols = _symbols(document["symbol"].value)
        symbols += _symbols(document["symbols"].value)
        channel = str(document["channel"].value)
        topics = [uta_topic(channel, symbol) for symbol in symbols]
        known = [topic for topic in topics if topic is not None]
        action = document["action"].value
        if not known or len(known) < len(symbols) or len(known) > MOST_A_REQUEST:
            self._refuse(message_id, f"channel {channel[:40]} is not served")
        elif action == "subscribe":
            self.hub.subscribe(self.session, known)
            self.session.answer(dumps({"id": message_id, "result": True}))
        elif action == "unsubscribe":
            self.hub.unsubscribe(self.session, known)
            self.session.answer(dumps({"id": message_id, "result": True}))
        else:
            self._refuse(message_id, "action is not supported")

    def _refuse(self, message_id: str, reason: str) -> None:
        answer = {"id": message_id, "result": False, "reason": reason}
        self.session.answer(dumps(answer))


def _symbols(value: object) -> list[str]:
    """One symbol, several with commas, or a list of them."""
    if isinstance(value, list):
        return [str(item) for item in value]
    text = value if isinstance(value, str) else ""
    return [part.strip() for part in text.split(",") if part.strip()]
