"""The live world as a whole: what is handed out, in which order, and how it ends."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS, SPOT
from bot.domain.errors import RefusedError
from bot.domain.events import (
    Bucket,
    Cause,
    FeedChanged,
    Filled,
    HoldChanged,
    IntentSettled,
    LedgerBooked,
    MarksTicked,
    OrderChanged,
    Posting,
    ScheduleDue,
    SnapshotTaken,
)
from bot.domain.intents import PlaceOrder
from bot.domain.orders import OrderState, Outcome, Side
from connectors.kucoin.answers import ExchangeRefusedError, Urgency
from connectors.kucoin.parse.ledgers import BalancePush
from connectors.kucoin.parse.marks import ContractMark
from connectors.kucoin.streams import Channel, Frame, Gap, Restored
from tests.unit.kucoin.live_bench import HELD, Bench, running
from tests.unit.kucoin.world_bench import (
    START,
    FakeLook,
    FakeLooker,
    FakeStreams,
    approved,
    filled,
    lost,
    ok,
    settle,
    spot_row,
    unreachable,
)

D = Decimal
MARKS = Channel("futures", "/contract/instrument")
BALANCES = Channel("spot", "/account/balance", is_private=True)
BUY = approved(PlaceOrder(account=SPOT, symbol="BTC-USDT", side=Side.BUY, qty=D("0.1")))


def mark(price: str, seconds: float = 0) -> Frame:
    """A push of the contract's mark."""
    return Frame(
        channel=MARKS,
        subject="mark.index.price",
        value=ContractMark(
            symbol="XBTUSDTM",
            mark_price=D(price),
            index_price=None,
            at=START + timedelta(seconds=seconds),
        ),
        received_s=7.5 + seconds,
    )


def balance_push() -> Frame:
    """A push that says that something of cross margin moved."""
    value = BalancePush(
        account=MARGIN_CROSS,
        coin="USDT",
        total=D(1),
        available=D(1),
        hold=D(0),
        event="margin.transfer",
        event_id=None,
        at=START,
    )
    return Frame(channel=BALANCES, subject="account.balance", value=value, received_s=0)


def booking(entry_id: str = "spot:1") -> LedgerBooked:
    """A booking that a look found."""
    posting = Posting(
        account=SPOT, coin="USDT", amount=D(5), bucket=Bucket.BALANCE, symbol=None
    )
    return LedgerBooked(
        at=START, entry_id=entry_id, cause=Cause.TRADE, postings=(posting,)
    )


async def test_a_mark_is_a_moment_at_once() -> None:
    """A mark is handed out without waiting for anything, with when it was read."""
    async with running(Bench()) as bench:
        bench.streams.push(mark("50000"))
        await settle()
        [moment] = [m for m in bench.moments if isinstance(m[0], MarksTicked)]
        assert moment[0] == MarksTicked(at=START, futures_marks={"XBTUSDTM": D(50000)})
        assert bench.world.marks_received_s == 7.5


async def test_marks_do_not_wait_for_a_look_that_hangs() -> None:
    """However long a look takes, marks go on."""
    looker = FakeLooker(gate=asyncio.Event())
    async with running(Bench(looker=looker)) as bench:
        bench.streams.push(balance_push())
        await bench.time.advance(1)
        assert len(looker.looked) == 1
        for second in range(3):
            bench.streams.push(mark(str(50000 + second), second))
            await bench.time.advance(1)
        assert len(bench.of(MarksTicked)) == 3
        assert len(looker.looked) == 1


async def test_marks_go_before_what_waits() -> None:
    """Among everything that is due, the marks are handed out first."""
    bench = Bench()
    due = ScheduleDue(at=START, job="j", due_at=START)
    bench.world.put(due)
    bench.world.feed.marks.put_contract(
        ContractMark(symbol="X", mark_price=D(1), index_price=None, at=START)
    )
    async with running(bench):
        assert isinstance(bench.moments[0][0], MarksTicked)
        assert bench.moments[1] == (due,)


async def test_pushes_wake_one_look_for_all() -> None:
    """Many pushes within the debounce make one look at what they touched."""
    async with running(Bench()) as bench:
        await bench.time.advance(1)
        before = len(bench.looker.looked)
        for _ in range(50):
            bench.streams.push(balance_push())
        await bench.time.advance(0.5)
        assert bench.looker.looked[before:] == [((MARGIN_CROSS,), Urgency.ROUTINE)]


