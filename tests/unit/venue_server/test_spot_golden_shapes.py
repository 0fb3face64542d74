"""Every answer of the spot host has the fields and JSON kinds of KuCoin's examples."""

import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from tests.unit.venue_server.spot_bench import Bench

_FILES: Final = (
    "account-account",
    "account-fee",
    "account-transfer",
    "margin-debit",
    "margin-market",
    "margin-order",
    "margin-risklimit",
    "spot-market",
    "spot-order",
)
_SYMBOL: Final = {"symbol": "BTC-USDT"}
_CROSS: Final = {"symbol": "BTC-USDT", "tradeType": "MARGIN_TRADE"}

_MISSING: Final[Mapping[str, str]] = {
    "chains": "coins neither come in nor leave, so no chain is listed",
    "borrowSize": "set with autoBorrow only, which is refused here",
    "loanApplyId": "set with autoBorrow only, which is refused here",
}
"""Fields that may be null or empty although the example shows a value."""


def _kind(value: object) -> str:
    """The JSON kind of a value."""
    kinds: dict[type, str] = {
        bool: "flag",
        str: "text",
        int: "number",
        Decimal: "number",
        dict: "object",
        list: "list",
        type(None): "null",
    }
    return kinds[type(value)]


def _differences(expected: object, ours: object, path: str) -> Iterator[str]:
    """Fields of the example that ours lacks or writes as another kind."""
    if expected is None or path.rpartition(".")[2] in _MISSING:
        return
    if _kind(expected) != _kind(ours):
        yield f"{path}: {_kind(expected)} expected, ours is {ours!r}"
    elif isinstance(expected, dict) and isinstance(ours, dict):
        yield from _missing(expected, ours, path)
    elif isinstance(expected, list) and isinstance(ours, list) and expected:
        if ours:
            yield from _differences(expected[0], ours[0], f"{path}[0]")
        else:
            yield f"{path}: the list is empty"


def _missing(
    expected: dict[str, object], ours: dict[str, object], path: str
) -> Iterator[str]:
    """What the fields of one object differ in."""
    for key, value in expected.items():
        if key in ours:
            yield from _differences(value, ours[key], f"{path}.{key}")
        else:
            yield f"{path}.{key} is missing"


def _busy() -> Bench:
    """A served venue where everything has happened once."""
    bench = Bench()
    bench.post(
        "/api/v3/accounts/universal-transfer",
        clientOid="t-1",
        currency="USDT",
        amount="10",
        type="INTERNAL",
        fromAccountType="MAIN",
        toAccountType="MARGIN",
    )
    bench.post("/api/v3/margin/borrow", currency="USDT", size="100", timeInForce="FOK")
    bench.post("/api/v3/margin/repay", currency="USDT", size="50")
    bench.order(clientOid="open-1")
    bench.order(clientOid="gone-1")
    bench.delete("/api/v3/hf/margin/orders/client-order/gone-1", symbol="BTC-USDT")
    bench.order(clientOid="full-1", price="51000")
    spot = {
        "symbol": "BTC-USDT",
        "side": "buy",
        "type": "limit",
        "size": "0.01",
        "remark": "a remark",
        "tags": "a tag",
    }
    bench.post("/api/v1/hf/orders", clientOid="s-open", price="49000", **spot)
    bench.post("/api/v1/hf/orders", clientOid="s-full", price="51000", **spot)
    stop = {**spot, "price": "47000", "stop": "loss", "stopPrice": "48000"}
    bench.post("/api/v1/stop-order", clientOid="stop-1", **stop)
    bench.tick(3600)
    return bench


@pytest.fixture(name="busy")
def _busy_fixture() -> Bench:
    return _busy()


def _id_of(bench: Bench, client_id: str) -> str:
    record = bench.backend.archive.order_by_client(client_id)
    assert record is not None
    return record.order.order_id


def _stop_id(bench: Bench) -> str:
    page = bench.get("/api/v1/stop-order")
    return str(page["items"][0]["id"])


