"""``gnomon paper`` and ``replay``: what is wrong with the inputs is said at once."""

import re
from pathlib import Path

import pytest

from tests.simulation.small import LEVERED, Said, drive, market, write


class _Desk:
    """A folder with a market and an account, and a terminal in it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.market = market(folder / "m", {"BTC": [50000.0 + i for i in range(5)]})
        self.account = write(folder / "account.toml", LEVERED)

    def replay(self, *words: str | Path) -> Said:
        """Replay the market with the account and further words."""
        both = ("--market", self.market, "--account", self.account)
        return drive(self._capsys, "replay", *both, *words)

    def run(self, *words: str | Path) -> Said:
        """Any command."""
        return drive(self._capsys, *words)


@pytest.fixture
def desk(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> _Desk:
    """A desk in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return _Desk(tmp_path, capsys)


def _refused(said: Said, desk: _Desk) -> str:
    """The sentence of a refusal that left nothing behind."""
    assert (said.code, said.out) == (2, ""), said.err
    assert re.fullmatch(r"gnomon: [^\n]+[.?]\n", said.err), said.err
    assert sorted(p.name for p in desk.folder.iterdir() if p.name != "x") == [
        "account.toml",
        "m",
    ]
    return said.err


@pytest.mark.parametrize("speed", ["-1", "nan", "inf", "-inf", "-0.001"])
def test_a_speed_is_a_number_of_seconds(desk: _Desk, speed: str) -> None:
    """A speed that time cannot pass at is refused before anything is done."""
    words = ("paper", "--market", desk.market, "--account", desk.account)
    said = desk.run(*words, f"--speed={speed}", "--json")
    assert "--speed must be a number" in _refused(said, desk)


@pytest.mark.parametrize("option", ["--start", "--end"])
@pytest.mark.parametrize(
    "time",
    [
        "yesterday",
        "",
        "2025-01-01T00:01:00",
        "2025-01-01",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_a_time_has_a_zone(desk: _Desk, option: str, time: str) -> None:
    """A time without a zone, or that is none, is refused by its option's name."""
    sentence = _refused(desk.replay(f"{option}={time}", "--json"), desk)
    assert f"{option} must be a time with a zone" in sentence


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--start", "2024-12-31T23:59:00Z"], "stay inside it"),
        (["--end", "2025-01-01T00:05:00Z"], "stay inside it"),
        (["--start", "2025-01-01T00:04:00Z"], "must lie before end"),
        (["--start", "2025-01-01T00:01:00.5Z"], "whole second"),
    ],
)
def test_a_part_lies_inside_the_window(
    desk: _Desk, words: list[str], hint: str
) -> None:
    """A start or an end outside the market's window is refused."""
    assert hint in _refused(desk.replay(*words), desk)


def test_times_in_another_zone_are_the_same_part(desk: _Desk) -> None:
    """A part may be named in any zone; the answer is in UTC."""
    said = desk.replay(
        *("--start", "2025-01-01T02:01:00+02:00", "--end", "2025-01-01T00:02:00Z"),
        "--json",
    )
    answer = said.answer()
    assert (answer["start"], answer["end"]) == (
        "2025-01-01T00:01:00Z",
        "2025-01-01T00:02:00Z",
    )


@pytest.mark.parametrize("number", ["x", "", "0", "-1", "nan", "inf", "1e9", "100.01"])
def test_a_multiplier_of_rates_has_a_range(desk: _Desk, number: str) -> None:
    """Borrow rates are multiplied by something over 0 and at most 100."""
    sentence = _refused(desk.replay(f"--borrow-x={number}"), desk)
    assert "--borrow-x must be a number over 0 and at most 100" in sentence


