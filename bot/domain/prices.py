"""Prices that are no marks: of other exchanges, and of this one's last trades.

A value only. What they are good for is for ``bot.risk.freshness`` and ``jumps``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

__all__ = ["PricesSeen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesSeen:
    """Prices beside the marks: they decide no danger, and are no mark.

    ``index_prices`` by contract: what other exchanges trade its coin at.
    ``last_prices`` by contract or pair: the last trade at this exchange.
    """

    at: datetime
    index_prices: Mapping[str, Decimal] = field(default_factory=dict)
    last_prices: Mapping[str, Decimal] = field(default_factory=dict)