async def test_a_look_is_one_moment_in_order() -> None:
    """Bookings, fills, holds and the order they explain come together, in order."""
    hold = HoldChanged(at=START, account=SPOT, coin="USDT", hold=D(0))
    look = FakeLook(bookings=(booking(),), fills=(filled("o1", "0.1"),), holds=(hold,))
    bench = Bench()
    bench.rest.writes["place_spot_order"] = [ok({"orderId": "o1"})]
    row = spot_row("o1", BUY.intent_id, active=False, filled="0.1")
    bench.rest.reads["spot_order"] = row
    async with running(bench):
        await bench.time.advance(1)
        bench.world.gateway.send_order(BUY)
        await bench.time.advance(0.5)
        bench.looker.script.append(look)
        await bench.time.advance(1)
        [moment] = [m for m in bench.moments if LedgerBooked in map(type, m)]
        kinds = [LedgerBooked, Filled, HoldChanged, OrderChanged]
        assert [type(e) for e in moment] == kinds
        last = moment[-1]
        assert isinstance(last, OrderChanged)
        assert (last.state, last.intent_id) == (OrderState.FILLED, BUY.intent_id)
        states = [e.state for e in bench.of(OrderChanged)]
        assert states == [OrderState.FILLED], "a market order never rests"


async def test_an_order_is_never_told_done_before_its_fills() -> None:
    """While the fills are late, the looks are repeated and the order waits."""
    bench = Bench()
    bench.rest.writes["place_spot_order"] = [ok({"orderId": "o1"})]
    row = spot_row("o1", BUY.intent_id, active=False, filled="0.1")
    bench.rest.reads["spot_order"] = row
    async with running(bench):
        await bench.time.advance(1)
        bench.world.gateway.send_order(BUY)
        await bench.time.advance(1.2)
        assert not bench.of(OrderChanged)
        assert bench.looker.hints[-1] == ((SPOT, "BTC-USDT"),)
        bench.looker.script.append(FakeLook(fills=(filled("o1", "0.1"),)))
        await bench.time.advance(1)
        moment = next(m for m in bench.moments if Filled in map(type, m))
        assert [type(e) for e in moment] == [Filled, OrderChanged]


async def test_a_failed_look_is_repeated() -> None:
    """What could not be read stays touched; after five failures it is noted."""
    script: list[FakeLook | Exception] = [unreachable() for _ in range(6)]
    script.append(FakeLook(bookings=(booking(),)))
    async with running(Bench(looker=FakeLooker(script=script))) as bench:
        await bench.time.advance(12)
        assert len(bench.of(LedgerBooked)) == 1
        topics = [n.topic for n in bench.notes if n.topic != "poll failed"]
        assert topics == ["look failed"]


async def test_a_look_in_motion_is_repeated_soon() -> None:
    """An incoherent look is told and done again, without holding up others."""
    moving = FakeLook(bookings=(booking("spot:1"),), is_coherent=False)
    still = FakeLook(bookings=(booking("spot:2"),), snapshot=HELD)
    async with running(Bench(looker=FakeLooker(script=[moving, still]))) as bench:
        await bench.time.advance(1)
        assert len(bench.of(LedgerBooked)) == 2
        assert len(bench.of(SnapshotTaken)) == 1


async def test_the_first_full_look_makes_a_snapshot() -> None:
    """A coherent look at everything ends with the account as it stands."""
    look = FakeLook(bookings=(booking(),), snapshot=HELD)
    async with running(Bench(looker=FakeLooker(script=[look]))) as bench:
        await bench.time.advance(1)
        moment = next(m for m in bench.moments if SnapshotTaken in map(type, m))
        assert [type(e) for e in moment] == [LedgerBooked, SnapshotTaken]
        assert bench.world.waker.held == {SPOT}


async def test_what_is_unexplained_proves_nothing() -> None:
    """A look with a difference that no row explains gives no snapshot."""
    look = FakeLook(snapshot=HELD, unexplained=("USDT of spot differs by 1",))
    looker = FakeLooker(default=look)
    async with running(Bench(looker=looker)) as bench:
        await bench.time.advance(25)
        assert not bench.of(SnapshotTaken)
        assert len(looker.looked) > 2


async def test_a_gap_silences_until_the_account_was_read() -> None:
    """After a gap the feed counts as heard only when a full look has caught up."""
    looker = FakeLooker(gate=asyncio.Event())
    streams = FakeStreams(channels=(BALANCES, MARKS))
    async with running(Bench(streams=streams, looker=looker)) as bench:
        told = bench.of(FeedChanged)
        assert [(e.feed, e.is_live) for e in told] == [("spot account/balance", False)]
        streams.push(Restored(channel=BALANCES))
        await bench.time.advance(1)
        assert len(bench.of(FeedChanged)) == 1
        assert looker.gate is not None
        looker.gate.set()
        await bench.time.advance(1)
        last = bench.of(FeedChanged)[-1]
        assert last.is_live
        streams.push(Gap(channel=BALANCES, since=START, reason="closed"))
        await settle()
        again = bench.of(FeedChanged)[-1]
        assert (again.is_live, again.reason) == (False, "closed")
        assert len(bench.of(FeedChanged)) == 3


