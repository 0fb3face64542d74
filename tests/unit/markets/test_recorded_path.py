"""How candles become instants."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bot.domain.errors import UsageError
from bot.domain.market import MarketInstant, PathOrder
from connectors.markets.recorded import RecordedMarket, open_market
from tests.unit.markets.build import START_MS, candles, flat, funding, manifest

START = datetime(2025, 1, 1, tzinfo=UTC)


def _at(instants: list[MarketInstant], seconds: int) -> MarketInstant:
    wanted = START + timedelta(seconds=seconds)
    return next(instant for instant in instants if instant.at == wanted)


@pytest.mark.parametrize(
    ("order", "at_20_s", "at_40_s"),
    [(PathOrder.LOW_FIRST, "99.7", "100.4"), (PathOrder.HIGH_FIRST, "100.4", "99.7")],
)
def test_extremes_are_reached_exactly_in_the_order_of_the_coin(
    tmp_path: Path, order: PathOrder, at_20_s: str, at_40_s: str
) -> None:
    """Open at 0, the extremes at 1/3 and 2/3 in the coin's order, close at the end."""
    candles(tmp_path / "X_A_spot_1m.parquet", [(100.0, 100.4, 99.7, 100.2)])
    path = manifest(
        tmp_path, {"A": {"spot": "X_A_spot_1m.parquet"}}, end="2025-01-01T00:01:00Z"
    )
    instants = list(open_market(path).instants({"A": order}))

    assert _at(instants, 0).last_prices["A-USDT"] == Decimal(100)
    assert _at(instants, 20).last_prices["A-USDT"] == Decimal(at_20_s)
    assert _at(instants, 40).last_prices["A-USDT"] == Decimal(at_40_s)
    assert _at(instants, 60).last_prices["A-USDT"] == Decimal("100.2")


def test_inside_a_leg_the_price_is_log_linear(tmp_path: Path) -> None:
    """Half way to an extreme in time is half way in the logarithm."""
    candles(tmp_path / "X_A_spot_5m.parquet", [(100.0, 121.0, 100.0, 121.0)], minutes=5)
    path = manifest(
        tmp_path, {"A": {"spot": "X_A_spot_5m.parquet"}}, end="2025-01-01T00:05:00Z"
    )
    instants = list(open_market(path).instants({"A": PathOrder.LOW_FIRST}))

    middle = _at(instants, 150).last_prices["A-USDT"]
    assert abs(middle - Decimal(110)) < Decimal("0.00001")


def test_a_jump_between_bars_stays_one_jump_in_one_second(tmp_path: Path) -> None:
    """At a boundary the next open applies; the close stands just before it."""
    rows = [(100.0, 100.0, 100.0, 100.0), (110.0, 110.0, 110.0, 110.0)]
    candles(tmp_path / "X_A_spot_1m.parquet", rows)
    path = manifest(
        tmp_path, {"A": {"spot": "X_A_spot_1m.parquet"}}, end="2025-01-01T00:02:00Z"
    )
    instants = list(open_market(path).instants({}))

    assert _at(instants, 59).last_prices["A-USDT"] == Decimal(100)
    assert _at(instants, 60).last_prices["A-USDT"] == Decimal(110)


def test_the_coarse_leg_follows_the_fine_one_times_their_ratio(tmp_path: Path) -> None:
    """A 15 minute spot meets its own close and has no extremes of its own."""
    fine = [(100.0, 100.2, 99.9, 100.1)] * 15
    candles(tmp_path / "X_A_perp_1m.parquet", fine)
    candles(
        tmp_path / "X_A_spot_15m.parquet", [(101.0, 140.0, 60.0, 102.0)], minutes=15
    )
    files = {"spot": "X_A_spot_15m.parquet", "perp": "X_A_perp_1m.parquet"}
    path = manifest(tmp_path, {"A": files}, end="2025-01-01T00:15:00Z")
    market = open_market(path)
    instants = list(market.instants({}))
    spot = [instant.last_prices["A-USDT"] for instant in instants]

    assert spot[0] == Decimal(101)
    assert abs(spot[-1] - Decimal(102)) < Decimal("0.00001")
    assert Decimal(100) < min(spot) < max(spot) < Decimal(103)
    assert instants[0].margin_marks["A"] == spot[0]
    assert instants[0].futures_marks["AUSDTM"] == Decimal(100)
    assert any("spot between its 15m closes" in d for d in _derived(market, "A"))


