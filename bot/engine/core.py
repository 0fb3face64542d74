"""The engine's one step: facts in, decisions and journal entries out.

``Core.step(state, moment)`` applies the facts of one moment to the shadow, lets
the guard judge and plan, asks the strategies that are due, passes every proposal
through admission, and returns the next state with what is to be executed and
remembered. It is synchronous and pure: no clock, no chance, no input or output.
The order is fixed: guard before strategies, so that a cure is never behind them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.entries import Entry
from bot.domain.events import (
    Event,
    Filled,
)
from bot.domain.intents import Approved, Proposal, Refused
from bot.domain.money import ZERO
from bot.domain.records import changed
from bot.engine.intake import take_in
from bot.engine.lookout import Lookout, Sight
from bot.engine.memory import day_note
from bot.engine.readings import value_usdt
from bot.engine.reconcile import BookingIds
from bot.engine.sized import paid_in
from bot.engine.state import Policy, State, Step
from bot.engine.work import Work
from bot.guard.adl import adl_notes
from bot.guard.borrow_watch import borrow_notes
from bot.guard.repair import (
    torn_pairs,
)
from bot.risk.jumps import after_moment
from bot.risk.measure import equity_usdt

__all__ = ["Core", "State", "Step"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Core(Policy):
    """The step, with the settings that it never changes."""

    def step(
        self, state: State, moment: Sequence[Event], lookout: Lookout | None = None
    ) -> Step:
        """The next state, what to execute, and what to remember.

        Args:
            state: The state before the moment.
            moment: The facts of one instant that belong together, in order.
            lookout: Kept by the caller from step to step; saves time, changes nothing.
        """
        before = state.shadow
        state, entries = self._taken_in(state, moment)
        if not state.shadow.is_open:
            return Step(state=state, entries=tuple(entries))
        news = adl_notes(before, state.shadow) + borrow_notes(before, state.shadow)
        entries += [Entry(at=state.shadow.at, body=note) for note in news]
        state = self._counted(self._new_day(state, entries), moment)
        state, rows = paid_in(state, moment)
        entries += rows
        watched = state.guard.pairs
        if self.is_guarding and (torn := torn_pairs(before, moment)):
            guard = replace(state.guard, pairs={**torn, **state.guard.pairs})
            state = replace(state, guard=guard)
        work = Work(core=self, state=state, entries=entries, sight=Sight(lookout))
        work.run(moment)
        if self.is_parity_kept:
            work.note_pairs(watched)
        work.follow_twins(before, moment)
        return work.done(moment)

    def preview(
        self, state: State, proposals: Sequence[Proposal]
    ) -> tuple[Approved | Refused, ...]:
        """What admission would say to these, one after the other; nothing happens."""
        work = Work(core=self, state=state, entries=[], sight=Sight(None))
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
            state = changed(
                state,
                shadow=shadow,
                next_seq=ids.next_seq,
                ahead=state.ahead.followed(state.shadow, shadow),
                jumps=after_moment(state.jumps, state.shadow, shadow, moment),
            )
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
