"""What a margin account is weighed with: coefficients, its warning and its limit.

The cross account has one set of levels, each isolated pair its own. Nothing here
computes a ratio.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.accounts import AccountId, isolated_pair
from bot.domain.money import ZERO
from bot.shadow.state import Shadow

__all__ = ["MarginRules", "margin_rules"]


@dataclass(frozen=True, slots=True)
class MarginRules:
    """What a margin account is weighed with: coefficients and its two levels."""

    coefficients: Mapping[str, Decimal] = field(default_factory=dict)
    warning: Decimal = ZERO
    liquidation: Decimal = ZERO


def margin_rules(shadow: Shadow, account: AccountId) -> MarginRules:
    """The coefficients and levels of the cross account or of one pair."""
    rules = shadow.rules
    pair = isolated_pair(account)
    if pair is None:
        weights = {c: r.coefficient for c, r in rules.margin_coins.items()}
        return MarginRules(
            weights,
            rules.margin_warning_debt_ratio,
            rules.margin_liquidation_debt_ratio,
        )
    own = rules.isolated_pairs.get(pair)
    if own is None:
        return MarginRules(
            {}, rules.margin_warning_debt_ratio, rules.margin_liquidation_debt_ratio
        )
    weights = {
        own.base: own.base_rules.coefficient,
        own.quote: own.quote_rules.coefficient,
    }
    limit = own.liquidation_debt_ratio
    return MarginRules(weights, min(rules.margin_warning_debt_ratio, limit), limit)
