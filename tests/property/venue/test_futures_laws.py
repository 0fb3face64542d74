"""Laws of the futures desk under any script of fills, marks, funding and strikes."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import FUTURES, MarginMode, PositionKey
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    Bucket,
    Cause,
    Event,
    LedgerBooked,
    PositionChanged,
)
from bot.domain.intents import AdjustMargin
from bot.domain.money import LEDGER_QUANTUM, ZERO
from bot.domain.orders import Side
from connectors.venue import futures_risk
from connectors.venue.futures import AdlStrike
from connectors.venue.futures_state import FuturesState
from tests.unit.venue.futures_bench import RULES, Bench, order, resting

D = Decimal
SYMBOLS = ("XBTUSDTM", "ETHUSDTM", "XBTUSDM")
MODES = {
    "XBTUSDTM": MarginMode.CROSS,
    "ETHUSDTM": MarginMode.ISOLATED,
    "XBTUSDM": MarginMode.CROSS,
}


@dataclass(frozen=True)
class Trade:
    """An order for a share of what the wallet carries, at the mark."""

    symbol: str
    side: Side
    share: Decimal
    leverage: int
    reduce_only: bool


@dataclass(frozen=True)
class Move:
    """The marks move by fractions, with or without a settlement."""

    btc: Decimal
    eth: Decimal
    rate: Decimal | None


@dataclass(frozen=True)
class Rest:
    """An order rests."""

    side: Side
    lots: int


@dataclass(frozen=True)
class Margin:
    """Isolated margin is moved."""

    amount: Decimal


@dataclass(frozen=True)
class Strike:
    """The exchange deleverages."""

    symbol: str
    lots: int


Step = Trade | Move | Rest | Margin | Strike

_MOVES = st.decimals("-0.012", "0.012", places=4) | st.decimals("-0.3", "0.3", places=2)
MOVES = st.builds(
    Move,
    btc=_MOVES,
    eth=_MOVES,
    rate=st.none() | st.decimals("-0.02", "0.02", places=5),
)
TRADES = st.builds(
    Trade,
    symbol=st.sampled_from(SYMBOLS),
    side=st.sampled_from(Side),
    share=st.decimals("0.01", "0.97", places=2),
    leverage=st.sampled_from((2, 10, 25, 60)),
    reduce_only=st.sampled_from((False, False, False, True)),
)
STEPS = st.one_of(
    TRADES,
    TRADES,
    MOVES,
    MOVES,
    MOVES,
    st.builds(Rest, side=st.sampled_from(Side), lots=st.integers(1, 500)),
    st.builds(Margin, amount=st.decimals("-500", "500", places=2)),
    st.builds(Strike, symbol=st.sampled_from(SYMBOLS), lots=st.integers(1, 5000)),
)


class Script:
    """Runs steps on a bench and remembers the marks."""

    def __init__(self) -> None:
        self.bench = Bench({"USDT": "50000", "BTC": "2"})
        self.btc, self.eth = D(50000), D(2500)
        self.events: list[Event] = list(self.bench.events)

    def run(self, step: Step) -> list[Event]:
        """The events of one step."""
        events: list[Event] = []
        match step:
            case Trade():
                events = self.trade(step)
            case Move(btc=btc, eth=eth, rate=rate):
                self.btc = (self.btc * (1 + btc)).quantize(D("0.1"))
                self.eth = (self.eth * (1 + eth)).quantize(D("0.01"))
                events = self.bench.tick(
                    str(self.btc),
                    str(self.eth),
                    rate=None if rate is None else str(rate),
                )
            case Rest(side=side, lots=lots):
                self.bench.orders.orders.append(resting(side, lots, str(self.btc)))
            case Margin(amount=amount):
                move = AdjustMargin(symbol="ETHUSDTM", amount=amount)
                self.bench.desk.adjust_margin(self.bench.at, move, "i-margin")
                events = self.bench.drain()
            case Strike(symbol=symbol, lots=lots):
                price = self.price(symbol)
                strike = AdlStrike(key=PositionKey(symbol), lots=lots, price=price)
                self.bench.desk.strike(self.bench.at, strike)
                events = self.bench.drain()
        self.events += events
        return events

    def price(self, symbol: str) -> Decimal:
        """The mark of a contract."""
        return self.eth if symbol == "ETHUSDTM" else self.btc

    def trade(self, step: Trade) -> list[Event]:
        """Ask the desk, then fill at the mark what it lets pass."""
        desk = self.bench.desk
        contract = RULES.contracts[step.symbol]
        lot = contract.value(D(1), self.price(step.symbol))
        cash = self.bench.wallet(contract.settle)
        wanted = order(
            step.side,
            str(max(1, int(step.share * cash * step.leverage / lot))),
            symbol=step.symbol,
            leverage=str(step.leverage),
            mode=MODES[step.symbol],
            reduce_only=step.reduce_only,
        )
        if desk.check_order(wanted) is not None:
            return []
        side, lots = desk.sized(wanted)
        return self.bench.trade(
            side,
            lots,
            str(self.price(step.symbol)),
            symbol=step.symbol,
            mode=MODES[step.symbol],
            leverage=str(step.leverage),
        )

    def state(self) -> FuturesState:
        """The desk's positions and marks as the risk functions read them."""
        fresh = FuturesState(
            ledger=self.bench.ledger, rules=RULES, orders=self.bench.orders
        )
        for position in self.bench.desk.positions.values():
            fresh.keep(position)
        fresh.see(self.bench.instant(str(self.btc), str(self.eth)))
        return fresh


