"""Hourly closes from before a start, by coin, for the estimators.

The same shape as ``Market.history``: up to ninety days of hours, each close under
the time at which its hour ended, oldest first. A coin that KuCoin does not list
against USDT has none. A bar that has not ended is no close.
"""

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

HOURS: Final = 24 * 90
"""How many hours are read."""
_AT_ONCE: Final = 1400
"""Bars of one answer; KuCoin gives at most 1500."""
_HOUR: Final = timedelta(hours=1)
_QUOTE: Final = "USDT"


async def read_history(
    rest: Rest, clock: Clock, coins: Iterable[str], hours: int = HOURS
) -> Mapping[str, tuple[tuple[datetime, Decimal], ...]]:
    """Closes of each coin in USDT, oldest first; weight 3 (Public) for 1400 hours.

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
    """The bars of a pair, an answer at a time; none where it is not listed."""
    bars: list[Candle] = []
    start = now.replace(minute=0, second=0, microsecond=0) - hours * _HOUR
    while start < now:
        end = min(start + _AT_ONCE * _HOUR, now)
        asked = {
            "symbol": symbol,
            "type": "1hour",
            "startAt": str(to_ms(start) // 1000),
            "endAt": str(to_ms(end) // 1000),
        }
        try:
            document = await rest.read("spot_candles", asked, urgency=Urgency.ROUTINE)
        except ExchangeRefusedError:
            return []
        bars += spot_candles(document)
        start = end
    return bars
