"""Fit of the synthetic markets: recorded figures next to those of the generator.

Reads the recorded hourly spot and funding files below ``GNOMON_SHARED`` (else the
folder ``shared`` beside the checkout), measures them, measures a generated year in
the same way, prints both and writes them to ``benchmarks/results/market_fit.json``.
The parameters themselves live in ``connectors/markets/scenarios.py``; this program
changes nothing.

    python -m benchmarks.market_fit [--seed N]
"""

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from connectors.markets.files import FloatArray, read_bars, read_funding
from connectors.markets.scenarios import COINS, SCENARIOS
from connectors.markets.synthetic import open_scenario
from connectors.markets.walk import walk

__all__ = ["funding_figures", "main", "price_figures"]

ROOT: Final = Path(__file__).resolve().parents[1]
RESULT: Final = ROOT / "benchmarks" / "results" / "market_fit.json"
FAR: Final = 2**40
JUMP_SCORE: Final = 5.0
"""An hour this many times the volatility of the week before is a jump."""

SMALL: Final = 0.1
FIRST_FUNDING_S: Final = 1_640_995_200
"""2022-01-01: older funding belongs to another market."""

Figures = dict[str, float]


def price_figures(returns: FloatArray, market: FloatArray) -> Figures:
    """What hourly log returns look like, alone and beside those of BTC.

    Args:
        returns: Hourly log returns of a coin.
        market: Those of BTC for the same hours.
    """
    daily = _daily(returns)
    beta = float(np.cov(returns, market)[0, 1] / np.var(market, ddof=1))
    scale = np.sqrt(np.convolve(returns**2, np.ones(168) / 168, "valid"))[:-1]
    score = np.abs(returns[168:]) / scale
    jumps = np.abs(returns[168:])[score > JUMP_SCORE]
    levels = np.log(np.sqrt(_daily(returns**2)) + 1e-9)
    return {
        "vol_day": float(daily.std()),
        "kurtosis_1h": _kurtosis(returns),
        "kurtosis_1d": _kurtosis(daily),
        "tail_index_1h": _hill(np.abs(returns)),
        "beta_btc": beta,
        "correlation_btc_1h": float(np.corrcoef(returns, market)[0, 1]),
        "correlation_btc_1d": float(np.corrcoef(daily, _daily(market))[0, 1]),
        "abs_autocorrelation_1h": _autocorrelation(np.abs(returns), 1),
        "abs_autocorrelation_24h": _autocorrelation(np.abs(returns), 24),
        "abs_autocorrelation_168h": _autocorrelation(np.abs(returns), 168),
        "log_vol_sd_1d": float(levels.std()),
        "jumps_a_day": float(len(jumps) / len(score) * 24),
        "jump_size": float(jumps.mean()) if len(jumps) else 0.0,
        "worst_hour": float(returns.min()),
        "worst_day": float(daily.min()),
    }


def funding_figures(rates: FloatArray) -> Figures:
    """What settled rates look like; three a day."""
    return {
        "mean": float(rates.mean()),
        "sd": float(rates.std()),
        "autocorrelation_1": _autocorrelation(rates, 1),
        "autocorrelation_3": _autocorrelation(rates, 3),
        "share_exactly_1bp": float(np.isclose(rates, 0.0001, atol=1e-9).mean()),
        "share_negative": float((rates < 0).mean()),
        "lowest": float(rates.min()),
        "highest": float(rates.max()),
    }


def _daily(hourly: FloatArray) -> FloatArray:
    whole = len(hourly) // 24 * 24
    sums: FloatArray = hourly[:whole].reshape(-1, 24).sum(axis=1)
    return sums


def _kurtosis(values: FloatArray) -> float:
    centred = values - values.mean()
    return float((centred**4).mean() / (centred**2).mean() ** 2)


