"""Real crashes and rising paths, with and without the guard: the README's table.

Usage: python benchmarks/crash_table.py [--workers 2] [--out benchmarks/results]

Reads the recorded windows of GNOMON_SHARED (default ../shared), replays three
account shapes at three times leverage and writes ``crash_table.md`` and ``.json``.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path

from bot.compose import NullJournal, Plan, plan_run, simulate
from bot.engine.loop import Engine
from bot.ports import Market
from bot.report.tally import Tally
from bot.settings import settings_from
from connectors.markets.recorded import open_market
from connectors.markets.synthetic import open_scenario
from connectors.system.clock import FreePacer
from connectors.venue.account_file import load_account

CRASHES = ("2021-05-crash", "2022-11-ftx", "2025-02-crash", "2025-10-crash")
ALTS = ("DOGE", "XRP", "ADA")
OTHER_ALTS = ("SOL", "AVAX", "ETH")

LONG = """
[margin_cross]
leverage = "5"
balance = {BTC = "@300000"}
principal = {USDT = "200000"}
"""
CARRY = """
[margin_cross]
leverage = "5"
balance = {BTC = "@150000"}
principal = {USDT = "100000"}
[futures]
wallet = {USDT = "50000"}
[[futures.position]]
symbol = "XBTUSDTM"
mode = "cross"
base = "@-150000"
entry = "mark"
leverage = 3
"""


def short(coins: list[str]) -> str:
    """Owe 200,000 USDT worth of coins against 300,000 USDT."""
    each = 200_000 // len(coins)
    owed = ", ".join(f'{coin} = "@{each}"' for coin in coins)
    return (
        '[margin_cross]\nleverage = "5"\n'
        f'balance = {{USDT = "300000"}}\nprincipal = {{{owed}}}\n'
    )


@dataclass(frozen=True)
class Job:
    """One row: a market, the part of it, and a shape."""

    window: str
    part: str
    shape: str


def shared() -> Path:
    """Where the recorded data are."""
    return Path(os.environ.get("GNOMON_SHARED", "../shared"))


def open_job(job: Job) -> Market:
    """The market of a row; ``rise`` begins at the lowest BTC mark."""
    if job.window == "synthetic squeeze":
        return open_scenario("squeeze", 1)
    path = shared() / "data" / "windows" / f"{job.window}.toml"
    market = open_market(path)
    if job.part == "rise":
        lowest = min(
            (i for i in market.instants({}) if "BTC" in i.margin_marks),
            key=lambda i: i.margin_marks["BTC"],
        )
        market = open_market(path, start=lowest.at)
    return market


def account_of(job: Job, market: Market) -> tuple[str, list[str], list[str]]:
    """The account file's text, the coins used and the coins missing."""
    traded = set(market.first_prices().margin_marks)
    if job.shape == "long 3x":
        return LONG, ["BTC"], []
    if job.shape == "carry 3x":
        return CARRY, ["BTC"], []
    missing = [coin for coin in ALTS if coin not in traded]
    used = [coin for coin in ALTS if coin in traded]
    used = used or [coin for coin in OTHER_ALTS if coin in traded][:2]
    return short(used), used, missing


async def replay(plan: Plan) -> dict[str, object]:
    """One run to its end, with its summary."""
    made: list[Tally] = []

    def observers(engine: Engine) -> list[Tally]:
        made.append(Tally(engine.state.shadow))
        return made

    simulation = await simulate(plan, NullJournal(), FreePacer(), observers)
    await simulation.finish()
    made[0].close(simulation.engine.state.shadow)
    if simulation.venue.equity_usdt() != made[0].equity_end:
        raise AssertionError("the shadow and the venue disagree")
    return made[0].summary()


def row(job: Job) -> dict:
    """Replay one row with and without the guard."""
    began = time.perf_counter()
    market = open_job(job)
    text, used, missing = account_of(job, market)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "account.toml"
        path.write_text(text)
        plan = plan_run(
            world="replay",
            market=market,
            account=load_account(path),
            settings=settings_from({}, {}),
            seed=1,
        )
    guarded = asyncio.run(replay(plan))
    bare = asyncio.run(replay(replace(plan, is_guarded=False)))
    coins = {i.coin: i for i in market.description.instruments}
    derived = [n for c in used if c in coins for n in coins[c].derived]
    return {
        "window": job.window,
        "part": job.part,
        "shape": job.shape,
        "coins": used,
        "missing": missing,
        "resolution": ", ".join(
            sorted({coins[c].resolution for c in used if c in coins})
        ),
        "derived": derived,
        "ticks": guarded["ticks"],
        "guard": guarded,
        "bare": bare,
        "seconds": round(time.perf_counter() - began, 1),
    }


def jobs() -> list[Job]:
    """All rows of the table."""
    found = [
        Job(window, "all", shape)
        for window in CRASHES
        for shape in ("long 3x", "short 3x", "carry 3x")
    ]
    found += [
        Job(window, part, shape)
        for window, part in (
            *((window, "rise") for window in CRASHES),
            ("2024H2-trend", "all"),
            ("2024H2-trend", "rise"),
            ("synthetic squeeze", "all"),
        )
        for shape in ("short 3x", "carry 3x")
    ]
    return found


def percent(text: object) -> str:
    """A ratio for a table."""
    return f"{Decimal(str(text)) * 100:.1f} %"


def money(text: object) -> str:
    """USDT for a table."""
    return f"{Decimal(str(text)):,.0f}"


def table(rows: list[dict]) -> str:
    """The rows as Markdown."""
    lines = [
        (
            "| window | shape | coins (missing) | bars | debt ratio max: guard / none "
            "| risk rate max: guard / none | liquidations: guard / none "
            "| end equity: guard | none | difference |"
        ),
        "|---|---|---|---|---|---|---|---:|---:|---:|",
    ]
    for r in rows:
        g, b = r["guard"], r["bare"]
        gap = Decimal(g["equity_end"]) - Decimal(b["equity_end"])
        name = r["window"] + (", from its low" if r["part"] == "rise" else "")
        missing = f" (missing {', '.join(r['missing'])})" if r["missing"] else ""
        lines.append(
            f"| {name} | {r['shape']} | {', '.join(r['coins'])}{missing} "
            f"| {r['resolution']} "
            f"| {percent(g['max_debt_ratio'])} / {percent(b['max_debt_ratio'])} "
            f"| {percent(g['max_risk_rate'])} / {percent(b['max_risk_rate'])} "
            f"| {g['liquidations']} / {b['liquidations']} "
            f"| {money(g['equity_end'])} | {money(b['equity_end'])} | {gap:+,.0f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Replay every row and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--only", default="", help="only rows whose name holds this")
    options = parser.parse_args()
    chosen = [j for j in jobs() if options.only in f"{j.window} {j.part} {j.shape}"]
    began = time.perf_counter()
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        rows = []
        for done in pool.map(row, chosen):
            rows.append(done)
            print(
                f"{done['window']} {done['part']} {done['shape']}: {done['seconds']} s"
            )
    text = table(rows)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "crash_table.md").write_text(text)
    kept = [{k: v for k, v in r.items() if k != "seconds"} for r in rows]
    (options.out / "crash_table.json").write_text(json.dumps(kept, indent=1) + "\n")
    print(text)
    print(f"{len(rows)} rows in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
