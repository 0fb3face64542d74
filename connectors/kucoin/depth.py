"""How deep a market is, from its book and its minute candles.

The newest minutes count most: in a crash yesterday's calm, and that of half an hour
ago, say nothing of what an exit costs now. Pure; nothing here asks for anything.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from bot.domain.events import LiquidityQuoted
from bot.domain.money import ZERO
from connectors.kucoin.parse.depth import Minute, TopOfBook

__all__ = ["MINUTES", "liquidity_of"]

MINUTES: Final = 60
"""How many minutes are looked at."""
_HALF_LIFE: Final = 3
"""Minutes after which a candle counts half."""
_WEIGHTS: Final = tuple(
    Decimal("0.5") ** (Decimal(age) / _HALF_LIFE) for age in range(MINUTES)
)
_MINUTE: Final = timedelta(minutes=1)


def liquidity_of(
    at: datetime, symbol: str, top: TopOfBook | None, minutes: Sequence[Minute]
) -> tuple[LiquidityQuoted, ...]:
    """What book and candles say of the cost of an exit.

    Nothing without a book or with fewer than two closed minutes: an unknown volatility
    is not a quiet one.

    Volume and volatility are means over the last hour in which a minute counts half
    of what the one three minutes later counts; the volatility is the root of that mean
    of the squared log returns. A minute in which nothing traded is an empty one, the
    minute that is not over yet is left out.

    Args:
        at: Now.
        symbol: The market.
        top: The best prices of its book.
        minutes: Its candles, oldest first, volumes in coins.

    Example:
        >>> from datetime import UTC
        >>> at = datetime(2026, 1, 1, 1, tzinfo=UTC)
        >>> top = TopOfBook(bid=Decimal("99.9"), ask=Decimal("100.1"))
        >>> bars = [
        ...     Minute(at=at - k * _MINUTE, close=Decimal(100), volume=Decimal(60))
        ...     for k in range(60, 0, -1)
        ... ]
        >>> [quoted] = liquidity_of(at, "ETH-USDT", top, bars)
        >>> quoted.half_spread, round(quoted.volume_1m, 6)
        (Decimal('0.001'), Decimal('60.000000'))
    """
    over = [(bar, age) for bar in minutes if 0 <= (age := _age(at, bar)) < MINUTES]
    sigma_1m = _sigma(over)
    if top is None or sigma_1m is None:
        return ()
    middle = (top.bid + top.ask) / 2
    volume = sum((bar.volume * _WEIGHTS[age] for bar, age in over), ZERO)
    quoted = LiquidityQuoted(
        at=at,
        symbol=symbol,
        half_spread=(top.ask - top.bid) / 2 / middle,
        sigma_1m=sigma_1m,
        volume_1m=volume / sum(_WEIGHTS, ZERO),
    )
    return (quoted,)


def _age(at: datetime, bar: Minute) -> int:
    """Whole minutes since the candle was over; negative while it is not."""
    return (at - bar.at) // _MINUTE - 1


def _sigma(over: Sequence[tuple[Minute, int]]) -> Decimal | None:
    squares = [
        (_WEIGHTS[age], (bar.close / before.close).ln() ** 2)
        for (before, _), (bar, age) in pairwise(over)
    ]
    weights = sum((weight for weight, _ in squares), ZERO)
    if not weights:
        return None
    return (sum((w * square for w, square in squares), ZERO) / weights).sqrt()
