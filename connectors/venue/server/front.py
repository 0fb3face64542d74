"""What every request to the served venue passes through, in KuCoin's order.

Faults of the network first, then the signature, the permission, the rate limit, the
JSON, an upgrade under way, and only then the handler. A ``ProblemError`` becomes
KuCoin's envelope. Anything else that escapes is a bug of the simulation: it is
answered with 500, remembered, and never hidden. Nothing here knows an endpoint.
"""

import asyncio
import socket
import struct
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from aiohttp import web
from loguru import logger

from bot.domain.errors import UsageError
from connectors.kucoin.parse.decode import decode
from connectors.kucoin.parse.node import Node
from connectors.venue.orders import FUTURES_CODES, MARGIN_CODES, SPOT_CODES
from connectors.venue.server.auth import KeyRing, SignedRequest, require_permission
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import FUTURES_HOST, Call, ProblemError, Route
from connectors.venue.server.envelope import problem, success
from connectors.venue.server.fault_script import RestRule, family_of
from connectors.venue.server.faults import Faults
from connectors.venue.server.quotas import Quotas

__all__ = ["Bugs", "Front", "exchange_ms"]

_JSON: Final = "application/json"
_RESET: Final = struct.pack("ii", 1, 0)
"""Linger for no time: closing resets the connection."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_BUGS: Final = 100


@dataclass(slots=True)
class Bugs:
    """Errors that nobody foresaw; a process that met one ends with exit code 1."""

    count: int = 0
    traces: list[str] = field(default_factory=list)
    """The first hundred, as text."""

    def note(self, where: str, error: BaseException) -> None:
        """Remember one and write it to the log."""
        self.count += 1
        trace = "".join(traceback.format_exception(error))
        if len(self.traces) < _MOST_BUGS:
            self.traces.append(f"{where}\n{trace}")
        logger.error("a bug in the served venue, {}: {}", where, trace)


def exchange_ms(wall: Callable[[], datetime], skew_ms: int = 0) -> int:
    """True time and a skew, in milliseconds since 1970.

    Example:
        >>> exchange_ms(lambda: datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), 500)
        1500
    """
    passed = wall() - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1000 + (
        passed.microseconds // 1000 + skew_ms
    )


@dataclass(slots=True, kw_only=True)
class Front:
    """The counter of both hosts.

    ``wall`` is true time, by which signatures are judged; ``wait`` sleeps for real
    seconds; ``stopping`` ends what hangs.
    """

    backend: Backend
    keys: KeyRing
    quotas: Quotas
    faults: Faults
    wall: Callable[[], datetime]
    wait: Callable[[float], Awaitable[None]]
    bugs: Bugs = field(default_factory=Bugs)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, request: web.Request, route: Route) -> web.StreamResponse:
        """Answer one request, or do to it what the fault script says.

        A client that goes away before its body is whole gets nothing.
        """
        try:
            body = await request.read()
        except (ConnectionError, web.RequestPayloadError):
            return _drop(request)
        (answer,) = await asyncio.gather(
            self._pass(request, route, body), return_exceptions=True
        )
        if isinstance(answer, web.HTTPException):
            raise answer
        if isinstance(answer, BaseException):
            self.bugs.note(f"{request.method} {request.path}", answer)
            return _answer(problem("500000", "Internal Server Error"), 500)
        return answer

    async def _pass(
        self, request: web.Request, route: Route, body: bytes
    ) -> web.StreamResponse:
        hits = self._draw(request, route)
        for rule in hits:
            spoiled = await self._before(request, rule)
            if spoiled is not None:
                return spoiled
        answer = self._handle(request, route, body)
        if any(rule.fault == "not_found" for rule in hits):
            answer = _not_found(route, hits)
        elif any(rule.fault == "duplicate" for rule in hits):
            answer = self._handle(request, route, body)
        for rule in hits:
            answer = await self._after(request, rule, answer)
        return answer

    def _draw(self, request: web.Request, route: Route) -> Sequence[RestRule]:
        at = self.backend.now()
        age_s = self._age_s(request, at)
        return self.faults.rest.draw(
            route.host, request.method, request.path, at, age_s
        )

    def _age_s(self, request: web.Request, at: datetime) -> float | None:
        """How long ago the order was accepted that a request names, if it does."""
        archive = self.backend.archive
        named = [*request.match_info.values()]
        named += [request.query.get(key, "") for key in ("orderId", "clientOid")]
        for name in named:
            record = archive.orders.get(name) or archive.order_by_client(name)
            if record is not None:
                return (at - record.created_at).total_seconds()
        return None

    # -- faults -----------------------------------------------------------

    async def _before(
        self, request: web.Request, rule: RestRule
    ) -> web.StreamResponse | None:
        """What happens to a request that never arrives; None lets it arrive."""
        if rule.fault == "delay":
            await self.wait(rule.delay_ms / 1000)
        if rule.fault == "hang_before":
            await self._hang(rule.hang_s)
            return _drop(request)
        if rule.fault == "drop_before":
            return _drop(request)
        if rule.fault in {"status", "code"} and not rule.is_after:
            return _instead(rule)
        return None

    async def _after(
        self, request: web.Request, rule: RestRule, answer: web.StreamResponse
    ) -> web.StreamResponse:
        """What happens to the answer of a request that was done."""
        if rule.fault == "hang_after":
            await self._hang(rule.hang_s)
            return _drop(request)
        if rule.fault == "drop_after":
            return _drop(request)
        if rule.fault in {"status", "code"} and rule.is_after:
            return _instead(rule)
        return answer

    async def _hang(self, seconds: float) -> None:
        """Keep the client waiting, but not the end of the server."""
        stopped = asyncio.ensure_future(self.stopping.wait())
        await asyncio.wait({stopped}, timeout=seconds)
        stopped.cancel()

    # -- the request ------------------------------------------------------

    def _handle(
        self, request: web.Request, route: Route, body: bytes
    ) -> web.StreamResponse:
        """Check and do one request; what the exchange refuses is an answer too."""
        headers: dict[str, str] = {}
        try:
            call = self._call(request, route, body, headers)
            self._check_open(route)
            return _answer(success(route.handler(self.backend, call)), 200, headers)
        except ProblemError as error:
            refusal = problem(error.code, error.message)
            return _answer(refusal, error.status, headers)
        except UsageError as error:
            return _answer(problem("400100", str(error)), 200, headers)

    def _call(
        self, request: web.Request, route: Route, body: bytes, headers: dict[str, str]
    ) -> Call:
        """The request as a handler sees it; ``headers`` get the pool's state."""
        at = self.backend.now()
        permissions = self._permissions(request, route, body, at)
        self._charge(request, route, headers)
        query = {key: ",".join(request.query.getall(key)) for key in request.query}
        return Call(
            at=at,
            method=request.method,
            path=request.path,
            args=dict(request.match_info),
            query=query,
            body=_read(request, body),
            permissions=permissions,
        )

    def _permissions(
        self, request: web.Request, route: Route, body: bytes, at: datetime
    ) -> frozenset[str]:
        """The rights of the key that signed it; none on a public endpoint."""
        if not route.permission:
            return frozenset()
        signed = SignedRequest(
            method=request.method,
            target=request.raw_path,
            body=body.decode("utf-8", errors="replace"),
            headers=request.headers,
            address=request.remote or "",
        )
        now_ms = exchange_ms(self.wall, self.faults.judged_skew_ms(at))
        permissions = self.keys.authenticate(signed, now_ms).permissions
        require_permission(permissions, route.permission)
        return permissions

    def _charge(
        self, request: web.Request, route: Route, headers: dict[str, str]
    ) -> None:
        """Take the weight out of the pool; private pools say what is left."""
        is_public = route.pool == "Public"
        owner = (request.remote or "") if is_public else self.backend.uid
        quota = self.quotas.take(route.pool, route.weight, owner)
        if route.permission:
            headers.update(quota.headers())
        if quota.is_empty:
            raise ProblemError("429000", "Too many requests in a short period", 429)

    def _check_open(self, route: Route) -> None:
        """Refuse what an upgrade stops."""
        blackout = self.faults.blackout(route.host, self.backend.now())
        if blackout is None or route.method == "GET":
            return
        family = family_of(route.method, route.path)
        stopped = {"orders"}
        if blackout.status == "close":
            stopped = {"orders", "cancels", "loans", "transfers"}
        if family in stopped:
            raise ProblemError(_closed_code(route, family), blackout.msg)


