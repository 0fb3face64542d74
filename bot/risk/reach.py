"""How far the market has to move until an endangered account reaches a level.

``measure`` gives the distance to liquidation; this gives the distance to any
level of the same ratio, such as the exchange's warning or the guard's backstop,
with the same exact formulas. It decides nothing.
"""

from decimal import Decimal

from bot.domain.money import ONE
from bot.risk.distance import (
    PEGGED_COINS,
    Distance,
    MarginTerms,
    futures_distance,
    margin_distance,
)
from bot.risk.isolated import isolated_numbers, isolated_shape
from bot.risk.measure import SubjectMeasure, cross_shape, margin_rules
from bot.risk.missing import Missing, MissingKind
from bot.shadow.state import Shadow

__all__ = ["reach"]


def reach(shadow: Shadow, measure: SubjectMeasure, level: Decimal) -> Distance:
    """The uniform moves at which the ratio of a subject gets to ``level``.

    Args:
        shadow: The account and the market now.
        measure: The subject as it was measured on this shadow.
        level: A debt ratio or risk rate, a fraction.

    Returns:
        The nearest fall and rise, signed fractions; both are 0 when it is there.
    """
    if measure.position is not None:
        return _isolated(shadow, measure, level)
    marks = shadow.futures_marks
    if measure.settle is not None:
        return futures_distance(cross_shape(shadow, measure.settle), marks, level)
    rules = margin_rules(shadow, measure.account)
    prices = shadow.margin_marks
    if "USDT" not in prices:
        prices = {**prices, "USDT": ONE}
    terms = MarginTerms(prices=prices, coefficients=rules.coefficients, level=level)
    balances = shadow.balances.get(measure.account, {})
    return margin_distance(balances, terms, unmoved=PEGGED_COINS)


def _isolated(shadow: Shadow, measure: SubjectMeasure, level: Decimal) -> Distance:
    """The same for one isolated position, at the maintenance rate of its tier."""
    position = None if measure.position is None else measure.position
    held = None if position is None else shadow.positions.get(position)
    if held is None:
        return Distance(down=None, up=None)
    contract = shadow.rules.contracts.get(held.symbol)
    mark = shadow.futures_marks.get(held.symbol)
    if contract is None or mark is None:
        kind = MissingKind.CONTRACT if contract is None else MissingKind.MARK
        return Distance(down=None, up=None, missing=(Missing(kind, held.symbol),))
    numbers = isolated_numbers(contract, held, mark)
    rate = None if numbers is None else numbers.maintenance_margin_rate
    shape = isolated_shape(contract, held, rate)
    return futures_distance(shape, shadow.futures_marks, level)