async def test_a_gap_during_the_look_keeps_the_silence() -> None:
    """A look that began before the newest gap does not end the silence."""
    looker = FakeLooker(gate=asyncio.Event())
    streams = FakeStreams(channels=(BALANCES,))
    async with running(Bench(streams=streams, looker=looker)) as bench:
        streams.push(Restored(channel=BALANCES))
        await bench.time.advance(0.1)
        streams.push(Gap(channel=BALANCES, since=START, reason="closed"))
        await settle()
        assert looker.gate is not None
        looker.gate.set()
        await bench.time.advance(1)
        told = bench.of(FeedChanged)
        assert [e.is_live for e in told] == [False]


async def test_a_jump_of_the_clock_is_a_gap_of_everything() -> None:
    """After a suspend the clock is measured and the account read before it counts."""
    async with running(Bench()) as bench:
        await bench.time.advance(2)
        looks = len(bench.looker.looked)
        bench.time.has_jumped = True
        await bench.time.advance(2)
        told = bench.of(FeedChanged)
        assert [(e.feed, e.is_live) for e in told] == [
            ("clock", False),
            ("clock", True),
        ]
        assert bench.time.measured == 1
        assert len(bench.looker.looked) > looks


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), RuntimeError("a bug")])
async def test_an_unexpected_error_ends_the_world(error: Exception) -> None:
    """A task that dies of a bug ends the moments with that very error."""
    async with running(Bench()) as bench:
        bench.streams.push(error)
        await settle()
        assert bench.error is error


async def test_a_bug_in_a_look_ends_the_world() -> None:
    """Only the exchange's failures are repeated; an error of ours is not."""
    bug = ZeroDivisionError("a bug")
    async with running(Bench(looker=FakeLooker(script=[bug]))) as bench:
        await bench.time.advance(1)
        assert bench.error is bug


async def test_a_lost_key_ends_the_world() -> None:
    """Without a login nothing can be done: the world ends with that sentence."""
    bench = Bench()
    bench.rest.reads["api_key"] = ExchangeRefusedError("400003", "key not exists")
    async with running(bench):
        await bench.time.advance(1)
        assert isinstance(bench.error, RefusedError)
        assert "API key" in str(bench.error)


async def test_nothing_is_sent_twice() -> None:
    """A request whose answer is lost leaves once, whatever the look-ups say."""
    bench = Bench()
    bench.rest.writes["place_spot_order"] = [lost(), ok({"orderId": "second"})]
    async with running(bench):
        bench.world.gateway.send_order(BUY)
        await settle()
        bench.world.gateway.find_order(BUY)
        bench.rest.reads |= {
            "spot_order_by_client_id": None,
            "active_spot_orders": [],
            "done_spot_orders": {"items": []},
            "spot_fills": {"items": []},
        }
        await bench.time.advance(60)
        told = bench.of(IntentSettled)
        assert [e.outcome for e in told] == [Outcome.IN_DOUBT, Outcome.REFUSED]
        assert len(bench.rest.sent) == 1


async def test_stopping_waits_for_requests_under_way() -> None:
    """A world that is stopped ends when its requests are answered, or in time."""
    bench = Bench()
    async with running(bench):
        bench.world.gateway.send_order(BUY)
        await settle()
        bench.world.stop(drain_s=5)
        await settle()
        assert bench.world.gateway.in_flight == 1
        bench.time.passed_s += 6
        bench.world.put(ScheduleDue(at=START, job="j", due_at=START))
        await settle()
        assert bench.moments[-1][0] == ScheduleDue(at=START, job="j", due_at=START)


async def test_a_full_queue_ends_the_world() -> None:
    """An engine that is far behind starts anew; nothing grows without a limit."""
    bench = Bench()
    for _ in range(10_000):
        bench.world.put(ScheduleDue(at=START, job="j", due_at=START))
    with pytest.raises(RuntimeError, match="too slow"):
        bench.world.put(ScheduleDue(at=START, job="j", due_at=START))


async def test_an_urgent_look_does_not_wait_for_a_routine_one() -> None:
    """A routine look that hangs, as for its quota, makes way in about a second."""
    bench = Bench()
    async with running(bench):
        bench.looker.gate = asyncio.Event()
        bench.world.waker.touch({SPOT})
        await bench.time.advance(1)
        hung = len(bench.looker.looked)
        bench.world.waker.touch({FUTURES}, urgency=Urgency.GUARD)
        await asyncio.sleep(1.1)  # noqa: TID251 - the deadline is of real time
        bench.looker.gate.set()
        await bench.time.advance(1)
        accounts, urgency = bench.looker.looked[hung]
        assert urgency is Urgency.GUARD
        assert set(accounts) >= {SPOT, FUTURES}
