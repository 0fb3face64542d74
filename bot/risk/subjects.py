"""Which accounts the exchange can liquidate on their own, by name.

A *subject* is the cross margin account or an isolated pair that owes, the cross
futures of a settle currency, an isolated futures position, and one whose contract is
not known. Marks have no say in it. Nothing here measures.
"""

from collections.abc import Mapping
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    MARGIN_CROSS,
    AccountId,
    Balance,
    MarginMode,
    Position,
    isolated_pair,
)
from bot.shadow.state import Shadow

__all__ = [
    "CROSS_PREFIX",
    "POSITION_PREFIX",
    "cross_settles",
    "is_margin",
    "lone_positions",
    "owes",
    "owing_accounts",
    "stands_alone",
]

CROSS_PREFIX: Final = "futures:"
"""Before the settle currency in the name of a cross futures subject."""

POSITION_PREFIX: Final = "futures_isolated:"
"""Before the position's key in the name of an isolated one."""


def is_margin(account: AccountId) -> bool:
    """Whether an account can owe.

    Example:
        >>> is_margin(MARGIN_CROSS), is_margin(FUTURES)
        (True, False)
    """
    return account == MARGIN_CROSS or isolated_pair(account) is not None


def owes(coins: Mapping[str, Balance]) -> bool:
    """Whether anything is owed in an account, interest included.

    Example:
        >>> owes({"USDT": Balance()})
        False
    """
    return any(b.principal or b.interest for b in coins.values())


def owing_accounts(shadow: Shadow) -> list[AccountId]:
    """The margin accounts that owe, in order.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> owing_accounts(empty_shadow(Rules()))
        []
    """
    return [
        account
        for account in sorted(shadow.balances)
        if is_margin(account) and owes(shadow.balances[account])
    ]


def cross_settles(shadow: Shadow) -> list[str]:
    """The settle currencies with a cross position or an order that may open one.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> cross_settles(empty_shadow(Rules()))
        []
    """
    found = {
        contract.settle
        for key, position in shadow.positions.items()
        if position.mode is MarginMode.CROSS
        and (contract := shadow.rules.contracts.get(key.symbol)) is not None
    }
    found |= {
        contract.settle
        for order in shadow.orders.values()
        if order.account == FUTURES
        and not order.reduce_only
        and (contract := shadow.rules.contracts.get(order.symbol)) is not None
    }
    return sorted(found)


def stands_alone(shadow: Shadow, position: Position) -> bool:
    """Whether a position is a subject of its own.

    It is if it is isolated, and if its contract is not known: then nobody can say
    which account it endangers, and it must not be lost.

    Example:
        >>> from bot.domain.instruments import Lots, Rules
        >>> from bot.domain.money import ZERO
        >>> from bot.shadow.state import empty_shadow
        >>> strange = Position(symbol="NEWUSDTM", lots=Lots(1), entry_value=ZERO)
        >>> stands_alone(empty_shadow(Rules()), strange)
        True
    """
    is_isolated = position.mode is MarginMode.ISOLATED
    return is_isolated or position.symbol not in shadow.rules.contracts


def lone_positions(shadow: Shadow) -> list[Position]:
    """The positions that are subjects of their own, in the order of their keys.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> lone_positions(empty_shadow(Rules()))
        []
    """
    found = (p for p in shadow.positions.values() if stands_alone(shadow, p))
    return sorted(found, key=lambda position: position.key)
