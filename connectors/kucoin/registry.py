"""What is known of every order, ours and foreign: the latest state, and what was told.

An order's state only moves down a lattice, so late, repeated and reordered messages
are harmless. News of an order waits here until the fills it speaks of have been
booked: an order must never be told as done before its money is. Pure state: no clock,
no network; memory of ended orders is bounded.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from bot.domain.accounts import AccountId, MarginMode, PositionSide
from bot.domain.events import Filled, OrderChanged
from bot.domain.intents import Approved, PlaceOrder, PlaceStop
from bot.domain.money import ZERO
from bot.domain.orders import OrderState, OrderType, Side, TimeInForce
from bot.domain.stops import triggered_order
from connectors.kucoin.stop_book import StopBook

__all__ = ["OrderFact", "OrderRegistry", "Told", "ends_at_once"]

_OURS: Final = re.compile(r"g[0-9]+-i[0-9]+")
_KEPT: Final = 2000
_OPEN_MAX: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFact:
    """What one message or one row says of an order; None is what it does not say."""

    at: datetime
    order_id: str
    client_id: str | None
    symbol: str
    side: Side | None
    state: OrderState
    qty: Decimal | None
    filled_qty: Decimal | None
    account: AccountId | None = None
    price: Decimal | None = None
    reduce_only: bool | None = None
    margin_mode: MarginMode | None = None
    position_side: PositionSide | None = None
    reason: str | None = None
    is_stop: bool = False
    """It is a stop that waits, or that ended without an order."""


@dataclass(slots=True)
class _Known:
    """One order: its newest fact, and how far it has been told and booked."""

    fact: OrderFact
    booked: Decimal = ZERO
    told: OrderFact | None = None
    looks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """News that may be handed out now; ``notes`` name those that lost patience."""

    orders: tuple[OrderChanged, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class OrderRegistry:
    """Orders by the exchange's id, and our intents by theirs."""

    patience: int = 5
    stops: StopBook = field(default_factory=StopBook)
    _orders: dict[str, _Known] = field(default_factory=dict)
    _ended: dict[str, None] = field(default_factory=dict)
    _intents: dict[str, PlaceOrder] = field(default_factory=dict)
    _order_of: dict[str, str] = field(default_factory=dict)
    _booked_early: dict[str, Decimal] = field(default_factory=dict)
    _fresh: dict[str, None] = field(default_factory=dict)

    def expect(self, approved: Approved) -> None:
        """An order of ours is about to leave, or was left open by an earlier run."""
        intent = approved.intent
        if isinstance(intent, PlaceStop):
            intent = triggered_order(intent)
        if isinstance(intent, PlaceOrder):
            self._intents[approved.intent_id] = intent
            _cut(self._intents, _KEPT)

    def adopt(self, order_id: str, intent_id: str) -> None:
        """The exchange gave our request this order id."""
        self._order_of[order_id] = intent_id
        _cut(self._order_of, _KEPT)

    def accepted(self, at: datetime, order_id: str, intent_id: str) -> None:
        """The exchange took our order: it is open until something says more."""
        self.adopt(order_id, intent_id)
        intent = self._intents.get(intent_id)
        if intent is None or order_id in self._orders:
            return
        self.see(
            OrderFact(
                at=at,
                order_id=order_id,
                client_id=intent_id,
                symbol=intent.symbol,
                side=intent.side,
                state=OrderState.OPEN,
                qty=intent.qty,
                filled_qty=ZERO,
            )
        )

    def is_open(self, order_id: str) -> bool:
        """Whether an order is known and not known to have ended."""
        known = self._orders.get(order_id)
        return known is not None and known.fact.state is OrderState.OPEN

    def intent_of(self, order_id: str) -> str | None:
        """The intent that made an order or a loan, None for a foreign one."""
        known = self._orders.get(order_id)
        if known is not None and (ours := _intent_id(known.fact.client_id)):
            return ours
        return self._order_of.get(order_id)

    def own_id(self, order_id: str, client_id: str | None) -> str | None:
        """The intent behind an order or a stop, None for a foreign one."""
        return _intent_id(client_id) or self._order_of.get(order_id)

    def find_client(self, intent_id: str) -> OrderFact | None:
        """The order that carries our id, if any message has shown it."""
        found = (
            known.fact
            for known in self._orders.values()
            if known.fact.client_id == intent_id
        )
        return next(found, None)

    def knows(self, order_id: str) -> bool:
        """Whether any message has shown this order."""
        return order_id in self._orders

    def open_orders(self) -> tuple[OrderFact, ...]:
        """The orders that are not known to have ended."""
        return tuple(
            known.fact
            for known in self._orders.values()
            if known.fact.state is OrderState.OPEN
        )

    def homeless(self) -> tuple[OrderFact, ...]:
        """Orders of which no message has said in which account they trade."""
        return tuple(
            known.fact
            for known in self._orders.values()
            if known.fact.account is None and known.told is None
        )

    def drop(self, order_id: str) -> None:
        """Forget an order that has ended and of which nobody can say where."""
        self._orders.pop(order_id, None)
        self._fresh.pop(order_id, None)

    def account_of(self, fact: OrderFact) -> AccountId | None:
        """Where an order trades, as far as anything has said so."""
        if fact.account is not None:
            return fact.account
        known = self._orders.get(fact.order_id)
        if known is not None and known.fact.account is not None:
            return known.fact.account
        intent = self._intents.get(self._intent_for(fact) or "")
        return None if intent is None else intent.account

    def see(self, fact: OrderFact) -> bool:
        """Take one message in; whether it was news."""
        known = self._orders.get(fact.order_id)
        filled = self._completed(fact)
        if known is None:
            booked = self._booked_early.pop(fact.order_id, ZERO)
            self._orders[fact.order_id] = _Known(filled, booked)
            self._bound()
            self._fresh[fact.order_id] = None
            return True
        merged = _merged(known.fact, filled)
        if merged == known.fact:
            return False
        known.fact = merged
        self._fresh[fact.order_id] = None
        return True

    def _cannot_rest(self, fact: OrderFact) -> bool:
        intent = self._intents.get(self._intent_for(fact) or "")
        return intent is not None and ends_at_once(intent)

    def _intent_for(self, fact: OrderFact) -> str | None:
        return _intent_id(fact.client_id) or self._order_of.get(fact.order_id)

    def _completed(self, fact: OrderFact) -> OrderFact:
        """The fact with what our own intent says where the message is silent."""
        intent_id = self._intent_for(fact)
        intent = self._intents.get(intent_id or "")
        if intent is None:
            return fact
        return replace(
            fact,
            client_id=fact.client_id or intent_id,
            account=fact.account or intent.account,
            side=fact.side or intent.side,
            qty=intent.qty if fact.qty is None else fact.qty,
            price=intent.price if fact.price is None else fact.price,
            reduce_only=(
                intent.reduce_only if fact.reduce_only is None else fact.reduce_only
            ),
            margin_mode=fact.margin_mode or intent.margin_mode,
            position_side=fact.position_side or intent.position_side,
        )

    def book(self, fills: Iterable[Filled]) -> None:
        """Fills that are being handed out, so that their orders may be told."""
        for fill in fills:
            known = self._orders.get(fill.order_id)
            if known is not None:
                known.booked += fill.qty
            else:
                early = self._booked_early
                early[fill.order_id] = early.get(fill.order_id, ZERO) + fill.qty
                _cut(early, _KEPT)

    def tell(self, looked: frozenset[AccountId]) -> Told:
        """The news of orders whose fills are booked; call it once after each look.

        An order of ours that cannot rest is told only when it has ended: told as
        open it would count as resting, and what it still trades be asked for again.
        Only a look at its own account costs an order some of its patience.
        """
        orders: list[OrderChanged] = []
        notes: list[str] = []
        for order_id in list(self._fresh):
            known = self._orders[order_id]
            if known.fact.account is None or known.fact.side is None:
                continue
            filled = known.fact.filled_qty or ZERO
            if filled > known.booked and known.looks < self.patience:
                known.looks += known.fact.account in looked
                continue
            if filled > known.booked:
                notes.append(_impatient(known))
            del self._fresh[order_id]
            known.looks = 0
            if known.fact.state is OrderState.OPEN and self._cannot_rest(known.fact):
                continue
            orders.append(self._changed(known.fact))
            known.told = known.fact
            self._end(known.fact)
        return Told(orders=tuple(orders), notes=tuple(notes))

    def traded(self) -> tuple[tuple[AccountId, str], ...]:
        """Account and symbol of the orders whose fills are still to be booked."""
        found = {
            (account, fact.symbol)
            for fact, booked in self._untold()
            if (account := fact.account) is not None
            and (fact.filled_qty or ZERO) > booked
        }
        return tuple(sorted(found))

    def waiting(self) -> frozenset[AccountId]:
        """The accounts of the orders whose news wait for another look."""
        return frozenset(
            fact.account for fact, _ in self._untold() if fact.account is not None
        )

    @property
    def owes_news(self) -> bool:
        """Whether an order that cannot rest has not been told as ended yet."""
        cannot_rest = any(map(self._cannot_rest, self.open_orders()))
        return bool(self._fresh) or cannot_rest

    @property
    def looks_waited(self) -> int:
        """How many looks the most patient of the waiting orders has waited for."""
        return max((self._orders[o].looks for o in self._fresh), default=0)

    def _untold(self) -> Iterator[tuple[OrderFact, Decimal]]:
        for order_id in self._fresh:
            known = self._orders[order_id]
            yield known.fact, known.booked

    def _changed(self, fact: OrderFact) -> OrderChanged:
        assert fact.account is not None  # noqa: S101 - tell() asked before
        assert fact.side is not None  # noqa: S101 - tell() asked before
        filled = fact.filled_qty or ZERO
        return OrderChanged(
            at=fact.at,
            order_id=fact.order_id,
            intent_id=self._intent_for(fact),
            account=fact.account,
            symbol=fact.symbol,
            side=fact.side,
            state=fact.state,
            qty=filled if fact.qty is None else fact.qty,
            filled_qty=filled,
            price=fact.price,
            reduce_only=bool(fact.reduce_only),
            reason=fact.reason,
            margin_mode=fact.margin_mode or MarginMode.CROSS,
            position_side=fact.position_side or PositionSide.BOTH,
        )

    def _end(self, fact: OrderFact) -> None:
        """Remember ended orders for a while, so that late news cannot reopen them."""
        if fact.state is OrderState.OPEN:
            return
        self._ended[fact.order_id] = None
        while len(self._ended) > _KEPT:
            oldest = next(iter(self._ended))
            del self._ended[oldest]
            self._orders.pop(oldest, None)

    def _bound(self) -> None:
        if len(self._orders) > _KEPT + _OPEN_MAX:
            raise RuntimeError(f"more than {_OPEN_MAX} orders are open at once")


