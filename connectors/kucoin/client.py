"""The REST client: one account's requests, each judged by what KuCoin has proven.

A read is tried up to three times and returns data or raises. A write is sent exactly
once and always comes back as an ``Answer``: done and refused only on KuCoin's word,
or where no connection was made; in doubt otherwise. Success without data is never
read as zero. Requests wait for their rate pool. Nothing here logs, keeps state about
the account, or lets a secret into an error.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from aiohttp import TraceConfig

from bot.domain.errors import UnreachableError, UsageError
from connectors.kucoin.answers import Answer, ExchangeRefusedError, Urgency
from connectors.kucoin.asked import plain_params
from connectors.kucoin.codes import Fate, Verdict, classify, is_busy
from connectors.kucoin.endpoints import ENDPOINTS, Endpoint
from connectors.kucoin.parse.decode import decode
from connectors.kucoin.parse.node import Node
from connectors.kucoin.rate_pools import PoolWaitError, RatePools
from connectors.kucoin.wire import (
    NoAnswerError,
    NotSentError,
    Reply,
    SignedKucoin,
    Wire,
    check_url,
)

__all__ = ["KucoinClient", "Patience", "SigningClock", "open_client"]

_READ_PAUSES_S: Final = (0.2, 0.4)
"""Before the second and the third try of a read."""
_WORDS_MAX: Final = 200
_READ_WORDS_MAX: Final = 2000
_SLEEP: Final = asyncio.sleep  # noqa: TID251 - a client waits for its quota
_EDGE_BLOCK: Final = re.compile(rb"error code: 1015\s*")
_PUSHED_BACK: Final = frozenset({403, 429})


class SigningClock(Protocol):
    """The time that requests are signed with, and how fast the exchange's runs."""

    @property
    def rate(self) -> float:
        """Seconds of the exchange's world a second: its quotas count in those."""

    def signing_ms(self) -> int:
        """Milliseconds since 1970, within 5 s of the exchange's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long things may take, in seconds; the guard has one limit for all.

    An order is given up on sooner than other writes: a leg that waits for an answer
    is not hedged, and its fate is found by its client id.
    """

    read_s: float = 3.0
    write_s: float = 5.0
    order_s: float = 2.0
    guard_s: float = 2.0
    read_wait_s: float = 35.0
    """For a rate pool: longer than its window, so that a read gets its turn."""
    write_wait_s: float = 5.0
    guard_wait_s: float = 2.0

    def timeout_s(self, endpoint: Endpoint, urgency: Urgency) -> float:
        """For one try, from connecting to the last byte of the answer."""
        if urgency is Urgency.GUARD:
            return self.guard_s
        if endpoint.is_order:
            return self.order_s
        return self.write_s if endpoint.is_write else self.read_s

    def wait_s(self, endpoint: Endpoint, urgency: Urgency) -> float:
        """For the rate pool, before one try."""
        if urgency is Urgency.GUARD:
            return self.guard_wait_s
        return self.write_wait_s if endpoint.is_write else self.read_wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """What one try came to; ``code`` is None where KuCoin itself said nothing."""

    verdict: Verdict
    code: str | None
    message: str
    data: Node | None = None

    @property
    def sentence(self) -> str:
        """The words for a person, with what to do where that is known."""
        said, advice = self.message.rstrip("."), self.verdict.advice
        return f"{said}. {advice}" if said and advice else f"{self.message}{advice}"


