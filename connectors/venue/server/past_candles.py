"""Candles of what was before the server's start, from the closes that are known.

A client that starts reads days of hours for its estimators and the last minutes for
the depth of a market; a venue whose past is empty would look illiquid and unknown.
Closes give candles as wide as they are apart. Of the last hour before the start,
minutes are drawn: along the line between two closes, moving up and down by what the
market states as a minute's volatility, each with a minute's volume. Nothing here
invents a close: at each known time the price is the known one.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from bot.domain.market import Liquidity
from bot.domain.money import ZERO
from connectors.venue.server.minutes import MINUTE_S, Candle, candle_of
from connectors.venue.server.words_spot_basic import in_seconds

__all__ = ["past_candles"]

_DRAWN: Final = timedelta(hours=1)


def past_candles(
    closes: Sequence[tuple[datetime, Decimal]],
    depth: Liquidity | None,
    tick: Decimal,
) -> list[Candle]:
    """Candles that chain through the closes; minutes in the hour before the last.

    Args:
        closes: Times and prices, oldest first.
        depth: A minute's volume and volatility; None is no volume and a straight line.
        tick: Drawn prices are multiples of it.

    Example:
        >>> from datetime import UTC
        >>> noon = datetime(2025, 1, 1, 12, tzinfo=UTC)
        >>> rows = [(noon - timedelta(hours=n), Decimal(100 + n)) for n in (2, 1, 0)]
        >>> found = past_candles(rows, None, Decimal("0.1"))
        >>> len(found), found[0].open, found[0].close, found[-1].close
        (61, Decimal('102'), Decimal('101'), Decimal('100'))
    """
    if not closes:
        return []
    minute = ZERO if depth is None else depth.volume_1m
    sigma = ZERO if depth is None else depth.sigma_1m
    drawn_from = closes[-1][0] - _DRAWN
    found: list[Candle] = []
    for earlier, later in pairwise(closes):
        if later[0] <= drawn_from:
            found.append(_wide(earlier, later, minute))
        else:
            prices = _drawn(earlier, later, sigma, tick)
            found += _minutes(earlier, prices, minute)
    return found


def _wide(
    earlier: tuple[datetime, Decimal], later: tuple[datetime, Decimal], minute: Decimal
) -> Candle:
    """One candle between two closes, in the minute in which it ends."""
    (began, opened), (at, close) = earlier, later
    start = (in_seconds(at) - 1) // MINUTE_S * MINUTE_S
    volume = minute * (in_seconds(at) - in_seconds(began)) / MINUTE_S
    return candle_of(start, opened, close, volume)


def _drawn(
    earlier: tuple[datetime, Decimal],
    later: tuple[datetime, Decimal],
    sigma: Decimal,
    tick: Decimal,
) -> Iterator[Decimal]:
    """The close of each minute between two known ones; the last is known."""
    (began, opened), (at, close) = earlier, later
    count = max((in_seconds(at) - in_seconds(began)) // MINUTE_S, 1)
    for number in range(1, count):
        line = opened + (close - opened) * number / count
        swing = sigma / 2 if number % 2 else -sigma / 2
        price = (line * (1 + swing) / tick).to_integral_value() * tick
        yield max(price, tick)
    yield close


def _minutes(
    earlier: tuple[datetime, Decimal], prices: Iterator[Decimal], volume: Decimal
) -> Iterator[Candle]:
    began, price = earlier
    start = in_seconds(began) // MINUTE_S * MINUTE_S
    for close in prices:
        yield candle_of(start, price, close, volume)
        start, price = start + MINUTE_S, close
