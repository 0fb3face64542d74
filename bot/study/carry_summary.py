"""What the rows of the carry study add up to, and where a claim is missed.

A calendar year counts once: from the market that covers most days of it. Years are
pooled by adding their net returns on total capital; a share is ours over the
clairvoyant's, without our gains from prices where it has none. Where the clairvoyant
earns under 3 % in a year a share says little, so the year is reported in points.
Stretches under four weeks are in the rows only.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.study.carry_bound import Bound
from bot.study.carry_scores import Score, skill_of

__all__ = ["forecast_summary", "summary_of"]

_DAYS_LEAST: Final = 28.0
_POINTS_UNDER: Final = 0.03
_SAMPLE_UNTIL: Final = 2021
_OURS: Final = "gnomon"
_OTHERS: Final = ("always_on", "fixed_threshold", "idle")
_SIZE: Final = ("capital", "reserve", "borrow_x", "derived")

Row = Mapping[str, object]
Year = Mapping[str, Row]
"""The rows of one market's year by policy."""


def summary_of(rows: Sequence[Row]) -> list[dict[str, object]]:
    """One object for each size and kind of legs, in the order of the rows."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(str(row[name]) for name in _SIZE), []).append(row)
    return [_group(found) for found in groups.values()]


def _group(rows: Sequence[Row]) -> dict[str, object]:
    years = _years(rows)
    pooled = {
        "all": list(years),
        "out_of_sample": [year for year in years if year > _SAMPLE_UNTIL],
    }
    return {
        **{name: rows[0][name] for name in _SIZE},
        "years": [_year(year, found) for year, found in years.items()],
        "pooled": {
            name: _pool([years[year] for year in chosen])
            for name, chosen in pooled.items()
        },
        "worst_risk": str(max((_number(r.get("max_risk")) or 0.0) for r in _ours(rows)))
        if _ours(rows)
        else None,
    }


def _ours(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["policy"] == _OURS]


def _years(rows: Sequence[Row]) -> dict[int, Year]:
    """Each calendar year from the market that covers most of it, in order."""
    found: dict[int, dict[str, dict[str, Row]]] = {}
    for row in rows:
        if float(str(row["days"])) >= _DAYS_LEAST:
            markets = found.setdefault(int(str(row["year"])), {})
            markets.setdefault(str(row["market"]), {})[str(row["policy"])] = row
    return {year: max(found[year].values(), key=_days) for year in sorted(found)}


def _days(year: Year) -> float:
    return float(str(year[_OURS]["days"]))


def _year(year: int, found: Year) -> dict[str, object]:
    ours, best = _carry(found), _net(found, Bound.CARRY)
    is_small = best is None or best * 365 / _days(found) < _POINTS_UNDER
    return {
        "year": year,
        "market": found[_OURS]["market"],
        "days": found[_OURS]["days"],
        "net_return": {name: row["net_return"] for name, row in found.items()},
        "share": None if is_small else _ratio(ours, best),
        "points_behind": None if best is None or ours is None else str(best - ours),
        "drawdown": found[_OURS]["drawdown"],
        "max_risk": found[_OURS]["max_risk"],
        "turnover": found[_OURS]["turnover"],
    }


def _pool(years: Sequence[Year]) -> dict[str, object]:
    sums = {
        name: _sum(years, name) for name in (_OURS, *_OTHERS, *(b.value for b in Bound))
    }
    ours = sums[_OURS]
    carry = sum(value for year in years if (value := _carry(year)) is not None)
    return {
        "years": len(years),
        "net_return": {k: None if v is None else str(v) for k, v in sums.items()},
        "net_carry": str(carry),
        "share": {
            b.value: _ratio(carry if b is Bound.CARRY else ours, sums[b.value])
            for b in Bound
        },
        "is_above": {
            name: ours is not None
            and (other := sums[name]) is not None
            and ours > other
            for name in _OTHERS
        },
        "worst_year": None
        if not years
        else str(min(_net(year, _OURS) or 0.0 for year in years)),
    }


def _sum(years: Sequence[Year], policy: str) -> float | None:
    """None when a year lacks it: a part is never taken for the whole."""
    values = [_net(year, policy) for year in years]
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _net(year: Year, policy: str) -> float | None:
    return _number(year[policy]["net_return"]) if policy in year else None


def _carry(year: Year) -> float | None:
    """Our net return without what prices brought: funding less interest and costs."""
    net, parts = _net(year, _OURS), year[_OURS].get("pnl")
    if net is None or not isinstance(parts, Mapping):
        return None
    return net - (_number(parts["price"]) or 0.0)


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


def _ratio(ours: float | None, best: float | None) -> str | None:
    return str(ours / best) if ours is not None and best and best > 0 else None


def forecast_summary(
    scored: Sequence[tuple[int, bool, Sequence[tuple[str, Score]]]],
) -> list[dict[str, object]]:
    """Skill by year and horizon over all markets, and in and out of sample."""
    sums: dict[tuple[str, str], Score] = {}
    for year, _, scores in scored:
        sample = "chosen on" if year <= _SAMPLE_UNTIL else "out of sample"
        for horizon, score in scores:
            for name in (str(year), sample):
                total = sums.setdefault((name, horizon), dict.fromkeys(score, 0.0))
                for key, value in score.items():
                    total[key] += value
    return [
        {
            "year": name,
            "horizon": horizon,
            **{k: None if v is None else str(v) for k, v in skill_of(score).items()},
        }
        for (name, horizon), score in sorted(sums.items())
    ]