class KucoinClient:
    """The REST side of one account; implements ``Rest``.

    Args:
        wire: Sends one request.
        pools: Holds requests back.
        secrets: What must never be in a message; empty without a key, and then only
            public endpoints are served.
        patience: Time limits.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        wire: Wire,
        pools: RatePools,
        *,
        secrets: tuple[str, ...],
        patience: Patience,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._wire = wire
        self._pools = pools
        self._secrets = secrets
        self._patience = patience
        self._sleep = sleep

    @property
    def pools(self) -> RatePools:
        """The rate pools, to look at."""
        return self._pools

    async def read(
        self,
        endpoint: str,
        params: Mapping[str, str] | None = None,
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Node:
        """The data of an answer; up to three tries. See ``Rest.read``."""
        asked = self._endpoint(endpoint, is_write=False)
        plain = plain_params(asked, params or {})
        heard = await self._try(asked, plain, urgency)
        for pause_s in _READ_PAUSES_S:
            if not _may_help_to_ask_again(heard):
                break
            await self._sleep(pause_s)
            heard = await self._try(asked, plain, urgency)
        if heard.data is not None:
            return heard.data
        if heard.code is not None and not _may_help_to_ask_again(heard):
            raise ExchangeRefusedError(heard.code, heard.sentence)
        raise UnreachableError(
            f"KuCoin gave no sound answer to {endpoint} after several tries: "
            f"{heard.sentence}"
        )

    async def write(
        self,
        endpoint: str,
        params: Mapping[str, object],
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Answer:
        """Send one request once, and say what is proven about it.

        Raises:
            UsageError: It cannot be sent at all: no such request, no key, or a
                parameter that is no exact text.
        """
        asked = self._endpoint(endpoint, is_write=True)
        heard = await self._try(asked, plain_params(asked, params), urgency)
        return Answer(
            outcome=heard.verdict.fate.outcome,
            code=heard.code,
            message=heard.sentence,
            data=heard.data,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._wire.close()

    def _endpoint(self, name: str, *, is_write: bool) -> Endpoint:
        found = ENDPOINTS.get(name)
        if found is None or found.is_write is not is_write:
            kind = "write" if is_write else "read"
            raise UsageError(f"There is no {kind} request {name!r} to KuCoin.")
        if found.is_signed and not self._secrets:
            raise UsageError(
                f"{name} needs an API key; put KUCOIN_API_KEY, KUCOIN_API_SECRET and "
                "KUCOIN_API_PASSPHRASE into .env."
            )
        return found

    async def _try(
        self, endpoint: Endpoint, params: Mapping[str, object], urgency: Urgency
    ) -> _Heard:
        """Wait for the pool, send once, and judge."""
        wait_s = self._patience.wait_s(endpoint, urgency)
        try:
            await self._pools.enter(endpoint, urgency, wait_s)
        except PoolWaitError as error:
            return _not_sent(str(error))
        try:
            timeout_s = self._patience.timeout_s(endpoint, urgency)
            reply = await self._wire.send(endpoint, params, timeout_s)
        except NotSentError as error:
            return _not_sent(f"Nothing was sent to KuCoin: {error}.")
        except NoAnswerError as error:
            return _Heard(
                verdict=Verdict(Fate.UNKNOWN),
                code=None,
                message=f"KuCoin's answer to {endpoint.name} did not come: {error}.",
            )
        finally:
            self._pools.leave(endpoint)
        return self._judge(endpoint, reply)

    def _judge(self, endpoint: Endpoint, reply: Reply) -> _Heard:
        envelope = _envelope(reply.body)
        if envelope is None:
            return self._of_no_envelope(endpoint, reply)
        code, words, document = envelope
        busy_code = code if is_busy(code, words) else None
        self._pools.heard(endpoint, busy_code, reply.headers)
        data = _sound_data(endpoint, document)
        verdict = classify(
            method_is_write=endpoint.is_write,
            http_status=reply.status,
            code=code,
            message=words,
            has_data=data is not None,
        )
        message = self._clean(words)
        is_done = verdict.fate is Fate.DONE
        if not is_done and data is None and not message:
            message = f"KuCoin answered {endpoint.name} with code {code} and no data."
        return _Heard(
            verdict=verdict, code=code, message=message, data=data if is_done else None
        )

    def _of_no_envelope(self, endpoint: Endpoint, reply: Reply) -> _Heard:
        """An answer that is not KuCoin's: a page, a cut text, nothing."""
        if _EDGE_BLOCK.fullmatch(reply.body):
            self._pools.heard(endpoint, "1015", reply.headers)
        elif reply.status in _PUSHED_BACK:
            self._pools.pushed_back()
        return _Heard(
            verdict=Verdict(Fate.UNKNOWN),
            code=None,
            message=f"HTTP {reply.status} without an answer of KuCoin in it.",
        )

    def _clean(self, words: str) -> str:
        """The exchange's words: short, printable, and without a secret of ours."""
        for secret in self._secrets:
            words = words.replace(secret, "***")
        shown = "".join(
            mark if mark.isprintable() else mark.encode("unicode_escape").decode()
            for mark in words[:_WORDS_MAX]
        )
        return shown[:_WORDS_MAX]


