"""Lost answers, lost requests and lost look-ups: what holds after every run."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.cli.simulated_accounts import ACCOUNTS
from bot.compose import NullJournal, Plan, Simulation, plan_run, simulate
from bot.domain.accounts import AccountId
from bot.domain.events import AccountStatus, AccountStatusChanged, Event, IntentSettled
from bot.domain.intents import Approved
from bot.domain.orders import IntentState, Outcome
from bot.engine.core import Step
from bot.engine.loop import Engine, Observer
from bot.guard.state import GUARD
from bot.settings import settings_from
from bot.shadow.drift import compare
from connectors.markets.synthetic import open_scenario
from connectors.system.clock import FreePacer
from connectors.venue.world import FaultDice
from tests.simulation.small import drive

FAULTS = FaultDice(lost_answer=0.2, lost_request=0.2, lost_lookup=0.3)
SCENARIOS = {"long": "crash", "short": "squeeze", "pair": "squeeze"}
LENGTH = timedelta(minutes=150)
LOST = {AccountStatus.LIQUIDATING, AccountStatus.LIQUIDATED, AccountStatus.BANKRUPT}


@dataclass
class Watch:
    """Counts what was sent, what was doubted and what the exchange liquidated."""

    approved: list[Approved] = field(default_factory=list)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    liquidated: set[AccountId] = field(default_factory=set)

    def __call__(self, moment: Sequence[Event], step: Step) -> None:
        """See one step."""
        self.approved += step.approved
        for event in moment:
            if isinstance(event, IntentSettled):
                self.outcomes[event.outcome] += 1
            if isinstance(event, AccountStatusChanged) and event.status in LOST:
                self.liquidated.add(event.account)


def plan(account: str, seed: int, faults: FaultDice, *, is_guarded: bool) -> Plan:
    """An account in the scenario that endangers it."""
    chosen = next(a for a in ACCOUNTS if a.path == Path(account))
    return plan_run(
        world="simulated",
        market=open_scenario(SCENARIOS[account], seed, duration=LENGTH),
        account=chosen,
        settings=settings_from({}, {}),
        seed=seed,
        is_guarded=is_guarded,
        faults=faults,
    )


def run(chosen: Plan) -> tuple[Simulation, Watch]:
    """The run to its end."""
    watch = Watch()

    def watching(engine: Engine) -> Sequence[Observer]:
        return [watch]

    async def whole() -> Simulation:
        simulation = await simulate(chosen, NullJournal(), FreePacer(), watching)
        await simulation.finish()
        return simulation

    return asyncio.run(whole()), watch


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("account", sorted(SCENARIOS))
def test_the_guard_cures_through_faults(account: str, seed: int) -> None:
    """Every request settles, nothing drifts, and the account is not liquidated.

    A fifth of the requests and a fifth of the answers are lost, and a third of the
    look-ups; an id that is sent twice stops the run.
    """
    simulation, watch = run(plan(account, seed, FAULTS, is_guarded=True))
    shadow = simulation.engine.state.shadow
    assert compare(shadow, simulation.venue.snapshot()) == ()
    assert [r for r in shadow.requests.values() if not r.state.is_final] == []
    assert all(r.state is IntentState.DONE for r in shadow.requests.values())
    assert simulation.world.sent == {a.intent_id for a in watch.approved}
    assert len(watch.approved) == len(simulation.world.sent)
    assert watch.liquidated == set()
    if len(watch.approved) > 20:
        assert watch.outcomes[Outcome.IN_DOUBT] > 0
        assert any(a.owner == GUARD for a in watch.approved)


@pytest.mark.parametrize("account", ["long", "short"])
def test_without_the_guard_the_same_account_is_liquidated(account: str) -> None:
    """The danger is real: the exchange takes over what nobody cures."""
    _, bare = run(plan(account, 1, FaultDice(), is_guarded=False))
    assert bare.liquidated
    _, guarded = run(plan(account, 1, FaultDice(), is_guarded=True))
    assert guarded.liquidated == set()


def test_when_every_answer_is_lost_the_guard_still_cures() -> None:
    """Each request is looked up, none is sent again."""
    deaf = replace(FAULTS, lost_answer=1.0, lost_request=0.0, lost_lookup=0.5)
    simulation, watch = run(plan("long", 1, deaf, is_guarded=True))
    shadow = simulation.engine.state.shadow
    assert compare(shadow, simulation.venue.snapshot()) == ()
    assert shadow.requests == {}
    assert watch.liquidated == set()


def test_simulate_finds_no_breach_in_twenty_seeds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command that a person runs: exit 0, and the guard had work to do."""
    said = drive(capsys, "simulate", "--seeds", "20", "--minutes", "40", "--json")
    rows = json.loads(said.out)["rows"]
    assert said.code == 0
    assert [row["seed"] for row in rows] == list(range(1, 21))
    assert [row["breaches"] for row in rows] == [[]] * 20
    assert sum(row["orders"] for row in rows) > 20


def test_the_same_seed_is_the_same_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Digest by digest; another seed is another run."""
    words = ("simulate", "--seeds", "2", "--first", "16", "--minutes", "30", "--json")
    one, other = (json.loads(drive(capsys, *words).out)["rows"] for _ in range(2))
    assert one == other
    assert one[0]["digest"] != one[1]["digest"]
