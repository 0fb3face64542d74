"""The public market as instants: stated once, never made up, without any key."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from bot.domain.instruments import Rules
from bot.domain.market import FundingSettlement, MarketInstant
from connectors.kucoin.endpoints import ENDPOINTS
from connectors.kucoin.feed import Interests
from connectors.kucoin.parse.funding import RatePush, SettlementNotice
from connectors.kucoin.parse.marks import ContractMark, MarginMark
from connectors.kucoin.public_market import PublicMarket, public_channels
from connectors.kucoin.streams import Channel, Frame, Gap, Restored
from connectors.kucoin.topics import (
    CONTRACT_ANNOUNCEMENTS,
    CONTRACT_MARKS,
    MARGIN_MARKS,
)
from connectors.venue.examples import XBTUSDTM
from tests.unit.kucoin.public_answers import SETTLES, reads
from tests.unit.kucoin.world_bench import (
    START,
    FakeRest,
    FakeStreams,
    Time,
    ms,
    settle,
)
from tests.unit.venue.builders import spot_rules

D = Decimal
MINUTE = timedelta(minutes=1)
INTERESTS = Interests(
    coins=frozenset({"BTC", "ETH", "USDT"}),
    spot_symbols=frozenset({"BTC-USDT"}),
    contracts=frozenset({"XBTUSDTM"}),
)


@dataclass
class Bench:
    """A public market over hand-made parts."""

    rest: FakeRest = field(default_factory=lambda: FakeRest(reads=reads()))
    time: Time = field(default_factory=Time)
    streams: FakeStreams = field(default_factory=FakeStreams)

    def __post_init__(self) -> None:
        self.market = PublicMarket(
            rest=self.rest,
            streams=self.streams,
            clock=self.time,
            interests=INTERESTS,
            rules=Rules(
                spot={"BTC-USDT": spot_rules("BTC")},
                contracts={"XBTUSDTM": XBTUSDTM},
            ),
            borrow={"BTC": D("0.04"), "USDT": D("0.11")},
            sleep=self.time.sleep,
            monotonic=self.time.monotonic,
        )

    async def heard(self, *channels: Channel) -> None:
        """These channels deliver from now on."""
        for channel in channels or (MARGIN_MARKS, CONTRACT_MARKS):
            self.streams.push(Restored(channel=channel))
        await settle()

    async def push(self, channel: Channel, value: object) -> None:
        """One push of a channel."""
        self.streams.push(
            Frame(channel=channel, subject="", value=value, received_s=0.0)
        )
        await settle()

    async def marks(self, btc: str = "50000", at: datetime | None = None) -> None:
        """A round of marks, of now or of another time."""
        when = at or self.time.now()
        for base, price in (("USDT", 1 / D(btc)), ("ETH", D("0.05"))):
            mark = MarginMark(base=base, quote="BTC", price=price, at=when)
            await self.push(MARGIN_MARKS, mark)
        await self.push(
            CONTRACT_MARKS,
            ContractMark(
                symbol="XBTUSDTM", mark_price=D(btc) + 5, index_price=None, at=when
            ),
        )

    def instant(self) -> MarketInstant | None:
        """What is new now."""
        return self.market.instant(self.time.now())

    def stated(self) -> MarketInstant:
        """What is new now; there must be something."""
        found = self.instant()
        assert found is not None
        return found


@asynccontextmanager
async def running() -> AsyncIterator[Bench]:
    """A market that listens until the test is over."""
    bench = Bench()
    await bench.market.prime()
    bench.market.start()
    await settle()
    try:
        yield bench
    finally:
        await bench.market.close()


async def test_marks_become_an_instant_in_usdt_once() -> None:
    """Marks in BTC are valued in USDT; the same marks are not stated again."""
    async with running() as bench:
        await bench.heard()
        await bench.marks()
        stated = bench.stated()
        assert {k: round(v, 9) for k, v in stated.margin_marks.items()} == {
            "BTC": 50000,
            "ETH": 2500,
            "USDT": 1,
        }
        assert stated.futures_marks == {"XBTUSDTM": 50005}
        assert stated.last_prices == {"BTC-USDT": 50010, "XBTUSDTM": 50020}
        assert bench.instant() is None


async def test_the_first_instant_carries_what_the_polls_know() -> None:
    """Depth, funding and lending terms come with the first marks, and only once."""
    async with running() as bench:
        await bench.heard()
        await bench.marks()
        first = bench.stated()
        assert first.liquidity["BTC-USDT"].half_spread == D("0.00002")
        coins = {name: depth.volume_1m for name, depth in first.liquidity.items()}
        assert round(coins["BTC-USDT"], 2) == D("24.76"), "120 in the newest minute"
        assert round(coins["XBTUSDTM"] / XBTUSDTM.multiplier, 2) == D("123.78")
        [quote] = first.funding_quotes
        assert quote.settlement_at == SETTLES.replace(microsecond=0)
        lent = {r.coin: (r.annual_rate, r.available) for r in first.borrow_rates}
        assert lent == {"BTC": (D("0.04"), None), "USDT": (D("0.11"), D(700))}
        await bench.marks()
        second = bench.stated()
        assert (second.liquidity, second.funding_quotes, second.borrow_rates) == (
            {},
            (),
            (),
        )


async def test_nothing_is_stated_before_a_channel_delivers() -> None:
    """Marks that come before the subscription is confirmed are no instant."""
    async with running() as bench:
        await bench.marks()
        assert bench.instant() is None


async def test_a_gap_states_nothing_until_it_is_over() -> None:
    """While the sockets are not heard there is no instant, whatever the polls read."""
    async with running() as bench:
        await bench.heard()
        await bench.marks()
        bench.stated()
        for channel in (MARGIN_MARKS, CONTRACT_MARKS):
            bench.streams.push(Gap(channel=channel, since=START, reason="lost"))
        await settle()
        await bench.marks("60000")
        await bench.time.advance(5)
        assert bench.instant() is None
        await bench.heard()
        await bench.marks("61000")
        assert bench.stated().futures_marks == {"XBTUSDTM": 61005}


async def test_a_host_that_is_not_heard_states_no_price_either() -> None:
    """The futures host in a gap: spot goes on, of the contract nothing is said."""
    async with running() as bench:
        await bench.heard(MARGIN_MARKS)
        await bench.marks()
        stated = bench.stated()
        assert stated.margin_marks
        assert stated.futures_marks == {}
        assert set(stated.last_prices) == {"BTC-USDT"}


async def test_an_old_mark_is_not_stated() -> None:
    """A mark that waited longer than ten seconds is dropped."""
    async with running() as bench:
        await bench.heard()
        await bench.marks(at=START)
        await bench.time.advance(10.5)
        assert bench.instant() is None


async def test_a_price_that_cannot_be_read_any_more_is_left_out() -> None:
    """Ten seconds after the last answer a symbol has no price; zero is none."""
    async with running() as bench:
        await bench.heard()
        del bench.rest.reads["spot_ticker"]
        bench.rest.reads["futures_ticker"] = {"price": "0", "ts": 0}
        await bench.time.advance(9)
        await bench.marks()
        assert set(bench.stated().last_prices) == {"BTC-USDT", "XBTUSDTM"}
        await bench.time.advance(2)
        await bench.marks()
        assert bench.stated().last_prices == {}


async def test_a_settlement_is_handed_out_once_with_its_rate() -> None:
    """Begin, end and the list of past rates tell of one settlement: it is paid once."""
    async with running() as bench:
        await bench.heard()
        await bench.time.advance(120)
        for is_beginning in (True, False):
            await bench.push(
                CONTRACT_ANNOUNCEMENTS,
                SettlementNotice(
                    symbol="XBTUSDTM",
                    is_beginning=is_beginning,
                    settlement_at=SETTLES,
                    funding_rate=D("0.0007"),
                    at=bench.time.now(),
                ),
            )
        bench.rest.reads["public_funding_history"] = [
            {
                "symbol": "XBTUSDTM",
                "fundingRate": D("0.0007"),
                "timepoint": D(ms(SETTLES)),
            }
        ]
        paid: list[FundingSettlement] = []
        for _ in range(40):
            await bench.time.advance(1)
            await bench.marks()
            stated = bench.stated()
            assert not any(stated.halted.values())
            paid += stated.settlements
        assert paid == [FundingSettlement(symbol="XBTUSDTM", funding_rate=D("0.0007"))]


async def test_a_settlement_that_nobody_announced_is_asked_for() -> None:
    """Without a notice the list of past rates says what was settled."""
    async with running() as bench:
        await bench.heard()
        await bench.time.advance(124)
        await bench.marks()
        assert bench.stated().settlements == ()
        bench.rest.reads["public_funding_history"] = [
            {
                "symbol": "XBTUSDTM",
                "fundingRate": D("-0.002"),
                "timepoint": D(ms(SETTLES)),
            }
        ]
        await bench.time.advance(12)
        await bench.marks()
        [settled] = bench.stated().settlements
        assert settled.funding_rate == D("-0.002")


async def test_a_settlement_waits_for_a_mark_of_its_contract() -> None:
    """Funding is counted at a mark that is heard, not at one from before a gap."""
    async with running() as bench:
        await bench.heard(MARGIN_MARKS)
        await bench.time.advance(121)
        await bench.push(
            CONTRACT_ANNOUNCEMENTS,
            SettlementNotice(
                symbol="XBTUSDTM",
                is_beginning=False,
                settlement_at=SETTLES,
                funding_rate=D("0.0007"),
                at=bench.time.now(),
            ),
        )
        await bench.marks()
        assert bench.stated().settlements == ()
        await bench.heard(CONTRACT_MARKS)
        await bench.marks()
        assert len(bench.stated().settlements) == 1


async def test_a_predicted_rate_is_a_new_quote() -> None:
    """A pushed prediction replaces the quoted rate; the settlement stays."""
    async with running() as bench:
        await bench.heard()
        await bench.marks()
        bench.stated()
        await bench.push(
            CONTRACT_MARKS,
            RatePush(
                symbol="XBTUSDTM",
                funding_rate=D("0.0003"),
                granularity_ms=60_000,
                at=bench.time.now(),
            ),
        )
        await bench.marks()
        [quote] = bench.stated().funding_quotes
        assert quote.funding_rate == D("0.0003")


async def test_a_closed_service_halts_its_symbols() -> None:
    """A host that the exchange closes halts what trades there, until it opens."""
    async with running() as bench:
        await bench.heard()
        await bench.marks()
        bench.stated()
        seen: list[dict[str, bool]] = []
        for word in ("close", "open"):
            bench.rest.reads["spot_status"] = {"status": word, "msg": "upgrade"}
            await bench.time.advance(60)
            await bench.marks()
            seen.append(dict(bench.stated().halted))
        assert seen == [{"BTC-USDT": True}, {"BTC-USDT": False}]


async def test_no_request_and_no_channel_needs_a_key() -> None:
    """Whatever is asked and listened to is public."""
    async with running() as bench:
        await bench.heard()
        await bench.time.advance(300)
        asked = {name for name, _ in bench.rest.asked}
        assert {"spot_ticker", "public_funding_history", "spot_book"} <= asked
        assert [name for name in asked if ENDPOINTS[name].is_signed] == []
        assert not any(c.is_private for c in public_channels(INTERESTS))


async def test_a_poll_that_fails_is_noted_once() -> None:
    """Five failures in a row are one sentence, and the others go on."""
    async with running() as bench:
        del bench.rest.reads["spot_status"]
        await bench.time.advance(600)
        texts = [n.text for n in bench.market.notes() if "service" in n.text]
        assert texts == ["service could not be read 5 times in a row"]
        assert bench.market.notes() == ()


async def test_the_clock_is_measured_each_minute_and_after_a_jump() -> None:
    """A machine that slept asks for the exchange's time at once."""
    async with running() as bench:
        await bench.time.advance(59)
        assert bench.time.measured == 0
        await bench.time.advance(2)
        assert bench.time.measured == 1
        bench.time.has_jumped = True
        await bench.time.advance(1)
        assert bench.time.measured == 2


async def test_sockets_that_end_are_not_survived() -> None:
    """The first error of a task reaches whoever drives the market."""
    async with running() as bench:
        bench.streams.push(RuntimeError("the sockets broke"))
        await settle()
        with pytest.raises(RuntimeError, match="the sockets broke"):
            bench.market.check()


async def test_closing_leaves_no_task() -> None:
    """After the end nothing of the market runs any more."""
    before = asyncio.all_tasks()
    async with running() as bench:
        await bench.heard()
    assert asyncio.all_tasks() == before
