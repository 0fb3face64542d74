"""What the futures account can still open: its cross margin less what is in use.

The exchange refuses an opening order that needs more initial margin than is free, with
code 300003. Here the same is known before anything is sent, and an order can be made
as small as the margin that there is. Nothing here sends or approves.

Source: KuCoin help 35084093025049; ``futures-and-unified.md`` 2.3. An order's margin
is what the account would use after it was filled at the expected price, with its fee.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.intents import PlaceOrder
from bot.domain.money import ONE, ZERO
from bot.risk.cross_account import cross_account
from bot.risk.futures import measure
from bot.risk.futures_shape import FuturesAccount, futures_shape
from bot.risk.order_margin import ContractTerms, funds_used
from bot.shadow.project import UnknownPriceError, project
from bot.shadow.state import Shadow

__all__ = ["affordable_lots", "free_margin"]

_KEPT: Final = Decimal("0.02")
"""The share of the margin that a fitted order leaves: the mark moves until it fills."""


def free_margin(shadow: Shadow, settle: str) -> Decimal | None:
    """Cross margin that no position or order uses, in the settle currency.

    Returns:
        Negative when more is in use than there is; None when a mark, a rule or the
        leverage of a resting order's contract is not known.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> free_margin(empty_shadow(Rules()), "USDT")
        Decimal('0')
    """
    account = cross_account(shadow, settle)
    shape = futures_shape(account, shadow.rules.contracts)
    total = measure(shape, shadow.futures_marks).total_margin
    used = funds_used(account, _terms(shadow, account))
    return None if total is None or used is None else total - used


def _terms(shadow: Shadow, account: FuturesAccount) -> Iterator[ContractTerms]:
    """The contracts with their marks; an order without a position counts in full."""
    leverages = {each.symbol: ONE for each in account.orders}
    leverages |= {each.symbol: each.leverage for each in account.positions}
    for symbol, leverage in sorted(leverages.items()):
        rules = shadow.rules.contracts.get(symbol)
        mark = shadow.futures_marks.get(symbol)
        if rules is not None and mark is not None and leverage > 0:
            yield ContractTerms(rules=rules, mark=mark, leverage=leverage)


def affordable_lots(shadow: Shadow, order: PlaceOrder) -> Decimal:
    """The most lots of an opening futures order that the free margin carries.

    Args:
        shadow: The account.
        order: On futures; its quantity is the most that is wanted.

    Returns:
        Whole steps of the contract, at most the order's own; zero where nothing is
        free or a number that is needed is not known.
    """
    contract = shadow.rules.contracts.get(order.symbol)
    if contract is None or order.account != FUTURES:
        return ZERO
    step = Decimal(contract.lot_size)
    low, high = 0, int(order.qty / step)
    while low < high:
        middle = (low + high + 1) // 2
        if _carries(shadow, replace(order, qty=middle * step), contract.settle):
            low = middle
        else:
            high = middle - 1
    return low * step


def _carries(shadow: Shadow, order: PlaceOrder, settle: str) -> bool:
    try:
        after = project(shadow, order)
    except UnknownPriceError:
        return False
    kept = shadow.balance(FUTURES, settle).total * _KEPT
    free = free_margin(after, settle)
    return free is not None and free >= kept
