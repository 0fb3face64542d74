"""Scripts of market moves and requests, and an outsider who keeps the books.

``Books`` rebuilds the account from events alone; its checks are plain asserts.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from hypothesis import strategies as st

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    MarginMode,
    Position,
    PositionKey,
    isolated_account,
)
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    Bucket,
    Cause,
    Event,
    HoldChanged,
    LedgerBooked,
    OrderChanged,
    PositionChanged,
)
from bot.domain.intents import (
    AdjustMargin,
    Borrow,
    CancelOrder,
    Intent,
    PlaceOrder,
    Repay,
    Transfer,
)
from bot.domain.money import ZERO
from bot.domain.orders import OrderState, OrderType, Side, TimeInForce
from connectors.venue.venue import Venue
from tests.unit.venue.builders import (
    opening,
    venue,
)

PAIR = isolated_account("BTC-USDT")
ACCOUNTS = (MAIN, SPOT, MARGIN_CROSS, PAIR, FUTURES)


@dataclass
class Books:
    """The account as an outsider rebuilds it from the events alone."""

    numbers: defaultdict[tuple[AccountId, str, Bucket], Decimal] = field(
        default_factory=lambda: defaultdict(Decimal)
    )
    margins: defaultdict[str, Decimal] = field(
        default_factory=lambda: defaultdict(Decimal)
    )
    holds: dict[tuple[AccountId, str], Decimal] = field(default_factory=dict)
    orders: dict[str, OrderChanged] = field(default_factory=dict)
    positions: dict[PositionKey, Position] = field(default_factory=dict)
    statuses: dict[AccountId, AccountStatus] = field(default_factory=dict)

    def take(self, events: Sequence[Event]) -> None:
        """Apply events in order; each transfer must move coins, not make them."""
        for event in events:
            match event:
                case LedgerBooked():
                    self._book(event)
                case HoldChanged():
                    self.holds[event.account, event.coin] = event.hold
                case OrderChanged():
                    self.orders[event.order_id] = event
                case PositionChanged():
                    self._position(event.position)
                case AccountStatusChanged(account=account, status=status):
                    self.statuses[account] = status
                case _:
                    pass

    def _book(self, entry: LedgerBooked) -> None:
        for posting in entry.postings:
            if posting.bucket is Bucket.MARGIN:
                assert posting.symbol is not None
                self.margins[posting.symbol] += posting.amount
                continue
            key = (posting.account, posting.coin, posting.bucket)
            self.numbers[key] += posting.amount
        if entry.cause is Cause.TRANSFER:
            assert sum((p.amount for p in entry.postings), ZERO) == 0

    def _position(self, position: Position) -> None:
        key = PositionKey(position.symbol, position.side)
        if position.lots == 0:
            self.positions.pop(key, None)
        else:
            self.positions[key] = position

    def compare(self, sim: Venue) -> None:
        """The rebuilt account is the true one, to the last digit."""
        snapshot = sim.snapshot()
        for account in ACCOUNTS:
            for coin in ("BTC", "ETH", "USDT"):
                line = snapshot.balances.get(account, {}).get(coin)
                told = [self.numbers[account, coin, b] for b in list(Bucket)[:3]]
                hold = self.holds.get((account, coin), ZERO)
                if line is None:
                    assert told == [0, 0, 0]
                    assert hold == 0
                else:
                    assert told == [line.total, line.principal, line.interest]
                    assert hold == line.hold
                    assert line.principal >= 0
                    assert line.interest >= 0
                    assert line.hold >= 0
                    assert account == FUTURES or line.available >= 0
        true = {k: replace(p, adl_rank=None) for k, p in snapshot.positions.items()}
        seen = {k: replace(p, adl_rank=None) for k, p in self.positions.items()}
        assert seen == true
        isolated = sum((p.margin for p in true.values()), ZERO)
        assert sum(self.margins.values(), ZERO) == isolated

    def compare_holds(self) -> None:
        """What is held is what open orders need, no more than rounding apart."""
        needed: defaultdict[tuple[AccountId, str], Decimal] = defaultdict(Decimal)
        count: defaultdict[tuple[AccountId, str], int] = defaultdict(int)
        for order in self.orders.values():
            if order.state is not OrderState.OPEN or order.account == FUTURES:
                continue
            rest = order.qty - order.filled_qty
            base, quote = order.symbol.split("-")
            assert order.price is not None
            is_buy = order.side is Side.BUY
            key = (order.account, quote if is_buy else base)
            needed[key] += rest * order.price * Decimal("1.001") if is_buy else rest
            count[key] += 1
        for key in needed.keys() | self.holds.keys():
            apart = abs(needed[key] - self.holds.get(key, ZERO))
            assert apart <= 3 * count[key] * Decimal("1e-8")


amounts = st.decimals("0.00001", 30000, places=5)
coins = st.sampled_from(("BTC", "ETH", "USDT"))
sides = st.sampled_from(Side)
wild = st.decimals(20000, 90000, places=1)
near = st.decimals(47000, 53000, places=1)
prices = st.one_of(near, near, wild)
traders = st.sampled_from((SPOT, MARGIN_CROSS, PAIR))
margins = st.sampled_from((MARGIN_CROSS, PAIR))

spot_orders = st.builds(
    PlaceOrder,
    account=traders,
    symbol=st.just("BTC-USDT"),
    side=sides,
    qty=st.decimals("0.00001", 2, places=5),
    type=st.just(OrderType.LIMIT),
    price=prices,
    time_in_force=st.sampled_from(
        (TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)
    ),
)
resting_orders = st.builds(
    PlaceOrder,
    account=traders,
    symbol=st.just("BTC-USDT"),
    side=sides,
    qty=st.decimals("0.00001", "0.1", places=5),
    type=st.just(OrderType.LIMIT),
    price=near,
    post_only=st.booleans(),
)
spot_market = st.builds(
    PlaceOrder,
    account=traders,
    symbol=st.sampled_from(("BTC-USDT", "ETH-USDT")),
    side=sides,
    qty=st.decimals("0.00001", 2, places=5),
)
futures_orders = st.builds(
    PlaceOrder,
    account=st.just(FUTURES),
    symbol=st.sampled_from(("XBTUSDTM", "XBTUSDM")),
    side=sides,
    qty=st.integers(1, 400).map(Decimal),
    type=st.just(OrderType.LIMIT),
    price=prices,
    reduce_only=st.booleans(),
    margin_mode=st.sampled_from(MarginMode),
    leverage=st.sampled_from((Decimal(2), Decimal(10))),
)
futures_market = st.builds(
    PlaceOrder,
    account=st.just(FUTURES),
    symbol=st.sampled_from(("XBTUSDTM", "XBTUSDM")),
    side=sides,
    qty=st.integers(1, 400).map(Decimal),
    close=st.booleans(),
    reduce_only=st.booleans(),
    margin_mode=st.sampled_from(MarginMode),
    leverage=st.sampled_from((Decimal(2), Decimal(10))),
)
cancels = st.builds(
    CancelOrder,
    account=st.sampled_from((SPOT, MARGIN_CROSS, PAIR, FUTURES)),
    symbol=st.just("BTC-USDT"),
    order_id=st.integers(1, 40).map(lambda n: f"order-{n}"),
)
loans = st.builds(
    Borrow,
    account=margins,
    coin=coins,
    amount=st.decimals("0.001", 30000, places=4),
    allow_partial=st.booleans(),
)
repayments = st.builds(Repay, account=margins, coin=coins, amount=amounts)
transfers = st.builds(
    Transfer,
    source=st.sampled_from(ACCOUNTS),
    target=st.sampled_from(ACCOUNTS),
    coin=coins,
    amount=amounts,
)
adjustments = st.builds(
    AdjustMargin,
    symbol=st.sampled_from(("XBTUSDTM", "XBTUSDM")),
    amount=st.decimals(-500, 500, places=8),
)
requests: st.SearchStrategy[Intent] = st.one_of(
    spot_orders,
    resting_orders,
    spot_market,
    futures_orders,
    futures_market,
    cancels,
    loans,
    repayments,
    transfers,
    adjustments,
)
moves = st.tuples(st.integers(1, 4000), prices, st.booleans())
scripts = st.lists(st.one_of(requests, moves, moves), min_size=10, max_size=40)


def opened() -> tuple[Venue, Books]:
    """A venue with every kind of account, some in debt, and its books."""
    sim = venue(
        opening(
            {
                "main": {"USDT": "5000", "BTC": "0.1"},
                "spot": {"USDT": "20000", "BTC": "0.5"},
                "margin_cross": {"USDT": "3000", "BTC": "0.3", "ETH": "1"},
                "margin_isolated:BTC-USDT": {"USDT": "2000", "BTC": "0.1"},
                "futures": {"USDT": "5000", "BTC": "0.2"},
            },
            debts={
                "margin_cross": {"USDT": "13500"},
                "margin_isolated:BTC-USDT": {"BTC": "0.08"},
            },
        )
    )
    books = Books()
    books.take(sim.opening_events)
    return sim, books
