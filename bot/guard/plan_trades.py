"""The cuts that a plan can choose from: each leg of the account, with its other leg.

A cut is one lever: when the exposure is one leg of a hedge, the same coins leave
both legs, so a plan cannot leave one alone. Bounds are those of a reduction under
every outcome of what has no answer. Nothing here chooses how much.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, AccountId, PositionKey, isolated_pair
from bot.domain.instruments import ContractRules, SpotRules
from bot.domain.intents import Intent, PlaceOrder
from bot.domain.money import ONE, ZERO, floor_to
from bot.domain.orders import Side
from bot.domain.records import changed
from bot.guard.depth import least_spot
from bot.guard.doubt import unsettled_qty
from bot.guard.legs import base_qty, closing_order, other_leg
from bot.guard.limits import GuardLimits
from bot.guard.plan_costs import DepthCurve, day_of_interest, depth_of, funding_earned
from bot.guard.plan_model import Atom, Lever, Lots, Piece, Rates, Stage, Total
from bot.guard.plan_rows import price_of
from bot.risk.measure import SubjectMeasure
from bot.shadow.project import pair_mark
from bot.shadow.state import Shadow

__all__ = ["trade_levers"]

_FEW = 1_000
"""Steps of an order under which rounding one of them up is worth a search."""
_FEWER = 65
"""Steps of an order under which each of them has a chord of its own."""

_EAGER: Final = 0.7
"""How much of its cost a trade is forgiven for leaving what cannot leave fast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leg:
    """One order of a cut, a unit of its quantity at a time; money in USDT."""

    order: PlaceOrder
    coins: float
    """Coins of one unit."""
    value: float
    fee_rate: float
    moves: Mapping[Atom, float]
    purse: Atom
    purse_price: float
    curve: DepthCurve
    earned: float = 0.0
    """What a day of it earns in funding, a fraction of its value."""
    saved: float = 0.0
    """What a day of the debt behind it costs, a fraction of its value."""
    basis: float = 0.0


def trade_levers(
    shadow: Shadow, measure: SubjectMeasure, limits: GuardLimits
) -> Iterator[Lever]:
    """Every cut of an account that can be traded, in a fixed order."""
    is_futures = measure.account == FUTURES
    orders = _futures_orders if is_futures else _margin_orders
    for order, coin, least in orders(shadow, measure):
        first = _leg(shadow, order, limits)
        if first is None:
            continue
        other = other_leg(shadow, order, coin)
        second = None if other is None else _leg(shadow, other, limits)
        yield _lever(shadow, coin, least, first, second)


def _margin_orders(
    shadow: Shadow, measure: SubjectMeasure
) -> Iterator[tuple[PlaceOrder, str, Decimal]]:
    account, pair = measure.account, isolated_pair(measure.account)
    for coin in sorted(measure.exposure_usdt):
        rules = shadow.rules.spot.get(pair or f"{coin}-USDT")
        if rules is None or rules.base != coin or rules.symbol in shadow.halted:
            continue
        least = least_spot(shadow, rules)
        whole = _whole(shadow, account, rules)
        if least is None or abs(whole) < least:
            continue
        order = PlaceOrder(
            account=account,
            symbol=rules.symbol,
            side=Side.SELL if whole > 0 else Side.BUY,
            qty=abs(whole),
            is_reduction=True,
        )
        yield order, coin, least


def _whole(shadow: Shadow, account: AccountId, rules: SpotRules) -> Decimal:
    """The net holding that may be traded away, signed, in whole steps."""
    balance = shadow.balance(account, rules.base)
    net = balance.total - balance.liability
    side = Side.SELL if net > 0 else Side.BUY
    most = abs(net) - unsettled_qty(shadow, account, rules.symbol, side)
    if net > 0:
        most = min(most, balance.available)
    qty = floor_to(max(min(most, rules.base_max), ZERO), rules.base_increment)
    return qty.copy_sign(net)


