"""Kill the live bot at every journal write and at random, and start it again.

Usage: python -m benchmarks.kill_sweep [--only writes,requests,random] [--from 1]
       [--to 80] [--step 1] [--kills 24] [--seed 1] [--out benchmarks/results]

``writes``: a scripted session with every kind of request is killed before and after
its N-th commit, for each N, then started as usual; the point after it is left out
where nothing leaves that is not awaited by the next commit. ``requests``: the same
while the answer to each request is awaited, which the venue often holds back, and
when it has come and nobody has been told.
``random``: guard, strategies and an operator in a crash, killed at seeded random
times. After each start the journal must equal the venue's books to the last digit,
and orders, loans and transfers of the venue must map one to one to the journal's
intents. Writes ``kill_sweep.json`` and ``.txt``; the exit code is 1 when anything was
doubled, lost, unequal, or later than 30 s on a machine that is not crowded.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.kill_kit import (
    ACCOUNT,
    Death,
    Kept,
    die,
    prove,
    scripted,
    start,
    table,
)
from bot.domain.errors import RefusedError
from connectors.system.control import ask_running, control_path
from tests.contract.live_process import Live, Venue, live, venue

Keep = Callable[[Death], None]
Campaign = Callable[[Path, argparse.Namespace, Keep], None]

CLOCK: Final = 10.0
LEADING: Final = frozenset(
    {
        *("RunStarted", "SnapshotTaken", "noted pre-image"),
        *("settled done", "settled refused", "LedgerBooked"),
        *(f"approved {kind}" for kind in ("PlaceOrder", "CancelOrder", "AdjustMargin")),
        *(f"approved {kind}" for kind in ("Borrow", "Repay", "Transfer")),
    }
)
"""Rows after which something leaves, or is known; after others nothing happens that
is not before the next commit too."""
SENDING: Final = ("during", "after")
REQUESTS: Final = 10
PART: Final = 12
"""So many numbers share one venue and one journal."""
PROVEN: Final = 3
SLOW: Final = """\
[[rest]]
name = "answers that hang"
fault = "hang_after"
method = "POST"
rate = 0.3
hang_s = 4
"""
STRATEGIES: Final = """\
[guard]
act_distance = "0.15"

[strategy.carry]
kind = "funding_arbitrage"
schedule = "every 60s"
enabled = true
coins = ["ETH"]
spot_account = "spot"
notional_usdt = "6000"
chunk_usdt = "1500"
hold_h = 168
min_carry = "0"

[strategy.hedge]
kind = "beta_hedge"
schedule = "every 2m"
hedge_symbol = "XBTUSDTM"

[strategy.sweep]
kind = "auto_repay"
schedule = "every 60s"
"""
LEVERED: Final = """\
vip = 0

[main]
USDT = "3000"

[spot]
USDT = "20000"

[margin_cross]
leverage = "5"
balance = {BTC = "@30000", USDT = "500"}
principal = {USDT = "21500"}

