"""Marks that jumped further than anything explains, until something confirms them.

Theory of operation. A jump beyond ``_SIGMAS`` deviations of its time, and beyond a few
per cent, is an outlier: a crash, or a wrong number. It decides danger at once like any
mark; until it is confirmed it only stops new risk. What confirms it is a second source
(another mark or an index of the same coin, seen since the old price was, and nearer to
the new one) or the coin's next update on the same side. An update that goes back
withdraws it. A memory of the few coins concerned, in and out; nothing here decides.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.events import Event, MarksTicked
from bot.domain.prices import PricesSeen
from bot.risk.distance import UNMOVED_COIN
from bot.risk.freshness import minute_volatility
from bot.risk.lines import Quote
from bot.shadow.state import Shadow

__all__ = ["Jump", "Jumps", "after_moment"]

_SIGMAS: Final = Decimal(12)
_LEAST: Final = Decimal("0.05")
"""A jump under this is none, however calm the coin was."""

_LONGEST: Final = timedelta(minutes=10)
"""After so long without an update the age of the mark says all there is to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """A mark that nothing has confirmed yet."""

    before: Decimal
    mark: Decimal
    since: datetime
    """When the price before it was seen."""
    at: datetime

    @property
    def words(self) -> str:
        """By how much it jumped.

        Example:
            >>> from datetime import UTC
            >>> at = datetime(2026, 1, 1, tzinfo=UTC)
            >>> Jump(before=Decimal(100), mark=Decimal(88), since=at, at=at).words
            'jumped by -12.0 %'
        """
        return f"jumped by {(self.mark / self.before - 1) * 100:+.1f} %"

    def is_held_by(self, price: Decimal) -> bool:
        """Whether a price is nearer to the jump than to what was before it.

        Example:
            >>> from datetime import UTC
            >>> at = datetime(2026, 1, 1, tzinfo=UTC)
            >>> fall = Jump(before=Decimal(100), mark=Decimal(88), since=at, at=at)
            >>> fall.is_held_by(Decimal(90)), fall.is_held_by(Decimal(99))
            (True, False)
        """
        return abs(price - self.mark) < abs(price - self.before)


Jumps = Mapping[Quote, Jump]
"""The marks that wait for a confirmation."""


def after_moment(
    known: Jumps, before: Shadow, after: Shadow, moment: Iterable[Event]
) -> Jumps:
    """The unconfirmed marks after a moment; the same object where nothing changed.

    Args:
        known: Those before it.
        before: The shadow before the moment.
        after: The shadow after it.
        moment: What happened.
    """
    moment = tuple(moment)
    ticks = [event for event in moment if isinstance(event, MarksTicked)]
    far = sorted({quote for tick in ticks for quote in _far(before, tick)})
    if not far and not known:
        return known
    heard = {coin for tick in ticks for coin in _coins(after, tick)}
    heard |= {coin for event in moment for coin in _indexed(after, event)}
    kept = {
        quote: jump
        for quote, jump in known.items()
        if after.at - jump.at <= _LONGEST
        and not any(_has(tick, quote) for tick in ticks)
        and not (_coin_of(after, quote) in heard and _is_confirmed(after, quote, jump))
    }
    for quote in far:
        jump = _jumped(before, after, quote)
        if jump is None or _is_return(known.get(quote), jump):
            continue
        if not _is_confirmed(after, quote, jump):
            kept[quote] = jump
    return kept


def _coins(shadow: Shadow, tick: MarksTicked) -> Iterator[str]:
    """The coins that a moment's marks speak of."""
    yield from tick.margin_marks
    for symbol in tick.futures_marks:
        yield _coin_of(shadow, Quote(is_futures=True, name=symbol))


def _indexed(shadow: Shadow, event: Event) -> Iterator[str]:
    """The coins that a moment's index prices speak of."""
    if isinstance(event, PricesSeen):
        for symbol in event.index_prices:
            yield _coin_of(shadow, Quote(is_futures=True, name=symbol))


def _far(before: Shadow, tick: MarksTicked) -> Iterator[Quote]:
    """The marks that moved by more than any calm coin does."""
    sides = (
        (before.margin_marks, tick.margin_marks, False),
        (before.futures_marks, tick.futures_marks, True),
    )
    for known, news, is_futures in sides:
        for name, mark in news.items():
            was = known.get(name)
            if was is not None and abs(mark - was) > was * _LEAST:
                yield Quote(is_futures=is_futures, name=name)


def _has(tick: MarksTicked, quote: Quote) -> bool:
    return quote.name in (tick.futures_marks if quote.is_futures else tick.margin_marks)


def _is_return(known: Jump | None, now: Jump) -> bool:
    """Whether a move takes a jump back that nothing had confirmed."""
    return known is not None and not known.is_held_by(now.mark)


def _jumped(before: Shadow, after: Shadow, quote: Quote) -> Jump | None:
    """A mark's move over the moment, if it is beyond what the coin does."""
    old = before.futures_marks if quote.is_futures else before.margin_marks
    new = after.futures_marks if quote.is_futures else after.margin_marks
    was, mark = old.get(quote.name), new.get(quote.name)
    if was is None or mark is None or was <= 0:
        return None
    if not _is_wild(before, after, quote, abs(mark - was) / was):
        return None
    at = after.mark_times.get(quote.name, after.at)
    since = before.mark_times.get(quote.name, at)
    return Jump(before=was, mark=mark, since=since, at=at)


def _is_wild(before: Shadow, after: Shadow, quote: Quote, size: Decimal) -> bool:
    """Whether a move is beyond what the coin does in the time that it took."""
    since, at = before.mark_times.get(quote.name), after.mark_times.get(quote.name)
    if since is None or at is None:
        return False
    volatility = minute_volatility(before, quote, _coin_of(after, quote))
    minutes = Decimal(max((at - since) // timedelta(milliseconds=1), 1000)) / 60_000
    return size > max(_LEAST, _SIGMAS * volatility * minutes.sqrt())


def _coin_of(shadow: Shadow, quote: Quote) -> str:
    contract = shadow.rules.contracts.get(quote.name) if quote.is_futures else None
    return quote.name if contract is None else contract.base


def _is_confirmed(shadow: Shadow, quote: Quote, jump: Jump) -> bool:
    """Whether a second source of the coin, seen since the old price, says the same."""
    coin = _coin_of(shadow, quote)
    if coin == UNMOVED_COIN:
        return False
    if any(_held_by_index(shadow, coin, jump)):
        return True
    others = [shadow.margin_marks.get(coin)] if quote.is_futures else []
    names = [coin] if quote.is_futures else list[str]()
    for symbol, mark in shadow.futures_marks.items():
        contract = shadow.rules.contracts.get(symbol)
        if symbol != quote.name and contract is not None and contract.base == coin:
            others.append(mark)
            names.append(symbol)
    return any(
        mark is not None
        and (seen := shadow.mark_times.get(name)) is not None
        and seen >= jump.since
        and jump.is_held_by(mark)
        for name, mark in zip(names, others, strict=True)
    )


def _held_by_index(shadow: Shadow, coin: str, jump: Jump) -> Iterator[bool]:
    """Whether each index of the coin, seen since the old price, is the new one."""
    contracts = shadow.rules.contracts
    for symbol, index in shadow.index_prices.items():
        contract = contracts.get(symbol)
        if contract is not None and contract.base == coin and index.at >= jump.since:
            yield jump.is_held_by(index.price)
