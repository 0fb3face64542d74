"""The three gateways: each approved intent leaves once, and its answer comes back.

Theory of operation. ``send_*`` return at once; the request runs as a supervised task
and its answer becomes an ``IntentSettled``: done, refused, or in doubt. An id is never
sent twice. Loans, transfers and moves of margin go through lanes, one at a time for an
account and coin, and only after their pre-image is durable; they leave the lane when
their fate is proven, here or by a look-up. What cannot be sent is refused with the
reason, which is a proof that nothing was done. Nothing here decides or resends.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from bot.domain.accounts import AccountId
from bot.domain.entries import Noted
from bot.domain.errors import UnreachableError, UsageError
from bot.domain.events import IntentSettled
from bot.domain.intents import (
    Approved,
    Borrow,
    CancelOrder,
    CancelStop,
    Intent,
    PlaceOrder,
    PlaceStop,
    Repay,
)
from bot.domain.money import ZERO
from bot.domain.orders import Outcome
from bot.ports import Clock
from connectors.kucoin.answers import Answer, ExchangeRefusedError, Rest, Urgency
from connectors.kucoin.lanes import Key, Lanes, LanesFullError
from connectors.kucoin.lookups import LookUps, Sleep
from connectors.kucoin.order_reads import order_by_id
from connectors.kucoin.order_words import request_for, urgency_of
from connectors.kucoin.parse.loans import loan_answer
from connectors.kucoin.parse.spot_orders import placed_order
from connectors.kucoin.pre_images import MoneyIntent, read_pre_image
from connectors.kucoin.registry import OrderRegistry, ends_at_once
from connectors.kucoin.supervisor import Spawn
from connectors.kucoin.touching import accounts_of, lane_of

__all__ = ["Gateway", "Touch", "accounts_of", "lane_of"]

_SENT_MAX: Final = 100_000
_WAIT_S: Final = 30.0
_CONFIRM_S: Final = 1.0

Touch = Callable[[Iterable[AccountId], Urgency], None]
"""These accounts may have changed; look at them that urgently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wires:
    """Where the gateway reads and where it tells."""

    rest: Rest
    clock: Clock
    spawn: Spawn
    settle: Callable[[IntentSettled], None]
    remember: Callable[[Noted], None]
    touch: Touch
    sleep: Sleep


