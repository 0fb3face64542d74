"""What a plan may choose from, and what each choice is held to.

Every lever of an account under cure without those that are benched or lean on what
is not known; once without what takes from an account beyond the exchange's rules for
transfers, and once with it, held to those rules. Nothing here solves or decides.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, MAIN, SPOT, AccountId
from bot.guard.limits import GuardLimits, Thresholds
from bot.guard.plan_limits import cash_row, rows_of_sources, spare_of, wallet_row
from bot.guard.plan_model import Lever, Row, Total
from bot.guard.plan_money import money_levers
from bot.guard.plan_rows import kept_rows
from bot.guard.plan_trades import trade_levers
from bot.risk.measure import SubjectMeasure
from bot.risk.terms import Terms
from bot.shadow.state import Shadow

__all__ = ["Way", "choices", "kept", "levers_of"]

_SOON: Final = Decimal("0.8")
"""Debt over collateral up to which an account may be brought under its 60 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Levers with the rows that they are held to."""

    levers: tuple[Lever, ...]
    kept: tuple[Row, ...]

    def within(self, made: Mapping[str, Decimal]) -> "Way":
        """The same where some levers cannot do more than was made of them."""
        if not made:
            return self
        levers = (
            replace(each, most=min(made.get(each.name, each.most), each.most))
            for each in self.levers
        )
        usable = (each for each in levers if each.most >= max(each.least, each.step))
        return replace(self, levers=tuple(usable))


def choices(shadow: Shadow, levers: tuple[Lever, ...]) -> Iterator[tuple[Lever, ...]]:
    """All levers, and all but those that take from an account over its 60 %.

    To take anything from such an account, it first has to be brought under that: a
    rule for those who take, and for nobody else.
    """
    freely = tuple(
        each for each in levers if each.out_of is None or spare_of(shadow, each.out_of)
    )
    soon = tuple(
        each
        for each in levers
        if each.out_of is None or spare_of(shadow, each.out_of, _SOON)
    )
    if freely:
        yield freely
    if len(freely) < len(soon):
        yield soon


def levers_of(
    shadow: Shadow,
    measure: SubjectMeasure,
    limits: GuardLimits,
    left_out: frozenset[str],
    unknown: set[AccountId],
) -> Iterator[Lever]:
    """Everything that can be done, without what is benched or not to be judged."""
    trades = tuple(trade_levers(shadow, measure, limits))
    for lever in (*money_levers(shadow, measure), *trades):
        if lever.most <= 0 or lever.name in left_out or lever.most < lever.least:
            continue
        source = lever.out_of
        if source is not None and source in unknown:
            continue
        yield lever


def kept(
    shadow: Shadow,
    measure: SubjectMeasure,
    known: Sequence[Terms],
    thresholds: Mapping[str, Thresholds],
    levers: Sequence[Lever],
) -> Iterator[Row]:
    """What the other accounts keep, and what is there to be moved at all."""
    for terms in known:
        if terms.subject != measure.subject:
            yield from kept_rows(shadow, terms, thresholds[terms.subject])
    moved = {
        atom
        for lever in levers
        for atom in (*lever.moves, *(a for p in lever.pieces for a in p.paid))
        if isinstance(atom, Total)
    }
    for atom in sorted(moved):
        if atom.account not in {FUTURES, MAIN, SPOT}:
            yield cash_row(shadow, atom.account, atom.coin)
    sources = {lever.out_of for lever in levers if lever.out_of is not None}
    if FUTURES in sources:
        for coin in shadow.balances.get(FUTURES, {}):
            yield wallet_row(shadow, coin)
    yield from rows_of_sources(shadow, sources)
