"""Orders of the futures host by worked example: placed, found, filled, cancelled."""

from decimal import Decimal

import pytest

from bot.domain.accounts import MarginMode, PositionSide
from bot.domain.orders import OrderState, Side
from connectors.kucoin.parse import futures_orders, spot_orders
from connectors.venue.server.calls import ProblemError
from tests.unit.venue.builders import opening
from tests.unit.venue_server.futures_backend import Served, order

FAR = {"type": "limit", "price": "48000"}


def test_a_market_order_fills_and_is_done() -> None:
    """A market order is found as filled, with its value and average price."""
    served = Served()
    order_id = served.place("a", size=3)
    found = futures_orders.futures_order(
        served.node("GET", f"/api/v1/orders/{order_id}")
    )
    assert (found.state, found.lots, found.filled_lots) == (OrderState.FILLED, 3, 3)
    assert found.mode is MarginMode.CROSS
    (fill,) = futures_orders.futures_fills(served.node("GET", "/api/v1/fills"))
    assert (fill.order_id, fill.lots, fill.side) == (order_id, 3, Side.BUY)
    assert fill.value == 3 * Decimal("0.001") * fill.price
    row = served.ask("GET", f"/api/v1/orders/{order_id}")
    assert Decimal(row["filledValue"]) == fill.value
    assert Decimal(row["avgDealPrice"]) == fill.price


def test_a_resting_order_is_active_until_it_is_cancelled() -> None:
    """A limit order far away rests, is listed as active, and ends as cancelled."""
    served = Served()
    order_id = served.place("a", **FAR, size=2)
    page = futures_orders.futures_orders(
        served.node("GET", "/api/v1/orders", status="active")
    )
    assert [o.order_id for o in page.orders] == [order_id]
    assert page.orders[0].remaining_lots == 2
    answer = served.ask("DELETE", f"/api/v1/orders/{order_id}")
    assert answer == {"cancelledOrderIds": [order_id]}
    done = served.ask("GET", "/api/v1/orders")["items"]
    assert [(o["id"], o["status"], o["cancelExist"]) for o in done] == [
        (order_id, "done", True)
    ]
    assert served.code("DELETE", f"/api/v1/orders/{order_id}") == "100004"


def test_a_client_id_finds_its_order_and_is_spent() -> None:
    """The client id finds the order; sent again it is refused with 300018."""
    served = Served()
    order_id = served.place("mine", **FAR)
    found = served.ask("GET", "/api/v1/orders/byClientOid", clientOid="mine")
    assert found["id"] == order_id
    assert served.code("POST", "/api/v1/orders", order("mine", **FAR)) == "300018"
    placed = spot_orders.placed_order(
        served.node("POST", "/api/v1/orders", order("other", **FAR))
    )
    assert placed.client_id == "other"


def test_an_order_that_nobody_placed_is_not_found() -> None:
    """Unknown ids give KuCoin's codes, for looking up and for cancelling."""
    served = Served()
    assert served.code("GET", "/api/v1/orders/nobody") == "100001"
    assert (
        served.code("GET", "/api/v1/orders/byClientOid", clientOid="nobody") == "100001"
    )
    assert served.code("DELETE", "/api/v1/orders/nobody") == "100004"
    assert (
        served.code("DELETE", "/api/v1/orders/client-order/x", symbol="XBTUSDTM")
        == "100004"
    )


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"symbol": "NOSUCHUSDTM"}, "100003"),
        ({"size": 0}, "300000"),
        ({"size": "1.5"}, "300000"),
        ({"size": None}, "400100"),
        ({"qty": "0.001"}, "400100"),
        ({"type": "limit", "price": "48000.05"}, "300000"),
        ({"type": "limit", "price": "60000"}, "300011"),
        ({"type": "limit", "price": "40000", "side": "sell"}, "300012"),
        ({"type": "limit"}, "400100"),
        ({"side": "hold"}, "400100"),
        ({"size": 100000}, "300003"),
        ({"reduceOnly": True}, "300009"),
        ({"closeOrder": True, "size": None}, "300009"),
        ({"positionSide": "LONG"}, "330011"),
        ({"hidden": True}, "400100"),
        ({"timeInForce": "FOK", "type": "limit", "price": "48000"}, "400100"),
        ({"marginMode": "ISOLATED", "leverage": None}, "100001"),
        ({"clientOid": "no spaces allowed"}, "300000"),
    ],
)
def test_a_bad_order_is_refused_with_kucoins_code(
    fields: dict[str, object], code: str
) -> None:
    """Each way of asking wrong has its code, and leaves no order behind."""
    served = Served()
    body = order("a", **fields)
    assert served.code("POST", "/api/v1/orders", body) == code
    assert served.code("POST", "/api/v1/orders/test", body) == code
    assert served.backend.archive.orders == {}


