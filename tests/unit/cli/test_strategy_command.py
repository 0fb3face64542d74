"""``gnomon strategy``: writes, lists and checks; wrong files are one sentence."""

import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bot.compose_strategies import strategies_of
from bot.domain.errors import UsageError
from bot.settings import settings_from
from bot.study.own_strategy import check_file
from connectors.system import strategy_files
from connectors.system.strategy_files import kind_in, kind_of_entry
from tests.simulation.small import ROOT, drive, write

HEAD = """
import dataclasses
from bot.strategy import SPOT, Decimal, PlaceOrder, Scheduled, Side
from bot.strategy import dataclass, decimal, trade, whole


@dataclass(frozen=True, kw_only=True)
class Mine(Scheduled):
    \"\"\"Mine.\"\"\"

    share: Decimal = decimal("0.5", low="0", high="1")
    count: int = whole(3, low=1, high=5)

    def decide(self, view, due_at):
"""


def mine(folder: Path, decide: str, head: str = HEAD) -> Path:
    """A strategy's file whose decision is this line."""
    return write(folder / "mine.py", f"{head}        {decide}\n")


def test_new_writes_files_that_work(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The test it writes passes as it stands; a second time nothing is overwritten."""
    said = drive(capsys, "strategy", "new", "my_idea", "--folder", tmp_path)
    assert said.code == 0
    names = {"my_idea.py", "test_my_idea.py", "my_idea.toml"}
    assert {path.name for path in tmp_path.iterdir()} == names
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    before = (tmp_path / "my_idea.py").read_bytes()
    again = drive(capsys, "strategy", "new", "my_idea", "--folder", tmp_path)
    assert again.code == 2
    assert "nothing was written" in again.err
    assert (tmp_path / "my_idea.py").read_bytes() == before


def test_list_shows_every_kind_with_its_parameters(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Ours, and the file that the settings name; one that does not import is told."""
    mine(tmp_path, "return []")
    write(tmp_path / "bad.py", "1 / 0\n")
    config = write(
        tmp_path / "g.toml",
        '[strategy.mine]\npath = "mine.py"\n[strategy.bad]\npath = "bad.py"\n',
    )
    answer = drive(capsys, "strategy", "list", "--config", config, "--json").answer()
    rows = {row["kind"]: row for row in answer["strategies"]}
    ours = {"auto_repay", "beta_hedge", "diversified_beta", "funding_arbitrage"}
    assert set(rows) == {*ours, "mine"}
    assert rows["mine"]["parameters"][0] == {
        "name": "share",
        "default": "0.5",
        "must_be": "a number at least 0 and at most 1",
        "meaning": "",
    }
    assert rows["beta_hedge"]["schedule"] == "every 15m"
    assert all(row["summary"] for row in rows.values())
    (failed,) = answer["failed"]
    assert "ZeroDivisionError: division by zero, at line 1 of bad.py" in failed


def test_the_list_fits_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eighty columns hold each parameter's name and range on lines of its own kind."""
    monkeypatch.setenv("COLUMNS", "80")
    lines = drive(capsys, "strategy", "list").out.splitlines()
    assert max(map(len, lines)) <= 80
    begun = lines.index("beta_hedge  built in, every 15m")
    below = lines[begun : begun + 14]
    assert any(
        " ".join(row.split()) == "leverage 3 a number at least 1 and at most 125"
        for row in below
    )
    assert [row for row in lines if "max_cost_share" in row]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"shares": "0.1"}, "[strategy.mine] shares is not known; did you mean share?"),
        ({"share": "2"}, "[strategy.mine] share must be a number at least 0"),
        ({"share": True}, "[strategy.mine] share must be a number"),
        ({"count": "2.5"}, "[strategy.mine] count must be a whole number"),
        ({"schedule": ""}, "A schedule must not be empty"),
        ({"overlay": {"stop_loss": "0.1"}}, "needs a strategy that claims"),
        ({"overlay": {"stoploss": "0.1"}}, "[strategy.mine.overlay] stoploss is not"),
        ({"path": "none.py"}, "none.py cannot be read"),
        ({"path": ""}, "[strategy.mine] path must be the name"),
        ({"kind": "mine"}, "no kind beside it"),
    ],
)
def test_a_wrong_table_is_one_sentence(
    tmp_path: Path, table: dict[str, object], words: str
) -> None:
    """It names the table and the key, and nothing starts."""
    mine(tmp_path, "return []")
    with pytest.raises(UsageError) as refused:
        strategies_of(
            settings_from(
                {}, {"strategy": {"mine": {"path": "mine.py", **table}}}, tmp_path
            ).strategies
        )
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("raise SystemExit", "does not import: SystemExit"),
        ("def f(:", "does not import: SyntaxError"),
        ("import nobody_has_this", "ModuleNotFoundError"),
        ("x = 1", "exactly one class that extends Scheduled, found none"),
        (f"{HEAD}        return []\nclass Other(Mine): ...", "found Mine, Other"),
        (
            HEAD.replace("@dataclass(frozen=True, kw_only=True)", "") + "        pass",
            "@da",
        ),
        (
            HEAD.replace('decimal("0.5",', 'decimal("9",') + "        pass",
            "the default of share must be a number at least 0 and at most 1, was 9.",
        ),
        (
            HEAD.replace(" = whole(3, low=1, high=5)", "") + "        pass",
            "count has no default; declare one, such as count = whole(3, low=1, hig",
        ),
    ],
)
def test_a_file_that_is_no_strategy_is_one_sentence(
    tmp_path: Path, text: str, words: str
) -> None:
    """Whatever it raises when it is imported."""
    path = write(tmp_path / "mine.py", text)
    with pytest.raises(UsageError) as refused:
        kind_in(path)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_guard_cannot_be_impersonated() -> None:
    """The guard's and the operator's names are not for strategies."""
    with pytest.raises(UsageError, match="cannot be named guard"):
        settings_from({}, {"strategy": {"guard": {"kind": "auto_repay"}}})


