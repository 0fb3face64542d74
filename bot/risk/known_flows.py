"""What is known to be paid soon whatever prices do, as the forecast takes it.

The charges of ``bot.risk.coming_flows`` at the marks of now: the interest of every
full hour and every funding settlement within the horizon, as bookings on a subject's
path. An estimate, in floats; no decision.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from bot.domain.accounts import Position
from bot.domain.instruments import ContractRules
from bot.domain.money import ONE
from bot.risk.coming_flows import Flow, coming_fundings, coming_interest
from bot.risk.measure import SubjectMeasure
from bot.risk.path_levels import Booked, Drift
from bot.shadow.state import Shadow

__all__ = ["HOURS_A_YEAR", "funding_booked", "known_flows"]

HOURS_A_YEAR: Final = 8_760
_HOUR: Final = timedelta(hours=1)
_NONE: Final[Mapping[str, datetime]] = MappingProxyType({})


def known_flows(
    shadow: Shadow,
    measure: SubjectMeasure,
    hours: int,
    leaving: Mapping[str, datetime] = _NONE,
) -> Drift:
    """What is known to come for one account, from now.

    Args:
        shadow: Rates, quotes, marks and holdings.
        measure: Names the account.
        hours: How far the forecast looks.
        leaving: Coins and contracts that are delisted, and when: a position is
            settled then, and no funding follows.

    Example:
        Owing 8,760 USDT at 10 % a year, looked at for two hours.

        >>> from bot.domain.accounts import MARGIN_CROSS, Balance
        >>> from bot.domain.events import BorrowRateQuoted
        >>> from bot.domain.instruments import Rules
        >>> from bot.risk.measure import measure_subjects
        >>> from bot.shadow.state import empty_shadow
        >>> at = empty_shadow(Rules()).at
        >>> shadow = Shadow(at=at, rules=Rules(), margin_marks={"BTC": Decimal(10_000)},
        ...     balances={MARGIN_CROSS: {"BTC": Balance(total=Decimal(1)),
        ...         "USDT": Balance(principal=Decimal(8_760))}},
        ...     borrow={"USDT": BorrowRateQuoted(
        ...         at=at, coin="USDT", annual_rate=Decimal("0.1"))})
        >>> known = known_flows(shadow, measure_subjects(shadow)[0], 2)
        >>> [round(each.requirement, 4) for each in known.booked]
        [0.1, 0.1]
    """
    until = shadow.at + hours * _HOUR
    if measure.is_futures:
        flows = _fundings(shadow, measure, until, leaving)
        return Drift(
            booked=tuple(
                Booked(
                    after_h=(flow.at - shadow.at) / _HOUR, margin=-float(flow.amount)
                )
                for flow in sorted(flows, key=lambda each: each.at)
            )
        )
    due: defaultdict[datetime, Decimal] = defaultdict(Decimal)
    for flow in coming_interest(shadow, measure.account, until):
        mark = shadow.margin_marks.get(flow.coin, ONE if flow.coin == "USDT" else None)
        if mark is not None:
            due[flow.at] += flow.amount * mark
    return Drift(
        booked=tuple(
            Booked(after_h=(at - shadow.at) / _HOUR, requirement=float(amount))
            for at, amount in sorted(due.items())
        )
    )


def _fundings(
    shadow: Shadow,
    measure: SubjectMeasure,
    until: datetime,
    leaving: Mapping[str, datetime],
) -> Iterable[Flow]:
    for position in shadow.positions.values():
        contract = shadow.rules.contracts.get(position.symbol)
        if contract is not None and measure.holds(position, contract):
            ends = (leaving.get(position.symbol), leaving.get(contract.base), until)
            last = min(each for each in ends if each is not None)
            yield from coming_fundings(shadow, position, contract, last)


def funding_booked(
    contract: ContractRules,
    position: Position,
    mark: Decimal,
    rate: Decimal,
    ahead: timedelta,
) -> Booked:
    """One settlement at the mark of now, in the settle currency.

    Longs pay a positive rate, shorts receive it.
    """
    paid = contract.value(Decimal(position.lots), mark) * rate
    return Booked(after_h=ahead / _HOUR, margin=-float(paid))