def test_testing_an_order_places_none() -> None:
    """A good order passes the test endpoint, and its client id stays unspent."""
    served = Served()
    tested = served.ask("POST", "/api/v1/orders/test", order("a", **FAR))
    assert tested["clientOid"] == "a"
    assert served.backend.archive.orders == {}
    served.place("a", **FAR)


def test_size_may_be_given_in_coins_or_in_money() -> None:
    """Five thousandths of a coin are 5 lots; 120 USDT at 48,000 are 2 whole lots."""
    served = Served()
    served.place("coins", **FAR, size=None, qty="0.005")
    served.place("money", **FAR, size=None, valueQty="120")
    sizes = {
        row["clientOid"]: int(row["size"])
        for row in served.ask("GET", "/api/v1/orders", status="active")["items"]
    }
    assert sizes == {"coins": 5, "money": 2}


def test_closing_takes_the_whole_position_whatever_the_side() -> None:
    """A close order needs neither side nor size."""
    served = Served()
    served.place("short", side="sell", size=7)
    served.place("close", closeOrder=True, side=None, size=None, leverage=None)
    assert served.ask("GET", "/api/v1/positions") == []
    (first, second) = served.ask("GET", "/api/v1/fills")["items"]
    assert (first["side"], int(first["size"]), second["side"]) == ("buy", 7, "sell")
    assert Decimal(first["closeFeePay"]) == Decimal(first["fee"]) > 0
    assert Decimal(second["openFeePay"]) == Decimal(second["fee"]) > 0


def test_a_flip_splits_its_fee_between_closing_and_opening() -> None:
    """Of 30 lots sold against 10 bought, a third of the fee closes."""
    served = Served()
    served.place("long", size=10)
    served.place("flip", side="sell", size=30)
    fill = served.ask("GET", "/api/v1/fills")["items"][0]
    fee = Decimal(fill["fee"])
    assert Decimal(fill["closeFeePay"]) == round(fee / 3, 8)
    assert Decimal(fill["openFeePay"]) + Decimal(fill["closeFeePay"]) == fee


def test_many_orders_have_a_code_each() -> None:
    """A bad order of a batch does not stop the good one, and says why."""
    served = Served()
    rows = served.ask(
        "POST", "/api/v1/orders/multi", [order("a", **FAR), order("b", size=0)]
    )
    assert [row["code"] for row in rows] == ["200000", "300000"]
    assert rows[0]["msg"] == "success"
    assert rows[1]["orderId"] is None
    assert rows[1]["clientOid"] == "b"


def test_cancelling_many_answers_for_each() -> None:
    """Batch cancels succeed with 200 each, and fail with their own code."""
    served = Served()
    order_id = served.place("a", **FAR)
    served.place("b", **FAR)
    by_id = served.ask(
        "DELETE", "/api/v1/orders/multi-cancel", {"orderIdsList": [order_id, "x"]}
    )
    assert [(row["orderId"], row["code"]) for row in by_id] == [
        (order_id, "200"),
        ("x", "100004"),
    ]
    by_client = served.ask(
        "DELETE",
        "/api/v1/orders/multi-cancel",
        {"clientOidsList": [{"symbol": "XBTUSDTM", "clientOid": "b"}]},
    )
    assert by_client[0] | {"msg": ""} == {
        "orderId": None,
        "clientOid": "b",
        "code": "200",
        "msg": "",
    }


def test_cancelling_all_leaves_other_contracts_and_stops_alone() -> None:
    """The third version cancels one contract, the first all of them, stops neither."""
    served = Served()
    first = served.place("a", **FAR)
    second = served.place("b", **FAR, symbol="XBTUSDM")
    stop = served.place("s", stop="up", stopPrice="60000", stopPriceType="TP")
    assert served.ask("DELETE", "/api/v3/orders", symbol="XBTUSDTM") == {
        "cancelledOrderIds": [first]
    }
    assert served.ask("DELETE", "/api/v1/orders") == {"cancelledOrderIds": [second]}
    assert served.ask("DELETE", "/api/v1/stopOrders") == {"cancelledOrderIds": [stop]}


