"""The ladder: a fixed order of levers, for what no plan can be made of.

Where an account cannot be planned as a whole (a price is missing, contracts that do
not mix) or no step of its plan can go now, the levers are tried in turn: repay from
idle coins, bring in the reserve, then reduce, each sized to reach the target, in
chunks that the market can take, pairs evenly. A reduction is never blocked, also not
by a plan that could not be made. Nothing here sends or approves anything.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    MAIN,
    SPOT,
    AccountId,
    PositionKey,
    isolated_pair,
)
from bot.domain.intents import (
    AdjustMargin,
    Intent,
    Proposal,
    Repay,
    Transfer,
)
from bot.domain.money import LEDGER_QUANTUM, ONE, ZERO, floor_to, plain
from bot.guard.asked import cancels, is_adjusting, is_asked
from bot.guard.cure import Cure, is_benched
from bot.guard.judge import Verdict
from bot.guard.limits import GuardLimits
from bot.guard.plan_limits import free_in_wallet
from bot.guard.plan_money import takes_collateral
from bot.guard.reduce import Cut, reductions
from bot.guard.safety import is_worse
from bot.guard.sizing import smallest_share
from bot.guard.state import CANCELLING, GUARD, SubjectState
from bot.risk.measure import SubjectMeasure, measure_subject
from bot.shadow.project import project
from bot.shadow.state import Shadow

__all__ = ["cancelling", "idle_repayments", "is_saved", "ladder_cure"]

_LEAST_USDT: Final = Decimal(1)
"""Levers worth less than this are dust and are left alone."""


def ladder_cure(
    shadow: Shadow, verdict: Verdict, known: SubjectState, limits: GuardLimits
) -> Cure:
    """The next round by the fixed order; empty when no lever is left."""
    rejected: list[str] = []
    for name, lever, nothing in _LEVERS:
        proposals = lever(shadow, verdict)
        if proposals and not is_benched(known, name, shadow.at):
            return Cure(
                proposals=tuple(proposals),
                instrument=name,
                summary="; ".join(p.reason for p in proposals),
                alternatives=tuple(rejected),
            )
        rejected.append(f"{name} is benched" if proposals else nothing)
    return _next_cut(shadow, verdict, known, limits, rejected)


def _next_cut(
    shadow: Shadow,
    verdict: Verdict,
    known: SubjectState,
    limits: GuardLimits,
    rejected: list[str],
) -> Cure:
    """The first cut that is neither benched nor waiting for depth.

    When only benched ones are left the first of them is tried again, as often as
    the pause between two cuts allows: the bench prefers others, it does not give up.
    """
    is_pausing = False
    benched: Cut | None = None
    for cut in reductions(shadow, verdict, known, limits):
        if not cut.proposals:
            is_pausing = True
            rejected.append(cut.summary)
        elif is_benched(known, cut.instrument, shadow.at):
            benched = benched or cut
            rejected.append(f"{cut.instrument} is benched after it did not help")
        else:
            return _cure(cut, rejected)
    if benched is not None and not is_pausing:
        return _cure(benched, rejected)
    rejected.append("nothing left that can be reduced")
    return Cure(
        proposals=(),
        instrument="",
        summary="no lever left",
        alternatives=tuple(rejected),
        is_pausing=is_pausing,
    )


def _cure(cut: Cut, rejected: list[str]) -> Cure:
    return Cure(
        proposals=cut.proposals,
        instrument=cut.instrument,
        summary=cut.summary,
        alternatives=tuple(rejected),
    )


def cancelling(shadow: Shadow, verdict: Verdict) -> list[Proposal]:
    """Cancel the account's resting orders that can add risk."""
    return [
        Proposal(
            owner=GUARD,
            intent=intent,
            reason=f"cancel the resting {shadow.orders[intent.order_id].side} "
            f"of {intent.symbol}",
        )
        for intent in cancels(shadow, verdict.measure.account)
    ]


def _repayments(shadow: Shadow, verdict: Verdict) -> list[Proposal]:
    """The repayments that the endangered account itself can make, and that help it."""
    found: list[Proposal] = []
    for proposal in idle_repayments(shadow, verdict.measure.account):
        before = measure_subject(shadow, verdict.measure.subject)
        done = project(shadow, proposal.intent)
        after = measure_subject(done, verdict.measure.subject)
        if before is None or not is_worse(before, after):
            found.append(proposal)
            shadow = done
    return found


