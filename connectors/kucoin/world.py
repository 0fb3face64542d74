"""The live world around the bot: KuCoin's streams, reads and answers as moments.

Theory of operation. Small tasks do one thing each: one listens to the sockets, one
looks at what was touched, one for each poll asks at its cadence, one keeps the clock,
and each request and look-up is a task of its own. All of them put what they learn into
two places that ``moments`` empties: a slot of marks, where the latest wins, and a
bounded queue of moments; ``connectors.kucoin.inbox`` hands out both, marks first and
neither starving the other. The first unexpected error of any task ends ``moments``
with it: crash-only, because starting is recovering. This is the live twin of
``connectors.venue.world``; it must not know the risk engine.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Final

from bot.domain.accounts import AccountId, AccountSnapshot
from bot.domain.entries import Noted
from bot.domain.errors import UnreachableError, UsageError
from bot.domain.events import Event, IntentSettled, OperatorAsked, ScheduleDue
from bot.domain.instruments import Rules
from bot.domain.intents import Approved, CancelStop, PlaceOrder, PlaceStop
from bot.domain.orders import Outcome
from bot.ports import AccountReader
from connectors.kucoin.answers import ExchangeRefusedError, Rest, Urgency
from connectors.kucoin.feed import Feed, Interests
from connectors.kucoin.following import Following
from connectors.kucoin.gateway import Gateway, accounts_of
from connectors.kucoin.inbox import Inbox
from connectors.kucoin.lookups import LookUps, Sleep
from connectors.kucoin.market_polls import MarketPolls, SettlementListener
from connectors.kucoin.money_requests import MoneyRequests
from connectors.kucoin.order_words import urgency_of
from connectors.kucoin.polls import AccountPolls, Events, Poll
from connectors.kucoin.registry import OrderRegistry
from connectors.kucoin.silences import Silences
from connectors.kucoin.standing import Standing
from connectors.kucoin.streams import Channel, Frame, Gap, Restored
from connectors.kucoin.supervisor import Crew
from connectors.kucoin.wake import Looker, Waker
from connectors.kucoin.warm_images import Likely, WarmImages
from connectors.kucoin.world_parts import LiveClock, Source

__all__ = ["LiveClock", "LiveWorld", "Source"]

_POLL_S: Final = 30.0
_MEASURE_S: Final = 60.0
_JUMP_CHECK_S: Final = 1.0
_FAILURES_NOTED: Final = 5
_CLOCK_FEED: Final = "clock"
_TIME_REFUSED: Final = "400002"  # a stamp more than 5 s off: measure at once


class LiveWorld:
    """Feed, reader, clock and gateways over the real exchange.

    Args:
        rest: The REST side.
        streams: The sockets; whoever made them starts and closes them.
        looker: Reads accounts coherently; its books are open already.
        reader: Reads the whole account and the rules.
        clock: The exchange's time; measured already.
        scheduler: Is told of settlements; its jobs are handed in through ``put``.
        interests: Coins, symbols and accounts of this run at its start.
        wanted: All that should be followed now, never less than ``interests``; the
            reader reads its rules. Without it nothing more is followed.
        likely: What the guard might ask to be moved next, see ``WarmImages``.
        rules: The rules that the engine starts with.
        remember: Makes a note durable in the journal before it returns.
        recovered: Intents that an earlier process left open.
        requests: What was before those of them that move money.
        sleep: Waits real seconds.
        registry: The orders that are known; the looker's names may share it.
        clock_rate: Seconds of the exchange's time a real second; 1 at KuCoin.
        more_polls: What else is asked for, at its own cadence.
    """

    def __init__(  # noqa: PLR0913 - a world is made of exactly these parts
        self,
        *,
        rest: Rest,
        streams: Source,
        looker: Looker,
        reader: AccountReader,
        clock: LiveClock,
        scheduler: SettlementListener,
        interests: Interests,
        wanted: Callable[[], Interests] | None = None,
        likely: Likely = tuple,
        rules: Rules,
        remember: Callable[[Noted], None],
        sleep: Sleep,
        recovered: Iterable[Approved] = (),
        requests: MoneyRequests | None = None,
        registry: OrderRegistry | None = None,
        clock_rate: Decimal | float = 1,
        monotonic: Callable[[], float] = time.monotonic,
        more_polls: Iterable[Poll] = (),
    ) -> None:
        self._rest, self._streams, self._reader = rest, streams, reader
        self._clock, self._sleep, self._remember = clock, sleep, remember
        self._rate, self._monotonic = float(clock_rate), monotonic
        self._bell = asyncio.Event()
        self._crew = Crew(wake=self._bell.set)
        self._ends_at_s: float | None = None
        self._silences, self._is_time_refused = Silences(self.now), False
        self._asking, self._more_polls = set[str](), tuple(more_polls)
        self._failed: dict[str, str] = {}
        """Why each poll failed last, by its name."""
        self.registry = OrderRegistry() if registry is None else registry
        self.feed = Feed(
            interests=interests,
            registry=self.registry,
            standing=Standing(warning_debt_ratio=rules.margin_warning_debt_ratio),
        )
        self._inbox = Inbox(self.feed.marks, self._bell.set)
        self._put = self._inbox.put
        self.waker = self._waker(looker, interests)
        self.lookups = self._lookups(requests or MoneyRequests(), likely)
        self.gateway = self._gateway(recovered)
        self._market = MarketPolls(
            rest=rest,
            clock=clock,
            reader=reader,
            interests=interests,
            feed=self.feed,
            scheduler=scheduler,
            rules=rules,
            note=self._note_poll,
        )
        self._account = self._account_polls(interests)
        self._following = self._follower(wanted or (lambda: interests))

    def _account_polls(self, interests: Interests) -> AccountPolls:
        return AccountPolls(
            rest=self._rest,
            clock=self._clock,
            interests=interests,
            feed=self.feed,
            waker=self.waker,
            settlements=self._market.settlements,
            pairs=self._market.pairs,
            note=self._note_poll,
        )

    def _follower(self, wanted: Callable[[], Interests]) -> Following:
        return Following(
            wanted=wanted,
            streams=self._streams,
            feed=self.feed,
            market=self._market,
            account=self._account,
            remember=self._remember,
        )

    def _waker(self, looker: Looker, interests: Interests) -> Waker:
        return Waker(
            looker=looker,
            rest=self._rest,
            registry=self.registry,
            put=self._put,
            remember=self._remember,
            sleep=self._sleep,
            spawn=self._crew.spawn,
            held=interests.accounts,
        )

    def _lookups(self, requests: MoneyRequests, likely: Likely) -> LookUps:
        return LookUps(
            rest=self._rest,
            clock=self._clock,
            sleep=self._sleep,
            spawn=self._crew.spawn,
            registry=self.registry,
            settle=self._settle,
            remember=self._remember,
            requests=requests,
            warm=WarmImages(rest=self._rest, clock=self._clock, likely=likely),
        )

    def _gateway(self, recovered: Iterable[Approved]) -> Gateway:
        return Gateway(
            rest=self._rest,
            clock=self._clock,
            spawn=self._crew.spawn,
            settle=self._settle,
            remember=self._remember,
            touch=self._touch,
            sleep=self._sleep,
            registry=self.registry,
            lookups=self.lookups,
            recovered=recovered,
        )

    # -- clock, reader and the ports of the gateways --------------------------

    @property
    def marks_received_s(self) -> float:
        """Monotonic time at which the newest mark of the last mark moment was read."""
        return self._inbox.marks_received_s

    def now(self) -> datetime:
        """The exchange's time."""
        return self._clock.now()

    async def read_snapshot(self) -> AccountSnapshot:
        return await self._reader.read_snapshot()

    async def read_rules(self) -> Rules:
        return await self._reader.read_rules()

    def put(self, event: ScheduleDue | OperatorAsked) -> None:
        """Take what a schedule or a person asks for; it is a moment of its own."""
        self._put((event,))

    # -- what tasks put in ----------------------------------------------------

    def _settle(self, event: IntentSettled) -> None:
        """An order's acceptance is told at once, money moved with its bookings."""
        approved = self.gateway.settled(event)
        if event.outcome is not Outcome.IN_DOUBT:
            self.lookups.forget(event.intent_id)
        is_done = event.outcome is Outcome.DONE
        kinds = PlaceOrder | PlaceStop | CancelStop
        if approved is None or isinstance(approved.intent, kinds) or not is_done:
            self._put((event,))
            return
        accounts = accounts_of(approved.intent)
        self.waker.tell_with_look(event, accounts, urgency_of(approved))

    def _touch(self, accounts: Iterable[AccountId], urgency: Urgency) -> None:
        self.waker.touch(accounts, urgency=urgency)

    # -- the loop -------------------------------------------------------------

    async def moments(self) -> AsyncIterator[tuple[Event, ...]]:
        """Everything that happens, a moment at a time, until ``stop``.

        Raises:
            Exception: What ended a task unexpectedly.
        """
        self._begin()
        try:
            while not self._is_over():
                await self._rung()
                for moment in self._inbox.due():
                    yield moment
                    # The sockets get their turn between two moments.
                    await asyncio.sleep(0)  # noqa: TID251 - a turn, not a wait
                    self._crew.check()
                self._crew.check()
        finally:
            await self._crew.close()

    async def _rung(self) -> None:
        """Wait until something is there, or until it is time to end."""
        left_s = None
        if self._ends_at_s is not None:
            left_s = max(self._ends_at_s - self._monotonic(), 0)
        try:
            async with asyncio.timeout(left_s):
                await self._bell.wait()
        except TimeoutError:
            return
        self._bell.clear()

    def stop(self, drain_s: float = 10.0) -> None:
        """End when all that was done is told, at the latest after so many seconds."""
        self._ends_at_s = self._monotonic() + drain_s
        self._bell.set()

    def _is_over(self) -> bool:
        if self._ends_at_s is None:
            return False
        is_busy = self.gateway.in_flight or self.waker.owes_news or len(self._inbox)
        return self._monotonic() >= self._ends_at_s or not is_busy

    def _begin(self) -> None:
        """Start every task; until a feed is confirmed it counts as silent."""
        for channel in self._streams.health():
            if channel.is_private:
                self._fell_silent(_feed_of(channel), "it is not connected yet")
        self._crew.spawn(self._listen(), "sockets")
        self._crew.spawn(self.waker.run(), "looks")
        self._crew.spawn(self._keep_time(), "clock")
        warm = Poll(name="pre-images", every_s=2, ask=self.lookups.warm.renew)
        polls = (*self._account.all(), *self._market.all(), self._following.poll())
        more = (warm, self._market.pulse(), *self._more_polls)
        for poll in (*polls, *more):
            self._crew.spawn(self._run(poll), f"poll {poll.name}")

    # -- the sockets ----------------------------------------------------------

    async def _listen(self) -> None:
        """Take every frame; the stream may end only when we do."""
        async for item in self._streams.frames():
            match item:
                case Frame():
                    self._take(item)
                case Gap() if item.channel.is_private:
                    self._fell_silent(_feed_of(item.channel), item.reason)
                case Restored() if item.channel.is_private:
                    self._is_heard(_feed_of(item.channel))
                case _:
                    pass  # marks carry their own age
        if self._ends_at_s is None:
            raise RuntimeError("the sockets ended although nobody closed them")

    def _take(self, frame: Frame) -> None:
        taken = self.feed.take(frame)
        if not self.feed.marks.is_empty:
            self._bell.set()
        self._put(taken.events)
        if taken.touched:
            urgency = Urgency.GUARD if taken.is_urgent else Urgency.ROUTINE
            self.waker.touch(taken.touched, urgency=urgency)
        symbol = taken.funding_of
        if symbol is not None and symbol not in self._asking:
            self._asking.add(symbol)
            self._crew.spawn(self._ask_funding(symbol), f"funding {symbol}")

    async def _ask_funding(self, symbol: str) -> None:
        ask = partial(self._market.funding_of, symbol)
        await self._try(Poll(name=f"funding of {symbol}", every_s=0, ask=ask))
        self._asking.discard(symbol)

    def _fell_silent(self, feed: str, reason: str) -> None:
        self._put(self._silences.begin(feed, reason))

    def _is_heard(self, feed: str) -> None:
        """A feed delivers again: it is told so when a full look has caught up."""
        caught_up = self._silences.end(feed)
        if caught_up is not None:
            self.waker.touch_all(then=caught_up)

    # -- clock and polls ------------------------------------------------------

    async def _keep_time(self) -> None:
        """Measure the exchange's clock, and notice when ours jumped."""
        measured_s = self._monotonic()
        while True:
            await self._sleep(_JUMP_CHECK_S)
            if self._clock.has_jumped or self._is_time_refused:
                self._fell_silent(_CLOCK_FEED, "this machine slept or a clock was set")
                self._is_time_refused = False
            elif self._monotonic() - measured_s < _MEASURE_S:
                continue
            if await self._try(Poll(name="clock", every_s=0, ask=self._measure)):
                measured_s = self._monotonic()
                self._is_heard(_CLOCK_FEED)

    async def _measure(self) -> Events:
        await self._clock.measure(self._rest)
        return ()

    async def _run(self, poll: Poll) -> None:
        """Ask again and again; five failures in a row are noted, once."""
        failures = 0
        while True:
            failures = 0 if await self._try(poll) else failures + 1
            if failures == _FAILURES_NOTED:
                why = self._failed.get(poll.name, "")
                self._note_poll(
                    f"{poll.name} could not be read {failures} times in a row: {why}"
                )
            await self._sleep(poll.every_s / self._rate)

    async def _try(self, poll: Poll) -> bool:
        """Ask once, with a deadline; whether it was answered."""
        try:
            async with asyncio.timeout(_POLL_S):
                self._put(await poll.ask())
                if not self.feed.marks.is_empty:
                    self._bell.set()
        except ExchangeRefusedError as refusal:
            self._is_time_refused |= refusal.code == _TIME_REFUSED
            self._failed[poll.name] = f"KuCoin says: {refusal}"
        except TimeoutError:
            self._failed[poll.name] = f"no answer within {_POLL_S:.0f} s"
        except (UnreachableError, UsageError) as error:
            self._failed[poll.name] = str(error)
        else:
            return True
        return False

    def _note_poll(self, text: str) -> None:
        self._remember(Noted(topic="poll failed", text=text))


def _feed_of(channel: Channel) -> str:
    return f"{channel.host} {channel.topic.strip('/')}"
