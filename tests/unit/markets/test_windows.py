"""The recorded windows open, stream and obey the law of half a percent."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bot.domain.market import MarketInstant, PathOrder
from connectors.markets.recorded import open_market

WINDOWS = (
    "2020-03-crash",
    "2021-05-crash",
    "2021-05-crash-5m",
    "2022-05-luna",
    "2022-06-crash",
    "2022-11-ftx",
    "2022H2-bear",
    "2024H2-trend",
    "2025-02-crash",
    "2025-02-crash-5m",
    "2025-05-calm",
    "2025-10-crash",
    "2025-kucoin",
    "carry-2020-2022",
    "carry-2022-2025",
)
HALF_PERCENT = Decimal("0.005")


def _moves_too_far(before: MarketInstant, after: MarketInstant) -> bool:
    if after.at - before.at <= timedelta(seconds=1):
        return False
    return any(
        abs(price / old[name] - 1) > HALF_PERCENT
        for old, new in (
            (before.last_prices, after.last_prices),
            (before.futures_marks, after.futures_marks),
        )
        for name, price in new.items()
        if name in old
    )


@pytest.mark.parametrize("name", WINDOWS)
def test_the_first_day_of_every_window_streams(shared_data: Path, name: str) -> None:
    """Each manifest opens; its first day starts on time and moves in small steps."""
    market = open_market(shared_data / "data" / "windows" / f"{name}.toml")
    end = market.description.start + timedelta(days=1)
    day = [market.first_prices()]
    for instant in market.instants({}):
        if instant.at > end:
            break
        day.append(instant)

    assert day[0] == day[1]
    assert day[1].at == market.description.start
    assert {i.coin for i in market.description.instruments} == set(day[-1].margin_marks)
    assert not [b.at for a, b in pairwise(day[1:]) if _moves_too_far(a, b)]
    assert all(b.at - a.at >= timedelta(seconds=1) for a, b in pairwise(day[1:]))


@pytest.mark.parametrize("order", list(PathOrder))
def test_the_october_crash_reaches_its_recorded_extremes(
    shared_data: Path, order: PathOrder
) -> None:
    """On 10 October 2025 every perp meets the low and high of its own file."""
    folder = shared_data / "data"
    first = datetime(2025, 10, 10, tzinfo=UTC)
    market = open_market(
        folder / "windows" / "2025-10-crash.toml",
        start=first,
        end=first + timedelta(days=1),
    )
    instants = list(market.instants(dict.fromkeys(("DOGE", "SUI", "BTC"), order)))
    for coin, symbol in (
        ("DOGE", "DOGEUSDTM"),
        ("SUI", "SUIUSDTM"),
        ("BTC", "XBTUSDTM"),
    ):
        prices = [instant.last_prices[symbol] for instant in instants]
        name = f"BINANCE_{coin}USDT_perp_5m_2025H2.parquet"
        rows = pq.read_table(folder / "candles" / name).to_pylist()
        begin = int(first.timestamp()) * 1_000
        day = [row for row in rows if begin <= row["ts_ms"] < begin + 86_400_000]
        assert min(prices) == Decimal(repr(min(row["low"] for row in day)))
        assert max(prices) == Decimal(repr(max(row["high"] for row in day)))


def test_funding_intervals_of_solana_shrink_in_november_2022(
    shared_data: Path,
) -> None:
    """The interval goes from 8 h over 4 h to 2 h, and settlements reach -2 %."""
    market = open_market(shared_data / "data" / "windows" / "2022-11-ftx.toml")
    hours: list[int] = []
    rates: list[Decimal] = []
    dry = False
    for instant in market.instants({}):
        hours += [
            int(q.funding_interval_h)
            for q in instant.funding_quotes
            if q.symbol == "SOLUSDTM"
        ]
        rates += [s.funding_rate for s in instant.settlements if s.symbol == "SOLUSDTM"]
        dry |= any(r.coin == "SOL" and r.available == 0 for r in instant.borrow_rates)

    assert [hours[0], *(b for a, b in pairwise(hours) if a != b)][:3] == [8, 4, 2]
    assert min(rates) == Decimal("-0.02")
    assert sum(rate <= Decimal("-0.01") for rate in rates) >= 8
    assert dry
