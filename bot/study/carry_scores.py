"""How good the funding forecast is: scored against what was realised.

Each forecast is made on the hour before a settlement, from rates that settled before.
Beside it stand two others: that the newest rate comes again, and the mean of all rates
of the coin so far. ``skill`` is one less the ratio of mean absolute errors: over zero
is better than the other, one is perfect. Nothing here decides.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from bot.risk.carry_offer import HOLD_H
from bot.study.carry_data import CarryData
from connectors.markets.files import FloatArray
from connectors.markets.hourly_market import HourlyCoin, HourlyMarket

__all__ = ["Score", "score_forecasts", "skill_of"]

_HOUR_S: Final = 3_600
_INTERVAL_H: Final = 8.0

Score = dict[str, float]
"""Sums over forecasts: ``count``, ``error``, and absolute errors of all three."""


def score_forecasts(market: HourlyMarket, data: CarryData) -> dict[str, Score]:
    """Sums of errors for the ``next`` settlement and for the ``month`` after it.

    A rate is a fraction of eight hours in both; a month without an end in the files
    is left out.
    """
    found = {name: _empty() for name in ("next", "month")}
    wanted = {each.coin for each in data.coins}
    for coin in market.coins:
        if coin.coin in wanted:
            for name, row in _rows(coin, data):
                _book(found[name], row)
    return found


def skill_of(score: Score) -> dict[str, float | None]:
    """Mean error, mean absolute errors and skills of a sum of scores.

    Example:
        >>> skill_of({"count": 2, "error": 1e-5, "forecast": 2e-5, "last": 4e-5,
        ...     "mean": 8e-5})["skill_vs_last"]
        0.5
    """
    count = score["count"]
    if not count:
        return {"count": 0.0}
    known = {"count": count, "mean_error": score["error"] / count}
    for name in ("forecast", "last", "mean"):
        known[f"mean_abs_error_{name}"] = score[name] / count
    skills = {
        f"skill_vs_{name}": 1 - score["forecast"] / score[name] if score[name] else None
        for name in ("last", "mean")
    }
    return {**known, **skills}


def _empty() -> Score:
    return dict.fromkeys(("count", "error", "forecast", "last", "mean"), 0.0)


def _book(score: Score, row: tuple[float, float, float, float]) -> None:
    realised, forecast, last, mean = row
    score["count"] += 1
    score["error"] += forecast - realised
    score["forecast"] += abs(forecast - realised)
    score["last"] += abs(last - realised)
    score["mean"] += abs(mean - realised)


def _rows(
    coin: HourlyCoin, data: CarryData
) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    """(realised, forecast, last, mean) by name, one for each settlement of the rows."""
    stamps, hourly = coin.settled_s, _hourly(coin)
    means = np.cumsum(hourly) / np.arange(1, len(hourly) + 1)
    sums = np.concatenate(([0.0], np.cumsum(coin.rates)))
    seen = next(each for each in data.coins if each.coin == coin.coin)
    place = np.searchsorted(stamps, data.at_s, side="right") - 1
    for row, last in enumerate(place.tolist()):
        forecast = seen.forecasts[row]
        is_due = last + 1 < len(stamps) and stamps[last + 1] <= data.at_s[-1]
        if forecast is None or not is_due or not seen.trades[row]:
            continue
        if row + 1 < len(place) and place[row + 1] == last:
            continue
        others = (hourly[last] * _INTERVAL_H, means[last] * _INTERVAL_H)
        realised = hourly[last + 1] * _INTERVAL_H
        yield "next", (realised, forecast.next_per_h * _INTERVAL_H, *others)
        until = stamps[last] + HOLD_H * _HOUR_S
        if until <= stamps[-1]:
            final = int(np.searchsorted(stamps, until, side="right"))
            month = (sums[final] - sums[last + 1]) / HOLD_H * _INTERVAL_H
            yield "month", (month, forecast.level_per_h * _INTERVAL_H, *others)


def _hourly(coin: HourlyCoin) -> FloatArray:
    """Every settled rate by the hour."""
    steps = np.diff(coin.settled_s) / _HOUR_S
    spans = np.concatenate((steps[:1] if len(steps) else [_INTERVAL_H], steps))
    found: FloatArray = coin.rates / np.minimum(spans, _INTERVAL_H)
    return found
