"""The forecast: how likely, and how soon, an account reaches its two levels.

Subjects are straight lines in the prices of coins (``bot.risk.terms``). Joint price
paths (``bot.risk.scenarios``) carry them along, what is known to come (interest,
fundings) is added hour by hour, and a path that is under a level at both ends of a
step may still have touched it between (``bot.risk.first_passage``). A probability
of a model, not a promise: ``benchmarks/results/forecast_score.txt`` says how good
it was. Nothing here decides, reads a clock or has chance of its own, and a subject
that depends on a coin without history has no probability at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bot.risk.first_passage import FloatArray, mean_step, median_step
from bot.risk.path_levels import Drift, PathView, reached_tables
from bot.risk.scenarios import History, Model, simulate
from bot.risk.terms import Terms

__all__ = [
    "HORIZONS_H",
    "Drift",
    "Forecast",
    "Reach",
    "SubjectForecast",
    "forecast",
]

HORIZONS_H: Final = (1, 8, 24)
"""How far the forecast looks, in hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """When one level may be reached.

    ``probability`` is by hours, ``share`` that of the longest horizon. ``median_h``
    is the time by which half of those paths have reached it that do so at all,
    ``mean_h`` how long these take on average; None where none does.
    """

    level: float
    probability: Mapping[int, float]
    median_h: float | None
    mean_h: float | None = None

    @property
    def share(self) -> float:
        """The share of paths that ``median_h`` speaks of."""
        return self.probability[max(self.probability)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectForecast:
    """One subject: its levels, ascending; none where ``missing`` names coins."""

    subject: str
    reaches: tuple[Reach, ...]
    missing: tuple[str, ...] = ()

    def at(self, level: float) -> Reach | None:
        """What is forecast of a level; None is not known, which is never safe."""
        return next((each for each in self.reaches if each.level == level), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """All subjects, along the same paths.

    ``any_liquidation`` is the chance that at least one reaches its liquidation, by
    hours, where what happens between two steps is taken as unrelated, which makes
    it rather too large; None unless all subjects are known. ``rows`` is how many
    stretches of the past were drawn from.
    """

    subjects: tuple[SubjectForecast, ...]
    any_liquidation: Mapping[int, float] | None
    paths: int
    rows: int

    def of(self, subject: str) -> SubjectForecast | None:
        """The forecast of a subject by its name."""
        return next((each for each in self.subjects if each.subject == subject), None)


def forecast(
    subjects: Sequence[Terms],
    history: History,
    *,
    drifts: Mapping[str, Drift],
    model: Model,
    seed: int,
) -> Forecast:
    """How likely each subject reaches its levels within 1, 8 and 24 hours.

    Args:
        subjects: What can be liquidated.
        history: Returns of their coins until now.
        drifts: What is known to come, by subject; absent is nothing.
        model: How the past becomes paths.
        seed: Decides all chance.

    Raises:
        ValueError: More paths, steps and coins than ``scenarios.VALUES_MAX``.

    Example:
        1 BTC at 100 USDT, owing 92: 5.15 % from liquidation, at 1 % an hour.

        >>> rows = np.random.default_rng(1).normal(0, 0.01, (1000, 1))
        >>> past = History(coins=("BTC",), returns=rows)
        >>> long = Terms(subject="margin_cross", warning=0.95, liquidation=0.97,
        ...     requirement_constant=92.0, margin={"BTC": 100.0})
        >>> found = forecast([long], past, drifts={}, model=Model(), seed=7)
        >>> reach = found.subjects[0].at(0.97)
        >>> [round(p, 1) for p in reach.probability.values()]
        [0.0, 0.1, 0.3]
    """
    wanted = sorted({coin for each in subjects for coin in each.coins})
    paths = simulate(history, wanted, max(HORIZONS_H), model=model, seed=seed)
    view = PathView(paths)
    survival: FloatArray | None = np.ones(paths.factors.shape[:2])
    found = []
    for terms in subjects:
        drift = drifts.get(terms.subject, Drift())
        single, reached = _subject(view, terms, drift)
        found.append(single)
        if survival is None or reached is None:
            survival = None
        else:
            survival = survival * (1.0 - reached)
    return Forecast(
        subjects=tuple(found),
        any_liquidation=None
        if survival is None
        else _by_hours((1.0 - survival).mean(axis=0), paths.steps_per_hour),
        paths=model.paths,
        rows=paths.rows,
    )


def _subject(
    view: PathView, terms: Terms, drift: Drift
) -> tuple[SubjectForecast, FloatArray | None]:
    """One subject, and the chance of each path to have liquidated it by each step."""
    missing = tuple(sorted(terms.coins - set(view.coins)))
    if missing:
        unknown = SubjectForecast(subject=terms.subject, reaches=(), missing=missing)
        return unknown, None
    levels = sorted({terms.warning, terms.liquidation})
    tables = reached_tables(view, terms, levels, drift)
    reaches = tuple(
        _reach(level, table, view.steps_per_hour)
        for level, table in zip(levels, tables, strict=True)
    )
    single = SubjectForecast(subject=terms.subject, reaches=reaches)
    return single, tables[levels.index(terms.liquidation)]


def _reach(level: float, table: FloatArray, steps_per_hour: int) -> Reach:
    reached = table.mean(axis=0)
    is_there = bool(reached[0] >= 1.0)
    half = 0.0 if is_there else median_step(reached)
    mean = 0.0 if is_there else mean_step(reached)
    return Reach(
        level=level,
        probability=_by_hours(reached, steps_per_hour),
        median_h=None if half is None else half / steps_per_hour,
        mean_h=None if mean is None else mean / steps_per_hour,
    )


def _by_hours(reached: Iterable[float], steps_per_hour: int) -> dict[int, float]:
    by_step = list(reached)
    return {
        hours: min(float(by_step[hours * steps_per_hour - 1]), 1.0)
        for hours in HORIZONS_H
    }
