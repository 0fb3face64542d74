"""How long the planner takes on large accounts: the README's figures.

Usage: python benchmarks/bench_planner.py [--out benchmarks/results]

Accounts are drawn from a fixed seed: so many cross futures positions and so many
loans, near their thresholds; the *strained* ones with a quarter of the wallet, more
debt and little cash, so that many a first choice cannot be paid for. With odds, which
fall to a third with every tenth of distance, plans further away are weighed too. Every
plan is made anew, exact replay included; margin and futures are cured by turns.
Processor time, so that a busy machine changes little.
"""

import argparse
import math
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product
from pathlib import Path

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    Balance,
    Position,
    PositionKey,
)
from bot.domain.events import BorrowRateQuoted, LiquidityQuoted
from bot.domain.instruments import (
    ContractRules,
    Lots,
    MarginCoinRules,
    Rules,
    SpotRules,
)
from bot.guard.judge import Verdict, VerdictKind
from bot.guard.limits import GuardLimits, Thresholds
from bot.guard.plan import Plan, Surroundings, make_plan
from bot.risk.examples import XBTUSDTM
from bot.risk.measure import measure_subjects
from bot.shadow.state import Shadow

AT = datetime(2025, 1, 1, 12, tzinfo=UTC)
LIMITS = GuardLimits()
SIZES = ((5, 5), (10, 10), (30, 20), (60, 40))
REPEATS = 40
Draw = Callable[[random.Random, int, int], Shadow]


class FallingOdds:
    """A liquidation: one in twenty at no distance, less further away."""

    def at(self, _subject: str, distance: Decimal) -> float | None:
        """The probability at a distance."""
        return 0.05 * math.exp(-float(distance) / 0.1)


ALONE = Surroundings()
WITH_ODDS = Surroundings(odds=FallingOdds())


def coin_of(number: int) -> str:
    """A name for a coin."""
    return "BTC" if number == 0 else f"C{number}"


def rules_for(coins: list[str]) -> Rules:
    """Pairs, contracts and loans of every coin."""
    return Rules(
        spot={f"{c}-USDT": pair(c) for c in coins},
        contracts={f"{c}USDTM": contract(c) for c in coins},
        margin_coins={
            c: MarginCoinRules(
                coin=c,
                coefficient=Decimal(1),
                borrow_min=Decimal(1),
                borrow_unit=Decimal("0.01"),
                borrow_max=Decimal(10**7),
            )
            for c in (*coins, "USDT")
        },
        spot_fee_rates={f"{c}-USDT": (Decimal("0.001"),) * 2 for c in coins},
    )


def pair(coin: str) -> SpotRules:
    """A pair with fine steps."""
    return SpotRules(
        symbol=f"{coin}-USDT",
        base=coin,
        quote="USDT",
        base_increment=Decimal("0.0001"),
        quote_increment=Decimal("0.0001"),
        price_increment=Decimal("0.01"),
        base_min=Decimal("0.0001"),
        base_max=Decimal(10**9),
        min_funds=Decimal("0.1"),
        price_limit_rate=Decimal("0.1"),
        fee_class=1,
    )


def contract(coin: str) -> ContractRules:
    """A contract of 0.01 coins a lot."""
    return replace(
        XBTUSDTM, symbol=f"{coin}USDTM", base=coin, multiplier=Decimal("0.01")
    )


def account(chance: random.Random, positions: int, loans: int) -> Shadow:
    """Perpetuals on both sides, half of them hedged in margin, and many loans."""
    coins = [coin_of(n) for n in range(max(positions, loans))]
    marks = {c: Decimal(chance.randint(50, 5_000)) for c in coins}
    held: dict[PositionKey, Position] = {}
    for coin in coins[:positions]:
        lots = Lots(chance.choice((-1, 1, 1)) * chance.randint(50, 2_000))
        value = Decimal(lots) * marks[coin] / 100
        held[PositionKey(f"{coin}USDTM")] = Position(
            symbol=f"{coin}USDTM", lots=lots, entry_value=value, leverage=Decimal(5)
        )
    margin: dict[str, Balance] = {}
    for number, coin in enumerate(coins[:loans]):
        size = Decimal(chance.randint(1_000, 20_000)) / marks[coin]
        size = size.quantize(Decimal("0.0001"))
        is_owed = number % 3 == 0
        margin[coin] = Balance(principal=size) if is_owed else Balance(total=size)
    net = sum(
        ((b.total - b.principal) * marks[c] for c, b in margin.items()), Decimal(0)
    )
    gross = sum((b.total * marks[c] for c, b in margin.items()), Decimal(0))
    owed = max(net - gross * Decimal("0.18"), Decimal(0)).quantize(Decimal("0.01"))
    margin["USDT"] = Balance(total=Decimal(200), principal=owed)
    notional = sum((abs(p.entry_value) for p in held.values()), Decimal(0))
    net_notional = abs(sum((p.entry_value for p in held.values()), Decimal(0)))
    wallet = (net_notional * Decimal("0.1") + notional * Decimal("0.02")).quantize(
        Decimal("0.01")
    )
    shadow = Shadow(
        at=AT,
        rules=rules_for(coins),
        balances={
            MAIN: {"USDT": Balance(total=Decimal(500))},
            MARGIN_CROSS: margin,
            FUTURES: {"USDT": Balance(total=wallet)},
        },
        positions=held,
        margin_marks=marks,
        futures_marks={f"{c}USDTM": m for c, m in marks.items()},
        borrow={
            "USDT": BorrowRateQuoted(at=AT, coin="USDT", annual_rate=Decimal("0.1"))
        },
        is_open=True,
    )
    return replace(shadow, liquidity=dict(depths(chance, coins, marks)))


