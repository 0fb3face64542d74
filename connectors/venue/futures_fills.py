"""Booking of futures executions: realised profit, fees, margins, positions.

Theory of operation. A fill first closes what it opposes and then opens with the
rest, so a flip through zero is a close and an open. The cost of a position is kept
exactly: a partial close releases its share of ``entry_value``, rounded to 1e-8, and
the rest stays, so that over the life of a position the realised profits sum to
sales less purchases to the last digit. Fees round up. A forced fill books its
profit at mark as ``REALISED_PNL`` and what the take-over price adds to it as
``LIQUIDATION``, and its fee as ``LIQUIDATION_FEE``.

Isolated positions earmark margin: opening value / leverage, rounded up; a close
gives back its share. Nothing here checks whether an order may trade.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from bot.domain.accounts import FUTURES, MarginMode, Position
from bot.domain.events import (
    Bucket,
    Cause,
    Filled,
    PositionChanged,
    Posting,
)
from bot.domain.instruments import ContractRules, Lots
from bot.domain.money import (
    LEDGER_QUANTUM,
    ZERO,
    floor_to,
    round_half_up,
    round_up,
)
from connectors.venue.futures_state import FuturesFill, FuturesState

__all__ = ["apply_fill", "earmark", "trade_fee"]


def trade_fee(contract: ContractRules, value: Decimal, *, is_maker: bool) -> Decimal:
    """The fee of a trade, in settle currency, rounded against the user.

    A negative maker rate is a rebate and comes out negative. Source: the official
    fill of futures-and-unified.md section 6.

    Example:
        >>> from types import SimpleNamespace
        >>> rates = SimpleNamespace(maker_fee_rate=Decimal("-0.00004"),
        ...                         taker_fee_rate=Decimal("0.0006"))
        >>> trade_fee(rates, Decimal("86.2751"), is_maker=False)
        Decimal('0.05176506')
        >>> trade_fee(rates, Decimal("0.0011"), is_maker=True) # -0.000000044
        Decimal('-4E-8')
    """
    rate = contract.maker_fee_rate if is_maker else contract.taker_fee_rate
    fee = abs(value) * rate
    return round_up(fee) if fee >= 0 else floor_to(fee, LEDGER_QUANTUM)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Closed:
    """What a closing part gave: profit, released margin and what is left."""

    pnl: Decimal
    at_mark: Decimal
    margin: Decimal
    left: Position


def apply_fill(state: FuturesState, fill: FuturesFill) -> Position:
    """Book one execution and return the position as it stands.

    Emits ``Filled``, then a ``LedgerBooked`` for profit, fee and margin each, then
    ``PositionChanged``. A margin may be earmarked beyond what the wallet has left:
    the check was made when the order was accepted.

    Raises:
        ValueError: The fill has no lots, or opens on the closing side of a
            hedge-mode position; the caller has to clip it.
    """
    if fill.lots <= 0:
        raise ValueError(f"a fill of {fill.symbol} needs lots > 0, was {fill.lots}")
    contract = state.contract(fill.symbol)
    fee = _fee(contract, fill)
    _emit_filled(state, contract, fill, fee)
    old = state.positions.get(fill.key) or _flat(fill)
    signed = fill.side.sign * fill.lots
    closing = min(fill.lots, abs(old.lots)) if old.lots * signed < 0 else 0
    position = old
    if closing:
        position = _close(state, contract, fill, old, closing)
    if fill.lots > closing:
        position = _open(state, contract, fill, position, fill.lots - closing)
    fee_cause = Cause.LIQUIDATION_FEE if fill.forced == "liquidation" else Cause.FEE
    _book(state, fill, contract.settle, fee_cause, -fee)
    state.keep(position)
    reason = fill.forced or "trade"
    state.ledger.emit(PositionChanged(at=fill.at, position=position, reason=reason))
    return position


def _fee(contract: ContractRules, fill: FuturesFill) -> Decimal:
    if fill.fee is not None:
        return fill.fee
    value = contract.value(Decimal(fill.lots), fill.price)
    return trade_fee(contract, value, is_maker=fill.is_maker)


def _flat(fill: FuturesFill) -> Position:
    """A position of nothing, on which the fill opens."""
    return Position(
        symbol=fill.symbol,
        lots=Lots(0),
        entry_value=ZERO,
        mode=fill.mode,
        side=fill.position_side,
        leverage=fill.leverage,
    )


def _close(
    state: FuturesState,
    contract: ContractRules,
    fill: FuturesFill,
    old: Position,
    lots: int,
) -> Position:
    """Book the profit of the closing part and give back its margin."""
    closed = _closed(contract, fill, old, lots)
    if fill.forced == "liquidation":
        _book(state, fill, contract.settle, Cause.REALISED_PNL, closed.at_mark)
        penalty = closed.pnl - closed.at_mark
        _book(state, fill, contract.settle, Cause.LIQUIDATION, penalty)
    else:
        _book(state, fill, contract.settle, Cause.REALISED_PNL, closed.pnl)
    earmark(state, fill.at, old, -closed.margin, intent_id=fill.intent_id)
    return closed.left


def _closed(
    contract: ContractRules, fill: FuturesFill, old: Position, lots: int
) -> _Closed:
    """The closing part's numbers; what is released and what stays sum exactly."""
    is_all = lots == abs(old.lots)
    signed = lots if old.lots > 0 else -lots
    cost = (
        old.entry_value
        if is_all
        else round_half_up(old.entry_value * lots / abs(old.lots))
    )
    margin = (
        old.margin
        if is_all
        else floor_to(old.margin * lots / abs(old.lots), LEDGER_QUANTUM)
    )
    left = replace(
        old,
        lots=Lots(old.lots - signed),
        entry_value=old.entry_value - cost,
        margin=old.margin - margin,
    )
    return _Closed(
        pnl=_gain(contract, signed, fill.price, cost),
        at_mark=_gain(contract, signed, fill.reference_price, cost),
        margin=margin,
        left=left,
    )


