"""The study as a person drives it: markets found, shapes fitted, rows and answer."""

import json
import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.cli.study_kept import KeptFile
from bot.domain.errors import UsageError
from bot.settings import settings_from
from bot.study.guard import QUICK, WHOLE, jobs_of
from bot.study.markets import Source, find_markets, survey
from bot.study.rows import POLICIES, rows_of
from bot.study.shapes import Shape, Size, account_of, fitted
from bot.study.summary import summary_of
from tests.simulation.small import drive, market
from tests.unit.markets.build import candles, flat, manifest
from tests.unit.study.small import usdt

_HOUR = 60


def _fall(count: int, bottom: float) -> list[float]:
    """A slow slide to a bottom in the middle and half of the way back."""
    half = count // 2
    down = [100 - (100 - bottom) * place / half for place in range(half)]
    up = [bottom + (100 - bottom) * place / half / 2 for place in range(count - half)]
    return [*down, *up]


def _source(folder: Path, coins: dict[str, list[float]]) -> Source:
    market(folder, coins, volume=60_000.0)
    return Source(name=folder.name, path=folder)


def test_markets_are_manifests_and_folders_by_name(tmp_path: Path) -> None:
    """``*.toml`` and folders with ``market.toml`` are found, sorted; others are not."""
    market(tmp_path / "b-window", {"BTC": [100.0] * 5})
    (tmp_path / "a-window.toml").write_text("", encoding="utf-8")
    (tmp_path / "notes").mkdir()
    assert [s.name for s in find_markets(tmp_path)] == ["a-window", "b-window"]


def test_a_folder_without_markets_is_refused(tmp_path: Path) -> None:
    """The sentence says what is looked for."""
    with pytest.raises(UsageError, match="no market manifest"):
        find_markets(tmp_path)
    with pytest.raises(UsageError, match="is no folder"):
        find_markets(tmp_path / "absent")


def test_a_market_without_bitcoin_has_another_leader(tmp_path: Path) -> None:
    """Shapes take the coins that there are, and keep their order."""
    seen = survey(_source(tmp_path / "alts", {"ABC": _fall(30, 90), "XYZ": [1.0] * 30}))
    shapes, missing = fitted(seen, "whole")
    assert seen.leader == "ABC"
    assert {s.name: s.coins for s in shapes} == {
        "long": ("ABC",),
        "short": ("ABC", "XYZ"),
        "carry": ("ABC",),
        "reverse_carry": ("ABC",),
        "mix": ("ABC", "XYZ"),
    }
    assert missing == ()


def test_a_market_of_one_coin_says_which_shapes_it_lacks(tmp_path: Path) -> None:
    """Bitcoin alone carries no alt short and no mix, each with its sentence."""
    seen = survey(_source(tmp_path / "lone", {"BTC": _fall(30, 90)}))
    shapes, missing = fitted(seen, "whole")
    assert [s.name for s in shapes] == ["long", "carry", "reverse_carry"]
    assert len(missing) == 2
    assert "lone whole: no short" in missing[0]
    assert "lone whole: no mix" in missing[1]


def test_a_coin_that_begins_late_is_in_no_account(tmp_path: Path) -> None:
    """Only coins that trade from the start to the end of the part are held."""
    folder = tmp_path / "late"
    folder.mkdir()
    candles(folder / "X_BTCUSDT_spot_1m.parquet", flat(20))
    candles(
        folder / "X_NEWUSDT_spot_1m.parquet",
        flat(10),
        first_ms=1_735_689_600_000 + 10 * 60_000,
    )
    files = {c: {"spot": f"X_{c}USDT_spot_1m.parquet"} for c in ("BTC", "NEW")}
    manifest(folder, files, end="2025-01-01T00:20:00Z")
    seen = survey(Source(name="late", path=folder))
    assert seen.coins["whole"] == ("BTC",)


def test_the_rise_begins_at_the_lowest_mark(tmp_path: Path) -> None:
    """And only where half a day of it is left."""
    prices = [*_fall(20 * _HOUR, 80)[: 10 * _HOUR + 1], *[90.0] * 13 * _HOUR]
    long = survey(_source(tmp_path / "long", {"BTC": prices}))
    short = survey(_source(tmp_path / "short", {"BTC": _fall(60, 80)}))
    bottom = long.description.start + timedelta(hours=10)
    assert abs(long.parts["rise"].start - bottom) < timedelta(minutes=2)
    assert "rise" not in short.parts
    assert "no rising part" in short.left_out[0]


