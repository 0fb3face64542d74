"""The public channels of the unified account's sockets that cost nothing to serve.

Clients that watch marks and funding rates only there (ccxt) get them: ``mark-price``,
``funding-fee`` and ``ticker``, of spot pairs and contracts. Their messages have
one-letter names and no topic. Nothing private is served in this form.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.money import plain
from connectors.venue.server.backend import Backend
from connectors.venue.server.futures_market_handlers import book_levels, moved_at
from connectors.venue.server.pushes import Push
from connectors.venue.server.pushes_market import Builder, MarketTopic
from connectors.venue.server.words_futures_common import ms, ns
from connectors.venue.server.words_futures_market import (
    book_sequence,
    interval_ms,
    next_settlement,
)

__all__ = ["UTA_TOPICS", "uta_topic"]

_PREFIX: Final = "uta/"


def uta_topic(channel: str, symbol: str) -> str | None:
    """The topic of a channel and a symbol, None for a channel that is not served.

    Example:
        >>> uta_topic("mark-price", "XBTUSDTM"), uta_topic("kline", "BTC-USDT")
        ('uta/mark-price:XBTUSDTM', None)
    """
    head = _PREFIX + channel
    is_known = any(topic.head == head for topic in UTA_TOPICS)
    return f"{head}:{symbol}" if is_known and symbol else None


def _mark(backend: Backend, symbol: str, at: datetime) -> Mapping[str, object] | None:
    tape, rules = backend.venue.tape, backend.venue.rules
    index: Decimal | None
    if symbol in rules.contracts:
        mark = tape.futures_mark(symbol)
        index = tape.mark(rules.contracts[symbol].base)
    else:
        mark = index = tape.mark(symbol.partition("-")[0])
    if mark is None:
        return None
    return {
        "s": symbol,
        "mp": plain(mark),
        "ip": plain(mark if index is None else index),
        "oi": "0",
        "ts": ms(at) // 1000 * 1000,
    }


def _funding(
    backend: Backend, symbol: str, at: datetime
) -> Mapping[str, object] | None:
    quote = backend.archive.quotes.get(symbol)
    rules = backend.venue.rules.contracts.get(symbol)
    if quote is None or rules is None:
        return None
    step, settles = interval_ms(quote), next_settlement(quote, at)
    cap, floor = rules.funding_rate_cap, rules.funding_rate_floor
    return {
        "s": symbol,
        "fr": plain(quote.funding_rate),
        "ft": settles - step,
        "nt": settles,
        "gl": step,
        "fc": None if cap is None else plain(cap),
        "ff": None if floor is None else plain(floor),
    }


def _ticker(backend: Backend, symbol: str, at: datetime) -> Mapping[str, object] | None:
    last = backend.venue.tape.last(symbol)
    if last is None:
        return None
    bids, asks = book_levels(backend, symbol, at)
    return {
        "A": plain(asks[0].qty) if asks else "0",
        "B": plain(bids[0].qty) if bids else "0",
        "E": book_sequence(moved_at(backend)),
        "M": str(ns(at)),
        "S": "BUY",
        "a": plain(asks[0].price if asks else last),
        "b": plain(bids[0].price if bids else last),
        "l": plain(last),
        "q": "0",
        "s": symbol,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _UtaTopic(MarketTopic):
    """A channel whose messages are ``{"T", "P", "d"}``."""

    is_typed: bool = False
    """Whether ``T`` says SPOT or FUTURES as well."""

    def push(self, backend: Backend, topic: str, at: datetime) -> Push | None:
        symbol = topic.partition(":")[2]
        data = self.build(backend, symbol, at)
        if data is None:
            return None
        kind = "FUTURES" if symbol in backend.venue.rules.contracts else "SPOT"
        name = f"{self.subject}.{kind}" if self.is_typed else self.subject
        return Push(
            subject=name,
            data=data,
            topics=(topic,),
            is_state=True,
            document={"T": name, "P": str(ns(at)), "d": data},
        )


def _row(
    channel: str, build: Builder, every_s: int | None, *, is_typed: bool = False
) -> MarketTopic:
    return _UtaTopic(
        host="uta",
        head=_PREFIX + channel,
        subject=channel,
        build=build,
        every_s=every_s,
        is_typed=is_typed,
    )


UTA_TOPICS: Final[tuple[MarketTopic, ...]] = (
    _row("mark-price", _mark, 1),
    _row("funding-fee", _funding, 60),
    _row("ticker", _ticker, None, is_typed=True),
)
"""The channels, told apart from classic topics by their prefix."""
