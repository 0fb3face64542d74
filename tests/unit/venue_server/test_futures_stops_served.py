"""Stop orders of the futures host: they wait, trigger, protect and are told."""

from typing import Any

import pytest

from connectors.venue.server.notices import Notice, Noticeboard
from tests.unit.venue_server.futures_backend import Served, order

STOP = {"stop": "down", "stopPrice": "49000", "stopPriceType": "MP"}


def told(served: Served) -> list[Notice]:
    """The list into which every notice from now on goes."""
    found: list[Notice] = []
    served.backend.part(Noticeboard).listen(lambda _at, notice: found.append(notice))
    return found


def row(served: Served, order_id: str) -> Any:
    """An order by its id."""
    return served.ask("GET", f"/api/v1/orders/{order_id}")


def test_a_stop_waits_and_holds_no_margin() -> None:
    """A stop order is listed, is not among the orders, and costs nothing."""
    served = Served()
    before = served.ask("GET", "/api/v1/account-overview", currency="USDT")
    order_id = served.place("s", **STOP, side="sell", size=5)
    assert served.ask("GET", "/api/v1/orders", status="active")["items"] == []
    (waiting,) = served.ask("GET", "/api/v1/stopOrders")["items"]
    assert (waiting["id"], waiting["stop"], waiting["stopPrice"]) == (
        order_id,
        "down",
        "49000",
    )
    after = served.ask("GET", "/api/v1/account-overview", currency="USDT")
    assert before == after


@pytest.mark.parametrize("source", ["TP", "MP", "IP"])
def test_a_stop_triggers_at_its_price(source: str) -> None:
    """At its price, not before, the order is placed and filled under the same id."""
    served = Served()
    notices = told(served)
    order_id = served.place(
        "s", **{**STOP, "stopPriceType": source}, side="sell", size=5
    )
    served.tick("49000.1")
    assert row(served, order_id)["stopTriggered"] is False
    served.tick("49000")
    done = row(served, order_id)
    assert (done["stopTriggered"], done["status"], done["filledSize"]) == (
        True,
        "done",
        5,
    )
    assert served.ask("GET", "/api/v1/stopOrders")["items"] == []
    (fill,) = served.ask("GET", "/api/v1/fills", orderId=order_id)["items"]
    assert (fill["displayType"], fill["orderId"]) == ("market_stop", order_id)
    by_client = served.ask("GET", "/api/v1/orders/byClientOid", clientOid="s")
    assert by_client["id"] == order_id
    assert [n.data["type"] for n in notices] == ["open", "triggered"]
    assert notices[1].data["triggerSuccess"] is True


def test_a_stop_that_cannot_be_placed_says_so() -> None:
    """A reduce-only stop without a position fails when it triggers."""
    served = Served()
    notices = told(served)
    order_id = served.place("s", **STOP, side="sell", reduceOnly=True)
    served.tick("48000")
    assert notices[-1].data["triggerSuccess"] is False
    assert row(served, order_id)["isActive"] is False
    assert served.ask("GET", "/api/v1/fills")["items"] == []


def test_a_stop_is_cancelled_by_either_id() -> None:
    """Cancelling tells it and keeps it from triggering; twice is an error."""
    served = Served()
    notices = told(served)
    first = served.place("a", **STOP, side="sell")
    served.place("b", **STOP, side="sell")
    served.ask("DELETE", f"/api/v1/orders/{first}")
    served.ask("DELETE", "/api/v1/orders/client-order/b", symbol="XBTUSDTM")
    served.tick("48000")
    assert served.ask("GET", "/api/v1/fills")["items"] == []
    assert [n.data["type"] for n in notices] == ["open", "open", "cancel", "cancel"]
    assert served.code("DELETE", f"/api/v1/orders/{first}") == "100004"


def test_client_ids_are_spent_by_stops_too() -> None:
    """A stop's client id cannot be used again, by a stop or by an order."""
    served = Served()
    served.place("a", **STOP)
    assert served.code("POST", "/api/v1/orders", order("a")) == "300018"
    served.place("b")
    assert served.code("POST", "/api/v1/orders", order("b", **STOP)) == "300018"


def test_a_close_order_may_be_a_stop() -> None:
    """A stop that closes takes the whole position, whatever it is then."""
    served = Served()
    served.place("s", **STOP, closeOrder=True, side=None, size=None)
    served.place("a", size=20)
    served.tick("48900")
    assert served.ask("GET", "/api/v1/positions") == []


def test_a_protected_order_is_closed_once() -> None:
    """Take-profit and stop-loss wait for the fill; one triggers, the other goes."""
    served = Served()
    body = order(
        "entry",
        type="limit",
        price="49500",
        size=4,
        triggerStopUpPrice="51000",
        triggerStopDownPrice="49000",
        stopPriceType="TP",
    )
    served.ask("POST", "/api/v1/st-orders", body)
    served.tick("51500")
    assert len(served.ask("GET", "/api/v1/stopOrders")["items"]) == 2
    served.tick("49400")
    (held,) = served.ask("GET", "/api/v1/positions")
    assert held["currentQty"] == 4
    served.tick("51200")
    assert served.ask("GET", "/api/v1/positions") == []
    assert served.ask("GET", "/api/v1/stopOrders")["items"] == []


def test_the_stops_of_an_order_that_never_fills_go_with_it() -> None:
    """When the protected order is cancelled, so are its stops."""
    served = Served()
    body = order("e", type="limit", price="48000", triggerStopUpPrice="60000")
    entry = served.ask("POST", "/api/v1/st-orders", body)["orderId"]
    served.ask("DELETE", f"/api/v1/orders/{entry}")
    served.tick("50001")
    assert served.ask("GET", "/api/v1/stopOrders")["items"] == []


def test_modes_and_leverages_are_told() -> None:
    """A change of margin mode and of leverage is pushed as user.config."""
    served = Served()
    notices = told(served)
    mode = {"symbol": "XBTUSDTM", "marginMode": "ISOLATED"}
    served.ask("POST", "/api/v2/position/changeMarginMode", mode)
    gear = {"symbol": "XBTUSDM", "leverage": "8"}
    served.ask("POST", "/api/v2/changeCrossUserLeverage", gear)
    assert [(n.topic, dict(n.data)) for n in notices] == [
        ("/contract/marginMode", {"XBTUSDTM": "ISOLATED"}),
        ("/contract/crossLeverage", {"XBTUSDM": {"leverage": "8"}}),
    ]
