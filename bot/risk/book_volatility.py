"""How much one USDT of a book's net exposure moves in a day, careful about the unknown.

Coins that the forecast's covariance knows move together as it says. A coin outside it
moves with the volatility of its own hours, and one without history with an assumed
one; both are taken to move against the book together with everything else, so they
are added whole. Floats, an estimate: it scales sizes and must never judge an account.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import numpy as np

from bot.risk.covariance import Covariance
from bot.risk.hourly_closes import HourlyCloses

__all__ = ["BookVolatility", "DayVolatility"]

_HALF_LIFE_H: Final = 240.0
_MIN_HOURS: Final = 168
_DAY_H: Final = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BookVolatility:
    """A day's volatility of a book, and the coins for which one was assumed."""

    per_day: float
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayVolatility:
    """What is known of how coins move.

    ``assumed`` is a fraction a day.

    Example:
        Two coins of the covariance, at 3 % and 4 % a day and unrelated, then one
        that nobody knows.

        >>> known = DayVolatility(assumed=0.1, covariance=Covariance(
        ...     ("A", "B"), np.diag([0.03**2, 0.04**2]), 24.0))
        >>> one = Decimal(100)
        >>> round(known.of({"A": one, "B": -one}).per_day, 4)
        0.025
        >>> found = known.of({"A": one, "NEW": one})
        >>> round(found.per_day, 4), found.assumed
        (0.065, ('NEW',))
    """

    assumed: float
    covariance: Covariance | None = None
    closes: HourlyCloses = field(default_factory=HourlyCloses)

    def of(self, values: Mapping[str, Decimal]) -> BookVolatility:
        """The volatility of a book, a fraction of its gross value; 0 of an empty one.

        Args:
            values: Coin to its signed net value in USDT.
        """
        weights = {coin: float(value) for coin, value in values.items() if value}
        gross = sum(abs(weight) for weight in weights.values())
        if not gross > 0.0:
            return BookVolatility(per_day=0.0)
        inside = [c for c in sorted(weights) if c in self._covered]
        total, unknown = self._together(inside, weights), []
        for coin in sorted(weights.keys() - set(inside)):
            alone = self._alone(coin)
            if alone is None:
                unknown.append(coin)
                alone = self.assumed
            total += abs(weights[coin]) * alone
        return BookVolatility(per_day=total / gross, assumed=tuple(unknown))

    @property
    def _covered(self) -> frozenset[str]:
        found = self.covariance
        if found is None:
            return frozenset()
        return frozenset(found.coins) - frozenset(found.assumed)

    def _together(self, coins: list[str], weights: Mapping[str, float]) -> float:
        if self.covariance is None or not coins:
            return 0.0
        values = np.array([weights[coin] for coin in coins])
        matrix = self.covariance.over(_DAY_H).part(coins)
        return float(np.sqrt(max(float(values @ matrix @ values), 0.0)))

    def _alone(self, coin: str) -> float | None:
        """Of its own hours, the newest counting most; None with too few of them."""
        past = self.closes.history([coin])
        if not past.coins:
            return None
        returns = past.returns[:, 0]
        ages = np.arange(len(returns) - 1, -1, -1.0)
        known = np.isfinite(returns)
        if int(known.sum()) < _MIN_HOURS:
            return None
        weights = np.exp2(-ages[known] / _HALF_LIFE_H)
        hourly = float(weights @ returns[known] ** 2) / float(weights.sum())
        return float(np.sqrt(hourly * _DAY_H))
