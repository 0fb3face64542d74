"""Where the venue's rules come from, and what is called assumed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.errors import UsageError
from bot.domain.market import Instrument, MarketDescription, MarketInstant
from connectors.kucoin.parse.contracts import contract_rules, contracts
from connectors.kucoin.parse.decode import decode
from connectors.kucoin.parse.envelope import coin
from connectors.kucoin.parse.node import Node
from connectors.venue.rules import assumptions, rules_for
from connectors.venue.rules_table import read_table

D = Decimal
START = datetime(2025, 1, 1, tzinfo=UTC)


def _market(*coins: str) -> MarketDescription:
    return MarketDescription(
        name="m",
        title="m",
        start=START,
        end=START,
        instruments=tuple(
            Instrument(
                coin=c,
                spot_symbol=f"{c}-USDT",
                perp_symbol="XBTUSDTM" if c == "BTC" else f"{c}USDTM",
                resolution="1m",
            )
            for c in coins
        ),
        resolution="1m",
        digest="0",
    )


def _first(prices: Mapping[str, str]) -> MarketInstant:
    marks = {c: D(p) for c, p in prices.items()}
    return MarketInstant(
        at=START,
        last_prices={f"{c}-USDT": p for c, p in marks.items()},
        margin_marks=marks,
        futures_marks={
            "XBTUSDTM" if c == "BTC" else f"{c}USDTM": p for c, p in marks.items()
        },
    )


def _document(text: str) -> dict[str, object]:
    found = decode(text)
    assert isinstance(found, dict)
    return found


def test_the_table_knows_bitcoin_and_calls_it_not_assumed() -> None:
    """XBTUSDTM has KuCoin's own curve and its twelve isolated tiers."""
    rules = rules_for(_market("BTC"), _first({"BTC": "60000"}), None, 0)
    contract = rules.contracts["XBTUSDTM"]
    assert (contract.k, contract.m, contract.mmr_lev_constant) == (
        D(490),
        D(300),
        D(125),
    )
    assert len(contract.tiers) == 12
    assert rules.assumed == frozenset()
    assert assumptions(rules) == ()
    assert rules.spot_fee_rates["BTC-USDT"] == (D("0.001"), D("0.001"))


@pytest.mark.parametrize(
    ("price", "lot", "tick"),
    [("2.5", "1", "0.0001"), ("0.08", "100", "0.00001"), ("250", "0.01", "0.01")],
)
def test_an_unknown_coin_is_scaled_to_its_first_mark(
    price: str, lot: str, tick: str
) -> None:
    """A lot is the power of ten worth 1 to 10 USDT; k and m are 5 M and 3 M USDT."""
    rules = rules_for(_market("NEW"), _first({"NEW": price}), None, 0)
    contract = rules.contracts["NEWUSDTM"]
    assert contract.multiplier == D(lot)
    assert 1 <= contract.multiplier * D(price) < 10
    assert contract.tick_size == D(tick)
    assert contract.k is not None
    assert contract.m is not None
    assert abs(contract.k * D(price) - 5_000_000) < D("1e-15")
    assert abs(contract.m * D(price) - 3_000_000) < D("1e-15")
    constants = (contract.mmr_lev_constant, contract.mmr_limit, contract.f)
    assert constants == (D(50), D("0.3"), D("1.3"))
    assert rules.assumed == {"NEWUSDTM", "NEW-USDT"}
    assert "NEWUSDTM" in assumptions(rules)[0]
    assert rules.spot["NEW-USDT"].fee_class == 2
    assert rules.spot_fee_rates["NEW-USDT"] == (D("0.002"), D("0.002"))
    pair = rules.isolated_pairs["NEW-USDT"]
    assert (pair.max_leverage, pair.liquidation_debt_ratio) == (D(10), D("0.97"))


def test_a_partly_known_contract_keeps_its_facts_and_is_labelled() -> None:
    """SOLUSDTM's lot and leverage are KuCoin's; its curve is assumed."""
    rules = rules_for(_market("SOL"), _first({"SOL": "150"}), None, 0)
    contract = rules.contracts["SOLUSDTM"]
    assert (contract.multiplier, contract.max_leverage) == (D("0.1"), D(75))
    assert "SOLUSDTM" in rules.assumed


