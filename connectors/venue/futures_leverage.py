"""The cross leverage of one contract: what a change does to what is open.

At KuCoin the leverage of a contract in cross mode is one number of the account
(futures-and-unified.md 2.9): a change moves the initial margin of the open position
and of its resting orders at once, so lowering it may fail. It does not enter the risk
rate. Isolated positions keep the leverage that they were opened with.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from bot.domain.accounts import MarginMode, Position
from bot.domain.events import PositionChanged
from bot.domain.money import plain
from connectors.venue.futures_risk import opening_cash
from connectors.venue.futures_state import FuturesState
from connectors.venue.orders import VenueOrder
from connectors.venue.refusal import Refusal

__all__ = ["change_cross_leverage"]


def change_cross_leverage(
    state: FuturesState,
    at: datetime,
    symbol: str,
    leverage: Decimal,
    resting: Sequence[VenueOrder],
) -> Refusal | None:
    """Set the leverage of a contract's cross position and orders, or say why not.

    Args:
        state: Positions and marks; the ledger hears ``PositionChanged``.
        at: The venue's time.
        symbol: A contract that the venue lists.
        leverage: The new one, 1 to the contract's most.
        resting: The resting orders of the contract.

    Returns:
        None when it is done; a refusal leaves everything as it was.
    """
    contract = state.contract(symbol)
    if not 1 <= leverage <= contract.max_leverage:
        return Refusal(
            "300016",
            f"Leverage of {symbol} must be 1 to {plain(contract.max_leverage)}, "
            f"was {plain(leverage)}.",
        )
    had = opening_cash(state, contract.settle)
    undo = _Before.of(state, symbol, resting)
    undo.apply(state, leverage)
    left = opening_cash(state, contract.settle)
    if left < 0 and left < had:
        undo.restore(state)
        return Refusal(
            "300003",
            f"At {plain(leverage)}x {symbol} would need {plain(-left)} "
            f"{contract.settle} of margin more than there is: add margin or reduce.",
        )
    for position in undo.positions:
        moved = replace(position, leverage=leverage)
        state.ledger.emit(PositionChanged(at=at, position=moved, reason="margin"))
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    """What is open in cross mode, with the leverages it had."""

    positions: tuple[Position, ...]
    orders: tuple[tuple[VenueOrder, Decimal], ...]

    @classmethod
    def of(
        cls, state: FuturesState, symbol: str, resting: Sequence[VenueOrder]
    ) -> "_Before":
        return cls(
            positions=tuple(
                position
                for key, position in state.positions.items()
                if key.symbol == symbol and position.mode is MarginMode.CROSS
            ),
            orders=tuple(
                (order, order.leverage)
                for order in resting
                if order.margin_mode is MarginMode.CROSS
            ),
        )

    def apply(self, state: FuturesState, leverage: Decimal) -> None:
        """Give everything the new leverage; tells nobody."""
        for order, _ in self.orders:
            order.leverage = leverage
        for position in self.positions:
            state.keep(replace(position, leverage=leverage))

    def restore(self, state: FuturesState) -> None:
        """As if nothing had been asked."""
        for order, leverage in self.orders:
            order.leverage = leverage
        for position in self.positions:
            state.keep(position)
