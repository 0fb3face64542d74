"""Accounts, marks and ledgers of the spot host: what a reader can rebuild from them."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import (
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    isolated_account,
)
from connectors.kucoin.parse import ledgers, margin_accounts, marks, service
from connectors.kucoin.parse.node import Node
from connectors.venue.server.spot_routes import ROUTES
from tests.unit.venue.builders import opening
from tests.unit.venue_server.spot_bench import Bench, number, refusal

ISOLATED = isolated_account("BTC-USDT")


def test_the_cross_account_is_read_as_the_venue_has_it() -> None:
    """The parser of the bot rebuilds every number of the venue's cross account."""
    bench = Bench()
    bench.order(price="49000", size="0.01")
    bench.tick(3600)
    read = margin_accounts.cross_account(Node(bench.get("/api/v3/margin/accounts"), ""))
    kept = bench.backend.venue.snapshot().balances[MARGIN_CROSS]
    for coin, balance in kept.items():
        assert read.lines[coin].balance() == balance
    assert kept["USDT"].hold > 0
    assert kept["ETH"].interest > 0


def test_totals_are_counted_in_the_wanted_currency() -> None:
    """20,000 USDT and a BTC at 50,000 are 70,000 USDT or 1.4 BTC."""
    bench = Bench()
    in_usdt = bench.get("/api/v3/margin/accounts")
    in_btc = bench.get("/api/v3/margin/accounts", quoteCurrency="BTC")
    assert in_usdt["totalAssetOfQuoteCurrency"] == "70000"
    assert in_usdt["totalLiabilityOfQuoteCurrency"] == "5000"
    assert in_btc["totalAssetOfQuoteCurrency"] == "1.4"
    with refusal("400100", "KCS has no mark"):
        bench.get("/api/v3/margin/accounts", quoteCurrency="KCS")


def test_a_debt_ratio_is_cut_to_four_decimals() -> None:
    """A debt of 1 USDT against 20,000 prints a ratio of 0, and 5000/70000 is 0.0714."""
    small = opening(
        {"margin_cross": {"USDT": "20000"}}, debts={"margin_cross": {"USDT": "1"}}
    )
    assert Bench(small).get("/api/v3/margin/accounts")["debtRatio"] == "0"
    assert Bench().get("/api/v3/margin/accounts")["debtRatio"] == "0.0714"


def test_an_account_that_is_taken_over_says_so() -> None:
    """At the liquidation ratio the status is LIQUIDATION, afterwards EFFECTIVE."""
    weak = opening(
        {"margin_cross": {"USDT": "10000"}}, debts={"margin_cross": {"BTC": "0.18"}}
    )
    bench = Bench(weak)
    assert bench.get("/api/v3/margin/accounts")["status"] == "EFFECTIVE"
    bench.tick(1, btc="54000")
    frozen = bench.get("/api/v3/margin/accounts")
    assert (frozen["status"], frozen["debtRatio"]) == ("LIQUIDATION", "0.972")
    assert not frozen["accounts"][0]["transferInEnabled"]
    with refusal("130202"):
        bench.post("/api/v3/margin/repay", currency="BTC", size="0.01")
    bench.tick(10, btc="54000")
    after = bench.get("/api/v3/margin/accounts")
    assert (after["status"], after["debtRatio"]) == ("EFFECTIVE", "0")
    kinds = {row["bizType"] for row in bench.get("/api/v3/hf/margin/account/ledgers")}
    assert kinds == {"LIQUIDATION"}
    forced = bench.get("/api/v3/margin/repay", currency="BTC")["items"]
    told = [(row["status"], row["principal"]) for row in forced]
    assert told == [("SUCCESS", "0.18"), ("FAILED", "0")]


