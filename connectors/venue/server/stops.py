"""Stop orders of the spot and margin accounts, until they trigger.

A stop waits outside the venue: it holds no coins. At each tick the last price is
compared with it, ``loss`` triggers at or below its price, ``entry`` at or above;
then the order behind it is placed under the same client id and may be refused like
any other. A takeover of its account cancels it. The register decides nothing else;
the venue trades.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from bot.domain.accounts import AccountId
from bot.domain.events import AccountStatus, AccountStatusChanged, Event
from bot.domain.money import ZERO, plain
from bot.domain.orders import Outcome
from bot.domain.stops import is_reached
from connectors.venue.orders import codes_for
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import SPOT_HOST, ProblemError
from connectors.venue.server.notices import Notice, Noticeboard
from connectors.venue.server.order_forms import OrderForm, OrderNotes, sized
from connectors.venue.server.words_spot_basic import ms, ns, trade_type
from connectors.venue.stops import MOST_STOPS_A_PAIR

__all__ = ["SpotStops", "StopChange", "StopOrder"]

_MOST_KEPT: Final = 1000


class StopChange(StrEnum):
    """What happened to a stop, in the words of ``/spotMarket/advancedOrders``."""

    OPEN = "open"
    TRIGGERED = "triggered"
    CANCELLED = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOrder:
    """One stop: the order behind it, its trigger, and whether it went off.

    ``order_id`` is the placed order's once it triggered and was accepted.
    """

    stop_id: str
    client_id: str
    account: AccountId
    form: OrderForm
    kind: str
    stop_price: Decimal
    created_at: datetime
    triggered_at: datetime | None = None
    order_id: str | None = None

    def is_due(self, last: Decimal) -> bool:
        """Whether the last price triggers it."""
        return is_reached(self.stop_price, last, is_up=self.kind != "loss")


class SpotStops:
    """A part of a backend: the stops that wait, and the newest that went off."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._waiting: dict[str, StopOrder] = {}
        self._done: dict[str, StopOrder] = {}
        self._board = backend.part(Noticeboard)
        backend.listen(self._hear)

    def waiting(self) -> list[StopOrder]:
        """The stops that have not triggered, newest first."""
        return list(reversed(self._waiting.values()))

    def get(self, stop_id: str) -> StopOrder | None:
        """A stop that waits or that triggered lately."""
        return self._waiting.get(stop_id) or self._done.get(stop_id)

    def by_client(self, client_id: str) -> StopOrder | None:
        """The newest stop with a client id."""
        found = [*self._done.values(), *self._waiting.values()]
        return next((s for s in reversed(found) if s.client_id == client_id), None)

    def add(self, stop: StopOrder) -> None:
        """Let a stop wait.

        Raises:
            ProblemError: Its client id waits already, or its pair has twenty stops.
        """
        codes = codes_for(stop.account)
        if any(each.client_id == stop.client_id for each in self._waiting.values()):
            raise ProblemError(codes.duplicate, "Duplicated clientOid.")
        crowd = [
            each
            for each in self._waiting.values()
            if (each.account, each.form.symbol) == (stop.account, stop.form.symbol)
        ]
        if len(crowd) >= MOST_STOPS_A_PAIR:
            raise ProblemError(
                codes.too_many,
                f"{stop.form.symbol} has {MOST_STOPS_A_PAIR} stop orders.",
            )
        self._waiting[stop.stop_id] = stop
        self._tell(stop.created_at, stop, StopChange.OPEN)

    def cancel(self, at: datetime, stops: Iterable[StopOrder]) -> list[str]:
        """Take stops out that still wait; the ids of those that did."""
        gone = []
        for stop in stops:
            if self._waiting.pop(stop.stop_id, None) is not None:
                gone.append(stop.stop_id)
                self._tell(at, stop, StopChange.CANCELLED)
        return gone

    def _hear(self, at: datetime, events: Sequence[Event]) -> None:
        """Cancel what lies in an account that is taken over, trigger what is due."""
        for event in events:
            if isinstance(event, AccountStatusChanged) and event.status in {
                AccountStatus.LIQUIDATING,
                AccountStatus.BANKRUPT,
            }:
                theirs = [
                    stop
                    for stop in self._waiting.values()
                    if stop.account == event.account
                ]
                self.cancel(at, theirs)
        for stop in list(self._waiting.values()):
            last = self._backend.venue.tape.last(stop.form.symbol)
            if last is not None and stop.is_due(last):
                self._trigger(at, stop)

    def _trigger(self, at: datetime, stop: StopOrder) -> None:
        """Place the order behind a stop; a refusal ends the stop as well."""
        del self._waiting[stop.stop_id]
        order_id = self._place(at, stop)
        gone = replace(stop, triggered_at=at, order_id=order_id)
        self._done[stop.stop_id] = gone
        if len(self._done) > _MOST_KEPT:
            del self._done[next(iter(self._done))]
        self._tell(at, gone, StopChange.TRIGGERED)

    def _place(self, at: datetime, stop: StopOrder) -> str | None:
        """The id of the order that was accepted, None where it was refused."""
        try:
            order, note = sized(self._backend, at, stop.account, stop.form)
        except ProblemError:
            return None
        self._backend.part(OrderNotes).keep(stop.client_id, note)
        settled = self._backend.submit(at, order, stop.client_id)
        return settled.order_id if settled.outcome is Outcome.DONE else None

    def _tell(self, at: datetime, stop: StopOrder, change: StopChange) -> None:
        """Post the change as a push of ``/spotMarket/advancedOrders``."""
        form = stop.form
        data: dict[str, object] = {
            "createdAt": ms(stop.created_at),
            "orderId": stop.stop_id,
            "orderPrice": plain(form.price or ZERO),
            "orderType": "stop",
            "side": str(form.side),
            "size": plain(form.size or ZERO),
            "stop": stop.kind,
            "stopPrice": plain(stop.stop_price),
            "symbol": form.symbol,
            "tradeType": trade_type(stop.account),
            "ts": ns(at),
            "type": str(change),
        }
        if change is StopChange.TRIGGERED:
            data["triggerSuccess"] = stop.order_id is not None
        self._board.post(
            Notice(
                host=SPOT_HOST,
                topic="/spotMarket/advancedOrders",
                subject="stopOrder",
                data=data,
            )
        )
