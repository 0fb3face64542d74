"""The guard's study as Markdown: the sums by market, and a row for every account.

Usage: python -m benchmarks.guard_table STUDY.json [...] [--out FILE.md]

``STUDY.json`` is what ``gnomon study guard --json`` printed; several are read as one.
The sums are those of the README. It computes medians and counts, nothing else.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median

Row = Mapping[str, object]
Account = Mapping[str, Row]
"""The rows of one account by policy."""

SUMS = (
    "| market | accounts | liquidated: none | losers first | Gnomon | saved by the "
    "late clairvoyant, lost by Gnomon | median regret: losers | Gnomon | episodes | "
    "false |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
)
ROWS = (
    "| account | bars | liquidations: none / losers / Gnomon | survivable late | "
    "end equity: none | losers | Gnomon | cost: losers | Gnomon | bound | "
    "regret: Gnomon | kept | episodes | false |\n"
    "|---|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
)


def main() -> int:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path, nargs="+")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    studies: list[Mapping[str, object]] = []
    for path in asked.study:
        try:
            studies.append(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            parser.error(f"{path} is no study of the guard: {error}")
    text = markdown(studies)
    if asked.out is None:
        sys.stdout.write(text)
    else:
        asked.out.write_text(text, encoding="utf-8")
    return 0


def markdown(studies: Sequence[Mapping[str, object]]) -> str:
    """Both tables, and what was left out or failed."""
    accounts = accounts_of(row for study in studies for row in _list(study, "rows"))
    markets = list(dict.fromkeys(_text(each["gnomon"], "market") for each in accounts))
    lines = [f"Scope: {studies[0]['scope']}.", "", SUMS]
    for market in (*markets, "all"):
        theirs = [
            each
            for each in accounts
            if market in ("all", _text(each["gnomon"], "market"))
        ]
        lines.append(sums(market, theirs))
    lines += ["", ROWS, *map(line, accounts), ""]
    for study in studies:
        lines += [f"Left out: {each}." for each in _list(study, "left_out")]
        lines += [f"Failed: {each}" for each in _list(study, "failed")]
    return "\n".join([*lines, ""])


def accounts_of(rows: Iterable[object]) -> list[Account]:
    """The rows of each account, in their order."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        if isinstance(row, dict):
            found.setdefault(name(row), {})[_text(row, "policy")] = row
    return list(found.values())


def name(row: Row) -> str:
    """What tells an account from the others.

    Example:
        >>> name({"market": "m", "part": "rise", "shape": "long", "leverage": 3,
        ...     "capital": "100000", "reserve": "0", "borrow_x": "3"})
        'm, from its low, long 3x, borrowing 3x as dear'
    """
    said = _text(row, "market")
    said += ", from its low" if row["part"] == "rise" else ""
    said += f", {row['shape']} {row['leverage']}x"
    if float(_text(row, "capital")) != 100_000:  # noqa: PLR2004 - the table's own size
        said += f", {float(_text(row, 'capital')):,.0f} USDT"
    if float(_text(row, "reserve")):
        said += f", reserve {float(_text(row, 'reserve')):.0%}"
    if float(_text(row, "borrow_x")) != 1:
        said += f", borrowing {row['borrow_x']}x as dear"
    return said


def sums(market: str, accounts: Sequence[Account]) -> str:
    """One market's line of the README."""
    lost = {
        policy: sum(bool(each[policy]["liquidations"]) for each in accounts)
        for policy in ("none", "losers_first", "gnomon")
    }
    missed = sum(
        bool(each["gnomon"]["survivable"]) and bool(each["gnomon"]["liquidations"])
        for each in accounts
    )
    episodes = sum(int(str(each["gnomon"].get("episodes", 0))) for each in accounts)
    false = sum(int(str(each["gnomon"].get("false_alarms", 0))) for each in accounts)
    return (
        f"| {market} | {len(accounts)} | {lost['none']} | {lost['losers_first']} | "
        f"{lost['gnomon']} | {missed} | {_regret(accounts, 'losers_first')} | "
        f"{_regret(accounts, 'gnomon')} | {episodes} | {false} |"
    )


def _regret(accounts: Sequence[Account], policy: str) -> str:
    """The median over the accounts that have one."""
    found = [each[policy]["cost_regret"] for each in accounts]
    known = [float(str(value)) for value in found if value is not None]
    return f"{median(known):.2%}" if known else "-"


def line(account: Account) -> str:
    """One account."""
    none, losers, own = (account[p] for p in ("none", "losers_first", "gnomon"))
    cells = [
        name(own),
        _text(own, "resolution"),
        " / ".join(str(each["liquidations"]) for each in (none, losers, own)),
        "yes" if own["survivable"] else "no",
        *(_usdt(each["equity_end"]) for each in (none, losers, own)),
        *(_usdt(each["cost"]) for each in (losers, own)),
        _usdt(own["clairvoyant_bound"]),
        *(_share(own[key]) for key in ("cost_regret", "cost_regret_kept")),
        str(own.get("episodes", 0)),
        str(own.get("false_alarms", 0)),
    ]
    return f"| {' | '.join(cells)} |"


def _usdt(value: object) -> str:
    return "-" if value is None else f"{float(str(value)):,.0f}"


def _share(value: object) -> str:
    return "-" if value is None else f"{float(str(value)):.2%}"


def _text(row: Row, key: str) -> str:
    return str(row[key])


def _list(study: Mapping[str, object], key: str) -> Sequence[object]:
    found = study[key]
    return found if isinstance(found, list) else ()


if __name__ == "__main__":
    sys.exit(main())
