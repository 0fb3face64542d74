"""``--journal``: whose it is, what is kept, and what is refused with which code."""

import json
import os
import re
from pathlib import Path

import pytest

from storage.journal import SqliteJournal
from storage.reader import JournalReader
from tests.simulation.small import LEVERED, Said, digest, drive, market, write


class _Desk:
    """A folder with a falling market and a levered account."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        prices = [50000.0 - 900 * i for i in range(9)]
        self.folder = folder
        self._capsys = capsys
        self._inputs = (
            *("--market", market(folder / "m", {"BTC": prices})),
            *("--account", write(folder / "a.toml", LEVERED)),
        )

    def replay(self, *words: str | Path) -> Said:
        """Replay with further words."""
        return drive(self._capsys, "replay", *self._inputs, *words)

    def names(self, folder: str) -> list[str]:
        """What a folder holds."""
        return sorted(path.name for path in (self.folder / folder).iterdir())


@pytest.fixture
def desk(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> _Desk:
    """A desk, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    return _Desk(tmp_path, capsys)


def _refused(said: Said, code: int) -> str:
    assert (said.code, said.out) == (code, ""), said.err
    assert re.fullmatch(r"gnomon: [^\n]+[.]\n", said.err), said.err
    return said.err


def test_a_run_leaves_a_journal_its_head_and_a_report(desk: _Desk) -> None:
    """``--json`` prints one object, which names the files that are there."""
    said = desk.replay("--json", "--journal", "k/run.sqlite")
    summary = said.answer()
    assert said.err == ""
    assert (summary["journal"], summary["report"]) == ("k/run.sqlite", "k/run.html")
    assert desk.names("k") == ["run.html", "run.sqlite", "run.sqlite.head"]
    text = Path("k/run.html").read_text(encoding="utf-8")
    assert text.rstrip().endswith("</html>")


def test_the_summary_is_money_as_text_and_adds_up(desk: _Desk) -> None:
    """Amounts are plain text, and the parts sum to the change to the last digit."""
    summary = desk.replay("--json").answer()
    texts = [summary[name] for name in ("equity_start", "equity_min", "equity_end")]
    texts += [summary["max_debt_ratio"], summary["max_risk_rate"]]
    for each in (summary, summary["without_guard"]):
        texts += each["pnl"].values()
    assert all(re.fullmatch(r"-?\d+(\.\d+)?", text) for text in texts)
    for count in ("ticks", "liquidations", "guard_actions", "orders", "fills", "loans"):
        assert isinstance(summary[count], int), count


def test_without_a_terminal_the_end_is_plain_text(desk: _Desk) -> None:
    """Without ``--json`` the last screen is printed, without any escape code."""
    said = desk.replay()
    assert said.code == 0
    assert "\x1b" not in said.out
    assert "journal.sqlite" in said.out


def test_our_own_folder_keeps_the_run_before(desk: _Desk) -> None:
    """Without ``--journal`` every run is kept: the newest under the plain name."""
    first = desk.replay("--json").answer()
    kept = digest(Path(first["journal"]))
    other = desk.replay("--json", "--no-guard").answer()
    assert other["journal"] == first["journal"] == "runs/small-1/journal.sqlite"
    old = Path(f"{first['journal']}.old-1")
    assert digest(old) == kept
    assert digest(Path(first["journal"])) != kept


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ([], "has already ended"),
        (["--seed", "2"], "its seed is 1, this run has 2"),
        (["--no-guard"], "its guard is true, this run has false"),
        (["--borrow-x", "2"], "its market is"),
        (["--start", "2025-01-01T00:01:00Z"], "its market is"),
    ],
)
def test_a_named_journal_of_another_run_is_refused(
    desk: _Desk, words: list[str], hint: str
) -> None:
    """A finished or foreign journal is exit 2 and not touched; --force keeps it."""
    desk.replay("--journal", "k/j.sqlite", "--json").answer()
    before = {name: digest(Path("k", name)) for name in desk.names("k")}

    sentence = _refused(desk.replay("--journal", "k/j.sqlite", "--json", *words), 2)
    assert hint in sentence
    assert "--force" in sentence
    assert {name: digest(Path("k", name)) for name in desk.names("k")} == before

    desk.replay("--journal", "k/j.sqlite", "--json", "--force", *words).answer()
    assert digest(Path("k/j.sqlite.old-1")) == before["j.sqlite"]


