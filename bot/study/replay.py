"""One account through one market under one policy, and what a study keeps of it.

A policy is the run that the composition root makes of a plan: the guard, nobody, or
the rival strategy in the guard's place. Everything goes through the same venue with
the same costs, chances and latency. A run ends early once its account is flat: what
is then left is USDT, and no later mark changes it. Nothing here decides anything.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.compose import NullJournal, Plan, Simulation, simulate
from bot.domain.events import (
    AccountStatusChanged,
    Event,
    Filled,
    LedgerBooked,
    MarksTicked,
)
from bot.domain.intents import CancelStop, PlaceStop
from bot.domain.money import ONE
from bot.engine.core import Step
from bot.engine.loop import Engine
from bot.guard.limits import GuardLimits, Opening, Thresholds, thresholds_for
from bot.guard.state import GUARD
from bot.report.tally import Tally
from bot.risk.kernel_row import KernelNumbers
from bot.risk.measure import SubjectMeasure
from bot.shadow.state import Shadow
from bot.study.losers_first import CALL, LosersFirst, free_margin
from connectors.system.clock import FreePacer

__all__ = ["Episode", "Outcome", "play", "with_losers_first", "without_guard"]

_PAID: Final = (AccountStatusChanged, Filled, LedgerBooked)
"""The events that a tally's sums are made of; the marks between them add nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One stretch of the guard's action: from its first verdict to its all-clear.

    ``cost`` is what was paid in fees and slippage from its start to the next one's,
    in USDT.
    """

    start: datetime
    end: datetime
    actions: int
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a study keeps of a run; amounts in USDT, parts signed as they count.

    ``nearest`` is the smallest distance to liquidation in each hour, by the hour;
    an hour in which nothing could be liquidated is absent. ``lost_at`` is the first
    liquidation. ``act_at`` is the first mark inside the act distance of any pool.
    """

    liquidations: int
    equity_start: Decimal
    equity_end: Decimal
    parts: Mapping[str, Decimal]
    requests: int
    instants: int
    episodes: tuple[Episode, ...] = ()
    nearest: Mapping[datetime, Decimal] = field(default_factory=dict)
    lost_at: datetime | None = None
    act_at: datetime | None = None
    is_called: bool = False
    """Whether a pool's free margin was ever under the rival's margin call."""


def play(plan: Plan) -> Outcome:
    """Run a plan to its end, or until its account is flat."""
    return asyncio.run(_play(plan))


async def _play(plan: Plan) -> Outcome:
    made: list[_Watch] = []

    def observers(engine: Engine) -> Sequence["_Watch"]:
        made.append(_Watch(engine.state.shadow, plan.settings.guard))
        return made

    simulation = await simulate(plan, NullJournal(), FreePacer(), observers)
    watch = made[0]
    async for moment in simulation.world.moments():
        simulation.engine.handle(moment)
        if watch.is_flat:
            break
    return watch.outcome(simulation, _last_marks(plan, simulation))


def _last_marks(plan: Plan, simulation: Simulation) -> Mapping[str, Decimal]:
    """The marks at the market's end, also where the run ended before."""
    shadow = simulation.engine.state.shadow
    marks = shadow.margin_marks
    held = {c for b in shadow.balances.values() for c, each in b.items() if each.total}
    is_cash = held <= {"USDT"} and "USDT" not in marks
    if is_cash or shadow.at >= plan.market.description.end:
        return marks
    for instant in plan.market.instants(plan.path_order):
        marks = instant.margin_marks
    return marks


