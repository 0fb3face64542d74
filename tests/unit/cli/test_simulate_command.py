"""``gnomon simulate``: seeds are repeatable, and a broken invariant does not pass."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.cli import simulate as simulate_module
from bot.domain.accounts import MARGIN_CROSS
from bot.domain.entries import Entry, Noted
from bot.domain.intents import Approved, Repay
from bot.domain.money import ONE
from tests.simulation.small import drive

_AT = datetime(2025, 1, 1, tzinfo=UTC)


def _approved(name: str) -> Entry:
    intent = Repay(account=MARGIN_CROSS, coin="USDT", amount=ONE)
    body = Approved(intent_id=name, owner="guard", intent=intent, reason="a test")
    return Entry(at=_AT, body=body)


def _rows(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    said = drive(capsys, "simulate", "--minutes", "10", "--json", *words)
    rows: list[dict[str, Any]] = said.answer()["rows"]
    return rows


def test_a_seed_can_be_repeated_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """Alone or among others, a seed gives the same digest; each seed its own."""
    rows = _rows(capsys, "--seeds", "3", "--first", "5")
    assert [row["seed"] for row in rows] == [5, 6, 7]
    assert len({row["digest"] for row in rows}) == 3
    assert all(row["breaches"] == [] for row in rows)
    assert _rows(capsys, "--seeds", "1", "--first", "6") == [rows[1]]


def test_each_seed_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Without ``--json`` each seed says what it did and that it is sound."""
    said = drive(capsys, "simulate", "--minutes", "10", "--seeds", "2")
    assert said.code == 0
    lines = said.out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["seed 1", "seed 2"]
    assert all(line.endswith(", ok") for line in lines)


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_breach_is_exit_1(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:
    """A law that does not hold is named, and the command fails."""
    monkeypatch.setattr(simulate_module, "_breaches", lambda simulation: ["it broke"])
    said = drive(capsys, "simulate", "--minutes", "10", "--seeds", "1", *words)
    assert said.code == 1
    assert "it broke" in said.out
    assert "an invariant broke" in said.err


def test_what_is_sent_before_it_is_durable_is_a_breach() -> None:
    """The check can fail: an intent that left before its commit is named."""
    probe = simulate_module._Probe()  # noqa: SLF001 - the check itself is tested
    probe.append([_approved("g1-i1")])
    probe.commit()
    assert probe.breaches == []

    probe.append([_approved("g1-i2"), _approved("g1-i3")])
    probe.sent = {"g1-i1", "g1-i3"}
    probe.commit()
    assert probe.breaches == ["g1-i3 was sent before it was durable"]


def test_a_ratio_that_differs_from_the_exchange_s_is_a_breach() -> None:
    """The check can fail: a note on parity is named; other notes are not."""
    probe = simulate_module._Probe()  # noqa: SLF001 - the check itself is tested
    for topic in ("parity", "action helped"):
        probe.append([Entry(at=_AT, body=Noted(topic=topic, text="0.9 against 0.8"))])
    assert len(probe.breaches) == 1
    assert "0.9 against 0.8" in probe.breaches[0]


def test_entries_decide_the_digest() -> None:
    """Another entry, or another order, is another digest."""
    one, two, three = (simulate_module._Probe() for _ in range(3))  # noqa: SLF001 - the check itself is tested
    one.append([_approved("a"), _approved("b")])
    two.append([_approved("b"), _approved("a")])
    three.append([_approved("a")])
    three.append([_approved("b")])
    assert one.hash.hexdigest() == three.hash.hexdigest() != two.hash.hexdigest()
    assert (one.entries, two.entries) == (2, 2)
