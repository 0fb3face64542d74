"""Betas: how far a coin moves with a reference coin, from hourly closes.

Least squares of hourly log returns with weights that halve every ``half_life_h``
hours, then shrunk towards a prior by how uncertain the slope is: the two are
weighted by the inverse of their variances (Vasicek, Journal of Finance 28, 1973).
An estimate, not money: floats inside, and the caller rounds what it trades. Too
little history is no beta at all, never a guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import numpy as np

__all__ = ["Beta", "BetaModel", "estimate_beta", "hourly_volatility"]

_HOUR: Final = timedelta(hours=1)
_DIGITS: Final = 6
_LEAST_ROWS: Final = 3

Closes = Sequence[tuple[datetime, Decimal]]
"""Hourly closes, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaModel:
    """How closes become a beta.

    ``prior`` is where an estimate without information goes, ``prior_sd`` how far
    coins are known to lie from it. ``min_hours`` returns are the least.
    """

    half_life_h: float = 240.0
    min_hours: int = 168
    prior: float = 1.0
    prior_sd: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Beta:
    """A shrunk slope with the standard error of the unshrunk one."""

    value: Decimal
    standard_error: Decimal
    hours: int


def estimate_beta(coin: Closes, reference: Closes, model: BetaModel) -> Beta | None:
    """The beta of a coin to the reference; None with too few common hours.

    Only returns over exactly one hour that both have are used, so a gap in either
    history costs its hours and nothing else. A reference that never moved tells
    nothing and gives None.

    Example:
        A coin that moves exactly twice as far, hour by hour.

        >>> from datetime import UTC
        >>> start = datetime(2025, 1, 1, tzinfo=UTC)
        >>> moves = [0.01 if hour % 3 else -0.015 for hour in range(400)]
        >>> path = np.exp(np.cumsum(moves)).tolist()
        >>> btc = [(start + _HOUR * h, Decimal(str(p))) for h, p in enumerate(path)]
        >>> alt = [(when, close * close) for when, close in btc]
        >>> estimate_beta(alt, btc, BetaModel()).value
        Decimal('2.000000')
    """
    ours, theirs = _returns(coin), _returns(reference)
    hours = sorted(ours.keys() & theirs.keys())
    if len(hours) < max(model.min_hours, _LEAST_ROWS):
        return None
    ages = np.array([(hours[-1] - hour) / _HOUR for hour in hours])
    weights = np.exp2(-ages / model.half_life_h)
    weights /= weights.sum()
    y = np.array([ours[hour] for hour in hours])
    x = np.array([theirs[hour] for hour in hours])
    y = y - weights @ y
    x = x - weights @ x
    spread = float(weights @ (x * x))
    if spread <= 0.0:
        return None
    slope = float(weights @ (x * y)) / spread
    rest = y - slope * x
    effective = 1.0 / float(weights @ weights)
    freedom = max(effective - 2.0, 1.0)
    variance = float(weights @ (rest * rest)) / spread / freedom
    prior_variance = model.prior_sd**2
    trust = prior_variance / (prior_variance + variance)
    return Beta(
        value=_decimal(trust * slope + (1.0 - trust) * model.prior),
        standard_error=_decimal(variance**0.5),
        hours=len(hours),
    )


def hourly_volatility(closes: Closes, min_hours: int) -> Decimal | None:
    """Standard deviation of hourly log returns, a fraction; None with too few."""
    found = list(_returns(closes).values())
    if len(found) < max(min_hours, _LEAST_ROWS):
        return None
    return _decimal(float(np.std(np.array(found))))


def _returns(closes: Closes) -> dict[datetime, float]:
    """Log returns by the hour they end in; only between neighbouring hours."""
    if len(closes) < _LEAST_ROWS:
        return {}
    hours = [when.replace(minute=0, second=0, microsecond=0) for when, _ in closes]
    logs = np.log(np.array([float(close) for _, close in closes]))
    moves = np.diff(logs).tolist()
    return {
        later: move
        for before, later, move in zip(hours, hours[1:], moves, strict=False)
        if later - before == _HOUR
    }


def _decimal(number: float) -> Decimal:
    return Decimal(f"{number:.{_DIGITS}f}")
