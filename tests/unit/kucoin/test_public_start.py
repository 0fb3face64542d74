"""What a run on paper reads of KuCoin before it begins."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain.errors import UsageError
from bot.domain.market import MarketDescription
from connectors.kucoin.feed import Interests
from connectors.kucoin.public_start import instruments_of, read_start
from connectors.venue.rules import rules_for
from tests.unit.kucoin.public_answers import reads
from tests.unit.kucoin.world_bench import START, FakeRest

D = Decimal
ODD: list[dict[str, Any]] = [{"symbol": "ODD"}, {"symbol": 7}, {}]
CONTRACT = {
    "symbol": "XBTUSDTM",
    "baseCurrency": "XBT",
    "quoteCurrency": "USDT",
    "settleCurrency": "USDT",
    "multiplier": D("0.001"),
    "isInverse": False,
    "lotSize": 1,
    "tickSize": D("0.1"),
    "maxOrderQty": 10_000,
    "maxLeverage": 100,
    "orderPriceRange": D("0.05"),
    "maintainMargin": D("0.004"),
    "initialMargin": D("0.008"),
    "takerFeeRate": D("0.0006"),
    "makerFeeRate": D("0.0002"),
    "status": "Open",
}
PAIR = {
    "symbol": "BTC-USDT",
    "baseCurrency": "BTC",
    "quoteCurrency": "USDT",
    "baseIncrement": "0.00000001",
    "quoteIncrement": "0.000001",
    "priceIncrement": "0.1",
    "baseMinSize": "0.00001",
    "baseMaxSize": "10000",
    "minFunds": "0.1",
    "priceLimitRate": "0.1",
    "feeCategory": 1,
    "enableTrading": True,
}
WANTED = Interests(
    coins=frozenset({"BTC", "USDT"}),
    contracts=frozenset({"XBTUSDTM"}),
    spot_symbols=frozenset({"BTC-USDT", "GONE-USDT"}),
)


def asked_of(**more: object) -> FakeRest:
    """KuCoin's public side with an odd row of something else in every list."""
    listed: dict[str, object] = {
        "contracts": [CONTRACT, *ODD],
        "symbols": [PAIR, *ODD],
        "isolated_symbols": ODD,
        "margin_config": {
            "maxLeverage": 5,
            "warningDebtRatio": "0.95",
            "liqDebtRatio": "0.97",
        },
        "collateral_ratio": [],
        "risk_limits": [],
        "spot_marks": [{"symbol": "USDT-BTC", "value": "0.00002"}, *ODD],
        "futures_mark": {"symbol": "XBTUSDTM", "value": D(50_010)},
    }
    return FakeRest(reads=reads() | listed | more)


async def test_odd_rows_of_others_do_not_stop_a_start() -> None:
    """A pair and a contract begin with their rules, whatever else is listed."""
    start = await read_start(asked_of(), START, WANTED)
    assert start.interests.spot_symbols == {"BTC-USDT"}
    assert start.first.margin_marks["BTC"] == 50_000
    assert start.first.futures_marks == {"XBTUSDTM": 50_010}
    described = MarketDescription(
        name="live",
        title="",
        start=START,
        end=START,
        instruments=instruments_of(start),
        resolution="1s",
        digest="",
    )
    rules = rules_for(described, start.first, start.documents, 0)
    assert rules.contracts["XBTUSDTM"].multiplier == D("0.001")
    assert rules.spot["BTC-USDT"].min_funds == D("0.1")


async def test_an_odd_row_of_what_is_followed_stops_it() -> None:
    """Nobody trades on a contract whose rules cannot be read; the field is named."""
    odd = asked_of(contracts=[CONTRACT | {"multiplier": "much"}])
    with pytest.raises(UsageError, match="multiplier"):
        await read_start(odd, START, WANTED)


async def test_a_contract_that_is_not_listed_is_named() -> None:
    """A contract of the account that is gone: a sentence, not a crash."""
    with pytest.raises(UsageError, match="lists no contract XBTUSDTM"):
        await read_start(asked_of(contracts=ODD), START, WANTED)
