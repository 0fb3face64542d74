"""What a contract's funding will be: a forecast from rates that have settled.

Rates are told apart by speed: the newest, a fast and a slow average, all by the
hour, so that contracts of 8, 4 and 1 hours and a change between them compare. The
next rate lies between the newest and the fast average; it decays to a level between
the slow average and the rate that the exchange's formula gives without a premium.
Nothing here sees a rate before it settled, knows an account, or decides anything.

The weights are round numbers, chosen on 2020 and 2021 alone; ``gnomon study carry``
scores them on every year.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

__all__ = [
    "ROWS_MAX",
    "FundingForecast",
    "forecast_funding",
    "funding_income",
    "mean_rates",
]

ROWS_MAX: Final = 90
"""So many settlements are remembered: 30 days of eight hours."""

_ANCHOR_PER_H: Final = 0.0001 / 8
"""Daily interest of 0.03 %: what the formula gives when the premium is zero."""
_FAST_H: Final = 24.0
_SLOW_H: Final = 168.0
_NEWEST_WEIGHT: Final = 0.6
_SLOW_WEIGHT: Final = 0.5
_DECAY_H: Final = 24.0
_INTERVAL_MAX_H: Final = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingForecast:
    """Rates by the hour: of the next settlement, and the level they decay to."""

    next_per_h: float
    level_per_h: float

    def rate(self, interval_h: float) -> float:
        """The forecast of the next settlement of an interval, a fraction."""
        return self.next_per_h * interval_h


def mean_rates(at_h: Sequence[float], rates: Sequence[float]) -> tuple[float, float]:
    """The fast and the slow average of settled rates, by the hour.

    Weights halve in 24 and 168 hours and grow with the time a rate stood for, at
    most eight hours.

    Args:
        at_h: When each settled, hours, increasing, at least one.
        rates: What settled, fractions of their intervals; the first one's interval
            is taken to be that of the second, eight hours where there is none.

    Example:
        >>> [round(mean, 9) for mean in mean_rates([0.0, 8.0], [0.0008, 0.0008])]
        [0.0001, 0.0001]
    """
    stamps = np.asarray(at_h[-ROWS_MAX:], dtype=np.float64)
    steps = np.minimum(np.diff(stamps), _INTERVAL_MAX_H)
    spans = np.concatenate((steps[:1] if steps.size else [_INTERVAL_MAX_H], steps))
    hourly = np.asarray(rates[-ROWS_MAX:], dtype=np.float64) / spans
    ages = stamps[-1] - stamps
    found = []
    for half_life in (_FAST_H, _SLOW_H):
        weights = spans * np.exp2(-ages / half_life)
        found.append(float((weights * hourly).sum() / weights.sum()))
    return found[0], found[1]


def forecast_funding(
    newest: float, interval_h: float, fast: float, slow: float
) -> FundingForecast:
    """The forecast from the newest rate and the averages of ``mean_rates``.

    Args:
        newest: The rate that settled last, or that the exchange shows for the next
            settlement, a fraction of its interval.
        interval_h: The contract's interval now.
        fast: The fast average by the hour.
        slow: The slow average by the hour.

    Example:
        A rate that has always been the anchor stays there.

        >>> forecast = forecast_funding(0.0001, 8.0, 0.0001 / 8, 0.0001 / 8)
        >>> round(forecast.rate(8.0), 12), round(forecast.level_per_h * 8, 12)
        (0.0001, 0.0001)
    """
    if interval_h <= 0:
        raise ValueError(f"interval_h must be positive, was {interval_h}")
    now = _NEWEST_WEIGHT * newest / interval_h + (1 - _NEWEST_WEIGHT) * fast
    level = _SLOW_WEIGHT * slow + (1 - _SLOW_WEIGHT) * _ANCHOR_PER_H
    return FundingForecast(next_per_h=now, level_per_h=level)


def funding_income(
    forecast: FundingForecast,
    first_h: float,
    interval_h: float,
    hold_h: float,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> float:
    """What a short perpetual is expected to receive, a fraction of the notional.

    Args:
        forecast: The rates.
        first_h: Hours until the next settlement, over zero.
        interval_h: Hours between settlements.
        hold_h: The holding time.
        bounds: Floor and cap of one settlement's rate.

    Example:
        A year at the anchor: 1,095 times 0.01 %.

        >>> flat = FundingForecast(next_per_h=0.0001 / 8, level_per_h=0.0001 / 8)
        >>> round(funding_income(flat, 8.0, 8.0, 8760.0), 6)
        0.1095
    """
    if first_h > hold_h:
        return 0.0
    low, high = bounds
    count = 1 + math.floor((hold_h - first_h) / interval_h + 1e-9)
    level = min(max(forecast.level_per_h * interval_h, low), high)
    now = min(max(forecast.next_per_h * interval_h, low), high)
    kept = math.exp(-interval_h / _DECAY_H)
    return count * level + (now - level) * (1 - kept**count) / (1 - kept)