def _derived(market: RecordedMarket, coin: str) -> tuple[str, ...]:
    instruments = market.description.instruments
    return next(item.derived for item in instruments if item.coin == coin)


def test_legs_of_equal_bars_keep_their_own_extremes(tmp_path: Path) -> None:
    """Spot and perp of the same length each reach their own low."""
    candles(tmp_path / "X_A_spot_1m.parquet", [(100.0, 100.1, 99.8, 100.0)] * 2)
    candles(tmp_path / "X_A_perp_1m.parquet", [(101.0, 101.2, 100.9, 101.0)] * 2)
    files = {"spot": "X_A_spot_1m.parquet", "perp": "X_A_perp_1m.parquet"}
    path = manifest(tmp_path, {"A": files}, end="2025-01-01T00:02:00Z")
    low = _at(list(open_market(path).instants({})), 20)

    assert low.last_prices == {"A-USDT": Decimal("99.8"), "AUSDTM": Decimal("100.9")}


def test_a_mark_as_fine_as_the_grid_is_used_and_a_coarser_one_compared(
    tmp_path: Path,
) -> None:
    """Futures are valued at the recorded mark only where its bars are fine enough."""
    candles(tmp_path / "X_A_perp_5m.parquet", flat(12), minutes=5)
    candles(tmp_path / "X_A_mark_1m.parquet", flat(60, 100.3), volume=None)
    candles(tmp_path / "X_A_mark_1h.parquet", flat(1, 100.3), minutes=60, volume=None)
    end = "2025-01-01T01:00:00Z"
    fine = {"perp": "X_A_perp_5m.parquet", "mark": "X_A_mark_1m.parquet"}
    first = open_market(manifest(tmp_path, {"A": fine}, end=end)).first_prices()
    assert first.futures_marks == {"AUSDTM": Decimal("100.3")}
    assert first.last_prices["AUSDTM"] == Decimal(100)

    coarse = {"perp": "X_A_perp_5m.parquet", "mark": "X_A_mark_1h.parquet"}
    market = open_market(manifest(tmp_path, {"A": coarse}, end=end))
    assert market.first_prices().futures_marks == {"AUSDTM": Decimal(100)}
    assert any("30.0 bp in the median" in a for a in market.description.assumptions)


def test_missing_legs_are_derived_without_basis_and_said_so(tmp_path: Path) -> None:
    """A coin without a perp file has the spot as its perp, labelled derived."""
    candles(tmp_path / "X_BTC_spot_1m.parquet", flat(10))
    path = manifest(tmp_path, {"BTC": {"spot": "X_BTC_spot_1m.parquet"}})
    market = open_market(path)
    first = market.first_prices()

    assert first.last_prices == {"BTC-USDT": Decimal(100), "XBTUSDTM": Decimal(100)}
    assert "perp derived from spot, zero basis" in _derived(market, "BTC")
    assert "funding absent: none paid" in _derived(market, "BTC")


def test_a_coin_is_halted_outside_its_rows(tmp_path: Path) -> None:
    """Before its first and after its last row a coin is halted and has no price."""
    candles(tmp_path / "X_A_spot_1m.parquet", flat(10))
    late = START_MS + 3 * 60_000
    candles(tmp_path / "X_B_spot_1m.parquet", flat(4, 5.0), first_ms=late)
    coins = {
        "A": {"spot": "X_A_spot_1m.parquet"},
        "B": {"spot": "X_B_spot_1m.parquet"},
    }
    market = open_market(manifest(tmp_path, coins))
    instants = list(market.instants({}))

    assert instants[0].halted == {"B-USDT": True, "BUSDTM": True}
    assert "B" not in instants[0].margin_marks
    assert _at(instants, 180).halted == {"B-USDT": False, "BUSDTM": False}
    assert _at(instants, 180).margin_marks["B"] == Decimal(5)
    assert _at(instants, 420).margin_marks["B"] == Decimal(5)
    assert _at(instants, 421).halted == {"B-USDT": True, "BUSDTM": True}
    assert all("B" not in i.margin_marks for i in instants if i.at > _time(420))
    assert market.trading_spans()["B"] == (_time(180), _time(420))


