"""The least-cost plan of a cure: what to do, in order, and where it leads.

Hard limits first: the target distance, the backstop and the stress set of the
account under cure, what every other account keeps, and (where odds are known) the
probability of a liquidation. Among the plans that meet them the least cost: fees,
depth, a day of interest, lost carry, basis, and the probability of a liquidation
times what it takes. Where they cannot all be met the plan gets as far as it can, and
says so. ``plan_program`` proposes, ``plan_replay`` proves with the exact engine.
Nothing here sends or approves anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, Protocol

from bot.domain.money import ONE, ZERO
from bot.guard.asked import cancels
from bot.guard.exits import exit_moves
from bot.guard.judge import Verdict
from bot.guard.limits import GuardLimits, Opening, Thresholds, thresholds_for
from bot.guard.plan_model import Stage
from bot.guard.plan_program import Program, Solution
from bot.guard.plan_replay import replay
from bot.guard.plan_rows import reach_rows
from bot.guard.plan_steps import CostParts, PlanStep, Replayed
from bot.guard.plan_ways import Way, choices, kept, levers_of
from bot.guard.sizing import is_at_target
from bot.guard.state import CANCELLING
from bot.risk.measure import SubjectMeasure, measure_subject, measure_subjects
from bot.risk.stress_set import Scenario, stress_set
from bot.risk.terms import Terms
from bot.risk.terms_of import terms_of
from bot.shadow.project import project
from bot.shadow.state import Shadow

__all__ = ["Odds", "Plan", "Surroundings", "make_plan"]

_REFINEMENTS: Final = 4
"""How often a plan that the exact engine finds short is asked for a little more."""
_FURTHER: Final = (Decimal("1.15"), Decimal("1.35"), Decimal("1.6"), Decimal(2))
"""Distances beyond the target that are weighed against the odds, times the target."""
_FAR: Final = Decimal("0.9")
_HAIR: Final = Decimal("1e-6")
"""Aimed at beyond the target, so that the rounding of floats leaves nothing short."""
_OWN: Final = frozenset({Stage.REPAY, Stage.TRADE})
"""Levers that leave the other accounts alone."""
_FREE: Final = Decimal("0.01")
"""A plan that costs less than this, USDT, needs no dearer way to be looked for."""
_MORE: Final = Decimal("1.02")


class Odds(Protocol):
    """A forecast: how likely an account is liquidated within the horizon."""

    def at(self, subject: str, distance: Decimal) -> float | None:
        """The probability when the account is so far away; None is unknown."""
        ...  # pragma: no cover - a protocol has no body


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a plan knows beside the account: the other accounts' thresholds, the odds.

    An account without thresholds gets those that it would open with. ``left_out``
    are levers, by name, that are not to be used now. Without odds the distances bind
    alone; they are the floor in any case.
    """

    thresholds: Mapping[str, Thresholds] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    odds: Odds | None = None
    max_probability: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do about one account, step by step, each with what it leads to.

    ``is_reached`` says whether every hard limit is met after the last step;
    ``shortfall_usdt`` how much margin is lacking where it is not.
    """

    subject: str
    before: SubjectMeasure
    thresholds: Thresholds
    steps: tuple[PlanStep, ...]
    after: SubjectMeasure | None
    cost: CostParts
    is_reached: bool
    shortfall_usdt: Decimal = ZERO
    probability: float | None = None
    dropped: tuple[str, ...] = ()


def make_plan(
    shadow: Shadow,
    verdict: Verdict,
    limits: GuardLimits,
    around: Surroundings | None = None,
) -> Plan | None:
    """The least-cost plan for an account; None where it cannot be planned.

    Args:
        shadow: The account as it is.
        verdict: The account under cure with its thresholds.
        limits: The share of a minute's volume that a chunk may take.
        around: The other accounts and the odds; by default none are known.

    That is where its own numbers are not known, or where nothing can be done.
    """
    step, clean = _cancelled(shadow, verdict.measure)
    measure = measure_subject(clean, verdict.measure.subject)
    if measure is None:
        return _freed(verdict, step)
    now = replace(verdict, measure=measure)
    task = _task(clean, now, limits, around or Surroundings())
    if task is None or not task.ways:
        return None
    plan = task.plan(verdict.thresholds)
    if plan is None:
        return None
    if task.around.odds is not None:
        plan = _weighed(task, plan)
    return replace(plan, before=verdict.measure, steps=(*step, *plan.steps))


def _cancelled(
    shadow: Shadow, measure: SubjectMeasure
) -> tuple[tuple[PlanStep, ...], Shadow]:
    """The orders of an account that add risk are taken away first: it is free."""
    intents = tuple(cancels(shadow, measure.account))
    if not intents:
        return (), shadow
    for intent in intents:
        shadow = project(shadow, intent)
    after = measure_subject(shadow, measure.subject)
    step = PlanStep(
        name=CANCELLING,
        stage=Stage.CANCEL,
        says=f"cancel {len(intents)} resting orders that can add risk",
        amount=Decimal(len(intents)),
        intents=intents,
        cost=CostParts(),
        after={} if after is None else {after.subject: after},
    )
    return (step,), shadow


def _freed(verdict: Verdict, steps: tuple[PlanStep, ...]) -> Plan:
    """The plan of an account that only resting orders endangered."""
    return Plan(
        subject=verdict.measure.subject,
        before=verdict.measure,
        thresholds=verdict.thresholds,
        steps=steps,
        after=None,
        cost=CostParts(),
        is_reached=True,
    )


def _weighed(task: "_Task", plan: Plan) -> Plan:
    """The best of the plan to the target and of plans to somewhat further away.

    Further away costs more and is safer, each less and less: the first that is no
    better than the best so far is the last that is looked at. What does not get to
    its target gets no further.
    """
    best = plan
    if plan.shortfall_usdt > _FREE:
        return plan
    for times in _FURTHER:
        if best.is_reached and best.cost.liquidation <= _FREE:
            return best
        target = min(plan.thresholds.target * times, _FAR)
        further = task.plan(replace(plan.thresholds, target=target))
        if further is None or further.shortfall_usdt > _FREE:
            return best
        if not further.is_reached:
            continue
        if task.rank(further) >= task.rank(best):
            return best
        best = replace(further, thresholds=plan.thresholds)
    return best


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One account, everything that can be done for it, and what must hold."""

    shadow: Shadow
    measure: SubjectMeasure
    measures: tuple[SubjectMeasure, ...]
    limits: GuardLimits
    around: Surroundings
    thresholds: Mapping[str, Thresholds]
    ways: tuple[Way, ...]
    terms: Terms
    slow: tuple[Scenario, ...] = ()
    """What slow exits ask for: once the target is reached, which is in haste."""

    def plan(self, thresholds: Thresholds) -> Plan | None:
        """The cheapest plan to these thresholds, proven by the exact engine."""
        ways = self.ways
        aim, best = replace(thresholds, target=thresholds.target + _HAIR), None
        for _ in range(_REFINEMENTS):
            chosen = self._solved(aim, ways)
            if chosen is None:
                return best
            way, solution = chosen
            done = replay(
                (self.shadow, self.measures),
                self.measure.subject,
                list(zip(way.levers, solution.amounts, strict=True)),
                self.limits,
                self.thresholds,
            )
            found = self._told(thresholds, solution, done)
            best = found if best is None or _is_better(found, best) else best
            ways = (way.within(done.undone),)
            further = _further(aim, done.after, thresholds)
            is_over = not solution.is_reached or further is None
            if best.is_reached or (is_over and not done.undone):
                return best
            aim = aim if done.undone else further or aim
        return best

    def _solved(
        self, thresholds: Thresholds, ways: tuple[Way, ...]
    ) -> tuple[Way, Solution] | None:
        """The cheapest of the ways; the first one where they cost the same."""
        coins = frozenset(self.terms.margin.keys() | self.terms.requirement.keys())
        stress = (*stress_set(coins, thresholds.target), *self.slow)
        reach = tuple(reach_rows(self.shadow, self.terms, thresholds, stress))
        best: tuple[Way, Solution] | None = None
        for way in ways:
            if best is not None and best[1].objective < _FREE:
                break
            found = Program(way.levers, (*reach, *way.kept)).solve()
            if found and (best is None or found.objective < best[1].objective):
                best = (way, found)
        return best

    def _told(self, thresholds: Thresholds, solution: Solution, done: Replayed) -> Plan:
        cost = CostParts()
        for step in done.steps:
            cost = cost.plus(step.cost)
        probability = self._probability(done.after)
        if probability is not None:
            loss = self._loss(done.after)
            cost = replace(cost, liquidation=Decimal(repr(probability)) * loss)
        is_reached = solution.is_reached and is_at_target(done.after, thresholds)
        if probability is not None:
            is_reached = is_reached and probability <= self.around.max_probability
        return Plan(
            subject=self.measure.subject,
            before=self.measure,
            thresholds=thresholds,
            steps=done.steps,
            after=done.after,
            cost=cost,
            is_reached=is_reached,
            shortfall_usdt=Decimal(repr(max(solution.shortfall, 0.0))),
            probability=probability,
            dropped=done.dropped,
        )

    def _probability(self, after: SubjectMeasure | None) -> float | None:
        if after is None or self.around.odds is None or after.distance is None:
            return None
        return self.around.odds.at(after.subject, after.distance)

    def _loss(self, after: SubjectMeasure | None) -> Decimal:
        """What a liquidation takes: all equity of the account, and its other legs.

        The other legs are unwound at the price of a cut.
        """
        if after is None or after.margin_usdt is None:
            return ZERO
        equity = after.margin_usdt - (after.requirement_usdt or ZERO)
        if after.is_futures:
            equity = after.margin_usdt
        levers = self.ways[0].levers
        trades = [each for each in levers if each.stage is Stage.TRADE]
        unwound = sum(float(each.most) * each.pieces[-1].rates.total for each in trades)
        return max(equity, ZERO) + Decimal(repr(unwound))

    def rank(self, plan: Plan) -> tuple[bool, float, Decimal]:
        """Plans that meet the limits first, then the safest, then the cheapest."""
        worst = 0.0 if plan.is_reached else plan.probability or 1.0
        return (not plan.is_reached, worst, plan.cost.total)


