"""The public market endpoints of the spot host: time, pairs, prices, books, candles.

They read the tape and the rebuilt books and change nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.fees import spot_fee_rates
from bot.domain.instruments import SpotRules
from bot.domain.money import ZERO, plain
from bot.domain.orders import Side
from connectors.venue.book import Level
from connectors.venue.server.asks import query_text, query_whole, query_word
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import Call, ProblemError
from connectors.venue.server.minutes import Candle
from connectors.venue.server.spot_candles import SpotCandles
from connectors.venue.server.words_spot_basic import in_seconds, ms, ns, trailing_number
from connectors.venue.server.words_spot_rules import (
    coin_names,
    currency_words,
    symbol_words,
)

__all__ = [
    "all_tickers",
    "announcements",
    "currencies",
    "currency",
    "fiat_prices",
    "full_book",
    "klines",
    "markets",
    "part_book_20",
    "part_book_100",
    "spot_pair",
    "status",
    "symbol",
    "symbols",
    "ticker",
    "ticker_24h",
    "timestamp",
    "trade_history",
]

_SPANS_S: Final = {
    "1min": 60,
    "3min": 180,
    "5min": 300,
    "15min": 900,
    "30min": 1800,
    "1hour": 3600,
    "2hour": 7200,
    "4hour": 14400,
    "6hour": 21600,
    "8hour": 28800,
    "12hour": 43200,
    "1day": 86400,
    "1week": 604800,
}
_MOST_CANDLES: Final = 1500
_MOST_TRADES: Final = 100
_LAST_SECOND: Final = 10**11


def timestamp(backend: Backend, call: Call) -> object:
    """``GET /api/v1/timestamp``: the venue's time in milliseconds."""
    return ms(call.at)


def status(backend: Backend, call: Call) -> object:
    """``GET /api/v1/status``."""
    return {"status": "open", "msg": ""}


def announcements(backend: Backend, call: Call) -> object:
    """``GET /api/v3/announcements``: there are none."""
    size = query_whole(call, "pageSize", 15, 1, 500)
    return {
        "totalNum": 0,
        "totalPage": 0,
        "currentPage": query_whole(call, "currentPage", 1, 1, 10**6),
        "pageSize": size,
        "items": [],
    }


def markets(backend: Backend, call: Call) -> object:
    """``GET /api/v1/markets``: the names of the markets that have pairs."""
    rules = backend.venue.rules
    found = {
        str(symbol_words(pair, rules, backend.venue.tape)["market"])
        for pair in rules.spot.values()
    }
    return sorted(found)


def currencies(backend: Backend, call: Call) -> object:
    """``GET /api/v3/currencies``."""
    rules = backend.venue.rules
    return [currency_words(coin, rules) for coin in coin_names(rules)]


def currency(backend: Backend, call: Call) -> object:
    """``GET /api/v3/currencies/{currency}``."""
    rules, name = backend.venue.rules, call.args["currency"]
    if name not in coin_names(rules):
        raise ProblemError("900003", f"currency {name} does not exist.")
    return currency_words(name, rules)


def symbols(backend: Backend, call: Call) -> object:
    """``GET /api/v2/symbols``; ``market`` filters."""
    rules, tape = backend.venue.rules, backend.venue.tape
    wanted = call.query.get("market", "")
    found = [symbol_words(pair, rules, tape) for pair in rules.spot.values()]
    return [words for words in found if wanted in {"", words["market"]}]


def symbol(backend: Backend, call: Call) -> object:
    """``GET /api/v2/symbols/{symbol}``."""
    pair = spot_pair(backend, call.args["symbol"])
    return symbol_words(pair, backend.venue.rules, backend.venue.tape)


def spot_pair(backend: Backend, name: str) -> SpotRules:
    """The rules of a pair.

    Raises:
        ProblemError: There is no such pair.
    """
    pair = backend.venue.rules.spot.get(name)
    if pair is None:
        raise ProblemError("900001", f"symbol {name} does not exist.")
    return pair


def _last(backend: Backend, pair: SpotRules) -> Decimal:
    """The last price of a pair.

    Raises:
        ProblemError: It has not traded yet.
    """
    last = backend.venue.tape.last(pair.symbol)
    if last is None:
        raise ProblemError("900001", f"{pair.symbol} has not traded yet.")
    return last


def _best(backend: Backend, at: datetime, symbol: str) -> tuple[Level, Level]:
    """The best bid and the best ask; a zero level where a side is empty."""
    bids = backend.venue.book(at, symbol, Side.SELL)
    asks = backend.venue.book(at, symbol, Side.BUY)
    nothing = Level(ZERO, ZERO)
    return (bids[0] if bids else nothing), (asks[0] if asks else nothing)


def ticker(backend: Backend, call: Call) -> object:
    """``GET /api/v1/market/orderbook/level1``."""
    pair = spot_pair(backend, query_text(call, "symbol"))
    bid, ask = _best(backend, call.at, pair.symbol)
    return {
        "time": ms(call.at),
        "sequence": str(ms(call.at)),
        "price": plain(_last(backend, pair)),
        "size": plain(pair.base_min),
        "bestBid": plain(bid.price),
        "bestBidSize": plain(bid.qty),
        "bestAsk": plain(ask.price),
        "bestAskSize": plain(ask.qty),
    }


