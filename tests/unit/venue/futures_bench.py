"""A futures desk on a bench: a ledger, a list of resting orders, marks by hand.

Nothing here asserts anything.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.domain.accounts import (
    FUTURES,
    MarginMode,
    Position,
    PositionSide,
)
from bot.domain.events import Bucket, Cause, Event, LedgerBooked, Posting
from bot.domain.instruments import ContractRules, Lots, RiskTier, Rules
from bot.domain.intents import PlaceOrder
from bot.domain.market import FundingSettlement, Liquidity, MarketInstant
from bot.domain.money import ZERO
from bot.domain.orders import OrderType, Side
from connectors.venue.examples import XBTUSDM, XBTUSDTM
from connectors.venue.futures import FuturesDesk, FuturesFill, FuturesOrder
from connectors.venue.ledger import Ledger

START = datetime(2025, 1, 1, 12, 0, 0, tzinfo=UTC)
DEEP = Liquidity(
    half_spread=Decimal("0.0002"), sigma_1m=Decimal("0.0005"), volume_1m=Decimal(100000)
)


def _tier(limit: str, leverage: str, rate: str) -> RiskTier:
    maintenance = Decimal(rate)
    return RiskTier(
        max_notional=Decimal(limit),
        max_leverage=Decimal(leverage),
        initial_margin_rate=2 * maintenance,
        maintenance_margin_rate=maintenance,
    )


TIERS = (
    _tier("100000", "125", "0.004"),
    _tier("500000", "100", "0.005"),
    _tier("1000000", "75", "0.007"),
    _tier("2000000", "50", "0.01"),
)
BTC = replace(XBTUSDTM, tiers=TIERS)
ETH = replace(
    XBTUSDTM,
    symbol="ETHUSDTM",
    base="ETH",
    multiplier=Decimal("0.01"),
    tick_size=Decimal("0.01"),
    max_leverage=Decimal(100),
    k=Decimal(6610),
    m=Decimal(4110),
    mmr_lev_constant=Decimal(100),
    maintenance_margin_rate=Decimal("0.005"),
    initial_margin_rate=Decimal("0.01"),
)
INVERSE = XBTUSDM
RULES = Rules(
    contracts={"XBTUSDTM": BTC, "ETHUSDTM": ETH, "XBTUSDM": INVERSE},
)


class OrderList:
    """Resting orders as a plain list; a cancel removes them."""

    def __init__(self) -> None:
        self.orders: list[FuturesOrder] = []
        self.cancelled: list[tuple[datetime, str]] = []

    def resting_futures(self) -> Sequence[FuturesOrder]:
        """All of them."""
        return tuple(self.orders)

    def cancel_futures(
        self, at: datetime, symbols: Collection[str], reason: str
    ) -> None:
        """Forget those of the symbols, and remember that it happened."""
        gone = [order for order in self.orders if order.symbol in symbols]
        self.cancelled += [(at, order.symbol) for order in gone]
        self.orders = [order for order in self.orders if order not in gone]


class Bench:
    """One desk with a wallet and marks."""

    def __init__(
        self,
        wallet: Mapping[str, str],
        *,
        btc: str = "50000",
        positions: Sequence[Position] = (),
        rules: Rules = RULES,
    ) -> None:
        self.at = START
        self.ledger = Ledger()
        self.orders = OrderList()
        self.desk = FuturesDesk(ledger=self.ledger, rules=rules, orders=self.orders)
        self.events: list[Event] = []
        self._trades = 0
        for coin, amount in wallet.items():
            posting = Posting(account=FUTURES, coin=coin, amount=Decimal(amount))
            self.ledger.book(START, Cause.OPENING, (posting,))
        self.desk.see(self.instant(btc))
        self.desk.open(START, positions)
        self.drain()

    def instant(
        self, btc: str, eth: str = "2500", rate: str | None = None
    ) -> MarketInstant:
        """Marks of all contracts, with an optional settlement of every contract."""
        marks = {
            "XBTUSDTM": Decimal(btc),
            "XBTUSDM": Decimal(btc),
            "ETHUSDTM": Decimal(eth),
        }
        return MarketInstant(
            at=self.at,
            last_prices=marks,
            margin_marks={"BTC": Decimal(btc), "ETH": Decimal(eth)},
            futures_marks=marks,
            liquidity=dict.fromkeys(marks, DEEP),
            settlements=()
            if rate is None
            else tuple(
                FundingSettlement(symbol=symbol, funding_rate=Decimal(rate))
                for symbol in marks
            ),
        )

    def tick(
        self, btc: str, eth: str = "2500", *, seconds: int = 5, rate: str | None = None
    ) -> list[Event]:
        """Let time pass, move the marks, settle, supervise; the new events."""
        self.at += timedelta(seconds=seconds)
        instant = self.instant(btc, eth, rate)
        self.desk.see(instant)
        self.desk.settle(instant)
        self.desk.supervise(self.at)
        return self.drain()

    def trade(
        self,
        side: Side,
        lots: int,
        price: str,
        *,
        symbol: str = "XBTUSDTM",
        mode: MarginMode = MarginMode.CROSS,
        position_side: PositionSide = PositionSide.BOTH,
        leverage: str = "10",
        is_maker: bool = False,
    ) -> list[Event]:
        """Book one fill; the new events."""
        self._trades += 1
        fill = FuturesFill(
            at=self.at,
            trade_id=f"t-{self._trades}",
            order_id=f"o-{self._trades}",
            intent_id=f"i-{self._trades}",
            symbol=symbol,
            side=side,
            lots=lots,
            price=Decimal(price),
            reference_price=Decimal(price),
            is_maker=is_maker,
            mode=mode,
            position_side=position_side,
            leverage=Decimal(leverage),
        )
        self.desk.apply_fill(fill)
        return self.drain()

    def drain(self) -> list[Event]:
        """New events, also kept in ``events``."""
        fresh = self.ledger.drain()
        self.events += fresh
        return fresh

    def wallet(self, coin: str = "USDT") -> Decimal:
        """The wallet balance."""
        return self.ledger.total(FUTURES, coin)


def position(
    lots: int,
    price: str,
    *,
    contract: ContractRules = BTC,
    mode: MarginMode = MarginMode.CROSS,
    side: PositionSide = PositionSide.BOTH,
    margin: str = "0",
    leverage: str = "10",
) -> Position:
    """A position opened at a price."""
    return Position(
        symbol=contract.symbol,
        lots=Lots(lots),
        entry_value=contract.value(Decimal(lots), Decimal(price)),
        mode=mode,
        side=side,
        leverage=Decimal(leverage),
        margin=Decimal(margin),
    )


def resting(
    side: Side, lots: int, price: str, *, symbol: str = "XBTUSDTM", leverage: str = "10"
) -> FuturesOrder:
    """A resting cross order."""
    return FuturesOrder(
        symbol=symbol,
        side=side,
        lots=lots,
        price=Decimal(price),
        leverage=Decimal(leverage),
    )


def order(
    side: Side,
    lots: str,
    price: str | None = None,
    *,
    symbol: str = "XBTUSDTM",
    leverage: str = "10",
    mode: MarginMode = MarginMode.CROSS,
    position_side: PositionSide = PositionSide.BOTH,
    reduce_only: bool = False,
    close: bool = False,
) -> PlaceOrder:
    """A futures order request."""
    return PlaceOrder(
        account=FUTURES,
        symbol=symbol,
        side=side,
        qty=Decimal(lots),
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        price=None if price is None else Decimal(price),
        leverage=Decimal(leverage),
        margin_mode=mode,
        position_side=position_side,
        reduce_only=reduce_only,
        close=close,
    )


def booked(events: Sequence[Event], cause: Cause) -> list[Decimal]:
    """The wallet changes of a cause, in order."""
    return [
        posting.amount
        for event in events
        if isinstance(event, LedgerBooked) and event.cause is cause
        for posting in event.postings
        if posting.bucket is Bucket.BALANCE
    ]


def replayed(events: Sequence[Event], coin: str, bucket: Bucket) -> Decimal:
    """The sum of a bucket's postings of a coin."""
    return sum(
        (
            posting.amount
            for event in events
            if isinstance(event, LedgerBooked)
            for posting in event.postings
            if posting.coin == coin and posting.bucket is bucket
        ),
        ZERO,
    )