def test_open_orders_are_summed_by_side() -> None:
    """Lots and value of the resting buys and sells of a contract."""
    served = Served()
    served.place("a", **FAR, size=2)
    served.place("b", side="sell", type="limit", price="51000", size=3)
    found = served.ask("GET", "/api/v1/openOrderStatistics", symbol="XBTUSDTM")
    assert found == {
        "openOrderBuySize": 2,
        "openOrderSellSize": 3,
        "openOrderBuyCost": "96",
        "openOrderSellCost": "153",
        "settleCurrency": "USDT",
    }


def test_lists_are_paged_newest_first() -> None:
    """Five orders in pages of two are three pages, the newest order first."""
    served = Served()
    ids = [served.place(f"n{n}", **FAR) for n in range(5)]
    page = served.ask(
        "GET", "/api/v1/orders", status="active", pageSize="2", currentPage="2"
    )
    assert [row["id"] for row in page["items"]] == [ids[2], ids[1]]
    assert (int(page["totalNum"]), int(page["totalPage"])) == (5, 3)


def test_fills_of_more_than_a_week_are_refused() -> None:
    """A query of fills over more than seven days is an error, as at KuCoin."""
    served = Served()
    with pytest.raises(ProblemError, match="7 days"):
        served.ask("GET", "/api/v1/fills", startAt="0", endAt="604800001")


def test_the_margin_mode_of_an_order_must_fit_the_contract() -> None:
    """A contract takes the mode of its first order; another mode is 330005."""
    served = Served()
    served.place("a", **FAR, marginMode="ISOLATED", leverage=5)
    assert served.code("POST", "/api/v1/orders", order("b", **FAR)) == "330005"
    body = {"symbol": "XBTUSDTM", "marginMode": "CROSS"}
    path = "/api/v2/position/changeMarginMode"
    assert served.code("POST", path, body) == "50002"
    served.ask("DELETE", "/api/v1/orders")
    assert served.ask("POST", path, body) == body
    served.place("b", **FAR)


def test_the_leverage_of_a_cross_order_is_the_contracts() -> None:
    """Once a leverage is set, that of a cross order is ignored."""
    served = Served()
    served.ask(
        "POST",
        "/api/v2/changeCrossUserLeverage",
        {"symbol": "XBTUSDTM", "leverage": "4"},
    )
    served.place("a", leverage=100, size=2)
    (row,) = served.ask("GET", "/api/v1/positions")
    assert row["leverage"] == 4


def test_hedge_mode_keeps_long_and_short_apart() -> None:
    """In hedge mode both sides can be held; a side has to be named."""
    served = Served()
    mode = served.ask(
        "POST", "/api/v2/position/switchPositionMode", {"positionMode": "1"}
    )
    assert mode == {"positionMode": 1}
    assert served.code("POST", "/api/v1/orders", order("x")) == "330011"
    served.place("l", positionSide="LONG", size=3)
    served.place("s", positionSide="SHORT", side="sell", size=2)
    rows = served.ask("GET", "/api/v2/position", symbol="XBTUSDTM")
    sides = {row["positionSide"]: int(row["currentQty"]) for row in rows}
    assert sides == {PositionSide.LONG.name: 3, PositionSide.SHORT.name: -2}
    body = {"positionMode": "0"}
    assert served.code("POST", "/api/v2/position/switchPositionMode", body) == "50002"


def test_a_liquidation_is_told_as_a_forced_trade() -> None:
    """A takeover shows among the fills as liquid, without an order of the user's."""
    served = Served(opening({"futures": {"USDT": "100"}}))
    served.place("a", size=90, leverage=100)
    served.tick("47000")
    forced = served.ask("GET", "/api/v1/fills", tradeTypes="liquid")["items"]
    assert sum(int(row["size"]) for row in forced) == 90
    (closed,) = served.ask("GET", "/api/v1/history-positions")["items"]
    assert (closed["type"], closed["side"]) == ("LIQUID_LONG", "LONG")