def _sums(events: Sequence[Event]) -> dict[tuple[str, Bucket, str | None], Decimal]:
    sums: dict[tuple[str, Bucket, str | None], Decimal] = defaultdict(Decimal)
    for event in events:
        if isinstance(event, LedgerBooked):
            for posting in event.postings:
                key = (posting.coin, posting.bucket, posting.symbol)
                sums[key] += posting.amount
    return sums


@given(st.lists(STEPS, min_size=4, max_size=30))
def test_the_bookings_rebuild_wallets_and_margins(steps: list[Step]) -> None:
    """Summing all postings gives every wallet and every isolated margin exactly."""
    script = Script()
    for step in steps:
        script.run(step)
        sums = _sums(script.events)
        for coin in ("USDT", "BTC"):
            assert sums[coin, Bucket.BALANCE, None] == script.bench.wallet(coin)
        margins = {str(k): p.margin for k, p in script.bench.desk.positions.items()}
        for symbol in SYMBOLS:
            settle = RULES.contracts[symbol].settle
            earmarked = sums[settle, Bucket.MARGIN, symbol]
            assert earmarked == margins.get(symbol, ZERO)


@given(st.lists(STEPS, min_size=4, max_size=30), MOVES)
def test_after_supervision_nothing_is_over_its_threshold(
    steps: list[Step], last: Move
) -> None:
    """Rates are under 1, nothing rests at 0.95, no flat wallet is negative."""
    script = Script()
    for step in [*steps, last]:
        events = script.run(step)
        if not isinstance(step, Move):
            continue
        state = script.state()
        for settle in ("USDT", "BTC"):
            rate = futures_risk.risk_rate(state, settle)
            assert rate is not None
            assert rate < 1
            if rate >= D("0.95"):
                assert not state.resting(settle, MarginMode.CROSS)
            for held in state.held(settle, MarginMode.ISOLATED):
                isolated = futures_risk.isolated_margin_rate(state, held)
                assert isolated is not None
                assert isolated < 1
            if not any(state.held(settle, mode) for mode in MarginMode):
                assert script.bench.wallet(settle) >= 0
        statuses = [e.status for e in events if isinstance(e, AccountStatusChanged)]
        assert AccountStatus.LIQUIDATING not in statuses[-1:]


