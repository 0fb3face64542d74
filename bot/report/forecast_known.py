"""What a forecast of documents is told of the hours ahead, as drifts of subjects.

Borrow rates, the fundings of each contract, coins that will stop counting as
collateral, and windows in which nobody can act. Rates and fundings are taken from the
documents where nothing else is given. A settlement or a date that is over is left out
and named. Computes no probability.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import MarginMode, Position
from bot.domain.errors import UsageError
from bot.domain.events import FundingQuoted
from bot.domain.money import ZERO
from bot.guard.limits import GuardLimits
from bot.report.documents import Documents
from bot.report.futures_state import FuturesState, SettleState, futures_state
from bot.report.subject_terms import Subject
from bot.risk.coming_flows import settlements
from bot.risk.forecast import HORIZONS_H
from bot.risk.known_flows import HOURS_A_YEAR, funding_booked
from bot.risk.path_levels import Booked, Drift, Shifted
from bot.risk.terms import Terms
from connectors.kucoin.parse.contracts import Contract

__all__ = ["Funding", "Known", "Window", "drifts_of", "read_known"]

_HOUR: Final = timedelta(hours=1)
_LONGEST: Final = max(HORIZONS_H) * _HOUR
_UNMOVED: Final = "USDT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """The next settlement of a contract; a positive rate is paid by longs.

    The later ones follow by ``interval_h``; at 0 it is not known, and none is.
    """

    rate: Decimal
    settlement_at: datetime
    interval_h: Decimal = ZERO

    def quoted(self, symbol: str, at: datetime) -> FundingQuoted:
        """As the exchange would quote it."""
        return FundingQuoted(
            at=at,
            symbol=symbol,
            funding_rate=self.rate,
            settlement_at=self.settlement_at,
            funding_interval_h=self.interval_h,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A time in which no order and no transfer is taken."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that is known to come.

    ``rates`` by coin, a year; ``fundings`` by contract; ``delistings`` by coin, when
    it stops counting as collateral.
    """

    rates: Mapping[str, Decimal] = field(default_factory=dict)
    fundings: Mapping[str, Funding] = field(default_factory=dict)
    delistings: Mapping[str, datetime] = field(default_factory=dict)
    blackouts: tuple[Window, ...] = ()
    limits: GuardLimits | None = None
    """The guard's limits, where they are to be told."""


def read_known(documents: Documents, given: Known, at: datetime) -> Known:
    """What the documents say, with what was given over it."""
    listed = {} if documents.futures is None else documents.futures.contracts
    fundings = {
        symbol: Funding(
            rate=item.funding_rate,
            settlement_at=item.settlement_at,
            interval_h=item.funding_interval_h or ZERO,
        )
        for symbol, item in listed.items()
        if item.funding_rate is not None and item.settlement_at is not None
    }
    return Known(
        rates={**(documents.borrow_rates or {}), **given.rates},
        fundings={**fundings, **_with_intervals(given.fundings, listed)},
        delistings={**_leaving(given.limits, at), **given.delistings},
        blackouts=(*given.blackouts, *_announced(given.limits, at)),
        limits=given.limits,
    )


def _with_intervals(
    given: Mapping[str, Funding], listed: Mapping[str, Contract]
) -> dict[str, Funding]:
    """The settlements that were given, with the interval that the contract states."""
    found = dict(given)
    for symbol, funding in given.items():
        item = listed.get(symbol)
        if not funding.interval_h and item is not None:
            interval = item.funding_interval_h or ZERO
            found[symbol] = replace(funding, interval_h=interval)
    return found


def _announced(limits: GuardLimits | None, at: datetime) -> tuple[Window, ...]:
    """The blackouts of the settings that are not over."""
    listed = () if limits is None else limits.blackouts
    return tuple(
        Window(start=each.start, end=each.end) for each in listed if each.end > at
    )


def _leaving(limits: GuardLimits | None, at: datetime) -> dict[str, datetime]:
    """The delistings of the settings that are not over."""
    listed = () if limits is None else limits.delistings
    return {each.name: each.at for each in listed if each.at > at}


def drifts_of(
    documents: Documents, subjects: Sequence[Subject], known: Known, at: datetime
) -> dict[str, Drift]:
    """The drift of every subject that has terms.

    Args:
        documents: Positions and contracts, for the fundings.
        subjects: What can be liquidated.
        known: What is to come.
        at: Now.

    Raises:
        UsageError: A delisting or a blackout is over already.
    """
    _refuse_past(known, at)
    booked = dict(_booked(futures_state(documents.futures), known, at))
    found: dict[str, Drift] = {}
    for subject in subjects:
        if subject.terms is None:
            continue
        if subject.name.startswith("margin"):
            found[subject.name] = _margin_drift(subject.terms, known, at)
        else:
            found[subject.name] = Drift(booked=tuple(booked.get(subject.name, ())))
    return found


def _refuse_past(known: Known, at: datetime) -> None:
    for coin, when in known.delistings.items():
        if when <= at:
            raise UsageError(
                f"--delist {coin} is at {when.isoformat()}, which is not after "
                f"{at.isoformat()}; leave it out and give the coin's coefficient as 0."
            )
    for window in known.blackouts:
        if window.end <= at:
            raise UsageError(
                f"--blackout ends at {window.end.isoformat()}, which is not after "
                f"{at.isoformat()}; leave it out."
            )


def _margin_drift(terms: Terms, known: Known, at: datetime) -> Drift:
    """Interest on what is owed now, and the coins that will not count any more."""
    owed = {_UNMOVED: terms.requirement_constant, **terms.requirement}
    a_year = sum(
        debt * float(known.rates[coin])
        for coin, debt in owed.items()
        if coin in known.rates
    )
    shifts: list[Shifted] = []
    left = terms
    for coin, when in sorted(known.delistings.items(), key=lambda item: item[1]):
        if coin in left.margin:
            kept = {name: w for name, w in left.margin.items() if name != coin}
            left = replace(left, margin=kept)
            shifts.append(Shifted(after_h=(when - at) / _HOUR, terms=left))
    return Drift(requirement_per_h=a_year / HOURS_A_YEAR, shifts=tuple(shifts))


def _booked(
    state: FuturesState, known: Known, at: datetime
) -> Iterator[tuple[str, list[Booked]]]:
    """Every settlement of every position within the horizon, by subject."""
    for word, item in state.settles.items():
        cross = _of(state, list(item.account.positions), known, at)
        yield f"futures.{word}", cross
        yield from _isolated(state, item, known, at)


def _isolated(
    state: FuturesState, item: SettleState, known: Known, at: datetime
) -> Iterator[tuple[str, list[Booked]]]:
    for key, held in item.positions.items():
        if held.mode is MarginMode.ISOLATED:
            yield f"futures_isolated.{key}", _of(state, [held], known, at)


def _of(
    state: FuturesState, positions: Sequence[Position], known: Known, at: datetime
) -> list[Booked]:
    found = []
    for position in positions:
        rules, mark = state.rules.get(position.symbol), state.marks.get(position.symbol)
        funding = known.fundings.get(position.symbol)
        if rules is None or not mark or funding is None:
            continue
        quoted = funding.quoted(position.symbol, at)
        for when, rate in settlements(quoted, rules, at, at + _LONGEST):
            found.append(funding_booked(rules, position, mark, rate, when - at))
    return found
