"""Positions of the futures host: prices of liquidation, rates, sizes, hedge sides."""

from decimal import Decimal

import pytest

from bot.domain.accounts import MarginMode, Position, PositionSide
from bot.domain.instruments import Lots
from tests.unit.venue.builders import opening
from tests.unit.venue_server.futures_backend import Served

TAKER = Decimal("0.0006")


def held(
    lots: int,
    entry_value: str,
    *,
    symbol: str = "XBTUSDTM",
    margin: str = "0",
    leverage: str = "10",
    side: PositionSide = PositionSide.BOTH,
) -> Position:
    """A position of an opening account, isolated when it has a margin."""
    return Position(
        symbol=symbol,
        lots=Lots(lots),
        entry_value=Decimal(entry_value),
        mode=MarginMode.CROSS if margin == "0" else MarginMode.ISOLATED,
        side=side,
        leverage=Decimal(leverage),
        margin=Decimal(margin),
    )


def test_isolated_prices_are_those_of_the_exchange() -> None:
    """Entry 120,016.4, margin 20.0027: bankrupt 100,013.67, out at 100,475.86."""
    position = held(1, "120.0164", margin="20.00273334", leverage="6")
    account = opening({"futures": {"USDT": "1000"}}, positions=[position])
    served = Served(account, first="120000")
    row = served.ask("GET", "/api/v1/position", symbol="XBTUSDTM")
    assert abs(row["bankruptPrice"] - Decimal("100013.67")) < Decimal("0.01")
    assert abs(row["liquidationPrice"] - Decimal("100475.86")) < Decimal("0.01")
    assert row["posMaint"] == Decimal(120) * Decimal("0.0046")


def test_the_short_example_is_met_too() -> None:
    """Entry 68,094.2 short with 2.35897317: bankrupt 70,453.17, out at 70,130.57."""
    position = held(-1, "-68.0942", margin="2.35897317", leverage="20")
    account = opening({"futures": {"USDT": "1000"}}, positions=[position])
    served = Served(account, first="68000")
    row = served.ask("GET", "/api/v1/position", symbol="XBTUSDTM")
    assert abs(row["bankruptPrice"] - Decimal("70453.17317")) < Decimal("0.0001")
    assert abs(row["liquidationPrice"] - Decimal("70130.5725363")) < Decimal("0.0001")


@pytest.mark.parametrize("lots", [300, -300])
def test_at_its_liquidation_price_a_cross_position_has_a_rate_of_one(lots: int) -> None:
    """One linear position alone: what is due at that price is all that is left."""
    entry = Decimal(lots) * Decimal("0.001") * 50000
    served = Served(
        opening({"futures": {"USDT": "3000"}}, positions=[held(lots, str(entry))])
    )
    (row,) = served.ask("GET", "/api/v1/positions")
    price, coins = row["liquidationPrice"], Decimal(lots) * Decimal("0.001")
    rate = (1 + abs(coins) / 300) / 250 + TAKER
    left = 3000 + coins * (price - 50000)
    assert abs(abs(coins) * price * rate - left) < Decimal("0.000001")


@pytest.mark.parametrize("lots", [20000, -20000])
def test_an_inverse_position_has_its_price_too(lots: int) -> None:
    """One inverse position alone: due in coins at that price is what is left."""
    entry = Decimal(lots) / 50000
    position = held(lots, str(entry), symbol="XBTUSDM")
    served = Served(opening({"futures": {"BTC": "0.1"}}, positions=[position]))
    (row,) = served.ask("GET", "/api/v1/positions")
    price = row["liquidationPrice"]
    rate = (1 + abs(Decimal(lots)) / 1640000) / 150 + TAKER
    left = Decimal("0.1") + entry - Decimal(lots) / price
    assert abs(abs(lots) / price * rate - left) < Decimal("0.00000001")


