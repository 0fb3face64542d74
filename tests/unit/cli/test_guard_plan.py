"""``gnomon guard plan``: one object for machines, a table for people, nothing sent."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.small import Said, drive

MARGIN = {
    "accounts": [
        {"currency": "BTC", "total": "1", "liability": "0"},
        {"currency": "ETH", "total": "2", "liability": "0"},
        {"currency": "USDT", "total": "500", "liability": "46000"},
    ]
}
MARKS = [
    {"symbol": "USDT-BTC", "value": "0.00002"},
    {"symbol": "ETH-BTC", "value": "0.05"},
]
WALLET = {
    "currency": "USDT",
    "walletBalance": "9000",
    "isolatedOrderMargin": "0",
    "isolatedPosMargin": "0",
}
FUTURES = {
    "contracts": [
        {
            "symbol": "XBTUSDTM",
            "baseCurrency": "XBT",
            "quoteCurrency": "USDT",
            "settleCurrency": "USDT",
            "multiplier": 0.001,
            "isInverse": False,
            "markPrice": 50000,
            "takerFeeRate": 0.0006,
            "m": 300,
            "mmrLevConstant": 125,
            "mmrLimit": 0.3,
        }
    ],
    "wallets": [WALLET],
    "positions": [
        {
            "symbol": "XBTUSDTM",
            "currentQty": -300,
            "avgEntryPrice": 50000,
            "marginMode": "CROSS",
            "settleCurrency": "USDT",
        }
    ],
    "orders": [],
}
ACCOUNT = {"margin_cross": MARGIN, "mark_prices": MARKS, "futures": FUTURES}


@pytest.fixture
def desk(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> "Desk":
    """An empty folder to type commands in."""
    monkeypatch.chdir(tmp_path)
    return Desk(capsys)


class Desk:
    """Somebody who types a command about a file."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def plan(self, document: object, *words: str) -> Said:
        """Write the file and ask for its plan."""
        path = Path("account.json")
        path.write_text(json.dumps(document), encoding="utf-8")
        return drive(self._capsys, "guard", "plan", str(path), *words)

    def answer(self, document: object, *words: str) -> Any:
        """The object that is printed."""
        said = self.plan(document, "--json", *words)
        assert said.code == 0, said.err
        return json.loads(said.out)


def test_each_step_says_what_it_costs_and_where_it_leads(desk: Desk) -> None:
    """The long is repaid from idle cash and cut with its hedge to the target."""
    answer = desk.answer(ACCOUNT)
    (plan,) = answer["plans"]
    assert plan["subject"] == "margin_cross"
    assert plan["trigger"].startswith("a move of 14.7 % liquidates margin_cross")
    assert plan["is_reached"] is True
    assert Decimal(plan["after"]["distance"]) >= Decimal("0.25")
    does = [step["does"] for step in plan["steps"]]
    assert does[0] == "repay 500 USDT in cross margin"
    assert any("together with XBTUSDTM" in line for line in does)
    parts = plan["cost_usdt"]
    total = sum((Decimal(v) for k, v in parts.items() if k != "total"), Decimal(0))
    assert Decimal(parts["total"]) == total > 0
    steps = sum((Decimal(s["cost_usdt"]["total"]) for s in plan["steps"]), Decimal(0))
    assert steps == total
    distances = [
        Decimal(step["after"]["margin_cross"]["distance"]) for step in plan["steps"]
    ]
    assert distances == sorted(distances)


def test_what_was_assumed_and_what_lacks_is_said(desk: Desk) -> None:
    """Rules from our own table, assumed rules, unknown depth, unknown reserve."""
    answer = desk.answer(ACCOUNT)
    assert "The rules of BTC-USDT are those of our own table." in answer["assumed"]
    assert any("No lending rate" in line for line in answer["assumed"])
    assert "main, spot" in [each["field"] for each in answer["missing"]]
    assert [each["subject"] for each in answer["safe"]] == ["futures:USDT"]


def test_a_safe_account_has_no_plan(desk: Desk) -> None:
    """Nothing under its thresholds: nothing to do, exit 0."""
    calm = {"accounts": [{"currency": "BTC", "total": "1", "liability": "0.1"}]}
    answer = desk.answer({"margin_cross": calm, "mark_prices": MARKS})
    assert answer["plans"] == []
    said = desk.plan({"margin_cross": calm, "mark_prices": MARKS})
    assert "nothing to do" in said.out
    assert "Nothing was sent." in said.out


def test_the_settings_say_what_near_is(desk: Desk) -> None:
    """Other thresholds, another plan."""
    Path("own.toml").write_text(
        "[guard]\nact_distance = '0.1'\ntarget_distance = '0.2'\n", encoding="utf-8"
    )
    assert desk.answer(ACCOUNT, "--config", "own.toml")["plans"] == []


def test_an_account_without_prices_is_unknown_and_not_safe(desk: Desk) -> None:
    """Nobody can plan it, and it is said why."""
    answer = desk.answer({"margin_cross": MARGIN})
    assert answer["plans"] == []
    (unknown,) = answer["unknown"]
    assert unknown["subject"] == "margin_cross"
    assert unknown["reasons"]


def test_a_wallet_that_is_not_told_is_no_empty_one(desk: Desk) -> None:
    """Positions without their wallet are left out and named."""
    blind = {**FUTURES, "wallets": []}
    answer = desk.answer({**ACCOUNT, "futures": blind})
    assert answer["safe"] == []
    assert "futures.wallets.USDT" in [each["field"] for each in answer["missing"]]


def test_a_resting_order_is_cancelled_first(desk: Desk) -> None:
    """It costs nothing and takes its margin away."""
    order = {
        "id": "o1",
        "symbol": "XBTUSDTM",
        "side": "sell",
        "type": "limit",
        "price": "51000",
        "size": 900,
        "filledSize": 0,
        "status": "open",
        "isActive": True,
        "reduceOnly": False,
        "closeOrder": False,
        "stopTriggered": False,
        "settleCurrency": "USDT",
        "marginMode": "CROSS",
        "leverage": "5",
    }
    thin = [{**WALLET, "walletBalance": "2000"}]
    futures = {**FUTURES, "wallets": thin, "orders": [order]}
    answer = desk.answer({"mark_prices": MARKS, "futures": futures})
    (plan,) = answer["plans"]
    assert plan["steps"][0]["does"].startswith("cancel 1 resting orders")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{", "account.json"),
        ('{"margin_cross": {"accounts": [{"currency": 5}]}}', "margin_cross"),
    ],
)
def test_a_broken_file_is_exit_2_with_the_field(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    text: str,
    hint: str,
) -> None:
    """One sentence on standard error, nothing on standard output."""
    path = tmp_path / "account.json"
    path.write_text(text, encoding="utf-8")
    said = drive(capsys, "guard", "plan", str(path), "--json")
    assert said.code == 2
    assert said.out == ""
    assert hint in said.err


def test_a_file_that_is_not_there_is_exit_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The sentence names the file."""
    said = drive(capsys, "guard", "plan", str(tmp_path / "none.json"))
    assert said.code == 2
    assert "none.json cannot be read" in said.err