def test_isolated_accounts_come_by_pair() -> None:
    """One pair is one entry with its own ratio; an unknown pair is refused."""
    bench = Bench()
    data = bench.get("/api/v3/isolated/accounts", symbol="BTC-USDT")
    pair = margin_accounts.isolated_pairs(Node(data, ""))["BTC-USDT"]
    assert (
        pair.base.balance() == bench.backend.venue.snapshot().balances[ISOLATED]["BTC"]
    )
    assert data["assets"][0]["debtRatio"] == "0.1"
    synonym = bench.get("/api/v3/isolated/accounts", queryType="ISOLATED_V2")
    assert synonym["assets"] == data["assets"]
    with refusal("130303"):
        bench.get("/api/v3/isolated/accounts", symbol="ETH-USDT")


def test_marks_are_counted_in_btc() -> None:
    """BTC has no symbol; USDT and ETH read back as the venue's own marks."""
    bench = Bench()
    bench.tick(1, btc="51234.5", eth="2611.7")
    read = marks.margin_marks(Node(bench.get("/api/v3/mark-price/all-symbols"), ""))
    prices = marks.usdt_prices(marks.btc_prices(read))
    assert abs(prices["BTC"] - Decimal("51234.5")) < Decimal("1e-6")
    assert abs(prices["ETH"] - Decimal("2611.7")) < Decimal("1e-6")
    one = bench.get("/api/v1/mark-price/USDT-BTC/current")
    assert isinstance(one["value"], Decimal)
    for unknown in ("BTC-BTC", "BTC-USDT", "DOGE-BTC"):
        with refusal("900001"):
            bench.get(f"/api/v1/mark-price/{unknown}/current")


def _sums(bench: Bench, path: str) -> dict[tuple[str, str], Decimal]:
    """The signed sum of the rows of a fast ledger by account and coin."""
    sums: dict[tuple[str, str], Decimal] = {}
    for row in ledgers.ledger(Node(bench.get(path), "")):
        key = (row.account, row.coin)
        sums[key] = sums.get(key, Decimal(0)) + row.amount
    return sums


def test_the_ledgers_and_histories_explain_every_balance() -> None:
    """Opening, ledger rows, borrows and repayments sum up to the balances exactly."""
    bench = Bench()
    before = bench.backend.venue.snapshot().balances
    _trade_and_borrow(bench)
    spot = _sums(bench, "/api/v1/hf/accounts/ledgers")
    margin = _sums(bench, "/api/v3/hf/margin/account/ledgers")
    after = bench.backend.venue.snapshot().balances
    loans = Decimal(0)
    for word, sign in (("borrow", 1), ("repay", -1)):
        page = bench.get(f"/api/v3/margin/{word}", currency="USDT")
        for row in page["items"]:
            done = row.get("actualSize")
            paid = number(row.get("principal", 0)) + number(row.get("interest", 0))
            loans += sign * (paid if done is None else number(done))
    for coin in ("BTC", "USDT"):
        moved = margin.get(("MARGIN_V2", coin), Decimal(0))
        moved += loans if coin == "USDT" else 0
        assert (
            before[MARGIN_CROSS][coin].total + moved == after[MARGIN_CROSS][coin].total
        )
        moved = spot.get(("TRADE_HF", coin), Decimal(0))
        assert before[SPOT][coin].total + moved == after[SPOT][coin].total


def _trade_and_borrow(bench: Bench) -> None:
    """Trades on spot and cross margin, a transfer, a loan, a repayment."""
    for side in ("buy", "sell"):
        bench.order(side=side, type="market", price=None, size="0.03")
        bench.post(
            "/api/v1/hf/orders",
            clientOid=f"s-{side}",
            side=side,
            symbol="BTC-USDT",
            type="market",
            size="0.02",
        )
        bench.tick(60)
    bench.post(
        "/api/v3/accounts/universal-transfer",
        clientOid="t-1",
        currency="USDT",
        amount="12.5",
        type="INTERNAL",
        fromAccountType="TRADE",
        toAccountType="MARGIN_V2",
    )
    bench.post("/api/v3/margin/borrow", currency="USDT", size="100", timeInForce="FOK")
    bench.tick(3600)
    bench.post("/api/v3/margin/repay", currency="USDT", size="40")


