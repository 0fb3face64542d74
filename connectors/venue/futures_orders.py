"""Futures orders between the matching engine and the futures desk.

The futures desk knows positions, margins and money; the register knows orders. This
adapter speaks to both in their own words: it checks and clips an order, tells the
matching engine the contract's grid in lots, books each trade with the desk, and
lists or cancels resting futures orders when the desk asks. It computes nothing.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal

from bot.domain.accounts import FUTURES
from bot.domain.instruments import Rules
from bot.domain.intents import PlaceOrder
from bot.domain.money import ONE, ZERO
from bot.domain.orders import OrderType, TimeInForce
from connectors.venue.book import in_lots, unknown_liquidity
from connectors.venue.desk import Fills, Grid, Trade
from connectors.venue.futures import FuturesDesk, FuturesFill, FuturesOrder
from connectors.venue.ledger import Ledger
from connectors.venue.orders import FUTURES_CODES, OrderRegister, VenueOrder
from connectors.venue.refusal import Refusal
from connectors.venue.tape import Tape

__all__ = ["FuturesOrderDesk", "RestingFutures"]


class RestingFutures:
    """The resting futures orders, as the futures desk asks for them."""

    def __init__(self, register: OrderRegister) -> None:
        self._register = register

    def resting_futures(self) -> Sequence[FuturesOrder]:
        return [
            _as_futures(order, order.price)
            for order in self._register.resting_of(FUTURES)
            if order.price is not None
        ]

    def cancel_futures(
        self, at: datetime, symbols: Collection[str], reason: str
    ) -> None:
        for order in self._register.resting_of(FUTURES):
            if order.symbol in symbols:
                self._register.settle(at, order, reason)


class FuturesOrderDesk:
    """The desk that the matching engine sees for futures symbols."""

    def __init__(
        self, ledger: Ledger, rules: Rules, tape: Tape, futures: FuturesDesk
    ) -> None:
        self._ledger = ledger
        self._rules = rules
        self._tape = tape
        self._futures = futures

    def clip(self, order: VenueOrder, intent: PlaceOrder) -> None:
        """Cut a closing order to the position; the excess is dropped, as KuCoin does.

        The order must have passed ``check_intent``.
        """
        order.side, lots = self._futures.sized(intent)
        order.qty = Decimal(lots)

    def check_intent(self, intent: PlaceOrder) -> Refusal | None:
        """Refuse what the contract, the mode, the margin or the form forbids."""
        return self._check_trading(intent) or self._futures.check_order(intent)

    def check(self, order: VenueOrder) -> Refusal | None:
        return None

    def grid(self, symbol: str) -> Grid:
        contract, last = self._rules.contracts[symbol], self._last(symbol)
        stated = self._tape.liquidity(symbol)
        coins = unknown_liquidity(last) if stated is None else stated
        mark = self._tape.futures_mark(symbol)
        return Grid(
            price=last,
            reference=last if mark is None else mark,
            tick=contract.tick_size,
            step=Decimal(contract.lot_size),
            liquidity=in_lots(contract, coins, last),
        )

    def worst_price(self, order: VenueOrder) -> Decimal:
        """The price band around the mark holds for takers as well."""
        band = self._rules.contracts[order.symbol].price_band
        return self.grid(order.symbol).reference * (ONE + order.side.sign * band)

    def admit(self, order: VenueOrder, fills: Fills) -> Refusal | None:
        return None

    def needed_hold(self, order: VenueOrder) -> Decimal:
        return ZERO

    def hold_after(self, order: VenueOrder) -> Decimal:
        return ZERO

    def fillable(self, order: VenueOrder, qty: Decimal) -> Decimal:
        if order.price is None or _as_futures(order, order.price).opens:
            return qty
        room = self._futures.reducible_lots(
            order.symbol, order.side, order.position_side
        )
        return min(qty, Decimal(room))

    def book_fill(self, at: datetime, order: VenueOrder, trade: Trade) -> None:
        self._futures.apply_fill(
            FuturesFill(
                at=at,
                trade_id=self._ledger.next_id("trade"),
                order_id=order.order_id,
                intent_id=order.intent_id,
                symbol=order.symbol,
                side=order.side,
                lots=int(trade.qty),
                price=trade.price,
                reference_price=trade.reference,
                is_maker=trade.is_maker,
                mode=order.margin_mode,
                position_side=order.position_side,
                leverage=order.leverage,
            )
        )

    def _check_trading(self, intent: PlaceOrder) -> Refusal | None:
        """Refuse a contract that does not trade and a form that futures lack."""
        symbol, is_limit = intent.symbol, intent.type is OrderType.LIMIT
        if symbol not in self._rules.contracts:
            return Refusal(
                FUTURES_CODES.unknown_symbol, f"No contract is called {symbol!r}."
            )
        if self._tape.is_halted(symbol) or self._tape.last(symbol) is None:
            return Refusal(
                FUTURES_CODES.suspended, f"{symbol} takes no orders: trading is halted."
            )
        is_gtc = intent.time_in_force is TimeInForce.GTC
        if intent.time_in_force is TimeInForce.FOK or (
            intent.post_only and not (is_limit and is_gtc)
        ):
            return Refusal(
                FUTURES_CODES.parameter,
                "Futures know no FOK, and postOnly goes with a resting limit order.",
            )
        if is_limit != (intent.price is not None):
            return Refusal(
                FUTURES_CODES.parameter,
                "A limit order needs a price, a market order has none.",
            )
        return None

    def _last(self, symbol: str) -> Decimal:
        """The last price of a contract that ``check_intent`` let pass."""
        last = self._tape.last(symbol)
        if last is None:
            raise ValueError(f"{symbol} has no price; check the order first")
        return last


def _as_futures(order: VenueOrder, price: Decimal) -> FuturesOrder:
    """A resting order in the futures desk's words."""
    return FuturesOrder(
        symbol=order.symbol,
        side=order.side,
        lots=int(order.remaining),
        price=price,
        mode=order.margin_mode,
        position_side=order.position_side,
        leverage=order.leverage,
        reduce_only=order.reduce_only,
        close=order.close,
    )
