"""The commands ``gnomon journal`` and ``gnomon explain`` as a person drives them."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from bot.cli.journal_options import find_journal, read_instant
from bot.domain.entries import Entry, Noted
from bot.domain.errors import JournalError, UsageError
from storage.journal import SqliteJournal
from tests.unit.storage.told import START, STORY, write


class _Terminal:
    """Runs a command and keeps what it said."""

    def __init__(self, capsys: pytest.CaptureFixture[str], path: Path) -> None:
        self._capsys = capsys
        self._path = path
        self.out = ""
        self.err = ""

    def run(self, *words: str) -> int:
        """Run ``gnomon WORDS --journal PATH``; the exit code."""
        with pytest.raises(SystemExit) as stopped:
            main([*words, "--journal", str(self._path)])
        self.out, self.err = self._capsys.readouterr()
        assert isinstance(stopped.value.code, int)
        return stopped.value.code

    def answer(self, *words: str) -> Any:
        """The one JSON object of a command."""
        assert self.run(*words, "--json") == 0, self.err
        return json.loads(self.out)


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], journal: Path) -> _Terminal:
    """A terminal on the short story."""
    return _Terminal(capsys, journal)


@pytest.mark.parametrize(
    ("command", "name", "rows"),
    [
        ("runs", "runs", 1),
        ("show", "entries", 20),
        ("balances", "balances", 4),
        ("pnl", "pnl", 5),
        ("loans", "loans", 1),
        ("orders", "orders", 1),
        ("fills", "fills", 1),
        ("intents", "intents", 2),
        ("funding", "funding", 1),
        ("interest", "interest", 1),
        ("decisions", "decisions", 1),
    ],
)
def test_every_list_as_json_and_as_a_table(
    terminal: _Terminal, command: str, name: str, rows: int
) -> None:
    """With --json one object on stdout; without it a table with the same rows."""
    found = terminal.answer("journal", command)

    assert set(found) == {"journal", name}
    assert len(found[name]) == rows
    assert terminal.err == ""
    assert terminal.run("journal", command) == 0
    assert terminal.out.startswith(f"{name} of ")


def test_balances_to_the_last_digit(terminal: _Terminal) -> None:
    """Numbers are text in plain notation, as of the time asked for."""
    found = terminal.answer(
        "journal", "balances", "--coin", "USDT", "--account", "margin_cross"
    )
    early = terminal.answer(
        "journal", "balances", "--coin", "BTC", "--until", "2025-10-10T23:00:05+02:00"
    )

    assert found["balances"] == [
        {
            "account": "margin_cross",
            "coin": "USDT",
            "balance": "10990",
            "principal": "21000",
            "interest": "0.26484019",
            "margin": {},
        }
    ]
    assert [line["balance"] for line in early["balances"]] == ["0.5"]


def test_profit_uses_the_newest_marks(terminal: _Terminal) -> None:
    """The value of a coin is at the marks of the newest sample."""
    lines = {
        (line["cause"], line["coin"]): line
        for line in terminal.answer("journal", "pnl")["pnl"]
    }

    assert lines["trade", "BTC"]["value_usdt"] == "-10000"


def test_verify_says_what_it_checked(terminal: _Terminal) -> None:
    """A whole journal: its rows, its head, its kinds, nothing out of balance."""
    found = terminal.answer("journal", "verify")

    assert found["is_whole"] is True
    assert found["rows"] == len(STORY)
    assert found["has_head_file"] is True
    assert found["unbalanced"] == []
    assert terminal.run("journal", "verify") == 0
    assert "is whole" in terminal.out


def test_a_damaged_journal_is_exit_5(terminal: _Terminal, journal: Path) -> None:
    """One sentence on stderr, nothing on stdout."""
    content = bytearray(journal.read_bytes())
    place = content.index(b"34000.5")
    content[place] ^= 1
    journal.write_bytes(content)

    assert terminal.run("journal", "balances", "--json") == 5
    assert terminal.out == ""
    assert "damaged at row 7" in terminal.err


def test_a_journal_without_its_head_is_mentioned(
    terminal: _Terminal, journal: Path
) -> None:
    """What could not be checked is said beside the answer."""
    Path(f"{journal}.head").unlink()

    assert terminal.answer("journal", "verify")["has_head_file"] is False
    assert "no head file" in terminal.err


def test_reading_while_a_run_writes(
    terminal: _Terminal, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A journal that is being written is read as far as it is committed."""
    path = tmp_path / "live.sqlite"
    with SqliteJournal.create(path) as journal:
        journal.append(STORY)
        journal.commit()
        found = _Terminal(capsys, path).answer("journal", "verify")

    assert found["rows"] == len(STORY)


