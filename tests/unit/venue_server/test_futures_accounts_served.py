"""Accounts and positions of the futures host by worked example."""

from decimal import Decimal

import pytest

from bot.domain.accounts import MarginMode, PositionKey
from connectors.kucoin.parse import (
    contracts,
    funding,
    ledgers,
    marks,
    positions,
    service,
    wallets,
)
from tests.unit.venue.builders import opening
from tests.unit.venue_server.futures_backend import Served, at_ms


def test_the_overview_splits_equity_exactly() -> None:
    """Equity less unrealised profit is the wallet, to the last digit."""
    served = Served()
    served.place("a", size=100)
    served.tick("50321.7")
    found = wallets.account_overview(
        served.node("GET", "/api/v1/account-overview", currency="USDT")
    )
    snapshot = served.backend.venue.snapshot()
    wallet = next(
        coins["USDT"].total
        for name, coins in snapshot.balances.items()
        if name == "futures"
    )
    assert found.equity - found.unrealised_pnl == wallet
    assert found.unrealised_pnl > 0
    assert found.risk_rate == round(served.backend.venue.risk_rates()["USDT"], 10)


def test_the_overview_of_bitcoin_is_the_default() -> None:
    """Without a currency KuCoin answers for XBT, our BTC."""
    found = wallets.account_overview(Served().node("GET", "/api/v1/account-overview"))
    assert (found.currency, found.equity) == ("XBT", Decimal(1))


def test_cross_positions_carry_costs_and_realised_profit() -> None:
    """After half is sold the row says what was realised, and the cost adds up."""
    served = Served()
    served.place("a", size=10)
    served.tick("51000")
    served.place("b", side="sell", size=5)
    (row,) = served.ask("GET", "/api/v1/positions")
    fills = served.ask("GET", "/api/v1/fills")["items"]
    fees = sum(Decimal(fill["fee"]) for fill in fills)
    assert row["realisedPnl"] == row["realisedGrossPnl"] - fees
    assert row["currentCost"] == row["unrealisedCost"] + row["realisedGrossCost"]
    line = positions.positions(served.node("GET", "/api/v1/positions"))[
        PositionKey("XBTUSDTM")
    ]
    assert (line.lots, line.mode) == (5, MarginMode.CROSS)
    assert line.stated_cost == row["posCost"]


def test_an_inverse_long_has_negative_cost_and_value() -> None:
    """KuCoin signs the sums of an inverse long negative, profit as it is."""
    served = Served()
    served.place("a", symbol="XBTUSDM", size=1000)
    served.tick("52000")
    (row,) = served.ask("GET", "/api/v1/positions", currency="XBT")
    assert row["posCost"] < row["markValue"] < 0 < row["unrealisedPnl"]
    assert (row["settleCurrency"], row["isInverse"]) == ("XBT", True)


def test_a_closed_position_has_its_history() -> None:
    """Profit is the gross less fees plus funding, all from the ledger."""
    served = Served()
    served.place("a", size=100)
    served.tick("50500", settled="0.0002")
    served.tick("51000")
    served.place("b", side="sell", size=100)
    (row,) = served.ask("GET", "/api/v1/history-positions")["items"]
    snapshot = served.backend.venue.snapshot().balances
    wallet = next(c["USDT"].total for name, c in snapshot.items() if name == "futures")
    assert Decimal(row["pnl"]) == wallet - 10000
    assert Decimal(row["fundingFee"]) == -Decimal(100) * Decimal("0.001") * 50500 * (
        Decimal("0.0002")
    )
    assert (row["type"], row["side"], row["marginMode"]) == (
        "CLOSE_LONG",
        "LONG",
        "CROSS",
    )


def test_an_isolated_position_has_its_own_margin() -> None:
    """Deposit and withdrawal move the margin; more than may leave is refused."""
    served = Served()
    served.place("a", marginMode="ISOLATED", leverage=5, size=10)
    before = served.ask("GET", "/api/v1/position", symbol="XBTUSDTM")["posMargin"]
    body = {"symbol": "XBTUSDTM", "margin": "25", "bizNo": "one"}
    path = "/api/v1/position/margin/deposit-margin"
    after = served.ask("POST", path, body)
    assert after["posMargin"] == before + 25
    assert after["posCross"] == 25
    assert served.code("POST", path, body) == "400100"
    most = served.ask("GET", "/api/v1/margin/maxWithdrawMargin", symbol="XBTUSDTM")
    ask = {"symbol": "XBTUSDTM", "withdrawAmount": most}
    assert served.ask("POST", "/api/v1/margin/withdrawMargin", ask) == most
    ask["withdrawAmount"] = "1"
    assert served.code("POST", "/api/v1/margin/withdrawMargin", ask) == "300003"


