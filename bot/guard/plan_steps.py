"""Amounts become steps in order, and every step is replayed with the exact engine.

What is free and funded goes first: repayments, margin, transfers, a loan that moves
on at once; trades follow, each with what its proceeds pay back. After every step
the account is measured exactly; a trade that does not help, or a step that would
push another account under its act distance, is left out and named. Nothing here is
sent: a plan is a forecast, and each round of a cure plans anew.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, MAIN, SPOT, AccountId
from bot.domain.intents import AdjustMargin, Intent, PlaceOrder, Repay, Transfer
from bot.domain.money import LEDGER_QUANTUM, ONE, ZERO, floor_to, plain, round_up
from bot.guard.asked import touched_accounts
from bot.guard.legs import base_qty
from bot.guard.limits import GuardLimits, Thresholds
from bot.guard.plan_costs import chunks_of, depth_of
from bot.guard.plan_limits import free_in_wallet, leaving
from bot.guard.plan_model import Lever, Stage
from bot.guard.plan_rows import price_of
from bot.guard.safety import is_better, is_pushed_under
from bot.risk.measure import Known, SubjectMeasure, measure_subjects
from bot.shadow.project import UnknownPriceError, pair_mark, project
from bot.shadow.state import Shadow

__all__ = ["CostParts", "PlanStep", "Replayed", "replay"]


_NOISE: Final = Decimal("1e-5")
"""Of a step: so much more than a whole number of them is the noise of floats."""


_ROUNDING: Final = Decimal("1e-6")
"""What a ratio may rise by when both of its sides shrink alike."""


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
    ``chunks`` is sent a chunk at a time, both legs together. ``after`` has the
    accounts that the step touches and that still have something to lose.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """The steps that stood the exact test, where they lead, and what was left out."""

    shadow: Shadow
    steps: tuple[PlanStep, ...]
    after: SubjectMeasure | None
    dropped: tuple[str, ...] = ()


def replay(
    known: Known,
    subject: str,
    amounts: Sequence[tuple[Lever, float]],
    limits: GuardLimits,
    thresholds: Mapping[str, Thresholds],
) -> Replayed:
    """Do the amounts one after the other on the projected account.

    Args:
        known: The account as it is, and all its subjects as measured on it.
        subject: The one under cure.
        amounts: Levers with how much of each, in the lever's units.
        limits: The share of a minute that a chunk may take.
        thresholds: Of every guarded account, by subject.
    """
    shadow, measures = known
    (measure,) = (m for m in measures if m.subject == subject)
    walk = _Walk(
        shadow=shadow,
        measure=measure,
        limits=limits,
        thresholds=thresholds,
        now=measure,
        all_now=tuple(measures),
    )
    walk.run(amounts)
    return Replayed(
        shadow=walk.shadow,
        steps=tuple(walk.steps),
        after=walk.now,
        dropped=tuple(walk.dropped),
    )


@dataclass(slots=True, kw_only=True)
class _Walk:
    """The account so far; it never outlives one replay."""

    shadow: Shadow
    measure: SubjectMeasure
    limits: GuardLimits
    thresholds: Mapping[str, Thresholds]
    now: SubjectMeasure | None
    all_now: tuple[SubjectMeasure, ...]
    steps: list[PlanStep] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    owed: dict[tuple[AccountId, str], Decimal] = field(default_factory=dict)
    """What is to be paid back from proceeds that are not there yet."""
    late: list[tuple[Lever, Decimal]] = field(default_factory=list)
    """What waits for coins that a later step brings."""

    def run(self, amounts: Sequence[tuple[Lever, float]]) -> None:
        """Take every lever in its turn; what lacks coins comes again after them.

        Of the trades those come first that need the most chunks: a thin market is used
        while there is time, a deep one can wait.
        """
        chosen = [(lever, _sendable(lever, amount)) for lever, amount in amounts]
        turns = sorted(
            (pair for pair in chosen if pair[1] > 0),
            key=lambda pair: (
                _turn(pair[0], chosen),
                _rank(pair[0]),
                -self._chunks(*pair),
            ),
        )
        for lever, amount in turns:
            if lever.stage is Stage.TRADE:
                self._trade(lever, amount)
            else:
                self._move(lever, amount)
        waiting, self.late = self.late, []
        for lever, amount in waiting:
            self._move(lever, self._unpaid(lever, amount))

    def _chunks(self, lever: Lever, amount: Decimal) -> int:
        """How many chunks a trade takes; 0 for what moves at once."""
        if lever.stage is not Stage.TRADE:
            return 0
        return chunks_of(self.shadow, lever.intents(amount), self.limits)

    def _unpaid(self, lever: Lever, amount: Decimal) -> Decimal:
        """What of a late amount no trade has paid back already."""
        intent = lever.intents(amount)[0]
        if not isinstance(intent, Repay):
            return amount
        return self.owed.pop((intent.account, intent.coin), ZERO)

    def _move(self, lever: Lever, amount: Decimal) -> None:
        """Append the step of a lever as far as its coins are there; the rest waits."""
        funded = self._funded(lever, amount)
        if amount > ZERO and funded < amount:
            intent = lever.intents(amount - funded)[0]
            if isinstance(intent, Repay):
                self.owed[intent.account, intent.coin] = intent.amount
            self.late.append((lever, amount - funded))
        if funded >= max(lever.least, LEDGER_QUANTUM):
            cost = CostParts(interest=_part(lever, funded))
            self._append(lever, funded, lever.intents(funded), cost)

    def _funded(self, lever: Lever, amount: Decimal) -> Decimal:
        """What of an amount can be sent with what is in its account by then."""
        first = lever.intents(ONE)[0]
        match first:
            case Repay(account=account, coin=coin):
                idle = self.shadow.balance(account, coin).available
                owed = self.shadow.balance(account, coin).liability
                idle = min(idle, owed)
            case Transfer(source=source, coin=coin):
                idle = self.shadow.balance(source, coin).available
                if source not in {MAIN, SPOT}:
                    idle = min(idle, leaving(self.shadow, source, coin))
            case AdjustMargin(symbol=symbol, amount=sign) if sign > 0:
                settle = self.shadow.rules.contracts[symbol].settle
                idle = free_in_wallet(self.shadow, settle)
            case _:
                return amount
        return floor_to(max(min(amount, idle), ZERO), lever.step)

    def _trade(self, lever: Lever, qty: Decimal) -> None:
        if lever.order is None or qty <= 0:
            return
        orders = tuple(i for i in lever.intents(qty) if isinstance(i, PlaceOrder))
        priced = [_priced(self.shadow, order, self.limits) for order in orders]
        cost = _trade_cost(self.shadow, orders, self.limits, lever, qty)
        after = self._projected(priced)
        if after is None:
            self.dropped.append(f"{lever.name} cannot be measured")
            return
        repays = list(self._repays(after, orders))
        self._append(lever, qty, (*orders, *repays), cost, after)

    def _repays(self, after: Shadow, orders: Sequence[PlaceOrder]) -> Iterator[Repay]:
        """What the proceeds of a trade pay back, as far as the plan means them to."""
        accounts = {o.account for o in orders if o.account != FUTURES}
        for (account, coin), wanted in sorted(self.owed.items()):
            if account not in accounts:
                continue
            idle = max(after.balance(account, coin).available, ZERO)
            amount = floor_to(min(wanted, idle), LEDGER_QUANTUM)
            if amount > 0:
                self.owed[account, coin] = wanted - amount
                yield Repay(account=account, coin=coin, amount=amount)

    def _append(
        self,
        lever: Lever,
        amount: Decimal,
        intents: tuple[Intent, ...],
        cost: CostParts,
        traded: Shadow | None = None,
    ) -> None:
        rest = [i for i in intents if traded is None or not isinstance(i, PlaceOrder)]
        after = self._projected(rest, traded)
        if after is None:
            self.dropped.append(f"{lever.name} cannot be measured")
            return
        measures = measure_subjects(after, (self.shadow, self.all_now))
        objection = self._objection(lever, measures)
        if objection is not None:
            self.dropped.append(objection)
            return
        self.shadow, self.all_now = after, measures
        found = {m.subject: m for m in measures}
        self.now = found.get(self.measure.subject)
        accounts = {a for i in intents for a in touched_accounts(i)}
        self.steps.append(
            PlanStep(
                name=lever.name,
                stage=lever.stage,
                says=lever.says.format(amount=plain(amount)),
                amount=amount,
                intents=intents,
                cost=cost,
                after={m.subject: m for m in measures if m.account in accounts},
                chunks=chunks_of(after, intents, self.limits),
                order=None if lever.order is None else replace(lever.order, qty=amount),
                coin=lever.coin,
            )
        )

    def _objection(
        self, lever: Lever, measures: Sequence[SubjectMeasure]
    ) -> str | None:
        """Why a step is no step of this plan, by the exact numbers."""
        before = {m.subject: m for m in self.all_now}
        for after in measures:
            if after.subject == self.measure.subject:
                continue
            limits = self.thresholds.get(after.subject)
            if limits and is_pushed_under(before.get(after.subject), after, limits):
                return f"{lever.name} would push {after.subject} too near"
        now = next((m for m in measures if m.subject == self.measure.subject), None)
        if lever.stage is Stage.TRADE and self.now and not self._helps(self.now, now):
            return f"{lever.name} would not help {self.measure.subject}"
        return None

    def _helps(self, before: SubjectMeasure, after: SubjectMeasure | None) -> bool:
        """Whether a trade helps; of a lone position it frees what helps it next."""
        if is_better(before, after) or after is None:
            return True
        if before.position is None or before.ratio is None or after.ratio is None:
            return False
        return after.ratio <= before.ratio * (ONE + _ROUNDING)

    def _projected(
        self, intents: Sequence[Intent], start: Shadow | None = None
    ) -> Shadow | None:
        found = self.shadow if start is None else start
        try:
            for intent in intents:
                found = project(found, intent)
        except UnknownPriceError:
            return None
        return found


def _sendable(lever: Lever, amount: float) -> Decimal:
    """An amount in whole steps, rounded up; no dust is sent, and none is left."""
    if amount <= 0.0:
        return ZERO
    whole = floor_to(lever.most, lever.step)
    slack = lever.step * _NOISE
    exact = min(round_up(Decimal(repr(amount)) - slack, lever.step), whole)
    if lever.order is None:
        return exact
    exact = max(exact, lever.least)
    return whole if whole - exact < lever.least else min(exact, whole)


def _rank(lever: Lever) -> int:
    """Trades before the margin that waits for them; else the order of the stages."""
    return 0 if lever.stage is Stage.TRADE else int(lever.stage)


def _turn(lever: Lever, chosen: Sequence[tuple[Lever, Decimal]]) -> bool:
    """Whether a lever waits for the trades: a close takes added margin with it."""
    if lever.stage is not Stage.ADD_MARGIN:
        return lever.stage is Stage.TRADE
    symbol = getattr(lever.intents(ONE)[0], "symbol", "")
    return any(other.name == symbol and amount > 0 for other, amount in chosen)


def _priced(shadow: Shadow, order: PlaceOrder, limits: GuardLimits) -> PlaceOrder:
    """The order at the price that its chunks fetch on average: for projecting only."""
    mark = _mark(shadow, order)
    coins = float(base_qty(shadow, order))
    if mark is None or coins <= 0:
        return order
    share = depth_of(shadow, order.symbol, limits).cost(coins) / coins
    price = mark * (ONE + order.side.sign * Decimal(repr(share)))
    return replace(order, price=price)


def _mark(shadow: Shadow, order: PlaceOrder) -> Decimal | None:
    if order.account == FUTURES:
        return shadow.futures_marks.get(order.symbol)
    return pair_mark(shadow, order.symbol)


def _part(lever: Lever, amount: Decimal) -> Decimal:
    return amount * Decimal(repr(lever.pieces[0].rates.interest))


def _trade_cost(
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


def _dollars(shadow: Shadow, order: PlaceOrder) -> Decimal:
    """USDT for one unit of the coin that an order's price counts."""
    if order.account == FUTURES:
        return ONE
    rules = shadow.rules.spot[order.symbol]
    return Decimal(repr(price_of(shadow, rules.quote)))