class Gateway:
    """Sends orders, loans and transfers, and looks them up when in doubt.

    Args:
        rest: The exchange.
        clock: The exchange's time.
        spawn: Starts a supervised task.
        settle: Takes each outcome.
        remember: Makes a note durable before it returns.
        touch: Takes the accounts that a request may have changed.
        sleep: Waits wall seconds.
        registry: Learns which order belongs to which intent.
        lookups: Finds out what became of an intent in doubt.
        recovered: Intents that an earlier process left open; they are never sent.
        wait_s: How long a request may wait for an earlier one, in wall seconds.
    """

    def __init__(  # noqa: PLR0913 - the parts of a gateway, each given by its maker
        self,
        *,
        rest: Rest,
        clock: Clock,
        spawn: Spawn,
        settle: Callable[[IntentSettled], None],
        remember: Callable[[Noted], None],
        touch: Touch,
        sleep: Sleep,
        registry: OrderRegistry,
        lookups: LookUps,
        recovered: Iterable[Approved] = (),
        wait_s: float = _WAIT_S,
    ) -> None:
        self._wires = _Wires(
            rest=rest,
            clock=clock,
            spawn=spawn,
            settle=settle,
            remember=remember,
            touch=touch,
            sleep=sleep,
        )
        self._registry = registry
        self._lookups = lookups
        self._lanes = Lanes()
        self._wait_s = wait_s
        self._sent: dict[str, None] = {}
        self._open: dict[str, Approved] = {}
        self._busy = 0
        for approved in recovered:
            self._once(approved)
            registry.expect(approved)
            if isinstance(approved.intent, MoneyIntent):
                self._lanes.seize(approved.intent_id, lane_of(approved.intent))

    @property
    def in_flight(self) -> int:
        """How many requests wait for their answer or for their turn."""
        return self._busy

    @property
    def lanes(self) -> Mapping[str, frozenset[Key]]:
        """Which requests hold which accounts and coins."""
        return self._lanes.held

    # -- the ports ---------------------------------------------------------

    def send_order(self, approved: Approved) -> None:
        self._once(approved)
        self._registry.expect(approved)
        self._start(approved)

    def find_order(self, approved: Approved) -> None:
        self._lookups.find(approved)

    def send_loan(self, approved: Approved) -> None:
        self._once(approved)
        self._start(approved)

    def find_loan(self, approved: Approved) -> None:
        self._lookups.find(approved)

    def send_transfer(self, approved: Approved) -> None:
        self._once(approved)
        self._start(approved)

    def find_transfer(self, approved: Approved) -> None:
        self._lookups.find(approved)

    def settled(self, event: IntentSettled) -> Approved | None:
        """An outcome became known; a proven one frees its lane. Gives its request."""
        approved = self._open.get(event.intent_id)
        if approved is not None:
            accounts = accounts_of(approved.intent)
            self._wires.touch(accounts, urgency_of(approved))
        if event.outcome is not Outcome.IN_DOUBT:
            self._open.pop(event.intent_id, None)
            self._lanes.leave(event.intent_id)
        return approved

    # -- one request -------------------------------------------------------

    def _once(self, approved: Approved) -> None:
        """An id is never sent twice.

        Raises:
            ValueError: It was.
        """
        if approved.intent_id in self._sent:
            raise ValueError(f"{approved.intent_id} was sent before; never resend")
        self._sent[approved.intent_id] = None
        self._open[approved.intent_id] = approved
        while len(self._sent) > _SENT_MAX:
            del self._sent[next(iter(self._sent))]

    def _start(self, approved: Approved) -> None:
        self._busy += 1
        self._wires.spawn(self._run(approved), f"send {approved.intent_id}")

    async def _run(self, approved: Approved) -> None:
        try:
            event = await self._done(approved, approved.intent)
        finally:
            self._busy -= 1
        if event.outcome is Outcome.IN_DOUBT:
            self._lookups.doubted(approved)
        self._wires.settle(event)

    async def _done(self, approved: Approved, intent: Intent) -> IntentSettled:
        if isinstance(intent, PlaceStop | CancelStop):
            return await self._stop(approved, intent)
        if isinstance(intent, PlaceOrder | CancelOrder):
            return await self._order(approved)
        return await self._money(approved, intent)

    async def _stop(
        self, approved: Approved, intent: PlaceStop | CancelStop
    ) -> IntentSettled:
        """Let a stop wait, or withdraw it; no money moves, so nothing is looked at."""
        try:
            answer = await self._write(approved)
        except UsageError as error:
            return self._unsent(approved, str(error))
        if answer.outcome is not Outcome.DONE:
            return self._answered(approved, answer)
        stops, name, now = self._registry.stops, approved.intent_id, self._wires.clock
        stop_id = _order_id(answer) if isinstance(intent, PlaceStop) else intent.stop_id
        if stop_id is None:
            return self._doubt(approved, answer, "KuCoin has a stop under our id")
        if isinstance(intent, PlaceStop):
            self._registry.adopt(stop_id, name)
            stops.placed(now.now(), intent, stop_id, name)
        else:
            stops.withdrawn(stop_id)
        return self._answered(approved, answer, order_id=stop_id)

    async def _write(self, approved: Approved) -> Answer:
        """Send the request once.

        Raises:
            UsageError: It cannot be put into KuCoin's words; nothing was sent.
        """
        request = request_for(approved)
        return await self._wires.rest.write(
            request.endpoint, request.params, urgency=urgency_of(approved)
        )

    async def _order(self, approved: Approved) -> IntentSettled:
        try:
            answer = await self._write(approved)
        except UsageError as error:
            return self._unsent(approved, str(error))
        if answer.outcome is not Outcome.DONE:
            return self._shown(approved, answer) or self._answered(approved, answer)
        if isinstance(approved.intent, CancelOrder):
            cancelled = approved.intent.order_id
            self._wires.spawn(
                self._confirm(approved, approved.intent, cancelled),
                f"confirm cancel {cancelled}",
            )
            return self._answered(approved, answer, order_id=cancelled)
        order_id = _order_id(answer)
        if order_id is None:
            return self._doubt(
                approved,
                answer,
                "KuCoin has an order under our id; it is looked up to be adopted",
            )
        now = self._wires.clock.now()
        self._registry.accepted(now, order_id, approved.intent_id)
        if isinstance(approved.intent, PlaceOrder) and ends_at_once(approved.intent):
            self._wires.spawn(
                self._confirm(approved, approved.intent, order_id),
                f"confirm {order_id}",
            )
        return self._answered(approved, answer, order_id=order_id)

    def _shown(self, approved: Approved, answer: Answer) -> IntentSettled | None:
        """A lost answer is no doubt where a push has shown the order meanwhile.

        Its end may be booked by now, and then nobody would look it up any more.
        """
        fact = self._registry.find_client(approved.intent_id)
        if fact is None or answer.outcome is not Outcome.IN_DOUBT:
            return None
        self._registry.adopt(fact.order_id, approved.intent_id)
        done = replace(answer, outcome=Outcome.DONE)
        return self._answered(approved, done, order_id=fact.order_id)

    async def _confirm(
        self, approved: Approved, intent: PlaceOrder | CancelOrder, order_id: str
    ) -> None:
        """Ask for an order that should have ended by now, if no push has come.

        A failed question is no matter: the poll of open orders asks again.
        """
        await self._wires.sleep(_CONFIRM_S)
        if not self._registry.is_open(order_id):
            return
        try:
            fact = await order_by_id(
                self._wires.rest,
                intent.account,
                intent.symbol,
                order_id,
                urgency=urgency_of(approved),
            )
        except (UnreachableError, UsageError, ExchangeRefusedError):
            return
        if fact is not None and self._registry.see(fact):
            self._wires.touch({intent.account}, urgency_of(approved))

    async def _money(self, approved: Approved, intent: MoneyIntent) -> IntentSettled:
        try:
            await self._lanes.enter(approved.intent_id, lane_of(intent), self._wait_s)
        except LanesFullError as error:
            return self._unsent(approved, str(error))
        try:
            await self._keep_pre_image(approved, intent)
            answer = await self._write(approved)
        except (UsageError, UnreachableError, ExchangeRefusedError) as error:
            return self._unsent(approved, str(error))
        return self._moved(approved, intent, answer)

    def _moved(
        self, approved: Approved, intent: MoneyIntent, answer: Answer
    ) -> IntentSettled:
        """What an answer to a request that moves money says."""
        if answer.outcome is not Outcome.DONE:
            return self._answered(approved, answer)
        loan_no, amount = _done_amount(answer, intent)
        if loan_no is not None:
            self._registry.adopt(loan_no, approved.intent_id)
        if amount is None:
            words = "KuCoin accepted it without saying how much; it is looked up"
            return self._doubt(approved, answer, words)
        if amount <= 0:
            return self._doubt(approved, answer, "nothing is booked yet")
        return self._answered(approved, answer, done_amount=amount)

    async def _keep_pre_image(self, approved: Approved, intent: MoneyIntent) -> None:
        """Make what is now durable before anything leaves; the guard has it at hand."""
        wires, urgency = self._wires, urgency_of(approved)
        image = self._lookups.warm.take(intent, urgency)
        if image is None:
            image = await read_pre_image(wires.rest, wires.clock, intent, urgency)
        wires.remember(image.noted(approved.intent_id, intent))
        self._lookups.requests.keep(approved, image)

    # -- outcomes ----------------------------------------------------------

    def _answered(
        self,
        approved: Approved,
        answer: Answer,
        *,
        order_id: str | None = None,
        done_amount: Decimal = ZERO,
    ) -> IntentSettled:
        is_done = answer.outcome is Outcome.DONE
        return IntentSettled(
            at=self._wires.clock.now(),
            intent_id=approved.intent_id,
            outcome=answer.outcome,
            order_id=order_id,
            done_amount=done_amount,
            code=None if is_done else answer.code,
            reason=None if is_done else answer.message or "KuCoin gave no reason",
        )

    def _doubt(self, approved: Approved, answer: Answer, reason: str) -> IntentSettled:
        return IntentSettled(
            at=self._wires.clock.now(),
            intent_id=approved.intent_id,
            outcome=Outcome.IN_DOUBT,
            code=answer.code,
            reason=reason,
        )

    def _unsent(self, approved: Approved, reason: str) -> IntentSettled:
        """Refused before it left: a proof that nothing was done."""
        return IntentSettled(
            at=self._wires.clock.now(),
            intent_id=approved.intent_id,
            outcome=Outcome.REFUSED,
            reason=f"it was not sent: {reason}",
        )


def _order_id(answer: Answer) -> str | None:
    """The order's id, None where the answer carries none that can be read."""
    if answer.data is None:
        return None
    try:
        return placed_order(answer.data).order_id
    except UsageError:
        return None


def _done_amount(
    answer: Answer, intent: MoneyIntent
) -> tuple[str | None, Decimal | None]:
    """The number of the loan and how much was moved; None is unreadable."""
    if not isinstance(intent, Borrow | Repay):
        return None, abs(intent.amount)
    if answer.data is None:
        return None, None
    try:
        done = loan_answer(answer.data)
    except UsageError:
        return None, None
    return done.order_no, done.done_amount
