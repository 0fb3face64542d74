"""The asynchronous shell: read a moment, step, remember, act.

The order is the rule of the house: entries are appended, and when something is
to be executed they are made durable first; only then does the executor see it. While
the journal takes no rows only reductions leave (``unwritten``). The shell decides
nothing.
Observers are shown every step and must not change it.
"""

from collections.abc import AsyncIterator, Callable, Sequence

from bot.domain.entries import Entry
from bot.domain.events import Event
from bot.domain.intents import Approved, Proposal, Refused
from bot.engine.core import Core, State, Step
from bot.engine.executor import Executor
from bot.engine.lookout import Lookout
from bot.engine.unwritten import Durable, Told, withheld
from bot.ports import Journal
from bot.shadow.state import Shadow

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
        self._durable = Durable(journal=journal)
        self._executor = executor
        self._observers: tuple[Observer, ...] = ()
        self._lookout = Lookout()

    def watch(self, observers: Sequence[Observer]) -> None:
        """Show every further step to these observers."""
        self._observers = tuple(observers)

    def stand_by(self, told: Told) -> None:
        """Go on with reductions while the journal takes no rows, and tell of each.

        Without it the first row that cannot be stored ends the run.
        """
        self._durable.told = told

    def keep(self, entries: Sequence[Entry] = ()) -> bool:
        """Make these and everything so far durable; whether the journal took it.

        Raises:
            JournalError: It did not, and nobody stands by; or too many rows wait.
        """
        is_stored = self._durable.store(entries, is_urgent=True)
        self._hear(is_stored=is_stored)
        return is_stored

    def preview(self, proposals: Sequence[Proposal]) -> tuple[Approved | Refused, ...]:
        """What admission would say to these now; nothing is sent or remembered."""
        return self.core.preview(self.state, proposals)

    def handle(self, moment: Sequence[Event]) -> Step:
        """Process one moment to its end."""
        before = self.state.shadow
        step = self.core.step(self.state, moment, self._lookout)
        self.state = step.state
        is_stored = True
        if step.entries or step.approved:
            is_urgent = bool(step.approved)
            is_stored = self._durable.store(step.entries, is_urgent=is_urgent)
        answers = self._send(before, step, is_stored=is_stored)
        for approved in step.lookups:
            self._executor.find(approved)
        for observe in self._observers:
            observe(moment, step)
        if answers:
            self.handle(answers)
        if not is_stored or step.approved:
            self._hear(is_stored=is_stored)
        return step

    def _send(
        self, before: Shadow, step: Step, *, is_stored: bool
    ) -> tuple[Event, ...]:
        """Send what may leave; the answers to what may not."""
        approved, answers = step.approved, tuple[Event, ...]()
        if not is_stored:
            approved, answers = withheld(before, approved)
        for each in approved:
            if not is_stored:
                self._durable.tell(each)
            self._executor.send(each)
        return answers

    def _hear(self, *, is_stored: bool) -> None:
        """Tell the core when the journal fell silent or is heard again."""
        change = self._durable.change(self.state.shadow.at, is_stored=is_stored)
        if change:
            self.handle(change)

    async def run(self, moments: AsyncIterator[tuple[Event, ...]]) -> None:
        """Process moments until there are no more."""
        async for moment in moments:
            if moment:
                self.handle(moment)
