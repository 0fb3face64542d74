"""Which requests of ours a journal leaves open, so that a start looks them up.

A request is open until its answer is proven; an order that was accepted is open until
it has left the book, because it may still trade. A start that forgot one that rests
would take it for nobody's: never withdrawn, never counted. Folds rows; asks nothing.
"""

from bot.domain.events import IntentSettled, OrderChanged
from bot.domain.intents import Approved, PlaceOrder
from bot.domain.orders import IntentState, OrderState, Outcome, next_intent_state

__all__ = ["OpenRequests"]


class OpenRequests:
    """The requests of a journal by their id, in the order in which they left.

    Example:
        >>> OpenRequests().open
        ()
    """

    def __init__(self) -> None:
        self._open: dict[str, Approved] = {}
        self._states: dict[str, IntentState] = {}
        self._ended: set[str] = set()
        """Orders that have left the book and whose answer is not known yet."""

    @property
    def open(self) -> tuple[Approved, ...]:
        """What may still change the account, or has no proven answer."""
        return tuple(self._open.values())

    def left(self, approved: Approved) -> None:
        """A request was approved, and left."""
        self._open[approved.intent_id] = approved
        self._states[approved.intent_id] = IntentState.SENT

    def settled(self, event: IntentSettled) -> bool:
        """An answer came; whether it is a proven one of a request of ours."""
        known = self._states.get(event.intent_id)
        if known is None:
            return False
        state = next_intent_state(known, event.outcome)
        self._states[event.intent_id] = state
        if state.is_final and not self._rests(event):
            self._open.pop(event.intent_id, None)
            self._ended.discard(event.intent_id)
        return state.is_final

    def _rests(self, event: IntentSettled) -> bool:
        """Whether an accepted order may still be in the book."""
        approved = self._open.get(event.intent_id)
        is_order = approved is not None and isinstance(approved.intent, PlaceOrder)
        is_accepted = event.outcome is Outcome.DONE and event.order_id is not None
        return is_order and is_accepted and event.intent_id not in self._ended

    def order(self, event: OrderChanged) -> None:
        """An order was placed, filled in part, or has left the book."""
        name = event.intent_id
        if name not in self._open or event.state is OrderState.OPEN:
            return
        if self._states[name].is_final:
            del self._open[name]
        else:
            self._ended.add(name)
