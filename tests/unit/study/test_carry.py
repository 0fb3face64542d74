"""The carry study: replay, bound and scores on small markets, and as a command."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.study.carry import QUICK
from bot.study.carry_bound import Bound, carry_bound
from bot.study.carry_data import CarryData, carry_data, years_of
from bot.study.carry_policies import POLICIES
from bot.study.carry_replay import CarrySize, replay_carry
from bot.study.carry_rows import carry_jobs
from bot.study.carry_scores import score_forecasts, skill_of
from bot.study.carry_summary import summary_of
from bot.study.markets import Source
from connectors.markets.hourly_market import HourlyMarket, open_hourly
from tests.simulation.small import drive
from tests.simulation.small import market as small_market
from tests.unit.markets.build import START_MS, candles, funding, manifest

_HOUR_MS = 3_600_000
_DAYS = 40


def _folder(
    folder: Path, rates: list[float], *, basis: float = 0.0, days: int = _DAYS
) -> Path:
    """BTC at 50,000 and a recorded perpetual, funded every eight hours."""
    folder.mkdir(exist_ok=True)
    spot = [(50_000.0,) * 4] * (24 * days)
    perp = [(50_000.0 * (1 + basis),) * 4] * (24 * days)
    candles(folder / "X_BTCUSDT_spot_1h.parquet", spot, minutes=60, volume=1e6)
    candles(folder / "X_BTCUSDT_perp_1h.parquet", perp, minutes=60, volume=1e6)
    rows = [
        (START_MS + 8 * _HOUR_MS * (n + 1), f"{r:.8f}") for n, r in enumerate(rates)
    ]
    funding(folder / "X_BTCUSDT.csv.gz", rows)
    manifest(
        folder,
        {
            "BTC": {
                "spot": "X_BTCUSDT_spot_1h.parquet",
                "perp": "X_BTCUSDT_perp_1h.parquet",
                "funding": "X_BTCUSDT.csv.gz",
            }
        },
        end=f"2025-02-{days - 30:02d}T00:00:00Z",
    )
    return folder


def _market(folder: Path, rates: list[float], basis: float = 0.0) -> HourlyMarket:
    return open_hourly(_folder(folder, rates, basis=basis))


def _data(folder: Path, rates: list[float], basis: float = 0.0) -> CarryData:
    return carry_data(_market(folder, rates, basis), 2025, is_derived=False)


def test_a_constant_rate_is_collected_once_it_is_known(tmp_path: Path) -> None:
    """0.05 % each eight hours on 100,000 / 1.3, less fees and spread of both legs.

    The first settlement is not known before it has passed; every later one is paid
    on the same coins.
    """
    data = _data(tmp_path, [0.0005] * (3 * _DAYS))
    found = replay_carry(data, POLICIES["gnomon"], CarrySize())
    notional = 100_000 / 1.3
    settled = 3 * _DAYS - 1

    assert found.traded == pytest.approx(notional, rel=1e-6)
    assert found.parts["funding"] == pytest.approx(notional * 0.0005 * settled)
    assert found.parts["fees"] == pytest.approx(-notional * 0.0016)
    assert found.parts["interest"] == found.parts["liquidation"] == 0
    assert sum(found.parts.values()) == pytest.approx(found.equity[-1] - 100_000)


def test_idle_money_earns_nothing(tmp_path: Path) -> None:
    """USDT that lies there is neither paid nor charged."""
    found = replay_carry(
        _data(tmp_path, [0.001] * 60), POLICIES["idle"], CarrySize(capital=10_000.0)
    )
    assert set(found.equity) == {10_000.0}


def test_a_reserve_scales_what_is_earned(tmp_path: Path) -> None:
    """With a fifth kept back a fifth less is earned on the whole capital."""
    data = _data(tmp_path, [0.0005] * 120)
    whole, less = (
        replay_carry(data, POLICIES["gnomon"], CarrySize(reserve=reserve)).equity[-1]
        - 100_000
        for reserve in (0.0, 0.2)
    )
    assert less == pytest.approx(0.8 * whole, rel=1e-6)


def test_a_deep_negative_rate_is_not_borrowed_for(tmp_path: Path) -> None:
    """At -0.1 % (-110 % a year) nothing is left to borrow: the money stays idle."""
    found = replay_carry(
        _data(tmp_path, [-0.001] * 120), POLICIES["gnomon"], CarrySize()
    )
    assert found.traded == 0


def test_a_wide_discount_is_taken_when_there_is_a_loan(tmp_path: Path) -> None:
    """A perpetual 10 % under spot with harmless funding: sold short against it."""
    found = replay_carry(
        _data(tmp_path, [-0.0001] * 120, basis=-0.1), POLICIES["gnomon"], CarrySize()
    )
    assert found.traded > 0
    assert found.parts["interest"] < 0


@settings(max_examples=15)
@given(
    rates=st.lists(st.floats(-0.0004, 0.002), min_size=12, max_size=12),
    basis=st.floats(-0.01, 0.01),
)
def test_nobody_beats_the_bound(
    tmp_path_factory: pytest.TempPathFactory, rates: list[float], basis: float
) -> None:
    """Whatever rates come, no policy ends above the clairvoyant that plays its game."""
    slow = [rate for rate in rates for _ in range(10)]
    data = _data(tmp_path_factory.mktemp("bound"), slow, basis)
    bound = carry_bound(data, CarrySize(), Bound.BASIS)
    loose = carry_bound(data, CarrySize(), Bound.LOOSE)

    assert bound.gain is not None
    assert loose.gain is not None
    assert loose.gain >= bound.gain - 1e-9
    for policy in POLICIES.values():
        found = replay_carry(data, policy, CarrySize())
        assert found.equity[-1] / 100_000 - 1 <= bound.gain + 1e-9


def test_the_future_changes_nothing_in_the_past(tmp_path: Path) -> None:
    """Rates of after a day in another order: the equity until that day is the same."""
    rates = [((n * 7919) % 19 - 3) * 0.0001 for n in range(3 * _DAYS)]
    known, later = rates[:60], sorted(rates[60:])
    one, other = (
        replay_carry(
            _data(tmp_path / name, [*known, *tail]), POLICIES["gnomon"], CarrySize()
        ).equity
        for name, tail in (("a", rates[60:]), ("b", later))
    )
    assert one[:60] == other[:60]
    assert one != other


def test_a_lost_account_is_counted(tmp_path: Path) -> None:
    """A rise of half within an hour ends a perpetual with 0.3 behind it."""
    data = _data(tmp_path, [0.0005] * 120)
    (coin,) = data.coins
    high = coin.high.copy()
    high[20] = 1.5
    found = replay_carry(
        replace(data, coins=(replace(coin, high=high),)),
        POLICIES["gnomon"],
        CarrySize(),
    )
    assert found.liquidations == 1
    assert found.parts["liquidation"] < 0
    assert found.max_risk >= 1


def test_a_shorter_interval_is_followed(tmp_path: Path) -> None:
    """From eight hours to one decisions become hourly, and the forecast follows."""
    folder = _folder(tmp_path, [0.0001] * 10)
    hours = [8 * (n + 1) for n in range(10)] + [80 + n for n in range(1, 100)]
    rates = ["0.0008"] * 10 + ["0.0001"] * 99
    rows = [(START_MS + h * _HOUR_MS, r) for h, r in zip(hours, rates, strict=True)]
    funding(folder / "X_BTCUSDT.csv.gz", rows)
    data = carry_data(open_hourly(folder), 2025, is_derived=False)
    (coin,) = data.coins

    assert list(coin.interval_h[[5, 60]]) == [8.0, 1.0]
    assert float(coin.first_h[60]) == 1.0
    seen = coin.forecasts[60]
    assert seen is not None
    assert seen.rate(1.0) == pytest.approx(0.0001)


def test_a_forecast_is_scored_against_what_came(tmp_path: Path) -> None:
    """A constant rate is forecast without error, and so does the last one."""
    market = _market(tmp_path, [0.0003] * 120)
    data = carry_data(market, 2025, is_derived=False)
    score = skill_of(score_forecasts(market, data)["next"])

    assert score["count"] == 119
    assert score["mean_abs_error_forecast"] == pytest.approx(0, abs=1e-12)


def test_years_and_legs_make_the_jobs(tmp_path: Path) -> None:
    """A market of recorded legs has one job a year, a derived one is told apart."""
    source = Source(name="small", path=_folder(tmp_path, [0.0001] * 120))
    jobs = carry_jobs(source, QUICK)

    assert [(job.year, job.is_derived) for job in jobs] == [(2025, False)]
    assert years_of(open_hourly(tmp_path)) == (2025,)


def test_the_command_prints_one_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows of every policy with the stable keys; the parts add up to the return."""
    markets = tmp_path / "markets"
    markets.mkdir()
    _folder(markets / "good", [0.0005] * 120)
    (markets / "bad.toml").write_text("name = 3", encoding="utf-8")
    small_market(markets / "dry", {"ABC": [1.0] * 200})
    said = drive(
        capsys,
        *("study", "carry", "--markets", str(markets), "--quick", "--workers", "1"),
        "--json",
    )
    answer = json.loads(said.out)

    assert said.code == 0
    assert len(answer["failed"]) == 1
    assert answer["left_out"] == ["dry: no coin has funding"]
    assert {row["policy"] for row in answer["rows"]} == {*POLICIES, "clairvoyant"}
    stable = (
        *("market", "year", "policy", "capital", "reserve", "borrow_x", "derived"),
        *("net_return", "drawdown", "max_risk"),
    )
    for row in answer["rows"]:
        assert set(stable) <= set(row)
    (ours,) = (row for row in answer["rows"] if row["policy"] == "gnomon")
    parts = sum(Decimal(value) for value in ours["pnl"].values())
    assert float(parts) == pytest.approx(float(ours["net_return"]), abs=1e-9)
    (group,) = answer["summary"]
    assert group["pooled"]["all"]["is_above"]["idle"]
    assert answer["forecast"]


