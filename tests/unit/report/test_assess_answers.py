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