def test_export_to_standard_output(terminal: _Terminal) -> None:
    """CSV that a CSV reader reads back, and JSON."""
    assert terminal.run("journal", "export", "postings") == 0
    rows = list(csv.DictReader(io.StringIO(terminal.out)))
    assert len(rows) == 11
    assert rows[0]["amount"] == "0.5"
    assert terminal.run("journal", "export", "fills", "--format", "json") == 0
    assert json.loads(terminal.out)[0]["trade_id"] == "T1"


def test_export_to_a_file(terminal: _Terminal, tmp_path: Path) -> None:
    """A file is made once and never overwritten."""
    target = tmp_path / "fills.csv"

    assert terminal.run("journal", "export", "fills", "--output", str(target)) == 0
    assert target.read_text(encoding="utf-8").startswith("seq,at,")
    assert terminal.run("journal", "export", "fills", "--output", str(target)) == 2
    assert "cannot be made" in terminal.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("journal", "fills", "--since", "yesterday"), "--since must be a time"),
        (("journal", "fills", "--coin", "BTC"), "have no coin"),
        (("journal", "export", "secrets"), "must be one of fills"),
        (("journal", "export", "fills", "--format", "xls"), "must be one of csv"),
        (("explain", "D999"), "D1, I1, I2"),
    ],
)
def test_wrong_words_are_exit_2(
    terminal: _Terminal, words: tuple[str, ...], says: str
) -> None:
    """A sentence that says what would be right."""
    assert terminal.run(*words) == 2
    assert says in terminal.err
    assert terminal.out == ""


def test_explain_a_decision(terminal: _Terminal) -> None:
    """Inputs, thresholds, alternatives, what was sent, what came back, the ratios."""
    assert terminal.run("explain", "D1") == 0
    for words in (
        "distance under the act threshold",
        "act_distance  0.15",
        "the reserve is empty",
        "request I1",
        "distance_after  0.25",
        "in_doubt",
        "margin_cross 0.42",
        "margin_cross 0.27",
    ):
        assert words in terminal.out
    found = terminal.answer("explain", "D1")
    assert found["requests"][0]["request"]["intent_id"] == "I1"


def test_explain_tells_what_the_forecast_had_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The last look before the decision, with its numbers; a later one is not told."""
    looks = [
        Entry(
            at=START, body=Noted(topic="outlook", text=said, inputs={"limit": "0.01"})
        )
        for said in ("the first look", "the last look before", "a later look")
    ]
    place = next(
        n for n, e in enumerate(STORY) if getattr(e.body, "decision_id", "") == "D1"
    )
    rows = [*STORY[:place], *looks[:2], *STORY[place:], looks[2]]
    terminal = _Terminal(capsys, write(tmp_path / "j", rows))

    assert terminal.run("explain", "D1") == 0
    assert "the last look before" in terminal.out
    assert "the first look" not in terminal.out
    found = terminal.answer("explain", "D1")
    assert found["outlook"]["inputs"] == {"limit": "0.01"}


def test_explain_an_open_request(terminal: _Terminal) -> None:
    """A request without an answer says so; it is not taken for done."""
    assert terminal.run("explain", "I2") == 0
    assert "not known yet" in terminal.out


def test_a_text_is_never_markup(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Brackets in a reason are shown as they are."""
    noted = Entry(at=START, body=Noted(topic="[bold]x[/nothing]", text="[red]"))
    terminal = _Terminal(capsys, write(tmp_path / "j", [noted]))

    assert terminal.run("journal", "show", "--kind", "Noted") == 0
    assert "topic [bold]x[/nothing], text [red]" in terminal.out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-10-10", "2025-10-10T00:00:00+00:00"),
        ("2025-10-10T21:20:00Z", "2025-10-10T21:20:00+00:00"),
        ("2025-10-10T23:20:00+02:00", "2025-10-10T21:20:00+00:00"),
    ],
)
def test_times_of_the_command_line(text: str, expected: str) -> None:
    """A date is its midnight; any zone becomes UTC."""
    when = read_instant(text, "--since")

    assert when is not None
    assert when.isoformat() == expected
    with pytest.raises(UsageError):
        read_instant("10.10.2025", "--since")


def test_the_journal_is_named_or_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--journal, then the settings, then the newest run; none is exit 5."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GNOMON_JOURNAL", raising=False)
    with pytest.raises(JournalError, match="no journal"):
        find_journal(None)
    for place, name in enumerate(("b", "a")):
        path = tmp_path / "runs" / name / "journal.sqlite"
        path.parent.mkdir(parents=True)
        write(path, [])
        os.utime(path, (place, place))

    assert find_journal(None) == Path("runs/a/journal.sqlite")
    assert find_journal(Path("x")) == Path("x")
    monkeypatch.setenv("GNOMON_JOURNAL", "told.sqlite")
    assert find_journal(None) == Path("told.sqlite")
