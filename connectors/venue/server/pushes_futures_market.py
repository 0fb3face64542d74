"""What the futures host's sockets push about the market, and its settlements.

Everything is read from the venue's tape, book and archive at the time of the push. The
user's own trades are the only public trades there are. Nothing here knows who
subscribed.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.events import Event, Filled
from bot.domain.money import plain
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import FUTURES_HOST
from connectors.venue.server.futures_candles import FuturesCandles
from connectors.venue.server.futures_market_handlers import (
    book_levels,
    contract_quote,
    moved_at,
)
from connectors.venue.server.pushes import Push
from connectors.venue.server.pushes_market import (
    SPANS_S,
    Builder,
    MarketTopic,
    newest,
)
from connectors.venue.server.words_futures_common import exact, ms, ns, scaled
from connectors.venue.server.words_futures_market import (
    book_sequence,
    interval_ms,
    ticker,
)
from connectors.venue.server.words_spot_basic import in_seconds

__all__ = ["FUTURES_TOPICS", "futures_trades", "settlement_pushes"]


def _has_contract(backend: Backend, symbol: str) -> bool:
    is_listed = symbol in backend.venue.rules.contracts
    return is_listed and backend.venue.tape.last(symbol) is not None


def _contract_mark(
    backend: Backend, symbol: str, at: datetime
) -> Mapping[str, object] | None:
    if symbol not in backend.venue.rules.contracts:
        return None
    rules = backend.venue.rules.contracts[symbol]
    tape = backend.venue.tape
    mark, index = tape.futures_mark(symbol), tape.mark(rules.base)
    if mark is None:
        return None
    return {
        "markPrice": exact(mark),
        "indexPrice": exact(mark if index is None else index),
        "granularity": 1000,
        "timestamp": in_seconds(at) * 1000,
    }


def _funding(
    backend: Backend, symbol: str, at: datetime
) -> Mapping[str, object] | None:
    """The predicted rate, each minute."""
    quote = backend.archive.quotes.get(symbol)
    if quote is None:
        return None
    return {
        "period": 1,
        "granularity": 60000,
        "fundingRate": exact(quote.funding_rate),
        "timestamp": in_seconds(at) // 60 * 60000,
    }


def _ticker_v1(
    backend: Backend, symbol: str, at: datetime
) -> Mapping[str, object] | None:
    last = backend.venue.tape.last(symbol)
    if last is None or not _has_contract(backend, symbol):
        return None
    return ticker(symbol, last, book_levels(backend, symbol, at), moved_at(backend))


def _ticker_v2(
    backend: Backend, symbol: str, at: datetime
) -> Mapping[str, object] | None:
    found = _ticker_v1(backend, symbol, at)
    if found is None:
        return None
    return {
        name: value
        for name, value in found.items()
        if name not in {"side", "size", "price", "tradeId"}
    }


def _futures_depth(depth: int) -> Builder:
    def build(
        backend: Backend, symbol: str, at: datetime
    ) -> Mapping[str, object] | None:
        if not _has_contract(backend, symbol):
            return None
        bids, asks = book_levels(backend, symbol, at)
        return {
            "bids": [[plain(x.price), int(x.qty)] for x in bids[:depth]],
            "sequence": book_sequence(moved_at(backend)),
            "timestamp": ms(at),
            "ts": ms(at),
            "asks": [[plain(x.price), int(x.qty)] for x in asks[:depth]],
        }

    return build


def _futures_candle(
    backend: Backend, symbol: str, at: datetime
) -> Mapping[str, object] | None:
    """The running candle of ``XBTUSDTM_1min``; the volume is in lots."""
    name, _, length = symbol.partition("_")
    span = SPANS_S.get(length)
    rules = backend.venue.rules.contracts.get(name)
    if span is None or rules is None:
        return None
    candle = newest(backend.part(FuturesCandles).of(name, span))
    if candle is None:
        return None
    lots = str(int(candle.volume / rules.multiplier))
    prices = (candle.open, candle.close, candle.high, candle.low)
    return {
        "symbol": name,
        "candles": [str(candle.start_s), *(plain(p) for p in prices), lots, lots],
        "time": ms(at),
    }


def _futures_snapshot(
    backend: Backend, symbol: str, at: datetime
) -> Mapping[str, object] | None:
    if not _has_contract(backend, symbol):
        return None
    rules = backend.venue.rules.contracts[symbol]
    quote = contract_quote(backend, rules, at)
    day = quote.day
    if day is None:
        return None
    return {
        "highPrice": exact(day.high),
        "lastPrice": exact(day.close),
        "lowPrice": exact(day.low),
        "price24HoursBefore": exact(day.open),
        "priceChg": exact(day.close - day.open),
        "priceChgPct": scaled((day.close - day.open) / day.open, Decimal("0.0001")),
        "symbol": symbol,
        "ts": ns(at),
        "turnover": scaled(day.turnover),
        "volume": scaled(day.volume),
    }


def _topic(
    head: str, subject: str, build: Builder, every_s: int | None = None
) -> MarketTopic:
    return MarketTopic(
        host=FUTURES_HOST, head=head, subject=subject, build=build, every_s=every_s
    )


FUTURES_TOPICS: Final[tuple[MarketTopic, ...]] = (
    _topic("/contract/instrument", "mark.index.price", _contract_mark, 1),
    _topic("/contract/instrument", "funding.rate", _funding, 60),
    _topic("/contractMarket/tickerV2", "tickerV2", _ticker_v2),
    _topic("/contractMarket/ticker", "ticker", _ticker_v1),
    _topic("/contractMarket/level2Depth5", "level2", _futures_depth(5)),
    _topic("/contractMarket/level2Depth50", "level2", _futures_depth(50)),
    _topic("/contractMarket/limitCandle", "candle.stick", _futures_candle, 1),
    _topic("/contractMarket/snapshot", "snapshot.24h", _futures_snapshot, 5),
)
"""Every public topic of the host that has a symbol."""


def futures_trades(events: Sequence[Event], backend: Backend) -> Iterator[Push]:
    """The user's own futures trades as public ones."""
    for event in events:
        if isinstance(event, Filled) and event.symbol in backend.venue.rules.contracts:
            yield _futures_trade(event)


