"""Whole runs in which a coin is delisted: left in time, lookout or not, lost or not."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from bot.cli.simulated_accounts import ACCOUNTS
from bot.compose import NullJournal, Plan, plan_run, simulate
from bot.domain.entries import Noted
from bot.domain.events import Event
from bot.domain.intents import Approved
from bot.engine.core import Step
from bot.engine.loop import Engine, Observer
from bot.guard.leaving import LEAVE_LEAD, LEAVING
from bot.risk.announced import is_held
from bot.settings import settings_from
from connectors.markets.synthetic import open_scenario
from connectors.system.clock import FreePacer
from connectors.venue.world import FaultDice
from storage.codec import encode

LENGTH = timedelta(minutes=150)
BEGUN = timedelta(minutes=20)


class Watcher:
    """The same moments through a core without a lookout, and what was said of them."""

    def __init__(self, engine: Engine) -> None:
        self.core, self.state = engine.core, engine.state
        self.apart = 0
        self.quiet = 0
        self.steps: list[Step] = []

    def __call__(self, moment: Sequence[Event], step: Step) -> None:
        """See one step of the engine and take the same one."""
        exact = self.core.step(self.state, moment)
        self.state = exact.state
        same = [encode(e) for e in exact.entries] == [encode(e) for e in step.entries]
        self.apart += not same or exact.approved != step.approved
        self.quiet += bool(step.numbers)
        self.steps.append(step)

    def said(self) -> list[str]:
        """What was told of the leaving."""
        bodies = [entry.body for step in self.steps for entry in step.entries]
        return [b.text for b in bodies if isinstance(b, Noted) and b.topic == LEAVING]


def run(account: str, name: str, dice: FaultDice, *, scenario: str = "calm") -> Watcher:
    """An account in a market, a name of which is delisted a day after it began."""
    market = open_scenario(scenario, 5, duration=LENGTH)
    at = (market.description.start + BEGUN + LEAVE_LEAD).isoformat()
    chosen = plan_run(
        world="simulated",
        market=market,
        account=next(a for a in ACCOUNTS if a.path == Path(account)),
        settings=settings_from({}, {"guard": {"delistings": [f"{name} {at}"]}}),
        seed=5,
        faults=dice,
    )
    return watched(chosen)


def watched(chosen: Plan) -> Watcher:
    """The run to its end."""
    made: list[Watcher] = []

    def watching(engine: Engine) -> Sequence[Observer]:
        made.append(Watcher(engine))
        return made

    async def whole() -> None:
        simulation = await simulate(chosen, NullJournal(), FreePacer(), watching)
        await simulation.finish()

    asyncio.run(whole())
    return made[0]


LOSSY = FaultDice(lost_answer=0.2, lost_request=0.2, lost_lookup=0.3)


@pytest.mark.parametrize(
    ("account", "name", "dice"),
    [
        ("long", "SOL", FaultDice()),
        ("short", "SOL", FaultDice()),
        ("pair", "ETH", FaultDice()),
        ("pair", "ETHUSDTM", FaultDice()),
        ("pair", "ETH", LOSSY),
    ],
)
def test_what_is_delisted_is_left_within_hours(
    account: str, name: str, dice: FaultDice
) -> None:
    """Nothing before its day, and then everything, lost answers or not."""
    found = run(account, name, dice)
    shadow = found.state.shadow

    assert is_held(found.steps[5].state.shadow, name)
    assert not is_held(shadow, name) or len(found.said()) == 2
    assert found.said()[0].startswith(f"leaving {name}")
    assert found.apart == 0
    first = next(s for s in found.steps if any(_leaves(a) for a in s.approved))
    begins = found.steps[0].state.shadow.at + BEGUN
    assert timedelta(0) <= first.state.shadow.at - begins < timedelta(minutes=1)


def _leaves(approved: Approved) -> bool:
    return "is delisted at" in approved.reason


@pytest.mark.parametrize(("account", "name"), [("pair", "ETH"), ("long", "SOL")])
def test_a_crash_on_the_way_out_leaves_the_same_rows_without_the_lookout(
    account: str, name: str
) -> None:
    """The fast look is as exact while something is being left as it is otherwise."""
    found = run(account, name, LOSSY, scenario="crash")

    assert found.apart == 0
    assert found.quiet > 0
    assert found.said()
