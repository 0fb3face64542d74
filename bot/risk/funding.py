"""Funding of perpetual contracts: payments, limits and what a rate is worth.

A positive rate is paid by longs to shorts, on the value at mark at the settlement
instant. The interval is data (it changes by contract and over time) and is never
assumed here. A position within 20 seconds of a settlement is undecided: only the
exchange's own booking settles it.

Source: KuCoin help 26686295987353; four printed payments match to 8 decimals.
"""

from decimal import Decimal
from typing import Final

from bot.domain.instruments import ContractRules, Lots
from bot.domain.money import round_half_up

__all__ = [
    "CAP_FACTOR",
    "annualised",
    "break_even_hours",
    "funding_cap",
    "funding_payment",
]

CAP_FACTOR: Final = Decimal("0.75")
_HOURS_A_YEAR: Final = Decimal(8760)


def funding_payment(
    rules: ContractRules, lots: Lots, mark: Decimal, rate: Decimal
) -> Decimal:
    """What a settlement adds to the account, in settle currency.

    ``- value at mark x rate``, to 8 decimals, halves away from zero; negative is
    paid.

    Example:
        KuCoin's own history: 1 lot long at 87 139.92, rate 0.0641 %.

        >>> from bot.risk.examples import XBTUSDTM
        >>> funding_payment(XBTUSDTM, Lots(1), Decimal("87139.92"), Decimal("0.000641"))
        Decimal('-0.05585669')
    """
    return round_half_up(-rules.value(Decimal(lots), mark) * rate)


def funding_cap(
    initial_margin_rate: Decimal, maintenance_margin_rate: Decimal
) -> Decimal:
    """The default bound of a rate, the floor is its negative: ``0.75 x (IM - MM)``.

    The exchange may override it, so a contract's own cap comes first.

    Example:
        >>> funding_cap(Decimal("0.008"), Decimal("0.004"))
        Decimal('0.00300')
    """
    return CAP_FACTOR * (initial_margin_rate - maintenance_margin_rate)


def annualised(rate: Decimal, funding_interval_h: Decimal) -> Decimal:
    """A rate for one interval as a simple rate for 8 760 hours, not compounded.

    Example:
        >>> annualised(Decimal("0.0001"), Decimal(8))
        Decimal('0.1095')
    """
    if funding_interval_h <= 0:
        raise ValueError(
            f"funding_interval_h must be positive, was {funding_interval_h}"
        )
    return rate * (_HOURS_A_YEAR / funding_interval_h)


def break_even_hours(
    round_trip_cost: Decimal, annual_income: Decimal, annual_cost: Decimal
) -> Decimal | None:
    """How long a pair must be held until its carry has paid its way in and out.

    Args:
        round_trip_cost: Fees, spread and slippage of all legs, in and out, as a
            fraction of the notional.
        annual_income: Funding received a year, a fraction of the notional.
        annual_cost: Borrow interest a year, a fraction of the notional.

    Returns:
        Hours; None when the carry never pays.

    Example:
        >>> break_even_hours(Decimal("0.003"), Decimal("0.1095"), Decimal(0)) == 240
        True
    """
    carry = annual_income - annual_cost
    if carry <= 0:
        return None
    return max(round_trip_cost, Decimal(0)) * _HOURS_A_YEAR / carry
