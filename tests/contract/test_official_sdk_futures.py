"""KuCoin's official client trades futures at the served venue.

What it reads after each step is, to the last digit, what the venue's books say.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.official_sdk import (
    ITS_WARNINGS,
    exact,
    futures_orders,
    positions,
    typed,
)
from tests.contract.sdk_desk import CONTRACT, Desk, desk_at, futures_wallet
from tests.contract.served import serve, until

pytestmark = pytest.mark.filterwarnings(ITS_WARNINGS)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with serve(tmp_path_factory.mktemp("sdk"), "--clock", "x60") as served:
        yield desk_at(served)


def _futures_order(name: str, side: str, size: int, **words: object) -> Any:
    return futures_orders.AddOrderReq(
        client_oid=name,
        side=side,
        symbol=CONTRACT,
        leverage=5,
        size=size,
        margin_mode=words.pop("margin_mode", "CROSS"),
        **words,
    )


def _mode(desk: Desk, mode: str) -> None:
    asked = positions.SwitchMarginModeReq(symbol=CONTRACT, margin_mode=mode)
    told = typed(desk.positions.switch_margin_mode(asked))
    assert told.margin_mode.value == mode


def _position(desk: Desk) -> Any:
    asked = positions.GetPositionDetailsReq(symbol=CONTRACT)
    return typed(desk.positions.get_position_details(asked))


def _pushed_fees(desk: Desk, order_id: str) -> Decimal:
    fills = typed(
        desk.futures.get_trade_history(
            futures_orders.GetTradeHistoryReq(order_id=order_id)
        )
    ).items
    return sum((Decimal(row.fee) for row in fills), Decimal(0))


def test_a_futures_order_rests_and_is_cancelled(desk: Desk) -> None:
    """A far limit order shows as active until it is cancelled."""
    _mode(desk, "CROSS")
    asked = _futures_order("f-rest", "buy", 3, type="limit", price="50000")
    placed = typed(desk.futures.add_order(asked))
    listed = typed(
        desk.futures.get_order_list(
            futures_orders.GetOrderListReq(status="active", symbol=CONTRACT)
        )
    )
    assert [row.id for row in listed.items] == [placed.order_id]
    gone = typed(
        desk.futures.cancel_order_by_id(
            futures_orders.CancelOrderByIdReq(order_id=placed.order_id)
        )
    )
    assert gone.cancelled_order_ids == [placed.order_id]
    seen = until(
        lambda: typed(
            desk.futures.get_order_by_client_oid(
                futures_orders.GetOrderByClientOidReq(client_oid="f-rest")
            )
        ),
        lambda order: order.status.value == "done",
        "the order never ended",
    )
    assert (seen.cancel_exist, seen.deal_size) == (True, 0)


def test_a_cross_position_is_opened_read_and_closed(desk: Desk) -> None:
    """The wallet after a round trip is the one before, the result and the fees."""
    _mode(desk, "CROSS")
    before = desk.served.line("futures", "USDT").total
    opened = typed(
        desk.futures.add_order(_futures_order("f-open", "buy", 20, type="market"))
    )
    paid = _pushed_fees(desk, opened.order_id)
    assert futures_wallet(desk) == before - paid
    held, book = _position(desk), desk.served.position(CONTRACT)
    assert (held.current_qty, held.cross_mode) == (book["lots"], True) == (20, True)
    assert exact(held.current_cost) == Decimal(book["entry_value"])
    closed = typed(
        desk.futures.add_order(
            _futures_order("f-close", "sell", 20, type="market", reduce_only=True)
        )
    )
    assert desk.served.position(CONTRACT) is None
    order = typed(
        desk.futures.get_order_by_order_id(
            futures_orders.GetOrderByOrderIdReq(order_id=closed.order_id)
        )
    )
    result = Decimal(order.deal_value) - Decimal(book["entry_value"])
    paid += _pushed_fees(desk, closed.order_id)
    assert desk.served.line("futures", "USDT").total == before + result - paid
    assert futures_wallet(desk) == before + result - paid
    ended = typed(
        desk.positions.get_positions_history(positions.GetPositionsHistoryReq())
    )
    assert ended.items[0].symbol == CONTRACT


def test_an_isolated_position_takes_and_gives_margin(desk: Desk) -> None:
    """Margin that is put in and taken out shows in the position, to the cent."""
    _mode(desk, "ISOLATED")
    words = {"type": "market", "margin_mode": "ISOLATED"}
    typed(desk.futures.add_order(_futures_order("f-iso", "buy", 10, **words)))
    start = Decimal(desk.served.position(CONTRACT)["margin"])
    typed(
        desk.positions.add_isolated_margin(
            positions.AddIsolatedMarginReq(symbol=CONTRACT, margin=50.0, biz_no="b-1")
        )
    )
    assert Decimal(desk.served.position(CONTRACT)["margin"]) == start + 50
    typed(
        desk.positions.remove_isolated_margin(
            positions.RemoveIsolatedMarginReq(symbol=CONTRACT, withdraw_amount="10")
        )
    )
    assert Decimal(desk.served.position(CONTRACT)["margin"]) == start + 40
    assert _position(desk).cross_mode is False
    typed(
        desk.futures.add_order(
            futures_orders.AddOrderReq(
                client_oid="f-shut",
                symbol=CONTRACT,
                type="market",
                close_order=True,
                margin_mode="ISOLATED",
            )
        )
    )
    assert desk.served.position(CONTRACT) is None


def test_futures_orders_with_stops_are_listed_and_cancelled(desk: Desk) -> None:
    """An order with both stops, and a batch; all of it goes when told to."""
    _mode(desk, "CROSS")
    protected = futures_orders.AddTpslOrderReq(
        client_oid="f-st",
        side="buy",
        symbol=CONTRACT,
        leverage=5,
        type="limit",
        size=1,
        price="50000",
        margin_mode="CROSS",
        trigger_stop_up_price="95000",
        trigger_stop_down_price="40000",
        stop_price_type="MP",
    )
    typed(desk.futures.add_tpsl_order(protected))
    stops = futures_orders.GetStopOrderListReq(symbol=CONTRACT)
    waiting = typed(desk.futures.get_stop_order_list(stops)).items
    assert {row.stop_price for row in waiting} == {"95000", "40000"}
    many = [
        futures_orders.BatchAddOrdersItem(
            client_oid=f"f-b{number}",
            side="sell",
            symbol=CONTRACT,
            leverage=5,
            type="limit",
            size=1,
            price="90000",
            margin_mode="CROSS",
        )
        for number in (1, 2)
    ]
    batch = futures_orders.BatchAddOrdersReq(items=many)
    rows = typed(desk.futures.batch_add_orders(batch)).data
    assert [row.code for row in rows] == ["200000", "200000"]
    everything = futures_orders.CancelAllOrdersV3Req(symbol=CONTRACT)
    gone = typed(desk.futures.cancel_all_orders_v3(everything))
    assert len(gone.cancelled_order_ids) == 3
    shut = futures_orders.CancelAllStopOrdersReq(symbol=CONTRACT)
    typed(desk.futures.cancel_all_stop_orders(shut))
    until(
        lambda: typed(desk.futures.get_stop_order_list(stops)).items,
        lambda rows: rows == [],
        "the stops never went",
    )
