"""ccxt trades margin, spot and futures at the served venue.

What its unified methods return is, to the last digit, what the venue's books say.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tests.contract.ccxt_clients import CCXT_VERSION, client
from tests.contract.served import CROSS, ISOLATED, Served, agree, received, serve, until

PAIR = "BTC/USDT"
CONTRACT = "BTC/USDT:USDT"
LOAN = Decimal(1000)
FAR = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Trader:
    """The client and the server behind it."""

    served: Served
    ccxt: Any


@pytest.fixture(scope="module")
def trader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trader]:
    with serve(tmp_path_factory.mktemp("ccxt"), "--clock", "x60") as served:
        made = client(served, served.full)
        made.load_markets()
        yield Trader(served=served, ccxt=made)
        made.session.close()


def exact(number: float) -> Decimal:
    """The decimal that the client read.

    Example:
        >>> exact(0.1)
        Decimal('0.1')
    """
    return Decimal(repr(number))


def test_it_is_the_release_that_is_pinned() -> None:
    """The client is ccxt of the version that the documents name."""
    assert CCXT_VERSION == "4.5.90"


def test_the_markets_are_read_as_the_venue_has_them(trader: Trader) -> None:
    """Pairs and contracts with their steps, sizes and fees."""
    pair, contract = (trader.ccxt.market(name) for name in (PAIR, CONTRACT))
    assert (pair["spot"], pair["margin"], pair["active"]) == (True, True, True)
    assert (pair["taker"], trader.ccxt.market("ETH/USDT")["taker"]) == (0.001, 0.002)
    assert (contract["swap"], contract["linear"]) == (True, True)
    assert (contract["contractSize"], contract["taker"]) == (0.001, 0.0006)
    assert pair["precision"] == {"amount": 1e-08, "price": 0.1}


def test_prices_books_candles_and_rates_are_read(trader: Trader) -> None:
    """What needs no key, for a pair and for a contract."""
    for symbol in (PAIR, CONTRACT):
        ticker = trader.ccxt.fetch_ticker(symbol)
        book = trader.ccxt.fetch_order_book(symbol, 20)
        assert ticker["bid"] < ticker["last"] < ticker["ask"]
        assert book["bids"][0][0] < book["asks"][0][0]
        assert trader.ccxt.fetch_ohlcv(symbol, "1m")
    mark = trader.ccxt.fetch_mark_price(CONTRACT)["markPrice"]
    assert abs(mark / trader.ccxt.fetch_ticker(CONTRACT)["last"] - 1) < 0.01
    assert "USDT/BTC" in trader.ccxt.fetch_mark_prices()
    rate = trader.ccxt.fetch_funding_rate(CONTRACT)
    assert abs(rate["fundingRate"]) < 0.003
    assert trader.ccxt.fetch_market_leverage_tiers(CONTRACT)[0]["maxLeverage"] == 125
    assert trader.ccxt.fetch_status()["status"] == "ok"
    assert trader.ccxt.fetch_time() > 1_700_000_000_000


def _cash(trader: Trader, words: dict[str, Any], coin: str) -> tuple[Decimal, Decimal]:
    told = trader.ccxt.fetch_balance(words)[coin]
    return exact(told["total"]), exact(told["used"])


def _books(trader: Trader, account: str, coin: str) -> tuple[Decimal, Decimal]:
    line = trader.served.line(account, coin)
    return line.total, line.hold


@pytest.mark.parametrize(
    ("words", "account", "coin"),
    [
        ({"type": "main"}, "main", "USDT"),
        ({"type": "spot"}, "spot", "USDT"),
        ({"type": "spot"}, "spot", "BTC"),
        ({"marginMode": "cross"}, CROSS, "USDT"),
        ({"marginMode": "cross"}, CROSS, "BTC"),
        ({"type": "swap"}, "futures", "USDT"),
    ],
)
def test_every_account_reads_as_the_books_are(
    trader: Trader, words: dict[str, str], account: str, coin: str
) -> None:
    """Total and hold of each account are the books'."""
    assert _cash(trader, words, coin) == _books(trader, account, coin)


def test_the_isolated_account_reads_as_the_books_are(trader: Trader) -> None:
    """The pair's balances are the books'."""
    told = _cash(trader, {"marginMode": "isolated"}, "USDT")
    assert told == _books(trader, ISOLATED, "USDT")