[futures]
wallet = {USDT = "6000"}
"""


@contextmanager
def stage(
    folder: Path, scenario: str, account: str, settings: str = "", faults: str = ""
) -> Iterator[tuple[Venue, Live]]:
    """A venue and a bot in a folder of their own."""
    folder.mkdir(parents=True)
    words = ["--scenario", scenario]
    if faults:
        (folder / "faults.toml").write_text(faults, encoding="utf-8")
        words += ["--faults", str(folder / "faults.toml")]
    with (
        venue(folder / "venue", *words, account=account, clock=CLOCK) as place,
        live(folder / "bot", place, settings=settings) as bot,
    ):
        yield place, bot


def again(bot: Live, place: Venue, death: Death) -> None:
    """The start after a kill, its proof, and an end in order.

    Raises:
        RuntimeError: The venue is gone; the campaign says nothing.
    """
    if place.process.poll() is not None:
        raise RuntimeError(f"the venue ended with {place.process.returncode}")
    began = start(bot, death, "--no-strategies")
    if bot.is_running:
        prove(bot, place, death, began)
        code = bot.stop()
        if code:
            death.wrong.append(f"it ended with exit code {code}")
    shown = "; ".join(death.wrong)[:300] or "equal"
    print(death.killed, death.doing, death.ready_s, death.equal_s, shown, flush=True)


def writes(folder: Path, asked: argparse.Namespace, keep: Keep) -> None:
    """Before and after every commit of the scripted session."""
    for first in range(asked.first, asked.last + 1, PART):
        numbers = range(first, min(first + PART, asked.last + 1), asked.step)
        with stage(folder / str(first), "calm", ACCOUNT) as (place, bot):
            for number in numbers:
                early = _killed(bot, place, f"commit:{number}:before", 2 * number)
                keep(early)
                if early.code == 0:
                    return
                if LEADING.intersection(early.doing):
                    point = f"commit:{number}:after"
                    keep(_killed(bot, place, point, 2 * number + 1))


def _killed(bot: Live, place: Venue, point: str, run: int) -> Death:
    death = scripted(bot, run, point)
    again(bot, place, death)
    return death


def requests(folder: Path, asked: argparse.Namespace, keep: Keep) -> None:
    """During and after every request, some answers hanging at the venue."""
    with stage(folder, "calm", ACCOUNT, faults=SLOW) as (place, bot):
        for number in range(asked.first, REQUESTS + 1):
            for late, when in enumerate(SENDING):
                run = 1000 + 2 * number + late
                keep(_killed(bot, place, f"write:{number}:{when}", run))


def at_random(folder: Path, asked: argparse.Namespace, keep: Keep) -> None:
    """Guard, strategies and an operator in a crash, killed at any time."""
    luck = random.Random(asked.seed)
    with stage(folder, "crash", LEVERED, STRATEGIES) as (place, bot):
        start(bot, Death(killed="first start"))
        for number in range(asked.kills):
            pause = luck.uniform(0.5, 12)
            time.sleep(asyncio.run(_bother(bot, luck, pause)))
            die(bot)
            death = Death(killed=f"after {pause:.1f} s")
            began = start(bot, death)
            # Things go on: only every third start is proven, the others measured.
            if (number + 1) % PROVEN == 0 or number == asked.kills - 1:
                prove(bot, place, death, began)
            shown = "; ".join(death.wrong)[:300] or "good"
            print(number, death.killed, death.ready_s, death.equal_s, shown, flush=True)
            keep(death)
            if not bot.is_running:
                break


async def _bother(bot: Live, luck: random.Random, pause: float) -> float:
    """An operator's requests for a while; how long to wait on."""
    end = time.monotonic() + pause
    while time.monotonic() < end - 0.5:
        amount = f"{luck.randint(1, 9)}.{luck.randint(1, 999999):06d}"
        request = luck.choice(
            [
                {"do": "transfer", "source": "main", "target": "spot"},
                {"do": "transfer", "source": "spot", "target": "futures"},
                {"do": "borrow", "account": "margin"},
                {"do": "repay", "account": "margin"},
            ]
        )
        words = {**request, "coin": "USDT", "amount": amount}
        path = control_path(bot.journal)
        try:
            await ask_running(path, words, end - time.monotonic())
        except RefusedError:
            break
    return max(end - time.monotonic(), 0)


CAMPAIGNS: Final[Mapping[str, Campaign]] = {
    "writes": writes,
    "requests": requests,
    "random": at_random,
}


def main() -> int:
    """Run the campaigns, print and keep their table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="writes,requests,random")
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--to", dest="last", type=int, default=80)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--kills", type=int, default=24)
    parser.add_argument("--add", action="store_true", help="beside what is kept")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    asked = parser.parse_args()
    kept = Kept.of(asked.out / "kill_sweep.json")
    for name in filter(None, asked.only.split(",")):
        if not asked.add:
            kept.found.pop(name, None)
        with tempfile.TemporaryDirectory() as folder:
            CAMPAIGNS[name](Path(folder) / name, asked, partial(kept.add, name))
    words, is_good = list[str](), True
    for name, deaths in kept.found.items():
        words.append(table(name, deaths))
        is_good = is_good and not any(d.wrong for d in deaths)
        counted = Counter(doing for death in deaths for doing in set(death.doing))
        words += [f"  killed at {n} x {doing}" for doing, n in sorted(counted.items())]
    text = "\n".join(words) + "\n"
    (asked.out / "kill_sweep.txt").write_text(text, encoding="utf-8")
    print(text)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
