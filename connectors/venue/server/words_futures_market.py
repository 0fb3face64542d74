"""The futures host's market documents: contracts, tickers, books, candles, marks.

Field names, kinds and order of magnitude are those of KuCoin's examples. What the
market of this venue does not know (an index of its own, the other traders' open
interest) is said as well as it can be: the index is the coin's margin mark, the open
interest is the user's own. Everything here is pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.events import FundingQuoted
from bot.domain.instruments import ContractRules, RiskTier
from bot.domain.money import ONE, ZERO, plain
from connectors.venue.book import Level
from connectors.venue.server.minutes import Candle
from connectors.venue.server.words_futures_common import exact, ms, ns, scaled, word

__all__ = [
    "ContractQuote",
    "book_sequence",
    "candle_row",
    "contract",
    "current_funding",
    "full_book",
    "funding_symbol",
    "index_symbol",
    "interval_ms",
    "mark_price",
    "next_settlement",
    "risk_limits",
    "ticker",
    "whole",
]

_USUAL_INTERVAL_MS: Final = 8 * 3_600_000
_MAX_PRICE: Final = Decimal(1_000_000)
_FIRST_OPEN_MS: Final = 1_585_555_200_000
_SOURCES: Final = ("okex", "binance", "kucoin", "bybit", "bitmart", "gateio")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractQuote:
    """What the market says of a contract at a time; None is unknown."""

    at: datetime
    mark: Decimal | None
    index: Decimal | None
    last: Decimal | None
    funding: FundingQuoted | None
    day: Candle | None
    own_lots: int
    is_halted: bool


def whole(number: Decimal) -> Decimal | int:
    """A whole number as one, anything else as it is.

    Example:
        >>> whole(Decimal("125.0")), whole(Decimal("12.5"))
        (125, Decimal('12.5'))
    """
    return int(number) if number == number.to_integral_value() else scaled(number)


def funding_symbol(rules: ContractRules) -> str:
    """The name of a contract's funding index.

    Example:
        >>> from connectors.venue.examples import XBTUSDTM
        >>> funding_symbol(XBTUSDTM), index_symbol(XBTUSDTM)
        ('.XBTUSDTMFPI8H', '.KXBTUSDT')
    """
    return f".{rules.symbol}FPI8H"


def index_symbol(rules: ContractRules) -> str:
    """The name of a contract's price index."""
    return f".K{word(rules.base)}{rules.quote}"


def interval_ms(quote: FundingQuoted | None) -> int:
    """Milliseconds between settlements; 8 hours where nothing is quoted."""
    if quote is None:
        return _USUAL_INTERVAL_MS
    return int(quote.funding_interval_h * 3_600_000)


