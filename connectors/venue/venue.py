"""The simulated KuCoin as a whole: one user's accounts on one market.

Theory of operation. The venue is told three things: the market moved (``tick``),
time passed (``advance``), a request arrived (``submit``). Each call returns what the
owner of the accounts would then be told, in order. There is no clock and no chance
in here: latency, lost answers and seeds live with the caller. ``snapshot`` is the
truth; the sum of all ``LedgerBooked`` (the opening's included) rebuilds it.

This module only routes. It must not import the product's shadow or risk engine.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from bot.domain.accounts import FUTURES, AccountId, AccountSnapshot, isolated_pair
from bot.domain.errors import UsageError
from bot.domain.events import Bucket, Cause, Event, IntentSettled, Posting
from bot.domain.instruments import Rules
from bot.domain.intents import PlaceOrder
from bot.domain.market import MarketInstant
from bot.domain.money import ZERO
from bot.domain.orders import Side
from connectors.venue.book import Level
from connectors.venue.futures import AdlStrike, FuturesDesk
from connectors.venue.futures_leverage import change_cross_leverage
from connectors.venue.futures_orders import FuturesOrderDesk, RestingFutures
from connectors.venue.ledger import Ledger
from connectors.venue.loans import LoanDesk
from connectors.venue.margin import MarginNumbers
from connectors.venue.matching import Matcher
from connectors.venue.orders import OrderRegister
from connectors.venue.refusal import Refusal
from connectors.venue.requests import Request, RequestDesk
from connectors.venue.spot import SpotDesk
from connectors.venue.stops import StopDesk
from connectors.venue.takeover import MarginKeeper
from connectors.venue.tape import Tape
from connectors.venue.transfers import TransferDesk

__all__ = ["Venue"]


class Venue:
    """A KuCoin of one user: spot, margin, futures, loans, transfers.

    Args:
        rules: The instruments and what they demand; it must name everything that
            the opening account holds.
        opening: What the user owns and owes at the start. Holds in it are dropped,
            because the venue starts without open orders.
        first: The market at the start: marks and prices of everything held.
        at: The time of the opening, UTC.
        vip: The user's fee level; the rates themselves are in ``rules``.
        id_prefix: Before every id that is given; another one for each venue whose
            facts go into one journal.
    """

    def __init__(  # noqa: PLR0913 - what an exchange begins with, by name
        self,
        *,
        rules: Rules,
        opening: AccountSnapshot,
        first: MarketInstant,
        at: datetime,
        vip: int = 0,
        id_prefix: str = "",
    ) -> None:
        self.rules = rules
        self.vip = vip
        self._now = at
        self._leverage = dict(opening.margin_leverage)
        ledger, tape = Ledger(id_prefix), Tape()
        register = OrderRegister(ledger)
        self._ledger, self._tape, self._register = ledger, tape, register
        self._numbers = MarginNumbers(ledger, rules, tape, self._leverage)
        self._loans = LoanDesk(ledger, self._numbers, tape, at)
        self._keeper = MarginKeeper(
            ledger=ledger,
            tape=tape,
            numbers=self._numbers,
            register=register,
            loans=self._loans,
        )
        self._futures = FuturesDesk(
            ledger=ledger, rules=rules, orders=RestingFutures(register)
        )
        self._matcher = Matcher(register)
        self._spot_desk = SpotDesk(ledger, rules, tape)
        self._stops = StopDesk(ledger=ledger, rules=rules, tape=tape, register=register)
        self._futures_desk = FuturesOrderDesk(ledger, rules, tape, self._futures)
        self._requests = RequestDesk(
            ledger=ledger,
            register=register,
            matcher=self._matcher,
            spot=self._spot_desk,
            futures_orders=self._futures_desk,
            futures=self._futures,
            loans=self._loans,
            keeper=self._keeper,
            stops=self._stops,
            transfers=TransferDesk(
                ledger=ledger,
                rules=rules,
                numbers=self._numbers,
                keeper=self._keeper,
                free_cash=self._futures.free_cash,
            ),
        )
        self._see(replace(first, halted={}))
        self._open(at, opening)
        self.opening_events: Sequence[Event] = tuple(ledger.drain())
        """The bookings that made the opening account; no later call repeats them."""

    def tick(self, instant: MarketInstant) -> list[Event]:
        """The market moved.

        Timers that were due go first, at the old prices; then halts, depth, quotes
        and marks are told, funding is settled at the new marks, resting orders
        trade, and both keepers look at the accounts. A stop whose price was reached
        is a timer that is due now.
        """
        self._pass_time(instant.at)
        self._run_timers(instant.at)
        for event in self._see(instant):
            self._ledger.emit(event)
        self._futures.settle(instant)
        self._fill_resting(instant.at)
        self._futures.supervise(instant.at)
        self._keeper.watch(instant.at)
        return self._ledger.drain()

    def advance(self, at: datetime) -> list[Event]:
        """Time passed: run the timers that are due up to ``at``."""
        self._pass_time(at)
        self._run_timers(at)
        return self._ledger.drain()

    def next_timer(self) -> datetime | None:
        """When something happens by itself next: interest, a takeover, a stop."""
        is_due = self._stops.is_due(self._keeper.is_taken)
        stop_at = self._now if is_due else None
        times = (self._loans.next_charge(), self._keeper.next_step(), stop_at)
        return min((t for t in times if t is not None), default=None)

    def submit(self, at: datetime, request: Request) -> list[Event]:
        """A request arrives; first what became of it, then what followed."""
        self._pass_time(at)
        self._run_timers(at)
        settled = self._requests.submit(at, request)
        return [settled, *self._ledger.drain()]

    def check_order(
        self, at: datetime, intent: PlaceOrder, intent_id: str
    ) -> Refusal | None:
        """Why an order would be refused at ``at``; it is not placed."""
        return self._requests.check_order(max(at, self._now), intent, intent_id)

    def find(self, at: datetime, request: Request) -> IntentSettled:
        """What became of a request, by what the venue knows: done or refused."""
        return self._requests.find(at, request)

    def strike(self, at: datetime, event: AdlStrike) -> list[Event]:
        """The exchange auto-deleverages one of the user's positions."""
        self._pass_time(at)
        self._futures.strike(at, event)
        return self._ledger.drain()

    def snapshot(self) -> AccountSnapshot:
        """The accounts as they are."""
        return AccountSnapshot(
            balances=self._ledger.balances(),
            positions=dict(self._futures.positions),
            margin_leverage=dict(self._leverage),
        )

    @property
    def now(self) -> datetime:
        """The time of the latest call, UTC."""
        return self._now

    @property
    def orders(self) -> OrderRegister:
        """Every order that was accepted; to be read only."""
        return self._register

    @property
    def stops(self) -> StopDesk:
        """The stops that wait; to be read only."""
        return self._stops

    @property
    def tape(self) -> Tape:
        """What the market stated last; to be read only."""
        return self._tape

    @property
    def numbers(self) -> MarginNumbers:
        """The margin accounts at the current marks; to be read only."""
        return self._numbers

    @property
    def futures(self) -> FuturesDesk:
        """The futures account at the current marks; to be read only."""
        return self._futures

    @property
    def loans(self) -> LoanDesk:
        """Lending rates and stock; to be read only."""
        return self._loans

    def is_taken(self, account: AccountId) -> bool:
        """Whether a margin account is frozen for its takeover."""
        return self._keeper.is_taken(account)

    def book(self, at: datetime, symbol: str, side: Side) -> tuple[Level, ...]:
        """What a taker of ``side`` meets now, best first: BUY walks the asks.

        What was taken lately is missing from its front; a symbol without rules or
        without a price has no book.
        """
        if self._tape.last(symbol) is None:
            return ()
        if symbol in self.rules.contracts:
            return self._matcher.book(at, self._futures_desk, symbol, side)
        if symbol in self.rules.spot:
            return self._matcher.book(at, self._spot_desk, symbol, side)
        return ()

    def set_margin_leverage(
        self, account: AccountId, leverage: Decimal
    ) -> Refusal | None:
        """Let the user choose the leverage of a margin account, or say why not."""
        refusal = self._numbers.set_leverage(account, leverage)
        if refusal is None:
            self._leverage[account] = leverage
        return refusal

    def set_cross_leverage(
        self, at: datetime, symbol: str, leverage: Decimal
    ) -> list[Event] | Refusal:
        """Let the user choose the cross leverage of a contract, or say why not."""
        self._pass_time(at)
        self._run_timers(at)
        refusal = change_cross_leverage(
            self._futures.state, at, symbol, leverage, self._register.resting(symbol)
        )
        return self._ledger.drain() if refusal is None else refusal

    def equity_usdt(self) -> Decimal:
        """All accounts net of liabilities at margin marks, futures profit included.

        Raises:
            ValueError: A coin that is owned or owed never had a mark.
        """
        nets = [
            (coin, line.total - line.liability)
            for account in self._ledger.accounts()
            if account != FUTURES
            for coin, line in self._ledger.lines(account)
        ]
        settles = {
            self.rules.contracts[k.symbol].settle for k in self._futures.positions
        }
        nets += [
            (coin, self._futures.equity(coin))
            for coin in sorted(settles.union(self._ledger.coins(FUTURES)))
        ]
        return sum((net * self._mark(coin) for coin, net in nets if net != 0), ZERO)

    def debt_ratios(self) -> dict[str, Decimal]:
        """The debt ratio of every margin account that owes, where it is known."""
        return {
            account: ratio
            for account in self._ledger.accounts()
            if self._numbers.has_debt(account)
            and (ratio := self._numbers.debt_ratio(account)) is not None
        }

    def risk_rates(self) -> dict[str, Decimal]:
        """The futures risk rate of every settle currency with exposure, if known.

        An unknown rate (the margin is used up) is left out; it is past liquidation.
        """
        symbols = {key.symbol for key in self._futures.positions}
        symbols.update(order.symbol for order in self._register.resting_of(FUTURES))
        settles = {self.rules.contracts[symbol].settle for symbol in symbols}
        return {
            settle: rate
            for settle in sorted(settles)
            if (rate := self._futures.risk_rate(settle)) is not None
        }

    def _mark(self, coin: str) -> Decimal:
        """The margin mark of a coin that is held."""
        mark = self._tape.mark(coin)
        if mark is None:
            raise ValueError(f"{coin} is held but the market never stated its mark")
        return mark

    def _pass_time(self, at: datetime) -> None:
        """Refuse a time before the latest one; keep the new one."""
        if at < self._now:
            raise ValueError(f"time cannot go back from {self._now} to {at}")
        self._now = at

    def _run_timers(self, at: datetime) -> None:
        """Run what is due up to ``at`` in time order; interest, takeovers, stops."""
        while (due := self.next_timer()) is not None and due <= at:
            self._loans.charge_due(due)
            self._keeper.run_due(due)
            self._requests.trigger_stops(due)

    def _see(self, instant: MarketInstant) -> list[Event]:
        """Let every desk take over what the market states."""
        events = self._tape.take(instant)
        self._futures.see(instant)
        self._loans.restock(instant)
        return events

    def _fill_resting(self, at: datetime) -> None:
        """Trade the resting orders of every symbol that is not halted."""
        for symbol in self._register.resting_symbols():
            if self._tape.is_halted(symbol):
                continue
            is_futures = symbol in self.rules.contracts
            desk = self._futures_desk if is_futures else self._spot_desk
            self._matcher.fill_resting(at, desk, symbol)

    def _require_known(self, opening: AccountSnapshot) -> None:
        """Refuse an opening account that the rules do not cover."""
        for account in opening.balances:
            pair = isolated_pair(account)
            if pair is not None and pair not in self.rules.isolated_pairs:
                raise UsageError(
                    f"The opening account has {account}, but {pair} has no isolated "
                    "margin in this market: leave it out or choose another market."
                )

    def _open(self, at: datetime, opening: AccountSnapshot) -> None:
        """Book the opening account, one entry for each account and coin."""
        self._require_known(opening)
        for account in sorted(opening.balances):
            for coin, balance in sorted(opening.balances[account].items()):
                amounts = {
                    Bucket.BALANCE: balance.total,
                    Bucket.PRINCIPAL: balance.principal,
                    Bucket.INTEREST: balance.interest,
                }
                postings = [
                    Posting(account=account, coin=coin, amount=amount, bucket=bucket)
                    for bucket, amount in amounts.items()
                    if amount != 0
                ]
                if postings:
                    self._ledger.book(at, Cause.OPENING, postings)
        positions = [opening.positions[key] for key in sorted(opening.positions)]
        self._futures.open(at, positions)
