"""Scores the forecast on recorded markets that it was not fitted on.

States begin every six hours from January 2024 to December 2025: six shapes by eight
distances, within 1, 8 and 24 hours. The forecast's numbers were fitted on July 2022
to December 2023 (``benchmarks/forecast_fit.py``); its histories are the year before
each state. Rivals: the rate of each cell (shape, distance, horizon) in the fitting
windows, the rate of the cell in the scored windows themselves (known only
afterwards), and an EWMA normal of the same half-life. Prints, and writes
``benchmarks/results/forecast_score.txt`` and ``.json``.

    python -m benchmarks.forecast_score [--every N]
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.forecast_cases import (
    COINS,
    DISTANCES,
    HORIZONS_H,
    SHAPES,
    FloatArray,
    Market,
    outcomes,
    read_market,
    starts_between,
)
from benchmarks.forecast_fit import FIT_FROM, FIT_UNTIL
from benchmarks.forecast_rivals import normal_forecast, paths_forecast
from benchmarks.forecast_tables import (
    BoolArray,
    IntArray,
    reliability,
    skill,
    skill_band,
)
from bot.risk.forecast import forecast
from bot.risk.scenarios import ROWS_WANTED, History, Model
from bot.risk.terms import Terms

__all__ = ["main"]

SCORE_FROM: Final = FIT_UNTIL
SCORE_UNTIL: Final = datetime(2026, 1, 1, tzinfo=UTC)
RESULT: Final = Path(__file__).resolve().parent / "results" / "forecast_score.json"
EVENTS_MIN: Final = 20
"""A cell with fewer events says too little to be called better or worse."""

PATHS: Final = Model().paths
TIMED_COINS: Final = 10
TIMED_RUNS: Final = 20

Report = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Forecasts and outcomes: states by shapes by distances by horizons."""

    ours: FloatArray
    rivals: dict[str, FloatArray]
    happened: BoolArray
    months: IntArray
    month_names: list[str]


def collect(market: Market, model: Model, every: int) -> Scored:
    """Forecast each state from the hours before it, then look what happened."""
    hourly = market.hourly
    hours = starts_between(market, SCORE_FROM, SCORE_UNTIL)[::every]
    ours, normal, happened, names = [], [], [], []
    for hour in hours:
        past = hourly[max(hour - ROWS_WANTED, 0) : hour]
        ours.append(paths_forecast(History(coins=COINS, returns=past), hour, model))
        normal.append(normal_forecast(past, hour, model.half_life_h))
        happened.append(outcomes(market, hour))
        when = datetime.fromtimestamp(market.begin_s + hour * 3_600, tz=UTC)
        names.append(f"{when:%Y-%m}")
    before = starts_between(market, FIT_FROM, FIT_UNTIL)
    table = np.array(happened)
    earlier = np.mean([outcomes(market, hour) for hour in before], axis=0)
    month_names, months = np.unique(names, return_inverse=True)
    return Scored(
        ours=np.array(ours),
        rivals={
            "rate before": np.broadcast_to(earlier, table.shape),
            "rate afterwards": np.broadcast_to(table.mean(axis=0), table.shape),
            "ewma normal": np.array(normal),
        },
        happened=table,
        months=months.astype(np.int64),
        month_names=[str(name) for name in month_names],
    )


def slices() -> Iterator[tuple[str, tuple[Any, ...]]]:
    """What is scored alone: everything, each horizon, shape and distance."""
    every = slice(None)
    yield "all", (every, every, every, every)
    for place, hours in enumerate(HORIZONS_H):
        yield f"{hours} h", (every, every, every, [place])
    for place, shape in enumerate(SHAPES):
        yield shape, (every, [place], every, every)
    for place, distance in enumerate(DISTANCES):
        yield f"{distance:.0%} away", (every, every, [place], every)


def skills(scored: Scored) -> list[Report]:
    """Brier score and skill against each rival, with bands."""
    rows = []
    for name, part in slices():
        ours, happened = scored.ours[part], scored.happened[part]
        row: Report = {
            "what": name,
            "forecasts": int(happened.size),
            "rate": float(happened.mean()),
            "said": float(ours.mean()),
            "brier": float(((ours - happened) ** 2).mean()),
        }
        for rival, table in scored.rivals.items():
            row[rival] = skill(ours, table[part], happened)
            row[f"{rival} band"] = skill_band(
                ours, table[part], happened, scored.months
            )
        rows.append(row)
    return rows


def cells(scored: Scored) -> list[Report]:
    """Each cell with events enough: its skill against the three."""
    rows = []
    for place in np.ndindex(scored.happened.shape[1:]):
        part = (slice(None), *place)
        happened = scored.happened[part]
        if happened.sum() < EVENTS_MIN or happened.all():
            continue
        row: Report = {
            "what": f"{SHAPES[place[0]]}, {DISTANCES[place[1]]:.0%}, "
            f"{HORIZONS_H[place[2]]} h",
            "events": int(happened.sum()),
            "rate": float(happened.mean()),
            "said": float(scored.ours[part].mean()),
        }
        for rival, table in scored.rivals.items():
            row[rival] = skill(scored.ours[part], table[part], happened)
        rows.append(row)
    return rows


