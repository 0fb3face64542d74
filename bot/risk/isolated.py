"""Isolated futures positions by the rules that hold since 22 May 2025.

Margin rate = maintenance over (position margin + unrealised profit), liquidation
at 1; maintenance = mark value x (MMR + 0.06 % liquidation fee); expected funding is
no part of it any more. The position's own margin plays the part that the wallet
plays in cross mode, so an isolated position *is* a one-position ``FuturesShape`` and
shares its exact solvers. Nothing here may look at the wallet.

Source: KuCoin's notice of May 2025 with its supplement; every formula prints
KuCoin's own positions to their last digit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.accounts import Position
from bot.domain.instruments import ContractRules, RiskTier
from bot.domain.money import ONE, ZERO
from bot.risk.cross_price import bankruptcy_price, price_at_level
from bot.risk.futures import unrealised_pnl
from bot.risk.futures_shape import BookShape, FuturesShape
from bot.risk.margin import INFINITY
from bot.risk.missing import Missing, MissingKind

__all__ = [
    "LIQUIDATION_FEE_RATE",
    "IsolatedNumbers",
    "held_rate",
    "insurance_page_liquidation_price",
    "isolated_numbers",
    "isolated_order_cost",
    "isolated_shape",
    "ladder_cut",
    "tier_for",
]


LIQUIDATION_FEE_RATE: Final = Decimal("0.0006")
"""KuCoin's ``liqFeeRate``, the same in every position that it prints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolatedNumbers:
    """The numbers of one isolated position, in settle currency.

    ``maintenance_margin`` holds the liquidation fee (KuCoin's ``posMaint``).
    ``leverage`` is the effective one. Prices are unrounded, None where no
    positive price does it.
    """

    value: Decimal
    unrealised_pnl: Decimal
    maintenance_margin_rate: Decimal
    maintenance_margin: Decimal
    margin_rate: Decimal
    leverage: Decimal
    bankruptcy_price: Decimal | None
    liquidation_price: Decimal | None


def tier_for(tiers: Sequence[RiskTier], value: Decimal) -> RiskTier | None:
    """The lowest tier that admits a position value; the last one beyond all.

    Example:
        >>> tiers = [
        ...     RiskTier(max_notional=Decimal(size), max_leverage=Decimal(1),
        ...              initial_margin_rate=Decimal(rate) * 2,
        ...              maintenance_margin_rate=Decimal(rate))
        ...     for size, rate in ((100, "0.004"), (500, "0.005"))
        ... ]
        >>> tier_for(tiers, Decimal(100)).maintenance_margin_rate
        Decimal('0.004')
    """
    ordered = sorted(tiers, key=lambda each: each.max_notional)
    for tier in ordered:
        if value <= tier.max_notional:
            return tier
    return ordered[-1] if ordered else None


def isolated_shape(
    rules: ContractRules,
    position: Position,
    maintenance_margin_rate: Decimal | None = None,
) -> FuturesShape:
    """An isolated position as an account of its own, for prices and distances.

    Its risk rate is the position's margin rate.

    Args:
        rules: The contract.
        position: With its ``margin`` (without unrealised profit).
        maintenance_margin_rate: The MMR to take; else ``held_rate`` at the entry
            value. With none of them the shape names its curve as missing.
    """
    lots = Decimal(position.lots)
    if maintenance_margin_rate is None:
        maintenance_margin_rate = held_rate(rules, position, abs(position.entry_value))
    is_known = maintenance_margin_rate is not None
    book = BookShape(
        key=position.key,
        base=rules.base,
        is_inverse=rules.is_inverse,
        multiplier=rules.multiplier,
        lots=lots,
        entry_value=position.entry_value,
        worst_lots=abs(lots),
        opening_lots=ZERO,
        taker_fee_rate=LIQUIDATION_FEE_RATE,
        position_rate=maintenance_margin_rate,
        worst_rate=maintenance_margin_rate,
    )
    return FuturesShape(
        settle=rules.settle,
        cross_wallet=position.margin,
        books=(book,) if lots else (),
        missing=() if is_known else (Missing(MissingKind.CURVE, rules.symbol),),
    )


