"""Resting orders that may fill while nobody is there, and add to what is held.

A first leg that waits as a maker is one: until somebody is back its other leg does not
follow. Reads one shadow; computes and sends nothing.
"""

from collections.abc import Mapping

from bot.domain.events import OrderChanged
from bot.domain.money import plain
from bot.shadow.state import Shadow

__all__ = ["order_document", "order_sentence", "unwatched"]


def unwatched(shadow: Shadow) -> tuple[OrderChanged, ...]:
    """The resting orders that are not reduce-only, by account and symbol."""
    found = [order for order in shadow.orders.values() if not order.reduce_only]
    return tuple(sorted(found, key=lambda o: (o.account, o.symbol, o.order_id)))


def order_sentence(order: OrderChanged) -> str:
    """What may happen, for a person."""
    whose = "" if order.intent_id is not None else " (not ours)"
    left = plain(order.qty - order.filled_qty)
    at = "" if order.price is None else f" at {plain(order.price)}"
    return (
        f"May fill with nobody there: {order.side} {left} {order.symbol}{at} in "
        f"{order.account}{whose}; no other leg would follow."
    )


def order_document(order: OrderChanged) -> Mapping[str, object]:
    """The machine's form; money as plain text."""
    return {
        "id": order.order_id,
        "account": order.account,
        "symbol": order.symbol,
        "side": str(order.side),
        "left": plain(order.qty - order.filled_qty),
        "price": None if order.price is None else plain(order.price),
        "owner": "other" if order.intent_id is None else "gnomon",
    }
