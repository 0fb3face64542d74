"""``gnomon guard report`` and its echoes, driven over a whole run."""

import json
from pathlib import Path

import pytest

from tests.simulation.small import LEVERED, drive, market, write

DEEP = [*range(60_000, 36_000, -300), *([36_000.0] * 10)]


def test_a_run_is_looked_back_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report, the page and the story of the decision tell the same verdict."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "j.sqlite"
    place = market(tmp_path / "m", {"BTC": DEEP})
    account = write(tmp_path / "a.toml", LEVERED)
    run = ("replay", "--market", place, "--account", account, "--journal", path)
    answer = drive(capsys, *run, "--json").answer()
    assert answer["without_guard"]["liquidations"] >= 1

    told = drive(capsys, "guard", "report", "--journal", path, "--json").answer()
    first = told["episodes"][0]
    assert first["outcome"] == "saved"
    assert first["steps"]
    assert {"fees", "slippage", "carry", "price"} == set(first["cost"])
    assert told["totals"]["counts"]["saved"] >= 1

    words = drive(capsys, "guard", "report", "--journal", path)
    assert "would have been liquidated at" in " ".join(words.out.split())
    name = first["decision_id"]
    story = drive(capsys, "explain", name, "--journal", path, "--json").answer()
    assert story["episode"] == first
    page = Path(answer["report"]).read_text(encoding="utf-8")
    assert "would have been liquidated at" in page
    assert json.dumps(first)


def test_a_quiet_run_has_nothing_to_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cure, an empty list, exit 0; a journal that is not there is exit 5."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "j.sqlite"
    place = market(tmp_path / "m", {"BTC": [60_000.0] * 10})
    account = write(tmp_path / "a.toml", LEVERED)
    drive(capsys, "replay", "--market", place, "--account", account, "--journal", path)
    told = drive(capsys, "guard", "report", "--journal", path, "--json").answer()
    assert told["episodes"] == []
    assert told["totals"]["saved_usdt"] == "0"
    words = drive(capsys, "guard", "report", "--journal", path)
    assert "The guard has not acted" in words.out
    assert drive(capsys, "guard", "report", "--journal", tmp_path / "no").code == 5
