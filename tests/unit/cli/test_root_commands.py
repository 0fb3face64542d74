"""The command line as a whole: help, unknown words, exit codes, interruptions."""

import re

import pytest

from bot.cli import main
from bot.cli import runner as runner_module
from tests.simulation.small import Said, drive

_COMMANDS = (
    "paper",
    "replay",
    "simulate",
    "risk",
    "guard",
    "study",
    "journal",
    "explain",
    "parity",
    "data",
    "venue",
    "config",
    "backtest",
    "strategy",
)


def _is_a_sentence(said: Said) -> bool:
    """One line on standard error that says who speaks and ends as a sentence."""
    return bool(re.fullmatch(r"gnomon: [^\n]+[.?]\n", said.err)) and said.out == ""


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_help_lists_every_command(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """Without a command, or asked for help, the commands are listed; exit 0."""
    said = drive(capsys, *words)
    assert said.code == 0
    assert all(f"  {name} " in said.out for name in _COMMANDS)
    assert "130 interrupted" in said.out


def test_the_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """``gnomon --version`` prints name and version."""
    said = drive(capsys, "--version")
    assert said.code == 0
    assert re.fullmatch(r"gnomon \d+\.\d+\.\d+\n", said.out)


@pytest.mark.parametrize("name", _COMMANDS)
def test_every_command_has_help_with_examples(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Each command explains itself and shows how it is called; exit 0."""
    said = drive(capsys, name, "--help")
    assert said.code == 0
    assert f"gnomon {name}" in said.out


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["papre"], "did you mean paper?"),
        (["xyzzy"], "see 'gnomon --help'."),
        (["--json"], "see 'gnomon --help'."),
        (["paper", "--frob"], "see 'gnomon paper --help'."),
        (["paper", "--seed"], "--seed"),
        (["paper", "--seed", "one"], "--seed"),
        (["paper", "--seed", "-1"], "--seed"),
        (["paper", "--speed", "fast"], "--speed"),
        (["paper", "extra"], "see 'gnomon paper --help'."),
        (["replay", "--speed", "1"], "--speed"),
        (["simulate", "--seeds", "0"], "--seeds"),
        (["explain"], "see 'gnomon explain --help'."),
        (["backtest"], "Name a market"),
        (["strategy", "new", "Bad-Name"], "small letters"),
        (["strategy", "check", "nobody"], "no [strategy.nobody]"),
        (["config", "frob"], "see 'gnomon config --help'."),
    ],
)
def test_wrong_words_are_one_sentence(
    capsys: pytest.CaptureFixture[str], words: list[str], hint: str
) -> None:
    """A wrong command line is exit 2, one sentence, nothing on standard output."""
    said = drive(capsys, *words)
    assert said.code == 2
    assert _is_a_sentence(said), said.err
    assert hint in said.err


def test_ctrl_c_is_exit_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An interruption ends with its own code and says that nothing is lost."""

    def interrupted(options: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner_module, "plan_of", interrupted)
    said = drive(capsys, "paper", "--json")
    assert said.code == 130
    assert _is_a_sentence(said)


def test_a_bug_shows_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is nobody's mistake escapes with its trace, which is exit 1."""

    def broken(options: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(runner_module, "plan_of", broken)
    with pytest.raises(ZeroDivisionError):
        main(["paper"])
