"""Shocks, betas and the frontier, and how the commands speak."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.cli.risk import app
from bot.domain.errors import UsageError
from bot.report.documents import read_documents
from bot.report.whatif import read_betas, read_moves, what_if

ACCOUNT: dict[str, Any] = {
    "margin_cross": {
        "accounts": [
            {"currency": "BTC", "total": "1", "liability": "0"},
            {"currency": "ETH", "total": "10", "liability": "0"},
            {"currency": "USDT", "total": "0", "liability": "40000"},
        ]
    },
    "mark_prices": [
        {"symbol": "USDT-BTC", "value": "0.00002"},
        {"symbol": "ETH-BTC", "value": "0.04"},
    ],
    "futures": {
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
        "wallets": [
            {
                "currency": "USDT",
                "walletBalance": "1000",
                "isolatedOrderMargin": "0",
                "isolatedPosMargin": "0",
            }
        ],
        "positions": [
            {
                "symbol": "XBTUSDTM",
                "currentQty": -100,
                "avgEntryPrice": 50000,
                "marginMode": "CROSS",
                "settleCurrency": "USDT",
            }
        ],
        "orders": [],
    },
}


def ask(shocks: list[str], betas: list[str] | None = None, **changes: object) -> Any:
    """The what-if answer on the account above."""
    documents = read_documents(json.dumps(ACCOUNT | changes), "account.json")
    return what_if(
        documents, read_moves(shocks, "--shock"), read_moves(betas or [], "--beta")
    )


def test_a_fall_of_btc_raises_the_other_marks() -> None:
    """BTC -20 % makes a USDT and an ETH worth 1/0.8 as many BTC."""
    after = ask(["BTC=-0.2"])["after"]
    assert after["margin_cross"]["total_debt_btc"] == "1"
    assert after["margin_cross"]["total_asset_btc"] == "1.5"
    assert after["futures"]["USDT"]["total_margin"] == "2000"


def test_a_fall_of_another_coin_leaves_btc_alone() -> None:
    """ETH -25 % moves its own mark only."""
    after = ask(["ETH=-0.25"])["after"]
    assert after["margin_cross"]["total_asset_btc"] == "1.3"
    assert after["margin_cross"]["total_debt_btc"] == "0.8"
    assert after["futures"]["USDT"]["total_margin"] == "1000"


def test_before_is_what_assess_says() -> None:
    """The state before is not touched by any shock."""
    answer = ask(["BTC=0.5"])
    assert answer["before"] == ask([])["after"]


def test_the_frontier_is_where_the_threshold_is() -> None:
    """Shocking every coin by the uniform move gives the threshold itself."""
    frontier = ask([])["frontier"]
    down = frontier["margin_cross"]["0.97"]["uniform"]["down"]
    after = ask([f"BTC={down}", f"ETH={down}"])["after"]["margin_cross"]
    assert abs(float(after["debt_ratio"]) - 0.97) < 1e-12
    assert frontier["margin_cross"]["0.97"]["uniform"]["up"] is None
    up = frontier["futures.USDT"]["1"]["uniform"]["up"]
    after = ask([f"BTC={up}"])["after"]["futures"]["USDT"]
    assert abs(float(after["risk_rate"]) - 1) < 1e-9


def test_betas_weigh_the_move_of_each_coin() -> None:
    """With twice the beta for ETH the weighted move is smaller and reaches the same."""
    betas = ["BTC=1", "ETH=2"]
    move = ask([], betas)["frontier"]["margin_cross"]["0.95"]["beta_weighted"]["down"]
    eth = str(2 * float(move))
    after = ask([f"BTC={move}", f"ETH={eth}"])["after"]["margin_cross"]
    assert abs(float(after["debt_ratio"]) - 0.95) < 1e-12


def test_without_betas_the_weighted_move_is_null_with_a_reason() -> None:
    """Nobody's beta is guessed."""
    levels = ask([])["frontier"]["margin_cross"]
    assert set(levels) == {"0.95", "0.97"}
    weighted = levels["0.97"]["beta_weighted"]
    assert weighted["down"] is None
    assert "betas" in weighted["reason"]
    partly = ask([], ["BTC=1"])["frontier"]["margin_cross"]["0.97"]["beta_weighted"]
    assert partly["down"] is None
    assert "ETH" in partly["reason"]


def test_a_threshold_that_is_passed_is_at_zero() -> None:
    """An account over its threshold need not move at all."""
    rows = [
        {"currency": "BTC", "total": "1", "liability": "0"},
        {"currency": "USDT", "total": "0", "liability": "49000"},
    ]
    frontier = ask([], margin_cross={"accounts": rows})["frontier"]["margin_cross"]
    assert frontier["0.97"]["uniform"] == {"down": "0", "up": "0"}


def test_a_pair_is_measured_at_its_own_threshold() -> None:
    """The pair's key and its own limit, nothing else."""
    pair = {
        "symbol": "ETH-USDT",
        "baseAsset": {"currency": "ETH", "total": "1", "liability": "0"},
        "quoteAsset": {"currency": "USDT", "total": "0", "liability": "1000"},
    }
    terms = {
        "symbol": "ETH-USDT",
        "baseCurrency": "ETH",
        "quoteCurrency": "USDT",
        "flDebtRatio": "0.8",
    }
    frontier = ask([], margin_isolated={"assets": [pair]}, isolated_symbols=[terms])
    levels = frontier["frontier"]["margin_isolated.ETH-USDT"]
    assert set(levels) == {"0.8"}
    assert float(levels["0.8"]["uniform"]["down"]) == pytest.approx(-0.375)


