"""What KuCoin does when a futures account runs out: cancel, cut, take over.

Theory of operation (futures-and-unified.md 2.8, 3.3; readings of ours are marked *).
Cross, per settle currency: at risk rate 0.95 every order is cancelled, reduce-only
ones too*. At 1 the largest position above 600,000 USDT is halved* at the market, with
impact and the taker fee, and again until the rate is under 1 or nothing is that large.
If the rate is still 1, every cross position is taken over at its bankruptcy price:
the price at which the margin that is left, shared by value, pays exactly for the loss
and the fee*. A cut whose price would be worse than bankruptcy is not made; all goes*.
Isolated: at margin rate 1 a position in the first tier is taken over at its bankruptcy
price; a larger one is cut to the next lower tier's limit, all or nothing, and judged
again; if that fails the whole position goes. A market that has jumped beyond
bankruptcy closes at mark and the insurance fund pays what is missing: afterwards no
wallet is negative. All of it happens within one instant.

This module never judges an order and must not import the product's formulas.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Final

from bot.domain.accounts import FUTURES, MarginMode, Position, PositionKey
from bot.domain.events import AccountStatus, Cause, Posting
from bot.domain.instruments import ContractRules
from bot.domain.money import LEDGER_QUANTUM, ONE, ZERO, floor_to, round_up
from bot.domain.orders import Side
from connectors.venue.book import impact_price, in_lots
from connectors.venue.futures_fills import apply_fill, trade_fee
from connectors.venue.futures_risk import (
    LIQUIDATION_FEE_RATE,
    cross_margin,
    isolated_margin_rate,
    position_value,
    risk_rate,
    taker_rate,
    tier_of,
    tier_value,
    unrealised_pnl,
)
from connectors.venue.futures_state import FuturesFill, FuturesState

__all__ = [
    "PARTIAL_ABOVE_USDT",
    "Announce",
    "absorb_overdraft",
    "bankruptcy_price",
    "liquidate_cross",
    "liquidate_isolated",
]

PARTIAL_ABOVE_USDT: Final = Decimal(600000)
"""Positions worth more than this are cut in part first (KuCoin help 35233217061785)."""

_PRICE_DIGITS: Final = 12

Announce = Callable[[AccountStatus, Decimal | None], None]
"""Tells the owner what the venue does, with the rate if it is a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """A forced trade of part or all of a position."""

    lots: int
    price: Decimal
    fee: Decimal


def bankruptcy_price(
    contract: ContractRules, position: Position, mark: Decimal, loss: Decimal
) -> Decimal:
    """The price at which a position loses ``loss`` more than at ``mark``.

    Rounded to 12 digits in favour of the user (a long sells higher, a short buys
    lower), so that a wallet is not left short of a rounding; no loss is the mark.

    Args:
        contract: The rules of the contract.
        position: Not flat.
        mark: The mark price, quote units a coin.
        loss: Positive: the position ends below its value at mark; settle currency.

    Example:
        >>> from bot.domain.instruments import Lots
        >>> from connectors.venue.examples import XBTUSDTM
        >>> long = Position(symbol="XBTUSDTM", lots=Lots(100),
        ...                 entry_value=Decimal(5000))
        >>> bankruptcy_price(XBTUSDTM, long, Decimal(50000), Decimal(100))
        Decimal('49000')
    """
    if loss == 0:
        return mark
    lots = Decimal(position.lots)
    value = contract.value(lots, mark)
    if contract.is_inverse:
        raw = lots * contract.multiplier / (value + loss)
    else:
        raw = (value - loss) / (lots * contract.multiplier)
    rounding = ROUND_CEILING if position.lots > 0 else ROUND_FLOOR
    return Context(prec=_PRICE_DIGITS, rounding=rounding).plus(raw)


def liquidate_cross(
    state: FuturesState, at: datetime, settle: str, announce: Announce
) -> None:
    """Cut and take over until the risk rate is under 1 or nothing is left.

    The caller has cancelled the orders and has seen the rate at 1 or beyond.
    """
    announce(AccountStatus.LIQUIDATING, risk_rate(state, settle))
    while _is_over(risk_rate(state, settle)):
        if not _cut_largest(state, at, settle):
            _take_over_all(state, at, settle, announce)
            return


