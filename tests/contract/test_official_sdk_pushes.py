"""KuCoin's official client hears everything that the served venue pushes.

Each action is answered by the pushes that KuCoin would send, in the client's own
types, with the amounts that the venue's books have.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.official_sdk import (
    ITS_WARNINGS,
    Inbox,
    debit,
    futures_orders,
    margin_orders,
    official_client,
    positions,
    spot_orders,
    typed,
)
from tests.contract.sdk_desk import CONTRACT, PAIR, Desk, desk_at
from tests.contract.served import CROSS, ISOLATED, serve, until

pytestmark = pytest.mark.filterwarnings(ITS_WARNINGS)

SOCKETS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """What the client hears, and the services to make something happen."""

    desk: Desk
    inbox: Inbox
    others: list[Any] = field(default_factory=list)
    """Further sockets, to be stopped in the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    """The client's six kinds of sockets."""

    spot: Any
    spot_private: Any
    margin: Any
    margin_private: Any
    futures: Any
    futures_private: Any

    def every(self) -> tuple[Any, ...]:
        """All of them."""
        return (
            self.spot,
            self.spot_private,
            self.margin,
            self.margin_private,
            self.futures,
            self.futures_private,
        )


def _sockets(client: Any) -> Sockets:
    service = client.ws_service()
    return Sockets(
        spot=service.new_spot_public_ws(),
        spot_private=service.new_spot_private_ws(),
        margin=service.new_margin_public_ws(),
        margin_private=service.new_margin_private_ws(),
        futures=service.new_futures_public_ws(),
        futures_private=service.new_futures_private_ws(),
    )


def _subscribe(sockets: Sockets, inbox: Inbox) -> None:
    """Every topic; a refusal of the server would be raised here."""
    _subscribe_spot_host(sockets, inbox)
    _subscribe_futures_host(sockets, inbox)


def _subscribe_spot_host(sockets: Sockets, inbox: Inbox) -> None:
    hear = inbox.hear
    sockets.spot.ticker([PAIR, "ETH-USDT"], hear)
    sockets.spot.all_tickers(hear)
    sockets.spot.klines(PAIR, "1min", hear)
    sockets.spot.orderbook_level1([PAIR], hear)
    sockets.spot.orderbook_level5([PAIR], hear)
    sockets.spot.orderbook_level50([PAIR], hear)
    sockets.spot.symbol_snapshot(PAIR, hear)
    sockets.spot.trade([PAIR], hear)
    sockets.spot_private.account(hear)
    sockets.spot_private.order_v1(hear)
    sockets.spot_private.order_v2(hear)
    sockets.spot_private.stop_order(hear)
    sockets.margin.index_price(["USDT-BTC"], hear)
    sockets.margin.mark_price(["USDT-BTC", "ETH-BTC"], hear)
    sockets.margin_private.cross_margin_position(hear)
    sockets.margin_private.isolated_margin_position(PAIR, hear)


def _subscribe_futures_host(sockets: Sockets, inbox: Inbox) -> None:
    hear = inbox.hear
    sockets.futures.instrument(CONTRACT, hear)
    sockets.futures.klines(CONTRACT, "1min", hear)
    sockets.futures.orderbook_increment(CONTRACT, hear)
    sockets.futures.orderbook_level5(CONTRACT, hear)
    sockets.futures.orderbook_level50(CONTRACT, hear)
    sockets.futures.symbol_snapshot(CONTRACT, hear)
    sockets.futures.ticker_v1(CONTRACT, hear)
    sockets.futures.ticker_v2(CONTRACT, hear)
    sockets.futures.execution(CONTRACT, hear)
    sockets.futures_private.order(CONTRACT, hear)
    sockets.futures_private.position(CONTRACT, hear)
    sockets.futures_private.balance(hear)
    sockets.futures_private.cross_leverage(hear)
    sockets.futures_private.margin_mode(hear)
    sockets.futures_private.stop_orders(hear)


@pytest.fixture(scope="module")
def ear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ear]:
    """The server goes first: the client takes ten seconds to leave one that stays."""
    inbox = Inbox()
    with ThreadPoolExecutor(SOCKETS + 1) as pool:
        with serve(tmp_path_factory.mktemp("sdk"), "--clock", "x20") as served:
            client = official_client(served, served.full, inbox.note)
            sockets = _sockets(client)
            list(pool.map(lambda socket: socket.start(), sockets.every()))
            _subscribe(sockets, inbox)
            made = Ear(desk=desk_at(served), inbox=inbox)
            yield made
            assert inbox.events == ["EVENT_CONNECTED"] * SOCKETS
        ended = (*sockets.every(), *made.others)
        list(pool.map(lambda socket: socket.stop(), ended))


