"""The asynchronous shell: read a moment, step, remember, act.

The order is the rule of the house: entries are appended, and when something is
to be executed they are made durable first; only then does the executor see it.
The shell never decides. Observers are shown every step and must not change it.
"""

from collections.abc import AsyncIterator, Callable, Sequence

from bot.domain.events import Event
from bot.domain.intents import Approved, Proposal, Refused
from bot.engine.core import Core, State, Step
from bot.engine.executor import Executor
from bot.engine.lookout import Lookout
from bot.ports import Journal

__all__ = ["Engine", "Observer"]

Observer = Callable[[Sequence[Event], Step], None]
"""Sees each moment and what it led to."""


class Engine:
    """One core, its state, a journal and an executor."""

    def __init__(
        self,
        *,
        core: Core,
        state: State,
        journal: Journal,
        executor: Executor,
    ) -> None:
        self.core = core
        self.state = state
        self._journal = journal
        self._executor = executor
        self._observers: tuple[Observer, ...] = ()
        self._lookout = Lookout()

    def watch(self, observers: Sequence[Observer]) -> None:
        """Show every further step to these observers."""
        self._observers = tuple(observers)

    def preview(self, proposals: Sequence[Proposal]) -> tuple[Approved | Refused, ...]:
        """What admission would say to these now; nothing is sent or remembered."""
        return self.core.preview(self.state, proposals)

    def handle(self, moment: Sequence[Event]) -> Step:
        """Process one moment to its end."""
        step = self.core.step(self.state, moment, self._lookout)
        self.state = step.state
        if step.entries:
            self._journal.append(step.entries)
        if step.approved:
            self._journal.commit()
        for approved in step.approved:
            self._executor.send(approved)
        for approved in step.lookups:
            self._executor.find(approved)
        for observe in self._observers:
            observe(moment, step)
        return step

    async def run(self, moments: AsyncIterator[tuple[Event, ...]]) -> None:
        """Process moments until there are no more."""
        async for moment in moments:
            if moment:
                self.handle(moment)
