"""The policies of the carry study: ours, and what others do.

``gnomon`` offers what the bot's own strategy offers. ``always_on`` holds every coin
against its perpetual in equal parts, whatever it earns. ``fixed_threshold`` begins
where the newest rate is at least 0.01 % per eight hours (10.95 % a year), the highest
first, and leaves below zero: the rule of the bots that are widely used. ``idle`` holds
USDT. None of them sees a rate before it settles.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from bot.risk.carry_choice import Offer, collateral_rates
from bot.risk.carry_offer import MIN_CARRY, PairTerms, offer_of
from bot.study.carry_data import CarryCoin, CarryData
from bot.study.carry_replay import CarryPolicy, CarrySize, Held, chunk_cost

__all__ = ["POLICIES"]

_THRESHOLD_PER_H: Final = 0.0001 / 8
_ROUNDING: Final = 1e-12
_FREE: Final = 1e-9
"""A way in and out so cheap that a policy does not look at it."""


def _gnomon(data: CarryData, size: CarrySize, row: int, held: Held) -> list[Offer]:
    """Both directions of every coin, by the forecast; unknown is not offered."""
    found: list[Offer] = []
    for coin in data.coins:
        forecast = coin.forecasts[row]
        if forecast is None or not math.isfinite(float(coin.spot[row])):
            continue
        once = float(coin.fee[row]) + chunk_cost(coin, row, size.capital)
        terms = PairTerms(
            name=coin.coin,
            forecast=forecast,
            first_h=float(coin.first_h[row]),
            interval_h=float(coin.interval_h[row]),
            hold_h=size.hold_h,
            basis=float(coin.perp[row] / coin.spot[row]) - 1,
            trip=2 * once,
            borrow_annual=float(coin.annual[row]) * size.borrow_x,
            margin_share=size.margin_share,
            margin_floor=size.margin_floor,
            min_carry=MIN_CARRY,
            lends=bool(coin.lends[row]),
            is_open=bool(coin.trades[row]),
        )
        found += [offer_of(terms, d, held.get((coin.coin, d), 0.0)) for d in (1, -1)]
    return found


def _always_on(data: CarryData, size: CarrySize, row: int, held: Held) -> list[Offer]:
    bound, _ = collateral_rates(1, size.margin_share, size.margin_floor)
    most = size.usable / bound / max(len(data.coins), 1)
    blind = [_blind(coin, size, row, held) for coin in data.coins]
    return [replace(each, value=1.0, most=most) for each in blind]


def _threshold(data: CarryData, size: CarrySize, row: int, held: Held) -> list[Offer]:
    found = []
    for coin in data.coins:
        hourly = float(coin.newest[row] / coin.interval_h[row])
        offer = replace(_blind(coin, size, row, held), value=hourly)
        is_due = hourly >= _THRESHOLD_PER_H - _ROUNDING
        if math.isfinite(hourly):
            found.append(replace(offer, is_open=offer.is_open and is_due))
    return found


def _idle(data: CarryData, size: CarrySize, row: int, held: Held) -> list[Offer]:
    del data, size, row, held
    return []


def _blind(coin: CarryCoin, size: CarrySize, row: int, held: Held) -> Offer:
    """An offer of spot long and perpetual short that looks at no cost."""
    bound, floor = collateral_rates(1, size.margin_share, size.margin_floor)
    return Offer(
        name=coin.coin,
        direction=1,
        value=0.0,
        trip=_FREE,
        bound=bound,
        floor=floor,
        held=held.get((coin.coin, 1), 0.0),
        is_open=bool(coin.trades[row]),
    )


POLICIES: Final[Mapping[str, CarryPolicy]] = {
    "gnomon": CarryPolicy(offers=_gnomon),
    "always_on": CarryPolicy(offers=_always_on, leave=math.inf, switch=math.inf),
    "fixed_threshold": CarryPolicy(
        offers=_threshold, enter=-math.inf, leave=0.0, switch=math.inf
    ),
    "idle": CarryPolicy(offers=_idle),
}