def _is_over(rate: Decimal | None) -> bool:
    return rate is None or rate >= 1


def _cut_largest(state: FuturesState, at: datetime, settle: str) -> bool:
    """Halve the largest position above the limit; False when none can be cut."""
    held = state.held(settle, MarginMode.CROSS)
    largest = max(held, key=lambda p: (position_value(state, p), p.key), default=None)
    if largest is None or cross_margin(state, settle) <= 0:
        return False
    in_usdt = position_value(state, largest) * _usdt_rate(state, settle)
    if in_usdt <= PARTIAL_ABOVE_USDT:
        return False
    limits = _bankruptcy_prices(state, settle)
    lots = -(-abs(largest.lots) // 2)
    cut = _market_cut(state, largest, lots, limits[largest.key])
    if cut is None:
        return False
    _force(state, at, largest, cut)
    return True


def _usdt_rate(state: FuturesState, settle: str) -> Decimal:
    """USDT a unit of the settle currency; a dollar coin without a mark counts as 1."""
    return state.coin_marks.get(settle, ONE)


def _market_cut(
    state: FuturesState, position: Position, lots: int, limit: Decimal
) -> _Cut | None:
    """Sell (or buy) at the market with impact; None when worse than ``limit``."""
    contract = state.contract(position.symbol)
    mark = state.mark(position.symbol)
    depth = in_lots(contract, state.depth(position.symbol), mark)
    side = Side.SELL if position.lots > 0 else Side.BUY
    raw = impact_price(mark, depth, side, Decimal(lots))
    step = contract.tick_size
    price = round_up(raw, step) if side is Side.BUY else floor_to(raw, step)
    if price <= 0 or (price - limit) * side.sign > 0:
        return None
    value = contract.value(Decimal(lots), price)
    return _Cut(lots=lots, price=price, fee=trade_fee(contract, value, is_maker=False))


def _spare(amount: Decimal, trades: int = 1) -> Decimal:
    """What may be lost of ``amount``: a quantum a trade is left for its rounding."""
    return max(ZERO, floor_to(amount, LEDGER_QUANTUM) - trades * LEDGER_QUANTUM)


def _closing_fees(state: FuturesState, settle: str) -> dict[PositionKey, Decimal]:
    """The fee of closing each cross position at mark, never more than there is."""
    held = state.held(settle, MarginMode.CROSS)
    left = _spare(cross_margin(state, settle), len(held))
    fees = {}
    for position in held:
        rate = taker_rate(state.contract(position.symbol))
        fees[position.key] = min(left, round_up(position_value(state, position) * rate))
        left -= fees[position.key]
    return fees


def _bankruptcy_prices(state: FuturesState, settle: str) -> dict[PositionKey, Decimal]:
    """Where each cross position goes bankrupt when all share what is left.

    What is left is C less the closing fees of all, shared by value at mark (the
    ``AMR`` of 2.7). Nothing left: the mark itself.
    """
    held = state.held(settle, MarginMode.CROSS)
    fees = sum(_closing_fees(state, settle).values(), ZERO)
    left = _spare(cross_margin(state, settle) - fees, len(held))
    total = sum((position_value(state, p) for p in held), ZERO)
    return {
        p.key: bankruptcy_price(
            state.contract(p.symbol),
            p,
            state.mark(p.symbol),
            floor_to(left * position_value(state, p) / total, LEDGER_QUANTUM),
        )
        for p in held
    }


def _take_over_all(
    state: FuturesState, at: datetime, settle: str, announce: Announce
) -> None:
    """Every cross position goes at its bankruptcy price, or at a mark beyond it."""
    prices = _bankruptcy_prices(state, settle)
    fees = _closing_fees(state, settle)
    is_bankrupt = cross_margin(state, settle) < 0
    for position in state.held(settle, MarginMode.CROSS):
        key = position.key
        cut = _Cut(lots=abs(position.lots), price=prices[key], fee=fees[key])
        _force(state, at, position, cut)
    if is_bankrupt:
        announce(AccountStatus.BANKRUPT, None)
    _insure(state, at, settle, state.isolated_margin(settle) - state.wallet(settle))
    announce(AccountStatus.LIQUIDATED, None)


def absorb_overdraft(
    state: FuturesState, at: datetime, settle: str, announce: Announce
) -> None:
    """Pay a negative wallet that nothing open stands against.

    A position closed beyond bankruptcy before the venue could take it over leaves
    one. With anything open the wallet may be negative: the margin decides then.
    """
    if any(state.held(settle, mode) for mode in MarginMode):
        return
    announce(AccountStatus.BANKRUPT, None)
    _insure(state, at, settle, -state.wallet(settle))


def _insure(state: FuturesState, at: datetime, coin: str, amount: Decimal) -> None:
    """The insurance fund pays what the account cannot, if anything is missing."""
    if amount <= 0:
        return
    posting = Posting(account=FUTURES, coin=coin, amount=amount)
    state.ledger.book(at, Cause.INSURANCE, (posting,))


def liquidate_isolated(
    state: FuturesState, at: datetime, key: PositionKey, announce: Announce
) -> None:
    """Cut a position down the tiers, or take it over, until its rate is under 1.

    The caller has seen its margin rate at 1 or beyond.
    """
    first = state.positions[key]
    announce(AccountStatus.LIQUIDATING, isolated_margin_rate(state, first))
    while key in state.positions:
        position = state.positions[key]
        if not _is_over(isolated_margin_rate(state, position)):
            return
        cut = _ladder_cut(state, position)
        if cut is None:
            _take_over_isolated(state, at, position, announce)
            return
        _force(state, at, position, cut)


def _ladder_cut(state: FuturesState, position: Position) -> _Cut | None:
    """The cut to the next lower tier's limit; None in the first, or if it fails."""
    contract = state.contract(position.symbol)
    value = tier_value(state, position)
    number = tier_of(contract, value)
    if number == 0 or not contract.tiers:
        return None
    lower = contract.tiers[-1 if number is None else number - 1].max_notional
    lot = value / abs(position.lots)
    lots = abs(position.lots) - int(lower / lot)
    margin = position.margin + unrealised_pnl(state, position)
    if margin <= 0 or lots >= abs(position.lots):
        return None
    limit = _isolated_price(state, position, ZERO)
    return _market_cut(state, position, lots, limit)


def _isolated_price(state: FuturesState, position: Position, fee: Decimal) -> Decimal:
    """Bankruptcy of an isolated position after ``fee``, or a mark beyond it."""
    contract = state.contract(position.symbol)
    mark = state.mark(position.symbol)
    left = _spare(position.margin + unrealised_pnl(state, position) - fee)
    return bankruptcy_price(contract, position, mark, left)


def _take_over_isolated(
    state: FuturesState, at: datetime, position: Position, announce: Announce
) -> None:
    """The whole position and its margin go; the wallet pays nothing beyond it."""
    settle = state.contract(position.symbol).settle
    before = state.wallet(settle)
    left = position.margin + unrealised_pnl(state, position)
    full_fee = round_up(position_value(state, position) * LIQUIDATION_FEE_RATE)
    fee = min(full_fee, _spare(left))
    price = _isolated_price(state, position, fee)
    _force(state, at, position, _Cut(lots=abs(position.lots), price=price, fee=fee))
    if left < 0:
        announce(AccountStatus.BANKRUPT, None)
    _insure(state, at, settle, before - position.margin - state.wallet(settle))
    announce(AccountStatus.LIQUIDATED, None)


def _force(state: FuturesState, at: datetime, position: Position, cut: _Cut) -> None:
    """Book a trade that the venue makes in the user's name."""
    apply_fill(
        state,
        FuturesFill(
            at=at,
            trade_id=state.ledger.next_id("liquidation-trade"),
            order_id=state.ledger.next_id("liquidation-order"),
            intent_id=None,
            symbol=position.symbol,
            side=Side.SELL if position.lots > 0 else Side.BUY,
            lots=cut.lots,
            price=cut.price,
            reference_price=state.mark(position.symbol),
            mode=position.mode,
            position_side=position.side,
            leverage=position.leverage,
            forced="liquidation",
            fee=cut.fee,
        ),
    )