def _owed(trader: Trader) -> tuple[Decimal, Decimal]:
    (row,) = trader.ccxt.fetch_borrow_interest("USDT")
    return exact(row["amountBorrowed"]), exact(row["interest"])


def _debt(trader: Trader) -> tuple[Decimal, Decimal]:
    line = trader.served.line(CROSS, "USDT")
    return line.principal, line.interest


def test_a_cross_loan_is_taken_shown_and_repaid(trader: Trader) -> None:
    """Principal and interest are the books'; repaying too much repays all."""
    before = trader.served.line(CROSS, "USDT").total
    assert trader.ccxt.borrow_cross_margin("USDT", 1000)["amount"] == LOAN
    principal, interest = agree(
        client=lambda: _owed(trader), books=lambda: _debt(trader)
    )
    assert (principal, interest > 0) == (LOAN, True)
    assert trader.ccxt.fetch_borrow_rate_history("USDT")[0]["rate"] > 0
    trader.ccxt.repay_cross_margin("USDT", 5000)
    end = trader.served.line(CROSS, "USDT")
    assert end.liability == 0
    assert before - end.total >= interest


def test_an_isolated_loan_is_taken_and_repaid(trader: Trader) -> None:
    """The pair owes what was borrowed, and nothing in the end."""
    told = trader.ccxt.borrow_isolated_margin(PAIR, "USDT", 1000)
    assert told["amount"] == LOAN
    assert trader.served.line(ISOLATED, "USDT").principal == LOAN
    trader.ccxt.repay_isolated_margin(PAIR, "USDT", 5000)
    assert trader.served.line(ISOLATED, "USDT").liability == 0


KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "spot": (PAIR, "spot", {}),
    "cross": (PAIR, CROSS, {"marginMode": "cross"}),
    "swap": (CONTRACT, "futures", {"marginMode": "cross", "leverage": 5}),
}
"""Market, account and further words of an order of each kind."""


@pytest.mark.parametrize("kind", KINDS)
def test_an_order_rests_and_is_cancelled(trader: Trader, kind: str) -> None:
    """It is open until it is cancelled, and found by both of its names."""
    symbol, _, words = KINDS[kind]
    own = {**words, "clientOrderId": f"rest-{kind}"}
    look = {key: text for key, text in words.items() if key == "marginMode"}
    amount = 10 if kind == "swap" else 0.01
    made = trader.ccxt.create_order(symbol, "limit", "buy", amount, FAR, own)
    listed = trader.ccxt.fetch_open_orders(symbol, None, None, look)
    assert [row["id"] for row in listed] == [made["id"]]
    by_name = trader.ccxt.fetch_order(
        None, symbol, {**look, "clientOid": f"rest-{kind}"}
    )
    assert (by_name["id"], by_name["status"]) == (made["id"], "open")
    trader.ccxt.cancel_order(made["id"], symbol, look)
    seen = until(
        lambda: trader.ccxt.fetch_order(made["id"], symbol, look),
        lambda order: order["status"] != "open",
        "the order never ended",
    )
    assert (seen["status"], seen["filled"]) == ("canceled", 0)
    ended = trader.ccxt.fetch_closed_orders(symbol, None, None, look)
    assert made["id"] in {row["id"] for row in ended}


@pytest.mark.parametrize("kind", ["spot", "cross"])
def test_a_fill_moves_exactly_what_the_trades_say(trader: Trader, kind: str) -> None:
    """Coin and money after a market order are those before, the trades and the fees."""
    symbol, account, words = KINDS[kind]
    coin, money = (trader.served.line(account, name).total for name in ("BTC", "USDT"))
    made = trader.ccxt.create_order(symbol, "market", "sell", 0.02, None, words)
    trades = [
        row
        for row in trader.ccxt.fetch_my_trades(symbol, None, None, words)
        if row["order"] == made["id"]
    ]
    order = trader.ccxt.fetch_order(made["id"], symbol, words)
    cost = sum((exact(row["cost"]) for row in trades), Decimal(0))
    fee = sum((exact(row["fee"]["cost"]) for row in trades), Decimal(0))
    assert (exact(order["cost"]), exact(order["fee"]["cost"])) == (cost, fee)
    assert order["status"] == "closed"
    look = {"type": "spot"} if kind == "spot" else words
    assert _cash(trader, look, "BTC")[0] == coin - Decimal("0.02")
    assert _cash(trader, look, "USDT")[0] == money + received(cost) - fee
    assert trader.served.line(account, "USDT").total == money + received(cost) - fee


