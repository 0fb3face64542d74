"""The parts of an account file, as it was written and before any price is known.

An amount is coins, or ``@N``: worth N USDT at the market's first mark. Nothing here
reads a file or a price.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from bot.domain.accounts import MarginMode, PositionSide

__all__ = ["AccountFile", "Amount", "MarginPart", "PositionPart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A number and what it counts: coins (or lots), or USDT at the first mark."""

    number: Decimal
    is_worth: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginPart:
    """A margin account: what is owned and owed by coin, and the leverage set."""

    leverage: Decimal | None = None
    balance: Mapping[str, Amount] = field(default_factory=dict)
    principal: Mapping[str, Amount] = field(default_factory=dict)
    interest: Mapping[str, Amount] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionPart:
    """One futures position; exactly one of ``lots`` and ``base`` is given.

    ``entry`` is None for the first mark. ``margin`` is set for isolated positions.
    """

    name: str
    symbol: str
    mode: MarginMode
    side: PositionSide
    lots: int | None
    base: Amount | None
    entry: Decimal | None
    leverage: Decimal
    margin: Amount | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFile:
    """A whole account file, checked for form only."""

    path: Path
    digest: str
    """SHA-256 of its bytes, to tell two accounts apart."""
    vip: int
    main: Mapping[str, Amount]
    spot: Mapping[str, Amount]
    margin_cross: MarginPart | None
    margin_isolated: Mapping[str, MarginPart]
    wallet: Mapping[str, Amount]
    positions: tuple[PositionPart, ...]