def _hill(sizes: FloatArray) -> float:
    """Hill's estimate of the tail index from the largest hundredth."""
    ordered = np.sort(sizes)
    count = max(len(ordered) // 100, 10)
    return float(1.0 / np.log(ordered[-count:] / ordered[-count - 1]).mean())


def _autocorrelation(values: FloatArray, lag: int) -> float:
    if values.std() == 0:
        return 0.0
    return float(np.corrcoef(values[:-lag], values[lag:])[0, 1])


def _recorded_prices(folder: Path) -> Mapping[str, Figures]:
    closes = {
        coin: read_bars(
            folder / "candles" / f"BINANCE_{coin}USDT_spot_1h_2022-2026.parquet",
            end_s=FAR,
        ).close
        for coin in COINS
    }
    count = min(len(values) for values in closes.values())
    returns = {c: np.diff(np.log(v[-count:])) for c, v in closes.items()}
    return {c: price_figures(r, returns["BTC"]) for c, r in returns.items()}


def _recorded_funding(folder: Path) -> Mapping[str, Figures]:
    found: dict[str, Figures] = {}
    for coin in COINS:
        path = folder / "funding" / f"BINANCE_{coin}USDT.csv.gz"
        rows = read_funding(path, end_s=FAR)
        kept = [
            float(rate)
            for at_s, rate in zip(rows.at_s, rows.rates, strict=True)
            if at_s >= FIRST_FUNDING_S
        ]
        found[coin] = funding_figures(np.array(kept))
    return found


def generated_prices(seeds: tuple[int, ...]) -> Mapping[str, Figures]:
    """Figures of generated years at one mark a minute, one year after another."""
    year, names = SCENARIOS["year"], tuple(COINS)
    parts = []
    for seed in seeds:
        blocks = walk(year, names, 365 * 1_440 + 1, 60, seed)
        path = np.concatenate([block.spot for block in blocks])
        parts.append(np.diff(np.log(path[::60]), axis=0))
    returns = np.concatenate(parts)
    btc = returns[:, names.index("BTC")]
    return {
        coin: price_figures(returns[:, place], btc) for place, coin in enumerate(names)
    }


def generated_funding(seed: int) -> Mapping[str, Figures]:
    """Figures of the funding of a generated year, a mark every ten minutes."""
    market = open_scenario("year", seed, mark_interval_s=600)
    rates: dict[str, list[float]] = {
        str(item.perp_symbol): [] for item in market.description.instruments
    }
    for instant in market.instants({}):
        for settled in instant.settlements:
            rates[settled.symbol].append(float(settled.funding_rate))
    return {
        item.coin: funding_figures(np.array(rates[str(item.perp_symbol)]))
        for item in market.description.instruments
    }


def _print(
    title: str, real: Mapping[str, Figures], made: Mapping[str, Figures]
) -> None:
    coins = ("BTC", "ETH", "SOL", "XRP", "DOGE")
    print(f"\n{title}: recorded | generated")
    print(" " * 26 + "".join(f"{coin:>22}" for coin in coins))
    for name in real["BTC"]:
        cells = "".join(
            f"{_cell(real[c][name])} |{_cell(made[c][name])}" for c in coins
        )
        print(f"{name:<26}{cells}")


def _cell(value: float) -> str:
    return f"{value:10.5f}" if abs(value) < SMALL else f"{value:10.2f}"


def main() -> None:
    """Measure both, print the table, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="seed of the first year")
    seed = parser.parse_args().seed
    shared = Path(os.environ.get("GNOMON_SHARED", ROOT.parent / "shared"))
    folder = shared / "data"
    result = {
        "prices": {
            "recorded": _recorded_prices(folder),
            "generated": generated_prices((seed, seed + 1, seed + 2)),
        },
        "funding": {
            "recorded": _recorded_funding(folder),
            "generated": generated_funding(seed),
        },
    }
    for title, both in result.items():
        _print(title, both["recorded"], both["generated"])
    RESULT.parent.mkdir(exist_ok=True)
    text = json.dumps(_short(result), indent=1, sort_keys=True)
    RESULT.write_text(text + "\n", encoding="utf-8")
    print(f"\nwritten to {RESULT.relative_to(ROOT)}")


def _short(value: object) -> object:
    """The same with floats of five significant digits."""
    if isinstance(value, Mapping):
        return {key: _short(item) for key, item in value.items()}
    return float(f"{value:.5g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
