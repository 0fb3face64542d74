"""Exact money: text in, ``Decimal`` through, text out.

Amounts never pass through a float. Rounding is always named: what we owe rounds
up, what we may spend rounds down. This module must not know any account,
instrument or exchange.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final

__all__ = [
    "LEDGER_QUANTUM",
    "ONE",
    "ZERO",
    "decimal_from",
    "floor_to",
    "plain",
    "round_half_up",
    "round_up",
    "short",
]

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)

LEDGER_QUANTUM: Final = Decimal("0.00000001")
"""The smallest amount that a ledger of ours books: one hundred-millionth of a coin."""


def decimal_from(value: str | int | Decimal, field: str) -> Decimal:
    """Read one finite number from text, or say which field is wrong.

    Args:
        value: Text such as ``"0.1"`` or ``"1.5E-5"``, an ``int`` or a ``Decimal``.
        field: The name of the field, for the sentence of the error.

    Raises:
        ValueError: The value is not a finite number; a float or a bool is refused.

    Example:
        >>> decimal_from("1.5E-5", "value")
        Decimal('0.000015')
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        message = f"{field} must be a number as text, was {value!r}"
        raise ValueError(message)  # noqa: TRY004 - one error type for bad input
    try:
        number = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        raise ValueError(f"{field} must be a number, was {value!r}") from None
    if not number.is_finite():
        raise ValueError(f"{field} must be finite, was {value!r}")
    return number


def plain(number: Decimal) -> str:
    """Write a number in plain notation, without exponent or needless zeros.

    Example:
        >>> plain(Decimal("1.50E-5"))
        '0.000015'
        >>> plain(Decimal("-0.00"))
        '0'
    """
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def short(number: Decimal) -> str:
    """Four decimals at most, for a sentence; infinity is a word.

    Example:
        >>> short(Decimal("0.123456")), short(Decimal(2)), short(Decimal("Infinity"))
        ('0.1235', '2', 'Infinity')
    """
    return plain(Decimal(f"{number:.4f}"))


def floor_to(amount: Decimal, step: Decimal) -> Decimal:
    """Round towards zero to a multiple of ``step``: what may be spent or sold.

    Example:
        >>> floor_to(Decimal("1.2399"), Decimal("0.001"))
        Decimal('1.239')
    """
    if step <= 0:
        raise ValueError(f"step must be positive, was {step}")
    return (amount / step).to_integral_value(
        rounding=ROUND_FLOOR if amount >= 0 else ROUND_CEILING
    ) * step


def round_up(amount: Decimal, step: Decimal = LEDGER_QUANTUM) -> Decimal:
    """Round away from zero to a multiple of ``step``: what is owed.

    Example:
        >>> round_up(Decimal("0.00000000166"))
        Decimal('1E-8')
    """
    return (amount / step).to_integral_value(
        rounding=ROUND_CEILING if amount >= 0 else ROUND_FLOOR
    ) * step


def round_half_up(amount: Decimal, step: Decimal = LEDGER_QUANTUM) -> Decimal:
    """Round to the nearest multiple of ``step``, halves away from zero.

    Example:
        >>> round_half_up(Decimal("-0.055856688"))
        Decimal('-0.05585669')
    """
    return (amount / step).to_integral_value(rounding=ROUND_HALF_UP) * step