def _time(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def test_a_gap_holds_the_last_price_and_is_listed(tmp_path: Path) -> None:
    """Inside a gap the close stays; the description names the gap."""
    rows = [(100.0, 100.0, 100.0, 100.0), (100.0, 100.1, 100.0, 100.1)]
    path = tmp_path / "X_A_spot_1m.parquet"
    candles(path, rows)
    late = tmp_path / "late.parquet"
    candles(late, flat(2, 101.0), first_ms=START_MS + 8 * 60_000)
    both = pa.concat_tables([pq.read_table(path), pq.read_table(late)])
    pq.write_table(both, path)
    market = open_market(manifest(tmp_path, {"A": {"spot": path.name}}))
    instants = list(market.instants({}))

    held = [
        i.last_prices["A-USDT"] for i in instants if _time(120) <= i.at < _time(480)
    ]
    assert set(held) == {Decimal("100.1")}
    assert _at(instants, 480).last_prices["A-USDT"] == Decimal(101)
    assert any(
        "has a gap from 2025-01-01T00:02" in a for a in market.description.assumptions
    )


def test_the_first_instant_does_not_depend_on_the_order_of_extremes(
    tmp_path: Path,
) -> None:
    """A bar under way at the start takes its low first, whatever the account."""
    candles(
        tmp_path / "X_A_spot_5m.parquet", [(100.0, 130.0, 80.0, 120.0)] * 2, minutes=5
    )
    path = manifest(tmp_path, {"A": {"spot": "X_A_spot_5m.parquet"}})
    market = open_market(path, start=_time(100))
    high_first = next(market.instants({"A": PathOrder.HIGH_FIRST}))

    assert market.first_prices() == high_first
    assert high_first.last_prices["A-USDT"] == Decimal(80)


def test_settlements_come_at_their_stamps_and_quotes_know_only_the_past(
    tmp_path: Path,
) -> None:
    """The quote is the last settled rate; the interval the last distance of stamps."""
    hour = 3_600_000
    candles(tmp_path / "X_A_spot_1h.parquet", flat(24), minutes=60)
    rows = [
        (START_MS - 8 * hour, "0.0001"),
        (START_MS, "0.0002"),
        (START_MS + 8 * hour, "-0.0003"),
        (START_MS + 12 * hour, "0.0004"),
    ]
    funding(tmp_path / "f.csv.gz", rows)
    files = {"spot": "X_A_spot_1h.parquet", "funding": "f.csv.gz"}
    path = manifest(tmp_path, {"A": files}, end="2025-01-02T00:00:00Z")
    instants = list(open_market(path).instants({}))

    settled = [(i.at.hour, s.funding_rate) for i in instants for s in i.settlements]
    assert settled == [
        (0, Decimal("0.0002")),
        (8, Decimal("-0.0003")),
        (12, Decimal("0.0004")),
    ]
    quotes = [(i.at.hour, q) for i in instants for q in i.funding_quotes]
    assert [(hour, str(q.funding_rate)) for hour, q in quotes] == [
        (0, "0.0002"),
        (8, "-0.0003"),
        (12, "0.0004"),
        (16, "0.0004"),
        (20, "0"),
        (0, "0"),
    ]
    assert [q.settlement_at.hour for _, q in quotes][:4] == [8, 16, 16, 20]
    assert [q.funding_interval_h for _, q in quotes][:4] == [8, 8, 4, 4]


def test_a_month_of_settlements_is_known_at_the_start(tmp_path: Path) -> None:
    """Of before the start only, at most thirty days, none of which follows a gap."""
    hour = 3_600_000
    candles(tmp_path / "X_A_spot_1h.parquet", flat(24), minutes=60)
    candles(tmp_path / "X_B_spot_1h.parquet", flat(24), minutes=60)
    ages = (-31 * 24, -240, -40, -32, -28, -24, -8, 0, 8)
    rows = [(START_MS + age * hour, f"{age + 1_000}e-7") for age in ages]
    funding(tmp_path / "f.csv.gz", rows)
    files = {"spot": "X_A_spot_1h.parquet", "funding": "f.csv.gz"}
    coins = {"A": files, "B": {"spot": "X_B_spot_1h.parquet"}}
    market = open_market(manifest(tmp_path, coins, end="2025-01-01T12:00:00Z"))

    (symbol,) = market.funding_past()
    assert symbol == "AUSDTM"
    told = [
        ((q.settlement_at - START) // timedelta(hours=1), int(q.funding_interval_h))
        for q in market.funding_past()[symbol]
    ]
    assert told == [(-32, 8), (-28, 4), (-24, 4)]
    newest = market.funding_past()[symbol][-1]
    assert newest.funding_rate == Decimal("976e-7")
    assert newest.at == newest.settlement_at - timedelta(hours=4)


def test_borrow_rates_follow_negative_funding(tmp_path: Path) -> None:
    """A coin with deeply negative funding is dear, and under -50 % not to be had."""
    hour = 3_600_000
    candles(tmp_path / "X_A_spot_1h.parquet", flat(24), minutes=60)
    rows = [(START_MS - 8 * hour, "0.0001"), (START_MS + 8 * hour, "-0.01")]
    funding(tmp_path / "f.csv.gz", rows)
    files = {"spot": "X_A_spot_1h.parquet", "funding": "f.csv.gz"}
    path = manifest(tmp_path, {"A": files}, end="2025-01-02T00:00:00Z")
    instants = list(open_market(path, borrow_x=Decimal(3)).instants({}))

    first = {rate.coin: rate for rate in instants[0].borrow_rates}
    assert first["USDT"].annual_rate == Decimal("0.33")
    assert first["A"].annual_rate == Decimal("0.24")
    later = [rate for i in instants[1:] for rate in i.borrow_rates]
    assert later[0].available == Decimal(0)
    assert later[0].annual_rate > Decimal(3)


def test_depth_comes_from_closed_bars_and_the_share_of_the_exchange(
    tmp_path: Path,
) -> None:
    """600 coins a minute at Binance are 30 at KuCoin; its own volume counts whole."""
    before = START_MS - 60 * 60_000
    for name in ("BINANCE_A_spot_1m", "KUCOIN_B_spot_1m"):
        candles(tmp_path / f"{name}.parquet", flat(70), first_ms=before)
    coins = {
        "A": {"spot": "BINANCE_A_spot_1m.parquet"},
        "B": {"spot": "KUCOIN_B_spot_1m.parquet"},
    }
    first = open_market(manifest(tmp_path, coins)).first_prices()

    assert first.liquidity["A-USDT"].volume_1m == 30
    assert first.liquidity["B-USDT"].volume_1m == 600
    assert first.liquidity["A-USDT"].half_spread == Decimal("0.0005")


def test_history_ends_at_the_start_and_is_bounded(tmp_path: Path) -> None:
    """The last close of each hour up to the start, a year of hours at most."""
    before = START_MS - 6_000 * 60_000
    candles(tmp_path / "X_A_spot_1m.parquet", flat(6_010), first_ms=before)
    hours = START_MS - 9_000 * 3_600_000
    candles(tmp_path / "X_B_spot_1h.parquet", flat(9_010), minutes=60, first_ms=hours)
    coins = {f"{c}": {"spot": f"X_{c}_spot_1{u}.parquet"} for c, u in ("Am", "Bh")}
    history = open_market(manifest(tmp_path, coins)).history()

    assert len(history["A"]) == 100
    assert len(history["B"]) == 8_761
    for rows in history.values():
        assert rows[-1] == (START, Decimal(100))
        assert {b[0] - a[0] for a, b in pairwise(rows)} == {timedelta(hours=1)}


def test_a_narrower_window_stays_inside_the_manifest(tmp_path: Path) -> None:
    """Start and end may narrow the window and never widen or turn it."""
    candles(tmp_path / "X_A_spot_1m.parquet", flat(10))
    path = manifest(tmp_path, {"A": {"spot": "X_A_spot_1m.parquet"}})
    market = open_market(path, start=_time(90), end=_time(301))
    times = [instant.at for instant in market.instants({})]

    assert (times[0], times[-1]) == (_time(90), _time(301))
    for start, end in ((_time(-60), None), (None, _time(601)), (_time(60), _time(60))):
        with pytest.raises(UsageError):
            open_market(path, start=start, end=end)
    with pytest.raises(UsageError, match="time zone"):
        open_market(path, start=_time(60).replace(tzinfo=None))


def test_the_digest_tells_markets_apart(tmp_path: Path) -> None:
    """Same files and options, same digest; another byte or option, another digest."""
    name = "X_A_spot_1m.parquet"
    candles(tmp_path / name, flat(10))
    path = manifest(tmp_path, {"A": {"spot": name}})
    first = open_market(path).description
    assert open_market(path).description == first
    assert open_market(path, step_s=2).description.digest != first.digest

    candles(tmp_path / name, flat(10, 100.1))
    second = open_market(path).description
    assert replace(second, digest=first.digest) == first
    assert second.digest != first.digest
