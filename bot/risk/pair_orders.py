"""The requests that build, mend and take down a hedged pair, sized to the rules.

Each function answers "what would do this", or nothing where the exchange's rules
leave no such order; whether it may be done now is the caller's question. Sizes are
such that both legs meet on their common grid. Whole legs are closed whole: a sale
takes all that is there, a purchase of a debt rounds up so that no dust is owed.
"""

from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, MarginMode
from bot.domain.intents import Borrow, Intent, PlaceOrder, Repay
from bot.domain.money import LEDGER_QUANTUM, ONE, ZERO, floor_to, round_up
from bot.domain.orders import Side
from bot.domain.room import RoomAsked
from bot.domain.strategy import View
from bot.risk.pairs import Pair, futures_room, margin_room, trip_rates
from bot.risk.sizing import depth_cap, nearest_lots, pair_step, spot_qty

__all__ = [
    "borrow_coins",
    "complete_gap",
    "enter_leg",
    "is_covered",
    "is_reduction",
    "leave_leg",
    "repay_idle",
    "sell_idle",
    "unwind_gap",
    "within_room",
]

_LOAN_SLACK: Final = Decimal("1.5")
"""A least loan this many times what is wanted is not taken."""
_FUNDS_SLACK: Final = Decimal("1.01")


def is_reduction(intent: Intent) -> bool:
    """Whether an intent of a pair claims to lower risk only."""
    if isinstance(intent, PlaceOrder):
        return intent.is_reduction
    return isinstance(intent, Repay)


def is_covered(view: View, pair: Pair, intent: Intent, share: Decimal) -> bool:
    """Whether the accounts have the means for new risk; unknown is no.

    Args:
        view: The shadow.
        pair: The pair that the intent belongs to.
        intent: A loan, or an order of either leg.
        share: What must lie behind each USDT of notional, a fraction.
    """
    if pair.mark is None or pair.futures_mark is None:
        return False
    match intent:
        case Borrow(amount=amount):
            rooms = (margin_room(view, pair.account, share), futures_room(view, share))
            return all(
                room is not None and amount * pair.mark <= room for room in rooms
            )
        case PlaceOrder(account=account, qty=qty) if account == FUTURES:
            room = futures_room(view, share)
            value = pair.contract.value(qty, pair.futures_mark)
            return room is not None and value <= room
        case PlaceOrder(side=Side.BUY, qty=qty):
            rate = trip_rates(view, pair, qty)[0]
            usdt = view.balance(pair.account, "USDT").available
            return qty * pair.mark * (ONE + rate) * _FUNDS_SLACK <= usdt
        case _:
            return isinstance(intent, PlaceOrder)


def within_room(
    view: View, pair: Pair, direction: int, coins: Decimal, leverage: Decimal
) -> Decimal:
    """Coins of a new chunk cut to the room that admission has for both its legs.

    Zero for less than half of them: a pair is not built of crumbs. Uncut where nobody
    sizes; admission decides in any case.
    """
    if pair.mark is None:
        return ZERO
    room = view.room(
        RoomAsked(
            coin=pair.coin,
            direction=direction,
            account=pair.account,
            leverage=leverage,
            most_usdt=coins * pair.mark,
        )
    )
    if room is None:
        return coins
    return room.coins if room.coins * 2 >= coins else ZERO


def enter_leg(
    view: View, pair: Pair, direction: int, coins: Decimal, leverage: Decimal
) -> tuple[Intent, ...]:
    """The first leg of a chunk of at most ``coins``, in either order of the legs.

    Returns:
        Long (+1): the spot purchase and the perpetual sale, of which the caller
        sends one. Short (-1): the loan alone. Empty when the chunk is too small.
    """
    qty = floor_to(coins, pair_step(pair.spot, pair.contract))
    if qty <= 0 or spot_qty(pair.spot, qty, pair.mark) != qty:
        return ()
    perp = _perp(pair, Side.SELL if direction > 0 else Side.BUY, qty, leverage)
    if perp.qty * pair.contract.multiplier != qty:
        return ()
    if direction > 0:
        return (_spot(pair, Side.BUY, qty, reduces=False), perp)
    return borrow_coins(view, pair, qty)


def borrow_coins(view: View, pair: Pair, qty: Decimal) -> tuple[Intent, ...]:
    """A loan of ``qty`` coins or a little more, by the coin's unit and least loan."""
    rules = view.rules.margin_coins.get(pair.coin)
    if rules is None or not rules.borrow_enabled or qty <= 0:
        return ()
    unit = rules.borrow_unit or rules.quantum
    amount = round_up(max(qty, rules.borrow_min or ZERO), unit)
    lent = view.borrow_rate(pair.coin)
    if lent is None or (lent.available is not None and lent.available < amount):
        return ()
    most = rules.borrow_max
    if most is not None and amount + pair.balance.liability > most:
        return ()
    if amount > qty * _LOAN_SLACK:
        return ()
    return (Borrow(account=pair.account, coin=pair.coin, amount=amount),)


def sell_idle(pair: Pair, most: Decimal) -> tuple[Intent, ...]:
    """Sell borrowed coins that lie there, at most ``most`` of them."""
    step = pair_step(pair.spot, pair.contract)
    qty = floor_to(min(pair.idle_loan, most), step)
    if qty <= 0 or spot_qty(pair.spot, qty, pair.mark) != qty:
        return ()
    return (_spot(pair, Side.SELL, qty, reduces=False),)


def repay_idle(pair: Pair) -> tuple[Intent, ...]:
    """Repay what is owed from what lies there; never more than is owed."""
    amount = floor_to(pair.idle_loan, LEDGER_QUANTUM)
    if amount <= 0:
        return ()
    return (Repay(account=pair.account, coin=pair.coin, amount=amount),)


