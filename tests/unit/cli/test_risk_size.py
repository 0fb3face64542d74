"""``gnomon risk size``: one object for machines, a table for people, nothing sent."""

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.small import Said, drive
from tests.unit.cli.test_guard_plan import ACCOUNT

UNSCALED = "[sizing]\ntarget_volatility = 1\nmin_bets_share = 0\nstable_reserve = 0\n"


@pytest.fixture
def desk(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> "Desk":
    """An empty folder to type commands in."""
    monkeypatch.chdir(tmp_path)
    return Desk(capsys)


class Desk:
    """Somebody who asks how large a position may be."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def size(self, document: object, *words: str, settings: str = "") -> Said:
        """Write the file and the settings and ask."""
        Path("account.json").write_text(json.dumps(document), encoding="utf-8")
        Path("own.toml").write_text(settings, encoding="utf-8")
        asked = ("account.json", *words, "--config", "own.toml")
        return drive(self._capsys, "risk", "size", *asked)


def account(usdt: str = "30000", owed: str = "30000", lots: int = -100) -> Any:
    """A cross margin account and a wallet of 9000 USDT with a perpetual."""
    found: Any = copy.deepcopy(ACCOUNT)
    row = {"currency": "USDT", "total": usdt, "liability": owed}
    found["margin_cross"]["accounts"][2] = row
    (held,) = found["futures"]["positions"]
    held |= {"currentQty": lots, "leverage": 3}
    (contract,) = found["futures"]["contracts"]
    contract |= {"maxLeverage": 125, "lotSize": 1, "maxOrderQty": 1_000_000, "f": 1.3}
    return found


def test_it_answers_with_one_object(desk: Desk) -> None:
    """Both legs, what binds, what scales and why; money as text."""
    answer = desk.size(account(), "--pair", "BTC", "--json").answer()
    assert answer["coin"] == "BTC"
    assert (answer["legs"], answer["direction"]) == ("pair", "long")
    lots, coins = Decimal(answer["perp_lots"]), Decimal(answer["coins"])
    assert coins > 0
    assert lots * Decimal("0.001") == coins == Decimal(answer["spot_qty"])
    assert Decimal(answer["notional_usdt"]) == coins * 50000
    names = {each["name"]: Decimal(each["value"]) for each in answer["factors"]}
    assert names["volatility"] == Decimal("0.5")
    assert names["diversification"] < 1
    assert any("returns" in each for each in answer["assumed"])


def test_a_scale_of_the_settings_makes_it_smaller(desk: Desk) -> None:
    """Without factors there is more room; the limit that binds is named."""
    words = ("--pair", "BTC", "--legs", "perp", "--leverage", "20", "--json")
    scaled, free = (
        desk.size(account(), *words, settings=text).answer()
        for text in ("[sizing]\nstable_reserve = 0\n", UNSCALED)
    )
    assert 0 < Decimal(scaled["coins"]) < Decimal(free["coins"])
    assert scaled["limit"] == "act distance"
    assert "volatility 0.5" in scaled["sentence"]
    assert free["factors"][0]["value"] == "1"


def test_the_reserve_of_the_settings_binds(desk: Desk) -> None:
    """A share of the equity that must stay idle stops the purchase."""
    rich = account(usdt="60000", owed="1000", lots=-1)
    text = UNSCALED.replace("stable_reserve = 0", "stable_reserve = 0.4")
    answer = desk.size(rich, "--pair", "BTC", "--json", settings=text).answer()
    assert answer["limit"] == "stable reserve"
    assert "under the stable_reserve 0.4" in answer["sentence"]


def test_a_leg_alone_and_the_other_direction(desk: Desk) -> None:
    """A lone perpetual has no spot leg; a short pair needs a loan."""
    words = ("--pair", "btc", "--json")
    perp = desk.size(account(), *words, "--legs", "perp").answer()
    assert (perp["spot_qty"], Decimal(perp["perp_lots"]) > 0) == ("0", True)
    short = desk.size(account(), *words, "--direction", "short").answer()
    assert (short["limit"], short["notional_usdt"]) == ("borrowing", "0")


def test_history_gives_the_volatility(desk: Desk) -> None:
    """Closes in the file replace the assumed volatility, and nothing says otherwise."""
    rows = [
        [f"2025-01-{1 + h // 24:02}T{h % 24:02}:00:00Z", str(100 + h % 2)]
        for h in range(24 * 20)
    ]
    told = account() | {"returns": {"BTC": rows, "ETH": rows}}
    answer = desk.size(told, "--pair", "BTC", "--json").answer()
    assert not any("returns" in each for each in answer["assumed"])
    assert "assumed" not in answer["factors"][0]["reason"]


def test_a_person_reads_a_table(desk: Desk) -> None:
    """The numbers, the limit and the factors, in words."""
    said = desk.size(account(), "--pair", "BTC")
    assert said.code == 0
    for words in ("BTC pair, long", "bound by", "volatility", "assumed for BTC"):
        assert words in " ".join(said.out.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--pair", "USDT"), "--pair must be a coin"),
        (("--pair", "BTC", "--direction", "up"), "long or short"),
        (("--pair", "BTC", "--leverage", "500"), "from 1 to 125"),
        (("--pair", "BTC", "--account", "main"), "margin_cross or spot"),
    ],
)
def test_wrong_words_are_usage_errors(
    desk: Desk, words: tuple[str, ...], told: str
) -> None:
    """Each names the option and what was found, and ends with 2."""
    said = desk.size(account(), *words)
    assert said.code == 2
    assert told in said.err
    assert said.out == ""
