"""A margin account after a reduction *and* the repayment that follows it.

A sale alone leaves a debt ratio as it was: the coins became cash, and the debt is
still there. The cure is the sale, then the repayment; so a reduction is sized on the
account after both. This is a forecast for sizing, never a booking.
"""

from dataclasses import replace
from decimal import Decimal

from bot.domain.accounts import AccountId, Balance
from bot.domain.intents import Repay
from bot.domain.money import ONE, ZERO
from bot.shadow.project import project
from bot.shadow.state import Shadow

__all__ = ["paid_down"]


def paid_down(before: Shadow, after: Shadow, account: AccountId) -> Shadow:
    """``after`` with everything that was gained since ``before`` put against debt.

    A gained coin repays what is owed of itself; cash that is over buys back other
    owed coins at their marks.

    Args:
        before: The account before the reduction.
        after: The same account after it.
        account: The margin account that traded.
    """
    were, now = before.balances.get(account, {}), after.balances.get(account, {})
    for coin in sorted(c for c, held in now.items() if held is not were.get(c)):
        held = after.balance(account, coin)
        gained = held.total - before.balance(account, coin).total
        amount = min(gained, held.liability)
        if amount > 0:
            after = project(after, Repay(account=account, coin=coin, amount=amount))
        if coin == "USDT" and gained > amount:
            after = _bought_back(after, account, gained - max(amount, ZERO))
    return after


def _bought_back(shadow: Shadow, account: AccountId, cash: Decimal) -> Shadow:
    """The account with ``cash`` USDT turned into less debt in other coins."""
    coins = dict(shadow.balances[account])
    dollar = shadow.margin_marks.get("USDT", ONE)
    for coin in sorted(coins):
        owed, mark = coins[coin].liability, shadow.margin_marks.get(coin, ZERO)
        if coin == "USDT" or owed <= 0 or mark <= 0 or dollar <= 0:
            continue
        qty = min(owed, cash * dollar / mark)
        cash -= qty * mark / dollar
        coins[coin] = _owing_less(coins[coin], qty)
        usdt = coins["USDT"]
        coins["USDT"] = replace(usdt, total=usdt.total - qty * mark / dollar)
    return replace(shadow, balances={**shadow.balances, account: coins})


def _owing_less(balance: Balance, qty: Decimal) -> Balance:
    interest = min(qty, balance.interest)
    return replace(
        balance,
        interest=balance.interest - interest,
        principal=balance.principal - (qty - interest),
    )
