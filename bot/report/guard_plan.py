"""``gnomon guard plan``: what the guard would do about a raw account document.

Every account that is under its thresholds gets the least-cost plan, the most
endangered one first and the others on what its plan leads to. Numbers are text,
unrounded; what is not known is null and named. Nothing is sent.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Context, Decimal, localcontext
from typing import Final

from bot.domain.accounts import MARGIN_CROSS, AccountId, isolated_account
from bot.domain.money import ONE, plain
from bot.guard.judge import Verdict, VerdictKind, judge
from bot.guard.limits import GuardLimits, Opening, Thresholds, thresholds_for
from bot.guard.plan import Plan, Surroundings, make_plan
from bot.guard.plan_steps import CostParts, PlanStep
from bot.guard.sizing import is_at_target
from bot.guard.state import GuardState, SubjectState
from bot.report.answers import DIGITS, Answer, Json, number, write_gaps
from bot.report.documents import Documents
from bot.report.plan_shadow import Planned, shadow_of
from bot.risk.measure import SubjectMeasure, measure_subject, measure_subjects
from bot.shadow.project import project
from bot.shadow.state import Shadow

__all__ = ["plan_answer"]

_CLOSING: Final = frozenset({"liquidating", "bankrupt"})
"""What the exchange calls an account that it closes."""

_FROM_FUTURES: Final = frozenset({"what futures can spare"})
"""The lever that takes money out of futures: unused while a part of it is unknown."""


def plan_answer(documents: Documents, limits: GuardLimits, vip: int = 0) -> Answer:
    """The plans for the accounts of a file, and where the others stand.

    Args:
        documents: The file.
        limits: The guard's thresholds; they are not eased for an account that is
            nearer than its act distance, because nobody knows how it was opened.
        vip: Fee level of the spot fees that no document states.

    Returns:
        ``plans`` in the order in which they would be begun, ``safe`` and ``unknown``
        accounts, ``assumed`` sentences and ``missing`` fields.

    Raises:
        UsageError: A position or an order tells no settle currency.

    Example:
        >>> from bot.report.documents import read_documents
        >>> plan_answer(read_documents("{}", "nothing"), GuardLimits())["plans"]
        []
    """
    with localcontext(Context(prec=DIGITS)):
        planned = shadow_of(documents, vip)
        taken = _taken_over(documents)
        verdicts = [
            verdict
            for verdict in _verdicts(planned.shadow, limits)
            if verdict.measure.subject not in planned.unknown
        ]
        thresholds = {v.measure.subject: v.thresholds for v in verdicts}
        late = [v for v in verdicts if _is_late(v.measure, taken)]
        verdicts = [v for v in verdicts if v not in late]
        plans: list[Json] = [_too_late(verdict) for verdict in late]
        around = Surroundings(
            thresholds=thresholds,
            left_out=_FROM_FUTURES if planned.hides_futures else frozenset(),
        )
        plans += _plans(planned, verdicts, limits, around)
        unknown: list[Json] = [
            _unknown(v) for v in verdicts if v.kind is VerdictKind.UNKNOWN
        ]
        unknown += [
            {"subject": name, "reasons": list(reasons)}
            for name, reasons in sorted(planned.unknown.items())
        ]
        return {
            "plans": plans,
            "safe": [_safe(v) for v in verdicts if v.kind is VerdictKind.SAFE],
            "unknown": unknown,
            "assumed": list(planned.assumed),
            "missing": write_gaps(planned.missing),
        }


def _verdicts(shadow: Shadow, limits: GuardLimits) -> list[Verdict]:
    """What the judge says of every account, with thresholds that are not eased."""
    measures = measure_subjects(shadow)
    known = {
        m.subject: SubjectState(thresholds=_thresholds(m, limits)) for m in measures
    }
    found = judge(GuardState(subjects=known), measures, limits, shadow.at).verdicts
    return sorted(found, key=lambda v: (_room(v.measure), v.measure.subject))


def _room(measure: SubjectMeasure) -> Decimal:
    """How far an account is; one that no move liquidates is further than any."""
    return ONE if measure.distance is None else measure.distance


def _thresholds(measure: SubjectMeasure, limits: GuardLimits) -> Thresholds:
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


def _taken_over(documents: Documents) -> frozenset[str]:
    """The margin accounts that the exchange itself says it is closing."""
    found: dict[AccountId, str | None] = {}
    if documents.cross is not None:
        found[MARGIN_CROSS] = documents.cross.status
    for symbol, pair in (documents.pairs or {}).items():
        found[isolated_account(symbol)] = pair.status
    return frozenset(str(name) for name, told in found.items() if told in _CLOSING)


def _is_late(measure: SubjectMeasure, taken: frozenset[str]) -> bool:
    """Whether the exchange has the account already, or takes it at the next look."""
    ratio = measure.ratio
    is_over = ratio is not None and ratio >= measure.liquidation
    return is_over or measure.subject in taken


def _too_late(verdict: Verdict) -> Answer:
    """An account of which nothing can be planned any more."""
    why = (
        "it is too late: the exchange takes the account over, and then it takes no "
        "orders and no transfers in"
    )
    return _plan(replace(verdict, reason=why), None)


def _plans(
    planned: Planned,
    verdicts: list[Verdict],
    limits: GuardLimits,
    around: Surroundings,
) -> Iterator[Json]:
    """A plan for each account under cure, each on what the ones before lead to."""
    shadow = planned.shadow
    waiting = [verdict for verdict in verdicts if verdict.kind is VerdictKind.CURE]
    cured: dict[str, str] = {}
    while waiting:
        verdict = waiting.pop(0)
        subject = verdict.measure.subject
        measure = measure_subject(shadow, subject)
        if subject in cured or measure is None:
            yield _cured(verdict, measure, cured.get(subject, ""))
            continue
        plan = make_plan(shadow, replace(verdict, measure=measure), limits, around)
        yield _plan(verdict, plan)
        for step in () if plan is None else plan.steps:
            for intent in step.intents:
                shadow = project(shadow, intent)
        for each in waiting:
            if each.measure.subject not in cured and _is_cured_in(shadow, each):
                cured[each.measure.subject] = subject


def _is_cured_in(shadow: Shadow, verdict: Verdict) -> bool:
    """Whether an account that was short of its target has now reached it."""
    was, bounds = verdict.measure, verdict.thresholds
    now = measure_subject(shadow, was.subject)
    return is_at_target(now, bounds) and not is_at_target(was, bounds)


def _cured(verdict: Verdict, after: SubjectMeasure | None, by: str) -> Answer:
    """An account for which an earlier plan leaves nothing to do."""
    why = f"{verdict.reason}; cured by the plan of {by or 'another account'}"
    found = _plan(replace(verdict, reason=why), None)
    return {**found, "after": _numbers(after), "is_reached": True}


def _safe(verdict: Verdict) -> Json:
    return {"subject": verdict.measure.subject, **_numbers(verdict.measure)}


def _unknown(verdict: Verdict) -> Json:
    return {
        "subject": verdict.measure.subject,
        "reasons": list(verdict.measure.missing),
    }


def _numbers(measure: SubjectMeasure | None) -> Answer:
    if measure is None:
        return {"ratio": "0", "distance": None}
    return {"ratio": number(measure.ratio), "distance": number(measure.distance)}


def _plan(verdict: Verdict, plan: Plan | None) -> Answer:
    """One plan; an account that cannot be planned says so with no steps."""
    found: Answer = {
        "subject": verdict.measure.subject,
        "trigger": verdict.reason,
        "act_distance": plain(verdict.thresholds.act),
        "target_distance": plain(verdict.thresholds.target),
        "backstop": plain(verdict.thresholds.backstop),
        "before": _numbers(verdict.measure),
    }
    if plan is None:
        nothing = _costs(CostParts())
        return {**found, "after": None, "is_reached": False, "steps": [], **nothing}
    return {
        **found,
        "after": _numbers(plan.after),
        "is_reached": plan.is_reached,
        "shortfall_usdt": number(plan.shortfall_usdt),
        "probability": None
        if plan.probability is None
        else number(Decimal(repr(plan.probability))),
        "dropped": list(plan.dropped),
        **_costs(plan.cost),
        "steps": [_step(number_, step) for number_, step in enumerate(plan.steps, 1)],
    }


def _step(position: int, step: PlanStep) -> Answer:
    return {
        "step": position,
        "does": step.says,
        "lever": step.name,
        "amount": number(step.amount),
        "chunks": step.chunks,
        **_costs(step.cost),
        "after": {name: _numbers(each) for name, each in step.after.items()},
    }


def _costs(cost: CostParts) -> Answer:
    return {
        "cost_usdt": {
            "total": number(cost.total),
            "fees": number(cost.fees),
            "depth": number(cost.depth),
            "interest": number(cost.interest),
            "carry": number(cost.carry),
            "basis": number(cost.basis),
            "liquidation": number(cost.liquidation),
        }
    }
