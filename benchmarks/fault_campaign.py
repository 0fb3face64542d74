"""The fault campaign: families A to H of faults against ``gnomon live``.

Each run has a venue of its own (in this process, over real sockets), a
``gnomon live`` as a process beside it, and an operator who borrows, repays and moves
money through the control socket all the time. A session has several rounds, each with
a seed of its own and three phases: chaos by the script of the family, healing of
everything, a deadline by which the books must be equal and nothing in doubt. At the
end the oracle (``fault_oracle.py``) judges. A seed decides market,
faults (each rule's rate is the script's times a share of 0.5 to 1) and the operator.

    python benchmarks/fault_campaign.py                        # all: about 25 min
    python benchmarks/fault_campaign.py --families A H --seeds 3
    python benchmarks/fault_campaign.py --one H --seed 4 --keep h4

Exit code 1 when a run breaks an invariant.
"""

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
HERE: Final = Path(__file__).parent
sys.path[:0] = [str(ROOT), str(HERE)]

from fault_bot import opened, place_of, stopped  # noqa: E402 - after the path is set
from fault_claim import WriteAhead, read_claim  # noqa: E402 - after the path is set
from fault_operator import Operator  # noqa: E402 - after the path is set
from fault_oracle import differences, judge  # noqa: E402 - after the path is set
from fault_table import table  # noqa: E402 - after the path is set
from fault_world import (  # noqa: E402 - after the path is set
    SETTINGS,
    World,
    drawn_script,
    open_world,
)

from connectors.system.control import control_path  # noqa: E402 - after the path is set
from tests.contract.live_process import Live, live  # noqa: E402 - after the path is set

FAMILIES: Final = ("A", "B", "C", "D", "E", "F", "G", "H", "all")
_SETTLED_S: Final = 40.0
"""Real seconds after healing by which the books must be equal."""
_STILL_S: Final = 5.0
_LOOK_S: Final = 0.4
_RUN_LIMIT_S: Final = 600.0
_CLOSING, _CLOSED = 0.65, 0.9
"""The shares of the chaos between which the operator also closes everything."""


# -- one run --------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One run."""

    family: str
    seed: int
    clock: float
    chaos_s: float
    """Real seconds of each round."""
    rounds: int
    folder: Path


async def run_one(asked: Asked) -> dict[str, Any]:
    """Chaos, healing, deadline, oracle; the result as a document."""
    world = open_world(asked.folder, asked.seed, asked.clock)
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(world.process.run(told.set_result))
    ready = json.loads(await told)
    try:
        with live(
            asked.folder / "bot",
            place_of(ready, asked.folder, asked.clock),
            settings=SETTINGS,
        ) as bot:
            return await _played(asked, world, bot)
    finally:
        world.process.stop()
        code = await serving
        if code:
            print("\n".join(world.front.bugs.traces)[-3000:], file=sys.stderr)


async def _played(asked: Asked, world: World, bot: Live) -> dict[str, Any]:
    began = time.monotonic()
    bot.start(wait=False)
    await opened(bot)
    opened_s = time.monotonic() - began
    ahead = WriteAhead(bot.journal)
    world.front.on_write = ahead
    operator = Operator(control_path(bot.journal), asked.seed)
    acting = asyncio.create_task(operator.act())
    settled = [
        await _round(asked, asked.seed + number, world, bot, operator)
        for number in range(asked.rounds)
    ]
    operator.stop()
    acting.cancel()
    await asyncio.gather(acting, return_exceptions=True)
    code = await stopped(bot)
    claim = read_claim(bot.journal)
    broken, figures = judge(world, claim, asked.clock)
    broken += [*ahead.broken, *(line for each in settled for line in each["broken"])]
    if code != 0:
        broken.append(f"I13: the bot ended with {code}: {bot.errors[-600:]}")
    if figures["still_in_doubt"]:
        broken.append(f"I3: in doubt at the end: {claim.in_doubt()}")
    if world.front.bugs.count:
        broken.append(f"venue: {world.front.bugs.count} bugs of the simulation")
    return {
        "family": asked.family,
        "seed": asked.seed,
        "broken": broken,
        "opened_s": round(opened_s, 2),
        "wall_s": round(time.monotonic() - began, 1),
        "rounds": asked.rounds,
        "settled_s": max(each["took_s"] for each in settled),
        "asked": operator.asked,
        "said": operator.said,
        **figures,
    }


async def _round(
    asked: Asked, seed: int, world: World, bot: Live, operator: Operator
) -> dict[str, Any]:
    """One chaos and its healing; what is still wrong at the deadline."""
    script = drawn_script(HERE / "faults" / f"{asked.family}.toml", seed)
    operator.is_resting = False
    world.break_loose(script)
    await _chaos(asked, world, bot, operator)
    world.heal()
    operator.is_resting, operator.is_closing = True, False
    settled = await _settled(world, bot)
    lines = [f"I4: seed {seed}: {line}" for line in settled["differences"]]
    lines += [f"I3: seed {seed}: in doubt: {name}" for name in settled["in_doubt"]]
    return {"took_s": settled["took_s"], "broken": lines}


async def _chaos(asked: Asked, world: World, bot: Live, operator: Operator) -> None:
    began = time.monotonic()
    while (passed := time.monotonic() - began) < asked.chaos_s and bot.is_running:
        world.step()
        operator.is_closing = _CLOSING < passed / asked.chaos_s < _CLOSED
        await asyncio.sleep(0.05)


