"""One signed HTTP request to KuCoin, sent once, and the raw answer to it.

ccxt builds the URL and signs (``sign``); of its ``fetch`` nothing is used, because it
follows redirects with our signature in the headers, sends a DELETE again on its own,
writes headers and bodies to the debug log, reads numbers as floats and loses status
and headers on an error. ``SignedKucoin.fetch`` does none of that: it returns status,
headers and bytes, or says whether the request can have arrived. Nothing here judges
an answer, retries, or writes a log.
"""

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from bot.domain.errors import UsageError
from connectors.kucoin.ccxt_class import kucoin
from connectors.kucoin.endpoints import Endpoint, Host
from connectors.kucoin.parse.decode import MAX_BYTES

__all__ = [
    "NoAnswerError",
    "NotSentError",
    "Reply",
    "SignedKucoin",
    "Wire",
    "check_url",
]

_CONNECT_SHARE: Final = 0.6
"""The part of a time-out that connecting may take; within it nothing was sent."""
_CONNECTIONS: Final = 32
_CHUNK_BYTES: Final = 64 * 1024
_SPOT_HOSTS: Final = ("public", "private", "uta", "utaPrivate")
_FUTURES_HOSTS: Final = ("futuresPublic", "futuresPrivate")
_UNIFIED: Final = "/api/ua/v1/"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class NotSentError(Exception):
    """No connection: the request cannot have arrived."""


class NoAnswerError(Exception):
    """The request may have arrived; no whole answer to it did."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def check_url(url: str, name: str) -> str:
    """An address that requests may be sent to, without a slash at its end.

    Raises:
        UsageError: It is no http address, or is not encrypted and leaves this machine.

    Example:
        >>> check_url("https://api.kucoin.com/", "The spot address")
        'https://api.kucoin.com'
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise UsageError(f"{name} must look like https://api.kucoin.com.")
    if parts.username is not None or parts.password is not None:
        raise UsageError(f"{name} must not hold a name or a password.")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise UsageError(f"{name} must begin with https, except on this machine.")
    return url.rstrip("/")


class SignedKucoin(kucoin):  # type: ignore[misc]  # ccxt is not typed for us
    """ccxt's KuCoin with our clock in its signature and our own way of sending.

    ``traces`` are told how far each request has come, for measurements.
    """

    def __init__(
        self,
        config: Mapping[str, object],
        signing_ms: Callable[[], int],
        traces: Sequence[aiohttp.TraceConfig] = (),
    ) -> None:
        self._signing_ms = signing_ms
        self._traces = list(traces)
        self._line: aiohttp.ClientSession | None = None
        super().__init__(dict(config))

    def nonce(self) -> int:
        """The milliseconds that go into the signature."""
        return self._signing_ms()

    def open_line(self) -> aiohttp.ClientSession:
        """The session, opened where there is none; it never resends by itself."""
        if self._line is None:
            context = ssl.create_default_context(cafile=self.cafile)
            connector = aiohttp.TCPConnector(ssl=context, limit=_CONNECTIONS)
            self._line = aiohttp.ClientSession(
                connector=connector, trace_configs=self._traces
            )
            # A DELETE on a kept connection that broke would be sent a second time.
            self._line._retry_connection = False  # noqa: SLF001 - there is no option
        return self._line

    async def fetch(
        self,
        url: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
        timeout_s: float = 5.0,
    ) -> Reply:
        """Send one request once.

        Args:
            url: With its query as it was signed; only blanks are encoded here.
            method: GET, POST or DELETE.
            headers: As signed.
            body: The JSON text as signed, or None.
            timeout_s: For everything: connecting, sending and the whole answer.

        Raises:
            NotSentError: No connection was made.
            NoAnswerError: Time is up, or the connection broke, or the answer did.
        """
        limits = aiohttp.ClientTimeout(
            total=timeout_s, connect=timeout_s * _CONNECT_SHARE
        )
        try:
            async with self.open_line().request(
                method,
                URL(url.replace(" ", "%20"), encoded=True),
                data=None if body is None else body.encode(),
                headers=headers,
                allow_redirects=False,
                timeout=limits,
            ) as response:
                named = {key.lower(): text for key, text in response.headers.items()}
                return Reply(response.status, named, await _whole(response))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotSentError(f"no connection ({type(error).__name__})") from None
        except TimeoutError:
            raise NoAnswerError(f"no answer within {timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswerError(f"the line broke ({type(error).__name__})") from None

    async def close(self, clean_instance_data: bool = False) -> None:  # noqa: FBT001,FBT002 - ccxt's own signature
        """Close the session; a later request would open a new one."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    """The body, up to the longest that is read."""
    parts: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        size += len(chunk)
        if size > MAX_BYTES:
            raise NoAnswerError("the answer is too long to be one of the exchange's")
        parts.append(chunk)
    return b"".join(parts)


class Wire:
    """An endpoint and its parameters in, a reply of the right address out."""

    def __init__(self, exchange: SignedKucoin, spot_url: str, futures_url: str) -> None:
        self._exchange = exchange
        addresses = exchange.urls["api"]
        addresses |= dict.fromkeys(_SPOT_HOSTS, spot_url)
        addresses |= dict.fromkeys(_FUTURES_HOSTS, futures_url)

    async def send(
        self, endpoint: Endpoint, params: Mapping[str, object], timeout_s: float
    ) -> Reply:
        """Sign and send one request once; errors as ``SignedKucoin.fetch``."""
        api, version, path = _as_ccxt_says(endpoint)
        asked = {**params, "version": version}
        signed = self._exchange.sign(path, [api], endpoint.method, asked)
        return await self._exchange.fetch(
            signed["url"],
            signed["method"],
            signed["headers"],
            signed["body"],
            timeout_s=timeout_s,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._exchange.close()


def _as_ccxt_says(endpoint: Endpoint) -> tuple[str, str, str]:
    """The words of ccxt for an endpoint: its group, the version, the rest of the path.

    Example:
        >>> from connectors.kucoin.endpoints import ENDPOINTS
        >>> _as_ccxt_says(ENDPOINTS["margin_order"])
        ('private', 'v3', 'hf/margin/orders/{orderId}')
        >>> _as_ccxt_says(ENDPOINTS["contract"])
        ('futuresPublic', 'v1', 'contracts/{symbol}')
        >>> _as_ccxt_says(ENDPOINTS["account_mode"])
        ('utaPrivate', 'v1', 'account/mode')
    """
    if endpoint.path.startswith(_UNIFIED):
        api = "utaPrivate" if endpoint.is_signed else "uta"
        return api, "v1", endpoint.path.removeprefix(_UNIFIED)
    _, _, version, path = endpoint.path.split("/", 3)
    if endpoint.host is Host.SPOT:
        return "private" if endpoint.is_signed else "public", version, path
    return "futuresPrivate" if endpoint.is_signed else "futuresPublic", version, path
