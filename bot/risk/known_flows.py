"""What is known to be paid soon whatever prices do: interest and the next funding.

Read out of the shadow for the forecast: borrow rates as they are quoted now, on what
is owed now, and the settlement that each contract announces, at its quoted rate.
What is not quoted is left out, never guessed. An estimate, in floats; no decision.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import AccountId, Position
from bot.domain.instruments import ContractRules
from bot.domain.money import ONE, ZERO
from bot.risk.measure import SubjectMeasure
from bot.risk.path_levels import Booked, Drift
from bot.shadow.state import Shadow

__all__ = ["HOURS_A_YEAR", "funding_booked", "known_flows"]

HOURS_A_YEAR: Final = 8_760
_HOUR: Final = timedelta(hours=1)


def known_flows(shadow: Shadow, measure: SubjectMeasure) -> Drift:
    """What is known to come for one account, from now.

    Args:
        shadow: Rates, quotes, marks and holdings.
        measure: Names the account.

    Example:
        Owing 8,760 USDT at 10 % a year.

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
        >>> known_flows(shadow, measure_subjects(shadow)[0]).requirement_per_h
        0.1
    """
    if measure.is_futures:
        return Drift(booked=_fundings(shadow, measure))
    return Drift(requirement_per_h=float(_interest_per_h(shadow, measure.account)))


def _interest_per_h(shadow: Shadow, account: AccountId) -> Decimal:
    """USDT an hour on all that is owed and has a rate and a price."""
    total = ZERO
    for coin, balance in shadow.balances.get(account, {}).items():
        quoted = shadow.borrow.get(coin)
        mark = shadow.margin_marks.get(coin, ONE if coin == "USDT" else ZERO)
        if quoted is not None:
            total += balance.principal * mark * quoted.annual_rate
    return total / HOURS_A_YEAR


def _fundings(shadow: Shadow, measure: SubjectMeasure) -> tuple[Booked, ...]:
    found: list[Booked] = []
    for position in shadow.positions.values():
        contract = shadow.rules.contracts.get(position.symbol)
        quoted = shadow.funding.get(position.symbol)
        mark = shadow.futures_marks.get(position.symbol)
        if contract is None or quoted is None or not mark:
            continue
        if measure.holds(position, contract) and quoted.settlement_at > shadow.at:
            rate, at = quoted.funding_rate, quoted.settlement_at
            found.append(funding_booked(contract, position, mark, rate, at - shadow.at))
    return tuple(found)


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