def test_borrowing_three_times_as_dear_costs_three_times(desk: _Desk) -> None:
    """The multiplier reaches the interest that is charged."""
    paid = [
        float(desk.replay("--json", "--borrow-x", x).answer()["pnl"]["interest"])
        for x in ("1", "3")
    ]
    assert paid[0] < 0
    assert paid[1] == pytest.approx(3 * paid[0], rel=1e-6)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--scenario", "crash", "--market", "m"], "not both"),
        (["--market", "kucoin"], "cannot be replayed"),
        (["--market", "nowhere"], "cannot be read"),
        (["--market", "."], "market.toml cannot be read"),
        (["--scenario", "boom"], "There is no scenario 'boom'"),
        (["--scenario", "crash", "--start", "2025-01-01T00:00:00Z"], "--market"),
        (["--account", "nowhere.toml"], "nowhere.toml cannot be read"),
        (["--account", "."], "cannot be read"),
        (["--config", "nowhere.toml"], "nowhere.toml does not exist"),
    ],
)
def test_what_is_not_there_is_named(desk: _Desk, words: list[str], hint: str) -> None:
    """A market, account or settings file that cannot be had is exit 2."""
    assert hint in _refused(desk.run("replay", *words, "--json"), desk)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('[spot]\nSOL = "1"\n', "spot.SOL holds or owes SOL"),
        ('[margin_cross]\nprincipal = {SOL = "1"}\n', "SOL"),
        ('[[futures.position]]\nsymbol = "SOLUSDTM"\nlots = 1\n', "SOLUSDTM"),
        ('[[futures.position]]\nsymbol = "SOLUSDM"\nlots = 1\n', "SOLUSDM"),
        ('[margin_isolated."SOL-USDT"]\nbalance = {USDT = "1"}\n', "SOL-USDT"),
        ("spot = 1\n", "spot must be a table"),
        ('[spot]\nBTC = "many"\n', "spot.BTC must be"),
        ("[spott]\n", "spott is not a key"),
    ],
)
def test_an_account_fits_its_market(desk: _Desk, text: str, hint: str) -> None:
    """An account that holds, owes or trades what the market lacks is refused."""
    desk.account = write(desk.folder / "x", text)
    assert hint in _refused(desk.replay("--json"), desk)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[guard]\nact_distence = 0.1\n", "did you mean guard.act_distance?"),
        ("[guard]\nact_distance = '1.5'\n", "at most 1, was '1.5'"),
        ("[guard]\nact_distance = 1.5\n", "at most 1, was 1.5"),
        ("[strategy.foo]\nkind = 'nope'\n", "'nope' is not known"),
        ("[guard\n", "is not TOML"),
    ],
)
def test_settings_are_checked_before_the_run(desk: _Desk, text: str, hint: str) -> None:
    """A broken settings file is exit 2 with the key, and nothing is left behind."""
    assert hint in _refused(
        desk.replay("--config", write(desk.folder / "x", text)), desk
    )


def test_a_rules_file_that_is_broken_is_named(desk: _Desk) -> None:
    """KuCoin bodies that a market names and that are none are exit 2."""
    rules = write(desk.folder / "m" / "rules.json", "[1]")
    text = desk.market.read_text(encoding="utf-8")
    write(
        desk.market,
        text.replace("[[instrument]]", "rules = 'rules.json'\n[[instrument]]", 1),
    )
    assert "rules.json" in _refused(desk.replay("--json"), desk)
    write(rules, "{")
    assert "rules.json" in _refused(desk.replay("--json"), desk)


@pytest.mark.parametrize("name", ["m", ".", ".."])
def test_a_folder_is_no_journal(desk: _Desk, name: str) -> None:
    """A journal is a file; a folder is refused before the run."""
    assert "is a folder" in _refused(desk.replay("--journal", name), desk)


def test_a_report_needs_a_place(desk: _Desk) -> None:
    """Where the report cannot go the run does not begin."""
    (desk.folder / "x" / "j.html").mkdir(parents=True)
    sentence = _refused(desk.replay("--journal", desk.folder / "x" / "j.sqlite"), desk)
    assert "j.html is a folder" in sentence
