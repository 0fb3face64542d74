"""Betas: how far coins move with one or several reference coins, from hourly closes.

Weighted least squares of hourly returns, twice: slowly (weights halve every
``anchor_half_life_h``), shrunk towards a prior that holds for all coins, then quickly
(``half_life_h``), shrunk towards the slow one and how far a beta is known to wander.
Shrinking weighs both by the inverse of their variances (Vasicek, Journal of Finance
28, 1973); the variance of a slope is White's (Econometrica 48, 1980), for hourly
returns have tails and their spread is not constant. What is left of the variance is
the band. Estimates, not money: floats inside, the caller rounds what it trades. Too
little history is the prior with its wide band, and is named as that; a reference
without history has no betas at all. No I/O, no clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.risk.hourly_closes import HourlyCloses, closes_from
from bot.risk.line import FloatArray

__all__ = [
    "BetaModel",
    "Betas",
    "Closes",
    "estimate_betas",
    "fit_betas",
    "hourly_volatility",
    "volatility",
]

BoolArray = NDArray[np.bool_]

_WEIGHT_MIN: Final = 0.01
"""The least share of all weight: a coin with less moved too long ago to be known."""
_MOVES_MIN: Final = 1e-14
"""The least mean square of a reference that moved at all."""
_TAIL: Final = 0.05
"""The share of hours in which the first reference fell most: those of a stress."""
_TAIL_ROWS_MIN: Final = 12

Closes = Sequence[tuple[datetime, Decimal]]
"""Hourly closes, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaModel:
    """How closes become betas.

    ``prior`` is the sum of a coin's betas before anything is known, ``prior_sd`` how
    far coins lie from it, ``drift_sd`` how far a coin's beta wanders from its own slow
    one. ``min_hours`` returns are the least that is looked at, ``window_h`` the most.
    """

    half_life_h: float = 96.0
    anchor_half_life_h: float = 480.0
    window_h: int = 1_440
    min_hours: int = 48
    prior: float = 1.0
    prior_sd: float = 0.5
    drift_sd: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Betas:
    """The betas of coins on references.

    Attributes:
        coins: Rows.
        references: Columns; a reference's beta on itself is exactly 1.
        values: Betas, coins x references.
        covariances: Of each coin's betas, coins x references x references.
        stress: Slope on the first reference in the hours in which that fell most.
        hours: Returns behind each coin; fewer than the least means that it is
            the prior.
        assumed: The coins whose betas are the prior.
    """

    coins: tuple[str, ...]
    references: tuple[str, ...]
    values: FloatArray
    covariances: FloatArray
    stress: FloatArray
    hours: FloatArray
    assumed: tuple[str, ...]

    def of(self, coin: str) -> FloatArray:
        """The betas of a coin, one a reference.

        Raises:
            KeyError: The coin is not in it.
        """
        row: FloatArray = self.values[self._place(coin)]
        return row

    def stress_of(self, coin: str) -> float:
        """The stress beta of a coin on the first reference.

        Raises:
            KeyError: The coin is not in it.
        """
        return float(self.stress[self._place(coin)])

    def band_of(self, coin: str) -> FloatArray:
        """The standard error of each beta of a coin.

        Raises:
            KeyError: The coin is not in it.
        """
        spread: FloatArray = np.sqrt(np.diag(self.covariances[self._place(coin)]))
        return spread

    def _place(self, coin: str) -> int:
        if coin not in self.coins:
            raise KeyError(coin)
        return self.coins.index(coin)


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """Returns without gaps (zero, where ``has`` is zero): references and coins."""

    x: FloatArray
    y: FloatArray
    has: FloatArray

    def part(self, rows: BoolArray) -> "_Sample":
        """Some hours of it."""
        return _Sample(self.x[rows], self.y[rows], self.has[rows])


@dataclass(frozen=True, slots=True, eq=False)
class _Belief:
    """Betas (coins x references) and the covariance of each coin's."""

    values: FloatArray
    covariances: FloatArray


