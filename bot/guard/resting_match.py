"""Which stop that rests is which one that is wanted, rung by rung of each leg.

A stop fits a rung when its size is near enough, and its price too or it is too young
to be moved. Stops of one leg are told apart by their prices alone, so the rungs choose
in the order in which they go off, each the nearest stop that fits; what is left over
was wanted once. Requests without an answer are counted like stops that rest. Nothing
here asks for anything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.intents import PlaceStop
from bot.domain.stops import StopChanged
from bot.guard.resting_wanted import StopKey, WantedStop

__all__ = ["REPRICE", "LegMatch", "grouped", "key_of", "matched"]

REPRICE: Final = timedelta(minutes=5)
"""How long a stop keeps its price at least."""
_DRIFT: Final = Decimal("0.01")
"""A trigger price that is off by no more than this share stays."""
_SIZE: Final = Decimal("0.1")
"""A size that is off by no more than this share stays."""


def key_of(stop: StopChanged | PlaceStop) -> StopKey:
    """What a stop is, whatever its price and size."""
    return (stop.account, stop.symbol, stop.side, stop.position_side, stop.is_up)


def grouped(stops: Iterable[StopChanged]) -> dict[StopKey, list[StopChanged]]:
    """The stops of each leg, in the order in which they came."""
    groups: dict[StopKey, list[StopChanged]] = {}
    for stop in stops:
        groups.setdefault(key_of(stop), []).append(stop)
    return groups


@dataclass(frozen=True, slots=True, kw_only=True)
class LegMatch:
    """One leg: the rungs that rest, those that are missing, the stops left over."""

    rests: tuple[WantedStop, ...]
    """They rest, or were asked for and have no answer."""
    missing: tuple[WantedStop, ...]
    surplus: tuple[StopChanged, ...]
    is_asked: bool
    """Some were asked for and have no answer."""


def matched(
    at: datetime,
    wants: Sequence[WantedStop],
    held: Sequence[StopChanged],
    asked: Sequence[PlaceStop],
) -> LegMatch:
    """Compare one leg's rungs with what there is of it.

    Args:
        at: Now, for the age of the stops.
        wants: The rungs of the leg.
        held: Our stops on it.
        asked: Its requests without an answer; each stands for a rung, whatever its
            price, so that a lost answer is never asked for twice.
    """
    free, open_requests = list(held), list(asked)
    rests: list[WantedStop] = []
    missing: list[WantedStop] = []
    for want in sorted(wants, key=lambda w: (abs(w.move), w.rung)):
        fits = [stop for stop in free if _fits(at, want.intent, stop)]
        if fits:
            price = want.intent.stop_price
            free.remove(min(fits, key=lambda s: (abs(s.stop_price - price), s.stop_id)))
            rests.append(want)
        else:
            missing.append(want)
    while open_requests and missing:
        request = open_requests.pop(0)
        nearest = min(
            missing, key=lambda w: abs(w.intent.stop_price - request.stop_price)
        )
        missing.remove(nearest)
        rests.append(nearest)
    return LegMatch(
        rests=tuple(rests),
        missing=tuple(missing),
        surplus=tuple(free),
        is_asked=bool(asked),
    )


def _fits(at: datetime, wanted: PlaceStop, stop: StopChanged) -> bool:
    """Whether a stop may stay as it is: near enough, or too young to be moved."""
    is_sized = abs(stop.qty - wanted.qty) <= wanted.qty * _SIZE
    is_young = at - stop.at < REPRICE
    is_near = abs(stop.stop_price - wanted.stop_price) <= wanted.stop_price * _DRIFT
    return is_sized and (is_near or is_young)
