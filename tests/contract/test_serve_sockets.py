"""The sockets over the wire: the protocol, and what the market says."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import WSMsgType

from connectors.kucoin.parse import funding, marks, positions
from connectors.kucoin.parse.decode import decode
from tests.contract.sockets_bench import QUIET_S, Client, Place


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """A futures account with 10,000 USDT and a coin, nothing held."""
    async with Place().open() as found:
        yield found


# -- the protocol ---------------------------------------------------------


async def test_a_client_is_welcomed_by_its_own_id(place: Place) -> None:
    """The welcome carries the connectId; a ping is answered with its id."""
    token = place.backend.tokens.issue(False, "7", place.served.at)
    url = place.servers["spot"].make_url("/endpoint")
    query = {"token": token, "connectId": "abc"}
    async with place.http.ws_connect(url.with_query(query)) as socket:
        assert json.loads((await socket.receive()).data) == {
            "id": "abc",
            "type": "welcome",
        }
        client = Client(socket)
        pong = await client.say(type="ping")
        assert (pong["id"], pong["type"]) == ("1", "pong")


async def test_a_bad_token_is_told_and_the_socket_closed(place: Place) -> None:
    """Without a valid token there is an error frame and the end."""
    url = (
        place.servers["futures"].make_url("/endpoint").with_query({"token": "nonsense"})
    )
    async with place.http.ws_connect(url) as socket:
        error = json.loads((await socket.receive()).data)
        assert (error["type"], error["code"], error["data"]) == (
            "error",
            401,
            "token is invalid",
        )
        assert (await socket.receive()).type is WSMsgType.CLOSE


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "subscribe", "topic": "/no/such:topic"}, 404),
        ({"type": "subscribe", "topic": "/contract/instrument"}, 404),
        ({"type": "subscribe"}, 400),
        ({"type": "dance"}, 415),
        ({"type": "subscribe", "topic": "/contractAccount/wallet"}, 400),
        (
            {
                "type": "subscribe",
                "topic": "/contract/instrument:"
                + ",".join(f"C{n}USDTM" for n in range(101)),
            },
            509,
        ),
    ],
)
async def test_a_bad_request_is_an_error_frame(
    place: Place, message: dict[str, object], code: int
) -> None:
    """Each way of asking wrong has its code, and the socket stays open."""
    async with place.client("futures") as client:
        error = await client.say(**message)
        assert (error["type"], error["code"]) == ("error", code)
        await client.hear("/contract/instrument:XBTUSDTM")


async def test_junk_is_answered_and_survived(place: Place) -> None:
    """What is no JSON object gets an error, and the next request works."""
    async with place.client("spot") as client:
        await client.socket.send_str("{cut")
        assert (await client.next())["code"] == 400
        await client.hear("/indicator/markPrice:USDT-BTC")


async def test_private_topics_need_a_private_token(place: Place) -> None:
    """A public token hears no private topic."""
    async with place.client("futures", is_private=False) as client:
        answer = await client.say(
            type="subscribe", topic="/contractAccount/wallet", privateChannel=True
        )
        assert (answer["type"], answer["code"]) == ("error", 403)


async def test_the_private_flag_may_be_a_text(place: Place) -> None:
    """``"true"`` counts as true."""
    async with place.client("futures") as client:
        answer = await client.say(
            type="subscribe",
            topic="/contractAccount/wallet",
            privateChannel="true",
            response="true",
        )
        assert answer["type"] == "ack"


async def test_a_list_of_symbols_is_one_subscription_each(place: Place) -> None:
    """Two symbols of one request are pushed apart, and left apart."""
    async with place.client("spot") as client:
        await client.hear("/indicator/markPrice:USDT-BTC,ETH-BTC")
        place.served.tick("50000")
        found = {
            marks.margin_mark_push(node).base for node in await client.push("tick", 2)
        }
        assert found == {"USDT", "ETH"}
        answer = await client.say(
            type="unsubscribe", topic="/indicator/markPrice:ETH-BTC", response=True
        )
        assert answer["type"] == "ack"
        place.served.tick("50001")
        assert marks.margin_mark_push(await client.one("tick")).base == "USDT"
        assert await client.is_quiet()


async def test_four_hundred_topics_are_the_most(place: Place) -> None:
    """The 401st topic of a connection is refused."""
    async with place.client("futures") as client:
        for batch in range(4):
            names = ",".join(f"C{batch}X{n}USDTM" for n in range(100))
            await client.hear(f"/contract/instrument:{names}")
        error = await client.say(type="subscribe", topic="/contract/instrument:X")
        assert (error["type"], error["code"]) == ("error", 509)


async def test_an_expired_token_ends_its_connection(place: Place) -> None:
    """A day of the venue's time after it was issued, a token's socket is cut."""
    async with place.client("spot") as client:
        place.served.tick("50000", seconds=timedelta(hours=25).total_seconds())
        with pytest.raises(ConnectionError):
            await client.next()


# -- marks and markets ----------------------------------------------------


async def test_marks_of_contracts_come_once_a_second(place: Place) -> None:
    """A mark a second with the venue's time, not more; funding each minute."""
    async with place.client("futures", is_private=False) as client:
        await client.hear("/contract/instrument:XBTUSDTM,XBTUSDM")
        place.served.tick("50100.5", quoted="0.0002")
        first = [
            marks.contract_mark_push(node)
            for node in await client.push("mark.index.price", 2)
        ]
        assert {mark.symbol for mark in first} == {"XBTUSDTM", "XBTUSDM"}
        assert {mark.mark_price for mark in first} == {Decimal("50100.5")}
        assert {mark.at for mark in first} == {place.served.at}
        place.served.tick("50200", seconds=0.25)
        assert await client.is_quiet()
        place.served.tick("50300", seconds=60, quoted="0.0003")
        rate = funding.funding_push(await client.one("funding.rate"))
        assert (rate.symbol, rate.granularity_ms) == ("XBTUSDTM", 60000)
        assert rate.funding_rate in {Decimal("0.0002"), Decimal("0.0003")}