def test_a_longer_market_is_cut_around_its_steepest_fall(tmp_path: Path) -> None:
    """The quick table looks at a third before the bottom and the rest after."""
    prices = [100 - 30 * math.exp(-((m - 600) ** 2) / 2000) for m in range(900)]
    seen = survey(_source(tmp_path / "cut", {"BTC": prices}), timedelta(hours=3))
    whole = seen.parts["whole"]
    assert whole.span == timedelta(hours=3)
    bottom = seen.description.start + timedelta(hours=10)
    assert abs(whole.start + timedelta(hours=1) - bottom) < timedelta(minutes=2)


@pytest.mark.parametrize("leverage", [2, 3, 4, 5])
@pytest.mark.parametrize("name", ["long", "short", "carry", "reverse_carry"])
def test_capital_is_the_equity_of_all_accounts(name: str, leverage: int) -> None:
    """Whatever the shape and its leverage, the parts sum to the capital."""
    shape = Shape(name=name, coins=("BTC",), perp="XBTUSDTM")
    size = Size(leverage=leverage, capital=Decimal(90_000), reserve=Decimal("0.2"))
    account = account_of(shape, size)
    margin = account.margin_cross
    assert margin is not None
    owned = sum(a.number for a in margin.balance.values())
    owed = sum(a.number for a in margin.principal.values())
    others = sum(a.number for a in (*account.wallet.values(), *account.main.values()))
    assert owned - owed + others == 90_000
    assert owned / (owned - owed) == leverage


def test_the_other_sizes_run_on_the_two_deepest_markets(tmp_path: Path) -> None:
    """10,000, 1,000,000, a reserve and dear loans, where the fall is the largest."""
    bottoms = {"mild": 98.0, "hard": 70.0, "harder": 60.0}
    seen = [
        survey(_source(tmp_path / name, {"BTC": _fall(60, bottom)}))
        for name, bottom in bottoms.items()
    ]
    jobs, _ = jobs_of(seen, settings_from({}, {}), WHOLE)
    odd = [j for j in jobs if j.size not in {Size(leverage=n) for n in (2, 3, 4, 5)}]
    assert {j.source.name for j in odd} == {"hard", "harder"}
    assert len(odd) == 2 * 3 * 4
    quick, _ = jobs_of(seen, settings_from({}, {}), QUICK)
    assert {j.size.leverage for j in quick} == {3, 5}


def test_a_crash_of_known_depth_makes_the_rows_that_it_must(tmp_path: Path) -> None:
    """Nobody is liquidated beyond its distance; the bound stands under the guard."""
    seen = survey(_source(tmp_path / "crash", {"BTC": _fall(600, 75)}))
    jobs, _ = jobs_of([seen], settings_from({}, {}), QUICK)
    job = next(j for j in jobs if j.shape.name == "long" and j.size.leverage == 5)
    rows = {str(row["policy"]): row for row in rows_of(job)}
    assert tuple(rows) == POLICIES
    assert rows["none"]["liquidations"] == 1
    assert rows["gnomon"]["liquidations"] == 0
    assert rows["gnomon"]["survivable"] is True
    bound = usdt(rows["clairvoyant"]["cost"])
    assert 0 < bound <= usdt(rows["clairvoyant_late"]["cost"])
    assert bound <= usdt(rows["gnomon"]["cost"])
    regret = (usdt(rows["gnomon"]["cost"]) - bound) / usdt(
        rows["gnomon"]["equity_start"]
    )
    assert usdt(rows["gnomon"]["cost_regret"]) == pytest.approx(
        regret, abs=Decimal("1e-7")
    )
    assert rows["gnomon"]["resolution"] == "1m"


def test_the_summary_names_what_was_lost_though_it_could_be_saved() -> None:
    """A lost row is listed where the late clairvoyant survives, and only there."""
    usual = {
        "market": "m",
        "part": "whole",
        "shape": "long",
        "capital": "100000",
        "reserve": "0",
        "borrow_x": "1",
        "cost": "1",
        "cost_regret": "0.01",
        "end_vs_none": "0",
        "false_alarms": 0,
        "episodes": 1,
    }
    rows = [
        {
            **usual,
            "policy": policy,
            "leverage": leverage,
            "liquidations": 1,
            "survivable": leverage == "3",
        }
        for leverage in ("3", "5")
        for policy in ("none", "losers_first", "gnomon")
    ]
    found = summary_of(rows)
    assert found["lost_though_survivable"] == ["m whole long 3x"]
    assert found["not_survivable"] == ["m whole long 5x"]