def months(scored: Scored) -> list[Report]:
    """Each month: what was said, what came, and the skill against the three."""
    rows = []
    for place, name in enumerate(scored.month_names):
        part = scored.months == place
        happened = scored.happened[part]
        row: Report = {
            "what": name,
            "events": int(happened.sum()),
            "rate": float(happened.mean()),
            "said": float(scored.ours[part].mean()),
        }
        for rival, table in scored.rivals.items():
            row[rival] = skill(scored.ours[part], table[part], happened)
        rows.append(row)
    return rows


def timing() -> Report:
    """How long one forecast takes: ten coins, a margin and a futures account."""
    coins = tuple(f"C{place}" for place in range(TIMED_COINS))
    returns = np.random.default_rng(1).standard_t(4, (ROWS_WANTED, TIMED_COINS)) / 200
    past = History(coins=coins, returns=returns)
    margin = Terms(
        subject="margin_cross",
        warning=0.95,
        liquidation=0.97,
        requirement_constant=900.0,
        margin=dict.fromkeys(coins, 100.0),
    )
    futures = Terms(
        subject="futures.USDT",
        warning=0.95,
        liquidation=1.0,
        requirement=dict.fromkeys(coins, 1.0),
        margin_constant=1_100.0,
        margin=dict.fromkeys(coins, -100.0),
    )
    taken = []
    for seed in range(TIMED_RUNS):
        begun = time.perf_counter()
        forecast([margin, futures], past, drifts={}, model=Model(), seed=seed)
        taken.append((time.perf_counter() - begun) * 1_000)
    return {"median_ms": float(np.median(taken)), "slowest_ms": max(taken)}


def report(scored: Scored, model: Model) -> Report:
    """All tables."""
    by_horizon = {
        f"{hours} h": reliability(
            scored.ours[..., place], scored.happened[..., place], scored.months
        )
        for place, hours in enumerate(HORIZONS_H)
    }
    return {
        "fitted": [FIT_FROM.isoformat(), FIT_UNTIL.isoformat()],
        "scored": [SCORE_FROM.isoformat(), SCORE_UNTIL.isoformat()],
        "states": len(scored.happened),
        "model": asdict(model),
        "skills": skills(scored),
        "reliability": {
            "all": reliability(scored.ours, scored.happened, scored.months),
            **by_horizon,
        },
        "reliability of the normal": reliability(
            scored.rivals["ewma normal"], scored.happened, scored.months
        ),
        "cells": cells(scored),
        "months": months(scored),
        "timing": timing(),
    }


def lines(found: Report) -> Iterator[str]:
    """The report as text."""
    yield f"Fitted {found['fitted']}, scored {found['scored']}."
    yield f"{found['states']} states of {len(SHAPES) * len(DISTANCES)} subjects each."
    yield f"Model {found['model']}."
    yield f"One forecast, ten coins, two accounts: {found['timing']}."
    yield ""
    yield "Brier skill (5th to 95th percentile by months); above 0 is better than"
    rivals = ("rate before", "rate afterwards", "ewma normal")
    yield "".join(
        [f"{'':14}{'rate':>8}{'said':>8}{'brier':>9}", *(f"{r:>25}" for r in rivals)]
    )
    for row in found["skills"]:
        yield "".join(
            [
                f"{row['what']:14}{row['rate']:8.4f}{row['said']:8.4f}{row['brier']:9.5f}",
                *(f"{_with_band(row[r], row[f'{r} band']):>25}" for r in rivals),
            ]
        )
    for name, rows in found["reliability"].items():
        yield from _reliability_lines(f"Reliability, {name}", rows)
    yield from _reliability_lines(
        "Reliability of the EWMA normal, all", found["reliability of the normal"]
    )
    yield from _weak_lines("cells", found["cells"], rivals)
    yield from _weak_lines("months", found["months"], rivals)


def _with_band(value: float | None, band: list[float]) -> str:
    if value is None:
        return "nothing happened"
    return f"{value:+.3f} ({band[0]:+.3f} {band[1]:+.3f})"


def _reliability_lines(title: str, rows: list[Report]) -> Iterator[str]:
    yield ""
    yield f"{title}: gap is what came less what was said, with its band"
    for row in rows:
        verdict = "ok" if row["within_5_points"] or row["within_band"] else "MISSED"
        note = "" if row["within_band"] else ", band without 0"
        yield (
            f"  {row['from']:5.3f} to {row['to']:5.3f}  n {row['forecasts']:7d}  "
            f"said {row['said']:.4f}  came {row['came']:.4f}  "
            f"gap {_with_band(row['gap'], row['gap_band'])}  {verdict}{note}"
        )


def _weak_lines(
    kind: str, rows: list[Report], rivals: tuple[str, ...]
) -> Iterator[str]:
    yield ""
    weak = [row for row in rows if min(row[rival] for rival in rivals) < 0.0]
    counts = ", ".join(
        f"{rival} {sum(row[rival] < 0.0 for row in rows)}" for rival in rivals
    )
    yield f"Where not: {len(rows)} {kind} judged; worse than {counts}"
    for row in weak:
        yield (
            f"  {row['what']:24}events {row['events']:5d}  "
            f"rate {row['rate']:.4f}  said {row['said']:.4f}  "
            + "  ".join(f"{rival} {row[rival]:+.3f}" for rival in rivals)
        )


def main() -> None:
    """Score, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="take every Nth state")
    model = Model()
    scored = collect(read_market(), model, parser.parse_args().every)
    found = report(scored, model)
    text = "\n".join(lines(found)) + "\n"
    print(text)
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    RESULT.with_suffix(".txt").write_text(text)


if __name__ == "__main__":
    main()
