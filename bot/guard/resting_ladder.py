"""Ladders of stops: a cut that one minute of the book cannot take, in several parts.

A stop becomes a market order that takes what the book holds and ends; nobody asks
for the rest of it when the bot is dead. So a cut that is larger than a minute's depth
rests in up to five parts, each no larger than that depth where five are enough, at
prices spread between the guard's own act distance and the distance at which a single
stop rests. A falling market then meets them one after the other, and the book fills
up in between. The parts sum exactly to the cut and both legs of a pair have equally
many. Nothing here measures an account or sends anything.
"""

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.intents import PlaceOrder
from bot.domain.money import ZERO, floor_to
from bot.guard.depth import least_spot, minute_qty
from bot.guard.limits import GuardLimits
from bot.shadow.state import Shadow

__all__ = ["MOST_RUNGS", "LegCut", "rung_count", "rung_distance", "rungs_of"]

MOST_RUNGS: Final = 5
"""Stops of one leg and direction; ten of a pair leave room under the exchange's 20."""
_EARLIEST: Final = Decimal("0.75")
"""The first rung's distance as a share of the act distance: the guard goes before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegCut:
    """One cut of an account: its order, the order of the other leg, and their coin."""

    order: PlaceOrder
    other: PlaceOrder | None
    coin: str

    @property
    def orders(self) -> tuple[PlaceOrder, ...]:
        """The one or two orders of it."""
        return (self.order,) if self.other is None else (self.order, self.other)


def rung_distance(
    act: Decimal, last: Decimal, rung: int, now: Decimal | None = None
) -> Decimal:
    """How far from its end an account stands when a rung goes off.

    Args:
        act: The account's act distance, a fraction.
        last: The distance of rung 0, where a single stop rests.
        rung: Counted from the deepest.
        now: The account's distance; a rung beyond it would go off at once.

    Returns:
        Even steps from ``last`` for rung 0 up to three quarters of ``act`` for the
        highest rung there can be.

    Example:
        >>> [str(rung_distance(Decimal("0.15"), Decimal("0.045"), rung))
        ...     for rung in (0, 4)]
        ['0.045', '0.1125']
        >>> rung_distance(Decimal("0.15"), Decimal("0.045"), 4, Decimal("0.1"))
        Decimal('0.090')
    """
    first = act * _EARLIEST
    if now is not None:
        first = min(first, now * Decimal("0.9"))
    if rung == 0 or first <= last:
        return last
    return last + (first - last) * rung / (MOST_RUNGS - 1)


def rung_count(shadow: Shadow, cut: LegCut, limits: GuardLimits) -> int:
    """How many parts a cut needs: as many as the minutes that its books need.

    A book that is not known is taken for deep enough: a part that cannot be sized is
    no protection.
    """
    return min(max(_minutes(shadow, each, limits) for each in cut.orders), MOST_RUNGS)


def _minutes(shadow: Shadow, order: PlaceOrder, limits: GuardLimits) -> int:
    most = _largest(shadow, order)
    depth = minute_qty(shadow, order, limits)
    if depth is not None and depth > 0:
        most = min(most, depth)
    return max(int((order.qty / most).to_integral_value(rounding=ROUND_CEILING)), 1)


def _largest(shadow: Shadow, order: PlaceOrder) -> Decimal:
    """The largest single order of a symbol."""
    if order.account == FUTURES:
        return Decimal(shadow.rules.contracts[order.symbol].max_order_lots)
    return shadow.rules.spot[order.symbol].base_max


def rungs_of(shadow: Shadow, cut: LegCut, count: int) -> tuple[LegCut, ...]:
    """The cut in that many parts or fewer, rung 0 first.

    Each part is an order that the exchange accepts; together they are the cut.
    """
    for parts in range(count, 1, -1):
        first = _parts(shadow, cut.order, parts)
        other = None if cut.other is None else _parts(shadow, cut.other, parts)
        if first is None or (cut.other is not None and other is None):
            continue
        return tuple(
            LegCut(
                order=first[rung],
                other=None if other is None else other[rung],
                coin=cut.coin,
            )
            for rung in range(parts)
        )
    return (cut,)


def _parts(shadow: Shadow, order: PlaceOrder, count: int) -> list[PlaceOrder] | None:
    """Even parts on the symbol's grid; None where one would be too small to trade."""
    if order.account == FUTURES:
        step = least = Decimal(shadow.rules.contracts[order.symbol].lot_size)
    else:
        rules = shadow.rules.spot[order.symbol]
        step, lowest = rules.base_increment, least_spot(shadow, rules)
        if lowest is None:
            return None
        # At its trigger a part may be worth half of what it is worth now.
        least = lowest * 2
    largest = _largest(shadow, order)
    found: list[PlaceOrder] = []
    taken = ZERO
    for number in range(1, count + 1):
        reached = floor_to(order.qty * number / count, step)
        reached = order.qty if number == count else reached
        if reached - taken < least:
            return None
        found.append(replace(order, qty=min(reached - taken, largest)))
        taken = reached
    return found
