"""What is remembered of one strategy's overlay between two moments.

A frozen value; ``bot/guard/overlays.py`` makes the next one. It computes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.risk.strategy_book import Book

__all__ = ["ALL", "OverlayState"]

ALL: Final = "*"
"""The group of all legs of a strategy; every other group is a coin's pair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayState:
    """By group: the profit it opened with, its best, why it closes, its rest.

    ``equity`` is the strategy's capital and profit when its marks were last known,
    ``peak_equity`` the highest since it began or last rested; USDT.
    """

    book: Book
    bases: Mapping[str, Decimal] = field(default_factory=dict)
    peaks: Mapping[str, Decimal] = field(default_factory=dict)
    equity: Decimal | None = None
    peak_equity: Decimal | None = None
    closing: Mapping[str, str] = field(default_factory=dict)
    resting: Mapping[str, datetime] = field(default_factory=dict)