def isolated_numbers(
    rules: ContractRules,
    position: Position,
    mark: Decimal,
    maintenance_margin_rate: Decimal | None = None,
) -> IsolatedNumbers | None:
    """Every number of an isolated position at a mark price.

    Args:
        rules: The contract.
        position: With its ``margin`` (without unrealised profit).
        mark: Its mark price, positive.
        maintenance_margin_rate: The MMR to take; else ``held_rate`` at the larger
            of entry and mark value.

    Returns:
        The numbers, or None for no lots, no positive mark or no known MMR.

    Example:
        KuCoin's short of 0.001 BTC at 68 094.2 with 2.35897317 USDT of margin.

        >>> from bot.domain.instruments import Lots
        >>> from bot.risk.examples import XBTUSDTM
        >>> numbers = isolated_numbers(
        ...     XBTUSDTM,
        ...     Position(symbol="XBTUSDTM", lots=Lots(-1),
        ...              entry_value=Decimal("-68.0942"),
        ...              margin=Decimal("2.35897317")),
        ...     Decimal("66954.6"),
        ... )
        >>> numbers.maintenance_margin, round(numbers.liquidation_price, 7)
        (Decimal('0.30799116'), Decimal('70130.5725363'))
        >>> round(numbers.leverage, 10)
        Decimal('19.1376874933')
    """
    if mark <= 0:
        return None
    value = abs(rules.value(Decimal(position.lots), mark))
    rate = maintenance_margin_rate
    if rate is None:
        rate = held_rate(rules, position, max(value, abs(position.entry_value)))
    if rate is None or value == 0:
        return None
    shape = isolated_shape(rules, position, rate)
    pnl = unrealised_pnl(rules, position, mark)
    equity = position.margin + pnl
    maintenance = value * (rate + LIQUIDATION_FEE_RATE)
    return IsolatedNumbers(
        value=value,
        unrealised_pnl=pnl,
        maintenance_margin_rate=rate,
        maintenance_margin=maintenance,
        margin_rate=maintenance / equity if equity > 0 else INFINITY,
        leverage=value / equity if equity > 0 else INFINITY,
        bankruptcy_price=bankruptcy_price(shape, {}, position.symbol),
        liquidation_price=price_at_level(shape, {}, position.symbol, ONE),
    )


def held_rate(
    rules: ContractRules, position: Position, value: Decimal
) -> Decimal | None:
    """The MMR of an isolated position at a value, without fee; None is unknown.

    What the exchange states of the position, but never less than its tier asks for:
    a statement is of the value it was made at. Without tiers the statement alone,
    without a statement the tier, without both the contract's rate.

    Example:
        A stated rate of 10 % is that of the position, whatever the contract says.

        >>> from bot.risk.examples import XBTUSDTM
        >>> from bot.domain.instruments import Lots
        >>> held = Position(symbol="XBTUSDTM", lots=Lots(1), entry_value=Decimal(60),
        ...                 maintenance_margin_rate=Decimal("0.1"))
        >>> held_rate(XBTUSDTM, held, Decimal(60))
        Decimal('0.1')
    """
    stated = position.maintenance_margin_rate
    tier = tier_for(rules.tiers, value)
    if tier is None:
        return rules.maintenance_margin_rate if stated is None else stated
    table = tier.maintenance_margin_rate
    return table if stated is None else max(table, stated)


def isolated_order_cost(
    value: Decimal, leverage: Decimal, taker_fee_rate: Decimal
) -> Decimal:
    """What an isolated order holds: ``value x (1 / leverage + taker)``.

    Source: KuCoin help 48142946141513.

    Example:
        >>> isolated_order_cost(Decimal(50), Decimal(10), Decimal("0.0006"))
        Decimal('5.0300')
    """
    return value * (ONE / leverage + taker_fee_rate)


def ladder_cut(tiers: Sequence[RiskTier], value: Decimal) -> Decimal:
    """The value that a liquidation sells first: down to the next lower tier.

    In the lowest tier the whole position goes, above the highest as much as leads
    to the last tier's limit. Source: KuCoin blog on risk limit levels.

    Example:
        2 500 000 in the tier above 2 000 000: 500 000 goes.

        >>> tiers = [
        ...     RiskTier(max_notional=Decimal(size), max_leverage=Decimal(1),
        ...              initial_margin_rate=Decimal(1),
        ...              maintenance_margin_rate=Decimal("0.5"))
        ...     for size in (1_000_000, 2_000_000, 3_000_000)
        ... ]
        >>> ladder_cut(tiers, Decimal(2_500_000))
        Decimal('500000')
    """
    lower = [tier.max_notional for tier in tiers if tier.max_notional < value]
    return value - max(lower) if lower else value


def insurance_page_liquidation_price(
    entry: Decimal, side: int, leverage: Decimal, maintenance_margin_rate: Decimal
) -> Decimal:
    """KuCoin's simplified figure without fees: ``entry x (1 - side x (1/L - MMR))``.

    For reading KuCoin's insurance page only; ``isolated_numbers`` has the rule.

    Example:
        >>> insurance_page_liquidation_price(
        ...     Decimal(40000), 1, Decimal(40), Decimal("0.004"))
        Decimal('39160.000')
    """
    return entry * (1 - side * (ONE / leverage - maintenance_margin_rate))
