"""From a message on the wire to the reader: exact, once, in order, or a gap."""

import asyncio
import json
from decimal import Decimal

import pytest

from connectors.kucoin.parse.ledgers import BalancePush
from connectors.kucoin.parse.marks import ContractMark
from connectors.kucoin.streams import Frame, Gap, Restored
from connectors.kucoin.topics import CONTRACT_MARKS, POSITIONS, SPOT_BALANCES
from tests.unit.kucoin.toy_streams import balance, bench, newest, nothing_for, of, until

BTC = {CONTRACT_MARKS: ("XBTUSDTM",)}


def _prices(frames: list[Frame]) -> list[Decimal]:
    marks = [frame.value for frame in frames]
    return [mark.mark_price for mark in marks if isinstance(mark, ContractMark)]


def _ids(frames: list[Frame]) -> list[str | None]:
    pushes = [frame.value for frame in frames]
    return [push.event_id for push in pushes if isinstance(push, BalancePush)]


async def test_a_mark_arrives_exact_after_the_channel_was_confirmed() -> None:
    """The first thing told is Restored; then a mark, its digits as they were sent."""
    async with bench(BTC) as b:
        await b.reader.restored()
        text = json.dumps(b.mark("1", b.clock.ms()))
        await b.toy.push_raw(text.replace("1.0", "90445.020000001"))
        items = await b.reader.until(lambda items: len(items) >= 2)
        assert items[0] == Restored(channel=CONTRACT_MARKS)
        (frame,) = of(Frame, items)
        assert isinstance(frame.value, ContractMark)
        assert frame.value.mark_price == Decimal("90445.020000001")
        assert (frame.subject, frame.skipped) == ("mark.index.price", 0)
        assert b.streams.health()[CONTRACT_MARKS].is_live


def _position(subject: object, data: object) -> str:
    push = {"topic": "/contract/positionAll", "subject": subject, "data": data}
    return json.dumps({"type": "message", **push})


@pytest.mark.parametrize(
    "text",
    [
        "no json at all",
        '{"type":"message","type":"message"}',
        _position("position.change", None),
        _position("position.new", {}),
        _position(["position.change"], {}),
        _position(
            "position.change",
            {"symbol": "XBTUSDTM", "currentQty": 1, "marginMode": "SIDEWAYS"},
        ),
    ],
    ids=["junk", "twice", "null", "new-subject", "no-text", "new-word"],
)
async def test_a_message_that_cannot_be_read_is_a_gap_and_not_the_end(
    text: str,
) -> None:
    """The channel is told, the connection lives, and the channel comes back."""
    async with bench({POSITIONS: ()}) as b:
        await b.reader.restored()
        await b.toy.push_raw(text)
        (gap,) = await b.reader.gaps()
        assert gap.channel == POSITIONS
        assert "not understood" in gap.reason
        await b.reader.restored(2)
        assert len(b.toy.peers) == 1
        assert b.streams.health()[POSITIONS].unread == 1


async def test_frames_of_unknown_kinds_are_counted_and_harmless() -> None:
    """What nobody asked for makes no gap."""
    async with bench(BTC) as b:
        await b.reader.restored()
        for text in ('{"type":"notice"}', "[1]", '{"type":"message","topic":"/x"}'):
            await b.toy.push_raw(text)
        await until(lambda: b.streams.strangers == 3)
        assert not of(Gap, b.reader.items)


async def test_a_repeated_event_is_delivered_once() -> None:
    """The same balance message twice is one frame; another id is another."""
    async with bench({SPOT_BALANCES: ()}) as b:
        await b.reader.restored()
        for event_id in ("1", "1", "2"):
            await b.toy.push(balance(event_id))
        frames = await b.reader.frames(2)
        assert _ids(frames) == ["1", "2"]
        assert b.streams.health()[SPOT_BALANCES].repeated == 1


async def test_marks_out_of_order_and_repeated_are_dropped() -> None:
    """The exchange's latest timestamp wins, whatever comes after it."""
    async with bench(BTC) as b:
        await b.reader.restored()
        now_ms = b.clock.ms()
        for price, at_ms in (("2", now_ms), ("1", now_ms - 5), ("2", now_ms)):
            await b.toy.push(b.mark(price, at_ms))
            await b.reader.frames()
        await until(lambda: b.streams.health()[CONTRACT_MARKS].repeated == 1)
        assert _prices(of(Frame, b.reader.items)) == [2]
        assert b.streams.health()[CONTRACT_MARKS].older == 1


async def test_a_reader_that_is_too_slow_gets_a_gap_of_everything() -> None:
    """The line overflows: all channels have a gap, and all connections begin anew."""
    async with bench({SPOT_BALANCES: (), POSITIONS: ()}, queue_max=8) as b:
        await b.reader.restored(2)
        b.reader.task.cancel()
        number = newest(b.toy, "/account/balance")
        for event in range(20):
            await b.toy.push(balance(str(event)), number)
        await until(lambda: b.streams.overflows == 1)
        await nothing_for(0.05)
        assert len(b.toy.peers) == 2
        items = []
        async with asyncio.timeout(5):
            async for item in b.streams.frames():
                items.append(item)
                if len(of(Restored, items)) == 2:
                    break
        assert _ids(of(Frame, items)) == [str(event) for event in range(8)]
        assert {gap.channel for gap in of(Gap, items)} == {SPOT_BALANCES, POSITIONS}


async def test_marks_that_wait_are_overwritten_by_newer_ones() -> None:
    """A slow reader gets the newest mark of a symbol, and how many it missed."""
    async with bench(BTC, queue_max=4) as b:
        await b.reader.restored()
        b.reader.task.cancel()
        now_ms = b.clock.ms()
        for step in range(50):
            await b.toy.push(b.mark(str(step + 1), now_ms + step))
        await until(lambda: b.streams.health()[CONTRACT_MARKS].overwritten == 49)
        item = await anext(b.streams.frames())
        assert isinstance(item, Frame)
        assert isinstance(item.value, ContractMark)
        assert item.value.mark_price == 50
        assert item.skipped == 49
        assert b.streams.overflows == 0


async def test_a_mark_from_the_future_is_not_believed() -> None:
    """It would hide every later mark: a gap instead, and the next one counts."""
    async with bench(BTC) as b:
        await b.reader.restored()
        await b.toy.push(b.mark("7", b.clock.ms() + 301_000))
        (gap,) = await b.reader.gaps()
        assert "future" in gap.reason
        await b.toy.push(b.mark("8", b.clock.ms()))
        assert _prices(await b.reader.frames()) == [Decimal(8)]


async def test_marks_of_symbols_that_nobody_wants_are_dropped() -> None:
    """They are counted and take no place."""
    async with bench(BTC) as b:
        await b.reader.restored()
        await b.toy.push(b.mark("7", b.clock.ms(), "ETHUSDTM"))
        await b.toy.push(b.mark("8", b.clock.ms()))
        assert _prices(await b.reader.frames()) == [Decimal(8)]
        assert b.streams.strangers == 1
