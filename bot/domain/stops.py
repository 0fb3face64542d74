"""Stop orders: what the exchange says of one, when it triggers, what it becomes.

A stop rests at the exchange, holds nothing, and becomes a market order when the
watched price reaches its own: the mark of a contract on futures, the last trade of a
pair in margin accounts (KuCoin's margin stops know no other price). Those that we
place can only reduce. This module knows no account and decides nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.domain.accounts import FUTURES, AccountId, MarginMode, PositionSide
from bot.domain.intents import PlaceOrder, PlaceStop
from bot.domain.orders import Side, StopState

__all__ = ["StopChanged", "is_reached", "stop_of", "triggered_order"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StopChanged:
    """What the exchange says of a stop of ours (or of a foreign one).

    ``qty`` is base coins, or lots on futures; zero where it is not said, or for one
    that closes the whole position. ``is_up`` triggers at or above ``stop_price``.
    ``order_id`` is the order that it became, ``reason`` why that was refused.
    """

    at: datetime
    stop_id: str
    intent_id: str | None
    account: AccountId
    symbol: str
    side: Side
    state: StopState
    qty: Decimal
    stop_price: Decimal
    is_up: bool
    reduce_only: bool = False
    margin_mode: MarginMode = MarginMode.CROSS
    position_side: PositionSide = PositionSide.BOTH
    order_id: str | None = None
    reason: str | None = None


def is_reached(stop_price: Decimal, price: Decimal, *, is_up: bool) -> bool:
    """Whether a price is at or beyond a trigger.

    Example:
        >>> is_reached(Decimal(100), Decimal(101), is_up=False)
        False
        >>> is_reached(Decimal(100), Decimal(100), is_up=False)
        True
    """
    return price >= stop_price if is_up else price <= stop_price


def stop_of(
    intent: PlaceStop, at: datetime, stop_id: str, intent_id: str | None
) -> StopChanged:
    """The stop that a request of ours makes, as it rests at the exchange."""
    return StopChanged(
        at=at,
        stop_id=stop_id,
        intent_id=intent_id,
        account=intent.account,
        symbol=intent.symbol,
        side=intent.side,
        state=StopState.RESTING,
        qty=intent.qty,
        stop_price=intent.stop_price,
        is_up=intent.is_up,
        reduce_only=intent.account == FUTURES,
        margin_mode=intent.margin_mode,
        position_side=intent.position_side,
    )


def triggered_order(intent: PlaceStop) -> PlaceOrder:
    """The market order that a stop becomes; on futures it is reduce-only.

    Example:
        >>> triggered_order(PlaceStop(
        ...     account=FUTURES, symbol="XBTUSDTM", side=Side.BUY, qty=Decimal(3),
        ...     stop_price=Decimal(70000), is_up=True)).reduce_only
        True
    """
    return PlaceOrder(
        account=intent.account,
        symbol=intent.symbol,
        side=intent.side,
        qty=intent.qty,
        reduce_only=intent.account == FUTURES,
        margin_mode=intent.margin_mode,
        position_side=intent.position_side,
        leverage=intent.leverage,
        is_reduction=True,
    )
