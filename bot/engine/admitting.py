"""The door of one step: every proposal is admitted or refused here, and written down.

It keeps the step's scratch pad: the state as it goes on, the rows, and what was
approved. Synchronous and pure; it asks nobody and sends nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from bot.domain.entries import Entry, Noted
from bot.domain.intents import Approved, Proposal, Refused
from bot.domain.room import Room, RoomAsked
from bot.engine.lookout import Sight
from bot.engine.sized import admission_of, seen, sizing_now
from bot.engine.state import Policy, State
from bot.guard.admit import Admission, admit
from bot.guard.largest import largest
from bot.guard.size_factors import Sizing
from bot.guard.state import GUARD
from bot.shadow.apply import register, set_back

__all__ = ["Admitting", "Restraint"]

Restraint = Callable[[Proposal], Proposal | str]
"""A proposal as it may pass, or why it may not."""


@dataclass(slots=True, kw_only=True)
class Admitting:
    """The scratch pad of one step, with the only way from a proposal to a request."""

    core: Policy
    state: State
    entries: list[Entry]
    sight: Sight
    approved: list[Approved] = field(default_factory=list)
    _sizing: Sizing | None = None

    def propose(
        self, proposals: Iterable[Proposal], restraint: Restraint | None = None
    ) -> None:
        """Admit each proposal, with the earlier ones on their way.

        A restraint makes one smaller, or says why it is not let pass at all.
        """
        for wanted in proposals:
            proposal = wanted if restraint is None else restraint(wanted)
            if isinstance(proposal, str):
                self._refuse(wanted, proposal)
                continue
            verdict = admit(
                self.admission(proposal.owner), proposal, self._next_id("i")
            )
            at = self.state.shadow.at
            self.entries.append(Entry(at=at, body=verdict))
            if isinstance(verdict, Approved):
                self.approved.append(verdict)
                shadow = register(self.state.shadow, verdict, at)
            else:
                shadow = set_back(self.state.shadow, verdict, at, verdict.reason)
            self.state = replace(self.state, shadow=shadow)

    def admission(self, owner: str) -> Admission:
        """What a proposal is held to; nothing scales what the guard does."""
        sizing = Sizing() if owner == GUARD else self.sizing()
        known = self.sight.known(self.state.shadow)
        return admission_of(self.state, self.core, known, sizing)

    def sizing(self) -> Sizing:
        """What scales new risk, found once in a step."""
        if self._sizing is None:
            self.state, rows = seen(self.state, self.core)
            self.entries += rows
            self._sizing = sizing_now(self.state, self.core.sizing)
        return self._sizing

    def room(self, asked: RoomAsked) -> Room:
        """The largest that would be admitted now."""
        return largest(self.admission(""), asked)

    def see_results(self) -> None:
        """Look at the equity once in an hour, which scales new risk."""
        if self.state.results.is_due(self.state.shadow.at):
            self.state, rows = seen(self.state, self.core)
            self.entries += rows

    def _refuse(self, proposal: Proposal, reason: str) -> None:
        """Refuse what a strategy's overlay does not let pass."""
        at = self.state.shadow.at
        refused = Refused(
            owner=proposal.owner,
            intent=proposal.intent,
            reason=reason,
            pair=proposal.pair,
        )
        self.entries.append(Entry(at=at, body=refused))
        shadow = set_back(self.state.shadow, refused, at, reason)
        self.state = replace(self.state, shadow=shadow)

    def _note(self, notes: Iterable[Noted]) -> None:
        self.entries += [Entry(at=self.state.shadow.at, body=note) for note in notes]

    def _next_id(self, kind: str) -> str:
        """A deterministic id: epoch, kind and sequence, never used twice."""
        seq = self.state.next_seq
        self.state = replace(self.state, next_seq=seq + 1)
        return f"g{self.core.epoch}-{kind}{seq:07d}"
