"""One account at the prices of some scenarios: ratio, margin and requirement, exactly.

Cross futures are read into books once and measured at each set of marks; distances,
which nobody asks for here, are left out. Everything else is measured as it is at any
price. Nothing here draws scenarios or decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.money import ONE
from bot.risk.futures import FuturesNumbers
from bot.risk.futures import measure as measure_futures
from bot.risk.measure import SubjectMeasure, cross_shape, measure_subject
from bot.risk.stress_set import Scenario, moved
from bot.risk.subjects import CROSS_PREFIX, cross_settles
from bot.shadow.state import Shadow

__all__ = ["Stressed", "stressed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stressed:
    """An account in one scenario; None is not known, amounts in USDT.

    ``lacking_usdt`` is what the requirement is beyond the margin that may be used
    until the exchange liquidates; negative is what could leave.
    """

    ratio: Decimal | None
    liquidation: Decimal
    lacking_usdt: Decimal | None
    missing: tuple[str, ...] = ()

    @property
    def survives(self) -> bool:
        """Whether the exchange does not liquidate it; the unknown does not."""
        return self.ratio is not None and self.ratio < self.liquidation


def stressed(
    shadow: Shadow, subject: str, scenarios: Iterable[Scenario]
) -> list[Stressed | None]:
    """The account in each scenario; None where it has nothing to lose.

    Args:
        shadow: The account at the marks of now.
        subject: Its name.
        scenarios: Moves of the market.

    Example:
        1 BTC at 100 USDT, owing 80: a fall of a tenth leaves it under 97 %, of two
        not.

        >>> from bot.domain.accounts import MARGIN_CROSS, Balance
        >>> from bot.domain.instruments import Rules
        >>> from bot.risk.stress_set import uniform
        >>> from bot.shadow.state import empty_shadow
        >>> shadow = Shadow(
        ...     at=empty_shadow(Rules()).at, rules=Rules(),
        ...     balances={MARGIN_CROSS: {
        ...         "BTC": Balance(total=Decimal(1)),
        ...         "USDT": Balance(principal=Decimal(80)),
        ...     }},
        ...     margin_marks={"BTC": Decimal(100)},
        ... )
        >>> btc = frozenset({"BTC"})
        >>> falls = [uniform(btc, Decimal(by))[0] for by in ("0.1", "0.2")]
        >>> [each.survives for each in stressed(shadow, "margin_cross", falls)]
        [True, False]
    """
    if not subject.startswith(CROSS_PREFIX):
        return [
            _of(measure_subject(moved(shadow, each), subject)) for each in scenarios
        ]
    settle = subject.removeprefix(CROSS_PREFIX)
    if settle not in cross_settles(shadow):
        return [None for _ in scenarios]
    shape = cross_shape(shadow, settle)
    found: list[Stressed | None] = []
    for each in scenarios:
        then = moved(shadow, each)
        numbers = measure_futures(shape, then.futures_marks)
        price = then.margin_marks.get(settle, ONE if settle == "USDT" else None)
        found.append(_of_cross(numbers, price))
    return found


def _of(measure: SubjectMeasure | None) -> Stressed | None:
    if measure is None:
        return None
    need, margin = measure.requirement_usdt, measure.margin_usdt
    lacking: Decimal | None = None
    if need is not None and margin is not None:
        lacking = need / measure.liquidation - margin
    return Stressed(
        ratio=measure.ratio,
        liquidation=measure.liquidation,
        lacking_usdt=lacking,
        missing=measure.missing,
    )


def _of_cross(numbers: FuturesNumbers, price: Decimal | None) -> Stressed:
    parts = (
        numbers.maintenance_margin,
        numbers.order_maintenance_margin,
        numbers.closing_fee,
    )
    known = [each for each in parts if each is not None]
    lacking: Decimal | None = None
    if price is not None and price > 0 and len(known) == len(parts):
        total = numbers.total_margin
        lacking = None if total is None else (sum(known) - total) * price
    return Stressed(
        ratio=numbers.risk_rate,
        liquidation=ONE,
        lacking_usdt=lacking,
        missing=tuple(f"no {each.kind} of {each.name}" for each in numbers.missing),
    )
