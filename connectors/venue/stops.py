"""Stop orders that rest at the venue, until the price that each watches is reached.

A stop holds nothing. After a tick, when the keepers have looked at the accounts, those
that are due become market orders under the same client id, which may be refused like
any other and cost what any other costs. On futures the mark is watched and the order
only reduces; in margin accounts the pair's last price is, because KuCoin's margin
stops know no other. A takeover of its account cancels a margin stop. The served venue
keeps the stops of its outside clients itself, and triggers them by the same rule at
the same time. This module places no order: whoever owns it does.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from bot.domain.accounts import FUTURES, SPOT, AccountId
from bot.domain.instruments import Rules
from bot.domain.intents import CancelStop, PlaceOrder, PlaceStop
from bot.domain.money import plain
from bot.domain.orders import StopState
from bot.domain.stops import StopChanged, is_reached, stop_of, triggered_order
from connectors.venue.ledger import Ledger, is_multiple
from connectors.venue.margin import is_margin
from connectors.venue.orders import OrderRegister, codes_for
from connectors.venue.refusal import Refusal
from connectors.venue.tape import Tape

__all__ = ["MOST_FUTURES_STOPS", "MOST_STOPS_A_PAIR", "StopDesk"]

MOST_STOPS_A_PAIR: Final = 20
"""Stops that wait at most in a pair and account (``spot-margin.md`` 7.6)."""
MOST_FUTURES_STOPS: Final = 200
"""Stops of futures that wait at most (``futures-and-unified.md`` 7.4)."""
_TOO_MANY_FUTURES: Final = "300004"
_MOST_KEPT: Final = 10_000
"""Stops that have ended and are remembered."""

Place = Callable[[datetime, PlaceOrder, str], "str | Refusal"]
"""Places an order under a client id; its number, or why it was refused."""


@dataclass(slots=True, kw_only=True)
class _Stop:
    """One stop and the request that made it."""

    intent: PlaceStop
    told: StopChanged


class _Edge(NamedTuple):
    """The lowest trigger above and the highest below, of one account and symbol."""

    up: Decimal = Decimal("Infinity")
    down: Decimal = Decimal("-Infinity")


def _edges_of(intents: Iterable[PlaceStop]) -> dict[tuple[AccountId, str], _Edge]:
    edges: dict[tuple[AccountId, str], _Edge] = {}
    for intent in intents:
        key, price = (intent.account, intent.symbol), intent.stop_price
        known = edges.get(key, _Edge())
        edges[key] = (
            known._replace(up=min(known.up, price))
            if intent.is_up
            else known._replace(down=max(known.down, price))
        )
    return edges


@dataclass(slots=True, kw_only=True)
class StopDesk:
    """The stops that wait, by their ids, oldest first."""

    ledger: Ledger
    rules: Rules
    tape: Tape
    register: OrderRegister
    _waiting: dict[str, _Stop] = field(default_factory=dict)
    _ended: dict[str, StopState] = field(default_factory=dict)
    _spent: set[str] = field(default_factory=set)
    _edges: dict[tuple[AccountId, str], _Edge] | None = None
    """The nearest triggers of each account and symbol; None when stops came or went."""

    def waiting(self) -> tuple[StopChanged, ...]:
        """The stops that have not triggered, oldest first."""
        return tuple(stop.told for stop in self._waiting.values())

    def state_of(self, stop_id: str) -> StopState | None:
        """Where a stop stands; None for one that never was."""
        if stop_id in self._waiting:
            return StopState.RESTING
        return self._ended.get(stop_id)

    def place(self, at: datetime, intent: PlaceStop, client_id: str) -> str | Refusal:
        """Let a stop wait; its id, or why it may not."""
        refusal = self._refusal(intent, client_id)
        if refusal is not None:
            return refusal
        stop_id = self.ledger.next_id("stop")
        self._spent.add(client_id)
        told = stop_of(intent, at, stop_id, client_id)
        self._waiting[stop_id] = _Stop(intent=intent, told=told)
        self._edges = None
        self.ledger.emit(told)
        return stop_id

    def cancel(self, at: datetime, intent: CancelStop) -> str | Refusal:
        """Take out a stop that still waits; its id, or why not."""
        stop = self._waiting.get(intent.stop_id)
        if stop is None or stop.intent.account != intent.account:
            state = self._ended.get(intent.stop_id, "unknown")
            return Refusal(
                codes_for(intent.account).not_found,
                f"stop {intent.stop_id} does not wait, it is {state}.",
            )
        self._end(at, intent.stop_id, StopState.CANCELLED, "cancelled by the user")
        return intent.stop_id

    def is_due(self, is_taken: Callable[[AccountId], bool]) -> bool:
        """Whether a stop's price was reached, or its account was taken over."""
        if not self._waiting:
            return False
        if self._edges is None:
            self._edges = _edges_of(stop.intent for stop in self._waiting.values())
        for (account, symbol), edge in self._edges.items():
            if is_taken(account):
                return True
            price = self._watched(account, symbol)
            if price is not None and (price >= edge.up or price <= edge.down):
                return True
        return False

    def trigger(
        self, at: datetime, place: Place, is_taken: Callable[[AccountId], bool]
    ) -> None:
        """Place the orders whose prices were reached; cancel what was taken over."""
        for stop_id, stop in list(self._waiting.items()):
            if is_taken(stop.intent.account):
                self._end(at, stop_id, StopState.CANCELLED, "its account is taken over")
            elif self._is_due(stop.intent):
                self._go_off(at, stop_id, stop, place)

    def _go_off(self, at: datetime, stop_id: str, stop: _Stop, place: Place) -> None:
        client_id = stop.told.intent_id or stop_id
        placed = place(at, triggered_order(stop.intent), client_id)
        if isinstance(placed, Refusal):
            self._end(at, stop_id, StopState.FAILED, placed.sentence)
        else:
            self._end(at, stop_id, StopState.TRIGGERED, None, placed)

    def _is_due(self, intent: PlaceStop) -> bool:
        watched = self._watched(intent.account, intent.symbol)
        return watched is not None and is_reached(
            intent.stop_price, watched, is_up=intent.is_up
        )

    def _watched(self, account: AccountId, symbol: str) -> Decimal | None:
        """The price that the stops of an account watch; None while none may go off."""
        if self.tape.is_halted(symbol):
            return None
        if account == FUTURES:
            return self.tape.futures_mark(symbol)
        return self.tape.last(symbol)

    def _end(
        self,
        at: datetime,
        stop_id: str,
        state: StopState,
        reason: str | None,
        order_id: str | None = None,
    ) -> None:
        stop = self._waiting.pop(stop_id)
        self._edges = None
        self._ended[stop_id] = state
        if len(self._ended) > _MOST_KEPT:
            del self._ended[next(iter(self._ended))]
        self.ledger.emit(
            replace(stop.told, at=at, state=state, reason=reason, order_id=order_id)
        )

    def _refusal(self, intent: PlaceStop, client_id: str) -> Refusal | None:
        """Why a stop may not wait; the order behind it is checked when it triggers."""
        codes = codes_for(intent.account)
        if client_id in self._spent:
            return Refusal(codes.duplicate, f"clientOid {client_id} was used.")
        return (
            self.register.check_client_id(intent.account, client_id)
            or self._check_form(intent)
            or self._check_room(intent)
        )

    def _check_form(self, intent: PlaceStop) -> Refusal | None:
        codes, tick = codes_for(intent.account), self._tick(intent)
        if tick is None:
            return Refusal(
                codes.unknown_symbol,
                f"{intent.account} takes no stops of {intent.symbol}.",
            )
        price = intent.stop_price
        if price <= 0 or not is_multiple(price, tick):
            return Refusal(
                codes.parameter,
                f"stopPrice {plain(price)} must be a positive multiple of {tick}.",
            )
        if intent.qty <= 0:
            return Refusal(codes.parameter, f"size {intent.qty} must be positive.")
        return None

    def _tick(self, intent: PlaceStop) -> Decimal | None:
        if intent.account == FUTURES:
            contract = self.rules.contracts.get(intent.symbol)
            return None if contract is None else contract.tick_size
        pair = self.rules.spot.get(intent.symbol)
        can_trade = is_margin(intent.account) or intent.account == SPOT
        return None if pair is None or not can_trade else pair.price_increment

    def _check_room(self, intent: PlaceStop) -> Refusal | None:
        theirs = [
            stop.intent
            for stop in self._waiting.values()
            if stop.intent.account == intent.account
        ]
        if intent.account == FUTURES:
            if len(theirs) < MOST_FUTURES_STOPS:
                return None
            return Refusal(
                _TOO_MANY_FUTURES,
                f"There are {MOST_FUTURES_STOPS} stop orders: cancel some first.",
            )
        crowd = [each for each in theirs if each.symbol == intent.symbol]
        if len(crowd) < MOST_STOPS_A_PAIR:
            return None
        return Refusal(
            codes_for(intent.account).too_many,
            f"{intent.symbol} has {MOST_STOPS_A_PAIR} stop orders.",
        )