def estimate_betas(
    closes: Mapping[str, Closes],
    coins: Sequence[str],
    references: Sequence[str],
    model: BetaModel,
) -> Betas | None:
    """Betas of coins from hourly closes; None where a reference has too few of them.

    Only returns over exactly one hour count, so a gap costs its own hours and nothing
    else.

    Args:
        closes: Coin to its closes, as ``View.returns`` gives them.
        coins: Whose betas are wanted; a coin without closes gets the prior.
        references: The coins to measure against, none of them twice.
        model: Weights, prior and least history.

    Example:
        A coin that moves twice as far, hour by hour, and one without history.

        >>> from datetime import UTC, timedelta
        >>> start = datetime(2025, 1, 1, tzinfo=UTC)
        >>> def path(scale):
        ...     moves = [scale * (0.01 if hour % 3 else -0.015) for hour in range(400)]
        ...     prices = np.cumprod(1 + np.array(moves)).tolist()
        ...     hours = [start + timedelta(hours=hour) for hour in range(400)]
        ...     return [(h, Decimal(p)) for h, p in zip(hours, prices, strict=True)]
        >>> closes = {"BTC": path(1), "ALT": path(2)}
        >>> found = estimate_betas(closes, ["ALT", "NEW"], ["BTC"], BetaModel())
        >>> found.of("ALT").round(3).tolist(), found.of("NEW").tolist()
        ([2.0], [1.0])
        >>> found.band_of("NEW").round(2).tolist(), found.assumed
        ([0.71], ('NEW',))
    """
    wanted = tuple(dict.fromkeys((*references, *coins)))
    newest = {c: closes.get(c, ())[-model.window_h - 1 :] for c in wanted}
    table = closes_from(newest)
    if any(coin not in table.coins for coin in references):
        return None
    moves = _returns(table, wanted, model.window_h)
    count = len(references)
    return fit_betas(wanted, moves, count, model)


def fit_betas(
    coins: Sequence[str], returns: FloatArray, references: int, model: BetaModel
) -> Betas | None:
    """Betas of all columns on the first ``references`` of them; None as above.

    Args:
        coins: The names of the columns.
        returns: Simple hourly returns, oldest first, NaN where there is none.
        references: How many columns, from the first, are measured against.
        model: Weights, prior and least history.
    """
    factors = returns[:, :references]
    has_all: BoolArray = np.logical_and.reduce(np.isfinite(factors), axis=1)
    x = np.where(has_all[:, None], factors, 0.0)
    if np.count_nonzero(has_all) < model.min_hours or not _moves(factors[has_all]):
        return None
    has = (np.isfinite(returns) & has_all[:, None]).astype(np.float64)
    sample = _Sample(x, np.where(has > 0.0, returns, 0.0), has)
    ages_h = np.arange(len(returns))[::-1]
    prior = _prior(len(coins), references, model.prior, model.prior_sd)
    slowly = np.exp2(-ages_h / model.anchor_half_life_h)
    anchor = _updated(prior, sample, slowly, model.min_hours)
    wander = np.eye(references) * model.drift_sd**2
    wandered = _Belief(anchor.values, anchor.covariances + wander)
    quickly = np.exp2(-ages_h / model.half_life_h)
    belief = _updated(wandered, sample, quickly, model.min_hours)
    hours = has.sum(axis=0)
    stress = _stress(_Sample(x[:, :1], sample.y, has), model)
    for place in range(references):
        belief.values[place] = np.eye(references)[place]
        belief.covariances[place] = 0.0
    stress[0] = 1.0
    return Betas(
        coins=tuple(coins),
        references=tuple(coins[:references]),
        values=belief.values,
        covariances=belief.covariances,
        stress=stress,
        hours=hours,
        assumed=tuple(
            coin
            for coin, seen in zip(coins, hours.tolist(), strict=True)
            if seen < model.min_hours
        ),
    )


def volatility(closes: Closes, model: BetaModel) -> Decimal | None:
    """Standard deviation of a coin's hourly returns, a fraction; None with too few.

    Weighted as the quick betas are.
    """
    table = closes_from({"": closes[-model.window_h - 1 :]})
    if not table.coins:
        return None
    (spread,) = hourly_volatility(_returns(table, ("",), model.window_h), model)
    return Decimal(repr(float(spread))) if np.isfinite(spread) else None


