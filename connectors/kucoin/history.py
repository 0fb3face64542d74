"""Hourly closes from before a start, by coin, for the estimators.

The same shape as ``Market.history``: up to a year of hours, each close under the
time at which its hour ended, oldest first. A coin that KuCoin does not list
against USDT has none. A bar that has not ended is no close.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.ports import Clock
from connectors.kucoin.answers import ExchangeRefusedError, Rest, Urgency
from connectors.kucoin.cursors import to_ms
from connectors.kucoin.parse.candles import Candle, spot_candles
from connectors.kucoin.parse.node import at_ms

__all__ = ["HOURS", "read_history"]

HOURS: Final = 24 * 365 + 1
"""How many hours are read: what the forecast draws from."""
_AT_ONCE: Final = 1400
"""Bars of one answer; KuCoin gives at most 1500."""
_HOUR: Final = timedelta(hours=1)
_QUOTE: Final = "USDT"


async def read_history(
    rest: Rest, clock: Clock, coins: Iterable[str], hours: int = HOURS
) -> Mapping[str, tuple[tuple[datetime, Decimal], ...]]:
    """Closes of each coin in USDT, oldest first; weight 3 (Public) for 1400 hours.

    The answers of one coin are asked for together, the coins one after the other.

    Args:
        rest: The exchange.
        clock: The exchange's time.
        coins: The coins; USDT is left out, it is what the others are priced in.
        hours: How far back.

    Raises:
        UnreachableError: No sound answer.
        UsageError: A bar is broken.
    """
    now = clock.now()
    found: dict[str, tuple[tuple[datetime, Decimal], ...]] = {}
    for coin in sorted({*coins} - {_QUOTE}):
        bars = await _bars(rest, f"{coin}-{_QUOTE}", now, hours)
        closes = {at_ms(bar.open_ms) + _HOUR: bar.close for bar in bars}
        rows = tuple(sorted((at, close) for at, close in closes.items() if at <= now))
        if rows:
            found[coin] = rows[-hours:]
    return found


async def _bars(rest: Rest, symbol: str, now: datetime, hours: int) -> list[Candle]:
    """The bars of a pair; none where it is not listed.

    The newest hours are asked for first: a pair that is not listed costs one answer.
    """
    ends = [now]
    first = now.replace(minute=0, second=0, microsecond=0) - hours * _HOUR
    while ends[-1] - _AT_ONCE * _HOUR > first:
        ends.append(ends[-1] - _AT_ONCE * _HOUR)
    spans = list(zip([*ends[1:], first], ends, strict=True))
    try:
        newest = await _answer(rest, symbol, *spans[0])
        older = await asyncio.gather(
            *(_answer(rest, symbol, *span) for span in spans[1:])
        )
    except ExchangeRefusedError:
        return []
    return [bar for answer in (*reversed(older), newest) for bar in answer]


async def _answer(
    rest: Rest, symbol: str, start: datetime, end: datetime
) -> tuple[Candle, ...]:
    """The bars of one answer."""
    asked = {
        "symbol": symbol,
        "type": "1hour",
        "startAt": str(to_ms(start) // 1000),
        "endAt": str(to_ms(end) // 1000),
    }
    document = await rest.read("spot_candles", asked, urgency=Urgency.ROUTINE)
    return spot_candles(document)
