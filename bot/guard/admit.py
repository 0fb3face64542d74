"""The only door to execution: measures each proposal, then approves or refuses.

A reduction passes whatever the limits, the age of the marks or a pause say, if
it really is one: reduce-only on futures, a smaller net position in a margin
account, a repayment, a cancel, collateral in. A stop that could add risk is always
refused. Everything else is new risk and must pass every gate on the state as if it
were done. Refusals are values with
the number and the limit. Only this module makes an ``Approved``.
"""

from collections.abc import Mapping

from bot.domain.accounts import FUTURES, MAIN, SPOT, PositionKey
from bot.domain.intents import (
    AdjustMargin,
    Approved,
    Borrow,
    CancelOrder,
    CancelStop,
    Intent,
    PlaceOrder,
    PlaceStop,
    Proposal,
    Refused,
    Repay,
    Transfer,
)
from bot.domain.money import plain
from bot.guard.doubt import unsettled_qty
from bot.guard.gates import Admission, collateral_objection, is_sane, objection
from bot.guard.relief import relief_objection
from bot.guard.state import GUARD
from bot.guard.stop_safety import is_reducing_stop, stop_objection
from bot.risk.measure import measure_subject, measure_subjects
from bot.shadow.project import UnknownPriceError, project
from bot.shadow.state import Shadow

__all__ = ["Admission", "admit", "is_reduction"]


def admit(
    admission: Admission, proposal: Proposal, intent_id: str
) -> Approved | Refused:
    """Approve a proposal under ``intent_id``, or refuse it with the reason."""
    intent = proposal.intent
    reason = _reason(admission, proposal)
    measured = _measured(admission, intent) if is_sane(intent) else {}
    if reason is not None:
        return Refused(
            owner=proposal.owner,
            intent=intent,
            reason=reason,
            pair=proposal.pair,
            measured=measured,
        )
    return Approved(
        intent_id=intent_id,
        owner=proposal.owner,
        intent=intent,
        reason=proposal.reason,
        pair=proposal.pair,
        measured={**proposal.inputs, **measured},
    )


def _reason(admission: Admission, proposal: Proposal) -> str | None:
    """Why the intent is not let pass; a reduction always is.

    Margin for an isolated position is held only to what it takes from the others,
    money that the guard moves for a cure to the proof that it helps.
    """
    if is_reduction(admission.shadow, proposal.intent):
        return None
    try:
        return _objection(admission, proposal)
    except UnknownPriceError as error:
        return str(error)


def _objection(admission: Admission, proposal: Proposal) -> str | None:
    """What the gate of this sort of intent says."""
    intent, is_guards = proposal.intent, proposal.owner == GUARD
    if isinstance(intent, PlaceStop) and is_sane(intent):
        return stop_objection(admission.shadow, intent)
    if isinstance(intent, AdjustMargin) and intent.amount > 0:
        return collateral_objection(admission, intent)
    if is_guards and isinstance(intent, Borrow | Transfer | AdjustMargin):
        return relief_objection(admission, intent)
    return objection(admission, intent)


def is_reduction(shadow: Shadow, intent: Intent) -> bool:
    """Whether an intent can only lower risk, whatever becomes of it.

    Margin that is added to an isolated position is taken out of what the cross
    positions of the same settle currency live on: with any, it is no reduction.

    Example:
        >>> from decimal import Decimal
        >>> from bot.domain.accounts import MARGIN_CROSS
        >>> from bot.shadow.state import empty_shadow
        >>> from bot.domain.instruments import Rules
        >>> is_reduction(empty_shadow(Rules()), Repay(
        ...     account=MARGIN_CROSS, coin="USDT", amount=Decimal(1)))
        True
    """
    return is_sane(intent) and _lowers_risk(shadow, intent)


def _lowers_risk(shadow: Shadow, intent: Intent) -> bool:
    match intent:
        case PlaceOrder():
            return _is_reducing_order(shadow, intent)
        case Transfer(source=source, target=target):
            return source in {MAIN, SPOT} and target not in {MAIN, SPOT}
        case AdjustMargin():
            return intent.amount > 0 and not _has_cross(shadow, intent.symbol)
        case PlaceStop():
            return is_reducing_stop(shadow, intent)
        case Repay() | CancelOrder() | CancelStop() | Borrow():
            return not isinstance(intent, Borrow)


def _has_cross(shadow: Shadow, symbol: str) -> bool:
    """Whether cross positions or orders share the wallet of a contract."""
    contract = shadow.rules.contracts.get(symbol)
    if contract is None:
        return True
    return measure_subject(shadow, f"futures:{contract.settle}") is not None


def _is_reducing_order(shadow: Shadow, order: PlaceOrder) -> bool:
    if order.account == FUTURES:
        position = shadow.positions.get(PositionKey(order.symbol, order.position_side))
        if position is None or not (order.reduce_only or order.close):
            return False
        return position.lots * order.side.sign < 0 or order.close
    rules = shadow.rules.spot.get(order.symbol)
    if rules is None or not order.is_reduction:
        return False
    balance = shadow.balance(order.account, rules.base)
    net = balance.total - balance.liability
    asked = unsettled_qty(shadow, order.account, order.symbol, order.side)
    return net * order.side.sign < 0 and order.qty <= abs(net) - asked


def _measured(admission: Admission, intent: Intent) -> Mapping[str, str]:
    """The guarded numbers before and after, as text; none where a price is missing."""
    shadow = admission.shadow
    now = measure_subjects(shadow, admission.known)
    try:
        then = measure_subjects(project(shadow, intent), (shadow, now))
    except UnknownPriceError:
        return {}
    before, after = ({m.subject: m for m in found} for found in (now, then))
    found: dict[str, str] = {}
    for subject in sorted({*before, *after}):
        for word, side in (("before", before), ("after", after)):
            measure = side.get(subject)
            ratio = None if measure is None else measure.ratio
            distance = None if measure is None else measure.distance
            if ratio is not None:
                found[f"{subject} ratio {word}"] = plain(ratio)
            if distance is not None:
                found[f"{subject} distance {word}"] = plain(distance)
    return found
