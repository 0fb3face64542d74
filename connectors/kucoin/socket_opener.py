"""Making connections: tokens, servers, and never too many in a minute.

A token is a secret and stands in the address of the connection, so no error of the
HTTP library is ever quoted here: its text may hold the address.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from itertools import count
from typing import Final

import aiohttp
from yarl import URL

from bot.domain.errors import GnomonError
from connectors.kucoin.answers import ExchangeRefusedError, Rest
from connectors.kucoin.parse.service import StreamServer, StreamToken, stream_token
from connectors.kucoin.socket_inbox import Inbox
from connectors.kucoin.socket_kit import SocketError, SocketKit
from connectors.kucoin.socket_link import Link, await_welcome
from connectors.kucoin.watchdog import Source

__all__ = ["ConnectBudget", "Opener", "token_endpoint"]

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def token_endpoint(source: Source) -> str:
    """The name of the endpoint that gives a token for a connection.

    Example:
        >>> token_endpoint(Source("futures", is_private=True))
        'futures_bullet_private'
    """
    kind = "private" if source.is_private else "public"
    return f"{source.host}_bullet_{kind}"


class ConnectBudget:
    """How many connections may be made, over a window that slides; times in seconds."""

    def __init__(self, connects: int, window_s: float) -> None:
        self._made: deque[float] = deque(maxlen=connects)
        self._window_s = window_s

    def wait_s(self, now_s: float) -> float:
        """How long to wait before the next one; 0 when it may be made now."""
        if len(self._made) < (self._made.maxlen or 0):
            return 0.0
        return max(0.0, self._made[0] + self._window_s - now_s)

    def note(self, now_s: float) -> None:
        """One was made."""
        self._made.append(now_s)


@dataclass(frozen=True, slots=True)
class _Held:
    token: StreamToken
    fetched_at_s: float


class Opener:
    """Makes welcomed connections, for all places together."""

    def __init__(
        self, rest: Rest, session: aiohttp.ClientSession, inbox: Inbox, kit: SocketKit
    ) -> None:
        self._rest = rest
        self._session = session
        self._inbox = inbox
        self._kit = kit
        limits = kit.limits
        self._budget = ConnectBudget(limits.connects, limits.connects_window_s)
        self._turn = asyncio.Lock()
        self._token_turn = asyncio.Lock()
        self._held: dict[str, _Held] = {}
        self._ids = count(1)

    def discard(self, source: Source) -> None:
        """Forget the token that a connection was made with."""
        self._held.pop(token_endpoint(source), None)

    async def open(self, source: Source, attempt: int = 0) -> Link:
        """Make one connection and wait for its welcome.

        Args:
            source: Whose place it takes.
            attempt: How many attempts failed before; servers take turns by it.

        Raises:
            SocketError: It was not made; the token is forgotten then.
        """
        await self._wait_turn()
        try:
            token = await self._token(source)
            server = token.servers[attempt % len(token.servers)]
            return await self._connect(source, token, server)
        except SocketError:
            self.discard(source)
            raise

    async def _wait_turn(self) -> None:
        async with self._turn:
            now_s = self._kit.monotonic()
            while (wait_s := self._budget.wait_s(now_s)) > 0:
                await self._kit.sleep(wait_s)
                now_s = self._kit.monotonic()
            self._budget.note(now_s)

    async def _token(self, source: Source) -> StreamToken:
        name = token_endpoint(source)
        async with self._token_turn:
            held, now_s = self._held.get(name), self._kit.monotonic()
            if held is not None:
                if now_s - held.fetched_at_s < self._kit.limits.token_reuse_s:
                    return held.token
                del self._held[name]
            token = await self._fetch(name)
            self._held[name] = _Held(token, now_s)
            return token

    async def _fetch(self, name: str) -> StreamToken:
        try:
            async with asyncio.timeout(self._kit.limits.token_s):
                return stream_token(await self._rest.read(name))
        except TimeoutError:
            raise SocketError("the exchange gave no stream token in time") from None
        except (ExchangeRefusedError, GnomonError) as error:
            raise SocketError(f"no stream token: {error}") from None

    async def _connect(
        self, source: Source, token: StreamToken, server: StreamServer
    ) -> Link:
        socket = await self._handshake(_address(server, token, self._connect_id()))
        is_welcome = False
        try:
            await await_welcome(socket, self._kit)
            is_welcome = True
        finally:
            if not is_welcome:
                await socket.close()
        return Link(socket, server, source, self._inbox, self._kit)

    def _connect_id(self) -> str:
        at_ms = int(self._kit.clock.now().timestamp() * 1000)
        return f"{at_ms}-{next(self._ids)}"

    async def _handshake(self, address: URL) -> aiohttp.ClientWebSocketResponse:
        limits = self._kit.limits
        try:
            async with asyncio.timeout(limits.connect_s):
                return await self._session.ws_connect(
                    address,
                    timeout=aiohttp.ClientWSTimeout(ws_close=limits.close_s),
                    max_msg_size=limits.message_bytes_max,
                    autoping=True,
                )
        except TimeoutError:
            raise SocketError("the stream server did not answer in time") from None
        except aiohttp.WSServerHandshakeError as error:
            words = f"the stream server refused the connection, HTTP {error.status}"
            raise SocketError(words) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            words = f"the stream server was not reached ({type(error).__name__})"
            raise SocketError(words) from None


def _address(server: StreamServer, token: StreamToken, connect_id: str) -> URL:
    """The address of a connection; unencrypted only on this machine."""
    try:
        url = URL(server.endpoint)
    except ValueError:
        raise SocketError("the exchange named a stream server without sense") from None
    is_safe = url.scheme == "wss" or (url.scheme == "ws" and url.host in _LOOPBACK)
    if not is_safe:
        raise SocketError("the exchange named a stream server without encryption")
    return url.update_query(token=token.token, connectId=connect_id)
