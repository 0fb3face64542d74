"""Which stop that rests is which one that is wanted, rung by rung of each leg.

A stop fits a rung when its size is near enough, and its price too or it is too young
to be moved. Stops of one leg are told apart by their prices alone, so the rungs choose
in the order in which they go off, the nearest first and then the young; what is left
over was wanted once. Requests without an answer are counted like stops that rest.
Nothing here asks for anything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
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
    missing = sorted(wants, key=lambda w: (abs(w.move), w.rung))
    rests: list[WantedStop] = []
    for does_fit in (_is_near, partial(_is_young, at)):
        for want in list(missing):
            fits = [s for s in free if _is_sized(want, s) and does_fit(want, s)]
            if fits:
                free.remove(min(fits, key=partial(_gap, want)))
                missing.remove(want)
                rests.append(want)
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


def _is_sized(want: WantedStop, stop: StopChanged) -> bool:
    return abs(stop.qty - want.intent.qty) <= want.intent.qty * _SIZE


def _is_near(want: WantedStop, stop: StopChanged) -> bool:
    price = want.intent.stop_price
    return abs(stop.stop_price - price) <= price * _DRIFT


def _is_young(at: datetime, want: WantedStop, stop: StopChanged) -> bool:
    return at - stop.at < REPRICE


def _gap(want: WantedStop, stop: StopChanged) -> tuple[Decimal, str]:
    return abs(stop.stop_price - want.intent.stop_price), stop.stop_id
