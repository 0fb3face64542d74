"""What we want done: imperative, refusable, frozen.

An ``Intent`` says what; it has no id. ``Approved`` wraps one with its
deterministic id after the guard's admission measured it; only
``bot/guard/admit.py`` makes an ``Approved`` and only an ``Approved`` is ever
executed. ``Refused`` carries the reason and the numbers. Quantities are base
coins on spot and margin accounts and whole lots on futures.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.accounts import AccountId, MarginMode, PositionSide
from bot.domain.orders import OrderType, Side, TimeInForce

__all__ = [
    "AdjustMargin",
    "Approved",
    "Borrow",
    "CancelOrder",
    "CancelStop",
    "Intent",
    "PlaceOrder",
    "PlaceStop",
    "Proposal",
    "Refused",
    "Repay",
    "Transfer",
    "intent_coin",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """Buy or sell. ``price`` is None for a market order.

    On futures ``qty`` is lots. ``close`` closes the whole position whatever
    ``qty`` says. ``is_reduction`` states that the order only lowers risk: it
    passes every gate that blocks new risk, and admission checks the claim.
    """

    account: AccountId
    symbol: str
    side: Side
    qty: Decimal
    type: OrderType = OrderType.MARKET
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    close: bool = False
    margin_mode: MarginMode = MarginMode.CROSS
    position_side: PositionSide = PositionSide.BOTH
    leverage: Decimal = Decimal(1)
    is_reduction: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """Cancel one order, named by the exchange's order id."""

    account: AccountId
    symbol: str
    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceStop:
    """Let a market order wait at the exchange until a price is reached.

    It can only reduce: reduce-only on futures, and in margin accounts a sale of what
    is owned or a purchase of what is owed, which admission checks. On futures ``qty``
    is lots. ``is_up`` triggers at or above ``stop_price``, else at or below: the
    contract's mark on futures, the pair's last trade in margin accounts.
    """

    account: AccountId
    symbol: str
    side: Side
    qty: Decimal
    stop_price: Decimal
    is_up: bool
    margin_mode: MarginMode = MarginMode.CROSS
    position_side: PositionSide = PositionSide.BOTH
    leverage: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelStop:
    """Withdraw one stop that waits, named by the exchange's id of it."""

    account: AccountId
    symbol: str
    stop_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Borrow:
    """Borrow a coin into a margin account; all or nothing unless ``allow_partial``."""

    account: AccountId
    coin: str
    amount: Decimal
    allow_partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Repay:
    """Repay a coin from the same account's available balance; interest goes first."""

    account: AccountId
    coin: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Move a coin between two accounts of ours."""

    source: AccountId
    target: AccountId
    coin: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustMargin:
    """Add (positive) or withdraw (negative) isolated futures margin."""

    symbol: str
    amount: Decimal
    position_side: PositionSide = PositionSide.BOTH


Intent = (
    PlaceOrder
    | CancelOrder
    | Borrow
    | Repay
    | Transfer
    | AdjustMargin
    | PlaceStop
    | CancelStop
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An intent somebody asks for, with the reason in words and numbers.

    ``pair`` names the hedged pair the intent is a leg of, if any; ``order`` of
    proposals in a list is the order in which they are to be sent.
    """

    owner: str
    intent: Intent
    reason: str
    pair: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """A proposal that admission measured and let pass; executable as it stands."""

    intent_id: str
    owner: str
    intent: Intent
    reason: str
    pair: str | None = None
    measured: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A proposal that was not let pass, with the limit and the numbers."""

    owner: str
    intent: Intent
    reason: str
    pair: str | None = None
    measured: Mapping[str, str] = field(default_factory=dict)


def intent_coin(intent: Intent) -> str | None:
    """The coin or symbol that an unresolved intent freezes for new risk.

    Example:
        >>> intent_coin(Repay(account=AccountId("margin_cross"), coin="USDT",
        ...                   amount=Decimal(1)))
        'USDT'
    """
    match intent:
        case PlaceOrder(symbol=symbol) | CancelOrder(symbol=symbol):
            return symbol
        case AdjustMargin(symbol=symbol):
            return symbol
        case PlaceStop(symbol=symbol) | CancelStop(symbol=symbol):
            return symbol
        case Borrow(coin=coin) | Repay(coin=coin) | Transfer(coin=coin):
            return coin
