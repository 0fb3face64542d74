"""What assess answers for futures where something is special or missing."""

import json
from typing import Any

import pytest

from bot.domain.errors import UsageError
from bot.report.assess import assess
from bot.report.documents import read_documents

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


@pytest.mark.parametrize(
    ("lines", "rate"),
    [
        ([], None),
        ([POSITION], "known"),
        ([POSITION | {"marginMode": "ISOLATED"}], None),
    ],
)
def test_a_list_without_the_positions_of_the_wallet_is_not_whole(
    lines: list[dict[str, Any]], rate: str | None
) -> None:
    """500 USDT of margin for cross positions and none listed: a contradiction."""
    wallet = WALLET | {"crossPosMargin": "500"}
    answer = futures(wallets=[wallet], positions=lines)["USDT"]
    assert (answer["risk_rate"] is None) == (rate is None)
    assert ("futures.positions" in fields(answer)) == (rate is None)


@pytest.mark.parametrize(
    ("contract", "said"),
    [
        (CONTRACT | {"maintainMargin": 0.004}, "rate of the lowest tier was taken"),
        (CONTRACT | {"maintainMargin": None}, "states no maintainMargin either"),
        (None, ""),
    ],
)
def test_a_rate_is_said_to_be_taken_only_where_one_was(
    contract: dict[str, Any] | None, said: str
) -> None:
    """Without a contract, or without its rate, there is nothing to take."""
    line = POSITION | {"marginMode": "ISOLATED", "posMargin": "100"}
    listed = [] if contract is None else [contract]
    answer = futures(contracts=listed, positions=[line])["USDT"]
    found = answer["positions"]["XBTUSDTM"]
    assert (found["margin_rate"] is None) == ("taken" not in said)
    rates = [each["reason"] for each in found["missing"] if "Req" in each["field"]]
    assert len(rates) == bool(said)
    assert all(said in each for each in rates)


def test_one_page_of_many_orders_makes_the_rate_unknown() -> None:
    """Orders that were not seen could cost any margin."""
    orders = {"items": [], "currentPage": 1, "totalPage": 3}
    answer = futures(positions=[POSITION], orders=orders)["USDT"]
    assert answer["risk_rate"] is None
    assert answer["closing_fee"] is None
    assert answer["total_margin"] == "1000"
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


def test_a_listed_contract_without_size_is_named_by_its_fields() -> None:
    """The contract is there; what it does not state is what is missing."""
    silent = {key: value for key, value in CONTRACT.items() if key != "multiplier"}
    answer = futures(contracts=[silent], positions=[POSITION])["USDT"]
    assert answer["risk_rate"] is None
    assert fields(answer) == ["futures.contracts.XBTUSDTM.multiplier, isInverse"]
    assert fields(answer["positions"]["XBTUSDTM"]) == fields(answer)


def test_isolated_position_without_margin_has_no_liquidation_price() -> None:
    """The margin of an isolated position is never taken as zero."""
    bare = POSITION | {"marginMode": "ISOLATED", "maintMarginReq": 0.004}
    found = futures(positions=[bare])["USDT"]["positions"]["XBTUSDTM"]
    assert found["liquidation_price"] is None
    assert fields(found) == ["futures.positions[0].posMargin"]


def test_isolated_position_without_its_rate_takes_the_contract_rate_and_says_so() -> (
    None
):
    """The lowest tier's rate may be too low for a large position."""
    bare = POSITION | {"marginMode": "ISOLATED", "posMargin": 500}
    found = futures(positions=[bare])["USDT"]["positions"]["XBTUSDTM"]
    assert found["maintenance_margin_rate"] == "0.004"
    assert fields(found) == ["futures.positions[0].maintMarginReq"]


def test_a_wallet_tells_whether_orders_were_left_out() -> None:
    """Margin held for unseen orders makes the rate unknown; none held is none."""
    given = {"contracts": [CONTRACT], "positions": [POSITION]}
    busy = ask(futures=given | {"wallets": [WALLET | {"crossOrderMargin": "5"}]})
    assert busy["futures"]["USDT"]["risk_rate"] is None
    assert fields(busy["futures"]["USDT"]) == ["futures.orders"]
    idle = ask(futures=given | {"wallets": [WALLET | {"crossOrderMargin": "0"}]})
    assert idle["futures"]["USDT"]["risk_rate"] is not None
    assert fields(idle["futures"]["USDT"]) == []


def test_a_wallet_that_lacks_a_margin_has_no_total() -> None:
    """Isolated margins that are not stated are not taken as zero."""
    partly = {key: WALLET[key] for key in ("currency", "walletBalance")}
    answer = futures(wallets=[partly], positions=[POSITION])["USDT"]
    assert answer["total_margin"] is None
    assert fields(answer) == [
        "futures.wallets.USDT.isolatedOrderMargin",
        "futures.wallets.USDT.isolatedPosMargin",
    ]


def test_a_contract_without_taker_rate_takes_the_default_and_says_so() -> None:
    """The exchange's default of 0.06 % is the least that is reckoned."""
    silent = {key: value for key, value in CONTRACT.items() if key != "takerFeeRate"}
    answer = futures(contracts=[silent], positions=[POSITION])["USDT"]
    assert answer["closing_fee"] == "3"
    assert fields(answer) == ["futures.contracts.XBTUSDTM.takerFeeRate"]
