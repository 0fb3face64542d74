"""The client against a toy exchange: what is signed, what is read, what is refused."""

import logging
import re
import subprocess
import sys
from decimal import Decimal

import pytest

from bot.domain.errors import UnreachableError, UsageError
from bot.domain.orders import Outcome
from connectors.kucoin.answers import ExchangeRefusedError, Urgency
from connectors.kucoin.client import open_client
from connectors.kucoin.endpoints import ENDPOINTS, Host, Pool
from connectors.kucoin.parse.node import Node
from tests.unit.kucoin.toy_exchange import (
    KEY,
    NOW_MS,
    PASSPHRASE,
    SECRET,
    FakeTime,
    Said,
    toys,
)

ORDER = {"clientOid": "g-1", "symbol": "BTC-USDT", "size": Decimal("1E-5")}


async def test_a_read_is_signed_as_it_is_sent() -> None:
    """The toy accepts the signature of a query that holds a blank and a comma."""
    async with toys() as toy:
        toy.spot.answers = [Said(body='{"code":"200000","data":{"items":[]}}')]
        await toy.client.read(
            "main_ledger", {"bizType": "Debt Repayment", "currency": "BTC,ETH"}
        )
        (arrived,) = toy.spot.arrived
        assert arrived.target == (
            "/api/v1/accounts/ledgers?bizType=Debt%20Repayment&currency=BTC,ETH"
        )
        assert arrived.headers["KC-API-TIMESTAMP"] == str(NOW_MS)


async def test_a_wrong_secret_is_refused_by_the_toy() -> None:
    """The toy really checks: another secret of the same key is answered with 400005."""
    async with toys() as toy:
        time = FakeTime()
        other = open_client(
            key=KEY,
            secret="not-the-secret",  # noqa: S106 - the point of the test
            passphrase=PASSPHRASE,
            spot_url=toy.spot.url,
            futures_url=toy.futures.url,
            clock=time,
            sleep=time.sleep,
        )
        with pytest.raises(ExchangeRefusedError, match="400005"):
            await other.read("margin_accounts")
        await other.close()


async def test_numbers_are_read_exactly() -> None:
    """A number with more digits than a float has arrives with every one of them."""
    body = '{"code":"200000","data":{"value":123456789.123456789123456789,"s":1.5E-8}}'
    async with toys() as toy:
        toy.futures.answers = [Said(body=body)]
        found = await toy.client.read("futures_mark", {"symbol": "XBTUSDTM"})
        assert found["value"].value == Decimal("123456789.123456789123456789")
        assert found["s"].decimal() == Decimal("0.000000015")
        assert found.path == "futures_mark"
        assert toy.futures.arrived[0].target == "/api/v1/mark-price/XBTUSDTM/current"


async def test_a_body_is_signed_byte_for_byte() -> None:
    """An order arrives as compact JSON, its decimals as plain text, and is done."""
    async with toys() as toy:
        answer = await toy.client.write("place_margin_order", ORDER)
        (arrived,) = toy.spot.arrived
        assert arrived.body == (
            b'{"clientOid":"g-1","symbol":"BTC-USDT","size":"0.00001"}'
        )
        assert arrived.headers["Content-Type"] == "application/json"
        assert answer.outcome is Outcome.DONE
        assert answer.data == Node({"orderId": "o1"}, "place_margin_order")


async def test_a_cancel_sends_its_symbol_in_the_query() -> None:
    """DELETE has no body: the id stands in the path, the symbol in the query."""
    async with toys() as toy:
        params = {"orderId": "o1", "symbol": "BTC-USDT"}
        answer = await toy.client.write("cancel_margin_order", params)
        (arrived,) = toy.spot.arrived
        assert arrived.target == "/api/v3/hf/margin/orders/o1?symbol=BTC-USDT"
        assert (arrived.method, arrived.body) == ("DELETE", b"")
        assert answer.outcome is Outcome.DONE


