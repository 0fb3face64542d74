"""The only door to execution: measures each proposal, then approves or refuses.

A reduction passes whatever the limits, the age of the marks or a pause say, if
it really is one: reduce-only on futures, a smaller net position in a margin
account, a repayment, a cancel, collateral in. Everything else is new risk and
must pass every gate on the state as if it were done. Refusals are values with
the number and the limit. Only this module makes an ``Approved``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from bot.domain.accounts import FUTURES, MAIN, SPOT, AccountId, PositionKey
from bot.domain.intents import (
    AdjustMargin,
    Approved,
    Borrow,
    CancelOrder,
    Intent,
    PlaceOrder,
    Proposal,
    Refused,
    Repay,
    Transfer,
)
from bot.domain.money import ONE, ZERO, plain
from bot.guard.limits import RiskLimits
from bot.guard.state import GuardState
from bot.risk.exposures import net_exposures
from bot.risk.measure import SubjectMeasure, equity_usdt, measure_subjects
from bot.risk.view import ShadowView
from bot.shadow.project import UnknownPriceError, expected_price, project
from bot.shadow.state import Shadow

__all__ = ["Admission", "admit", "is_reduction"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What a proposal is held to at this moment."""

    shadow: Shadow
    guard: GuardState
    limits: RiskLimits
    day_open_equity: Decimal | None
    default_act: Decimal


def admit(
    admission: Admission, proposal: Proposal, intent_id: str
) -> Approved | Refused:
    """Approve a proposal under ``intent_id``, or refuse it with the reason."""
    intent = proposal.intent
    try:
        reducing = is_reduction(admission.shadow, intent)
        reason = None if reducing else _objection(admission, intent)
        measured = _measured(admission.shadow, intent)
    except UnknownPriceError as error:
        reducing, reason, measured = False, str(error), {}
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


# -- what a reduction is --------------------------------------------------


def is_reduction(shadow: Shadow, intent: Intent) -> bool:
    """Whether an intent can only lower risk, whatever becomes of it.

    Example:
        >>> from bot.shadow.state import empty_shadow
        >>> from bot.domain.instruments import Rules
        >>> is_reduction(empty_shadow(Rules()), Repay(
        ...     account=AccountId("margin_cross"), coin="USDT", amount=Decimal(1)))
        True
    """
    match intent:
        case Repay() | CancelOrder():
            return True
        case PlaceOrder():
            return _is_reducing_order(shadow, intent)
        case Transfer(source=source, target=target):
            return source in {MAIN, SPOT} and target not in {MAIN, SPOT}
        case AdjustMargin(amount=amount):
            return amount > 0
        case Borrow():
            return False


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
    return net * order.side.sign < 0 and order.qty <= abs(net)


# -- the gates of new risk ------------------------------------------------


def _objection(admission: Admission, intent: Intent) -> str | None:
    """The first gate that the intent does not pass, in words."""
    for gate in _GATES:
        found = gate(admission, intent)
        if found is not None:
            return found
    return None


def _is_known(admission: Admission, intent: Intent) -> str | None:
    if not admission.shadow.is_open:
        return "the account has not been read yet"
    blocked = [m for m in measure_subjects(admission.shadow) if m.ratio is None]
    if blocked:
        return f"{blocked[0].subject} is unknown: {'; '.join(blocked[0].missing)}"
    return None


def _is_fresh(admission: Admission, intent: Intent) -> str | None:
    if not isinstance(intent, PlaceOrder | Borrow):
        return None
    limit = admission.limits.mark_stale_after
    for name in _names(admission.shadow, intent):
        age = admission.shadow.mark_age(name)
        if age is None:
            return f"no mark of {name} is known"
        if age > limit:
            return f"the mark of {name} is {_seconds(age)} old, over {_seconds(limit)}"
    return None


def _names(shadow: Shadow, intent: Intent) -> tuple[str, ...]:
    """The marks that an intent needs."""
    match intent:
        case PlaceOrder(account=account, symbol=symbol) if account == FUTURES:
            return (symbol,)
        case PlaceOrder(symbol=symbol):
            rules = shadow.rules.spot.get(symbol)
            return () if rules is None else (rules.base,)
        case Borrow(coin=coin) if coin != "USDT":
            return (coin,)
    return ()


def _seconds(age: timedelta) -> str:
    return f"{age.total_seconds():.0f} s"


def _is_open(admission: Admission, intent: Intent) -> str | None:
    if isinstance(intent, PlaceOrder) and intent.symbol in admission.shadow.halted:
        return f"{intent.symbol} takes no new orders"
    return None


def _is_undoubted(admission: Admission, intent: Intent) -> str | None:
    view = ShadowView(admission.shadow, admission.limits.mark_stale_after)
    for account, name in _touches(admission.shadow, intent):
        if view.is_frozen(account, name):
            return f"a request on {name} in {account} is in doubt"
    return None


