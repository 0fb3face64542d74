"""The study of betas for a reader at a terminal: a line a book, then the sums.

It prints what the rows say and computes nothing.
"""

from collections.abc import Mapping
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.study.beta import BetaStudy

__all__ = ["beta_view"]

_COLUMNS: Final = (
    *("market", "portfolio", "policy", "regime", "windows"),
    *("residual_beta_median", "residual_beta_p90", "standard_error_median"),
    *("variance_reduction", "turnover_30d", "cost_30d"),
)
_SUMS: Final = (
    *("windows", "cells", "residual_beta_median", "residual_beta_median_error"),
    *("residual_beta_p90", "residual_beta_p90_error", "variance_reduction"),
    *("turnover_30d", "cost_30d", "meets_median", "meets_p90", "meets_variance"),
)


def beta_view(study: BetaStudy) -> RenderableType:
    """The table, the sums and everything that is left out."""
    lines = [f"Scope: {study.scope.words}."]
    lines += [f"Left out: {sentence}." for sentence in study.left_out]
    lines += [f"Failed: {sentence}" for sentence in study.failed]
    rows = _table("What is left of the beta after hedging", _COLUMNS)
    for row in study.rows:
        if row["regime"] == "all":
            rows.add_row(*(_cell(row.get(name)) for name in _COLUMNS))
    return Group(rows, _sums(study), Text("\n".join(lines)))


def _sums(study: BetaStudy) -> Table:
    table = _table("Pooled", ("part", "regime", "policy", *_SUMS))
    for part, regimes in study.summary.items():
        if part == "targets" or not isinstance(regimes, Mapping):
            continue
        for regime, policies in regimes.items():
            for policy, figures in policies.items():
                cells = (_cell(figures.get(name)) for name in _SUMS)
                table.add_row(part, regime, policy, *cells)
    return table


def _table(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=title)
    for name in columns:
        table.add_column(name.replace("_", " "))
    return table


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)