def test_settings_are_part_of_a_run(desk: _Desk) -> None:
    """A journal that was written under other settings is of another run."""
    desk.replay("--journal", "j.sqlite", "--json").answer()
    write(desk.folder / "gnomon.toml", "[guard]\nact_distance = 0.16\n")
    said = desk.replay("--journal", "j.sqlite", "--json")
    assert "its config is" in _refused(said, 2)


def test_a_paper_journal_is_not_a_replay(desk: _Desk) -> None:
    """The world is part of what a run is."""
    desk.replay("--journal", "j.sqlite", "--json").answer()
    said = drive(desk._capsys, "paper", *desk._inputs, "--journal", "j.sqlite")  # noqa: SLF001 - the same words for another command
    assert "its world is replay, this run has paper" in _refused(said, 2)


@pytest.mark.parametrize("content", [b"", b"no journal", b"SQLite format 3\0" * 400])
def test_a_file_that_is_no_journal_is_left_alone(desk: _Desk, content: bytes) -> None:
    """What is no journal is exit 5 and stays as it was."""
    Path("j.sqlite").write_bytes(content)
    _refused(desk.replay("--journal", "j.sqlite", "--json"), 5)
    assert Path("j.sqlite").read_bytes() == content


@pytest.mark.parametrize("where", [0.2, 0.5, 0.9])
def test_a_damaged_journal_is_exit_5(desk: _Desk, where: float) -> None:
    """A journal that lost a part is named as damaged, never resumed."""
    desk.replay("--journal", "j.sqlite", "--json").answer()
    whole = Path("j.sqlite").read_bytes()
    place = int(len(whole) * where) // 4096 * 4096
    Path("j.sqlite").write_bytes(whole[:place] + bytes(4096) + whole[place + 4096 :])
    assert "j.sqlite" in _refused(desk.replay("--journal", "j.sqlite", "--json"), 5)


def test_a_journal_in_use_is_exit_5(desk: _Desk) -> None:
    """A second process on one journal is told so, with and without --force."""
    with SqliteJournal.create(Path("j.sqlite")):
        for words in ([], ["--force"]):
            said = desk.replay("--journal", "j.sqlite", "--json", *words)
            assert "in use by another process" in _refused(said, 5)


@pytest.mark.parametrize("name", ["a.toml/j.sqlite", "/proc/j.sqlite"])
def test_a_place_that_takes_no_file_is_exit_5(desk: _Desk, name: str) -> None:
    """Where no journal can be made, a sentence says so."""
    _refused(desk.replay("--journal", name, "--json"), 5)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder_is_exit_5(desk: _Desk) -> None:
    """A folder that may not be written is named."""
    Path("ro").mkdir(mode=0o500)
    _refused(desk.replay("--journal", "ro/j.sqlite", "--json"), 5)


def test_an_unfinished_journal_goes_on(desk: _Desk) -> None:
    """An empty journal, left by a run that died at once, is simply used."""
    SqliteJournal.create(Path("j.sqlite")).close()
    first = desk.replay("--journal", "j.sqlite", "--json").answer()
    desk.replay("--journal", "k.sqlite", "--json").answer()
    assert digest(Path("j.sqlite")) == digest(Path("k.sqlite"))
    assert json.dumps(first)


@pytest.mark.parametrize("rows", [1, 2, 40, -1])
def test_a_run_of_our_own_folder_goes_on(desk: _Desk, rows: int) -> None:
    """Without ``--journal`` too, a run that was cut short is carried to its end."""
    path = Path(desk.replay("--json").answer()["journal"])
    whole = digest(path)
    with JournalReader.open(path) as reader:
        entries = [stored.entry for stored in reader.entries()]
    with SqliteJournal.create(Path("cut"), force=True) as cut:
        cut.append(entries[:rows])
    Path("cut").replace(path)
    Path("cut.head").replace(f"{path}.head")

    again = desk.replay("--json").answer()
    assert again["journal"] == str(path)
    assert digest(path) == whole
    assert desk.names(str(path.parent)) == [
        *("journal.sqlite", "journal.sqlite.head", "report.html"),
    ]


def test_without_the_guard_there_is_no_twin(desk: _Desk) -> None:
    """An unguarded run is its own counterfactual."""
    summary = desk.replay("--no-guard", "--json").answer()
    twin = summary["without_guard"]
    assert summary["guard_actions"] == 0
    assert {key: summary[key] for key in twin} == twin
