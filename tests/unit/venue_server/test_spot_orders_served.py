"""Orders of the spot host: placed, found, filled, cancelled, listed, refused."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain.accounts import MARGIN_CROSS, SPOT, isolated_account
from bot.domain.orders import OrderState
from connectors.kucoin.codes import is_duplicate, is_order_gone
from connectors.kucoin.parse import spot_orders
from connectors.kucoin.parse.node import Node
from connectors.venue.server.calls import ProblemError
from tests.unit.venue.builders import opening
from tests.unit.venue_server.spot_bench import Bench, number, refusal

HF = "/api/v1/hf/orders"
HM = "/api/v3/hf/margin"
PAIR = {"symbol": "BTC-USDT"}
CROSS = {"symbol": "BTC-USDT", "tradeType": "MARGIN_TRADE"}
ISOLATED = {"symbol": "BTC-USDT", "tradeType": "MARGIN_ISOLATED_TRADE"}
LIMIT = {
    "side": "buy",
    "symbol": "BTC-USDT",
    "type": "limit",
    "price": "49000",
    "size": "0.01",
}


def test_a_resting_order_lives_from_its_ack_to_its_fill() -> None:
    """It is active with its hold, fills when the price goes through, then is done."""
    bench = Bench()
    ack = bench.order(clientOid="c-1")
    path = f"{HM}/orders/{ack['orderId']}"
    resting = spot_orders.spot_order(Node(bench.get(path, **PAIR), ""))
    assert (resting.state, resting.account) == (OrderState.OPEN, "margin_cross")
    assert [row["clientOid"] for row in bench.get(f"{HM}/orders/active", **CROSS)] == [
        "c-1"
    ]
    bench.tick(1, btc="48900")
    words = bench.get(path, **PAIR)
    done = spot_orders.spot_order(Node(words, ""))
    assert (done.state, done.filled_size) == (OrderState.FILLED, Decimal("0.01"))
    assert done.filled_funds == 490
    assert (words["active"], words["inOrderBook"], words["remainSize"]) == (
        False,
        False,
        "0",
    )
    assert bench.get(f"{HM}/orders/active", **CROSS) == []
    listed = bench.get(f"{HM}/orders/done", **CROSS)["items"]
    assert [row["id"] for row in listed] == [ack["orderId"]]
    fills = bench.get(f"{HM}/fills", **CROSS)
    fill = spot_orders.spot_fills(Node(fills, ""))[0]
    assert (fill.price, fill.size, fill.is_maker) == (
        Decimal(49000),
        Decimal("0.01"),
        True,
    )
    assert fill.fee == Decimal("0.49")


def test_a_cancel_is_confirmed_and_then_found_done() -> None:
    """The answer names the order only; looked up it is cancelled with its rest."""
    bench = Bench()
    ack = bench.order(clientOid="c-1")
    path = f"{HM}/orders/{ack['orderId']}"
    assert bench.delete(path, **PAIR) == {"orderId": ack["orderId"]}
    words = bench.get(path, **PAIR)
    assert (words["cancelExist"], words["active"]) == (True, False)
    assert (words["cancelledSize"], words["remainSize"]) == ("0.01", "0")
    assert words["cancelledFunds"] == "490"
    assert bench.backend.venue.snapshot().balances[MARGIN_CROSS]["USDT"].hold == 0
    with pytest.raises(ProblemError) as caught:
        bench.delete(path, **PAIR)
    assert is_order_gone(caught.value.code, caught.value.message)


@pytest.mark.parametrize("path", [f"{HM}/orders", HF])
def test_an_order_that_never_was_is_said_to_be_gone(path: str) -> None:
    """Looking up or cancelling an unknown id or client id reads as order gone."""
    bench = Bench()
    for ask in (bench.get, bench.delete):
        for tail in ("order-77", "client-order/nobody"):
            with pytest.raises(ProblemError) as caught:
                ask(f"{path}/{tail}", **PAIR)
            assert is_order_gone(caught.value.code, caught.value.message)


def test_a_client_id_is_spent_once() -> None:
    """The same client id again is refused as a duplicate, in either family."""
    bench = Bench()
    bench.order(clientOid="c-1")
    with refusal("126044"):
        bench.order(clientOid="c-1")
    with pytest.raises(ProblemError) as caught:
        bench.post(HF, clientOid="c-1", **LIMIT)
    assert is_duplicate(caught.value.code, caught.value.message)
    with refusal("400100", "clientOid is invalid"):
        bench.order(clientOid="spaces are not allowed")
    with refusal("400100", "clientOid is required"):
        bench.order(clientOid=None)


def test_spot_margin_and_isolated_orders_do_not_mix() -> None:
    """Each list shows its own account's orders, and an id is found there only."""
    bench = Bench()
    cross = bench.order(clientOid="cross")
    isolated = bench.order(clientOid="isolated", isIsolated=True)
    spot = bench.post(HF, clientOid="spot", **LIMIT)
    accounts = {
        record.order.intent_id: record.order.account
        for record in bench.backend.archive.orders.values()
    }
    assert accounts == {
        "cross": MARGIN_CROSS,
        "isolated": isolated_account("BTC-USDT"),
        "spot": SPOT,
    }
    assert _ids(bench.get(f"{HM}/orders/active", **CROSS)) == [cross["orderId"]]
    assert _ids(bench.get(f"{HM}/orders/active", **ISOLATED)) == [isolated["orderId"]]
    assert _ids(bench.get(f"{HF}/active", **PAIR)) == [spot["orderId"]]
    with refusal("126043"):
        bench.get(f"{HM}/orders/{spot['orderId']}", **PAIR)
    with refusal("400100"):
        bench.get(f"{HF}/{cross['orderId']}", **PAIR)
    with refusal("126043"):
        bench.get(f"{HM}/orders/{cross['orderId']}", symbol="ETH-USDT")