def test_a_trade_row_names_its_order_and_is_net_of_the_fee() -> None:
    """A sale of 0.02 BTC brings its funds less the fee, with order, trade and pair."""
    bench = Bench()
    bench.post(
        "/api/v1/hf/orders",
        clientOid="s-1",
        side="sell",
        symbol="BTC-USDT",
        type="market",
        size="0.02",
    )
    rows = bench.get("/api/v1/hf/accounts/ledgers", currency="USDT", direction="in")
    fill = bench.get("/api/v1/hf/fills", symbol="BTC-USDT")["items"][0]
    assert number(rows[0]["amount"]) == number(fill["funds"]) - number(fill["fee"])
    assert number(rows[0]["fee"]) == number(fill["fee"])
    assert rows[0]["bizType"] == "TRADE_EXCHANGE"
    assert json.loads(rows[0]["context"]) == {
        "symbol": "BTC-USDT",
        "orderId": fill["orderId"],
        "tradeId": str(fill["tradeId"]),
    }


def test_ledger_windows_and_pages_are_the_exchanges() -> None:
    """Three days for the fast ledgers, one for the general; older rows by lastId."""
    bench = Bench()
    for index in range(5):
        bench.tick(1)
        bench.post(
            "/api/v2/accounts/inner-transfer",
            clientOid=f"t-{index}",
            currency="USDT",
            amount=str(index + 1),
            **{"from": "main", "to": "margin"},
        )
    path = "/api/v3/hf/margin/account/ledgers"
    first = bench.get(path, limit=2)
    assert [number(row["amount"]) for row in first] == [5, 4]
    second = bench.get(path, limit=2, lastId=first[-1]["id"])
    assert [number(row["amount"]) for row in second] == [3, 2]
    page = bench.get("/api/v1/accounts/ledgers", currency="USDT", pageSize=10)
    assert page["totalNum"] == 5
    assert {row["direction"] for row in page["items"]} == {"out"}
    now, day = bench.at.timestamp() * 1000, 86_400_000
    with refusal("400100", "72 hours"):
        bench.get(path, startAt=int(now - 3 * day - 1), endAt=int(now))
    with refusal("400100", "24 hours"):
        bench.get(
            "/api/v1/accounts/ledgers", startAt=int(now - day - 1), endAt=int(now)
        )
    bench.tick(timedelta(days=3, seconds=10).total_seconds())
    assert bench.get(path) == []


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        (MAIN, SPOT, {"fromAccountType": "MAIN", "toAccountType": "TRADE"}),
        (
            SPOT,
            MARGIN_CROSS,
            {"fromAccountType": "TRADE", "toAccountType": "MARGIN_V2"},
        ),
        (
            MAIN,
            ISOLATED,
            {
                "fromAccountType": "MAIN",
                "toAccountType": "ISOLATED",
                "toAccountTag": "BTC-USDT",
            },
        ),
        (
            MARGIN_CROSS,
            AccountId("futures"),
            {"fromAccountType": "MARGIN", "toAccountType": "CONTRACT"},
        ),
    ],
)
def test_a_transfer_moves_coins_between_the_named_accounts(
    source: AccountId, target: AccountId, words: dict[str, str]
) -> None:
    """The source has 7 USDT less and the target 7 more; the V2 words are synonyms."""
    bench = Bench()
    before = bench.backend.venue.snapshot().balances
    bench.post(
        "/api/v3/accounts/universal-transfer",
        clientOid="t-1",
        currency="USDT",
        amount="7",
        type="INTERNAL",
        **words,
    )
    after = bench.backend.venue.snapshot().balances
    assert after[source]["USDT"].total == before[source]["USDT"].total - 7
    assert after[target]["USDT"].total == before[target]["USDT"].total + 7


def test_a_transfer_is_done_once_for_each_client_id() -> None:
    """The second request with a client id is refused and moves nothing."""
    bench = Bench()
    body = {
        "clientOid": "t-1",
        "currency": "USDT",
        "amount": "7",
        "type": "INTERNAL",
        "fromAccountType": "MAIN",
        "toAccountType": "TRADE",
    }
    bench.post("/api/v3/accounts/universal-transfer", **body)
    with refusal("400100", "was used"):
        bench.post("/api/v3/accounts/universal-transfer", **body)
    assert bench.backend.venue.snapshot().balances[MAIN]["USDT"].total == 993
    with refusal("400100", "sub-accounts"):
        bench.post(
            "/api/v3/accounts/universal-transfer", **body | {"type": "PARENT_TO_SUB"}
        )