_TRANSFER: Final = {
    "clientOid": "t-9",
    "currency": "USDT",
    "amount": "1",
    "type": "INTERNAL",
    "fromAccountType": "MAIN",
    "toAccountType": "TRADE",
}
_INNER: Final = {
    "clientOid": "t-8",
    "currency": "USDT",
    "amount": "1",
    "from": "main",
    "to": "trade",
}
_ORDER: Final = {
    "side": "buy",
    "symbol": "BTC-USDT",
    "type": "limit",
    "price": "49000",
    "size": "0.01",
}
_HF: Final = "/api/v1/hf/orders"
_HM: Final = "/api/v3/hf/margin"

_Ask = Callable[[Bench], Any]

_MARKET: Final[Mapping[str, _Ask]] = {
    "GET /api/v1/timestamp": lambda b: b.get("/api/v1/timestamp"),
    "GET /api/v1/status": lambda b: b.get("/api/v1/status"),
    "GET /api/v3/currencies": lambda b: b.get("/api/v3/currencies"),
    "GET /api/v3/currencies/{currency}": lambda b: b.get("/api/v3/currencies/BTC"),
    "GET /api/v2/symbols": lambda b: b.get("/api/v2/symbols"),
    "GET /api/v2/symbols/{symbol}": lambda b: b.get("/api/v2/symbols/BTC-USDT"),
    "GET /api/v1/markets": lambda b: b.get("/api/v1/markets"),
    "GET /api/v1/market/allTickers": lambda b: b.get("/api/v1/market/allTickers"),
    "GET /api/v1/market/stats": lambda b: b.get("/api/v1/market/stats", **_SYMBOL),
    "GET /api/v1/market/orderbook/level1": lambda b: b.get(
        "/api/v1/market/orderbook/level1", **_SYMBOL
    ),
    "GET /api/v1/market/orderbook/level2_{size}": lambda b: b.get(
        "/api/v1/market/orderbook/level2_20", **_SYMBOL
    ),
    "GET /api/v3/market/orderbook/level2": lambda b: b.get(
        "/api/v3/market/orderbook/level2", **_SYMBOL
    ),
    "GET /api/v1/market/candles": lambda b: b.get(
        "/api/v1/market/candles", type="1min", **_SYMBOL
    ),
    "GET /api/v1/market/histories": lambda b: b.get(
        "/api/v1/market/histories", **_SYMBOL
    ),
    "POST /api/v1/bullet-public": lambda b: b.post("/api/v1/bullet-public"),
    "POST /api/v1/bullet-private": lambda b: b.post("/api/v1/bullet-private"),
    "GET /api/v3/mark-price/all-symbols": lambda b: b.get(
        "/api/v3/mark-price/all-symbols"
    ),
    "GET /api/v1/mark-price/{symbol}/current": lambda b: b.get(
        "/api/v1/mark-price/USDT-BTC/current"
    ),
    "GET /api/v1/margin/config": lambda b: b.get("/api/v1/margin/config"),
    "GET /api/v3/margin/symbols": lambda b: b.get("/api/v3/margin/symbols"),
    "GET /api/v1/isolated/symbols": lambda b: b.get("/api/v1/isolated/symbols"),
    "GET /api/v3/margin/currencies": lambda b: b.get("/api/v3/margin/currencies"),
}
_ACCOUNT: Final[Mapping[str, _Ask]] = {
    "GET /api/v2/user-info": lambda b: b.get("/api/v2/user-info"),
    "GET /api/v1/user/api-key": lambda b: b.get("/api/v1/user/api-key"),
    "GET /api/v1/hf/accounts/opened": lambda b: b.get("/api/v1/hf/accounts/opened"),
    "GET /api/v1/accounts": lambda b: b.get("/api/v1/accounts"),
    "GET /api/v1/accounts/{accountId}": lambda b: b.get(
        "/api/v1/accounts/" + b.get("/api/v1/accounts")[0]["id"]
    ),
    "GET /api/v3/margin/accounts": lambda b: b.get("/api/v3/margin/accounts"),
    "GET /api/v1/margin/account": lambda b: b.get("/api/v1/margin/account"),
    "GET /api/v3/isolated/accounts": lambda b: b.get("/api/v3/isolated/accounts"),
    "GET /api/v1/accounts/ledgers": lambda b: b.get("/api/v1/accounts/ledgers"),
    "GET /api/v1/hf/accounts/ledgers": lambda b: b.get("/api/v1/hf/accounts/ledgers"),
    f"GET {_HM}/account/ledgers": lambda b: b.get(f"{_HM}/account/ledgers"),
    "GET /api/v1/base-fee": lambda b: b.get("/api/v1/base-fee"),
    "GET /api/v1/trade-fees": lambda b: b.get(
        "/api/v1/trade-fees", symbols="BTC-USDT,ETH-USDT"
    ),
    "GET /api/v1/accounts/transferable": lambda b: b.get(
        "/api/v1/accounts/transferable", currency="USDT", type="MARGIN"
    ),
    "POST /api/v3/accounts/universal-transfer": lambda b: b.post(
        "/api/v3/accounts/universal-transfer", **_TRANSFER
    ),
    "POST /api/v2/accounts/inner-transfer": lambda b: b.post(
        "/api/v2/accounts/inner-transfer", **_INNER
    ),
    "POST /api/v3/margin/borrow": lambda b: b.post(
        "/api/v3/margin/borrow", currency="USDT", size=10, timeInForce="IOC"
    ),
    "GET /api/v3/margin/borrow": lambda b: b.get(
        "/api/v3/margin/borrow", currency="USDT"
    ),
    "POST /api/v3/margin/repay": lambda b: b.post(
        "/api/v3/margin/repay", currency="USDT", size="10"
    ),
    "GET /api/v3/margin/repay": lambda b: b.get(
        "/api/v3/margin/repay", currency="USDT"
    ),
    "GET /api/v3/margin/interest": lambda b: b.get("/api/v3/margin/interest"),
}
_ORDERS: Final[Mapping[str, _Ask]] = {
    f"POST {_HM}/order": lambda b: b.order(),
    f"POST {_HM}/order/test": lambda b: b.post(
        f"{_HM}/order/test", clientOid="x", **_ORDER
    ),
    f"DELETE {_HM}/orders/{{orderId}}": lambda b: b.delete(
        f"{_HM}/orders/" + _id_of(b, "open-1"), **_SYMBOL
    ),
    f"GET {_HM}/orders/{{orderId}}": lambda b: b.get(
        f"{_HM}/orders/" + _id_of(b, "open-1"), **_SYMBOL
    ),
    f"DELETE {_HM}/orders/client-order/{{clientOid}}": lambda b: b.delete(
        f"{_HM}/orders/client-order/open-1", **_SYMBOL
    ),
    f"GET {_HM}/orders/client-order/{{clientOid}}": lambda b: b.get(
        f"{_HM}/orders/client-order/full-1", **_SYMBOL
    ),
    f"DELETE {_HM}/orders": lambda b: b.delete(f"{_HM}/orders", **_CROSS),
    f"GET {_HM}/order/active/symbols": lambda b: b.get(
        f"{_HM}/order/active/symbols", tradeType="MARGIN_TRADE"
    ),
    f"GET {_HM}/orders/active": lambda b: b.get(f"{_HM}/orders/active", **_CROSS),
    f"GET {_HM}/orders/done": lambda b: b.get(f"{_HM}/orders/done", **_CROSS),
    f"GET {_HM}/fills": lambda b: b.get(f"{_HM}/fills", **_CROSS),
    f"POST {_HF}": lambda b: b.post(_HF, clientOid="y", **_ORDER),
    f"DELETE {_HF}": lambda b: b.delete(_HF, **_SYMBOL),
    f"POST {_HF}/sync": lambda b: b.post(f"{_HF}/sync", clientOid="y", **_ORDER),
    f"POST {_HF}/test": lambda b: b.post(f"{_HF}/test", clientOid="y", **_ORDER),
    f"POST {_HF}/multi": lambda b: b.post(
        f"{_HF}/multi", orderList=[{"clientOid": "y", **_ORDER}]
    ),
    f"POST {_HF}/multi/sync": lambda b: b.post(
        f"{_HF}/multi/sync", orderList=[{"clientOid": "y", **_ORDER}]
    ),
    f"DELETE {_HF}/{{orderId}}": lambda b: b.delete(
        f"{_HF}/" + _id_of(b, "s-open"), **_SYMBOL
    ),
    f"GET {_HF}/{{orderId}}": lambda b: b.get(
        f"{_HF}/" + _id_of(b, "s-full"), **_SYMBOL
    ),
    f"DELETE {_HF}/sync/{{orderId}}": lambda b: b.delete(
        f"{_HF}/sync/" + _id_of(b, "s-open"), **_SYMBOL
    ),
    f"DELETE {_HF}/client-order/{{clientOid}}": lambda b: b.delete(
        f"{_HF}/client-order/s-open", **_SYMBOL
    ),
    f"GET {_HF}/client-order/{{clientOid}}": lambda b: b.get(
        f"{_HF}/client-order/s-open", **_SYMBOL
    ),
    f"DELETE {_HF}/sync/client-order/{{clientOid}}": lambda b: b.delete(
        f"{_HF}/sync/client-order/s-open", **_SYMBOL
    ),
    f"DELETE {_HF}/cancelAll": lambda b: b.delete(f"{_HF}/cancelAll"),
    f"GET {_HF}/active/symbols": lambda b: b.get(f"{_HF}/active/symbols"),
    f"GET {_HF}/active": lambda b: b.get(f"{_HF}/active", **_SYMBOL),
    f"GET {_HF}/active/page": lambda b: b.get(f"{_HF}/active/page", **_SYMBOL),
    f"GET {_HF}/done": lambda b: b.get(f"{_HF}/done", **_SYMBOL),
    "GET /api/v1/hf/fills": lambda b: b.get("/api/v1/hf/fills", **_SYMBOL),
    "POST /api/v1/stop-order": lambda b: b.post(
        "/api/v1/stop-order", clientOid="z", stop="entry", stopPrice="52000", **_ORDER
    ),
    "GET /api/v1/stop-order": lambda b: b.get("/api/v1/stop-order"),
    "GET /api/v1/stop-order/{orderId}": lambda b: b.get(
        "/api/v1/stop-order/" + _stop_id(b)
    ),
    "GET /api/v1/stop-order/queryOrderByClientOid": lambda b: b.get(
        "/api/v1/stop-order/queryOrderByClientOid", clientOid="stop-1"
    ),
    "DELETE /api/v1/stop-order/{orderId}": lambda b: b.delete(
        "/api/v1/stop-order/" + _stop_id(b)
    ),
    "DELETE /api/v1/stop-order/cancelOrderByClientOid": lambda b: b.delete(
        "/api/v1/stop-order/cancelOrderByClientOid", clientOid="stop-1"
    ),
    "DELETE /api/v1/stop-order/cancel": lambda b: b.delete("/api/v1/stop-order/cancel"),
}
_ASKS: Final = {**_MARKET, **_ACCOUNT, **_ORDERS}


@pytest.fixture(name="examples", scope="session")
def _examples(shared_data: Path) -> dict[str, Any]:
    """The official example of every endpoint, by method and path."""
    found: dict[str, Any] = {}
    for name in _FILES:
        path = shared_data / "kucoin/examples" / f"rest-{name}.json"
        for entry in json.loads(path.read_text(), parse_float=Decimal):
            key = f"{entry['method']} {entry['path']}"
            found[key] = entry["response_example"]["data"]
    return found


@pytest.mark.parametrize("endpoint", sorted(_ASKS))
def test_an_answer_has_the_shape_of_the_official_example(
    endpoint: str, examples: dict[str, Any], busy: Bench
) -> None:
    """Each field of the example is in our answer, with the same JSON kind."""
    ours = _ASKS[endpoint](busy)
    assert list(_differences(examples[endpoint], ours, "data")) == []
