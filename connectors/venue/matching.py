"""The matching engine: one taker against a rebuilt book, resting orders as makers.

Theory of operation. An order that arrives walks the book around the last price as
deep as a tenth of a minute's volume allows; what was taken flows back with time.
What is left of a market, IOC or FOK order is cancelled, a limit order rests. A
resting order trades only when the last price went *through* its price, at its own
price, as maker, and out of the same depth (DESIGN section 11). A post-only order
that would take is accepted and cancelled; price protection cancels the rest of an
order that would reach too far.

``prepare`` decides without changing anything, ``execute`` does what was decided.
This module must not know how a trade is booked: that is the desk's part.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.domain.money import ZERO
from bot.domain.orders import OrderType, Side, TimeInForce
from connectors.venue.book import (
    DepthUse,
    Level,
    Walk,
    build_levels,
    depth_cap,
    walk,
)
from connectors.venue.desk import Desk, Grid, Trade
from connectors.venue.orders import OrderRegister, VenueOrder
from connectors.venue.refusal import Refusal

__all__ = ["Matcher", "Matching"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """What an order will meet: its fills, and why the rest of it ends, if it does."""

    grid: Grid
    walk: Walk
    end_reason: str | None
    """Why what is left is cancelled; None lets it rest."""


class Matcher:
    """Books with depth for every symbol, and the orders that rest in them."""

    def __init__(self, register: OrderRegister) -> None:
        self._register = register
        self._depth: dict[tuple[str, Side], DepthUse] = {}

    def book(
        self, at: datetime, desk: Desk, symbol: str, side: Side
    ) -> tuple[Level, ...]:
        """What a taker of ``side`` meets at ``at``, best first."""
        grid = desk.grid(symbol)
        levels = _levels(grid, side)
        whole = sum((level.qty for level in levels), ZERO)
        depth = self._depth.get((symbol, side))
        cap = depth_cap(grid.liquidity, grid.step)
        used = ZERO if depth is None else depth.used(at, cap)
        left = walk(levels, whole, side=side, used=used)
        return tuple(Level(price, qty) for price, qty in left.fills)

    def prepare(
        self, at: datetime, desk: Desk, order: VenueOrder
    ) -> Matching | Refusal:
        """Say what an order would do at ``at``, or why it is refused.

        The caller has checked the order's form with ``desk.check``.
        """
        grid = desk.grid(order.symbol)
        levels = _levels(grid, order.side)
        found = self._walk(at, desk, order, levels)
        if order.post_only and _crosses(order, levels):
            found = Walk(fills=(), remaining=order.qty)
            matching = Matching(
                grid=grid, walk=found, end_reason="post only: it would have taken"
            )
        elif order.time_in_force is TimeInForce.FOK and found.remaining > 0:
            found = Walk(fills=(), remaining=order.qty)
            matching = Matching(
                grid=grid, walk=found, end_reason="fill or kill: not all could fill"
            )
        else:
            matching = Matching(
                grid=grid, walk=found, end_reason=_end_reason(desk, order, levels)
            )
        refusal = desk.admit(order, matching.walk.fills)
        return matching if refusal is None else refusal

    def execute(
        self, at: datetime, desk: Desk, order: VenueOrder, matching: Matching
    ) -> None:
        """Trade what ``prepare`` found at the same time, then rest or end the order."""
        self._register.accept(order)
        order.reserved = desk.needed_hold(order)
        reference = matching.grid.reference
        for price, qty in matching.walk.fills:
            self._trade(
                at,
                desk,
                order,
                Trade(price=price, qty=qty, is_maker=False, reference=reference),
            )
        self._take_depth(at, matching.grid, order, order.filled)
        if order.remaining > 0 and matching.end_reason is None:
            self._register.rest(at, order, desk.hold_after(order))
        else:
            self._register.settle(at, order, matching.end_reason)

    def fill_resting(self, at: datetime, desk: Desk, symbol: str) -> None:
        """Trade the resting orders that the last price went through.

        The best price trades first, then the oldest; together they get no more
        than the depth of their side.
        """
        grid = desk.grid(symbol)
        through = [
            (order.price, order)
            for order in self._register.resting(symbol)
            if order.price is not None and _is_through(order.side, order.price, grid)
        ]
        through.sort(key=lambda pair: -pair[1].side.sign * pair[0])
        for price, order in through:
            self._fill_one(at, desk, order, price)

    def _fill_one(
        self, at: datetime, desk: Desk, order: VenueOrder, price: Decimal
    ) -> None:
        """Trade one resting order at its own price, as far as depth allows."""
        grid = desk.grid(order.symbol)
        room = depth_cap(grid.liquidity, grid.step) - self._used(at, grid, order)
        wanted = desk.fillable(order, order.remaining)
        if wanted <= 0:
            self._register.settle(at, order, "reduce only: nothing is left to reduce")
            return
        qty = min(wanted, room)
        if qty <= 0:
            return
        self._take_depth(at, grid, order, qty)
        self._trade(
            at,
            desk,
            order,
            Trade(price=price, qty=qty, is_maker=True, reference=grid.reference),
        )
        is_clipped = wanted < order.remaining + qty and qty == wanted
        self._register.settle(
            at, order, "reduce only: the position is closed" if is_clipped else None
        )

    def _trade(self, at: datetime, desk: Desk, order: VenueOrder, trade: Trade) -> None:
        """Count a fill, free what it held, then book it."""
        self._register.fill(order, trade.qty)
        self._register.hold(at, order, min(order.hold, desk.hold_after(order)))
        desk.book_fill(at, order, trade)

    def _walk(
        self, at: datetime, desk: Desk, order: VenueOrder, levels: tuple[Level, ...]
    ) -> Walk:
        """What the order takes at once, no worse than its limit and protection."""
        used = self._used(at, desk.grid(order.symbol), order)
        return walk(levels, order.qty, _reach(desk, order), order.side, used)

    def _used(self, at: datetime, grid: Grid, order: VenueOrder) -> Decimal:
        """What is missing from the front of the side that an order takes from."""
        depth = self._depth.get((order.symbol, order.side))
        if depth is None:
            return ZERO
        return depth.used(at, depth_cap(grid.liquidity, grid.step))

    def _take_depth(
        self, at: datetime, grid: Grid, order: VenueOrder, qty: Decimal
    ) -> None:
        """Remember what was taken from a side of a book."""
        if qty <= 0:
            return
        key = (order.symbol, order.side)
        depth = self._depth.setdefault(key, DepthUse(step=grid.step))
        depth.take(at, qty, depth_cap(grid.liquidity, grid.step))


def _levels(grid: Grid, side: Side) -> tuple[Level, ...]:
    """The book that a taker of ``side`` meets around the grid's price."""
    return build_levels(grid.price, grid.liquidity, side, grid.tick, grid.step)


