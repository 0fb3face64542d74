"""What assess answers where something is special, missing or broken."""

import json
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.errors import UsageError
from bot.report.assess import assess
from bot.report.documents import read_documents

BTC_PAIR: dict[str, Any] = {
    "symbol": "BTC-USDT",
    "baseAsset": {"currency": "BTC", "total": "1", "liability": "0"},
    "quoteAsset": {"currency": "USDT", "total": "0", "liability": "80"},
}
CONTRACT: dict[str, Any] = {
    "symbol": "XBTUSDTM",
    "baseCurrency": "XBT",
    "quoteCurrency": "USDT",
    "settleCurrency": "USDT",
    "isInverse": False,
    "multiplier": 0.001,
    "lotSize": 1,
    "maxOrderQty": 1000000,
    "markPrice": 50000,
    "takerFeeRate": 0.0006,
    "maintainMargin": 0.004,
    "k": 490,
    "m": 300,
    "f": 1.3,
    "mmrLimit": 0.3,
    "mmrLevConstant": 125,
}
WALLET = {
    "currency": "USDT",
    "walletBalance": "1000",
    "isolatedOrderMargin": "0",
    "isolatedPosMargin": "0",
}
POSITION = {
    "symbol": "XBTUSDTM",
    "currentQty": 100,
    "avgEntryPrice": 50000,
    "marginMode": "CROSS",
    "settleCurrency": "USDT",
    "leverage": 10,
}


def ask(**documents: object) -> Any:
    """The answer to a file with these documents."""
    return assess(read_documents(json.dumps(documents), "account.json"))


def futures(**documents: object) -> Any:
    """The futures answer to these documents, with a contract, wallet and no orders."""
    given = {
        "contracts": [CONTRACT],
        "wallets": [WALLET],
        "positions": [],
        "orders": [],
    }
    return ask(futures=given | documents)["futures"]


def fields(answer: Any) -> list[str]:
    """What an object says is missing."""
    return [each["field"] for each in answer["missing"]]


def test_nothing_given_is_nothing_answered() -> None:
    """The three keys are always there."""
    assert ask() == {"margin_cross": None, "margin_isolated": {}, "futures": {}}


def test_a_held_coin_without_mark_makes_the_ratio_unknown() -> None:
    """Totals that need the price are null, and the reason names the coin."""
    cross = ask(
        margin_cross={
            "accounts": [
                {"currency": "DOGE", "total": "10", "liability": "0"},
                {"currency": "BTC", "total": "1", "liability": "0.5"},
            ]
        },
        margin_currencies=[
            [{"currency": "BTC", "marginCoefficient": "1"}],
        ],
    )["margin_cross"]
    assert cross["debt_ratio"] is None
    assert cross["total_asset_btc"] is None
    assert cross["total_debt_btc"] == "0.5"
    assert "mark_prices.DOGE-BTC" in fields(cross)


def test_no_debt_is_a_ratio_of_zero_even_without_prices() -> None:
    """Nothing owed cannot be liquidated, whatever the coins are worth."""
    rows = [{"currency": "DOGE", "total": "10", "liability": "0"}]
    assert ask(margin_cross={"accounts": rows})["margin_cross"]["debt_ratio"] == "0"


def test_a_coefficient_not_given_is_one_and_named() -> None:
    """The number is there, and so is what was assumed for it."""
    rows = [{"currency": "BTC", "total": "1", "liability": "0.5"}]
    cross = ask(margin_cross={"accounts": rows})["margin_cross"]
    assert cross["debt_ratio"] == "0.5"
    assert fields(cross) == ["margin_currencies.BTC.marginCoefficient"]


def test_max_borrow_prints_what_the_exchange_prints() -> None:
    """The official snapshot of 40.8648372 USDT at 5x may borrow 163 (MB-1)."""
    rows = [{"currency": "USDT", "total": "40.8648372", "liability": "0"}]
    terms = {
        "currency": "USDT",
        "marginCoefficient": "1",
        "borrowMaxAmount": "100000",
        "borrowMinAmount": "10",
        "borrowMinUnit": "1",
        "borrowEnabled": True,
    }
    cross = ask(
        margin_cross={"accounts": rows},
        mark_prices=[{"symbol": "USDT-BTC", "value": 1.5e-5}],
        margin_currencies=[[terms]],
        margin_config={"maxLeverage": 5, "liqDebtRatio": "0.97"},
    )["margin_cross"]
    assert cross["max_borrow"] == {"USDT": "163"}
    assert cross["transferable_out"] == {"USDT": "40.8648372"}
    assert cross["missing"] == []


