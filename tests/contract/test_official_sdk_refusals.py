"""What the served venue refuses, it refuses with KuCoin's own codes.

Each case is sent raw, signed here by hand; what a client can send itself is then also
sent by the official client and by ccxt, and both tell their user the same code.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.contract.ccxt_clients import ccxt, client
from tests.contract.official_sdk import (
    ITS_WARNINGS,
    RestError,
    accounts,
    debit,
    futures_orders,
    margin_orders,
    official_client,
    transfers,
)
from tests.contract.sdk_desk import CONTRACT, PAIR, Desk, desk_at
from tests.contract.served import Key, Said, Served, serve

pytestmark = pytest.mark.filterwarnings(ITS_WARNINGS)

ACCOUNTS = "/api/v1/accounts"
SPOT_ORDER = "/api/v1/hf/orders"
MARGIN_ORDER = "/api/v3/hf/margin/order"
BORROW = "/api/v3/margin/borrow"
TRANSFER = "/api/v3/accounts/universal-transfer"
FUTURES_ORDER = "/api/v1/orders"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("refusals")) as server:
        mode = json.dumps({"symbol": CONTRACT, "marginMode": "CROSS"})
        path = "/api/v2/position/changeMarginMode"
        assert server.ask("POST", path, mode, host="futures").code == "200000"
        yield server


@pytest.fixture(scope="module")
def desk(served: Served) -> Desk:
    return desk_at(served)


@pytest.fixture
def trader(served: Served) -> Iterator[Any]:
    made = client(served, served.full)
    made.load_markets()
    yield made
    made.session.close()


# -- who is asking -----------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "off_ms", "status", "code"),
    [
        ({"KC-API-SIGN": ""}, 0, 401, "400001"),
        ({}, -5_500, 400, "400002"),
        ({}, 5_500, 400, "400002"),
        ({"KC-API-TIMESTAMP": "yesterday"}, 0, 400, "400002"),
        ({"KC-API-KEY": "nobody"}, 0, 401, "400003"),
        ({"KC-API-PASSPHRASE": "wrong"}, 0, 401, "400004"),
        ({"KC-API-KEY-VERSION": "1"}, 0, 401, "400004"),
        ({"KC-API-SIGN": "d3Jvbmc="}, 0, 401, "400005"),
    ],
)
@pytest.mark.parametrize("host", ["spot", "futures"])
def test_a_request_that_is_badly_signed_is_refused(
    served: Served,
    spoil: Mapping[str, str],
    off_ms: int,
    status: int,
    code: str,
    host: str,
) -> None:
    """Header, time, key, passphrase, signature: each has a code of its own."""
    target = ACCOUNTS if host == "spot" else "/api/v1/positions"
    said = served.ask("GET", target, host=host, off_ms=off_ms, spoil=spoil)
    assert (said.status, said.code) == (status, code)


def test_a_time_within_five_seconds_is_taken(served: Served) -> None:
    """A clock that is a little off is no reason to refuse."""
    for off_ms in (-4_000, 4_000):
        assert served.ask("GET", ACCOUNTS, off_ms=off_ms).code == "200000"


def _spoilt(key: Key, part: str) -> Key:
    parts = {"key": key.key, "secret": key.secret, "passphrase": key.passphrase}
    parts[part] = "another"
    return Key(**parts)


def _official_code(act: Callable[[], object]) -> str:
    """The code that the official client tells its user."""
    with pytest.raises(RestError) as caught:
        act()
    told = caught.value.get_common_response()
    if told is not None:
        return str(told.code)
    _, _, document = str(caught.value).partition(", msg: ")
    return str(json.loads(document)["code"])


@pytest.mark.parametrize(
    ("part", "official", "error"),
    [
        ("key", "400003", ccxt.AuthenticationError),
        ("secret", "400004", ccxt.AuthenticationError),
        ("passphrase", "400004", ccxt.AuthenticationError),
    ],
)
def test_a_client_with_a_wrong_key_is_told_so(
    served: Served, part: str, official: str, error: type[Exception]
) -> None:
    """Both clients raise, with the code; a wrong secret spoils the passphrase first."""
    wrong = _spoilt(served.full, part)
    rest = official_client(served, wrong).rest_service()
    api = rest.get_account_service().get_account_api()
    request = accounts.GetSpotAccountListReq()
    assert _official_code(lambda: api.get_spot_account_list(request)) == official
    other = client(served, wrong)
    with pytest.raises(error, match=official):
        other.private_get_accounts()
    other.session.close()


def test_a_client_with_an_old_clock_is_told_so(served: Served) -> None:
    """ccxt, told that the exchange is ten seconds behind, signs old requests."""
    late = client(served, served.full)
    late.options["timeDifference"] = 10_000
    with pytest.raises(ccxt.InvalidNonce, match="TIMESTAMP"):
        late.private_get_accounts()
    late.session.close()


# -- what a key may do ---------------------------------------------------------


def _order(**words: object) -> str:
    order = {
        "clientOid": "r-1",
        "symbol": PAIR,
        "side": "buy",
        "type": "limit",
        "size": "0.01",
        "price": "50000",
    }
    return json.dumps(order | words)


def _futures_order(**words: object) -> str:
    order: dict[str, object] = {
        "clientOid": "r-1",
        "symbol": CONTRACT,
        "side": "buy",
        "type": "limit",
        "size": 1,
        "price": "50000",
        "leverage": 5,
        "marginMode": "CROSS",
    }
    return json.dumps(order | words)


def _loan(size: str, currency: str = "USDT") -> str:
    return json.dumps({"currency": currency, "size": size, "timeInForce": "FOK"})


def _transfer(amount: str) -> str:
    move = {
        "clientOid": "r-1",
        "type": "INTERNAL",
        "currency": "USDT",
        "amount": amount,
        "fromAccountType": "MAIN",
        "toAccountType": "TRADE",
    }
    return json.dumps(move)


@pytest.mark.parametrize(
    ("path", "body", "host"),
    [
        (SPOT_ORDER, _order(), "spot"),
        (MARGIN_ORDER, _order(), "spot"),
        (BORROW, _loan("10"), "spot"),
        (TRANSFER, _transfer("1"), "spot"),
        (FUTURES_ORDER, _futures_order(), "futures"),
    ],
)
def test_a_key_that_may_only_read_cannot_act(
    served: Served, path: str, body: str, host: str
) -> None:
    """Order, loan and transfer are refused, and nothing has happened."""
    before = served.books()["balances"]
    said = served.ask("POST", path, body, key=served.read, host=host)
    assert (said.status, said.code) == (403, "400007")
    assert served.books()["balances"] == before


def test_both_clients_tell_that_a_right_is_missing(served: Served) -> None:
    """The read key reads; what it may not do raises 400007."""
    reader = desk_at(served, served.read)
    order = margin_orders.AddOrderReq(
        client_oid="r-2", side="buy", symbol=PAIR, type="market", size="0.01"
    )
    loan = debit.BorrowReq(currency="USDT", size=10.0, time_in_force="FOK")
    contract = futures_orders.AddOrderReq(
        client_oid="r-2", side="buy", symbol=CONTRACT, leverage=5, type="market", size=1
    )
    assert _official_code(lambda: reader.margin.add_order(order)) == "400007"
    assert _official_code(lambda: reader.loans.borrow(loan)) == "400007"
    assert _official_code(lambda: reader.futures.add_order(contract)) == "400007"
    other = client(served, served.read)
    other.load_markets()
    assert other.fetch_balance({"type": "main"})["USDT"]["total"] == 5000
    acts: tuple[Callable[[], object], ...] = (
        lambda: other.borrow_cross_margin("USDT", 10),
        lambda: other.create_order("BTC/USDT", "market", "buy", 0.01),
        lambda: other.create_order("BTC/USDT:USDT", "market", "buy", 1),
    )
    for act in acts:
        with pytest.raises(ccxt.AuthenticationError, match="Access denied"):
            act()
    other.session.close()


FOR_TOO_MUCH = json.dumps(
    {
        "clientOid": "r-1",
        "symbol": PAIR,
        "side": "buy",
        "type": "market",
        "funds": "1000000",
    }
)


# -- what cannot be done -----------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (SPOT_ORDER, _order(size="10"), "200004"),
        (SPOT_ORDER, FOR_TOO_MUCH, "200004"),
        (SPOT_ORDER, _order(size="0.000001"), "400100"),
        (SPOT_ORDER, _order(price="50000.12"), "400100"),
        (SPOT_ORDER, _order(symbol="NO-PAIR"), "900001"),
        (SPOT_ORDER, "{not json", "400100"),
        (MARGIN_ORDER, _order(size="10"), "126013"),
        (MARGIN_ORDER, FOR_TOO_MUCH, "126013"),
        (MARGIN_ORDER, _order(size="0.000001"), "126003"),
        (MARGIN_ORDER, _order(symbol="NO-PAIR"), "126004"),
        (BORROW, _loan("10000000"), "130203"),
        (BORROW, _loan("10", "NONE"), "130201"),
        (BORROW, _loan("-1"), "400100"),
        (TRANSFER, _transfer("1000000"), "200004"),
    ],
)
def test_what_the_spot_host_cannot_do_has_its_code(
    served: Served, path: str, body: str, code: str
) -> None:
    """No funds, too small, no such thing, no sense: the books stay as they are."""
    before = served.books()["balances"]
    assert served.ask("POST", path, body).code == code
    assert served.books()["balances"] == before


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"size": 100_000}, "300003"),
        ({"size": 0}, "300000"),
        ({"symbol": "NOSUCHM"}, "100003"),
        ({"side": "sell", "type": "market", "reduceOnly": True}, "300009"),
        ({"marginMode": "ISOLATED"}, "330005"),
    ],
)
def test_what_the_futures_host_cannot_do_has_its_code(
    served: Served, words: Mapping[str, object], code: str
) -> None:
    """No margin, no size, no contract, nothing to reduce, the other mode."""
    said = served.ask("POST", FUTURES_ORDER, _futures_order(**words), host="futures")
    assert (said.code, served.books()["positions"]) == (code, [])


@pytest.mark.parametrize(
    ("path", "body", "host", "code"),
    [
        (SPOT_ORDER, _order(clientOid="twice"), "spot", "400100"),
        (MARGIN_ORDER, _order(clientOid="twice-m"), "spot", "126044"),
        (FUTURES_ORDER, _futures_order(clientOid="twice-f"), "futures", "300018"),
    ],
)
def test_the_same_name_twice_is_one_order(
    served: Served, path: str, body: str, host: str, code: str
) -> None:
    """The second of two orders with one client id is refused, and not placed."""
    first = served.ask("POST", path, body, host=host)
    held = served.books()["balances"]
    second = served.ask("POST", path, body, host=host)
    assert (first.code, second.code) == ("200000", code)
    assert served.books()["balances"] == held


@pytest.mark.parametrize(
    ("method", "target", "host", "status", "code"),
    [
        ("GET", "/api/v1/nothing", "spot", 404, "404000"),
        ("GET", "/api/v1/nothing", "futures", 404, "404000"),
        ("GET", "/api/v1/isolated/accounts", "spot", 200, "401000"),
        ("GET", f"{SPOT_ORDER}/nope?symbol={PAIR}", "spot", 200, "400100"),
        ("GET", f"{MARGIN_ORDER}s/nope?symbol={PAIR}", "spot", 200, "126043"),
        ("DELETE", f"{MARGIN_ORDER}s/nope?symbol={PAIR}", "spot", 200, "126043"),
        ("GET", f"{FUTURES_ORDER}/nope", "futures", 200, "100001"),
        ("DELETE", f"{FUTURES_ORDER}/nope", "futures", 200, "100004"),
    ],
)
def test_what_is_not_there_has_its_code(
    served: Served, method: str, target: str, host: str, status: int, code: str
) -> None:
    """No such address, no such order, and an address that is out of use."""
    said = served.ask(method, target, host=host)
    assert (said.status, said.code) == (status, code)


def test_both_clients_tell_that_funds_are_missing(desk: Desk, trader: Any) -> None:
    """An order, a loan and a transfer that are too large, as each client says it."""
    order = margin_orders.AddOrderReq(
        client_oid="r-3", side="buy", symbol=PAIR, type="market", funds="1000000"
    )
    loan = debit.BorrowReq(currency="USDT", size=1e7, time_in_force="FOK")
    move = transfers.FlexTransferReq(
        client_oid="r-3",
        currency="USDT",
        amount="1000000",
        type="INTERNAL",
        from_account_type="MAIN",
        to_account_type="TRADE",
    )
    assert _official_code(lambda: desk.margin.add_order(order)) == "126013"
    assert _official_code(lambda: desk.loans.borrow(loan)) == "130203"
    assert _official_code(lambda: desk.transfers.flex_transfer(move)) == "200004"
    with pytest.raises(ccxt.InsufficientFunds):
        trader.create_order("BTC/USDT", "market", "sell", 10)
    with pytest.raises(ccxt.InsufficientFunds):
        trader.borrow_cross_margin("USDT", 10_000_000)
    with pytest.raises(ccxt.InsufficientFunds):
        trader.transfer("USDT", 1_000_000, "main", "spot")
    words = {"marginMode": "cross", "leverage": 5}
    with pytest.raises(ccxt.InsufficientFunds):
        trader.create_order("BTC/USDT:USDT", "market", "buy", 100_000, None, words)


# -- too often --------------------------------------------------------------------


def test_an_empty_pool_refuses_until_its_window_ends(
    served: Served, desk: Desk, trader: Any
) -> None:
    """Weights are counted down in the headers; then 429000, to every client."""
    target = f"{FUTURES_ORDER}?symbol={CONTRACT}"
    answers: list[Said] = []
    while not answers or answers[-1].code == "200000":
        answers.append(served.ask("DELETE", target, host="futures"))
        assert len(answers) <= 3
    last = answers[-1]
    assert (last.status, last.code) == (429, "429000")
    assert last.headers["gw-ratelimit-limit"] == "2000"
    assert int(last.headers["gw-ratelimit-remaining"]) < 800
    assert 0 < int(last.headers["gw-ratelimit-reset"]) <= 30_000
    everything = futures_orders.CancelAllOrdersV1Req(symbol=CONTRACT)
    refused = _official_code(lambda: desk.futures.cancel_all_orders_v1(everything))
    assert refused == "429000"
    with pytest.raises(ccxt.RateLimitExceeded):
        trader.cancel_all_orders("BTC/USDT:USDT")
    assert served.ask("GET", ACCOUNTS).code == "200000"
