"""Stop orders of the spot host: they wait, go off at a price, or are cancelled."""

from datetime import datetime
from typing import Any

import pytest

from bot.domain.events import Event, Filled, IntentSettled, MarksTicked
from connectors.venue.server.notices import Notice, Noticeboard
from tests.unit.venue.builders import opening
from tests.unit.venue_server.spot_bench import Bench, refusal

OLD = "/api/v1/stop-order"
NEW = "/api/v3/hf/margin/stop-order"
STOP = {
    "side": "sell",
    "symbol": "BTC-USDT",
    "type": "market",
    "size": "0.01",
    "stop": "loss",
    "stopPrice": "48000",
}


def _add(bench: Bench, client_id: str = "s-1", **changes: object) -> Any:
    """Add a margin stop; the answer."""
    return bench.post(NEW, **{"clientOid": client_id, **STOP, **changes})


@pytest.mark.parametrize(
    ("kind", "stop_price", "price", "goes_off"),
    [
        ("loss", "48000", "48000.1", False),
        ("loss", "48000", "48000", True),
        ("loss", "48000", "47000", True),
        ("entry", "52000", "51999.9", False),
        ("entry", "52000", "52000", True),
        ("entry", "52000", "53000", True),
    ],
)
def test_a_stop_goes_off_at_the_last_price(
    kind: str, stop_price: str, price: str, goes_off: bool
) -> None:
    """A loss at or below its price, an entry at or above, and not a tick earlier."""
    bench = Bench()
    _add(bench, stop=kind, stopPrice=stop_price)
    assert not bench.backend.archive.orders
    bench.tick(1, btc=price)
    record = bench.backend.archive.order_by_client("s-1")
    assert (record is not None) == goes_off
    waiting = bench.get("/api/v3/hf/margin/stop-orders")["items"]
    assert len(waiting) == (0 if goes_off else 1)


def test_a_stop_holds_nothing_until_it_goes_off() -> None:
    """Its status is NEW, then TRIGGERED, and the order trades like any other."""
    bench = Bench()
    ack = _add(bench)
    path, query = f"{NEW}/orderId", {"orderId": ack["orderId"]}
    assert bench.get(path, **query)["status"] == "NEW"
    cross = bench.get("/api/v3/margin/accounts")["accounts"]
    assert [row["hold"] for row in cross] == ["0", "0", "0"]
    bench.tick(1, btc="47900")
    words = bench.get(path, **query)
    assert words["status"] == "TRIGGERED"
    assert words["stopTriggerTime"] == int(bench.at.timestamp() * 1000)
    order = bench.get("/api/v3/hf/margin/orders/client-order/s-1", symbol="BTC-USDT")
    assert (order["dealSize"], order["tradeType"]) == ("0.01", "MARGIN_TRADE")
    with refusal("126043"):
        bench.delete(f"{NEW}/cancel-by-id", **query)


def test_a_stop_that_cannot_be_paid_for_ends_without_an_order() -> None:
    """It is triggered and refused by the venue: no order, no second try."""
    bench = Bench()
    ack = _add(bench, size="500")
    bench.tick(1, btc="47900")
    assert bench.get(f"{NEW}/orderId", orderId=ack["orderId"])["status"] == "TRIGGERED"
    assert bench.backend.archive.order_by_client("s-1") is None
    bench.tick(1, btc="47000")
    assert bench.backend.archive.order_by_client("s-1") is None


def test_stops_are_listed_and_cancelled_by_every_name() -> None:
    """By id, by client id, by pair and trade type, on both routes."""
    bench = Bench()
    first = _add(bench, "s-1")["orderId"]
    second = _add(bench, "s-2", isIsolated=True)["orderId"]
    third = bench.post(OLD, clientOid="s-3", **STOP)["orderId"]
    fourth = bench.post(OLD, clientOid="s-4", tradeType="MARGIN_TRADE", **STOP)
    kinds = {
        row["clientOid"]: row["tradeType"]
        for row in bench.get("/api/v3/hf/margin/stop-orders")["items"]
    }
    assert kinds == {
        "s-1": "MARGIN_TRADE",
        "s-2": "MARGIN_ISOLATED_TRADE",
        "s-3": "TRADE",
        "s-4": "MARGIN_TRADE",
    }
    gone = bench.delete(f"{NEW}/cancel-by-id", orderId=first)
    assert gone == {"cancelledOrderIds": [first]}
    gone = bench.delete(f"{NEW}/cancel-by-clientOid", clientOid="s-2")
    assert gone == {"cancelledOrderIds": [second]}
    gone = bench.delete(f"{OLD}/{third}")
    assert gone == {"cancelledOrderIds": [third]}
    gone = bench.delete(f"{NEW}/cancel", tradeType="MARGIN_TRADE", symbol="BTC-USDT")
    assert gone == {"cancelledOrderIds": [fourth["orderId"]]}
    assert bench.get(OLD)["totalNum"] == 0
    with refusal("126043"):
        bench.delete(f"{NEW}/cancel-by-clientOid", clientOid="s-1")
    bench.tick(1, btc="40000")
    assert not bench.backend.archive.orders


