"""Public topics: how often each speaks and who builds its push.

A topic speaks once in a period of the venue's time, or with each move of the market.
Its builder is asked only when somebody has subscribed. This module knows no topic.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connectors.venue.server.backend import Backend
from connectors.venue.server.minutes import Candle
from connectors.venue.server.pushes import Push

__all__ = ["SPANS_S", "Builder", "MarketTopic", "newest"]

Builder = Callable[[Backend, str, datetime], Mapping[str, object] | None]
"""The data of a push for a symbol at a time; None where nothing is known."""

SPANS_S: Final[Mapping[str, int]] = {
    "1min": 60,
    "3min": 180,
    "5min": 300,
    "15min": 900,
    "30min": 1800,
    "1hour": 3600,
    "2hour": 7200,
    "4hour": 14400,
    "6hour": 21600,
    "8hour": 28800,
    "12hour": 43200,
    "1day": 86400,
    "1week": 604800,
}
"""The lengths of candles, in seconds, by KuCoin's names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTopic:
    """One public topic, by symbol: its subject, its rhythm and its builder.

    ``every_s`` None speaks with each move of the market.
    """

    host: str
    head: str
    subject: str
    build: Builder
    every_s: int | None = None

    def push(self, backend: Backend, topic: str, at: datetime) -> Push | None:
        """The push of a full topic such as ``/market/candles:BTC-USDT_1min``."""
        data = self.build(backend, topic.partition(":")[2], at)
        if data is None:
            return None
        return Push(
            subject=self.subject,
            data=data,
            topics=(topic,),
            is_state=True,
        )


def newest(candles: Sequence[Candle]) -> Candle | None:
    """The running candle, None where there is none."""
    return candles[-1] if candles else None
