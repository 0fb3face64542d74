"""``gnomon parity`` on a journal that a core wrote: counts, causes, tables."""

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from bot.domain.accounts import MARGIN_CROSS
from bot.domain.entries import Entry, Noted
from bot.domain.events import Event, RatioReported, RulesRead, SnapshotTaken
from bot.engine.core import Core, State
from bot.shadow.state import empty_shadow
from storage.journal import SqliteJournal
from tests.unit.engine.steps import LONG, after, ticked
from tests.unit.venue.builders import START, rules


def run(path: Path, moments: Sequence[tuple[Event, ...]]) -> Path:
    """A journal of a core that keeps every report, on an account that was read."""
    core = Core(is_parity_kept=True, is_guarding=False)
    state = State(shadow=empty_shadow(rules()))
    opening = (
        RulesRead(at=START, rules=rules()),
        SnapshotTaken(at=START, snapshot=LONG),
    )
    with SqliteJournal.create(path) as journal:
        for moment in (opening, (ticked(0, "50000"),), *moments):
            step = core.step(state, moment)
            state = step.state
            journal.append(step.entries)
    return path


def stated(seconds: float, value: str) -> tuple[Event, ...]:
    """A report of the exchange; ours is 0.66."""
    return (
        RatioReported(at=after(seconds), account=MARGIN_CROSS, value=Decimal(value)),
    )


def answer(
    capsys: pytest.CaptureFixture[str], path: Path, *words: str
) -> tuple[int, str, str]:
    """Run the command; its exit code, standard output and standard error."""
    with pytest.raises(SystemExit) as stopped:
        main(["parity", "--journal", str(path), *words])
    out, err = capsys.readouterr()
    assert isinstance(stopped.value.code, int)
    return stopped.value.code, out, err


def as_object(capsys: pytest.CaptureFixture[str], path: Path, *words: str) -> Any:
    """The one JSON object of the command."""
    code, out, err = answer(capsys, path, "--json", *words)
    assert (code, err) == (0, "")
    return json.loads(out)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Two agreeing reports, one 0.006 off, then a snapshot with 0.9 of 1 BTC."""
    coins = dict(LONG.balances[MARGIN_CROSS])
    coins["BTC"] = replace(coins["BTC"], total=Decimal("0.9"))
    less = replace(LONG, balances={**LONG.balances, MARGIN_CROSS: coins})
    return run(
        tmp_path / "journal.sqlite",
        [
            stated(1, "0.66"),
            stated(5, "0.6599"),
            stated(9, "0.666"),
            (SnapshotTaken(at=after(10), snapshot=less),),
        ],
    )


def test_errors_are_counted_by_account_and_cause(
    capsys: pytest.CaptureFixture[str], journal: Path
) -> None:
    """0, 0.0001 and -0.006: the mean, the worst, when it was and why."""
    (row,) = as_object(capsys, journal)["subjects"]
    assert row == {
        "subject": "margin_cross",
        "reports": 3,
        "compared": 3,
        "mean": "0.00203333",
        "bias": "-0.00196667",
        "p99": "0.006",
        "worst": "0.006",
        "worst_at": "2025-01-01T12:00:09.000000Z",
        "worst_cause": "unexplained",
        "causes": {"printing": 2, "unexplained": 1},
        "standing": "agreed",
        "buffer": "0.006",
    }


def test_drift_and_adjustments_are_counted(
    capsys: pytest.CaptureFixture[str], journal: Path
) -> None:
    """The snapshot had a tenth of a bitcoin less than was booked."""
    found = as_object(capsys, journal)
    assert found["drifts"] == [
        {
            "where": "margin_cross BTC total",
            "count": 1,
            "largest": "0.1",
            "last_at": "2025-01-01T12:00:10.000000Z",
        }
    ]
    assert found["adjustments"] == [
        {"account": "margin_cross", "coin": "BTC", "count": 1, "net": "-0.1"}
    ]


def test_only_the_time_that_was_asked_for_is_counted(
    capsys: pytest.CaptureFixture[str], journal: Path
) -> None:
    """Both ends are included."""
    window = ("--since", "2025-01-01T12:00:05Z", "--until", "2025-01-01T12:00:09Z")
    found = as_object(capsys, journal, *window)
    assert [row["reports"] for row in found["subjects"]] == [2]
    assert found["drifts"] == []


def test_the_tables_show_the_same_numbers(
    capsys: pytest.CaptureFixture[str], journal: Path
) -> None:
    """A person sees the account, the worst error and the drift."""
    code, out, err = answer(capsys, journal)
    assert (code, err) == (0, "")
    for word in ("margin_cross", "0.006", "unexplained", "margin_cross BTC total"):
        assert word in out


def test_a_simulated_run_has_notes_instead(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Only differences were noted; the command says so and counts them."""
    path = tmp_path / "simulated.sqlite"
    noted = Noted(topic="parity", text="the exchange states 0.7, ours is 0.6")
    with SqliteJournal.create(path) as journal:
        journal.append([Entry(at=START, body=noted)] * 2)
    assert as_object(capsys, path)["noted_differences"] == 2
    code, _, err = answer(capsys, path)
    assert code == 0
    assert "holds no ratio of the exchange beside ours" in " ".join(err.split())
    assert "2 differences of a simulated run" in " ".join(err.split())
