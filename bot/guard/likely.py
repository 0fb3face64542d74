"""What the guard would ask for first, told before anything is wrong.

A connector that must read something before a request can read it in quiet times and
have it at hand when the guard acts. Nothing here proposes or decides anything: what
is asked for in the end is the planner's matter.
"""

from decimal import Decimal

from bot.domain.accounts import FUTURES, MAIN, SPOT
from bot.domain.intents import Repay, Transfer
from bot.domain.money import ONE
from bot.shadow.state import Shadow

__all__ = ["likely_cures"]


def likely_cures(shadow: Shadow) -> list[Repay | Transfer]:
    """What the guard would move first: repayments of what lies idle, then the reserve.

    A repayment's amount is all that is owed; other debts come last, the largest first.
    """
    owed: list[tuple[bool, Decimal, Repay]] = []
    targets = [FUTURES] if shadow.positions else []
    for account, coins in sorted(shadow.balances.items()):
        for coin, balance in sorted(coins.items()):
            if balance.liability > 0:
                value = balance.liability * shadow.margin_marks.get(coin, ONE)
                repay = Repay(account=account, coin=coin, amount=balance.liability)
                owed.append((balance.available <= 0, -value, repay))
        if any(balance.liability > 0 for balance in coins.values()):
            targets.append(account)
    reserves = [
        Transfer(source=source, target=target, coin="USDT", amount=idle)
        for source in (MAIN, SPOT)
        if (idle := shadow.balance(source, "USDT").available) > 0
        for target in targets
    ]
    ranked = sorted(owed, key=lambda each: each[:2])
    first = [repay for is_spent, _, repay in ranked if not is_spent]
    return [*first, *reserves, *(repay for spent, _, repay in ranked if spent)]
