"""What the live bot logs never shows."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

from bot.cli.logs import open_log, redacted
from bot.domain.errors import UsageError


@pytest.fixture(autouse=True)
def own_sinks() -> Iterator[None]:
    """Leave no sink behind."""
    yield
    logger.remove()
    logger.configure(patcher=lambda record: None)


@pytest.mark.parametrize(
    "text",
    [
        "wss://x/endpoint?token=abc123&connectId=1",
        "KC-API-PASSPHRASE passphrase=abc123",
        'api "secret=abc123"',
        "key 4942734d-b483-5a03-3ac0-b74bee6aabc1",
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str) -> None:
    """By name or by form."""
    hidden = redacted(text)
    assert "abc1" not in hidden
    assert "***" in hidden


def test_control_characters_do_not_reach_a_terminal() -> None:
    """An exchange's words cannot move the cursor."""
    assert redacted("a\x1b[2Jb\x07") == "a?[2Jb?"


def test_the_file_has_one_redacted_line_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quiet log writes everything to its file, and warnings where nobody looks."""
    errors = io.StringIO()
    monkeypatch.setattr("sys.stderr", errors)
    open_log(tmp_path / "runs", is_quiet=True)
    logger.info("asked with {}", "token=abc")
    logger.warning("a feed is silent")
    (line, warning) = (tmp_path / "runs" / "gnomon.log").read_text().splitlines()
    assert line.endswith("asked with token=***")
    assert "WARNING" in warning
    assert "token" not in errors.getvalue()
    assert "a feed is silent" in errors.getvalue()


def test_a_folder_that_takes_nothing_is_named_with_a_way_out(tmp_path: Path) -> None:
    """Before the exchange is asked anything; a file in its place is such a folder."""
    folder = tmp_path / "runs"
    folder.write_text("not a folder")
    for place in (folder, folder / "live"):
        with pytest.raises(UsageError, match=f"written in {place}, .*--journal"):
            open_log(place, is_quiet=True)


def test_a_trace_shows_no_values(tmp_path: Path) -> None:
    """Values of local variables may be secrets."""
    open_log(tmp_path, is_quiet=True)
    with pytest.raises(ZeroDivisionError), logger.catch(reraise=True):
        fail("hunter2")
    text = (tmp_path / "gnomon.log").read_text()
    assert "ZeroDivisionError" in text
    assert "hunter2" not in text.replace('fail("hunter2")', "")


def fail(secret: str) -> float:
    """Break while a secret is at hand."""
    return 1 / (len(secret) - len(secret))
