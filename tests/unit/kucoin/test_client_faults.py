"""The client against a toy exchange that misbehaves: what is proven, what is not.

The order of a write is on the toy's list when it arrived, whatever was answered; the
client may not know that, and says so.
"""

import socket
from decimal import Decimal

import pytest

from bot.domain.errors import UnreachableError
from bot.domain.orders import Outcome
from connectors.kucoin.answers import ExchangeRefusedError, Urgency
from connectors.kucoin.client import KucoinClient, Patience, open_client
from connectors.kucoin.endpoints import Pool
from tests.unit.kucoin.toy_exchange import (
    KEY,
    PASSPHRASE,
    SECRET,
    FakeTime,
    Said,
    toys,
)

ORDER = {"clientOid": "g-1", "symbol": "BTC-USDT", "size": Decimal("0.1")}
CANCEL = {"orderId": "o1", "symbol": "BTC-USDT"}
SHORT = Patience(read_s=1.0, write_s=1.0, order_s=1.0, guard_s=0.5)
HEADERS = {
    "gw-ratelimit-limit": "4000",
    "gw-ratelimit-remaining": "0",
    "gw-ratelimit-reset": "7000",
}
PAGE = "<html><body>Service down for maintenance</body></html>"

UNSOUND = [
    pytest.param(Said(body=PAGE), id="html 200"),
    pytest.param(Said(body=PAGE, status=503), id="html 503"),
    pytest.param(Said(body=PAGE, status=403), id="html 403"),
    pytest.param(Said(body=""), id="empty 200"),
    pytest.param(Said(body="", status=502), id="empty 502"),
    pytest.param(Said(body='{"code":"200000","da', cut=True), id="cut line"),
    pytest.param(Said(body='{"code":"200000","data":{"orderId":"o'), id="cut json"),
    pytest.param(Said(body='["200000"]'), id="a list"),
    pytest.param(Said(body='{"data":{"orderId":"o1"}}'), id="no code"),
    pytest.param(Said(body='{"code":true,"data":{"orderId":"o1"}}'), id="odd code"),
    pytest.param(Said(body='{"code":"200000"}'), id="no data"),
    pytest.param(Said(body='{"code":"200000","data":null}'), id="null data"),
    pytest.param(Said(body='{"code":"200000","data":""}'), id="blank data"),
    pytest.param(Said(body='{"code":"200000","data":{}}', status=500), id="a 500"),
    pytest.param(Said(body='{"code":"500000","msg":"oops"}'), id="500000"),
    pytest.param(Said(body='{"code":"408000","msg":"time"}'), id="408000"),
    pytest.param(Said(body='{"code":"230005","msg":"busy"}'), id="230005"),
    pytest.param(Said(body='{"code":"400001","msg":"x"}', status=500), id="5xx code"),
    pytest.param(
        Said(status=302, body="", headers={"Location": "http://127.0.0.1:9/"}),
        id="redirect",
    ),
    pytest.param(Said(hangs=True), id="hang after accept"),
    pytest.param(Said(drops=True), id="drop"),
]


@pytest.mark.parametrize("said", UNSOUND)
async def test_an_unsound_answer_is_no_answer_to_a_read(said: Said) -> None:
    """A read never yields nothing or zero from garbage: it asks thrice, then raises."""
    async with toys(patience=SHORT) as toy:
        toy.spot.answers = [said]
        with pytest.raises(UnreachableError, match="margin_accounts"):
            await toy.client.read("margin_accounts")
        assert len(toy.spot.arrived) == 3


@pytest.mark.parametrize("said", UNSOUND)
async def test_an_unsound_answer_leaves_a_write_in_doubt(said: Said) -> None:
    """The order arrived, exactly once; without a proof the client says in doubt."""
    async with toys(patience=SHORT) as toy:
        toy.spot.answers = [said]
        answer = await toy.client.write("place_margin_order", ORDER)
        assert answer.outcome is Outcome.IN_DOUBT
        assert answer.data is None
        assert answer.message
        assert len(toy.spot.orders) == 1


@pytest.mark.parametrize("said", UNSOUND)
async def test_a_sound_answer_after_an_unsound_one_is_taken(said: Said) -> None:
    """One bad answer costs a read a short pause, not its result."""
    async with toys(patience=SHORT) as toy:
        sound = Said(body='{"code":"200000","data":{"debtRatio":"0"}}')
        toy.spot.answers = [said, sound]
        found = await toy.client.read("margin_accounts")
        assert found["debtRatio"].decimal() == 0
        assert toy.time.slept[0] == pytest.approx(0.2)