def test_tiers_cap_borrowing_and_never_the_ratio() -> None:
    """A haircut of one half halves the collateral, not the assets."""
    rows = [{"currency": "USDT", "total": "100", "liability": "0"}]
    limits = {"borrowMaxAmount": "1000", "borrowMinAmount": "1", "borrowMinUnit": "1"}
    given: dict[str, Any] = {
        "margin_cross": {"accounts": rows},
        "mark_prices": [{"symbol": "USDT-BTC", "value": 1.5e-5}],
        "margin_currencies": [[{"currency": "USDT", **limits}]],
        "margin_config": {"maxLeverage": 5},
    }
    tiers = [{"lowerLimit": "0", "upperLimit": "1000", "collateralRatio": "0.5"}]
    given["collateral_ratio"] = [{"currencyList": ["USDT"], "items": tiers}]
    cross = ask(**given)["margin_cross"]
    assert cross["max_borrow"] == {"USDT": "200"}
    assert Decimal(cross["total_asset_btc"]) == Decimal("0.0015")


def test_isolated_pair_is_judged_by_its_own_threshold() -> None:
    """Own 1 BTC, owe 80 USDT: liquidated at 80 / 0.9 where the pair's limit is 0.9."""
    pair = ask(
        margin_isolated={"assets": [BTC_PAIR]},
        mark_prices=[{"symbol": "USDT-BTC", "value": "0.01"}],
        isolated_symbols=[
            {
                "symbol": "BTC-USDT",
                "baseCurrency": "BTC",
                "quoteCurrency": "USDT",
                "flDebtRatio": "0.9",
            }
        ],
        margin_currencies={
            "code": "200000",
            "data": [
                {
                    "symbol": "BTC-USDT",
                    "baseMarginCoefficient": "1",
                    "quoteMarginCoefficient": "1",
                }
            ],
        },
    )["margin_isolated"]["BTC-USDT"]
    assert pair["debt_ratio"] == "0.8"
    assert pair["liquidation_debt_ratio"] == "0.9"
    assert pair["liquidation_price"].startswith("88.888888888888888")
    assert pair["missing"] == []


def test_isolated_pair_without_its_terms_has_no_liquidation_price() -> None:
    """The threshold is never guessed."""
    pair = ask(
        margin_isolated={"assets": [BTC_PAIR]},
        mark_prices=[{"symbol": "USDT-BTC", "value": "0.01"}],
    )["margin_isolated"]["BTC-USDT"]
    assert pair["debt_ratio"] == "0.8"
    assert pair["liquidation_price"] is None
    assert pair["liquidation_debt_ratio"] is None
    assert "isolated_symbols.BTC-USDT.flDebtRatio" in fields(pair)


def test_a_wallet_without_positions_is_at_no_risk() -> None:
    """No exposure is a risk rate of zero."""
    answer = futures()["USDT"]
    assert answer["risk_rate"] == "0"
    assert answer["total_margin"] == "1000"
    assert answer["positions"] == {}


def test_a_position_without_wallet_has_unknown_totals() -> None:
    """The position has its numbers, the account has none."""
    answer = futures(wallets=[], positions=[POSITION])["USDT"]
    assert answer["total_margin"] is None
    assert answer["risk_rate"] is None
    assert fields(answer) == ["futures.wallets.USDT"]
    assert answer["positions"]["XBTUSDTM"]["unrealised_pnl"] == "0"


def test_a_wallet_with_unseen_positions_is_unknown() -> None:
    """A wallet that holds margin for positions that were not given is not at zero."""
    wallet = WALLET | {"crossPosMargin": "12"}
    answer = ask(futures={"contracts": [CONTRACT], "wallets": [wallet]})["futures"][
        "USDT"
    ]
    assert answer["risk_rate"] is None
    assert "futures.positions" in fields(answer)


