"""A year of one-minute marks for ten instruments through engine, guard and venue.

Usage: python benchmarks/bench_year.py [--instants 525601] [--profile 20000]

The market is synthetic (no such year is recorded), one mark a minute, the account
a levered mix with futures. Prints instants a second and writes the profile of a
slice, so that later work on speed starts from a figure.
"""

import argparse
import asyncio
import cProfile
import io
import json
import platform
import pstats
import resource
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from bot.compose import Plan, open_journal, plan_run, simulate
from bot.engine.loop import Engine
from bot.report.tally import Tally
from bot.settings import settings_from
from connectors.markets.synthetic import open_scenario
from connectors.system.clock import FreePacer
from connectors.venue.account_file import load_account

ACCOUNT = """
[main]
USDT = "20000"
[margin_cross]
leverage = "5"
balance = {BTC = "@60000", ETH = "@40000", SOL = "@20000", USDT = "30000"}
principal = {USDT = "60000"}
[futures]
wallet = {USDT = "60000"}
[[futures.position]]
symbol = "XBTUSDTM"
mode = "cross"
base = "@-60000"
entry = "mark"
leverage = 3
[[futures.position]]
symbol = "ETHUSDTM"
mode = "cross"
base = "@-40000"
entry = "mark"
leverage = 3
"""


def plan_of(instants: int) -> Plan:
    """The run: a year, or as much of it as was asked for."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "account.toml"
        path.write_text(ACCOUNT)
        account = load_account(path)
    return plan_run(
        world="replay",
        market=open_scenario("year", 1, duration=timedelta(minutes=instants - 1)),
        account=account,
        settings=settings_from({}, {}),
        seed=1,
    )


async def run(plan: Plan, journal_path: Path) -> tuple[int, dict[str, object]]:
    """One run with its journal and tally, as a replay does it."""
    made: list[Tally] = []

    def observers(engine: Engine) -> list[Tally]:
        made.append(Tally(engine.state.shadow))
        return made

    journal = open_journal(plan, journal_path, force=True)
    simulation = await simulate(plan, journal, FreePacer(), observers)
    await simulation.finish()
    made[0].close(simulation.engine.state.shadow)
    journal.close()
    return simulation.world.instants, made[0].summary()


def measured(instants: int) -> dict[str, object]:
    """Time one run."""
    plan = plan_of(instants)
    with tempfile.TemporaryDirectory() as folder:
        began, cpu = time.perf_counter(), time.process_time()
        count, summary = asyncio.run(run(plan, Path(folder) / "journal.sqlite"))
        seconds, used = time.perf_counter() - began, time.process_time() - cpu
    return {
        "instants": count,
        "instruments": 10,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(used, 1),
        "instants_per_cpu_second": round(count / used),
        "marks_per_cpu_second": round(count * 20 / used),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "python": platform.python_version(),
        "orders": summary["orders"],
        "liquidations": summary["liquidations"],
    }


def profiled(instants: int) -> str:
    """The most expensive functions of a slice, by their own time."""
    plan = plan_of(instants)
    profile = cProfile.Profile()
    with tempfile.TemporaryDirectory() as folder:
        profile.enable()
        asyncio.run(run(plan, Path(folder) / "journal.sqlite"))
        profile.disable()
    text = io.StringIO()
    pstats.Stats(profile, stream=text).strip_dirs().sort_stats("tottime").print_stats(
        25
    )
    kept = [line for line in text.getvalue().splitlines() if line.strip()]
    return "\n".join(kept) + "\n"


def main() -> None:
    """Measure, profile, write both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instants", type=int, default=525_601)
    parser.add_argument("--profile", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    figures = measured(options.instants)
    print(json.dumps(figures, indent=1))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "year.json").write_text(json.dumps(figures, indent=1) + "\n")
    if options.profile:
        text = profiled(options.profile)
        print(text)
        (options.out / "year_profile.txt").write_text(text)


if __name__ == "__main__":
    main()