async def _settled(world: World, bot: Live) -> dict[str, Any]:
    """Until books are equal and nothing is in doubt; the last differences if never.

    While the bot's strategies trade on, its books are behind by a look: a difference
    counts once nothing was booked for a while, or at twice the deadline.
    """
    began = time.monotonic()
    end = began + _SETTLED_S
    lines, doubts = ["never compared"], ["never compared"]
    while time.monotonic() < end and bot.is_running:
        await asyncio.sleep(_LOOK_S)
        if world.booked_s > end - _STILL_S:
            end = min(world.booked_s + _STILL_S, began + 2 * _SETTLED_S)
        lines = differences(bot.journal, world)
        doubts = read_claim(bot.journal).in_doubt()
        if not lines and not doubts:
            break
    took = round(time.monotonic() - began, 2)
    return {"took_s": took, "differences": lines, "in_doubt": doubts}


# -- the campaign ---------------------------------------------------------------


def _worker(asked: tuple[str, int], options: argparse.Namespace) -> dict[str, Any]:
    """One run in a process of its own."""
    family, seed = asked
    words = ["--one", family, "--seed", str(seed)]
    words += ["--clock", str(options.clock), "--chaos", str(options.chaos)]
    words += ["--rounds", str(options.rounds)]
    if options.keep is not None:
        kept = options.keep / f"{family}{seed}"
        shutil.rmtree(kept, ignore_errors=True)
        words += ["--keep", str(kept)]
    found: dict[str, Any] = {"family": family, "seed": seed}
    try:
        done = subprocess.run(
            [sys.executable, str(HERE / "fault_campaign.py"), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=_RUN_LIMIT_S,
        )
        found = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        found["broken"] = [f"run: not over after {_RUN_LIMIT_S:g} s"]
    except (IndexError, ValueError):
        found["broken"] = [f"run: {done.stderr.strip()[-1500:]}"]
    if options.out is not None:
        with options.out.with_suffix(".jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")
    if options.keep is not None and not found["broken"]:
        shutil.rmtree(options.keep / f"{family}{seed}", ignore_errors=True)
    state = "; ".join(found["broken"])[:400] or "ok"
    print(
        f"{family:>3} seed {seed:>2}: {found.get('requests', 0):>5} requests, "
        f"{found.get('lost', 0):>3} lost, {found.get('doubts', 0):>3} doubts, "
        f"settled {found.get('settled_s', '-')} s, {found.get('wall_s', '-')} s: "
        f"{state}",
        flush=True,
    )
    return found


def campaign(options: argparse.Namespace) -> int:
    """Every family and seed, the table, the results; 1 when anything broke."""
    seeds = range(options.first, options.first + options.seeds, options.rounds)
    runs = [(family, seed) for seed in seeds for family in options.families]
    kept = _kept(options)
    done = {(run["family"], run["seed"]) for run in kept}
    left = [run for run in runs if run not in done]
    with ThreadPoolExecutor(options.parallel) as pool:
        results = [*kept, *pool.map(lambda run: _worker(run, options), left)]
    text = table(results, options.families)
    print(text)
    if options.out is not None:
        command = (
            f"python benchmarks/fault_campaign.py {' '.join(options.told)}".strip()
        )
        options.out.with_suffix(".txt").write_text(f"$ {command}\n\n{text}\n")
        document = {"command": command, "runs": results}
        options.out.with_suffix(".json").write_text(
            json.dumps(document, indent=1, sort_keys=True) + "\n"
        )
    return int(any(run["broken"] for run in results))


def _kept(options: argparse.Namespace) -> list[dict[str, Any]]:
    """The runs that an earlier campaign with the same ``--out`` finished."""
    path = None if options.out is None else options.out.with_suffix(".jsonl")
    if path is None or not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def main() -> int:
    """Read the options and do what was asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--families", nargs="+", default=FAMILIES, choices=FAMILIES)
    parser.add_argument("--seeds", type=int, default=10, help="runs of each family")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--clock", type=float, default=5.0, help="at most 10")
    parser.add_argument("--chaos", type=float, default=20.0, help="real seconds")
    parser.add_argument("--rounds", type=int, default=5, help="seeds of one session")
    parser.add_argument("--parallel", type=int, default=2, help="runs at a time")
    parser.add_argument(
        "--out",
        type=Path,
        help="write OUT.txt and OUT.json; OUT.jsonl lets a cut campaign go on",
    )
    parser.add_argument("--one", choices=FAMILIES, help="one run, in this process")
    parser.add_argument("--seed", type=int, default=1, help="of the one run")
    parser.add_argument(
        "--keep", type=Path, help="the folder of the one run, of broken ones"
    )
    options = parser.parse_args()
    options.told = [w for w in sys.argv[1:] if w != "--out" and w != str(options.out)]
    if options.one is None:
        return campaign(options)
    with tempfile.TemporaryDirectory(prefix="faults-") as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        asked = Asked(
            family=options.one,
            seed=options.seed,
            clock=options.clock,
            chaos_s=options.chaos,
            rounds=options.rounds,
            folder=folder,
        )
        result = asyncio.run(run_one(asked))
    print(json.dumps(result))
    return int(bool(result["broken"]))


if __name__ == "__main__":
    sys.exit(main())
