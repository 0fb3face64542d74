"""What each family of documents means where it could be read in two ways."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain.accounts import MarginMode
from bot.domain.errors import UsageError
from bot.domain.instruments import Lots
from bot.domain.orders import OrderState, OrderType
from connectors.kucoin.parse.contracts import contract, contract_rules, contracts
from connectors.kucoin.parse.futures_orders import futures_order, futures_orders
from connectors.kucoin.parse.loans import borrow_rates, inventory
from connectors.kucoin.parse.margin_accounts import cross_account, margin_line
from connectors.kucoin.parse.margin_rules import (
    collateral_tiers,
    isolated_terms,
    margin_terms,
)
from connectors.kucoin.parse.marks import btc_prices, margin_marks
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.positions import position_line, positions
from connectors.kucoin.parse.service import stream_token
from connectors.kucoin.parse.spot_rules import spot_listings

LINE: dict[str, Any] = {"currency": "BTC", "total": "2", "liability": "0.3"}
POSITION: dict[str, Any] = {
    "symbol": "XBTUSDTM",
    "currentQty": Decimal(5),
    "avgEntryPrice": "60000",
    "marginMode": "CROSS",
}
ORDER: dict[str, Any] = {
    "id": "1",
    "symbol": "XBTUSDTM",
    "type": "limit",
    "side": "buy",
    "size": "10",
    "status": "open",
    "isActive": True,
}


@pytest.mark.parametrize(
    ("fields", "liability", "principal"),
    [
        ({}, "0.3", "0.3"),
        ({"liabilityPrincipal": "0.2", "liabilityInterest": "0.1"}, "0.3", "0.2"),
        ({"liabilityPrincipal": "0.2", "liabilityInterest": "0.2"}, "0.4", "0.2"),
        ({"liabilityPrincipal": "0.1", "liabilityInterest": "0.1"}, "0.3", "0.2"),
    ],
    ids=["no split", "split adds up", "split is larger", "split is smaller"],
)
def test_the_larger_statement_of_a_debt_counts(
    fields: dict[str, str], liability: str, principal: str
) -> None:
    """Where the exchange contradicts itself, more is owed and not less."""
    line = margin_line(Node(LINE | fields, "x"))
    assert line.liability == Decimal(liability)
    assert line.balance().principal == Decimal(principal)
    assert line.balance().liability == line.liability


def test_a_split_debt_needs_no_sum() -> None:
    """Principal and interest together are a statement of the debt."""
    split = {"liabilityPrincipal": "1", "liabilityInterest": "0.5"}
    row = {"currency": "XBT", "total": "0"} | split
    assert margin_line(Node(row, "x")).liability == Decimal("1.5")
    assert margin_line(Node(row, "x")).coin == "BTC"


def test_marks_in_other_coins_are_kept_apart() -> None:
    """Only prices in BTC value an account; BTC is 1 whatever is printed."""
    listed = [
        {"symbol": "USDT-BTC", "value": "0.00002"},
        {"symbol": "BTC-USDT", "value": "50000"},
        {"symbol": "BTC-BTC", "value": "2"},
        {"symbol": "DEAD-BTC", "value": None},
        {"symbol": "GONE-BTC", "value": Decimal(0)},
    ]
    prices = btc_prices(margin_marks(Node(listed, "mark_prices")))
    assert prices == {"BTC": Decimal(1), "USDT": Decimal("0.00002")}
    with pytest.raises(UsageError, match=r"mark_prices\[1\]\.symbol"):
        margin_marks(Node([listed[0], listed[0]], "mark_prices"))


@pytest.mark.parametrize("symbol", ["USDTBTC", "-BTC", "USDT-", ""])
def test_a_mark_needs_a_pair(symbol: str) -> None:
    """A symbol without both coins means nothing."""
    with pytest.raises(UsageError, match="symbol must be"):
        margin_marks(Node([{"symbol": symbol, "value": "1"}], "m"))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"multiplier": Decimal(-1), "isInverse": True}, (1, True)),
        ({"multiplier": Decimal(-1)}, (1, True)),
        ({"multiplier": "0.001", "isInverse": False}, (Decimal("0.001"), False)),
        ({"multiplier": 1, "settleCurrency": "XBT", "baseCurrency": "XBT"}, (1, True)),
        ({"multiplier": 1, "settleCurrency": "USDT"}, (1, None)),
        ({"multiplier": 1, "settleCurrency": "USDT", "baseCurrency": "A"}, (1, False)),
        ({"isInverse": False}, (None, False)),
    ],
    ids=[
        "official",
        "by sign",
        "linear",
        "by currency",
        "not told",
        "not in its base",
        "no size",
    ],
)
def test_a_contract_tells_its_direction(
    fields: dict[str, Any], expected: tuple[object, object]
) -> None:
    """The sign, the flag or the currency tells; nothing is assumed."""
    item = contract(Node({"symbol": "X"} | fields, "c"))
    assert (item.multiplier, item.is_inverse) == expected


def test_contradicting_contracts_are_refused() -> None:
    """A negative multiplier of a linear contract, or a contract twice."""
    row = {"symbol": "X", "multiplier": Decimal(-1), "isInverse": False}
    with pytest.raises(UsageError, match=r"c\.multiplier must be positive"):
        contract(Node(row, "c"))
    with pytest.raises(UsageError, match=r"c\[1\]\.symbol"):
        contracts(Node([{"symbol": "X"}, {"symbol": "X"}], "c"))


def test_a_contract_without_rules_is_not_traded_on() -> None:
    """What is not stated is named, not assumed."""
    with pytest.raises(UsageError, match="X states no baseCurrency"):
        contract_rules(contract(Node({"symbol": "X"}, "c")))


def test_positions_without_lots_are_no_positions() -> None:
    """A closed position is left out, even with an entry price of zero."""
    closed = POSITION | {"currentQty": 0, "avgEntryPrice": 0}
    assert positions(Node([closed], "p")) == {}
    with pytest.raises(UsageError, match=r"p\[1\]\.symbol"):
        positions(Node([POSITION, POSITION], "p"))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, MarginMode.CROSS),
        ({"marginMode": None, "crossMode": False}, MarginMode.ISOLATED),
        ({"marginMode": "isolated", "crossMode": True}, MarginMode.ISOLATED),
    ],
)
def test_the_margin_mode_has_an_old_and_a_new_word(
    fields: dict[str, Any], expected: MarginMode
) -> None:
    """The new word counts, the old one is read where it is alone."""
    assert position_line(Node(POSITION | fields, "p")).mode is expected


def test_hedge_sides_give_the_sign() -> None:
    """A SHORT is short however its size is written; a LONG is never negative."""
    for lots in (5, -5):
        row = POSITION | {"positionSide": "SHORT", "currentQty": lots}
        assert position_line(Node(row, "p")).lots == Lots(-5)
    row = POSITION | {"positionSide": "LONG", "currentQty": -5}
    with pytest.raises(UsageError, match=r"p\.currentQty"):
        position_line(Node(row, "p"))
    with pytest.raises(UsageError, match=r"p\.positionSide must be one of BOTH"):
        position_line(Node(POSITION | {"positionSide": "UP"}, "p"))


@pytest.mark.parametrize(
    ("fields", "state", "remaining"),
    [
        ({}, OrderState.OPEN, 10),
        ({"filledSize": 4}, OrderState.OPEN, 6),
        ({"status": None, "dealSize": 4}, OrderState.OPEN, 6),
        ({"isActive": False, "status": "done"}, OrderState.CANCELLED, 0),
        (
            {"isActive": False, "status": "done", "filledSize": 10},
            OrderState.FILLED,
            0,
        ),
        ({"isActive": False}, OrderState.OPEN, 10),
        ({"isActive": None, "status": None}, OrderState.OPEN, 10),
    ],
    ids=[
        "open",
        "partly",
        "old words",
        "cancelled",
        "filled",
        "contradiction",
        "not told",
    ],
)
def test_what_remains_of_an_order(
    fields: dict[str, Any], state: OrderState, remaining: int
) -> None:
    """Only an open order has something left, and a doubt counts as open."""
    order = futures_order(Node(ORDER | fields, "o"))
    assert (order.state, order.remaining_lots) == (state, remaining)


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"size": "-1"}, "size"),
        ({"size": None}, "size"),
        ({"filledSize": 11}, "filledSize"),
        ({"side": ""}, "side"),
        ({"status": "resting"}, "status"),
        ({"stop": "sideways"}, "stop"),
        ({"type": "iceberg"}, "type"),
    ],
)
def test_broken_orders_are_refused(fields: dict[str, Any], place: str) -> None:
    """The field is named."""
    with pytest.raises(UsageError, match=rf"o\.{place} must be"):
        futures_order(Node(ORDER | fields, "o"))


def test_an_order_needs_no_more_than_the_risk_rate_does() -> None:
    """Without an id, a type or a state it still counts, as an open order."""
    bare = {"symbol": "X", "side": "buy", "size": "3", "price": "5"}
    found = futures_orders(Node([bare, bare], "o")).orders
    assert [each.remaining_lots for each in found] == [3, 3]
    assert found[0].type is OrderType.LIMIT
    assert futures_order(Node(bare | {"price": "0"}, "o")).type is OrderType.MARKET


def test_unknown_words_of_a_state_do_not_stop_a_reading() -> None:
    """A state that the exchange invents tomorrow is unknown, not an error."""
    account = {"status": "SLEEPING", "accounts": []}
    assert cross_account(Node(account, "a")).status == "unknown"
    assert (
        contract(Node({"symbol": "X", "status": "Dreaming"}, "c")).status == "unknown"
    )
    assert contract(Node({"symbol": "X", "status": "Open"}, "c")).status == "open"


def test_a_pair_names_its_coins_itself() -> None:
    """The coins of a pair are in its symbol where no field states them."""
    found = isolated_terms(Node([{"symbol": "ETH-USDT", "flDebtRatio": "0.9"}], "s"))
    assert (found["ETH-USDT"].base, found["ETH-USDT"].quote) == ("ETH", "USDT")


def test_an_order_is_listed_once() -> None:
    """The same order twice would be counted twice."""
    with pytest.raises(UsageError, match=r"o\[1\]\.id"):
        futures_orders(Node([ORDER, ORDER], "o"))


def test_margin_terms_come_in_three_shapes() -> None:
    """One answer, a list of answers and bare rows give the same terms."""
    row = {"currency": "BTC", "marginCoefficient": "0.9"}
    answer = {"code": "200000", "data": [row]}
    shapes: list[object] = [answer, [answer], [[row]], [row], row, [answer, answer]]
    for shape in shapes:
        terms = margin_terms(Node(shape, "m"))
        assert terms.coins["BTC"].coefficient == Decimal("0.9")
    other = row | {"marginCoefficient": "0.8"}
    with pytest.raises(UsageError, match="stated once"):
        margin_terms(Node([row, other], "m"))


def test_terms_of_a_pair_may_have_null_minimums() -> None:
    """Where borrowing is off the exchange writes null."""
    row = {
        "symbol": "LUNC-USDT",
        "baseMarginCoefficient": "0.5",
        "quoteMarginCoefficient": "1",
        "baseBorrowMinAmount": None,
        "baseBorrowEnabled": False,
    }
    base, quote = margin_terms(Node([row], "m")).legs["LUNC-USDT"]
    assert (base.coefficient, quote.coefficient) == (Decimal("0.5"), Decimal(1))
    assert base.borrow_min is None
    assert base.borrow_enabled is False


def test_tiers_are_sorted_and_must_not_overlap() -> None:
    """A last tier without an upper limit goes on for ever."""
    low = {"lowerLimit": "0", "upperLimit": "10", "collateralRatio": "1"}
    high = {"lowerLimit": "10", "upperLimit": None, "collateralRatio": "0.5"}
    found = collateral_tiers(
        Node([{"currencyList": ["BTC", "ETH"], "items": [high, low]}], "t")
    )
    assert [tier.ratio for tier in found["ETH"]] == [Decimal(1), Decimal("0.5")]
    assert found["BTC"][1].upper.is_infinite()
    overlap = {"lowerLimit": "5", "upperLimit": "20", "collateralRatio": "0.5"}
    with pytest.raises(UsageError, match=r"t\[0\]\.items\[1\]"):
        collateral_tiers(
            Node([{"currencyList": ["BTC"], "items": [low, overlap]}], "t")
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [("flDebtRatio", "0"), ("flDebtRatio", "1.2"), ("maxLeverage", "0.5")],
)
def test_thresholds_of_a_pair_have_a_range(name: str, value: str) -> None:
    """A threshold lies in (0, 1], a leverage is at least 1."""
    row = {
        "symbol": "A-B",
        "baseCurrency": "A",
        "quoteCurrency": "B",
        name: value,
    }
    with pytest.raises(UsageError, match=rf"s\[0\]\.{name}"):
        isolated_terms(Node([row], "s"))


def test_a_stream_token_never_shows() -> None:
    """The token is a secret: neither an error nor a text of the value holds it."""
    hidden = "tell-nobody"
    server = {"endpoint": "wss://x/", "pingInterval": 18000, "pingTimeout": 10000}
    token = stream_token(Node({"token": hidden, "instanceServers": [server]}, "t"))
    assert hidden not in repr(token)
    with pytest.raises(UsageError) as caught:
        stream_token(Node({"token": [hidden], "instanceServers": [server]}, "t"))
    assert hidden not in str(caught.value)


def test_margin_pairs_lack_a_fee_class_until_joined() -> None:
    """The margin form of a pair has no fee class, so it has no complete rules."""
    row = {
        "symbol": "BTC-USDT",
        "baseCurrency": "BTC",
        "quoteCurrency": "USDT",
        "baseIncrement": "0.00000001",
        "quoteIncrement": "0.000001",
        "priceIncrement": "0.1",
        "baseMinSize": "0.00001",
        "baseMaxSize": "10000000000",
        "minFunds": "0.1",
        "priceLimitRate": "0.1",
        "enableTrading": True,
    }
    listed = spot_listings(Node({"items": [row]}, "s"))["BTC-USDT"]
    assert listed.rules() is None
    whole = spot_listings(Node([row | {"feeCategory": 2}], "s"))["BTC-USDT"]
    rules = whole.rules()
    assert rules is not None
    assert rules.fee_class == 2
    with pytest.raises(UsageError, match="feeCategory must be 1, 2 or 3"):
        spot_listings(Node([row | {"feeCategory": 4}], "s"))


def test_borrow_rates_and_inventory_are_read_by_coin() -> None:
    """What a coin costs to borrow, and how much of it there is to lend."""
    rate = {
        "currency": "BTC",
        "hourlyBorrowRate": "0.000001",
        "annualizedBorrowRate": "0.00876",
    }
    (quote,) = borrow_rates(Node({"vipLevel": 0, "items": [rate]}, "r"))
    assert quote.annual_rate == Decimal("0.00876")
    pool = {"currency": "XBT", "borrowableAmount": "12.5"}
    assert inventory(Node([pool], "i")) == {"BTC": Decimal("12.5")}
    assert inventory(Node({"items": [pool]}, "i")) == {"BTC": Decimal("12.5")}
    with pytest.raises(UsageError, match=r"i\[1\]\.currency"):
        inventory(Node([pool, pool], "i"))
