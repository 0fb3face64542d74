"""The pages are real: their commands, options, links, files and sentences exist."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.cli import main
from bot.settings import settings_from
from bot.settings_keys import ENVIRONMENT
from connectors.venue.server.key_file import parse_keys

ROOT = Path(__file__).parents[3]
PAGES = (
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def text_of(page: str) -> str:
    """One page."""
    return (ROOT / page).read_text(encoding="utf-8")


def commands_of(page: str) -> Iterator[list[str]]:
    """The commands of a page, as words after ``gnomon``; comments are cut off."""
    text = text_of(page)
    for _, block in _FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            yield from _command(re.split(r" {3,}| +#", line.strip())[0])
    for span in _INLINE.findall(_FENCE.sub("", text)):
        yield from _command(span)


def _command(line: str) -> Iterator[list[str]]:
    """A line that is a command of ours; ``a|b|c`` stands for three commands."""
    words = re.sub(r"\s*(>|<|&|\|\s).*", "", line).split()
    if len(words) < 2 or words[0] != "gnomon" or words[1] == "COMMAND":
        return
    words = [word for word in words if word != "..."]
    words = shlex.split(" ".join(words))[1:]
    several = next((w for w in words if "|" in w), None)
    for choice in [None] if several is None else several.split("|"):
        yield [w if w != several else str(choice) for w in words]


def path_of(words: list[str]) -> tuple[str, ...]:
    """The command and, in a group, its subcommand."""
    groups = {"risk", "guard", "study", "journal", "venue", "data", "config"}
    groups |= {"strategy"}
    return tuple(words[: 2 if words[0] in groups else 1])


def help_of(
    path: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """What ``gnomon COMMAND --help`` prints."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    with pytest.raises(SystemExit) as ended:
        main([*path, "--help"])
    said = capsys.readouterr()
    assert ended.value.code == 0, f"gnomon {' '.join(path)}: {said.err}"
    return said.out


def test_every_command_of_the_pages_exists_with_its_options(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No page names a command or an option that the program does not have."""
    wanted: dict[tuple[str, ...], set[str]] = {}
    for page in PAGES:
        for words in commands_of(page):
            options = {w.split("=")[0] for w in words if w.startswith("--")}
            wanted.setdefault(path_of(words), set()).update(options)
    assert len(wanted) > 25
    for path, options in sorted(wanted.items()):
        known = help_of(path, capsys, monkeypatch)
        missing = {o for o in options if not re.search(rf"{o}(?![\w-])", known)}
        assert not missing, f"gnomon {' '.join(path)} has no {missing}"


def test_every_command_of_the_program_is_on_a_page(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What the program can do, some page shows how to use."""
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = capsys.readouterr().out.partition("Commands:")[2].partition("\n\n")[0]
    names = {line.split()[0] for line in listed.strip().splitlines()}
    shown = {words[0] for page in PAGES for words in commands_of(page)}
    assert names <= shown, f"no page shows {sorted(names - shown)}"


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(page: str) -> None:
    """A link of a page to another file of the house finds it."""
    for target in _LINK.findall(text_of(page)):
        if "://" not in target and not target.startswith("#"):
            path = (ROOT / page).parent / target.partition("#")[0]
            assert path.exists(), f"{page} links to {target}"


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_exists(page: str) -> None:
    """A module, a test or a script that a page names is there."""
    for span in _INLINE.findall(_FENCE.sub("", text_of(page))):
        is_ours = re.match(
            r"(bot|connectors|storage|strategies|tests|benchmarks)/", span
        )
        if is_ours and not re.search(r"[ *<{]", span):
            assert list(ROOT.glob(span.partition(":")[0])), f"{page} names {span}"


def blocks_between(page: str, begin: str, end: str) -> list[str]:
    """The fenced blocks of a part of a page."""
    part = text_of(page).partition(begin)[2].partition(end)[0]
    return [block for _, block in _FENCE.findall(part)]


def test_the_rehearsal_of_the_readme_is_one_setting() -> None:
    """Its key is the venue's key, its addresses and its clock are the venue's."""
    serve, live, *_ = blocks_between("README.md", "### 4. Rehearse", "### 5. Arm")
    heredoc = re.compile(r"<<'END'\n(.*?)^END$", re.DOTALL | re.MULTILINE)
    [keys], [env] = heredoc.findall(serve), heredoc.findall(live)
    [key] = parse_keys(keys, "README.md")
    environment = dict(line.split("=", 1) for line in env.splitlines())
    settings = settings_from(environment, {})
    assert environment.keys() <= ENVIRONMENT.keys()
    assert settings.api_key.reveal() == key.key
    assert settings.api_secret.reveal() == key.secret
    assert settings.api_passphrase.reveal() == key.passphrase
    port, speed = re.findall(r"--port (\d+) .*--clock x(\d+)", serve)[0]
    assert settings.spot_url == f"http://127.0.0.1:{port}"
    assert settings.futures_url == f"http://127.0.0.1:{int(port) + 1}"
    assert settings.clock_rate == int(speed)
    assert settings.is_live_armed


def sentences() -> set[str]:
    """Every text of the program, joined as the compiler joins it."""
    found = set()
    for package in ("bot", "connectors", "storage", "strategies"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    found.add(_joined(node))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(node.value)
    return found


def _joined(node: ast.JoinedStr) -> str:
    """An f-string with an ellipsis for each value."""
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else _ELLIPSIS
        for part in node.values
    )


def test_every_sentence_to_look_up_is_one_that_the_program_says() -> None:
    """The first column of the table of sentences quotes the program word for word."""
    part = text_of("docs/live.md").partition("## What to do about a sentence")[2]
    rows = re.findall(r"^\| `([^`]+)` \|", part, re.MULTILINE)
    assert len(rows) > 25
    said = "\n".join(sentences())
    loose = [
        row
        for row in rows
        if not re.search(r"[^\n]*?".join(map(re.escape, row.split(_ELLIPSIS))), said)
    ]
    assert not loose, "\n".join(loose)


def test_every_setting_of_a_page_is_known() -> None:
    """``.env`` names of the pages are those that the program reads."""
    for page in PAGES:
        names = re.findall(r"\b(?:KUCOIN|GNOMON)_[A-Z_]+\b", text_of(page))
        assert set(names) <= {*ENVIRONMENT, "GNOMON_SHARED"}, page


def test_every_settings_block_is_toml() -> None:
    """What a page marks as TOML can be read as TOML."""
    for page in PAGES:
        for language, block in _FENCE.findall(text_of(page)):
            if language == "toml":
                tomllib.loads(block)