def test_the_command_prints_one_object_and_goes_on_after_a_bad_market(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A market that cannot be read is a sentence; the others are in the table."""
    _source(tmp_path / "good", {"BTC": [100.0 + m % 3 for m in range(30)]})
    (tmp_path / "bad.toml").write_text("name = 3", encoding="utf-8")
    words = ("study", "guard", "--markets", tmp_path, "--quick", "--no-squeeze")
    said = drive(capsys, *words, "--json", "--workers", "1")
    answer = said.answer()
    assert {row["market"] for row in answer["rows"]} == {"good"}
    assert len(answer["rows"]) == 3 * 2 * len(POLICIES)
    assert len(answer["failed"]) == 1
    assert answer["failed"][0].startswith("bad: ")
    assert "quick" in answer["scope"]
    assert "6 of 6" in said.err
    assert json.loads(said.out) == answer


def test_a_study_that_was_cut_short_goes_on_where_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows that are kept are not made again, and the answer is the same."""
    _source(tmp_path / "good", {"BTC": [100.0 + m % 3 for m in range(30)]})
    kept = tmp_path / "rows.jsonl"
    asked = ("study", "guard", "--markets", tmp_path, "--quick", "--no-squeeze")
    words = (*asked, "--json", "--workers", "1")
    whole = drive(capsys, *words).answer()
    first = drive(capsys, *words, "--kept", kept)
    assert first.answer() == whole
    lines = kept.read_text(encoding="utf-8").splitlines(keepends=True)
    assert len(lines) == 6

    kept.write_text("".join(lines[:4]) + lines[4][:50], encoding="utf-8")
    again = drive(capsys, *words, "--kept", kept)
    assert again.answer() == whole
    assert "4 of 6 were finished before" in again.err
    assert "2 of 2" in again.err
    assert sorted(kept.read_text(encoding="utf-8").splitlines(keepends=True)) == (
        sorted(lines)
    )

    settings = tmp_path / "other.ini"
    settings.write_text("[guard]\ncooldown_s = 301\n", encoding="utf-8")
    other = drive(capsys, *words, "--kept", kept, "--config", settings)
    assert "were finished before" not in other.err


@pytest.mark.parametrize(
    "line", ["no row\n", '{"job": 3, "rows": []}\n', "[]\n", "a last line", '{"a": 1}']
)
def test_a_file_that_is_no_study_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    """A sentence names the line; nothing is run or written."""
    _source(tmp_path / "good", {"BTC": [100.0 + m % 3 for m in range(30)]})
    kept = tmp_path / "mine.txt"
    kept.write_text(line, encoding="utf-8")
    words = ("study", "guard", "--markets", tmp_path, "--quick", "--no-squeeze")
    said = drive(capsys, *words, "--kept", kept)
    assert (said.code, said.out) == (2, "")
    assert "Line 1 of" in said.err
    assert kept.read_text(encoding="utf-8") == line
    for path in (tmp_path, tmp_path / "absent" / "rows.jsonl"):
        said = drive(capsys, *words, "--kept", path)
        assert (said.code, said.out) == (2, "")
        assert "cannot keep" in said.err


def test_two_studies_do_not_write_to_one_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second is told to wait, or to name another file; then it may go on."""
    _source(tmp_path / "good", {"BTC": [100.0 + m % 3 for m in range(30)]})
    path = tmp_path / "rows.jsonl"
    words = ("study", "guard", "--markets", tmp_path, "--quick", "--no-squeeze")
    with KeptFile(path) as first:
        first.keep("a job", [])
        said = drive(capsys, *words, "--kept", path)
        assert (said.code, said.out) == (2, "")
        assert "Another study writes to" in said.err
    with KeptFile(path) as again:
        assert again.find("a job") == []


@pytest.mark.parametrize("content", [None, "name = 3"], ids=["absent", "bad"])
def test_wrong_input_is_a_sentence_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    """No folder, or none of its markets readable: nothing on standard output."""
    folder = tmp_path / "markets"
    if content is not None:
        folder.mkdir()
        (folder / "only.toml").write_text(content, encoding="utf-8")
    said = drive(capsys, "study", "guard", "--markets", folder, "--no-squeeze")
    assert (said.code, said.out) == (2, "")
    assert said.err.rstrip().splitlines()[-1].startswith("gnomon: ")


def test_a_part_of_years_is_replayed_at_two_leverages(tmp_path: Path) -> None:
    """And the sentence says which leverages it is spared."""
    seen = survey(_source(tmp_path / "years", {"BTC": _fall(60, 90)}))
    whole = replace(
        seen.parts["whole"], end=seen.parts["whole"].start + timedelta(days=500)
    )
    years = replace(seen, parts={"whole": whole}, fall=Decimal(0))
    jobs, left_out = jobs_of([years], settings_from({}, {}), WHOLE)
    usual = {j.size.leverage for j in jobs if j.shape.name == "long"}
    assert usual == {3, 5}
    assert any("no leverage 2 and 4" in sentence for sentence in left_out)