def _reach(desk: Desk, order: VenueOrder) -> Decimal:
    """The worst price the order may trade at: its own limit or the protection."""
    worst = desk.worst_price(order)
    if order.price is None:
        return worst
    nearer = min if order.side is Side.BUY else max
    return nearer(order.price, worst)


def _crosses(order: VenueOrder, levels: tuple[Level, ...]) -> bool:
    """Whether a limit order would meet the front of the book, taken or not."""
    if order.price is None or not levels:
        return False
    return order.side.sign * (order.price - levels[0].price) >= 0


def _end_reason(desk: Desk, order: VenueOrder, levels: tuple[Level, ...]) -> str | None:
    """Why what is left of an order after its walk does not rest.

    Protection ends a limit order that is priced beyond it, and a market order
    whose book goes beyond it.
    """
    worst, sign = desk.worst_price(order), order.side.sign
    asked = [level.price for level in levels] if order.price is None else [order.price]
    if any(sign * (price - worst) > 0 for price in asked):
        return "price protection: the rest would trade too far from the last price"
    if order.type is OrderType.MARKET:
        return "market: the depth is used up"
    if order.time_in_force is not TimeInForce.GTC:
        return "immediate or cancel: the rest could not fill at once"
    return None


def _is_through(side: Side, price: Decimal, grid: Grid) -> bool:
    """Whether the last price is strictly beyond a resting order's price."""
    return grid.price < price if side is Side.BUY else grid.price > price
