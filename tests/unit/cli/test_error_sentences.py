"""An error of any command is one signed sentence on standard error."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from typer._click import Context

from bot import cli
from bot.cli.sentences import say
from tests.simulation.small import drive

_WORDS: Final = {
    "table": "runs",
    "identifier": "r1",
    "coin": "USDT",
    "amount": "1",
    "source": "main",
    "target": "margin",
    "symbols": "BTC-USDT",
    "begin": "2025-01-02",
    "to": "2025-01-01",
}
"""Words that are sound, for what a command asks beside a file."""
_BAD: Final = {
    "--config": "none.toml",
    "--journal": "none.sqlite",
    "--market": "none.toml",
    "--seeds": "0",
}
"""Options that make any command fail at once: the file is not there."""


def _leaves(command: Any, path: Sequence[str] = ()) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words."""
    if not hasattr(command, "list_commands"):
        yield " ".join(path), command
        return
    context = Context(command)
    for name in command.list_commands(context):
        yield from _leaves(command.get_command(context, name), [*path, name])


COMMANDS: Final = dict(_leaves(typer.main.get_command(cli._app)))  # noqa: SLF001 - all commands hang there


def _bad_words(command: Any) -> Iterator[str]:
    """What the command is given: sound words, and files that are not there."""
    for asked in command.params:
        word = _WORDS.get(asked.name, "none.file")
        if asked.param_type_name == "argument":
            yield word
        elif asked.required:
            yield from (asked.opts[0], word)
        for option in asked.opts:
            if option in _BAD:
                yield from (option, _BAD[option])


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_file_that_is_not_there_is_one_signed_sentence(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
) -> None:
    """Exit 2 to 5, ``gnomon: `` before the sentence, nothing on standard output."""
    monkeypatch.chdir(tmp_path)
    words = [*name.split(), *_bad_words(COMMANDS[name])]
    said = drive(capsys, *words)
    assert said.code in {2, 3, 4, 5}, said
    assert re.fullmatch(r"gnomon: [^\n]+[.?]\n", said.err), said
    assert said.out == ""


def test_a_sentence_is_signed_and_steers_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A name from outside cannot clear the screen or begin a line of its own."""
    say("no \x1b[2J file\nroot: all is well")
    assert capsys.readouterr().err == "gnomon: no \ufffd[2J file root: all is well\n"
