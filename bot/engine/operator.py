"""The operator's desk: feeds requests to the engine and waits for what became of them.

It hands proposals over round by round and waits, with a limit, until every answer is
proven. It decides nothing, and never calls the engine but for a preview.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.errors import UsageError
from bot.domain.events import Event, Filled, IntentSettled, OperatorAsked, OrderChanged
from bot.domain.intents import (
    Approved,
    CancelOrder,
    Intent,
    PlaceOrder,
    Proposal,
    Refused,
)
from bot.domain.money import ZERO, plain
from bot.domain.orders import OrderState, Outcome
from bot.engine.core import Step
from bot.engine.loop import Engine
from bot.engine.operator_requests import intent_words, proposals_for
from bot.guard.flatten import OPERATOR, is_flat, is_quiet, is_under_way
from bot.shadow.state import Shadow

__all__ = ["OperatorDesk", "Ticket"]

_ROUNDS: Final = 60
_TRIES: Final = 3
_READY_S: Final = 10.0
"""How long new risk waits for feeds and fresh marks before it is judged as it is."""
_NEW_RISK: Final = frozenset({"borrow", "transfer"})
_PAUSE_S: Final = 2.0
_PAUSE_MAX_S: Final = 60.0
_PAUSES_S: Final = 600.0
"""How long a request waits for thin books in all, in the exchange's time."""
_MANY: Final = frozenset({"cancel-all", "flatten"})
"""Requests that are planned again on what became of the last round."""
_JUDGES: Final[Mapping[str, Callable[[Shadow], bool]]] = {
    "cancel-all": is_quiet,
    "flatten": is_flat,
}
"""Requests that are done when nothing is left, however often a part was refused."""
_PAUSING: Final = _MANY
"""Requests from which on no stop rests."""
_LIFTING: Final = frozenset({"flatten", "rest-stops"})
"""Requests at whose end stops rest again: what flatten leaves is protected."""


Place = tuple[str, str]
"""An account and a symbol."""


@dataclass(slots=True, kw_only=True)
class Ticket:
    """One request of the operator and what became of it so far."""

    intent_id: str | None
    intent: Intent
    state: str
    reason: str = ""
    done: Decimal = ZERO
    """What was filled, borrowed, repaid or moved."""
    is_over: bool = False
    is_taken: bool = False
    """The exchange did it, or has the order."""
    is_refused: bool = False
    cancels: str | None = None
    """The order that it cancels: accepted is not yet gone."""
    is_cut: bool = False
    """The exchange ended its order before all of it was filled."""
    is_early: bool = False
    """Refused while marks were too old to judge it, though they were fresh when it
    was asked: nothing was sent, so it may be asked again."""

    def document(self) -> Mapping[str, object]:
        """For a machine."""
        return {
            "id": self.intent_id,
            "what": intent_words(self.intent),
            "state": "partly filled" if self.is_cut and self.done else self.state,
            "done": plain(self.done),
            "reason": self.reason,
        }


