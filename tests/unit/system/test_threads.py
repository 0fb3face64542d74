"""Importing Gnomon leaves linear algebra with one thread."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TASKS = Path("/proc/self/task")


@pytest.mark.parametrize(
    ("asked", "threads"),
    [
        pytest.param({}, "1", id="nobody asked"),
        pytest.param({"OPENBLAS_NUM_THREADS": "2"}, "2", id="two were asked for"),
    ],
)
def test_linear_algebra_has_one_thread(asked: dict[str, str], threads: str) -> None:
    """The number of threads is set before numpy is there, unless somebody set it."""
    code = "import bot.cli, os; print(os.environ['OPENBLAS_NUM_THREADS'])"

    assert said(code, asked) == threads


@pytest.mark.skipif(not TASKS.is_dir(), reason="threads are counted on Linux only")
def test_the_planner_starts_no_threads() -> None:
    """A process that has multiplied large matrices is still one thread."""
    code = (
        "import bot.guard.plan_program, numpy as np, os;"
        "np.ones((700, 700)) @ np.ones((700, 700));"
        f"print(len(os.listdir({str(TASKS)!r})))"
    )

    assert said(code, {}) == "1"


def said(code: str, environment: dict[str, str]) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()