def _ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


def test_cancelling_all_leaves_other_pairs_and_accounts_alone() -> None:
    """Only the named pair and trade type is cancelled; everywhere means all of spot."""
    bench = Bench()
    bench.order(clientOid="a")
    bench.order(clientOid="b", symbol="ETH-USDT", price="2000")
    bench.order(clientOid="c", isIsolated=True)
    assert bench.delete(f"{HM}/orders", **CROSS) == "success"
    open_ids = {
        record.order.intent_id
        for record in bench.backend.archive.orders.values()
        if record.is_active
    }
    assert open_ids == {"b", "c"}
    symbols = bench.get(f"{HM}/order/active/symbols", tradeType="MARGIN_TRADE")
    assert symbols == {"symbolSize": 1, "symbols": ["ETH-USDT"]}
    bench.post(HF, clientOid="d", **LIMIT)
    bench.post(HF, clientOid="e", **LIMIT | {"symbol": "ETH-USDT", "price": "2000"})
    answer = bench.delete(f"{HF}/cancelAll")
    assert answer == {
        "succeedSymbols": ["BTC-USDT", "ETH-USDT"],
        "failedSymbols": [],
    }
    assert bench.get(f"{HF}/active/symbols") == {"symbols": []}


def test_a_market_order_by_funds_spends_what_the_book_gives() -> None:
    """1000 USDT buy whole steps for at most 1000, less than one step stays unspent."""
    bench = Bench()
    bench.order(clientOid="c-1", type="market", price=None, size=None, funds="1000")
    words = bench.get(f"{HM}/orders/client-order/c-1", **PAIR)
    assert (words["size"], words["funds"]) == ("0", "1000")
    spent, bought = number(words["dealFunds"]), number(words["dealSize"])
    assert bought % Decimal("0.00001") == 0
    assert 0 <= 1000 - spent < Decimal("0.00001") * 51000
    assert words["cancelExist"] is False
    read = spot_orders.spot_order(Node(words, ""))
    assert read.state is OrderState.FILLED


