"""The served venue over real sockets: envelope, keys, quotas, faults, the process.

The endpoints here are the test's own, so that only what every request passes
through is tried out; the last tests start the command itself.
"""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from bot.domain.accounts import SPOT
from bot.domain.intents import PlaceOrder
from bot.domain.orders import Outcome, Side
from connectors.kucoin.signing import sign_passphrase, sign_request
from connectors.venue.account_file import load_account
from connectors.venue.server.app import ADDRESS, BOOKS_PATH, Hosts, build_apps
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

ROOT = Path(__file__).parents[2]
WALL = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
FULL, READ = derived_keys(1)
PATIENCE_S = 0.3


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
)


@dataclass(slots=True)
class _Said:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        return str(self.json["code"])


@dataclass(slots=True)
class _Client:
    """Signs as KuCoin asks and sends to one host."""

    session: aiohttp.ClientSession
    front: Front
    hosts: Hosts
    sent: int = 0

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
    ) -> _Said:
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
            return _Said(answer.status, answer.headers, await answer.text())

    async def order(self, client_id: str = "c-1") -> _Said:
        """Buy a little with a client id."""
        body = {"clientOid": client_id, "symbol": "BTC-USDT", "size": "0.01"}
        return await self.ask("POST", "/api/v1/hf/orders", body=json.dumps(body))

    @property
    def orders(self) -> int:
        """How many orders the venue really accepted."""
        return len(self.front.backend.archive.orders)


@asynccontextmanager
async def _served(script: str = "", spot_limit: int = 4000) -> AsyncIterator[_Client]:
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
            yield _Client(session, front, hosts)
    finally:
        front.stopping.set()
        await hosts.close()


# -- the envelope and the counter ---------------------------------------------


async def test_an_answer_is_enveloped_with_exact_numbers() -> None:
    """A decimal is a bare number in plain notation, a text stays a text."""
    async with _served() as client:
        said = await client.ask(
            "GET", "/api/v1/echo/BTC-USDT", query={"note": "a b+c/é", "x": "1"}
        )
    assert said.status == 200
    assert '"price":0.00000001,"text":"0.10"' in said.text
    data = said.json["data"]
    assert (said.code, data["name"]) == ("200000", "BTC-USDT")
    assert data["query"] == {"note": "a b+c/é", "x": "1"}
    assert data["rights"] == sorted(FULL.permissions)


async def test_private_answers_tell_the_pool_and_public_ones_do_not() -> None:
    """The pool's headers are on private answers only, on refusals too."""
    async with _served() as client:
        private = await client.ask("GET", "/api/v1/echo/a")
        refused = await client.ask("POST", "/api/v1/hf/orders", body="[")
        public = await client.ask("GET", "/api/v1/open", key=None)
    assert private.headers["gw-ratelimit-limit"] == "4000"
    assert private.headers["gw-ratelimit-remaining"] == "3990"
    assert private.headers["gw-ratelimit-reset"] == "30000"
    assert refused.headers["gw-ratelimit-remaining"] == "3980"
    assert public.code == "200000"
    assert not [name for name in public.headers if name.startswith("gw-")]


async def test_an_empty_pool_is_429000_with_its_headers() -> None:
    """What does not fit into the window is refused, and nothing is done."""
    async with _served(spot_limit=15) as client:
        first = await client.order("c-1")
        second = await client.order("c-2")
        orders = client.orders
    assert first.code == "200000"
    assert (second.status, second.code, orders) == (429, "429000", 1)
    assert second.headers["gw-ratelimit-remaining"] == "5"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/api/v9/nowhere", "", 404, "404000"),
        ("DELETE", "/api/v1/open", "", 405, "404000"),
        ("POST", "/api/v1/hf/orders", "{", 200, "400100"),
        ("POST", "/api/v1/hf/orders", '"text"', 400, "400100"),
        ("POST", "/api/v1/hf/orders", "", 200, "400100"),
        ("POST", "/api/v1/hf/orders", '{"size": NaN}', 200, "400100"),
        ("POST", "/api/v1/hf/orders", "[1, 2]", 200, "200000"),
    ],
)
async def test_what_cannot_be_handled_has_kucoins_code(
    method: str, path: str, body: str, status: int, code: str
) -> None:
    """A wrong path, a wrong method and a wrong body are refused in the envelope."""
    async with _served() as client:
        said = await client.ask(method, path, body=body)
    assert (said.status, said.code) == (status, code)


async def test_a_missing_field_is_named() -> None:
    """A handler that reads a field that is not there answers 400100 with its name."""
    async with _served() as client:
        said = await client.ask(
            "POST", "/api/v1/hf/orders", body='{"symbol": "BTC-USDT"}'
        )
    assert said.code == "400100"
    assert "size" in said.json["msg"]


