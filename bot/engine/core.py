"""The engine's one step: facts in, decisions and journal entries out.

``Core.step(state, moment)`` applies the facts of one moment to the shadow, lets
the guard judge and plan, asks the strategies that are due, passes every proposal
through admission, and returns the next state with what is to be executed and
remembered. It is synchronous and pure: no clock, no chance, no input or output.
The order is fixed: guard before strategies, so that a cure is never behind them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.entries import Entry, Noted
from bot.domain.events import (
    Event,
    Filled,
    MarksTicked,
    OperatorAsked,
    RatioReported,
    ScheduleDue,
)
from bot.domain.intents import Approved, Proposal, Refused
from bot.domain.money import ZERO
from bot.domain.strategy import Strategy
from bot.engine.curing import cure_round, emptied, turned
from bot.engine.intake import take_in
from bot.engine.memory import day_note, pair_notes, thresholds_note
from bot.engine.occasions import OCCASIONS, due, lookups
from bot.engine.parity import Ranges, Watching, follow_reports
from bot.engine.readings import parity_note, sample_of, value_usdt
from bot.engine.reconcile import BookingIds
from bot.guard.admit import Admission, admit
from bot.guard.judge import Verdict, judge
from bot.guard.limits import GuardLimits, RiskLimits
from bot.guard.planner import idle_repayments
from bot.guard.repair import (
    PairWatch,
    is_trading,
    repair,
    torn_pairs,
    tried,
    watch_pair,
)
from bot.guard.resting import resting_round
from bot.guard.state import GuardState
from bot.risk.measure import SubjectMeasure, equity_usdt, measure_subjects
from bot.risk.view import ShadowView
from bot.shadow.apply import register, set_back
from bot.shadow.state import Shadow

__all__ = ["Core", "State", "Step"]

_LATE: Final = timedelta(seconds=1)
"""A scheduled run later than this is worth a note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything the engine remembers between moments."""

    shadow: Shadow
    guard: GuardState = field(default_factory=GuardState)
    next_seq: int = 1
    day: str = ""
    day_open_equity: Decimal | None = None
    day_turnover: Decimal = ZERO
    next_sample_at: datetime | None = None
    own_ratios: Ranges = field(default_factory=dict)
    """Our ratios of the last seconds, where the exchange's are kept beside them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one moment led to.

    ``approved`` is executed in order after ``entries`` are durable; ``lookups``
    are intents in doubt whose fate must be asked for. ``measures`` are the
    guarded numbers of this moment, empty when nothing was measured.
    """

    state: State
    approved: tuple[Approved, ...] = ()
    lookups: tuple[Approved, ...] = ()
    entries: tuple[Entry, ...] = ()
    measures: tuple[SubjectMeasure, ...] = ()
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """The step and the settings it never changes."""

    guard_limits: GuardLimits = field(default_factory=GuardLimits)
    risk_limits: RiskLimits = field(default_factory=RiskLimits)
    strategies: tuple[Strategy, ...] = ()
    is_guarding: bool = True
    epoch: int = 1
    sample_every: timedelta = timedelta(seconds=60)
    is_parity_kept: bool = False
    """Whether each ratio that the exchange reports is journaled and followed; if not,
    only a difference is noted."""

    def step(self, state: State, moment: Sequence[Event]) -> Step:
        """The next state, what to execute, and what to remember.

        Args:
            state: The state before the moment.
            moment: The facts of one instant that belong together, in order.
        """
        before = state.shadow
        state, entries = self._taken_in(state, moment)
        if not state.shadow.is_open:
            return Step(state=state, entries=tuple(entries))
        state = self._counted(self._new_day(state, entries), moment)
        watched = state.guard.pairs
        if self.is_guarding and (torn := torn_pairs(before, moment)):
            guard = replace(state.guard, pairs={**torn, **state.guard.pairs})
            state = replace(state, guard=guard)
        work = _Work(core=self, state=state, entries=entries)
        work.run(moment)
        if self.is_parity_kept:
            work.note_pairs(watched)
        return work.done(moment)

    def preview(
        self, state: State, proposals: Sequence[Proposal]
    ) -> tuple[Approved | Refused, ...]:
        """What admission would say to these, one after the other; nothing happens."""
        work = _Work(core=self, state=state, entries=[])
        work.propose(proposals)
        said = (entry.body for entry in work.entries)
        return tuple(body for body in said if isinstance(body, Approved | Refused))

    def _taken_in(
        self, state: State, moment: Sequence[Event]
    ) -> tuple[State, list[Entry]]:
        """The state that knows the facts, and the rows that they leave."""
        ids = BookingIds(self.epoch, state.next_seq)
        shadow, entries = take_in(state.shadow, moment, ids.next_booking)
        if shadow is not state.shadow:
            state = replace(state, shadow=shadow, next_seq=ids.next_seq)
        return state, entries

    def _new_day(self, state: State, entries: list[Entry]) -> State:
        """Remember the equity that the UTC day opened with."""
        day = state.shadow.at.date().isoformat()
        equity = None if day == state.day else equity_usdt(state.shadow)
        if equity is None:
            return state
        if self.is_parity_kept:
            entries.append(Entry(at=state.shadow.at, body=day_note(day, equity)))
        return replace(state, day=day, day_open_equity=equity, day_turnover=ZERO)

    def _counted(self, state: State, moment: Sequence[Event]) -> State:
        """Add what was traded in this moment to the day's turnover."""
        fills = [e for e in moment if isinstance(e, Filled)]
        if not fills:
            return state
        traded = sum((value_usdt(state.shadow, fill) for fill in fills), ZERO)
        return replace(state, day_turnover=state.day_turnover + traded)


