"""What a fault script does to requests, seen by a client over real sockets."""

import asyncio
from datetime import timedelta

import aiohttp
import pytest

from connectors.venue.server.calls import FUTURES_HOST
from connectors.venue.server.front import exchange_ms
from tests.contract.core_client import served
from tests.unit.venue.builders import START


def _fault(fault: str, more: str = "") -> str:
    return f'[[rest]]\nfault = "{fault}"\nfamily = "orders"\ncount = 1\n{more}'


@pytest.mark.parametrize(("fault", "done"), [("hang_before", 0), ("hang_after", 1)])
async def test_a_hanging_request_never_answers(fault: str, done: int) -> None:
    """The client times out; only after is the order there."""
    async with served(_fault(fault)) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2.0):
                await client.order()
        assert client.orders == done
        assert (await client.order("c-2")).code == "200000"


@pytest.mark.parametrize(("fault", "done"), [("drop_before", 0), ("drop_after", 1)])
async def test_a_dropped_connection_is_reset(fault: str, done: int) -> None:
    """The client sees the connection break; only after is the order there."""
    async with served(_fault(fault)) as client:
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
    async with served(_fault("status", more)) as client:
        said = await client.order()
        assert (said.status, client.orders) == (status, done)
        assert said.text.startswith(text)
        assert bool(said.text) == bool(text)


async def test_any_code_can_be_answered_without_the_pools_headers() -> None:
    """An overload is 429000 without headers, and nothing was done."""
    more = 'code = "429000"\nstatus = 429\nmsg = "too many requests"'
    async with served(_fault("code", more)) as client:
        said = await client.order()
        orders = client.orders
    assert (said.status, said.code, orders) == (429, "429000", 0)
    assert "gw-ratelimit-limit" not in said.headers


async def test_an_answer_can_be_late() -> None:
    """A delayed request takes at least as long as the script says."""
    async with served(_fault("delay", "delay_ms = 80")) as client:
        loop = asyncio.get_running_loop()
        began = loop.time()
        said = await client.order()
    assert said.code == "200000"
    assert loop.time() - began >= 0.08


async def test_a_young_order_is_not_found() -> None:
    """A look-up right after the acknowledgement says that there is no such order."""
    script = '[[rest]]\nfault = "not_found"\nnot_found_for_s = 2\ncount = 1'
    async with served(script) as client:
        order_id = (await client.order()).json["data"]["orderId"]
        path = f"/api/v1/hf/orders/{order_id}"
        young = await client.ask("GET", path)
        found = await client.ask("GET", path)
    assert (young.status, young.code) == (200, "400100")
    assert found.json["data"]["id"] == order_id


async def test_a_duplicated_request_is_refused_the_second_time() -> None:
    """A request that arrives twice makes one order; the second answer is told."""
    async with served(_fault("duplicate")) as client:
        said = await client.order()
        orders = client.orders
    assert (said.code, orders) == ("400100", 1)
    assert "clientOid" in said.json["msg"]


async def test_an_upgrade_refuses_orders_and_says_so() -> None:
    """While a host is closed its status tells it, reads go on, orders are refused."""
    script = '[[blackout]]\nhost = "spot"\nmsg = "upgrade until noon"'
    async with served(script) as client:
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
    async with served(script) as client:
        told = await client.ask("GET", "/api/v1/timestamp", key=None)
        true = await client.ask("GET", "/api/v1/echo/a")
        moved = await client.ask("GET", "/api/v1/echo/a", off_ms=7000)
    now = START + timedelta(seconds=10)
    assert told.json["data"] == exchange_ms(lambda: now) + 7000
    assert (true.code, moved.code) == (mine, shifted)


@pytest.mark.parametrize(
    ("method", "path", "host", "closed", "cancel_only"),
    [
        ("POST", "/api/v1/hf/orders", "spot", "200001", "200001"),
        ("DELETE", "/api/v1/hf/orders/1", "spot", "200002", "200000"),
        ("POST", "/api/v3/hf/margin/order", "spot", "126009", "126009"),
        ("DELETE", "/api/v3/hf/margin/orders/1", "spot", "126010", "200000"),
        ("POST", "/api/v3/margin/borrow", "spot", "130202", "200000"),
        ("POST", "/api/v3/accounts/universal-transfer", "spot", "230005", "200000"),
        ("POST", "/api/v1/orders", "futures", "300002", "300002"),
        ("GET", "/api/v1/orders/1", "futures", "200000", "200000"),
    ],
)
async def test_each_product_says_in_its_own_code_that_it_is_closed(
    method: str, path: str, host: str, closed: str, cancel_only: str
) -> None:
    """Closed stops all that moves; cancel-only stops orders and nothing else."""
    for status, code in (("close", closed), ("cancelonly", cancel_only)):
        async with served(f'[[blackout]]\nstatus = "{status}"') as client:
            said = await client.ask(method, path, host=host)
        assert said.code == code


async def test_a_young_futures_order_is_not_found_in_the_words_of_the_script() -> None:
    """The code of a look-up that fails is the product's, or the script's own."""
    script = '[[rest]]\nfault = "not_found"\nnot_found_for_s = 2\ncode = "900009"'
    async with served(script) as client:
        order_id = (await client.order()).json["data"]["orderId"]
        path = f"/api/v1/orders/{order_id}"
        said = await client.ask("GET", path, host=FUTURES_HOST)
    assert said.code == "900009"
