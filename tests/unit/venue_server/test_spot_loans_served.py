"""Loans of the spot host: answers, histories, interest, leverage, rates."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.accounts import MARGIN_CROSS, isolated_account
from bot.domain.instruments import CollateralTier
from bot.domain.orders import Outcome
from connectors.kucoin.parse import loans, margin_rules
from connectors.kucoin.parse.node import Node
from tests.unit.venue.builders import opening, rules
from tests.unit.venue_server.spot_bench import Bench, number, refusal

BORROW = "/api/v3/margin/borrow"
REPAY = "/api/v3/margin/repay"


def test_a_loan_is_answered_and_remembered() -> None:
    """The order number of the answer is in the history with what was lent."""
    bench = Bench()
    answer = bench.post(BORROW, currency="USDT", size="100", timeInForce="FOK")
    read = loans.loan_answer(Node(answer, ""))
    assert read.done_amount == 100
    records, is_complete = loans.borrows(
        Node(bench.get(BORROW, currency="USDT", orderNo=read.order_no), "")
    )
    assert is_complete
    assert [(r.order_no, r.requested, r.outcome) for r in records] == [
        (read.order_no, Decimal(100), Outcome.DONE)
    ]
    kept = bench.backend.venue.snapshot().balances[MARGIN_CROSS]["USDT"]
    assert kept.principal == 100


def test_a_size_may_be_a_text_or_a_number() -> None:
    """KuCoin's spec says number, its sample says text: both borrow the same."""
    bench = Bench()
    for size in ("12.5", Decimal("12.5")):
        answer = bench.post(BORROW, currency="USDT", size=size, timeInForce="FOK")
        assert answer["actualSize"] == "12.5"


def test_a_partial_loan_says_how_much_it_was() -> None:
    """IOC lends what there is and the history has both numbers; FOK lends nothing."""
    bench = Bench(opening({"margin_cross": {"USDT": "100"}}))
    with refusal("130203", "may borrow 400"):
        bench.post(BORROW, currency="USDT", size="1000", timeInForce="FOK")
    answer = bench.post(BORROW, currency="USDT", size="1000", timeInForce="IOC")
    assert answer["actualSize"] == "400"
    rows = bench.get(BORROW, currency="USDT")["items"]
    told = [(row["size"], row["actualSize"], row["status"]) for row in rows]
    assert told == [("1000", "400", "SUCCESS"), ("1000", "0", "FAILED")]


def test_a_repayment_is_split_with_the_interest_first() -> None:
    """Repaying 10 of a debt of 100 pays its first hour of interest, then principal."""
    bench = Bench()
    bench.post(BORROW, currency="USDT", size="100", timeInForce="FOK")
    owed = bench.backend.venue.snapshot().balances[MARGIN_CROSS]["USDT"].interest
    bench.post(REPAY, currency="USDT", size="10")
    row = bench.get(REPAY, currency="USDT")["items"][0]
    assert owed > 0
    assert number(row["interest"]) == owed
    assert number(row["principal"]) == 10 - owed
    with refusal("400400", "owes no BTC"):
        bench.post(REPAY, currency="BTC", size="1")
    failed = bench.get(REPAY, currency="BTC")["items"]
    assert [row["status"] for row in failed] == ["FAILED"]


def test_isolated_loans_have_their_own_history() -> None:
    """A loan of a pair names it and is listed only among the isolated ones."""
    bench = Bench()
    body = {"currency": "USDT", "size": "50", "timeInForce": "FOK"}
    bench.post(BORROW, isIsolated=True, symbol="BTC-USDT", **body)
    assert bench.get(BORROW, currency="USDT")["items"] == []
    rows = bench.get(BORROW, currency="USDT", isIsolated="true")["items"]
    assert [row["symbol"] for row in rows] == ["BTC-USDT"]
    other = bench.get(BORROW, currency="USDT", isIsolated="true", symbol="ETH-USDT")
    assert other["items"] == []
    account = isolated_account("BTC-USDT")
    kept = bench.backend.venue.snapshot().balances[account]["USDT"]
    assert kept.principal == 50
    with refusal("400100", "symbol"):
        bench.post(BORROW, isIsolated=True, **body)


def test_interest_is_listed_by_hour_and_sums_to_the_debt() -> None:
    """Three hours make three rows, newest first, that sum up to what is owed more."""
    bench = Bench()
    before = bench.backend.venue.snapshot().balances[MARGIN_CROSS]["ETH"].liability
    for _ in range(3):
        bench.tick(3600)
    page = bench.get("/api/v3/margin/interest", currency="ETH")
    records, is_complete = loans.interests(Node(page, ""))
    after = bench.backend.venue.snapshot().balances[MARGIN_CROSS]["ETH"].liability
    assert is_complete
    assert len(records) == 3
    assert sum((record.amount for record in records), Decimal(0)) == after - before
    assert page["items"][0]["createdTime"] > page["items"][2]["createdTime"]
    assert page["items"][0]["dayRatio"] == "0.00011"


