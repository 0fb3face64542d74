"""What is owned, owed and held, and whether it has changed by more than small change.

Interest, fundings and fees move balances every hour; a trade, a loan or a transfer
changes what an account is. Amounts only, no prices: nothing here knows a risk.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from bot.domain.money import ZERO
from bot.shadow.state import Shadow

__all__ = ["Holdings", "have_changed", "holdings_of"]

Holdings = Mapping[tuple[str, str, str], Decimal]
"""(account, coin or contract, kind) to the amount; nought is absent."""

_SMALL: Final = Decimal("0.05")
"""A smaller share of an amount is small change."""


def holdings_of(shadow: Shadow) -> Holdings:
    """Everything that an account owns, owes and holds.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> holdings_of(empty_shadow(Rules()))
        {}
    """
    found: dict[tuple[str, str, str], Decimal] = {}
    for account, coins in shadow.balances.items():
        for coin, balance in coins.items():
            found[account, coin, "owned"] = balance.total
            found[account, coin, "owed"] = balance.principal
    for key, position in shadow.positions.items():
        found["futures", str(key), "held"] = Decimal(position.lots)
        found["futures", str(key), "margin"] = position.margin
    return {name: amount for name, amount in found.items() if amount}


def have_changed(before: Holdings, after: Holdings) -> bool:
    """Whether any amount differs by more than small change.

    Example:
        >>> one = {("futures", "XBTUSDTM", "held"): Decimal(100)}
        >>> other = {("futures", "XBTUSDTM", "held"): Decimal(96)}
        >>> have_changed(one, other), have_changed(one, {})
        (False, True)
    """
    return any(
        abs(after.get(name, ZERO) - before.get(name, ZERO))
        > _SMALL * abs(before.get(name, ZERO))
        for name in before.keys() | after.keys()
    )