def _futures_orders(
    shadow: Shadow, measure: SubjectMeasure
) -> Iterator[tuple[PlaceOrder, str, Decimal]]:
    for key in sorted(shadow.positions):
        position = shadow.positions[key]
        contract = shadow.rules.contracts.get(key.symbol)
        mark = shadow.futures_marks.get(key.symbol, ZERO)
        if contract is None or mark <= 0 or key.symbol in shadow.halted:
            continue
        if not measure.holds(position, contract):
            continue
        side = Side.SELL if position.lots > 0 else Side.BUY
        held = abs(Decimal(position.lots))
        held -= unsettled_qty(shadow, FUTURES, key.symbol, side)
        lots = min(held, Decimal(contract.max_order_lots))
        lots = floor_to(max(lots, ZERO), Decimal(contract.lot_size))
        if lots > 0:
            order = closing_order(position, lots)
            yield order, contract.base, Decimal(contract.lot_size)


def _leg(shadow: Shadow, order: PlaceOrder, limits: GuardLimits) -> _Leg | None:
    if order.account == FUTURES:
        return _futures_leg(shadow, order, limits)
    return _spot_leg(shadow, order, limits)


def _spot_leg(shadow: Shadow, order: PlaceOrder, limits: GuardLimits) -> _Leg | None:
    rules = shadow.rules.spot[order.symbol]
    mark = pair_mark(shadow, order.symbol)
    dollars = price_of(shadow, rules.quote)
    if mark is None or mark <= 0 or dollars <= 0:
        return None
    rates = shadow.rules.spot_fee_rates.get(order.symbol, (ZERO, Decimal("0.002")))
    sign, price = float(order.side.sign), float(mark)
    owed = rules.base if order.side is Side.BUY else rules.quote
    has_debt = shadow.balance(order.account, owed).liability > 0
    return _Leg(
        order=order,
        coins=1.0,
        value=price * dollars,
        fee_rate=float(rates[1]),
        moves={
            Total(order.account, rules.base): sign,
            Total(order.account, rules.quote): -sign * price,
        },
        purse=Total(order.account, rules.quote),
        purse_price=dollars,
        curve=depth_of(shadow, order.symbol, limits),
        saved=day_of_interest(shadow, owed) if has_debt else 0.0,
    )


def _futures_leg(shadow: Shadow, order: PlaceOrder, limits: GuardLimits) -> _Leg | None:
    contract = shadow.rules.contracts[order.symbol]
    mark = shadow.futures_marks.get(order.symbol, ZERO)
    dollars = price_of(shadow, contract.settle)
    key = PositionKey(order.symbol, order.position_side)
    position = shadow.positions.get(key)
    if mark <= 0 or dollars <= 0 or position is None:
        return None
    unit = float(contract.value(ONE, mark))
    pnl = _profit_of_a_lot(contract, float(position.entry_value), position.lots, unit)
    return _Leg(
        order=order,
        coins=float(base_qty(shadow, replace(order, qty=ONE))),
        value=unit * dollars,
        fee_rate=float(contract.taker_fee_rate),
        moves={Lots(key): 1.0, Total(FUTURES, contract.settle): pnl},
        purse=Total(FUTURES, contract.settle),
        purse_price=dollars,
        curve=depth_of(shadow, order.symbol, limits),
        earned=funding_earned(shadow, order.symbol, Decimal(position.lots)),
        basis=_basis(shadow, contract, mark, order.side),
    )


def _profit_of_a_lot(
    contract: ContractRules, entry_value: float, lots: int, unit: float
) -> float:
    """What closing one lot at the mark books, in the settle currency."""
    side = 1.0 if lots > 0 else -1.0
    gain = side * unit - entry_value / abs(lots)
    return -gain if contract.is_inverse else gain


def _basis(shadow: Shadow, contract: ContractRules, mark: Decimal, side: Side) -> float:
    """What the basis takes from who closes now instead of when it is gone.

    A fraction of the value; a basis that pays is no gain to count on.
    """
    spot = shadow.margin_marks.get(contract.base)
    if spot is None or spot <= 0:
        return 0.0
    return max(float((mark - spot) / spot) * side.sign, 0.0)


