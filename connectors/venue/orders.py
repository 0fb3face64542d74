"""Orders as the venue keeps them: who may name one, what rests, what it holds.

Theory of operation. A request becomes a ``VenueOrder`` only when it is accepted.
From then on the register is the one place where its state moves: it fills, it
ends, and what it holds shrinks with it. The hold of a coin in an account is
always the sum of the holds of the orders that rest there. A client id is spent by
an accepted order for good, as KuCoin asks (``spot-margin.md`` 7.5,
``futures-and-unified.md`` 7.4). This module must not know prices or match
anything.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    SPOT,
    AccountId,
    MarginMode,
    PositionSide,
)
from bot.domain.events import OrderChanged
from bot.domain.intents import PlaceOrder
from bot.domain.money import ZERO
from bot.domain.orders import OrderState, OrderType, Side, TimeInForce
from connectors.venue.ledger import Ledger
from connectors.venue.refusal import Refusal

__all__ = [
    "FUTURES_CODES",
    "MARGIN_CODES",
    "SPOT_CODES",
    "Codes",
    "OrderRegister",
    "VenueOrder",
    "codes_for",
]

_CLIENT_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,40}")
_MAX_RESTING_A_SYMBOL: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """KuCoin's error codes of one product, by what is wrong.

    Sources: ``spot-margin.md`` 11 and ``futures-and-unified.md`` 7.5.
    """

    parameter: str
    duplicate: str
    balance: str
    suspended: str
    unknown_symbol: str
    too_many: str
    below_minimum: str
    not_found: str


SPOT_CODES: Final = Codes(
    parameter="400100",
    duplicate="400100",
    balance="200004",
    suspended="400600",
    unknown_symbol="900001",
    too_many="200003",
    below_minimum="400100",
    not_found="400100",
)
MARGIN_CODES: Final = Codes(
    parameter="400400",
    duplicate="126044",
    balance="126013",
    suspended="126009",
    unknown_symbol="126004",
    too_many="126011",
    below_minimum="126003",
    not_found="126043",
)
FUTURES_CODES: Final = Codes(
    parameter="300000",
    duplicate="300018",
    balance="300003",
    suspended="300002",
    unknown_symbol="100003",
    too_many="300001",
    below_minimum="300000",
    not_found="100004",
)


def codes_for(account: AccountId) -> Codes:
    """The error codes of the product that an account trades.

    Example:
        >>> codes_for(SPOT).balance, codes_for(FUTURES).balance
        ('200004', '300003')
    """
    if account == SPOT:
        return SPOT_CODES
    return FUTURES_CODES if account == FUTURES else MARGIN_CODES


@dataclass(slots=True, kw_only=True)
class VenueOrder:
    """One accepted order.

    Sizes are base coins on spot and margin, lots on futures. ``funds`` and
    ``fees`` are the exact sums of its fills in quote coins, ``booked_funds`` and
    ``booked_fees`` what the ledger has of them after rounding; ``reserved`` is
    what it needed when it arrived and ``hold`` what it holds now.
    """

    order_id: str
    intent_id: str
    account: AccountId
    symbol: str
    side: Side
    qty: Decimal
    type: OrderType
    price: Decimal | None
    time_in_force: TimeInForce
    post_only: bool = False
    reduce_only: bool = False
    close: bool = False
    margin_mode: MarginMode = MarginMode.CROSS
    position_side: PositionSide = PositionSide.BOTH
    leverage: Decimal = Decimal(1)
    filled: Decimal = ZERO
    state: OrderState = OrderState.OPEN
    hold_coin: str | None = None
    reserved: Decimal = ZERO
    hold: Decimal = ZERO
    funds: Decimal = ZERO
    fees: Decimal = ZERO
    booked_funds: Decimal = ZERO
    booked_fees: Decimal = ZERO

    @classmethod
    def of(cls, order_id: str, intent_id: str, intent: PlaceOrder) -> "VenueOrder":
        """The order that an intent asks for."""
        return cls(
            order_id=order_id,
            intent_id=intent_id,
            account=intent.account,
            symbol=intent.symbol,
            side=intent.side,
            qty=intent.qty,
            type=intent.type,
            price=intent.price,
            time_in_force=intent.time_in_force,
            post_only=intent.post_only,
            reduce_only=intent.reduce_only,
            close=intent.close,
            margin_mode=intent.margin_mode,
            position_side=intent.position_side,
            leverage=intent.leverage,
        )

    @property
    def remaining(self) -> Decimal:
        """What is not filled yet."""
        return self.qty - self.filled

    @property
    def reduces(self) -> bool:
        """Whether it may only lower a position."""
        return self.reduce_only or self.close


class OrderRegister:
    """All orders of the user, by id; the only writer of their state."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._orders: dict[str, VenueOrder] = {}
        self._resting: dict[str, VenueOrder] = {}
        self._client_ids: dict[str, str] = {}

    def check_client_id(self, account: AccountId, intent_id: str) -> Refusal | None:
        """Refuse a client id that is malformed or was spent before."""
        codes = codes_for(account)
        if not _CLIENT_ID.fullmatch(intent_id):
            return Refusal(
                codes.parameter,
                f"clientOid {intent_id!r} must be 1 to 40 characters of letters, "
                "digits, _ and -.",
            )
        if intent_id in self._client_ids:
            return Refusal(
                codes.duplicate,
                f"clientOid {intent_id} was used by order "
                f"{self._client_ids[intent_id]}: query that order, never resend.",
            )
        return None

    def check_room(self, order: VenueOrder) -> Refusal | None:
        """Refuse an order where the symbol has no room for another resting one."""
        if len(self.resting(order.symbol)) < _MAX_RESTING_A_SYMBOL:
            return None
        return Refusal(
            codes_for(order.account).too_many,
            f"{order.symbol} already has {_MAX_RESTING_A_SYMBOL} active orders: "
            "cancel some first.",
        )

    def accept(self, order: VenueOrder) -> None:
        """Take an order in; its client id is spent from now on."""
        self._orders[order.order_id] = order
        self._client_ids[order.intent_id] = order.order_id

    def get(self, order_id: str) -> VenueOrder | None:
        """An order by its id, resting or done."""
        return self._orders.get(order_id)

    def by_client_id(self, intent_id: str) -> VenueOrder | None:
        """The order that spent a client id."""
        order_id = self._client_ids.get(intent_id)
        return None if order_id is None else self._orders[order_id]

    def resting(self, symbol: str) -> tuple[VenueOrder, ...]:
        """The resting orders of a symbol, oldest first."""
        return tuple(o for o in self._resting.values() if o.symbol == symbol)

    def resting_of(self, account: AccountId) -> tuple[VenueOrder, ...]:
        """The resting orders of an account, oldest first."""
        return tuple(o for o in self._resting.values() if o.account == account)

    def resting_symbols(self) -> tuple[str, ...]:
        """The symbols where something rests, sorted."""
        return tuple(sorted({o.symbol for o in self._resting.values()}))

    def rest(self, at: datetime, order: VenueOrder, hold: Decimal) -> None:
        """Put what is left of an order into the book, holding ``hold`` coins."""
        self._resting[order.order_id] = order
        self.hold(at, order, hold)
        self._tell(at, order, None)

    def hold(self, at: datetime, order: VenueOrder, amount: Decimal) -> None:
        """Let an order hold ``amount`` of its coin from now on."""
        if order.hold_coin is None or amount == order.hold:
            return
        before, order.hold = order.hold, amount
        held = self._ledger.hold(order.account, order.hold_coin)
        self._ledger.set_hold(
            at, order.account, order.hold_coin, held - before + amount
        )

    def fill(self, order: VenueOrder, qty: Decimal) -> None:
        """Count a fill; ``finish`` or ``rest`` says so when the trade is booked."""
        if qty <= 0 or qty > order.remaining:
            raise ValueError(
                f"order {order.order_id} has {order.remaining} left, "
                f"a fill of {qty} does not fit"
            )
        order.filled += qty

    def settle(self, at: datetime, order: VenueOrder, reason: str | None) -> None:
        """Say where an order stands; end it when it is full or has a ``reason``.

        Args:
            at: The venue's time.
            order: The order, its fills counted.
            reason: Why what is left of it is cancelled; None leaves it resting.
        """
        if order.remaining == 0:
            self._end(at, order, OrderState.FILLED, None)
        elif reason is not None:
            self._end(at, order, OrderState.CANCELLED, reason)
        else:
            self._tell(at, order, None)

    def _end(
        self, at: datetime, order: VenueOrder, state: OrderState, reason: str | None
    ) -> None:
        """Take an order out of the book for good and release what it held."""
        self._resting.pop(order.order_id, None)
        order.state = state
        self.hold(at, order, ZERO)
        self._tell(at, order, reason)

    def _tell(self, at: datetime, order: VenueOrder, reason: str | None) -> None:
        """Say what the exchange says of an order."""
        self._ledger.emit(
            OrderChanged(
                at=at,
                order_id=order.order_id,
                intent_id=order.intent_id,
                account=order.account,
                symbol=order.symbol,
                side=order.side,
                state=order.state,
                qty=order.qty,
                filled_qty=order.filled,
                price=order.price,
                reduce_only=order.reduces,
                reason=reason,
                margin_mode=order.margin_mode,
                position_side=order.position_side,
            )
        )
