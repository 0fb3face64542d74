"""The debt ratio of a spot-margin account, cross or isolated, exactly.

Debt is principal plus interest, assets are ``total`` (holds included), both at
mark price in any one numeraire; each coin of the assets is weighed with its flat
margin coefficient. The tiers of ``bot.risk.collateral`` never enter here: they
only cap borrowing and transfers out. Nothing here may know where a price comes
from.

Source: KuCoin help "Debt Ratio and Liquidation" and the field list of its cross
margin push. That the server divides by the *weighted* assets is read from the
field names and the notice of 12 September 2025; it is the conservative reading,
because weights are at most 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.accounts import Balance
from bot.domain.money import ONE, ZERO
from bot.risk.missing import Missing, MissingKind

__all__ = [
    "INFINITY",
    "IsolatedPairState",
    "MarginNumbers",
    "debt_ratio",
    "isolated_liquidation_price",
    "margin_numbers",
]

INFINITY: Final = Decimal("Infinity")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginNumbers:
    """The four numbers of a margin account, in the numeraire of the prices.

    A number is None when an input that it needs is in ``missing``. A missing
    coefficient makes nothing None: 1 was taken for it, and it is named.
    """

    total_asset: Decimal | None
    weighted_asset: Decimal | None
    total_debt: Decimal | None
    debt_ratio: Decimal | None
    missing: tuple[Missing, ...] = ()


def debt_ratio(total_debt: Decimal, weighted_asset: Decimal) -> Decimal:
    """Debt over weighted assets, a fraction: 0.85 means 85 %.

    Zero when nothing is owed; infinity when something is owed against nothing.
    Assets below zero are a debt that the exchange has not booked yet, so they
    give infinity too.

    Example:
        >>> debt_ratio(Decimal("30600"), Decimal("60000"))
        Decimal('0.51')
        >>> debt_ratio(Decimal(1), Decimal(0))
        Decimal('Infinity')
    """
    if weighted_asset < 0:
        return INFINITY
    if total_debt == 0:
        return ZERO
    if weighted_asset == 0:
        return INFINITY
    return total_debt / weighted_asset


def margin_numbers(
    balances: Mapping[str, Balance],
    prices: Mapping[str, Decimal],
    coefficients: Mapping[str, Decimal],
) -> MarginNumbers:
    """Assets, weighted assets, debt and debt ratio of one margin account.

    Args:
        balances: Coin to what is owned and owed, in coins.
        prices: Coin to its mark price in one numeraire (BTC on KuCoin, BTC itself
            being 1). Zero or less is no price: it must not make a debt vanish.
        coefficients: Coin to its margin coefficient; a held coin that is not
            listed counts with 1 and is named in ``missing``.

    Returns:
        The numbers. Coins with neither total nor debt need no price.

    Example:
        Own 0.00002 BTC and 33.68855864 USDT (KuCoin's printed push, vector WS-1).

        >>> btc, usdt = Decimal("0.00002"), Decimal("33.68855864")
        >>> numbers = margin_numbers(
        ...     {"BTC": Balance(total=btc), "USDT": Balance(total=usdt)},
        ...     {"BTC": Decimal(1), "USDT": Decimal("0.00001497")},
        ...     {"BTC": Decimal(1), "USDT": Decimal(1)},
        ... )
        >>> numbers.total_asset, numbers.debt_ratio
        (Decimal('0.0005243177228408'), Decimal('0'))
    """
    asset = weighted = debt = ZERO
    has_all_assets = has_all_debts = True
    has_debt = has_asset = False
    missing: list[Missing] = []
    for coin, balance in balances.items():
        total, owed = balance.total, balance.principal + balance.interest
        if not total and not owed:
            continue
        has_asset, has_debt = has_asset or bool(total), has_debt or bool(owed)
        price = prices.get(coin)
        if price is None or price <= 0:
            has_all_assets = has_all_assets and not total
            has_all_debts = has_all_debts and not owed
            missing.append(Missing(MissingKind.PRICE, coin))
            continue
        debt += owed * price
        if total:
            value = total * price
            asset += value
            weighted += value * _coefficient(coin, coefficients, missing)
    weighted_asset = weighted if has_all_assets else None
    total_debt = debt if has_all_debts else None
    return MarginNumbers(
        total_asset=asset if has_all_assets else None,
        weighted_asset=weighted_asset,
        total_debt=total_debt,
        debt_ratio=_ratio(
            total_debt if has_debt else ZERO, weighted_asset if has_asset else ZERO
        ),
        missing=tuple(missing),
    )


def _coefficient(
    coin: str, coefficients: Mapping[str, Decimal], missing: list[Missing]
) -> Decimal:
    coefficient = coefficients.get(coin)
    if coefficient is None:
        missing.append(Missing(MissingKind.COEFFICIENT, coin))
        return ONE
    return coefficient


def _ratio(total_debt: Decimal | None, weighted: Decimal | None) -> Decimal | None:
    """The ratio as far as it is known: no debt is 0 even if an asset has no price."""
    if total_debt is not None and weighted is not None:
        return debt_ratio(total_debt, weighted)
    if total_debt is not None and total_debt == 0:
        return ZERO
    if weighted is not None and weighted <= 0:
        return INFINITY
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolatedPairState:
    """The two coins of an isolated pair and what weighs them."""

    base: Balance
    quote: Balance
    base_coefficient: Decimal = ONE
    quote_coefficient: Decimal = ONE


def isolated_liquidation_price(
    pair: IsolatedPairState, liquidation_debt_ratio: Decimal
) -> Decimal | None:
    """The mark price of base in quote at which the pair is liquidated.

    From debt = fl x weighted assets: with ``a = quote_liability - fl x quote`` and
    ``d = base_liability - fl x base`` (both weighed) the pair is over its limit
    where ``a + d x price >= 0``, so the price is ``-a / d``. Derived from the
    ratio's definition; KuCoin publishes no formula of its own.

    Args:
        pair: What is owned and owed of both coins.
        liquidation_debt_ratio: The pair's own limit (``fl``), 0.97 for most.

    Returns:
        A positive price: a long is liquidated at or below it, a short at or
        above it. None when no price is the border: nothing is owed, or the quote
        alone covers the debt at any price, or the pair is over its limit at
        every price (then its ratio says so already).

    Example:
        Own 20 USDT, borrow 80, buy 1 coin at 100; then the short mirror image.

        >>> fl = Decimal("0.97")
        >>> long = IsolatedPairState(
        ...     base=Balance(total=Decimal(1)), quote=Balance(principal=Decimal(80))
        ... )
        >>> round(isolated_liquidation_price(long, fl), 4)
        Decimal('82.4742')
        >>> short = IsolatedPairState(
        ...     base=Balance(principal=Decimal(1)), quote=Balance(total=Decimal(200))
        ... )
        >>> isolated_liquidation_price(short, fl)
        Decimal('194')
    """
    fl = liquidation_debt_ratio
    constant = pair.quote.liability - fl * pair.quote.total * pair.quote_coefficient
    slope = pair.base.liability - fl * pair.base.total * pair.base_coefficient
    if slope == 0:
        return None
    price = -constant / slope
    return price if price > 0 else None