def _lever(
    shadow: Shadow, coin: str, least: Decimal, first: _Leg, second: _Leg | None
) -> Lever:
    order = first.order
    ratio = _ratio(first, second)
    moves = dict(first.moves)
    if second is not None:
        for atom, moved in second.moves.items():
            moves[atom] = moves.get(atom, 0.0) + moved * ratio
    return Lever(
        name=order.symbol,
        stage=Stage.TRADE,
        most=order.qty,
        step=_step(shadow, order),
        least=least,
        moves=moves,
        pieces=tuple(_pieces(first, second, ratio, _steps(shadow, order))),
        intents=lambda qty: _orders(shadow, first, second, qty),
        says=_says(order, second),
        is_whole=order.qty < _FEW * _step(shadow, order),
        order=order,
        coin=coin,
    )


def _ratio(first: _Leg, second: _Leg | None) -> float:
    """Units of the second order that go with one of the first."""
    return 0.0 if second is None else float(second.order.qty) / float(first.order.qty)


def _step(shadow: Shadow, order: PlaceOrder) -> Decimal:
    if order.account == FUTURES:
        return Decimal(shadow.rules.contracts[order.symbol].lot_size)
    return shadow.rules.spot[order.symbol].base_increment


def _says(order: PlaceOrder, second: _Leg | None) -> str:
    word = "sell" if order.side is Side.SELL else "buy back"
    if second is None:
        return f"{word} {{amount}} of {order.symbol}"
    return f"{word} {{amount}} of {order.symbol} together with {second.order.symbol}"


def _orders(
    shadow: Shadow, first: _Leg, second: _Leg | None, qty: Decimal
) -> tuple[Intent, ...]:
    """Both orders of a cut; the second is rounded down, so it is never over-cut."""
    one = changed(first.order, qty=qty)
    if second is None:
        return (one,)
    share = min(qty / first.order.qty, ONE)
    other = floor_to(second.order.qty * share, _step(shadow, second.order))
    return (one, changed(second.order, qty=other)) if other > 0 else (one,)


def _steps(shadow: Shadow, order: PlaceOrder) -> list[float]:
    """Every whole step where there are few: there the chords are exact."""
    step = _step(shadow, order)
    count = int(order.qty / step)
    return [float(step * each) for each in range(1, count)] if count < _FEWER else []


def _pieces(
    first: _Leg, second: _Leg | None, ratio: float, steps: list[float]
) -> Iterator[Piece]:
    """Chords of both legs' depth, each as wide as the narrower one's."""
    legs = [(first, 1.0)] if second is None else [(first, 1.0), (second, ratio)]
    most = float(first.order.qty)
    ends = {
        end / (leg.coins * units)
        for leg, units in legs
        if units > 0
        for end in leg.curve.ends(most * leg.coins * units)
    }
    ends.update(steps)
    start = 0.0
    for end in sorted(ends):
        if end - start > most * 1e-9:
            yield _piece(legs, start, min(end, most), most)
            start = end


def _piece(
    legs: list[tuple[_Leg, float]], start: float, end: float, most: float
) -> Piece:
    """One chord of a trade of at most ``most`` units.

    What takes many minutes to leave is left while there is time: the delay that all
    of it would have is taken off, as far as ``_EAGER`` of the cost goes.
    """
    paid: dict[Atom, float] = {}
    fees = depth = basis = earned = saved = delay = 0.0
    for leg, units in legs:
        coins, value = leg.coins * units, leg.value * units
        cost = leg.curve.cost(end * coins) - leg.curve.cost(start * coins)
        share = cost / ((end - start) * coins)
        fees += leg.fee_rate * value
        depth += share * value
        lost = (leg.fee_rate + share) * value / leg.purse_price
        paid[leg.purse] = paid.get(leg.purse, 0.0) - lost
        basis += leg.basis * value if len(legs) > 1 else 0.0
        earned += leg.earned * value
        saved += leg.saved * value
        trapped = leg.curve.delay(most * coins)
        delay += (leg.curve.delay(start * coins) - trapped) * value
    rates = Rates(fees=fees, depth=depth, carry=max(earned - saved, 0.0), basis=basis)
    delay = max(delay, -_EAGER * rates.total)
    return Piece(width=end - start, rates=rates, paid=paid, delay=delay)
