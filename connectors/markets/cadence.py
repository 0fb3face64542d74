"""How often a market states its marks, and when one of them is missing.

This module reads a description and no file; whether a stale mark matters is for
those who use it.
"""

from datetime import timedelta
from typing import Final

from bot.domain.market import MarketDescription

__all__ = ["bar_seconds", "stale_after"]

_LEAST_S: Final = 3
_UNIT_S: Final = {"s": 3, "m": 60, "h": 3_600, "d": 86_400}


def stale_after(described: MarketDescription) -> timedelta:
    """Three missed updates of the market's own cadence, at least three seconds.

    A bar gives a mark at each third of it, so three missed ones are one bar of
    the coarsest instrument.
    """
    seconds = [bar_seconds(each.resolution) for each in described.instruments]
    return timedelta(seconds=max([_LEAST_S, *seconds]))


def bar_seconds(resolution: str) -> int:
    """The length of a bar from its name; ticks every N seconds give 3 N.

    Raises:
        ValueError: No market names its resolution so.

    Example:
        >>> bar_seconds("5m"), bar_seconds("1d"), bar_seconds("2s marks")
        (300, 86400, 6)
    """
    word = resolution.split(maxsplit=1)[0]
    unit = _UNIT_S.get(word[-1:], 0)
    if not unit or not word[:-1].isdigit():
        raise ValueError(f"a market names no such resolution: {resolution!r}")
    return int(word[:-1]) * unit
