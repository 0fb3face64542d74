"""One process for one account."""

import subprocess
import sys
from pathlib import Path

import pytest

from bot.domain.errors import RefusedError
from storage.lease import AccountLease


def test_the_second_is_refused_and_told_where_the_first_writes(tmp_path: Path) -> None:
    """Also with another journal: two journals would each hold the other foreign."""
    first = tmp_path / "a.sqlite"
    with (
        AccountLease.take("165", first, tmp_path),
        pytest.raises(RefusedError, match=r"trades account 165 and writes .*a\.sqlite"),
        AccountLease.take("165", tmp_path / "b.sqlite", tmp_path),
    ):
        pass
    with AccountLease.take("165", tmp_path / "b.sqlite", tmp_path):
        pass


def test_other_accounts_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """A lease is for one account; its name cannot leave the folder."""
    with (
        AccountLease.take("165", tmp_path / "a", tmp_path),
        AccountLease.take("../166", tmp_path / "b", tmp_path),
    ):
        assert {p.name for p in tmp_path.iterdir()} == {
            "account-165.lease",
            "account-166.lease",
        }


def test_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    """The kernel takes the lock back; nobody has to remove a file."""
    program = (
        "import os, sys; from pathlib import Path\n"
        "from storage.lease import AccountLease\n"
        "where = Path(sys.argv[1])\n"
        "AccountLease.take('165', where / 'x', where).__enter__(); os._exit(9)"
    )
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", program, str(tmp_path)]
    died = subprocess.run(command, cwd=root, check=False)  # noqa: S603 - our own text
    assert died.returncode == 9
    with AccountLease.take("165", tmp_path / "a", tmp_path):
        pass


def test_a_folder_that_cannot_be_written_is_a_refusal(tmp_path: Path) -> None:
    """A sentence, not a trace."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with (
        pytest.raises(RefusedError, match="cannot be written"),
        AccountLease.take("165", tmp_path / "a", tmp_path / "file"),
    ):
        pass
