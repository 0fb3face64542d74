"""What the rows of the guard's study add up to, without hiding any of them.

Survival, cost regret and false alarms of each policy, and the rows that are worst.
An *endangered* row is one whose untouched account is liquidated: only there is
anything to be saved. Nothing here is rounded away: lists name their rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from statistics import median
from typing import Final

from bot.domain.money import ZERO, plain

__all__ = ["label", "summary_of"]

_WORST: Final = 10
_REPLAYED: Final = ("none", "losers_first", "gnomon")
_LABEL: Final = ("market", "part", "shape", "leverage")
_SIZE: Final = {"capital": "100000", "reserve": "0", "borrow_x": "1"}

Row = Mapping[str, object]


def label(row: Row) -> str:
    """A row's name: market, part, shape, leverage, and its size where it is another.

    Example:
        >>> label({"market": "ftx", "part": "whole", "shape": "long",
        ...        "leverage": "3", "capital": "100000", "reserve": "0.2",
        ...        "borrow_x": "1"})
        'ftx whole long 3x reserve 0.2'
    """
    market, part, shape, leverage = (str(row[name]) for name in _LABEL)
    others = [
        f"{name} {row[name]}" for name, usual in _SIZE.items() if row[name] != usual
    ]
    return " ".join((market, part, shape, f"{leverage}x", *others))


def summary_of(rows: Sequence[Row]) -> dict[str, object]:
    """The figures of each policy, and what breaks a claim."""
    by = {name: [r for r in rows if r["policy"] == name] for name in _REPLAYED}
    endangered = {label(r) for r in by["none"] if r["liquidations"]}
    guarded = by["gnomon"]
    return {
        "accounts": len(guarded),
        "endangered": len(endangered),
        "policies": {name: _figures(by[name], endangered) for name in _REPLAYED},
        "lost_though_survivable": _named(
            r for r in guarded if r["liquidations"] and r["survivable"]
        ),
        "not_survivable": _named(
            r for r in guarded if r["survivable"] is False and r["liquidations"]
        ),
        "survival_unknown": _named(r for r in guarded if r["survivable"] is None),
        "worst_regret": [
            {"row": label(r), "cost_regret": r["cost_regret"], "cost": r["cost"]}
            for r in sorted(guarded, key=_regret, reverse=True)[:_WORST]
        ],
        "worst_end_vs_none": [
            {"row": label(r), "end_vs_none": r["end_vs_none"]}
            for r in sorted(guarded, key=lambda r: _number(r["end_vs_none"]))[:_WORST]
        ],
        "false_alarms": sum(int(str(r["false_alarms"])) for r in guarded),
        "episodes": sum(int(str(r["episodes"])) for r in guarded),
    }


def _figures(rows: Sequence[Row], endangered: set[str]) -> dict[str, object]:
    regrets = [_number(r["cost_regret"]) for r in rows if r["cost_regret"] is not None]
    hard = [
        _number(r["cost_regret"])
        for r in rows
        if r["cost_regret"] is not None and label(r) in endangered
    ]
    return {
        "liquidated_accounts": sum(bool(r["liquidations"]) for r in rows),
        "cost_regret_median": _median(regrets),
        "cost_regret_median_endangered": _median(hard),
        "cost_regret_max": plain(max(regrets)) if regrets else None,
        "end_vs_none_median": _median([_number(r["end_vs_none"]) for r in rows]),
    }


def _named(rows: Iterable[Row]) -> list[str]:
    return [label(row) for row in rows]


def _number(value: object) -> Decimal:
    return Decimal(str(value))


def _regret(row: Row) -> Decimal:
    """Rows without a regret come last."""
    found = row["cost_regret"]
    return Decimal("-Infinity") if found is None else _number(found)


def _median(values: Sequence[Decimal]) -> str | None:
    return plain(median(values) or ZERO) if values else None
