"""The guard's study for a reader at a terminal: one line an account, then the sums.

It prints what the rows say and computes nothing but a percentage.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.study.guard import Study
from bot.study.rows import Row
from bot.study.summary import label

__all__ = ["study_view"]

_REPLAYED: Final = ("none", "losers_first", "gnomon")


def study_view(study: Study) -> RenderableType:
    """The table, the summary and everything that is left out."""
    lines = [f"Scope: {study.scope.words}.", *_sums(study)]
    lines += [f"Left out: {sentence}." for sentence in study.left_out]
    lines += [f"Failed: {sentence}" for sentence in study.failed]
    return Group(_table(study.rows), Text("\n".join(lines)))


def _table(rows: Sequence[Row]) -> Table:
    table = Table(title="The guard beside nobody, losers first and a clairvoyant")
    for name in ("account", "resolution"):
        table.add_column(name)
    for name in (
        "liquidations none/losers/gnomon",
        "survivable",
        "end none",
        "end losers",
        "end gnomon",
        "cost none",
        "cost losers",
        "cost gnomon",
        "bound",
        "regret gnomon",
        "false/episodes",
    ):
        table.add_column(name, justify="right")
    for policies in _accounts(rows):
        table.add_row(*_cells(policies))
    return table


def _accounts(rows: Sequence[Row]) -> list[Mapping[str, Row]]:
    """The rows of each account by policy, in their order."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        found.setdefault(label(row), {})[str(row["policy"])] = row
    return list(found.values())


def _cells(policies: Mapping[str, Row]) -> list[str]:
    three = [policies[name] for name in _REPLAYED]
    guarded = policies["gnomon"]
    survivable = {True: "yes", False: "no", None: "unknown"}
    regret = guarded["cost_regret"]
    return [
        label(guarded),
        str(guarded["resolution"]),
        "/".join(str(row["liquidations"]) for row in three),
        survivable[_flag(guarded["survivable"])],
        *(_money(row["equity_end"]) for row in three),
        *(_money(row["cost"]) for row in three),
        _money(guarded["clairvoyant_bound"]),
        "-" if regret is None else f"{Decimal(str(regret)) * 100:.2f} %",
        f"{guarded['false_alarms']}/{guarded['episodes']}",
    ]


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _money(value: object) -> str:
    return "-" if value is None else f"{Decimal(str(value)):,.0f}"


def _sums(study: Study) -> list[str]:
    summary = study.answer()["summary"]
    if not isinstance(summary, Mapping):
        return []
    policies = summary["policies"]
    lines = [
        (
            f"{summary['accounts']} accounts, {summary['endangered']} of which are "
            "liquidated if nobody acts."
        )
    ]
    for name in _REPLAYED:
        one = policies[name]
        lines.append(
            f"{name}: {one['liquidated_accounts']} liquidated, median cost regret "
            f"{one['cost_regret_median']} (endangered "
            f"{one['cost_regret_median_endangered']}), worst {one['cost_regret_max']}."
        )
    lost = summary["lost_though_survivable"]
    lines.append(f"Lost though survivable: {', '.join(lost) or 'none'}.")
    lines.append(
        f"False alarms: {summary['false_alarms']} of {summary['episodes']} episodes."
    )
    return lines
