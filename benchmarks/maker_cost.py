"""What beginning hedged pairs costs, taken at once and rested as a maker first.

Usage: python -m benchmarks.maker_cost MARKET.toml [...] [--days 6] [--workers 2]
           [--out benchmarks/results]

Funding arbitrage builds pairs of 2,500 USDT in four coins in chunks of 500, three
hours on each of several days, with first legs that rest for nought to fifteen minutes.
The cost is what price, fees and slippage took of everything that was traded, in basis
points: a leg that waits pays less, and may pay for it with what the price does
meanwhile. Funding is left out. Prices between the points of a bar are made up, so only
markets recorded by the minute are worth running.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.compose import NullJournal, Plan, plan_run, simulate
from bot.domain.events import Event, Filled
from bot.engine.core import Step
from bot.engine.loop import Engine, Observer
from bot.engine.readings import value_usdt
from bot.report.tally import Tally
from bot.settings import settings_from
from connectors.markets.recorded import open_market
from connectors.system.clock import FreePacer
from connectors.venue.account_file import load_account

WAITS_S = (0, 60, 300, 900)
HOURS = 3
COINS = ("BTC", "ETH", "SOL", "XRP")
ACCOUNT = '[spot]\nUSDT = "20000"\n[futures]\nwallet = {USDT = "10000"}\n'


@dataclass(frozen=True, kw_only=True)
class Case:
    """Some hours of one market, and how long first legs may rest."""

    market: Path
    day: int
    wait_s: int


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one run cost by part, and what it traded, in USDT."""

    case: Case
    parts: dict[str, Decimal]
    traded: Decimal
    traded_as_maker: Decimal


def main() -> int:
    """Run every case, print and keep the table."""
    asked = _arguments()
    cases = [
        Case(market=market, day=day, wait_s=wait_s)
        for market in asked.market
        for wait_s in WAITS_S
        for day in range(1, asked.days + 1)
    ]
    with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(measured, cases))
    text = table(found)
    sys.stdout.write(text)
    if asked.out is not None:
        (asked.out / "maker_cost.txt").write_text(text, encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("market", type=Path, nargs="+")
    parser.add_argument("--days", type=int, default=6)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    for path in asked.market:
        if not path.is_file():
            parser.error(f"there is no market {path}")
    return asked


def measured(case: Case) -> Found:
    """One run to its end."""
    with TemporaryDirectory() as folder:
        return asyncio.run(_measured(plan_of(case, Path(folder)), case))


async def _measured(plan: Plan, case: Case) -> Found:
    tallies: list[Tally] = []
    traded = {True: Decimal(0), False: Decimal(0)}

    def see(moment: Sequence[Event], step: Step) -> None:
        for event in moment:
            if isinstance(event, Filled):
                traded[event.is_maker] += value_usdt(step.state.shadow, event)

    def observers(engine: Engine) -> Sequence[Observer]:
        tallies.append(Tally(engine.state.shadow))
        return [tallies[0], see]

    run = await simulate(plan, NullJournal(), FreePacer(), observers)
    await run.finish()
    tallies[0].close(run.engine.state.shadow)
    tally = tallies[0]
    if tally.equity_start is None or tally.equity_end is None:
        raise ValueError(f"{case} never knew its equity")
    earned = tally.equity_end - tally.equity_start
    return Found(
        case=case,
        parts={
            "price": earned - sum(tally.parts.values(), Decimal(0)),
            "fees": tally.parts["fees"],
            "slippage": tally.parts["slippage"],
        },
        traded=traded[True] + traded[False],
        traded_as_maker=traded[True],
    )


def plan_of(case: Case, folder: Path) -> Plan:
    """The run of a case: some hours, an hour after midnight of a day."""
    whole = open_market(case.market).description
    start = whole.start + timedelta(days=case.day, hours=1)
    market = open_market(case.market, start=start, end=start + timedelta(hours=HOURS))
    file = folder / "account.toml"
    file.write_text(ACCOUNT, encoding="utf-8")
    coins = {each.coin for each in whole.instruments} & set(COINS)
    strategy = {
        "kind": "funding_arbitrage",
        "coins": sorted(coins),
        "notional_usdt": 2500,
        "chunk_usdt": 500,
        "max_pairs": len(COINS),
        "min_carry": 0,
        "hold_h": 8760,
        "maker_s": case.wait_s,
    }
    return plan_run(
        world="simulated",
        market=market,
        account=load_account(file),
        settings=settings_from({}, {"strategy": {"carry": strategy}}),
        seed=1,
    )


def table(found: Sequence[Found]) -> str:
    """One line for each market and wait."""
    head = (
        f"{'market':18} {'rests s':>8} {'traded USDT':>12} {'as maker':>9} "
        f"{'cost bp':>8} {'price':>7} {'fees':>7} {'slippage':>9}"
    )
    groups: dict[tuple[str, int], list[Found]] = {}
    for each in found:
        key = (each.case.market.stem, each.case.wait_s)
        groups.setdefault(key, []).append(each)
    return "\n".join([head, *(_line(*key, rows) for key, rows in groups.items()), ""])


def _line(market: str, wait_s: int, rows: Sequence[Found]) -> str:
    traded = sum((row.traded for row in rows), Decimal(0))
    maker = sum((row.traded_as_maker for row in rows), Decimal(0))
    if not traded:
        return f"{market:18} {wait_s:8} {0:12}"
    parts = {
        name: float(sum((row.parts[name] for row in rows), Decimal(0)) / traded) * 1e4
        for name in rows[0].parts
    }
    return (
        f"{market:18} {wait_s:8} {traded:12.0f} {maker / traded:9.1%} "
        f"{-sum(parts.values()):8.2f} {-parts['price']:7.2f} {-parts['fees']:7.2f} "
        f"{-parts['slippage']:9.2f}"
    )


if __name__ == "__main__":
    sys.exit(main())
