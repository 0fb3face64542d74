"""Every document of the futures host has the fields and kinds of KuCoin's example."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from tests.unit.venue_server.futures_backend import Served, order

OTHER_KIND: Final = {
    # null in the example, a number or text of ours (or the other way round)
    "stopPrice",
    "expireDate",
    "settleDate",
    "settlementFee",
    "predictedFundingFeeRate",
    "predictedValue",
    "fundingFeeRate",
    "fundingRateCap",
    "fundingRateFloor",
    "remark",
    "endAt",
    "subTradeType",
    "roe",
    "liquidAmount",
    "liquidPrice",
    "visibleSize",
    "orderId",
    "clientOid",
    "value",
    "delevPercentage",
}

CASES: Final[Mapping[str, tuple[str, str, dict[str, str]]]] = {
    "GET /api/v1/contracts/{symbol}": ("GET", "/api/v1/contracts/XBTUSDTM", {}),
    "GET /api/v1/contracts/active": ("GET", "/api/v1/contracts/active", {}),
    "GET /api/v1/ticker": ("GET", "/api/v1/ticker", {"symbol": "XBTUSDTM"}),
    "GET /api/v1/allTickers": ("GET", "/api/v1/allTickers", {}),
    "GET /api/v1/level2/snapshot": (
        "GET",
        "/api/v1/level2/snapshot",
        {"symbol": "XBTUSDTM"},
    ),
    "GET /api/v1/level2/depth{size}": (
        "GET",
        "/api/v1/level2/depth20",
        {"symbol": "XBTUSDTM"},
    ),
    "GET /api/v1/trade/history": (
        "GET",
        "/api/v1/trade/history",
        {"symbol": "XBTUSDTM"},
    ),
    "GET /api/v1/kline/query": (
        "GET",
        "/api/v1/kline/query",
        {"symbol": "XBTUSDTM", "granularity": "1"},
    ),
    "GET /api/v1/mark-price/{symbol}/current": (
        "GET",
        "/api/v1/mark-price/XBTUSDTM/current",
        {},
    ),
    "GET /api/v1/index/query": ("GET", "/api/v1/index/query", {"symbol": ".KXBTUSDT"}),
    "GET /api/v1/premium/query": (
        "GET",
        "/api/v1/premium/query",
        {"symbol": ".XBTUSDTMPI"},
    ),
    "GET /api/v1/trade-statistics": ("GET", "/api/v1/trade-statistics", {}),
    "GET /api/v1/funding-rate/{symbol}/current": (
        "GET",
        "/api/v1/funding-rate/XBTUSDTM/current",
        {},
    ),
    "GET /api/v1/contract/funding-rates": (
        "GET",
        "/api/v1/contract/funding-rates",
        {"symbol": "XBTUSDTM", "from": "0", "to": "99999999999999"},
    ),
    "GET /api/v1/funding-history": (
        "GET",
        "/api/v1/funding-history",
        {"symbol": "XBTUSDTM"},
    ),
    "GET /api/v1/account-overview": (
        "GET",
        "/api/v1/account-overview",
        {"currency": "USDT"},
    ),
    "GET /api/v1/transaction-history": ("GET", "/api/v1/transaction-history", {}),
    "PATCH /api/v1/trade-fees": ("GET", "/api/v1/trade-fees", {"symbol": "XBTUSDTM"}),
    "POST /api/v1/bullet-public": ("POST", "/api/v1/bullet-public", {}),
    "POST /api/v1/bullet-private": ("POST", "/api/v1/bullet-private", {}),
    "GET /api/v1/positions": ("GET", "/api/v1/positions", {"currency": "XBT"}),
    "GET /api/v1/position": ("GET", "/api/v1/position", {"symbol": "XBTUSDTM"}),
    "GET /api/v1/history-positions": ("GET", "/api/v1/history-positions", {}),
    "GET /api/v2/position/getMarginMode": (
        "GET",
        "/api/v2/position/getMarginMode",
        {"symbol": "XBTUSDTM"},
    ),
    "GET /api/v2/getCrossUserLeverage": (
        "GET",
        "/api/v2/getCrossUserLeverage",
        {"symbol": "XBTUSDTM"},
    ),
    "GET /api/v2/getMaxOpenSize": (
        "GET",
        "/api/v2/getMaxOpenSize",
        {"symbol": "XBTUSDTM", "price": "50000", "leverage": "5"},
    ),
    "GET /api/v2/batchGetCrossOrderLimit": (
        "GET",
        "/api/v2/batchGetCrossOrderLimit",
        {"symbol": "XBTUSDTM,XBTUSDM"},
    ),
    "GET /api/v1/contracts/risk-limit/{symbol}": (
        "GET",
        "/api/v1/contracts/risk-limit/XBTUSDTM",
        {},
    ),
    "GET /api/v1/margin/maxWithdrawMargin": (
        "GET",
        "/api/v1/margin/maxWithdrawMargin",
        {"symbol": "XBTUSDM"},
    ),
    "GET /api/v1/orders": ("GET", "/api/v1/orders", {"status": "active"}),
    "GET /api/v1/stopOrders": ("GET", "/api/v1/stopOrders", {}),
    "GET /api/v1/orders/byClientOid": (
        "GET",
        "/api/v1/orders/byClientOid",
        {"clientOid": "resting"},
    ),
    "GET /api/v1/recentDoneOrders": ("GET", "/api/v1/recentDoneOrders", {}),
    "GET /api/v1/openOrderStatistics": (
        "GET",
        "/api/v1/openOrderStatistics",
        {"symbol": "XBTUSDTM"},
    ),
    "GET /api/v1/recentFills": ("GET", "/api/v1/recentFills", {}),
    "GET /api/v1/fills": ("GET", "/api/v1/fills", {}),
}


def _examples(folder: Path) -> dict[str, Any]:
    """The data of every official example, by method and path."""
    found: dict[str, Any] = {}
    names = (
        "rest-futures-market",
        "rest-futures-order",
        "rest-futures-positions",
        "rest-futures-fundingfees",
        "rest-account-account",
        "rest-account-fee",
    )
    for name in names:
        for row in json.loads((folder / f"{name}.json").read_text(encoding="utf-8")):
            found[f"{row['method']} {row['path']}"] = row["response_example"]["data"]
    return found


_KINDS: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (type(None), "null"),
    (bool, "bool"),
    ((int, float, Decimal), "number"),
    (str, "text"),
    (list, "list"),
    (dict, "object"),
)


def _kind(value: object) -> str:
    """The JSON kind of a value; every number is one kind."""
    return next(name for kind, name in _KINDS if isinstance(value, kind))


def _differences(theirs: object, ours: object, path: str) -> Iterator[str]:
    """Where an answer of ours lacks a field of theirs, or has another kind."""
    kinds, name = (_kind(theirs), _kind(ours)), path.rpartition(".")[2]
    if kinds[0] != kinds[1]:
        if name not in OTHER_KIND or "null" not in kinds:
            yield f"{path}: {kinds[0]} there, {kinds[1]} here"
    elif isinstance(theirs, dict) and isinstance(ours, dict):
        yield from (f"{path}.{key}: not here" for key in theirs.keys() - ours.keys())
        for key in theirs.keys() & ours.keys():
            yield from _differences(theirs[key], ours[key], f"{path}.{key}")
    elif isinstance(theirs, list) and isinstance(ours, list) and theirs:
        yield from _differences(theirs[0], ours[0] if ours else None, path)


@pytest.fixture(scope="module")
def busy() -> Served:
    """A venue with a bit of everything: positions, orders, stops, fills, funding."""
    served = Served()
    served.tick("50000", quoted="0.0001")
    served.place("inverse", symbol="XBTUSDM", marginMode="CROSS", size=100)
    served.place("gone", size=2)
    served.place("gone-closed", side="sell", size=2)
    served.ask(
        "POST",
        "/api/v2/position/changeMarginMode",
        {"symbol": "XBTUSDTM", "marginMode": "ISOLATED"},
    )
    served.place("isolated", size=10, marginMode="ISOLATED", leverage=3)
    served.tick("50100", settled="0.0001")
    served.place(
        "resting", type="limit", price="49000", marginMode="ISOLATED", leverage=3
    )
    served.place(
        "stop",
        stop="down",
        stopPrice="40000",
        stopPriceType="MP",
        marginMode="ISOLATED",
        leverage=3,
    )
    served.tick("50200", seconds=60)
    return served


@pytest.mark.parametrize("name", sorted(CASES))
def test_fields_and_kinds_are_those_of_the_example(
    name: str, busy: Served, shared_data: Path
) -> None:
    """Each field of the official example is there and has the same JSON kind."""
    theirs = _examples(shared_data / "kucoin/examples")[name]
    method, path, query = CASES[name]
    found = list(_differences(theirs, busy.ask(method, path, **query), name))
    assert found == []


def test_placing_and_cancelling_answer_like_the_examples(shared_data: Path) -> None:
    """The answers of the writing endpoints have the example's fields and kinds."""
    examples = _examples(shared_data / "kucoin/examples")
    served = Served()
    far = {"type": "limit", "price": "48000"}
    first = served.ask("POST", "/api/v1/orders", order("a", **far))
    many = served.ask(
        "POST", "/api/v1/orders/multi", [order("b", **far), order("c", **far)]
    )
    protected = served.ask(
        "POST", "/api/v1/st-orders", order("d", **far, triggerStopUpPrice="60000")
    )
    tested = served.ask("POST", "/api/v1/orders/test", order("e", **far))
    cancelled = served.ask("DELETE", f"/api/v1/orders/{first['orderId']}")
    by_client = served.ask("DELETE", "/api/v1/orders/client-order/b", symbol="XBTUSDTM")
    batch = served.ask(
        "DELETE",
        "/api/v1/orders/multi-cancel",
        {"orderIdsList": [many[1]["orderId"]]},
    )
    everything = served.ask("DELETE", "/api/v3/orders", symbol="XBTUSDTM")
    stops = served.ask("DELETE", "/api/v1/stopOrders")
    pairs = {
        "POST /api/v1/orders": first,
        "POST /api/v1/orders/multi": many,
        "POST /api/v1/st-orders": protected,
        "POST /api/v1/orders/test": tested,
        "DELETE /api/v1/orders/{orderId}": cancelled,
        "DELETE /api/v1/orders/client-order/{clientOid}": by_client,
        "DELETE /api/v1/orders/multi-cancel": batch,
        "DELETE /api/v3/orders": everything,
        "DELETE /api/v1/stopOrders": stops,
    }
    found = [
        line
        for name, ours in pairs.items()
        for line in _differences(examples[name], ours, name)
    ]
    assert found == []