def test_a_takeover_cancels_the_stops_of_its_account_only() -> None:
    """The stop in the frozen cross account is gone, the one on spot still waits."""
    bench = Bench(
        opening(
            {"margin_cross": {"USDT": "10000"}, "spot": {"BTC": "1"}},
            debts={"margin_cross": {"BTC": "0.18"}},
        )
    )
    _add(bench, "s-1", side="buy")
    bench.post(OLD, clientOid="s-2", **STOP)
    bench.tick(1, btc="54000")
    left = [row["clientOid"] for row in bench.get(OLD)["items"]]
    assert left == ["s-2"]


def test_a_client_id_waits_once_and_a_pair_has_twenty_stops() -> None:
    """A waiting or spent client id is a duplicate; the twenty-first stop is refused."""
    bench = Bench()
    _add(bench, "s-0")
    with refusal("126044"):
        _add(bench, "s-0")
    bench.order(clientOid="spent")
    with refusal("126044"):
        _add(bench, "spent")
    for index in range(1, 20):
        _add(bench, f"s-{index}")
    with refusal("126011"):
        _add(bench, "s-20")
    _add(bench, "s-20", isIsolated=True)


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"stopPrice": None}, "400100", "stopPrice"),
        ({"stopPrice": "48000.05"}, "400100", "stopPrice"),
        ({"stop": "tso"}, "400100", "stop"),
        ({"symbol": "DOGE-USDT"}, "900001", "DOGE"),
        ({"hidden": True}, "400413", "hidden"),
        ({"clientOid": None}, "400100", "clientOid"),
        ({"clientOid": "a b"}, "400100", "clientOid is invalid"),
    ],
)
def test_a_bad_stop_is_refused(
    changes: dict[str, object], code: str, words: str
) -> None:
    """Each mistake of the form is refused at once, and nothing waits."""
    bench = Bench()
    body = {"clientOid": "s-1", **STOP, **changes}
    sent = {name: value for name, value in body.items() if value is not None}
    with refusal(code, words):
        bench.post(NEW, **sent)
    assert bench.get(OLD)["items"] == []


def test_an_unsaid_direction_follows_from_the_price() -> None:
    """Above the last price it is an entry, below it a loss."""
    bench = Bench()
    bench.post(OLD, clientOid="up", **STOP | {"stop": "", "stopPrice": "51000"})
    bench.post(OLD, clientOid="down", **STOP | {"stop": "", "stopPrice": "49000"})
    kinds = {row["clientOid"]: row["stop"] for row in bench.get(OLD)["items"]}
    assert kinds == {"up": "entry", "down": "loss"}


def test_what_a_stop_does_is_told_after_the_tick_that_set_it_off() -> None:
    """A listener hears the marks of the tick first, then the order that followed."""
    bench = Bench()
    _add(bench)
    heard: list[Event] = []
    bench.backend.listen(lambda _, events: heard.extend(events))
    bench.tick(1, btc="47900")
    kinds = [type(event) for event in heard]
    assert kinds.index(MarksTicked) < kinds.index(IntentSettled)
    assert kinds.index(IntentSettled) < kinds.index(Filled)
    assert kinds.count(Filled) == 1


def test_every_change_of_a_stop_is_posted() -> None:
    """Open, triggered and cancelled are told in order, with the stop's own id."""
    bench = Bench()
    told: list[tuple[object, object]] = []

    def hear(_: datetime, notice: Notice) -> None:
        told.append((notice.data["orderId"], notice.data["type"]))

    bench.backend.part(Noticeboard).listen(hear)
    first = _add(bench, "s-1")["orderId"]
    second = _add(bench, "s-2", stopPrice="40000")["orderId"]
    bench.tick(1, btc="47900")
    bench.delete(f"{OLD}/{second}")
    assert told == [
        (first, "open"),
        (second, "open"),
        (first, "triggered"),
        (second, "cancel"),
    ]
