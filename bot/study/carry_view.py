"""The carry study for a reader at a terminal: one line a year, then the sums.

It prints what the rows say and computes nothing but a percentage.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.study.carry import ASSUMPTIONS, CarryStudy

__all__ = ["carry_view"]

_POLICIES: Final = (
    *("gnomon", "always_on", "fixed_threshold", "idle"),
    *("clairvoyant", "clairvoyant_basis", "clairvoyant_loose"),
)
_PARTS: Final = ("price", "funding", "interest", "fees", "slippage")


def carry_view(study: CarryStudy) -> RenderableType:
    """The table, the sums and everything that is left out."""
    answer = study.answer()
    lines = [f"Scope: {study.scope.words}.", *_sums(_list(answer["summary"]))]
    lines += _skills(_list(answer["forecast"]))
    lines += [f"Assumed: {sentence}." for sentence in ASSUMPTIONS]
    lines += [f"Left out: {sentence}." for sentence in study.left_out]
    lines += [f"Failed: {sentence}" for sentence in study.failed]
    return Group(_table(study.rows), Text("\n".join(lines)))


def _list(value: object) -> Sequence[Mapping[str, object]]:
    return value if isinstance(value, list) else []


def _table(rows: Sequence[Mapping[str, object]]) -> Table:
    table = Table(title="Carry: net return on total capital, %")
    for name in ("market", "year", "days", "size", *_POLICIES):
        table.add_column(name)
    for name in ("drawdown", "max risk", "turnover", *_PARTS):
        table.add_column(name, justify="right")
    found: dict[tuple[str, ...], dict[str, Mapping[str, object]]] = {}
    for row in rows:
        key = (str(row["market"]), str(row["year"]), _size(row))
        found.setdefault(key, {})[str(row["policy"])] = row
    for (market, year, size), by in found.items():
        ours = by["gnomon"]
        pnl = ours["pnl"]
        parts = pnl if isinstance(pnl, Mapping) else {}
        table.add_row(
            *(market, year, f"{float(str(ours['days'])):.0f}", size),
            *(_percent(by[p]["net_return"]) if p in by else "-" for p in _POLICIES),
            _percent(ours["drawdown"]),
            f"{float(str(ours['max_risk'])):.2f}",
            f"{float(str(ours['turnover'])):.1f}",
            *(_percent(parts[name]) for name in _PARTS),
        )
    return table


def _size(row: Mapping[str, object]) -> str:
    legs = "derived" if row["derived"] else "recorded"
    capital = float(str(row["capital"])) / 1000
    reserve, borrow = row["reserve"], row["borrow_x"]
    return f"{capital:.0f}k r{reserve} b{borrow} {legs}"


def _percent(value: object) -> str:
    return "-" if value is None else f"{float(str(value)) * 100:.2f}"


def _sums(groups: Sequence[Mapping[str, object]]) -> list[str]:
    lines: list[str] = []
    for group in groups:
        pooled = group["pooled"]
        for name, each in (pooled if isinstance(pooled, Mapping) else {}).items():
            sums = ", ".join(
                f"{k} {_percent(v)}" for k, v in each["net_return"].items()
            )
            shares = ", ".join(
                f"{_percent(v)} % of {k}" for k, v in each["share"].items()
            )
            lines.append(
                f"Pooled {name.replace('_', ' ')}, {_size(group)}, {each['years']} "
                f"years: {sums}; ours is {shares}; worst year "
                f"{_percent(each['worst_year'])}."
            )
    return lines


def _skills(scores: Sequence[Mapping[str, object]]) -> list[str]:
    return [
        f"Forecast of the {each['horizon']}, {each['year']}: skill "
        f"{_percent(each.get('skill_vs_last'))} % against the last rate, "
        f"{_percent(each.get('skill_vs_mean'))} % against the mean."
        for each in scores
    ]
