"""What the view says of hedged pairs, in the words of the carry's choice.

From marks, quotes, depth and rates as the shadow has them now to offers and targets:
the same pure core that ``gnomon study carry`` replays over years. What is unknown is
not offered, so nothing is begun on it and nothing is left because of it. Floats,
because it ranks; orders are sized and checked exactly elsewhere.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from bot.domain.instruments import ContractRules
from bot.domain.money import ZERO, plain
from bot.domain.strategy import View
from bot.risk.carry_choice import ChoiceRules, Offer, Target, choose
from bot.risk.carry_forecast import forecast_funding, mean_rates
from bot.risk.carry_offer import PairTerms, break_even_h, offer_of
from bot.risk.pairs import Pair, futures_room, trip_rates
from bot.risk.sizing import depth_cap

__all__ = ["CarryLimits", "Scan", "chunk_coins", "offer_inputs", "scan_pairs"]

_HOURS_A_YEAR: Final = 8_760
_TRIP_UNKNOWN: Final = 0.01
"""What leaving is taken to cost where the depth is unknown: a reduction goes on."""
_LEAST: Final = 0.1
"""Growth by less than a tenth of a pair, or by half a chunk, is not worth orders."""
_DIGITS: Final = 8

Key = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryLimits:
    """What a user allows; USDT of notional for a pair, for all, and for a chunk."""

    directions: tuple[int, ...]
    notional_usdt: Decimal
    total_usdt: Decimal
    chunk_usdt: Decimal
    max_pairs: int
    hold_h: Decimal
    min_carry: Decimal
    margin_share: Decimal
    margin_floor: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """Offers and targets by coin and direction; what is unknown is in neither."""

    offers: Mapping[Key, Offer]
    targets: Mapping[Key, Target]
    total: float
    """USDT of notional that all pairs together may have."""
    is_tight: bool = False
    """Whether less than ``margin_floor`` stands behind the perpetuals."""

    def growing(self) -> list[tuple[Key, Decimal]]:
        """What should grow and by how many USDT, the best on its capital first."""
        room = self.total - sum(each.held for each in self.offers.values())
        found = [
            (key, Decimal(repr(min(target.notional - self.offers[key].held, room))))
            for key, target in self.targets.items()
            if target.notional > self.offers[key].held
        ]
        return sorted(found, key=lambda each: (-self.offers[each[0]].net, each[0]))

    def surplus(self, coin: str, direction: int) -> Decimal:
        """USDT of notional that should go; zero where nothing is known."""
        target = self.targets.get((coin, direction))
        if target is None:
            return ZERO
        held = self.offers[(coin, direction)].held
        return max(Decimal(repr(held - target.notional)), ZERO)

    def annual(self, coin: str, direction: int, hold_h: Decimal) -> float | None:
        """What beginning earns a year on the capital it binds; None is unknown."""
        offer = self.offers.get((coin, direction))
        return None if offer is None else offer.net * _HOURS_A_YEAR / float(hold_h)


def scan_pairs(
    view: View, pairs: Iterable[Pair], limits: CarryLimits, spare: Decimal = ZERO
) -> Scan:
    """Every pair in every direction that is allowed or held, and what to hold.

    Args:
        view: The shadow.
        pairs: Whole or not; a leg without its other counts in full.
        limits: Caps of a pair, of all, and of the number of pairs.
        spare: USDT that can still come behind the perpetuals.
    """
    offers: dict[Key, Offer] = {}
    for pair in pairs:
        terms = _terms(view, pair, limits)
        for direction in (1, -1) if terms is not None else ():
            held = _held(pair, direction)
            if terms is not None and (held or direction in limits.directions):
                offer = offer_of(terms, direction, held)
                is_open = offer.is_open and direction in limits.directions
                offers[offer.key] = replace(offer, is_open=is_open)
    rules = ChoiceRules(
        capital=float(limits.total_usdt * (1 + limits.margin_share)),
        pairs_max=limits.max_pairs,
        least=min(_LEAST, float(limits.chunk_usdt / limits.notional_usdt / 2)),
    )
    targets = choose(tuple(offers.values()), rules)
    room = _margin(view, limits, spare)
    is_tight = room is not None and room < 0
    return Scan(
        offers=offers,
        targets=_less_one(offers, targets, limits) if is_tight else targets,
        total=float(limits.total_usdt),
        is_tight=is_tight,
    )


def chunk_coins(view: View, pair: Pair, usdt: Decimal) -> Decimal:
    """So many USDT in coins, cut to what both books take; zero without a mark."""
    if pair.mark is None or pair.mark <= 0:
        return ZERO
    coins = usdt / pair.mark
    return min(depth_cap(view.liquidity(each), coins) for each in pair.symbols)


def offer_inputs(offer: Offer | None, hold_h: Decimal) -> dict[str, str]:
    """What a proposal rests on, as text; empty where nothing is known.

    Example:
        >>> one = Offer(name="SOL", direction=1, value=0.008, trip=0.004, bound=1.5,
        ...     floor=1.25)
        >>> offer_inputs(one, Decimal(336))["break_even_h"]
        '168'
    """
    if offer is None or not math.isfinite(offer.value):
        return {}
    hours = break_even_h(offer, float(hold_h))
    numbers = {
        "expected_income": offer.value,
        "round_trip": offer.trip,
        "break_even_h": hours,
    }
    return {
        key: plain(Decimal(repr(round(value, _DIGITS))).normalize())
        for key, value in numbers.items()
        if value is not None
    }


def _terms(view: View, pair: Pair, limits: CarryLimits) -> PairTerms | None:
    """None without both marks or a quote of a settlement to come."""
    quote = view.funding(pair.contract.symbol)
    mark, futures = pair.mark, pair.futures_mark
    if quote is None or quote.settlement_at <= view.at or not mark or not futures:
        return None
    past = (*view.funding_past(pair.contract.symbol), quote)
    stamps = [each.settlement_at.timestamp() / 3_600 for each in past]
    means = mean_rates(stamps, [float(each.funding_rate) for each in past])
    interval = float(quote.funding_interval_h)
    if len(past) == 1:
        means = (float(quote.funding_rate) / interval,) * 2
    lent = view.borrow_rate(pair.coin)
    trip = _trip(view, pair, limits.chunk_usdt)
    return PairTerms(
        name=pair.coin,
        forecast=forecast_funding(float(quote.funding_rate), interval, *means),
        first_h=(quote.settlement_at - view.at).total_seconds() / 3_600,
        interval_h=interval,
        hold_h=float(limits.hold_h),
        basis=float(futures / mark) - 1,
        trip=_TRIP_UNKNOWN if trip is None else trip,
        borrow_annual=0.0 if lent is None else float(lent.annual_rate),
        margin_share=float(limits.margin_share),
        margin_floor=float(limits.margin_floor),
        min_carry=float(limits.min_carry),
        lends=lent is not None and lent.available != 0,
        bounds=_bounds(pair.contract),
        is_open=trip is not None,
        most=float(limits.notional_usdt),
    )


def _trip(view: View, pair: Pair, usdt: Decimal) -> float | None:
    """Both legs in and out for one chunk; None where fees or depth are unknown."""
    once = sum(trip_rates(view, pair, chunk_coins(view, pair, usdt)), ZERO)
    return 2 * float(once) if once.is_finite() else None


def _bounds(contract: ContractRules) -> tuple[float, float]:
    low, high = contract.funding_rate_floor, contract.funding_rate_cap
    return (
        -math.inf if low is None else float(low),
        math.inf if high is None else float(high),
    )


def _held(pair: Pair, direction: int) -> float:
    """USDT of the larger leg that stands that way, a gap of it included."""
    if pair.direction != direction or pair.mark is None:
        return 0.0
    return float(max(abs(pair.spot_qty), abs(pair.perp_qty)) * pair.mark)


def _margin(view: View, limits: CarryLimits, spare: Decimal) -> Decimal | None:
    """The notional that the perpetuals' margin still carries; negative is too much.

    None where a mark is not known, or where no floor is kept.
    """
    if limits.margin_floor <= 0:
        return None
    room = futures_room(view, limits.margin_floor)
    return None if room is None else room + spare / limits.margin_floor


def _less_one(
    offers: Mapping[Key, Offer], targets: Mapping[Key, Target], limits: CarryLimits
) -> Mapping[Key, Target]:
    """Give up a chunk of the poorest pair, and begin nothing."""
    held_keys: Sequence[Key] = [
        key for key, each in targets.items() if offers[key].held
    ]
    if not held_keys:
        return targets
    key = min(held_keys, key=lambda each: (offers[each].running, each))
    less = max(offers[key].held - float(limits.chunk_usdt), 0.0)
    kept = min(less, targets[key].notional)
    held = {each: t for each, t in targets.items() if t.notional <= offers[each].held}
    return {**held, key: Target(notional=kept, words="frees margin of the perpetual")}
