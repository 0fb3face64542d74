"""Funding of a recorded contract: settlements, quotes, and what shorting costs.

The quote between two settlements is the rate that settled last; the next one is due
one interval later, the interval being the last distance of two stamps. Neither the
rate nor the time of a settlement is known before its stamp, so a shortened interval
comes as a surprise. Where a settlement stays out for longer than eight hours, none is
paid and the quote is zero. Times are seconds since 1970; rates are fractions an
interval.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.events import FundingQuoted
from bot.domain.market import BorrowRate, FundingQuote, FundingSettlement
from bot.domain.money import ZERO
from connectors.markets.figures import time_of
from connectors.markets.files import FundingRows

__all__ = [
    "BORROW_BASES",
    "BORROW_BASE_OTHERS",
    "FundingEvent",
    "FundingSchedule",
    "borrow_rate",
]

_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400
_INTERVAL_DEFAULT_S: Final = 8 * _HOUR_S
_PAST_S: Final = 30 * _DAY_S
_PAST_MAX: Final = 90
"""As much as a live start reads, and as the shadow keeps."""
_HOURS_A_YEAR: Final = Decimal(24 * 365)

BORROW_BASES: Final = {
    "USDT": Decimal("0.11"),
    "BTC": Decimal("0.04"),
    "ETH": Decimal("0.04"),
}
"""Assumed borrow rates a year; there is no recorded history of them."""

BORROW_BASE_OTHERS: Final = Decimal("0.08")
_NO_INVENTORY_BELOW: Final = Decimal("-0.5")


def borrow_rate(coin: str, annual_funding: Decimal, borrow_x: Decimal) -> BorrowRate:
    """What borrowing a coin costs when its contract's funding is ``annual_funding``.

    DESIGN section 11: at least the magnitude of a negative funding, and nothing to
    be had while the 24 h mean is under -50 % a year.

    Args:
        coin: The coin that is borrowed.
        annual_funding: The mean rate of the last 24 h times the year's intervals.
        borrow_x: Multiplier of the result, for studies at 1x and 3x.

    Example:
        >>> borrow_rate("SOL", Decimal("-0.2"), Decimal(3)).annual_rate
        Decimal('0.6')
    """
    base = BORROW_BASES.get(coin, BORROW_BASE_OTHERS)
    return BorrowRate(
        coin=coin,
        annual_rate=max(base, -annual_funding) * borrow_x,
        available=ZERO if annual_funding < _NO_INVENTORY_BELOW else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingEvent:
    """What changes at one second: a settlement (or none), and the next quote."""

    at_s: int
    settlement: FundingSettlement | None
    quote: FundingQuote | None
    annual_funding: Decimal


@dataclass(frozen=True, slots=True)
class FundingSchedule:
    """The settlements of one contract and what is quoted in between."""

    symbol: str
    rows: FundingRows

    def events(self, start_s: int, end_s: int) -> Iterator[FundingEvent]:
        """Settlements and quote changes in [start_s, end_s], in time order."""
        stamps = self.rows.at_s
        first = bisect_left(stamps, start_s)
        if first > 0:
            yield from self._missing(first - 1, start_s, end_s)
        for index in range(first, len(stamps)):
            if stamps[index] > end_s:
                return
            yield self._settled(index)
            yield from self._missing(index, start_s, end_s)

    def settled_before(self, at_s: int) -> tuple[FundingQuoted, ...]:
        """The newest settlements of the month before a time, oldest first.

        One that follows a gap in the file is left out: how long it ran is not known.
        """
        stamps = self.rows.at_s
        last = bisect_left(stamps, at_s)
        first = max(bisect_left(stamps, at_s - _PAST_S), last - _PAST_MAX, 1)
        return tuple(
            self._past(index)
            for index in range(first, last)
            if stamps[index] - stamps[index - 1] <= _INTERVAL_DEFAULT_S
        )

    def _past(self, index: int) -> FundingQuoted:
        begun, at_s = self.rows.at_s[index - 1], self.rows.at_s[index]
        return FundingQuoted(
            at=time_of(begun),
            symbol=self.symbol,
            funding_rate=self.rows.rates[index],
            settlement_at=time_of(at_s),
            funding_interval_h=Decimal(at_s - begun) / _HOUR_S,
        )

    def standing(self, at_s: int) -> FundingEvent | None:
        """The quote in force at a time, None before the first settlement."""
        index = bisect_right(self.rows.at_s, at_s) - 1
        if index < 0:
            return None
        found = self._settled(index)
        for event in self._missing(index, 0, at_s):
            found = event
        return FundingEvent(
            at_s=at_s,
            settlement=None,
            quote=found.quote,
            annual_funding=self._annual_mean(at_s),
        )

    def gaps(self, start_s: int, end_s: int) -> list[tuple[int, int]]:
        """Spans in the window, as (last settlement, next one), with stamps missing."""
        stamps = self.rows.at_s
        return [
            (stamps[i], stamps[i + 1])
            for i in range(len(stamps) - 1)
            if stamps[i + 1] > start_s and stamps[i] < end_s and self._lacks_next(i)
        ]

    def ends_before(self, at_s: int) -> bool:
        """Whether a settlement falls due before a time that the file lacks."""
        count = len(self.rows.at_s)
        if count == 0:
            return False
        return self.rows.at_s[-1] + self._interval_before(count - 1) < at_s

    def _settled(self, index: int) -> FundingEvent:
        at_s, rate = self.rows.at_s[index], self.rows.rates[index]
        interval = self._interval_before(index)
        return FundingEvent(
            at_s=at_s,
            settlement=FundingSettlement(symbol=self.symbol, funding_rate=rate),
            quote=self._quote(rate, at_s + interval, interval),
            annual_funding=self._annual_mean(at_s),
        )

    def _missing(self, index: int, start_s: int, end_s: int) -> Iterator[FundingEvent]:
        """New quotes where a settlement falls due and the file has none.

        Within eight hours of the last settlement the interval has grown, and the
        last rate stays on show; after that the quote is zero.
        """
        stamps = self.rows.at_s
        until = stamps[index + 1] if index + 1 < len(stamps) else end_s + 1
        interval = self._interval_before(index)
        due = stamps[index] + interval
        while due < until and due <= end_s:
            grown = due - stamps[index] < _INTERVAL_DEFAULT_S
            if due >= start_s:
                rate = self.rows.rates[index] if grown else ZERO
                yield FundingEvent(
                    at_s=due,
                    settlement=None,
                    quote=self._quote(rate, due + interval, interval),
                    annual_funding=self._annual_mean(due),
                )
            due += interval

    def _lacks_next(self, index: int) -> bool:
        """Whether settlements are missing between this one and the next."""
        stamps = self.rows.at_s
        allowed = max(_INTERVAL_DEFAULT_S, self._interval_before(index))
        return stamps[index + 1] - stamps[index] > allowed

    def _interval_before(self, index: int) -> int:
        """The last distance of stamps up to this one that is no gap; else 8 h."""
        stamps = self.rows.at_s
        for later in range(index, max(index - 3, 0), -1):
            distance = stamps[later] - stamps[later - 1]
            if distance <= _INTERVAL_DEFAULT_S:
                return distance
        return _INTERVAL_DEFAULT_S

    def _annual_mean(self, at_s: int) -> Decimal:
        """The rates settled in the last 24 h, as a mean a year; zero without any."""
        stamps = self.rows.at_s
        first = bisect_right(stamps, at_s - _DAY_S)
        last = bisect_right(stamps, at_s)
        if first == last:
            return ZERO
        covered_s = sum(self._interval_before(i) for i in range(first, last))
        hours = Decimal(covered_s) / _HOUR_S
        return sum(self.rows.rates[first:last], ZERO) * _HOURS_A_YEAR / hours

    def _quote(self, rate: Decimal, due_s: int, interval_s: int) -> FundingQuote:
        return FundingQuote(
            symbol=self.symbol,
            funding_rate=rate,
            settlement_at=time_of(due_s),
            funding_interval_h=Decimal(interval_s) / _HOUR_S,
        )
