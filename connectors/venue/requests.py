"""The counter: every request arrives here and leaves with an answer.

Orders and transfers are idempotent by their client id, as at KuCoin; borrowing and
repaying are not: the same request twice is done twice, which is why the product
must never resend one blindly. ``find`` answers from what the venue really did.
This module decides only who handles a request.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final, Protocol

from bot.domain.accounts import FUTURES, SPOT, AccountId
from bot.domain.events import IntentSettled
from bot.domain.intents import (
    AdjustMargin,
    Borrow,
    CancelOrder,
    CancelStop,
    Intent,
    PlaceOrder,
    PlaceStop,
    Repay,
    Transfer,
)
from bot.domain.money import ZERO
from bot.domain.orders import OrderState, Outcome, StopState
from connectors.venue.desk import Desk
from connectors.venue.futures import FuturesDesk
from connectors.venue.futures_orders import FuturesOrderDesk
from connectors.venue.ledger import Ledger, is_sane
from connectors.venue.loans import LoanDesk
from connectors.venue.margin import is_margin
from connectors.venue.matching import Matcher, Matching
from connectors.venue.orders import OrderRegister, VenueOrder, codes_for
from connectors.venue.refusal import Refusal
from connectors.venue.spot import SpotDesk
from connectors.venue.stops import StopDesk
from connectors.venue.takeover import MarginKeeper
from connectors.venue.transfers import TransferDesk

__all__ = ["Request", "RequestDesk"]

_ABSURD: Final = Refusal("400100", "a number of the request is not finite or absurd.")


class Request(Protocol):
    """What arrives: an intent under its client id, whoever sent it and how."""

    @property
    def intent_id(self) -> str:
        """The client id."""

    @property
    def intent(self) -> Intent:
        """What is wanted."""


@dataclass(frozen=True, slots=True)
class _Done:
    """What a request did: the order it made, or the coins it moved."""

    order_id: str | None = None
    amount: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """An order that was checked, its desk, and what it will meet."""

    order: VenueOrder
    desk: Desk
    matching: Matching


@dataclass(slots=True, kw_only=True)
class RequestDesk:
    """Hands each request to the desk that knows it, and remembers the answers."""

    ledger: Ledger
    register: OrderRegister
    matcher: Matcher
    spot: SpotDesk
    futures_orders: FuturesOrderDesk
    futures: FuturesDesk
    loans: LoanDesk
    keeper: MarginKeeper
    transfers: TransferDesk
    stops: StopDesk
    _done: dict[str, IntentSettled] = field(default_factory=dict)

    def submit(self, at: datetime, request: Request) -> IntentSettled:
        """Do a request or refuse it; what it changed is in the ledger's outbox."""
        answer = self._handle(at, request)
        if isinstance(answer, Refusal):
            return _refused(at, request, answer)
        before = self._done.get(request.intent_id)
        settled = IntentSettled(
            at=at,
            intent_id=request.intent_id,
            outcome=Outcome.DONE,
            order_id=answer.order_id,
            done_amount=answer.amount,
        )
        whole = ZERO if before is None else before.done_amount
        self._done[request.intent_id] = replace(
            settled, done_amount=whole + answer.amount
        )
        return settled

    def find(self, at: datetime, request: Request) -> IntentSettled:
        """What became of a request: done with its numbers, else refused.

        A cancel is done when the order has ended by a cancel, whoever asked. A loan
        that was sent twice shows the sum of both.
        """
        if isinstance(request.intent, CancelOrder):
            return self._find_cancel(at, request, request.intent)
        if isinstance(request.intent, CancelStop):
            return self._find_withdrawal(at, request, request.intent)
        done = self._done.get(request.intent_id)
        if done is not None:
            return replace(done, at=at)
        return _refused(
            at,
            request,
            Refusal("404000", f"the venue has no record of {request.intent_id}."),
        )

    def _handle(self, at: datetime, request: Request) -> _Done | Refusal:
        """Pass a request on by its kind, if its numbers are numbers."""
        intent, intent_id = request.intent, request.intent_id
        if not all(is_sane(number) for number in _numbers(intent)):
            return _ABSURD
        match intent:
            case PlaceOrder():
                return self._place(at, intent, intent_id)
            case PlaceStop() | CancelStop() | CancelOrder():
                return self._keep(at, intent, intent_id)
            case Borrow() | Repay():
                return self._lend(at, intent, intent_id)
            case Transfer() | AdjustMargin():
                return self._move(at, intent, intent_id)

    def trigger_stops(self, at: datetime) -> None:
        """Place the orders of the stops that are due."""
        self.stops.trigger(at, self._place_triggered, self.keeper.is_taken)

    def _place_triggered(
        self, at: datetime, order: PlaceOrder, client_id: str
    ) -> str | Refusal:
        placed = self._place(at, order, client_id)
        if isinstance(placed, Refusal):
            return placed
        return placed.order_id or client_id

    def check_order(
        self, at: datetime, intent: PlaceOrder, intent_id: str
    ) -> Refusal | None:
        """Why an order would be refused now; nothing is placed and nothing changes."""
        if not all(is_sane(number) for number in _numbers(intent)):
            return _ABSURD
        ready = self._prepare(at, intent, intent_id)
        return ready if isinstance(ready, Refusal) else None

    def _place(
        self, at: datetime, intent: PlaceOrder, intent_id: str
    ) -> _Done | Refusal:
        """Accept an order and let it trade, or say why not."""
        ready = self._prepare(at, intent, intent_id)
        if isinstance(ready, Refusal):
            return ready
        self.matcher.execute(at, ready.desk, ready.order, ready.matching)
        return _Done(order_id=ready.order.order_id)

    def _prepare(
        self, at: datetime, intent: PlaceOrder, intent_id: str
    ) -> _Ready | Refusal:
        """An order that may be accepted and what it will meet, or why not."""
        order = VenueOrder.of(self.ledger.next_id("order"), intent_id, intent)
        refusal = (
            self.register.check_client_id(intent.account, intent_id)
            or self._check_account(intent.account)
            or self.register.check_room(order)
            or self._check_order(order, intent)
        )
        if refusal is not None:
            return refusal
        desk: Desk = self.spot
        if intent.account == FUTURES:
            desk = self.futures_orders
            self.futures_orders.clip(order, intent)
        matching = self.matcher.prepare(at, desk, order)
        if isinstance(matching, Refusal):
            return matching
        return _Ready(order=order, desk=desk, matching=matching)

    def _check_account(self, account: AccountId) -> Refusal | None:
        """Refuse orders of an account that cannot trade now, or at all."""
        if self.keeper.is_taken(account):
            return Refusal(
                "130309", f"{account} is being liquidated: no orders until it is over."
            )
        if account in {SPOT, FUTURES} or is_margin(account):
            return None
        return Refusal("400100", f"{account} does not trade: transfer first.")

    def _check_order(self, order: VenueOrder, intent: PlaceOrder) -> Refusal | None:
        """Ask the product's desk about the order's form."""
        if intent.account == FUTURES:
            return self.futures_orders.check_intent(intent)
        return self.spot.check(order)

    def _cancel(self, at: datetime, intent: CancelOrder) -> _Done | Refusal:
        """Cancel a resting order."""
        order = self.register.get(intent.order_id)
        if order is None or order.account != intent.account:
            return Refusal(
                codes_for(intent.account).not_found,
                f"{intent.account} has no order {intent.order_id}.",
            )
        if order.state is not OrderState.OPEN:
            return Refusal(
                codes_for(intent.account).not_found,
                f"order {order.order_id} is {order.state} already.",
            )
        self.register.settle(at, order, "cancelled by the user")
        return _Done(order_id=order.order_id)

    def _keep(
        self, at: datetime, intent: PlaceStop | CancelStop | CancelOrder, intent_id: str
    ) -> _Done | Refusal:
        """Let a stop wait, or take out what rests."""
        if isinstance(intent, CancelOrder):
            return self._cancel(at, intent)
        if isinstance(intent, CancelStop):
            answer = self.stops.cancel(at, intent)
        else:
            answer = self.stops.place(at, intent, intent_id)
        return answer if isinstance(answer, Refusal) else _Done(order_id=answer)

    def _lend(
        self, at: datetime, intent: Borrow | Repay, intent_id: str
    ) -> _Done | Refusal:
        """Borrow or repay, unless the account is frozen."""
        if self.keeper.is_taken(intent.account):
            return Refusal(
                "130202",
                f"{intent.account} is being liquidated: no loans, no repayments.",
            )
        if isinstance(intent, Borrow):
            return _amount(self.loans.borrow(at, intent, intent_id))
        return _amount(self.loans.repay(at, intent, intent_id))

    def _move(
        self, at: datetime, intent: Transfer | AdjustMargin, intent_id: str
    ) -> _Done | Refusal:
        """Transfer coins or move isolated margin, once for each client id."""
        if intent_id in self._done:
            return Refusal(
                "400100", f"clientOid {intent_id} was used: query it, never resend."
            )
        if isinstance(intent, Transfer):
            return _amount(self.transfers.transfer(at, intent, intent_id))
        refusal = self.futures.adjust_margin(at, intent, intent_id)
        return _Done(amount=abs(intent.amount)) if refusal is None else refusal

    def _find_withdrawal(
        self, at: datetime, request: Request, intent: CancelStop
    ) -> IntentSettled:
        """Whether a stop was withdrawn, read from the stop itself."""
        state = self.stops.state_of(intent.stop_id)
        if state is StopState.CANCELLED:
            return IntentSettled(
                at=at,
                intent_id=request.intent_id,
                outcome=Outcome.DONE,
                order_id=intent.stop_id,
            )
        sentence = f"stop {intent.stop_id} was not withdrawn, it is {state}."
        code = codes_for(intent.account).not_found
        return _refused(at, request, Refusal(code, sentence))

    def _find_cancel(
        self, at: datetime, request: Request, intent: CancelOrder
    ) -> IntentSettled:
        """Whether a cancel took effect, read from the order itself."""
        order = self.register.get(intent.order_id)
        if order is not None and order.state is OrderState.CANCELLED:
            return IntentSettled(
                at=at,
                intent_id=request.intent_id,
                outcome=Outcome.DONE,
                order_id=order.order_id,
            )
        state = "unknown" if order is None else str(order.state)
        return _refused(
            at,
            request,
            Refusal(
                codes_for(intent.account).not_found,
                f"order {intent.order_id} was not cancelled, it is {state}.",
            ),
        )


def _numbers(intent: Intent) -> tuple[Decimal, ...]:
    """Every number that a request carries."""
    match intent:
        case PlaceOrder(qty=qty, price=price, leverage=leverage):
            return (qty, leverage, ZERO if price is None else price)
        case PlaceStop(qty=qty, stop_price=price, leverage=leverage):
            return (qty, leverage, price)
        case CancelOrder() | CancelStop():
            return ()
        case Borrow() | Repay() | Transfer() | AdjustMargin():
            return (intent.amount,)


def _amount(moved: Decimal | Refusal) -> _Done | Refusal:
    """What a loan or transfer did, in the counter's words."""
    return moved if isinstance(moved, Refusal) else _Done(amount=moved)


def _refused(at: datetime, request: Request, refusal: Refusal) -> IntentSettled:
    """The answer to a request that was not done."""
    return IntentSettled(
        at=at,
        intent_id=request.intent_id,
        outcome=Outcome.REFUSED,
        code=refusal.code,
        reason=refusal.sentence,
    )