def idle_repayments(shadow: Shadow, account: AccountId) -> list[Proposal]:
    """Repay each owed coin from what lies idle of it in the same account."""
    proposals: list[Proposal] = []
    for coin, balance in shadow.balances.get(account, {}).items():
        amount = floor_to(min(balance.available, balance.liability), LEDGER_QUANTUM)
        mark = shadow.margin_marks.get(coin, ONE if coin == "USDT" else ZERO)
        if amount <= 0 or amount * mark < _LEAST_USDT:
            continue
        if is_asked(shadow, account, coin):
            continue
        proposals.append(
            Proposal(
                owner=GUARD,
                intent=Repay(account=account, coin=coin, amount=amount),
                reason=f"repay {plain(amount)} {coin} from idle balance",
            )
        )
    return proposals


def _reserve(shadow: Shadow, verdict: Verdict) -> list[Proposal]:
    """Bring in as much of the reserve as the target needs, main account first."""
    measure = verdict.measure
    coin = measure.settle or "USDT"
    if not _keeps(measure, coin) or not takes_collateral(shadow, measure):
        return []
    for source in (MAIN, SPOT):
        idle = shadow.balance(source, coin).available
        mark = shadow.margin_marks.get(coin, ONE if coin == "USDT" else ZERO)
        if idle * mark < _LEAST_USDT or is_asked(shadow, source, coin):
            continue
        share, reached = _transfer_share(shadow, verdict, source, coin, idle)
        amount = floor_to(idle * share, LEDGER_QUANTUM)
        if amount * mark < _LEAST_USDT or not is_saved(reached, verdict):
            continue
        intent = Transfer(
            source=source, target=measure.account, coin=coin, amount=amount
        )
        return [
            Proposal(
                owner=GUARD,
                intent=intent,
                reason=f"move {plain(amount)} {coin} from {source} as collateral",
            )
        ]
    return []


def _transfer_share(
    shadow: Shadow, verdict: Verdict, source: AccountId, coin: str, idle: Decimal
) -> tuple[Decimal, SubjectMeasure | None]:
    """How much of the reserve is enough, and where the account then stands."""
    measure = verdict.measure

    def after(share: Decimal) -> SubjectMeasure | None:
        intent: Intent = Transfer(
            source=source, target=measure.account, coin=coin, amount=idle * share
        )
        if measure.position is not None:
            intent = _added_margin(measure.position, idle * share)
        return measure_subject(project(shadow, intent), measure.subject)

    share = smallest_share(after, verdict.thresholds, measure)
    return share, after(share)


def is_saved(reached: SubjectMeasure | None, verdict: Verdict) -> bool:
    """Whether the reserve brings the account back over its act distance.

    Coins that do not even do that would be lost with the account: they stay.
    """
    if reached is None:
        return True
    if reached.ratio is None or reached.ratio >= verdict.thresholds.backstop:
        return False
    return reached.distance is None or reached.distance >= verdict.thresholds.act


def _keeps(measure: SubjectMeasure, coin: str) -> bool:
    """Whether a coin may lie in an account: a pair keeps its own two."""
    pair = isolated_pair(measure.account)
    return pair is None or coin in pair.split("-")


def _added_margin(position: PositionKey, amount: Decimal) -> AdjustMargin:
    return AdjustMargin(
        symbol=position.symbol, amount=amount, position_side=position.side
    )


def _isolated_margin(shadow: Shadow, verdict: Verdict) -> list[Proposal]:
    """Add margin to an isolated position from what is free in the futures wallet."""
    measure = verdict.measure
    if measure.position is None or measure.settle is None:
        return []
    free = free_in_wallet(shadow, measure.settle)
    price = shadow.margin_marks.get(
        measure.settle, ONE if measure.settle == "USDT" else ZERO
    )
    key = measure.position
    if free * price < _LEAST_USDT or is_adjusting(shadow, key):
        return []

    def after(share: Decimal) -> SubjectMeasure | None:
        added = project(shadow, _added_margin(key, free * share))
        return measure_subject(added, measure.subject)

    share = smallest_share(after, verdict.thresholds, measure)
    amount = floor_to(free * share, LEDGER_QUANTUM)
    if amount * price < _LEAST_USDT:
        return []
    return [
        Proposal(
            owner=GUARD,
            intent=_added_margin(key, amount),
            reason=f"add {plain(amount)} {measure.settle} of margin to {key}",
        )
    ]


_LEVERS: Final[
    tuple[tuple[str, Callable[[Shadow, Verdict], list[Proposal]], str], ...]
] = (
    (CANCELLING, cancelling, "no open order adds risk"),
    ("repaying", _repayments, "no idle balance of an owed coin"),
    ("isolated margin", _isolated_margin, "no free cash for an isolated margin"),
    ("the reserve", _reserve, "no reserve in the main or spot account"),
)
