"""The page about own strategies is real: its code runs in check, replay and paper."""

import re
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from bot.compose_strategies import strategies_of
from bot.domain.intents import Approved, PlaceOrder
from bot.settings import settings_from
from storage.reader import JournalReader
from tests.simulation.small import Said, drive, market, write

PAGE = Path(__file__).parents[3] / "docs" / "strategy.md"
ACCOUNT = '[spot]\nUSDT = "1000"\n'
WALK = [100.0 + (number % 7) for number in range(61)]


def block(language: str) -> str:
    """The first block of the page in a language."""
    found = re.search(
        rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    assert found is not None
    return found[1]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with what the page tells a newcomer to write, and a small market."""
    write(tmp_path / "keep_share.py", block("python"))
    write(tmp_path / "gnomon.toml", block("toml"))
    write(tmp_path / "account.toml", ACCOUNT)
    market(tmp_path / "market", {"BTC": WALK})
    return tmp_path


def ran(capsys: pytest.CaptureFixture[str], home: Path, *words: str) -> Said:
    """A run of the page's settings on the small market."""
    return drive(
        capsys,
        *words,
        *("--market", home / "market", "--account", home / "account.toml"),
        *("--config", home / "gnomon.toml", "--json"),
        *("--journal", home / f"{words[0]}.sqlite"),
    )


def approved(path: Path) -> Iterator[tuple[str, Approved]]:
    """What was let pass of the newcomer's strategy, with its time."""
    with JournalReader.open(path) as reader:
        for stored in reader.entries("Approved"):
            body = stored.entry.body
            if isinstance(body, Approved) and body.owner == "mine":
                yield stored.entry.at.isoformat(), body


def test_the_code_of_the_page_is_eighteen_lines() -> None:
    """What decides, from the class to its end, without blank lines and docstring."""
    lines = block("python").partition("@dataclass")[2].splitlines()[1:]
    code = [line for line in lines if line.strip() and '"""' not in line]
    assert len(code) == 18


def test_the_newcomers_strategy_passes_its_check(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    """No problem, and something was let pass on the synthetic markets."""
    said = drive(capsys, "strategy", "check", home / "keep_share.py", "--json")
    answer = said.answer()
    assert answer["ok"] is True
    assert answer["problems"] == []
    assert sum(trial["approved"] for trial in answer["trials"]) > 0


def test_the_newcomers_strategy_runs_in_replay_and_paper_unchanged(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    """Both make the same requests at the same times, a quarter of the account first."""
    replayed = ran(capsys, home, "replay").answer()
    papered = ran(capsys, home, "paper", "--speed", "0").answer()
    asked = list(approved(home / "replay.sqlite"))
    assert asked == list(approved(home / "paper.sqlite"))
    assert asked[0][0] == "2025-01-01T00:05:00+00:00"
    first = asked[0][1].intent
    assert isinstance(first, PlaceOrder)
    assert 2 <= first.qty <= Decimal("2.5")
    assert replayed["equity_end"] == papered["equity_end"]
    assert replayed["fills"] > 0


def test_every_settings_block_of_the_page_is_built(home: Path) -> None:
    """Each block passes the settings' validation, overlays and all."""
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 2
    for each in blocks:
        settings = settings_from({}, tomllib.loads(each, parse_float=Decimal), home)
        assert all(strategy.jobs for strategy in strategies_of(settings.strategies))


def test_the_settings_of_the_page_name_a_file_beside_them(home: Path) -> None:
    """The path begins at the folder of the settings, not at the current one."""
    assert (home / "keep_share.py").exists()
    assert 'path = "keep_share.py"' in block("toml")