@pytest.mark.parametrize(
    "data",
    ['{"clientOid":"g-1"}', '{"orderId":null}', '{"orderId":""}', "true", "[]"],
)
async def test_a_success_without_its_proof_is_in_doubt(data: str) -> None:
    """An order was done only if the answer holds the order's id."""
    async with toys() as toy:
        toy.spot.answers = [Said(body=f'{{"code":"200000","data":{data}}}')]
        answer = await toy.client.write("place_margin_order", ORDER)
        assert (answer.outcome, answer.data) == (Outcome.IN_DOUBT, None)


async def test_a_cancel_that_cancelled_nothing_is_in_doubt() -> None:
    """An empty list of cancelled orders does not prove that one was cancelled."""
    async with toys() as toy:
        toy.futures.answers = [
            Said(body='{"code":"200000","data":{"cancelledOrderIds":[]}}'),
            Said(body='{"code":"200000","data":{"cancelledOrderIds":["o1"]}}'),
        ]
        first = await toy.client.write("cancel_futures_order", {"orderId": "o1"})
        second = await toy.client.write("cancel_futures_order", {"orderId": "o1"})
        assert first.outcome is Outcome.IN_DOUBT
        assert second.outcome is Outcome.DONE


async def test_a_setting_may_be_done_without_data() -> None:
    """Setting the margin leverage is answered with null, and that is a success."""
    async with toys() as toy:
        toy.spot.answers = [Said(body='{"code":"200000","data":null}')]
        answer = await toy.client.write("set_margin_leverage", {"leverage": "5"})
        assert answer.outcome is Outcome.DONE


@pytest.mark.parametrize(
    ("code", "words", "outcome"),
    [
        ("130204", "lending limit", Outcome.REFUSED),
        ("400100", "account.available.amount", Outcome.REFUSED),
        ("400100", "validation.createOrder.clientOidDuplicated", Outcome.DONE),
        ("126044", "clientOid duplicate", Outcome.DONE),
        ("300018", "clientOid parameter repeated", Outcome.DONE),
        ("126043", "order not found", Outcome.IN_DOUBT),
        ("987654", "a new code", Outcome.IN_DOUBT),
        ("126038", "third party", Outcome.IN_DOUBT),
    ],
)
async def test_the_code_decides_about_a_write(
    code: str, words: str, outcome: Outcome
) -> None:
    """HTTP 200 with a code is judged by the table, and the code comes back."""
    async with toys() as toy:
        toy.spot.answers = [Said(body=f'{{"code":"{code}","msg":"{words}"}}')]
        answer = await toy.client.write("place_margin_order", ORDER)
        assert (answer.outcome, answer.code) == (outcome, code)
        assert answer.message.startswith(words)
        assert answer.data is None
        assert len(toy.spot.orders) == 1


async def test_without_a_connection_nothing_was_sent() -> None:
    """Nobody listens: a write is refused, not in doubt; a read raises."""
    client = _of_nobody()
    answer = await client.write("place_margin_order", ORDER)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, None)
    assert "Nothing was sent" in answer.message
    with pytest.raises(UnreachableError, match="Nothing was sent"):
        await client.read("margin_accounts")
    await client.close()


def _of_nobody() -> KucoinClient:
    """A client of an address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    time = FakeTime()
    return open_client(
        key=KEY,
        secret=SECRET,
        passphrase=PASSPHRASE,
        spot_url=url,
        futures_url=url,
        clock=time,
        sleep=time.sleep,
        monotonic=time.monotonic,
    )


async def test_a_listener_that_never_reads_leaves_a_write_in_doubt() -> None:
    """A connection that is accepted and then silent may have carried the order."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        time = FakeTime()
        client = open_client(
            key=KEY,
            secret=SECRET,
            passphrase=PASSPHRASE,
            spot_url=url,
            futures_url=url,
            clock=time,
            patience=SHORT,
            sleep=time.sleep,
            monotonic=time.monotonic,
        )
        answer = await client.write("place_margin_order", ORDER)
        assert answer.outcome is Outcome.IN_DOUBT
        assert "1 s" in answer.message
        await client.close()


