"""Chooses what to do next for an account that must be cured.

Orders that only add risk are cancelled first, because that costs nothing. Then the
least-cost plan of the whole account is made anew, and the first of its steps that
can go now is proposed: what moves money at once, of a trade one chunk with its other
leg. Where no plan can be made, or none of its steps can go, the ladder's fixed order
is tried: a reduction is never blocked. Each round is planned on what really happened.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from bot.domain.accounts import MAIN, SPOT
from bot.domain.intents import (
    Borrow,
    Intent,
    PlaceOrder,
    PlaceStop,
    Proposal,
    Repay,
    Transfer,
)
from bot.domain.orders import IntentState
from bot.guard.asked import touched_accounts
from bot.guard.cure import Cure, benched_now, is_benched
from bot.guard.exits import slow_words
from bot.guard.judge import Verdict
from bot.guard.ladder import cancelling, idle_repayments, is_saved, ladder_cure
from bot.guard.limits import GuardLimits
from bot.guard.paydown import paid_down
from bot.guard.plan import Plan, Surroundings, make_plan
from bot.guard.plan_limits import leaving
from bot.guard.plan_model import Stage
from bot.guard.plan_steps import PlanStep
from bot.guard.reduce import Cut, cut_of
from bot.guard.resting import near_withdrawals, withdrawals
from bot.guard.safety import is_better, is_worse
from bot.guard.sizing import is_at_target
from bot.guard.state import CANCELLING, GUARD, SubjectState
from bot.guard.swap import swap_of
from bot.risk.measure import SubjectMeasure, measure_subject
from bot.risk.subjects import is_margin
from bot.shadow.project import UnknownPriceError, project
from bot.shadow.state import Request, Shadow

__all__ = ["Cure", "idle_repayments", "is_waiting", "plan_cure"]

_PATIENCE: Final = timedelta(seconds=15)
"""Three times the longest time-out of a request; then its answer is not waited for."""
_PATIENCE_OTHERS: Final = timedelta(milliseconds=300)
"""The same for requests of strategies and people: the guard is not behind them."""


def is_waiting(shadow: Shadow, measure: SubjectMeasure) -> bool:
    """Whether an answer is on its way that could change this account.

    A request in doubt is not waited for, nor one that stays without any answer: a
    reduction goes on beside it, sized so that it stays one under both outcomes. The
    guard waits for its own requests; for those of others no longer than a good
    answer takes. A loan of the guard is waited for wherever it is taken: what it
    brings may be meant for this account.
    """
    return any(
        shadow.is_under_way(request)
        and request.state is not IntentState.IN_DOUBT
        and not isinstance(request.approved.intent, PlaceStop)
        and shadow.at - request.sent_at <= _patience(request)
        and (
            measure.account in touched_accounts(request.approved.intent)
            or _is_own_loan(request)
        )
        for request in shadow.requests.values()
    )


def _patience(request: Request) -> timedelta:
    return _PATIENCE if request.approved.owner == GUARD else _PATIENCE_OTHERS


def _is_own_loan(request: Request) -> bool:
    is_loan = isinstance(request.approved.intent, Borrow)
    return is_loan and request.approved.owner == GUARD


def plan_cure(
    shadow: Shadow,
    verdict: Verdict,
    known: SubjectState,
    limits: GuardLimits,
    around: Surroundings | None = None,
) -> Cure:
    """The next round for an account under cure; empty when no lever is left.

    Stops that rest on a leg which is cut, or that may go off meanwhile, are withdrawn
    before it: nothing is sold twice.

    Args:
        shadow: The account as it is.
        verdict: The account under cure with its thresholds.
        known: What the guard remembers of it: benches, and when depth was taken.
        limits: The guard's numbers.
        around: Thresholds of the other accounts, and the odds if they are known.
    """
    if near := near_withdrawals(shadow):
        return Cure(
            proposals=near,
            instrument=CANCELLING,
            summary="withdraw stops that are near",
        )
    cure = _next_round(shadow, verdict, known, limits, around or Surroundings())
    orders = [p.intent for p in cure.proposals if isinstance(p.intent, PlaceOrder)]
    return replace(cure, proposals=(*withdrawals(shadow, orders), *cure.proposals))


def _next_round(
    shadow: Shadow,
    verdict: Verdict,
    known: SubjectState,
    limits: GuardLimits,
    world: Surroundings,
) -> Cure:
    """Cancels, else the beginning of the least-cost plan, else the ladder."""
    adding = cancelling(shadow, verdict)
    if adding and not is_benched(known, CANCELLING, shadow.at):
        return Cure(
            proposals=tuple(adding),
            instrument=CANCELLING,
            summary="; ".join(p.reason for p in adding),
        )
    is_there = is_at_target(verdict.measure, verdict.thresholds)
    if is_there:
        verdict = _told_why(shadow, verdict, limits)
    out = world.left_out | benched_now(known, shadow.at)
    world = replace(world, left_out=out)
    plan = make_plan(shadow, verdict, limits, world)
    cure = None if plan is None else _begun(shadow, verdict, known, limits, plan)
    if cure is None and is_there:
        return Cure(proposals=(), instrument="", summary="nothing is left to do")
    return ladder_cure(shadow, verdict, known, limits) if cure is None else cure


def _told_why(shadow: Shadow, verdict: Verdict, limits: GuardLimits) -> Verdict:
    """A verdict at its target, with the reason why there may be more to do."""
    target = verdict.thresholds.target
    words = slow_words(shadow, verdict.measure, target, limits)
    return replace(verdict, reason=f"{verdict.reason}; {words}") if words else verdict


def _begun(
    shadow: Shadow,
    verdict: Verdict,
    known: SubjectState,
    limits: GuardLimits,
    plan: Plan,
) -> Cure | None:
    """The first step of a plan that can go now; None where none can."""
    benched = sorted(benched_now(known, shadow.at))
    passed = [*(f"{name} is benched" for name in benched), *plan.dropped]
    is_pausing = False
    for step in plan.steps:
        if step.stage is Stage.CANCEL:
            continue  # only a benched one gets here, and it costs nothing to wait
        if step.stage is not Stage.TRADE:
            proposals = _moved(shadow, verdict, plan, step)
            why = f"{step.name}: not yet"
        elif step.order is None or is_benched(known, step.name, shadow.at):
            continue
        else:
            cut, judged_by = _cut(shadow, step, step.order, verdict, known, limits)
            proposals, why = cut.proposals, cut.summary
            is_pausing = is_pausing or not proposals
            if not _helps(shadow, verdict, judged_by):
                proposals = ()
        if proposals:
            return Cure(
                proposals=proposals,
                instrument=step.name,
                summary="; ".join(p.reason for p in proposals),
                alternatives=tuple(passed),
                plan=plan,
            )
        passed.append(why)
    if not is_pausing:
        return None
    return Cure(
        proposals=(),
        instrument="",
        summary="the plan waits for depth",
        alternatives=tuple(passed),
        is_pausing=True,
        plan=plan,
    )


def _cut(  # noqa: PLR0913, PLR0917 - a cut is an order among all that limits it
    shadow: Shadow,
    step: PlanStep,
    order: PlaceOrder,
    verdict: Verdict,
    known: SubjectState,
    limits: GuardLimits,
) -> tuple[Cut, tuple[Proposal, ...]]:
    """What of a trade can go now, and the orders that show whether it helps."""
    if step.partner is not None:
        swap = swap_of(shadow, step, verdict, known, limits)
        return swap.cut, swap.judged_by
    cut = cut_of(shadow, order, step.coin, verdict, known, limits)
    return cut, cut.proposals


def _moved(
    shadow: Shadow, verdict: Verdict, plan: Plan, step: PlanStep
) -> tuple[Proposal, ...]:
    """The first request of a step that moves money, if its coins are there now.

    Coins of the reserve that would not bring the account back over its act distance,
    with what stands beside them in the plan, would be lost with it: they stay until
    the trades before them have done their part. Nor does any money go to an account
    that it alone does not help.
    """
    intent = step.intents[0]
    if not _is_there(shadow, intent):
        return ()
    if step.stage is Stage.TRANSFER and isinstance(intent, Transfer):
        reached = _after_money(shadow, verdict, plan)
        if not is_saved(reached, verdict):
            return ()
    proposals = (Proposal(owner=GUARD, intent=intent, reason=step.says),)
    if isinstance(intent, Transfer) and not _helps(shadow, verdict, proposals):
        return ()
    if isinstance(intent, Repay) and _is_lost(shadow, intent):
        return ()
    return () if _stays(shadow, step) else proposals


def _is_lost(shadow: Shadow, repay: Repay) -> bool:
    """Whether a repayment leaves its account nearer to its liquidation."""
    before = measure_subject(shadow, repay.account)
    after = measure_subject(project(shadow, repay), repay.account)
    return before is not None and is_worse(before, after)


def _stays(shadow: Shadow, step: PlanStep) -> bool:
    """Whether a loan could not move on to who needs it: it is not taken then."""
    lent, *rest = step.intents
    if not isinstance(lent, Borrow):
        return False
    after = project(shadow, lent)
    return not all(_is_there(after, intent) for intent in rest)


def _is_there(shadow: Shadow, intent: Intent) -> bool:
    """Whether the coins that an intent moves lie where it takes them from.

    Out of an account that may be liquidated only as much as the exchange, and so the
    admission, lets leave it now.
    """
    match intent:
        case Transfer(source=account, coin=coin, amount=amount):
            idle = shadow.balance(account, coin).available
            if account not in {MAIN, SPOT}:
                idle = min(idle, leaving(shadow, account, coin))
            return amount <= idle
        case Repay(account=account, coin=coin, amount=amount):
            return amount <= shadow.balance(account, coin).available
        case _:
            return True


def _after_money(shadow: Shadow, verdict: Verdict, plan: Plan) -> SubjectMeasure | None:
    """Where the account stands when all that moves money at once has been done."""
    for step in plan.steps:
        if step.stage is Stage.TRADE:
            break
        for intent in step.intents:
            shadow = project(shadow, intent)
    return measure_subject(shadow, verdict.measure.subject)


def _helps(shadow: Shadow, verdict: Verdict, proposals: tuple[Proposal, ...]) -> bool:
    """Whether a cut as it would be sent helps its account, by the exact engine.

    A lone position keeps its rate when a part of it is closed: what that frees is
    what helps it next.
    """
    if not proposals or verdict.measure.position is not None:
        return True
    done = shadow
    try:
        for proposal in proposals:
            done = project(done, proposal.intent)
    except UnknownPriceError:
        return False
    for proposal in proposals:
        if is_margin(touched_accounts(proposal.intent)[0]):
            done = paid_down(shadow, done, touched_accounts(proposal.intent)[0])
    after = measure_subject(done, verdict.measure.subject)
    return is_better(verdict.measure, after, verdict.thresholds.backstop)
