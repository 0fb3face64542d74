"""Terms made from accounts by hand, so that the frontier meets the exact engine.

Exact sums, made floats at the very end; nothing here is used by the product.
"""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from bot.domain.accounts import Balance
from bot.risk.futures_shape import FuturesShape
from bot.risk.terms import Terms


def margin_terms(
    held: Mapping[str, Balance],
    prices: Mapping[str, Decimal],
    coefficients: Mapping[str, Decimal],
) -> Terms:
    """A margin account: what is owed over what is owned, weighted; USDT stays."""
    owed = {coin: (b.principal + b.interest) * prices[coin] for coin, b in held.items()}
    owned = {
        coin: b.total * coefficients[coin] * prices[coin] for coin, b in held.items()
    }
    return Terms(
        subject="margin_cross",
        warning=0.95,
        liquidation=0.97,
        requirement_constant=float(owed.pop("USDT", 0)),
        requirement={coin: float(value) for coin, value in owed.items()},
        margin_constant=float(owned.pop("USDT", 0)),
        margin={coin: float(value) for coin, value in owned.items()},
    )


def futures_terms(shape: FuturesShape, marks: Mapping[str, Decimal]) -> Terms:
    """The futures of one settle currency: maintenance and fees over margin."""
    requirement: dict[str, Decimal] = {}
    margin: dict[str, Decimal] = {}
    constant = shape.cross_wallet or Decimal(0)
    for book in shape.books:
        unit = book.unit_value(marks[book.key.symbol])
        burden = (book.burden or Decimal(0)) * unit
        own = (book.sign * book.lots - book.opening) * unit
        requirement[book.base] = requirement.get(book.base, Decimal(0)) + burden
        margin[book.base] = margin.get(book.base, Decimal(0)) + own
        constant -= book.sign * book.entry_value
    return Terms(
        subject=f"futures:{shape.settle}",
        warning=0.95,
        liquidation=1.0,
        requirement={coin: float(value) for coin, value in requirement.items()},
        margin_constant=float(constant),
        margin={coin: float(value) for coin, value in margin.items()},
        is_inverse=any(book.is_inverse for book in shape.books),
    )


def gross_and_parts(terms: Terms, level: float) -> tuple[Decimal, dict[str, float]]:
    """The sum of the sizes of all terms, and the weight of each coin."""
    coins = terms.requirement.keys() | terms.margin.keys()
    parts = {
        coin: terms.requirement.get(coin, 0.0) - level * terms.margin.get(coin, 0.0)
        for coin in coins
    }
    sizes = [terms.requirement_constant, terms.margin_constant]
    sizes += [*terms.requirement.values(), *terms.margin.values()]
    return Decimal(sum(map(abs, sizes))), parts


def least_slope(parts: Mapping[str, float], slopes: Mapping[str, Decimal]) -> float:
    """The least slope of a piece with all coins or those of one sign."""
    slope = np.array([float(slopes.get(coin, 1)) for coin in parts])
    each = slope * np.array(list(parts.values()))
    sums = [
        abs(float(each[chosen].sum())) for chosen in (slope != 0, slope > 0, slope < 0)
    ]
    return min((total for total in sums if total > 0.0), default=1.0)