def test_an_inverse_isolated_position_is_bankrupt_where_its_margin_ends() -> None:
    """The loss at the bankruptcy price is the margin."""
    position = held(10000, "0.2", symbol="XBTUSDM", margin="0.02", leverage="10")
    served = Served(opening({"futures": {"BTC": "0.1"}}, positions=[position]))
    (row,) = served.ask("GET", "/api/v1/positions")
    loss = Decimal(10000) / row["bankruptPrice"] - Decimal("0.2")
    assert abs(loss - Decimal("0.02")) < Decimal("0.0000000001")
    assert row["bankruptPrice"] < row["liquidationPrice"] < 50000


def test_a_small_position_cannot_be_liquidated_downwards() -> None:
    """A long that its wallet covers ten times has no liquidation price: 0."""
    served = Served(opening({"futures": {"USDT": "5000"}}, positions=[held(10, "500")]))
    (row,) = served.ask("GET", "/api/v1/positions")
    assert (row["liquidationPrice"], row["bankruptPrice"]) == (0, 0)


def test_opening_positions_set_the_modes() -> None:
    """Mode, leverage and hedge mode of the account follow from what it holds."""
    positions = [
        held(10, "500", side=PositionSide.LONG, leverage="7"),
        held(-4, "-200", side=PositionSide.SHORT, leverage="7"),
    ]
    served = Served(opening({"futures": {"USDT": "5000"}}, positions=positions))
    assert served.ask("GET", "/api/v2/position/getPositionMode") == {"positionMode": 1}
    found = served.ask("GET", "/api/v2/getCrossUserLeverage", symbol="XBTUSDTM")
    assert found["leverage"] == "7"
    rows = served.ask("GET", "/api/v2/position", symbol="XBTUSDTM")
    assert {row["positionSide"]: row["posCost"] for row in rows} == {
        "LONG": "500",
        "SHORT": "-200",
    }
    served.tick("50000", settled="0.001")
    paid = served.ask("GET", "/api/v1/funding-history", symbol="XBTUSDTM")["dataList"]
    assert sorted(row["positionQty"] for row in paid) == [-4, 10]


def test_the_margin_requirement_of_a_value_is_the_curve() -> None:
    """12.102 coins of bitcoin need 0.416136 % maintenance and 0.8 % to open."""
    served = Served()
    found = served.ask(
        "POST",
        "/api/v2/getCrossModeMarginRequirement",
        {"symbol": "XBTUSDTM", "positionValue": "605100", "leverage": "125"},
    )
    assert (found["size"], found["mmr"], found["imr"]) == (12102, "0.00416136", "0.008")


def test_isolated_sizes_follow_the_free_cash() -> None:
    """Each lot costs its value over the leverage and the taker's fee."""
    served = Served()
    mode = {"symbol": "XBTUSDTM", "marginMode": "ISOLATED"}
    served.ask("POST", "/api/v2/position/changeMarginMode", mode)
    found = served.ask(
        "GET",
        "/api/v2/getMaxOpenSize",
        symbol="XBTUSDTM",
        price="50000",
        leverage="5",
    )
    lots = int(Decimal(10000) / (50 * (Decimal(1) / 5 + TAKER)))
    assert found["maxBuyOpenSize"] == found["maxSellOpenSize"] == lots


def test_a_currency_that_settles_nothing_is_refused() -> None:
    """The overview of a coin without contracts is an error, not zero."""
    code = Served().code("GET", "/api/v1/account-overview", currency="DOGE")
    assert code == "400100"


def test_lists_can_be_narrowed() -> None:
    """Orders by side, type and time; bad words are refused."""
    served = Served()
    served.place("a", type="limit", price="49000")
    served.place("b", type="limit", price="51000", side="sell")
    query = {"status": "active", "side": "sell"}
    rows = served.ask("GET", "/api/v1/orders", **query)["items"]
    assert [row["clientOid"] for row in rows] == ["b"]
    none = served.ask("GET", "/api/v1/orders", status="active", type="market")
    assert none["items"] == []
    late = served.ask("GET", "/api/v1/orders", status="active", startAt="9999999999999")
    assert late["items"] == []
    assert served.code("GET", "/api/v1/orders", status="lost") == "400100"
    assert served.code("GET", "/api/v1/orders", pageSize="many") == "400100"
