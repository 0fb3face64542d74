"""What a hedged pair is expected to earn over its holding time, net of everything.

Income is the quoted funding rate at each settlement that falls into the time, by
the contract's own interval; the cost is both legs in and out, fees and depth, and
the interest of a borrowed coin by the hour. That a quoted rate lasts is a naive
forecast, stated as such. Rates are fractions of the notional; nothing here knows
an account.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Final

from bot.domain.interest import HOURS_A_YEAR, hourly_rate
from bot.domain.money import ONE, ZERO

__all__ = ["Carry", "CarryTerms", "expected_carry", "settlements_within"]

_HOUR: Final = timedelta(hours=1)
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryTerms:
    """What a pair's carry is made of.

    ``direction`` is +1 for spot long and perpetual short, -1 for the reverse.
    ``round_trip`` is the cost of both legs in and out. ``margin_share`` is the
    collateral that is set aside for the notional, beside the notional itself.
    """

    direction: int
    at: datetime
    funding_rate: Decimal
    settlement_at: datetime
    funding_interval_h: Decimal
    hold_h: Decimal
    round_trip: Decimal
    borrow_annual: Decimal = ZERO
    margin_share: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """Fractions of the notional over the holding time; ``annual`` of total capital."""

    income: Decimal
    interest: Decimal
    round_trip: Decimal
    annual: Decimal

    @property
    def running(self) -> Decimal:
        """Income less interest: what holding on earns, the way in being paid."""
        return self.income - self.interest

    @property
    def net(self) -> Decimal:
        """What entering now earns after the way in and out."""
        return self.running - self.round_trip


def settlements_within(
    at: datetime, settlement_at: datetime, interval_h: Decimal, hold_h: Decimal
) -> int:
    """How many settlements fall after ``at`` and not after ``at`` plus ``hold_h``.

    Example:
        The next one in 3 hours, then every 8: hours 3, 11 and 19 of a day.

        >>> from datetime import UTC
        >>> start = datetime(2025, 1, 1, 13, tzinfo=UTC)
        >>> settlements_within(start, start + timedelta(hours=3), Decimal(8),
        ...                    Decimal(24))
        3
    """
    if interval_h <= 0:
        raise ValueError(f"interval_h must be positive, was {interval_h}")
    first = Decimal((settlement_at - at) // _SECOND) / 3600
    if first <= 0:
        passed = (-first / interval_h).to_integral_value(ROUND_CEILING)
        first += passed * interval_h
        first = first if first > 0 else interval_h
    if first > hold_h:
        return 0
    return 1 + int((hold_h - first) / interval_h)


def expected_carry(terms: CarryTerms) -> Carry:
    """The carry of one pair over its holding time.

    A loan is charged at once and at every full hour, so ``hold_h`` hours cost one
    more. ``annual`` is the net over the holding time as a simple yearly rate on
    ``1 + margin_share`` of the notional.

    Example:
        0.03 % every 8 hours for a week, 0.4 % in and out, half as much margin:
        21 x 0.0003 - 0.004 = 0.0023, times 8760 / 168 over 1.5.

        >>> from datetime import UTC
        >>> start = datetime(2025, 1, 1, tzinfo=UTC)
        >>> carry = expected_carry(CarryTerms(
        ...     direction=1, at=start, funding_rate=Decimal("0.0003"),
        ...     settlement_at=start + timedelta(hours=8),
        ...     funding_interval_h=Decimal(8), hold_h=Decimal(168),
        ...     round_trip=Decimal("0.004"), margin_share=Decimal("0.5")))
        >>> carry.net, round(carry.annual, 4)
        (Decimal('0.0023'), Decimal('0.0800'))
    """
    count = settlements_within(
        terms.at, terms.settlement_at, terms.funding_interval_h, terms.hold_h
    )
    income = terms.direction * terms.funding_rate * count
    hours = terms.hold_h.to_integral_value(ROUND_CEILING) + 1
    interest = hourly_rate(terms.borrow_annual) * hours
    net = income - interest - terms.round_trip
    return Carry(
        income=income,
        interest=interest,
        round_trip=terms.round_trip,
        annual=net * HOURS_A_YEAR / terms.hold_h / (ONE + terms.margin_share),
    )
