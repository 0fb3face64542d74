"""The gates that new risk has to pass, one sentence for each that it does not.

Each gate is a function of the account as it stands and of one intent, and returns
why the intent may not pass, with the number and the limit, or None. What was
approved and has no answer yet counts as done where that is worse. Nothing here
approves anything; a reduction never comes here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from bot.domain.accounts import FUTURES
from bot.domain.events import AccountStatus
from bot.domain.intents import (
    AdjustMargin,
    Borrow,
    CancelOrder,
    CancelStop,
    Intent,
    PlaceOrder,
    PlaceStop,
    Repay,
    Transfer,
)
from bot.domain.money import ONE
from bot.domain.room import Scale
from bot.guard.adl import adl_objection
from bot.guard.admission import Admission, thresholds_of
from bot.guard.announced import delisting_objection, judged_rules
from bot.guard.asked import touched_accounts
from bot.guard.doubt import as_if_done
from bot.guard.fresh import age_sentence
from bot.guard.funds import funds_objection
from bot.guard.knowledge import apart_sentence, doubt_sentence
from bot.guard.size_gates import (
    Blocked,
    Change,
    change_between,
    change_objection,
    distance_objection,
    scale_of,
)
from bot.risk.measure import SubjectMeasure, equity_usdt, measure_subjects
from bot.risk.view import ShadowView, touched
from bot.shadow.project import UnknownPriceError, expected_price, project
from bot.shadow.state import Shadow

__all__ = [
    "Admission",
    "collateral_objection",
    "is_sane",
    "objection",
    "size_objection",
    "thresholds_of",
]

_TROUBLED: Final = frozenset(
    {
        AccountStatus.WARNED,
        AccountStatus.ORDERS_CANCELLED,
        AccountStatus.LIQUIDATING,
        AccountStatus.BANKRUPT,
    }
)


def objection(admission: Admission, intent: Intent) -> str | None:
    """The first gate that the intent does not pass, in words.

    Raises:
        UnknownPriceError: A price or a rule that the gates need is not known.
    """
    for gate in _GATES:
        found = gate(admission, intent)
        if found is not None:
            return found
    return None


def collateral_objection(admission: Admission, intent: AdjustMargin) -> str | None:
    """Why margin may not go to an isolated position: another account needs it.

    Raises:
        UnknownPriceError: A price or a rule that is needed is not known.
    """
    return (
        _has_numbers(admission, intent)
        or apart_sentence(admission.guard)
        or distance_objection(admission, _change(admission, intent), Scale())
    )


def size_objection(admission: Admission, intent: Intent) -> Blocked | None:
    """The first gate that looks at the size of an intent and does not let it pass.

    Raises:
        UnknownPriceError: A price or a rule that the gates need is not known.
    """
    for limit, gate in _SIZE_GATES.items():
        found = gate(admission, intent)
        if found is not None:
            return Blocked(limit, found)
    change = _change(admission, intent)
    return change_objection(admission, change, scale_of(admission, change))


# -- what must be known ---------------------------------------------------


def _subjects(admission: Admission) -> Sequence[SubjectMeasure]:
    return measure_subjects(admission.shadow, admission.known)


def _is_known(admission: Admission, intent: Intent) -> str | None:
    if not admission.shadow.is_open:
        return "the account has not been read yet"
    blocked = [m for m in _subjects(admission) if m.ratio is None]
    if blocked:
        return f"{blocked[0].subject} is unknown: {'; '.join(blocked[0].missing)}"
    return None


def _is_undisputed(admission: Admission, intent: Intent) -> str | None:
    """What is known must be the account: feeds heard, books and ratios agreed."""
    return doubt_sentence(admission.shadow, admission.guard)


def _is_fresh(admission: Admission, intent: Intent) -> str | None:
    """Every mark that the touched accounts are measured with must be fresh."""
    limit = admission.limits.mark_stale_after
    return age_sentence(admission.shadow, intent, limit, admission.jumps)


# -- what must be in order ------------------------------------------------


def _is_staying(admission: Admission, intent: Intent) -> str | None:
    return delisting_objection(admission.shadow, admission.guard_limits, intent)


def _survives_changes(admission: Admission, intent: Intent) -> str | None:
    """What is announced to come must be stood as well, with the intent done."""
    rules = judged_rules(admission.shadow, admission.guard_limits)
    if rules is None:
        return None
    then = replace(admission, shadow=replace(admission.shadow, rules=rules), known=None)
    found = distance_objection(then, _change(then, intent), Scale())
    return None if found is None else f"by the rules that are announced {found}"


def _is_open(admission: Admission, intent: Intent) -> str | None:
    if isinstance(intent, PlaceOrder) and intent.symbol in admission.shadow.halted:
        return f"{intent.symbol} takes no new orders"
    return None


def _is_untroubled(admission: Admission, intent: Intent) -> str | None:
    accounts = {account for account, _ in touched(admission.shadow.rules, intent)}
    for (account, coin), status in sorted(admission.shadow.statuses.items()):
        if account in accounts and status in _TROUBLED:
            return f"the exchange says of {account} {coin}".rstrip() + f": {status}"
    return None


def _is_not_in_front(admission: Admission, intent: Intent) -> str | None:
    return adl_objection(admission.shadow, intent)


def _is_undoubted(admission: Admission, intent: Intent) -> str | None:
    view = ShadowView(admission.shadow, admission.limits.mark_stale_after)
    for account, name in touched(admission.shadow.rules, intent):
        if view.is_frozen(account, name):
            return f"a request on {name} in {account} is in doubt"
    return None


def _is_not_cured(admission: Admission, intent: Intent) -> str | None:
    acting = [n for n, s in admission.guard.subjects.items() if s.is_acting]
    return f"the guard is curing {acting[0]}" if acting else None


def _is_rested(admission: Admission, intent: Intent) -> str | None:
    """What a strategy adds right after a cure would be cured again; a hedge may come.

    A transfer adds no exposure.
    """
    if not isinstance(intent, PlaceOrder | Borrow):
        return None
    longer = admission.limits.rest_after_cure - admission.guard_limits.cooldown
    known = admission.guard.subjects.items()
    ends = [(s.cooled_until + longer, n) for n, s in known if s.cooled_until]
    until, name = max(ends, default=(admission.shadow.at, ""))
    if until <= admission.shadow.at:
        return None
    change = _change(admission, intent)
    if admission.sizing.is_hedge(change.was, change.values):
        return None
    return (
        f"the guard has just cured {name}, new exposure waits until {until:%H:%M} UTC"
    )


def _has_funds(admission: Admission, intent: Intent) -> str | None:
    return funds_objection(admission.shadow, intent)


# -- what must not be passed ----------------------------------------------


def _is_within_size(admission: Admission, intent: Intent) -> str | None:
    if not isinstance(intent, PlaceOrder):
        return None
    value = _order_usdt(admission.shadow, intent)
    limit = admission.limits.max_order_usdt
    if value > limit:
        return f"the order is worth {value:.2f} USDT, over max_order_usdt {limit}"
    return None


def _order_usdt(shadow: Shadow, order: PlaceOrder) -> Decimal:
    if order.account != FUTURES:
        rules = shadow.rules.spot.get(order.symbol)
        if rules is None:
            raise UnknownPriceError(f"no rules of the pair {order.symbol} are known")
        price = expected_price(shadow, order)
        return order.qty * price * shadow.margin_marks.get(rules.quote, ONE)
    contract = shadow.rules.contracts.get(order.symbol)
    if contract is None:
        raise UnknownPriceError(f"no rules of the contract {order.symbol} are known")
    settle = shadow.margin_marks.get(contract.settle, ONE)
    return contract.value(order.qty, expected_price(shadow, order)) * settle


def _is_within_loss(admission: Admission, intent: Intent) -> str | None:
    start = admission.day_open_equity
    now = equity_usdt(admission.shadow)
    if now is None:
        return "the equity is unknown"
    if start is None or start <= 0:
        return None
    loss = (start - now) / start
    limit = admission.limits.max_daily_loss
    if loss >= limit:
        return f"the day's loss of {loss:.4f} is at max_daily_loss {limit}"
    return None


def _is_within_turnover(admission: Admission, intent: Intent) -> str | None:
    """A loop of opening and closing ends before fees have eaten the account."""
    start = admission.day_open_equity
    if start is None or start <= 0 or not isinstance(intent, PlaceOrder):
        return None
    times = admission.day_turnover / start
    limit = admission.limits.max_daily_turnover
    if times >= limit:
        return f"the day's turnover is {times:.1f} times the equity, at {limit}"
    return None


def _fits(admission: Admission, intent: Intent) -> str | None:
    """Leverage, distance, stress set and reserve after it, scaled."""
    change = _change(admission, intent)
    found = change_objection(admission, change, scale_of(admission, change))
    return None if found is None else found.sentence


def _change(admission: Admission, intent: Intent) -> Change:
    before = as_if_done(admission.shadow)
    accounts = frozenset(touched_accounts(intent))
    return change_between(before, project(before, intent), accounts, admission.known)


def is_sane(intent: Intent) -> bool:
    """Whether the numbers of an intent are numbers that can be sent.

    Example:
        >>> from bot.domain.accounts import MARGIN_CROSS
        >>> is_sane(Borrow(
        ...     account=MARGIN_CROSS, coin="USDT", amount=Decimal(-1)))
        False
    """
    match intent:
        case PlaceOrder(price=price) | PlaceStop(stop_price=price):
            numbers = [n for n in (intent.qty, intent.leverage, price) if n is not None]
            whole = intent.qty.to_integral_value
            is_whole = intent.account != FUTURES or intent.qty == whole()
            return all(n.is_finite() and n > 0 for n in numbers) and is_whole
        case Transfer(source=source, target=target, amount=amount):
            return source != target and amount.is_finite() and amount > 0
        case AdjustMargin(amount=amount):
            return amount.is_finite() and amount != 0
        case Borrow() | Repay():
            return intent.amount.is_finite() and intent.amount > 0
        case CancelOrder() | CancelStop():
            return True


def _has_numbers(admission: Admission, intent: Intent) -> str | None:
    return None if is_sane(intent) else "a number of the request makes no sense"


_SIZE_GATES: Final[Mapping[str, Callable[[Admission, Any], str | None]]] = {
    "largest order": _is_within_size,
    "funds": _has_funds,
    "announced rules": _survives_changes,
    "rest after a cure": _is_rested,
}
_GATES: Final[tuple[Callable[[Admission, Any], str | None], ...]] = (
    _has_numbers,
    _is_known,
    _is_undisputed,
    _is_fresh,
    _is_open,
    _is_staying,
    _is_untroubled,
    _is_not_in_front,
    _is_undoubted,
    _is_not_cured,
    _is_rested,
    _is_within_size,
    _has_funds,
    _is_within_loss,
    _is_within_turnover,
    _fits,
    _survives_changes,
)
