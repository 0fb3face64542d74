"""The stops that should rest, as a list: what one is, which are joined, how many fit.

A leg whose cut is larger than a minute of its book rests as a ladder, so a stop is
known by its leg and its rung: rung 0 is the deepest, the last to go off. Stops of two
accounts on one leg are joined rung by rung, margin stops together never trade more
than is there, and no more futures stops are wanted than the exchange lets wait.
Nothing here measures an account.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, AccountId, PositionSide
from bot.domain.intents import PlaceStop
from bot.domain.money import floor_to
from bot.domain.orders import Side
from bot.guard.stop_safety import StopLeg, leg_of, reducible_qty
from bot.shadow.state import Shadow

__all__ = [
    "MOST_FUTURES_STOPS",
    "RungKey",
    "StopKey",
    "Wanted",
    "WantedStop",
    "fitting",
    "joined",
]

MOST_FUTURES_STOPS: Final = 150
"""Of the 200 that may wait at the exchange: the rest is for replacing and a person's
own (``futures-and-unified.md`` 7.4)."""

StopKey = tuple[AccountId, str, Side, PositionSide, bool]
"""Account, symbol, side, position side, and its direction: one leg, one ladder."""

RungKey = tuple[StopKey, int]
"""A leg and a rung of its ladder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedStop:
    """One stop that should rest.

    ``subject`` is the account that it protects, ``move`` the uniform move of all
    prices at which it goes off. ``rung`` counts from the deepest. ``partner_of``
    names the stop whose other leg it is; alone it would protect nothing.
    """

    intent: PlaceStop
    subject: str
    move: Decimal
    coin: str
    rung: int = 0
    partner_of: RungKey | None = None

    @property
    def key(self) -> StopKey:
        """Its leg, whatever its price and size."""
        stop = self.intent
        return (
            stop.account,
            stop.symbol,
            stop.side,
            stop.position_side,
            stop.is_up,
        )

    @property
    def name(self) -> RungKey:
        """Its leg and its rung."""
        return (self.key, self.rung)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """All stops that should rest, and why an account has none or too little."""

    stops: tuple[WantedStop, ...] = ()
    without: tuple[tuple[str, str], ...] = ()
    """Subject and sentence: accounts that have none."""
    short: tuple[tuple[str, str], ...] = ()
    """Subject and sentence: accounts whose stops do not reach their target."""

    def partners_of(self, name: RungKey) -> tuple[WantedStop, ...]:
        """The other legs that leave with a stop."""
        return tuple(stop for stop in self.stops if stop.partner_of == name)


def joined(stops: Iterable[WantedStop]) -> list[WantedStop]:
    """One stop for each rung of a leg, in the order in which they came.

    Of two the one that goes off first stays, in the larger size.
    """
    found: dict[RungKey, WantedStop] = {}
    for stop in stops:
        found[stop.name] = _joined(found.get(stop.name), stop)
    return list(found.values())


def _joined(one: WantedStop | None, other: WantedStop) -> WantedStop:
    if one is None:
        return other
    first = one if abs(one.move) <= abs(other.move) else other
    qty = max(one.intent.qty, other.intent.qty)
    is_leg = one.partner_of is None or other.partner_of is None
    return replace(
        first,
        intent=replace(first.intent, qty=qty),
        partner_of=None if is_leg else first.partner_of,
    )


def fitting(shadow: Shadow, stops: Iterable[WantedStop]) -> tuple[WantedStop, ...]:
    """The stops whose sum on a leg of a margin account is no more than the leg.

    Those that protect their own account come first; what is left under the least
    order is left out, with its other leg.
    """
    ordered = sorted(stops, key=lambda s: (s.partner_of is not None, abs(s.move)))
    room: dict[StopLeg, Decimal] = {}
    kept: list[WantedStop] = []
    gone: set[RungKey] = set()
    for stop in ordered:
        intent = stop.intent
        if stop.partner_of in gone:
            continue
        if intent.account == FUTURES:
            kept.append(stop)
            continue
        rules = shadow.rules.spot[intent.symbol]
        leg = leg_of(shadow, intent)
        left = room.setdefault(leg, reducible_qty(shadow, intent))
        qty = floor_to(min(intent.qty, left), rules.base_increment)
        if qty * intent.stop_price < rules.min_funds or qty < rules.base_min:
            gone.add(stop.name)
            continue
        room[leg] = left - qty
        kept.append(replace(stop, intent=replace(intent, qty=qty)))
    return tuple(kept)
