"""Reductions by trade: which instrument, how much, and the other leg of a pair.

Candidates are ordered by how much of the adverse exposure they carry. Each cut
is sized to reach the target, capped by what a minute of the market can take,
by what is available, and by what is still a reduction when every request in
doubt was done. When the exposure is one leg of a hedge, the same amount of
coins leaves both legs. Nothing here sends or approves anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal

from bot.domain.accounts import FUTURES, Position, isolated_pair
from bot.domain.instruments import ContractRules, SpotRules
from bot.domain.intents import PlaceOrder, Proposal
from bot.domain.money import ZERO, floor_to, plain, round_up
from bot.domain.orders import Side
from bot.guard.depth import capped_order, least_spot
from bot.guard.doubt import unsettled_qty
from bot.guard.judge import Verdict
from bot.guard.legs import closing_order, most_tradable, with_other_leg
from bot.guard.limits import GuardLimits
from bot.guard.paydown import paid_down
from bot.guard.sizing import smallest_share
from bot.guard.state import GUARD, SubjectState
from bot.risk.measure import SubjectMeasure, measure_subject
from bot.shadow.project import project
from bot.shadow.state import Shadow

__all__ = ["Cut", "affordable", "cut_of", "reductions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One reduction: its leg in the endangered account first, then the hedge's."""

    instrument: str
    proposals: tuple[Proposal, ...]
    summary: str


def reductions(
    shadow: Shadow, verdict: Verdict, known: SubjectState, limits: GuardLimits
) -> Iterator[Cut]:
    """Cuts in the order in which they should be tried.

    A cut without proposals is one that waits for the market's depth to recover.
    """
    is_futures = verdict.measure.account == FUTURES
    orders = _futures_orders if is_futures else _margin_orders
    for order, coin in orders(shadow, verdict):
        yield cut_of(shadow, order, coin, verdict, known, limits)


def cut_of(  # noqa: PLR0913, PLR0917 - a cut is an order among all that limits it
    shadow: Shadow,
    order: PlaceOrder,
    coin: str,
    verdict: Verdict,
    known: SubjectState,
    limits: GuardLimits,
) -> Cut:
    """The chunk of an order that can go now, with its other leg.

    Without proposals where its depth has to recover first, or its cash is not there.
    """
    paid = affordable(shadow, order)
    if paid is None:
        return _paused(order)
    capped = capped_order(shadow, paid, known.cut_at, limits)
    legs = (
        None
        if capped is None
        else with_other_leg(shadow, capped, coin, known.cut_at, limits)
    )
    return _paused(order) if legs is None else _cut(*legs, coin, verdict)


def affordable(shadow: Shadow, order: PlaceOrder) -> PlaceOrder | None:
    """The order as far as its cash goes; None where that is less than can trade."""
    rules = shadow.rules.spot.get(order.symbol)
    if order.account == FUTURES or rules is None:
        return order
    most = most_tradable(shadow, order.account, rules, -order.side.sign)
    if order.qty <= most:
        return order
    least = least_spot(shadow, rules)
    qty = floor_to(most, rules.base_increment)
    if least is None or qty < least:
        return None
    return replace(order, qty=qty)


def _paused(order: PlaceOrder) -> Cut:
    return Cut(
        instrument=order.symbol,
        proposals=(),
        summary=f"{order.symbol} waits for the depth of its legs to recover",
    )


def _cut(
    order: PlaceOrder, other: PlaceOrder | None, coin: str, verdict: Verdict
) -> Cut:
    """The cut and, when its exposure is hedged elsewhere, the same cut there."""
    first = Proposal(
        owner=GUARD,
        intent=order,
        reason=f"{order.side} {plain(order.qty)} of {order.symbol}: {verdict.reason}",
    )
    if other is None:
        return Cut(instrument=order.symbol, proposals=(first,), summary=first.reason)
    second = Proposal(
        owner=GUARD,
        intent=other,
        reason=f"{other.side} {plain(other.qty)} of {other.symbol}: its other leg",
        pair=coin,
    )
    return Cut(
        instrument=order.symbol,
        proposals=(replace(first, pair=coin), second),
        summary=f"{first.reason}; {second.reason}",
    )


def _adverse_sign(measure: SubjectMeasure) -> int:
    """+1 when longs are the danger (the market would have to fall), -1 for shorts.

    Where no uniform move liquidates (a backstop acted), the larger net side is.
    """
    down, up = measure.down, measure.up
    if down is not None and (up is None or -down <= up):
        return 1
    if up is not None:
        return -1
    return 1 if sum(measure.exposure_usdt.values(), ZERO) >= 0 else -1


