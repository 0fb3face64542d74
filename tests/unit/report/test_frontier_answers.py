"""``gnomon risk frontier``: its answer, its table and its exit codes."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from bot.cli.risk import app
from bot.report.documents import read_documents
from bot.report.frontier import History, frontier_answer
from bot.report.frontier_view import frontier_view
from bot.report.whatif import what_if
from tests.unit.markets.build import candles, manifest
from tests.unit.report.test_assess_what_if import ACCOUNT

START = datetime(2025, 1, 1, tzinfo=UTC)
BETAS = {"BTC": Decimal(1), "ETH": Decimal("1.5")}


def closes(seed: int, count: int = 400) -> list[list[str]]:
    """Hourly closes that move about one per cent."""
    moves = 0.01 * np.random.default_rng(seed).normal(size=count)
    prices = (100.0 * np.cumprod(1.0 + moves)).tolist()
    return [
        [(START + timedelta(hours=hour)).isoformat(), repr(price)]
        for hour, price in enumerate(prices)
    ]


RETURNS = {"BTC": closes(1), "ETH": closes(2)}


def ask(betas: dict[str, Decimal] | None = None, **changes: object) -> Any:
    """The answer on the account of the what-if tests."""
    documents = read_documents(json.dumps(ACCOUNT | changes), "account.json")
    return frontier_answer(documents, History(closes=documents.returns), betas or {})


ORDER = {
    "id": "1",
    "symbol": "XBTUSDTM",
    "side": "sell",
    "size": 200,
    "price": "60000",
    "status": "open",
    "isActive": True,
    "settleCurrency": "USDT",
    "marginMode": "CROSS",
}


@pytest.mark.parametrize("orders", [[], [ORDER]], ids=["no order", "an order"])
def test_uniform_and_weighted_moves_are_those_of_what_if(orders: list[Any]) -> None:
    """The same accounts and thresholds, the same moves to a billionth."""
    changed = {"futures": ACCOUNT["futures"] | {"orders": orders}}
    documents = read_documents(json.dumps(ACCOUNT | changed), "account.json")
    exact: Any = what_if(documents, {}, BETAS)["frontier"]
    found = ask(BETAS, **changed)["frontier"]
    assert found.keys() == exact.keys()
    for account, levels in exact.items():
        assert found[account].keys() == levels.keys()
        for level, kinds in levels.items():
            for kind, ways in kinds.items():
                for way, move in ways.items():
                    ours = found[account][level][kind][way]
                    assert (ours is None) == (move is None)
                    if move is not None:
                        assert float(ours) == pytest.approx(float(move), rel=1e-9)


def test_returns_give_the_likeliest_vector() -> None:
    """Its moves lie on the threshold and its shares are the whole."""
    shock = ask(returns=RETURNS)["frontier"]["margin_cross"]["0.97"]["shock"]
    moves = {coin: float(move) for coin, move in shock["moves"].items()}
    assets = 50_000 * (1 + moves["BTC"]) + 20_000 * (1 + moves["ETH"])
    assert 40_000 / assets == pytest.approx(0.97)
    assert sum(map(float, shock["shares"].values())) == pytest.approx(1.0)
    assert shock["leading"] == "BTC"
    assert shock["assumed"] == []


def test_each_coin_alone_has_a_factor_or_none() -> None:
    """ETH alone cannot end the margin account, BTC can."""
    alone = ask()["frontier"]["margin_cross"]["0.97"]["alone"]
    assert float(alone["BTC"]["down_factor"]) == pytest.approx(
        (40_000 / 0.97 - 20_000) / 50_000
    )
    assert alone["ETH"] == {"down_factor": None, "up_factor": None}


def test_without_returns_only_what_needs_them_is_null_with_a_reason() -> None:
    """The shock says what to give; the uniform move stands."""
    answer = ask()
    item = answer["frontier"]["margin_cross"]["0.97"]
    assert answer["covariance"]["horizon_h"] is None
    assert "--market" in item["shock"]["reason"]
    assert item["shock"]["length_sd"] is None
    assert item["uniform"]["down"] is not None
    assert "--beta" in item["beta_weighted"]["reason"]


def test_a_coin_without_returns_is_named() -> None:
    """A covariance without ETH says nothing of an account with it."""
    shock = ask(returns={"BTC": closes(1)})["frontier"]["margin_cross"]["0.97"]["shock"]
    assert "ETH" in shock["reason"]
    short = ask(returns={"BTC": closes(1, 50), "ETH": closes(2, 50)})
    assert "168" in short["covariance"]["reason"]
    some = ask(returns={"BTC": closes(1), "ETH": closes(2, 50)})
    assert some["frontier"]["margin_cross"]["0.97"]["shock"]["assumed"] == ["ETH"]


def test_an_account_that_lacks_a_price_is_unknown_everywhere() -> None:
    """Null with the reason, never none."""
    item = ask(mark_prices=[{"symbol": "USDT-BTC", "value": "0.00002"}])["frontier"]
    found = item["margin_cross"]["0.97"]
    assert "ETH" in found["uniform"]["reason"]
    assert "ETH" in found["shock"]["reason"]


def test_an_isolated_position_is_an_account_of_its_own() -> None:
    """Its move is that of its liquidation price."""
    line = ACCOUNT["futures"]["positions"][0] | {
        "marginMode": "ISOLATED",
        "posMargin": 500,
        "maintMarginReq": 0.005,
    }
    futures = ACCOUNT["futures"] | {"positions": [line]}
    found = ask(futures=futures)["frontier"]["futures_isolated.XBTUSDTM"]["1"]
    factor = float(found["alone"]["BTC"]["up_factor"])
    assert factor == pytest.approx((500 + 5_000) / (5_000 * 1.0056), rel=1e-9)


def test_a_debtless_account_has_none_and_no_reason() -> None:
    """Nothing can happen to it, and that is known."""
    rows = [{"currency": "BTC", "total": "1", "liability": "0"}]
    item = ask(margin_cross={"accounts": rows})["frontier"]["margin_cross"]["0.97"]
    assert item["shock"] == {"length_sd": None}
    assert item["uniform"] == {"down": None, "up": None}


@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        ({"BTC": [["2025-01-01", "1"]]}, "returns.BTC[0][0]"),
        ({"BTC": [["noon", "1"]]}, "a time with a zone"),
        ({"BTC": [["2025-01-01T00:00:00Z", "0"]]}, "returns.BTC[0][1]"),
        ({"BTC": [["2025-01-01T00:00:00Z"]]}, "a pair"),
        ({"BTC": closes(1)[::-1]}, "whose times rise"),
        ({"BTC": closes(1), "XBT": closes(1)}, "the only history"),
    ],
    ids=["no zone", "no time", "no price", "no pair", "backwards", "twice"],
)
def test_bad_returns_are_exit_two_with_the_path(
    tmp_path: Path, returns: object, expected: str
) -> None:
    """The sentence names the field."""
    result = run(tmp_path, ACCOUNT | {"returns": returns})
    assert result.exit_code == 2
    assert expected in result.stderr
    assert not result.stdout


def run(folder: Path, content: object, *options: str) -> Any:
    """The command on a file."""
    path = folder / "account.json"
    path.write_text(json.dumps(content))
    return CliRunner().invoke(app, ["frontier", str(path), *options])


def test_json_is_one_object_and_nothing_else(tmp_path: Path) -> None:
    """Standard output parses, and the file's returns are no unknown key."""
    result = run(tmp_path, ACCOUNT | {"returns": RETURNS}, "--json", "--horizon", "8")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["covariance"]["horizon_h"] == "8"
    assert not result.stderr


