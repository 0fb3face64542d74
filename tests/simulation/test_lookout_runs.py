"""Whole runs with the engine's lookout, and beside them the exact engine alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from bot.cli.simulated_accounts import ACCOUNTS
from bot.compose import NullJournal, Plan, plan_run, simulate
from bot.domain.events import Event
from bot.engine.core import Core, State, Step
from bot.engine.loop import Engine, Observer
from bot.report.recorder import Recorder
from bot.report.tally import Tally
from bot.settings import settings_from
from connectors.markets.synthetic import open_scenario
from connectors.system.clock import FreePacer
from connectors.venue.world import FaultDice
from storage.codec import encode

LENGTH = timedelta(minutes=90)


@dataclass
class Beside:
    """The same moments through a core without a lookout, with readers of its own."""

    core: Core
    state: State
    tallies: tuple[Tally, Tally]
    recorders: tuple[Recorder, Recorder]
    rows: int = 0
    quiet: int = 0
    apart: list[str] = field(default_factory=list)

    def __call__(self, moment: Sequence[Event], step: Step) -> None:
        """See one step of the engine and take the same one."""
        exact = self.core.step(self.state, moment)
        self.state = exact.state
        if [encode(e) for e in exact.entries] != [encode(e) for e in step.entries]:
            self.apart.append(f"{step.entries} against {exact.entries}")
        if exact.approved != step.approved or exact.state != step.state:
            self.apart.append(f"{step.approved} against {exact.approved}")
        self.rows += len(step.entries)
        self.quiet += bool(step.numbers)
        for reader, shown in ((0, exact), (1, step)):
            self.tallies[reader](moment, shown)
            self.recorders[reader](moment, shown)


def plan(account: str, scenario: str, *, is_guarded: bool) -> Plan:
    """An account in a scenario, with requests and answers that are lost."""
    return plan_run(
        world="simulated",
        market=open_scenario(scenario, 5, duration=LENGTH),
        account=next(a for a in ACCOUNTS if a.path == Path(account)),
        settings=settings_from({}, {}),
        seed=5,
        is_guarded=is_guarded,
        faults=FaultDice(lost_answer=0.2, lost_request=0.2, lost_lookup=0.3),
    )


def beside(chosen: Plan) -> Beside:
    """The run to its end, watched."""
    made: list[Beside] = []

    def watching(engine: Engine) -> Sequence[Observer]:
        shadow = engine.state.shadow
        made.append(
            Beside(
                core=engine.core,
                state=engine.state,
                tallies=(Tally(shadow), Tally(shadow)),
                recorders=(Recorder(shadow), Recorder(shadow)),
            )
        )
        return made

    async def whole() -> None:
        simulation = await simulate(chosen, NullJournal(), FreePacer(), watching)
        await simulation.finish()

    asyncio.run(whole())
    return made[0]


@pytest.mark.parametrize(
    ("account", "scenario", "is_guarded"),
    [
        ("long", "crash", True),
        ("long", "crash", False),
        ("short", "squeeze", True),
        ("pair", "squeeze", True),
        ("pair", "crash", False),
    ],
)
def test_a_run_is_the_same_with_and_without_the_lookout(
    account: str, scenario: str, is_guarded: bool
) -> None:
    """Rows, requests, states, extremes, curves: through crash, faults and cures."""
    found = beside(plan(account, scenario, is_guarded=is_guarded))
    assert found.apart == []
    assert found.rows > 0
    assert found.quiet > 0
    exact, glanced = found.tallies
    assert exact.summary() == glanced.summary()
    one, other = found.recorders
    assert one.main_subject == other.main_subject
    assert (one.subjects, one.exposed) == (other.subjects, other.exposed)
    assert one.ratios() == other.ratios()
    assert one.distances() == other.distances()