@pytest.mark.parametrize(
    ("shock", "expected"),
    [
        ("BTC", "COIN=NUMBER"),
        ("=0.1", "COIN=NUMBER"),
        ("BTC=x", "--shock BTC must be a number"),
        ("BTC=nan", "--shock BTC must be a number"),
        ("BTC=-1", "above -1"),
        ("BTC=-1.5", "above -1"),
        ("USDT=-0.1", "--shock USDT"),
        ("SOL=-0.1", "SOL"),
    ],
)
def test_shocks_that_mean_nothing_are_refused(shock: str, expected: str) -> None:
    """The sentence names the option and the coin."""
    with pytest.raises(UsageError, match=expected):
        ask([shock])


def test_a_coin_is_named_once() -> None:
    """XBT and BTC are one coin, in shocks and in a file of betas."""
    with pytest.raises(UsageError, match="BTC twice"):
        ask(["BTC=-0.1", "XBT=-0.2"])
    with pytest.raises(UsageError, match="only beta"):
        read_betas('{"BTC": 1, "xbt": 2}', "betas.json")


def _file(folder: Path, content: object) -> str:
    path = folder / "account.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_json_is_one_object_and_nothing_else(tmp_path: Path) -> None:
    """Standard output parses; warnings go to standard error."""
    path = _file(tmp_path, ACCOUNT | {"odd": 1})
    result = CliRunner().invoke(app, ["assess", path, "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["margin_cross"]["total_asset_btc"] == "1.4"
    assert "'odd'" in result.stderr


def test_betas_come_from_a_file_and_the_command_line_wins(tmp_path: Path) -> None:
    """A beta on the command line replaces that of the file."""
    betas = tmp_path / "betas.json"
    betas.write_text('{"BTC": "1", "ETH": "9"}')
    arguments = ["what-if", _file(tmp_path, ACCOUNT), "--betas", str(betas), "--json"]
    both = CliRunner().invoke(app, [*arguments, "--beta", "ETH=1"])
    weighted = json.loads(both.stdout)["frontier"]["margin_cross"]["0.97"]
    assert weighted["beta_weighted"] == weighted["uniform"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "not valid JSON"),
        ("[]", "one JSON object"),
        ({"margin_cross": {"accounts": None}}, "margin_cross.accounts"),
    ],
    ids=["cut", "list", "null"],
)
def test_bad_input_is_exit_two_with_a_sentence(
    tmp_path: Path, content: object, expected: str
) -> None:
    """Nothing on standard output, the sentence on standard error."""
    result = CliRunner().invoke(app, ["assess", _file(tmp_path, content), "--json"])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert expected in result.stderr


def test_a_missing_file_is_exit_two(tmp_path: Path) -> None:
    """The file is named."""
    result = CliRunner().invoke(app, ["assess", str(tmp_path / "none.json")])
    assert result.exit_code == 2
    assert "none.json cannot be read" in result.stderr


def test_people_get_tables(tmp_path: Path) -> None:
    """Without --json both commands print tables and no raw digits."""
    path = _file(tmp_path, ACCOUNT)
    assert "57.15" in CliRunner().invoke(app, ["assess", path]).stdout
    result = CliRunner().invoke(app, ["what-if", path, "--shock", "BTC=-0.2"])
    assert result.exit_code == 0
    assert "After the shocks" in result.stdout


def test_the_frontier_of_an_account_that_is_not_seen_is_unknown() -> None:
    """Null with a reason is not null for never."""
    unseen = ACCOUNT["futures"] | {"orders": {"items": [], "totalPage": 2}}
    level = ask([], futures=unseen)["frontier"]["futures.USDT"]["1"]
    assert level["uniform"]["up"] is None
    assert "page" in level["uniform"]["reason"]


def test_without_a_usdt_mark_no_move_in_usdt_is_known() -> None:
    """A move of USDT prices needs the price of USDT."""
    level = ask([], mark_prices=[])["frontier"]["margin_cross"]["0.97"]
    assert level["uniform"]["down"] is None
    assert "USDT has no mark price" in level["uniform"]["reason"]


def test_a_contract_moves_against_its_quote() -> None:
    """A stablecoin that falls makes a contract quoted in it dearer."""
    contract = ACCOUNT["futures"]["contracts"][0] | {
        "quoteCurrency": "USDC",
        "settleCurrency": "USDC",
    }
    futures = ACCOUNT["futures"] | {
        "contracts": [contract],
        "wallets": [ACCOUNT["futures"]["wallets"][0] | {"currency": "USDC"}],
        "positions": [ACCOUNT["futures"]["positions"][0] | {"settleCurrency": "USDC"}],
    }
    after = ask(["USDC=-0.5"], futures=futures)["after"]["futures"]["USDC"]
    assert after["positions"]["XBTUSDTM"]["unrealised_pnl"] == "-5000"


def test_a_contract_of_an_untold_coin_is_unknown_after_a_shock() -> None:
    """Nobody says what moves it: it had stayed where it was, and looked safe."""
    contract = dict(ACCOUNT["futures"]["contracts"][0])
    del contract["baseCurrency"]
    futures = {**ACCOUNT["futures"], "contracts": [contract]}
    answer = ask(["BTC=-0.5"], futures=futures)
    assert answer["before"]["futures"]["USDT"]["risk_rate"] is not None
    assert answer["after"]["futures"]["USDT"]["risk_rate"] is None
    (gap,) = answer["after"]["futures"]["USDT"]["missing"]
    assert gap["field"] == f"futures.contracts.{contract['symbol']}.baseCurrency"


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_returns_of_no_real_year_are_refused(year: str) -> None:
    """Hours before and after a time must be times as well."""
    returns = {"BTC": [[f"{year}-01-01T00:00:00Z", "100"]]}
    with pytest.raises(
        UsageError, match="must be a time in one of the years 1970 to 9000"
    ):
        read_documents(json.dumps({**ACCOUNT, "returns": returns}), "file")