async def test_strangers_and_lesser_keys_are_refused() -> None:
    """No key, a late clock, a key without the right: each with its own code."""
    body = '{"clientOid": "c-1", "symbol": "BTC-USDT", "size": "0.01"}'
    async with _served() as client:
        nobody = await client.ask("GET", "/api/v1/echo/a", key=None)
        late = await client.ask("GET", "/api/v1/echo/a", off_ms=-6000)
        reader = await client.ask("POST", "/api/v1/hf/orders", key=READ, body=body)
        reading = await client.ask("GET", "/api/v1/echo/a", key=READ)
        orders = client.orders
    assert (nobody.status, nobody.code) == (401, "400001")
    assert (late.status, late.code) == (400, "400002")
    assert (reader.status, reader.code) == (403, "400007")
    assert (reading.code, orders) == ("200000", 0)


async def test_a_bug_is_answered_remembered_and_survived() -> None:
    """An unforeseen error is a 500, is kept with its trace, and ends nothing."""
    async with _served() as client:
        broken = await client.ask("GET", "/api/v1/broken")
        after = await client.ask("GET", "/api/v1/open", key=None)
        bugs = client.front.bugs
    assert (broken.status, broken.code) == (500, "500000")
    assert "ArithmeticError" not in broken.text
    assert after.code == "200000"
    assert bugs.count == 1
    assert "a bug of the simulation" in bugs.traces[0]


@pytest.mark.parametrize("host", [SPOT_HOST, FUTURES_HOST])
async def test_both_hosts_tell_time_status_and_books(host: str) -> None:
    """Time is true time; the books are the venue's; they listen on loopback only."""
    async with _served() as client:
        told = await client.ask("GET", "/api/v1/timestamp", key=None, host=host)
        status = await client.ask("GET", "/api/v1/status", key=None, host=host)
        books = await client.ask("GET", BOOKS_PATH, key=None, host=host)
        url = client.hosts.url(host)
    assert told.json["data"] == exchange_ms(lambda: WALL)
    assert status.json["data"] == {"status": "open", "msg": ""}
    assert books.json["balances"]["spot"]["USDT"]["total"] == "100000"
    assert url.startswith(f"http://{ADDRESS}:")


# -- faults -------------------------------------------------------------------


def _fault(fault: str, more: str = "") -> str:
    return f'[[rest]]\nfault = "{fault}"\nfamily = "orders"\ncount = 1\n{more}'


@pytest.mark.parametrize(("fault", "done"), [("hang_before", 0), ("hang_after", 1)])
async def test_a_hanging_request_never_answers(fault: str, done: int) -> None:
    """The client times out; only after is the order there."""
    async with _served(_fault(fault)) as client:
        with pytest.raises(TimeoutError):
            await client.order()
        assert client.orders == done
        assert (await client.order("c-2")).code == "200000"


@pytest.mark.parametrize(("fault", "done"), [("drop_before", 0), ("drop_after", 1)])
async def test_a_dropped_connection_is_reset(fault: str, done: int) -> None:
    """The client sees the connection break; only after is the order there."""
    async with _served(_fault(fault)) as client:
        with pytest.raises(aiohttp.ClientError):
            await client.order()
        assert client.orders == done
        assert (await client.order("c-2")).code == "200000"
        assert client.front.bugs.count == 0


_CUT_SHORT = """
status = 200
body = '{"code":"2000'
content_type = "application/json"
after = true
"""


@pytest.mark.parametrize(
    ("more", "status", "text", "done"),
    [
        ('status = 502\nbody = "<html>bad gateway</html>"', 502, "<html>", 0),
        ('status = 502\nbody = "<html>"\nafter = true', 502, "<html>", 1),
        ("status = 200", 200, "", 0),
        (
            _CUT_SHORT,
            200,
            '{"code":"2000',
            1,
        ),
    ],
)
async def test_another_answer_can_stand_in_the_place(
    more: str, status: int, text: str, done: int
) -> None:
    """HTML, an empty body or cut JSON, before or after the order was done."""
    async with _served(_fault("status", more)) as client:
        said = await client.order()
        assert (said.status, client.orders) == (status, done)
        assert said.text.startswith(text)
        assert bool(said.text) == bool(text)


async def test_any_code_can_be_answered_without_the_pools_headers() -> None:
    """An overload is 429000 without headers, and nothing was done."""
    more = 'code = "429000"\nstatus = 429\nmsg = "too many requests"'
    async with _served(_fault("code", more)) as client:
        said = await client.order()
        orders = client.orders
    assert (said.status, said.code, orders) == (429, "429000", 0)
    assert "gw-ratelimit-limit" not in said.headers


