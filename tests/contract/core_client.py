"""A served venue for the wire tests: endpoints of its own, and a client that signs.

The endpoints are few, so that only what every request passes through is tried out.
Nothing here asserts anything.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.domain.accounts import SPOT
from bot.domain.intents import PlaceOrder
from bot.domain.orders import Outcome, Side
from connectors.kucoin.signing import sign_passphrase, sign_request
from connectors.venue.server.app import Hosts, build_apps
from connectors.venue.server.auth import ApiKey, KeyRing, derived_keys
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import (
    FUTURES_HOST,
    SPOT_HOST,
    Call,
    ProblemError,
    Route,
)
from connectors.venue.server.fault_script import parse_script
from connectors.venue.server.faults import Faults
from connectors.venue.server.front import Front, exchange_ms
from connectors.venue.server.pace import sleep
from connectors.venue.server.quotas import Quotas
from tests.unit.venue.builders import START, opening, venue

WALL = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
FULL, READ = derived_keys(1)
PATIENCE_S = 20.0


def _echo(backend: Backend, call: Call) -> object:
    del backend
    return {
        "name": call.args.get("name", ""),
        "query": dict(call.query),
        "price": Decimal("1E-8"),
        "text": "0.10",
        "rights": sorted(call.permissions),
    }


def _take(backend: Backend, call: Call) -> object:
    if call.body.is_list:
        return {"rows": len(list(call.body.each()))}
    order = PlaceOrder(
        account=SPOT,
        symbol=call.body["symbol"].text(),
        side=Side.BUY,
        qty=call.body["size"].amount(),
    )
    settled = backend.submit(call.at, order, call.body["clientOid"].text())
    if settled.outcome is not Outcome.DONE:
        raise ProblemError(settled.code or "", settled.reason or "")
    return {"orderId": settled.order_id}


def _find(backend: Backend, call: Call) -> object:
    return {"id": backend.archive.orders[call.args["orderId"]].order.order_id}


def _break(backend: Backend, call: Call) -> object:
    raise ArithmeticError("a bug of the simulation")


def _route(
    method: str, path: str, handler: Any, permission: str = "", pool: str = "Spot"
) -> Route:
    return Route(
        method=method,
        path=path,
        host=SPOT_HOST,
        pool=pool,
        weight=10,
        handler=handler,
        permission=permission,
    )


ROUTES = (
    _route("GET", "/api/v1/echo/{name}", _echo, "General"),
    _route("GET", "/api/v1/open", _echo, pool="Public"),
    _route("POST", "/api/v1/hf/orders", _take, "Spot"),
    _route("GET", "/api/v1/hf/orders/{orderId}", _find, "General"),
    _route("GET", "/api/v1/broken", _break),
    _route("DELETE", "/api/v1/hf/orders/{orderId}", _echo),
    _route("POST", "/api/v3/hf/margin/order", _echo),
    _route("DELETE", "/api/v3/hf/margin/orders/{orderId}", _echo),
    _route("POST", "/api/v3/margin/borrow", _echo),
    _route("POST", "/api/v3/accounts/universal-transfer", _echo),
    replace(_route("POST", "/api/v1/orders", _echo), host=FUTURES_HOST),
    replace(_route("GET", "/api/v1/orders/{orderId}", _echo), host=FUTURES_HOST),
)


@dataclass(slots=True)
class Said:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The whole envelope."""
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """KuCoin's code."""
        return str(self.json["code"])


@dataclass(slots=True)
class CoreClient:
    """Signs as KuCoin asks and sends to one host."""

    session: aiohttp.ClientSession
    front: Front
    hosts: Hosts

    async def ask(
        self,
        method: str,
        path: str,
        *,
        key: ApiKey | None = FULL,
        query: Mapping[str, str] | None = None,
        body: str = "",
        host: str = SPOT_HOST,
        off_ms: int = 0,
    ) -> Said:
        """Send one request; signed by ``key``, its clock ``off_ms`` off."""
        signed = path
        if query:
            signed += "?" + "&".join(f"{name}={text}" for name, text in query.items())
        headers = {"Content-Type": "application/json"} if body else {}
        if key is not None:
            stamp = exchange_ms(lambda: WALL) + off_ms
            headers |= {
                "KC-API-KEY": key.key,
                "KC-API-SIGN": sign_request(key.secret, stamp, method, signed, body),
                "KC-API-TIMESTAMP": str(stamp),
                "KC-API-PASSPHRASE": sign_passphrase(key.secret, key.passphrase),
                "KC-API-KEY-VERSION": "3",
            }
        url = self.hosts.url(host) + path + (f"?{urlencode(query)}" if query else "")
        async with self.session.request(
            method, url, headers=headers, data=body or None
        ) as answer:
            return Said(answer.status, answer.headers, await answer.text())

    async def order(self, client_id: str = "c-1") -> Said:
        """Buy a little with a client id."""
        body = {"clientOid": client_id, "symbol": "BTC-USDT", "size": "0.01"}
        return await self.ask("POST", "/api/v1/hf/orders", body=json.dumps(body))

    @property
    def orders(self) -> int:
        """How many orders the venue really accepted."""
        return len(self.front.backend.archive.orders)


@asynccontextmanager
async def served(script: str = "", spot_limit: int = 4000) -> AsyncIterator[CoreClient]:
    now = [START + timedelta(seconds=10)]
    backend = Backend(
        venue=venue(opening({"spot": {"USDT": "100000"}})),
        uid="200000001",
        now=lambda: now[0],
    )
    front = Front(
        backend=backend,
        keys=KeyRing([FULL, READ]),
        quotas=Quotas(lambda: 0.0, {"Spot": spot_limit, "Public": 2000}),
        faults=Faults(script=parse_script(script, "f"), start=START),
        wall=lambda: WALL,
        wait=sleep,
    )
    hosts = Hosts(build_apps(front, ROUTES))
    await hosts.open(0)
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            yield CoreClient(session, front, hosts)
    finally:
        front.stopping.set()
        await hosts.close()
