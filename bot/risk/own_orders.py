"""Which resting orders a strategy placed: the request and what the book still has.

An order at the exchange says nothing of who of us wanted it; the request that placed
it does. Reads the view; decides nothing.
"""

from dataclasses import dataclass

from bot.domain.accounts import FUTURES
from bot.domain.intents import CancelOrder, PlaceOrder
from bot.domain.strategy import OpenOrder, View

__all__ = ["Resting", "resting_of"]


@dataclass(frozen=True, slots=True)
class Resting:
    """An order of a strategy that rests: what was asked, and what is left of it."""

    intent: PlaceOrder
    order: OpenOrder

    @property
    def direction(self) -> int:
        """+1 where it adds to a pair of coins bought, -1 to one of coins sold."""
        sign = self.order.side_sign
        return -sign if self.order.account == FUTURES else sign

    @property
    def cancel(self) -> CancelOrder:
        """What withdraws it."""
        order = self.order
        return CancelOrder(
            account=order.account, symbol=order.symbol, order_id=order.order_id
        )


def resting_of(view: View, owner: str) -> dict[str, Resting]:
    """The orders of an owner that rest, by the id of their request.

    One whose withdrawal is under way is none any more.
    """
    flying = view.in_flight(owner)
    gone = {e.intent.order_id for e in flying if isinstance(e.intent, CancelOrder)}
    asked = {e.intent_id: e.intent for e in flying if isinstance(e.intent, PlaceOrder)}
    return {
        order.intent_id: Resting(asked[order.intent_id], order)
        for order in (view.open_orders() if asked else ())
        if order.intent_id in asked and order.order_id not in gone
    }
