"""The served venue over real sockets: envelope, keys, quotas, bad requests."""

import asyncio
from datetime import timedelta

import pytest

from connectors.venue.server.app import ADDRESS, BOOKS_PATH, Hosts, build_apps
from connectors.venue.server.calls import FUTURES_HOST, SPOT_HOST
from connectors.venue.server.front import exchange_ms
from tests.contract.core_client import FULL, READ, served
from tests.unit.venue.builders import START


async def test_an_answer_is_enveloped_with_exact_numbers() -> None:
    """A decimal is a bare number in plain notation, a text stays a text."""
    async with served() as client:
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
    async with served() as client:
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
    async with served(spot_limit=15) as client:
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
    async with served() as client:
        said = await client.ask(method, path, body=body)
    assert (said.status, said.code) == (status, code)


async def test_a_missing_field_is_named() -> None:
    """A handler that reads a field that is not there answers 400100 with its name."""
    async with served() as client:
        said = await client.ask(
            "POST", "/api/v1/hf/orders", body='{"symbol": "BTC-USDT"}'
        )
    assert said.code == "400100"
    assert "size" in said.json["msg"]


async def test_strangers_and_lesser_keys_are_refused() -> None:
    """No key, a late clock, a key without the right: each with its own code."""
    body = '{"clientOid": "c-1", "symbol": "BTC-USDT", "size": "0.01"}'
    async with served() as client:
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
    async with served() as client:
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
    """Time is the venue's; the books are the venue's; they listen on loopback only."""
    async with served() as client:
        told = await client.ask("GET", "/api/v1/timestamp", key=None, host=host)
        status = await client.ask("GET", "/api/v1/status", key=None, host=host)
        books = await client.ask("GET", BOOKS_PATH, key=None, host=host)
        url = client.hosts.url(host)
    assert told.json["data"] == exchange_ms(lambda: START + timedelta(seconds=10))
    assert status.json["data"] == {"status": "open", "msg": ""}
    assert books.json["balances"]["spot"]["USDT"]["total"] == "100000"
    assert url.startswith(f"http://{ADDRESS}:")


async def test_a_client_that_goes_away_is_no_bug() -> None:
    """Half a request and a closed connection do nothing and count as nothing."""
    async with served() as client:
        port = client.hosts.ports[SPOT_HOST]
        _, writer = await asyncio.open_connection(ADDRESS, port)
        writer.write(
            b"POST /api/v1/hf/orders HTTP/1.1\r\nHost: x\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        await writer.drain()
        assert (await client.ask("GET", "/api/v1/open", key=None)).code == "200000"
        writer.close()
        await writer.wait_closed()
        assert (await client.ask("GET", "/api/v1/open", key=None)).code == "200000"
        assert (client.front.bugs.count, client.orders) == (0, 0)


async def test_a_port_that_is_taken_is_said() -> None:
    """A second server on the same port does not start."""
    async with served() as client:
        again = Hosts(build_apps(client.front, ()))
        with pytest.raises(OSError, match="address already in use"):
            await again.open(client.hosts.ports[SPOT_HOST])
        await again.close()