def test_transfers_and_profit_stand_in_the_ledger() -> None:
    """The opening is a deposit; a period's profit is one row, pending while held."""
    served = Served()
    served.tick("50000")
    served.place("a", size=10)
    rows, is_more = ledgers.futures_ledger(
        served.node("GET", "/api/v1/transaction-history", currency="USDT")
    )
    assert not is_more
    assert len(rows) == 2
    found = served.ask("GET", "/api/v1/transaction-history", currency="USDT")
    newest, oldest = found["dataList"]
    assert (newest["type"], newest["status"], newest["remark"]) == (
        "RealisedPNL",
        "Pending",
        "XBTUSDTM",
    )
    assert (oldest["type"], oldest["amount"]) == ("Deposit", 10000)
    assert newest["accountEquity"] == 10000 + newest["amount"]
    served.tick("50000", seconds=8 * 3600)
    newest = served.ask("GET", "/api/v1/transaction-history", currency="USDT")[
        "dataList"
    ][0]
    assert newest["status"] == "Completed"


def test_a_page_of_the_ledger_ends_at_its_offset() -> None:
    """The offset of the last row leads to the rows before it."""
    served = Served()
    served.place("a", size=10)
    first = served.ask("GET", "/api/v1/transaction-history", maxCount="1")
    assert first["hasMore"] is True
    second = served.ask(
        "GET",
        "/api/v1/transaction-history",
        maxCount="1",
        offset=str(first["dataList"][0]["offset"]),
    )
    assert second["dataList"][0]["offset"] < first["dataList"][0]["offset"]


def test_funding_is_listed_with_its_sign() -> None:
    """A long pays a positive rate on its value at mark."""
    served = Served()
    served.place("a", size=100)
    served.tick("50000", settled="0.0001")
    payments, is_more = funding.funding_payments(
        served.node("GET", "/api/v1/funding-history", symbol="XBTUSDTM")
    )
    (paid,) = payments
    assert not is_more
    assert (paid.amount, paid.lots) == (Decimal("-0.5"), 100)
    rates = funding.past_rates(
        served.node(
            "GET",
            "/api/v1/contract/funding-rates",
            symbol="XBTUSDTM",
            **{"from": "0", "to": str(at_ms(served.at))},
        )
    )
    assert [rate.funding_rate for rate in rates] == [Decimal("0.0001")]


def test_the_current_rate_settles_in_the_future() -> None:
    """A quote whose time has passed goes on by its interval."""
    served = Served()
    served.tick("50000", quoted="0.0003")
    served.tick("50000", seconds=5 * 3600)
    rate = funding.funding_rate(
        served.node("GET", "/api/v1/funding-rate/XBTUSDTM/current")
    )
    assert rate.funding_rate == Decimal("0.0003")
    assert rate.settlement_at is not None
    assert rate.started_at <= served.at < rate.settlement_at
    contract = contracts.contract(served.node("GET", "/api/v1/contracts/XBTUSDTM"))
    assert contract.settlement_at == rate.settlement_at


def test_a_contract_is_read_back_as_its_rules() -> None:
    """The bot reads the very rules that the venue trades by."""
    served = Served()
    tiers = contracts.risk_tiers(
        served.node("GET", "/api/v1/contracts/risk-limit/XBTUSDTM")
    )
    for symbol, item in contracts.contracts(
        served.node("GET", "/api/v1/contracts/active")
    ).items():
        read = contracts.contract_rules(item, tiers.get(symbol, ()))
        ours = served.backend.venue.rules.contracts[symbol]
        settle = {"XBT": "BTC"}.get(read.settle, read.settle)
        assert settle == ours.settle
        for name in (
            "multiplier",
            "lot_size",
            "tick_size",
            "max_leverage",
            "k",
            "m",
            "f",
            "mmr_limit",
            "mmr_lev_constant",
            "maker_fee_rate",
            "taker_fee_rate",
            "price_band",
            "is_inverse",
            "base",
            "tiers",
        ):
            assert getattr(read, name) == getattr(ours, name), name


