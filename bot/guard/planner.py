"""Chooses what to do next for an account that must be cured.

First version: a fixed order of levers, cheapest first - cancel what only adds
risk, repay from idle coins, bring in the reserve, then reduce - sized so that
the account just reaches its target, in chunks that the market can take, with
hedged pairs cut evenly on both sides. One round of proposals at a time: the next
round is planned on what really happened. Every proposal is a reduction; nothing
here is ever blocked by a limit of new risk.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    SPOT,
    AccountId,
    MarginMode,
    PositionKey,
    isolated_pair,
)
from bot.domain.events import AccountStatus
from bot.domain.intents import (
    AdjustMargin,
    CancelOrder,
    Intent,
    PlaceOrder,
    PlaceStop,
    Proposal,
    Repay,
    Transfer,
)
from bot.domain.money import LEDGER_QUANTUM, ONE, ZERO, floor_to, plain
from bot.domain.orders import IntentState
from bot.guard.judge import Verdict
from bot.guard.limits import GuardLimits
from bot.guard.reduce import Cut, reductions
from bot.guard.resting import near_withdrawals, withdrawals
from bot.guard.sizing import smallest_share
from bot.guard.state import CANCELLING, GUARD, SubjectState
from bot.risk.futures import unrealised_pnl
from bot.risk.measure import SubjectMeasure, measure_subject
from bot.shadow.project import project
from bot.shadow.state import Request, Shadow

__all__ = ["Cure", "idle_repayments", "is_waiting", "plan_cure"]

_PATIENCE: Final = timedelta(seconds=15)
"""Three times the longest time-out of a request; then its answer is not waited for."""
_PATIENCE_OTHERS: Final = timedelta(milliseconds=300)
"""The same for requests of strategies and people: the guard is not behind them."""
_LEAST_USDT: Final = Decimal(1)
"""Levers worth less than this are dust and are left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cure:
    """The next round of proposals for one account, and what else was considered."""

    proposals: tuple[Proposal, ...]
    instrument: str
    summary: str
    alternatives: tuple[str, ...] = ()
    is_pausing: bool = False
    """An instrument could be cut and waits for its depth to recover."""


def is_waiting(shadow: Shadow, measure: SubjectMeasure) -> bool:
    """Whether an answer is on its way that could change this account.

    A request in doubt is not waited for, nor one that stays without any answer: a
    reduction goes on beside it, sized so that it stays one under both outcomes. The
    guard waits for its own requests; for those of others no longer than a good
    answer takes.
    """
    return any(
        shadow.is_under_way(request)
        and request.state is not IntentState.IN_DOUBT
        and not isinstance(request.approved.intent, PlaceStop)
        and shadow.at - request.sent_at <= _patience(request)
        and measure.account in touched_accounts(request.approved.intent)
        for request in shadow.requests.values()
    )


def _patience(request: Request) -> timedelta:
    return _PATIENCE if request.approved.owner == GUARD else _PATIENCE_OTHERS


def touched_accounts(intent: Intent) -> tuple[AccountId, ...]:
    """The accounts that an intent changes.

    Example:
        >>> touched_accounts(Transfer(source=MAIN, target=FUTURES, coin="USDT",
        ...                           amount=Decimal(1)))
        ('main', 'futures')
    """
    if isinstance(intent, Transfer):
        return (intent.source, intent.target)
    account = getattr(intent, "account", FUTURES)
    return (account,)


def plan_cure(
    shadow: Shadow, verdict: Verdict, known: SubjectState, limits: GuardLimits
) -> Cure:
    """The next round for an account under cure; empty when no lever is left."""
    rejected: list[str] = []
    for name, lever, nothing in _LEVERS:
        proposals = lever(shadow, verdict)
        if proposals and not _is_benched(known, name, shadow.at):
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
    if near := near_withdrawals(shadow):
        return Cure(
            proposals=near,
            instrument=CANCELLING,
            summary="withdraw stops that are near",
        )
    is_pausing = False
    benched: Cut | None = None
    for cut in reductions(shadow, verdict, known, limits):
        if not cut.proposals:
            is_pausing = True
            rejected.append(cut.summary)
        elif _is_benched(known, cut.instrument, shadow.at):
            benched = benched or cut
            rejected.append(f"{cut.instrument} is benched after it did not help")
        else:
            return _cure(shadow, cut, rejected)
    if benched is not None and not is_pausing:
        return _cure(shadow, benched, rejected)
    rejected.append("nothing left that can be reduced")
    return Cure(
        proposals=(),
        instrument="",
        summary="no lever left",
        alternatives=tuple(rejected),
        is_pausing=is_pausing,
    )


def _cure(shadow: Shadow, cut: Cut, rejected: list[str]) -> Cure:
    """The cut, and before it the cancels of the stops that rest on its legs."""
    orders = [p.intent for p in cut.proposals if isinstance(p.intent, PlaceOrder)]
    return Cure(
        proposals=(*withdrawals(shadow, orders), *cut.proposals),
        instrument=cut.instrument,
        summary=cut.summary,
        alternatives=tuple(rejected),
    )


def _is_benched(known: SubjectState, instrument: str, at: datetime) -> bool:
    until = known.benched_until.get(instrument)
    return until is not None and at < until


def _cancels(shadow: Shadow, verdict: Verdict) -> list[Proposal]:
    """Cancel the account's resting orders that can add risk."""
    account = verdict.measure.account
    asked = {
        request.approved.intent.order_id
        for request in shadow.requests.values()
        if isinstance(request.approved.intent, CancelOrder)
    }
    return [
        Proposal(
            owner=GUARD,
            intent=CancelOrder(account=account, symbol=o.symbol, order_id=o.order_id),
            reason=f"cancel the resting {o.side} of {o.symbol}",
        )
        for o in shadow.orders.values()
        if o.account == account and not o.reduce_only and o.order_id not in asked
    ]


