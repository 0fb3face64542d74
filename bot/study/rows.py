"""One account on one market under every policy: the rows of the guard's study.

A job is replayed as often as it must be and no more: a guard that never acted is its
own unguarded twin, and a twin whose margin call never came is the rival's run too.
Where the untouched account survives, doing nothing is the clairvoyant's plan and
costs nothing; only where it is liquidated is the bound solved. Amounts and ratios
are text in plain notation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from bot.compose import Plan, plan_run
from bot.domain.market import Instrument
from bot.domain.money import ZERO, plain
from bot.settings import Settings
from bot.study.clairvoyant import Bound, bound
from bot.study.cost import carry, cost, false_alarms
from bot.study.holdings import holdings_of
from bot.study.markets import Part, Source, open_part
from bot.study.path import walk_market
from bot.study.program import Solved
from bot.study.replay import Outcome, play, with_losers_first, without_guard
from bot.study.shapes import Shape, Size, account_of
from bot.study.untouched import untouched_carry

__all__ = ["POLICIES", "Job", "Row", "plan_of", "rows_of"]

Row = dict[str, object]
"""One row of the table, as it is printed as JSON."""

POLICIES: Final = (
    "none",
    "losers_first",
    "gnomon",
    "clairvoyant",
    "clairvoyant_late",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one worker does at once: all policies of one account on one part."""

    source: Source
    part: Part
    shape: Shape
    size: Size
    settings: Settings
    seed: int = 1

    @property
    def title(self) -> str:
        """Its name for a progress line."""
        size = self.size
        return (
            f"{self.source.name} {self.part.name} {self.shape.name} {size.leverage}x "
            f"{plain(size.capital)} reserve {plain(size.reserve)} "
            f"borrow {plain(size.borrow_x)}x"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clairvoyant:
    """The bounds, and what the untouched account would have carried.

    ``kept`` moves nothing out of the margin account, ``late`` acts from the first
    mark inside the act distance.
    """

    full: Bound
    kept: Bound
    late: Bound
    untouched: Decimal


def plan_of(job: Job) -> Plan:
    """The guarded run of a job.

    Raises:
        UsageError: The market or its rules cannot hold the account.
    """
    market = open_part(job.source, job.part, job.shape.coins, job.size.borrow_x)
    return plan_run(
        world="replay",
        market=market,
        account=account_of(job.shape, job.size),
        settings=job.settings,
        seed=job.seed,
        has_strategies=False,
    )


def rows_of(job: Job) -> list[Row]:
    """Every policy's row of one job."""
    plan = plan_of(job)
    guarded = play(plan)
    twin = play(without_guard(plan)) if guarded.requests else guarded
    rival = play(with_losers_first(plan)) if twin.is_called else twin
    seen = _clairvoyant(plan, twin)
    base = _base(job, plan, seen)
    end = twin.equity_end
    rows = [
        _replayed(base, "none", twin, seen, end),
        _replayed(base, "losers_first", rival, seen, end),
        _replayed(base, "gnomon", guarded, seen, end)
        | _alarm_fields(guarded, twin, job.part),
        _bounded(base, "clairvoyant", seen.full, seen, end),
        _bounded(base, "clairvoyant_late", seen.late, seen, end),
    ]
    best = seen.full.equity_end
    if best is not None:
        for row in rows[:3]:
            ended = Decimal(str(row["equity_end"]))
            row["end_vs_clairvoyant"] = _text(ended - Decimal(repr(best)))
    return rows


def _clairvoyant(plan: Plan, twin: Outcome) -> _Clairvoyant:
    """The bounds; where the untouched account survives, doing nothing is the plan."""
    if not twin.liquidations:
        idle = Bound(
            status=Solved.OPTIMAL,
            cost=0.0,
            equity_end=float(twin.equity_end),
            instants=0,
        )
        return _Clairvoyant(
            full=idle, kept=idle, late=idle, untouched=carry(twin.parts)
        )
    walked, holdings = walk_market(plan), holdings_of(plan)
    full = bound(holdings, walked)
    kept = full
    if holdings.perps:
        kept = bound(holdings, walked, leaves_margin=False)
    late = replace(full, status=Solved.INFEASIBLE, cost=None, equity_end=None)
    if twin.act_at is not None:
        late = bound(holdings, walked, walked.row_at(twin.act_at))
    untouched = Decimal(repr(untouched_carry(holdings, walked)))
    return _Clairvoyant(full=full, kept=kept, late=late, untouched=untouched)


def _base(job: Job, plan: Plan, seen: _Clairvoyant) -> Row:
    """What all policies of a job share."""
    size, shape = job.size, job.shape
    held = [i for i in plan.market.description.instruments if i.coin in shape.coins]
    return {
        "market": job.source.name,
        "part": job.part.name,
        "shape": shape.name,
        "coins": list(shape.coins),
        "leverage": str(size.leverage),
        "capital": plain(size.capital),
        "reserve": plain(size.reserve),
        "borrow_x": plain(size.borrow_x),
        "resolution": _resolution(held),
        "derived": [*(n for i in held for n in i.derived), *_noted(shape)],
        "start": job.part.start.isoformat(),
        "end": job.part.end.isoformat(),
        "survivable": seen.late.survives,
        "clairvoyant_bound": _amount(seen.full.cost),
        "clairvoyant_bound_kept": _amount(seen.kept.cost),
    }


def _noted(shape: Shape) -> Sequence[str]:
    return [shape.note] if shape.note else []


def _resolution(held: Sequence[Instrument]) -> str:
    return ", ".join(sorted({i.resolution for i in held}))


def _replayed(
    base: Row, policy: str, run: Outcome, seen: _Clairvoyant, end: Decimal
) -> Row:
    spent = cost(run.parts, seen.untouched)
    return {
        **base,
        "policy": policy,
        "liquidations": run.liquidations,
        "equity_start": _text(run.equity_start),
        "equity_end": _text(run.equity_end),
        "cost": _text(spent),
        "cost_regret": _over(spent, seen.full, run),
        "cost_regret_kept": _over(spent, seen.kept, run),
        "cost_parts": {name: _text(value) for name, value in run.parts.items()},
        "end_vs_none": _text(run.equity_end - end),
        "end_vs_clairvoyant": None,
        "requests": run.requests,
        "instants": run.instants,
    }


def _over(spent: Decimal, floor: Bound, run: Outcome) -> str | None:
    """The cost over a bound, as a fraction of the starting equity."""
    if floor.cost is None:
        return None
    return _text((spent - Decimal(repr(floor.cost))) / run.equity_start)


def _bounded(
    base: Row, policy: str, found: Bound, seen: _Clairvoyant, end: Decimal
) -> Row:
    """A clairvoyant's row; it is a relaxation and labelled as one."""
    spent, floor = found.cost, seen.full.cost
    regret = None if spent is None or floor is None else spent - floor
    ended = found.equity_end
    return {
        **base,
        "policy": policy,
        "liquidations": 0 if found.survives else None,
        "equity_start": None,
        "equity_end": _amount(ended),
        "cost": _amount(spent),
        "cost_regret": (
            None
            if regret is None
            else _text(Decimal(repr(regret)) / Decimal(str(base["capital"])))
        ),
        "end_vs_none": (None if ended is None else _text(Decimal(repr(ended)) - end)),
        "relaxation": found.relaxation,
        "instants": found.instants,
    }


def _alarm_fields(guarded: Outcome, twin: Outcome, part: Part) -> Row:
    alarms = false_alarms(guarded, twin, part.span)
    return {
        "episodes": alarms.episodes,
        "false_alarms": alarms.false,
        "false_alarms_month": _text(alarms.per_month),
        "false_alarm_cost": _text(alarms.cost),
        "false_alarm_cost_month": _text(alarms.cost_per_month),
    }


def _amount(value: float | None) -> str | None:
    return None if value is None else _text(Decimal(repr(value)))


def _text(value: Decimal) -> str:
    """A number in plain notation, unrounded; a negative nothing is nothing.

    Example:
        >>> _text(Decimal("-0.0")), _text(Decimal("1E+5"))
        ('0', '100000')
    """
    return plain(value or ZERO)
