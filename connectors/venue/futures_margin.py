"""Adding and withdrawing the margin of an isolated futures position.

Adding takes free cash of the wallet; withdrawing leaves the initial margin of the
position at mark, after its losses (our reading of KuCoin's ``maxWithdrawMargin``,
whose formula is not published). No coins leave the wallet either way: margin is an
earmark. Cross positions have no margin of their own.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from bot.domain.accounts import MarginMode, Position, PositionKey
from bot.domain.events import PositionChanged
from bot.domain.intents import AdjustMargin
from bot.domain.money import LEDGER_QUANTUM, ZERO, floor_to, plain
from connectors.venue.futures_fills import earmark
from connectors.venue.futures_risk import free_cash, position_value, unrealised_pnl
from connectors.venue.futures_state import FuturesState
from connectors.venue.refusal import Refusal

__all__ = ["adjust_margin", "withdrawable_margin"]


def withdrawable_margin(state: FuturesState, position: Position) -> Decimal:
    """What may be taken back: margin after losses, less value / leverage."""
    loss = min(ZERO, unrealised_pnl(state, position))
    kept = position_value(state, position) / position.leverage
    spare = position.margin + loss - kept
    return floor_to(spare, LEDGER_QUANTUM) if spare > 0 else ZERO


def adjust_margin(
    state: FuturesState, at: datetime, intent: AdjustMargin, intent_id: str
) -> Refusal | None:
    """Move margin, or say why not; emits the earmark and ``PositionChanged``."""
    key = PositionKey(intent.symbol, intent.position_side)
    position = state.positions.get(key)
    if position is None:
        return Refusal("300009", f"There is no {key} position to give margin to.")
    refusal = _check(state, position, intent.amount)
    if refusal is not None:
        return refusal
    earmark(state, at, position, intent.amount, intent_id=intent_id)
    moved = replace(position, margin=position.margin + intent.amount)
    state.keep(moved)
    state.ledger.emit(PositionChanged(at=at, position=moved, reason="margin"))
    return None


def _check(state: FuturesState, position: Position, amount: Decimal) -> Refusal | None:
    if position.mode is not MarginMode.ISOLATED:
        return Refusal("330005", f"{position.key} is not in isolated margin mode.")
    if amount == 0 or amount % LEDGER_QUANTUM != 0:
        return Refusal(
            "300000",
            f"Margin must be a multiple of {plain(LEDGER_QUANTUM)}, was {amount}.",
        )
    settle = state.contract(position.symbol).settle
    most = (
        free_cash(state, settle) if amount > 0 else withdrawable_margin(state, position)
    )
    if abs(amount) > most:
        return Refusal(
            "300003",
            f"At most {plain(most)} {settle} of margin can move, "
            f"was {plain(abs(amount))}.",
        )
    return None
