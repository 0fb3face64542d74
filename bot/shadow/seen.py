"""Prices beside the marks, taken into the shadow: the newest of each name.

They change no mark and no age of one. What is older than what is known is dropped.
Nothing here judges a price.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from bot.domain.prices import PricesSeen
from bot.shadow.state import Shadow, TimedPrice

__all__ = ["prices_seen"]


def prices_seen(shadow: Shadow, event: PricesSeen) -> Shadow:
    """The shadow that knows these prices.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> nothing = empty_shadow(Rules())
        >>> told = PricesSeen(at=nothing.at, last_prices={"BTC-USDT": Decimal(7)})
        >>> prices_seen(nothing, told).last_prices["BTC-USDT"].price
        Decimal('7')
    """
    return replace(
        shadow,
        at=event.at,
        index_prices=_with(shadow.index_prices, event.index_prices, event.at),
        last_prices=_with(shadow.last_prices, event.last_prices, event.at),
    )


def _with(
    known: Mapping[str, TimedPrice], news: Mapping[str, Decimal], at: datetime
) -> Mapping[str, TimedPrice]:
    newer = {
        name: TimedPrice(price, at)
        for name, price in news.items()
        if price > 0 and ((old := known.get(name)) is None or old.at <= at)
    }
    return {**known, **newer} if newer else known