def _gain(
    contract: ContractRules, signed: int, price: Decimal, cost: Decimal
) -> Decimal:
    """Profit of closing ``signed`` lots that cost ``cost``, at ``price``."""
    value = round_half_up(contract.value(Decimal(signed), price))
    return cost - value if contract.is_inverse else value - cost


def _open(
    state: FuturesState,
    contract: ContractRules,
    fill: FuturesFill,
    old: Position,
    lots: int,
) -> Position:
    """Add to a position, or open one, with the order's mode and leverage."""
    signed = fill.side.sign * lots
    hedge_side = {"long": 1, "short": -1}.get(fill.position_side.value)
    if hedge_side is not None and hedge_side != fill.side.sign:
        raise ValueError(
            f"a {fill.side} of {lots} lots cannot open {fill.key}: clip it first"
        )
    value = round_half_up(contract.value(Decimal(signed), fill.price))
    margin = ZERO
    if fill.mode is MarginMode.ISOLATED:
        margin = round_up(abs(value) / fill.leverage)
        earmark(state, fill.at, old, margin, intent_id=fill.intent_id)
    return replace(
        old,
        lots=Lots(old.lots + signed),
        entry_value=old.entry_value + value,
        mode=fill.mode,
        leverage=fill.leverage,
        margin=old.margin + margin,
    )


def earmark(  # noqa: PLR0913 - what one posting has to say
    state: FuturesState,
    at: datetime,
    position: Position,
    amount: Decimal,
    *,
    cause: Cause = Cause.MARGIN_MOVE,
    intent_id: str | None = None,
) -> None:
    """Earmark (positive) or give back (negative) isolated margin; moves no coins.

    Only the ledger changes; the caller keeps the position with its new margin.
    """
    if amount == 0:
        return
    posting = Posting(
        account=FUTURES,
        coin=state.contract(position.symbol).settle,
        amount=amount,
        bucket=Bucket.MARGIN,
        symbol=str(position.key),
    )
    state.ledger.book(
        at, cause, (posting,), intent_id=intent_id, symbol=position.symbol
    )


def _book(
    state: FuturesState, fill: FuturesFill, coin: str, cause: Cause, amount: Decimal
) -> None:
    """One change of the wallet for one cause; nothing when nothing moves."""
    if amount == 0:
        return
    posting = Posting(account=FUTURES, coin=coin, amount=amount)
    state.ledger.book(
        fill.at, cause, (posting,), intent_id=fill.intent_id, symbol=fill.symbol
    )


def _emit_filled(
    state: FuturesState, contract: ContractRules, fill: FuturesFill, fee: Decimal
) -> None:
    state.ledger.emit(
        Filled(
            at=fill.at,
            trade_id=fill.trade_id,
            order_id=fill.order_id,
            intent_id=fill.intent_id,
            account=FUTURES,
            symbol=fill.symbol,
            side=fill.side,
            qty=Decimal(fill.lots),
            price=fill.price,
            reference_price=fill.reference_price,
            fee=fee,
            fee_coin=contract.settle,
            is_maker=fill.is_maker,
            forced=fill.forced,
        )
    )
