"""What the spot host's sockets push about the market: marks, tickers, books, candles.

Everything is read from the venue's tape and book at the time of the push. The user's
own trades are the only public trades there are. Nothing here knows who subscribed.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.events import Event, Filled
from bot.domain.money import plain
from connectors.venue.book import Level
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import SPOT_HOST
from connectors.venue.server.futures_market_handlers import book_levels, moved_at
from connectors.venue.server.pushes import Push
from connectors.venue.server.pushes_market import (
    SPANS_S,
    Builder,
    MarketTopic,
    newest,
)
from connectors.venue.server.spot_candles import SpotCandles
from connectors.venue.server.words_futures_common import exact, scaled
from connectors.venue.server.words_futures_market import book_sequence
from connectors.venue.server.words_spot_basic import btc_mark, in_seconds, ms, ns

__all__ = ["SPOT_TOPICS", "all_tickers", "spot_trades"]


def _margin_mark(
    backend: Backend, symbol: str, at: datetime
) -> Mapping[str, object] | None:
    """The mark of ``X-BTC``."""
    coin, _, quote = symbol.partition("-")
    value = btc_mark(backend.venue.tape, coin) if quote == "BTC" else None
    if value is None:
        return None
    return {
        "symbol": symbol,
        "granularity": 1000,
        "timestamp": in_seconds(at) * 1000,
        "value": exact(value),
    }


def _spot_last(backend: Backend, symbol: str) -> Decimal | None:
    if symbol not in backend.venue.rules.spot:
        return None
    return backend.venue.tape.last(symbol)


def _front(levels: Sequence[Level], last: Decimal) -> tuple[str, str]:
    """Price and size of the best level; an empty side shows the last price."""
    if not levels:
        return plain(last), "0"
    return plain(levels[0].price), plain(levels[0].qty)


def _spot_ticker(
    backend: Backend, symbol: str, at: datetime
) -> Mapping[str, object] | None:
    last = _spot_last(backend, symbol)
    if last is None:
        return None
    bids, asks = book_levels(backend, symbol, at)
    bid, bid_size = _front(bids, last)
    ask, ask_size = _front(asks, last)
    return {
        "sequence": str(book_sequence(moved_at(backend))),
        "price": plain(last),
        "size": ask_size,
        "bestAsk": ask,
        "bestAskSize": ask_size,
        "bestBid": bid,
        "bestBidSize": bid_size,
        "time": ms(at),
    }


def _spot_front(
    backend: Backend, symbol: str, at: datetime
) -> Mapping[str, object] | None:
    last = _spot_last(backend, symbol)
    if last is None:
        return None
    bids, asks = book_levels(backend, symbol, at)
    return {
        "asks": list(_front(asks, last)),
        "bids": list(_front(bids, last)),
        "timestamp": ms(at),
    }


def _spot_depth(depth: int) -> Builder:
    def build(
        backend: Backend, symbol: str, at: datetime
    ) -> Mapping[str, object] | None:
        if _spot_last(backend, symbol) is None:
            return None
        bids, asks = book_levels(backend, symbol, at)
        return {
            "asks": [[plain(x.price), plain(x.qty)] for x in asks[:depth]],
            "bids": [[plain(x.price), plain(x.qty)] for x in bids[:depth]],
            "timestamp": ms(at),
        }

    return build


def _spot_candle(
    backend: Backend, symbol: str, at: datetime
) -> Mapping[str, object] | None:
    """The running candle of ``BTC-USDT_1min``: time, open, close, high, low, ..."""
    pair, _, name = symbol.partition("_")
    span = SPANS_S.get(name)
    if span is None:
        return None
    candle = newest(backend.part(SpotCandles).of(pair, span))
    if candle is None:
        return None
    prices = (candle.open, candle.close, candle.high, candle.low)
    return {
        "symbol": pair,
        "candles": [
            str(candle.start_s),
            *(plain(price) for price in prices),
            plain(candle.volume),
            plain(candle.turnover),
        ],
        "time": ns(at),
    }


def _spot_snapshot(
    backend: Backend, symbol: str, at: datetime
) -> Mapping[str, object] | None:
    last = _spot_last(backend, symbol)
    day = backend.part(SpotCandles).last_day(symbol, at)
    if last is None or day is None:
        return None
    bids, asks = book_levels(backend, symbol, at)
    rules = backend.venue.rules.spot[symbol]
    maker, taker = backend.venue.rules.spot_fee_rates[symbol]
    change = last - day.open
    return {
        "sequence": str(book_sequence(moved_at(backend))),
        "data": {
            "baseCurrency": rules.base,
            "quoteCurrency": rules.quote,
            "board": 1,
            "buy": exact(bids[0].price if bids else last),
            "sell": exact(asks[0].price if asks else last),
            "changePrice": exact(change),
            "changeRate": scaled(change / day.open, Decimal("0.0001")),
            "close": exact(last),
            "datetime": ms(at),
            "high": exact(day.high),
            "lastTradedPrice": exact(last),
            "low": exact(day.low),
            "makerFeeRate": exact(maker),
            "takerFeeRate": exact(taker),
            "marginTrade": symbol in backend.venue.rules.isolated_pairs,
            "mark": 0,
            "market": "USDS",
            "markets": ["USDS"],
            "open": exact(day.open),
            "symbol": symbol,
            "symbolCode": symbol,
            "trading": not backend.venue.tape.is_halted(symbol),
            "vol": scaled(day.volume),
            "volValue": scaled(day.turnover),
        },
    }


def _topic(
    head: str, subject: str, build: Builder, every_s: int | None = None
) -> MarketTopic:
    return MarketTopic(
        host=SPOT_HOST, head=head, subject=subject, build=build, every_s=every_s
    )


SPOT_TOPICS: Final[tuple[MarketTopic, ...]] = (
    _topic("/indicator/markPrice", "tick", _margin_mark, 1),
    _topic("/indicator/index", "tick", _margin_mark, 1),
    _topic("/market/ticker", "trade.ticker", _spot_ticker),
    _topic("/spotMarket/level1", "level1", _spot_front),
    _topic("/spotMarket/level2Depth5", "level2", _spot_depth(5)),
    _topic("/spotMarket/level2Depth50", "level2", _spot_depth(50)),
    _topic("/market/candles", "trade.candles.update", _spot_candle),
    _topic("/market/snapshot", "trade.snapshot", _spot_snapshot, 2),
)
"""Every public topic of the host that has a symbol."""


def all_tickers(backend: Backend, at: datetime) -> Iterator[Push]:
    """The ticker of every pair, for ``/market/ticker:all``; the subject is the pair."""
    topic = "/market/ticker:all"
    for symbol in sorted(backend.venue.rules.spot):
        data = _spot_ticker(backend, symbol, at)
        if data is not None:
            yield Push(
                subject=symbol,
                data=data,
                topics=(topic,),
                is_state=True,
            )


def spot_trades(events: Sequence[Event], backend: Backend) -> Iterator[Push]:
    """The user's own spot and margin trades as public ones."""
    for event in events:
        if isinstance(event, Filled) and event.symbol in backend.venue.rules.spot:
            yield _spot_trade(event)


def _spot_trade(fill: Filled) -> Push:
    topic = f"/market/match:{fill.symbol}"
    maker, taker = _parties(fill)
    return Push(
        subject="trade.l3match",
        topics=(topic,),
        data={
            "makerOrderId": maker,
            "price": plain(fill.price),
            "sequence": str(ns(fill.at)),
            "side": fill.side.value,
            "size": plain(fill.qty),
            "symbol": fill.symbol,
            "takerOrderId": taker,
            "time": str(ns(fill.at)),
            "tradeId": fill.trade_id,
            "type": "match",
        },
    )


def _parties(fill: Filled) -> tuple[str, str]:
    """Maker's and taker's order ids; the other party is nobody."""
    return (fill.order_id, "") if fill.is_maker else ("", fill.order_id)
