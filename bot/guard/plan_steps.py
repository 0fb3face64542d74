"""The steps of a plan: what each does, what it costs, and where it leads.

Orders are priced at what their chunks fetch on average, for projecting only. Nothing
here chooses, orders or sends anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.intents import Intent, PlaceOrder
from bot.domain.money import ONE, ZERO
from bot.domain.orders import Side
from bot.domain.records import changed
from bot.guard.legs import base_qty
from bot.guard.limits import GuardLimits
from bot.guard.plan_costs import depth_of
from bot.guard.plan_model import Lever, Stage
from bot.guard.plan_rows import price_of
from bot.risk.measure import SubjectMeasure
from bot.shadow.project import pair_mark
from bot.shadow.state import Shadow

__all__ = [
    "CostParts",
    "PlanStep",
    "Replayed",
    "paid_share",
    "priced",
    "trade_cost",
    "value_of",
]

_FEE: Final = Decimal("0.002")
"""A taker's fee where none is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostParts:
    """What a step or a plan is expected to cost, in USDT; a day of interest."""

    fees: Decimal = ZERO
    depth: Decimal = ZERO
    interest: Decimal = ZERO
    carry: Decimal = ZERO
    basis: Decimal = ZERO
    liquidation: Decimal = ZERO
    """Probability of a liquidation within the horizon times what it would take."""

    @property
    def total(self) -> Decimal:
        """All parts together.

        Example:
            >>> CostParts(fees=Decimal(2), depth=Decimal(1)).total
            Decimal('3')
        """
        parts = (self.fees, self.depth, self.interest, self.carry, self.basis)
        return sum(parts, ZERO) + self.liquidation

    def plus(self, other: "CostParts") -> "CostParts":
        """The sum of two, part by part."""
        return CostParts(
            fees=self.fees + other.fees,
            depth=self.depth + other.depth,
            interest=self.interest + other.interest,
            carry=self.carry + other.carry,
            basis=self.basis + other.basis,
            liquidation=self.liquidation + other.liquidation,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """One thing to do, and where every account it touches stands after it.

    ``intents`` are its requests in the order in which they go; a trade of several
    ``chunks`` is sent a chunk at a time, both legs together; of a swap a chunk of the
    one order, then one of the other. ``after`` has the accounts that the step touches
    and that still have something to lose.
    """

    name: str
    stage: Stage
    says: str
    amount: Decimal
    intents: tuple[Intent, ...]
    cost: CostParts
    after: Mapping[str, SubjectMeasure]
    chunks: int = 1
    order: PlaceOrder | None = None
    coin: str = ""
    partner: PlaceOrder | None = None
    """What goes with the order of a swap, where neither of them helps alone."""
    partner_coin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """The steps that stood the exact test, where they lead, and what was left out.

    ``undone`` are the trades that could not be made whole, by lever, each with how
    much of it was made.
    """

    shadow: Shadow
    steps: tuple[PlanStep, ...]
    after: SubjectMeasure | None
    dropped: tuple[str, ...] = ()
    undone: Mapping[str, Decimal] = field(default_factory=dict)


def priced(shadow: Shadow, order: PlaceOrder, limits: GuardLimits) -> PlaceOrder:
    """The order at the price that its chunks fetch on average: for projecting only."""
    mark = _mark(shadow, order)
    coins = float(base_qty(shadow, order))
    if mark is None or coins <= 0:
        return order
    share = depth_of(shadow, order.symbol, limits).cost(coins) / coins
    price = mark * (ONE + order.side.sign * Decimal(repr(share)))
    return changed(order, price=price)


def _mark(shadow: Shadow, order: PlaceOrder) -> Decimal | None:
    if order.account == FUTURES:
        return shadow.futures_marks.get(order.symbol)
    return pair_mark(shadow, order.symbol)


def trade_cost(
    shadow: Shadow,
    orders: Sequence[PlaceOrder],
    limits: GuardLimits,
    lever: Lever,
    qty: Decimal,
) -> CostParts:
    """Fees, carry and basis of a cut, and its depth chunk by chunk."""
    rates, depth = lever.pieces[0].rates, ZERO
    for order in orders:
        mark = _mark(shadow, order) or ZERO
        coins = float(base_qty(shadow, order))
        cost = Decimal(repr(depth_of(shadow, order.symbol, limits).cost(coins)))
        depth += cost * mark * _dollars(shadow, order)
    return CostParts(
        fees=qty * Decimal(repr(rates.fees)),
        depth=depth,
        carry=qty * Decimal(repr(rates.carry)),
        basis=qty * Decimal(repr(rates.basis)),
    )


def paid_share(shadow: Shadow, order: PlaceOrder) -> Decimal:
    """The share of a priced order whose coins lie in its account, fee and all.

    On futures a close needs no coins; on an unpriced order nothing is known.
    """
    rules = shadow.rules.spot.get(order.symbol)
    if order.account == FUTURES or rules is None or order.qty <= 0:
        return ONE
    if order.side is Side.SELL:
        held, asked = shadow.balance(order.account, rules.base).available, order.qty
    else:
        fee = shadow.rules.spot_fee_rates.get(order.symbol, (ZERO, _FEE))[1]
        held = shadow.balance(order.account, rules.quote).available
        asked = order.qty * (order.price or ZERO) * (ONE + fee)
    return ONE if asked <= held else max(held, ZERO) / asked


def _dollars(shadow: Shadow, order: PlaceOrder) -> Decimal:
    """USDT for one unit of the coin that an order's price counts."""
    if order.account == FUTURES:
        return ONE
    rules = shadow.rules.spot[order.symbol]
    return Decimal(repr(price_of(shadow, rules.quote)))


def value_of(shadow: Shadow, order: PlaceOrder) -> Decimal:
    """What an order trades, in USDT at the marks; zero where that is unknown."""
    mark = _mark(shadow, order) or ZERO
    return base_qty(shadow, order) * mark * _dollars(shadow, order)