@dataclass(slots=True)
class _Watch:
    """Sees every step of a run and keeps what an outcome is made of."""

    opening: Shadow
    limits: GuardLimits
    tally: Tally = field(init=False)
    is_flat: bool = False
    _thresholds: dict[str, Thresholds] = field(default_factory=dict)
    _ends: dict[str, Decimal] = field(default_factory=dict)
    """The ratio at which each pool is liquidated."""
    _nearest: dict[datetime, Decimal] = field(default_factory=dict)
    _begun: list[tuple[datetime, Decimal]] = field(default_factory=list)
    _ended: list[tuple[datetime, int]] = field(default_factory=list)
    _actions: int = 0
    _requests: int = 0
    _lost_at: datetime | None = None
    _act_at: datetime | None = None
    _is_called: bool = False

    def __post_init__(self) -> None:
        self.tally = Tally(self.opening)

    def __call__(self, moment: Sequence[Event], step: Step) -> None:
        """Watch one moment; the signature is an engine observer's."""
        if self.tally.equity_start is None or any(isinstance(e, _PAID) for e in moment):
            self.tally(moment, step)
        shadow = step.state.shadow
        for measure in step.measures:
            self._measure(measure, shadow.at)
        for numbers in step.numbers:
            self._glance(numbers, shadow.at)
        self._requests += _deeds(moment, step)
        if self._lost_at is None and self.tally.liquidations:
            self._lost_at = shadow.at
        self._episode(step)
        is_measured = bool(step.measures or step.numbers)
        if is_measured or not any(isinstance(e, MarksTicked) for e in moment):
            return
        self.is_flat = _is_flat(step)

    def _measure(self, measure: SubjectMeasure, at: datetime) -> None:
        self._ends[measure.subject] = measure.liquidation
        self._near(measure.subject, measure.ratio, measure.distance, at)
        if self._act_at is None and measure.distance is not None:
            self._inside(measure.distance, self._act(measure), at)

    def _glance(self, numbers: KernelNumbers, at: datetime) -> None:
        """The same of numbers in floats; they follow exact ones of the same account."""
        ratio, distance = numbers.ratio, numbers.distance
        moved = None if distance is None else Decimal(distance)
        self._near(
            numbers.subject, None if ratio is None else Decimal(ratio), moved, at
        )
        known = self._thresholds.get(numbers.subject)
        if self._act_at is None and moved is not None and known is not None:
            self._inside(moved, known.act, at)

    def _inside(self, distance: Decimal, act: Decimal, at: datetime) -> None:
        if distance < act:
            self._act_at = at

    def _near(
        self,
        subject: str,
        ratio: Decimal | None,
        distance: Decimal | None,
        at: datetime,
    ) -> None:
        """Keep the nearest distance of the hour, and whether a margin call was due."""
        if ratio is not None and not self._is_called:
            self._is_called = free_margin(ratio, self._ends[subject]) < CALL
        if distance is None:
            return
        hour = at.replace(minute=0, second=0, microsecond=0)
        known = self._nearest.get(hour)
        if known is None or distance < known:
            self._nearest[hour] = distance

    def _act(self, measure: SubjectMeasure) -> Decimal:
        """The act distance of a pool, fixed when it is first seen."""
        known = self._thresholds.get(measure.subject)
        if known is None:
            known = thresholds_for(
                self.limits,
                Opening(
                    exposure_usdt=measure.exposure_usdt,
                    distance=measure.distance,
                    ratio=measure.ratio,
                    liquidation=measure.liquidation,
                    is_futures=measure.is_futures,
                ),
            )
            self._thresholds[measure.subject] = known
        return known.act

    def _episode(self, step: Step) -> None:
        is_open = len(self._begun) > len(self._ended)
        is_acting = step.state.guard.is_acting
        self._actions += sum(a.owner == GUARD for a in step.approved)
        at = step.state.shadow.at
        if is_acting and not is_open:
            self._begun.append((at, self._paid()))
            self._actions = sum(a.owner == GUARD for a in step.approved)
        elif is_open and not is_acting:
            self._ended.append((at, self._actions))

    def _paid(self) -> Decimal:
        """Fees and slippage so far, in USDT."""
        return -(self.tally.parts["fees"] + self.tally.parts["slippage"])

    def outcome(self, simulation: Simulation, marks: Mapping[str, Decimal]) -> Outcome:
        """What is kept, with the equity at the market's last marks."""
        shadow = replace(
            simulation.engine.state.shadow,
            margin_marks={**simulation.engine.state.shadow.margin_marks, **marks},
        )
        self.tally.close(shadow)
        start, end = self.tally.equity_start, self.tally.equity_end
        if start is None or end is None:
            raise ValueError("the equity was unknown during the whole run")
        return Outcome(
            liquidations=self.tally.liquidations,
            equity_start=start,
            equity_end=end,
            parts=dict(self.tally.parts),
            requests=self._requests,
            instants=simulation.world.instants,
            episodes=self._episodes(shadow.at),
            nearest=dict(self._nearest),
            lost_at=self._lost_at,
            act_at=self._act_at,
            is_called=self._is_called,
        )

    def _episodes(self, end: datetime) -> tuple[Episode, ...]:
        open_ones = [(end, self._actions)] * (len(self._begun) - len(self._ended))
        paid = [cost for _, cost in self._begun[1:]]
        return tuple(
            Episode(start=begun, end=ended, actions=actions, cost=after - before)
            for (begun, before), (ended, actions), after in zip(
                self._begun,
                [*self._ended, *open_ones],
                [*paid, self._paid()],
                strict=False,
            )
            if actions
        )


def _deeds(moment: Sequence[Event], step: Step) -> int:
    """What makes a run differ from one that nobody guards.

    A stop that rests changes nothing; one that goes off is a fill.
    """
    asked = sum(not isinstance(a.intent, PlaceStop | CancelStop) for a in step.approved)
    return asked + sum(isinstance(e, Filled) and e.forced is None for e in moment)


def _is_flat(step: Step) -> bool:
    """Whether no later mark can change anything: no debt, position, order, request.

    Asked when no pool has anything to lose; coins that are left are valued at the
    market's last marks by the caller.
    """
    shadow = step.state.shadow
    is_waiting = step.state.guard.has_work or shadow.orders
    requests = any(shadow.is_under_way(r) for r in shadow.requests.values())
    debts = any(
        balance.liability
        for coins in shadow.balances.values()
        for balance in coins.values()
    )
    return not (is_waiting or requests or debts or shadow.positions)


def without_guard(plan: Plan) -> Plan:
    """The same run with nobody acting."""
    return replace(plan, is_guarded=False)


def with_losers_first(plan: Plan) -> Plan:
    """The same run with the rival in the guard's place."""
    marks = plan.market.first_prices().margin_marks
    usdt = marks.get("USDT", ONE)
    entries = {coin: mark / usdt for coin, mark in marks.items()}
    rival = LosersFirst(entries=entries)
    return replace(plan, is_guarded=False, strategies=(rival,))
