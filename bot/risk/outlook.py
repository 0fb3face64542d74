"""What lies ahead of every account in one look: odds, nearest shock, spread.

One set of joint price paths (``bot.risk.scenarios``) and one covariance, the one
those paths were drawn with, answer for each account: how likely it is liquidated
within some hours as it stands and at other distances, the likeliest shock that does
it and the coin that leads in it, and of how many independent bets its risk consists.
Floats, a model's view, recomputed by the hour; it must not decide anything, and a
subject that lacks the history of a coin has no number at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final

import numpy as np

from bot.risk.covariance import Covariance
from bot.risk.first_passage import FloatArray, reached_by_step
from bot.risk.frontier import Shock, frontier
from bot.risk.odds import GRID, OddsCurve
from bot.risk.path_levels import Drift, PathView, excess_along
from bot.risk.scenarios import VALUES_MAX, History, Model, Paths, simulate
from bot.risk.terms import Terms

__all__ = [
    "AccountOutlook",
    "Asked",
    "Outlook",
    "effective_bets",
    "fitting",
    "look_ahead",
    "odds_curve",
]

_HOURS: Final = (1, 8, 24)
_FAR: Final = 30.0
"""A path whose chance between two ends is under exp(-30) is taken as 0."""
_SHARE_MIN: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One account: its terms, the uniform move that liquidates it, what is to come."""

    terms: Terms
    distance: float | None
    drift: Drift = field(default_factory=Drift)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOutlook:
    """What lies ahead of one account.

    ``probability`` of a liquidation by hours, empty where ``missing`` names the
    coins without history. ``curve`` within the horizon by distance, None where no
    uniform move liquidates. ``shock`` None: no move of prices does. ``bets`` is the
    effective number of independent bets, None where prices do not matter or are not
    known, and ``coins`` the number of coins whose price does.
    """

    subject: str
    probability: Mapping[int, float] = field(default_factory=dict)
    curve: OddsCurve | None = None
    shock: Shock | None = None
    bets: float | None = None
    coins: int = 0
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """All accounts along the same paths, and what they were drawn from."""

    accounts: tuple[AccountOutlook, ...]
    horizon_h: int
    paths: int
    rows: int
    covariance: Covariance | None = field(default=None, compare=False)
    """Of all their coins over a day; None where no coin has history."""


def look_ahead(
    asked: Sequence[Asked],
    history: History,
    *,
    horizon_h: float,
    model: Model,
    seed: int,
) -> Outlook:
    """Look ahead for every account.

    Args:
        asked: The accounts.
        history: Hourly returns of their coins until now.
        horizon_h: How far the curves look, hours; a started hour counts whole.
        model: How the past becomes paths.
        seed: Decides all chance.

    Example:
        1 BTC at 100 USDT, owing 92: 5.15 % from liquidation, at 1 % an hour.

        >>> rows = np.random.default_rng(1).normal(0, 0.01, (1000, 1))
        >>> past = History(coins=("BTC",), returns=rows)
        >>> long = Terms(subject="margin_cross", warning=0.95, liquidation=0.97,
        ...     requirement_constant=92.0, margin={"BTC": 100.0})
        >>> found = look_ahead([Asked(terms=long, distance=0.0515)], past,
        ...     horizon_h=24, model=Model(), seed=7).accounts[0]
        >>> round(found.probability[24], 1), found.shock.leading, found.bets
        (0.3, 'BTC', 1.0)
        >>> round(found.curve.at(0.0515), 1), found.curve.at(0.2) < 0.001
        (0.3, True)
    """
    hours = ceil(horizon_h)
    wanted = sorted({coin for each in asked for coin in each.terms.coins})
    fitted = fitting(model, max(hours, *_HOURS), len(wanted), history.steps_per_hour)
    paths = simulate(history, wanted, max(hours, *_HOURS), model=fitted, seed=seed)
    view = PathView(paths)
    covariance = _covariance(paths, 24)
    found = tuple(_account(view, each, hours, covariance) for each in asked)
    return Outlook(
        accounts=found,
        horizon_h=hours,
        paths=fitted.paths,
        rows=paths.rows,
        covariance=covariance,
    )