async def test_a_list_of_orders_asks_for_one_state() -> None:
    """Open and done futures orders are one path; each name sends its own state."""
    async with toys() as toy:
        toy.futures.answers = [Said(body='{"code":"200000","data":{"items":[]}}')]
        await toy.client.read("open_futures_orders")
        await toy.client.read("done_futures_orders")
        targets = [arrived.target for arrived in toy.futures.arrived]
        assert targets == ["/api/v1/orders?status=active", "/api/v1/orders?status=done"]


async def test_the_unified_mode_is_asked_for_at_the_spot_host() -> None:
    """The one address of another form keeps it."""
    async with toys() as toy:
        body = '{"code":"200000","data":{"selfAccountMode":"CLASSIC"}}'
        toy.spot.answers = [Said(body=body)]
        await toy.client.read("account_mode")
        assert toy.spot.arrived[0].target == "/api/ua/v1/account/mode"


async def test_every_address_of_the_table_is_asked_for_as_it_stands() -> None:
    """ccxt, which builds the address, keeps host, version and path of every row."""
    async with toys() as toy:
        for name, row in ENDPOINTS.items():
            toy.spot.arrived.clear()
            toy.futures.arrived.clear()
            for host in (toy.spot, toy.futures):
                host.answers = [Said(body='{"code":"200000","data":{"orderId":"o"}}')]
            params = dict.fromkeys(re.findall(r"\{(\w+)\}", row.path), "x1")
            if row.is_write:
                await toy.client.write(name, params)
            else:
                await toy.client.read(name, params)
            host = toy.spot if row.host is Host.SPOT else toy.futures
            (arrived,) = host.arrived
            target = re.sub(r"\{\w+\}", "x1", row.path)
            assert arrived.target.partition("?")[0] == target, name
            assert arrived.method == row.method
            assert ("KC-API-SIGN" in arrived.headers) is row.is_signed, name


async def test_a_stream_token_is_a_read() -> None:
    """Asking for a token by POST changes nothing, so it is a read with its retries."""
    async with toys() as toy:
        token = Said(body='{"code":"200000","data":{"token":"t"}}')
        toy.futures.answers = [Said(status=503, body="busy"), token]
        found = await toy.client.read("futures_bullet_private")
        assert found["token"].text() == "t"
        assert len(toy.futures.arrived) == 2


@pytest.mark.parametrize(
    "value", [0.1, None, float("nan"), Decimal("NaN"), {"a": 1}, "", [1]]
)
async def test_what_is_not_exact_is_not_sent(value: object) -> None:
    """A float, a nothing or a number that is none raises before anything is sent."""
    async with toys() as toy:
        with pytest.raises(UsageError):
            await toy.client.write("borrow", {"currency": "USDT", "size": value})
        assert toy.spot.arrived == []


@pytest.mark.parametrize(
    "value", ["BTC&side=buy", "a/../b#c", "x?y", "100%", "line\n", "", "é", "a=b"]
)
async def test_a_query_cannot_be_broken_out_of(value: str) -> None:
    """A text that would read otherwise in an address raises before it is signed."""
    async with toys() as toy:
        with pytest.raises(UsageError, match="cannot be sent"):
            await toy.client.read("margin_accounts", {"quoteCurrency": value})
        with pytest.raises(UsageError, match="cannot be sent"):
            await toy.client.read("contract", {"symbol": value})
        assert toy.spot.arrived == toy.futures.arrived == []


async def test_a_path_needs_all_its_parts() -> None:
    """A missing id is named, and ``version``, which ccxt would swallow, refused."""
    async with toys() as toy:
        with pytest.raises(UsageError, match="orderId"):
            await toy.client.write("cancel_spot_order", {"symbol": "BTC-USDT"})
        with pytest.raises(UsageError, match="version"):
            await toy.client.read("symbols", {"version": "v1"})


