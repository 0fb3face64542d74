"""The rules as announcements will have made them, and what is held of a delisting.

A coin that is delisted counts nothing as collateral, here from the time on that the
caller asks for; a contract's announced constants replace those in force. What may
come by a time is judged under both sets of rules by the guard, never here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from bot.domain.accounts import FUTURES, isolated_pair
from bot.domain.announced import Delisting
from bot.domain.instruments import IsolatedPairRules, MarginCoinRules, Rules
from bot.domain.money import ZERO
from bot.risk.subjects import owing_accounts
from bot.shadow.state import Shadow

__all__ = [
    "Announced",
    "announced_rules",
    "coins_out",
    "delistings_of",
    "is_held",
    "without_coins",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """One account that would be worse off under the rules to come.

    ``ratio`` and ``distance`` are those under the rules of now.
    """

    rules: Rules
    ratio: Decimal | None
    distance: Decimal | None

    def on(self, shadow: Shadow) -> Shadow:
        """The shadow under the rules to come."""
        return replace(shadow, rules=self.rules)


def delistings_of(
    shadow: Shadow, own: Iterable[Delisting] = ()
) -> Mapping[str, datetime]:
    """What leaves and when, by coin or contract: the earliest that anybody states.

    Args:
        shadow: With what the exchange stated.
        own: What the settings state.

    Example:
        >>> from bot.shadow.state import empty_shadow
        >>> early = Delisting(datetime(2025, 1, 1), "ABC")
        >>> late = Delisting(datetime(2025, 1, 2), "ABC")
        >>> delistings_of(empty_shadow(Rules(delistings=(late,))), [early])["ABC"].day
        1
    """
    found: dict[str, datetime] = {}
    for each in sorted((*shadow.rules.delistings, *own)):
        found.setdefault(each.name, each.at)
    return found


def is_held(shadow: Shadow, name: str) -> bool:
    """Whether an account that can be liquidated rests on a coin or a contract."""
    rules = shadow.rules.contracts
    for key in shadow.positions:
        contract = rules.get(key.symbol)
        if key.symbol == name or (contract is not None and contract.base == name):
            return True
    accounts = owing_accounts(shadow)
    held = [shadow.balances[account].get(name) for account in accounts]
    return any(each is not None and (each.total or each.liability) for each in held)


def coins_out(leaving: Mapping[str, datetime], by: datetime) -> frozenset[str]:
    """What is gone by a time."""
    return frozenset(name for name, at in leaving.items() if at <= by)


def without_coins(rules: Rules, coins: Iterable[str]) -> Rules:
    """The rules when coins count nothing as collateral; the same where there are none.

    Example:
        >>> without_coins(Rules(), ["ABC"]).margin_coins["ABC"].coefficient
        Decimal('0')
    """
    gone = sorted(set(coins))
    if not gone:
        return rules
    known = rules.margin_coins
    margin_coins = {
        coin: replace(known[coin], coefficient=ZERO)
        if coin in known
        else MarginCoinRules(coin=coin, coefficient=ZERO, borrow_enabled=False)
        for coin in gone
    }
    pairs = {
        symbol: _pair_without(pair, gone)
        for symbol, pair in rules.isolated_pairs.items()
        if pair.base in gone
    }
    return replace(
        rules,
        margin_coins={**known, **margin_coins},
        isolated_pairs={**rules.isolated_pairs, **pairs},
    )


def _pair_without(pair: IsolatedPairRules, gone: Iterable[str]) -> IsolatedPairRules:
    base = pair.base_rules
    if pair.base in gone:
        base = replace(base, coefficient=ZERO)
    return replace(pair, base_rules=base)


def announced_rules(
    shadow: Shadow, out: Iterable[str], changes_by: datetime
) -> Rules | None:
    """The rules to come, where they matter to what is held; None where none do.

    Args:
        shadow: The account, and what the exchange announced.
        out: Coins that are to count nothing.
        changes_by: Changes of contracts until then are in.
    """
    rules, due = shadow.rules, shadow.rules_change_at
    if due is not None and due <= changes_by:
        symbols = {key.symbol for key in shadow.positions}
        symbols |= {o.symbol for o in shadow.orders.values() if o.account == FUTURES}
        told = [rules.contracts[s].announced for s in symbols if s in rules.contracts]
        if any(each is not None and each.at <= changes_by for each in told):
            rules = rules.as_of(changes_by)
    rules = without_coins(rules, _counting(shadow, out))
    return None if rules is shadow.rules else rules


def _counting(shadow: Shadow, coins: Iterable[str]) -> set[str]:
    """Those of the coins that an account which owes something holds."""
    found = set[str]()
    for account in owing_accounts(shadow):
        held = shadow.balances[account]
        pair = isolated_pair(account)
        found |= {
            coin
            for coin in coins
            if (own := held.get(coin)) is not None
            and own.total
            and (pair is None or pair.startswith(f"{coin}-"))
        }
    return found
