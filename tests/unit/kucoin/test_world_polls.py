"""What nobody pushes: each poll at its cadence, and only the news."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bot.domain.accounts import FUTURES, MARGIN_CROSS
from bot.domain.events import (
    FundingQuoted,
    MarksTicked,
    OrderChanged,
    RatioReported,
    RulesRead,
    TradingHalted,
)
from bot.domain.instruments import Rules
from bot.domain.orders import OrderState
from bot.domain.prices import PricesSeen
from connectors.kucoin.answers import Urgency
from connectors.kucoin.parse.marks import ContractMark
from tests.unit.kucoin.live_bench import Bench, running
from tests.unit.kucoin.world_bench import (
    START,
    ms,
    spot_row,
)

D = Decimal


async def test_polls_go_on_when_one_fails() -> None:
    """A poll that cannot be read is noted once; the others are not disturbed."""
    bench = Bench()
    bench.rest.reads["futures_account"] = {
        "currency": "USDT",
        "accountEquity": D(10),
        "availableBalance": D(10),
        "riskRatio": D("0.25"),
        "unrealisedPNL": D(0),
    }
    async with running(bench):
        await bench.time.advance(301)
        rates = bench.of(RatioReported)
        assert len(rates) >= 60
        assert rates[0] == RatioReported(
            at=rates[0].at, account=FUTURES, value=D("0.25"), coin="USDT"
        )
        texts = [n.text for n in bench.notes if n.topic == "poll failed"]
        assert len(texts) == len(set(texts)) > 3


async def test_funding_is_quoted_and_the_scheduler_told() -> None:
    """The next settlement arms the schedule each time; only news are quoted."""
    settles = START + timedelta(hours=3)
    bench = Bench()
    bench.rest.reads["funding_rate"] = {
        "symbol": ".XBTUSDTMFPI8H",
        "granularity": D(28_800_000),
        "timePoint": D(ms(START)),
        "value": D("0.0001"),
        "predictedValue": None,
        "fundingTime": D(ms(settles)),
        "period": D(1),
    }
    async with running(bench):
        await bench.time.advance(130)
        [quoted] = bench.of(FundingQuoted)
        assert quoted.settlement_at == settles.replace(microsecond=0)
        assert quoted.funding_interval_h == 8
        assert len(bench.scheduler.told) == 3


async def test_changed_rules_are_told_once() -> None:
    """Rules that the exchange changes reach the engine; the same ones do not."""
    async with running(Bench()) as bench:
        await bench.time.advance(61)
        assert not bench.of(RulesRead)
        bench.reader.rules = replace(Rules(), margin_max_leverage=D(3))
        await bench.time.advance(121)
        assert len(bench.of(RulesRead)) == 1


async def test_a_closed_service_halts_its_symbols() -> None:
    """While a host is closed, its symbols are halted; later they open again."""
    bench = Bench()
    bench.rest.reads |= {
        "spot_status": {"status": "close", "msg": "upgrade"},
        "futures_status": {"status": "open", "msg": ""},
    }
    async with running(bench):
        await bench.time.advance(1)
        bench.rest.reads["spot_status"] = {"status": "open", "msg": ""}
        await bench.time.advance(60)
        halts = bench.of(TradingHalted)
        assert [(e.symbol, e.is_halted) for e in halts] == [
            ("BTC-USDT", True),
            ("BTC-USDT", False),
        ]


async def test_interest_is_looked_for_after_the_full_hour() -> None:
    """Soon after each full hour the margin accounts are looked at."""
    async with running(Bench()) as bench:
        await bench.time.advance(1)
        bench.world.waker.held = frozenset()
        before = len(bench.looker.looked)
        await bench.time.advance(40)
        looks: Sequence[object] = bench.looker.looked[before:]
        assert ((MARGIN_CROSS,), Urgency.ROUTINE) in looks


async def test_an_order_that_vanished_is_closed() -> None:
    """An open order that no list and no question shows for a while has ended."""
    bench = Bench()
    bench.rest.reads |= {
        "active_spot_symbols": {"symbols": []},
        "active_spot_orders": [spot_row("x", "by-hand")],
        "active_margin_symbols": {"symbolSize": D(0), "symbols": []},
        "active_margin_orders": [],
        "open_futures_orders": {"totalPage": D(1), "items": []},
    }
    async with running(bench):
        await bench.time.advance(1)
        bench.rest.reads |= {"active_spot_orders": [], "spot_order": None}
        await bench.time.advance(60)
        told = bench.of(OrderChanged)
        assert [e.state for e in told] == [OrderState.OPEN, OrderState.CANCELLED]
        assert [e.intent_id for e in told] == [None, None]


async def test_time_is_told_while_no_mark_comes() -> None:
    """From three seconds after the last mark on, once a second, with no price."""
    bench = Bench()
    async with running(bench):
        await bench.time.advance(5)
        assert bench.of(MarksTicked) == []
        bench.world.feed.marks.put_contract(
            ContractMark(
                symbol="XBTUSDTM",
                mark_price=D(50_000),
                index_price=None,
                at=bench.time.now(),
            )
        )
        await bench.time.advance(10)
        first, *pulses = bench.of(MarksTicked)
        assert first.futures_marks
        assert 5 <= len(pulses) <= 8
        assert not any(each.margin_marks or each.futures_marks for each in pulses)
        assert [each.at for each in pulses] == sorted(each.at for each in pulses)
        assert (pulses[0].at - first.at).total_seconds() > 3


async def test_last_trades_are_asked_for_while_a_mark_is_late_and_no_longer() -> None:
    """A frozen mark of the perpetual: its ticker is read, until the mark is back."""
    bench = Bench()
    mark = ContractMark(
        symbol="XBTUSDTM", mark_price=D(50_000), index_price=D(50_010), at=None
    )
    async with running(bench):
        marks = bench.world.feed.marks
        marks.put_contract(replace(mark, at=bench.time.now()))
        await bench.time.advance(1)
        [index] = bench.of(PricesSeen)
        assert index.index_prices == {"XBTUSDTM": D(50_010)}

        at = bench.time.now() + timedelta(seconds=6)
        bench.rest.reads["futures_ticker"] = {
            "price": "47000",
            "bestBidPrice": "46999",
            "bestAskPrice": "47001",
            "ts": D(ms(at) * 1_000_000),
        }
        await bench.time.advance(8)
        last = bench.of(PricesSeen)[-1]
        assert last.last_prices == {"XBTUSDTM": D(47_000)}
        assert last.index_prices == {}

        marks.put_contract(replace(mark, at=bench.time.now()))
        await bench.time.advance(0.5)
        before = [each for each in bench.of(PricesSeen) if each.last_prices]
        await bench.time.advance(2)
        after = [each for each in bench.of(PricesSeen) if each.last_prices]
        assert after == before
