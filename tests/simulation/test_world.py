"""The simulated world: one timeline, and what becomes of a request on it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random  # noqa: TID251 - the test seeds it

import pytest

from bot.domain.accounts import MAIN, SPOT
from bot.domain.events import (
    Event,
    FundingQuoted,
    IntentSettled,
    LedgerBooked,
    MarksTicked,
    ScheduleDue,
)
from bot.domain.intents import Approved, Transfer
from bot.domain.market import FundingQuote, MarketDescription, MarketInstant, PathOrder
from bot.domain.orders import Outcome
from bot.domain.strategy import Job
from connectors.system.clock import FreePacer
from connectors.system.schedules import VirtualScheduler
from connectors.venue.world import FaultDice, Latency, SimulatedWorld
from tests.unit.venue.builders import DEEP, RATES, START, instant, opening, venue

ACCOUNT = opening({"main": {"USDT": "1000"}, "spot": {"BTC": "1"}})
MOVE = Transfer(source=MAIN, target=SPOT, coin="USDT", amount=Decimal(7))


@dataclass(frozen=True)
class Ticks:
    """A market that ticks at these seconds."""

    seconds: Sequence[float]
    settlement_at: datetime | None = None

    @property
    def description(self) -> MarketDescription:
        """A few words."""
        return MarketDescription(
            name="ticks",
            title="Ticks",
            start=START,
            end=START + timedelta(seconds=self.seconds[-1]),
            instruments=(),
            resolution="1s",
            digest="0",
        )

    def first_prices(self) -> MarketInstant:
        """The start."""
        return instant(liquidity=DEEP, rates=RATES)

    def instants(self, path_order: Mapping[str, PathOrder]) -> Iterator[MarketInstant]:
        """One instant for each second."""
        for index, second in enumerate(self.seconds):
            quotes: tuple[FundingQuote, ...] = ()
            if index == 0 and self.settlement_at is not None:
                quotes = (
                    FundingQuote(
                        symbol="XBTUSDTM",
                        funding_rate=Decimal("0.0001"),
                        settlement_at=self.settlement_at,
                        funding_interval_h=Decimal(8),
                    ),
                )
            at = START + timedelta(seconds=second)
            yield replace(instant(at), funding_quotes=quotes)

    def history(self) -> Mapping[str, Sequence[tuple[datetime, Decimal]]]:
        """Nothing."""
        return {}

    def funding_past(self) -> Mapping[str, tuple[FundingQuoted, ...]]:
        """Nothing."""
        return {}


def world(
    market: Ticks,
    *,
    faults: FaultDice | None = None,
    jobs: Sequence[str] = (),
    latency: Latency | None = None,
    seed: int = 1,
) -> SimulatedWorld:
    """A world over a small venue."""
    scheduler = VirtualScheduler(START)
    found = SimulatedWorld(
        market=market,
        venue=venue(ACCOUNT),
        path_order={},
        scheduler=scheduler,
        pacer=FreePacer(),
        dice=Random(seed),  # noqa: S311 - chance of a test
        latency=latency or Latency(min_ms=100, max_ms=100),
        faults=faults,
    )
    scheduler.start([Job(name=job, schedule=job) for job in jobs], found.put)
    return found


def approved(name: str = "i1") -> Approved:
    """A transfer that was let pass."""
    return Approved(intent_id=name, owner="test", intent=MOVE, reason="test")


Told = list[tuple[float, Event]]


async def lived(
    living: SimulatedWorld,
    *,
    send_at: float | None = None,
    answers: bool = True,
) -> Told:
    """Everything that happens, with its second; a doubt is looked up at once."""
    found: Told = []
    async for moment in living.moments():
        second = (living.now() - START).total_seconds()
        found += [(second, event) for event in moment]
        if send_at is not None and second >= send_at:
            living.send_transfer(approved())
            send_at = None
        for event in moment:
            is_doubt = isinstance(event, IntentSettled) and (
                event.outcome is Outcome.IN_DOUBT
            )
            if is_doubt and answers:
                living.find_transfer(approved())
    return found


def settled(told: Told) -> list[tuple[float, Outcome]]:
    """The answers and when they came."""
    return [(s, e.outcome) for s, e in told if isinstance(e, IntentSettled)]


def moved(told: Told) -> list[float]:
    """When money moved."""
    return [s for s, e in told if isinstance(e, LedgerBooked)]


async def test_a_request_takes_effect_after_its_latency() -> None:
    """Sent at second 1, done at 1.1, between the ticks; answer and facts together."""
    told = await lived(world(Ticks([0, 1, 2])), send_at=1)
    assert settled(told) == [(1.1, Outcome.DONE)]
    assert moved(told) == [1.1]
    times = [second for second, _ in told]
    assert times == sorted(times)


async def test_a_lost_request_is_in_doubt_and_then_refused() -> None:
    """It never arrived: the look-up finds no record, and no money moved."""
    lost = FaultDice(lost_request=1.0)
    told = await lived(world(Ticks([0, 1, 20]), faults=lost), send_at=1)
    assert [outcome for _, outcome in settled(told)] == [
        Outcome.IN_DOUBT,
        Outcome.REFUSED,
    ]
    assert settled(told)[0][0] == 6
    assert moved(told) == []


async def test_a_lost_answer_is_in_doubt_and_then_done() -> None:
    """It was done at once; the facts came, the answer had to be asked for."""
    lost = FaultDice(lost_answer=1.0)
    told = await lived(world(Ticks([0, 1, 20]), faults=lost), send_at=1)
    assert [outcome for _, outcome in settled(told)] == [
        Outcome.IN_DOUBT,
        Outcome.DONE,
    ]
    assert moved(told) == [1.1]


async def test_a_lost_look_up_leaves_the_doubt() -> None:
    """Until one comes through; each is asked again by whoever doubts."""
    lost = FaultDice(lost_answer=1.0, lost_lookup=0.8)
    told = await lived(world(Ticks([0, 1, 60]), faults=lost, seed=3), send_at=1)
    outcomes = [outcome for _, outcome in settled(told)]
    assert outcomes[-1] is Outcome.DONE
    assert len(outcomes) > 3
    assert set(outcomes[:-1]) == {Outcome.IN_DOUBT}


async def test_what_is_on_its_way_lands_after_the_end() -> None:
    """A request of the last tick is done, and its doubt resolved."""
    told = await lived(world(Ticks([0, 1])), send_at=1)
    assert settled(told) == [(1.1, Outcome.DONE)]
    lost = FaultDice(lost_answer=1.0)
    told = await lived(world(Ticks([0, 1]), faults=lost), send_at=1)
    assert settled(told)[-1][1] is Outcome.DONE


async def test_a_doubt_that_nobody_resolves_ends_with_the_world() -> None:
    """The drain has a limit: a look-up that is always lost does not go on for ever."""
    deaf = FaultDice(lost_answer=1.0, lost_lookup=1.0)
    told = await lived(world(Ticks([0, 1]), faults=deaf), send_at=1)
    assert {outcome for _, outcome in settled(told)} == {Outcome.IN_DOUBT}
    assert told[-1][0] <= 601


async def test_jobs_fire_at_their_time_between_the_ticks() -> None:
    """Also in a gap of the market, each one; none after its end."""
    told = await lived(world(Ticks([0, 7, 200]), jobs=["every 60s"]))
    due = [(s, e.due_at) for s, e in told if isinstance(e, ScheduleDue)]
    assert [second for second, _ in due] == [60, 120, 180]


async def test_a_job_before_a_settlement_waits_for_the_quote() -> None:
    """The market states the settlement in its first instant."""
    market = Ticks([0, 3600], START + timedelta(minutes=30))
    told = await lived(world(market, jobs=["before-settlement 10m XBTUSDTM"]))
    assert [s for s, e in told if isinstance(e, ScheduleDue)] == [1200]


async def test_an_arrival_at_a_tick_comes_before_it() -> None:
    """Ties: the venue's timers, requests, jobs, then the market."""
    told = await lived(world(Ticks([0, 0.9, 1.0]), jobs=["every 1s"]), send_at=0.9)
    kinds = [
        type(event)
        for second, event in told
        if second == 1.0
        and isinstance(event, IntentSettled | ScheduleDue | MarksTicked)
    ]
    assert kinds == [IntentSettled, ScheduleDue, MarksTicked]


async def test_an_id_is_sent_once() -> None:
    """A second time is a bug and stops everything."""
    living = world(Ticks([0]))
    living.send_transfer(approved())
    with pytest.raises(ValueError, match="i1 was sent before"):
        living.send_transfer(approved())


async def test_the_same_seed_is_the_same_world() -> None:
    """Latencies and losses are drawn from it and nothing else."""
    faults = FaultDice(lost_answer=0.5, lost_lookup=0.5)
    wide = Latency(min_ms=1, max_ms=900)

    async def once(seed: int) -> Told:
        found = world(Ticks([0, 1, 30]), faults=faults, latency=wide, seed=seed)
        return await lived(found, send_at=1)

    assert await once(5) == await once(5)
    runs = [await once(seed) for seed in range(6)]
    assert any(run != runs[0] for run in runs)


async def test_it_reads_the_exchange_s_own_truth() -> None:
    """Snapshot and rules are the venue's."""
    living = world(Ticks([0]))
    snapshot = await living.read_snapshot()
    assert snapshot.balances[MAIN]["USDT"].total == 1000
    assert "BTC-USDT" in (await living.read_rules()).spot