def test_funds_beyond_the_book_are_cancelled() -> None:
    """A market buy that empties the book is done; the rest of it is cancelled."""
    bench = Bench(opening({"spot": {"USDT": "90000000"}}))
    bench.post(
        HF,
        clientOid="c-1",
        side="buy",
        symbol="BTC-USDT",
        type="market",
        funds="80000000",
    )
    words = bench.get(f"{HF}/client-order/c-1", **PAIR)
    assert words["cancelExist"] is True
    assert number(words["dealSize"]) == 1000
    left = 80000000 - number(words["dealFunds"])
    assert number(words["cancelledFunds"]) == left


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"hidden": True}, "400413", "hidden"),
        ({"iceberg": True}, "400413", "iceberg"),
        ({"visibleSize": "0.001"}, "400413", "hidden"),
        ({"autoBorrow": True}, "400100", "autoBorrow"),
        ({"autoRepay": True}, "400100", "autoRepay"),
        ({"timeInForce": "GTT"}, "400100", "GTT"),
        ({"side": "hold"}, "400100", "side"),
        ({"type": "stop"}, "400100", "type"),
        ({"stp": "XX"}, "400100", "stp"),
        ({"price": None}, "400100", "price"),
        ({"size": "abc"}, "400100", "size"),
        ({"type": "market", "price": None, "size": None}, "400100", "either"),
        ({"type": "market", "price": None, "funds": "1"}, "400100", "either"),
        (
            {"type": "market", "price": None, "size": None, "funds": "0.0000001"},
            "400100",
            "Funds increment",
        ),
        (
            {"type": "market", "price": None, "size": None, "funds": "0.01"},
            "400100",
            "should more then 0.1 USDT",
        ),
        ({"price": "49000.05"}, "400400", "multiple of 0.1"),
        ({"size": "0.000001"}, "400400", "multiple of 0.00001"),
        ({"size": "0.00001", "price": "9000"}, "126003", "least"),
        ({"size": "9"}, "126013", "available"),
        ({"symbol": "DOGE-USDT"}, "126004", "does not trade"),
        ({"symbol": "ETH-USDT", "isIsolated": True}, "130303", "own pair"),
    ],
)
def test_a_bad_order_is_refused_with_its_code(
    changes: dict[str, object], code: str, words: str
) -> None:
    """Each mistake has its own code and a sentence that names it; nothing is placed."""
    bench = Bench()
    with refusal(code, words):
        bench.order(**changes)
    assert not bench.backend.archive.orders


def test_defaults_of_the_official_client_are_harmless() -> None:
    """False flags, GTC on a market order and cancelAfter -1 are accepted."""
    bench = Bench()
    ack = bench.post(
        f"{HM}/order",
        clientOid="c-1",
        side="buy",
        symbol="BTC-USDT",
        type="market",
        size="0.01",
        timeInForce="GTC",
        postOnly=False,
        hidden=False,
        iceberg=False,
        isIsolated=False,
        autoBorrow=False,
        autoRepay=False,
        cancelAfter=-1,
    )
    assert bench.get(f"{HM}/orders/{ack['orderId']}", **PAIR)["dealSize"] == "0.01"


def test_a_test_order_is_checked_and_never_placed() -> None:
    """A good one gets an id, one without money is refused; neither leaves a trace."""
    bench = Bench()
    before = bench.backend.venue.snapshot()
    assert (
        bench.post(f"{HM}/order/test", clientOid="c-1", **LIMIT)["clientOid"] == "c-1"
    )
    with refusal("126013"):
        bench.post(f"{HM}/order/test", clientOid="c-2", **LIMIT | {"size": "9"})
    with refusal("200004"):
        bench.post(f"{HF}/test", clientOid="c-2", **LIMIT | {"size": "9"})
    assert bench.backend.venue.snapshot() == before
    assert not bench.backend.archive.orders
    bench.order(clientOid="c-1")