def _repayments(shadow: Shadow, verdict: Verdict) -> list[Proposal]:
    """The repayments that the endangered account itself can make."""
    return idle_repayments(shadow, verdict.measure.account)


def idle_repayments(shadow: Shadow, account: AccountId) -> list[Proposal]:
    """Repay each owed coin from what lies idle of it in the same account."""
    proposals: list[Proposal] = []
    for coin, balance in shadow.balances.get(account, {}).items():
        amount = floor_to(min(balance.available, balance.liability), LEDGER_QUANTUM)
        mark = shadow.margin_marks.get(coin, ONE if coin == "USDT" else ZERO)
        if amount <= 0 or amount * mark < _LEAST_USDT:
            continue
        if _is_asked(shadow, account, coin):
            continue
        proposals.append(
            Proposal(
                owner=GUARD,
                intent=Repay(account=account, coin=coin, amount=amount),
                reason=f"repay {plain(amount)} {coin} from idle balance",
            )
        )
    return proposals


def _is_asked(shadow: Shadow, account: AccountId, coin: str) -> bool:
    """Whether coins were asked to move and nobody knows yet whether they did.

    A loan has no idempotency key: one without an answer is never sent beside another.
    """
    return any(
        not request.state.is_final
        and isinstance(request.approved.intent, Repay | Transfer)
        and request.approved.intent.coin == coin
        and account in touched_accounts(request.approved.intent)
        for request in shadow.requests.values()
    )


def _reserve(shadow: Shadow, verdict: Verdict) -> list[Proposal]:
    """Bring in as much of the reserve as the target needs, main account first."""
    measure = verdict.measure
    coin = measure.settle or "USDT"
    if not _takes_collateral(shadow, measure, coin):
        return []
    for source in (MAIN, SPOT):
        idle = shadow.balance(source, coin).available
        mark = shadow.margin_marks.get(coin, ONE if coin == "USDT" else ZERO)
        if idle * mark < _LEAST_USDT or _is_asked(shadow, source, coin):
            continue
        share, reached = _transfer_share(shadow, verdict, source, coin, idle)
        amount = floor_to(idle * share, LEDGER_QUANTUM)
        if amount * mark < _LEAST_USDT or not _is_saved(reached, verdict):
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


def _is_saved(reached: SubjectMeasure | None, verdict: Verdict) -> bool:
    """Whether the reserve brings the account back over its act distance.

    Coins that do not even do that would be lost with the account: they stay.
    """
    if reached is None:
        return True
    if reached.ratio is None or reached.ratio >= verdict.thresholds.backstop:
        return False
    return reached.distance is None or reached.distance >= verdict.thresholds.act


def _takes_collateral(shadow: Shadow, measure: SubjectMeasure, coin: str) -> bool:
    """Transfers into an account that is being liquidated are blocked."""
    pair = isolated_pair(measure.account)
    if pair and coin not in pair.split("-"):
        return False
    key = (measure.account, coin if measure.account == FUTURES else "")
    blocked = {AccountStatus.LIQUIDATING, AccountStatus.BANKRUPT}
    return shadow.statuses.get(key) not in blocked


def _added_margin(position: PositionKey, amount: Decimal) -> AdjustMargin:
    return AdjustMargin(
        symbol=position.symbol, amount=amount, position_side=position.side
    )


def _isolated_margin(shadow: Shadow, verdict: Verdict) -> list[Proposal]:
    """Add margin to an isolated position from what is free in the futures wallet."""
    measure = verdict.measure
    if measure.position is None or measure.settle is None:
        return []
    free = _free_in_wallet(shadow, measure.settle)
    price = shadow.margin_marks.get(
        measure.settle, ONE if measure.settle == "USDT" else ZERO
    )
    key = measure.position
    if free * price < _LEAST_USDT or _is_adjusting(shadow, key):
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


def _is_adjusting(shadow: Shadow, key: PositionKey) -> bool:
    """Whether margin may be on its way to a position already."""
    return any(
        isinstance(request.approved.intent, AdjustMargin)
        and request.approved.intent.symbol == key.symbol
        for request in shadow.requests.values()
    )


def _free_in_wallet(shadow: Shadow, settle: str) -> Decimal:
    """Futures cash that carries no position: a careful reading of free cash.

    The wallet less what is held, isolated margins, the initial margins of cross
    positions at their entry, and cross losses at the mark; cross gains count 0.
    """
    balance = shadow.balance(FUTURES, settle)
    free = balance.total - balance.hold
    for key, position in shadow.positions.items():
        contract = shadow.rules.contracts.get(key.symbol)
        if contract is None or contract.settle != settle:
            continue
        if position.mode is MarginMode.ISOLATED:
            free -= position.margin
            continue
        mark = shadow.futures_marks.get(key.symbol)
        if mark is None:
            return ZERO
        free -= abs(position.entry_value) / max(position.leverage, ONE)
        free += min(unrealised_pnl(contract, position, mark), ZERO)
    return max(free, ZERO)


_LEVERS: Final[
    tuple[tuple[str, Callable[[Shadow, Verdict], list[Proposal]], str], ...]
] = (
    (CANCELLING, _cancels, "no open order adds risk"),
    ("repaying", _repayments, "no idle balance of an owed coin"),
    ("isolated margin", _isolated_margin, "no free cash for an isolated margin"),
    ("the reserve", _reserve, "no reserve in the main or spot account"),
)