# -- margin accounts ------------------------------------------------------


def _margin_orders(
    shadow: Shadow, verdict: Verdict
) -> Iterator[tuple[PlaceOrder, str]]:
    measure = verdict.measure
    pair = isolated_pair(measure.account)
    sign = _adverse_sign(measure)
    ranked = sorted(
        measure.exposure_usdt.items(), key=lambda kv: (-(kv[1] * sign), kv[0])
    )
    for coin, value in ranked:
        rules = shadow.rules.spot.get(pair or f"{coin}-USDT")
        if rules is None or rules.base != coin or rules.symbol in shadow.halted:
            continue
        if value * sign <= 0:
            continue
        order = _margin_order(shadow, verdict, rules, sign)
        if order is not None:
            yield order, coin


def _margin_order(
    shadow: Shadow, verdict: Verdict, rules: SpotRules, sign: int
) -> PlaceOrder | None:
    """The smallest trade of a pair that cures, or as much as there is to trade."""
    account, subject = verdict.measure.account, verdict.measure.subject
    most = most_tradable(shadow, account, rules, sign)
    whole = floor_to(min(most, rules.base_max), rules.base_increment)
    least = least_spot(shadow, rules)
    if least is None or whole < least:
        return None

    def at_qty(qty: Decimal) -> PlaceOrder:
        return PlaceOrder(
            account=account,
            symbol=rules.symbol,
            side=Side.SELL if sign > 0 else Side.BUY,
            qty=qty,
            is_reduction=True,
        )

    def after(share: Decimal) -> SubjectMeasure | None:
        done = project(shadow, at_qty(most * share))
        return measure_subject(paid_down(shadow, done, account), subject)

    share = smallest_share(after, verdict.thresholds, verdict.measure)
    qty = max(round_up(most * share, rules.base_increment), least)
    return at_qty(whole if whole - qty < least else qty)


# -- futures --------------------------------------------------------------


def _futures_orders(
    shadow: Shadow, verdict: Verdict
) -> Iterator[tuple[PlaceOrder, str]]:
    measure = verdict.measure
    sign = _adverse_sign(measure)
    for position in _ranked_positions(shadow, measure, sign):
        contract = shadow.rules.contracts[position.symbol]
        if position.symbol in shadow.halted:
            continue
        order = _futures_order(shadow, verdict, position, contract)
        if order is not None:
            yield order, contract.base


def _ranked_positions(
    shadow: Shadow, measure: SubjectMeasure, sign: int
) -> list[Position]:
    """Positions on the endangered side by size; the other side after them.

    Every position costs maintenance margin, so cutting one on the other side
    helps too when nothing else is left.
    """
    found: list[tuple[Decimal, str, Position]] = []
    for key, position in shadow.positions.items():
        contract = shadow.rules.contracts.get(key.symbol)
        mark = shadow.futures_marks.get(key.symbol)
        if contract is None or mark is None or not measure.holds(position, contract):
            continue
        value = contract.value(Decimal(position.lots), mark) * sign
        found.append((-value, str(key), position))
    return [position for _, _, position in sorted(found, key=lambda f: f[:2])]


def _futures_order(
    shadow: Shadow, verdict: Verdict, position: Position, contract: ContractRules
) -> PlaceOrder | None:
    """The fewest lots of a position that cure, or as many as there are."""
    held = abs(Decimal(position.lots))
    side = Side.SELL if position.lots > 0 else Side.BUY
    held -= unsettled_qty(shadow, FUTURES, position.symbol, side)
    if held <= 0:
        return None

    def at_share(share: Decimal) -> PlaceOrder:
        lots = (held * share).to_integral_value(rounding=ROUND_CEILING)
        return closing_order(position, lots)

    known: dict[Decimal, SubjectMeasure | None] = {}

    def after(share: Decimal) -> SubjectMeasure | None:
        order = at_share(share)
        if order.qty not in known:
            done = project(shadow, order)
            known[order.qty] = measure_subject(done, verdict.measure.subject)
        return known[order.qty]

    share = smallest_share(after, verdict.thresholds, verdict.measure)
    step = Decimal(contract.lot_size)
    most = min(held, Decimal(contract.max_order_lots))
    return closing_order(position, min(round_up(held * share, step), most))
