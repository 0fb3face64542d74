"""Joint price paths: filtered historical simulation of all coins together.

Stretches of the coins' own past are drawn at random, all coins from the same hours,
so that what fell together falls together and jumps are as large as they were. A
stretch is divided by the volatility that was known when it began and multiplied
with the one of now; where several make a path, each one's change of volatility
goes on into the next (Barone-Adesi, Giannopoulos and Vosper, Journal of Futures
Markets 19, 1999). Volatility is an exponentially weighted mean of squared returns,
held up by that of the whole history. The same seed gives the same paths, bit by
bit. Nothing here knows an account; a coin without enough history has no path.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.risk.first_passage import FloatArray

__all__ = [
    "ROWS_MIN",
    "ROWS_WANTED",
    "VALUES_MAX",
    "History",
    "Model",
    "Paths",
    "rhythm",
    "simulate",
    "volatility",
]

ROWS_MIN: Final = 240
"""Rows of a coin, and of all coins in common, under which nothing is forecast."""

ROWS_WANTED: Final = 8_760
"""A year of hours: what the defaults were fitted with, and what to fetch."""

VALUES_MAX: Final = 10_000_000
"""Paths times steps times coins; more is refused."""

_HOUR_S: Final = 3_600
_FADED: Final = 1e-100
"""A coin whose known returns weigh less has none that count."""
_LOG_MAX: Final = 30.0
"""Log moves are cut here, far beyond any price, so that all stays finite."""
_CHUNK_HALF_LIVES: Final = 16.0
_WEEKS_MIN: Final = 8
_QUIETEST: Final = 0.1
"""An hour counts as no quieter, so that nothing is divided by almost nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Log returns of coins on one grid, oldest first; the last row ends now.

    ``returns`` has a row for each step and a column for each coin. A return that
    is not known is NaN, never 0.
    """

    coins: tuple[str, ...]
    returns: FloatArray
    step_s: int = _HOUR_S

    def __post_init__(self) -> None:
        """Refuse what is no table of these coins, or a grid that misses the hours."""
        if self.returns.ndim != 2 or self.returns.shape[1] != len(self.coins):  # noqa: PLR2004 - a table has two axes
            raise ValueError(
                f"returns must be rows by {len(self.coins)} coins, "
                f"was {self.returns.shape}"
            )
        if self.step_s <= 0 or _HOUR_S % self.step_s:
            raise ValueError(f"step_s must divide an hour, was {self.step_s}")
        if np.isinf(self.returns).any():
            raise ValueError("a return must be finite, or NaN where it is not known")

    @property
    def steps_per_hour(self) -> int:
        """How many rows an hour has."""
        return _HOUR_S // self.step_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """How the past becomes paths; the defaults are fitted (benchmarks say where)."""

    half_life_h: float = 24.0
    """After how long a squared return weighs half in the volatility."""
    long_run_share: float = 0.3
    """Weight of the whole history's variance in the volatility of each step."""
    block_h: int = 24
    """How long a stretch of the past is copied whole."""
    scale: float = 1.05
    """What every return is multiplied with: what a fit found too small or large."""
    is_mirrored: bool = True
    """Whether each path has its opposite: rises as likely as falls."""
    has_rhythm: bool = True
    """Whether the hours of the day and the days of the week have their volatility."""
    paths: int = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """What may happen: paths by steps by coins.

    ``factors`` is what the prices of now are multiplied with at the end of a step,
    ``deviations`` the standard deviation of the log price between the ends of the
    step as it would be expected at its beginning, ``correlation`` that of returns
    over what was expected of them.
    """

    coins: tuple[str, ...]
    steps_per_hour: int
    factors: FloatArray
    deviations: FloatArray
    correlation: FloatArray
    rows: int


def volatility(history: History, model: Model) -> FloatArray:
    """What each step's volatility was expected to be; the last row is that of now.

    Returns:
        Rows + 1 by coins: a fraction a step. The first expectation is that of the
        whole history. What is not known has no weight.

    Example:
        Nine quiet hours and one of 4 %, half-life 1 h, nothing held up.

        >>> rows = np.array([[0.01]] * 9 + [[0.04]])
        >>> model = Model(half_life_h=1.0, long_run_share=0.0)
        >>> table = volatility(History(coins=("BTC",), returns=rows), model)
        >>> round(float(table[-1, 0]), 4)
        0.0292
    """
    known = np.isfinite(history.returns)
    counts = np.maximum(known.sum(axis=0), 1)
    squares = np.where(known, history.returns, 0.0) ** 2
    long_run = squares.sum(axis=0) / counts
    half_life = model.half_life_h * history.steps_per_hour
    weighted = _decayed(squares, long_run, half_life)
    weights = _decayed(known.astype(np.float64), np.ones_like(long_run), half_life)
    recent = np.broadcast_to(long_run, weighted.shape).copy()
    np.divide(weighted, weights, out=recent, where=weights > _FADED)
    share = model.long_run_share
    result: FloatArray = np.sqrt((1.0 - share) * recent + share * long_run)
    return result


