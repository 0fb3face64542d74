"""Whether the coins and the margin that a request needs are there.

One sentence with both numbers where they are not: the exchange would refuse such a
request, and it never reaches it. Nothing here approves anything.
"""

from decimal import Decimal

from bot.domain.accounts import FUTURES, AccountId
from bot.domain.intents import Intent, PlaceOrder, Transfer
from bot.domain.money import plain
from bot.guard.doubt import as_if_done
from bot.risk.free_margin import free_margin
from bot.shadow.project import expected_price, project
from bot.shadow.state import Shadow

__all__ = ["funds_objection"]


def funds_objection(shadow: Shadow, intent: Intent) -> str | None:
    """Why the account cannot pay for an intent, in words; None when it can.

    Raises:
        UnknownPriceError: A price or a rule that is needed is not known.

    Example:
        >>> from bot.domain.accounts import FUTURES, MAIN
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> funds_objection(empty_shadow(Rules()), Transfer(
        ...     source=MAIN, target=FUTURES, coin="USDT", amount=Decimal(5)))
        'main has 0 USDT available, 5 is needed'
    """
    match intent:
        case Transfer(source=source, coin=coin, amount=amount):
            return _lacks(shadow, source, coin, amount)
        case PlaceOrder(account=account) if account == FUTURES:
            return _lacks_margin(shadow, intent)
        case PlaceOrder():
            return _lacks_coins(shadow, intent)
        case _:
            return None


def _lacks_coins(shadow: Shadow, order: PlaceOrder) -> str | None:
    """What a spot or margin order has to pay with."""
    rules = shadow.rules.spot.get(order.symbol)
    if rules is None:
        return f"no rules of the pair {order.symbol} are known"
    if order.side.sign < 0:
        return _lacks(shadow, order.account, rules.base, order.qty)
    cost = order.qty * expected_price(shadow, order)
    return _lacks(shadow, order.account, rules.quote, cost)


def _lacks(
    shadow: Shadow, account: AccountId, coin: str, amount: Decimal
) -> str | None:
    available = shadow.balance(account, coin).available
    if amount <= available:
        return None
    return (
        f"{account} has {plain(available)} {coin} available, {plain(amount)} is needed"
    )


def _lacks_margin(shadow: Shadow, order: PlaceOrder) -> str | None:
    """The initial margin of a futures order, beside what is on its way already.

    What only closes needs none.
    """
    contract = shadow.rules.contracts.get(order.symbol)
    if contract is None:
        return f"no rules of the contract {order.symbol} are known"
    begun = as_if_done(shadow)
    before = free_margin(begun, contract.settle)
    after = free_margin(project(begun, order), contract.settle)
    if before is None or after is None:
        return f"the free {contract.settle} margin of futures is unknown"
    if after >= 0 or after >= before:
        return None
    return (
        f"futures has {before:.2f} {contract.settle} of margin free, "
        f"{before - after:.2f} is needed"
    )