def _is_better(found: Plan, best: Plan) -> bool:
    """Whether a plan gets further towards its target than the best so far, or cheaper.

    What is further than the target is no gain.
    """
    if found.is_reached or found.after is None or best.after is None:
        return True
    target = found.thresholds.target
    now, before = _got(found.after, target), _got(best.after, target)
    return (now, -found.cost.total) >= (before, -best.cost.total)


def _got(after: SubjectMeasure, target: Decimal) -> Decimal:
    """How much of the target's distance there is; none where it is not known."""
    if after.missing:
        return ZERO
    return target if after.distance is None else min(after.distance, target)


def _further(
    aim: Thresholds, after: SubjectMeasure | None, thresholds: Thresholds
) -> Thresholds | None:
    """What to aim at where the exact engine finds an account short; None if nowhere."""
    if after is None or after.ratio is None:
        return None
    target, backstop = aim.target, aim.backstop
    if after.distance is not None and after.distance < thresholds.target:
        target = min(target + (thresholds.target - after.distance) * _MORE, _FAR)
    if after.ratio >= thresholds.backstop:
        excess = min(after.ratio - thresholds.backstop, ONE)
        backstop = max(backstop - excess * _MORE - _HAIR, backstop / 2)
    further = replace(aim, target=target, backstop=backstop)
    return None if further == aim else further


