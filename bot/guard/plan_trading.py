"""The trades of a plan in an order in which each can be paid, and each one helps.

Those that need the most chunks go first: a thin market is used while there is time. A
purchase waits for the sale that pays for it. Where a sale alone or a purchase alone
would not help and both together do, they are one step, a swap: it is sent a chunk of
the sale, then a chunk of the purchase. A purchase whose cash nothing brings is made
as far as the cash goes. Nothing here is sent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from bot.domain.intents import Intent, PlaceOrder
from bot.domain.money import ONE, ZERO, floor_to, plain, round_up
from bot.domain.orders import Side
from bot.guard.plan_costs import chunks_of
from bot.guard.plan_model import Lever, Stage
from bot.guard.plan_steps import (
    CostParts,
    PlanStep,
    paid_share,
    priced,
    trade_cost,
    value_of,
)
from bot.guard.plan_walk import Walk
from bot.guard.state import SWAPPING
from bot.shadow.state import Shadow

__all__ = ["Part", "trade_all"]

_ROUNDS: Final = 12
"""How often what did not go at its turn is tried again after what did."""
_TRIES: Final = 2
"""How often a trade that did not help is measured alone: at its turn, and later."""
_WORTH: Final = Decimal("0.05")
"""The least share of a purchase that is made because its cash is enough for no more."""
_SWAPS: Final = 6
"""Pairs of trades that one replay measures."""


@dataclass(frozen=True, slots=True)
class Part:
    """So much of one lever that trades."""

    lever: Lever
    qty: Decimal

    @property
    def side(self) -> Side | None:
        """Which way its first order goes."""
        return None if self.lever.order is None else self.lever.order.side

    @property
    def orders(self) -> tuple[PlaceOrder, ...]:
        """Its order, and the same cut on the other leg of a hedge."""
        found = self.lever.intents(self.qty)
        return tuple(each for each in found if isinstance(each, PlaceOrder))

    def at(self, share: Decimal, *, is_up: bool = False) -> "Part | None":
        """A share of it in whole steps; None where that is too little to trade."""
        if share >= ONE:
            return self
        rounded = round_up if is_up else floor_to
        qty = min(rounded(self.qty * share, self.lever.step), self.qty)
        is_sent = qty > 0 and qty >= self.lever.least
        return replace(self, qty=qty) if is_sent else None

    def more(self, share: Decimal) -> "Part":
        """So much more of it, in whole steps and at most all that there is."""
        step = self.lever.step
        most = max(floor_to(self.lever.most, step), self.qty)
        return replace(self, qty=min(round_up(self.qty * (ONE + share), step), most))

    def without(self, done: "Part") -> "Part | None":
        """What is left of it; None where that is too little to trade."""
        left = self.qty - done.qty
        is_sent = left > 0 and left >= self.lever.least
        return replace(self, qty=left) if is_sent else None


def trade_all(walk: Walk, parts: Sequence[Part]) -> None:
    """Append the trades to the walk as far as they can be paid and help."""
    waiting = sorted(
        parts, key=lambda p: -chunks_of(walk.shadow, p.orders, walk.limits)
    )
    trading = _Trading(walk=walk, waiting=waiting)
    trading.run()
    asked = {part.lever.name: part.qty for part in parts}
    for left in trading.waiting:
        name = left.lever.name
        walk.dropped.append(trading.why[name])
        walk.undone[name] = max(asked[name] - left.qty, ZERO)


@dataclass(slots=True, kw_only=True)
class _Trading:
    """The trades that have not been made yet, and why."""

    walk: Walk
    waiting: list[Part]
    why: dict[str, str] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    swaps_left: int = _SWAPS

    def run(self) -> None:
        """Whole trades, then a swap, then what the cash is enough for; and again."""
        for _ in range(_ROUNDS):
            if not (self._whole() or self._swapped() or self._capped()):
                return

    def _whole(self) -> bool:
        """Make every trade that can be paid and helps as it is."""
        waiting = self.waiting
        self.waiting = [part for part in waiting if not self._alone(part)]
        return len(self.waiting) < len(waiting)

    def _alone(self, part: Part) -> bool:
        """Make a trade as it is; what cannot be paid yet is not even measured."""
        name, shadow = part.lever.name, self.walk.shadow
        if _share(shadow, part, self.walk) < ONE:
            self.why[name] = f"{name} lacks the coins that it costs"
            return False
        if self.tries.get(name, 0) >= _TRIES:
            return False
        self.tries[name] = self.tries.get(name, 0) + 1
        return self._made(part)

    def _swapped(self) -> bool:
        """Make the first sale and purchase that help together."""
        if not self.swaps_left:
            return False
        sales = [part for part in self.waiting if part.side is Side.SELL]
        purchases = [part for part in self.waiting if part.side is Side.BUY]
        for sale, purchase in ((s, p) for p in purchases for s in sales):
            for swap in self._sizes(sale, purchase):
                if not self.swaps_left:
                    return False
                self.swaps_left -= 1
                if self._made(*swap):
                    self._take(sale, swap[0])
                    self._take(purchase, swap[1])
                    return True
        return False

    def _sizes(self, sale: Part, purchase: Part) -> Iterator[tuple[Part, Part]]:
        """The sale with as much of the purchase as it pays for; then equal values."""
        sale = self._rounded(sale, purchase)
        whole = self._paid(sale, purchase)
        if whole is not None:
            yield sale, whole
        shadow = self.walk.shadow
        sold, bought = (value_of(shadow, p.orders[0]) for p in (sale, purchase))
        if sold <= 0 or bought <= 0 or sold == bought:
            return
        less, even = sale.at(bought / sold, is_up=True), purchase.at(sold / bought)
        even = None if less is None or even is None else self._paid(less, even)
        if less is not None and even is not None and (less, even) != (sale, whole):
            yield less, even

    def _rounded(self, sale: Part, purchase: Part) -> Part:
        """The sale, raised by what the rounding up of its purchase costs."""
        lacks = purchase.qty * (ONE - self._funded(sale, purchase))
        if not 0 < lacks <= purchase.lever.step:
            return sale
        shadow = self.walk.shadow
        sold, bought = (value_of(shadow, p.orders[0]) for p in (sale, purchase))
        step = purchase.lever.step / purchase.qty * bought
        return sale if sold <= 0 else sale.more(step / sold)

    def _funded(self, sale: Part, purchase: Part) -> Decimal:
        """The share of a purchase that can be paid once the sale has been made."""
        walk = self.walk
        sold = [priced(walk.shadow, o, walk.limits) for o in sale.orders]
        after = walk.projected(sold)
        return ZERO if after is None else _share(after, purchase, walk)

    def _paid(self, sale: Part, purchase: Part) -> Part | None:
        """As much of a purchase as can be paid once the sale has been made."""
        return purchase.at(self._funded(sale, purchase))

    def _capped(self) -> bool:
        """Make the first purchase that helps as far as its cash goes.

        A smaller one is cheaper a coin, so that some cash is always left: what it
        still buys is no order worth sending.
        """
        for part in self.waiting:
            share = _share(self.walk.shadow, part, self.walk)
            less = part.at(share) if share >= _WORTH else None
            if less is not None and less != part and self._made(less):
                self._take(part, less)
                return True
        return False

    def _take(self, part: Part, done: Part) -> None:
        """Keep what of a trade has not been made."""
        left = part.without(done)
        number = self.waiting.index(part)
        self.waiting[number : number + 1] = [] if left is None else [left]

    def _made(self, *parts: Part) -> bool:
        """Whether some trades, in this order, are a step of the plan now."""
        objection = self._appended(parts)
        if objection is not None:
            self.why[parts[-1].lever.name] = objection
        return objection is None

    def _appended(self, parts: Sequence[Part]) -> str | None:
        walk, cost = self.walk, CostParts()
        done: Shadow | None = walk.shadow
        for part in parts:
            for order in part.orders:
                each = priced(walk.shadow, order, walk.limits)
                if done is not None and paid_share(done, each) < ONE:
                    return f"{part.lever.name} lacks the coins that it costs"
                done = walk.projected([each], done)
            parted = trade_cost(
                walk.shadow, part.orders, walk.limits, part.lever, part.qty
            )
            cost = cost.plus(parted)
        if done is None:
            return f"{parts[0].lever.name} cannot be measured"
        orders = [order for part in parts for order in part.orders]
        repays = list(walk.repays(done, orders))
        step = _step(parts, (*orders, *repays), cost)
        objection = walk.append(step, walk.projected(repays, done))
        if objection is None:
            walk.paid_back(repays)
        return objection


def _share(shadow: Shadow, part: Part, walk: Walk) -> Decimal:
    """How much of a trade can be paid with what lies in its accounts."""
    orders = (priced(shadow, order, walk.limits) for order in part.orders)
    return min((paid_share(shadow, order) for order in orders), default=ONE)


def _step(
    parts: Sequence[Part], intents: tuple[Intent, ...], cost: CostParts
) -> PlanStep:
    """One trade, or the two of a swap, as a step that has not been measured."""
    first, last = parts[0], parts[-1]
    said = (p.lever.says.format(amount=plain(p.qty)) for p in parts)
    step = PlanStep(
        name=SWAPPING.join(p.lever.name for p in parts),
        stage=Stage.TRADE,
        says=SWAPPING.join(said),
        amount=first.qty,
        intents=intents,
        cost=cost,
        after={},
        order=_sized(first),
        coin=first.lever.coin,
    )
    if last is first:
        return step
    return replace(step, partner=_sized(last), partner_coin=last.lever.coin)


def _sized(part: Part) -> PlaceOrder | None:
    order = part.lever.order
    return None if order is None else replace(order, qty=part.qty)
