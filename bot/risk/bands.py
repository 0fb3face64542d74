"""KuCoin's own words for a ratio: low, medium and high risk.

The words that a trader sees on KuCoin's pages, for debt ratios and, by the same
numbers, for futures risk rates. They name a number and decide nothing.

Source: KuCoin's help on cross margin: low to 60 %, medium to 90 %, then high.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

__all__ = ["RATIO_HIGH", "RATIO_MEDIUM", "Band", "band_of", "settled_band"]

RATIO_MEDIUM: Final = Decimal("0.60")
"""KuCoin calls a debt ratio above this medium risk, and blocks transfers out."""

RATIO_HIGH: Final = Decimal("0.90")
"""KuCoin calls a debt ratio above this high risk."""


class Band(StrEnum):
    """The risk band of a ratio, in KuCoin's words."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        """The band as the end of a number's sentence.

        Example:
            >>> Band.MEDIUM.words
            'medium risk'
        """
        return f"{self.value} risk"


def band_of(ratio: Decimal | None) -> Band:
    """The band of a debt ratio or risk rate, a fraction; unknown is its own band.

    Example:
        >>> band_of(Decimal("0.60")), band_of(Decimal("0.61")), band_of(None)
        (<Band.LOW: 'low'>, <Band.MEDIUM: 'medium'>, <Band.UNKNOWN: 'unknown'>)
        >>> band_of(Decimal("Infinity"))
        <Band.HIGH: 'high'>
    """
    if ratio is None or ratio.is_nan():
        return Band.UNKNOWN
    if ratio <= RATIO_MEDIUM:
        return Band.LOW
    return Band.MEDIUM if ratio <= RATIO_HIGH else Band.HIGH


_ORDER: Final = (Band.LOW, Band.MEDIUM, Band.HIGH)
_FLOORS: Final[Mapping[Band, Decimal]] = {
    Band.MEDIUM: RATIO_MEDIUM,
    Band.HIGH: RATIO_HIGH,
}
_INSIDE: Final = Decimal("0.02")
"""How far under the limit of a band a ratio must fall before it has left it."""


def settled_band(before: Band, ratio: Decimal | None) -> Band:
    """The band that counts: the ratio's own, or the worse one it has barely left.

    A ratio that is not known leaves the band as it was.

    Example:
        >>> settled_band(Band.MEDIUM, Decimal("0.59"))
        <Band.MEDIUM: 'medium'>
        >>> settled_band(Band.MEDIUM, Decimal("0.57"))
        <Band.LOW: 'low'>
    """
    if ratio is None or ratio.is_nan():
        return before
    now = band_of(ratio)
    if _ORDER.index(now) >= _ORDER.index(before):
        return now
    return now if ratio <= _FLOORS[before] - _INSIDE else before