def _task(
    shadow: Shadow, verdict: Verdict, limits: GuardLimits, around: Surroundings
) -> _Task | None:
    found = terms_of(shadow)
    measure = verdict.measure
    terms = next((t for t in found.known if t.subject == measure.subject), None)
    if terms is None:
        return None
    measures = measure_subjects(shadow)
    thresholds = {m.subject: _thresholds(m, limits, around) for m in measures}
    unknown = {m.account for m in measures if m.subject in found.unknown}
    levers = tuple(levers_of(shadow, measure, limits, around.left_out, unknown))
    is_far = is_at_target(measure, verdict.thresholds)
    if is_far:  # what leaves slowly is no reason to take from another account
        levers = tuple(each for each in levers if each.stage in _OWN)
    return _Task(
        shadow=shadow,
        measure=measure,
        measures=measures,
        limits=limits,
        around=around,
        thresholds=thresholds,
        ways=tuple(
            Way(
                levers=each,
                kept=tuple(kept(shadow, measure, found.known, thresholds, each)),
            )
            for each in choices(shadow, levers)
        ),
        terms=terms,
        slow=(
            exit_moves(shadow, measure, verdict.thresholds.target, limits)
            if is_far
            else ()
        ),
    )


def _thresholds(
    measure: SubjectMeasure, limits: GuardLimits, around: Surroundings
) -> Thresholds:
    known = around.thresholds.get(measure.subject)
    if known is not None:
        return known
    return thresholds_for(
        limits,
        Opening(
            exposure_usdt=measure.exposure_usdt,
            distance=None,
            ratio=None,
            liquidation=measure.liquidation,
            is_futures=measure.is_futures,
        ),
    )
