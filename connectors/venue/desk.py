"""What the matching engine asks of a desk, and what they hand to each other.

A desk knows one kind of product: what its orders must obey, what they need and
how a trade is booked. The matching engine knows books and resting orders. This
module is the seam between the two, and holds no behaviour.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from bot.domain.market import Liquidity
from connectors.venue.orders import VenueOrder
from connectors.venue.refusal import Refusal

__all__ = ["Desk", "Fills", "Grid", "Trade"]

Fills = tuple[tuple[Decimal, Decimal], ...]
"""(price, qty) pairs, in the order in which they trade."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The price around which a book is built, its steps and its depth.

    ``step`` and ``liquidity.volume_1m`` count what the orders count: coins on
    spot and margin, lots on futures. ``reference`` is what slippage is measured
    from: the mid on spot and margin, the mark on futures.
    """

    price: Decimal
    reference: Decimal
    tick: Decimal
    step: Decimal
    liquidity: Liquidity


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One match of an order; ``reference`` is the grid's, before the trade."""

    price: Decimal
    qty: Decimal
    is_maker: bool
    reference: Decimal


class Desk(Protocol):
    """One product's rules and bookkeeping."""

    def check(self, order: VenueOrder) -> Refusal | None:
        """Refuse what is wrong whatever the book says."""

    def grid(self, symbol: str) -> Grid:
        """The grid of a symbol that ``check`` let pass."""

    def worst_price(self, order: VenueOrder) -> Decimal:
        """The price that protection lets a taker reach."""

    def admit(self, order: VenueOrder, fills: Fills) -> Refusal | None:
        """Refuse what cannot be paid for, given what would trade at once."""

    def needed_hold(self, order: VenueOrder) -> Decimal:
        """What the whole order needs; names the coin that it holds."""

    def hold_after(self, order: VenueOrder) -> Decimal:
        """What a resting order holds, given its fills so far."""

    def fillable(self, order: VenueOrder, qty: Decimal) -> Decimal:
        """How much of ``qty`` may trade now: reduce-only orders stop at flat."""

    def book_fill(self, at: datetime, order: VenueOrder, trade: Trade) -> None:
        """Book a trade whose size the register has counted already."""
