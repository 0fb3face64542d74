"""What an exchange has announced: coins and contracts that leave, rules that change.

Values only. When a change is in force is for ``instruments.Rules.as_of``, what it
does to an account for ``bot.risk.announced``. Nothing here reads a clock.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

__all__ = ["Delisting", "RiskChange"]


@dataclass(frozen=True, slots=True, order=True)
class Delisting:
    """A coin, or one contract of it, that is no more from a time on.

    A coin then counts nothing as collateral and its contracts settle; a contract
    settles, and its coin stays. ``name`` is that of the coin or of the contract.
    """

    at: datetime
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskChange:
    """New constants of a contract's cross-margin curves, in force from a time on.

    None stays as it is. A smaller ``k`` allows less size; a smaller ``m`` and a smaller
    leverage constant make the maintenance margin rate ``(1 + n/m) / (2 x constant)``
    larger.
    """

    at: datetime
    k: Decimal | None = None
    m: Decimal | None = None
    mmr_lev_constant: Decimal | None = None
