"""What turns up in the account is followed, and late marks are asked for."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from bot.domain.accounts import (
    FUTURES,
    MARGIN_CROSS,
    AccountSnapshot,
    Balance,
)
from bot.domain.events import (
    Bucket,
    Cause,
    LedgerBooked,
    MarksTicked,
    OrderChanged,
    Posting,
    RulesRead,
)
from bot.domain.instruments import Rules
from bot.domain.orders import OrderState, Side
from bot.live_links import interests_in
from bot.shadow.state import empty_shadow
from connectors.kucoin.feed import Interests
from connectors.kucoin.following import FOLLOWED
from connectors.kucoin.interests import joined
from connectors.kucoin.parse.marks import ContractMark, MarginMark
from connectors.kucoin.streams import Channel, Frame
from connectors.kucoin.topics import CONTRACT_MARKS, MARGIN_MARKS
from tests.unit.kucoin.live_bench import INTERESTS, Bench, running
from tests.unit.kucoin.world_bench import START, FakeLook, ms

D = Decimal


def row(symbol: str, value: str, at: datetime) -> dict[str, object]:
    """A mark as REST states it."""
    return {"symbol": symbol, "timePoint": D(ms(at)), "value": D(value)}


def pushed(channel: Channel, value: object) -> Frame:
    """A push of a mark."""
    return Frame(channel=channel, subject="mark", value=value, received_s=0.0)


async def test_a_coin_that_somebody_borrows_is_followed() -> None:
    """Its mark is subscribed, its rules are read, and it is said once."""
    bench = Bench()
    more = joined(INTERESTS, Interests(coins=frozenset({"XRP"})))
    async with running(bench):
        await bench.time.advance(3)
        assert bench.streams.wanted == []
        bench.reader.rules = replace(Rules(), margin_max_leverage=D(3))
        bench.wanted = more
        await bench.time.advance(3)
        [channels] = bench.streams.wanted
        assert channels[MARGIN_MARKS] == ["USDT-BTC", "XRP-BTC"]
        assert len(bench.of(RulesRead)) == 1
        [note] = [n for n in bench.notes if n.topic == FOLLOWED]
        assert note.text == "XRP turned up in the account: followed from now"
        assert bench.world.feed.interests == more


def test_what_is_owed_and_what_is_ordered_is_wanted() -> None:
    """A debt in a coin that nobody named, an order in a contract that is not held."""
    order = OrderChanged(
        at=START,
        order_id="1",
        intent_id=None,
        account=FUTURES,
        symbol="XBTUSDTM",
        side=Side.BUY,
        state=OrderState.OPEN,
        qty=D(2),
        filled_qty=D(0),
        price=D(50000),
    )
    shadow = replace(
        empty_shadow(Rules()),
        balances={MARGIN_CROSS: {"XRP": Balance(principal=D(5))}},
        orders={"1": order},
    )
    found = interests_in(shadow)
    assert "XRP" in found.coins
    assert "XRP-USDT" in found.spot_symbols
    assert found.contracts == {"XBTUSDTM"}


async def test_silent_marks_are_read_by_rest() -> None:
    """While marks are pushed nobody asks; when the pushes stop, REST tells them."""
    bench = Bench()

    def heard(at: datetime) -> None:
        usdt = MarginMark(base="USDT", quote="BTC", price=D("0.00002"), at=at)
        bench.streams.push(pushed(MARGIN_MARKS, usdt))
        mark = ContractMark(
            symbol="XBTUSDTM", mark_price=D(50000), index_price=None, at=at
        )
        bench.streams.push(pushed(CONTRACT_MARKS, mark))

    async with running(bench):
        for _ in range(10):
            heard(bench.time.now())
            await bench.time.advance(1)
        asked = bench.rest.count("spot_marks"), bench.rest.count("futures_mark")
        assert asked == (1, 1), "at the very start only, before any mark was pushed"
        bench.moments.clear()
        bench.rest.reads |= {
            "spot_marks": lambda _: [row("USDT-BTC", "0.000025", bench.time.now())],
            "futures_mark": lambda asked: row(asked["symbol"], "39000", START),
        }
        await bench.time.advance(10)
        marks = bench.of(MarksTicked)
        assert marks[-1].margin_marks == {"USDT": 1, "BTC": 40000}
        assert marks[-1].at >= START + timedelta(seconds=18)
        assert not any(m.futures_marks for m in marks), "it is older than the known one"


async def test_a_coin_without_a_mark_is_not_asked_for_again_and_again() -> None:
    """A coin that the exchange lists no mark for costs one question, not one a tick."""
    bench = Bench()
    lone = joined(INTERESTS, Interests(coins=frozenset({"DUST"})))
    bench.wanted = lone
    bench.rest.reads["spot_marks"] = lambda _: [
        row("USDT-BTC", "0.00002", bench.time.now())
    ]

    def heard() -> None:
        usdt = MarginMark(
            base="USDT", quote="BTC", price=D("0.00002"), at=bench.time.now()
        )
        bench.streams.push(pushed(MARGIN_MARKS, usdt))

    async with running(bench):
        for _ in range(20):
            heard()
            await bench.time.advance(1)
        assert bench.rest.count("spot_marks") <= 2, "it is not listed: that is known"


async def test_an_odd_row_costs_no_other_coin_its_mark() -> None:
    """A row without a symbol, and an own coin with a word for a price: BTC is read."""
    bench = Bench()
    bench.wanted = joined(INTERESTS, Interests(coins=frozenset({"ODD"})))
    bench.rest.reads["spot_marks"] = lambda _: [
        {"symbol": 7},
        {"symbol": "ODD-BTC", "value": "much", "timePoint": 0},
        row("USDT-BTC", "0.000025", bench.time.now()),
    ]
    async with running(bench):
        await bench.time.advance(10)
        marks = bench.of(MarksTicked)
        assert marks[-1].margin_marks == {"USDT": 1, "BTC": 40000}
        assert marks[-1].at >= START + timedelta(seconds=8)


async def test_an_account_counts_as_held_from_its_first_booking() -> None:
    """Its ratios are asked for at once, not only after the next full look."""
    booked = LedgerBooked(
        at=START,
        entry_id="1",
        cause=Cause.TRANSFER,
        postings=(
            Posting(account=FUTURES, coin="USDT", amount=D(5), bucket=Bucket.BALANCE),
        ),
    )
    bench = Bench()
    bench.looker.script.append(FakeLook(snapshot=AccountSnapshot(balances={})))
    async with running(bench):
        bench.world.waker.touch_all()
        await bench.time.advance(1)
        assert FUTURES not in bench.world.waker.held
        bench.looker.script.append(FakeLook(bookings=(booked,)))
        bench.world.waker.touch({FUTURES})
        await bench.time.advance(1)
        assert FUTURES in bench.world.waker.held