async def test_marks_go_on_without_moves_of_the_market(place: Place) -> None:
    """Between instants the last mark is repeated by the venue's clock."""
    async with place.client("spot", is_private=False) as client:
        await client.hear("/indicator/markPrice:USDT-BTC")
        for _ in range(3):
            place.served.at += timedelta(seconds=1)
            mark = marks.margin_mark_push(await client.one("tick"))
            assert (mark.price, mark.at) == (Decimal("0.00002"), place.served.at)


async def test_a_settlement_is_announced(place: Place) -> None:
    """Begin and end are told, and each position learns what it paid."""
    served = place.served
    served.place("a", size=100)
    async with place.client("futures") as client:
        await client.hear("/contract/announcement:XBTUSDTM")
        await client.hear("/contract/positionAll", is_private=True)
        served.tick("50000", settled="0.0001")
        paid = positions.settlement_push(await client.one("position.settlement"))
        assert (paid.lots, paid.funding_fee) == (100, Decimal("-0.5"))
        begin = funding.settlement_notice(await client.one("funding.begin"))
        end = funding.settlement_notice(await client.one("funding.end"))
        assert (begin.is_beginning, end.is_beginning) == (True, False)
        assert begin.funding_rate == Decimal("0.0001")


@pytest.mark.parametrize(
    ("host", "topic", "subject"),
    [
        ("spot", "/market/ticker:BTC-USDT", "trade.ticker"),
        ("spot", "/market/ticker:all", "BTC-USDT"),
        ("spot", "/market/snapshot:BTC-USDT", "trade.snapshot"),
        ("spot", "/spotMarket/level1:BTC-USDT", "level1"),
        ("spot", "/spotMarket/level2Depth5:BTC-USDT", "level2"),
        ("spot", "/market/level2:BTC-USDT", "trade.l2update"),
        ("spot", "/market/candles:BTC-USDT_1min", "trade.candles.update"),
        ("spot", "/indicator/index:USDT-BTC", "tick"),
        ("futures", "/contractMarket/tickerV2:XBTUSDTM", "tickerV2"),
        ("futures", "/contractMarket/ticker:XBTUSDTM", "ticker"),
        ("futures", "/contractMarket/level2Depth5:XBTUSDTM", "level2"),
        ("futures", "/contractMarket/level2:XBTUSDTM", "level2"),
        ("futures", "/contractMarket/limitCandle:XBTUSDTM_1min", "candle.stick"),
        ("futures", "/contractMarket/snapshot:XBTUSDTM", "snapshot.24h"),
    ],
)
async def test_market_topics_speak_when_the_market_moves(
    place: Place, shared_data: Any, host: str, topic: str, subject: str
) -> None:
    """Each public topic pushes, with the fields of KuCoin's example of it."""
    async with place.client(host, is_private=False) as client:
        await client.hear(topic)
        place.served.tick("50500", seconds=10)
        node = await client.one(subject)
        assert node["topic"].text() == topic
        head = topic.partition(":")[0]
        example = _ws_example(
            shared_data, host, head, all_of_them=topic.endswith("all")
        )
        wanted = set(example["data"]) - {"Time"}
        assert wanted <= node["data"].mapping().keys()


