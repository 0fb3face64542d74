"""What requests without an answer may still do, so that nothing is done twice.

A request that was sent, or is in doubt, counts as done *and* as not done,
whichever is worse. Nothing here decides or changes anything.
"""

from decimal import Decimal

from bot.domain.accounts import FUTURES, AccountId
from bot.domain.intents import PlaceOrder
from bot.domain.money import ZERO
from bot.domain.orders import Side
from bot.shadow.state import Request, Shadow

__all__ = ["unsettled_qty"]


def unsettled_qty(
    shadow: Shadow, account: AccountId, symbol: str, side: Side | None = None
) -> Decimal:
    """What orders without an answer may have traded already on a symbol.

    Args:
        shadow: The account.
        account: Where the orders trade.
        symbol: What they trade.
        side: Only the orders of one side; None counts both.

    Returns:
        Base coins on spot and margin, lots on futures, less what is known to have
        been filled.
    """
    return sum(
        (
            _left(shadow, request, request.approved.intent)
            for request in shadow.requests.values()
            if not request.state.is_final
            and isinstance(request.approved.intent, PlaceOrder)
            and request.approved.intent.account == account
            and request.approved.intent.symbol == symbol
            and side in {None, request.approved.intent.side}
        ),
        ZERO,
    )


def _left(shadow: Shadow, request: Request, order: PlaceOrder) -> Decimal:
    """What one order may still trade; a close is as large as what it closes."""
    whole = order.qty
    if order.close and order.account == FUTURES:
        held = [p.lots for k, p in shadow.positions.items() if k.symbol == order.symbol]
        whole = max([whole, *(Decimal(abs(lots)) for lots in held)])
    return max(whole - request.filled_qty, ZERO)
