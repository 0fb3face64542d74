"""Which extreme of a bar hurts an account more, coin by coin.

Inside a recorded bar nobody knows whether the high or the low came first. The
adverse one is taken first, by the starting account, once and for all: this module
must not look at any later state, or the guard would change the market.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from bot.domain.accounts import AccountSnapshot
from bot.domain.instruments import Rules
from bot.domain.market import PathOrder
from bot.domain.money import ZERO
from bot.risk.exposures import net_exposures
from bot.shadow.state import empty_shadow

__all__ = ["adverse_first"]


def adverse_first(
    opening: AccountSnapshot, rules: Rules, marks: Mapping[str, Decimal]
) -> dict[str, PathOrder]:
    """The adverse extreme of every bar first, by the starting account.

    A coin that the account is net long gets its lows first, one it is short its
    highs; a coin it does not hold follows the sign of the whole account.

    Args:
        opening: The account at the start.
        rules: What its contracts are worth in coins.
        marks: USDT a coin at the start; a coin without one weighs nothing.
    """
    shadow = replace(
        empty_shadow(rules),
        balances=opening.balances,
        positions=opening.positions,
        margin_marks=marks,
    )
    nets = net_exposures(shadow)
    whole = sum((qty * marks.get(coin, ZERO) for coin, qty in nets.items()), ZERO)
    coins = sorted({*nets, *marks} - {"USDT"})
    signs = {coin: nets.get(coin, ZERO) or whole for coin in coins}
    return {
        coin: PathOrder.HIGH_FIRST if sign < 0 else PathOrder.LOW_FIRST
        for coin, sign in signs.items()
    }