def fitting(model: Model, hours: int, coins: int, steps_per_hour: int = 1) -> Model:
    """The model with as many paths as there is room for.

    Example:
        >>> fitting(Model(), 24, 10).paths, fitting(Model(), 168, 200).paths
        (2048, 296)
    """
    room = VALUES_MAX // (hours * max(coins, 1) * steps_per_hour)
    if room >= model.paths:
        return model
    return Model(
        half_life_h=model.half_life_h,
        long_run_share=model.long_run_share,
        block_h=model.block_h,
        scale=model.scale,
        is_mirrored=model.is_mirrored,
        has_rhythm=model.has_rhythm,
        paths=max(room // 2 * 2, 2),
    )


def _account(
    view: PathView, asked: Asked, hours: int, covariance: Covariance | None
) -> AccountOutlook:
    terms = asked.terms
    coins = len(terms.coins)
    missing = tuple(sorted(terms.coins - set(view.coins)))
    if missing:
        return AccountOutlook(subject=terms.subject, coins=coins, missing=missing)
    told = sorted({*_HOURS, hours})
    along = excess_along(view, terms, terms.liquidation, asked.drift)
    if along is None:
        return AccountOutlook(
            subject=terms.subject, probability=dict.fromkeys(told, 0.0)
        )
    reached = reached_by_step(*along).mean(axis=0)
    last = [hour * view.steps_per_hour for hour in told]
    shock = None
    if covariance is not None:
        shock = frontier(terms, terms.liquidation, covariance).shock
    return AccountOutlook(
        subject=terms.subject,
        probability={
            hour: min(float(reached[place - 1]), 1.0)
            for hour, place in zip(told, last, strict=True)
        },
        curve=_curve(along, asked.distance, hours * view.steps_per_hour),
        shock=shock,
        bets=None if covariance is None else effective_bets(terms, covariance),
        coins=coins,
    )


def _curve(
    along: tuple[float, FloatArray, FloatArray], distance: float | None, steps: int
) -> OddsCurve | None:
    start, excess, variances = along
    if distance is None or distance <= 0.0 or start >= 0.0:
        return None
    moved = excess[:, :steps] - start
    return odds_curve(moved, variances[:, :steps], -start / distance)


def odds_curve(moved: FloatArray, variances: FloatArray, room: float) -> OddsCurve:
    """The odds at each distance of the grid.

    An account that is ``distance`` away with these holdings would be liquidated when
    its excess has moved by ``room x distance``: holdings that are smaller by some
    factor need moves that are larger by it, which is the same.

    Args:
        moved: By how much the excess has moved at the end of each step, by path.
        variances: The variance of each step, of the same shape.
        room: The move of the excess that a distance of 1 stands for, above 0.

    Example:
        One path that moves 10, with certainty: within reach of 0.1, not of 0.2.

        >>> path = odds_curve(np.array([[10.0]]), np.zeros((1, 1)), 100.0)
        >>> path.probabilities[:4], path.probabilities[-1]
        ((1.0, 1.0, 1.0, 1.0), 0.0)
    """
    highest = moved.max(axis=1)
    spread = np.sqrt(_FAR * variances.max(axis=1) / 2.0)
    found: list[float] = []
    for distance in GRID:
        level = room * distance
        near = np.flatnonzero(highest + spread >= level)
        reached = 0.0
        if len(near):
            table = reached_by_step(-level, moved[near] - level, variances[near])
            reached = float(table[:, -1].sum()) / len(moved)
        found.append(min(reached, found[-1] if found else 1.0))
    return OddsCurve(GRID, tuple(found))


def _covariance(paths: Paths, hours: int) -> Covariance | None:
    """That of the coins' returns over the next hours, as the paths have it."""
    if not paths.coins:
        return None
    steps = hours * paths.steps_per_hour
    variances = (paths.deviations[:, :steps] ** 2).sum(axis=1).mean(axis=0)
    spread = np.sqrt(np.maximum(variances, _SHARE_MIN))
    both = (paths.correlation + paths.correlation.T) / 2.0
    return Covariance(paths.coins, both * np.outer(spread, spread), float(hours))


def effective_bets(terms: Terms, covariance: Covariance) -> float | None:
    """Of how many independent bets the risk of an account consists.

    The square of the diversification ratio (Choueifaty and Coignard, "Toward maximum
    diversification", Journal of Portfolio Management 35, 2008), weights with their
    sign: ``n`` equal bets that are correlated by ``rho`` count as n / (1 + (n - 1)
    rho). A hedge would count as more than its coins, and counts as these.

    Returns:
        1 to the number of coins; None where no price matters.

    Example:
        Two coins of the same weight: unrelated ones are two bets, others fewer.

        >>> long = Terms(subject="margin_cross", warning=0.95, liquidation=0.97,
        ...     requirement_constant=80.0, margin={"A": 50.0, "B": 50.0})
        >>> def bets(rho):
        ...     matrix = np.array([[1.0, rho], [rho, 1.0]]) * 1e-4
        ...     daily = Covariance(("A", "B"), matrix, 24.0)
        ...     return round(effective_bets(long, daily), 2)
        >>> bets(0.0), bets(0.9)
        (2.0, 1.05)
    """
    coins = sorted(terms.coins)
    level = terms.liquidation
    weights = np.array(
        [
            terms.requirement.get(c, 0.0) - level * terms.margin.get(c, 0.0)
            for c in coins
        ]
    )
    matrix = covariance.part(coins)
    alone = float((np.abs(weights) * np.sqrt(np.diag(matrix))).sum())
    together = float(weights @ matrix @ weights)
    if not alone > 0.0:
        return None
    most = float(np.count_nonzero(weights))
    return most if together * most <= alone**2 else max(alone**2 / together, 1.0)