def strained(chance: random.Random, positions: int, loans: int) -> Shadow:
    """The same with a quarter of the wallet and a thirtieth more debt in USDT."""
    shadow = account(chance, positions, loans)
    wallet = shadow.balances[FUTURES]["USDT"]
    cash = shadow.balances[MARGIN_CROSS]["USDT"]
    less = (wallet.total / 4).quantize(Decimal("0.01"))
    owed = (cash.principal * Decimal("1.03")).quantize(Decimal("0.01"))
    margin = {**shadow.balances[MARGIN_CROSS], "USDT": replace(cash, principal=owed)}
    futures = {"USDT": replace(wallet, total=less)}
    balances = {**shadow.balances, MARGIN_CROSS: margin, FUTURES: futures}
    return replace(shadow, balances=balances)


def drawn(
    draw: Draw, positions: int, loans: int, seed: int, count: int = REPEATS
) -> list[Shadow]:
    """So many accounts of one size from a seed."""
    chance = random.Random(seed)
    return [draw(chance, positions, loans) for _ in range(count)]


def depths(
    chance: random.Random, coins: list[str], marks: dict[str, Decimal]
) -> list[tuple[str, LiquidityQuoted]]:
    """A depth for every market."""
    found = []
    for coin in coins:
        for symbol in (f"{coin}-USDT", f"{coin}USDTM"):
            volume = Decimal(chance.randint(20_000, 400_000)) / marks[coin]
            quoted = LiquidityQuoted(
                at=AT,
                symbol=symbol,
                half_spread=Decimal("0.0004"),
                sigma_1m=Decimal("0.0015"),
                volume_1m=volume,
            )
            found.append((symbol, quoted))
    return found


def timed(
    shadow: Shadow, number: int, around: Surroundings = ALONE
) -> tuple[float, Plan | None, str]:
    """The milliseconds of one plan for one subject of the account."""
    measures = [m for m in measure_subjects(shadow) if m.distance is not None]
    measure = measures[number % len(measures)]
    distance = measure.distance or Decimal(0)
    near = Thresholds(
        act=max(distance, Decimal("0.15")) + Decimal("0.01"),
        target=max(distance + Decimal("0.05"), Decimal("0.25")),
        backstop=Decimal("0.85"),
    )
    verdict = Verdict(
        kind=VerdictKind.CURE, measure=measure, thresholds=near, reason="bench"
    )
    began = time.process_time()
    plan = make_plan(shadow, verdict, LIMITS, around)
    return (time.process_time() - began) * 1_000, plan, measure.subject


def row(draw: Draw, positions: int, loans: int, around: Surroundings = ALONE) -> str:
    """One size: quantiles over accounts, and how many plans reach their target."""
    spent: list[float] = []
    steps: list[int] = []
    reached = 0
    seed = positions * 1_000 + loans
    for number, shadow in enumerate(drawn(draw, positions, loans, seed)):
        took, plan, _ = timed(shadow, number, around)
        spent.append(took)
        if plan is not None:
            steps.append(len(plan.steps))
            reached += plan.is_reached
    quantiles = statistics.quantiles(spent, n=20)
    name = draw.__name__ + ("" if around.odds is None else ", odds")
    return (
        f"{name:>14} {positions:>9} {loans:>5} "
        f"{statistics.median(spent):>9.1f} "
        f"{quantiles[-1]:>9.1f} {max(spent):>9.1f} {statistics.mean(steps):>6.1f} "
        f"{reached:>4}/{REPEATS}"
    )


def main() -> None:
    """Time every size and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    row(account, 5, 5)
    lines = [
        "One plan, milliseconds of processor time, exact replay included.",
        "       account positions loans    median       p95       max  steps reached",
    ]
    cases = product((ALONE, WITH_ODDS), (account, strained), SIZES)
    for around, draw, (positions, loans) in cases:
        lines.append(row(draw, positions, loans, around))
        print(lines[-1], flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "planner.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