@given(st.lists(STEPS, max_size=15), TRADES)
def test_a_trade_at_the_mark_costs_its_fee_and_nothing_else(
    steps: list[Step], trade: Trade
) -> None:
    """Equity falls by the fee, to a quantum for each rounded part of the trade."""
    script = Script()
    for step in steps:
        script.run(step)
    settle = RULES.contracts[trade.symbol].settle
    before = script.bench.desk.equity(settle)
    events = script.run(trade)
    fees = sum(
        (
            posting.amount
            for event in events
            if isinstance(event, LedgerBooked) and event.cause is Cause.FEE
            for posting in event.postings
        ),
        ZERO,
    )
    change = script.bench.desk.equity(settle) - before
    assert abs(change - fees) <= 3 * LEDGER_QUANTUM


@given(st.lists(STEPS, min_size=4, max_size=30))
def test_positions_are_told_as_they_stand(steps: list[Step]) -> None:
    """Folding PositionChanged gives lots, cost and margin of every position."""
    script = Script()
    told = {}
    for step in steps:
        for event in script.run(step):
            if isinstance(event, PositionChanged):
                told[event.position.key] = event.position
    stands = {
        key: (p.lots, p.entry_value, p.margin)
        for key, p in script.bench.desk.positions.items()
    }
    folded = {
        key: (p.lots, p.entry_value, p.margin) for key, p in told.items() if p.lots
    }
    assert folded == stands


@given(st.lists(STEPS, min_size=4, max_size=30), st.sampled_from(SYMBOLS))
def test_a_reduction_is_never_refused(steps: list[Step], symbol: str) -> None:
    """Whatever the account looks like, reduce-only and close orders pass."""
    script = Script()
    for step in steps:
        script.run(step)
    held = script.bench.desk.position(symbol)
    if held is None:
        return
    side = Side.SELL if held.lots > 0 else Side.BUY
    for is_close in (False, True):
        wanted = order(
            side,
            "1",
            symbol=symbol,
            mode=MODES[symbol],
            leverage="1",
            reduce_only=not is_close,
            close=is_close,
        )
        assert script.bench.desk.check_order(wanted) is None


@given(st.lists(STEPS, min_size=4, max_size=30))
def test_a_script_gives_the_same_events_twice(steps: list[Step]) -> None:
    """No clock, no chance: the same script is the same history."""
    first, second = Script(), Script()
    for step in steps:
        assert first.run(step) == second.run(step)


@given(st.lists(STEPS, max_size=20))
def test_free_cash_leaves_the_account_no_closer_than_its_initial_margin(
    steps: list[Step],
) -> None:
    """What may leave is never negative and never more than the free wallet."""
    script = Script()
    for step in steps:
        script.run(step)
    for coin in ("USDT", "BTC"):
        free = script.bench.desk.free_cash(coin)
        wallet = script.bench.wallet(coin)
        earmarked = script.bench.ledger.margins(FUTURES, coin)
        assert 0 <= free <= max(ZERO, wallet - earmarked)


@given(
    symbol=st.sampled_from(SYMBOLS),
    side=st.sampled_from(Side),
    share=st.decimals("0.05", "0.9", places=2),
    leverage=st.sampled_from((10, 20, 40)),
)
def test_a_slow_move_into_liquidation_never_needs_the_insurance_fund(
    symbol: str, side: Side, share: Decimal, leverage: int
) -> None:
    """In steps of 0.1 % the take-over comes in time: nobody else pays anything."""
    script = Script()
    trade = Trade(symbol, side, share, leverage, reduce_only=False)
    assert script.run(trade) == [] or script.bench.desk.position(symbol) is not None
    step = -side.sign * D("0.001")
    for _ in range(900):
        if script.bench.desk.position(symbol) is None:
            break
        script.run(Move(btc=step, eth=step, rate=None))
    causes = [e.cause for e in script.events if isinstance(e, LedgerBooked)]
    assert Cause.INSURANCE not in causes
    for coin in ("USDT", "BTC"):
        assert script.bench.wallet(coin) >= 0
    assert not script.bench.ledger.margins(FUTURES, "USDT")
