"""The spot index that margin accounts are valued at: a median over exchanges.

An odd number of prices gives the middle one, an even number the mean of the middle
two (KuCoin's help text says it the other way round, its worked examples settle it).
No price is no index. Nothing here may filter sources.

Source: KuCoin's spot index page.
"""

from collections.abc import Iterable
from decimal import Decimal

__all__ = ["spot_index"]


def spot_index(prices: Iterable[Decimal]) -> Decimal | None:
    """The median of the constituents' prices; None without any.

    Example:
        >>> spot_index(map(Decimal, (40000, 41000, 39000, 42000)))
        Decimal('40500')
    """
    ordered = sorted(prices)
    if not ordered:
        return None
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
