"""The largest pair, or leg, that would be admitted now: sizing by the gates themselves.

Theory of operation. A size is tried as it would be sent: each leg on what the legs
before it lead to, by the gates that new risk has to pass; a pair's perpetual alone as
well, because it may go first; then the whole, which nothing exempts from the scale
although its second leg is a hedge. The gates grow stricter with the size, so a search
over whole steps of both legs' grid finds the largest that passes, and the gate that
stops the next step is the limit that binds. (A short's proceeds fill the reserve: where
a small one is refused for it a larger one may pass, and is not looked for.) Exact,
pure, at most some twenty tries.
Nothing here proposes or approves anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import Final

from bot.domain.accounts import FUTURES, MarginMode, PositionKey
from bot.domain.instruments import ContractRules, SpotRules
from bot.domain.intents import Borrow, Intent, PlaceOrder
from bot.domain.money import ZERO, plain, round_up
from bot.domain.orders import Side
from bot.domain.room import Legs, Room, RoomAsked, Scale
from bot.guard.admission import Admission
from bot.guard.asked import touched_accounts
from bot.guard.doubt import as_if_done
from bot.guard.gates import size_objection
from bot.guard.plan_limits import borrowable
from bot.guard.size_gates import (
    Blocked,
    Change,
    change_between,
    change_objection,
)
from bot.risk.measure import measure_subjects
from bot.risk.pairs import contract_symbol
from bot.risk.sizing import common_step, depth_cap, lot_coins
from bot.risk.subjects import is_margin
from bot.shadow.project import UnknownPriceError, pair_mark, project
from bot.shadow.state import Shadow

__all__ = ["Sizer", "largest"]

_ENDLESS: Final = Decimal(10) ** 15
_TRIES_MAX: Final = 64
_ROUNDING: Final = Decimal("1.000000000001")
"""What is asked for in USDT may miss a whole step by the rounding of a division."""


def largest(admission: Admission, asked: RoomAsked) -> Room:
    """The largest that would be admitted now, and what binds it.

    Args:
        admission: The account, its limits, and what scales new risk.
        asked: Coin, direction and legs.

    Returns:
        A room of nothing, with the reason, where a price or a rule is not known.
    """
    sizer = Sizer.of(_measured(admission), asked)
    if isinstance(sizer, Blocked):
        return _nothing(sizer)
    caps = sorted(sizer.caps(), key=lambda each: each.steps)
    cap = caps[0]
    count, blocked = cap.steps, sizer.objection(cap.steps)
    if blocked is not None:
        count, blocked = _search(sizer, cap.steps, blocked)
    binding = blocked or Blocked(cap.limit, cap.sentence)
    if count < sizer.least_steps:
        least = sizer.least_steps * sizer.step
        told = f"{binding.sentence}; the smallest order is {plain(least)} {asked.coin}"
        return sizer.room(0, Blocked(binding.limit, told))
    return sizer.room(count, binding)


def _measured(admission: Admission) -> Admission:
    """With every subject measured once: what a try does not change is not again."""
    if admission.known is not None:
        return admission
    shadow = admission.shadow
    return replace(admission, known=(shadow, measure_subjects(shadow)))


def _search(sizer: "Sizer", high: int, why: Blocked) -> tuple[int, Blocked]:
    """The largest count that passes, and what stops the next; ``high`` does not."""
    low = 0
    for _ in range(_TRIES_MAX):
        if high - low <= 1:
            break
        middle = (low + high) // 2
        found = sizer.objection(middle)
        if found is None:
            low = middle
        else:
            high, why = middle, found
    return low, why


def _nothing(why: Blocked) -> Room:
    return Room(
        coins=ZERO,
        notional_usdt=ZERO,
        spot_qty=ZERO,
        perp_lots=ZERO,
        limit=why.limit,
        sentence=why.sentence,
    )


@dataclass(frozen=True, slots=True)
class _Cap:
    """A limit that does not depend on the account: so many steps."""

    steps: int
    limit: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizer:
    """One question about room, with the rules and the price that it needs.

    ``step`` is the coins of the smallest size on the grid of its legs.
    """

    admission: Admission
    asked: RoomAsked
    spot: SpotRules | None
    contract: ContractRules | None
    price: Decimal
    step: Decimal

    @classmethod
    def of(cls, admission: Admission, asked: RoomAsked) -> "Sizer | Blocked":
        """The question, or why it cannot be asked."""
        shadow, legs = admission.shadow, asked.legs
        spot = shadow.rules.spot.get(f"{asked.coin}-USDT")
        contract = shadow.rules.contracts.get(contract_symbol(asked.coin))
        if legs is not Legs.PERP and spot is None:
            return Blocked("rules", f"no rules of {asked.coin}-USDT are known")
        if legs is not Legs.SPOT and (contract is None or contract.is_inverse):
            return Blocked("rules", f"no linear perpetual of {asked.coin} is known")
        price = _price(shadow, asked, contract)
        if price is None or price <= 0:
            return Blocked("marks", f"no mark price of {asked.coin} is known")
        spot = None if legs is Legs.PERP else spot
        contract = None if legs is Legs.SPOT else contract
        return cls(
            admission=admission,
            asked=asked,
            spot=spot,
            contract=contract,
            price=price,
            step=_step(spot, contract),
        )

    @property
    def least_steps(self) -> int:
        """The fewest steps that every leg's least order allows."""
        least = self.step
        if self.spot is not None:
            least = max(least, self.spot.base_min, self.spot.min_funds / self.price)
        return int((least / self.step).to_integral_value(ROUND_CEILING))

    def caps(self) -> Iterator[_Cap]:
        """What limits the size whatever the account is like."""
        shadow, asked = self.admission.shadow, self.asked
        order = self.admission.limits.max_order_usdt
        told = f"max_order_usdt {order}"
        yield self._cap(order / self.price, "largest order", told)
        if asked.most_usdt is not None:
            told = f"{plain(asked.most_usdt)} USDT are asked for"
            most = asked.most_usdt / self.price * _ROUNDING
            yield self._cap(most, "asked", told)
        for symbol in self._symbols():
            most = depth_cap(shadow.liquidity.get(symbol), _ENDLESS)
            if most < _ENDLESS:
                told = f"the depth of {symbol} is {most:.6g} {asked.coin} an order"
                yield self._cap(most, "depth", told)
        if self.spot is not None:
            told = f"the largest order of {self.spot.symbol}"
            yield self._cap(self.spot.base_max, "largest order", told)
        if self.contract is not None:
            most = self.contract.max_order_lots * self.contract.multiplier
            told = f"the largest order of {self.contract.symbol}"
            yield self._cap(most, "largest order", told)
        if self._borrows:
            yield self._loan_cap()

    def _loan_cap(self) -> _Cap:
        account, coin = self.asked.account, self.asked.coin
        if not is_margin(account):
            told = f"{coin} cannot be borrowed in {account}"
            return self._cap(ZERO, "borrowing", told)
        most = borrowable(self.admission.shadow, account, coin)
        told = f"{account} can borrow {plain(most)} {coin}"
        return self._cap(most, "borrowing", told)

    def _cap(self, coins: Decimal, limit: str, told: str) -> _Cap:
        return _Cap(int(max(coins, ZERO) // self.step), limit, told)

    @property
    def _borrows(self) -> bool:
        return self.spot is not None and self._spot_sign < 0

    @property
    def _spot_sign(self) -> int:
        return self.asked.direction

    @property
    def _perp_sign(self) -> int:
        is_pair = self.asked.legs is Legs.PAIR
        return -self.asked.direction if is_pair else self.asked.direction

    def _symbols(self) -> Iterator[str]:
        for rules in (self.spot, self.contract):
            if rules is not None:
                yield rules.symbol

    # -- what would be sent --------------------------------------------------

    def intents(self, count: int) -> tuple[Intent, ...]:
        """The requests of so many steps, in their order: loan, spot, perpetual."""
        coins = count * self.step
        return (*self._spot_intents(coins), *self._perp_intents(coins))

    def _spot_intents(self, coins: Decimal) -> Iterator[Intent]:
        if self.spot is None:
            return
        account = self.asked.account
        if self._borrows:
            rules = self.admission.shadow.rules.margin_coins.get(self.asked.coin)
            amount = coins
            if rules is not None:
                unit = rules.borrow_unit or rules.quantum
                amount = round_up(max(coins, rules.borrow_min or ZERO), unit)
            yield Borrow(account=account, coin=self.asked.coin, amount=amount)
        side = Side.BUY if self._spot_sign > 0 else Side.SELL
        yield PlaceOrder(account=account, symbol=self.spot.symbol, side=side, qty=coins)

    def _perp_intents(self, coins: Decimal) -> Iterator[Intent]:
        if self.contract is None:
            return
        symbol = self.contract.symbol
        held = self.admission.shadow.positions.get(PositionKey(symbol))
        yield PlaceOrder(
            account=FUTURES,
            symbol=symbol,
            side=Side.BUY if self._perp_sign > 0 else Side.SELL,
            qty=coins / self.contract.multiplier,
            margin_mode=MarginMode.CROSS if held is None else held.mode,
            leverage=self._leverage(self.contract),
        )

    def _leverage(self, contract: ContractRules) -> Decimal:
        """What is asked for, at most what the contract allows where that is known."""
        most = contract.max_leverage
        known = most.is_finite() and most > 0
        return min(self.asked.leverage, most) if known else self.asked.leverage

    # -- whether it would be admitted ----------------------------------------

    def objection(self, count: int) -> Blocked | None:
        """The first limit that so many steps would pass; None when they fit."""
        if count <= 0:
            return None
        try:
            return self._objection(self.intents(count))
        except UnknownPriceError as error:
            return Blocked("marks", str(error))

    def _objection(self, intents: tuple[Intent, ...]) -> Blocked | None:
        shadow = self.admission.shadow
        if len(intents) > 1:
            alone = size_objection(self.admission, intents[-1])
            if alone is not None and not self._borrows:
                return alone
        for intent in intents:
            found = size_objection(replace(self.admission, shadow=shadow), intent)
            if found is not None:
                return found
            shadow = project(shadow, intent)
        if self.asked.legs is not Legs.PAIR:
            return None
        change = self._change(shadow, intents)
        return change_objection(self.admission, change, self._scale(change))

    def _change(self, after: Shadow, intents: tuple[Intent, ...]) -> Change:
        return change_between(
            as_if_done(self.admission.shadow),
            as_if_done(after),
            frozenset(a for each in intents for a in touched_accounts(each)),
            self.admission.known,
        )

    def _scale(self, change: Change) -> Scale:
        return self.admission.sizing.scale(change.was, change.values)

    def room(self, count: int, why: Blocked) -> Room:
        """The answer: so many steps, and why not more."""
        coins = count * self.step
        scale = self._scale_of(count)
        return Room(
            coins=coins,
            notional_usdt=coins * self.price,
            spot_qty=ZERO if self.spot is None else coins,
            perp_lots=ZERO
            if self.contract is None
            else coins / self.contract.multiplier,
            limit=why.limit,
            sentence=why.sentence,
            scale=scale,
        )

    def _scale_of(self, count: int) -> Scale:
        """The scale of the whole at this size."""
        shadow, intents = self.admission.shadow, self.intents(max(count, 1))
        try:
            for intent in intents:
                shadow = project(shadow, intent)
            return self._scale(self._change(shadow, intents))
        except UnknownPriceError:
            return Scale(factors=self.admission.sizing.standing)


def _price(
    shadow: Shadow, asked: RoomAsked, contract: ContractRules | None
) -> Decimal | None:
    if asked.legs is Legs.PERP and contract is not None:
        return shadow.futures_marks.get(contract.symbol)
    return pair_mark(shadow, f"{asked.coin}-USDT")


def _step(spot: SpotRules | None, contract: ContractRules | None) -> Decimal:
    if spot is None and contract is not None:
        return lot_coins(contract)
    if contract is None and spot is not None:
        return spot.base_increment
    if spot is None or contract is None:
        raise ValueError("a size needs the rules of at least one leg")
    return common_step(lot_coins(contract), spot.base_increment)
