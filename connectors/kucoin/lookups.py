"""What became of an intent in doubt, asked until it is proven and never resent.

Theory of operation. Each intent in doubt has one chase: look, wait, look again, with
growing pauses, one of which ends when absence first counts: nobody hedges meanwhile. A
look ends the chase only with a proof: a record of the exchange in a final state, or
absence that was seen in at least two consistent looks, all of them ten seconds or more
(the exchange's time) after the last moment at which the request may still have been on
its way. Inside that window "not found" is no information. Until there is a proof the
intent stays in doubt, without a limit on the number of looks; a note is kept when it
takes long. Nothing here sends a request that changes anything.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bot.domain.entries import Noted
from bot.domain.errors import UnreachableError, UsageError
from bot.domain.events import IntentSettled
from bot.domain.intents import (
    Approved,
    CancelOrder,
    CancelStop,
    PlaceOrder,
    PlaceStop,
)
from bot.ports import Clock
from connectors.kucoin.answers import ExchangeRefusedError, Rest
from connectors.kucoin.fates import (
    SETTLE_WINDOW,
    Absence,
    Case,
    Fate,
    order_fate,
)
from connectors.kucoin.money_fates import money_fate
from connectors.kucoin.money_requests import MoneyRequests
from connectors.kucoin.registry import OrderRegistry
from connectors.kucoin.stop_reads import stop_fate
from connectors.kucoin.supervisor import Spawn
from connectors.kucoin.warm_images import WarmImages

__all__ = ["LookUps", "Sleep"]

Sleep = Callable[[float], Awaitable[None]]
"""Waits so many seconds."""

_FIRST_S: Final = 0.25
_LONGEST_S: Final = 4.0
_CONFIRM_S: Final = 2.0
"""From the first look of a proof of absence to the second."""
_SLOW_S: Final = 10.0
"""Between looks at a doubt that has lasted for a minute."""
_TRY_S: Final = 15.0
_LONG: Final = timedelta(seconds=60)
_NOTE_AGAIN: Final = timedelta(minutes=10)


@dataclass(slots=True)
class _Chase:
    """One intent that is being looked up."""

    approved: Approved
    case: Case
    began: datetime
    noted_at: datetime | None = None
    last: str = "nothing was seen yet"


@dataclass(slots=True, kw_only=True)
class LookUps:
    """Chases every intent in doubt; one chase each.

    ``sleep`` waits wall seconds; ``settle`` takes each proof; ``remember`` makes a
    note durable; ``requests`` knows what was before each that moves money; ``warm`` has
    pre-images at hand for the guard.
    """

    rest: Rest
    clock: Clock
    sleep: Sleep
    spawn: Spawn
    registry: OrderRegistry
    settle: Callable[[IntentSettled], None]
    remember: Callable[[Noted], None]
    requests: MoneyRequests
    warm: WarmImages
    _doubted: dict[str, datetime] = field(default_factory=dict)
    _chases: dict[str, _Chase] = field(default_factory=dict)

    def doubted(self, approved: Approved) -> None:
        """A request has just been given up on; it may still have been on its way."""
        self._doubted[approved.intent_id] = self.clock.now()

    def forget(self, intent_id: str) -> None:
        """The fate of an intent is proven: nothing of it is needed any more."""
        self.requests.drop(intent_id)
        self._doubted.pop(intent_id, None)

    @property
    def open(self) -> tuple[str, ...]:
        """The intents that are being looked up now."""
        return tuple(self._chases)

    def find(self, approved: Approved) -> None:
        """Begin a chase, unless one is under way."""
        if approved.intent_id in self._chases:
            return
        now = self.clock.now()
        case = Case(
            approved=approved,
            sent_at=self._doubted.get(approved.intent_id, now),
            image=self.requests.image_of(approved.intent_id),
            absence=Absence(),
        )
        self._chases[approved.intent_id] = _Chase(approved, case, now)
        self.spawn(self._chase(approved.intent_id), f"find {approved.intent_id}")

    async def _chase(self, intent_id: str) -> None:
        chase = self._chases[intent_id]
        pause = 0.0
        while True:
            fate = await self._look(chase)
            if fate is not None:
                break
            self._note_when_long(chase)
            pause = self._pause_s(chase, pause)
            await self.sleep(pause)
        del self._chases[intent_id]
        if fate.loan_no is not None:
            self.registry.adopt(fate.loan_no, intent_id)
        self.settle(
            IntentSettled(
                at=self.clock.now(),
                intent_id=intent_id,
                outcome=fate.outcome,
                order_id=fate.order_id,
                done_amount=fate.done_amount,
                code=fate.code,
                reason=fate.reason,
            )
        )

    def _pause_s(self, chase: _Chase, last_s: float) -> float:
        """How long to wait for the next look; nobody hedges while it is in doubt."""
        now = self.clock.now()
        if now - chase.began >= _LONG:
            return _SLOW_S
        if chase.case.absence.looks:
            return _CONFIRM_S
        counts_in = (chase.case.sent_at + SETTLE_WINDOW - now).total_seconds()
        grown = max(_FIRST_S, min(2 * last_s, _LONGEST_S))
        return max(_FIRST_S, min(grown, counts_in)) if counts_in > 0 else grown

    async def _look(self, chase: _Chase) -> Fate | None:
        """One look with its deadline; a failed one proves nothing."""
        try:
            async with asyncio.timeout(_TRY_S):
                return await self._ask(chase.case)
        except TimeoutError:
            chase.last = "the last look-up got no answer in time"
        except (UnreachableError, UsageError, ExchangeRefusedError) as error:
            chase.last = str(error)
        return None

    async def _ask(self, case: Case) -> Fate | None:
        intent = case.approved.intent
        if isinstance(intent, PlaceOrder | CancelOrder):
            fate = await order_fate(self.rest, self.clock, case, self.registry)
        elif isinstance(intent, PlaceStop | CancelStop):
            fate = await stop_fate(self.rest, self.clock, case, self.registry)
        else:
            fate = await money_fate(self.rest, self.clock, case, intent)
        return fate

    def _note_when_long(self, chase: _Chase) -> None:
        """Tell a person when a doubt lasts; once a while, not at every look."""
        now = self.clock.now()
        if now - chase.began < _LONG:
            return
        if chase.noted_at is not None and now - chase.noted_at < _NOTE_AGAIN:
            return
        chase.noted_at = now
        seconds = int((now - chase.began).total_seconds())
        self.remember(
            Noted(
                topic="still in doubt",
                text=(
                    f"what became of {chase.approved.intent_id} is not known for "
                    f"{seconds} s: {chase.last}"
                ),
                inputs={"intent_id": chase.approved.intent_id},
            )
        )
