"""Whether two shadows are the same to the formulas of an account.

The parts of a shadow are never changed in place, so the same object is the same
content; what is equal but another object counts as changed. Nothing here measures.
"""

from bot.domain.accounts import FUTURES, AccountId
from bot.shadow.state import Shadow

__all__ = ["has_same_futures", "has_same_holdings", "has_same_margin"]


def has_same_margin(one: Shadow, other: Shadow, account: AccountId) -> bool:
    """Whether a margin account has the same balances, marks and rules in both.

    Example:
        >>> from bot.domain.accounts import MARGIN_CROSS
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> nothing = empty_shadow(Rules())
        >>> has_same_margin(nothing, nothing, MARGIN_CROSS)
        True
    """
    return (
        one.balances.get(account) is other.balances.get(account)
        and one.margin_marks is other.margin_marks
        and one.rules is other.rules
    )


def has_same_futures(one: Shadow, other: Shadow) -> bool:
    """Whether all of the futures account, its marks and its rules are the same.

    Margin marks are part of it: they say what a settle currency is worth.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> has_same_futures(empty_shadow(Rules()), empty_shadow(Rules()))
        False
    """
    return (
        one.balances.get(FUTURES) is other.balances.get(FUTURES)
        and one.positions is other.positions
        and one.orders is other.orders
        and one.futures_marks is other.futures_marks
        and one.margin_marks is other.margin_marks
        and one.rules is other.rules
    )


def has_same_holdings(one: Shadow, other: Shadow) -> bool:
    """Whether all but time and marks that ratios are made of is the same.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> nothing = empty_shadow(Rules())
        >>> has_same_holdings(nothing, nothing)
        True
    """
    return (
        one.balances is other.balances
        and one.positions is other.positions
        and one.orders is other.orders
        and one.rules is other.rules
    )