def complete_gap(
    view: View, pair: Pair, most: Decimal, leverage: Decimal
) -> tuple[Intent, ...]:
    """Raise the smaller leg by the gap, at most ``most`` coins: new risk."""
    if pair.spot_qty * pair.perp_qty > 0 or not pair.direction:
        return ()
    need = min(abs(pair.gap), most)
    if abs(pair.spot_qty) > abs(pair.perp_qty):
        side = Side.SELL if pair.gap > 0 else Side.BUY
        return _some(_perp(pair, side, need, leverage))
    if pair.gap < 0:
        qty = spot_qty(pair.spot, need, pair.mark)
        return _some(_spot(pair, Side.BUY, qty, reduces=False))
    return sell_idle(pair, need) or borrow_coins(view, pair, need)


def unwind_gap(view: View, pair: Pair) -> tuple[Intent, ...]:
    """Lower the larger leg by the gap, as far as one order's depth goes.

    Legs of the same sign are no hedge: the perpetual is closed first.
    """
    gap = abs(pair.gap)
    if pair.spot_qty * pair.perp_qty > 0:
        return _reduce_perp(view, pair, abs(pair.perp_qty))
    if abs(pair.perp_qty) >= abs(pair.spot_qty):
        return _reduce_perp(view, pair, gap)
    return _reduce_spot(view, pair, gap)


def leave_leg(
    view: View, pair: Pair, chunk: Decimal, *, spot_first: bool
) -> tuple[Intent, ...]:
    """The first leg out, a chunk; the last two are halves, so that no rest is tiny.

    All at once only where a part of it is less than the exchange takes.
    """
    whole, left = max(abs(pair.spot_qty), abs(pair.perp_qty)), pair.hedged
    part = left / 2 if left - chunk < chunk / 2 else chunk
    qty = floor_to(part, pair_step(pair.spot, pair.contract))
    if left <= chunk or qty <= 0:
        qty = whole
    return _leave(view, pair, qty, spot_first=spot_first) or _leave(
        view, pair, whole, spot_first=spot_first
    )


def _leave(
    view: View, pair: Pair, qty: Decimal, *, spot_first: bool
) -> tuple[Intent, ...]:
    if spot_first:
        return _reduce_spot(view, pair, min(qty, abs(pair.spot_qty)))
    return _reduce_perp(view, pair, min(qty, abs(pair.perp_qty)))


def _reduce_perp(view: View, pair: Pair, coins: Decimal) -> tuple[Intent, ...]:
    """Close lots of the perpetual, reduce-only, never more than there are."""
    capped = depth_cap(view.liquidity(pair.contract.symbol), coins)
    least = Decimal(pair.contract.lot_size)
    lots = min(max(nearest_lots(pair.contract, capped), least), abs(pair.lots))
    lots = min(lots, Decimal(pair.contract.max_order_lots))
    side = Side.SELL if pair.lots > 0 else Side.BUY
    return _some(
        PlaceOrder(
            account=FUTURES,
            symbol=pair.contract.symbol,
            side=side,
            qty=lots,
            reduce_only=True,
            margin_mode=_mode(pair),
            is_reduction=True,
        )
    )


def _reduce_spot(view: View, pair: Pair, coins: Decimal) -> tuple[Intent, ...]:
    """Sell coins that are owned, or buy back coins that are owed."""
    capped = depth_cap(view.liquidity(pair.spot.symbol), coins)
    is_last = capped == coins and coins >= abs(pair.spot_qty)
    rules, mark = pair.spot, pair.mark
    if pair.spot_qty > 0:
        qty = spot_qty(rules, min(capped, pair.balance.available), mark)
        if not qty:
            qty = spot_qty(rules, min(coins, pair.balance.available), mark)
        return _some(_spot(pair, Side.SELL, qty, reduces=True))
    qty = spot_qty(rules, capped, mark, rounds_up=is_last)
    if not qty:
        qty = spot_qty(rules, coins, mark, rounds_up=is_last)
    return _some(_spot(pair, Side.BUY, _payable(view, pair, qty), reduces=True))


def _payable(view: View, pair: Pair, qty: Decimal) -> Decimal:
    """As many of ``qty`` as the account's USDT buy, fee and slippage allowed for."""
    if pair.mark is None:
        return qty
    usdt = view.balance(pair.account, "USDT").available
    most = max(usdt, ZERO) / (pair.mark * _FUNDS_SLACK)
    return qty if qty <= most else spot_qty(pair.spot, most, pair.mark)


def _spot(pair: Pair, side: Side, qty: Decimal, *, reduces: bool) -> PlaceOrder:
    return PlaceOrder(
        account=pair.account,
        symbol=pair.spot.symbol,
        side=side,
        qty=qty,
        is_reduction=reduces,
    )


def _perp(pair: Pair, side: Side, coins: Decimal, leverage: Decimal) -> PlaceOrder:
    """An order that adds to the perpetual, to the nearest lot."""
    lots = nearest_lots(pair.contract, coins)
    most = Decimal(pair.contract.max_order_lots)
    return PlaceOrder(
        account=FUTURES,
        symbol=pair.contract.symbol,
        side=side,
        qty=min(lots, most),
        margin_mode=_mode(pair),
        leverage=min(leverage, pair.contract.max_leverage),
    )


def _mode(pair: Pair) -> MarginMode:
    return MarginMode.CROSS if pair.position is None else pair.position.mode


def _some(order: PlaceOrder) -> tuple[Intent, ...]:
    return (order,) if order.qty > 0 else ()