def test_a_batch_tells_each_order_apart() -> None:
    """A bad order of a batch fails alone; the sync form tells what was filled."""
    bench = Bench()
    orders = [
        {"clientOid": "m-1", **LIMIT},
        {"clientOid": "m-2", **LIMIT, "size": "9"},
        {"clientOid": "m-3", **LIMIT, "price": "51000"},
    ]
    rows = bench.post(f"{HF}/multi/sync", orderList=orders)
    assert [row["success"] for row in rows] == [True, False, True]
    assert "available" in rows[1]["failMsg"]
    assert (rows[0]["status"], rows[0]["dealSize"]) == ("open", "0")
    assert (rows[2]["status"], rows[2]["dealSize"]) == ("done", "0.01")
    gone = bench.delete(f"{HF}/sync/client-order/m-1", **PAIR)
    assert (gone["status"], gone["canceledSize"]) == ("done", "0.01")
    with refusal("400100", "orderList"):
        bench.post(f"{HF}/multi", orderList=[])


def test_done_orders_and_fills_are_paged_from_the_newest() -> None:
    """Pages of two by lastId show every order and every fill exactly once."""
    bench = Bench()
    for index in range(5):
        bench.order(clientOid=f"c-{index}", price="51000")
        bench.tick(1)
    for path, name in ((f"{HM}/orders/done", "clientOid"), (f"{HM}/fills", "id")):
        everything = bench.get(path, **CROSS)["items"]
        seen, last = [], None
        while True:
            query = CROSS if last is None else {**CROSS, "lastId": last}
            page = bench.get(path, limit=2, **query)
            if not page["items"]:
                break
            seen += [row[name] for row in page["items"]]
            last = page["lastId"]
        assert seen == [row[name] for row in everything]
        assert len(seen) == len(set(seen)) == 5


def test_lists_of_done_orders_reach_seven_days() -> None:
    """A wider window is refused; one week later nothing is listed any more."""
    bench = Bench()
    bench.order(clientOid="c-1", price="51000")
    now, day = int(bench.at.timestamp() * 1000), 86_400_000
    for path in (f"{HM}/orders/done", f"{HM}/fills"):
        with refusal("400100", "168 hours"):
            bench.get(path, startAt=now - 7 * day - 1, endAt=now, **CROSS)
        assert len(bench.get(path, startAt=now - 7 * day, **CROSS)["items"]) == 1
        with refusal("400100", "tradeType"):
            bench.get(path, **PAIR)
    bench.tick(8 * 24 * 3600)
    assert bench.get(f"{HM}/fills", **CROSS) == {"items": [], "lastId": 0}


def test_lists_filter_by_side_type_and_order() -> None:
    """Only the asked side, type or order is listed."""
    bench = Bench()
    bench.order(clientOid="a", price="51000")
    sale = bench.order(clientOid="b", side="sell", type="market", price=None)
    path = f"{HM}/fills"
    assert {row["side"] for row in bench.get(path, side="buy", **CROSS)["items"]} == {
        "buy"
    }
    by_order = bench.get(path, orderId=sale["orderId"], **CROSS)["items"]
    assert {row["orderId"] for row in by_order} == {sale["orderId"]}
    markets = bench.get(f"{HM}/orders/done", type="market", **CROSS)["items"]
    assert [row["clientOid"] for row in markets] == ["b"]


def test_a_spot_order_may_leave_out_its_client_id() -> None:
    """The venue gives one, and the order is found under it."""
    bench = Bench()
    ack = bench.post(HF, **LIMIT)
    words = bench.get(f"{HF}/client-order/{ack['clientOid']}", **PAIR)
    assert words["id"] == ack["orderId"]


def test_the_dead_mans_switch_is_not_offered() -> None:
    """Setting it is refused with a clear code, and none is ever set."""
    bench = Bench()
    with refusal("400200"):
        bench.post(f"{HF}/dead-cancel-all", timeout=5)
    assert bench.get(f"{HF}/dead-cancel-all/query") is None
