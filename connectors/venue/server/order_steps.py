"""What the order streams say step by step: received, open, match, filled, canceled.

The venue tells of an order only where it stands; a stream tells each step once, with
what was filled up to then. A trade that the venue forced has no order of the user's.
Nothing here writes KuCoin's words.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.domain.accounts import AccountId
from bot.domain.events import Event, Filled, OrderChanged
from bot.domain.money import ZERO
from bot.domain.orders import OrderState
from connectors.venue.orders import OrderRegister, VenueOrder

__all__ = ["OrderStep", "OrderSteps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStep:
    """One step of an order; ``filled`` is its sum after the step.

    ``order`` is None, and ``fill`` set, for a trade that the venue forced.
    """

    kind: str
    at: datetime
    order: VenueOrder | None
    filled: Decimal
    fill: Filled | None = None


class OrderSteps:
    """Turns the venue's events about some accounts into steps.

    Args:
        register: The venue's orders.
        is_ours: Which accounts' orders are told.
    """

    def __init__(
        self, register: OrderRegister, is_ours: Callable[[AccountId], bool]
    ) -> None:
        self._register = register
        self._is_ours = is_ours
        self._filled: dict[str, Decimal] = {}
        self._opened: set[str] = set()

    def of(self, events: Sequence[Event]) -> Iterator[OrderStep]:
        """The steps that events bring, in order."""
        for event in events:
            match event:
                case Filled(account=account) if self._is_ours(account):
                    yield from self._match(event)
                case OrderChanged(account=account) if self._is_ours(account):
                    yield from self._changed(event)
                case _:
                    pass

    def _arrive(self, order: VenueOrder, at: datetime) -> Iterator[OrderStep]:
        """The first time that an order is heard of."""
        if order.order_id not in self._filled:
            self._filled[order.order_id] = ZERO
            yield OrderStep(kind="received", at=at, order=order, filled=ZERO)

    def _match(self, fill: Filled) -> Iterator[OrderStep]:
        order = self._register.get(fill.order_id)
        if order is None:
            yield OrderStep(
                kind="match", at=fill.at, order=None, filled=fill.qty, fill=fill
            )
            return
        yield from self._arrive(order, fill.at)
        self._filled[order.order_id] += fill.qty
        filled = self._filled[order.order_id]
        yield OrderStep(kind="match", at=fill.at, order=order, filled=filled, fill=fill)

    def _changed(self, event: OrderChanged) -> Iterator[OrderStep]:
        order = self._register.get(event.order_id)
        if order is None:
            return
        yield from self._arrive(order, event.at)
        filled = event.filled_qty
        self._filled[order.order_id] = filled
        if event.state is OrderState.OPEN:
            if order.order_id not in self._opened:
                self._opened.add(order.order_id)
                yield OrderStep(kind="open", at=event.at, order=order, filled=filled)
            return
        self._filled.pop(order.order_id, None)
        self._opened.discard(order.order_id)
        kind = "filled" if event.state is OrderState.FILLED else "canceled"
        yield OrderStep(kind=kind, at=event.at, order=order, filled=filled)
