"""Auto-deleveraging: the score, the lights, and the cut of a profitable position.

KuCoin's newer page (futures-and-unified.md 5): score = return x effective leverage
when in profit, return / leverage when losing; return = profit over entry value;
effective leverage = mark value over effective margin (isolated: margin and profit;
cross: the cross margin). KuCoin lights one of five lamps for each fifth of the queue;
the queue of the other traders is not known here, so the lamps rest on fixed scores
(``LIGHT_SCORES``, our own assumption). When ADL strikes is an input of the market or
the test: nothing here decides it.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import MarginMode, Position, PositionKey
from bot.domain.money import ZERO
from bot.domain.orders import Side
from connectors.venue.futures_fills import apply_fill
from connectors.venue.futures_risk import (
    position_value,
    unrealised_pnl,
)
from connectors.venue.futures_state import FuturesFill, FuturesState

__all__ = ["LIGHT_SCORES", "AdlStrike", "adl_rank", "adl_score", "strike"]

LIGHT_SCORES: Final = (
    ZERO,
    Decimal("0.25"),
    Decimal("0.75"),
    Decimal("1.5"),
)
"""A score above the n-th of these lights lamp n + 1; assumed, not KuCoin's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdlStrike:
    """The exchange cuts ``lots`` of a position at the other party's bankruptcy price.

    ``lots`` is unsigned; more than the position holds cuts all of it.
    """

    key: PositionKey
    lots: int
    price: Decimal

    def __post_init__(self) -> None:
        if self.lots <= 0 or self.price <= 0:
            raise ValueError(
                "lots and price of an ADL strike must be positive, were "
                f"{self.lots} and {self.price}"
            )


def adl_score(
    state: FuturesState, position: Position, cross_margin: Decimal
) -> Decimal | None:
    """The place in the queue as a number; None when no margin is left to divide by.

    Args:
        state: For the mark.
        position: Not flat.
        cross_margin: Total cross margin of its settle currency.
    """
    profit = unrealised_pnl(state, position)
    is_isolated = position.mode is MarginMode.ISOLATED
    margin = position.margin + profit if is_isolated else cross_margin
    if margin <= 0 or position.entry_value == 0:
        return None
    returned = profit / abs(position.entry_value)
    leverage = position_value(state, position) / margin
    return returned * leverage if profit > 0 else returned / leverage


def adl_rank(
    state: FuturesState, position: Position, cross_margin: Decimal
) -> int | None:
    """Lamps lit, 1 to 5; None is unknown. Arguments as for ``adl_score``."""
    score = adl_score(state, position, cross_margin)
    if score is None:
        return None
    return 1 + sum(1 for floor in LIGHT_SCORES if score > floor)


def strike(state: FuturesState, at: datetime, event: AdlStrike) -> None:
    """Cut a profitable position; one at a loss, or none, is left alone.

    The trade is free of fees: the other party's liquidation pays for it (our
    reading; no page states a fee).
    """
    position = state.positions.get(event.key)
    if position is None or unrealised_pnl(state, position) <= 0:
        return
    fill = FuturesFill(
        at=at,
        trade_id=state.ledger.next_id("adl-trade"),
        order_id=state.ledger.next_id("adl-order"),
        intent_id=None,
        symbol=position.symbol,
        side=Side.SELL if position.lots > 0 else Side.BUY,
        lots=min(event.lots, abs(position.lots)),
        price=event.price,
        reference_price=state.mark(position.symbol),
        mode=position.mode,
        position_side=position.side,
        leverage=position.leverage,
        forced="adl",
        fee=ZERO,
    )
    apply_fill(state, fill)
