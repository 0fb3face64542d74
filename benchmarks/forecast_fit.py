"""Fits the forecast's few numbers on the windows that its score leaves out.

Windows July 2022 to December 2023, every fifth state (30 h apart, so that every
hour of the grid comes up), 512 paths, a year of history at most. One number after
the other, twice; the least mean log loss wins (probabilities kept within 1e-4 of 0
and 1), because it weighs rare events. The winner is written into the defaults of
``bot.risk.scenarios.Model`` by hand; this program only prints and keeps the table.

    python -m benchmarks.forecast_fit
"""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.forecast_cases import (
    COINS,
    FloatArray,
    outcomes,
    read_market,
    starts_between,
)
from benchmarks.forecast_rivals import paths_forecast
from bot.risk.scenarios import ROWS_WANTED, History, Model

__all__ = ["FIT_FROM", "FIT_UNTIL", "main"]

FIT_FROM: Final = datetime(2022, 7, 1, tzinfo=UTC)
FIT_UNTIL: Final = datetime(2024, 1, 1, tzinfo=UTC)
RESULT: Final = Path(__file__).resolve().parent / "results" / "forecast_fit.json"
EVERY: Final = 5
PATHS: Final = 512
CLOSEST: Final = 1e-4
ROUNDS: Final = 2
GRID: Final[dict[str, tuple[Any, ...]]] = {
    "scale": (1.0, 1.05, 1.1),
    "half_life_h": (8.0, 12.0, 16.0, 24.0, 48.0),
    "long_run_share": (0.1, 0.2, 0.3, 0.4),
    "block_h": (1, 12, 24),
    "is_mirrored": (True, False),
    "has_rhythm": (True, False),
}


def log_loss(forecasts: FloatArray, happened: NDArray[np.bool_]) -> float:
    """Mean of minus the log of what was given to what happened."""
    kept = np.clip(forecasts, CLOSEST, 1.0 - CLOSEST)
    return float(-np.log(np.where(happened, kept, 1.0 - kept)).mean())


def main() -> None:
    """Search, print each trial, keep them all."""
    market = read_market()
    hourly = market.hourly
    hours = starts_between(market, FIT_FROM, FIT_UNTIL)[::EVERY]
    happened = np.array([outcomes(market, hour) for hour in hours])
    tried: dict[str, dict[str, Any]] = {}

    def loss(model: Model) -> float:
        key = json.dumps(asdict(model))
        if key not in tried:
            found = np.array(
                [
                    paths_forecast(
                        History(
                            coins=COINS,
                            returns=hourly[max(hour - ROWS_WANTED, 0) : hour],
                        ),
                        hour,
                        model,
                    )
                    for hour in hours
                ]
            )
            brier = float(((found - happened) ** 2).mean())
            tried[key] = {"loss": log_loss(found, happened), "brier": brier}
            print(f"{tried[key]['loss']:.6f} {brier:.6f} {key}", flush=True)
        return float(tried[key]["loss"])

    best = replace(Model(), paths=PATHS)
    for _ in range(ROUNDS):
        for name, values in GRID.items():
            trials = [replace(best, **{name: value}) for value in values]
            best = min(trials, key=loss)
    print("best", best)
    RESULT.write_text(
        json.dumps(
            {
                "from": FIT_FROM.isoformat(),
                "until": FIT_UNTIL.isoformat(),
                "states": len(hours),
                "best": asdict(best),
                "trials": [{**json.loads(k), **v} for k, v in tried.items()],
            },
            indent=1,
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