@pytest.mark.parametrize(
    ("decide", "words"),
    [
        ("return [1 / 0]", "mine raised ZeroDivisionError"),
        ("return [self._of(0.001)]", "whose qty is 0.001; it must be a finite"),
        ("return [self._of(Decimal('nan'))]", "whose qty is Decimal('NaN'); it must"),
        ("return [3]", "mine returned 3 in its list; each must be a proposal"),
        (
            "Mine.seen = getattr(Mine, 'seen', 0) + 1; return self._if(view)",
            "differently",
        ),
    ],
)
def test_check_finds_what_is_wrong(tmp_path: Path, decide: str, words: str) -> None:
    """A fault, an answer that is none, a memory between two calls."""
    path = mine(tmp_path, decide)
    helper = """
    def _if(self, view):
        if Mine.seen % 3 or view.mark("BTC") is None:
            return []
        return [self.propose(trade(view, SPOT, "BTC-USDT", Decimal("0.001")), "third")]

    def _of(self, qty):
        order = PlaceOrder(account=SPOT, symbol="BTC-USDT", side=Side.BUY, qty=qty)
        return self.propose(order, "wrong")
"""
    path.write_text(path.read_text(encoding="utf-8") + helper, encoding="utf-8")
    found = check_file(path)
    assert any(words in problem for problem in found.problems)
    assert all(trial.asked for trial in found.trials)


@pytest.mark.parametrize(
    "line", ["import random", "import os.path", "from time import time", "open('x')"]
)
def test_check_reads_what_reaches_out(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, line: str
) -> None:
    """The line is named; exit 4, with the object on standard output."""
    text = line if "import" in line else f"def f():\n    {line}"
    path = mine(tmp_path, "return []", f"{text}\n{HEAD}")
    said = drive(capsys, "strategy", "check", path, "--json")
    assert said.code == 4
    answer = json.loads(said.out)
    assert answer["ok"] is False
    assert "mine.py" in answer["problems"][0]


def test_check_takes_a_strategy_of_the_settings_with_its_parameters(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """By its name; one of ours like any other."""
    config = write(
        tmp_path / "g.toml",
        '[strategy.carry]\nkind = "funding_arbitrage"\n'
        'coins = ["SOL"]\nmin_carry = 0\n',
    )
    words = ("strategy", "check", "carry", "--config", config, "--json")
    answer = drive(capsys, *words).answer()
    assert answer["ok"] is True
    assert answer["parameters"]["coins"] == "SOL"


def test_an_entry_point_is_found_by_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an installed package offers is built like ours; a broken one is told."""
    mine(tmp_path, "return []")
    monkeypatch.syspath_prepend(str(tmp_path))
    good = EntryPoint("theirs", "mine:Mine", strategy_files.GROUP)
    bad = EntryPoint("broken", "mine:Nobody", strategy_files.GROUP)
    strategy = kind_of_entry(good)("mine", "every 5m", {"share": "0.25"})
    assert [job.schedule for job in strategy.jobs] == ["every 5m"]
    with pytest.raises(UsageError, match="does not import: AttributeError"):
        kind_of_entry(bad)
