"""How far from the reference price an order may be: the price band.

KuCoin's limits are ``reference x (1 +- range)``; the reference is close to mark and
index and is not published, so a limit computed from the mark is an estimate and
the contract's own limits come first. Nothing here may place or change an order.

Source: KuCoin's contract example (both of its limits imply one reference).
"""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.orders import Side

__all__ = ["PriceBand", "price_band"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBand:
    """The highest price to buy at and the lowest to sell at."""

    buy_limit: Decimal
    sell_limit: Decimal

    def admits(self, side: Side, price: Decimal) -> bool:
        """Whether a limit order at ``price`` would pass."""
        if side is Side.BUY:
            return price <= self.buy_limit
        return price >= self.sell_limit


def price_band(reference: Decimal, band: Decimal) -> PriceBand:
    """The band around a reference price.

    Example:
        >>> price_band(Decimal("86381.63"), Decimal("0.05"))
        PriceBand(buy_limit=Decimal('90700.7115'), sell_limit=Decimal('82062.5485'))
    """
    return PriceBand(
        buy_limit=reference * (1 + band), sell_limit=reference * (1 - band)
    )