@pytest.mark.parametrize("name", ["nothing_like_it", "place_margin_order"])
async def test_a_read_of_what_is_no_read_is_a_usage_error(name: str) -> None:
    """An order cannot be sent by ``read``, which would send it up to three times."""
    async with toys() as toy:
        with pytest.raises(UsageError, match=name):
            await toy.client.read(name)
        assert toy.spot.arrived == []


async def test_without_a_key_only_public_requests_are_sent() -> None:
    """Keyless: the time is told unsigned; private requests raise and are not sent."""
    async with toys(has_key=False) as toy:
        toy.spot.answers = [Said(body='{"code":"200000","data":1700000000000}')]
        found = await toy.client.read("spot_time")
        assert found.integer() == 1700000000000
        assert "KC-API-KEY" not in toy.spot.arrived[0].headers
        with pytest.raises(UsageError, match="API key"):
            await toy.client.read("margin_accounts")
        with pytest.raises(UsageError, match="API key"):
            await toy.client.write("place_margin_order", ORDER)
        assert len(toy.spot.arrived) == 1


async def test_a_public_request_is_never_signed() -> None:
    """With a key too, a public request tells nobody who asks."""
    async with toys() as toy:
        toy.spot.answers = [Said(body='{"code":"200000","data":[]}')]
        await toy.client.read("symbols")
        names = {name.upper() for name in toy.spot.arrived[0].headers}
        assert not any(name.startswith("KC-API") for name in names)


@pytest.mark.parametrize(
    ("spot_url", "secret"),
    [
        ("http://api.kucoin.com", SECRET),
        ("ftp://127.0.0.1", SECRET),
        ("https://name:word@api.kucoin.com", SECRET),
        ("not an address", SECRET),
        ("https://api.kucoin.com", ""),
    ],
)
def test_unsafe_settings_are_refused(spot_url: str, secret: str) -> None:
    """Plain http beyond this machine, odd addresses, half a key: no client."""
    with pytest.raises(UsageError) as caught:
        open_client(
            key=KEY,
            secret=secret,
            passphrase=PASSPHRASE,
            spot_url=spot_url,
            futures_url="https://api-futures.kucoin.com",
            clock=FakeTime(),
        )
    assert SECRET not in str(caught.value)


async def test_a_refused_read_says_code_and_words() -> None:
    """A proven refusal is not asked again; its words are cut and made printable."""
    words = "no\\u0007 mail\\u202e " + "x" * 500
    async with toys() as toy:
        toy.spot.answers = [Said(body=f'{{"code":"130204","msg":"{words}"}}')]
        with pytest.raises(ExchangeRefusedError) as caught:
            await toy.client.read("margin_accounts")
        assert caught.value.code == "130204"
        assert caught.value.message.startswith("no\\x07 mail\\u202e xxx")
        assert caught.value.message.isprintable()
        assert len(caught.value.message) < 300
        assert len(toy.spot.arrived) == 1


async def test_an_unknown_code_refuses_a_read() -> None:
    """A code that is not in the table refuses a read."""
    async with toys() as toy:
        toy.spot.answers = [Said(body='{"code":"987654","msg":"new"}')]
        with pytest.raises(ExchangeRefusedError, match="987654"):
            await toy.client.read("margin_accounts")


async def test_no_secret_gets_into_an_error() -> None:
    """An exchange that echoes our key, secret and passphrase is not repeated."""
    words = f"bad {KEY} {SECRET} {PASSPHRASE}"
    async with toys() as toy:
        toy.spot.answers = [Said(body=f'{{"code":"130201","msg":"{words}"}}')]
        with pytest.raises(ExchangeRefusedError) as caught:
            await toy.client.read("margin_accounts")
        answer = await toy.client.write("borrow", {"currency": "BTC", "size": "1"})
    told = f"{caught.value} {caught.value!r} {answer!r} {toy.client!r}"
    assert "bad *** *** ***" in told
    assert not any(secret in told for secret in (KEY, SECRET, PASSPHRASE))