def _closed_code(route: Route, family: str) -> str:
    """KuCoin's code for what is suspended, by product."""
    if family == "loans":
        return "130202"
    if family == "transfers":
        return "230005"
    if route.host == FUTURES_HOST:
        return "300002"
    is_cancel = family == "cancels"
    if "/margin/" in route.path:
        return "126010" if is_cancel else "126009"
    return "200002" if is_cancel else "200001"


def _read(request: web.Request, body: bytes) -> Node:
    """The JSON body; an empty object where there is none.

    Raises:
        ProblemError: It is no JSON object or list, or is declared as something else.
    """
    if not body.strip():
        return Node({}, "")
    if "json" not in request.content_type:
        raise ProblemError("415000", "Content-Type must be application/json", 415)
    document = Node(decode(body, "The body"), "")
    if not document.is_object and not document.is_list:
        raise ProblemError("400100", "The body must be a JSON object or list.", 400)
    return document


def _answer(
    text: bytes, status: int, headers: dict[str, str] | None = None
) -> web.Response:
    return web.Response(body=text, status=status, content_type=_JSON, headers=headers)


def _instead(rule: RestRule) -> web.Response:
    """The answer that a rule puts in the place of the real one."""
    if rule.fault == "code":
        return _answer(problem(rule.code, rule.msg), rule.status)
    return web.Response(
        text=rule.body, status=rule.status, content_type=rule.content_type
    )


def _not_found(route: Route, hits: Sequence[RestRule]) -> web.Response:
    """What a look-up says of an order that has not reached it yet."""
    rule = next(rule for rule in hits if rule.fault == "not_found")
    codes = MARGIN_CODES if "/margin/" in route.path else SPOT_CODES
    if route.host == FUTURES_HOST:
        codes = FUTURES_CODES
    text = problem(rule.code or codes.not_found, rule.msg or "order_not_exist")
    return _answer(text, 200)


def _drop(request: web.Request) -> web.Response:
    """Reset the connection; what is returned reaches nobody."""
    transport = request.transport
    if transport is not None:
        plug = transport.get_extra_info("socket")
        if plug is not None:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
    return web.Response()
