"""Rules as of now: this account's fees, the worse of what is announced, changes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from bot.domain.announced import Delisting
from bot.domain.errors import UsageError
from bot.domain.events import RulesRead
from bot.domain.instruments import Rules
from bot.shadow.apply import apply
from bot.shadow.state import empty_shadow
from connectors.kucoin.answers import Answer, ExchangeRefusedError, Urgency
from connectors.kucoin.feed import Interests
from connectors.kucoin.history import read_history
from connectors.kucoin.parse.node import Node
from connectors.kucoin.rules_reader import RulesReader, changed, read_rules
from tests.unit.kucoin.listed_account import CONTRACT, ManualClock
from tests.unit.venue.builders import START

D = Decimal
XBT: dict[str, object] = {
    "symbol": "XBTUSDTM",
    "baseCurrency": "XBT",
    "quoteCurrency": "USDT",
    "settleCurrency": "USDT",
    "isInverse": False,
    "multiplier": D("0.001"),
    "lotSize": 1,
    "tickSize": D("0.1"),
    "maxOrderQty": 1000000,
    "maxLeverage": 125,
    "makerFeeRate": D("0.0002"),
    "takerFeeRate": D("0.0006"),
    "k": D(490),
    "m": D(300),
    "f": D("1.3"),
    "mmrLimit": D("0.3"),
    "mmrLevConstant": D(125),
    "buyLimit": D(105),
    "sellLimit": D(95),
}
PAIR: dict[str, object] = {
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
    "isMarginEnabled": True,
}
LEGS = {
    f"{leg}{name}": value
    for leg in ("base", "quote")
    for name, value in (
        ("MaxBorrowAmount", "1"),
        ("MarginCoefficient", "0.9"),
        ("BorrowEnabled", True),
        ("Precision", 8),
    )
}
ANSWERS: dict[str, object] = {
    "symbols": [PAIR],
    "margin_config": {
        "maxLeverage": 5,
        "warningDebtRatio": "0.95",
        "liqDebtRatio": "0.97",
        "currencyList": ["BTC"],
    },
    "isolated_symbols": [
        {"symbol": "BTC-USDT", "maxLeverage": 10, "flDebtRatio": "0.97"}
    ],
    "risk_limits": [
        {
            "symbol": "XBTUSDTM",
            "maxRiskLimit": 100000,
            "maxLeverage": 125,
            "initialMargin": D("0.008"),
            "maintainMargin": D("0.004"),
        }
    ],
    "collateral_ratio": [
        {
            "currencyList": ["BTC"],
            "items": [
                {
                    "lowerLimit": "0",
                    "upperLimit": "10",
                    "collateralRatio": "0.95",
                }
            ],
        }
    ],
    "futures_trade_fees": {
        "symbol": "XBTUSDTM",
        "makerFeeRate": "0.00018",
        "takerFeeRate": "0.0005",
    },
    "spot_trade_fees": [
        {
            "symbol": "BTC-USDT",
            "makerFeeRate": "0.0008",
            "takerFeeRate": "0.0009",
        }
    ],
}
INTERESTS = Interests(
    coins=frozenset({"BTC", "USDT", "NEW"}),
    spot_symbols=frozenset({"BTC-USDT", "NEW-USDT"}),
    contracts=frozenset({"XBTUSDTM", "GONEUSDTM"}),
    pairs=frozenset({"BTC-USDT"}),
)


class Exchange:
    """Answers about rules; a test may change one answer."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        self.contract = dict(XBT)
        self.odd: dict[str, list[object]] = {}
        """Rows that are listed beside the usual ones, by endpoint."""
        self.bars: list[list[str]] = []
        self.dropped: set[str] = set()
        """Coins that margin trading lists no more."""

    async def read(
        self,
        endpoint: str,
        params: Mapping[str, str] | None = None,
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Node:
        """The answer to a question about rules or prices."""
        asked = dict(params or {})
        self.asked.append((endpoint, asked))
        if endpoint == "spot_candles":
            return Node(self._candles(asked), endpoint)
        if asked.get("isIsolated") == "true":
            return Node([{"symbol": asked["symbol"], **LEGS}], endpoint)
        return Node(self._listing(endpoint), endpoint)

    def _listing(self, endpoint: str) -> object:
        """What is listed, behind the odd rows of a test."""
        usual = ANSWERS.get(endpoint)
        if endpoint == "contracts":
            usual = [self.contract]
        if endpoint == "margin_currencies":
            usual = [
                {"currency": name, "marginCoefficient": "1", "precision": 8}
                for name in ("BTC", "USDT", "ETH")
                if name not in self.dropped
            ]
        if isinstance(usual, list):
            return [*self.odd.get(endpoint, ()), *usual]
        return usual

    async def write(
        self,
        endpoint: str,
        params: Mapping[str, object],
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Answer:
        """Nothing that reads rules writes."""
        raise AssertionError(endpoint)

    def _candles(self, asked: Mapping[str, str]) -> object:
        if asked["symbol"] != "BTC-USDT":
            raise ExchangeRefusedError("400100", "This pair is not provided")
        start, end = int(asked["startAt"]), int(asked["endAt"])
        first = -(-start // 3600) * 3600
        return [
            [str(second), "1", str(second // 3600), "1", "1", "1", "1"]
            for second in reversed(range(first, end + 1, 3600))
        ]


async def test_rules_hold_what_is_listed_with_our_own_fees() -> None:
    """What the exchange does not list is left out and never assumed."""
    rest = Exchange()
    reader = RulesReader(rest)

    rules = await reader.read(INTERESTS)

    contract = rules.contracts["XBTUSDTM"]
    assert (contract.base, contract.settle) == ("BTC", "USDT")
    assert (contract.maker_fee_rate, contract.taker_fee_rate) == (
        D("0.00018"),
        D("0.0005"),
    )
    assert contract.tiers[0].max_notional == D(100000)
    assert set(rules.contracts) == {"XBTUSDTM"}
    assert rules.spot_fee_rates == {"BTC-USDT": (D("0.0008"), D("0.0009"))}
    assert set(rules.spot) == {"BTC-USDT"}
    assert set(rules.margin_coins) == {"BTC", "USDT"}
    assert rules.margin_coins["BTC"].tiers[0].ratio == D("0.95")
    pair = rules.isolated_pairs["BTC-USDT"]
    assert (pair.max_leverage, pair.base_rules.coefficient) == (D(10), D("0.9"))
    assert rules.assumed == frozenset()
    assert reader.known_contracts() == rules.contracts
    assert reader.notices == ()
    assert await read_rules(rest, INTERESTS) == rules


@pytest.mark.parametrize(
    ("endpoint", "row"),
    [
        *(
            ("symbols", {**PAIR, "symbol": "ODD-USDT", name: value})
            for name, value in (
                ("feeCategory", 4),
                ("feeCategory", 0),
                ("priceLimitRate", ""),
                ("priceLimitRate", "1.5"),
                ("quoteIncrement", "0"),
                ("baseMaxSize", "0"),
            )
        ),
        *(
            ("contracts", {**XBT, "symbol": "ODDUSDTM", name: value})
            for name, value in (
                ("orderPriceRange", D("1.5")),
                ("multiplier", D(0)),
                ("maxOrderQty", D("1000000.5")),
            )
        ),
        ("isolated_symbols", {"symbol": "ODD-USDT", "flDebtRatio": "0"}),
        ("margin_currencies", {"currency": "ODD", "marginCoefficient": "2"}),
    ],
)
async def test_an_odd_row_of_what_nobody_follows_hides_nothing(
    endpoint: str, row: dict[str, object]
) -> None:
    """Another pair's new fee class or empty size kept the bot from starting.

    The same row of what is followed is refused: its rules would be a guess.
    """
    rest, known = Exchange(), await read_rules(Exchange(), INTERESTS)
    rest.odd[endpoint] = [row]
    assert await read_rules(rest, INTERESTS) == known

    more = replace(
        INTERESTS,
        coins=INTERESTS.coins | {"ODD"},
        spot_symbols=INTERESTS.spot_symbols | {"ODD-USDT"},
        contracts=INTERESTS.contracts | {"ODDUSDTM"},
        pairs=INTERESTS.pairs | {"ODD-USDT"},
    )
    with pytest.raises(UsageError, match=rf"{endpoint}.*\[0\]"):
        await read_rules(rest, more)


async def test_a_row_without_a_name_hides_nothing() -> None:
    """What has no symbol is nothing that anybody follows."""
    rest, known = Exchange(), await read_rules(Exchange(), INTERESTS)
    rest.odd = {"symbols": [{"symbol": 7}], "contracts": [{"symbol": None}, {}]}
    assert await read_rules(rest, INTERESTS) == known


async def test_an_end_of_zero_is_no_end() -> None:
    """A settle date of 0 had been read as an end in 1970: delisted, to be left."""
    rest = Exchange()
    rest.contract |= {"type": "FFWCSX", "settleDate": 0, "expireDate": 0}
    assert (await read_rules(rest, INTERESTS)).delistings == ()


async def test_an_announced_change_counts_from_its_time_where_it_is_worse() -> None:
    """The smaller m needs more margin and is taken then; the larger k is not."""
    rest = Exchange()
    rest.contract |= {
        "adjustK": D(600),
        "adjustM": D(200),
        "adjustActiveTime": 1775212800000,
    }
    reader = RulesReader(rest)

    rules = await reader.read(INTERESTS)
    when = datetime(2026, 4, 3, 10, 40, tzinfo=UTC)

    assert rules.contracts["XBTUSDTM"].m == D(300)
    assert rules.next_change_at == when
    assert rules.as_of(when - timedelta(seconds=1)) is rules
    contract = rules.as_of(when).contracts["XBTUSDTM"]
    assert (contract.k, contract.m, contract.mmr_lev_constant) == (
        D(490),
        D(200),
        D(125),
    )
    (notice,) = reader.notices
    assert "XBTUSDTM at 2026-04-03 10:40 UTC" in notice
    assert "m from 300 to 200" in notice


async def test_a_change_without_a_time_counts_already() -> None:
    """What may be in force any minute is stood now."""
    rest = Exchange()
    rest.contract |= {"adjustM": D(200)}
    rules = await RulesReader(rest).read(INTERESTS)

    shadow = apply(empty_shadow(Rules()), RulesRead(at=START, rules=rules))
    assert shadow.rules.contracts["XBTUSDTM"].m == D(200)
    assert shadow.rules_change_at is None


async def test_a_perpetual_that_states_its_end_is_delisted_then() -> None:
    """The settle date of a perpetual is an announcement; a dated one has always one."""
    rest = Exchange()
    rest.contract |= {"type": "FFWCSX", "settleDate": 1775212800000}
    reader = RulesReader(rest)
    rules = await reader.read(INTERESTS)

    when = datetime(2026, 4, 3, 10, 40, tzinfo=UTC)
    assert rules.delistings == (Delisting(when, "XBTUSDTM"),)
    assert reader.notices == (
        "KuCoin settles XBTUSDTM for good at 2026-04-03 10:40 UTC.",
    )
    rest.contract |= {"type": "FFICSX"}
    assert (await reader.read(INTERESTS)).delistings == ()


async def test_a_coin_that_margin_trading_drops_is_gone_at_the_second_look() -> None:
    """One answer without it may be incomplete, and one with it takes the news back."""
    rest = Exchange()
    reader = RulesReader(rest)
    assert (await reader.read(INTERESTS)).delistings == ()

    rest.dropped = {"BTC"}
    assert (await reader.read(INTERESTS)).delistings == ()
    (gone,) = (await reader.read(INTERESTS)).delistings
    assert gone.name == "BTC"
    assert gone.at < START
    rest.dropped = set()
    assert (await reader.read(INTERESTS)).delistings == ()


def test_every_changed_rule_has_a_sentence() -> None:
    """A listing, a parameter and a threshold; what is equal is not mentioned."""
    old = Rules(contracts={"XBTUSDTM": CONTRACT})
    new = Rules(
        contracts={
            "XBTUSDTM": replace(CONTRACT, m=D(200)),
            "ETHUSDTM": replace(CONTRACT, symbol="ETHUSDTM"),
        },
        margin_liquidation_debt_ratio=D("0.96"),
    )

    assert changed(old, new) == [
        "contracts ETHUSDTM is listed now.",
        "contracts XBTUSDTM m is 200 and was 300.",
        "margin_liquidation_debt_ratio is 0.96 and was 0.97.",
    ]
    assert changed(old, old) == []
    assert changed(new, old)[0] == "contracts ETHUSDTM is no longer listed."


@pytest.mark.parametrize("hours", [5, 2160])
async def test_history_is_hourly_closes_that_have_ended(hours: int) -> None:
    """Every hour once, oldest first, under its end; none from the future."""
    clock = ManualClock(datetime(2026, 3, 1, 12, 30, tzinfo=UTC))

    found = await read_history(Exchange(), clock, {"BTC", "USDT", "NEW"}, hours)

    assert set(found) == {"BTC"}
    times = [at for at, _ in found["BTC"]]
    assert len(times) == hours
    assert times[-1] == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert all(
        after - before == timedelta(hours=1) for before, after in pairwise(times)
    )
    last = D(int(times[-1].timestamp()) // 3600 - 1)
    assert found["BTC"][-1][1] == last
