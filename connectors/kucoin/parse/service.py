"""The service itself: time, status, our key, our user, stream tokens.

Reads ``GET /api/v1/timestamp``, ``/api/v1/status``, ``/api/v1/user/api-key``,
``/api/v2/user-info`` and ``POST /api/v1/bullet-*``. A secret never gets into an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from connectors.kucoin.parse.envelope import body
from connectors.kucoin.parse.node import Node

__all__ = [
    "KeyInfo",
    "ServiceState",
    "StreamServer",
    "StreamToken",
    "key_info",
    "server_time",
    "service_state",
    "stream_token",
    "vip_level",
]


class ServiceState(StrEnum):
    """Whether the exchange trades."""

    OPEN = "open"
    CLOSED = "closed"
    CANCEL_ONLY = "cancel_only"


_TOP_VIP_LEVEL: Final = 12
_STATES: Final[Mapping[str, ServiceState]] = {
    "open": ServiceState.OPEN,
    "close": ServiceState.CLOSED,
    "cancelonly": ServiceState.CANCEL_ONLY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInfo:
    """What our key may do; permissions in the exchange's words."""

    uid: str
    permissions: frozenset[str]
    api_version: int
    is_master: bool | None
    ip_whitelist: tuple[str, ...]
    created_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamServer:
    """Where a stream is and how often it wants a ping."""

    endpoint: str
    ping_interval_ms: int
    ping_timeout_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamToken:
    """A token for a stream, which is a secret, and the servers that take it."""

    token: str = field(repr=False)
    servers: tuple[StreamServer, ...]


def server_time(document: Node) -> datetime:
    """Read the server's time."""
    return body(document).time_ms()


def service_state(document: Node) -> tuple[ServiceState, str]:
    """Read whether the exchange trades, and its message."""
    data = body(document)
    return data["status"].word(_STATES), data["msg"].optional_text() or ""


def key_info(document: Node) -> KeyInfo:
    """Read what our key may do."""
    data = body(document)
    addresses = data["ipWhitelist"].optional_text() or ""
    return KeyInfo(
        uid=data["uid"].identity(),
        permissions=frozenset(_words(data["permission"].text())),
        api_version=data["apiVersion"].integer(),
        is_master=data["isMaster"].optional_flag(),
        ip_whitelist=tuple(_words(addresses)),
        created_at=data["createdAt"].optional_time_ms(),
    )


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def vip_level(document: Node) -> int:
    """Read our VIP level, 0 to 12."""
    node = body(document)["level"]
    level = node.integer()
    if not 0 <= level <= _TOP_VIP_LEVEL:
        node.refuse("a VIP level from 0 to 12")
    return level


def stream_token(document: Node) -> StreamToken:
    """Read a stream token and its servers.

    Raises:
        UsageError: A field is broken, or there is no server.
    """
    data = body(document)
    token = data["token"]
    if not isinstance(token.value, str) or not token.value:
        Node(None, token.path).refuse("a token")
    servers = tuple(
        StreamServer(
            endpoint=row["endpoint"].text(),
            ping_interval_ms=row["pingInterval"].integer(),
            ping_timeout_ms=row["pingTimeout"].integer(),
        )
        for row in data["instanceServers"].each()
    )
    if not servers:
        data["instanceServers"].refuse("a list with a server in it")
    return StreamToken(token=token.text(), servers=servers)