def _ws_example(folder: Any, host: str, head: str, *, all_of_them: bool) -> Any:
    """The official example of a public topic."""
    names = {"spot": ("ws-spot-public", "ws-margin-public")}.get(
        host, ("ws-futures-public",)
    )
    for name in names:
        text = (folder / f"kucoin/examples/{name}.json").read_text(encoding="utf-8")
        for row in json.loads(text):
            topic = row["example"]["topic"]
            if topic.partition(":")[0] == head and topic.endswith("all") is all_of_them:
                return row["example"]
    raise LookupError(f"no example of {head}")


async def test_increments_lead_to_the_books_of_rest(place: Place) -> None:
    """The book before, with every increment applied, is the book after."""
    before = place.served.ask("GET", "/api/v1/level2/snapshot", symbol="XBTUSDTM")
    sides: dict[str, dict[Decimal, Decimal]] = {
        "buy": dict(before["bids"]),
        "sell": dict(before["asks"]),
    }
    async with place.client("futures", is_private=False) as client:
        await client.hear("/contractMarket/level2:XBTUSDTM")
        place.served.tick("50003")
        after = place.served.ask("GET", "/api/v1/level2/snapshot", symbol="XBTUSDTM")
        numbers = [before["sequence"]]
        while not await _is_done(client, sides, numbers):
            pass
    for side, name in (("buy", "bids"), ("sell", "asks")):
        assert {p: n for p, n in sides[side].items() if n} == dict(after[name])
    assert numbers == sorted(set(numbers))
    assert numbers[-1] < after["sequence"]


async def _is_done(
    client: Client, sides: dict[str, dict[Decimal, Decimal]], numbers: list[Any]
) -> bool:
    """Apply one increment; True when none has come for a moment."""
    try:
        message = await client.socket.receive(timeout=QUIET_S)
    except TimeoutError:
        return True
    data: Any = decode(message.data)
    price, side, size = data["data"]["change"].split(",")
    sides[side][Decimal(price)] = Decimal(size)
    numbers.append(data["data"]["sequence"])
    return False


async def test_the_unified_sockets_serve_marks(place: Place) -> None:
    """Marks and funding of the unified form, without a token."""
    async with place.client("spot", path="/uta") as client:
        answer = await client.say(
            action="subscribe",
            channel="mark-price",
            tradeType="FUTURES",
            symbol="XBTUSDTM",
        )
        assert answer["result"] is True
        place.served.tick("50777")
        push = await client.until(lambda found: found.get("T") == "mark-price")
        assert (push["d"]["s"], push["d"]["mp"]) == ("XBTUSDTM", "50777")
        refused = await client.say(
            action="subscribe", channel="kline", symbol="XBTUSDTM"
        )
        assert refused["result"] is False