def test_transferable_is_what_the_venue_lets_leave() -> None:
    """Exactly the stated amount may leave; one hundred-millionth more is refused."""
    bench = Bench()
    bench.tick(1, eth="16000")
    stated = bench.get("/api/v1/accounts/transferable", currency="USDT", type="MARGIN")
    most = number(stated["transferable"])
    assert 0 < most < number(stated["available"])
    body = {
        "currency": "USDT",
        "type": "INTERNAL",
        "fromAccountType": "MARGIN",
        "toAccountType": "MAIN",
    }
    path = "/api/v3/accounts/universal-transfer"
    with refusal("130203"):
        bench.post(path, clientOid="a", amount=str(most + Decimal("1e-8")), **body)
    bench.post(path, clientOid="b", amount=str(most), **body)
    with refusal("400100", "futures host"):
        bench.get("/api/v1/accounts/transferable", currency="USDT", type="CONTRACT")


def test_what_the_exchange_switched_off_answers_so() -> None:
    """The old margin order and isolated account endpoints refuse with 401000."""
    bench = Bench()
    for path in ("/api/v1/isolated/accounts", "/api/v1/isolated/account/BTC-USDT"):
        with refusal("401000"):
            bench.get(path)
    for path in ("/api/v1/margin/order", "/api/v1/margin/order/test"):
        with refusal("401000"):
            bench.post(path)


def test_the_key_and_the_mode_pass_the_bots_own_reading() -> None:
    """The key has what the bot needs, the account is classic, the level is known."""
    bench = Bench()
    key = service.key_info(Node(bench.get("/api/v1/user/api-key"), ""))
    assert key.uid == "165111215"
    assert {"General", "Margin", "Spot", "Futures"} <= key.permissions
    assert service.vip_level(Node(bench.get("/api/v2/user-info"), "")) == 0
    assert bench.get("/api/ua/v1/account/mode")["selfAccountMode"] == "CLASSIC"
    assert bench.get("/api/v1/hf/accounts/opened") is True


def test_a_socket_token_says_who_may_hear_what() -> None:
    """A private token is its owner's for 24 hours; a public one hears no account."""
    bench = Bench()
    token = service.stream_token(Node(bench.post("/api/v1/bullet-private"), ""))
    public = bench.post("/api/v1/bullet-public")["token"]
    owner = bench.backend.tokens.check(token.token)
    stranger = bench.backend.tokens.check(public)
    assert owner is not None
    assert (owner.uid, owner.is_private) == ("165111215", True)
    assert stranger is not None
    assert not stranger.is_private
    bench.tick(24 * 3600)
    assert bench.backend.tokens.check(token.token) is None


def test_accounts_can_be_asked_for_one_by_one() -> None:
    """The id of a row leads to its detail; trade_hf is a synonym of trade."""
    bench = Bench()
    rows = bench.get("/api/v1/accounts", type="main")
    detail = bench.get(f"/api/v1/accounts/{rows[0]['id']}")
    assert detail == {
        "currency": "USDT",
        "balance": "1000",
        "available": "1000",
        "holds": "0",
    }
    words = {row["type"] for row in bench.get("/api/v1/accounts", type="trade_hf")}
    assert words == {"trade_hf"}
    with refusal("400100"):
        bench.get("/api/v1/accounts/1")


def test_every_route_is_listed_once() -> None:
    """No two routes share a method and a path; what trades or lends is never public."""
    keys = [(route.method, route.path) for route in ROUTES]
    assert len(keys) == len(set(keys))
    writes = [r for r in ROUTES if r.method in {"POST", "DELETE"} and not r.permission]
    assert [route.path for route in writes] == ["/api/v1/bullet-public"]