def test_a_markets_own_documents_win_over_the_table() -> None:
    """What the market's rules file states is used, XBT read as BTC."""
    text = """{"contracts": {"code": "200000", "data": [{"symbol": "XBTUSDTM",
      "baseCurrency": "XBT", "quoteCurrency": "USDT", "settleCurrency": "USDT",
      "isInverse": false, "multiplier": 0.002, "lotSize": 1, "tickSize": 0.5,
      "maxOrderQty": 10, "maxLeverage": 20, "k": 7, "m": 5, "f": 1.3,
      "mmrLimit": 0.3, "mmrLevConstant": 20, "makerFeeRate": 0.0002,
      "takerFeeRate": 0.0006, "orderPriceRange": 0.05, "initialMargin": 0.05,
      "maintainMargin": 0.025}]},
      "symbols": [{"symbol": "BTC-USDT", "baseCurrency": "BTC",
      "quoteCurrency": "USDT", "baseIncrement": "0.001", "quoteIncrement": "0.01",
      "priceIncrement": "0.5", "baseMinSize": "0.001", "baseMaxSize": "5",
      "minFunds": "1", "priceLimitRate": "0.05", "enableTrading": true,
      "feeCategory": 3}],
      "currencies": [{"currency": "BTC", "marginCoefficient": "0.9",
      "borrowMinAmount": "0.01", "borrowEnabled": true, "precision": 6}],
      "isolated_symbols": [{"symbol": "BTC-USDT", "baseCurrency": "BTC",
      "quoteCurrency": "USDT", "maxLeverage": 5, "flDebtRatio": "0.9"}]}"""
    rules = rules_for(_market("BTC"), _first({"BTC": "60000"}), _document(text), 3)
    contract = rules.contracts["XBTUSDTM"]
    assert (contract.multiplier, contract.k, contract.base) == (D("0.002"), D(7), "BTC")
    assert contract.maker_fee_rate == D("0.0001")
    assert contract.tiers
    assert rules.spot["BTC-USDT"].base_increment == D("0.001")
    assert rules.spot_fee_rates["BTC-USDT"] == (D("0.00225"), D("0.0027"))
    btc = rules.margin_coins["BTC"]
    assert (btc.coefficient, btc.quantum) == (D("0.9"), D("0.000001"))
    assert rules.isolated_pairs["BTC-USDT"].liquidation_debt_ratio == D("0.9")
    assert rules.assumed == frozenset()


@pytest.mark.parametrize("vip", [-1, 13])
def test_a_fee_level_that_does_not_exist_is_refused(vip: int) -> None:
    """Levels run from 0 to 12."""
    with pytest.raises(UsageError, match="vip"):
        rules_for(_market("BTC"), _first({"BTC": "1"}), None, vip)


def test_an_unknown_key_of_the_rules_file_is_refused() -> None:
    """A misspelt family must not be read as "nothing stated"."""
    with pytest.raises(UsageError, match="'contract'"):
        rules_for(_market("BTC"), _first({"BTC": "1"}), {"contract": []}, 0)


def test_a_coin_without_a_first_price_has_no_assumed_rules() -> None:
    """Nothing to scale by: the venue does not list it rather than guess."""
    rules = rules_for(_market("BTC", "LATE"), _first({"BTC": "60000"}), None, 0)
    assert "LATEUSDTM" not in rules.contracts
    assert "LATE-USDT" not in rules.spot


def test_the_table_is_what_the_exchange_answered(shared_data: Path) -> None:
    """Every listed contract of our table equals the recorded listing."""
    name = "kucoin_contracts_active_2026-10-03.json"
    recorded = contracts(
        Node(decode((shared_data / "data/ref" / name).read_bytes()), "contracts")
    )
    table = read_table().contracts
    for symbol, item in recorded.items():
        listed, ours = contract_rules(item), table[symbol]
        for field in (
            "base",
            "quote",
            "is_inverse",
            "multiplier",
            "lot_size",
            "tick_size",
            "max_order_lots",
            "max_leverage",
            "k",
            "m",
            "f",
            "mmr_limit",
            "mmr_lev_constant",
            "price_band",
            "cross_risk_limit",
            "initial_margin_rate",
            "maintenance_margin_rate",
            "funding_rate_cap",
            "funding_rate_floor",
        ):
            assert getattr(ours, field) == getattr(listed, field), (symbol, field)
        assert ours.settle == coin(listed.settle)
    assert len(recorded) == 11


def test_the_first_isolated_tiers_are_the_recorded_risk_limits(
    shared_data: Path,
) -> None:
    """``risk_limit`` of the table is the listing's smallest risk limit."""
    name = "kucoin_contracts_active_2026-10-03.json"
    document = Node(decode((shared_data / "data/ref" / name).read_bytes()), "contracts")
    rows = document["data"] if document.is_object else document
    for row in rows.each():
        ours = read_table().contracts[row["symbol"].text()]
        if ours.risk_limit is not None:
            assert ours.risk_limit == row["minRiskLimit"].price()
