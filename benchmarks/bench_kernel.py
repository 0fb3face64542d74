"""The kernel's speed: one mark in and all numbers out, and a grid of scenarios.

Usage: python benchmarks/bench_kernel.py [--marks 20000] [--scenarios 10000]

The account is synthetic: a cross margin account that holds and owes every coin, 19
isolated pairs, and 100 futures positions, 60 of them cross and 40 isolated with
tiers. Prints percentiles beside those of the exact engine, which does the same work
in decimals, and writes them to ``benchmarks/results/kernel.txt``.
"""

import argparse
import gc
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from bot.domain.accounts import (
    FUTURES,
    MARGIN_CROSS,
    Balance,
    MarginMode,
    Position,
    PositionKey,
    isolated_account,
)
from bot.domain.events import MarksTicked
from bot.domain.instruments import (
    ContractRules,
    IsolatedPairRules,
    Lots,
    MarginCoinRules,
    RiskTier,
    Rules,
)
from bot.engine.core import Core, State, Step
from bot.engine.lookout import Lookout
from bot.guard.glance import is_quiet, levels_of
from bot.guard.judge import judge
from bot.guard.limits import GuardLimits
from bot.guard.state import GuardState
from bot.risk.examples import XBTUSDTM
from bot.risk.kernel import Kernel
from bot.risk.measure import measure_subjects
from bot.shadow.state import Shadow

AT = datetime(2026, 1, 1, tzinfo=UTC)
POSITIONS, CROSS, PAIRS = 100, 60, 19
RESULT = Path(__file__).parent / "results" / "kernel.txt"
Work = Callable[[str, Decimal], object]


def coin_rules(coin: str) -> MarginCoinRules:
    """A coin of the margin accounts."""
    return MarginCoinRules(coin=coin, coefficient=Decimal("0.98"))


def contract(coin: str) -> ContractRules:
    """A linear contract with four tiers."""
    tiers = tuple(
        RiskTier(
            max_notional=Decimal(limit),
            max_leverage=Decimal(20),
            initial_margin_rate=Decimal(rate) * 2,
            maintenance_margin_rate=Decimal(rate),
        )
        for limit, rate in (
            (500, "0.005"),
            (1_000, "0.01"),
            (2_000, "0.02"),
            (90_000, "0.05"),
        )
    )
    return replace(XBTUSDTM, symbol=f"{coin}USDTM", base=coin, tiers=tiers)


def rules_of(coins: Sequence[str]) -> Rules:
    """Every coin in margin and as a contract."""
    return Rules(
        contracts={f"{c}USDTM": contract(c) for c in coins},
        margin_coins={c: coin_rules(c) for c in (*coins, "USDT")},
        isolated_pairs={
            f"{c}-USDT": IsolatedPairRules(
                symbol=f"{c}-USDT",
                base=c,
                quote="USDT",
                max_leverage=Decimal(10),
                liquidation_debt_ratio=Decimal("0.97"),
                base_rules=coin_rules(c),
                quote_rules=coin_rules("USDT"),
            )
            for c in coins[:PAIRS]
        },
    )


def account_of(count: int) -> Shadow:
    """An account of so many coins, each at about 100 USDT, far from liquidation."""
    coins = [f"C{i:03}" for i in range(count)]
    owned = {
        c: Balance(total=Decimal(10), principal=Decimal(i % 4))
        for i, c in enumerate(coins)
    }
    owed = Balance(total=Decimal(5000), principal=Decimal(20_000))
    margin = {MARGIN_CROSS: {**owned, "USDT": owed}}
    for coin in coins[:PAIRS]:
        margin[isolated_account(f"{coin}-USDT")] = {
            coin: Balance(total=Decimal(10)),
            "USDT": Balance(principal=Decimal(400)),
        }
    held = [
        Position(
            symbol=f"{coins[i % count]}USDTM",
            lots=Lots(10_000 if i % 3 else -10_000),
            entry_value=Decimal(1000 if i % 3 else -1000),
            mode=MarginMode.CROSS if i < CROSS else MarginMode.ISOLATED,
            margin=Decimal(0 if i < CROSS else 600),
        )
        for i in range(POSITIONS)
    ]
    return Shadow(
        at=AT,
        is_open=True,
        rules=rules_of(coins),
        balances={**margin, FUTURES: {"USDT": Balance(total=Decimal(200_000))}},
        positions={PositionKey(p.symbol, p.side): p for p in held},
        margin_marks=dict.fromkeys(coins, Decimal(100)),
        futures_marks={f"{c}USDTM": Decimal(100) for c in coins},
        mark_times=dict.fromkeys([*coins, *(f"{c}USDTM" for c in coins)], AT),
        next_close_at=AT + timedelta(hours=1),
    )