async def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """At the most talkative level no logger hears of a key, a query or a body."""
    caplog.set_level(logging.DEBUG)
    async with toys() as toy:
        await toy.client.read("margin_accounts", {"quoteCurrency": "USDT"})
        await toy.client.write("place_margin_order", ORDER)
    heard = ("quoteCurrency", "clientOid", KEY, SECRET, PASSPHRASE, "KC-API")
    assert not any(word in caplog.text for word in heard)


async def test_an_order_that_is_not_there_reads_as_nothing() -> None:
    """Looked up by id, a success with ``data: null`` is an answer: nothing found."""
    async with toys() as toy:
        toy.spot.answers = [Said(body='{"code":"200000","data":null}')]
        found = await toy.client.read(
            "margin_order_by_client_id", {"clientOid": "g-1", "symbol": "BTC-USDT"}
        )
        assert found.is_blank


async def test_the_headers_of_an_answer_reach_the_pool() -> None:
    """What the exchange counts against us is known after one answer."""
    headers = {
        "gw-ratelimit-limit": "4000",
        "gw-ratelimit-remaining": "1200",
        "gw-ratelimit-reset": "9000",
    }
    async with toys() as toy:
        toy.spot.answers = [Said(body='{"code":"200000","data":{}}', headers=headers)]
        await toy.client.read("margin_accounts")
        assert toy.client.pools.pool(Pool.SPOT).used == 2800


async def test_a_full_pool_holds_the_routine_back_but_not_the_guard() -> None:
    """With 2,800 of 4,000 used a routine order is refused unsent; the guard's goes."""
    headers = {
        "gw-ratelimit-limit": "4000",
        "gw-ratelimit-remaining": "1200",
        "gw-ratelimit-reset": "9000",
    }
    async with toys() as toy:
        toy.spot.answers = [
            Said(body='{"code":"200000","data":{}}', headers=headers),
            Said(),
        ]
        await toy.client.read("margin_accounts")
        held = await toy.client.write("place_margin_order", ORDER)
        sent = await toy.client.write(
            "place_margin_order", ORDER, urgency=Urgency.GUARD
        )
        assert (held.outcome, held.code) == (Outcome.REFUSED, None)
        assert "nothing was sent" in held.message
        assert sent.outcome is Outcome.DONE
        assert len(toy.spot.orders) == 1


async def test_a_full_pool_makes_a_routine_read_wait() -> None:
    """A routine read waits for the end of the window and is then sent."""
    headers = {
        "gw-ratelimit-limit": "4000",
        "gw-ratelimit-remaining": "0",
        "gw-ratelimit-reset": "9000",
    }
    async with toys() as toy:
        toy.spot.answers = [
            Said(body='{"code":"200000","data":{}}', headers=headers),
            Said(body='{"code":"200000","data":{}}'),
        ]
        await toy.client.read("margin_accounts")
        await toy.client.read("margin_accounts")
        assert toy.time.slept == [pytest.approx(10.0)]
        toy.client.pools.pool(Pool.SPOT).shut(60, toy.time.now_s)
        with pytest.raises(UnreachableError, match="nothing was sent"):
            await toy.client.read("margin_accounts", urgency=Urgency.GUARD)
        assert len(toy.spot.arrived) == 2


def test_the_quick_import_gives_the_plain_class() -> None:
    """The class loaded alone is the one that ccxt gives, method for method."""
    code = (
        "import sys\n"
        "from connectors.kucoin.ccxt_class import kucoin\n"
        "assert 'ccxt' not in sys.modules and 'ccxt.binance' not in sys.modules\n"
        "import ccxt.async_support as plain\n"
        "assert plain.kucoin is kucoin and plain.binance.__name__ == 'binance'\n"
        "print(kucoin.__name__, issubclass(kucoin, plain.Exchange))\n"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("kucoin True\n", "")
