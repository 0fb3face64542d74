"""Simulated accounts on a live market: one clock, one market, no made-up price."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random  # noqa: TID251 - seeded here

import pytest

from bot.domain.accounts import SPOT
from bot.domain.events import Event, Filled, IntentSettled, MarksTicked, ScheduleDue
from bot.domain.intents import PlaceOrder
from bot.domain.market import MarketInstant
from bot.domain.orders import OrderType, Outcome, Side
from bot.domain.strategy import Job
from connectors.system.schedules import VirtualScheduler
from connectors.venue.live_world import PaperTable, Rounds
from connectors.venue.timeline import Latency
from tests.unit.venue.builders import (
    DEEP,
    RATES,
    START,
    approved,
    instant,
    later,
    opening,
    venue,
)

_BUY = PlaceOrder(
    account=SPOT,
    symbol="BTC-USDT",
    side=Side.BUY,
    qty=Decimal("0.01"),
    type=OrderType.MARKET,
)


class _Clock:
    """Time that passes only by waiting; ``lag_s`` is added to every wait."""

    def __init__(self) -> None:
        self.at = START
        self.lag_s = 0.0
        self.waits: list[float] = []

    def now(self) -> datetime:
        return self.at

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.at += timedelta(seconds=max(seconds, 0.001) + self.lag_s)


class _Market:
    """States what ``prices`` says second by second; None is a gap."""

    def __init__(self, prices: Sequence[str | None]) -> None:
        self.prices = list(prices)
        self.asked: list[datetime] = []
        self.stop: Rounds | None = None
        self.error: Exception | None = None

    def check(self) -> None:
        if self.error is not None:
            raise self.error

    def instant(self, at: datetime) -> MarketInstant | None:
        self.asked.append(at)
        price = self.prices.pop(0)
        if not self.prices and self.stop is not None:
            self.stop.stop()
        return None if price is None else instant(at, btc=price, liquidity=DEEP)


def _table(jobs: Sequence[Job] = (), *, seed: int = 1) -> PaperTable:
    made = venue(opening({"spot": {"USDT": "10000"}}), first=_first())
    scheduler = VirtualScheduler(START)
    table = PaperTable(
        start=START,
        venue=made,
        scheduler=scheduler,
        dice=Random(seed),  # noqa: S311 - chance of a simulation
        latency=Latency(),
    )
    scheduler.start(jobs, table.put)
    return table


def _first() -> MarketInstant:
    return instant(liquidity=DEEP, rates=RATES)


class _Desk:
    """Tables driven along a market, and what came out of each."""

    def __init__(self, prices: Sequence[str | None], **tables: PaperTable) -> None:
        self.clock, self.market = _Clock(), _Market(prices)
        self.tables = tables
        self.rounds = Rounds(
            clock=self.clock,
            market=self.market,
            tables=tables,
            wait=self.clock.wait,
        )
        self.market.stop = self.rounds
        self.seen: dict[str, list[Event]] = {name: [] for name in tables}
        self.kept = 0
        self.order_at: int | None = None

    def handle(self, name: str, moment: tuple[Event, ...]) -> None:
        assert moment
        self.seen[name] += moment
        ticks = sum(isinstance(e, MarksTicked) for e in moment)
        if ticks and len(self.of(name, MarksTicked)) == self.order_at:
            self.tables[name].send_order(approved(_BUY, f"i-{name}"))

    def of(self, name: str, kind: type[Event]) -> list[Event]:
        return [event for event in self.seen[name] if isinstance(event, kind)]

    def keep(self) -> None:
        self.kept += 1

    async def run(self) -> None:
        await self.rounds.run(self.handle, self.keep)


async def test_one_instant_a_second_for_every_table() -> None:
    """Both accounts see the same instants, one for each second of the exchange."""
    desk = _Desk(["50000", "50100", "50200"], one=_table(), two=_table())
    await desk.run()
    seconds = [at.replace(microsecond=0) for at in desk.market.asked]
    assert seconds == [START, later(1), later(2)]
    assert desk.of("one", MarksTicked) == desk.of("two", MarksTicked)
    assert len(desk.of("one", MarksTicked)) == 3
    assert desk.kept >= 3


async def test_seconds_that_were_missed_are_not_made_up() -> None:
    """A machine that was busy for four seconds skips their instants."""
    desk = _Desk(["50000", "50100", "50200"], one=_table())
    desk.clock.lag_s = 4.0
    await desk.run()
    gaps = [
        b - a for a, b in zip(desk.market.asked, desk.market.asked[1:], strict=False)
    ]
    assert all(gap > timedelta(seconds=4) for gap in gaps)
    assert len(desk.of("one", MarksTicked)) == 3


async def test_time_is_told_when_the_market_is_not_heard() -> None:
    """From the fourth silent second on, so that old marks are noticed; no price."""
    desk = _Desk(["50000", *[None] * 6, "50100"], one=_table())
    await desk.run()
    told = [e for e in desk.seen["one"] if isinstance(e, MarksTicked)]
    empty = [e for e in told if not e.margin_marks and not e.futures_marks]
    assert [e.at.replace(microsecond=0) for e in empty] == [
        later(4),
        later(5),
        later(6),
    ]
    assert len(told) == len(empty) + 2


async def test_a_request_takes_effect_between_two_instants() -> None:
    """It arrives after its latency, at its own time, not at the next instant."""
    desk = _Desk(["50000", "50100", "50200"], one=_table())
    desk.order_at = 1
    await desk.run()
    [settled] = desk.of("one", IntentSettled)
    first = desk.of("one", MarksTicked)[0].at
    assert timedelta(milliseconds=50) <= settled.at - first
    assert settled.at - first <= timedelta(milliseconds=250)
    assert len(desk.of("one", Filled)) >= 1


async def test_an_order_waits_while_no_price_is_heard() -> None:
    """Sent into a gap it does not trade at the old price, but at the next one."""
    table = _table([Job(name="late", schedule="every 13s")])
    desk = _Desk(["50000", *[None] * 20, "40000", "40000"], one=table)
    handle = desk.handle

    def sends(name: str, moment: tuple[Event, ...]) -> None:
        handle(name, moment)
        if any(isinstance(event, ScheduleDue) for event in moment) and not table.sent:
            table.send_order(approved(_BUY, "i-late"))

    await desk.rounds.run(sends, desk.keep)
    fills = [event for event in desk.seen["one"] if isinstance(event, Filled)]
    assert fills
    assert all(fill.price < 41000 for fill in fills)
    assert all(fill.at >= later(21) for fill in fills)
    assert table.waiting == 0


async def test_an_order_that_never_met_a_price_is_not_done() -> None:
    """At the end of the run what waits for a price is refused, in a sentence."""
    table = _table([Job(name="late", schedule="every 13s")])
    desk = _Desk(["50000", *[None] * 16], one=table)
    handle = desk.handle

    def sends(name: str, moment: tuple[Event, ...]) -> None:
        handle(name, moment)
        if any(isinstance(event, ScheduleDue) for event in moment) and not table.sent:
            table.send_order(approved(_BUY, "i-late"))

    await desk.rounds.run(sends, desk.keep)
    [settled] = [e for e in desk.seen["one"] if isinstance(e, IntentSettled)]
    assert settled.outcome is Outcome.REFUSED
    assert "before the market stated a price" in (settled.reason or "")
    assert not desk.of("one", Filled)


async def test_what_is_in_flight_lands_when_the_run_is_stopped() -> None:
    """A stop begins nothing new and lets the last request take effect."""
    desk = _Desk(["50000", "50100"], one=_table())
    desk.order_at = 2
    await desk.run()
    [settled] = [e for e in desk.seen["one"] if isinstance(e, IntentSettled)]
    assert settled.outcome is Outcome.DONE


async def test_a_clock_that_goes_back_stands_still() -> None:
    """The venue's time never goes back, whatever the exchange's clock says."""
    desk = _Desk(["50000", "50100", "50200", "50300"], one=_table())

    def jumps() -> None:
        desk.keep()
        if desk.kept == 2:
            desk.clock.at -= timedelta(seconds=30)
            desk.clock.lag_s = 20.0

    await desk.rounds.run(desk.handle, jumps)
    times = [event.at for event in desk.seen["one"]]
    assert times == sorted(times)


async def test_an_error_of_the_market_ends_the_run() -> None:
    """What ended the listening ends the rounds."""
    desk = _Desk(["50000"], one=_table())
    desk.market.error = RuntimeError("the sockets broke")
    with pytest.raises(RuntimeError, match="the sockets broke"):
        await desk.run()
