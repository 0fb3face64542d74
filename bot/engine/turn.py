"""The strategies' turn of a step: who is asked, what is heard, and what overlays say.

It comes after the guard and the operator. A strategy that fails is stopped, and the
step goes on. Synchronous and pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.events import Event
from bot.domain.fence import Fault
from bot.domain.intents import Proposal
from bot.domain.overlay import Overlaid
from bot.domain.strategy import Strategy
from bot.engine.admitting import Admitting, Restraint
from bot.engine.asking import Ask, answer_of, asks_of, fault_note, missed_notes
from bot.engine.occasions import ran
from bot.guard.admit import is_reduction
from bot.guard.overlay_restraint import restrained
from bot.guard.overlays import closing, follow
from bot.guard.state import GUARD
from bot.risk.view import ShadowView, strategy_view

__all__ = ["StrategyTurn"]


@dataclass(slots=True, kw_only=True)
class StrategyTurn(Admitting):
    """The part of a step's work that asks strategies."""

    def follow_overlays(self, moment: Sequence[Event]) -> None:
        """See what strategies earn, and close what their overlays end."""
        overlaid, state = self.core.overlaid, self.state
        if not overlaid:
            return
        shadow, due = state.shadow, state.next_sample_at
        is_kept = due is None or shadow.at >= due
        done = follow(state.overlays, overlaid, shadow, moment, is_kept=is_kept)
        self.state = replace(state, overlays=done.states)
        self._note(done.notes)
        if not self.approved:
            view = ShadowView(shadow, self.core.risk_limits.mark_stale_after)
            self.propose(list(closing(done.states, overlaid, view)))

    def ask_strategies(self, moment: Sequence[Event]) -> None:
        """Ask each strategy that is due; what the guard approved leaves before it.

        A slow answer must not delay a cure: while the guard has requests of this
        moment to send, strategies wait for the next one.
        """
        shadow, state = self.state.shadow, self.state
        asks, asking = asks_of(
            self.core.agenda, state.asking, moment, lambda: self.sight.measure(shadow)
        )
        if asks and any(each.owner == GUARD for each in self.approved):
            asking, asks = replace(asking, waiting=asks), ()
        if asking is not state.asking:
            self.state = replace(state, asking=asking)
        self._note(missed_notes(self.core.agenda, moment))
        for ask in asks:
            self._ask(ask)

    def _ask(self, ask: Ask) -> None:
        """Ask one strategy and propose what it wants; a fault stops it."""
        stale_after = self.core.risk_limits.mark_stale_after
        answer = answer_of(
            ask, strategy_view(self.state.shadow, stale_after, ask.job, self.room)
        )
        if isinstance(answer, Fault):
            self._note([fault_note(ask.strategy.name, answer)])
            stopped = self.state.asking.stopped | {ask.strategy.name}
            asking = replace(self.state.asking, stopped=stopped)
            self.state = replace(self.state, asking=asking)
            return
        if ask.job is not None:
            at = self.state.shadow.at
            self.entries += ran(at, ask.job, ask.due_at, is_idle=not answer)
        self.propose(answer, self._restraint_of(ask.strategy))

    def _restraint_of(self, strategy: Strategy) -> Restraint | None:
        """What its overlay says of a strategy's new risk; None without one."""
        state = self.state.overlays.get(strategy.name)
        if not isinstance(strategy, Overlaid) or state is None:
            return None
        stale_after = self.core.risk_limits.mark_stale_after

        def restrain(proposal: Proposal) -> Proposal | str:
            if is_reduction(self.state.shadow, proposal.intent):
                return proposal
            view = ShadowView(self.state.shadow, stale_after)
            return restrained(strategy, state, proposal, view)

        return restrain