async def test_a_cancel_on_a_broken_line_is_sent_once() -> None:
    """A kept connection that breaks under a DELETE is not used to send it again."""
    async with toys() as toy:
        toy.spot.answers = [
            Said(body='{"code":"200000","data":[]}'),
            Said(drops=True),
            Said(),
        ]
        await toy.client.read("accounts")
        answer = await toy.client.write("cancel_margin_order", CANCEL)
        assert answer.outcome is Outcome.IN_DOUBT
        methods = [arrived.method for arrived in toy.spot.arrived]
        assert methods == ["GET", "DELETE"]


async def test_a_redirect_is_not_followed() -> None:
    """Our key and signature do not travel to where an answer points."""
    async with toys() as toy:
        there = {"Location": f"{toy.futures.url}/api/v1/elsewhere"}
        toy.spot.answers = [Said(status=307, headers=there)]
        answer = await toy.client.write("place_margin_order", ORDER)
        assert answer.outcome is Outcome.IN_DOUBT
        assert toy.futures.arrived == []


async def test_the_guard_waits_less_than_the_others() -> None:
    """A hang costs the guard its own, shorter limit."""
    async with toys(patience=SHORT) as toy:
        toy.spot.answers = [Said(hangs=True)]
        answer = await toy.client.write(
            "place_margin_order", ORDER, urgency=Urgency.GUARD
        )
        assert "0.5 s" in answer.message


async def test_a_read_waits_for_the_reset_after_too_many_requests() -> None:
    """429000 with headers: the next try goes when the exchange's window is over."""
    async with toys() as toy:
        toy.spot.answers = [
            Said(status=429, body='{"code":"429000","msg":"many"}', headers=HEADERS),
            Said(body='{"code":"200000","data":{}}'),
        ]
        await toy.client.read("margin_accounts")
        assert sum(toy.time.slept) == pytest.approx(8.0)  # 7 s and our slack
        assert len(toy.spot.arrived) == 2


async def test_a_write_is_refused_for_too_many_requests() -> None:
    """429000 in KuCoin's own words proves that nothing was done."""
    async with toys() as toy:
        toy.spot.answers = [Said(status=429, body='{"code":"429000","msg":"many"}')]
        answer = await toy.client.write("place_margin_order", ORDER)
        assert (answer.outcome, answer.code) == (Outcome.REFUSED, "429000")
        assert len(toy.spot.orders) == 1


async def test_a_429_of_somebody_else_proves_nothing() -> None:
    """A 429 page that is not KuCoin's leaves a write in doubt and slows us down."""
    async with toys() as toy:
        toy.spot.answers = [Said(status=429, body=PAGE)]
        answer = await toy.client.write("place_margin_order", ORDER)
        assert (answer.outcome, answer.code) == (Outcome.IN_DOUBT, None)
        pool = toy.client.pools.pool(Pool.FUTURES)
        assert pool.wait_s(1, Urgency.ROUTINE, toy.time.now_s) > 0


async def test_reads_back_off_without_headers_and_give_up() -> None:
    """429000 without headers: growing pauses, three tries, then the trader is told."""
    async with toys() as toy:
        toy.spot.answers = [Said(status=429, body='{"code":"429000","msg":"many"}')]
        with pytest.raises(UnreachableError, match="many"):
            await toy.client.read("margin_accounts")
        assert len(toy.spot.arrived) == 3
        assert sum(toy.time.slept) == pytest.approx(1 + 2)


async def test_a_block_by_address_stops_everything() -> None:
    """Error 1015 of the edge stops every pool for 30 s, the guard's too."""
    async with toys() as toy:
        toy.spot.answers = [Said(status=429, body="error code: 1015")]
        answer = await toy.client.write("place_margin_order", ORDER)
        assert answer.outcome is Outcome.IN_DOUBT
        held = await toy.client.write(
            "place_futures_order", ORDER, urgency=Urgency.GUARD
        )
        assert held.outcome is Outcome.REFUSED
        assert toy.futures.arrived == []


async def test_a_suspended_cancel_is_refused_at_once() -> None:
    """200002 of a suspended pair is no rate limit: a read of it is not asked again."""
    words = "Cancelling is suspended for this trading pair"
    async with toys() as toy:
        toy.spot.answers = [Said(body=f'{{"code":"200002","msg":"{words}"}}')]
        with pytest.raises(ExchangeRefusedError, match="200002"):
            await toy.client.read("margin_accounts")
        assert len(toy.spot.arrived) == 1
