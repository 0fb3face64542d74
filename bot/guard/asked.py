"""What was asked for and has no answer yet: it is not asked for a second time.

A loan and a transfer have no idempotency key worth trusting, so none is sent beside
another of the same coin and account. Nothing here decides or sends anything.
"""

from bot.domain.accounts import FUTURES, AccountId, PositionKey
from bot.domain.intents import (
    AdjustMargin,
    Borrow,
    CancelOrder,
    Intent,
    Repay,
    Transfer,
)
from bot.shadow.state import Shadow

__all__ = ["cancels", "is_adjusting", "is_asked", "touched_accounts"]


def touched_accounts(intent: Intent) -> tuple[AccountId, ...]:
    """The accounts that an intent changes.

    Example:
        >>> from decimal import Decimal
        >>> from bot.domain.accounts import MAIN
        >>> touched_accounts(Transfer(source=MAIN, target=FUTURES, coin="USDT",
        ...                           amount=Decimal(1)))
        ('main', 'futures')
    """
    if isinstance(intent, Transfer):
        return (intent.source, intent.target)
    account = getattr(intent, "account", FUTURES)
    return (account,)


def is_asked(shadow: Shadow, account: AccountId, coin: str) -> bool:
    """Whether coins were asked to move and nobody knows yet whether they did."""
    return any(
        not request.state.is_final
        and isinstance(request.approved.intent, Repay | Transfer | Borrow)
        and request.approved.intent.coin == coin
        and account in touched_accounts(request.approved.intent)
        for request in shadow.requests.values()
    )


def cancels(shadow: Shadow, account: AccountId) -> list[CancelOrder]:
    """The cancels of an account's resting orders that can add risk, not asked yet."""
    asked = {
        request.approved.intent.order_id
        for request in shadow.requests.values()
        if isinstance(request.approved.intent, CancelOrder)
    }
    return [
        CancelOrder(account=account, symbol=o.symbol, order_id=o.order_id)
        for o in shadow.orders.values()
        if o.account == account and not o.reduce_only and o.order_id not in asked
    ]


def is_adjusting(shadow: Shadow, key: PositionKey) -> bool:
    """Whether margin may be on its way to a position already."""
    return any(
        isinstance(request.approved.intent, AdjustMargin)
        and request.approved.intent.symbol == key.symbol
        for request in shadow.requests.values()
    )
