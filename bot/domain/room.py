"""How much room there is for new risk: what is asked for, and the answer.

Values only; the guard finds the answer with the gates that decide about new risk.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from bot.domain.accounts import AccountId
from bot.domain.money import ONE

__all__ = ["Factor", "Legs", "Room", "RoomAsked", "Scale"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One reason why new risk is smaller: a fraction and the reason in words."""

    name: str
    value: Decimal
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The product of all factors; those of 1 say nothing."""

    factors: tuple[Factor, ...] = ()

    @property
    def value(self) -> Decimal:
        """The share of the limits that new risk may use, 0 to 1."""
        found = ONE
        for each in self.factors:
            found *= each.value
        return found

    @property
    def words(self) -> str:
        """The factors that reduce, with their reasons; empty where none does.

        Example:
            >>> Scale(factors=(Factor(name="volatility", value=Decimal("0.8"),
            ...     reason="6.2 % a day"),)).words
            'volatility 0.8 (6.2 % a day)'
        """
        return ", ".join(
            f"{each.name} {each.value.normalize():f} ({each.reason})"
            for each in self.factors
            if each.value < ONE
        )

    def of(self, limit: Decimal) -> str:
        """A scaled limit in words.

        Example:
            >>> Scale().of(Decimal(5))
            '5'
        """
        if self.value == ONE:
            return f"{limit}"
        return (
            f"{limit * self.value:.3f} ({limit} times {self.value:.3f}: {self.words})"
        )


class Legs(StrEnum):
    """What is to be opened."""

    PAIR = "pair"
    """A spot leg and the coin's linear perpetual against it."""
    SPOT = "spot"
    PERP = "perp"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomAsked:
    """What new risk is thought of.

    ``direction`` is +1 for a pair that is long spot and short the perpetual, -1 for
    the reverse; of one leg it is the leg's own sign. The spot leg lies in ``account``;
    to sell there, the coin is borrowed. ``most_usdt`` is the most that is wanted,
    None for as much as there is room for.
    """

    coin: str
    direction: int
    account: AccountId
    legs: Legs = Legs.PAIR
    leverage: Decimal = Decimal(3)
    most_usdt: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The largest that may be opened now, in one order a leg.

    ``coins`` and ``notional_usdt`` are of each leg, ``spot_qty`` in coins and
    ``perp_lots`` in lots without sign, 0 for a leg that is not there. ``limit`` names
    what binds, ``sentence`` says it, ``scale`` is the share of the limits that new
    risk of this size may use.
    """

    coins: Decimal
    notional_usdt: Decimal
    spot_qty: Decimal
    perp_lots: Decimal
    limit: str
    sentence: str
    scale: Scale = field(default_factory=Scale)