async def test_an_answer_can_be_late() -> None:
    """A delayed request takes at least as long as the script says."""
    async with _served(_fault("delay", "delay_ms = 80")) as client:
        loop = asyncio.get_running_loop()
        began = loop.time()
        said = await client.order()
    assert said.code == "200000"
    assert loop.time() - began >= 0.08


async def test_a_young_order_is_not_found() -> None:
    """A look-up right after the acknowledgement says that there is no such order."""
    script = '[[rest]]\nfault = "not_found"\nnot_found_for_s = 2\ncount = 1'
    async with _served(script) as client:
        order_id = (await client.order()).json["data"]["orderId"]
        path = f"/api/v1/hf/orders/{order_id}"
        young = await client.ask("GET", path)
        found = await client.ask("GET", path)
    assert (young.status, young.code) == (200, "400100")
    assert found.json["data"]["id"] == order_id


async def test_a_duplicated_request_is_refused_the_second_time() -> None:
    """A request that arrives twice makes one order; the second answer is told."""
    async with _served(_fault("duplicate")) as client:
        said = await client.order()
        orders = client.orders
    assert (said.code, orders) == ("400100", 1)
    assert "clientOid" in said.json["msg"]


async def test_an_upgrade_refuses_orders_and_says_so() -> None:
    """While a host is closed its status tells it, reads go on, orders are refused."""
    script = '[[blackout]]\nhost = "spot"\nmsg = "upgrade until noon"'
    async with _served(script) as client:
        status = await client.ask("GET", "/api/v1/status", key=None)
        other = await client.ask("GET", "/api/v1/status", key=None, host=FUTURES_HOST)
        order = await client.order()
        read = await client.ask("GET", "/api/v1/echo/a")
        orders = client.orders
    assert status.json["data"] == {"status": "close", "msg": "upgrade until noon"}
    assert other.json["data"]["status"] == "open"
    assert (order.code, read.code, orders) == ("200001", "200000", 0)


@pytest.mark.parametrize(
    ("more", "mine", "shifted"),
    [("", "400002", "200000"), ("timestamp_only = true", "200000", "400002")],
)
async def test_a_wrong_clock_judges_or_only_lies(
    more: str, mine: str, shifted: str
) -> None:
    """The exchange's clock is 7 s ahead; whoever follows it is let in, or is not."""
    script = f"[[clock]]\nskew_ms = 7000\n{more}"
    async with _served(script) as client:
        told = await client.ask("GET", "/api/v1/timestamp", key=None)
        true = await client.ask("GET", "/api/v1/echo/a")
        moved = await client.ask("GET", "/api/v1/echo/a", off_ms=7000)
    assert told.json["data"] == exchange_ms(lambda: WALL) + 7000
    assert (true.code, moved.code) == (mine, shifted)


# -- the command --------------------------------------------------------------

_DEBTLESS = """\
vip = 0

[spot]
BTC = "0.5"

[futures]
wallet = {USDT = "6000"}

[[futures.position]]
symbol = "ETHUSDTM"
mode = "cross"
lots = 60
entry = "2500"
leverage = "5"
"""
"""It owes nothing, so that no interest comes between two looks."""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)]
)
async def test_the_command_serves_and_leaves_its_books(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """One line says where it is; a signal ends it; the account can be loaded again."""
    start, books = tmp_path / "start.toml", tmp_path / "end.toml"
    start.write_text(_DEBTLESS, encoding="utf-8")
    words = ["venue", "serve", "--port", "0", "--clock", "x5"]
    words += ["--account", str(start), "--books", str(books)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    ready = json.loads(line)
    assert [sorted(key["permissions"]) for key in ready["keys"]] == [
        sorted(FULL.permissions),
        ["General"],
    ]
    assert ready["keys"][0]["key"] == FULL.key
    async with aiohttp.ClientSession() as session:
        for host in (ready["spot"], ready["futures"]):
            async with session.get(host + "/api/v1/timestamp") as answer:
                assert (await answer.json())["code"] == "200000"
        async with session.get(ready["spot"] + BOOKS_PATH) as answer:
            account = (await answer.json())["account"]
        process.send_signal(signal.SIGUSR1)
    process.send_signal(number)
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, out, err) == (code, b"", b"")
    assert books.read_text(encoding="utf-8") == account
    assert load_account(books) == replace(
        load_account(start), path=books, digest=load_account(books).digest
    )
