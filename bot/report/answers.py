"""How an answer for machines is written: exact numbers as text, gaps with reasons.

Numbers are plain notation, unrounded; infinity is the word ``Infinity``. A number
that cannot be known is null, and ``missing`` says why. Nothing here computes.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from bot.domain.money import plain
from bot.risk.missing import Missing, MissingKind

__all__ = ["DIGITS", "Answer", "Gap", "Json", "gap", "number", "write_gaps"]

Json = str | int | bool | None | list["Json"] | dict[str, "Json"]
Answer = dict[str, Json]
Gap = tuple[str, str]
"""The field that was not there and the reason why it matters."""

DIGITS: Final = 40
"""Significant digits that quotients are computed to; sums and products of what
the exchange prints are exact in them."""

_GAPS: Final[Mapping[MissingKind, tuple[str, str]]] = {
    MissingKind.PRICE: (
        "mark_prices.{}-BTC",
        "{} is held or owed and has no mark price.",
    ),
    MissingKind.COEFFICIENT: (
        "margin_currencies.{}.marginCoefficient",
        "The margin coefficient of {} was not given; 1 was taken.",
    ),
    MissingKind.TIERS: (
        "collateral_ratio.{}",
        "{} is held and has no collateral tiers.",
    ),
    MissingKind.MARK: (
        "futures.contracts.{}.markPrice",
        "{} has no mark price, neither in its contract nor in its position.",
    ),
    MissingKind.CONTRACT: (
        "futures.contracts.{}",
        "{} has a position or an order and its contract is not known.",
    ),
    MissingKind.CURVE: (
        "futures.contracts.{}.m, mmrLevConstant, mmrLimit",
        "The contract {} lacks a parameter of its maintenance margin rate.",
    ),
    MissingKind.WALLET: (
        "futures.wallets.{}",
        "There is no wallet that settles in {}.",
    ),
    MissingKind.BETA: ("betas.{}", "No beta was given for {}."),
    MissingKind.RETURNS: ("returns.{}", "The returns of {} are not known."),
}


def number(value: Decimal | int | None) -> str | None:
    """A number as text; None stays null.

    Example:
        >>> number(Decimal("1.50E-5")), number(Decimal("Infinity")), number(None)
        ('0.000015', 'Infinity', None)
    """
    return None if value is None else plain(Decimal(value))


def gap(missing: Missing) -> Gap:
    """Say in words what a formula lacked.

    Example:
        >>> gap(Missing(MissingKind.PRICE, "DOGE"))[0]
        'mark_prices.DOGE-BTC'
    """
    field, reason = _GAPS[missing.kind]
    return field.format(missing.name), reason.format(missing.name)


def write_gaps(gaps: Iterable[Gap]) -> list[Json]:
    """The ``missing`` list of one object, each gap once, in order of finding."""
    return [{"field": field, "reason": reason} for field, reason in dict.fromkeys(gaps)]