def _futures_trade(fill: Filled) -> Push:
    topic = f"/contractMarket/execution:{fill.symbol}"
    maker, taker = _parties(fill)
    return Push(
        subject="match",
        topics=(topic,),
        data={
            "symbol": fill.symbol,
            "sequence": ns(fill.at),
            "side": fill.side.value,
            "size": int(fill.qty),
            "price": plain(fill.price),
            "takerOrderId": taker,
            "makerOrderId": maker,
            "tradeId": fill.trade_id,
            "ts": ns(fill.at),
        },
    )


def _parties(fill: Filled) -> tuple[str, str]:
    """Maker's and taker's order ids; the other party is nobody."""
    return (fill.order_id, "") if fill.is_maker else ("", fill.order_id)


def settlement_pushes(backend: Backend) -> Iterator[Push]:
    """The settlements of the newest instant: they begin, end, and state the rate."""
    instant = backend.last_instant
    if instant is None:
        return
    at = ms(instant.at)
    for settlement in instant.settlements:
        symbol, rate = settlement.symbol, exact(settlement.funding_rate)
        for subject in ("funding.begin", "funding.end"):
            yield Push(
                subject=subject,
                topics=("/contract/announcement", f"/contract/announcement:{symbol}"),
                data={
                    "symbol": symbol,
                    "fundingTime": at,
                    "fundingRate": rate,
                    "timestamp": at,
                },
            )
        topic = f"/contract/instrument:{symbol}"
        yield Push(
            subject="funding.rate",
            topics=(topic,),
            data={
                "period": 1,
                "granularity": interval_ms(backend.archive.quotes.get(symbol)),
                "fundingRate": rate,
                "timestamp": at,
            },
        )
