"""What ``gnomon risk frontier`` estimates a covariance from, checked before it does.

Reads a recorded market up to its end; decides and prints nothing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bot.domain.errors import UsageError
from bot.report.documents import Documents
from bot.risk.covariance import Closes, CovarianceModel
from connectors.markets.recorded import open_market

__all__ = ["closes_of", "covariance_model"]

_HOURS_MAX: Final = 100_000


def covariance_model(horizon_h: float, half_life_h: float) -> CovarianceModel:
    """The model that the options ask for.

    Raises:
        UsageError: A number of hours is not above zero, or absurd.

    Example:
        >>> covariance_model(8.0, 240.0).horizon_h
        8.0
    """
    for option, hours in (("--horizon", horizon_h), ("--half-life", half_life_h)):
        if not 0 < hours <= _HOURS_MAX:
            raise UsageError(
                f"{option} must be a number of hours above 0 and at most "
                f"{_HOURS_MAX}, was {hours}."
            )
    return CovarianceModel(horizon_h=horizon_h, half_life_h=half_life_h)


def closes_of(documents: Documents, market: Path | None) -> Mapping[str, Closes] | None:
    """The closes of the file or of the recorded market; None where neither is given.

    Raises:
        UsageError: Both are given, or the market is bad.
    """
    if market is None:
        return documents.returns
    if documents.returns is not None:
        raise UsageError("Give returns in the file or --market, not both.")
    return open_market(market).hourly_closes()
