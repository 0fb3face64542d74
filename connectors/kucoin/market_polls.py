"""What nobody pushes of the market: funding, loans, depth, rules, who is open.

Each poll returns the events that are news; what did not change is not told again.
Polls read and compare; they decide nothing and know nothing of tasks or failures.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Protocol

from bot.domain.events import (
    BorrowRateQuoted,
    Event,
    FundingQuoted,
    MarksTicked,
    RulesRead,
)
from bot.domain.instruments import ContractRules, Rules
from bot.domain.prices import PricesSeen
from bot.ports import AccountReader, Clock
from connectors.kucoin.answers import ExchangeRefusedError, Rest
from connectors.kucoin.depth import MINUTES, liquidity_of
from connectors.kucoin.feed import Feed, Interests
from connectors.kucoin.interests import listed
from connectors.kucoin.name_by_name import NameByName
from connectors.kucoin.parse.contracts import contract
from connectors.kucoin.parse.depth import (
    Minute,
    futures_minutes,
    spot_minutes,
    top_of_book,
)
from connectors.kucoin.parse.funding import funding_rate
from connectors.kucoin.parse.loans import borrow_rates, inventory
from connectors.kucoin.parse.marks import (
    contract_mark,
    margin_mark,
    margin_mark_rows,
)
from connectors.kucoin.parse.service import ServiceState, service_state
from connectors.kucoin.parse.spot_rules import spot_listings
from connectors.kucoin.parse.tickers import Ticker, futures_ticker, spot_ticker
from connectors.kucoin.polls import Events, Poll

__all__ = ["MarketPolls", "SettlementListener"]

_BOOK: Final = "20"
_RATES_AT_ONCE: Final = 50
_LASTS_AT_ONCE: Final = 20
"""Last trades that one poll asks for, of each kind."""
_LATE_MARK: Final = timedelta(seconds=3)
"""Marks are pushed each second; one that is older is asked for."""


class SettlementListener(Protocol):
    """A scheduler that is told when funding is settled next."""

    def told_settlement(self, symbol: str, settlement_at: datetime) -> None:
        """The exchange stated the next settlement of a contract."""


@dataclass(slots=True, kw_only=True)
class MarketPolls:
    """The polls of the market, and what their last answers were.

    ``rules`` are those the engine knows; ``settlements`` the contracts' next ones.
    """

    rest: Rest
    clock: Clock
    reader: AccountReader
    interests: Interests
    feed: Feed
    scheduler: SettlementListener
    rules: Rules
    note: Callable[[str], None]
    """Told in a sentence what of one symbol cannot be read."""
    settlements: dict[str, datetime] = field(default_factory=dict)
    _each: NameByName = field(init=False)
    _borrow: dict[str, BorrowRateQuoted] = field(default_factory=dict)
    _unmarked: frozenset[str] = frozenset()
    """Coins that the exchange lists no mark for."""

    def __post_init__(self) -> None:
        """One memory of refused symbols for all polls."""
        self._each = NameByName(self.clock, self.note)

    def all(self) -> tuple[Poll, ...]:
        """The polls with their cadences."""
        return (
            Poll(name="margin marks", every_s=2, ask=self.margin_marks),
            Poll(name="contract marks", every_s=2, ask=self.contract_marks),
            Poll(name="last prices", every_s=2, ask=self.last_prices),
            Poll(name="borrow rates", every_s=60, ask=self.borrow_rates),
            Poll(name="funding", every_s=60, ask=self.funding),
            Poll(name="rules", every_s=60, ask=self.new_rules),
            Poll(name="symbols", every_s=60, ask=self.symbols),
            Poll(name="liquidity", every_s=60, ask=self.liquidity),
            Poll(name="service", every_s=60, ask=self.service),
        )

    def pairs(self) -> frozenset[str]:
        """The pairs that are asked for: followed, and listed by the rules."""
        return listed(self.interests, self.rules).spot_symbols

    def pulse(self) -> Poll:
        """Time itself, for a guard that no mark wakes."""
        return Poll(name="pulse", every_s=1, ask=self.pulse_of_time)

    # -- marks -------------------------------------------------------------

    async def pulse_of_time(self) -> Events:
        """That time has passed while no mark came: old marks must be noticed too.

        A moment of marks without any mark; nothing before the first mark came.
        """
        newest, now = self.feed.marks.newest_at, self.clock.now()
        if newest is None or now - newest <= _LATE_MARK:
            return ()
        return (MarksTicked(at=now),)

    async def margin_marks(self) -> Events:
        """Coins' marks by REST while a push is late; they carry their own time.

        A coin that the exchange lists no mark for is not asked for again and again,
        and one whose row cannot be read costs no other its mark.
        """
        asked = self.interests.coins - self._unmarked
        if not self.feed.marks.late_coins(asked, self.clock.now() - _LATE_MARK):
            return ()
        listed = margin_mark_rows(await self.rest.read("spot_marks"))
        self._unmarked = self.interests.coins - listed.keys() - {"BTC"}

        async def read(coin: str) -> Events:
            self.feed.marks.put_margin(margin_mark(listed[coin]))
            return ()

        coins = sorted(self.interests.coins & listed.keys())
        return await self._each.ask("the mark in BTC", coins, read)

    async def contract_marks(self) -> Events:
        """The same of contracts."""
        since = self.clock.now() - _LATE_MARK
        late = self.feed.marks.late_contracts(self.interests.contracts, since)
        return await self._each.ask("the mark", sorted(late), self._contract_mark)

    async def _contract_mark(self, symbol: str) -> Events:
        data = await self.rest.read("futures_mark", {"symbol": symbol})
        self.feed.marks.put_contract(contract_mark(data))
        return ()

    async def last_prices(self) -> Events:
        """The last trades of what has a late mark: they widen what it may be by now."""
        since, marks = self.clock.now() - _LATE_MARK, self.feed.marks
        late = marks.late_contracts(self.interests.contracts, since)
        pairs = {f"{c}-USDT" for c in marks.late_coins(self.interests.coins, since)}
        spot = sorted(pairs & self.pairs())[:_LASTS_AT_ONCE]
        symbols = [*sorted(late)[:_LASTS_AT_ONCE], *spot]
        return await self._each.ask("the price", symbols, self._last)

    async def _last(self, symbol: str) -> Events:
        is_pair = symbol in self.interests.spot_symbols
        endpoint = "spot_ticker" if is_pair else "futures_ticker"
        parse = spot_ticker if is_pair else futures_ticker
        return _last_of(
            symbol, parse(await self.rest.read(endpoint, {"symbol": symbol}))
        )

    # -- prices of money ---------------------------------------------------

    async def funding(self) -> Events:
        """The current rate and the next settlement of each contract."""
        symbols = sorted(self.interests.contracts)
        return await self._each.ask("the funding", symbols, self.funding_of)

    async def funding_of(self, symbol: str) -> Events:
        """The same of one contract; the scheduler is told in any case."""
        found = funding_rate(await self.rest.read("funding_rate", {"symbol": symbol}))
        if found.settlement_at is None:
            return ()
        self.settlements[symbol] = found.settlement_at
        self.scheduler.told_settlement(symbol, found.settlement_at)
        return self.feed.quote_funding(
            FundingQuoted(
                at=self.clock.now(),
                symbol=symbol,
                funding_rate=found.funding_rate,
                settlement_at=found.settlement_at,
                funding_interval_h=found.funding_interval_h,
            )
        )

    async def borrow_rates(self) -> Events:
        """What each coin costs to borrow and how much there is; unknown is None."""
        coins = sorted(self.interests.coins)
        if not coins:
            return ()
        rates: dict[str, Decimal] = {}
        for first in range(0, len(coins), _RATES_AT_ONCE):
            asked = {"currency": ",".join(coins[first : first + _RATES_AT_ONCE])}
            document = await self.rest.read("borrow_rate", asked)
            rates |= {q.coin: q.annual_rate for q in borrow_rates(document)}
        left = await self._inventory(coins)
        told: list[Event] = []
        for coin in coins:
            if coin in rates:
                told += self._borrow_quoted(coin, rates[coin], left.get(coin))
        return told

    async def _inventory(self, coins: Sequence[str]) -> Mapping[str, Decimal]:
        """What the platform has left to lend; a refusal leaves it unknown."""
        try:
            asked = {"currency": ",".join(coins)}
            return inventory(await self.rest.read("available_inventory", asked))
        except ExchangeRefusedError:
            return {}

    def _borrow_quoted(self, coin: str, rate: Decimal, left: Decimal | None) -> Events:
        quote = BorrowRateQuoted(
            at=self.clock.now(), coin=coin, annual_rate=rate, available=left
        )
        known = self._borrow.get(coin)
        self._borrow[coin] = quote
        if known is not None and replace(known, at=quote.at) == quote:
            return ()
        return (quote,)

    # -- rules and openings ------------------------------------------------

    async def new_rules(self) -> Events:
        """The exchange's rules, when they are others than before."""
        found = await self.reader.read_rules()
        if found == self.rules:
            return ()
        self.rules = found
        return (RulesRead(at=self.clock.now(), rules=found),)

    async def symbols(self) -> Events:
        """Which contracts and margin pairs do not trade now."""
        symbols = [*sorted(self.interests.contracts), *sorted(self.pairs())]
        return await self._each.ask("the status", symbols, self._status)

    async def _status(self, symbol: str) -> Events:
        if symbol in self.interests.spot_symbols:
            return await self._pair_status(symbol)
        status = contract(await self.rest.read("contract", {"symbol": symbol})).status
        return self._opened(symbol, status == "open", f"its status is {status}")

    async def _pair_status(self, symbol: str) -> Events:
        document = await self.rest.read("margin_symbols", {"symbol": symbol})
        found = spot_listings(document).get(symbol)
        if found is None:
            return ()
        return self._opened(symbol, found.is_trading, "it does not trade")

    def _opened(self, symbol: str, is_open: bool, reason: str) -> Events:  # noqa: FBT001 - a fact of the symbol
        at = self.clock.now()
        return self.feed.halt(at, symbol, "status", None if is_open else reason)

    async def service(self) -> Events:
        """Whether the two hosts trade; a closed one halts all its symbols."""
        told: list[Event] = []
        hosts: tuple[tuple[str, Iterable[str]], ...] = (
            ("spot_status", self.interests.spot_symbols),
            ("futures_status", self.interests.contracts),
        )
        for endpoint, symbols in hosts:
            state, words = service_state(await self.rest.read(endpoint))
            reason = None
            if state is not ServiceState.OPEN:
                reason = f"the exchange is {state} {words}".strip()
            for symbol in sorted(symbols):
                told += self.feed.halt(self.clock.now(), symbol, "service", reason)
        return told

    # -- depth -------------------------------------------------------------

    async def liquidity(self) -> Events:
        """How deep each symbol is, from its book and its last hour."""
        symbols = [*sorted(self.pairs()), *sorted(self.interests.contracts)]
        return await self._each.ask("the depth", symbols, self._depth)

    async def _depth(self, symbol: str) -> Events:
        if symbol in self.interests.spot_symbols:
            return await self._spot_depth(symbol)
        return await self._contract_depth(symbol)

    async def _spot_depth(self, symbol: str) -> Events:
        now = self.clock.now()
        end = int(now.timestamp())
        book, candles = await asyncio.gather(
            self.rest.read("spot_book", {"symbol": symbol, "size": _BOOK}),
            self.rest.read(
                "spot_candles",
                {
                    "symbol": symbol,
                    "type": "1min",
                    "startAt": str(end - MINUTES * 60),
                    "endAt": str(end),
                },
            ),
        )
        top, minutes = top_of_book(book), spot_minutes(candles)
        return liquidity_of(now, symbol, top, minutes)

    async def _contract_depth(self, symbol: str) -> Events:
        rules = self.rules.contracts.get(symbol)
        if rules is None:
            return ()
        now = self.clock.now()
        start = int((now - timedelta(minutes=MINUTES)).timestamp() * 1000)
        book, candles = await asyncio.gather(
            self.rest.read("futures_book", {"symbol": symbol, "size": _BOOK}),
            self.rest.read(
                "futures_candles",
                {"symbol": symbol, "granularity": "1", "from": str(start)},
            ),
        )
        minutes = [_in_coins(m, rules) for m in futures_minutes(candles)]
        return liquidity_of(now, symbol, top_of_book(book), minutes)


def _last_of(symbol: str, ticker: Ticker) -> Events:
    """A last trade as a fact of the time at which it was told."""
    if ticker.last is None or ticker.at is None:
        return ()
    return (PricesSeen(at=ticker.at, last_prices={symbol: ticker.last}),)


def _in_coins(minute: Minute, rules: ContractRules) -> Minute:
    coins = minute.volume * rules.multiplier
    if rules.is_inverse:
        coins /= minute.close
    return replace(minute, volume=coins)
