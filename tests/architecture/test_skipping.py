"""A proof may not silently stay away: the rule of ``conftest.py``, run for real."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.house import ROOT

_CASE = """
import pytest

def test_wants(shared_data):
    if not (shared_data / "needed").exists():
        pytest.skip("nothing to read")

def test_wants_nothing():
    pytest.skip("for a reason of its own")
"""


@pytest.mark.parametrize(
    ("ci", "folder", "file", "passes", "summary"),
    [
        ("true", True, False, False, "1 failed, 1 skipped"),
        ("true", True, True, True, "1 passed, 1 skipped"),
        ("true", False, False, True, "2 skipped"),
        ("", True, False, True, "2 skipped"),
    ],
    ids=["present in CI", "read in CI", "absent in CI", "present at home"],
)
def test_a_skip_beside_the_data_fails_in_ci(
    tmp_path: Path, ci: str, folder: bool, file: bool, passes: bool, summary: str
) -> None:
    """With CI=true and the data present, a test that asked for it may not skip."""
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "conftest.py")
    (tmp_path / "test_case.py").write_text(_CASE, encoding="utf-8")
    data = tmp_path / "data"
    if folder:
        data.mkdir()
    if file:
        (data / "needed").touch()
    inherited = os.environ  # noqa: TID251 - a child process gets what we have
    kept = {k: v for k, v in inherited.items() if not k.startswith(("COV_", "PYTEST"))}

    done = subprocess.run(  # noqa: S603 - our own interpreter and our own files
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--rootdir",
            str(tmp_path),
            str(tmp_path),
        ],
        cwd=tmp_path,
        env=kept | {"CI": ci, "GNOMON_SHARED": str(data)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert summary in done.stdout, done.stdout + done.stderr
    assert (done.returncode == 0) is passes
