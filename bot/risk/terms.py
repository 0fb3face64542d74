"""The accounts that can be liquidated as straight lines in the prices of coins.

A *factor* is what the price of a coin is multiplied with: 1 is now, 0.9 a fall of a
tenth. Requirement and margin of an account are each a constant plus a weight for
every coin times its factor (for contracts that settle in a coin: times one over its
factor), so ratio, frontier and forecast need no exchange rule any more. Floats, for
speed: ``bot.risk.measure`` says what is exact. Nothing here decides anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Terms"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One subject: its ratio is requirement over margin.

    ``requirement`` and ``margin`` are weights by coin (BTC, never XBT), all in one
    numeraire: USDT, or the settle coin of inverse contracts. USDT does not move: what
    is owned or owed in it is in the constants.
    """

    subject: str
    warning: float
    """The ratio at which the exchange warns or cancels orders."""
    liquidation: float
    """The ratio at which it takes over."""
    requirement_constant: float = 0.0
    requirement: Mapping[str, float] = field(default_factory=dict)
    margin_constant: float = 0.0
    margin: Mapping[str, float] = field(default_factory=dict)
    is_inverse: bool = False
    """Whether the weights count at one over the factor."""

    @property
    def coins(self) -> set[str]:
        """The coins whose price matters."""
        both = (self.requirement, self.margin)
        return {coin for part in both for coin, weight in part.items() if weight}

    def ratio(self, factors: Mapping[str, float]) -> float:
        """The ratio when prices are so many times what they are; absent is 1.

        Infinite where a requirement meets no margin.

        Example:
            1 BTC at 100 USDT, owing 80: a fall of a tenth.

            >>> long = Terms(subject="margin_cross", warning=0.95, liquidation=0.97,
            ...     requirement_constant=80.0, margin={"BTC": 100.0})
            >>> round(long.ratio({"BTC": 0.9}), 6)
            0.888889
        """
        requirement = self._sum(self.requirement_constant, self.requirement, factors)
        margin = self._sum(self.margin_constant, self.margin, factors)
        if requirement == 0.0:
            return 0.0
        return requirement / margin if margin > 0.0 else float("inf")

    def excess(self, level: float, factors: Mapping[str, float]) -> float:
        """How far the requirement is over ``level`` times the margin; negative is safe.

        Example:
            >>> long = Terms(subject="margin_cross", warning=0.95, liquidation=0.97,
            ...     requirement_constant=80.0, margin={"BTC": 100.0})
            >>> round(long.excess(0.97, {}), 6)
            -17.0
        """
        requirement = self._sum(self.requirement_constant, self.requirement, factors)
        margin = self._sum(self.margin_constant, self.margin, factors)
        return requirement - level * margin

    def _sum(
        self,
        constant: float,
        weights: Mapping[str, float],
        factors: Mapping[str, float],
    ) -> float:
        moved = (
            weight / factors.get(coin, 1.0)
            if self.is_inverse
            else weight * factors.get(coin, 1.0)
            for coin, weight in weights.items()
        )
        return constant + sum(moved)
