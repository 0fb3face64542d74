"""A backtest for people: the figures that decide, then the years, then the limits.

Draws what ``bot/report/backtest.py`` added up; computes nothing.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

__all__ = ["backtest_view", "facts_of"]

_PARTS = ("price", "funding", "interest", "fees", "slippage", "liquidation")


def backtest_view(answer: Mapping[str, object]) -> RenderableType:
    """The last screen of a backtest."""
    facts = Table(box=None, show_header=False)
    for name, value in facts_of(answer):
        facts.add_row(name, value)
    return Group(Text(str(answer["title"]), style="bold"), facts, _years(answer))


def facts_of(answer: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Name and value of what a reader wants first, also for the HTML report."""
    capacity, other = _part(answer, "capacity"), _part(answer, "without_strategies")
    return (
        ("Capital", f"{_money(answer['equity_start'])} USDT, all accounts"),
        ("Net return", _share(answer["net_return"])),
        ("Without the strategies", _share(other.get("net_return"))),
        ("A year", _share(answer["annual_return"])),
        ("Deepest fall from a peak", _share(answer["drawdown"])),
        ("Traded over capital", _times(answer["turnover"])),
        ("Capital that the depth carries", _usdt(capacity.get("capital_by_depth"))),
        ("Capital at which nothing is left", _usdt(capacity.get("capital_by_return"))),
    )


def _years(answer: Mapping[str, object]) -> Table:
    table = Table(box=None, header_style="bold")
    for title in ("", "net", "drawdown", "turnover", *_PARTS):
        table.add_column(title, justify="left" if not title else "right")
    rows = answer["years"]
    years: Iterable[object] = rows if isinstance(rows, list) else ()
    for row in (*years, {**answer, "year": "all"}):
        if not isinstance(row, Mapping):
            continue
        parts = _part(row, "pnl")
        table.add_row(
            str(row["year"]),
            _share(row["net_return"]),
            _share(row["drawdown"]),
            _times(row["turnover"]),
            *(_money(parts.get(name)) for name in _PARTS),
        )
    return table


def _part(answer: Mapping[str, object], key: str) -> Mapping[str, object]:
    part = answer.get(key)
    return part if isinstance(part, Mapping) else {}


def _share(value: object) -> str:
    return "unknown" if value is None else f"{Decimal(str(value)) * 100:+.2f} %"


def _times(value: object) -> str:
    return "unknown" if value is None else f"{Decimal(str(value)):.2f} x"


def _money(value: object) -> str:
    return "unknown" if value is None else f"{Decimal(str(value)):,.2f}"


def _usdt(value: object) -> str:
    return "unknown" if value is None else f"{Decimal(str(value)):,.0f} USDT"