def test_histories_are_paged() -> None:
    """Twelve loans are two pages of ten, newest first, with their totals."""
    bench = Bench()
    for _ in range(12):
        bench.post(BORROW, currency="USDT", size="1", timeInForce="FOK")
        bench.tick(1)
    first = bench.get(BORROW, currency="USDT", pageSize=10)
    second = bench.get(BORROW, currency="USDT", pageSize=10, currentPage=2)
    assert (first["totalNum"], first["totalPage"]) == (12, 2)
    assert (len(first["items"]), len(second["items"])) == (10, 2)
    times = [row["createdTime"] for row in first["items"] + second["items"]]
    assert times == sorted(times, reverse=True)
    for wrong in (9, 501, "x"):
        with refusal("400100", "pageSize"):
            bench.get(BORROW, currency="USDT", pageSize=wrong)


def test_a_lower_leverage_lowers_the_room_to_borrow() -> None:
    """At 2x an account of 100 USDT may borrow 100, at 5x 400; 1x and 6x are refused."""
    bench = Bench(opening({"margin_cross": {"USDT": "100"}}))
    path = "/api/v3/position/update-user-leverage"

    def room() -> str:
        rows = bench.get("/api/v3/margin/accounts")["accounts"]
        return str(next(r for r in rows if r["currency"] == "USDT")["maxBorrowSize"])

    assert room() == "400"
    assert bench.post(path, leverage="2") is None
    assert room() == "100"
    for wrong in ("1", "6", "2.005"):
        with refusal("400100", "leverage"):
            bench.post(path, leverage=wrong)
    bench.post(BORROW, currency="USDT", size="100", timeInForce="FOK")
    with refusal("400100", "repay first"):
        bench.post(path, leverage="1.5")
    snapshot = bench.backend.venue.snapshot()
    assert snapshot.margin_leverage[MARGIN_CROSS] == 2


def test_rates_and_stock_are_those_of_the_market() -> None:
    """The annual rate reads back exactly, the hourly one is it over 8760."""
    bench = Bench()
    quotes = {
        quote.coin: quote
        for quote in loans.borrow_rates(
            Node(bench.get("/api/v3/margin/borrowRate", currency="USDT,BTC"), "")
        )
    }
    assert set(quotes) == {"USDT", "BTC"}
    assert quotes["USDT"].annual_rate == Decimal("0.11")
    hourly = Decimal("0.11") / 8760
    assert abs(quotes["USDT"].hourly_rate - hourly) < Decimal("1e-10")
    stock = loans.inventory(Node(bench.get("/api/v3/margin/available-inventory"), ""))
    assert set(stock) == {"BTC", "ETH", "USDT"}


def test_the_rules_read_back_as_the_venue_has_them() -> None:
    """Coefficients, minimums, thresholds and tiers survive the way over the wire."""
    tiers = (
        CollateralTier(lower=Decimal(0), upper=Decimal(10), ratio=Decimal(1)),
        CollateralTier(
            lower=Decimal(10), upper=Decimal("Infinity"), ratio=Decimal("0.9")
        ),
    )
    own = rules()
    coins = dict(own.margin_coins)
    coins["ETH"] = replace(coins["ETH"], coefficient=Decimal("0.8"), tiers=tiers)
    bench = Bench(rules=replace(own, margin_coins=coins))
    terms = margin_rules.margin_terms(Node(bench.get("/api/v3/margin/currencies"), ""))
    assert terms.coins["ETH"].coefficient == Decimal("0.8")
    assert terms.coins["ETH"].borrow_min == coins["ETH"].borrow_min
    ratios = bench.get("/api/v3/margin/collateralRatio")
    assert margin_rules.collateral_tiers(Node(ratios, "")) == {"ETH": tiers}
    config = margin_rules.margin_config(Node(bench.get("/api/v1/margin/config"), ""))
    assert config.max_leverage == own.margin_max_leverage
    assert config.liquidation_debt_ratio == own.margin_liquidation_debt_ratio
    isolated = bench.get("/api/v1/isolated/symbols")
    pair = margin_rules.isolated_terms(Node(isolated, ""))["BTC-USDT"]
    assert pair.max_leverage == 10
    assert pair.liquidation_debt_ratio == Decimal("0.97")
    limits = bench.get("/api/v3/margin/currencies", isIsolated="true")
    assert [row["symbol"] for row in limits] == ["BTC-USDT"]