def _day_words(backend: Backend, call: Call, pair: SpotRules) -> dict[str, object]:
    """The last 24 hours of a pair; the volume is the market's rate over a day.

    The rates are those of the pair's fee class: KuCoin's coefficients are 0 or 1.
    """
    last = _last(backend, pair)
    day = backend.part(SpotCandles).last_day(pair.symbol, call.at)
    opened = last if day is None else day.open
    minutes = 24 * 60
    liquidity = backend.venue.tape.liquidity(pair.symbol)
    volume = ZERO if liquidity is None else liquidity.volume_1m * minutes
    rates = spot_fee_rates(0, pair.fee_class)
    return {
        "symbol": pair.symbol,
        "changeRate": plain(((last - opened) / opened).quantize(Decimal("0.0001"))),
        "changePrice": plain(last - opened),
        "high": plain(last if day is None else day.high),
        "low": plain(last if day is None else day.low),
        "vol": plain(volume),
        "volValue": plain(volume * last),
        "last": plain(last),
        "averagePrice": plain((last + opened) / 2),
        "takerFeeRate": plain(rates.taker),
        "makerFeeRate": plain(rates.maker),
        "takerCoefficient": "1",
        "makerCoefficient": "1",
    }


def ticker_24h(backend: Backend, call: Call) -> object:
    """``GET /api/v1/market/stats``."""
    pair = spot_pair(backend, query_text(call, "symbol"))
    bid, ask = _best(backend, call.at, pair.symbol)
    return {
        "time": ms(call.at),
        "buy": plain(bid.price),
        "sell": plain(ask.price),
        **_day_words(backend, call, pair),
    }


def all_tickers(backend: Backend, call: Call) -> object:
    """``GET /api/v1/market/allTickers``: every pair that has traded."""
    rows = []
    for pair in backend.venue.rules.spot.values():
        if backend.venue.tape.last(pair.symbol) is None:
            continue
        bid, ask = _best(backend, call.at, pair.symbol)
        rows.append(
            {
                "symbolName": pair.symbol,
                "buy": plain(bid.price),
                "bestBidSize": plain(bid.qty),
                "sell": plain(ask.price),
                "bestAskSize": plain(ask.qty),
                **_day_words(backend, call, pair),
            }
        )
    return {"time": ms(call.at), "ticker": rows}


def fiat_prices(backend: Backend, call: Call) -> object:
    """``GET /api/v1/prices``: coins in USD, taken as their marks in USDT."""
    wanted = {name for name in call.query.get("currencies", "").split(",") if name}
    tape = backend.venue.tape
    marks: Mapping[str, Decimal | None] = {
        coin: tape.mark(coin)
        for coin in coin_names(backend.venue.rules)
        if not wanted or coin in wanted
    }
    return {coin: plain(mark) for coin, mark in marks.items() if mark is not None}


def _book(backend: Backend, call: Call, most: int | None) -> object:
    """A book from the venue's own levels, the best first on both sides."""
    name = spot_pair(backend, query_text(call, "symbol")).symbol
    sides = {
        word: backend.venue.book(call.at, name, side)[:most]
        for word, side in (("bids", Side.SELL), ("asks", Side.BUY))
    }
    return {
        "time": ms(call.at),
        "sequence": str(ms(call.at)),
        **{
            word: [[plain(level.price), plain(level.qty)] for level in levels]
            for word, levels in sides.items()
        },
    }


def part_book_20(backend: Backend, call: Call) -> object:
    """``GET /api/v1/market/orderbook/level2_20``."""
    return _book(backend, call, 20)


def part_book_100(backend: Backend, call: Call) -> object:
    """``GET /api/v1/market/orderbook/level2_100``."""
    return _book(backend, call, 100)


def full_book(backend: Backend, call: Call) -> object:
    """``GET /api/v3/market/orderbook/level2``."""
    return _book(backend, call, None)


def klines(backend: Backend, call: Call) -> object:
    """``GET /api/v1/market/candles``: newest first, at most 1500, times in seconds."""
    pair = spot_pair(backend, query_text(call, "symbol"))
    span = query_word(call, "type", tuple(_SPANS_S)) or query_text(call, "type")
    first = query_whole(call, "startAt", 0, 0, _LAST_SECOND)
    last = query_whole(call, "endAt", 0, 0, _LAST_SECOND) or in_seconds(call.at) + 1
    candles = backend.part(SpotCandles).of(pair.symbol, _SPANS_S[span], first)
    wanted = [candle for candle in candles if first <= candle.start_s < last]
    return [_candle_words(candle) for candle in wanted[: -_MOST_CANDLES - 1 : -1]]


def _candle_words(candle: Candle) -> list[str]:
    """Time, open, close, high, low, volume, turnover: all texts."""
    prices = (candle.open, candle.close, candle.high, candle.low)
    numbers = (*prices, candle.volume, candle.turnover)
    return [str(candle.start_s), *(plain(number) for number in numbers)]


def trade_history(backend: Backend, call: Call) -> object:
    """``GET /api/v1/market/histories``: our own trades are all that is known."""
    name = spot_pair(backend, query_text(call, "symbol")).symbol
    fills = [r.fill for r in backend.archive.fills if r.fill.symbol == name]
    return [
        {
            "sequence": str(trailing_number(fill.trade_id)),
            "price": plain(fill.price),
            "size": plain(fill.qty),
            "side": str(fill.side),
            "time": ns(fill.at),
        }
        for fill in fills[-_MOST_TRADES:]
    ]
