"""What a finished run leaves behind: a report, and a summary on standard output.

The report is written whole or not at all. Nothing here decides or measures; the
numbers are those that the run's observers added up.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from bot.compose import Plan
from bot.domain.errors import UsageError
from bot.engine.loop import Engine
from bot.report.build import Sources, build_report
from bot.report.html import render_html
from bot.report.recorder import Recorder
from bot.report.run_report import RunReport
from bot.report.tally import Tally
from bot.report.terminal import render_end

__all__ = ["Outcome", "Watched", "outcome_of", "show", "write_report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A run with those who watched it, and its own time when it ended."""

    engine: Engine
    ended_at: datetime
    tally: Tally
    recorder: Recorder


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of a run as it is printed and as it is drawn."""

    summary: Mapping[str, object]
    report: RunReport


_TWIN_KEYS: Final = (
    "equity_end",
    "equity_min",
    "liquidations",
    "max_debt_ratio",
    "max_risk_rate",
    "pnl",
)


def outcome_of(
    plan: Plan, watched: Watched, twin: Watched | None, journal: Path, report: Path
) -> Outcome:
    """The summary and the report of a run.

    Args:
        plan: What ran.
        watched: The run itself.
        twin: The same without the guard; None when the run itself has none.
        journal: Where it was remembered.
        report: Where the report will be.
    """
    own = watched.tally.summary()
    other = own if twin is None else twin.tally.summary()
    described = plan.market.description
    summary = {
        **own,
        "derived": [
            f"{instrument.coin}: {note}"
            for instrument in described.instruments
            for note in instrument.derived
        ],
        "journal": str(journal),
        "report": str(report),
        "without_guard": {key: other[key] for key in _TWIN_KEYS},
    }
    sources = Sources(
        title=described.title,
        world=plan.world,
        header=plan.header,
        description=described,
        assumptions=plan.assumptions,
        notices=_notices(watched),
        summary=summary,
        twin=None if twin is None else twin.recorder,
        guard=watched.engine.state.guard,
        journal_path=str(journal),
        report_path=str(report),
    )
    return Outcome(summary=summary, report=build_report(watched.recorder, sources))


def _notices(watched: Watched) -> tuple[str, ...]:
    """What the reader must know first: thresholds that were eased at the opening."""
    subjects = watched.engine.state.guard.subjects
    return tuple(
        f"{name} opened nearer to liquidation than its act distance: the guard acts "
        f"at {state.thresholds.act * 100:.1f} % and restores "
        f"{state.thresholds.target * 100:.1f} %"
        for name, state in sorted(subjects.items())
        if state.thresholds.is_adapted
    )


def write_report(outcome: Outcome, path: Path) -> None:
    """Write the HTML report: beside its place first, then moved into it.

    Raises:
        UsageError: The folder or the file cannot be written.
    """
    beside = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(render_html(outcome.report), encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise UsageError(
            f"The report {path} cannot be written: {error.strerror}. Mend that and "
            "start the run again."
        ) from None


def show(outcome: Outcome, *, as_json: bool) -> None:
    """Print the summary: one object, or the last screen."""
    if as_json:
        sys.stdout.write(json.dumps(outcome.summary, indent=2) + "\n")
        return
    console = Console()
    console.print(render_end(outcome.report, console.width))
