"""One job of the carry study: a year of a market under every policy, as rows.

A row is what DESIGN section 8 calls for and what it adds up to. ``net_return`` is the
gain over the stretch as a fraction of *total* capital, reserve included; ``annual``
the same for a year of 365 days, not compounded. Numbers are text in plain notation.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.money import plain
from bot.study.carry_bound import Bound, CarryBound, carry_bound
from bot.study.carry_data import CarryData, carry_data
from bot.study.carry_policies import POLICIES
from bot.study.carry_replay import CarrySize, Replayed, replay_carry
from bot.study.carry_scores import Score, score_forecasts
from bot.study.markets import Source
from connectors.markets.hourly_market import HourlyMarket, open_hourly

__all__ = ["CarryJob", "CarryMade", "CarryScope", "Row", "carry_jobs", "carry_rows"]

Row = dict[str, object]

_DAYS_LEAST: Final = 1.0
_YEAR_DAYS: Final = 365.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryScope:
    """Which sizes are replayed and which bounds are solved."""

    capitals: tuple[float, ...]
    reserves: tuple[float, ...]
    borrow_xs: tuple[float, ...]
    bounds: tuple[Bound, ...]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryJob:
    """One calendar year of one market; ``is_derived`` takes zero-basis coins too."""

    source: Source
    year: int
    is_derived: bool
    scope: CarryScope

    @property
    def title(self) -> str:
        """For progress and sentences."""
        legs = "with derived legs" if self.is_derived else "recorded legs"
        return f"{self.source.name} {self.year}, {legs}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryMade:
    """What a job made; ``left_out`` says why there is nothing."""

    rows: tuple[Row, ...] = ()
    scores: tuple[tuple[str, Score], ...] = ()
    left_out: str | None = None


def carry_jobs(source: Source, scope: CarryScope) -> tuple[CarryJob, ...]:
    """The jobs of a market: each year, with its recorded coins and with all.

    Raises:
        UsageError: The market cannot be read.
    """
    market = _opened(source)
    funded = [each for each in market.coins if len(each.rates)]
    kinds = [False] if any(not each.is_zero_basis for each in funded) else []
    kinds += [True] if any(each.is_zero_basis for each in funded) else []
    first, last = market.market.description.start, market.market.description.end
    return tuple(
        CarryJob(source=source, year=year, is_derived=kind, scope=scope)
        for year in range(first.year, last.year + 1)
        for kind in kinds
    )


def carry_rows(job: CarryJob) -> CarryMade:
    """Replay and solve one job.

    Raises:
        UsageError: The market cannot be read.
    """
    market = _opened(job.source)
    data = carry_data(market, job.year, is_derived=job.is_derived)
    if not data.coins or len(data.at_s) < 2 or data.days < _DAYS_LEAST:  # noqa: PLR2004 - a step has two ends
        return CarryMade(left_out=f"{job.title}: less than a day with funding")
    scope = job.scope
    rows: list[Row] = []
    for borrow_x in scope.borrow_xs:
        bounds = {
            kind: carry_bound(data, CarrySize(borrow_x=borrow_x), kind)
            for kind in scope.bounds
        }
        for capital in scope.capitals:
            for reserve in scope.reserves:
                size = CarrySize(capital=capital, reserve=reserve, borrow_x=borrow_x)
                for name, policy in POLICIES.items():
                    found = replay_carry(data, policy, size)
                    rows.append(_row(job, data, size, name, found))
                for kind, bound in bounds.items():
                    rows.append(_bound_row(_head(job, data, size, kind), size, bound))
    scores = score_forecasts(market, data)
    return CarryMade(rows=tuple(rows), scores=tuple(scores.items()))


def _opened(source: Source) -> HourlyMarket:
    if source.path is None:
        raise ValueError(f"{source.name} is no recorded market")
    return open_hourly(source.path)


def _row(
    job: CarryJob, data: CarryData, size: CarrySize, name: str, found: Replayed
) -> Row:
    net = found.equity[-1] / size.capital - 1
    parts = {key: _text(usdt / size.capital) for key, usdt in found.parts.items()}
    return {
        **_head(job, data, size, name),
        **_returns(net, data.days),
        "drawdown": _text(found.drawdown),
        "max_risk": _text(min(found.max_risk, 1.0)),
        "liquidations": found.liquidations,
        "turnover": _text(found.traded / size.capital),
        "pnl": parts,
    }


def _bound_row(head: Row, size: CarrySize, bound: CarryBound) -> Row:
    """A bound on total capital: the reserve earns nothing."""
    share = 1 - size.reserve
    net = None if bound.gain is None else bound.gain * share
    high, worst = 1.0, 0.0
    for value in bound.curve:
        equity = size.reserve + share * value
        high = max(high, equity)
        worst = max(worst, 1 - equity / high)
    return {
        **head,
        **_returns(net, float(str(head["days"]))),
        "drawdown": None if net is None else _text(worst),
        "max_risk": None,
        "is_bound": True,
    }


def _head(job: CarryJob, data: CarryData, size: CarrySize, policy: str) -> Row:
    return {
        "market": job.source.name,
        "year": job.year,
        "policy": str(policy),
        "capital": _text(size.capital),
        "reserve": _text(size.reserve),
        "borrow_x": _text(size.borrow_x),
        "derived": job.is_derived,
        "days": _text(data.days),
        "coins": [each.coin for each in data.coins],
    }


def _returns(net: float | None, days: float) -> Row:
    if net is None:
        return {"net_return": None, "annual": None}
    return {"net_return": _text(net), "annual": _text(net * _YEAR_DAYS / days)}


def _text(number: float) -> str:
    """A float in plain notation, all digits that it has.

    Example:
        >>> _text(1e-07), _text(100000.0), _text(-0.0)
        ('0.0000001', '100000', '0')
    """
    return plain(Decimal(repr(number + 0.0)).normalize())
