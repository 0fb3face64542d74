"""How much more may be borrowed, and how much may leave a margin account.

Since 15 September 2025 KuCoin values collateral by tiers for these two questions
alone: each slice of a coin's USDT value counts with the tier's ratio. The debt
ratio never uses them. Prices here are in USDT because the tiers are.

Source: notice of 12 September 2025 and help page "Collateral Haircuts"; the
formula of the maximum was derived from five printed figures (MB-1 to MB-5).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.accounts import Balance
from bot.domain.instruments import CollateralTier, MarginCoinRules
from bot.domain.money import ZERO, floor_to
from bot.risk.missing import Missing, MissingKind

__all__ = [
    "TRANSFER_OUT_DEBT_RATIO",
    "Collateral",
    "borrow_room",
    "collateral_of",
    "max_borrow",
    "tiered_value",
    "transfer_room",
    "transferable_out",
]

TRANSFER_OUT_DEBT_RATIO: Final = Decimal("0.60")
"""Coins may leave while debt over collateral is at or below this."""


def tiered_value(value: Decimal, tiers: Iterable[CollateralTier]) -> Decimal:
    """The part of a coin's USDT value that counts as collateral.

    What lies above the last tier, or in a gap between two tiers, counts nothing
    (KuCoin is silent; this is the lower figure). A value below zero counts whole.

    Example:
        260 000 USDT of a coin (KuCoin's help page, vector MB-7).

        >>> steps = ["0 50000 1", "50000 100000 .8", "100000 200000 .7"]
        >>> steps += ["200000 500000 .5"]
        >>> tiers = [
        ...     CollateralTier(lower=Decimal(a), upper=Decimal(b), ratio=Decimal(c))
        ...     for a, b, c in (step.split() for step in steps)
        ... ]
        >>> tiered_value(Decimal(260000), tiers)
        Decimal('190000.0')
    """
    if value <= 0:
        return value
    counted = ZERO
    for tier in tiers:
        slice_value = min(value, tier.upper) - tier.lower
        if slice_value > 0:
            counted += slice_value * tier.ratio
    return counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Collateral:
    """The collateral and the debt of a whole account, in USDT; None is unknown."""

    value: Decimal | None
    debt: Decimal | None
    missing: tuple[Missing, ...] = ()


def collateral_of(
    balances: Mapping[str, Balance],
    prices: Mapping[str, Decimal],
    tiers: Mapping[str, tuple[CollateralTier, ...]] | None = None,
) -> Collateral:
    """Value an account for borrowing and for transfers out.

    Args:
        balances: Coin to what is owned and owed.
        prices: Coin to its USDT price; zero or less is no price.
        tiers: Coin to its tiers. None values every coin whole, as KuCoin did
            before the tiers (vectors MB-1 to MB-5). When tiers are given, a held
            coin that is not among them is missing, not whole.

    Example:
        >>> whole = collateral_of(
        ...     {"USDT": Balance(total=Decimal(5), principal=Decimal(1))},
        ...     {"USDT": Decimal(1)},
        ... )
        >>> whole.value, whole.debt
        (Decimal('5'), Decimal('1'))
    """
    value = debt = ZERO
    missing: list[Missing] = []
    has_value = has_debt = True
    for coin, balance in balances.items():
        if not balance.total and not balance.liability:
            continue
        price = prices.get(coin)
        if price is None or price <= 0:
            missing.append(Missing(MissingKind.PRICE, coin))
            has_value = has_value and not balance.total
            has_debt = has_debt and not balance.liability
            continue
        debt += balance.liability * price
        held = balance.total * price
        if tiers is None:
            value += held
        elif coin in tiers:
            value += tiered_value(held, tiers[coin])
        elif held:
            missing.append(Missing(MissingKind.TIERS, coin))
            has_value = False
    return Collateral(
        value=value if has_value else None,
        debt=debt if has_debt else None,
        missing=tuple(missing),
    )


def borrow_room(collateral: Collateral, leverage: Decimal) -> Decimal | None:
    """The USDT value that may still be borrowed at a leverage, before coin limits.

    ``(leverage - 1) x (value - debt) - debt``, never below zero. None when the
    collateral is not known.

    Example:
        KuCoin's own snapshot: 4.97047372 USDT, owing 0.00038891, 10x (MB-4).

        >>> borrow_room(
        ...     Collateral(value=Decimal("4.97047372"), debt=Decimal("0.00038891")),
        ...     Decimal(10),
        ... )
        Decimal('44.73037438')
    """
    if collateral.value is None or collateral.debt is None:
        return None
    equity = collateral.value - collateral.debt
    return max((leverage - 1) * equity - collateral.debt, ZERO)


def max_borrow(
    room: Decimal, price: Decimal, liability: Decimal, rules: MarginCoinRules
) -> Decimal | None:
    """The coins that may still be borrowed, as the exchange would print it.

    ``min(room / price, borrow_max - liability)``, floored to the coin's unit,
    and zero when that is under the smallest loan or borrowing is off.

    Args:
        room: USDT value from ``borrow_room``.
        price: USDT price of the coin, positive.
        liability: Coins already owed, interest included.
        rules: The coin's limits.

    Returns:
        Coins, or None when borrowing is on but a limit or the unit is not known.

    Example:
        >>> rules = MarginCoinRules(
        ...     coin="USDT", coefficient=Decimal(1), borrow_min=Decimal(10),
        ...     borrow_unit=Decimal(1), borrow_max=Decimal(100000),
        ... )
        >>> max_borrow(Decimal("163.4593488"), Decimal(1), Decimal(0), rules)
        Decimal('163')
    """
    if not rules.borrow_enabled:
        return ZERO
    limit, unit, smallest = rules.borrow_max, rules.borrow_unit, rules.borrow_min
    if limit is None or unit is None or smallest is None or unit <= 0:
        return None
    if price <= 0:
        raise ValueError(f"price of {rules.coin} must be positive, was {price}")
    wanted = min(room / price, limit - liability)
    if wanted < smallest or wanted <= 0:
        return ZERO
    amount = floor_to(wanted, unit)
    return amount if amount >= smallest else ZERO


def transfer_room(collateral: Collateral) -> Decimal | None:
    """The collateral value (USDT) that may leave under the 60 % rule.

    ``value - debt / 0.60``, never below zero; the whole value without debt.

    Example:
        >>> transfer_room(Collateral(value=Decimal(100), debt=Decimal(30)))
        Decimal('50')
    """
    if collateral.value is None or collateral.debt is None:
        return None
    if collateral.debt == 0:
        return max(collateral.value, ZERO)
    return max(collateral.value - collateral.debt / TRANSFER_OUT_DEBT_RATIO, ZERO)


def transferable_out(
    collateral: Collateral,
    balance: Balance,
    price: Decimal,
    tiers: Iterable[CollateralTier] | None = None,
) -> Decimal | None:
    """How many coins of one kind may leave the account, unrounded.

    Coins leave from the top tier downward, so a slice that counts nothing may
    leave freely, unless the account already is over 60 %: then nothing leaves.
    Never more than is available.

    Args:
        collateral: The whole account, from ``collateral_of``.
        balance: What is owned of the coin.
        price: USDT price of the coin.
        tiers: The coin's tiers; None when every coin counts whole.

    Example:
        Own 1 coin worth 100 USDT, owe 30: half of it may go.

        >>> account = Collateral(value=Decimal(100), debt=Decimal(30))
        >>> transferable_out(account, Balance(total=Decimal(1)), Decimal(100))
        Decimal('0.5')
    """
    room = transfer_room(collateral)
    if room is None or collateral.value is None or collateral.debt is None:
        return None
    available = max(balance.available, ZERO)
    if collateral.debt == 0:
        return available
    is_over = collateral.debt > collateral.value * TRANSFER_OUT_DEBT_RATIO
    if is_over or price <= 0:
        return ZERO
    value = balance.total * price
    leaving = room if tiers is None else _value_out(value, room, tuple(tiers))
    return min(leaving / price, available)


def _value_out(
    value: Decimal, room: Decimal, tiers: tuple[CollateralTier, ...]
) -> Decimal:
    """The most value that can be taken off the top for ``room`` of collateral."""
    floor = value
    left = room
    for tier in sorted(tiers, key=lambda each: each.lower, reverse=True):
        if tier.lower >= floor:
            continue
        top = min(floor, tier.upper)
        counted = (top - tier.lower) * tier.ratio
        if counted > left:
            return value - (top - left / tier.ratio)
        left -= counted
        floor = tier.lower
    return value
