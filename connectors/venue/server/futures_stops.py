"""Stop orders of the futures host: they wait here and are placed when they trigger.

A waiting stop holds no margin (futures-and-unified.md 7.4). It triggers when the price
that it watches has reached its own at a tick of the market; then its order is placed
like any other, under the same ids, and may be refused like any other. The two stops
of an ``st-orders`` request protect the position that its order opens: they wait until
it has filled, reduce only, and when one triggers the other is cancelled.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.events import Event, MarksTicked
from bot.domain.intents import PlaceOrder
from bot.domain.money import plain
from bot.domain.orders import OrderState, Outcome
from bot.domain.stops import is_reached
from connectors.venue.refusal import Refusal
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import FUTURES_HOST
from connectors.venue.server.futures_order_forms import StopTerms
from connectors.venue.server.notices import Notice, Noticeboard
from connectors.venue.server.words_futures_common import mode_word, ms, ns
from connectors.venue.stops import MOST_FUTURES_STOPS

__all__ = ["FuturesStop", "FuturesStops", "StopState", "futures_stops"]

_MOST_KEPT: Final = 10_000
_FIRST_ID: Final = 240_000_000_000_000_000


class StopState(StrEnum):
    """Where a stop order stands."""

    WAITING = "waiting"
    TRIGGERED = "triggered"
    CANCELLED = "cancelled"
    FAILED = "failed"
    """It triggered and its order was refused."""


@dataclass(slots=True, kw_only=True)
class FuturesStop:
    """One stop order; ``placed_id`` is the venue's order once it triggered.

    ``entry_client_id`` names the order whose fill arms it, ``sibling`` the other stop
    of its pair.
    """

    order_id: str
    client_id: str
    intent: PlaceOrder
    terms: StopTerms
    created_at: datetime
    updated_at: datetime
    state: StopState = StopState.WAITING
    placed_id: str | None = None
    entry_client_id: str | None = None
    sibling: str | None = None


@dataclass(slots=True, kw_only=True)
class FuturesStops:
    """All stop orders by id, oldest first; at most 200 wait at a time."""

    backend: Backend
    board: Noticeboard
    _stops: dict[str, FuturesStop]
    _by_client: dict[str, str]
    _by_placed: dict[str, str]
    _count: int = 0

    def check(self, client_id: str) -> Refusal | None:
        """Refuse a client id that was spent, and one stop too many."""
        if client_id in self._by_client:
            return Refusal(
                "300018",
                f"clientOid {client_id} was used by order "
                f"{self._by_client[client_id]}: query that order, never resend.",
            )
        refusal = self.backend.venue.orders.check_client_id(FUTURES, client_id)
        if refusal is None and len(self.waiting()) >= MOST_FUTURES_STOPS:
            return Refusal(
                "300004",
                f"There are {MOST_FUTURES_STOPS} stop orders: cancel some first.",
            )
        return refusal

    def add(self, client_id: str, intent: PlaceOrder, terms: StopTerms) -> FuturesStop:
        """Let a stop order wait; ``check`` has let its client id pass."""
        at = self.backend.now()
        self._count += 1
        stop = FuturesStop(
            order_id=str(_FIRST_ID + self._count),
            client_id=client_id,
            intent=intent,
            terms=terms,
            created_at=at,
            updated_at=at,
        )
        self._stops[stop.order_id] = stop
        self._by_client[client_id] = stop.order_id
        self._forget_old()
        self._tell(stop, "open")
        return stop

    def pair(
        self, entry_client_id: str, intent: PlaceOrder, terms: Sequence[StopTerms]
    ) -> None:
        """Let the protective stops of an order wait for its fill."""
        stops = [
            self.add(self.backend.next_id("protect"), intent, one) for one in terms
        ]
        for stop in stops:
            stop.entry_client_id = entry_client_id
            others = [other.order_id for other in stops if other is not stop]
            stop.sibling = others[0] if others else None

    def waiting(self) -> list[FuturesStop]:
        """The stop orders that have not triggered, oldest first."""
        return [s for s in self._stops.values() if s.state is StopState.WAITING]

    def get(self, order_id: str) -> FuturesStop | None:
        """A stop order by its id, in whatever state."""
        return self._stops.get(order_id)

    def by_client_id(self, client_id: str) -> FuturesStop | None:
        """A stop order by its client id."""
        return self._stops.get(self._by_client.get(client_id, ""))

    def behind(self, venue_order_id: str) -> FuturesStop | None:
        """The stop order that an order of the venue came from, if it did."""
        return self._stops.get(self._by_placed.get(venue_order_id, ""))

    def shown_id(self, venue_order_id: str) -> str:
        """The id under which the user knows an order of the venue."""
        return self._by_placed.get(venue_order_id, venue_order_id)

    def venue_id(self, order_id: str) -> str:
        """The venue's id of an order that the user knows by ``order_id``."""
        stop = self._stops.get(order_id)
        return order_id if stop is None or stop.placed_id is None else stop.placed_id

    def cancel(self, stop: FuturesStop) -> bool:
        """Cancel a stop order that still waits; False when it waits no more."""
        if stop.state is not StopState.WAITING:
            return False
        self._end(stop, StopState.CANCELLED, "cancel")
        return True

    def on_events(self, _at: datetime, events: Sequence[Event]) -> None:
        """At a tick, place the orders whose prices were reached."""
        if not any(isinstance(event, MarksTicked) for event in events):
            return
        for stop in self.waiting():
            if stop.state is StopState.WAITING and self._is_armed(stop):
                price = self._watched(stop)
                if price is not None and is_reached(
                    stop.terms.price, price, is_up=stop.terms.is_up
                ):
                    self._trigger(stop)

    def _is_armed(self, stop: FuturesStop) -> bool:
        """Whether the order that it protects has filled; ends it if it never will."""
        if stop.entry_client_id is None:
            return True
        entry = self.backend.venue.orders.by_client_id(stop.entry_client_id)
        if entry is None or entry.filled > 0:
            return entry is not None
        if entry.state is not OrderState.OPEN:
            self._end(stop, StopState.CANCELLED, "cancel")
        return False

    def _watched(self, stop: FuturesStop) -> Decimal | None:
        tape, symbol = self.backend.venue.tape, stop.intent.symbol
        base = self.backend.venue.rules.contracts[symbol].base
        sources: Mapping[str, Callable[[], Decimal | None]] = {
            "TP": lambda: tape.last(symbol),
            "MP": lambda: tape.futures_mark(symbol),
            "IP": lambda: tape.mark(base),
        }
        return sources[stop.terms.source]()

    def _trigger(self, stop: FuturesStop) -> None:
        """Place the order of a stop, and cancel its sibling."""
        at = self.backend.now()
        settled = self.backend.submit(at, stop.intent, stop.client_id)
        if settled.outcome is Outcome.DONE and settled.order_id is not None:
            stop.placed_id = settled.order_id
            self._by_placed[settled.order_id] = stop.order_id
        is_placed = stop.placed_id is not None
        state = StopState.TRIGGERED if is_placed else StopState.FAILED
        self._end(stop, state, "triggered", is_placed=is_placed)
        sibling = None if stop.sibling is None else self._stops.get(stop.sibling)
        if sibling is not None:
            self.cancel(sibling)

    def _end(
        self,
        stop: FuturesStop,
        state: StopState,
        word: str,
        *,
        is_placed: bool | None = None,
    ) -> None:
        stop.state = state
        stop.updated_at = self.backend.now()
        self._tell(stop, word, is_placed=is_placed)

    def _tell(
        self, stop: FuturesStop, word: str, *, is_placed: bool | None = None
    ) -> None:
        intent, terms = stop.intent, stop.terms
        data: dict[str, object] = {
            "createdAt": ms(stop.created_at),
            "marginMode": mode_word(intent.margin_mode),
            "positionSide": intent.position_side.name,
            "orderId": stop.order_id,
            "orderPrice": "0" if intent.price is None else plain(intent.price),
            "orderType": "stop",
            "side": intent.side.value,
            "size": int(intent.qty),
            "stop": "up" if terms.is_up else "down",
            "stopPrice": plain(terms.price),
            "stopPriceType": terms.source,
            "symbol": intent.symbol,
            "ts": ns(stop.updated_at),
            "type": word,
        }
        if is_placed is not None:
            data["triggerSuccess"] = is_placed
        self.board.post(
            Notice(
                host=FUTURES_HOST,
                topic="/contractMarket/advancedOrders",
                subject="stopOrder",
                data=data,
            )
        )

    def _forget_old(self) -> None:
        """Keep the newest stops; one that waits is never forgotten."""
        if len(self._stops) <= _MOST_KEPT:
            return
        old = [s for s in self._stops.values() if s.state is not StopState.WAITING]
        for stop in old[: _MOST_KEPT // 10]:
            del self._stops[stop.order_id]
            self._by_client.pop(stop.client_id, None)
            self._by_placed.pop(stop.placed_id or "", None)


def futures_stops(backend: Backend) -> FuturesStops:
    """The stop orders of a backend, listening to its market."""
    stops = FuturesStops(
        backend=backend,
        board=backend.part(Noticeboard),
        _stops={},
        _by_client={},
        _by_placed={},
    )
    backend.listen(stops.on_events)
    return stops
