"""A run whose feed of marks stops while the market goes on."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from bot.cli.simulated_accounts import ACCOUNTS
from bot.compose import NullJournal, Plan, plan_run, simulate
from bot.domain.entries import Decided
from bot.domain.events import Event, MarksTicked
from bot.engine.core import Step
from bot.engine.loop import Engine, Observer
from bot.settings import settings_from
from connectors.markets.cadence import stale_after
from connectors.markets.synthetic import open_scenario
from connectors.system.clock import FreePacer

LENGTH = timedelta(minutes=60)


@dataclass
class Watch:
    """The decisions of a run, and how old marks made the guard judge."""

    decided: list[tuple[datetime, Decided]] = field(default_factory=list)
    aged: int = 0
    sent: int = 0

    def __call__(self, moment: Sequence[Event], step: Step) -> None:
        """See one step."""
        self.decided += [
            (e.at, e.body) for e in step.entries if isinstance(e.body, Decided)
        ]
        self.aged += sum(v.measure.aged is not None for v in step.verdicts)
        self.sent += sum(a.owner == "guard" for a in step.approved)


def plan(scenario: str) -> Plan:
    """The levered long in a scenario."""
    return plan_run(
        world="simulated",
        market=open_scenario(scenario, 2, duration=LENGTH),
        account=next(a for a in ACCOUNTS if a.path == Path("long")),
        settings=settings_from({}, {}),
        seed=2,
    )


def unmarked(event: Event, frozen_at: datetime) -> Event:
    """The event as a bot hears it whose feed of marks froze: time, and no mark."""
    if isinstance(event, MarksTicked) and event.at > frozen_at:
        return replace(event, margin_marks={}, futures_marks={})
    return event


async def heard(
    moments: AsyncIterator[tuple[Event, ...]], frozen_at: datetime
) -> AsyncIterator[tuple[Event, ...]]:
    """The moments with frozen marks."""
    async for moment in moments:
        yield tuple(unmarked(event, frozen_at) for event in moment)


def run(chosen: Plan, frozen_after: timedelta) -> Watch:
    """The run to its end, its marks frozen from some time on."""
    watch = Watch()

    def watching(engine: Engine) -> Sequence[Observer]:
        return [watch]

    async def whole() -> None:
        simulation = await simulate(chosen, NullJournal(), FreePacer(), watching)
        frozen_at = chosen.market.description.start + frozen_after
        await simulation.engine.run(heard(simulation.world.moments(), frozen_at))

    asyncio.run(whole())
    return watch


def test_a_guard_that_hears_nothing_takes_risk_off() -> None:
    """A calm market whose marks freeze: the guard acts within thirty-one updates."""
    chosen = plan("calm")
    cadence = stale_after(chosen.market.description) / 3
    frozen = timedelta(minutes=10)
    assert run(chosen, LENGTH * 2).decided == []
    watch = run(chosen, frozen)
    at, first = watch.decided[0]
    assert first.verdict == "cure"
    assert ": its ratio is" in first.reason
    assert Decimal(first.inputs["ratio high"]) > Decimal(first.inputs["ratio low"])
    waited = at - chosen.market.description.start - frozen
    assert 10 * cadence < waited <= 32 * cadence
    assert watch.aged
    assert watch.sent


def test_nothing_is_old_where_every_bar_is_recorded() -> None:
    """On a market that states all its marks no account is judged at a worst end."""
    for scenario in ("calm", "crash"):
        assert run(plan(scenario), LENGTH * 2).aged == 0