@dataclass(slots=True, kw_only=True)
class _Work:
    """The scratch pad of one step; it never outlives it."""

    core: Core
    state: State
    entries: list[Entry]
    approved: list[Approved] = field(default_factory=list)
    measures: tuple[SubjectMeasure, ...] = ()
    verdicts: tuple[Verdict, ...] = ()

    def run(self, moment: Sequence[Event]) -> None:
        """Guard, then the operator, then the strategies; parity and a sample last."""
        has_ticked = any(isinstance(event, MarksTicked) for event in moment)
        reports = [event for event in moment if isinstance(event, RatioReported)]
        has_news = has_ticked or (self.core.is_parity_kept and bool(reports))
        if self.core.is_parity_kept and has_news:
            self.follow_parity(reports)
        if has_news or self.state.guard.has_work:
            self.guard()
        for event in moment:
            if isinstance(event, OperatorAsked):
                self.propose(event.proposals)
        self.ask_strategies(moment)
        if has_ticked:
            self.rest_stops()
            self.note_parity(reports)
            self.sample()

    def guard(self) -> None:
        """Measure, judge, and send the next round of every cure."""
        if not self.measures:
            self.measures = measure_subjects(self.state.shadow)
        if not self.core.is_guarding:
            return
        judgement = judge(
            self.state.guard,
            self.measures,
            self.core.guard_limits,
            self.state.shadow.at,
        )
        self.verdicts = judgement.verdicts
        self._opened(judgement.state)
        self.state = replace(self.state, guard=judgement.state)
        for subject in judgement.emptied:
            self._emptied(subject)
        for verdict in judgement.verdicts:
            self._cure(verdict)
        for coin in sorted(self.state.guard.pairs):
            self._repair(coin)

    def _opened(self, after: GuardState) -> None:
        """Keep the thresholds of every account that was not guarded before."""
        known = self.state.guard.subjects
        self.entries += [
            Entry(at=self.state.shadow.at, body=thresholds_note(name, kept.thresholds))
            for name, kept in sorted(after.subjects.items())
            if name not in known
        ]

    def _cure(self, verdict: Verdict) -> None:
        subject = verdict.measure.subject
        known = self.state.guard.subjects.get(subject)
        if known is None:
            return
        if verdict.is_new_episode or verdict.is_end_of_episode:
            self._decided(verdict, known.episode)
        if verdict.is_end_of_episode:
            self._sweep()
        if not known.is_acting:
            return
        done = cure_round(self.state.shadow, verdict, known, self.core.guard_limits)
        if done is None:
            return
        guard = self.state.guard
        pairs = {p.pair for p in done.proposals if p.pair is not None}
        watched = {c: watch_pair(self.state.shadow, c) for c in sorted(pairs)}
        guard = replace(
            guard,
            subjects={**guard.subjects, subject: done.state},
            pairs={**watched, **guard.pairs},
        )
        self.state = replace(self.state, guard=guard)
        self.entries += [
            Entry(at=self.state.shadow.at, body=note) for note in done.notes
        ]
        self.propose(done.proposals)

    def _emptied(self, subject: str) -> None:
        """End an episode whose account has nothing left to lose."""
        body = emptied(subject, self._next_id("d"))
        self.entries.append(Entry(at=self.state.shadow.at, body=body))
        self._sweep()

    def _sweep(self) -> None:
        """After a cure repay what it left idle, in every account that owes."""
        shadow = self.state.shadow
        for account in sorted(shadow.balances):
            self.propose(idle_repayments(shadow, account))

    def _repair(self, coin: str) -> None:
        """Even out a pair that a cut has left uneven, once its legs are quiet."""
        if is_trading(self.state.shadow, coin):
            return
        guard = self.state.guard
        watch = guard.pairs[coin]
        done = repair(self.state.shadow, coin, watch, self.core.guard_limits)
        pairs = dict(guard.pairs)
        if done.is_even:
            del pairs[coin]
        elif done.proposal is not None:
            pairs[coin] = tried(watch, done.proposal, self.state.shadow.at)
        self.state = replace(self.state, guard=replace(guard, pairs=pairs))
        if done.proposal is not None:
            self.propose([done.proposal])

    def note_pairs(self, before: Mapping[str, PairWatch]) -> None:
        """Keep which hedges are watched since, and which no longer."""
        notes = pair_notes(before, self.state.guard.pairs)
        self.entries += [Entry(at=self.state.shadow.at, body=note) for note in notes]

    def _decided(self, verdict: Verdict, episode: int) -> None:
        body = turned(self.state.shadow, verdict, episode, self._next_id("d"))
        self.entries.append(Entry(at=self.state.shadow.at, body=body))

    def rest_stops(self) -> None:
        """Keep the stops for when nobody is there; what is approved goes first."""
        if self.approved or not self.core.is_guarding:
            return
        state, limits = self.state, self.core.guard_limits
        done = resting_round(state.shadow, self.measures, state.guard, limits)
        if done is not None:
            guard = replace(state.guard, resting=done.state)
            self.state = replace(state, guard=guard)
            self.propose(done.proposals)

    def follow_parity(self, reports: Sequence[RatioReported]) -> None:
        """Keep each ratio of the exchange beside ours, and tell the guard."""
        self.measures = measure_subjects(self.state.shadow)
        limits = self.core.guard_limits.parity
        seen = Watching(guard=self.state.guard, ranges=self.state.own_ratios)
        after, rows = follow_reports(
            seen, reports, self.measures, self.state.shadow, limits
        )
        self.entries += rows
        self.state = replace(self.state, guard=after.guard, own_ratios=after.ranges)

    def note_parity(self, reports: Sequence[RatioReported]) -> None:
        """Note where the exchange's own ratios of this moment are not ours."""
        if self.approved or self.core.is_parity_kept:
            return
        ours = {m.subject: m for m in self.measures}
        for report in reports:
            note = parity_note(report, ours)
            if note is not None:
                self.entries.append(Entry(at=report.at, body=note))

    def ask_strategies(self, moment: Sequence[Event]) -> None:
        """Ask each strategy whose job fired or whose world has changed."""
        if not any(isinstance(event, OCCASIONS) for event in moment):
            return
        for strategy in self.core.strategies:
            occasion = due(strategy, moment)
            if occasion is None:
                continue
            job, due_at = occasion
            stale_after = self.core.risk_limits.mark_stale_after
            view = ShadowView(self.state.shadow, stale_after, job)
            proposals = strategy.decide(view, due_at)
            if job is not None:
                self._ran(job, due_at, is_idle=not proposals)
            self.propose(proposals)

    def _ran(self, job: str, due_at: datetime, *, is_idle: bool) -> None:
        """Remember a scheduled run that asked for something or came late."""
        at = self.state.shadow.at
        if at - due_at > _LATE:
            text = f"{job} was due at {due_at.isoformat()} and ran at {at.isoformat()}"
            self.entries.append(Entry(at=at, body=Noted(topic="late run", text=text)))
        if not is_idle:
            body = ScheduleDue(at=at, job=job, due_at=due_at)
            self.entries.append(Entry(at=at, body=body))

    def propose(self, proposals: Iterable[Proposal]) -> None:
        """Admit each proposal, with the earlier ones on their way."""
        for proposal in proposals:
            admission = Admission(
                shadow=self.state.shadow,
                guard=self.state.guard,
                limits=self.core.risk_limits,
                guard_limits=self.core.guard_limits,
                day_open_equity=self.state.day_open_equity,
                day_turnover=self.state.day_turnover,
                known=(self.state.shadow, self.measures) if self.measures else None,
            )
            verdict = admit(admission, proposal, self._next_id("i"))
            at = self.state.shadow.at
            self.entries.append(Entry(at=at, body=verdict))
            if isinstance(verdict, Approved):
                self.approved.append(verdict)
                shadow = register(self.state.shadow, verdict, at)
            else:
                shadow = set_back(self.state.shadow, verdict, at, verdict.reason)
            self.state = replace(self.state, shadow=shadow)

    def _next_id(self, kind: str) -> str:
        """A deterministic id: epoch, kind and sequence, never used twice."""
        seq = self.state.next_seq
        self.state = replace(self.state, next_seq=seq + 1)
        return f"g{self.core.epoch}-{kind}{seq:07d}"

    def sample(self) -> None:
        """Keep the account's numbers at the sampling cadence and when acting."""
        at = self.state.shadow.at
        due = self.state.next_sample_at
        if due is not None and at < due and not self.approved:
            return
        if not self.measures:
            self.measures = measure_subjects(self.state.shadow)
        body = sample_of(self.state.shadow, self.measures)
        self.entries.append(Entry(at=at, body=body))
        self.state = replace(self.state, next_sample_at=at + self.core.sample_every)

    def done(self, moment: Sequence[Event]) -> Step:
        """The step as it stands."""
        return Step(
            state=self.state,
            approved=tuple(self.approved),
            lookups=lookups(self.state.shadow, moment),
            entries=tuple(self.entries),
            measures=self.measures,
            verdicts=self.verdicts,
        )
