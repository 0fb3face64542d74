"""What the doctor says of this machine alone."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from bot.domain.entries import Entry, RunStarted
from bot.report.doctor import (
    as_document,
    disk_room,
    is_ready,
    local_checks,
    owner_checks,
    view,
)
from bot.settings import Settings, read_settings
from connectors.kucoin.checks import Check, CheckState
from storage.journal import SqliteJournal

KEY = """\
KUCOIN_API_KEY=k
KUCOIN_API_SECRET=hunter2
KUCOIN_API_PASSPHRASE=hunter3
GNOMON_LIVE=yes
"""


def settings(folder: Path, patch: pytest.MonkeyPatch, text: str) -> Settings:
    """What a folder's ``.env`` says."""
    patch.chdir(folder)
    path = folder / ".env"
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return read_settings(None)


def states(checks: tuple[Check, ...]) -> dict[str, CheckState]:
    """Each check's verdict by its name."""
    return {check.name: check.state for check in checks}


def journal_of(path: Path, account: str) -> Path:
    """A journal with one run of an account."""
    journal = SqliteJournal.create(path)
    header = RunStarted(name="r", world="live", epoch=1, identity={"account": account})
    journal.append([Entry(at=datetime(2026, 1, 1, tzinfo=UTC), body=header)])
    journal.close()
    return path


def test_a_good_machine_has_nothing_to_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key, secrecy, arming, journal, disk."""
    found = settings(tmp_path, monkeypatch, KEY)
    checks = local_checks(found, tmp_path / "runs" / "j.sqlite", tmp_path / ".env")
    told = states(checks)
    assert {told[name] for name in ("settings", "secrets", "arming", "journal")} == {
        CheckState.PASS
    }
    assert not (tmp_path / "runs").exists(), "looking makes nothing"


def test_what_is_missing_is_named_and_no_secret_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty part, a readable file, an unarmed bot: each with its way out."""
    text = KEY.replace("KUCOIN_API_KEY=k", "").replace("=yes", "=no")
    found = settings(tmp_path, monkeypatch, text)
    (tmp_path / ".env").chmod(0o640)
    checks = local_checks(found, tmp_path / "j.sqlite", tmp_path / ".env")
    told = {check.name: check for check in checks}
    assert told["settings"].sentence == "Empty: KUCOIN_API_KEY."
    assert told["secrets"].advice == f"chmod 600 {tmp_path / '.env'}"
    assert told["arming"].state is CheckState.FAIL
    assert not is_ready(checks)
    shown = io.StringIO()
    Console(file=shown, width=80).print(view(checks))
    assert "hunter" not in shown.getvalue() + str(as_document(checks))
    assert max(map(len, shown.getvalue().splitlines())) <= 80


def test_a_journal_is_read_whole_and_a_damaged_one_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a start does, and without writing on it."""
    found = settings(tmp_path, monkeypatch, KEY)
    path = journal_of(tmp_path / "j.sqlite", "165")
    checks = local_checks(found, path, tmp_path / ".env")
    assert "holds 1 rows, every hash checked" in str(checks)
    path.write_bytes(b"broken" * 1000)
    checks = local_checks(found, path, tmp_path / ".env")
    assert states(checks)["journal"] is CheckState.FAIL


def test_a_folder_that_takes_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal could not be made there: the folder is named, with the reason."""
    found = settings(tmp_path, monkeypatch, KEY)
    folder = tmp_path / "runs"
    folder.write_text("not a folder")
    checks = local_checks(found, folder / "j.sqlite", tmp_path / ".env")
    told = {check.name: check for check in checks}["disk sync"]
    assert told.state is CheckState.FAIL
    assert told.sentence == f"Nothing can be written in {folder}: Not a directory."
    assert "--journal" in told.advice


def test_the_journal_of_another_account_fails(tmp_path: Path) -> None:
    """And of a simulation; of the same account, or not yet there, it is no matter."""
    path = journal_of(tmp_path / "j.sqlite", "165")
    account = Check(
        name="account", state=CheckState.PASS, sentence="It is.", subject="165"
    )
    other = Check(
        name="account", state=CheckState.PASS, sentence="It is.", subject="166"
    )
    assert owner_checks(path, [account]) == ()
    assert owner_checks(tmp_path / "none.sqlite", [other]) == ()
    assert owner_checks(path, []) == ()
    (check,) = owner_checks(path, [other])
    assert check.state is CheckState.FAIL
    assert "account 165, not of account 166" in check.sentence


def test_unknown_is_not_ready_and_a_warning_is() -> None:
    """What could not be asked is as bad as a failure."""
    warned = Check(name="a", state=CheckState.WARN, sentence="So so.")
    unknown = Check(name="a", state=CheckState.UNKNOWN, sentence="Nobody knows.")
    assert is_ready([warned])
    assert not is_ready([warned, unknown])
    assert as_document([unknown])["ready"] is False


@pytest.mark.parametrize(
    ("free", "kept", "state", "figure"),
    [
        (2 * 1024**3, 0, CheckState.PASS, "2.14 GB"),
        (2 * 1024**3 - 1, 0, CheckState.WARN, "2.14 GB"),
        (256 * 1024**2 - 1, 0, CheckState.FAIL, "0.26 GB"),
        (192 * 1024**2, 64 * 1024**2, CheckState.WARN, "0.26 GB"),
    ],
    ids=["enough", "low", "too little", "the reserve is room too"],
)
def test_the_room_of_the_disk(
    tmp_path: Path, free: int, kept: int, state: CheckState, figure: str
) -> None:
    """What is free, and what the journal keeps aside already, decides."""
    check = disk_room(tmp_path / "new" / "j", lambda _: free, kept_bytes=kept)
    assert check.state is state
    assert figure in check.sentence
    if state is not CheckState.PASS:
        assert "under 1.00 GB a live bot takes no new risk" in check.advice
        assert "under 0.26 GB it does not start" in check.advice
