"""The work of one step: guard, operator, strategies, and what is kept of it.

A ``Work`` is the scratch pad of one ``Core.step`` and never outlives it. The order is
fixed: guard before strategies, so that a cure is never behind them. Synchronous and
pure: no clock, no chance, no input or output.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.domain.entries import Entry
from bot.domain.events import (
    Event,
    MarksTicked,
    OperatorAsked,
    RatioReported,
)
from bot.domain.records import changed
from bot.engine.ahead import look
from bot.engine.curing import cure_round, emptied, surroundings, turned
from bot.engine.memory import opened_notes, pair_notes
from bot.engine.occasions import lookups
from bot.engine.parity import Reading, follow_reports, remember
from bot.engine.readings import parity_notes, sample_of
from bot.engine.state import Step
from bot.engine.stops_word import heard
from bot.engine.turn import StrategyTurn
from bot.engine.twins import Acted
from bot.engine.twins import follow as follow_twins
from bot.guard.announced import judged_rules, measures_as_announced
from bot.guard.judge import Verdict, ended, judge, over
from bot.guard.leaving import leave_round
from bot.guard.planner import idle_repayments
from bot.guard.repair import (
    PairWatch,
    is_trading,
    repair,
    tried,
    watch_pair,
)
from bot.guard.resting import resting_round
from bot.guard.state import SubjectState
from bot.risk.freshness import aged_measures
from bot.shadow.state import Shadow

__all__ = ["Work"]


@dataclass(slots=True, kw_only=True)
class Work(StrategyTurn):
    """The scratch pad of one step; it never outlives it."""

    verdicts: tuple[Verdict, ...] = ()
    rounds: list[Acted] = field(default_factory=list)

    def run(self, moment: Sequence[Event]) -> None:
        """Guard, then the operator, then the strategies; parity and a sample last."""
        has_ticked = any(isinstance(event, MarksTicked) for event in moment)
        reports = [event for event in moment if isinstance(event, RatioReported)]
        has_news = has_ticked or (self.core.is_parity_kept and bool(reports))
        if has_news:
            self.sight.look(self.state.shadow, self.state.guard)
        if self.core.is_parity_kept and has_news:
            self.follow_parity(reports)
        if has_news or self.state.guard.has_work:
            self.guard()
            self.leave()
        for event in moment:
            if isinstance(event, OperatorAsked):
                self.propose(event.proposals)
                self._hear(event)
        self.follow_overlays(moment)
        self.ask_strategies(moment)
        if has_ticked:
            self.rest_stops()
            self.note_parity(reports)
            self.sample()
            self.look_ahead()
            self.see_results()

    def guard(self) -> None:
        """Measure, judge, and send the next round of every cure."""
        shadow, cadence = self.state.shadow, self.core.risk_limits.mark_cadence
        is_off = not self.core.is_guarding
        if is_off and self.sight.numbers:
            return
        limits = self.core.guard_limits
        is_quiet = judged_rules(shadow, limits) is None
        if is_quiet and self.sight.is_quiet(shadow, self.state.guard, cadence):
            return
        measures = self.sight.measure(shadow)
        if is_off:
            return
        aged = aged_measures(shadow, measures, cadence)
        judged = measures_as_announced(shadow, aged, limits)
        judgement = judge(self.state.guard, judged, limits, shadow.at)
        self.verdicts = judgement.verdicts
        known = self.state.guard.subjects
        self._note(opened_notes(known, judgement.state.subjects))
        self.state = replace(self.state, guard=judgement.state)
        for subject in judgement.emptied:
            self._emptied(subject)
        for verdict in judgement.verdicts:
            self._cure(verdict)
        for coin in sorted(self.state.guard.pairs):
            self._repair(coin)

    def _cure(self, verdict: Verdict) -> None:
        subject = verdict.measure.subject
        known = self.state.guard.subjects.get(subject)
        if known is None:
            return
        if verdict.is_new_episode or verdict.is_end_of_episode:
            self._decided(verdict, known.episode)
        if verdict.is_end_of_episode:
            self._sweep()
        if known.is_acting:
            self._cure_on(verdict, known)

    def _cure_on(self, verdict: Verdict, known: SubjectState) -> None:
        """The next round of a cure, or its end where nothing is left to do."""
        subject = verdict.measure.subject
        limits = self.core.guard_limits
        around = surroundings(self.state.guard, limits)
        worst = verdict.at_worst(self.state.shadow)
        done = cure_round(worst, verdict, known, limits, around)
        if done is None:
            return
        after = done.state
        if done.is_over:
            after = ended(after, limits, worst.at)
        guard = self.state.guard
        pairs = {p.pair for p in done.proposals if p.pair is not None}
        watched = {c: watch_pair(self.state.shadow, c) for c in sorted(pairs)}
        guard = replace(
            guard,
            subjects={**guard.subjects, subject: after},
            pairs={**watched, **guard.pairs},
        )
        self.state = replace(self.state, guard=guard)
        self._note(done.notes)
        if done.is_over:
            self._decided(over(verdict), known.episode)
            self._sweep()
            return
        sent = len(self.approved)
        self.propose(done.proposals)
        names = tuple(approved.intent_id for approved in self.approved[sent:])
        since = known.acting_since or self.state.shadow.at
        self.rounds.append(Acted(subject, known.episode, since, names))

    def leave(self) -> None:
        """Leave what is delisted, before it is."""
        guard, shadow = self.state.guard, self.state.shadow
        if not self.core.is_guarding:
            return
        left = leave_round(
            shadow, guard.leaving, self.core.guard_limits, is_curing=guard.is_acting
        )
        if left is None:
            return
        coins = {p.pair for p in left.proposals if p.pair is not None}
        watched = {coin: watch_pair(shadow, coin) for coin in sorted(coins)}
        guard = replace(guard, leaving=left.state, pairs={**watched, **guard.pairs})
        self.state = replace(self.state, guard=guard)
        self._note(left.notes)
        self.propose(left.proposals)
        if left.is_over:
            self._sweep()

    def follow_twins(self, before: Shadow, moment: Sequence[Event]) -> None:
        """See how each cured account would stand without the guard."""
        shadows, done = (before, self.state.shadow), (self.rounds, self.approved)
        after = follow_twins(self.state.twins, shadows, moment, self.state.guard, done)
        if after.twins is self.state.twins:
            return
        self.state = replace(self.state, twins=after.twins)
        self.entries += [Entry(at=self.state.shadow.at, body=n) for n in after.notes]

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
        self._note(pair_notes(before, self.state.guard.pairs))

    def _decided(self, verdict: Verdict, episode: int) -> None:
        body = turned(self.state.shadow, verdict, episode, self._next_id("d"))
        self.entries.append(Entry(at=self.state.shadow.at, body=body))

    def rest_stops(self) -> None:
        """Keep the stops for when nobody is there; what is approved goes first."""
        if self.approved or not self.core.is_guarding:
            return
        state, limits, shadow = self.state, self.core.guard_limits, self.state.shadow
        done = resting_round(
            shadow, lambda: self.sight.measure(shadow), state.guard, limits
        )
        if done is not None:
            guard = changed(state.guard, resting=done.state)
            self.state = changed(state, guard=guard)
            self.propose(done.proposals)

    def _hear(self, event: OperatorAsked) -> None:
        """Keep a person's word whether stops rest."""
        guard, notes = heard(self.state.guard, rests_stops=event.rests_stops)
        self._note(notes)
        self.state = replace(self.state, guard=guard)

    def follow_parity(self, reports: Sequence[RatioReported]) -> None:
        """Keep each ratio of the exchange beside ours, and tell the guard."""
        limits, shadow = self.core.guard_limits.parity, self.state.shadow
        seen = self.sight
        now = Reading(shadow=shadow, measures=seen.measures, numbers=seen.numbers)
        readings = remember(self.state.own_readings, now, limits.window)
        guard, rows = follow_reports(self.state.guard, reports, readings, limits)
        self.entries += rows
        self.state = replace(self.state, guard=guard, own_readings=readings)

    def note_parity(self, reports: Sequence[RatioReported]) -> None:
        """Note where the exchange's own ratios of this moment are not ours."""
        if self.approved or self.core.is_parity_kept:
            return
        if reports and not self.sight.agrees(reports):
            measures = self.sight.measure(self.state.shadow)
            self.entries += parity_notes(reports, measures)

    def sample(self) -> None:
        """Keep the account's numbers at the sampling cadence and when acting."""
        at = self.state.shadow.at
        due = self.state.next_sample_at
        if due is not None and at < due and not self.approved:
            return
        shadow = self.state.shadow
        body = sample_of(shadow, self.sight.measure(shadow))
        self.entries.append(Entry(at=at, body=body))
        self.state = replace(self.state, next_sample_at=at + self.core.sample_every)

    def look_ahead(self) -> None:
        """Forecast when it is time to, but let requests leave first."""
        state, limits = self.state, self.core.guard_limits
        if not self.core.is_guarding:
            return
        if self.approved and not state.ahead.is_late(state.shadow.at):
            return
        found = look(state.ahead, state.shadow, state.guard, limits)
        if found.ahead is state.ahead:
            return
        self.state = replace(state, ahead=found.ahead, guard=found.guard)
        self.entries += found.entries

    def done(self, moment: Sequence[Event]) -> Step:
        """The step as it stands."""
        return Step(
            state=self.state,
            approved=tuple(self.approved),
            lookups=lookups(self.state.shadow, moment),
            entries=tuple(self.entries),
            measures=self.sight.measures,
            numbers=self.sight.numbers,
            verdicts=self.verdicts,
            mark_cadence=self.core.risk_limits.mark_cadence,
        )
