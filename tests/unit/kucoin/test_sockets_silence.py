"""Streams that are connected and deliver nothing: silence and missing pongs."""

from dataclasses import replace
from decimal import Decimal

from connectors.kucoin.parse.marks import ContractMark
from connectors.kucoin.streams import Frame, Gap, Restored
from connectors.kucoin.topics import CONTRACT_MARKS, CROSS_POSITION, MARGIN_MARKS
from tests.unit.kucoin.toy_streams import Toy, bench, of, until

BTC = {CONTRACT_MARKS: ("XBTUSDTM",)}


def _prices(frames: list[Frame]) -> list[Decimal]:
    marks = [frame.value for frame in frames]
    return [mark.mark_price for mark in marks if isinstance(mark, ContractMark)]


async def test_a_silent_stall_is_a_gap_and_the_next_mark_ends_it() -> None:
    """Pongs do not count as data: exchange time passes without a mark, one gap."""
    async with bench(BTC) as b:
        await b.reader.restored()
        at_ms = b.clock.ms()
        await b.toy.push(b.mark("1", at_ms))
        await b.reader.frames()
        b.clock.ahead_s += 11
        (gap,) = await b.reader.gaps()
        assert "silent" in gap.reason
        assert int(gap.since.timestamp() * 1000) == at_ms
        await b.toy.push(b.mark("2", b.clock.ms()))
        await b.reader.restored(2)
        assert len(b.toy.peers) == 1


async def test_three_times_the_silence_forces_a_new_connection() -> None:
    """A hopeless silence is answered by a reconnect, and told as one gap."""
    async with bench(BTC) as b:
        await b.reader.restored()
        b.clock.ahead_s += 31
        await until(lambda: len(b.toy.peers) == 2)
        items = await b.reader.restored(2)
        assert len(items) == 2
        assert len(of(Gap, b.reader.items)) == 1


async def test_funding_rates_do_not_hide_that_marks_are_missing() -> None:
    """Of a contract's stream only the marks are its pulse."""
    async with bench(BTC) as b:
        await b.reader.restored()
        b.clock.ahead_s += 11
        rate = {
            "topic": "/contract/instrument:XBTUSDTM",
            "type": "message",
            "subject": "funding.rate",
            "data": {
                "granularity": 60000,
                "fundingRate": -0.002966,
                "timestamp": b.clock.ms(),
            },
        }
        await b.toy.push(rate)
        await b.reader.frames()
        await b.reader.gaps()


async def test_old_marks_that_arrive_now_do_not_end_a_silence() -> None:
    """Age is told by the exchange's timestamp: a burst of old messages is no life."""
    async with bench(BTC) as b:
        await b.reader.restored()
        old_ms = b.clock.ms()
        b.clock.ahead_s += 15
        await b.reader.gaps()
        for step in range(3):
            await b.toy.push(b.mark("1", old_ms + step))
        await b.reader.until(lambda items: len(of(Frame, items)) >= 1)
        await b.toy.push(b.mark("2", b.clock.ms() - 10_500))
        await b.reader.until(lambda items: 2 in _prices(of(Frame, items)))
        assert len(of(Restored, b.reader.items)) == 1


async def test_a_dead_private_stream_is_noticed_while_the_public_one_lives() -> None:
    """The silence of one channel is told although another one delivers."""
    cross = replace(CROSS_POSITION, stale_after_s=20.0)
    async with bench({MARGIN_MARKS: ("USDT-BTC",), cross: ()}) as b:
        await b.reader.restored(2)
        b.clock.ahead_s += 21
        public = next(
            peer for peer in b.toy.peers if peer.requests[0]["topic"].endswith("BTC")
        )
        mark = {
            "topic": "/indicator/markPrice:USDT-BTC",
            "type": "message",
            "subject": "tick",
            "data": {"symbol": "USDT-BTC", "value": 1e-5, "timestamp": b.clock.ms()},
        }
        await b.toy.push(mark, public.number)
        await b.reader.until(
            lambda items: any(gap.channel == cross for gap in of(Gap, items))
        )
        assert not b.streams.health()[cross].is_live


async def test_a_missing_pong_ends_the_connection() -> None:
    """Pings come twice an interval; one that stays unanswered is a loss."""
    toy = Toy()
    toy.ping_interval_ms, toy.ping_timeout_ms = 200, 200
    toy.pongs = False
    async with bench(BTC, toy=toy) as b:
        (gap, *_) = await b.reader.gaps()
        assert "ping" in gap.reason
        assert toy.peers[0].pings >= 1
        toy.pongs = True
        await b.reader.restored(2)


async def test_pings_that_are_answered_keep_the_connection() -> None:
    """Many pings, one connection, no gap."""
    toy = Toy()
    toy.ping_interval_ms, toy.ping_timeout_ms = 200, 200
    async with bench(BTC, toy=toy) as b:
        await b.reader.restored()
        await until(lambda: toy.peers[0].pings >= 4)
        assert len(toy.peers) == 1
        assert not of(Gap, b.reader.items)
