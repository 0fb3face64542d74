"""One account at one level as a straight line: arrays for the search of its zeros.

``excess = constant + sum of weight x factor`` (inverse: ``weight / factor``) is
negative while the account is under the level and zero where it reaches it. Floats;
what is less than ``NOISE`` of the gross terms is rounding, not money. Nothing here
searches: ``rays`` and ``smallest_shock`` do.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.risk.terms import Terms

__all__ = ["NOISE", "FloatArray", "Line", "line_of"]

FloatArray = NDArray[np.float64]

NOISE: Final = 1e-12
"""Share of the gross terms under which a sum is a rounding of zero."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """How far a requirement is over a level, in the numeraire of its account.

    ``weights`` has one number a coin, none of them zero; ``noise`` is an amount.
    """

    coins: tuple[str, ...]
    weights: FloatArray
    constant: float
    is_inverse: bool
    noise: float

    @property
    def excess(self) -> float:
        """The height now; negative is under the level."""
        return self.constant + float(self.weights.sum())

    @property
    def is_reached(self) -> bool:
        """Whether the account is at or over the level now."""
        return self.excess >= 0.0

    @property
    def is_reachable(self) -> bool:
        """Whether any positive prices at all bring the account to the level.

        A positive weight grows without limit; without one the height is largest
        where all weights vanish, which is the constant and never quite met.
        """
        return bool((self.weights > 0.0).any()) or self.constant > self.noise

    def height(self, factors: FloatArray) -> float:
        """The excess at these factors, in the order of the coins."""
        powers = 1.0 / factors if self.is_inverse else factors
        return self.constant + float(self.weights @ powers)


def line_of(terms: Terms, level: float) -> Line | None:
    """The line of an account at a level; None where nothing is required of it.

    Args:
        terms: The account.
        level: A debt ratio or risk rate to reach, a fraction above zero.

    Raises:
        ValueError: A number is not finite, or the level not above zero.

    Example:
        1 BTC at 100 USDT, owing 80.

        >>> from bot.risk.terms import Terms
        >>> line = line_of(Terms(subject="margin_cross", warning=0.95,
        ...     liquidation=0.97, requirement_constant=80.0,
        ...     margin={"BTC": 100.0}), 0.97)
        >>> line.coins, line.weights.tolist(), round(line.excess, 6)
        (('BTC',), [-97.0], -17.0)
    """
    if not level > 0.0:
        raise ValueError(f"level must be above 0, was {level}")
    if not terms.requirement_constant and not any(terms.requirement.values()):
        return None
    coins = sorted(terms.requirement.keys() | terms.margin.keys())
    required = np.array([terms.requirement.get(coin, 0.0) for coin in coins])
    margin = level * np.array([terms.margin.get(coin, 0.0) for coin in coins])
    rest = level * terms.margin_constant
    gross = abs(terms.requirement_constant) + abs(rest)
    gross += float(np.abs(required).sum() + np.abs(margin).sum())
    if not np.isfinite(gross):
        raise ValueError(f"a number of {terms.subject} is not finite")
    noise = NOISE * gross
    weights = required - margin
    keep = np.abs(weights) > noise
    return Line(
        coins=tuple(coin for coin, kept in zip(coins, keep, strict=True) if kept),
        weights=weights[keep],
        constant=terms.requirement_constant - rest,
        is_inverse=terms.is_inverse,
        noise=noise,
    )
