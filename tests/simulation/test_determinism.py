"""The same inputs give the same bytes: in one process, in two, on real data."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bot.compose import Plan, paper_account, plan_run, simulate
from bot.domain.entries import Entry
from bot.settings import settings_from
from connectors.markets.synthetic import open_scenario
from connectors.system.clock import FreePacer
from connectors.venue.world import FaultDice
from tests.simulation.small import LEVERED, digest, spawn, write


@dataclass(slots=True)
class _Kept:
    """A journal that keeps everything in a list."""

    entries: list[Entry] = field(default_factory=list)

    def append(self, entries: Sequence[Entry]) -> None:
        """Keep."""
        self.entries += entries

    def commit(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to close."""


def _plan(seed: int) -> Plan:
    return plan_run(
        world="simulated",
        market=open_scenario("crash", seed, duration=timedelta(minutes=40)),
        account=paper_account(),
        settings=settings_from({}, {}),
        seed=seed,
        faults=FaultDice(lost_answer=0.2, lost_request=0.1, lost_lookup=0.3),
    )


def _entries(plan: Plan) -> list[Entry]:
    async def run() -> list[Entry]:
        kept = _Kept()
        simulation = await simulate(plan, kept, FreePacer())
        await simulation.finish()
        return kept.entries

    return asyncio.run(run())


def test_the_same_plan_twice_gives_the_same_entries() -> None:
    """A plan holds no state: run twice, with faults, it is remembered alike."""
    plan = _plan(3)
    first = _entries(plan)
    assert first == _entries(plan)
    assert first == _entries(_plan(3))


def test_another_seed_gives_other_entries() -> None:
    """The seed decides: with another one the rows differ after the header."""
    assert _entries(_plan(3))[1:] != _entries(_plan(4))[1:]


def test_two_processes_write_the_same_journal(tmp_path: Path) -> None:
    """The paper run of a crash, under two hash seeds, in two folders: equal files."""
    words = ("--scenario", "crash", "--seed", "1", "--journal", "j.sqlite", "--json")
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    processes = [
        spawn(folder, "paper", "--speed", "0", *words, PYTHONHASHSEED=str(seed))
        for seed, folder in enumerate(folders, start=1)
    ]
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert said[0][0] == said[1][0]
    for name in ("j.sqlite", "j.sqlite.head", "j.html"):
        assert digest(folders[0] / name) == digest(folders[1] / name), name


def test_real_data_replays_the_same(tmp_path: Path, shared_data: Path) -> None:
    """Hours of February 2025, 17 coins, replayed twice under two hash seeds."""
    account = write(tmp_path / "a.toml", LEVERED)
    words = [
        *("replay", "--market", str(shared_data / "data/windows/2025-02-crash.toml")),
        *("--account", str(account), "--journal", "j.sqlite", "--json"),
        *("--start", "2025-02-03T00:00:00Z", "--end", "2025-02-03T03:00:00Z"),
    ]
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    processes = [
        spawn(folder, *words, PYTHONHASHSEED=str(seed))
        for seed, folder in enumerate(folders, start=1)
    ]
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert json.loads(said[0][0])["ticks"] > 100
    assert digest(folders[0] / "j.sqlite") == digest(folders[1] / "j.sqlite")
