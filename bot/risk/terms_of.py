"""Every endangered account as ``Terms``, at the marks of now.

The lines of ``bot.risk.lines`` are multiplied with the marks exactly and then become
floats. A subject with a missing input has no terms: it is named with the reason
instead, and nobody may take it for safe. Nothing here decides anything.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.money import ZERO
from bot.risk.lines import Leg, Line, lines_of, mark_of
from bot.risk.missing import Missing, MissingKind
from bot.risk.terms import Terms
from bot.shadow.state import Shadow

__all__ = ["AccountTerms", "terms_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTerms:
    """The subjects whose terms are known, and why the others have none.

    ``unknown`` is subject to sentences such as ``no price of BTC``.
    """

    known: tuple[Terms, ...] = ()
    unknown: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def terms_of(shadow: Shadow) -> AccountTerms:
    """The terms of every subject that ``measure_subjects`` lists, in its order.

    Margin accounts are in USDT, futures in their settle currency. An isolated
    position keeps the maintenance tier of now: a factor that leads into another is
    for ``Kernel.stress``.

    Example:
        1 BTC at 100 USDT, owing 80.

        >>> from bot.domain.accounts import MARGIN_CROSS, Balance
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import Shadow, empty_shadow
        >>> shadow = Shadow(
        ...     at=empty_shadow(Rules()).at, rules=Rules(),
        ...     balances={MARGIN_CROSS: {
        ...         "BTC": Balance(total=Decimal(1)),
        ...         "USDT": Balance(principal=Decimal(80)),
        ...     }},
        ...     margin_marks={"BTC": Decimal(100)},
        ... )
        >>> (terms,) = terms_of(shadow).known
        >>> terms.ratio({}), terms.margin, terms.requirement_constant
        (0.8, {'BTC': 100.0}, 80.0)
    """
    known: list[Terms] = []
    unknown: dict[str, tuple[str, ...]] = {}
    for line in lines_of(shadow):
        marks = [(leg, mark_of(shadow, leg.quote)) for leg in line.legs]
        gaps = [_gap(leg) for leg, mark in marks if mark is None]
        if not line.is_known or gaps or line.is_mixed:
            unknown[line.subject] = _reasons(line, (*line.missing, *gaps))
            continue
        known.append(_terms(line, [(leg, mark) for leg, mark in marks if mark]))
    return AccountTerms(known=tuple(known), unknown=unknown)


def _gap(leg: Leg) -> Missing:
    kind = MissingKind.MARK if leg.quote.is_futures else MissingKind.PRICE
    return Missing(kind, leg.quote.name)


def _reasons(line: Line, missing: Iterable[Missing]) -> tuple[str, ...]:
    said = tuple(f"no {each.kind} of {each.name}" for each in dict.fromkeys(missing))
    if said:
        return said
    if line.is_mixed:
        return (f"linear and inverse contracts are mixed in {line.subject}",)
    return (f"no lots in {line.subject}",)


def _terms(line: Line, marked: Iterable[tuple[Leg, Decimal]]) -> Terms:
    requirement: dict[str, Decimal] = {}
    margin: dict[str, Decimal] = {}
    constants = [line.requirement, line.margin]
    for leg, mark in marked:
        values = (_required(line, leg, mark), leg.value(leg.margin or ZERO, mark))
        for side, weights in enumerate((requirement, margin)):
            if not leg.is_moved:
                constants[side] += values[side]
            elif values[side]:
                weights[leg.coin] = weights.get(leg.coin, ZERO) + values[side]
    return Terms(
        subject=line.subject,
        warning=float(line.warning),
        liquidation=float(line.liquidation),
        requirement_constant=float(constants[0]),
        requirement={coin: float(w) for coin, w in requirement.items()},
        margin_constant=float(constants[1]),
        margin={coin: float(w) for coin, w in margin.items()},
        is_inverse=line.is_inverse,
    )


def _required(line: Line, leg: Leg, mark: Decimal) -> Decimal:
    value = leg.value(leg.requirement or ZERO, mark)
    return value if line.ladder is None else value * line.ladder.rate_at(value)