def test_one_page_of_many_orders_makes_the_rate_unknown() -> None:
    """Orders that were not seen could cost any margin."""
    orders = {"items": [], "currentPage": 1, "totalPage": 3}
    answer = futures(positions=[POSITION], orders=orders)["USDT"]
    assert answer["risk_rate"] is None
    assert "futures.orders" in fields(answer)


def test_orders_not_given_are_named() -> None:
    """Where the wallet is silent about orders none are taken, and that is said."""
    given = {"contracts": [CONTRACT], "wallets": [WALLET], "positions": [POSITION]}
    answer = ask(futures=given)["futures"]["USDT"]
    assert answer["risk_rate"] is not None
    assert fields(answer) == ["futures.orders"]


def test_unknown_contract_leaves_the_other_positions_known() -> None:
    """A gap is named where it is, and nothing else is lost."""
    other = POSITION | {"symbol": "ODDUSDTM"}
    answer = futures(positions=[POSITION, other])["USDT"]
    assert answer["risk_rate"] is None
    assert fields(answer) == ["futures.contracts.ODDUSDTM"]
    assert answer["positions"]["ODDUSDTM"]["maintenance_margin"] is None
    assert answer["positions"]["XBTUSDTM"]["maintenance_margin"] is not None


def test_the_position_mark_stands_in_for_the_contract_mark() -> None:
    """The contract's mark counts; without it the position's; without both, none."""
    silent = {key: value for key, value in CONTRACT.items() if key != "markPrice"}
    marked = POSITION | {"markPrice": 51000}
    answer = futures(contracts=[silent], positions=[marked])["USDT"]
    assert answer["positions"]["XBTUSDTM"]["unrealised_pnl"] == "100"
    answer = futures(contracts=[CONTRACT], positions=[marked])["USDT"]
    assert answer["positions"]["XBTUSDTM"]["unrealised_pnl"] == "0"
    answer = futures(contracts=[silent], positions=[POSITION])["USDT"]
    assert answer["total_margin"] is None
    assert "futures.contracts.XBTUSDTM.markPrice" in fields(answer)


def test_hedge_mode_sides_have_keys_of_their_own() -> None:
    """Long and short of one contract are two positions; a short may come unsigned."""
    sides = [
        POSITION | {"positionSide": "LONG"},
        POSITION | {"positionSide": "SHORT", "currentQty": 40, "avgEntryPrice": 49000},
    ]
    found = futures(positions=sides)["USDT"]["positions"]
    assert set(found) == {"XBTUSDTM:LONG", "XBTUSDTM:SHORT"}
    assert found["XBTUSDTM:SHORT"]["unrealised_pnl"] == "-40"


def test_isolated_position_is_listed_and_not_in_the_totals() -> None:
    """KuCoin's short of 0.001 BTC prints its liquidation price; the wallet is free."""
    short = POSITION | {
        "currentQty": -1,
        "avgEntryPrice": 68094.2,
        "marginMode": "ISOLATED",
        "posMargin": 2.35897317,
        "maintMarginReq": 0.004,
    }
    wallet = WALLET | {"isolatedPosMargin": "2.35897317"}
    contract = CONTRACT | {"markPrice": 66954.6}
    answer = futures(contracts=[contract], wallets=[wallet], positions=[short])["USDT"]
    found = answer["positions"]["XBTUSDTM"]
    assert answer["risk_rate"] == "0"
    assert answer["total_margin"] == "997.64102683"
    assert found["margin_mode"] == "isolated"
    assert found["liquidation_price"].startswith("70130.5725363")
    assert found["maintenance_margin"] == "0.30799116"
    assert found["missing"] == []


