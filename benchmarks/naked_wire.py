"""How long a live bot's pairs stand on one leg, over the wire: the README's figures.

Usage: python -m benchmarks.naked_wire [--minutes 6] [--seeds 2] [--at-once 4]
           [--out benchmarks/results]

``gnomon live`` runs funding arbitrage as a process against a served venue, at the
market's own speed, while none, a fiftieth, a tenth and a fifth of its order requests
come to nothing: half of them never arrive, half are done and their answer is lost.
What is held is read from the venue's true books at each of its facts; times are the
venue's, from fill to fill. A request that was lost is asked for again only when its
absence is proven, ten seconds after it was given up on: no figure can be below that.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path[:0] = [str(Path(__file__).parent)]

from fault_bot import opened, place_of, stopped  # noqa: E402 - a script's sibling
from fault_world import (  # noqa: E402 - a script's sibling
    World,
    open_world,
)

from bot.domain.events import Event  # noqa: E402 - after the path is set
from bot.report.nakedness import NakedMeter  # noqa: E402 - after the path is set
from connectors.venue.server.fault_script import parse_script  # noqa: E402 - as above
from tests.contract.live_process import Live, live  # noqa: E402 - as above

COINS = ("ETH", "SOL")
LOST = (0.0, 0.02, 0.1, 0.2)
ACCOUNT = """\
vip = 8
[spot]
USDT = "20000"
[futures]
wallet = {USDT = "20000"}
"""
SETTINGS = """\
[costs]
vip = 8
[limits]
max_daily_turnover = "1000"
max_daily_loss = "0.9"
[strategy.carry]
kind = "funding_arbitrage"
schedule = "every 10s"
coins = ["ETH", "SOL"]
spot_account = "spot"
notional_usdt = "6000"
chunk_usdt = "50"
maker_s = 5
hold_h = 8760
min_carry = "0"
pause_s = 10
"""
KINDS = ("drop_before", "hang_before", "drop_after", "hang_after")
"""Line cut or no answer; the order never arrived, or was done."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One run; ``lost`` is the share of order requests that come to nothing."""

    lost: float
    seed: int
    minutes: float


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one run measured; seconds and USDT."""

    case: Case
    lasted: tuple[Decimal, ...]
    max_usdt: Decimal
    orders: int
    hit: int
    code: int


def measured(case: Case) -> Found:
    """One run to its end, in a folder of its own."""
    with TemporaryDirectory(prefix="naked-") as folder:
        return asyncio.run(_measured(case, Path(folder)))


async def _measured(case: Case, folder: Path) -> Found:
    world = open_world(folder, case.seed, 1.0, ACCOUNT)
    meter = NakedMeter(COINS)

    def hear(at: datetime, events: Sequence[Event]) -> None:
        meter.see(world.shadow(at))

    world.backend.listen(hear)
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(world.process.run(told.set_result))
    place = place_of(json.loads(await told), folder, 1.0)
    try:
        with live(folder / "bot", place, settings=SETTINGS) as bot:
            code = await _played(case, world, bot)
    finally:
        world.process.stop()
        await serving
    meter.close(world.shadow(world.backend.now()))
    orders = [each for each in world.front.arrivals if each.family == "orders"]
    return Found(
        case=case,
        lasted=meter.lasted,
        max_usdt=Decimal(str(meter.figures()["max_usdt"])),
        orders=len(orders),
        hit=sum(bool(each.faults) for each in orders),
        code=code,
    )


async def _played(case: Case, world: World, bot: Live) -> int:
    """Trade with the faults on; how the bot ended."""
    bot.start(wait=False)
    await opened(bot)
    world.break_loose(parse_script(script_of(case.lost), "naked"))
    await asyncio.sleep(case.minutes * 60)
    world.heal()
    return await stopped(bot)


def script_of(lost: float) -> str:
    """A quarter of the losses of each kind."""
    return "".join(
        f'[[rest]]\nfault = "{kind}"\nfamily = "orders"\nrate = {lost / len(KINDS)}\n'
        for kind in KINDS
    )


def table(found: Sequence[Found]) -> str:
    """One line for each share of losses."""
    head = (
        f"{'lost':>5} {'runs':>5} {'orders':>7} {'of them lost':>13} {'episodes':>9} "
        f"{'median s':>9} {'p99 s':>7} {'max s':>7} {'max USDT':>9}"
    )
    lines = [head]
    for lost in LOST:
        rows = [each for each in found if each.case.lost == lost]
        lasted = sorted(span for row in rows for span in row.lasted)
        if not lasted:
            continue
        p99 = lasted[-(-len(lasted) * 99 // 100) - 1]
        lines.append(
            f"{lost:5.0%} {len(rows):5} {sum(row.orders for row in rows):7} "
            f"{sum(row.hit for row in rows):13} {len(lasted):9} "
            f"{lasted[len(lasted) // 2]:9.2f} {p99:7.2f} {lasted[-1]:7.2f} "
            f"{max(row.max_usdt for row in rows):9.0f}"
        )
    bad = [f"a run ended with exit code {row.code}" for row in found if row.code]
    return "\n".join([*lines, *bad, ""])


def main() -> int:
    """Run every case, print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=6.0, help="of each run")
    parser.add_argument("--seeds", type=int, default=2, help="runs of each share")
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    cases = [
        Case(lost=lost, seed=seed, minutes=asked.minutes)
        for seed in range(1, asked.seeds + 1)
        for lost in LOST
    ]
    with ProcessPoolExecutor(asked.at_once, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(measured, cases))
    text = table(found)
    sys.stdout.write(text)
    if asked.out is not None:
        (asked.out / "naked_wire.txt").write_text(text, encoding="utf-8")
    return int(any(each.code for each in found))


if __name__ == "__main__":
    sys.exit(main())