def ends_at_once(intent: PlaceOrder) -> bool:
    """Whether an order cannot rest in the book."""
    is_resting = intent.type is OrderType.LIMIT
    return not (is_resting and intent.time_in_force is TimeInForce.GTC)


def _intent_id(client_id: str | None) -> str | None:
    """Our intent's id, if a client id has the form of ours."""
    return client_id if client_id is not None and _OURS.fullmatch(client_id) else None


def _merged(old: OrderFact, new: OrderFact) -> OrderFact:
    """What both facts together say: ended stays ended, fills only grow."""
    state = old.state if old.state is not OrderState.OPEN else new.state
    filled = max(old.filled_qty or ZERO, new.filled_qty or ZERO)
    moved = state is not old.state or filled != (old.filled_qty or ZERO)
    return replace(
        old,
        at=max(old.at, new.at) if moved else old.at,
        client_id=old.client_id or new.client_id,
        account=old.account or new.account,
        side=old.side or new.side,
        state=state,
        qty=old.qty if new.qty is None else new.qty,
        filled_qty=filled,
        price=old.price if new.price is None else new.price,
        reduce_only=old.reduce_only if new.reduce_only is None else new.reduce_only,
        margin_mode=old.margin_mode or new.margin_mode,
        position_side=old.position_side or new.position_side,
        reason=old.reason or new.reason,
    )


def _impatient(known: _Known) -> str:
    fact = known.fact
    return (
        f"order {fact.order_id} of {fact.symbol} has filled {fact.filled_qty}, of "
        f"which only {known.booked} is booked after several looks; it is told anyway"
    )


def _cut(kept: dict[str, Any], limit: int) -> None:
    """Forget the oldest of what has grown too long."""
    while len(kept) > limit:
        del kept[next(iter(kept))]
