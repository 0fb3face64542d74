"""Whether the marks that an intent is measured with are fresh and believed.

Only new risk is held to it: a reduction goes on whatever is old. Nothing here
approves anything.
"""

from collections.abc import Sequence
from datetime import timedelta

from bot.domain.accounts import FUTURES, MAIN, SPOT, AccountId
from bot.domain.intents import Intent
from bot.risk.jumps import Jumps
from bot.risk.view import touched
from bot.shadow.state import Shadow

__all__ = ["age_sentence"]


def age_sentence(
    shadow: Shadow, intent: Intent, limit: timedelta, jumps: Jumps
) -> str | None:
    """The first mark that is missing, old or not confirmed; None when all are good.

    Args:
        shadow: The account and the marks.
        intent: What is wanted.
        limit: How old a mark may be.
        jumps: Marks that jumped and that nothing has confirmed yet.
    """
    names = _names(shadow, intent)
    for name in names:
        age = shadow.mark_age(name)
        if age is None:
            return f"no mark of {name} is known"
        if age > limit:
            return f"the mark of {name} is {_seconds(age)} old, over {_seconds(limit)}"
    return _jump_sentence(jumps, names)


def _jump_sentence(jumps: Jumps, names: Sequence[str]) -> str | None:
    """The first mark of these that nobody has confirmed after a jump."""
    for quote, jump in jumps.items():
        if quote.name in names:
            return (
                f"the mark of {quote.name} {jump.words}; nothing has confirmed it yet"
            )
    return None


def _names(shadow: Shadow, intent: Intent) -> list[str]:
    """The marks that an intent and the accounts it touches are measured with."""
    names: set[str] = set()
    symbol = getattr(intent, "symbol", None)
    for account, name in touched(shadow.rules, intent):
        if name != symbol or name in shadow.rules.contracts:
            names.add(name)
        names |= _held(shadow, account)
    if "USDT" not in shadow.margin_marks:
        names.discard("USDT")
    return sorted(names)


def _held(shadow: Shadow, account: AccountId) -> set[str]:
    """What an account that can be liquidated holds, owes and has positions in."""
    if account in {MAIN, SPOT}:
        return set()
    coins = shadow.balances.get(account, {})
    names = {c for c, b in coins.items() if b.total or b.liability}
    if account == FUTURES:
        names |= {key.symbol for key in shadow.positions}
    return names


def _seconds(age: timedelta) -> str:
    return f"{age.total_seconds():.0f} s"