MARKET_TOPICS = (
    "/market/ticker:BTC-USDT",
    "/market/ticker:ETH-USDT",
    "/market/ticker:all",
    "/market/candles:BTC-USDT_1min",
    "/market/snapshot:BTC-USDT",
    "/spotMarket/level1:BTC-USDT",
    "/spotMarket/level2Depth5:BTC-USDT",
    "/spotMarket/level2Depth50:BTC-USDT",
    "/indicator/index:USDT-BTC",
    "/indicator/markPrice:USDT-BTC",
    "/indicator/markPrice:ETH-BTC",
    "/contract/instrument:XBTUSDTM",
    "/contractMarket/limitCandle:XBTUSDTM_1min",
    "/contractMarket/level2:XBTUSDTM",
    "/contractMarket/level2Depth5:XBTUSDTM",
    "/contractMarket/level2Depth50:XBTUSDTM",
    "/contractMarket/snapshot:XBTUSDTM",
    "/contractMarket/ticker:XBTUSDTM",
    "/contractMarket/tickerV2:XBTUSDTM",
)


@pytest.mark.parametrize("topic", MARKET_TOPICS)
def test_the_market_is_pushed(ear: Ear, topic: str) -> None:
    """Without anything being done, every public topic speaks in its type."""
    assert ear.inbox.wait(topic) is not None


def test_marks_and_funding_come_on_one_topic(ear: Ear) -> None:
    """A contract's topic tells its mark by the second and its funding by the minute."""
    topic = f"/contract/instrument:{CONTRACT}"
    mark = ear.inbox.wait(topic, lambda event: event.mark_price is not None)
    rate = ear.inbox.wait(topic, lambda event: event.funding_rate is not None)
    assert (mark.granularity, rate.granularity) == (1000, 60000)


def test_a_margin_fill_is_told_to_orders_and_balances(ear: Ear) -> None:
    """Received, matched, filled, each in turn; the last balance is the books'."""
    since = len(ear.inbox.rows)
    order = margin_orders.AddOrderReq(
        client_oid="w-1", side="buy", symbol=PAIR, type="market", size="0.01"
    )
    typed(ear.desk.margin.add_order(order))
    topic = "/spotMarket/tradeOrdersV2"
    ear.inbox.wait(
        topic,
        lambda told: told.client_oid == "w-1" and told.type.value == "filled",
        since,
    )
    mine = [
        row[2].type.value
        for row in ear.inbox.rows[since:]
        if row[0] == topic and row[2].client_oid == "w-1"
    ]
    assert mine[0] == "received"
    assert set(mine[1:-1]) == {"match"}
    assert mine[-1] == "filled"
    for coin in ("BTC", "USDT"):
        total = ear.desk.served.line(CROSS, coin).total
        _balance(ear, coin, total, since)


def _tells(order_id: str, kind: str) -> Callable[[Any], bool]:
    """Whether a push is about an order and of a kind."""

    def tells(event: Any) -> bool:
        return (event.order_id, event.type.value) == (order_id, kind)

    return tells


def _balance(ear: Ear, coin: str, total: Decimal, since: int) -> None:
    """Wait for the push that says what the books say."""
    ear.inbox.wait(
        "/account/balance",
        lambda told: told.currency == coin and Decimal(told.total) == total,
        since,
    )


def test_a_resting_order_is_told_open_and_canceled(ear: Ear) -> None:
    """Both versions of the order topic tell that it rests and that it goes."""
    since = len(ear.inbox.rows)
    order = spot_orders.AddOrderReq(
        client_oid="w-2",
        side="buy",
        symbol=PAIR,
        type="limit",
        size="0.01",
        price="50000",
    )
    placed = typed(ear.desk.spot.add_order(order))
    asked = spot_orders.CancelOrderByOrderIdReq(order_id=placed.order_id, symbol=PAIR)
    typed(ear.desk.spot.cancel_order_by_order_id(asked))
    for topic in ("/spotMarket/tradeOrders", "/spotMarket/tradeOrdersV2"):
        for kind in ("open", "canceled"):
            told = ear.inbox.wait(
                topic,
                _tells(placed.order_id, kind),
                since,
            )
            assert Decimal(told.origin_size) == Decimal("0.01")


def test_a_stop_order_is_told(ear: Ear) -> None:
    """A stop that is set and taken away is told on the topic of stops."""
    stop = spot_orders.AddStopOrderReq(
        client_oid="w-3",
        side="sell",
        symbol=PAIR,
        type="market",
        size="0.001",
        stop_price="30000",
    )
    placed = typed(ear.desk.spot.add_stop_order(stop))
    asked = spot_orders.CancelStopOrderByOrderIdReq(order_id=placed.order_id)
    typed(ear.desk.spot.cancel_stop_order_by_order_id(asked))
    for kind in ("open", "cancel"):
        ear.inbox.wait(
            "/spotMarket/advancedOrders",
            _tells(placed.order_id, kind),
        )