def test_marks_are_the_venues() -> None:
    """Mark and index of a contract as the tape has them."""
    served = Served()
    served.tick("50123.4")
    mark = marks.contract_mark(
        served.node("GET", "/api/v1/mark-price/XBTUSDTM/current")
    )
    assert (mark.mark_price, mark.index_price) == (Decimal("50123.4"),) * 2


def test_the_curve_of_the_largest_size_is_kucoins() -> None:
    """10,000 USDT at 125x and 102,012: 12102 lots, as the official answer has it."""
    served = Served()
    served.tick("102012")
    (limit,) = contracts.cross_order_limits(
        served.node("GET", "/api/v2/batchGetCrossOrderLimit", symbol="XBTUSDTM")
    )
    assert limit.max_lots == 12102
    assert limit.maintenance_margin_rate == Decimal("0.0041613600")
    assert limit.initial_margin_rate == Decimal("0.008")


def test_the_largest_size_shrinks_with_what_is_held() -> None:
    """What is held long can be sold on top, and not be bought again."""
    served = Served()
    query = {"symbol": "XBTUSDTM", "price": "50000", "leverage": "10"}
    flat = served.ask("GET", "/api/v2/getMaxOpenSize", **query)
    assert flat["maxBuyOpenSize"] == flat["maxSellOpenSize"] > 0
    served.place("a", size=100)
    held = served.ask("GET", "/api/v2/getMaxOpenSize", **query)
    assert held["maxSellOpenSize"] - held["maxBuyOpenSize"] == 200


def test_lowering_the_leverage_needs_margin() -> None:
    """At 1x a position worth more than the wallet is refused and stays at 10x."""
    served = Served()
    served.place("a", size=400)
    path = "/api/v2/changeCrossUserLeverage"
    body = {"symbol": "XBTUSDTM", "leverage": "1"}
    assert served.code("POST", path, body) == "300003"
    body["leverage"] = "200"
    assert served.code("POST", path, body) == "300016"
    body["leverage"] = "5"
    assert served.ask("POST", path, body) is True
    assert served.ask("GET", "/api/v2/getCrossUserLeverage", symbol="XBTUSDTM") == {
        "symbol": "XBTUSDTM",
        "leverage": "5",
    }
    (row,) = served.ask("GET", "/api/v1/positions")
    assert row["leverage"] == 5


@pytest.mark.parametrize("kind", ["public", "private"])
def test_a_token_opens_the_futures_socket(kind: str) -> None:
    """A bullet gives a token that the tokens know, and the socket's address."""
    served = Served()
    token = service.stream_token(served.node("POST", f"/api/v1/bullet-{kind}"))
    owner = served.backend.tokens.check(token.token)
    assert owner is not None
    assert owner.is_private is (kind == "private")
    assert token.servers[0].endpoint == "ws://127.0.0.1:2/endpoint"


def test_candles_are_folded_from_the_prices() -> None:
    """Open, high, low and close of a minute; five minutes put together."""
    served = Served()
    for price in ("50010", "49990", "50005"):
        served.tick(price)
    served.tick("50100", seconds=60)
    rows = served.ask("GET", "/api/v1/kline/query", symbol="XBTUSDTM", granularity="1")
    first = [Decimal(number) for number in rows[0][1:5]]
    assert first == [Decimal(n) for n in ("50000", "50010", "49990", "50005")]
    wide = served.ask("GET", "/api/v1/kline/query", symbol="XBTUSDTM", granularity="5")
    assert (len(rows), len(wide), wide[0][4]) == (2, 1, 50100)


def test_a_bankrupt_wallet_states_no_negative_room() -> None:
    """What is available never prints below zero."""
    served = Served(opening({"futures": {"USDT": "100"}}))
    served.place("a", size=15, leverage=10)
    served.tick("47500")
    found = served.ask("GET", "/api/v1/account-overview", currency="USDT")
    assert found["availableBalance"] >= 0
    assert found["unrealisedPNL"] < 0


def test_no_interest_index_is_made_up() -> None:
    """A known interest index has no rows here; an unknown one is refused."""
    served = Served()
    path = "/api/v1/interest/query"
    assert served.ask("GET", path, symbol=".XBTINT8H") == {
        "dataList": [],
        "hasMore": False,
    }
    assert served.code("GET", path, symbol=".NOSUCHINT") == "400100"