class OperatorDesk:
    """Feeds an operator's requests to a running engine and waits for the answers.

    Make it an observer of the engine.

    Args:
        engine: Its state is read; it is never told anything directly.
        put: Hands an event to the engine's own queue.
        now: The exchange's time.
        pause: Waits for some seconds of the exchange's time.
        patience_s: Real seconds until an answer is not waited for any more.
        fresh: How old a mark may be for new risk.
    """

    def __init__(  # noqa: PLR0913 - its ports and its two limits
        self,
        engine: Engine,
        put: Callable[[OperatorAsked], None],
        now: Callable[[], datetime],
        *,
        pause: Callable[[float], Awaitable[None]],
        patience_s: float,
        fresh: timedelta,
    ) -> None:
        self._engine = engine
        self._put = put
        self._now = now
        self._patience_s = patience_s
        self._tickets: dict[str, Ticket] = {}
        self._refused: list[Ticket] = []
        self._changed = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._fresh = fresh
        self._pause = pause
        self._cut: set[Place | None] = set()
        self._paused_s = 0.0
        self._pause_s = _PAUSE_S

    def __call__(self, moment: Sequence[Event], step: Step) -> None:
        """Watch one moment; the signature is an engine observer's."""
        for entry in step.entries:
            body = entry.body
            if isinstance(body, Approved | Refused) and body.owner == OPERATOR:
                self._admitted(body)
        for event in moment:
            self._event(event)
        self._changed.set()

    def _admitted(self, body: Approved | Refused) -> None:
        intent = body.intent
        if isinstance(body, Refused):
            self._refused.append(
                Ticket(
                    intent_id=None,
                    intent=intent,
                    state="refused",
                    reason=body.reason,
                    is_over=True,
                    is_refused=True,
                    is_early=not self._is_ready(),
                )
            )
            return
        self._tickets[body.intent_id] = Ticket(
            intent_id=body.intent_id,
            intent=intent,
            state="sent",
            cancels=intent.order_id if isinstance(intent, CancelOrder) else None,
        )

    def _event(self, event: Event) -> None:
        match event:
            case IntentSettled(intent_id=name) if name in self._tickets:
                self._settled(self._tickets[name], event)
            case Filled(intent_id=str(name)) if name in self._tickets:
                self._tickets[name].done += event.qty
            case OrderChanged(intent_id=str(name)) if name in self._tickets:
                if event.state is not OrderState.OPEN:
                    ticket = self._tickets[name]
                    ticket.state, ticket.is_over = str(event.state), True
                    ticket.is_cut = event.state is not OrderState.FILLED
                    ticket.reason = event.reason or ticket.reason
            case _:
                pass

    def _settled(self, ticket: Ticket, event: IntentSettled) -> None:
        """An answer came; an order that the exchange has is not over yet."""
        ticket.reason = event.reason or ""
        ticket.state = str(event.outcome).replace("_", " ")
        ticket.done += event.done_amount
        ticket.is_refused = event.outcome is Outcome.REFUSED
        ticket.is_taken = event.outcome is Outcome.DONE
        ticket.is_over = event.intent_id not in self._engine.state.shadow.requests

    async def answer(self, request: Mapping[str, object]) -> Mapping[str, object]:
        """Answer one line of an operator; a bad one is answered with an ``error``."""
        words = {k: v for k, v in request.items() if isinstance(v, str)}
        try:
            if words.get("do") in _NEW_RISK:
                await self._readiness()
            if words.get("dry_run") == "yes":
                return self.preview(words)
            return await self.do(words)
        except UsageError as error:
            return {"error": str(error)}

    def preview(self, request: Mapping[str, str]) -> Mapping[str, object]:
        """What a request would send now, and what admission would say to it.

        Raises:
            UsageError: The request is not understood.
        """
        proposals = proposals_for(request, self._engine.state.shadow)
        said = self._engine.preview(proposals)
        return {
            "do": request.get("do"),
            "dry_run": True,
            "requests": [
                {
                    "what": intent_words(verdict.intent),
                    "state": "refused" if isinstance(verdict, Refused) else "approved",
                    "reason": verdict.reason,
                    "measured": dict(verdict.measured),
                }
                for verdict in said
            ],
            "is_done": not any(isinstance(verdict, Refused) for verdict in said),
        }

    async def do(self, request: Mapping[str, str]) -> Mapping[str, object]:
        """Do a request to its end and say what became of each part of it.

        Raises:
            UsageError: The request is not understood.
        """
        async with self._one_at_a_time:
            self._begin()
            word, was_paused = request.get("do"), self._is_paused
            if word in _PAUSING:
                self._put(_stops_rest(self._now(), are_resting=False))
                await self._until(lambda: self._is_paused)
            for _ in range(_ROUNDS if word in _MANY else _TRIES):
                proposals = self._wanted(request)
                if proposals:
                    goes_on = await self._paced(proposals)
                else:
                    goes_on = await self._settles()
                if word not in _MANY:
                    goes_on = await self._is_asked_again()
                if not goes_on:
                    break
            if word in _LIFTING and not (word == "flatten" and was_paused):
                self._put(_stops_rest(self._now(), are_resting=True))
                await self._until(lambda: not self._is_paused)
            return self._answer(request)

    @property
    def _is_paused(self) -> bool:
        """Whether no stop may rest, on the operator's word."""
        return self._engine.state.guard.resting.is_paused

    async def take(self, proposal: Proposal) -> Ticket:
        """Send one proposal and wait until the exchange has it or refuses it.

        Returns:
            What became of it; neither taken nor refused when no answer came in time.
        """
        async with self._one_at_a_time:
            await self._readiness()
            self._begin()
            for _ in range(_TRIES):
                self._put(OperatorAsked(at=self._now(), proposals=(proposal,)))
                await self._until(
                    lambda: any(t.is_taken or t.is_refused for t in self._parts())
                )
                if not await self._is_asked_again():
                    break
            found = self._parts()
        unknown = Ticket(intent_id=None, intent=proposal.intent, state="no answer")
        return found[0] if found else unknown

    async def idle(self) -> None:
        """Wait until everything that was asked so far has come to its end."""
        async with self._one_at_a_time:
            return

    async def _is_asked_again(self) -> bool:
        """Whether all was refused for marks that aged meanwhile, and they are fresh.

        Those refusals stand in the journal and are forgotten here.
        """
        parts = self._parts()
        if not parts or not all(ticket.is_early for ticket in parts):
            return False
        is_ready = await self._readiness()
        if is_ready:
            self._begin()
        return is_ready

    def _parts(self) -> tuple[Ticket, ...]:
        return (*self._tickets.values(), *self._refused)

    def _begin(self) -> None:
        self._tickets.clear()
        self._refused.clear()
        self._cut.clear()
        self._paused_s, self._pause_s = 0.0, _PAUSE_S

    def _wanted(self, request: Mapping[str, str]) -> list[Proposal]:
        """What to send now; what was refused three times is not asked again."""
        denied = Counter(t.intent for t in self._parts() if t.is_refused)
        found = proposals_for(request, self._engine.state.shadow)
        return [p for p in found if denied[p.intent] < _TRIES]

    async def _paced(self, proposals: Sequence[Proposal]) -> bool:
        """Send a round, what was cut short by a thin book only after a pause.

        A book that was emptied by the last order fills up again with time; sending
        the rest at once would trade next to nothing at the worst price.
        """
        ready = [p for p in proposals if _place(p.intent) not in self._cut]
        if ready:
            return await self._round(ready)
        if self._paused_s >= _PAUSES_S:
            return False
        await self._pause(self._pause_s)
        self._paused_s += self._pause_s
        self._pause_s = min(2 * self._pause_s, _PAUSE_MAX_S)
        self._cut.clear()
        return True

    async def _round(self, proposals: Sequence[Proposal]) -> bool:
        """Send one round; whether every part of it came to an end in time."""
        before = len(self._tickets)
        asked = before + len(self._refused) + len(proposals)
        self._put(OperatorAsked(at=self._now(), proposals=tuple(proposals)))
        is_over = await self._until(lambda: self._is_over(asked))
        sent = [*self._tickets.values()][before:]
        self._cut |= {_place(t.intent) for t in sent if t.is_cut or t.is_refused}
        self._cut.discard(None)
        return is_over

    async def _settles(self) -> bool:
        """Wait for what others have under way; whether there was anything."""
        if not is_under_way(self._engine.state.shadow):
            return False
        return await self._until(lambda: not is_under_way(self._engine.state.shadow))

    async def _readiness(self) -> bool:
        """Wait until new risk can be judged; whether it came to that in time."""
        return await self._until(self._is_ready, min(_READY_S, self._patience_s))

    def _is_ready(self) -> bool:
        """Whether new risk can be judged: feeds heard, all marks there and fresh."""
        shadow = self._engine.state.shadow
        held, marks = shadow.positions, shadow.futures_marks
        is_marked = shadow.margin_marks and all(key.symbol in marks for key in held)
        if shadow.silent_feeds or not is_marked:
            return False
        ages = (shadow.mark_age(name) for name in shadow.mark_times)
        return all(age is not None and age <= self._fresh for age in ages)

    async def _until(
        self, is_so: Callable[[], bool], limit_s: float | None = None
    ) -> bool:
        """Wait for something, a moment at a time; whether it came in time."""
        try:
            async with asyncio.timeout(limit_s or self._patience_s):
                while not is_so():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _is_over(self, asked: int) -> bool:
        known = len(self._tickets) + len(self._refused)
        return known >= asked and all(map(self._is_gone, self._tickets.values()))

    def _is_gone(self, ticket: Ticket) -> bool:
        if ticket.is_refused:
            return True
        return ticket.is_over and ticket.cancels not in self._engine.state.shadow.orders

    def _answer(self, request: Mapping[str, str]) -> Mapping[str, object]:
        parts = self._parts()
        answer: dict[str, object] = {
            "do": request.get("do"),
            "requests": [ticket.document() for ticket in parts],
            "is_done": all(t.is_over and not t.is_refused for t in parts),
        }
        judge = _JUDGES.get(request.get("do", ""))
        if judge is not None:
            answer["is_done"] = judge(self._engine.state.shadow)
        return answer


def _stops_rest(at: datetime, *, are_resting: bool) -> OperatorAsked:
    """The word whether stops may rest from now on."""
    return OperatorAsked(at=at, proposals=(), rests_stops=are_resting)


def _place(intent: Intent) -> Place | None:
    """Where an order trades; None for everything else."""
    if isinstance(intent, PlaceOrder):
        return intent.account, intent.symbol
    return None