def test_a_position_is_opened_read_and_closed(trader: Trader) -> None:
    """Its size, cost and result are the books'; so is the wallet after the round."""
    before = trader.served.line("futures", "USDT").total
    old = {row["id"] for row in trader.ccxt.fetch_my_trades(CONTRACT)}
    words: dict[str, Any] = {"marginMode": "cross", "leverage": 5}
    assert trader.ccxt.set_margin_mode("cross", CONTRACT)["marginMode"] == "cross"
    trader.ccxt.set_leverage(5, CONTRACT)
    assert trader.ccxt.fetch_leverage(CONTRACT)["longLeverage"] == 5
    trader.ccxt.create_order(CONTRACT, "market", "buy", 10, None, words)
    (held,) = trader.ccxt.fetch_positions([CONTRACT])
    book = trader.served.position("XBTUSDTM")
    assert (held["contracts"], held["side"]) == (book["lots"], "long") == (10, "long")
    assert exact(held["info"]["posCost"]) == Decimal(book["entry_value"])
    closing = {**words, "reduceOnly": True}
    trader.ccxt.create_order(CONTRACT, "market", "sell", 10, None, closing)
    assert trader.ccxt.fetch_positions([CONTRACT]) == []
    rows = trader.ccxt.fetch_my_trades(CONTRACT)
    trades = [row for row in rows if row["id"] not in old]
    moved = sum(
        (
            exact(row["cost"]) * (1 if row["side"] == "sell" else -1)
            - exact(row["fee"]["cost"])
            for row in trades
        ),
        Decimal(0),
    )
    assert trader.served.line("futures", "USDT").total == before + moved
    assert _cash(trader, {"type": "swap"}, "USDT")[0] == before + moved
    assert trader.ccxt.fetch_positions_history()[0]["symbol"] == CONTRACT


def test_isolated_margin_is_added_and_taken(trader: Trader) -> None:
    """Margin moves to the cent, and the position closes."""
    trader.ccxt.set_margin_mode("isolated", CONTRACT)
    words = {"marginMode": "isolated", "leverage": 5}
    trader.ccxt.create_order(CONTRACT, "market", "buy", 10, None, words)
    start = Decimal(trader.served.position("XBTUSDTM")["margin"])
    trader.ccxt.add_margin(CONTRACT, 50)
    trader.ccxt.reduce_margin(CONTRACT, 10)
    assert Decimal(trader.served.position("XBTUSDTM")["margin"]) == start + 40
    trader.ccxt.close_position(CONTRACT, "sell")
    assert trader.served.position("XBTUSDTM") is None
    trader.ccxt.set_margin_mode("cross", CONTRACT)


@pytest.mark.parametrize("kind", ["spot", "swap"])
def test_stop_orders_are_listed_and_cancelled(trader: Trader, kind: str) -> None:
    """A stop waits among the stops and goes with all of them."""
    symbol, _, words = KINDS[kind]
    amount = 1 if kind == "swap" else 0.01
    own = {**words, "stopLossPrice": 30_000}
    made = trader.ccxt.create_order(symbol, "market", "sell", amount, None, own)
    asked = {"stop": True}
    listed = trader.ccxt.fetch_open_orders(symbol, None, None, asked)
    assert [row["id"] for row in listed] == [made["id"]]
    trader.ccxt.cancel_all_orders(symbol, asked)
    until(
        lambda: trader.ccxt.fetch_open_orders(symbol, None, None, asked),
        lambda rows: rows == [],
        "the stop never went",
    )


ROUND = (("main", "main"), ("spot", "spot"), ("cross", CROSS), (PAIR, ISOLATED))
"""Accounts as the client and as the books call them."""


def test_money_goes_round_through_every_account(trader: Trader) -> None:
    """Each transfer takes and gives exactly its amount, and is in the ledger."""
    places = (*ROUND, ("swap", "futures"), ROUND[0])
    for (source, a), (target, b) in pairwise(places):
        gave, got = (trader.served.line(name, "USDT").total for name in (a, b))
        told = trader.ccxt.transfer("USDT", 12.5, source, target)
        assert told["status"] == "ok"
        assert trader.served.line(a, "USDT").total == gave - Decimal("12.5")
        assert trader.served.line(b, "USDT").total == got + Decimal("12.5")
    lines = trader.ccxt.fetch_ledger("USDT")
    assert "transfer" in {line["type"] for line in lines}
