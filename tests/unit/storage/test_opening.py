"""May this run use that journal?"""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.entries import RunStarted
from bot.domain.errors import JournalError, UsageError
from storage.opening import Opening, decide, open_for_run
from tests.unit.storage.told import HEADER, STORY, write

_OTHER_SEED = replace(HEADER, identity={**HEADER.identity, "seed": "8"})


def test_a_new_path_is_created(tmp_path: Path) -> None:
    """Where there is no file, a journal is made; deciding makes none."""
    assert decide(tmp_path / "j", HEADER) is Opening.CREATE
    assert not (tmp_path / "j").exists()
    open_for_run(tmp_path / "runs" / "crash-7" / "j", HEADER).close()
    assert (tmp_path / "runs" / "crash-7" / "j").exists()


def test_an_unfinished_run_is_resumed(journal: Path) -> None:
    """The same world, market, account, settings and seed go on in their journal."""
    assert decide(journal, HEADER) is Opening.RESUME
    with open_for_run(journal, HEADER) as resumed:
        assert resumed.is_replaying


def test_a_run_that_was_killed_before_its_first_commit_is_resumed(
    tmp_path: Path,
) -> None:
    """An empty journal belongs to nobody yet."""
    assert decide(write(tmp_path / "j", []), HEADER) is Opening.RESUME


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (_OTHER_SEED, "its seed is 7, this run has 8"),
        (replace(HEADER, world="paper"), "its world is replay, this run has paper"),
        (replace(HEADER, epoch=2), "its epoch is 1, this run has 2"),
        (
            replace(HEADER, identity={"market": "m1"}),
            "its seed is 7, this run has none",
        ),
    ],
    ids=["seed", "world", "epoch", "missing"],
)
def test_another_run_is_refused(journal: Path, header: RunStarted, says: str) -> None:
    """Any other run is refused with exit code 2, naming what differs."""
    with pytest.raises(UsageError, match=says) as caught:
        open_for_run(journal, header)

    assert caught.value.exit_code == 2


def test_a_finished_run_is_refused(tmp_path: Path) -> None:
    """A run that ended is not run again into the same file."""
    path = write(tmp_path / "j", STORY, is_ended=True)
    with pytest.raises(UsageError, match="already ended"):
        decide(path, HEADER)


def test_force_starts_anew(journal: Path) -> None:
    """With force even a foreign or damaged file makes way, kept beside."""
    with open_for_run(journal, _OTHER_SEED, force=True) as fresh:
        assert not fresh.is_replaying
    journal.write_bytes(b"damaged")
    open_for_run(journal, HEADER, force=True).close()

    assert Path(f"{journal}.old-2").read_bytes() == b"damaged"


def test_a_journal_that_does_not_begin_with_a_run_is_refused(tmp_path: Path) -> None:
    """A journal without a header cannot be resumed."""
    path = write(tmp_path / "j", STORY[1:])
    with pytest.raises(JournalError, match="does not begin"):
        decide(path, HEADER)
