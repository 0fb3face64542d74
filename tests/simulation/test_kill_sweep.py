"""The process dies at every commit of a run, before and after it; the rest is resumed.

The dead are images: the files as they lie at that moment, copied aside, which is
what signal 9 leaves behind. Every image, opened again under the same plan, must grow
into the same bytes as the run that lived, and nothing may have been sent that the
image does not know.
"""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.compose import Plan, Simulation, open_journal, plan_run, simulate
from bot.domain.entries import Entry, RunEnded
from bot.domain.errors import UsageError
from bot.domain.intents import Approved
from bot.domain.money import plain
from bot.ports import Journal
from bot.risk.measure import equity_usdt
from bot.settings import settings_from
from connectors.markets.recorded import open_market
from connectors.system.clock import FreePacer
from connectors.venue.account_file import load_account
from storage.reader import JournalReader
from tests.simulation.small import LEVERED, digest, market, write

_NAME = "j.sqlite"
_FAMILY = ("", "-wal", ".head")
_PARTS = 4
"""The deaths are dealt out to so many tests, which may run at once."""


@dataclass(slots=True)
class _Witness:
    """A journal that copies its files before and after each commit."""

    inner: Journal
    path: Path
    folder: Path
    images: list[Path] = field(default_factory=list)
    committed: list[int] = field(default_factory=list)
    """How many intents were durable in each image."""
    _durable: int = 0
    _waiting: int = 0

    def append(self, entries: Sequence[Entry]) -> None:
        """Pass entries on, counting the intents."""
        self._waiting += sum(isinstance(e.body, Approved) for e in entries)
        self.inner.append(entries)

    def commit(self) -> None:
        """Copy, commit, copy."""
        self._copy()
        self.inner.commit()
        self._durable += self._waiting
        self._waiting = 0
        self._copy()

    def close(self) -> None:
        """Pass on."""
        self.inner.close()

    def _copy(self) -> None:
        image = self.folder / str(len(self.images))
        image.mkdir(parents=True)
        for suffix in _FAMILY:
            source = self.path.with_name(self.path.name + suffix)
            if source.exists():
                shutil.copyfile(source, image / source.name)
        self.images.append(image / self.path.name)
        self.committed.append(self._durable)


def _plan(folder: Path) -> Plan:
    prices = [50000.0 - 800 * min(i, 13) - 90 * (i % 3) for i in range(17)]
    return plan_run(
        world="paper",
        market=open_market(market(folder / "m", {"BTC": prices}, volume=8.0)),
        account=load_account(write(folder / "a.toml", LEVERED)),
        settings=settings_from({}, {}),
        seed=4,
    )


async def _run(plan: Plan, journal: Journal) -> Simulation:
    """To the end of the market, with the last row."""
    simulation = await simulate(plan, journal, FreePacer())
    await simulation.finish()
    equity = equity_usdt(simulation.engine.state.shadow)
    assert equity is not None
    body = RunEnded(reason="end of market", summary=plain(equity))
    journal.append([Entry(at=simulation.world.now(), body=body)])
    journal.commit()
    journal.close()
    return simulation


def _intents(path: Path) -> list[str]:
    with JournalReader.open(path) as reader:
        return [
            stored.entry.body.intent_id
            for stored in reader.entries("Approved")
            if isinstance(stored.entry.body, Approved)
        ]


@pytest.mark.parametrize("part", range(_PARTS))
def test_death_at_every_commit_is_survived(tmp_path: Path, part: int) -> None:
    """Whatever commit a run dies at, before or after it, it ends in the same bytes."""
    plan = _plan(tmp_path)
    path = tmp_path / "whole" / _NAME
    witness = _Witness(open_journal(plan, path, force=False), path, tmp_path / "dead")
    lived = asyncio.run(_run(plan, witness))
    assert len(witness.images) >= 12, "the run commits too rarely to prove anything"

    for number, image in enumerate(witness.images[:-1]):
        if number % _PARTS != part:
            continue
        assert len(_intents(image)) == witness.committed[number]
        again = asyncio.run(_run(plan, open_journal(plan, image, force=False)))
        assert digest(image) == digest(path), f"image {number} ended otherwise"
        assert again.world.sent == lived.world.sent
        assert again.venue.snapshot() == lived.venue.snapshot()

    with pytest.raises(UsageError, match="has already ended"):
        open_journal(plan, witness.images[-1], force=False)


def test_nothing_is_sent_that_is_not_durable(tmp_path: Path) -> None:
    """When a commit fails, the intents of that step never reach the exchange."""
    plan = _plan(tmp_path)

    class _Full(_Witness):
        def commit(self) -> None:
            raise OSError(28, "No space left on device")

    path = tmp_path / _NAME
    journal = _Full(open_journal(plan, path, force=False), path, tmp_path)

    async def run() -> Simulation:
        simulation = await simulate(plan, journal, FreePacer())
        with pytest.raises(OSError, match="No space left"):
            await simulation.finish()
        return simulation

    simulation = asyncio.run(run())
    journal.close()
    assert simulation.world.sent == set()
    lots = [p.lots for p in simulation.venue.snapshot().positions.values()]
    assert lots == [p.lots for p in plan.opening.positions.values()]
