"""What a request touches: the accounts it may have changed, and what it needs alone.

Pure; the gateway and whoever tells an outcome ask it.
"""

from bot.domain.accounts import FUTURES, AccountId
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
from connectors.kucoin.lanes import Key
from connectors.kucoin.pre_images import MoneyIntent

__all__ = ["accounts_of", "lane_of"]


def accounts_of(intent: Intent) -> frozenset[AccountId]:
    """The accounts that an intent may have changed."""
    match intent:
        case Transfer(source=source, target=target):
            return frozenset({source, target})
        case AdjustMargin():
            return frozenset({FUTURES})
        case PlaceOrder() | CancelOrder() | Borrow() | Repay():
            return frozenset({intent.account})
        case PlaceStop() | CancelStop():
            return frozenset()


def lane_of(intent: MoneyIntent) -> frozenset[Key]:
    """What a request must have to itself: each account it touches, with its coin."""
    if isinstance(intent, AdjustMargin):
        return frozenset({(str(FUTURES), intent.symbol)})
    return frozenset((str(account), intent.coin) for account in accounts_of(intent))
