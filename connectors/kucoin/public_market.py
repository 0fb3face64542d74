"""KuCoin's public market as instants: what the venue of a run on paper is told.

Theory of operation. The public sockets deliver marks, predicted funding rates and
settlements; polls read tickers, funding, depth, lending stock and who is open. All of
it waits here until ``instant`` is asked for, once a second of the exchange's time. A
host whose marks are not heard states nothing: no mark, no price, no settlement, so its
marks grow stale at the reader, as they would live. A mark is stated once, when it is
new; nothing is repeated or made up. No endpoint that is asked here needs a key.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NoReturn

from bot.domain.accounts import AccountSnapshot
from bot.domain.entries import Noted
from bot.domain.errors import UnreachableError, UsageError
from bot.domain.instruments import Rules
from bot.domain.market import FundingSettlement, MarketInstant
from connectors.kucoin.answers import ExchangeRefusedError, Rest
from connectors.kucoin.cursors import to_ms
from connectors.kucoin.feed import Feed, Interests
from connectors.kucoin.lookups import Sleep
from connectors.kucoin.market_polls import MarketPolls
from connectors.kucoin.parse.funding import SettlementNotice, past_rates
from connectors.kucoin.parse.loans import inventory
from connectors.kucoin.polls import Events, Poll
from connectors.kucoin.public_news import News
from connectors.kucoin.public_settlements import Settlements
from connectors.kucoin.public_start import read_ticker
from connectors.kucoin.registry import OrderRegistry
from connectors.kucoin.snapshots import gathered
from connectors.kucoin.standing import Standing
from connectors.kucoin.streams import Channel, Frame, Gap, Restored
from connectors.kucoin.supervisor import Crew
from connectors.kucoin.topics import (
    CONTRACT_ANNOUNCEMENTS,
    CONTRACT_MARKS,
    MARGIN_MARKS,
)
from connectors.kucoin.world_parts import LiveClock, Source

__all__ = ["PublicMarket", "public_channels"]

_MARK_AGE: Final = timedelta(seconds=10)
"""A mark that is older when it could be stated is not stated."""
_PRICE_AGE_S: Final = 10.0
"""Real seconds for which a ticker that was read counts as the price."""
_POLL_S: Final = 30.0
_MEASURE_S: Final = 60.0
_JUMP_CHECK_S: Final = 1.0
_FAILURES_NOTED: Final = 5
_NOTES_MAX: Final = 100
_TICKERS_A_SECOND: Final = 15
"""Tickers asked for in a second, at most: a part of the public quota."""


def public_channels(interests: Interests) -> Mapping[Channel, Collection[str]]:
    """The channels that a public market listens to, with their symbols."""
    marks = sorted(f"{coin}-BTC" for coin in interests.coins if coin != "BTC")
    wanted: dict[Channel, Collection[str]] = {MARGIN_MARKS: marks}
    if interests.contracts:
        wanted[CONTRACT_MARKS] = sorted(interests.contracts)
        wanted[CONTRACT_ANNOUNCEMENTS] = sorted(interests.contracts)
    return wanted


class _NoAccount:
    """Stands where an account would be read: a public market has none."""

    async def read_snapshot(self) -> AccountSnapshot:
        self._refuse()

    async def read_rules(self) -> Rules:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise UsageError("A public market reads no account; it has no key.")


class PublicMarket:
    """The public side, listened to.

    Args:
        rest: The public REST side.
        streams: Public channels only; whoever made them starts and closes them.
        clock: The exchange's time; measured already.
        interests: What is followed.
        rules: The rules of the run; contracts' volumes are counted by them.
        borrow: What each coin is assumed to cost a year.
        sleep: Waits real seconds.
        clock_rate: Seconds of the exchange's time a real second.
        monotonic: Seconds of a clock that never goes back.
    """

    def __init__(  # noqa: PLR0913 - a market is made of exactly these parts
        self,
        *,
        rest: Rest,
        streams: Source,
        clock: LiveClock,
        interests: Interests,
        rules: Rules,
        borrow: Mapping[str, Decimal],
        sleep: Sleep,
        clock_rate: Decimal | float = 1,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rest, self._streams, self._clock = rest, streams, clock
        self._interests, self._sleep = interests, sleep
        self._rate, self._monotonic = float(clock_rate), monotonic
        self._symbols = sorted(interests.spot_symbols | interests.contracts)
        self._feed = Feed(
            interests=interests,
            registry=OrderRegistry(),
            standing=Standing(warning_debt_ratio=rules.margin_warning_debt_ratio),
        )
        self._polls = MarketPolls(
            rest=rest,
            clock=clock,
            reader=_NoAccount(),
            interests=interests,
            feed=self._feed,
            scheduler=self,
            rules=rules,
            note=lambda text: self._note("poll failed", text),
        )
        self._settlements = Settlements(start=clock.now())
        self._news = News(borrow=borrow)
        self._prices: dict[str, tuple[Decimal, float]] = {}
        self._silent: set[Channel] = {MARGIN_MARKS, CONTRACT_MARKS}
        self._asking: set[str] = set()
        self._notes: list[Noted] = []
        self._crew = Crew(wake=lambda: None)
        self._is_over = False

    # -- the seam to the simulated venue --------------------------------------

    def check(self) -> None:
        """Raise the first error that any task ended with."""
        self._crew.check()

    def instant(self, at: datetime) -> MarketInstant | None:
        """What is new at ``at``; None where no mark was heard since the last one."""
        margin, futures = self._marks(at)
        if not margin and not futures:
            return None
        return self._news.stated(
            MarketInstant(
                at=at,
                last_prices=self._last(is_spot=bool(margin), contracts=futures),
                margin_marks=margin,
                futures_marks=futures,
                settlements=self._settled(at, futures),
            )
        )

    def notes(self) -> tuple[Noted, ...]:
        """What went wrong since this was asked last, in sentences."""
        notes, self._notes = tuple(self._notes), []
        return notes

    @property
    def silent(self) -> frozenset[Channel]:
        """The channels of marks that are not heard now."""
        return frozenset(self._silent)

    def _marks(self, at: datetime) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
        """The marks that came since the last taking, of the hosts that are heard."""
        margin: dict[str, Decimal] = {}
        futures: dict[str, Decimal] = {}
        for ticked in self._feed.marks.take():
            if at - ticked.at > _MARK_AGE:
                continue
            margin.update(ticked.margin_marks)
            futures.update(ticked.futures_marks)
        return (
            {} if MARGIN_MARKS in self._silent else margin,
            {} if CONTRACT_MARKS in self._silent else futures,
        )

    def _last(
        self, *, is_spot: bool, contracts: Collection[str]
    ) -> Mapping[str, Decimal]:
        """The last prices of what is marked now, as far as they were read lately."""
        oldest_s = self._monotonic() - _PRICE_AGE_S
        return {
            symbol: price
            for symbol, (price, read_s) in sorted(self._prices.items())
            if read_s >= oldest_s
            and (is_spot if "-" in symbol else symbol in contracts)
        }

    def _settled(
        self, at: datetime, marked: Collection[str]
    ) -> tuple[FundingSettlement, ...]:
        """Settlements wait for a mark of their contract: it is what they count in."""
        return tuple(
            settled
            for symbol in sorted(marked)
            for settled in self._settlements.take(symbol, at)
        )

    # -- tasks ----------------------------------------------------------------

    async def prime(self) -> None:
        """Ask everything once, so that the first instant is complete."""
        for poll in self._all():
            await self._try(poll)

    def start(self) -> None:
        """Begin to listen and to ask; ``close`` ends it."""
        self._crew.spawn(self._listen(), "sockets")
        self._crew.spawn(self._keep_time(), "clock")
        for poll in self._all():
            self._crew.spawn(self._run(poll), f"poll {poll.name}")

    async def close(self) -> None:
        """End every task."""
        self._is_over = True
        await self._crew.close()

    def _all(self) -> tuple[Poll, ...]:
        """The polls; the tickers' cadence is real, however fast the clock runs."""
        tickers_s = max(1.0, len(self._symbols) / _TICKERS_A_SECOND) * self._rate
        polls = self._polls
        return (
            Poll(name="tickers", every_s=tickers_s, ask=self._tickers),
            Poll(name="funding", every_s=60, ask=polls.funding),
            Poll(name="settlements", every_s=1, ask=self._past_rates),
            Poll(name="symbols", every_s=60, ask=polls.symbols),
            Poll(name="liquidity", every_s=60, ask=polls.liquidity),
            Poll(name="lending stock", every_s=60, ask=self._stock),
            Poll(name="service", every_s=60, ask=polls.service),
        )

    async def _listen(self) -> None:
        async for item in self._streams.frames():
            match item:
                case Frame():
                    self._take(item)
                case Gap():
                    self._silent.add(item.channel)
                case Restored():
                    self._silent.discard(item.channel)
        if not self._is_over:
            raise RuntimeError("the sockets ended although nobody closed them")

    def _take(self, frame: Frame) -> None:
        """Keep what a push says; a settlement is kept apart, it halts nothing here."""
        value = frame.value
        symbol: str | None
        if isinstance(value, SettlementNotice):
            symbol = value.symbol
            self._settlements.stated(symbol, value.settlement_at, value.funding_rate)
        else:
            taken = self._feed.take(frame)
            self._news.take(taken.events)
            symbol = taken.funding_of
        if symbol in self._interests.contracts and symbol not in self._asking:
            self._asking.add(symbol)
            self._crew.spawn(self._ask_funding(symbol), f"funding {symbol}")

    async def _ask_funding(self, symbol: str) -> None:
        poll = Poll(
            name=f"funding of {symbol}",
            every_s=0,
            ask=lambda: self._polls.funding_of(symbol),
        )
        await self._try(poll)
        self._asking.discard(symbol)

    async def _keep_time(self) -> None:
        """Measure the exchange's clock each minute, and at once when ours jumped."""
        measured_s = self._monotonic()
        while True:
            await self._sleep(_JUMP_CHECK_S)
            is_due = self._monotonic() - measured_s >= _MEASURE_S
            if not is_due and not self._clock.has_jumped:
                continue
            if await self._try(Poll(name="clock", every_s=0, ask=self._measure)):
                measured_s = self._monotonic()

    async def _measure(self) -> Events:
        await self._clock.measure(self._rest)
        return ()

    async def _run(self, poll: Poll) -> None:
        """Ask again and again; five failures in a row are noted, once."""
        failures = 0
        while True:
            failures = 0 if await self._try(poll) else failures + 1
            if failures == _FAILURES_NOTED:
                text = f"{poll.name} could not be read {failures} times in a row"
                self._note("poll failed", text)
            await self._sleep(poll.every_s / self._rate)

    async def _try(self, poll: Poll) -> bool:
        """Ask once, with a deadline; whether it was answered."""
        try:
            async with asyncio.timeout(_POLL_S):
                self._news.take(await poll.ask())
        except (UnreachableError, UsageError, ExchangeRefusedError, TimeoutError):
            return False
        return True

    def _note(self, topic: str, text: str) -> None:
        if len(self._notes) < _NOTES_MAX:
            self._notes.append(Noted(topic=topic, text=text))

    # -- polls of this module -------------------------------------------------

    async def _tickers(self) -> Events:
        """The last price of each symbol; what one lacks does not hide the others."""
        await gathered(self._ticker(symbol) for symbol in self._symbols)
        return ()

    async def _ticker(self, symbol: str) -> None:
        asked_s = self._monotonic()
        price = (await read_ticker(self._rest, symbol)).last
        if price is not None:
            self._prices[symbol] = (price, asked_s)

    async def _stock(self) -> Events:
        """What the platform has left to lend."""
        coins = sorted(self._interests.coins)
        asked = {"currency": ",".join(coins)}
        left = inventory(await self._rest.read("available_inventory", asked))
        self._news.restock(left)
        return ()

    async def _past_rates(self) -> Events:
        """The rates of settlements that have passed and that no notice told of."""
        now = self._clock.now()
        for symbol, at in self._settlements.given_up(now).items():
            text = (
                f"KuCoin never stated what {symbol} settled at on {at.isoformat()}; "
                "nothing was charged for it"
            )
            self._note("funding not settled", text)
        for symbol in self._settlements.overdue(now):
            await self._ask_past(symbol, now)
        return ()

    async def _ask_past(self, symbol: str, now: datetime) -> None:
        asked = {
            "symbol": symbol,
            "from": str(to_ms(self._settlements.since(symbol))),
            "to": str(to_ms(now)),
        }
        for past in past_rates(await self._rest.read("public_funding_history", asked)):
            self._settlements.stated(symbol, past.settlement_at, past.funding_rate)

    # -- the seam to the polls ------------------------------------------------

    def told_settlement(self, symbol: str, settlement_at: datetime) -> None:
        """The exchange stated when a contract settles next."""
        self._settlements.expect(symbol, settlement_at, self._clock.now())