def _not_sent(message: str) -> _Heard:
    return _Heard(verdict=Verdict(Fate.REFUSED), code=None, message=message)


def _may_help_to_ask_again(heard: _Heard) -> bool:
    """Whether a read came to nothing that is proven."""
    is_open = heard.code is None or heard.verdict.fate is Fate.UNKNOWN
    return is_open or is_busy(heard.code, heard.message)


def _envelope(body: bytes) -> tuple[str, str, Node] | None:
    """Code, words and the whole document; None where it is no answer of KuCoin."""
    try:
        document = Node(decode(body, "The answer"), "")
        if not document.is_object:
            return None
        words = document["msg"].value
        code = document["code"].identity()
    except UsageError:
        return None
    return code, words[:_READ_WORDS_MAX] if isinstance(words, str) else "", document


def _sound_data(endpoint: Endpoint, document: Node) -> Node | None:
    """The data of an answer, None where what must be there is not."""
    data = Node(document["data"].value, endpoint.name)
    if data.is_blank:
        return Node(None, endpoint.name) if endpoint.may_lack_data else None
    if not endpoint.proof:
        return data
    if not data.is_object:
        return None
    return data if any(_says(data[field]) for field in endpoint.proof) else None


def _says(field: Node) -> bool:
    return not field.is_blank and field.value != []


def open_client(  # noqa: PLR0913 - the settings of a client, by name
    *,
    key: str,
    secret: str,
    passphrase: str,
    spot_url: str,
    futures_url: str,
    clock: SigningClock,
    vip: int = 0,
    patience: Patience | None = None,
    sleep: Callable[[float], Awaitable[None]] = _SLEEP,
    monotonic: Callable[[], float] = time.monotonic,
    traces: Sequence[TraceConfig] = (),
) -> KucoinClient:
    """Make the client of one account; without any key, of the public side only.

    Args:
        key: Of the API key; all three empty for public endpoints only.
        secret: Its secret.
        passphrase: Its passphrase.
        spot_url: Of spot, margin and account requests.
        futures_url: Of futures requests.
        clock: What to sign with.
        vip: The user's level, for the quotas; the exchange's headers correct it.
        patience: Other time limits.
        sleep: Waits for some seconds.
        monotonic: Seconds of a clock that never goes back.
        traces: Told how far each request has come, for measurements.

    Raises:
        UsageError: The key is incomplete or an address cannot be used.
    """
    secrets = (key, secret, passphrase)
    if any(secrets) and not all(secrets):
        raise UsageError("An API key needs all three: key, secret and passphrase.")
    config = {
        "apiKey": key,
        "secret": secret,
        "password": passphrase,
        "enableRateLimit": False,
        "options": {"uta": False, "hf": True, "partner": {}},
    }
    wire = Wire(
        SignedKucoin(config, clock.signing_ms, traces),
        check_url(spot_url, "The spot address"),
        check_url(futures_url, "The futures address"),
    )
    return KucoinClient(
        wire,
        RatePools(vip=vip, monotonic=monotonic, sleep=sleep, rate=clock.rate),
        secrets=secrets if key else (),
        patience=patience or Patience(),
        sleep=sleep,
    )