def next_settlement(quote: FundingQuoted | None, at: datetime) -> int:
    """When a contract settles next, in milliseconds since 1970.

    A quote whose time has passed, or none at all, goes on in steps of its interval.
    """
    step, now = interval_ms(quote), ms(at)
    last = 0 if quote is None else ms(quote.settlement_at)
    if last > now:
        return last
    return last + ((now - last) // step + 1) * step


def _funding(rules: ContractRules, quote: ContractQuote) -> dict[str, object]:
    settles = next_settlement(quote.funding, quote.at)
    rate = None if quote.funding is None else exact(quote.funding.funding_rate)
    interval = interval_ms(quote.funding)
    return {
        "fundingFeeRate": rate,
        "predictedFundingFeeRate": None,
        "fundingRateGranularity": interval,
        "currentFundingRateGranularity": interval,
        "fundingRateCap": rules.funding_rate_cap,
        "fundingRateFloor": rules.funding_rate_floor,
        "period": 1,
        "nextFundingRateTime": settles - ms(quote.at),
        "nextFundingRateDateTime": settles,
    }


def _names(rules: ContractRules) -> dict[str, object]:
    base, settle = word(rules.base), word(rules.settle)
    return {
        "symbol": rules.symbol,
        "rootSymbol": settle,
        "type": "FFWCSX",
        "firstOpenDate": _FIRST_OPEN_MS,
        "expireDate": None,
        "settleDate": None,
        "baseCurrency": base,
        "quoteCurrency": rules.quote,
        "settleCurrency": settle,
        "markMethod": "FairPrice",
        "fairMethod": "FundingRate",
        "fundingBaseSymbol": f".{base}INT8H",
        "fundingQuoteSymbol": f".{rules.quote}INT8H",
        "fundingRateSymbol": funding_symbol(rules),
        "indexSymbol": index_symbol(rules),
        "settlementSymbol": "",
        "premiumsSymbol1M": f".{rules.symbol}PI",
        "premiumsSymbol8H": f".{rules.symbol}PI8H",
        "fundingBaseSymbol1M": f".{base}INT",
        "fundingQuoteSymbol1M": f".{rules.quote}INT",
        "sourceExchanges": list(_SOURCES),
    }


def _terms(rules: ContractRules) -> dict[str, object]:
    limit = rules.tiers[0].max_notional if rules.tiers else ZERO
    return {
        "maxOrderQty": rules.max_order_lots,
        "maxPrice": _MAX_PRICE,
        "lotSize": rules.lot_size,
        "tickSize": rules.tick_size,
        "indexPriceTickSize": rules.tick_size / 10,
        "multiplier": -rules.multiplier if rules.is_inverse else rules.multiplier,
        "initialMargin": rules.initial_margin_rate,
        "maintainMargin": rules.maintenance_margin_rate,
        "maxRiskLimit": whole(limit),
        "minRiskLimit": whole(limit),
        "riskStep": whole(limit / 2),
        "crossRiskLimit": rules.cross_risk_limit,
        "makerFeeRate": rules.maker_fee_rate,
        "takerFeeRate": rules.taker_fee_rate,
        "takerFixFee": ZERO,
        "makerFixFee": ZERO,
        "settlementFee": None,
        "isDeleverage": True,
        "isQuanto": not rules.is_inverse,
        "isInverse": rules.is_inverse,
        "maxLeverage": whole(rules.max_leverage),
        "k": rules.k,
        "m": rules.m,
        "f": rules.f,
        "mmrLimit": rules.mmr_limit,
        "mmrLevConstant": rules.mmr_lev_constant,
        "supportCross": True,
        "orderPriceRange": rules.price_band,
        **_announced(rules),
    }


def _announced(rules: ContractRules) -> dict[str, object]:
    """Constants that change later; a contract without them lists no such fields."""
    change = rules.announced
    if change is None:
        return {}
    return {
        "adjustK": change.k,
        "adjustM": change.m,
        "adjustMmrLevConstant": change.mmr_lev_constant,
        "adjustActiveTime": ms(change.at),
    }


def _prices(rules: ContractRules, quote: ContractQuote) -> dict[str, object]:
    day, mark = quote.day, quote.mark
    band = rules.price_band
    change = None if day is None else day.close - day.open
    return {
        "status": "Paused" if quote.is_halted else "Open",
        "openInterest": str(quote.own_lots),
        "turnoverOf24h": None if day is None else scaled(day.turnover),
        "volumeOf24h": None if day is None else scaled(day.volume),
        "markPrice": mark,
        "indexPrice": quote.index,
        "lastTradePrice": quote.last,
        "lowPrice": None if day is None else day.low,
        "highPrice": None if day is None else day.high,
        "priceChgPct": (
            None if day is None or change is None else _share(change, day.open)
        ),
        "priceChg": change,
        "buyLimit": None if mark is None else scaled(mark * (ONE + band)),
        "sellLimit": None if mark is None else scaled(mark * (ONE - band)),
    }


def _share(change: Decimal, of: Decimal) -> Decimal:
    return scaled(change / of, Decimal("0.0001"))


def contract(rules: ContractRules, quote: ContractQuote) -> dict[str, object]:
    """One contract as ``contracts/active`` lists it."""
    return {
        **_names(rules),
        **_terms(rules),
        **_funding(rules, quote),
        **_prices(rules, quote),
    }


def book_sequence(at: datetime) -> int:
    """The number of a book's state: the time at which the market last moved.

    It is above the numbers of all increments of that time (``pushes_books``).
    """
    return ms(at) * 1000 + 999


def ticker(
    symbol: str,
    last: Decimal,
    books: tuple[Sequence[Level], Sequence[Level]],
    at: datetime,
) -> dict[str, object]:
    """The last price and the fronts of the book; ``books`` are bids and asks."""
    bids, asks = books
    return {
        "sequence": book_sequence(at),
        "symbol": symbol,
        "side": "buy",
        "size": int(asks[0].qty) if asks else 0,
        "tradeId": str(book_sequence(at)),
        "price": plain(last),
        "bestBidPrice": plain(bids[0].price if bids else last),
        "bestBidSize": int(bids[0].qty) if bids else 0,
        "bestAskPrice": plain(asks[0].price if asks else last),
        "bestAskSize": int(asks[0].qty) if asks else 0,
        "ts": ns(at),
    }


def full_book(
    symbol: str,
    books: tuple[Sequence[Level], Sequence[Level]],
    at: datetime,
    depth: int | None,
) -> dict[str, object]:
    """Bids and asks with prices as numbers; ``depth`` levels, None is all."""
    bids, asks = books
    return {
        "sequence": book_sequence(at),
        "symbol": symbol,
        "bids": [[Decimal(plain(x.price)), int(x.qty)] for x in bids[:depth]],
        "asks": [[Decimal(plain(x.price)), int(x.qty)] for x in asks[:depth]],
        "ts": ns(at),
    }


def candle_row(rules: ContractRules, candle: Candle) -> list[object]:
    """``[time, open, high, low, close, lots, turnover]`` of ``kline/query``."""
    lots = candle.volume / rules.multiplier
    if rules.is_inverse:
        lots = candle.turnover / rules.multiplier
    return [
        candle.start_s * 1000,
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        int(lots),
        scaled(candle.turnover),
    ]


def mark_price(rules: ContractRules, quote: ContractQuote) -> dict[str, object]:
    """The mark and the index of a contract."""
    return {
        "symbol": rules.symbol,
        "granularity": 1000,
        "timePoint": ms(quote.at) // 1000 * 1000,
        "value": quote.mark,
        "indexPrice": quote.index,
    }


def current_funding(rules: ContractRules, quote: ContractQuote) -> dict[str, object]:
    """The running interval's rate and when it settles."""
    settles, interval = (
        next_settlement(quote.funding, quote.at),
        interval_ms(quote.funding),
    )
    rate = None if quote.funding is None else exact(quote.funding.funding_rate)
    return {
        "symbol": funding_symbol(rules),
        "granularity": interval,
        "timePoint": settles - interval,
        "value": rate,
        "predictedValue": None,
        "fundingRateCap": rules.funding_rate_cap,
        "fundingRateFloor": rules.funding_rate_floor,
        "period": 1,
        "fundingTime": settles,
    }


def risk_limits(rules: ContractRules) -> list[Mapping[str, object]]:
    """The isolated tiers, level 1 first."""
    lower = ZERO
    found: list[Mapping[str, object]] = []
    for level, tier in enumerate(rules.tiers, start=1):
        found.append(_tier(rules.symbol, level, lower, tier))
        lower = tier.max_notional
    return found


def _tier(symbol: str, level: int, lower: Decimal, tier: RiskTier) -> dict[str, object]:
    return {
        "symbol": symbol,
        "level": level,
        "maxRiskLimit": whole(tier.max_notional),
        "minRiskLimit": whole(lower),
        "maxLeverage": whole(tier.max_leverage),
        "initialMargin": tier.initial_margin_rate,
        "maintainMargin": tier.maintenance_margin_rate,
    }
