"""The two hosts of the served venue, from routes to listening ports.

``build_apps`` puts the routes, the sockets and the books' page of one ``Front`` into
an aiohttp application for each host; ``Hosts`` listens on 127.0.0.1 and nowhere else.
Nothing here answers for money.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from aiohttp import web

from connectors.venue.server.books import books
from connectors.venue.server.calls import FUTURES_HOST, SPOT_HOST, Call, Route
from connectors.venue.server.envelope import dumps, problem
from connectors.venue.server.front import Front
from connectors.venue.server.words_spot_basic import ms

__all__ = ["ADDRESS", "BOOKS_PATH", "Hosts", "Mount", "build_apps", "core_routes"]

ADDRESS: Final = "127.0.0.1"
"""The venue is for this machine alone."""

BOOKS_PATH: Final = "/_gnomon/books"
"""What everybody owns and owes, for tests; no endpoint of KuCoin's."""

_MAX_BODY: Final = 1024 * 1024
_SHUTDOWN_S: Final = 2.0
_WEIGHTS: Final = {SPOT_HOST: (3, 3), FUTURES_HOST: (2, 4)}
"""Of the time and of the status, on each host."""

Mount = Callable[[web.Application, str], None]
"""Adds the socket of a host ("spot", "futures") to its application."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def core_routes(front: Front) -> tuple[Route, ...]:
    """The endpoints that no account and no instrument is behind."""

    def told_time(_: object, call: Call) -> object:
        skew = timedelta(milliseconds=front.faults.told_skew_ms(call.at))
        return ms(call.at + skew)

    def status_of(host: str) -> Callable[[object, Call], object]:
        def status(_: object, call: Call) -> object:
            blackout = front.faults.blackout(host, call.at)
            if blackout is None:
                return {"status": "open", "msg": ""}
            return {"status": blackout.status, "msg": blackout.msg}

        return status

    return tuple(
        Route(
            method="GET",
            path=path,
            host=host,
            pool="Public",
            weight=weight,
            handler=handler,
        )
        for host, (time_weight, status_weight) in _WEIGHTS.items()
        for path, weight, handler in (
            ("/api/v1/timestamp", time_weight, told_time),
            ("/api/v1/status", status_weight, status_of(host)),
        )
    )


def build_apps(
    front: Front, routes: Sequence[Route], mount: Mount | None = None
) -> Mapping[str, web.Application]:
    """An application for each host.

    Args:
        front: What every request passes through.
        routes: The handlers' endpoints of both hosts; those of the core go first,
            and of two with the same method and path the first counts.
        mount: Adds the sockets.
    """
    apps = {host: _app(front) for host in (SPOT_HOST, FUTURES_HOST)}
    seen: set[tuple[str, str, str]] = set()
    for route in (*core_routes(front), *routes):
        key = (route.host, route.method, route.path)
        if key not in seen:
            seen.add(key)
            router = apps[route.host].router
            router.add_route(route.method, route.path, _endpoint(front, route))
    if mount is not None:
        for host, app in apps.items():
            mount(app, host)
    return apps


def _app(front: Front) -> web.Application:
    async def show_books(_: web.Request) -> web.Response:
        text = dumps(books(front.backend))
        return web.Response(text=text, content_type="application/json")

    app = web.Application(middlewares=[_in_kucoins_words], client_max_size=_MAX_BODY)
    app.router.add_get(BOOKS_PATH, show_books)
    return app


def _endpoint(front: Front, route: Route) -> _Handler:
    async def endpoint(request: web.Request) -> web.StreamResponse:
        return await front.serve(request, route)

    return endpoint


@web.middleware
async def _in_kucoins_words(
    request: web.Request, handler: _Handler
) -> web.StreamResponse:
    """What the router itself refuses, in KuCoin's envelope."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        text, status = problem("404000", "Url Not Found"), 404
    except web.HTTPMethodNotAllowed:
        text, status = problem("404000", f"{request.method} is not allowed here"), 405
    except web.HTTPRequestEntityTooLarge:
        text, status = problem("400100", "The body is too large"), 413
    return web.Response(body=text, status=status, content_type="application/json")


class Hosts:
    """Both applications on their ports, from ``open`` to ``close``."""

    def __init__(self, apps: Mapping[str, web.Application]) -> None:
        self._runners = {
            host: web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
            for host, app in apps.items()
        }
        self.ports: dict[str, int] = {}

    async def open(self, port: int) -> None:
        """Listen: spot on ``port``, futures on the next; 0 takes two free ones.

        Raises:
            OSError: A port is taken.
        """
        for place, (host, runner) in enumerate(self._runners.items()):
            await runner.setup()
            wanted = port + place if port else 0
            await web.TCPSite(runner, ADDRESS, wanted).start()
            self.ports[host] = int(runner.addresses[0][1])

    def url(self, host: str, scheme: str = "http") -> str:
        """Where a host listens, without a path."""
        return f"{scheme}://{ADDRESS}:{self.ports[host]}"

    async def close(self) -> None:
        """Stop listening and end what is open."""
        for runner in self._runners.values():
            await runner.cleanup()
