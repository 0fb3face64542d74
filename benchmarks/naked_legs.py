"""How long and how far a strategy's pair stands on one leg: the README's figures.

Usage: python -m benchmarks.naked_legs [--market FILE.toml ...] [--workers 2]
           [--out benchmarks/results]

Funding arbitrage opens, holds, turns and closes pairs in chunks of 500 USDT, in spot
and in cross margin, on every synthetic scenario and on the recorded markets that are
named, with none, a fiftieth, a tenth and a fifth of all requests, answers and look-ups
lost. A pair is measured from its first request to its last coin; an episode is a
stretch with more uncovered than the larger of one lot and 0.5 % of the pair. Times are
the venue's, from fill to fill and not sampled, while the market takes orders.
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
from bot.domain.events import Event
from bot.domain.money import plain
from bot.engine.core import Step
from bot.engine.loop import Engine, Observer
from bot.ports import Market
from bot.report.nakedness import NakedMeter
from bot.settings import settings_from
from connectors.markets.recorded import open_market
from connectors.markets.synthetic import open_scenario
from connectors.system.clock import FreePacer
from connectors.venue.account_file import load_account
from connectors.venue.world import FaultDice

CHUNK = 500
HOURS = 24
SCENARIOS = ("calm", "trend", "crash", "squeeze", "funding-flip")
LOST = (0.0, 0.02, 0.1, 0.2)
SEEDS = (1, 2)
ACCOUNTS = {
    "spot": '[spot]\nUSDT = "8000"\n[futures]\nwallet = {USDT = "6000"}\n',
    "margin_cross": (
        '[margin_cross]\nleverage = "5"\nbalance = {USDT = "8000"}\n'
        '[futures]\nwallet = {USDT = "6000"}\n'
    ),
}
AIMS = "aims: p99 at most 10 s, the longest at most 60 s"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One run: a scenario or the file of a market, where coins lie, what is lost."""

    market: str
    account: str
    lost: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one run measured; times in seconds, sizes in USDT."""

    case: Case
    lasted: tuple[Decimal, ...]
    max_usdt: Decimal
    halted_s: float
    halted_usdt: Decimal


def main() -> int:
    """Run every case, print and keep the table."""
    asked = _arguments()
    markets = [*SCENARIOS, *(str(path) for path in asked.market)]
    cases = [
        Case(market=market, account=account, lost=lost, seed=seed)
        for market in markets
        for account in ACCOUNTS
        for lost in LOST
        for seed in SEEDS
    ]
    with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(measured, cases))
    text = table(found)
    sys.stdout.write(text)
    if asked.out is not None:
        (asked.out / "naked_legs.txt").write_text(text, encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", type=Path, nargs="*", default=[])
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
    meter = NakedMeter()

    def see(moment: Sequence[Event], step: Step) -> None:
        meter.see(step.state.shadow)

    def observers(engine: Engine) -> Sequence[Observer]:
        return [see]

    run = await simulate(plan, NullJournal(), FreePacer(), observers)
    await run.finish()
    meter.close(run.engine.state.shadow)
    figures = meter.figures()
    return Found(
        case=case,
        lasted=meter.lasted,
        max_usdt=Decimal(str(figures["max_usdt"])),
        halted_s=float(str(figures["halted_s"])),
        halted_usdt=Decimal(str(figures["halted_usdt"])),
    )


def plan_of(case: Case, folder: Path) -> Plan:
    """The run of a case."""
    market = _market(case)
    coins = sorted(
        {each.coin for each in market.description.instruments} & {"SOL", "ETH", "XRP"}
    )
    file = folder / "account.toml"
    file.write_text(ACCOUNTS[case.account], encoding="utf-8")
    strategy = {
        "kind": "funding_arbitrage",
        "coins": coins,
        "spot_account": case.account,
        "notional_usdt": 2000,
        "chunk_usdt": CHUNK,
        "min_carry": 0,
        "hold_h": 8760,
    }
    return plan_run(
        world="simulated",
        market=market,
        account=load_account(file),
        settings=settings_from({}, {"strategy": {"carry": strategy}}),
        seed=case.seed,
        faults=FaultDice(
            lost_answer=case.lost, lost_request=case.lost, lost_lookup=case.lost
        ),
    )


def _market(case: Case) -> Market:
    if case.market.endswith(".toml"):
        return open_market(Path(case.market))
    return open_scenario(
        case.market,
        case.seed,
        duration=timedelta(hours=HOURS),
        mark_interval_s=10,
        coins=("BTC", "SOL", "ETH"),
    )


def table(found: Sequence[Found]) -> str:
    """One line for each market, account and share of losses; all of a share below."""
    head = (
        f"{'market':18} {'coins in':12} {'lost':>5} {'episodes':>8} {'median s':>9} "
        f"{'p99 s':>7} {'max s':>7} {'max USDT':>9} {'halted s':>9} {'its USDT':>9}"
    )
    lines = [head]
    groups: dict[tuple[str, str, float], list[Found]] = {}
    for each in found:
        name = Path(each.case.market).stem
        groups.setdefault((name, each.case.account, each.case.lost), []).append(each)
    lines += [_line(*key, rows) for key, rows in groups.items()]
    lines += [
        _line("all", "", lost, [each for each in found if each.case.lost == lost])
        for lost in LOST
    ]
    return "\n".join([*lines, AIMS, ""])


def _line(market: str, account: str, lost: float, rows: Sequence[Found]) -> str:
    lasted = sorted(span for row in rows for span in row.lasted)
    most = max((row.max_usdt for row in rows), default=Decimal(0))
    halted = sum(row.halted_s for row in rows)
    price = sum((row.halted_usdt for row in rows), Decimal(0))
    return (
        f"{market:18} {account:12} {lost:5.0%} {len(lasted):8} {_at(lasted, 0.5):9.2f} "
        f"{_at(lasted, 0.99):7.2f} {_at(lasted, 1.0):7.2f} {plain(round(most)):>9} "
        f"{halted:9.1f} {plain(round(price)):>9}"
    )


def _at(lasted: Sequence[Decimal], share: float) -> float:
    """The smallest length that at least so many episodes do not pass."""
    if not lasted:
        return 0.0
    rank = -(-len(lasted) * round(share * 100) // 100)
    return float(lasted[max(rank - 1, 0)])


if __name__ == "__main__":
    sys.exit(main())
