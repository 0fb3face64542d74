"""The futures host's public market endpoints.

They read the venue's tape, its book and the archive; they change nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.instruments import ContractRules
from bot.domain.money import ZERO, plain
from bot.domain.orders import Side
from connectors.venue.book import Level
from connectors.venue.server import words_futures_market as words
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import Call, ProblemError
from connectors.venue.server.futures_candles import FuturesCandles
from connectors.venue.server.futures_forms import (
    BAD_PARAMETER,
    asked_contract,
    query,
    query_int,
    span,
)
from connectors.venue.server.words_futures_common import exact, ms, ns, scaled, word
from connectors.venue.server.words_spot_basic import in_seconds

__all__ = [
    "active_contracts",
    "all_tickers",
    "book_levels",
    "contract_quote",
    "current_funding_rate",
    "funding_rates",
    "index_history",
    "interest_history",
    "klines",
    "mark_price",
    "moved_at",
    "one_contract",
    "order_book",
    "premium_history",
    "risk_limits",
    "ticker",
    "trade_history",
    "trade_statistics",
]

_GRANULARITIES: Final = (1, 5, 15, 30, 60, 120, 240, 480, 720, 1440, 10080)
_MOST_CANDLES: Final = 500
_MOST_TRADES: Final = 100


def moved_at(backend: Backend) -> datetime:
    """When the market last moved: the time that a book and a ticker carry."""
    instant = backend.last_instant
    return backend.now() if instant is None else instant.at


def book_levels(
    backend: Backend, symbol: str, at: datetime
) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """Bids and asks of a symbol, best first."""
    when = max(at, backend.venue.now)
    return (
        backend.venue.book(when, symbol, Side.SELL),
        backend.venue.book(when, symbol, Side.BUY),
    )


def contract_quote(
    backend: Backend, rules: ContractRules, at: datetime
) -> words.ContractQuote:
    """Everything that the market says of a contract now."""
    tape, symbol = backend.venue.tape, rules.symbol
    mark = tape.futures_mark(symbol)
    index = tape.mark(rules.base)
    lots = [
        abs(position.lots)
        for key, position in backend.venue.futures.positions.items()
        if key.symbol == symbol
    ]
    return words.ContractQuote(
        at=at,
        mark=mark,
        index=mark if index is None else index,
        last=tape.last(symbol),
        funding=backend.archive.quotes.get(symbol),
        day=backend.part(FuturesCandles).last_day(symbol),
        own_lots=sum(lots),
        is_halted=tape.is_halted(symbol),
    )


def _priced(backend: Backend) -> list[ContractRules]:
    """The contracts that have a price, by symbol."""
    rules = backend.venue.rules.contracts
    tape = backend.venue.tape
    return [rules[name] for name in sorted(rules) if tape.last(name) is not None]


def active_contracts(backend: Backend, call: Call) -> object:
    """``GET /api/v1/contracts/active``."""
    return [
        words.contract(rules, contract_quote(backend, rules, call.at))
        for rules in _priced(backend)
    ]


def one_contract(backend: Backend, call: Call) -> object:
    """``GET /api/v1/contracts/{symbol}``."""
    rules = asked_contract(backend, call)
    return words.contract(rules, contract_quote(backend, rules, call.at))


def ticker(backend: Backend, call: Call) -> object:
    """``GET /api/v1/ticker``."""
    return _ticker(backend, asked_contract(backend, call).symbol, call.at)


def all_tickers(backend: Backend, call: Call) -> object:
    """``GET /api/v1/allTickers``."""
    return [_ticker(backend, rules.symbol, call.at) for rules in _priced(backend)]


def _ticker(backend: Backend, symbol: str, at: datetime) -> dict[str, object]:
    last = backend.venue.tape.last(symbol)
    books = book_levels(backend, symbol, at)
    return words.ticker(symbol, last or ZERO, books, moved_at(backend))


def order_book(backend: Backend, call: Call) -> object:
    """``GET /api/v1/level2/snapshot`` and ``/api/v1/level2/depth{size}``."""
    symbol = asked_contract(backend, call).symbol
    depths = {"depth20": 20, "depth100": 100}
    depth = depths.get(call.path.rpartition("/")[2])
    books = book_levels(backend, symbol, call.at)
    return words.full_book(symbol, books, moved_at(backend), depth)


def trade_history(backend: Backend, call: Call) -> object:
    """``GET /api/v1/trade/history``: the trades of the only user there is."""
    symbol = asked_contract(backend, call).symbol
    fills = [r for r in backend.archive.fills if r.fill.symbol == symbol]
    return [
        {
            "sequence": record.number,
            "contractId": 1,
            "tradeId": record.fill.trade_id,
            "makerOrderId": record.fill.order_id if record.fill.is_maker else "",
            "takerOrderId": "" if record.fill.is_maker else record.fill.order_id,
            "ts": ns(record.fill.at),
            "size": int(record.fill.qty),
            "price": plain(record.fill.price),
            "side": record.fill.side.value,
        }
        for record in reversed(fills[-_MOST_TRADES:])
    ]


def klines(backend: Backend, call: Call) -> object:
    """``GET /api/v1/kline/query``: at most 500 candles, oldest first."""
    rules = asked_contract(backend, call)
    minutes = query_int(call, "granularity", 0)
    if minutes not in _GRANULARITIES:
        raise ProblemError(
            BAD_PARAMETER,
            f"granularity must be one of {', '.join(map(str, _GRANULARITIES))}.",
        )
    first, last = span(call, "from", "to")
    candles = [
        candle
        for candle in backend.part(FuturesCandles).of(
            rules.symbol, minutes * 60, in_seconds(first)
        )
        if ms(first) <= candle.start_s * 1000 <= ms(last)
    ]
    return [words.candle_row(rules, candle) for candle in candles[-_MOST_CANDLES:]]


def mark_price(backend: Backend, call: Call) -> object:
    """``GET /api/v1/mark-price/{symbol}/current``."""
    rules = asked_contract(backend, call)
    return words.mark_price(rules, contract_quote(backend, rules, call.at))


def current_funding_rate(backend: Backend, call: Call) -> object:
    """``GET /api/v1/funding-rate/{symbol}/current``."""
    rules = asked_contract(backend, call)
    return words.current_funding(rules, contract_quote(backend, rules, call.at))


def funding_rates(backend: Backend, call: Call) -> object:
    """``GET /api/v1/contract/funding-rates``: settled rates, newest first."""
    symbol = asked_contract(backend, call).symbol
    for name in ("from", "to"):
        query(call, name)
    first, last = span(call, "from", "to")
    return [
        {
            "symbol": symbol,
            "fundingRate": exact(rate.funding_rate),
            "timepoint": ms(rate.at),
        }
        for rate in reversed(backend.archive.settled_rates)
        if rate.symbol == symbol and first <= rate.at <= last
    ][:_MOST_TRADES]


def index_history(backend: Backend, call: Call) -> object:
    """``GET /api/v1/index/query``: the newest value of an index only."""
    name = query(call, "symbol")
    for rules in _priced(backend):
        if words.index_symbol(rules) == name:
            quote = contract_quote(backend, rules, call.at)
            row = {
                "symbol": name,
                "granularity": 1000,
                "timePoint": ms(moved_at(backend)) // 1000 * 1000,
                "value": quote.index,
                "decomposionList": [
                    {"exchange": "kucoin", "price": quote.index, "weight": Decimal(1)}
                ],
            }
            return {"dataList": [row], "hasMore": False}
    raise ProblemError(BAD_PARAMETER, f"Index {name} does not exist.")


def premium_history(backend: Backend, call: Call) -> object:
    """``GET /api/v1/premium/query``: the newest premium of a contract only."""
    name = query(call, "symbol")
    for rules in _priced(backend):
        quote = contract_quote(backend, rules, call.at)
        names = {f".{rules.symbol}PI", f".{rules.symbol}PI8H"}
        if name in names and quote.mark is not None and quote.index is not None:
            row = {
                "symbol": name,
                "granularity": 60000,
                "timePoint": ms(moved_at(backend)) // 60000 * 60000,
                "value": scaled((quote.mark - quote.index) / quote.index),
            }
            return {"dataList": [row], "hasMore": False}
    raise ProblemError(BAD_PARAMETER, f"Premium index {name} does not exist.")


def interest_history(backend: Backend, call: Call) -> object:
    """``GET /api/v1/interest/query``: no interest index is known here, so no rows."""
    name = query(call, "symbol")
    known = {
        f".{word(coin)}INT{span}"
        for rules in backend.venue.rules.contracts.values()
        for coin in (rules.base, rules.quote)
        for span in ("", "8H")
    }
    if name not in known:
        raise ProblemError(BAD_PARAMETER, f"Interest index {name} does not exist.")
    return {"dataList": [], "hasMore": False}


def risk_limits(backend: Backend, call: Call) -> object:
    """``GET /api/v1/contracts/risk-limit/{symbol}``: the isolated tiers."""
    return words.risk_limits(asked_contract(backend, call))


def trade_statistics(backend: Backend, _call: Call) -> Mapping[str, object]:
    """``GET /api/v1/trade-statistics``: the turnover of a day, all contracts."""
    days = [backend.part(FuturesCandles).last_day(r.symbol) for r in _priced(backend)]
    turnover = sum((day.turnover for day in days if day is not None), ZERO)
    return {"turnoverOf24h": scaled(turnover)}
