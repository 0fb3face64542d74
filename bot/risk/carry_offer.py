"""What one hedged pair is expected to be worth: the offer that a choice ranks.

Expected over the holding time, as fractions of the notional: funding by the
contract's own interval and bounds, less the interest of a loan by started hours, and
the basis, which is expected to close. A pair that is still to be sold short carries
the risk of its loan: two more ways in and out. An offer whose loan may be called,
because nothing is left to borrow, is worth nothing at any price. Pure; floats.
"""

import math
from dataclasses import dataclass
from typing import Final

from bot.risk.carry_choice import Offer, collateral_rates
from bot.risk.carry_forecast import FundingForecast, funding_income

__all__ = ["HOLD_H", "MIN_CARRY", "PairTerms", "break_even_h", "offer_of"]

HOLD_H: Final = 720.0
"""The holding time over which a pair is looked at, unless a user says otherwise."""

MIN_CARRY: Final = 0.01
"""The least that a new pair must earn a year on its capital, unless a user says."""

_HOURS_A_YEAR: Final = 8_760
_RECALL_TRIPS: Final = 2.0
"""Risk cost of a new loan: it may be called or become dear, and be taken again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTerms:
    """Everything that is known of one pair; hours, fractions, USDT of notional.

    ``basis`` is the perpetual over the spot price less one. ``trip`` is the cost of
    both legs in and out, ``min_carry`` the least that a new pair must earn beyond it,
    a year on the capital it binds. ``lends`` is false when nothing is left to borrow.
    """

    name: str
    forecast: FundingForecast
    first_h: float
    interval_h: float
    hold_h: float
    basis: float
    trip: float
    borrow_annual: float
    margin_share: float
    margin_floor: float
    min_carry: float = 0.0
    lends: bool = True
    bounds: tuple[float, float] = (-math.inf, math.inf)
    is_open: bool = True
    most: float = math.inf


def offer_of(terms: PairTerms, direction: int, held: float) -> Offer:
    """The offer of a pair held that way (+1 spot long, -1 sold short).

    Example:
        0.01 % every eight hours for 14 days is 0.42 %, and 0.1 % of premium closes.

        >>> flat = FundingForecast(next_per_h=0.0001 / 8, level_per_h=0.0001 / 8)
        >>> terms = PairTerms(name="SOL", forecast=flat, first_h=8.0, interval_h=8.0,
        ...     hold_h=336.0, basis=0.001, trip=0.004, borrow_annual=0.08,
        ...     margin_share=0.5, margin_floor=0.25)
        >>> round(offer_of(terms, 1, 0.0).value, 6)
        0.0052
        >>> round(offer_of(terms, -1, 0.0).value, 6)
        -0.016278
        >>> round(offer_of(terms, -1, 500.0).value, 6)
        -0.008278
    """
    income = funding_income(
        terms.forecast, terms.first_h, terms.interval_h, terms.hold_h, terms.bounds
    )
    value = direction * (income + terms.basis)
    is_open = terms.is_open
    if direction < 0:
        hours = math.ceil(terms.hold_h) + 1
        value -= terms.borrow_annual * hours / _HOURS_A_YEAR
        value -= 0.0 if held else _RECALL_TRIPS * terms.trip
        is_open = is_open and terms.lends
        value = value if terms.lends else -math.inf
    bound, floor = collateral_rates(direction, terms.margin_share, terms.margin_floor)
    annual = (value - terms.trip) / bound * _HOURS_A_YEAR / terms.hold_h
    return Offer(
        name=terms.name,
        direction=direction,
        value=value,
        trip=terms.trip,
        bound=bound,
        floor=floor,
        held=held,
        most=terms.most,
        is_open=is_open and annual >= terms.min_carry,
    )


def break_even_h(offer: Offer, hold_h: float) -> float | None:
    """How long the pair must be held to earn its way in and out; None is never.

    Example:
        >>> one = Offer(name="SOL", direction=1, value=0.008, trip=0.004, bound=1.5,
        ...     floor=1.25)
        >>> break_even_h(one, 336.0)
        168.0
    """
    if offer.value <= 0:
        return None
    return hold_h * offer.trip / offer.value
