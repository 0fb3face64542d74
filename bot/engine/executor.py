"""Hands approved intents to the gateway that does them.

It takes ``Approved`` only, after the journal made them durable. It never waits,
never repeats a request and never decides: an intent in doubt is looked up, and
the answer is an event like every other.
"""

from dataclasses import dataclass

from bot.domain.intents import (
    AdjustMargin,
    Approved,
    Borrow,
    CancelOrder,
    CancelStop,
    PlaceOrder,
    PlaceStop,
    Repay,
    Transfer,
)
from bot.ports import LoanGateway, OrderGateway, TransferGateway

__all__ = ["Executor"]


@dataclass(frozen=True, slots=True)
class Executor:
    """Three gateways and the rule of which request goes where."""

    orders: OrderGateway
    loans: LoanGateway
    transfers: TransferGateway

    def send(self, approved: Approved) -> None:
        """Send one approved intent."""
        match approved.intent:
            case PlaceOrder() | CancelOrder() | PlaceStop() | CancelStop():
                self.orders.send_order(approved)
            case Borrow() | Repay():
                self.loans.send_loan(approved)
            case Transfer() | AdjustMargin():
                self.transfers.send_transfer(approved)

    def find(self, approved: Approved) -> None:
        """Look up what became of an intent in doubt."""
        match approved.intent:
            case PlaceOrder() | CancelOrder() | PlaceStop() | CancelStop():
                self.orders.find_order(approved)
            case Borrow() | Repay():
                self.loans.find_loan(approved)
            case Transfer() | AdjustMargin():
                self.transfers.find_transfer(approved)
