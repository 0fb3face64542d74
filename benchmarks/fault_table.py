"""The results of a fault campaign as one table in text."""

import statistics
from collections.abc import Sequence
from typing import Any

from fault_guard import guard_rows

__all__ = ["table"]


def table(results: Sequence[dict[str, Any]], families: Sequence[str]) -> str:
    """One row for each family, and one for all of them."""
    head = (
        "family seeds requests writes intents lost doubts  found s (p50 p99 max)  "
        "absent s (p50 p99 max)  open dup forgot drift adj unattr  settled s  "
        "guard n  ms (p50 p99 max)  excused broken"
    )
    rows = [
        head,
        *(
            _row(family, [r for r in results if r["family"] == family])
            for family in families
        ),
        _row("sum", results),
    ]
    broken = [
        f"{r['family']} seed {r['seed']}: {line}"
        for r in results
        for line in r["broken"]
    ]
    return "\n".join([*rows, "", *(broken or ["No invariant was broken."])])


def _row(name: str, runs: Sequence[dict[str, Any]]) -> str:
    def total(key: str) -> int:
        return sum(int(run.get(key, 0)) for run in runs)

    def every(key: str) -> list[float]:
        return [value for run in runs for value in run.get(key, [])]

    times = [
        1000 * t for run in runs for t in guard_rows({"guard": run.get("guard", [])})
    ]
    excused = sum(bool(g["excuse"]) for run in runs for g in run.get("guard", []))
    drift = sum(line.startswith("I4") for run in runs for line in run["broken"])
    seeds = sum(run.get("rounds", 1) for run in runs)
    settled = max((run.get("settled_s", 0) for run in runs), default=0)
    return (
        f"{name:>6} {seeds:>5} {total('requests'):>8} {total('writes'):>6} "
        f"{total('intents'):>7} {total('lost'):>4} {total('doubts'):>6}  "
        f"{_three(every('resolved_found_s'), 2):>21}  "
        f"{_three(every('resolved_absent_s'), 2):>22}  {total('still_in_doubt'):>4} "
        f"{total('duplicates'):>3} {total('forgotten'):>6} {drift:>5} "
        f"{total('adjustments'):>3} {total('unattributed'):>6}  {settled:>9}  "
        f"{len(times):>7}  {_three(times, 0):>16}  {excused:>7} "
        f"{sum(bool(run['broken']) for run in runs):>6}"
    )


def _three(values: Sequence[float], digits: int) -> str:
    if not values:
        return "-"
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    return " ".join(
        f"{x:.{digits}f}" for x in (statistics.median(ordered), p99, ordered[-1])
    )