class Marks:
    """The account in a wandering market: what each way of judging has to be told."""

    def __init__(self, shadow: Shadow) -> None:
        self.shadow = shadow
        self.kernel = Kernel(shadow)
        first = measure_subjects(shadow)
        self.state = judge(GuardState(), first, GuardLimits(), AT).state
        self.levels = levels_of(self.state)
        self.quiet = 0
        self.ticks = 0
        self.core, self.out = Core(is_parity_kept=True), Lookout()
        self.run = Step(state=State(shadow=shadow))
        self.step("USDT", Decimal(1))

    def glance(self, name: str, mark: Decimal) -> None:
        """One mark to the kernel, all numbers and the verdict."""
        if name.endswith("M"):
            self.kernel.set_futures_mark(name, mark)
        else:
            self.kernel.set_margin_mark(name, mark)
        self.quiet += is_quiet(self.levels, self.kernel.numbers())

    def follow(self, name: str, mark: Decimal) -> None:
        """The same from the next shadow, as the engine would have it."""
        self.shadow = ticked(self.shadow, name, mark)
        self.kernel.follow(self.shadow)
        self.quiet += is_quiet(self.levels, self.kernel.numbers())

    def step(self, name: str, mark: Decimal) -> None:
        """The same through the engine's step, with the lookout of its loop."""
        self.run = self.core.step(self.run.state, (self.event(name, mark),), self.out)

    def alone(self, name: str, mark: Decimal) -> None:
        """The same step where nothing but the exact engine is asked."""
        self.run = self.core.step(self.run.state, (self.event(name, mark),))

    def event(self, name: str, mark: Decimal) -> MarksTicked:
        """One mark of a thousand a second, so that none is old."""
        self.ticks += 1
        at = AT + self.ticks * timedelta(milliseconds=1)
        if name.endswith("M"):
            return MarksTicked(at=at, futures_marks={name: mark})
        return MarksTicked(at=at, margin_marks={name: mark})

    def exact(self, name: str, mark: Decimal) -> None:
        """The same by the exact engine and the judge."""
        self.shadow = ticked(self.shadow, name, mark)
        judge(self.state, measure_subjects(self.shadow), GuardLimits(), AT)


def ticked(shadow: Shadow, name: str, mark: Decimal) -> Shadow:
    """The shadow after one mark."""
    if name.endswith("M"):
        return replace(shadow, futures_marks={**shadow.futures_marks, name: mark})
    return replace(shadow, margin_marks={**shadow.margin_marks, name: mark})


def timed(work: Work, names: Sequence[str], count: int) -> str:
    """Percentiles of a work over random marks in microseconds, wall and own time."""
    dice = np.random.default_rng(7)
    picks = dice.integers(0, len(names), count)
    prices = 100 + dice.integers(-200, 200, count) / 100
    wall, own = [], []
    gc.collect()
    for pick, price in zip(picks, prices, strict=True):
        mark = Decimal(f"{price / 100 if names[pick] == 'USDT' else price:.4f}")
        begun, start = time.thread_time_ns(), time.perf_counter_ns()
        work(names[pick], mark)
        wall.append((time.perf_counter_ns() - start) / 1000)
        own.append((time.thread_time_ns() - begun) / 1000)
    return f"{count:6}   wall {percentiles(wall)}   processor {percentiles(own)}"


def percentiles(taken: Sequence[float]) -> str:
    """The median, the slowest hundredth and the slowest."""
    p50, p99 = np.percentile(taken, (50, 99))
    return f"p50 {p50:8.1f}  p99 {p99:8.1f}  max {max(taken):8.1f}"


def grid(coins: int, scenarios: int) -> str:
    """A stress grid in milliseconds, wall and own time."""
    kernel = Kernel(account_of(coins))
    dice = np.random.default_rng(11)
    factors = np.exp(0.2 * dice.standard_normal((scenarios, len(kernel.coins))))
    wall, own = [], []
    for _ in range(41):
        begun, start = time.process_time_ns(), time.perf_counter_ns()
        kernel.stress(factors)
        wall.append((time.perf_counter_ns() - start) / 1e6)
        own.append((time.process_time_ns() - begun) / 1e6)
    shape = f"{scenarios} x {len(kernel.coins)} coins, {len(kernel.subjects)} subjects"
    return f"{shape}   wall {percentiles(wall)}   processor {percentiles(own)}"


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--marks", type=int, default=20_000)
    parser.add_argument("--scenarios", type=int, default=10_000)
    asked = parser.parse_args()
    shadow = account_of(200)
    held = (p.symbol for p in shadow.positions.values())
    names = (*shadow.margin_marks, "USDT", *held)
    marks, quietly = Marks(shadow), Marks(shadow)
    engine, old = Marks(shadow), Marks(shadow)
    subjects = len(marks.kernel.subjects)
    exactly = timed(marks.exact, names, asked.marks // 100)
    rows = [
        f"python {platform.python_version()}, numpy {np.__version__}",
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors",
        f"one mark of 200 coins, {POSITIONS} positions, {subjects} subjects: us",
        f"kernel, numbers, glance   {timed(marks.glance, names, asked.marks)}",
        f"the same, USDT's mark     {timed(marks.glance, ('USDT',), asked.marks)}",
        f"shadow, kernel, glance    {timed(quietly.follow, names, asked.marks)}",
        f"exact engine and judge    {exactly}",
        f"Core.step with lookout    {timed(engine.step, names, asked.marks)}",
        f"Core.step, exact alone    {timed(old.alone, names, asked.marks // 100)}",
        f"quiet by glance: {marks.quiet} and {quietly.quiet}",
        "stress: ms",
        grid(100, asked.scenarios),
        grid(200, asked.scenarios),
    ]
    print("\n".join(rows))
    RESULT.write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
