"""``gnomon guard plan`` on documents that are odd, late or not told in full."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.cli.test_guard_plan import ACCOUNT, FUTURES, MARKS, WALLET, Desk


@pytest.fixture
def desk(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    """An empty folder to type commands in."""
    monkeypatch.chdir(tmp_path)
    return Desk(capsys)


def _held(symbol: str, mode: str, **more: object) -> dict[str, object]:
    """A long of 0.1 BTC in a contract."""
    return {
        "symbol": symbol,
        "currentQty": 100,
        "avgEntryPrice": 50000,
        "marginMode": mode,
        "settleCurrency": "USDT",
        **more,
    }


@pytest.mark.parametrize(
    ("position", "subject", "reason"),
    [
        (
            _held("ODDUSDTM", "CROSS"),
            "futures:USDT",
            "The contract ODDUSDTM is not known.",
        ),
        (
            _held("ODDUSDTM", "ISOLATED", posMargin="500"),
            "futures_isolated:ODDUSDTM",
            "The contract ODDUSDTM is not known.",
        ),
        (
            _held("XBTUSDTM", "ISOLATED"),
            "futures_isolated:XBTUSDTM",
            "The isolated margin of XBTUSDTM was not given.",
        ),
    ],
)
def test_what_a_position_lacks_makes_its_account_unknown(
    desk: Desk, position: dict[str, object], subject: str, reason: str
) -> None:
    """One settle currency is one account: a healthy position there saves nothing."""
    futures = {**FUTURES, "positions": [position]}
    answer = desk.answer({"mark_prices": MARKS, "futures": futures})
    assert answer["unknown"] == [{"subject": subject, "reasons": [reason]}]
    assert subject not in [each["subject"] for each in answer["safe"]]
    assert answer["plans"] == []


def test_the_rate_that_a_position_states_counts(desk: Desk) -> None:
    """A stated maintenance rate of 10 % on 5,000 USDT with 1,000 of margin: near."""
    position = _held("XBTUSDTM", "ISOLATED", posMargin="1000", maintMarginReq=0.1)
    futures = {**FUTURES, "positions": [position]}
    (plan,) = desk.answer({"mark_prices": MARKS, "futures": futures})["plans"]
    assert plan["subject"] == "futures_isolated:XBTUSDTM"
    assert Decimal(plan["before"]["distance"]) < Decimal("0.12")


def test_two_sides_of_hedge_mode_have_their_own_rates(desk: Desk) -> None:
    """10 % stated of the long is nothing to the short, of which 0.5 % is stated."""
    more: dict[str, object] = {"posMargin": "2000"}
    long = _held("XBTUSDTM", "ISOLATED", positionSide="LONG", **more)
    short = _held("XBTUSDTM", "ISOLATED", positionSide="SHORT", **more)
    long, short = long | {"maintMarginReq": 0.1}, short | {"maintMarginReq": 0.005}
    futures = {**FUTURES, "positions": [long, short]}
    answer = desk.answer({"mark_prices": MARKS, "futures": futures})
    found = {each["subject"]: each["ratio"] for each in answer["safe"]}
    assert found["futures_isolated:XBTUSDTM:SHORT"] == "0.014"
    assert found["futures_isolated:XBTUSDTM:LONG"] == "0.2515"


def test_an_isolated_position_is_planned_without_the_wallet(desk: Desk) -> None:
    """It is an account of its own; the cross wallet has nothing to say about it."""
    position = _held("XBTUSDTM", "ISOLATED", posMargin="300", maintMarginReq=0.005)
    futures = {**FUTURES, "positions": [position], "wallets": []}
    (plan,) = desk.answer({"mark_prices": MARKS, "futures": futures})["plans"]
    assert plan["subject"] == "futures_isolated:XBTUSDTM"


def test_a_pair_whose_limit_is_not_told_is_unknown(desk: Desk) -> None:
    """Pairs are closed at 0.90 to 0.97: none of them is taken for granted."""
    asset = {
        "symbol": "ETH-USDT",
        "baseAsset": {"currency": "ETH", "total": "10", "liability": "0"},
        "quoteAsset": {"currency": "USDT", "total": "0", "liability": "21000"},
    }
    document = {"margin_isolated": {"assets": [asset]}, "mark_prices": MARKS}
    (unknown,) = desk.answer(document)["unknown"]
    assert unknown["subject"] == "margin_isolated:ETH-USDT"


@pytest.mark.parametrize(
    ("owed", "status"), [("49000", "EFFECTIVE"), ("40000", "LIQUIDATION")]
)
def test_an_account_that_is_taken_over_is_too_late(
    desk: Desk, owed: str, status: str
) -> None:
    """At 97 %, or by its status: KuCoin takes no orders and no transfers in."""
    accounts = [
        {"currency": "BTC", "total": "1", "liability": "0"},
        {"currency": "USDT", "total": "0", "liability": owed},
    ]
    margin = {"accounts": accounts, "status": status}
    document = {"margin_cross": margin, "mark_prices": MARKS}
    (plan,) = desk.answer(document)["plans"]
    assert plan["trigger"].startswith("it is too late")
    assert (plan["steps"], plan["is_reached"], plan["after"]) == ([], False, None)
    assert "nothing can be done" in desk.plan(document).out


@pytest.mark.parametrize("mode", ["CROSS", None])
def test_an_order_beside_an_isolated_position_is_no_lot_to_close(
    desk: Desk, mode: str | None
) -> None:
    """A cross order alone makes a book without lots; one without a mode is isolated."""
    order = {"symbol": "XBTUSDTM", "side": "buy", "size": 10, "price": "50000"}
    order |= {"status": "open", "settleCurrency": "USDT", "id": "1"}
    order |= {} if mode is None else {"marginMode": mode}
    position = _held("XBTUSDTM", "ISOLATED", posMargin="5000")
    futures = {**FUTURES, "positions": [position], "orders": [order]}
    answer = desk.answer({**ACCOUNT, "futures": futures})
    assert [plan["subject"] for plan in answer["plans"]] == ["margin_cross"]
    cross = [each for each in answer["safe"] if each["subject"] == "futures:USDT"]
    assert all(Decimal(each["ratio"]) > 0 for each in cross) == (mode is not None)


def test_orders_without_an_id_all_count(desk: Desk) -> None:
    """Two rows without an id are two orders; their margin rate takes both."""
    order = {"symbol": "XBTUSDTM", "side": "buy", "size": 1000, "price": "50000"}
    order |= {"status": "open", "settleCurrency": "USDT", "leverage": 10}
    rates = []
    for rows in ([order], [order, order]):
        futures = {**FUTURES, "positions": [], "orders": rows}
        answer = desk.answer({"mark_prices": MARKS, "futures": futures})
        found = [*answer["safe"], *(plan["before"] for plan in answer["plans"])]
        rates.append(Decimal(found[0]["ratio"]))
    assert rates[1] > rates[0] > 0


ODD = "ODDUSDTM"
UNKNOWN = {
    "cross position": ([_held(ODD, "CROSS")], []),
    "cross order": ([], [{"symbol": ODD, "side": "buy", "size": 9, "price": "50000"}]),
    "isolated position": ([_held(ODD, "ISOLATED", posMargin="500")], []),
    "isolated margin": ([_held("XBTUSDTM", "ISOLATED")], []),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_no_plan_spends_the_money_of_an_unknown_account(desk: Desk, case: str) -> None:
    """9,000 USDT in futures, and something there that nobody can measure: they stay."""
    positions, orders = UNKNOWN[case]
    orders = [{**o, "status": "open", "settleCurrency": "USDT"} for o in orders]
    futures = {**FUTURES, "positions": positions, "orders": orders}
    answer = desk.answer({**ACCOUNT, "futures": futures})
    (plan,) = answer["plans"]
    assert plan["subject"] == "margin_cross"
    assert [s["does"] for s in plan["steps"] if "futures" in s["does"]] == []
    (unknown,) = answer["unknown"]
    assert unknown["subject"].startswith("futures")
    assert unknown["subject"] not in [each["subject"] for each in answer["safe"]]
    fields = [each["field"] for each in answer["missing"]]
    assert {"futures.contracts.ODDUSDTM", "futures.positions[0].posMargin"} & {*fields}


def test_the_money_of_a_known_account_is_spent(desk: Desk) -> None:
    """The same wallet with nothing unknown beside it helps."""
    futures = {**FUTURES, "positions": [], "orders": []}
    (plan,) = desk.answer({**ACCOUNT, "futures": futures})["plans"]
    assert any("from futures" in step["does"] for step in plan["steps"])


def test_an_account_that_an_earlier_plan_cures_is_listed(desk: Desk) -> None:
    """USDC is endangered by its order only, and the plan of USDT cancels the orders."""
    contracts = FUTURES["contracts"]
    assert isinstance(contracts, list)
    (listed,) = contracts
    usdc = {**listed, "symbol": "XBTUSDCM", "settleCurrency": "USDC"}
    usdc["quoteCurrency"] = "USDC"
    order = {"symbol": "XBTUSDCM", "side": "buy", "size": 5000, "price": "50000"}
    futures = {
        "contracts": [listed, usdc],
        "wallets": [
            {**WALLET, "walletBalance": "200"},
            {**WALLET, "walletBalance": "1500", "currency": "USDC"},
        ],
        "positions": [
            _held("XBTUSDTM", "CROSS"),
            {**_held("XBTUSDCM", "CROSS"), "settleCurrency": "USDC"},
        ],
        "orders": [{**order, "status": "open", "settleCurrency": "USDC"}],
    }
    marks = [*MARKS, {"symbol": "USDC-BTC", "value": "0.00002"}]
    answer = desk.answer({"mark_prices": marks, "futures": futures})
    found = {plan["subject"]: plan for plan in answer["plans"]}
    cured, other = found["futures:USDC"], found["futures:USDT"]
    assert answer["plans"] == [other, cured]
    assert cured["trigger"].endswith("cured by the plan of futures:USDT")
    assert (cured["steps"], cured["is_reached"]) == ([], True)
    assert Decimal(cured["after"]["distance"]) >= Decimal(cured["target_distance"])


def test_a_coefficient_that_was_taken_is_named(desk: Desk) -> None:
    """10 ETH count whole where nobody tells their coefficient; that is said."""
    lines = [
        {"currency": "ETH", "total": "10", "liability": "0"},
        {"currency": "USDT", "total": "0", "liability": "15000"},
    ]
    document = {"margin_cross": {"accounts": lines}, "mark_prices": MARKS}
    missing = desk.answer({**document, "margin_currencies": []})["missing"]
    assert "margin_currencies.ETH.marginCoefficient" in [e["field"] for e in missing]


def test_a_wallet_that_says_more_than_the_list_is_unknown(desk: Desk) -> None:
    """500 USDT held for cross positions, and no position: not safe, and not nothing."""
    wallet = {**WALLET, "crossPosMargin": "500"}
    futures = {**FUTURES, "positions": [], "wallets": [wallet]}
    answer = desk.answer({"mark_prices": MARKS, "futures": futures})
    (unknown,) = answer["unknown"]
    assert (unknown["subject"], answer["safe"]) == ("futures:USDT", [])
