"""``gnomon risk forecast``: its answer, its table, its inputs and its exit codes."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from bot.cli.risk import app
from bot.report.documents import read_documents
from bot.report.forecast import Past, forecast_answer
from bot.report.forecast_known import Funding, Known, Window
from bot.risk.hourly_closes import closes_from
from bot.risk.scenarios import Model
from tests.unit.report.test_assess_what_if import ACCOUNT

HOURS = 600
START = datetime(2025, 1, 1, tzinfo=UTC)
NOW = START + timedelta(hours=HOURS - 1)
FEW = Model(paths=256)


def prices(seed: int, volatility: float = 0.02, count: int = HOURS) -> list[float]:
    """Hourly closes of a wild coin."""
    moves = volatility * np.random.default_rng(seed).normal(size=count)
    found: list[float] = (100.0 * np.exp(np.cumsum(moves))).tolist()
    return found


def past(**coins: list[float]) -> Past:
    """A history that ends now."""
    rows = {
        coin: [
            (NOW - timedelta(hours=len(path) - 1 - place), Decimal(repr(price)))
            for place, price in enumerate(path)
        ]
        for coin, path in coins.items()
    }
    return Past(closes=closes_from(rows), source="test")


DEEP = {
    "accounts": [
        *ACCOUNT["margin_cross"]["accounts"][:2],
        {"currency": "USDT", "total": "0", "liability": "60000"},
    ]
}
"""70,000 USDT of coins against 60,000 that are owed."""

BOTH = past(BTC=prices(1), ETH=prices(2))


def ask(given: Known | None = None, history: Past = BOTH, **changes: object) -> Any:
    """The answer on the account of the what-if tests."""
    documents = read_documents(json.dumps(ACCOUNT | changes), "account.json")
    return forecast_answer(documents, history, given or Known(), FEW, NOW)


def values(answer: Any, subject: str, level: str) -> list[float]:
    """The probabilities of one level, by rising horizon."""
    likely = answer["subjects"][subject]["levels"][level]["probability"]
    return [float(likely[hours]["value"]) for hours in ("1", "8", "24")]


def test_every_level_has_rising_odds_and_a_score() -> None:
    """The longer the likelier, the warning no later than the end, each with a score."""
    answer = ask(margin_cross=DEEP)

    warned = values(answer, "margin_cross", "0.95")
    ended = values(answer, "margin_cross", "0.97")
    assert warned == sorted(warned)
    assert all(one >= other for one, other in zip(warned, ended, strict=True))
    assert ended[-1] > 0.05
    level = answer["subjects"]["margin_cross"]["levels"]["0.97"]
    assert 0 < float(level["median_h"]) < 24
    assert 0 < float(level["mean_h"]) < 24
    score = level["probability"]["24"]["score"]
    assert float(score["bin"][0]) <= ended[-1] <= float(score["bin"][1])
    assert score["forecasts"] >= 200
    assert "held out" in answer["score"]["of"]
    assert set(answer["subjects"]["futures.USDT"]["levels"]) == {"0.95", "1"}
    any_one = [float(p) for p in answer["any_liquidation"].values()]
    assert any_one[-1] >= ended[-1] - 1e-9


def test_a_coin_without_history_is_null_with_a_reason() -> None:
    """Its accounts are null, never nought; others keep their numbers."""
    answer = ask(history=past(BTC=prices(1)))

    cross = answer["subjects"]["margin_cross"]
    assert cross["levels"] == {"0.95": None, "0.97": None}
    assert "ETH" in cross["reason"]
    assert answer["subjects"]["futures.USDT"]["levels"]["1"] is not None
    assert answer["any_liquidation"] is None


def test_an_account_that_cannot_be_measured_leaves_the_whole_unknown() -> None:
    """A missing mark price is told, and no chance of any liquidation is given."""
    answer = ask(mark_prices=[{"symbol": "USDT-BTC", "value": "0.00002"}])

    cross = answer["subjects"]["margin_cross"]
    assert cross["levels"] == {"0.95": None, "0.97": None}
    assert "ETH" in cross["reason"]
    assert answer["any_liquidation"] is None


def test_interest_is_that_of_the_document_or_of_the_option() -> None:
    """40,000 USDT at 87.6 % a year are 4 an hour; the option wins."""
    rates = {
        "items": [
            {
                "currency": "USDT",
                "hourlyBorrowRate": "0.0001",
                "annualizedBorrowRate": "0.876",
            }
        ]
    }
    listed = ask(borrow_rates=rates)["subjects"]["margin_cross"]["known"]
    given = ask(Known(rates={"USDT": Decimal("0.438")}), borrow_rates=rates)

    assert float(listed["interest_per_h"]) == pytest.approx(4.0)
    known = given["subjects"]["margin_cross"]["known"]
    assert float(known["interest_per_h"]) == pytest.approx(2.0)


def test_a_short_receives_a_positive_funding() -> None:
    """0.1 BTC short at 50,000, rate 1 %: 50 USDT are received, and it helps."""
    at = NOW + timedelta(hours=2)
    rate = Decimal("0.01")
    paid, received = (
        ask(Known(fundings={"XBTUSDTM": Funding(rate=way * rate, settlement_at=at)}))
        for way in (-1, 1)
    )

    booked = received["subjects"]["futures.USDT"]["known"]["fundings"]
    assert [each["amount"] for each in booked] == ["50"]
    ends = [values(each, "futures.USDT", "1")[-1] for each in (received, ask(), paid)]
    assert ends == sorted(ends)


def test_a_coin_that_stops_counting_ends_the_account() -> None:
    """Without its BTC the account owes more than it has from that hour on."""
    when = NOW + timedelta(hours=6)
    answer = ask(Known(delistings={"BTC": when}))

    one, eight, day = values(answer, "margin_cross", "0.97")
    assert one == values(ask(), "margin_cross", "0.97")[0]
    assert (eight, day) == (1.0, 1.0)


def test_a_blackout_tells_what_an_account_stands() -> None:
    """A fifth, or the worst hour on record if that was worse."""
    window = Window(start=NOW + timedelta(hours=1), end=NOW + timedelta(hours=2))
    crash = prices(1)
    crash[300:] = [price * 0.6 for price in crash[300:]]
    calm = ask(Known(blackouts=(window,)))["blackouts"][0]["stressed"]
    wild = ask(Known(blackouts=(window,)), history=past(BTC=crash, ETH=prices(2)))[
        "blackouts"
    ][0]["stressed"]

    assert calm["margin_cross"]["move"] == "0.2"
    assert calm["margin_cross"]["ratio"] == "0.7142857142857143"
    assert calm["margin_cross"]["is_under_warning"] is True
    assert float(wild["margin_cross"]["move"]) > 0.35
    assert wild["margin_cross"]["is_under_warning"] is False


# -- the command -----------------------------------------------------------


def folder(tmp_path: Path) -> Path:
    """A folder with candles of BTC, spot and perpetual, and of ETH."""
    first_ms = int(START.timestamp() * 1000) - 3_600_000
    for name, path in (
        ("X_BTCUSDT_spot_1h", prices(1)[400:]),
        ("X_BTCUSDT_perp_1h", prices(1)),
        ("X_ETHUSDT_spot_1h", prices(2)),
    ):
        late = first_ms + (HOURS - len(path)) * 3_600_000
        columns = {
            "ts_ms": pa.array(
                [late + place * 3_600_000 for place in range(len(path))], pa.int64()
            ),
            **{word: pa.array(path) for word in ("open", "high", "low", "close")},
        }
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    return tmp_path


def run(tmp_path: Path, *options: str) -> Any:
    """The command on the account."""
    file = tmp_path / "account.json"
    file.write_text(json.dumps(ACCOUNT))
    return CliRunner().invoke(app, ["forecast", str(file), *options])


def test_the_command_reads_a_folder_of_candles(tmp_path: Path) -> None:
    """The longest file of a coin is taken; --json prints one object."""
    found = run(tmp_path, "--history", str(folder(tmp_path)), "--json")

    assert found.exit_code == 0, found.output
    answer = json.loads(found.stdout)
    assert answer["at"] == NOW.isoformat().replace("+00:00", "Z")
    assert answer["history"]["coins"] == ["BTC", "ETH"]
    assert answer["history"]["stretches"] == HOURS - 24
    again = run(tmp_path, "--history", str(tmp_path), "--json")
    assert again.stdout == found.stdout


def test_the_command_draws_a_table(tmp_path: Path) -> None:
    """Accounts, levels, odds, the score."""
    now = (NOW - timedelta(hours=3)).isoformat()
    found = run(tmp_path, "--history", str(folder(tmp_path)), "--at", now)

    assert found.exit_code == 0, found.output
    assert "margin_cross" in found.stdout
    assert "Brier skill" in found.stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--at", "yesterday"], "--at must be a time with a zone"),
        (["--at", "2026-01-01T00:00:00Z"], "before --at"),
        (["--borrow-rate", "USDT=-1"], "--borrow-rate"),
        (["--funding", "XBTUSDTM"], "--funding must look like"),
        (["--funding", "XBTUSDTM=x@2025-01-01T00:00:00Z"], "--funding must look"),
        (["--delist", "BTC"], "--delist must look like"),
        (["--delist", "BTC=2024-01-01T00:00:00Z"], "is not after"),
        (["--blackout", "2025-02-01T00:00:00Z"], "--blackout must be"),
        (
            ["--blackout", "2025-02-02T00:00:00Z/2025-02-01T00:00:00Z"],
            "must end after it starts",
        ),
    ],
)
def test_a_bad_option_is_refused(tmp_path: Path, options: list[str], told: str) -> None:
    """Exit 2, nothing on standard output, a sentence that names the option."""
    found = run(tmp_path, "--history", str(folder(tmp_path)), *options)

    assert found.exit_code == 2
    assert not found.stdout
    assert told in found.stderr


def test_a_folder_without_candles_is_refused(tmp_path: Path) -> None:
    """The sentence says what the folder must hold."""
    found = run(tmp_path, "--history", str(tmp_path))

    assert found.exit_code == 2
    assert "neither market.toml nor a candle file" in found.stderr


def test_the_settings_tell_the_limit_and_the_blackouts(tmp_path: Path) -> None:
    """Each account over the guard's limit, and every announced blackout to come."""
    config = tmp_path / "gnomon.toml"
    config.write_text(
        '[guard]\nmax_liquidation_probability = "0.000001"\nhorizon_h = 8\n'
        'blackouts = ["2025-01-30T00:00:00Z/2025-01-30T01:00:00Z", '
        '"2024-01-30T00:00:00Z/2024-01-30T01:00:00Z"]\n'
    )
    found = run(
        tmp_path,
        *("--history", str(folder(tmp_path)), "--config", str(config), "--json"),
    )

    assert found.exit_code == 0, found.output
    answer = json.loads(found.stdout)
    assert answer["guard"]["horizon_h"] == 8
    assert answer["guard"]["is_over"]["futures.USDT"] is True
    assert [each["start"] for each in answer["blackouts"]] == ["2025-01-30T00:00:00Z"]
