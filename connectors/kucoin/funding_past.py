"""Settled funding rates from before a start, by contract, for the forecast of carry.

A strategy that forecasts funding needs rates that have settled; a bot that has just
started would wait a month for them. What is read here is what KuCoin's public history
states, in the shape of the quotes that the run will hear. No history keeps a guard from
starting: one that does not come, or is broken, is none. Nothing here forecasts.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from bot.domain.errors import UnreachableError, UsageError
from bot.domain.events import FundingQuoted
from bot.ports import Clock
from connectors.kucoin.answers import ExchangeRefusedError, Rest, Urgency
from connectors.kucoin.cursors import to_ms
from connectors.kucoin.parse.envelope import body
from connectors.kucoin.parse.funding import PastRate, past_rates
from connectors.kucoin.parse.node import Node

__all__ = ["quotes_of", "read_funding_past"]

_ROWS_MAX: Final = 90
"""As many as the shadow keeps; an answer holds 100, the newest first."""
_BACK: Final = timedelta(days=30)
_HOUR: Final = timedelta(hours=1)
_LONGEST_H: Final = 24
"""No interval is longer: a wider gap is one in the history."""


async def read_funding_past(
    rest: Rest, clock: Clock, contracts: Collection[str]
) -> Mapping[str, tuple[FundingQuoted, ...]]:
    """The newest settled rates of each contract, oldest first; weight 5 (Public) each.

    The oldest row of an answer only says when the interval of the next one began. A
    contract that KuCoin gives no sound history of has none.

    Args:
        rest: The exchange.
        clock: The exchange's time.
        contracts: Symbols of perpetuals.
    """
    now, symbols = clock.now(), sorted(contracts)
    rows = await asyncio.gather(*(_rates(rest, symbol, now) for symbol in symbols))
    found = {
        symbol: quotes_of(past, now) for symbol, past in zip(symbols, rows, strict=True)
    }
    return {symbol: quotes for symbol, quotes in found.items() if quotes}


async def _rates(rest: Rest, symbol: str, now: datetime) -> Sequence[PastRate]:
    asked = {"symbol": symbol, "from": str(to_ms(now - _BACK)), "to": str(to_ms(now))}
    try:
        answer = await rest.read(
            "public_funding_history", asked, urgency=Urgency.ROUTINE
        )
        return past_rates(Node(body(answer).value or [], "funding"))
    except (ExchangeRefusedError, UnreachableError, UsageError):
        return ()


def quotes_of(rates: Sequence[PastRate], now: datetime) -> tuple[FundingQuoted, ...]:
    """Settled rates as the quotes that they were when they settled, oldest first.

    Each interval is the time since the rate before it; one that follows a gap in the
    history is left out, like one that is not over.

    Example:
        >>> from datetime import UTC
        >>> def rate(hour):
        ...     at = datetime(2026, 1, 1, hour, tzinfo=UTC)
        ...     return PastRate(symbol="XBTUSDTM", settlement_at=at,
        ...         funding_rate=Decimal("0.0001"))
        >>> told = quotes_of([rate(16), rate(8), rate(0)], rate(12).settlement_at)
        >>> [(each.settlement_at.hour, each.funding_interval_h) for each in told]
        [(8, Decimal('8'))]
    """
    by_time = {each.settlement_at.replace(microsecond=0): each for each in rates}
    times = [at for at in sorted(by_time) if at <= now]
    quotes: list[FundingQuoted] = []
    for begun, at in pairwise(times):
        interval_h = round((at - begun) / _HOUR)
        if not 1 <= interval_h <= _LONGEST_H:
            continue
        quotes.append(
            FundingQuoted(
                at=begun,
                symbol=by_time[at].symbol,
                funding_rate=by_time[at].funding_rate,
                settlement_at=at,
                funding_interval_h=Decimal(interval_h),
            )
        )
    return tuple(quotes[-_ROWS_MAX:])