def test_modes_and_margins_answer_like_the_examples(shared_data: Path) -> None:
    """Switching modes, leverage and margin answers as the examples do."""
    examples = _examples(shared_data / "kucoin/examples")
    served = Served()
    one = {"symbol": "XBTUSDTM", "marginMode": "ISOLATED"}
    changed = served.ask("POST", "/api/v2/position/changeMarginMode", one)
    served.place("i", marginMode="ISOLATED", leverage=5, size=10)
    batch = served.ask(
        "POST",
        "/api/v2/position/batchChangeMarginMode",
        {"marginMode": "CROSS", "symbols": ["XBTUSDTM", "XBTUSDM"]},
    )
    leverage = served.ask(
        "POST",
        "/api/v2/changeCrossUserLeverage",
        {"symbol": "XBTUSDM", "leverage": "7"},
    )
    added = served.ask(
        "POST",
        "/api/v1/position/margin/deposit-margin",
        {"symbol": "XBTUSDTM", "margin": 10, "bizNo": "n1"},
    )
    removed = served.ask(
        "POST",
        "/api/v1/margin/withdrawMargin",
        {"symbol": "XBTUSDTM", "withdrawAmount": "4"},
    )
    pairs = {
        "POST /api/v2/position/changeMarginMode": changed,
        "POST /api/v2/position/batchChangeMarginMode": {
            **batch,
            "marginMode": {"ETHUSDTM": "ISOLATED", "XBTUSDTM": "CROSS"},
        },
        "POST /api/v2/changeCrossUserLeverage": leverage,
        "POST /api/v1/position/margin/deposit-margin": added,
        "POST /api/v1/margin/withdrawMargin": removed,
    }
    found = [
        line
        for name, ours in pairs.items()
        for line in _differences(examples[name], ours, name)
    ]
    assert found == []
    assert batch["marginMode"] == {"XBTUSDTM": "ISOLATED", "XBTUSDM": "CROSS"}
    assert batch["errors"][0]["code"] == "50002"
