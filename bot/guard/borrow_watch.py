"""What changes about loans that are owed: said once, as a note of the journal.

A rate that jumped, a stock that shrinks towards what would have to be borrowed anew,
and a debt that comes near the exchange's own cap. Each is a crossing of two states,
so nothing is said twice for standing still, and a coin that is not owed is no news.
Nothing here proposes anything: auto-repay ranks loans by the same rates by itself.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from bot.domain.accounts import MARGIN_CROSS, AccountId, isolated_pair
from bot.domain.entries import Noted
from bot.domain.events import BorrowRateQuoted
from bot.domain.interest import hourly_rate
from bot.domain.money import ZERO, plain
from bot.shadow.state import Shadow

__all__ = ["BORROW_TOPIC", "borrow_notes"]

BORROW_TOPIC: Final = "borrow watch"
"""The topic of what changed about a loan that is owed."""

_JUMP: Final = Decimal("1.5")
"""A rate that is this many times the one before has jumped."""
_JUMP_LEAST: Final = Decimal("0.01")
"""A year: a smaller rise is none, however small the rate was."""
_STOCK_LEVELS: Final = (Decimal(10), Decimal(3), Decimal(1))
"""Stock in multiples of what is owed: falling through one of them is news."""
_CAP_SHARE: Final = Decimal("0.8")


def borrow_notes(before: Shadow, after: Shadow) -> list[Noted]:
    """The rows for what became worse between two states of the same account."""
    if before.borrow is after.borrow and before.balances is after.balances:
        return []
    notes: list[Noted] = []
    owed = _owed(after)
    for coin in sorted(owed):
        was, now = before.borrow.get(coin), after.borrow.get(coin)
        if was is not None and now is not None and was is not now:
            notes += _jumped(coin, owed[coin], was, now)
            notes += _shrunk(coin, owed[coin], was, now)
    if before.balances is not after.balances:
        notes += _capped(before, after)
    return notes


def _owed(shadow: Shadow) -> dict[str, Decimal]:
    """Coins owed over all margin accounts."""
    found: dict[str, Decimal] = {}
    for account, coins in shadow.balances.items():
        if account != MARGIN_CROSS and isolated_pair(account) is None:
            continue
        for coin, held in coins.items():
            if held.liability > 0:
                found[coin] = found.get(coin, ZERO) + held.liability
    return found


def _jumped(
    coin: str, owed: Decimal, was: BorrowRateQuoted, now: BorrowRateQuoted
) -> Iterator[Noted]:
    old, new = was.annual_rate, now.annual_rate
    if new >= _JUMP * old and new - old >= _JUMP_LEAST:
        more = owed * hourly_rate(new - old)
        yield Noted(
            topic=BORROW_TOPIC,
            text=(
                f"borrowing {coin} costs {new:.1%} a year, it was {old:.1%}; the "
                f"{plain(owed)} owed cost {more:.8f} {coin} an hour more: repay, or "
                "close what needs the loan"
            ),
            inputs={"coin": coin, "annual_rate": plain(new), "before": plain(old)},
        )


def _shrunk(
    coin: str, owed: Decimal, was: BorrowRateQuoted, now: BorrowRateQuoted
) -> Iterator[Noted]:
    if was.available is None or now.available is None:
        return
    passed = [
        level
        for level in _STOCK_LEVELS
        if was.available >= level * owed > now.available
    ]
    if passed:
        yield Noted(
            topic=BORROW_TOPIC,
            text=(
                f"the exchange has {plain(now.available)} {coin} left to lend, under "
                f"{plain(passed[-1])} times the {plain(owed)} owed: what is repaid now "
                "may not be had again"
            ),
            inputs={
                "coin": coin,
                "available": plain(now.available),
                "before": plain(was.available),
            },
        )


def _capped(before: Shadow, after: Shadow) -> Iterator[Noted]:
    """Debts that came to four fifths of the most that may be borrowed."""
    for account, coins in sorted(after.balances.items()):
        for coin, held in sorted(coins.items()):
            cap = _cap(after, account, coin)
            if cap is None or not cap:
                continue
            was, near = before.balance(account, coin).principal, cap * _CAP_SHARE
            if was < near <= held.principal:
                yield Noted(
                    topic=BORROW_TOPIC,
                    text=(
                        f"{account} has borrowed {plain(held.principal)} {coin} of at "
                        f"most {plain(cap)}: little more can be had"
                    ),
                    inputs={"coin": coin, "cap": plain(cap)},
                )


def _cap(shadow: Shadow, account: AccountId, coin: str) -> Decimal | None:
    """The exchange's limit of a loan; None where there is none or it is not known."""
    if account == MARGIN_CROSS:
        rules = shadow.rules.margin_coins.get(coin)
        return None if rules is None else rules.borrow_max
    pair = shadow.rules.isolated_pairs.get(isolated_pair(account) or "")
    if pair is None:
        return None
    rules = pair.base_rules if coin == pair.base else pair.quote_rules
    return rules.borrow_max
