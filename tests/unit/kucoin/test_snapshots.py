"""A snapshot is the exchange's own statement in the domain's words."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    Balance,
    MarginMode,
    PositionKey,
    isolated_account,
)
from bot.domain.errors import UsageError
from connectors.kucoin.answers import Answer, Urgency
from connectors.kucoin.parse.contracts import ContractCoins
from connectors.kucoin.parse.node import Node
from connectors.kucoin.snapshots import SnapshotReader, read_snapshot
from tests.unit.kucoin.listed_account import CONTRACT

D = Decimal
INVERSE = {
    "symbol": "XBTUSDM",
    "baseCurrency": "XBT",
    "quoteCurrency": "USD",
    "settleCurrency": "XBT",
    "isInverse": True,
    "multiplier": D(-1),
    "lotSize": 1,
    "tickSize": D("0.1"),
    "maxOrderQty": 1000,
    "maxLeverage": 50,
    "makerFeeRate": D("0.0002"),
    "takerFeeRate": D("0.0006"),
    "orderPriceRange": D("0.05"),
}
ANSWERS: dict[str, object] = {
    "accounts": [
        {
            "currency": "USDT",
            "type": "main",
            "balance": "1",
            "available": "1",
            "holds": "0",
        },
        {
            "currency": "USDT",
            "type": "trade",
            "balance": "26.5",
            "available": "26",
            "holds": "0.5",
        },
        {
            "currency": "KCS",
            "type": "main",
            "balance": "0",
            "available": "0",
            "holds": "0",
        },
    ],
    "margin_accounts": {
        "debtRatio": "0",
        "status": "EFFECTIVE",
        "accounts": [
            {
                "currency": "USDT",
                "total": "38.68855864",
                "hold": "18.66939173",
                "liability": "3",
                "liabilityPrincipal": "2.9",
                "liabilityInterest": "0.1",
            }
        ],
    },
    "isolated_accounts": {
        "timestamp": 1747303659773,
        "assets": [
            {
                "symbol": "BTC-USDT",
                "status": "EFFECTIVE",
                "debtRatio": "0",
                "baseAsset": {"currency": "BTC", "total": "0", "liability": "0"},
                "quoteAsset": {
                    "currency": "USDT",
                    "total": "4.97047372",
                    "hold": "0",
                    "liability": "0.00038891",
                    "liabilityPrincipal": "0.00038888",
                    "liabilityInterest": "0.00000003",
                },
            },
            {
                "symbol": "ETH-USDT",
                "status": "EFFECTIVE",
                "debtRatio": "0",
                "baseAsset": {"currency": "ETH", "total": "0", "liability": "0"},
                "quoteAsset": {"currency": "USDT", "total": "0", "liability": "0"},
            },
        ],
    },
    "futures_account:USDT": {
        "currency": "USDT",
        "accountEquity": D("394.439280806"),
        "unrealisedPNL": D("20.15278"),
        "availableBalance": D("290.3"),
    },
    "futures_account:XBT": {
        "currency": "XBT",
        "accountEquity": D("0.5"),
        "unrealisedPNL": D("-0.1"),
        "availableBalance": D("0.4"),
    },
    "positions": [
        {
            "symbol": "XBTUSDTM",
            "currentQty": 10,
            "avgEntryPrice": D(60000),
            "marginMode": "ISOLATED",
            "posMargin": D("61.5"),
            "maintMarginReq": D("0.005"),
            "leverage": 10,
        },
        {
            "symbol": "XBTUSDM",
            "currentQty": -100,
            "avgEntryPrice": D(50000),
            "marginMode": "CROSS",
            "leverage": 5,
        },
    ],
    "contract": INVERSE,
}


class Fixed:
    """Answers from a table; a settle coin has an answer of its own."""

    def __init__(self, answers: Mapping[str, object]) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []

    async def read(
        self,
        endpoint: str,
        params: Mapping[str, str] | None = None,
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Node:
        """The answer of the table."""
        name = endpoint
        if endpoint == "futures_account":
            name = f"{endpoint}:{(params or {})['currency']}"
        self.asked.append(name)
        return Node(self.answers[name], endpoint)

    async def write(
        self,
        endpoint: str,
        params: Mapping[str, object],
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Answer:
        """Nothing that reads an account writes."""
        raise AssertionError(endpoint)


async def test_every_account_is_read_into_the_domain() -> None:
    """Main, spot, cross, pairs in use, wallets of each settle coin, positions."""
    rest = Fixed(ANSWERS)
    reader = SnapshotReader(rest, lambda: {"XBTUSDTM": CONTRACT})

    found = await read_snapshot(reader, {MARGIN_CROSS: D(3)})

    assert found.balances == {
        MAIN: {"USDT": Balance(total=D(1))},
        SPOT: {"USDT": Balance(total=D("26.5"), hold=D("0.5"))},
        MARGIN_CROSS: {
            "USDT": Balance(
                total=D("38.68855864"),
                hold=D("18.66939173"),
                principal=D("2.9"),
                interest=D("0.1"),
            )
        },
        isolated_account("BTC-USDT"): {
            "USDT": Balance(
                total=D("4.97047372"),
                principal=D("0.00038888"),
                interest=D("0.00000003"),
            )
        },
        FUTURES: {
            "USDT": Balance(total=D("374.286500806")),
            "BTC": Balance(total=D("0.6")),
        },
    }
    assert found.margin_leverage == {MARGIN_CROSS: D(3)}


async def test_positions_have_their_exact_cost_and_isolated_margin() -> None:
    """An inverse contract costs lots over the price; its rules are read when met."""
    rest = Fixed(ANSWERS)
    reader = SnapshotReader(rest, lambda: {"XBTUSDTM": CONTRACT})

    found = (await reader.read([FUTURES])).positions

    linear, inverse = found[PositionKey("XBTUSDTM")], found[PositionKey("XBTUSDM")]
    assert (linear.entry_value, linear.margin) == (D(600), D("61.5"))
    assert linear.mode is MarginMode.ISOLATED
    assert linear.maintenance_margin_rate == D("0.005")
    assert inverse.maintenance_margin_rate is None
    assert (inverse.entry_value, inverse.margin) == (D("-0.002"), D(0))
    assert rest.asked.count("contract") == 1
    assert reader.settles == ("USDT", "BTC")
    await reader.read([FUTURES])
    assert rest.asked.count("contract") == 1


async def test_the_high_frequency_form_of_spot_counts_where_both_are_listed() -> None:
    """One account listed under two names is one account."""
    row = {"currency": "USDT", "balance": "7", "available": "7", "holds": "0"}
    rows = [row | {"type": "trade_hf"}, row | {"type": "trade", "balance": "9"}]
    reader = SnapshotReader(Fixed({"accounts": rows}), dict)

    found = await reader.read([SPOT])

    assert found.balances == {SPOT: {"USDT": Balance(total=D(7))}}


async def test_an_answer_without_a_balance_is_refused() -> None:
    """A missing amount is never zero: the error names the field."""
    broken = {"accounts": [{"currency": "USDT", "type": "main", "balance": None}]}
    reader = SnapshotReader(Fixed(broken), dict)

    with pytest.raises(UsageError, match=r"accounts\[0\].balance"):
        await reader.read([MAIN])


NO_USDC = {
    "currency": "USDC",
    "accountEquity": D(0),
    "unrealisedPNL": D(0),
    "availableBalance": D(0),
}


async def test_a_wallet_without_a_position_is_found() -> None:
    """Coins of another settle coin are owned before anything is opened with them."""
    listing = [INVERSE, {**INVERSE, "symbol": "XBTUSDCM", "settleCurrency": "USDC"}]
    rest = Fixed({**ANSWERS, "contracts": listing, "futures_account:USDC": NO_USDC})
    reader = SnapshotReader(rest, dict)

    assert await reader.settles_in_use() == ("BTC", "USDT")


async def test_a_listing_says_what_its_contracts_are_of() -> None:
    """Coins come from it in our words; an unreadable row hides no other."""
    quarterly = {**INVERSE, "symbol": "XBTMZ26", "multiplier": "odd"}
    listing = [quarterly, {**INVERSE, "symbol": D(7)}, {"symbol": "NEW"}]
    rest = Fixed({**ANSWERS, "contracts": listing, "futures_account:USDC": NO_USDC})
    reader = SnapshotReader(rest, dict)

    assert await reader.settles_in_use() == ("BTC", "USDT")
    assert reader.contract_coins() == {
        "XBTMZ26": ContractCoins(base="BTC", settle="BTC"),
        "NEW": ContractCoins(base=None, settle=None),
    }
