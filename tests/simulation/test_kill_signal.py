"""Signal 9 at any point, then the same words again: the end is the same, byte for byte.

A run in real time lives long enough to be hit where the test aims; a replay is hit
wherever it happens to be. Both must end as the run that nobody touched.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from storage.reader import JournalReader
from tests.simulation.small import LEVERED, ROOT, digest, market, write

_MINUTES: Final = 16
_FALL: Final = [50000.0 - 700 * min(i, 14) - 90 * (i % 3) for i in range(_MINUTES + 1)]
_SPEED: Final = "1200"
"""Market seconds a second: the run takes about 0.8 s."""


@dataclass(frozen=True, slots=True)
class _Forks:
    """The process that runs and kills, and what all its runs have in common."""

    process: "subprocess.Popen[str]"
    inputs: tuple[str, ...]

    def run(
        self,
        folder: Path,
        *words: str,
        kill_after: float | None = None,
        by: signal.Signals = signal.SIGKILL,
        after_row: bool = False,
    ) -> dict[str, Any]:
        """Run in a folder, to the end or to a kill; the code and what was said."""
        folder.mkdir(exist_ok=True)
        for name in ("out", "err"):
            (folder / name).unlink(missing_ok=True)
        task = {
            "folder": str(folder),
            "words": [*words, *self.inputs],
            "kill_after": kill_after,
            "signal": int(by),
            "after_row": after_row,
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Forks]:
    """The process, with a crash and a levered account to run."""
    folder = tmp_path_factory.mktemp("inputs")
    path = market(folder / "m", {"BTC": _FALL}, volume=2.0)
    account = write(folder / "a.toml", LEVERED)
    inputs = ("--market", str(path), "--account", str(account))
    process = subprocess.Popen(  # noqa: S603 - our own helper
        [sys.executable, "-P", str(Path(__file__).with_name("forks.py"))],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield _Forks(process, (*inputs, "--json", "--journal", "j.sqlite"))
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.stdout.close()
    assert process.wait(timeout=60) == 0


@pytest.fixture(scope="module")
def whole(
    forks: _Forks, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[str, Any]]:
    """What an untouched run leaves and says, by command."""
    ends = {}
    for command in ("paper", "replay"):
        folder = tmp_path_factory.mktemp(command)
        speed = ["--speed", "0"] if command == "paper" else []
        said = forks.run(folder, command, *speed)
        assert said["code"] == 0, said["err"]
        summary = json.loads(said["out"])
        assert summary["guard_actions"] > 3
        ends[command] = (digest(folder / "j.sqlite"), summary)
    return ends


def _rows(folder: Path) -> int:
    """How many entries survived."""
    with JournalReader.open(folder / "j.sqlite") as reader:
        return reader.head.seq


def _finish(
    forks: _Forks, folder: Path, words: list[str], end: tuple[str, Any]
) -> None:
    """The same words again end as the untouched run did."""
    said = forks.run(folder, *words)
    assert said["code"] == 0, said["err"]
    assert json.loads(said["out"]) == end[1]
    assert digest(folder / "j.sqlite") == end[0]
    names = {path.name for path in folder.iterdir()}
    assert names == {"j.sqlite", "j.sqlite.head", "j.html", "out", "err"}


def test_a_paper_run_killed_anywhere_ends_the_same(
    forks: _Forks, whole: dict[str, tuple[str, Any]], tmp_path: Path
) -> None:
    """Twelve kills spread over a paced run: each resumed run leaves the same bytes."""
    survived = []
    for number in range(12):
        folder = tmp_path / str(number)
        said = forks.run(
            folder,
            *("paper", "--speed", _SPEED),
            kill_after=0.01 + 0.08 * number,
            after_row=number % 2 == 1,
        )
        if said["code"] == 0:
            continue
        assert (said["code"], said["out"]) == (-signal.SIGKILL, "")
        survived.append(_rows(folder))
        _finish(forks, folder, ["paper", "--speed", "0"], whole["paper"])
    assert len(survived) >= 6, "too few runs were caught alive: make them longer"
    assert len(set(survived)) >= 3, f"all kills hit the same place: {survived}"


def test_a_run_killed_again_and_again_ends_the_same(
    forks: _Forks, whole: dict[str, tuple[str, Any]], tmp_path: Path
) -> None:
    """Kills of one run, one after the other, each further on, change nothing."""
    folder = tmp_path / "chain"
    kills = [
        forks.run(folder, "paper", "--speed", _SPEED, kill_after=0.1 * number)["code"]
        for number in range(1, 7)
    ]
    assert kills.count(-signal.SIGKILL) >= 4, kills
    _finish(forks, folder, ["paper", "--speed", "0"], whole["paper"])


@pytest.mark.parametrize("after", [0.05, 0.6])
def test_an_interrupted_run_says_so_and_goes_on(
    forks: _Forks, whole: dict[str, tuple[str, Any]], tmp_path: Path, after: float
) -> None:
    """Ctrl-C is exit 130 with a sentence; the same words end as if it never was."""
    words = ("paper", "--speed", _SPEED)
    said = forks.run(tmp_path, *words, kill_after=after, by=signal.SIGINT)
    assert (said["code"], said["out"]) == (130, ""), said["err"]
    assert said["err"].startswith("gnomon: Interrupted; what was journaled is kept")
    _finish(forks, tmp_path, ["paper", "--speed", "0"], whole["paper"])


def test_a_replay_killed_anywhere_ends_the_same(
    forks: _Forks, whole: dict[str, tuple[str, Any]], tmp_path: Path
) -> None:
    """A replay is hit at full speed, also while it writes its report."""
    killed = 0
    for number in range(6):
        folder = tmp_path / str(number)
        said = forks.run(folder, "replay", kill_after=0.003 + 0.06 * number)
        if said["code"] == 0:
            continue
        killed += 1
        _finish(forks, folder, ["replay"], whole["replay"])
    assert killed >= 2, "too few replays were caught alive: make them longer"