def rhythm(history: History) -> FloatArray:
    """How volatile each step of the coming week is against an average one.

    Markets have hours and days; by the distance from now, so that no calendar is
    needed. Mean absolute returns of all coins, each against its own, by the hour of
    the day, times what is left by the hour of the week, smoothed over a quarter of
    a day on both sides. A coin that is known for less than ``_WEEKS_MIN`` weeks has
    no say; where none has, all is 1.

    Returns:
        One factor for each step of a week, the first for the step that begins now.

    Example:
        Ten weeks of days whose first twelve hours are twice as loud.

        >>> rows = np.tile(np.repeat([0.02, 0.01], 12), 70)[:, None]
        >>> rhythm(History(coins=("BTC",), returns=rows))[[0, 23]].round(3).tolist()
        [1.265, 0.632]
    """
    day = 24 * history.steps_per_hour
    week = 7 * day
    weeks = len(history.returns) // week
    sizes = np.abs(history.returns[len(history.returns) - weeks * week :])
    known = np.isfinite(sizes)
    totals = np.where(known, sizes, 0.0).sum(axis=0)
    kept = (known.sum(axis=0) >= _WEEKS_MIN * week) & (totals > 0.0)
    if not kept.any():
        return np.ones(week)
    usual = totals[kept] / known[:, kept].sum(axis=0)
    scored = np.where(known[:, kept], sizes[:, kept] / usual, 0.0)
    sums = scored.reshape(weeks, week, -1).sum(axis=(0, 2))
    counts = known[:, kept].reshape(weeks, week, -1).sum(axis=(0, 2))
    of_week = np.ones(week)
    np.divide(sums, counts, out=of_week, where=counts > 0)
    of_week = np.maximum(of_week, _QUIETEST)
    of_day = of_week.reshape(7, day).mean(axis=0)
    rest = of_week / np.tile(of_day, 7)
    reach = day // 4
    padded = np.concatenate([rest[-reach:], rest, rest[:reach]])
    smooth = np.convolve(padded, np.full(2 * reach + 1, 1 / (2 * reach + 1)), "valid")
    shape = np.tile(of_day, 7) * smooth
    result: FloatArray = shape / np.sqrt(np.mean(shape**2))
    return result


def simulate(
    history: History, wanted: Collection[str], hours: int, *, model: Model, seed: int
) -> Paths:
    """Draw joint paths of the wanted coins that have history enough.

    Args:
        history: Of these and perhaps more coins.
        wanted: Coins to draw; the result may lack some, never adds any.
        hours: How far to look.
        model: How.
        seed: Decides all chance.

    Raises:
        ValueError: More values than ``VALUES_MAX``, or nothing to draw.

    Example:
        >>> rows = np.random.default_rng(1).normal(0, 0.01, (500, 2))
        >>> both = History(coins=("BTC", "ETH"), returns=rows)
        >>> paths = simulate(both, {"ETH"}, 24, model=Model(), seed=7)
        >>> paths.coins, paths.factors.shape
        (('ETH',), (2048, 24, 1))
    """
    steps = hours * history.steps_per_hour
    length = min(model.block_h * history.steps_per_hour, steps)
    if min(model.paths, steps, model.block_h) < 1:
        raise ValueError("paths, hours and block_h must be at least 1")
    columns, begins = _usable(history, wanted, length)
    if model.paths * steps * max(len(columns), 1) > VALUES_MAX:
        raise ValueError(f"more than {VALUES_MAX} values: fewer paths, hours or coins")
    if not columns:
        nothing = np.empty((model.paths, steps, 0))
        return Paths(
            coins=(),
            steps_per_hour=history.steps_per_hour,
            factors=nothing,
            deviations=nothing,
            correlation=np.empty((0, 0)),
            rows=0,
        )
    chosen, coming = _evened(history, columns, steps, model)
    expected = volatility(chosen, model)
    shape = (steps, length)
    moves, deviations = _copied((chosen.returns, expected), begins, shape, model, seed)
    moves *= coming[:, None]
    deviations *= coming[:, None]
    np.cumsum(moves, axis=1, out=moves)
    return Paths(
        coins=chosen.coins,
        steps_per_hour=history.steps_per_hour,
        factors=np.exp(np.clip(moves, -_LOG_MAX, _LOG_MAX)),
        deviations=deviations,
        correlation=_correlation(chosen.returns, expected),
        rows=len(begins),
    )