@pytest.mark.parametrize(
    "idle",
    [
        {"reduceOnly": True},
        {"closeOrder": True, "side": None, "size": None},
        {"status": "done", "isActive": False},
        {"stop": "down", "stopTriggered": False},
        {"marginMode": "ISOLATED"},
    ],
    ids=["reduce only", "close", "done", "waiting stop", "isolated"],
)
def test_orders_that_cannot_open_a_cross_position_cost_nothing(
    idle: dict[str, Any],
) -> None:
    """Only live orders that can enlarge a cross position count."""
    order = {
        "id": "1",
        "symbol": "XBTUSDTM",
        "type": "limit",
        "side": "buy",
        "price": "50000",
        "size": 10,
        "status": "open",
        "isActive": True,
        "marginMode": "CROSS",
        "settleCurrency": "USDT",
    }
    assert futures(orders=[order | idle])["USDT"]["opening_fee"] == "0"
    assert futures(orders=[order])["USDT"]["opening_fee"] == "0.3"


def test_the_newest_wallet_of_a_currency_counts() -> None:
    """Pushes of one currency are ordered by their version."""
    old = WALLET | {"version": "7", "walletBalance": "1"}
    new = WALLET | {"version": "8", "walletBalance": "2"}
    assert futures(wallets=[new, old])["USDT"]["total_margin"] == "2"
    with pytest.raises(UsageError, match=r"futures\.wallets\[1\] must be the only"):
        futures(wallets=[WALLET, WALLET | {"walletBalance": "2"}])


def test_max_open_prints_what_the_exchange_prints() -> None:
    """10 000 USDT at 125x and 102 012 open 12 102 lots; an opposite position adds."""
    wallet = WALLET | {"walletBalance": "10000"}
    contract = CONTRACT | {"markPrice": 102012}
    held = POSITION | {"avgEntryPrice": 102012, "leverage": 125, "currentQty": 2}
    answer = futures(contracts=[contract], wallets=[wallet], positions=[held])["USDT"]
    assert answer["max_open"] == {"XBTUSDTM": {"buy": "12100", "sell": "12104"}}


def test_a_margin_below_zero_is_an_infinite_rate() -> None:
    """Something required of nothing is infinite risk, not an unknown one."""
    wallet = WALLET | {"walletBalance": "-5000"}
    answer = futures(wallets=[wallet], positions=[POSITION])["USDT"]
    assert answer["risk_rate"] == "Infinity"


@pytest.mark.parametrize(
    ("documents", "place"),
    [
        (
            {"margin_cross": {"accounts": [{"currency": "BTC", "total": "1"}]}},
            "margin_cross.accounts[0].liability",
        ),
        (
            {
                "margin_cross": {
                    "code": "200000",
                    "data": {
                        "accounts": [
                            {"currency": "BTC", "total": "-1", "liability": "0"}
                        ]
                    },
                }
            },
            "margin_cross.data.accounts[0].total",
        ),
        ({"margin_cross": []}, "margin_cross"),
        ({"margin_cross": {"code": "400100", "msg": "bad"}}, "margin_cross"),
        (
            {"mark_prices": [{"symbol": "USDT-BTC", "value": "-1"}]},
            "mark_prices[0].value",
        ),
        (
            {"margin_currencies": [[{"currency": "BTC", "marginCoefficient": "2"}]]},
            "margin_currencies[0][0].marginCoefficient",
        ),
        (
            {"futures": {"positions": [POSITION | {"currentQty": 1.5}]}},
            "futures.positions[0].currentQty",
        ),
        (
            {"futures": {"positions": [POSITION | {"avgEntryPrice": None}]}},
            "futures.positions[0].avgEntryPrice",
        ),
        (
            {"futures": {"positions": [POSITION | {"settleCurrency": None}]}},
            "futures.positions[0].settleCurrency",
        ),
        (
            {"futures": {"wallets": [WALLET | {"walletBalance": ""}]}},
            "futures.wallets[0].walletBalance",
        ),
        ({"futures": {"wallets": WALLET}}, "futures.wallets"),
    ],
    ids=[
        "absent debt",
        "negative total",
        "list for object",
        "error answer",
        "negative mark",
        "coefficient above one",
        "broken lots",
        "null entry",
        "no settle currency",
        "empty balance",
        "object for list",
    ],
)
def test_broken_documents_are_refused_by_path(
    documents: dict[str, Any], place: str
) -> None:
    """The sentence begins with the path of the field."""
    with pytest.raises(UsageError) as caught:
        ask(**documents)
    assert str(caught.value).split(" ")[0] == place
