"""The words of a plan: what a lever moves, what must hold, and what it costs.

A *lever* is one thing that can be done, from nothing up to a most: a repayment, a
transfer, a loan, a cut with its other leg. Its amount moves *atoms*: coins owned,
coins owed, lots, isolated margin. A *row* is a straight line over atoms that must
stay under its room. Floats: the optimiser proposes, the exact engine disposes.
Nothing here solves, measures or sends anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from typing import NamedTuple

from bot.domain.accounts import AccountId, PositionKey
from bot.domain.intents import Intent, PlaceOrder

__all__ = [
    "Atom",
    "Lever",
    "Lots",
    "Margin",
    "Owed",
    "Piece",
    "Rates",
    "Row",
    "Stage",
    "Total",
]


class Total(NamedTuple):
    """Coins owned in an account."""

    account: AccountId
    coin: str


class Owed(NamedTuple):
    """Coins owed in an account."""

    account: AccountId
    coin: str
    is_owed: bool = True


class Lots(NamedTuple):
    """Lots of a position that are closed; positive whatever its side."""

    key: PositionKey


class Margin(NamedTuple):
    """Isolated margin of a position, in its settle currency."""

    key: PositionKey
    is_margin: bool = True


Atom = Total | Owed | Lots | Margin


class Stage(IntEnum):
    """When a lever's turn comes: what is free and funded goes before a trade."""

    CANCEL = 0
    REPAY = 1
    ADD_MARGIN = 2
    TRANSFER = 3
    POOL = 4
    BORROW = 5
    TRADE = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What one unit of a lever costs, in USDT; none is negative."""

    fees: float = 0.0
    depth: float = 0.0
    interest: float = 0.0
    carry: float = 0.0
    basis: float = 0.0

    @property
    def total(self) -> float:
        """All parts together.

        Example:
            >>> Rates(fees=1.0, interest=0.5).total
            1.5
        """
        return self.fees + self.depth + self.interest + self.carry + self.basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of a lever's amount with one cost: depth makes later units dearer.

    ``paid`` are the atoms that the cost itself takes away, a unit.
    """

    width: float
    rates: Rates
    paid: Mapping[Atom, float] = field(default_factory=dict)
    delay: float = 0.0
    """What waiting for this stretch is worth avoiding, USDT a unit; no cost.

    Negative where a thin market is to be left early; with the cost it stays above 0.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Lever:
    """One thing that can be done; amounts are in ``step`` units from 0 to ``most``.

    ``moves`` are the atoms of one unit before costs. ``intents`` makes the requests
    of an amount, in the order in which they are sent. ``order`` is the first leg of
    a trade at its whole size, ``coin`` the coin that both legs of it trade.
    """

    name: str
    stage: Stage
    most: Decimal
    step: Decimal
    moves: Mapping[Atom, float]
    pieces: tuple[Piece, ...]
    intents: Callable[[Decimal], tuple[Intent, ...]]
    says: str
    least: Decimal = Decimal(0)
    is_whole: bool = False
    """Whether the amount counts lots, so that rounding it up can be dear."""
    order: PlaceOrder | None = None
    coin: str = ""
    preference: float = 0.0
    """Breaks ties between levers that cost the same, USDT a unit; no cost."""
    out_of: AccountId | None = None
    """The account that coins leave: its 60 % rule or free cash must allow it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What must stay true: the weighted atoms stay at or under ``room``, in USDT.

    A soft row may be broken where nothing else is possible; by how much is said.
    """

    name: str
    weigh: Callable[[Atom], float]
    room: float
    is_soft: bool = False
