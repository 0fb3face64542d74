"""Fetching a market: every bar once, resumable, replayable, and honest about gaps."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from bot.domain.errors import RefusedError, UnreachableError, UsageError
from connectors.kucoin.archive_fetch import Fetched, fetch
from connectors.kucoin.archive_plan import FetchPlan, plan_fetch
from connectors.markets.archive import Bar, SeriesStore, Span
from connectors.markets.files import Bars, read_bars, read_funding
from connectors.markets.manifest import read_manifest
from connectors.markets.recorded import open_market
from tests.unit.kucoin.archive_exchange import (
    PublicExchange,
    price_at,
    unreachable_at,
)

START = datetime(2026, 10, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
NEVER = 2**40
_ASKED_AGAIN = 8
"""Lists, funding, and the pages of at most one part."""


def planned(minutes: int, *, has_index: bool = False, bar: str = "1m") -> FetchPlan:
    """Some minutes of bitcoin."""
    end = START + timedelta(minutes=minutes)
    return plan_fetch(["BTC-USDT"], START, end, bar, now=NOW, has_index=has_index)


def quiet(series: str, done: int, total: int) -> None:
    """Hears of progress and says nothing."""


async def run(
    out: Path, minutes: int = 3_000, exchange: PublicExchange | None = None
) -> Fetched:
    """Fetch some minutes of one-minute bars."""
    return await fetch(exchange or PublicExchange(), planned(minutes), out, quiet)


def bars(out: Path, name: str) -> Bars:
    """What a reader of markets finds in a file."""
    return read_bars(out / "candles" / f"{name}.parquet", end_s=NEVER)


async def test_every_bar_is_there_once_in_order(tmp_path: Path) -> None:
    """3,000 minutes need three requests on spot and seven on futures: none is lost."""
    done = await run(tmp_path)
    expected = np.arange(3_000) * 60 + int(START.timestamp())
    for name in ("BTCUSDT_spot", "XBTUSDTM_perp", "XBTUSDTM_mark"):
        found = bars(tmp_path, f"KUCOIN_{name}_1m")
        assert np.array_equal(found.open_s, expected)
        assert found.open[1_234] == float(price_at(int(expected[1_234]) * 1_000))
    assert done.bars == 9_000
    assert done.missing == ()


async def test_columns_mean_what_the_reader_takes_them_for(tmp_path: Path) -> None:
    """KuCoin puts the close before the high on spot, and counts futures in lots."""
    await run(tmp_path, 10)
    spot, perp = (
        bars(tmp_path, "KUCOIN_BTCUSDT_spot_1m"),
        bars(tmp_path, "KUCOIN_XBTUSDTM_perp_1m"),
    )
    opened = float(price_at(int(START.timestamp()) * 1_000))
    assert (spot.open[0], spot.high[0]) == (opened, opened + 2)
    assert (spot.low[0], spot.close[0]) == (opened - 1, opened + 1)
    assert spot.volume is not None
    assert perp.volume is not None
    assert (spot.volume[0], perp.volume[0]) == (2.5, 2.0)
    assert (perp.low[0], perp.close[0]) == (opened - 3, opened - 2)
    assert bars(tmp_path, "KUCOIN_XBTUSDTM_mark_1m").volume is None


async def test_a_bar_that_opens_outside_its_range_is_widened_and_said(
    tmp_path: Path,
) -> None:
    """The small exchange's futures open over their high, as gaps between trades do."""
    done = await run(tmp_path, 10)
    perp = bars(tmp_path, "KUCOIN_XBTUSDTM_perp_1m")
    assert (perp.high == perp.open).all()
    assert done.widened == 10
    assert "10 bars opened or closed outside" in read_manifest(tmp_path).note


async def test_funding_is_complete_though_answers_are_cut(tmp_path: Path) -> None:
    """Ten days of settlements each two hours, ends included."""
    minutes = 10 * 24 * 60
    done = await fetch(PublicExchange(), planned(minutes, bar="4h"), tmp_path, quiet)
    found = read_funding(tmp_path / "funding/KUCOIN_XBTUSDTM.csv.gz", end_s=NEVER)
    expected = [int(START.timestamp()) + 7_200 * n for n in range(121)]
    assert list(found.at_s) == expected
    assert done.settlements == 121
    assert all(rate > 0 for rate in found.rates)


async def test_what_was_fetched_replays(tmp_path: Path) -> None:
    """The folder is a market: its manifest, rules and instants can be read."""
    await run(tmp_path, 60)
    market = open_market(tmp_path)
    described = market.description
    assert described.start == START
    assert described.end == START + timedelta(minutes=60)
    (instrument,) = described.instruments
    assert (instrument.spot_symbol, instrument.perp_symbol) == (
        "BTC-USDT",
        "XBTUSDTM",
    )
    assert market.first_prices().futures_marks["XBTUSDTM"] > 0
    assert read_manifest(tmp_path).rules == tmp_path / "rules.json"


async def test_an_interrupted_fetch_goes_on_where_it_was(tmp_path: Path) -> None:
    """Stopped at every request in turn, the second try leaves the same files."""
    plan, whole = replace(planned(8_000, bar="5m"), part_bars=500), PublicExchange()
    await fetch(whole, plan, tmp_path / "whole", quiet)
    wanted = _files(tmp_path / "whole")
    for stop in range(1, len(whole.asked) + 1):
        out = tmp_path / str(stop)
        broken, again = PublicExchange(breaks=unreachable_at(stop)), PublicExchange()
        with pytest.raises(UnreachableError):
            await fetch(broken, plan, out, quiet)
        await fetch(again, plan, out, quiet)
        assert _files(out) == wanted
        assert len(broken.asked) + len(again.asked) <= len(whole.asked) + _ASKED_AGAIN


