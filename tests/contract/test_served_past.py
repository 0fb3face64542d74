"""A served venue knows what was before its start, as an exchange does."""

from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from connectors.markets.synthetic import open_scenario
from tests.contract.served import Said, Served, serve, true_ms

_HOUR_S = 3600


def _candles(served: Served, kind: str, since_s: int) -> list[list[str]]:
    target = "/api/v1/market/candles?symbol=BTC-USDT"
    said: Said = served.ask("GET", f"{target}&type={kind}&startAt={since_s}")
    rows: list[list[str]] = said.json["data"]
    return rows[::-1]


def test_the_past_of_a_market_is_served(tmp_path: Path) -> None:
    """Estimators find sixty days of hours, and the last hour is as deep as it is."""
    market = open_scenario("calm", 1)
    first = market.first_prices()
    closes = [close for _, close in market.history()["BTC"]]
    depth = first.liquidity["BTC-USDT"]
    with serve(tmp_path) as served:
        now_s = true_ms() // 1000
        hours = _candles(served, "1hour", now_s - 61 * 24 * _HOUR_S)
        minutes = _candles(served, "1min", now_s - _HOUR_S)
        wanted = f"symbol=XBTUSDTM&granularity=1&from={(now_s - _HOUR_S) * 1000}"
        said = served.ask("GET", f"/api/v1/kline/query?{wanted}", host="futures")

    assert [Decimal(row[2]) for row in hours][:500] == closes[1:501]
    assert len(hours) >= len(closes) - 1
    assert len(minutes) in {60, 61, 62}
    volume = sum((Decimal(row[5]) for row in minutes), Decimal(0)) / 60
    assert abs(volume / depth.volume_1m - 1) < Decimal("0.1")
    ends = [Decimal(row[2]) for row in minutes]
    squares = [(b / a).ln() ** 2 for a, b in pairwise(ends)]
    sigma = (sum(squares, Decimal(0)) / len(squares)).sqrt()
    assert abs(sigma / depth.sigma_1m - 1) < Decimal("0.25")
    contracts = said.json["data"]
    assert len(contracts) in {60, 61, 62}
    last = first.last_prices["XBTUSDTM"]
    assert abs(Decimal(str(contracts[-3][4])) / last - 1) < Decimal("0.01")
