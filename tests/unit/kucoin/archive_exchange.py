"""A small exchange for tests of fetching: candles by formula, cut as KuCoin cuts.

It checks how it is asked and keeps every request. Asserts nothing itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bot.domain.errors import UnreachableError
from connectors.kucoin.answers import Answer, ExchangeRefusedError, Urgency
from connectors.kucoin.parse.decode import decode
from connectors.kucoin.parse.node import Node

__all__ = ["CONTRACT", "PublicExchange", "price_at"]

_SPOT_LIMIT = 1_500
_FUTURES_LIMIT = 500
_FUNDING_LIMIT = 100
_MINUTES = {
    "1min": 1,
    "5min": 5,
    "15min": 15,
    "30min": 30,
    "1hour": 60,
    "4hour": 240,
}
_TWO_HOURS_MS = 7_200_000

CONTRACT = """{"symbol": "XBTUSDTM", "baseCurrency": "XBT", "quoteCurrency": "USDT",
"settleCurrency": "USDT", "isInverse": false, "multiplier": 0.001, "status": "Open",
"lotSize": 1, "tickSize": 0.1, "maxLeverage": 125, "maxOrderQty": 1000000,
"k": 490.0, "m": 300.0, "f": 1.3, "mmrLimit": 0.3, "mmrLevConstant": 125.0,
"makerFeeRate": 0.0002, "takerFeeRate": 0.0006, "initialMargin": 0.008,
"maintainMargin": 0.004, "crossRiskLimit": "1500000000", "indexSymbol": ".KXBTUSDT",
"premiumsSymbol1M": ".XBTUSDTMPI", "fundingRateGranularity": 28800000}"""
SYMBOL = """{"symbol": "BTC-USDT", "name": "BTC-USDT", "baseCurrency": "BTC",
"quoteCurrency": "USDT", "feeCurrency": "USDT", "market": "USDS",
"baseMinSize": "0.00001", "quoteMinSize": "0.1", "baseMaxSize": "10000000000",
"quoteMaxSize": "99999999", "baseIncrement": "0.00000001",
"quoteIncrement": "0.000001", "priceIncrement": "0.1",
"priceLimitRate": "0.1", "minFunds": "0.1", "isMarginEnabled": true,
"enableTrading": true, "feeCategory": 1, "makerFeeCoefficient": "1.00",
"takerFeeCoefficient": "1.00"}"""


def price_at(stamp_ms: int) -> Decimal:
    """The open of the minute: a price that names its own time."""
    return Decimal(50_000) + Decimal(stamp_ms // 60_000 % 1_000) / 10


@dataclass
class PublicExchange:
    """Serves what a fetch reads; ``breaks`` may raise before the n-th request."""

    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    breaks: Callable[[int], None] = lambda count: None
    has_marks: bool = True
    has_spot: bool = True
    gap: range = range(0)
    """Milliseconds in which nothing traded on spot."""
    listed_ms: int = 0
    """Before this there are no candles."""

    async def read(
        self,
        endpoint: str,
        params: Mapping[str, str] | None = None,
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Node:
        """One answer, decoded as the client does it."""
        given = dict(params or {})
        self.asked.append((endpoint, given))
        self.breaks(len(self.asked))
        found = getattr(self, f"_{endpoint}")(given)
        return Node(found, endpoint)

    async def write(
        self,
        endpoint: str,
        params: Mapping[str, object],
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Answer:
        """Nothing is ever written."""
        raise AssertionError(f"a fetch wrote to {endpoint}")

    def _symbols(self, given: Mapping[str, str]) -> Any:
        return [decode(SYMBOL)] if self.has_spot else []

    def _contracts(self, given: Mapping[str, str]) -> Any:
        return [decode(CONTRACT)]

    def _isolated_symbols(self, given: Mapping[str, str]) -> Any:
        return []

    def _spot_candles(self, given: Mapping[str, str]) -> Any:
        step = _MINUTES[given["type"]] * 60_000
        begin, end = int(given["startAt"]) * 1_000, int(given["endAt"]) * 1_000
        begin = max(begin, self.listed_ms)
        stamps = [t for t in range(begin, end + 1, step) if t not in self.gap]
        rows = [self._spot_row(t, "2.5") for t in reversed(stamps)]
        return rows[:_SPOT_LIMIT]

    def _spot_row(self, stamp: int, volume: str) -> list[str]:
        opened = price_at(stamp)
        texts = [opened, opened + 1, opened + 2, opened - 1]
        return [str(stamp // 1_000), *map(str, texts), volume, "125000"]

    def _futures_candles(self, given: Mapping[str, str]) -> Any:
        step = int(given["granularity"]) * 60_000
        begin, end = max(int(given["from"]), self.listed_ms), int(given["to"])
        stamps = list(range(begin, end + 1, step))[-_FUTURES_LIMIT:]
        if given["symbol"] == ".XBTUSDTMPI":
            small = Decimal("-0.0005")
            return [
                [Decimal(t), small, small, small, small, Decimal(0)] for t in stamps
            ]
        return [self._futures_row(t) for t in stamps]

    def _futures_row(self, stamp: int) -> list[Decimal]:
        opened = price_at(stamp)
        prices = [opened, opened - 1, opened - 3, opened - 2]
        return [Decimal(stamp), *prices, Decimal(2_000), Decimal(100_000)]

    def _unified_candles(self, given: Mapping[str, str]) -> Any:
        if not self.has_marks or given["symbol"] != "XBTUSDTM-mark-price":
            raise ExchangeRefusedError("400100", "symbol not exists")
        rows = self._spot_candles({**given, "type": given["interval"]})
        return {"tradeType": "FUTURES", "symbol": given["symbol"], "list": rows}

    def _public_funding_history(self, given: Mapping[str, str]) -> Any:
        begin, end = int(given["from"]), int(given["to"])
        first = -(-begin // _TWO_HOURS_MS) * _TWO_HOURS_MS
        stamps = list(range(first, end + 1, _TWO_HOURS_MS))
        rows = [
            {
                "symbol": given["symbol"],
                "fundingRate": Decimal("0.0001") + Decimal(t // _TWO_HOURS_MS % 7),
                "timepoint": Decimal(t),
            }
            for t in reversed(stamps)
        ]
        for row in rows:
            row["fundingRate"] = Decimal(str(row["fundingRate"])) / 1_000
        return rows[:_FUNDING_LIMIT]


def unreachable_at(count: int) -> Callable[[int], None]:
    """The exchange stops answering at that request."""

    def breaks(asked: int) -> None:
        if asked >= count:
            raise UnreachableError("KuCoin does not answer; try again later.")

    return breaks