def _files(folder: Path) -> dict[str, bytes]:
    """Every file of the market and its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".progress" not in path.parts
    }


async def test_a_finished_series_is_not_asked_for_again(tmp_path: Path) -> None:
    """Only the lists and the funding are."""
    await run(tmp_path)
    again = PublicExchange()
    await run(tmp_path, exchange=again)
    assert {name for name, _ in again.asked} == {
        "symbols",
        "contracts",
        "isolated_symbols",
        "public_funding_history",
    }


async def test_other_times_in_the_same_folder_are_refused(tmp_path: Path) -> None:
    """Two fetches would mix; the sentence names the times that were begun."""
    await run(tmp_path, 10)
    with pytest.raises(UsageError, match="begun for other times"):
        await run(tmp_path, 20)


async def test_minutes_without_a_trade_stay_without_a_bar(tmp_path: Path) -> None:
    """A gap in the exchange's candles is a gap in ours."""
    begin = int(START.timestamp()) * 1_000
    exchange = PublicExchange(gap=range(begin + 60_000, begin + 180_000))
    await run(tmp_path, 10, exchange)
    assert len(bars(tmp_path, "KUCOIN_BTCUSDT_spot_1m").open_s) == 8


async def test_a_market_begins_where_its_candles_do(tmp_path: Path) -> None:
    """A coin that was listed later than asked for can be replayed from then on."""
    listed = START + timedelta(minutes=4)
    exchange = PublicExchange(listed_ms=int(listed.timestamp()) * 1_000)
    done = await run(tmp_path, 10, exchange)
    assert done.missing == (f"KuCoin has no candles before {listed:%Y-%m-%d %H:%M}.",)
    market = open_market(tmp_path)
    assert market.description.start == listed
    assert market.first_prices().futures_marks["XBTUSDTM"] > 0
    assert (await run(tmp_path, 10, exchange)).manifest == done.manifest


async def test_what_the_exchange_does_not_have_is_said(tmp_path: Path) -> None:
    """No mark candles: the market has none, and the note says so."""
    done = await run(tmp_path, 10, PublicExchange(has_marks=False))
    (sentence,) = done.missing
    assert sentence.startswith("KuCoin does not give the mark candles of XBTUSDTM")
    (files,) = read_manifest(tmp_path).instruments
    assert files.mark is None
    assert files.funding is not None


async def test_a_coin_without_a_pair_is_fetched_from_its_contract(
    tmp_path: Path,
) -> None:
    """The missing pair is named."""
    done = await run(tmp_path, 10, PublicExchange(has_spot=False))
    assert done.missing == ("KuCoin lists no pair BTC-USDT.",)
    (files,) = read_manifest(tmp_path).instruments
    assert files.spot is None


async def test_nothing_at_all_is_an_error(tmp_path: Path) -> None:
    """A coin that is not listed anywhere."""
    plan = plan_fetch(["NONE"], START, START + timedelta(minutes=5), "1m", now=NOW)
    with pytest.raises(RefusedError, match=r"Nothing was fetched.*NONE-USDT"):
        await fetch(PublicExchange(), plan, tmp_path, quiet)


async def test_index_and_premium_are_kept_when_asked_for(tmp_path: Path) -> None:
    """A premium may be negative; the manifest names neither of them."""
    await fetch(PublicExchange(), planned(10, has_index=True), tmp_path, quiet)
    names = {path.name for path in (tmp_path / "candles").iterdir()}
    assert "KUCOIN_XBTUSDTM_index_1m.parquet" in names
    assert "KUCOIN_XBTUSDTM_premium_1m.parquet" in names


@pytest.mark.parametrize(
    ("words", "minutes", "bar", "sentence"),
    [
        (["BTC-EUR"], 10, "1m", "no coin against USDT"),
        ([], 10, "1m", "at least one symbol"),
        (["BTC"], 10, "2m", "Bars are 1m, 5m"),
        (["BTC"], 10, "1h", "whole bars of 1h"),
        (["BTC"], 0, "1m", "ask for 1 to"),
        (["BTC"], -10, "1m", "ask for 1 to"),
        (["BTC"], 60 * 24 * 60, "1m", "not yet past"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_request(
    words: list[str], minutes: int, bar: str, sentence: str
) -> None:
    """Each refusal says what would do."""
    with pytest.raises(UsageError, match=sentence):
        plan_fetch(words, START, START + timedelta(minutes=minutes), bar, now=NOW)


def test_a_damaged_progress_file_is_named(tmp_path: Path) -> None:
    """It is not taken for nothing: that would fetch for hours unasked."""
    span = Span(start_ms=0, end_ms=120_000, step_ms=60_000)
    SeriesStore(tmp_path, "X_Y_spot_1m", span).add([], 60_000)
    note = tmp_path / ".progress/X_Y_spot_1m.json"
    note.write_text("{", encoding="utf-8")
    with pytest.raises(UsageError, match=r"X_Y_spot_1m.json is damaged"):
        SeriesStore(tmp_path, "X_Y_spot_1m", span)


def test_parts_that_vanished_are_noticed(tmp_path: Path) -> None:
    """The joined file would lack bars that the progress file counts."""
    span = Span(start_ms=0, end_ms=120_000, step_ms=60_000)
    store = SeriesStore(tmp_path, "X_Y_spot_1m", span)
    one = Decimal(1)
    for at in (0, 60_000):
        store.add(
            [Bar(open_ms=at, open=one, high=one, low=one, close=one)], at + 60_000
        )
    (tmp_path / f".progress/X_Y_spot_1m/{0:015d}.parquet").unlink()
    with pytest.raises(UsageError, match="does not hold the 2 bars"):
        store.finish()