def test_a_loan_is_told_to_the_margin_positions(ear: Ear) -> None:
    """While there is a debt the ratio and the debt of each account are pushed."""
    since = len(ear.inbox.rows)
    for who in ({}, {"symbol": PAIR, "is_isolated": True}):
        loan = debit.BorrowReq(currency="USDT", size=1000.0, time_in_force="FOK", **who)
        typed(ear.desk.loans.borrow(loan))
    owed = ear.desk.served.line(CROSS, "USDT").liability
    told = ear.inbox.wait(
        "/margin/position",
        lambda event: Decimal((event.debt_list or {}).get("USDT", "0")) >= owed,
        since,
    )
    assert told.debt_ratio > 0
    pair = ear.inbox.wait(
        f"/margin/isolatedPosition:{PAIR}",
        lambda event: "USDT" in (event.change_assets or {}),
        since,
    )
    asset = pair.change_assets["USDT"]
    assert Decimal(asset.liability_principal) == 1000
    assert Decimal(asset.total) == ear.desk.served.line(ISOLATED, "USDT").total


def test_a_futures_fill_is_told_to_orders_positions_and_wallet(ear: Ear) -> None:
    """The order is filled, the position is there, the wallet is the books'."""
    since = len(ear.inbox.rows)
    order = futures_orders.AddOrderReq(
        client_oid="w-4",
        side="buy",
        symbol=CONTRACT,
        leverage=5,
        type="market",
        size=10,
        margin_mode="CROSS",
    )
    typed(ear.desk.futures.add_order(order))
    filled = ear.inbox.wait(
        f"/contractMarket/tradeOrders:{CONTRACT}",
        lambda event: (event.client_oid, event.type.value) == ("w-4", "filled"),
        since,
    )
    assert (filled.filled_size, filled.remain_size) == ("10", "0")
    ear.inbox.wait(
        f"/contract/position:{CONTRACT}", lambda event: event.current_qty == 10, since
    )
    wallet = ear.desk.served.line("futures", "USDT").total
    ear.inbox.wait(
        "/contractAccount/wallet",
        lambda event: Decimal(event.wallet_balance) == wallet,
        since,
    )
    ear.inbox.wait(f"/contractMarket/execution:{CONTRACT}", since=since)


def test_settings_of_futures_are_told(ear: Ear) -> None:
    """Leverage and margin mode of a contract are pushed when they change."""
    asked = positions.ModifyMarginLeverageReq(symbol="ETHUSDTM", leverage="7")
    typed(ear.desk.positions.modify_margin_leverage(asked))
    told = ear.inbox.wait("/contract/crossLeverage")
    assert told.data["ETHUSDTM"].leverage == "7"
    switch = positions.SwitchMarginModeReq(symbol="ETHUSDTM", margin_mode="ISOLATED")
    typed(ear.desk.positions.switch_margin_mode(switch))
    ear.inbox.wait(
        "/contract/marginMode", lambda event: event.data == {"ETHUSDTM": "ISOLATED"}
    )


def test_a_futures_stop_is_told(ear: Ear) -> None:
    """A stop that is set is told on the topic of stops."""
    stop = futures_orders.AddOrderReq(
        client_oid="w-5",
        side="sell",
        symbol=CONTRACT,
        leverage=5,
        type="market",
        size=1,
        margin_mode="CROSS",
        stop="down",
        stop_price="40000",
        stop_price_type="MP",
    )
    placed = typed(ear.desk.futures.add_order(stop))
    told = ear.inbox.wait(
        "/contractMarket/advancedOrders",
        lambda event: event.order_id == placed.order_id,
    )
    assert (told.stop_price, told.stop_price_type) == ("40000", "MP")


def test_a_topic_that_is_left_falls_silent(ear: Ear) -> None:
    """After unsubscribing, which the server confirms, no such push comes any more."""
    inbox = Inbox()
    client = official_client(ear.desk.served, ear.desk.served.read, inbox.note)
    socket = client.ws_service().new_margin_public_ws()
    ear.others.append(socket)
    socket.start()
    name = socket.mark_price(["SOL-BTC"], inbox.hear)
    inbox.wait("/indicator/markPrice:SOL-BTC")
    socket.unsubscribe(name)
    heard = len(inbox.rows)
    ticks = len(ear.inbox.rows)
    until(
        lambda: [row[0] for row in ear.inbox.rows[ticks:]],
        lambda topics: topics.count("/indicator/markPrice:ETH-BTC") > 2,
        "the market stood still",
    )
    assert len(inbox.rows) == heard
