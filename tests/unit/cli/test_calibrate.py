"""A calibration: every number beside ours, and the account as it was found."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bot.cli.calibrate import Bench, calibrate_app
from bot.cli.calibrate_file import VectorFile
from bot.cli.calibrate_runner import Calibration
from bot.domain.errors import RefusedError, UnreachableError, UsageError
from bot.domain.orders import Side
from bot.report.calibration_plan import (
    FLAT,
    STEPS,
    MoveKind,
    Situation,
    moves,
)
from bot.settings import Settings
from tests.unit.cli.calibrated_exchange import TinyFutures

AT = datetime(2026, 11, 1, tzinfo=UTC)


async def at_once(seconds: float) -> None:
    """Waits for nothing."""


def calibration(exchange: TinyFutures, path: Path) -> Calibration:
    """A calibration of the tiny exchange."""
    return Calibration(
        rest=exchange,
        hands=exchange,
        symbol="XBTUSDTM",
        file=VectorFile.open(path),
        now=lambda: AT,
        pause=at_once,
        say=lambda sentence: None,
    )


def vectors(path: Path) -> list[dict[str, Any]]:
    """What the file holds."""
    found = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(found, list)
    return found


def refusing_at(count: int, error: Exception) -> Callable[[int], None]:
    """That request fails; those before and after it do not."""

    def breaks(sent: int) -> None:
        if sent == count:
            raise error

    return breaks


def is_as_found(exchange: TinyFutures) -> bool:
    """Flat, without orders, at the leverage that was found."""
    is_flat = exchange.lots == 0 and not exchange.orders
    return is_flat and exchange.leverage == 20


async def test_every_number_of_the_help_page_s_exchange_agrees(tmp_path: Path) -> None:
    """Its formulas were written a second time; ours find the same numbers."""
    exchange, path = TinyFutures(), tmp_path / "vectors.json"
    await calibration(exchange, path).run()
    found = vectors(path)
    assert [row["name"] for row in found if not row["agrees"]] == []
    stated = {(row["step"], what) for row in found for what in row["expected"]}
    assert ("parameters", "maxOpenSize") in stated
    assert ("one_lot", "posMargin") in stated
    assert ("one_lot", "liquidationPrice") in stated
    for step in STEPS:
        assert (step.name, "riskRatio") in stated
    assert is_as_found(exchange)


async def test_a_number_that_is_not_ours_is_marked(tmp_path: Path) -> None:
    """An exchange with another maintenance rate: its risk rate does not agree."""
    exchange, path = TinyFutures(maintenance=Decimal("0.02")), tmp_path / "v.json"
    await calibration(exchange, path).run()
    wrong = {row["name"] for row in vectors(path) if not row["agrees"]}
    assert "live_one_lot_riskRatio_XBTUSDTM" in wrong
    assert "live_one_lot_posMargin_XBTUSDTM" not in wrong


async def test_a_vector_reads_as_those_of_the_golden_file(tmp_path: Path) -> None:
    """Name, source, kind, inputs, expected, tolerance; numbers are texts."""
    exchange, path = TinyFutures(), tmp_path / "v.json"
    await calibration(exchange, path).run()
    row = next(r for r in vectors(path) if r["step"] == "far_order")
    assert {"name", "source", "kind", "inputs", "expected", "tolerance"} <= row.keys()
    assert row["inputs"]["order 1"] == "buy 1 at 57600"
    assert row["inputs"]["currentQty"] == "1"


async def test_far_orders_lie_on_both_sides_within_the_band(tmp_path: Path) -> None:
    """Neither may trade, and the exchange refuses what is beyond 5 %."""
    exchange = TinyFutures()
    seen: list[tuple[Side, Decimal]] = []

    def look(count: int) -> None:
        seen.extend((side, price) for side, price, _ in exchange.orders.values())

    exchange.breaks = look
    await calibration(exchange, tmp_path / "v.json").run()
    assert set(seen) == {(Side.BUY, Decimal(57_600)), (Side.SELL, Decimal(62_400))}


@pytest.mark.parametrize("error", [RefusedError("no"), UnreachableError("gone")])
async def test_whatever_fails_the_account_is_left_as_it_was_found(
    tmp_path: Path, error: Exception
) -> None:
    """Each request in turn fails once; the next calibration goes on and ends."""
    whole = TinyFutures()
    await calibration(whole, tmp_path / "whole.json").run()
    for count in range(1, len(whole.sent) + 1):
        path = tmp_path / f"{count}.json"
        exchange = TinyFutures(breaks=refusing_at(count, error))
        with pytest.raises(type(error)):
            await calibration(exchange, path).run()
        assert is_as_found(exchange)
        exchange.breaks = lambda sent: None
        await calibration(exchange, path).run()
        assert is_as_found(exchange)
        names = [row["name"] for row in vectors(path)]
        assert sorted(names) == sorted(
            row["name"] for row in vectors(tmp_path / "whole.json")
        )


async def test_what_cannot_be_undone_is_said_aloud(tmp_path: Path) -> None:
    """The exchange takes nothing any more: the sentence says what to do at once."""

    def breaks(sent: int) -> None:
        if sent > 1:
            raise UnreachableError("KuCoin does not answer.")

    exchange = TinyFutures(breaks=breaks)
    with pytest.raises(RefusedError, match=r"not certain.*flat.*at once"):
        await calibration(exchange, tmp_path / "v.json").run()


async def test_a_finished_calibration_asks_for_nothing(tmp_path: Path) -> None:
    """Run again, it sends no order."""
    exchange, path = TinyFutures(), tmp_path / "v.json"
    await calibration(exchange, path).run()
    exchange.sent.clear()
    exchange.is_armed = False
    await calibration(exchange, path).run()
    assert exchange.sent == []


@pytest.mark.parametrize(
    ("exchange", "sentence"),
    [
        (TinyFutures(is_armed=False), "not armed"),
        (TinyFutures(mode="ISOLATED"), "not in cross mode"),
        (TinyFutures(lots=2, entry=Decimal(60_000)), "must be empty"),
        (TinyFutures(other="ETHUSDTM"), "XBTUSDTM, ETHUSDTM"),
        (TinyFutures(wallet=Decimal(20)), "has 20 USDT free"),
    ],
)
async def test_an_account_that_is_not_fit_is_left_alone(
    tmp_path: Path, exchange: TinyFutures, sentence: str
) -> None:
    """Not one request is sent."""
    with pytest.raises(RefusedError, match=sentence):
        await calibration(exchange, tmp_path / "v.json").run()
    assert exchange.sent == []


def test_every_way_back_begins_with_reductions() -> None:
    """From every step to flat: cancels, then the close, then the leverage."""
    order = list(MoveKind)
    for step in STEPS:
        kinds = [order.index(move.kind) for move in moves(step.situation, FLAT)]
        assert kinds == sorted(kinds)
        assert all(kind <= order.index(MoveKind.SWITCH) for kind in kinds)


def test_each_step_changes_something() -> None:
    """No two steps after each other observe the same situation."""
    assert all(a.situation != b.situation for a, b in pairwise(STEPS))
    assert STEPS[-1].situation == FLAT
    assert moves(Situation(lots=1), Situation(lots=1)) == ()


# -- the command ------------------------------------------------------------


def command(exchange: TinyFutures) -> typer.Typer:
    """The command on the tiny exchange."""

    @asynccontextmanager
    async def opened(settings: Settings, symbol: str) -> AsyncIterator[Bench]:
        yield Bench(rest=exchange, hands=exchange, now=lambda: AT, pause=at_once)

    return calibrate_app(opened)


def test_a_dry_run_prints_the_steps_and_reads_nothing() -> None:
    """A person can read what would happen before anything does."""
    exchange = TinyFutures()
    said = CliRunner().invoke(command(exchange), ["--dry-run"])
    assert said.exit_code == 0
    assert "halve the leverage" in " ".join(said.stdout.split())
    assert (exchange.reads, exchange.sent) == ([], [])


def test_the_answer_lists_every_number(tmp_path: Path) -> None:
    """With --json one object: the steps that are done, and the numbers."""
    out = tmp_path / "v.json"
    said = CliRunner().invoke(command(TinyFutures()), ["--out", str(out), "--json"])
    assert said.exit_code == 0
    answer = json.loads(said.stdout)
    assert all(step["done"] for step in answer["steps"])
    assert len(answer["numbers"]) == len(vectors(out))
    assert {row["agrees"] for row in answer["numbers"]} == {"yes"}


def test_a_file_of_something_else_is_not_overwritten(tmp_path: Path) -> None:
    """It might be somebody's vectors."""
    path = tmp_path / "other.json"
    path.write_text('{"a": 1}', encoding="utf-8")
    with pytest.raises(UsageError, match="not a file of this command"):
        VectorFile.open(path)
