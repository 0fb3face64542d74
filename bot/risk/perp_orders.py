"""One order that brings a perpetual towards a wanted size, as a strategy may ask it.

A reduction first goes down to flat and is stopped by nothing; what opens is asked only
where the trade costs little beside a day's move, and as large as the free margin
carries and admission has room for. Both are cut to what the depth gives one order.
Nothing here decides how much is wanted.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, MarginMode
from bot.domain.instruments import ContractRules
from bot.domain.intents import PlaceOrder, intent_coin
from bot.domain.orders import Side
from bot.domain.room import Legs, RoomAsked
from bot.domain.strategy import View
from bot.risk.betas import BetaModel, volatility
from bot.risk.hedging import HedgePolicy
from bot.risk.pairs import contract_symbol
from bot.risk.sizing import depth_cap, fill_rate

__all__ = ["PerpTerms", "held_lots", "is_free", "perp_order"]

_GUARD: Final = "guard"
_PAUSE: Final = timedelta(seconds=60)
"""How long a contract rests after an order was refused or fell short."""
_LEAST_PART: Final = Decimal("0.1")
"""A part of the wanted order that is smaller is not worth an order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpTerms:
    """What an opening may cost, how a day's move is measured, and at which leverage."""

    policy: HedgePolicy
    model: BetaModel
    leverage: Decimal


def held_lots(view: View, contract: ContractRules) -> Decimal:
    """The signed lots of a contract's position, zero when flat."""
    position = view.position(contract.symbol)
    return Decimal(0 if position is None else position.lots)


def is_free(view: View, owner: str, symbol: str) -> bool:
    """Whether nothing on a contract is halted, resting after a setback or under way."""
    flying = (*view.in_flight(owner), *view.in_flight(_GUARD))
    if symbol in {intent_coin(each.intent) for each in flying}:
        return False
    setback = view.setback(owner, symbol)
    if setback is not None and not setback.was_lost and view.at - setback.at < _PAUSE:
        return False
    return not view.is_halted(symbol)


def perp_order(
    view: View, contract: ContractRules, lots: Decimal, terms: PerpTerms
) -> PlaceOrder | None:
    """The order for signed lots; None where none is worth it or can be carried.

    Where the position stands on the other side it is first closed: what is beyond flat
    is for the next asking.
    """
    held, position = held_lots(view, contract), view.position(contract.symbol)
    reduces = held * lots < 0
    if reduces:
        lots = max(lots, -held) if lots < 0 else min(lots, -held)
    qty = _capped(view, contract, abs(lots))
    if not lots or not (reduces or _is_worth(view, contract, qty, terms)):
        return None
    order = PlaceOrder(
        account=FUTURES,
        symbol=contract.symbol,
        side=Side.BUY if lots > 0 else Side.SELL,
        qty=qty,
        reduce_only=reduces,
        is_reduction=reduces,
        margin_mode=MarginMode.CROSS if position is None else position.mode,
        leverage=min(terms.leverage, contract.max_leverage),
    )
    if reduces:
        return order
    carried = min(view.affordable_lots(order), _room(view, contract, order))
    return replace(order, qty=carried) if carried >= qty * _LEAST_PART else None


def _room(view: View, contract: ContractRules, order: PlaceOrder) -> Decimal:
    """The lots that admission has room for, at most the order's own."""
    mark = view.futures_mark(contract.symbol)
    if mark is None or contract.symbol != contract_symbol(contract.base):
        return order.qty
    room = view.room(
        RoomAsked(
            coin=contract.base,
            direction=order.side.sign,
            account=FUTURES,
            legs=Legs.PERP,
            leverage=order.leverage,
            most_usdt=contract.value(order.qty, mark),
        )
    )
    return order.qty if room is None else min(room.perp_lots, order.qty)


def _capped(view: View, contract: ContractRules, lots: Decimal) -> Decimal:
    """Lots cut to what the depth gives one order; one step at least."""
    cap = depth_cap(view.liquidity(contract.symbol), lots * contract.multiplier)
    step = Decimal(contract.lot_size)
    most = (cap / contract.multiplier // step) * step
    return min(lots, max(most, step), Decimal(contract.max_order_lots))


def _is_worth(
    view: View, contract: ContractRules, lots: Decimal, terms: PerpTerms
) -> bool:
    """Whether an opening costs little beside a day's move; unknown is no."""
    symbol = contract.symbol
    fees = view.fee_rates(symbol)
    depth = fill_rate(view.liquidity(symbol), lots * contract.multiplier)
    if fees is None or depth is None or view.is_frozen(FUTURES, symbol):
        return False
    hourly = volatility(view.returns(contract.base), terms.model)
    return terms.policy.is_worth(fees[1] + depth, hourly)