def test_a_recorded_market_gives_the_returns(tmp_path: Path) -> None:
    """Its closes up to the end, whatever the length of its bars."""
    for coin, seed, minutes in (("BTC", 3, 60), ("ETH", 4, 15)):
        moves = 0.004 * np.random.default_rng(seed).normal(size=300 * 60 // minutes)
        prices = (100.0 * np.cumprod(1.0 + moves)).tolist()
        rows = [(price, price, price, price) for price in prices]
        candles(tmp_path / f"{coin}.parquet", rows, minutes=minutes)
    files = {coin: {"spot": f"{coin}.parquet"} for coin in ("BTC", "ETH")}
    market = manifest(tmp_path, files, end="2025-01-13T00:00:00Z")
    result = run(tmp_path, ACCOUNT, "--market", str(market), "--json")
    assert result.exit_code == 0
    volatility = json.loads(result.stdout)["covariance"]["volatility"]
    assert float(volatility["BTC"]) == pytest.approx(0.004 * 24**0.5, rel=0.2)
    assert float(volatility["ETH"]) == pytest.approx(0.008 * 24**0.5, rel=0.2)
    both = run(tmp_path, ACCOUNT | {"returns": RETURNS}, "--market", str(market))
    assert both.exit_code == 2
    assert "not both" in both.stderr


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--horizon", "0"], "--horizon"),
        (["--half-life", "nan"], "--half-life"),
        (["--market", "absent.toml"], "absent.toml"),
        (["--beta", "BTC"], "COIN=NUMBER"),
    ],
)
def test_options_that_mean_nothing_are_exit_two(
    tmp_path: Path, options: list[str], expected: str
) -> None:
    """The sentence names the option or the file."""
    result = run(tmp_path, ACCOUNT, *options)
    assert result.exit_code == 2
    assert expected in result.stderr


def test_the_table_says_unknown_without_history() -> None:
    """A length that nobody can say is not a dash."""
    console = Console(width=80)
    with console.capture() as shown:
        console.print(frontier_view(ask()))
    assert "unknown" in shown.get()


def test_the_table_says_none_and_why() -> None:
    """People read the lengths, the leading coin, and what is lacking."""
    console = Console(width=160)
    with console.capture() as shown:
        console.print(frontier_view(ask(returns=RETURNS)))
    text = shown.get()
    assert "sd of 24 h" in text
    assert "none" in text
    assert "No betas were given" in text


def test_a_coefficient_that_was_taken_is_named() -> None:
    """10 ETH without a coefficient count whole, and answer and table both say so."""
    lines = [
        {"currency": "ETH", "total": "10", "liability": "0"},
        {"currency": "USDT", "total": "0", "liability": "21000"},
    ]
    cross = {"accounts": lines}
    answer = ask(margin_cross=cross, margin_currencies=[], margin_isolated=None)
    (missing,) = answer["missing"]
    assert missing["field"] == "margin_currencies.ETH.marginCoefficient"
    console = Console(width=200)
    with console.capture() as capture:
        console.print(frontier_view(answer))
    assert missing["reason"] in capture.get()
