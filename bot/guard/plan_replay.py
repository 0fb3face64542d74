"""Amounts become steps in order, and every step is replayed with the exact engine.

What is free and funded goes first: repayments, margin, transfers, a loan that moves
on at once; trades follow, each with what its proceeds pay back. After every step
the account is measured exactly; what is no step is left out and named. Nothing here
is sent: a plan is a forecast, and each round of a cure plans anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from bot.domain.accounts import MAIN, SPOT
from bot.domain.intents import AdjustMargin, Borrow, Repay, Transfer
from bot.domain.money import LEDGER_QUANTUM, ONE, ZERO, floor_to, plain, round_up
from bot.guard.limits import GuardLimits, Thresholds
from bot.guard.plan_limits import free_in_wallet, leaving
from bot.guard.plan_model import Lever, Stage
from bot.guard.plan_steps import CostParts, PlanStep, Replayed
from bot.guard.plan_trading import Part, trade_all
from bot.guard.plan_walk import Walk
from bot.risk.measure import Known
from bot.shadow.project import project
from bot.shadow.state import Shadow

__all__ = ["replay"]

_NOISE: Final = Decimal("1e-5")
"""Of a step: so much more than a whole number of them is the noise of floats."""


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
    walk = Walk(
        shadow=shadow,
        measure=measure,
        limits=limits,
        thresholds=thresholds,
        now=measure,
        all_now=tuple(measures),
    )
    _Replay(walk=walk).run(amounts)
    return Replayed(
        shadow=walk.shadow,
        steps=tuple(walk.steps),
        after=walk.now,
        dropped=tuple(walk.dropped),
        undone=walk.undone,
    )


@dataclass(slots=True, kw_only=True)
class _Replay:
    """One walk through the amounts; it never outlives it."""

    walk: Walk
    late: list[tuple[Lever, Decimal]] = field(default_factory=list)
    """What waits for coins that a later step brings."""

    def run(self, amounts: Sequence[tuple[Lever, float]]) -> None:
        """Take every lever in its turn; what lacks coins comes again after them."""
        chosen = [(lever, _sendable(lever, amount)) for lever, amount in amounts]
        chosen = [pair for pair in chosen if pair[1] > 0]
        trades = [pair for pair in chosen if pair[0].stage is Stage.TRADE]
        moves = [pair for pair in chosen if pair[0].stage is not Stage.TRADE]
        moves.sort(key=lambda pair: pair[0].stage)
        for lever, amount in moves:
            if not _waits(lever, trades):
                self._move(lever, amount)
        trade_all(self.walk, [Part(lever, qty) for lever, qty in trades])
        for lever, amount in moves:
            if _waits(lever, trades):
                self._move(lever, amount)
        waiting, self.late = self.late, []
        for lever, amount in waiting:
            self._move(lever, self._unpaid(lever, amount), is_last=True)

    def _unpaid(self, lever: Lever, amount: Decimal) -> Decimal:
        """What of a late amount no trade has paid back already."""
        intent = lever.intents(amount)[0]
        if not isinstance(intent, Repay):
            return amount
        return self.walk.owed.pop((intent.account, intent.coin), ZERO)

    def _move(self, lever: Lever, amount: Decimal, *, is_last: bool = False) -> None:
        """Append the step of a lever as far as its coins are there; the rest waits."""
        funded = self._funded(lever, amount)
        if funded >= max(lever.least, LEDGER_QUANTUM):
            objection = self.walk.append(
                _moving(lever, funded), self.walk.projected(lever.intents(funded))
            )
            if objection is None:
                amount -= funded
            elif is_last or lever.stage is not Stage.REPAY:
                self.walk.dropped.append(objection)
                amount -= funded
        if amount > ZERO and not is_last:
            self._wait(lever, amount)

    def _wait(self, lever: Lever, amount: Decimal) -> None:
        """Keep what cannot be done yet: a repayment is paid from what comes in."""
        intent = lever.intents(amount)[0]
        if isinstance(intent, Repay):
            self.walk.owed[intent.account, intent.coin] = intent.amount
        self.late.append((lever, amount))

    def _funded(self, lever: Lever, amount: Decimal) -> Decimal:
        """What of an amount can be sent with what is in its account by then."""
        first, shadow = lever.intents(ONE)[0], self.walk.shadow
        match first:
            case Repay(account=account, coin=coin):
                idle = shadow.balance(account, coin).available
                idle = min(idle, shadow.balance(account, coin).liability)
            case Transfer(source=source, coin=coin):
                idle = shadow.balance(source, coin).available
                if source not in {MAIN, SPOT}:
                    idle = min(idle, leaving(shadow, source, coin))
            case AdjustMargin(symbol=symbol, amount=sign) if sign > 0:
                idle = free_in_wallet(shadow, shadow.rules.contracts[symbol].settle)
            case Borrow():
                idle = _moved_on(shadow, lever, amount)
            case _:
                return amount
        return floor_to(max(min(amount, idle), ZERO), lever.step)


def _moved_on(shadow: Shadow, lever: Lever, amount: Decimal) -> Decimal:
    """What of a loan can move on to who needs it; no other loan is taken."""
    for _ in range(2):
        borrow, *rest = lever.intents(amount)
        if not rest:
            return amount
        (move,) = rest
        lent = project(shadow, borrow)
        if not isinstance(move, Transfer):
            return amount
        most = floor_to(leaving(lent, move.source, move.coin), lever.step)
        if most >= amount:
            return amount
        amount = most
    return ZERO


def _moving(lever: Lever, amount: Decimal) -> PlanStep:
    """What moves money as a step that has not been measured."""
    interest = amount * Decimal(repr(lever.pieces[0].rates.interest))
    return PlanStep(
        name=lever.name,
        stage=lever.stage,
        says=lever.says.format(amount=plain(amount)),
        amount=amount,
        intents=lever.intents(amount),
        cost=CostParts(interest=interest),
        after={},
        coin=lever.coin,
    )


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


def _waits(lever: Lever, trades: Sequence[tuple[Lever, Decimal]]) -> bool:
    """Whether margin waits for a trade: a close takes added margin with it."""
    if lever.stage is not Stage.ADD_MARGIN:
        return False
    symbol = getattr(lever.intents(ONE)[0], "symbol", "")
    return any(other.name == symbol for other, _ in trades)
