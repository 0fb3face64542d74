"""What a trade costs by its size, and what a day of a loan or of a carry is worth.

Depth: ``half_spread x Q + sigma_1m x Q x sqrt(Q / V_1m)`` (DESIGN, section 11) up to
a share of a minute's volume; the chunks of later minutes cost at least what the last
unit of the first one did. The curve is convex, so its chords are a program's pieces.
Nothing here chooses anything; what is unknown is priced as ``fill_cost`` prices it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, sqrt
from typing import Final

from bot.domain.intents import Intent, PlaceOrder
from bot.domain.interest import HOURS_A_YEAR
from bot.guard.legs import base_qty
from bot.guard.limits import GuardLimits
from bot.risk.coming_flows import borrow_rate
from bot.shadow.state import Shadow

__all__ = [
    "HORIZON_H",
    "DepthCurve",
    "annual_rate",
    "chunks_of",
    "day_of_interest",
    "depth_of",
    "funding_earned",
]

HORIZON_H: Final = 24.0
"""Interest and carry are counted for a day: the horizon of the guard's forecast."""

_UNQUOTED: Final = 0.001
_WORST: Final = 0.5
_CHORDS: Final = (1 / 64, 4 / 64, 9 / 64, 16 / 64, 25 / 64, 36 / 64, 49 / 64, 1.0)
"""Ends of the chords, shares of the first minute: evenly spaced in their roots."""
_LATER: Final = ((5.0, 0.0), (15.0, 2.0))
"""Minutes up to which waiting is avoided at so many times sigma; then ``_LAST``."""
_LAST: Final = 4.0


@dataclass(frozen=True, slots=True)
class DepthCurve:
    """The depth of one market; sizes in coins, costs in fractions of the price."""

    half_spread: float
    sigma_1m: float
    minute: float
    """Coins that the guard takes in a minute; infinite where no depth was quoted."""
    volume_1m: float

    def cost(self, qty: float) -> float:
        """The cost of ``qty`` coins, in coins; convex in them.

        What later minutes take costs what the last unit of the first one did.

        Example:
            >>> curve = DepthCurve(0.001, 0.01, 10.0, 100.0)
            >>> round(curve.cost(4.0), 6), round(curve.cost(20.0), 6)
            (0.012, 0.099057)
        """
        first = min(qty, self.minute)
        cost = first * min(self.half_spread + self._impact(first), _WORST)
        if qty <= first:
            return cost
        last = min(self.half_spread + 1.5 * self._impact(first), _WORST)
        return cost + (qty - first) * last

    def delay(self, qty: float) -> float:
        """What waiting for more than ``qty`` coins is worth avoiding, a fraction."""
        minutes = qty / self.minute
        times = (factor for end, factor in _LATER if minutes < end)
        return self.sigma_1m * next(times, _LAST)

    def ends(self, most: float) -> list[float]:
        """Where the chords of the curve end, up to ``most`` coins.

        Example:
            >>> DepthCurve(0.001, 0.0, float("inf"), float("inf")).ends(5.0)
            [5.0]
        """
        if self.minute == float("inf") or self.sigma_1m == 0.0:
            return [most]
        found = [share * self.minute for share in _CHORDS]
        found += [end * self.minute for end, _ in _LATER]
        return [*(end for end in found if end < most), most]

    def _impact(self, qty: float) -> float:
        if self.volume_1m == float("inf"):
            return 0.0
        return self.sigma_1m * sqrt(qty / self.volume_1m)


def depth_of(shadow: Shadow, symbol: str, limits: GuardLimits) -> DepthCurve:
    """The depth curve of a market as the shadow knows it."""
    quoted = shadow.liquidity.get(symbol)
    if quoted is None or quoted.volume_1m <= 0:
        endless = float("inf")
        return DepthCurve(_UNQUOTED, 0.0, endless, endless)
    volume = float(quoted.volume_1m)
    return DepthCurve(
        half_spread=float(quoted.half_spread),
        sigma_1m=float(quoted.sigma_1m),
        minute=volume * float(limits.chunk_share),
        volume_1m=volume,
    )


def chunks_of(shadow: Shadow, intents: Iterable[Intent], limits: GuardLimits) -> int:
    """How many minutes' depth the dearest order of some intents needs, at least 1.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> chunks_of(empty_shadow(Rules()), [], GuardLimits())
        1
    """
    most = 1
    for order in intents:
        if isinstance(order, PlaceOrder):
            minute = depth_of(shadow, order.symbol, limits).minute
            most = max(most, ceil(float(base_qty(shadow, order)) / minute))
    return most


def annual_rate(shadow: Shadow, coin: str) -> float:
    """What a coin costs to borrow, a fraction a year; DESIGN 11 where unquoted.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> annual_rate(empty_shadow(Rules()), "USDT")
        0.11
    """
    return float(borrow_rate(shadow, coin))


def day_of_interest(shadow: Shadow, coin: str) -> float:
    """What a day of a loan costs, a fraction of it."""
    return annual_rate(shadow, coin) * HORIZON_H / float(HOURS_A_YEAR)


def funding_earned(shadow: Shadow, symbol: str, lots: Decimal) -> float:
    """What a position earns in a day by the rate of now, a fraction of its value.

    Negative where it pays. Unknown is no carry: nobody is kept in danger for it.
    """
    quoted = shadow.funding.get(symbol)
    if quoted is None or quoted.funding_interval_h <= 0:
        return 0.0
    side = 1.0 if lots > 0 else -1.0
    times = HORIZON_H / float(quoted.funding_interval_h)
    return -side * float(quoted.funding_rate) * times