def _row(policy: str, year: int, net: str, days: str = "365") -> dict[str, object]:
    return {
        "market": f"m{days}",
        "year": year,
        "policy": policy,
        "capital": "100000",
        "reserve": "0",
        "borrow_x": "1",
        "derived": False,
        "days": days,
        "net_return": net,
        "drawdown": "0",
        "max_risk": "0.1",
        "turnover": "1",
        "pnl": {"price": "0.01"},
    }


def test_a_year_counts_once_and_a_poor_one_in_points() -> None:
    """Of two markets the longer is pooled; under 3 % for (d) there is no share."""
    rows = [
        _row(policy, year, net, days)
        for days, year, ours, best in (
            ("365", 2021, "0.09", "0.10"),
            ("100", 2021, "0.5", "0.6"),
            ("365", 2022, "0.02", "0.02"),
        )
        for policy, net in (
            ("gnomon", ours),
            ("clairvoyant", best),
            ("always_on", "0"),
            ("fixed_threshold", "0"),
            ("idle", "0"),
        )
    ]
    (group,) = summary_of(rows)
    years = group["years"]
    pooled = group["pooled"]
    assert isinstance(years, list)
    assert isinstance(pooled, dict)

    assert [year["share"] is None for year in years] == [False, True]
    assert float(years[0]["share"]) == pytest.approx(0.8)
    assert float(years[1]["points_behind"]) == pytest.approx(0.01)
    assert float(pooled["all"]["share"]["clairvoyant"]) == pytest.approx(0.09 / 0.12)
    assert float(pooled["out_of_sample"]["worst_year"]) == pytest.approx(0.02)
