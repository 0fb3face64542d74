"""``gnomon parity``: how near the shadow was to the exchange, from a journal.

Prints each account's errors with their causes, the guard's buffer, and where
balances and positions differed. Nothing here writes to a journal.
"""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bot.cli.journal_options import (
    JournalOption,
    JsonOption,
    SinceOption,
    UntilOption,
    filters_from,
    find_journal,
)
from bot.cli.journal_view import note, print_json, print_table, watch
from bot.domain.money import plain
from bot.report.parity_report import (
    KINDS,
    ParityReport,
    SubjectParity,
    parity_report,
)
from bot.settings import read_settings
from storage.codec import write_time
from storage.queries import Filters
from storage.reader import JournalReader

__all__ = ["app", "parity"]

_EXAMPLES: Final = """\
Examples:

  gnomon parity

  gnomon parity --journal runs/live/journal.sqlite --since 2026-11-01 --json

An error is our ratio less the exchange's. Live runs keep every report; simulated
runs note only the differences.
"""

app = typer.Typer(add_completion=False)


@app.command("parity", epilog=_EXAMPLES)
def parity(
    journal: JournalOption = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings; gnomon.toml here when it exists.")
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    as_object: JsonOption = False,
) -> None:
    """Compare the exchange's own numbers with ours, as a journal kept them."""
    path = find_journal(journal)
    filters = filters_from(since, until)
    limits = read_settings(config).guard.parity
    with JournalReader.open(path, watch) as reader:
        told = (stored.entry for stored in reader.entries(*KINDS))
        report = parity_report(
            (entry for entry in told if _is_within(entry.at, filters)), limits
        )
    if as_object:
        print_json({"journal": str(path), **_answer(report)})
    else:
        _show(path, report)


def _is_within(at: Any, filters: Filters) -> bool:
    after = filters.since is None or at >= filters.since
    return after and (filters.until is None or at <= filters.until)


def _answer(report: ParityReport) -> dict[str, Any]:
    """The report as one object; times are text."""
    return {
        "subjects": [_subject_row(each) for each in report.subjects],
        "drifts": [
            {
                "where": each.where,
                "count": each.count,
                "largest": plain(each.largest),
                "last_at": write_time(each.last_at),
            }
            for each in report.drifts
        ],
        "adjustments": [
            {
                "account": each.account,
                "coin": each.coin,
                "count": each.count,
                "net": plain(each.net),
            }
            for each in report.adjustments
        ],
        "noted_differences": report.noted_differences,
    }


def _subject_row(each: SubjectParity) -> dict[str, Any]:
    at = None if each.worst_at is None else write_time(each.worst_at)
    return {
        "subject": each.subject,
        "reports": each.reports,
        "compared": each.compared,
        "mean": each.mean,
        "bias": each.bias,
        "p99": each.p99,
        "worst": each.worst,
        "worst_at": at,
        "worst_cause": each.worst_cause,
        "causes": dict(each.causes),
        "standing": each.standing,
        "buffer": each.buffer,
    }


_COLUMNS: Final = {
    "subject": "account",
    "reports": "reports",
    "mean": "mean error",
    "p99": "p99",
    "worst": "worst",
    "worst_at": "worst at",
    "worst_cause": "because of",
    "causes": "causes",
    "standing": "now",
    "buffer": "buffer",
}


def _for_people(row: dict[str, Any]) -> dict[str, Any]:
    """Errors to six decimals, times to the second; the object keeps every digit."""
    sizes = {name: row[name] for name in ("mean", "p99", "worst", "buffer")}
    at = row["worst_at"]
    return {
        **row,
        **{n: None if size is None else f"{size:.6f}" for n, size in sizes.items()},
        "worst_at": None if at is None else f"{at[:10]} {at[11:19]}",
    }


def _show(path: Path, report: ParityReport) -> None:
    answer = _answer(report)
    if answer["subjects"]:
        rows = [_for_people(row) for row in answer["subjects"]]
        print_table(f"ratios of {path}", _COLUMNS, rows)
    else:
        note(f"{path} holds no ratio of the exchange beside ours.")
    if report.noted_differences:
        count = report.noted_differences
        note(f"{count} differences of a simulated run were noted: gnomon journal show.")
    tables = {
        "drifts": ("where", "count", "largest", "last_at"),
        "adjustments": ("account", "coin", "count", "net"),
    }
    for name, columns in tables.items():
        if answer[name]:
            headings = {column: column.replace("_", " ") for column in columns}
            print_table(name, headings, answer[name])
    if not report.drifts:
        note("no balance or position ever differed from the exchange's statement.")
