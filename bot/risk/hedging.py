"""What a book has in common with its hedges, and how much of a hedge is wanted.

The exposure of a book is the value of every coin times its betas; the error is what
is uncertain of that. Inside the band nothing is traded, outside it the hedge goes back
to the middle. The strategy and the study of betas both ask here. Values are exact,
betas are estimates that are rounded once. No I/O, no clock, no order is made here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.money import ZERO
from bot.risk.betas import Betas

__all__ = ["BetaExposure", "HedgePolicy", "beta_exposure"]

_DIGITS: Final = 6
_HOURS_A_DAY: Final = Decimal(24)


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaExposure:
    """A book in USDT of each reference.

    Attributes:
        net: The value of the book times its betas, one a reference.
        error: The standard error of each, errors of different coins independent.
        gross: The value of the book without signs.
        stress: As ``net`` of the first reference, with stress betas where a coin is
            long and plain ones where it is short: the worse of both.
    """

    net: tuple[Decimal, ...]
    error: tuple[Decimal, ...]
    gross: Decimal
    stress: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgePolicy:
    """How far a hedge may drift, and what a trade of it may cost.

    The band is the largest of ``band_usdt``, ``band_share`` of the gross value and
    ``band_errors`` standard errors. A trade must not cost more than ``max_cost_share``
    of the hedge's daily volatility, both as fractions of its value.
    """

    band_usdt: Decimal = Decimal(100)
    band_share: Decimal = Decimal("0.05")
    band_errors: Decimal = ZERO
    max_cost_share: Decimal = Decimal("0.25")

    def band(self, gross: Decimal, error: Decimal) -> Decimal:
        """The net exposure that is left alone, in USDT.

        Example:
            >>> HedgePolicy().band(Decimal(10_000), Decimal(400))
            Decimal('500.00')
        """
        return max(self.band_usdt, self.band_share * gross, self.band_errors * error)

    def change(self, net: Decimal, gross: Decimal, error: Decimal) -> Decimal:
        """USDT of the hedge to trade, positive bought; zero inside the band.

        Args:
            net: Exposure of the book and its hedge together.
            gross: The value of the book without signs.
            error: The standard error of the exposure.

        Example:
            >>> HedgePolicy().change(Decimal(600), Decimal(10_000), Decimal(0))
            Decimal('-600')
            >>> HedgePolicy().change(Decimal(400), Decimal(10_000), Decimal(0))
            Decimal('0')
        """
        return ZERO if abs(net) <= self.band(gross, error) else -net

    def is_worth(self, cost_rate: Decimal | None, hourly: Decimal | None) -> bool:
        """Whether a trade costs little beside a day's move; unknown is no.

        Args:
            cost_rate: Fee and depth, a fraction of what is traded.
            hourly: The hedge's hourly volatility, a fraction.

        Example:
            >>> HedgePolicy().is_worth(Decimal("0.0008"), Decimal("0.004"))
            True
            >>> HedgePolicy().is_worth(Decimal("0.0008"), None)
            False
        """
        if cost_rate is None or hourly is None:
            return False
        return cost_rate <= self.max_cost_share * hourly * _HOURS_A_DAY.sqrt()


def beta_exposure(values: Mapping[str, Decimal], betas: Betas) -> BetaExposure:
    """The exposure of coins worth ``values`` USDT, signed, to each reference.

    Raises:
        KeyError: A coin has no betas.

    Example:
        1,000 USDT of a coin that moves twice as far as BTC, 500 USDT of BTC sold.

        >>> import numpy as np
        >>> betas = Betas(coins=("BTC", "ALT"), references=("BTC",),
        ...     values=np.array([[1.0], [2.0]]), stress=np.array([1.0, 2.5]),
        ...     covariances=np.array([[[0.0]], [[0.01]]]),
        ...     hours=np.array([100.0, 100.0]), assumed=())
        >>> held = {"ALT": Decimal(1_000), "BTC": Decimal(-500)}
        >>> found = beta_exposure(held, betas)
        >>> found.net[0] == 1500, found.error[0] == 100, found.stress == 2000
        (True, True, True)
    """
    count = len(betas.references)
    net, squares = [ZERO] * count, [ZERO] * count
    gross = stress = ZERO
    for coin, value in sorted(values.items()):
        slopes = _rounded(betas.of(coin).tolist())
        bands = _rounded(betas.band_of(coin).tolist())
        gross += abs(value)
        for place in range(count):
            net[place] += slopes[place] * value
            squares[place] += (bands[place] * value) ** 2
        (tail,) = _rounded([betas.stress_of(coin)])
        stress += value * (tail if value > 0 else sum(slopes, start=ZERO))
    return BetaExposure(
        net=tuple(net),
        error=tuple(square.sqrt() for square in squares),
        gross=gross,
        stress=stress,
    )


def _rounded(numbers: Sequence[float]) -> list[Decimal]:
    return [Decimal(f"{number:.{_DIGITS}f}") for number in numbers]
