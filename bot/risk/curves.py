"""The margin curves of cross futures: rates that grow smoothly with size.

``size`` is what ``ContractRules.curve_size`` counts: base coins for linear and
lots for inverse contracts (proven by KuCoin's figures for linear, inferred from
its parameters for inverse), never negative. A function answers None when the
contract lacks a parameter; a rate is never guessed.

Sources: KuCoin help pages 35084240398361 (size) and 35084093025049 (margin), and
its figures of ``batchGetCrossOrderLimit``, which these formulas print exactly.
``initial_rate``'s maximum and the cap of ``maintenance_rate`` are read from field
names; both raise the margin, so they are the conservative reading. Nothing here
may know an account.
"""

from decimal import Decimal, localcontext
from typing import Final

from bot.domain.instruments import ContractRules
from bot.domain.money import ONE, ZERO

__all__ = [
    "initial_rate",
    "initial_rate_crossover",
    "maintenance_limit_size",
    "maintenance_rate",
    "margin_for_size",
    "max_open_lots",
    "max_open_size",
]

_GUARD_PRECISION: Final = 50
"""Digits for logarithm and exponential, so that 28 of them are right."""


def maintenance_rate(rules: ContractRules, size: Decimal) -> Decimal | None:
    """MMR of a size: ``min(limit, (1 + size / m) / (2 x constant))``.

    Example:
        >>> from bot.risk.examples import XBTUSDTM
        >>> maintenance_rate(XBTUSDTM, Decimal("12.102"))
        Decimal('0.00416136')
    """
    m, constant, limit = rules.m, rules.mmr_lev_constant, rules.mmr_limit
    if m is None or constant is None or limit is None or m <= 0 or constant <= 0:
        return None
    return min(limit, (1 + size / m) / (2 * constant))


def initial_rate(
    rules: ContractRules, size: Decimal, leverage: Decimal
) -> Decimal | None:
    """IMR of a size at a leverage: ``max(1 / leverage, f x MMR(size))``.

    Example:
        >>> from bot.risk.examples import XBTUSDTM
        >>> initial_rate(XBTUSDTM, Decimal("12.102"), Decimal(125))
        Decimal('0.008')
    """
    maintenance = maintenance_rate(rules, size)
    if maintenance is None or rules.f is None:
        return None
    return max(ONE / leverage, rules.f * maintenance)


def maintenance_limit_size(rules: ContractRules) -> Decimal | None:
    """The size at which MMR reaches its limit: ``m x (2 x constant x limit - 1)``.

    Example:
        >>> from bot.risk.examples import XBTUSDTM
        >>> maintenance_limit_size(XBTUSDTM)
        Decimal('22200.0')
    """
    m, constant, limit = rules.m, rules.mmr_lev_constant, rules.mmr_limit
    if m is None or constant is None or limit is None:
        return None
    return max(m * (2 * constant * limit - 1), ZERO)


def initial_rate_crossover(rules: ContractRules, leverage: Decimal) -> Decimal | None:
    """The size above which ``f x MMR`` and no longer ``1 / leverage`` sets the IMR.

    ``m x (2 x constant / (f x leverage) - 1)``, zero when it always does. None
    also when the limit of MMR keeps ``f x MMR`` below ``1 / leverage`` for ever.

    Example:
        >>> from bot.risk.examples import XBTUSDTM
        >>> round(initial_rate_crossover(XBTUSDTM, Decimal(125)), 3)
        Decimal('161.538')
    """
    m, constant, limit, f = rules.m, rules.mmr_lev_constant, rules.mmr_limit, rules.f
    if m is None or constant is None or limit is None or f is None:
        return None
    if f * limit * leverage < 1:
        return None
    return max(m * (2 * constant / (f * leverage) - 1), ZERO)


def max_open_size(
    rules: ContractRules, price: Decimal, leverage: Decimal, funds: Decimal
) -> Decimal | None:
    """The size that can be opened from flat with ``funds``, unrounded.

    Linear, in coins: ``k x ln(1 + funds x leverage / (price x k))``. Inverse, in
    lots: ``k x ln(1 + funds x leverage x price / (multiplier x k))``. Funds below
    zero count as zero. The price carries no fee (KuCoin's own figures do not);
    give ``price x (1 + taker x leverage)`` to leave room for one.

    Args:
        rules: The contract.
        price: About the order's price.
        leverage: The symbol's leverage.
        funds: Total cross margin less what other contracts use, settle currency.

    Example:
        KuCoin's help page: 100 000 USDT at 10x and 60 000 opens 16.39 BTC.

        >>> from bot.risk.examples import XBTUSDTM
        >>> round(max_open_size(XBTUSDTM, Decimal(60000), Decimal(10),
        ...                     Decimal(100000)), 10)
        Decimal('16.3894876931')
    """
    k = rules.k
    if k is None or k <= 0:
        return None
    with localcontext() as context:
        context.prec = _GUARD_PRECISION
        worth = max(funds, ZERO) * leverage / (_unit_value(rules, price) * k)
        size = k * (1 + worth).ln()
    return +size


def margin_for_size(
    rules: ContractRules, price: Decimal, leverage: Decimal, size: Decimal
) -> Decimal | None:
    """The funds needed to open ``size`` from flat, the inverse of ``max_open_size``.

    ``(k x unit value / leverage) x (exp(size / k) - 1)`` in settle currency; the
    unit is a coin (linear) or a lot (inverse).

    Example:
        >>> from bot.risk.examples import XBTUSDTM
        >>> round(margin_for_size(XBTUSDTM, Decimal(60000), Decimal(10),
        ...                       Decimal("16.38948769309466")), 6)
        Decimal('100000.000000')
    """
    k = rules.k
    if k is None or k <= 0:
        return None
    with localcontext() as context:
        context.prec = _GUARD_PRECISION
        needed = k * _unit_value(rules, price) / leverage * ((size / k).exp() - 1)
    return +needed


def _unit_value(rules: ContractRules, price: Decimal) -> Decimal:
    """Settle currency for one unit of the curve: a coin, or a lot if inverse."""
    return rules.multiplier / price if rules.is_inverse else price


def max_open_lots(
    rules: ContractRules,
    price: Decimal,
    leverage: Decimal,
    funds: Decimal,
    held_lots: int = 0,
) -> int | None:
    """Whole lots that can still be opened on one side, as the exchange prints it.

    ``max_open_size`` floored to lots, less ``held_lots`` (position and orders of
    the same side count positive, an opposite position negative), within the
    largest order and the contract's ``cross_risk_limit`` on the resulting
    position; never below zero.

    Example:
        KuCoin's ``batchGetCrossOrderLimit``: 10 000 USDT, 125x, 102 012.

        >>> from bot.risk.examples import XBTUSDTM
        >>> max_open_lots(XBTUSDTM, Decimal(102012), Decimal(125), Decimal(10000))
        12102
    """
    size = max_open_size(rules, price, leverage, funds)
    if size is None:
        return None
    unit_lots = ONE if rules.is_inverse else rules.multiplier
    lots = int(size / unit_lots)
    if rules.cross_risk_limit is not None:
        lots = min(lots, int(rules.cross_risk_limit / rules.value(ONE, price)))
    lots = min(lots - held_lots, rules.max_order_lots)
    return max(lots - lots % rules.lot_size, 0)