def hourly_volatility(returns: FloatArray, model: BetaModel) -> FloatArray:
    """Weighted root mean square of each column of returns; NaN with too few of them.

    Example:
        >>> moves = np.tile([0.01, -0.01], 100)[:, None]
        >>> hourly_volatility(moves, BetaModel()).round(4).tolist()
        [0.01]
        >>> hourly_volatility(moves[:20], BetaModel()).tolist()
        [nan]
    """
    has = np.isfinite(returns)
    ages_h = np.arange(len(returns))[::-1, None]
    heavy = np.exp2(-ages_h / model.half_life_h) * has
    squares = (heavy * np.where(has, returns, 0.0) ** 2).sum(axis=0)
    enough = has.sum(axis=0) >= model.min_hours
    share = np.where(enough, heavy.sum(axis=0), 1.0)
    return np.where(enough, np.sqrt(squares / share), np.nan)


def _returns(table: HourlyCloses, coins: Sequence[str], window_h: int) -> FloatArray:
    """Simple hourly returns, hours x coins, NaN where one is missing."""
    known = table.history(coins)
    moves = np.full((max(len(known.returns), 1), len(coins)), np.nan)
    for place, coin in enumerate(known.coins):
        column = coins.index(coin)
        moves[-len(known.returns) :, column] = np.expm1(known.returns[:, place])
    return moves[-window_h:]


def _moves(x: FloatArray) -> bool:
    """Whether the references move, and not all as one."""
    spread = np.linalg.eigvalsh(x.T @ x / len(x))
    return bool(spread[0] > _MOVES_MIN)


def _prior(coins: int, references: int, prior: float, prior_sd: float) -> _Belief:
    return _Belief(
        np.full((coins, references), prior / references),
        np.tile(np.eye(references) * prior_sd**2, (coins, 1, 1)),
    )


def _updated(
    before: _Belief, sample: _Sample, weights: FloatArray, min_hours: int
) -> _Belief:
    """A belief after a weighted regression; unchanged where there is too little.

    With ``A = X'WX`` and ``B = X'W e e' W X`` the slope has the covariance
    ``A^-1 B A^-1``; the share that it moves the belief is ``P (P + V)^-1``.
    """
    x, y, has = sample.x, sample.y, sample.has
    count = x.shape[1]
    products = (x[:, :, None] * x[:, None, :]).reshape(len(x), count * count)
    shape = (y.shape[1], count, count)
    square = ((products * weights[:, None]).T @ has).T.reshape(shape)
    known = has.sum(axis=0) >= min_hours
    known &= weights @ has >= _WEIGHT_MIN * weights.sum()
    floor = _MOVES_MIN * (weights @ has)
    known &= np.linalg.eigvalsh(square)[:, 0] > floor
    square[~known] = np.eye(count)
    inverse = np.linalg.inv(square)
    slopes = np.einsum("nab,nb->na", inverse, y.T @ (x * weights[:, None]))
    rest = (y - x @ slopes.T) * has
    middle = ((products * weights[:, None] ** 2).T @ rest**2).T.reshape(shape)
    sampled = inverse @ middle @ inverse
    prior = before.covariances
    share = prior @ np.linalg.inv(prior + sampled)
    share[~known] = 0.0
    moved = np.einsum("nab,nb->na", share, slopes - before.values)
    left = prior - share @ prior
    return _Belief(before.values + moved, (left + left.transpose(0, 2, 1)) / 2.0)


def _stress(sample: _Sample, model: BetaModel) -> FloatArray:
    """The slope in the worst hours, shrunk towards that of all hours, and not less.

    A beta that is smaller in a fall than otherwise is no reason to count on it.
    """
    lead, seen = sample.x[:, 0], sample.has[:, 0] > 0.0
    prior = _prior(sample.y.shape[1], 1, model.prior, model.prior_sd)
    flat = np.ones(len(lead))
    whole = _updated(prior, sample, flat, model.min_hours)
    worst = seen & (lead <= np.quantile(lead[seen], _TAIL)) & (lead < 0.0)
    start = _Belief(whole.values, whole.covariances + model.prior_sd**2)
    tail = _updated(start, sample.part(worst), flat[worst], _TAIL_ROWS_MIN)
    larger: FloatArray = np.maximum(tail.values, whole.values)[:, 0]
    return larger