def _touches(shadow: Shadow, intent: Intent) -> list[tuple[AccountId, str]]:
    match intent:
        case PlaceOrder(account=account, symbol=symbol):
            rules = shadow.rules.spot.get(symbol)
            coins = () if rules is None else (rules.base, rules.quote)
            return [(account, name) for name in (symbol, *coins)]
        case Borrow(account=account, coin=coin):
            return [(account, coin)]
        case Transfer(source=source, target=target, coin=coin):
            return [(source, coin), (target, coin)]
        case CancelOrder() | Repay() | AdjustMargin():
            return []


def _is_not_cured(admission: Admission, intent: Intent) -> str | None:
    acting = [n for n, s in admission.guard.subjects.items() if s.is_acting]
    return f"the guard is curing {acting[0]}" if acting else None


def _is_within_size(admission: Admission, intent: Intent) -> str | None:
    if not isinstance(intent, PlaceOrder):
        return None
    value = _order_usdt(admission.shadow, intent)
    limit = admission.limits.max_order_usdt
    if value > limit:
        return f"the order is worth {value:.2f} USDT, over max_order_usdt {limit}"
    return None


def _order_usdt(shadow: Shadow, order: PlaceOrder) -> Decimal:
    price = expected_price(shadow, order)
    if order.account != FUTURES:
        return order.qty * price
    contract = shadow.rules.contracts[order.symbol]
    settle = shadow.margin_marks.get(contract.settle, ONE)
    return contract.value(order.qty, price) * settle


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


def _is_within_leverage(admission: Admission, intent: Intent) -> str | None:
    after = project(admission.shadow, intent)
    gross = _gross_usdt(after)
    if gross <= _gross_usdt(admission.shadow):
        return None
    if gross > admission.limits.max_gross_usdt:
        limit = admission.limits.max_gross_usdt
        return f"gross exposure would be {gross:.2f} USDT, over max_gross_usdt {limit}"
    equity = equity_usdt(after)
    if equity is None or equity <= 0:
        return "the equity after it would not be positive"
    leverage = gross / equity
    if leverage > admission.limits.max_leverage:
        limit = admission.limits.max_leverage
        return f"net leverage would be {leverage:.2f}, over max_leverage {limit}"
    return None


def _gross_usdt(shadow: Shadow) -> Decimal:
    """Sum of the absolute net exposures by coin: a hedged pair counts its delta."""
    return sum(
        (
            abs(qty) * shadow.margin_marks.get(coin, ZERO)
            for coin, qty in net_exposures(shadow).items()
        ),
        ZERO,
    )


def _is_far_enough(admission: Admission, intent: Intent) -> str | None:
    """After it, no account may be nearer than its act distance."""
    before = {m.subject: m for m in measure_subjects(admission.shadow)}
    for after in measure_subjects(project(admission.shadow, intent)):
        known = admission.guard.subjects.get(after.subject)
        act = admission.default_act if known is None else known.thresholds.act
        if after.ratio is None:
            return f"{after.subject} would be unknown: {'; '.join(after.missing)}"
        if after.distance is None or after.distance >= act:
            continue
        if _is_no_worse(before.get(after.subject), after):
            continue
        return (
            f"{after.subject} would be {after.distance:.4f} from liquidation, "
            f"under its act distance {act}"
        )
    return None


def _is_no_worse(before: SubjectMeasure | None, after: SubjectMeasure) -> bool:
    if before is None or before.distance is None or after.distance is None:
        return False
    return after.distance >= before.distance


def _has_funds(admission: Admission, intent: Intent) -> str | None:
    shadow = admission.shadow
    match intent:
        case Transfer(source=source, coin=coin, amount=amount):
            return _lacks(shadow, source, coin, amount)
        case PlaceOrder(account=account, symbol=symbol) if account != FUTURES:
            rules = shadow.rules.spot.get(symbol)
            if rules is None:
                return f"no rules of the pair {symbol} are known"
            if intent.side.sign < 0:
                return _lacks(shadow, account, rules.base, intent.qty)
            cost = intent.qty * expected_price(shadow, intent)
            return _lacks(shadow, account, rules.quote, cost)
    return None


def _lacks(
    shadow: Shadow, account: AccountId, coin: str, amount: Decimal
) -> str | None:
    available = shadow.balance(account, coin).available
    if amount <= available:
        return None
    return (
        f"{account} has {plain(available)} {coin} available, {plain(amount)} is needed"
    )


_GATES: Final[tuple[Callable[[Admission, Any], str | None], ...]] = (
    _is_known,
    _is_fresh,
    _is_open,
    _is_undoubted,
    _is_not_cured,
    _has_funds,
    _is_within_size,
    _is_within_loss,
    _is_within_leverage,
    _is_far_enough,
)


def _measured(shadow: Shadow, intent: Intent) -> Mapping[str, str]:
    """The guarded numbers before and after, as text."""
    before = {m.subject: m for m in measure_subjects(shadow)}
    after = {m.subject: m for m in measure_subjects(project(shadow, intent))}
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
