"""Which hedged pairs to hold, and how large: one decision for the bot and its study.

Every offer says what a pair is expected to earn over the holding time (funding,
less borrow interest, and the basis that is expected to close) as a fraction of its
notional, what both legs cost in and out, and how much capital a unit of it binds.
A pair is begun when it earns its way in and out, left when going on costs more than
that, and given up for a better one when the difference pays for the change:
the room between these keeps a pair from being traded over and over.

Pure and without memory; floats, because it ranks: what is then proposed is sized
and checked exactly elsewhere.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["ChoiceRules", "Offer", "Target", "choose", "collateral_rates"]

_SMALL: Final = 1e-9

Key = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One pair in one direction (+1 spot long and perpetual short, -1 the reverse).

    ``value`` is the expected income over the holding time and ``trip`` the cost of
    both legs in and out, fractions of the notional. ``bound`` is the capital that a
    new unit of notional binds and ``floor`` what must stay behind one that is held.
    ``held`` and ``most`` are USDT of notional. What may not begin is not ``is_open``.
    """

    name: str
    direction: int
    value: float
    trip: float
    bound: float
    floor: float
    held: float = 0.0
    most: float = math.inf
    is_open: bool = True

    @property
    def key(self) -> Key:
        """Coin and direction."""
        return (self.name, self.direction)

    @property
    def running(self) -> float:
        """What holding on earns for each unit of capital."""
        return self.value / self.bound

    @property
    def net(self) -> float:
        """What beginning now earns for each unit of capital, way in and out paid."""
        return (self.value - self.trip) / self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRules:
    """``capital`` in USDT; ``enter``, ``leave``, ``switch`` are ways in and out.

    ``least`` is the smallest growth worth its orders, a fraction of the capital.
    """

    capital: float
    enter: float = 1.0
    leave: float = 1.0
    switch: float = 4.0
    least: float = 0.1
    pairs_max: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The notional that a pair should have, and why it changes; else no words."""

    notional: float
    words: str = ""


def collateral_rates(
    direction: int, margin_share: float, margin_floor: float
) -> tuple[float, float]:
    """Capital that a unit of notional binds when it is begun, and at least later.

    Long: the coin itself and the perpetual's margin. Short: the margin of the loan
    and that of the perpetual; what the sale brings stays with the loan.

    Example:
        >>> collateral_rates(1, 0.5, 0.25), collateral_rates(-1, 0.5, 0.25)
        ((1.5, 1.25), (1.0, 0.5))
    """
    if direction > 0:
        return 1 + margin_share, 1 + margin_floor
    return 2 * margin_share, 2 * margin_floor


def choose(offers: Sequence[Offer], rules: ChoiceRules) -> dict[Key, Target]:
    """The notional of every pair that is held or begun, by coin and direction.

    Example:
        0.9 % against 0.4 % in and out binds the whole capital of 1,500; when a
        better coin comes it takes over only if the difference is worth the change.

        >>> sol = Offer(name="SOL", direction=1, value=0.009, trip=0.004,
        ...     bound=1.5, floor=1.25)
        >>> choose([sol], ChoiceRules(capital=1500))[("SOL", 1)].notional
        1000.0
        >>> from dataclasses import replace
        >>> held = replace(sol, held=1000.0)
        >>> good = replace(sol, name="XRP", value=0.016)
        >>> [round(t.notional) for t in choose([held, good],
        ...     ChoiceRules(capital=1500)).values()]
        [1000]
        >>> best = replace(good, value=0.026)
        >>> sorted((k[0], round(t.notional)) for k, t in choose([held, best],
        ...     ChoiceRules(capital=1500)).items())
        [('SOL', 0), ('XRP', 1000)]
    """
    table = _Table(offers, rules)
    table.leave()
    table.shrink()
    for offer in table.candidates():
        table.rotate(offer)
        table.grow(offer)
    return table.targets


class _Table:
    """The targets under construction."""

    def __init__(self, offers: Sequence[Offer], rules: ChoiceRules) -> None:
        self.rules = rules
        self.offers = {each.key: each for each in offers}
        self.targets: dict[Key, Target] = {
            each.key: Target(notional=each.held) for each in offers if each.held > 0
        }

    def leave(self) -> None:
        """Give up what costs more to hold than a way in and out."""
        for key in self._live():
            offer = self.offers[key]
            if offer.value < -self.rules.leave * offer.trip:
                words = (
                    f"expected to earn {offer.value:.5f} of it against "
                    f"{offer.trip:.5f} in and out"
                )
                self.targets[key] = Target(notional=0.0, words=words)

    def shrink(self) -> None:
        """Free collateral where prices have outgrown it, from the poorest pair."""
        if self._bound(at_floor=True) <= self.rules.capital:
            return
        for key in self._live():
            over = self._bound() - self.rules.capital
            if over <= _SMALL:
                return
            notional = self.targets[key].notional
            cut = min(notional, over / self.offers[key].bound)
            self.targets[key] = Target(notional=notional - cut, words="frees margin")

    def candidates(self) -> list[Offer]:
        """What may grow and earns its way, the best on new capital first."""
        found = [
            each
            for each in self.offers.values()
            if each.is_open
            and each.value > self.rules.enter * each.trip
            and not self._notional((each.name, -each.direction))
        ]
        return sorted(found, key=lambda each: (-each.net, each.name))

    def rotate(self, offer: Offer) -> None:
        """Give up what earns so much less that the change is worth its cost."""
        price = self.rules.switch * offer.trip / offer.bound
        for key in self._live():
            held = self.offers[key]
            room = (offer.most - self._notional(offer.key)) * offer.bound
            freed = self._notional(key) * held.bound
            is_other = key[0] != offer.name
            spare = max(self.rules.capital - self._bound(), 0.0)
            if is_other and room > spare and offer.running - held.running > price:
                taken = min(freed, room - spare)
                notional = (freed - taken) / held.bound
                words = f"gives way to {offer.name}"
                self.targets[key] = Target(notional=notional, words=words)

    def grow(self, offer: Offer) -> None:
        """Bind what is left, when it is worth its orders."""
        held = self._notional(offer.key)
        is_full = len(self._live()) >= self.rules.pairs_max
        spare = self.rules.capital - self._bound()
        more = min(spare / offer.bound, offer.most - held)
        least = self.rules.least * min(self.rules.capital / offer.bound, offer.most)
        if more < max(least, _SMALL) or (not held and is_full):
            return
        words = (
            f"expected to earn {offer.value:.5f} of it against {offer.trip:.5f} in "
            "and out"
        )
        self.targets[offer.key] = Target(notional=held + more, words=words)

    def _live(self) -> list[Key]:
        """What is held or wanted, the poorest first."""
        found = [key for key, each in self.targets.items() if each.notional > 0]
        return sorted(found, key=lambda key: (self.offers[key].running, key))

    def _notional(self, key: Key) -> float:
        target = self.targets.get(key)
        return 0.0 if target is None else target.notional

    def _bound(self, *, at_floor: bool = False) -> float:
        """The capital that all targets bind."""
        return sum(
            each.notional
            * (self.offers[key].floor if at_floor else self.offers[key].bound)
            for key, each in self.targets.items()
        )
