"""Which channel a push belongs to, and who reads it."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.domain.accounts import MarginMode
from bot.domain.errors import UsageError
from bot.domain.events import AccountStatus
from connectors.kucoin.parse.account_pushes import (
    CrossLeverageChange,
    MarginModeChange,
    RiskLimitChange,
    StopOrderPush,
)
from connectors.kucoin.parse.decode import decode
from connectors.kucoin.parse.funding import RatePush, SettlementNotice
from connectors.kucoin.parse.futures_orders import FuturesOrderPush
from connectors.kucoin.parse.ledgers import BalancePush
from connectors.kucoin.parse.margin_pushes import (
    CrossRatio,
    CrossStatus,
    IsolatedChange,
)
from connectors.kucoin.parse.marks import ContractMark, MarginMark
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.positions import PositionUpdate, Settlement
from connectors.kucoin.parse.spot_orders import SpotOrderPush
from connectors.kucoin.parse.wallets import Wallet
from connectors.kucoin.streams import Channel
from connectors.kucoin.topics import (
    CONTRACT_ANNOUNCEMENTS,
    CONTRACT_MARKS,
    CROSS_LEVERAGE,
    CROSS_POSITION,
    FUTURES_HOST,
    FUTURES_ORDERS,
    FUTURES_STOPS,
    FUTURES_WALLET,
    ISOLATED_POSITION,
    MARGIN_MARKS,
    MARGIN_MODES,
    POSITIONS,
    SPOT_BALANCES,
    SPOT_HOST,
    SPOT_ORDERS,
    SPOT_STOPS,
    kind_of,
    read_push,
    topic_of,
)

MS = 1_730_000_000_000
NS = MS * 1_000_000
SETTLED = {
    "fundingTime": MS,
    "fundingRate": Decimal("-0.002966"),
    "markPrice": Decimal("3610.85"),
    "qty": 100,
    "fundingFee": -296,
    "ts": NS,
    "settleCurrency": "XBT",
}
POSITION = {
    "symbol": "XBTUSDTM",
    "markPrice": Decimal("91839.79"),
    "changeReason": "markPriceChange",
    "positionSide": "BOTH",
    "currentTimestamp": MS,
}
ORDER = {
    "symbol": "XBTUSDTM",
    "side": "buy",
    "orderId": "1",
    "type": "open",
    "size": "1",
    "filledSize": "0",
    "price": "91670",
    "status": "open",
    "ts": NS,
}
SPOT_ORDER = {
    "clientOid": "c",
    "orderId": "1",
    "orderType": "limit",
    "originSize": "0.00001",
    "filledSize": "0",
    "price": "50000",
    "side": "buy",
    "status": "open",
    "symbol": "BTC-USDT",
    "ts": NS,
    "type": "open",
}
STOP = {
    "orderId": "s",
    "orderPrice": "70000",
    "side": "buy",
    "size": "0.5",
    "stop": "loss",
    "stopPrice": "71000",
    "symbol": "BTC-USDT",
    "tradeType": "MARGIN_TRADE",
    "type": "TRIGGERED",
    "ts": NS,
}
BALANCE = {
    "currency": "USDT",
    "total": "2",
    "available": "1",
    "hold": "1",
    "relationEvent": "margin.hold",
    "time": str(MS),
}
RATIO = {
    "debtRatio": 0,
    "totalAsset": Decimal("0.0005"),
    "totalDebt": "0",
    "assetList": {"BTC": {"total": "0.00002"}},
    "debtList": {"BTC": "0"},
    "timestamp": MS,
}
ISOLATED = {
    "tag": "BTC-USDT",
    "status": "DEBT",
    "statusBizType": "DEFAULT_DEBT",
    "changeAssets": {},
    "timestamp": MS,
}
CASES: list[tuple[Channel, str, str, dict[str, Any], type]] = [
    (
        MARGIN_MARKS,
        "/indicator/markPrice:USDT-BTC",
        "tick",
        {"symbol": "USDT-BTC", "value": Decimal("0.0001093"), "timestamp": MS},
        MarginMark,
    ),
    (CROSS_POSITION, "/margin/position", "debt.ratio", RATIO, CrossRatio),
    (
        CROSS_POSITION,
        "/margin/position",
        "debt.ratio",
        {"type": "FROZEN_FL", "timestamp": MS},
        CrossStatus,
    ),
    (
        ISOLATED_POSITION,
        "/margin/isolatedPosition:BTC-USDT",
        "positionChange",
        ISOLATED,
        IsolatedChange,
    ),
    (
        SPOT_ORDERS,
        "/spotMarket/tradeOrdersV2",
        "orderChange",
        SPOT_ORDER,
        SpotOrderPush,
    ),
    (SPOT_STOPS, "/spotMarket/advancedOrders", "stopOrder", STOP, StopOrderPush),
    (SPOT_BALANCES, "/account/balance", "account.balance", BALANCE, BalancePush),
    (
        CONTRACT_MARKS,
        "/contract/instrument:XBTUSDTM",
        "mark.index.price",
        {"markPrice": 2, "indexPrice": 2, "timestamp": MS},
        ContractMark,
    ),
    (
        CONTRACT_MARKS,
        "/contract/instrument:XBTUSDTM",
        "funding.rate",
        {"granularity": 60000, "fundingRate": -1, "timestamp": MS},
        RatePush,
    ),
    (
        CONTRACT_ANNOUNCEMENTS,
        "/contract/announcement",
        "funding.begin",
        {"symbol": "XBTUSDTM", "fundingTime": MS, "fundingRate": 0, "timestamp": MS},
        SettlementNotice,
    ),
    (
        FUTURES_ORDERS,
        "/contractMarket/tradeOrders:XBTUSDTM",
        "symbolOrderChange",
        ORDER,
        FuturesOrderPush,
    ),
    (
        FUTURES_WALLET,
        "/contractAccount/wallet",
        "walletBalance.change",
        {"currency": "USDT", "walletBalance": "81.07", "timestamp": str(MS)},
        Wallet,
    ),
    (
        POSITIONS,
        "/contract/position:XBTUSDTM",
        "position.change",
        POSITION,
        PositionUpdate,
    ),
    (
        POSITIONS,
        "/contract/position:XBTUSDTM",
        "position.settlement",
        SETTLED,
        Settlement,
    ),
    (
        POSITIONS,
        "/contract/position:XBTUSDTM",
        "position.adjustRiskLimit",
        {"success": True, "riskLimitLevel": 2, "msg": ""},
        RiskLimitChange,
    ),
    (
        MARGIN_MODES,
        "/contract/marginMode",
        "user.config",
        {"ETHUSDTM": "ISOLATED"},
        MarginModeChange,
    ),
    (
        CROSS_LEVERAGE,
        "/contract/crossLeverage",
        "user.config",
        {"ETHUSDTM": {"leverage": "8"}},
        CrossLeverageChange,
    ),
    (FUTURES_STOPS, "/contractMarket/advancedOrders", "stopOrder", STOP, StopOrderPush),
]


def _push(topic: str, subject: str, data: object) -> Node:
    return Node({"topic": topic, "subject": subject, "data": data}, "push")


@pytest.mark.parametrize(
    ("channel", "topic", "subject", "data", "kind"),
    CASES,
    ids=[f"{case[0].topic} {case[2]} {case[4].__name__}" for case in CASES],
)
def test_each_push_is_read_for_its_channel(
    channel: Channel, topic: str, subject: str, data: dict[str, Any], kind: type
) -> None:
    """Topic and subject lead to one reader and one channel, on either host."""
    document = _push(topic, subject, data)
    push = read_push(channel.host, document)
    assert isinstance(push.value, kind)
    assert push.topic == channel.topic == topic_of(channel.host, document)
    assert kind_of(channel) is not None


EXAMPLES = Path(__file__).resolve().parents[2] / "golden/kucoin/official-examples.json"


def test_every_push_that_the_exchange_prints_is_read_for_a_channel() -> None:
    """Each official example has its channel; only the index topic has none."""
    found = {}
    for name, document in Node(decode(EXAMPLES.read_bytes()), "").entries():
        if not name.startswith("ws-"):
            continue
        is_futures = str(document["topic"].value).startswith("/contract")
        host = FUTURES_HOST if is_futures else SPOT_HOST
        known = topic_of(host, document)
        found[name] = known and read_push(host, document).topic
    assert found == {
        "ws-announcement": CONTRACT_ANNOUNCEMENTS.topic,
        "ws-balance": SPOT_BALANCES.topic,
        "ws-cross": CROSS_POSITION.topic,
        "ws-cross-leverage": CROSS_LEVERAGE.topic,
        "ws-futures-order": FUTURES_ORDERS.topic,
        "ws-futures-order-all": FUTURES_ORDERS.topic,
        "ws-futures-position": POSITIONS.topic,
        "ws-futures-position-all": POSITIONS.topic,
        "ws-futures-stop": FUTURES_STOPS.topic,
        "ws-futures-wallet": FUTURES_WALLET.topic,
        "ws-instrument": CONTRACT_MARKS.topic,
        "ws-isolated": ISOLATED_POSITION.topic,
        "ws-isolated-position": ISOLATED_POSITION.topic,
        "ws-margin-index": None,
        "ws-margin-mark": MARGIN_MARKS.topic,
        "ws-margin-mode": MARGIN_MODES.topic,
        "ws-margin-position": CROSS_POSITION.topic,
        "ws-position": POSITIONS.topic,
        "ws-spot-balance": SPOT_BALANCES.topic,
        "ws-spot-order": SPOT_ORDERS.topic,
        "ws-spot-order-open": SPOT_ORDERS.topic,
        "ws-spot-order-received": SPOT_ORDERS.topic,
        "ws-spot-stop": SPOT_STOPS.topic,
        "ws-wallet": FUTURES_WALLET.topic,
    }


def test_a_position_push_belongs_to_the_topic_that_was_subscribed() -> None:
    """The push names ``/contract/position:X`` though ``positionAll`` is wanted."""
    document = _push("/contract/position:XBTUSDTM", "position.change", None)
    assert topic_of(FUTURES_HOST, document) == "/contract/positionAll"


def test_a_status_of_the_margin_account_is_told_by_its_type() -> None:
    """A push with a type is a status, whatever its subject says."""
    data = {"type": "FROZEN_FL", "timestamp": MS}
    push = read_push(SPOT_HOST, _push("/margin/position", "debt.ratio", data))
    assert isinstance(push.value, CrossStatus)
    assert push.value.status is AccountStatus.LIQUIDATING


def test_settings_are_told_by_the_shape_of_their_values() -> None:
    """The same subject serves two topics; a wrong topic does not mislead."""
    data = {"ETHUSDTM": {"leverage": "8"}, "XBTUSDTM": {"leverage": "3.5"}}
    push = read_push(FUTURES_HOST, _push("/contract/marginMode", "user.config", data))
    assert push.topic == CROSS_LEVERAGE.topic
    assert isinstance(push.value, CrossLeverageChange)
    assert push.value.leverages == {"ETHUSDTM": Decimal(8), "XBTUSDTM": Decimal("3.5")}
    modes = read_push(
        FUTURES_HOST, _push("/contract/marginMode", "user.config", {"X": "CROSS"})
    )
    assert modes.value == MarginModeChange(modes={"X": MarginMode.CROSS})


def test_marks_wait_in_a_slot_and_everything_else_in_line() -> None:
    """Only marks have a slot; settings can be repeated, so they have no identity."""
    by_channel = {
        (channel.topic, subject): read_push(channel.host, _push(topic, subject, data))
        for channel, topic, subject, data, _ in CASES
    }
    slots = {push.slot for push in by_channel.values() if push.slot is not None}
    assert slots == {"USDT-BTC", "XBTUSDTM"}
    nameless = {
        key
        for key, push in by_channel.items()
        if push.identity is None and push.slot is None
    }
    assert nameless == {
        ("/contract/positionAll", "position.adjustRiskLimit"),
        ("/contract/marginMode", "user.config"),
        ("/contract/crossLeverage", "user.config"),
    }


def test_two_events_of_one_kind_have_two_identities() -> None:
    """A single different digit makes another event."""
    one = read_push(SPOT_HOST, _push("/account/balance", "account.balance", BALANCE))
    data = {**BALANCE, "total": "3"}
    other = read_push(SPOT_HOST, _push("/account/balance", "account.balance", data))
    again = read_push(
        SPOT_HOST, _push("/account/balance", "account.balance", dict(BALANCE))
    )
    assert one.identity == again.identity != other.identity


@pytest.mark.parametrize(
    ("host", "document"),
    [
        (SPOT_HOST, {"topic": "/market/ticker:BTC-USDT", "subject": "x", "data": {}}),
        (FUTURES_HOST, {"topic": "/contract/x", "subject": "y", "data": {}}),
        (FUTURES_HOST, {"topic": ["/contract/instrument"], "subject": {}, "data": {}}),
        (SPOT_HOST, []),
        (SPOT_HOST, None),
    ],
)
def test_what_nobody_knows_belongs_to_no_channel(host: str, document: object) -> None:
    """An unknown topic is None, of whatever shape it is."""
    assert topic_of(host, Node(document, "push")) is None


def test_a_new_subject_of_a_known_topic_is_refused_for_its_channel() -> None:
    """Nobody reads it, but it is known whose message was lost."""
    document = _push("/contract/positionAll", "position.teleport", {})
    assert topic_of(FUTURES_HOST, document) == POSITIONS.topic
    with pytest.raises(UsageError, match=r"push\.subject"):
        read_push(FUTURES_HOST, document)


def test_a_stop_order_is_read_whole() -> None:
    """Numbers exact, the change in lower case, the time from nanoseconds."""
    push = read_push(SPOT_HOST, _push("/spotMarket/advancedOrders", "stopOrder", STOP))
    assert isinstance(push.value, StopOrderPush)
    assert push.value.change == "triggered"
    assert push.value.stop_price == Decimal(71000)
    assert push.value.account == "MARGIN_TRADE"
    assert push.at == datetime(2024, 10, 27, 3, 33, 20, tzinfo=UTC)


def test_a_setting_that_is_empty_or_mixed_is_refused() -> None:
    """A push of settings without sense is an error, not a change of nothing."""
    for data in (
        {},
        {"X": "SIDEWAYS"},
        {"X": {"leverage": 0}},
        {"X": {}, "Y": "CROSS"},
    ):
        with pytest.raises(UsageError):
            read_push(FUTURES_HOST, _push("/contract/marginMode", "user.config", data))
