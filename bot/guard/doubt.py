"""What requests without an answer may still do, so that nothing is done twice.

A request that was sent, or is in doubt, counts as done *and* as not done,
whichever is worse. Nothing here decides or changes anything.
"""

from dataclasses import replace
from decimal import Decimal

from bot.domain.accounts import FUTURES, MAIN, SPOT, AccountId
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
from bot.domain.money import ZERO
from bot.domain.orders import Side
from bot.guard.stop_safety import going_off_qty
from bot.shadow.project import project
from bot.shadow.state import Request, Shadow

__all__ = ["as_if_done", "unsettled_qty"]


def unsettled_qty(
    shadow: Shadow, account: AccountId, symbol: str, side: Side
) -> Decimal:
    """What orders without an answer may have traded already on a symbol.

    Args:
        shadow: The account.
        account: Where the orders trade.
        symbol: What they trade.
        side: Which orders; those of the other side make a reduction of this side
            only more of one.

    Returns:
        Base coins on spot and margin, lots on futures, less what is known to have
        been filled; stops that may go off meanwhile included.
    """
    asked = sum(
        (
            _left(shadow, request, request.approved.intent)
            for request in shadow.requests.values()
            if shadow.is_under_way(request)
            and isinstance(request.approved.intent, PlaceOrder)
            and request.approved.intent.account == account
            and request.approved.intent.symbol == symbol
            and request.approved.intent.side is side
        ),
        ZERO,
    )
    return asked + going_off_qty(shadow, account, symbol, side)


def _left(shadow: Shadow, request: Request, order: PlaceOrder) -> Decimal:
    """What one order may still trade; a close is as large as what it closes."""
    whole = order.qty
    if order.close and order.account == FUTURES:
        held = [p.lots for k, p in shadow.positions.items() if k.symbol == order.symbol]
        whole = max([whole, *(Decimal(abs(lots)) for lots in held)])
    return max(whole - request.filled_qty, ZERO)


def as_if_done(shadow: Shadow) -> Shadow:
    """The account as if every open request that adds risk had been done.

    New risk is measured on this. What would lower the risk is left out: it may not
    come about.

    Raises:
        UnknownPriceError: A request cannot be measured any more.
    """
    done = shadow
    for request in shadow.requests.values():
        intent = request.approved.intent
        if _lowers_risk(intent):
            continue
        if isinstance(intent, PlaceOrder):
            left = intent.qty - request.filled_qty
            if left <= 0:
                continue
            intent = replace(intent, qty=left)
        elif request.state.is_final:
            continue
        orders = {k: o for k, o in done.orders.items() if k != request.order_id}
        done = project(replace(done, orders=orders), intent)
    return done


def _lowers_risk(intent: Intent) -> bool:
    """Whether an intent claims to lower risk; what it claims was checked before."""
    match intent:
        case PlaceOrder():
            return intent.reduce_only or intent.close or intent.is_reduction
        case Transfer(source=source, target=target):
            return source in {MAIN, SPOT} and target not in {MAIN, SPOT}
        case AdjustMargin():
            return intent.amount > 0
        case Repay() | CancelOrder() | PlaceStop() | CancelStop():
            return True
        case Borrow():
            return False
