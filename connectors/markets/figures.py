"""From the floats of the files to exact decimals, and from seconds to times.

A recorded price becomes the shortest decimal that reads back as the same float,
which is what the source printed. A price between two recorded ones is rounded to
significant digits first. Only this module makes Decimals out of floats.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import numpy as np

from connectors.markets.files import FloatArray

__all__ = ["PRICE_DIGITS", "decimals", "figure", "rounded", "seconds_of", "time_of"]

PRICE_DIGITS: Final = 8
"""Significant digits of a price that was put between two recorded ones."""

_POWERS: Final = np.array([10.0**power for power in range(23)])
"""The powers of ten that are exact as float64."""


def rounded(values: FloatArray, digits: int = PRICE_DIGITS) -> FloatArray:
    """Round to significant digits, so that the shortest repr has no more of them.

    Example:
        >>> rounded(np.array([61234.56789012, 0.123456789012])).tolist()
        [61234.568, 0.12345679]
    """
    with np.errstate(divide="ignore"):
        exponent = np.floor(np.log10(np.abs(values)))
    places = np.clip(digits - 1 - exponent, 0, len(_POWERS) - 1)
    scale = _POWERS[places.astype(np.int64)]
    result: FloatArray = np.rint(values * scale) / scale
    return result


def decimals(values: FloatArray) -> list[Decimal]:
    """The shortest exact decimal of each float.

    Example:
        >>> decimals(np.array([0.1, 64000.0]))
        [Decimal('0.1'), Decimal('64000.0')]
    """
    return list(map(Decimal, map(repr, values.tolist())))


def figure(value: float, digits: int = 6) -> Decimal:
    """One estimated figure (a volatility, a volume) to few significant digits.

    Example:
        >>> figure(0.000123456789)
        Decimal('0.000123457')
    """
    return Decimal(f"{value:.{digits - 1}e}") + 0


def time_of(seconds: int) -> datetime:
    """Seconds since 1970 as a UTC time."""
    return datetime.fromtimestamp(seconds, UTC)


def seconds_of(at: datetime) -> int:
    """A UTC time on a whole second as seconds since 1970."""
    return int(at.timestamp())
