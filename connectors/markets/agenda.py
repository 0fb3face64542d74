"""What changes at which second besides prices: funding, borrow rates, halts.

Built once when a market is opened, from the settlements of its files. Every entry
rests on rates that settled at or before its second. Seconds are since 1970.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from bot.domain.market import BorrowRate, FundingQuote, FundingSettlement
from bot.domain.money import ZERO
from connectors.markets.funding import FundingEvent, borrow_rate
from connectors.markets.legs import Leg
from connectors.markets.notes import Window

__all__ = ["Agenda", "Entry", "agenda_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The changes of one second, in the fields of ``MarketInstant``."""

    funding_quotes: tuple[FundingQuote, ...] = ()
    settlements: tuple[FundingSettlement, ...] = ()
    borrow_rates: tuple[BorrowRate, ...] = ()
    halted: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Agenda:
    """Entries by second; ``ordered`` are the same seconds, increasing."""

    entries: Mapping[int, Entry]
    ordered: tuple[int, ...]

    def seconds(self, after_s: int, until_s: int) -> Sequence[int]:
        """The seconds in (after_s, until_s] at which something changes."""
        left = bisect_right(self.ordered, after_s)
        return self.ordered[left : bisect_right(self.ordered, until_s)]


def agenda_of(legs: Sequence[Leg], window: Window, borrow_x: Decimal) -> Agenda:
    """Collect the changes of all coins inside the window.

    Args:
        legs: The coins of the market, in the order in which they are listed.
        window: From when to when, both inclusive.
        borrow_x: Multiplier of every borrow rate.
    """
    entries: dict[int, Entry] = {}
    usdt = Entry(borrow_rates=(borrow_rate("USDT", ZERO, borrow_x),))
    _add(entries, window.start_s, usdt)
    for leg in legs:
        for second, entry in _halts(leg, window):
            _add(entries, second, entry)
        for second, entry in _funding(leg, borrow_x):
            _add(entries, second, entry)
    return Agenda(entries, tuple(sorted(entries)))


def _add(entries: dict[int, Entry], second: int, more: Entry) -> None:
    old = entries.get(second, Entry())
    entries[second] = Entry(
        funding_quotes=old.funding_quotes + more.funding_quotes,
        settlements=old.settlements + more.settlements,
        borrow_rates=old.borrow_rates + more.borrow_rates,
        halted={**old.halted, **more.halted},
    )


def _halts(leg: Leg, window: Window) -> Iterator[tuple[int, Entry]]:
    """A coin is halted before its first row and one second after its last close."""
    symbols = [
        symbol
        for symbol in (leg.instrument.spot_symbol, leg.instrument.perp_symbol)
        if symbol is not None
    ]
    if leg.begin_s > window.start_s:
        yield window.start_s, Entry(halted=dict.fromkeys(symbols, True))
        yield leg.begin_s, Entry(halted=dict.fromkeys(symbols, False))
    if leg.stop_s < window.end_s:
        yield leg.stop_s + 1, Entry(halted=dict.fromkeys(symbols, True))


def _funding(leg: Leg, borrow_x: Decimal) -> Iterator[tuple[int, Entry]]:
    """Quotes, settlements and borrow rates of a coin while it trades."""
    coin, previous = leg.instrument.coin, None
    for event in _events(leg):
        rate = borrow_rate(coin, event.annual_funding, borrow_x)
        entry = Entry(
            funding_quotes=() if event.quote is None else (event.quote,),
            settlements=() if event.settlement is None else (event.settlement,),
        )
        if rate != previous:
            entry = replace(entry, borrow_rates=(rate,))
            previous = rate
        yield event.at_s, entry


def _events(leg: Leg) -> Iterator[FundingEvent]:
    """What stands when the coin begins to trade, then each change until it stops."""
    silent = FundingEvent(
        at_s=leg.begin_s, settlement=None, quote=None, annual_funding=ZERO
    )
    if leg.funding is None:
        yield silent
        return
    found = list(leg.funding.events(leg.begin_s, leg.stop_s))
    if not found or found[0].at_s > leg.begin_s:
        yield leg.funding.standing(leg.begin_s) or silent
    yield from found
