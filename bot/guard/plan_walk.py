"""The account on its way through a plan, step by step, by the exact engine.

A step is measured before it counts. One that makes its account worse, a trade that
does not help, and what would push another account under its act distance are no steps
of a plan. Nothing here chooses, orders or sends anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, AccountId
from bot.domain.intents import Intent, PlaceOrder, Repay
from bot.domain.money import LEDGER_QUANTUM, ONE, ZERO, floor_to
from bot.guard.asked import touched_accounts
from bot.guard.limits import GuardLimits, Thresholds
from bot.guard.plan_costs import chunks_of
from bot.guard.plan_model import Stage
from bot.guard.plan_steps import PlanStep
from bot.guard.safety import is_better, is_pushed_under, is_worse
from bot.risk.measure import SubjectMeasure, measure_subjects
from bot.shadow.project import UnknownPriceError, project
from bot.shadow.state import Shadow

__all__ = ["Walk"]

_ROUNDING: Final = Decimal("1e-6")
"""What a ratio may rise by when both of its sides shrink alike."""


@dataclass(slots=True, kw_only=True)
class Walk:
    """The account so far; it never outlives one replay."""

    shadow: Shadow
    measure: SubjectMeasure
    """The account under cure before anything was done."""
    limits: GuardLimits
    thresholds: Mapping[str, Thresholds]
    now: SubjectMeasure | None
    all_now: tuple[SubjectMeasure, ...]
    steps: list[PlanStep] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    undone: dict[str, Decimal] = field(default_factory=dict)
    """Trades that could not be made whole, by lever, and how much of each was made."""
    owed: dict[tuple[AccountId, str], Decimal] = field(default_factory=dict)
    """What is to be paid back from proceeds that are not there yet."""

    def append(self, step: PlanStep, after: Shadow | None) -> str | None:
        """Take a step that leads to ``after``; why not, where it is no step."""
        if after is None:
            return f"{step.name} cannot be measured"
        measures = measure_subjects(after, (self.shadow, self.all_now))
        objection = self._objection(step, measures)
        if objection is not None:
            return objection
        self.shadow, self.all_now = after, measures
        found = {m.subject: m for m in measures}
        self.now = found.get(self.measure.subject)
        accounts = {a for i in step.intents for a in touched_accounts(i)}
        chunks = chunks_of(after, step.intents, self.limits)
        ends = {m.subject: m for m in measures if m.account in accounts}
        self.steps.append(replace(step, after=ends, chunks=chunks))
        return None

    def projected(
        self, intents: Sequence[Intent], start: Shadow | None = None
    ) -> Shadow | None:
        """The account when some requests are done; None where it is unknown."""
        found = self.shadow if start is None else start
        try:
            for intent in intents:
                found = project(found, intent)
        except UnknownPriceError:
            return None
        return found

    def repays(self, after: Shadow, orders: Sequence[PlaceOrder]) -> Iterator[Repay]:
        """What the proceeds of a trade pay back, as far as the plan means them to."""
        accounts = {o.account for o in orders if o.account != FUTURES}
        for (account, coin), wanted in sorted(self.owed.items()):
            if account not in accounts:
                continue
            idle = max(after.balance(account, coin).available, ZERO)
            amount = floor_to(min(wanted, idle), LEDGER_QUANTUM)
            if amount > 0:
                yield Repay(account=account, coin=coin, amount=amount)

    def paid_back(self, repays: Sequence[Repay]) -> None:
        """Note what proceeds have paid back."""
        for repay in repays:
            self.owed[repay.account, repay.coin] -= repay.amount

    def _objection(
        self, step: PlanStep, measures: Sequence[SubjectMeasure]
    ) -> str | None:
        """Why a step is no step of this plan, by the exact numbers."""
        before = {m.subject: m for m in self.all_now}
        own = self.measure.subject
        for after in measures:
            if after.subject != own:
                said = self._harm(step, before.get(after.subject), after)
                if said is not None:
                    return said
        now = next((m for m in measures if m.subject == own), None)
        if self.now is None:
            return None
        if step.stage is Stage.TRADE:
            is_step = self._helps(self.now, now)
            return None if is_step else f"{step.name} would not help {own}"
        is_lost = is_worse(self.now, now)
        return f"{step.name} would make {own} worse" if is_lost else None

    def _harm(
        self, step: PlanStep, before: SubjectMeasure | None, after: SubjectMeasure
    ) -> str | None:
        """What a step does to another account that must not be done to it."""
        limits = self.thresholds.get(after.subject)
        if limits and is_pushed_under(before, after, limits):
            return f"{step.name} would push {after.subject} too near"
        is_repaid = step.stage is Stage.REPAY and any(
            isinstance(i, Repay) and i.account == after.account for i in step.intents
        )
        if is_repaid and before is not None and is_worse(before, after):
            return f"{step.name} would make {after.subject} worse"
        return None

    def _helps(self, before: SubjectMeasure, after: SubjectMeasure | None) -> bool:
        """Whether a trade helps; of a lone position it frees what helps it next."""
        limits = self.thresholds.get(before.subject)
        backstop = None if limits is None else limits.backstop
        if is_better(before, after, backstop) or after is None:
            return True
        if before.position is None or before.ratio is None or after.ratio is None:
            return False
        return after.ratio <= before.ratio * (ONE + _ROUNDING)