def _evened(
    history: History, columns: list[int], steps: int, model: Model
) -> tuple[History, FloatArray]:
    """The wanted columns without the rhythm of the week, and that of the next steps."""
    coins = tuple(history.coins[column] for column in columns)
    returns = history.returns[:, columns]
    coming = np.ones(steps)
    if model.has_rhythm:
        week = rhythm(replace(history, coins=coins, returns=returns))
        ages = np.arange(-len(returns), 0) % len(week)
        returns = returns / week[ages][:, None]
        coming = week[np.arange(steps) % len(week)]
    return History(coins=coins, returns=returns, step_s=history.step_s), coming


def _decayed(values: FloatArray, start: FloatArray, half_life: float) -> FloatArray:
    """``x = kept * x + (1 - kept) * value``, row by row from the start; all rows.

    In pieces whose weights stay within the range of floats.
    """
    kept = 0.5 ** (1.0 / half_life)
    size = max(int(_CHUNK_HALF_LIVES * half_life), 1)
    result = np.empty((len(values) + 1, values.shape[1]))
    result[0] = start
    for first in range(0, len(values), size):
        piece = values[first : first + size]
        powers = kept ** np.arange(1, len(piece) + 1)[:, None]
        sums = np.cumsum(piece / powers, axis=0)
        stop = first + len(piece) + 1
        result[first + 1 : stop] = powers * (result[first] + (1.0 - kept) * sums)
    return result


def _usable(
    history: History, wanted: Collection[str], length: int
) -> tuple[list[int], NDArray[np.intp]]:
    """The columns that can be drawn, and the rows at which a stretch may begin.

    While too few stretches are known for all coins, the coin that is known least
    is left out.
    """
    known = np.isfinite(history.returns)
    counts = known.sum(axis=0)
    columns = [
        column
        for column, coin in enumerate(history.coins)
        if coin in wanted and counts[column] >= ROWS_MIN and known[-1, column]
    ]
    while columns:
        row_is_known = known[:, columns].all(axis=1)
        sums = np.concatenate([[0], np.cumsum(row_is_known)])
        begins = np.flatnonzero(sums[length:] - sums[:-length] == length)
        if len(begins) >= ROWS_MIN:
            return columns, begins
        columns.remove(min(columns, key=lambda column: int(counts[column])))
    return [], np.empty(0, dtype=np.intp)


def _copied(
    table: tuple[FloatArray, FloatArray],
    begins: NDArray[np.intp],
    shape: tuple[int, int],
    model: Model,
    seed: int,
) -> tuple[FloatArray, FloatArray]:
    """Log price moves and expected deviations: paths by steps by coins.

    ``table`` is returns and expected volatility, ``shape`` the steps of a path and
    of a stretch. Where stretches begin is drawn
    in equal strata of the past, so that every part of it has its share of paths.
    """
    returns, expected = table
    steps, length = shape
    chance = np.random.Generator(np.random.PCG64(seed))
    drawn = -(-model.paths // 2) if model.is_mirrored else model.paths
    moves = np.empty((drawn, steps, returns.shape[1]))
    deviations = np.empty_like(moves)
    centred = returns - np.nanmean(returns, axis=0)
    scale = np.broadcast_to(model.scale * expected[-1], (drawn, returns.shape[1]))
    for first in range(0, steps, length):
        size = min(length, steps - first)
        strata = (chance.permutation(drawn) + chance.random(drawn)) / drawn
        chosen = begins[(strata * len(begins)).astype(np.intp)]
        ratio = _ratio(scale, expected[chosen])
        rows = chosen[:, None] + np.arange(size)
        np.multiply(centred[rows], ratio[:, None], out=moves[:, first : first + size])
        np.multiply(
            expected[rows], ratio[:, None], out=deviations[:, first : first + size]
        )
        scale = ratio * expected[chosen + size]
    if not model.is_mirrored:
        return moves, deviations
    both = np.concatenate([moves, -moves])[: model.paths]
    return both, np.concatenate([deviations, deviations])[: model.paths]


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """The quotient, and 0 where a coin never moved."""
    result = np.zeros_like(denominator)
    np.divide(numerator, denominator, out=result, where=denominator > 0.0)
    return result


def _correlation(returns: FloatArray, expected: FloatArray) -> FloatArray:
    """Correlation of the returns over what was expected, where all are known."""
    scores = _ratio(returns, expected[:-1])
    scores = scores[np.isfinite(scores).all(axis=1)]
    products = scores.T @ scores
    sizes = np.sqrt(np.diagonal(products))
    result = _ratio(products, np.outer(sizes, sizes))
    np.fill_diagonal(result, 1.0)
    return result
