"""The desk for spot and margin orders: what they must obey, hold and book.

The rules are ``spot-margin.md`` 7.5 and 11: increments, minimum funds, price
protection, frozen funds with the fee in advance, the fee in the quote coin, no
borrowing by orders. Rounding goes against the user: paid amounts and fees up,
received amounts down, over the whole order, so that many small fills never cost
more than was held for one large one. This desk matches nothing.
"""

from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from bot.domain.accounts import MAIN, MARGIN_CROSS, isolated_pair
from bot.domain.events import Cause, Filled, Posting
from bot.domain.instruments import Rules, SpotRules
from bot.domain.market import Liquidity
from bot.domain.money import LEDGER_QUANTUM, ONE, ZERO
from bot.domain.orders import OrderType, Side, TimeInForce
from connectors.venue.book import unknown_liquidity
from connectors.venue.desk import Fills, Grid, Trade
from connectors.venue.ledger import Ledger, is_multiple
from connectors.venue.orders import VenueOrder, codes_for
from connectors.venue.refusal import Refusal
from connectors.venue.tape import Tape

__all__ = ["SpotDesk"]


def _up(amount: Decimal) -> Decimal:
    """To the ledger's quantum, towards plus infinity: what is paid."""
    return amount.quantize(LEDGER_QUANTUM, rounding=ROUND_CEILING)


def _down(amount: Decimal) -> Decimal:
    """To the ledger's quantum, towards minus infinity: what is received."""
    return amount.quantize(LEDGER_QUANTUM, rounding=ROUND_FLOOR)


class SpotDesk:
    """Checks and books the orders of the spot and margin accounts."""

    def __init__(self, ledger: Ledger, rules: Rules, tape: Tape) -> None:
        self._ledger = ledger
        self._rules = rules
        self._tape = tape

    def check(self, order: VenueOrder) -> Refusal | None:
        """Refuse what the pair's rules forbid, whatever the book and balance."""
        codes = codes_for(order.account)
        rules = self._rules.spot.get(order.symbol)
        last = self._tape.last(order.symbol)
        has_fees = order.symbol in self._rules.spot_fee_rates
        if rules is None or last is None or not has_fees:
            return Refusal(
                codes.unknown_symbol,
                f"{order.symbol} does not trade: it has no rules, fees or price.",
            )
        if self._tape.is_halted(order.symbol):
            return Refusal(
                codes.suspended, f"{order.symbol} takes no orders: trading is halted."
            )
        return (
            self._check_account(order, rules)
            or _check_form(order)
            or _check_size(order, rules, last)
        )

    def grid(self, symbol: str) -> Grid:
        """The price and size steps and the depth of a pair that trades."""
        rules, last = self._rules.spot[symbol], self._last(symbol)
        return Grid(
            price=last,
            reference=last,
            tick=rules.price_increment,
            step=rules.base_increment,
            liquidity=self._liquidity(symbol),
        )

    def worst_price(self, order: VenueOrder) -> Decimal:
        """The price that protection lets a taker reach (``priceLimitRate``)."""
        rate = self._rules.spot[order.symbol].price_limit_rate
        return self._last(order.symbol) * (ONE + order.side.sign * rate)

    def admit(self, order: VenueOrder, fills: Fills) -> Refusal | None:
        """Refuse what the available balance cannot pay for, fees included.

        A limit order and a sale need all of it, a market buy what it would take
        from the book.
        """
        coin, needed = self._needed(order, fills)
        available = self._ledger.available(order.account, coin)
        if needed <= available:
            return None
        return Refusal(
            codes_for(order.account).balance,
            f"{order.side} {order.qty} {order.symbol} needs {needed:f} {coin} in "
            f"{order.account}, available is {available:f}: lower the size.",
        )

    def needed_hold(self, order: VenueOrder) -> Decimal:
        """What the rest of an order holds; names the held coin on the order."""
        rules = self._rules.spot[order.symbol]
        if order.side is Side.SELL:
            order.hold_coin = rules.base
            return order.remaining
        order.hold_coin = rules.quote
        if order.price is None:
            return ZERO
        return self._cost(order, order.price * order.remaining)

    def hold_after(self, order: VenueOrder) -> Decimal:
        """What a resting order holds after its latest fill.

        Never more than what is left of the coins that were asked of it at first, so
        that the rounding of many fills cannot reach for other coins.
        """
        needed = self.needed_hold(order)
        if order.side is Side.SELL:
            return needed
        spent = order.booked_funds + order.booked_fees
        return max(min(needed, order.reserved - spent), ZERO)

    def fillable(self, order: VenueOrder, qty: Decimal) -> Decimal:
        """How much of ``qty`` the order may still trade: all, on spot."""
        return qty

    def book_fill(self, at: datetime, order: VenueOrder, trade: Trade) -> None:
        """Book one trade: the fill itself, then the coins, then the fee."""
        rules = self._rules.spot[order.symbol]
        order.funds += trade.price * trade.qty
        order.fees += trade.price * trade.qty * self._fee_rate(order, trade)
        funds, fee = self._take_rounded(order)
        self._ledger.emit(
            Filled(
                at=at,
                trade_id=self._ledger.next_id("trade"),
                order_id=order.order_id,
                intent_id=order.intent_id,
                account=order.account,
                symbol=order.symbol,
                side=order.side,
                qty=trade.qty,
                price=trade.price,
                reference_price=trade.reference,
                fee=fee,
                fee_coin=rules.quote,
                is_maker=trade.is_maker,
            )
        )
        sign = order.side.sign
        self._ledger.book(
            at,
            Cause.TRADE,
            [
                Posting(
                    account=order.account, coin=rules.base, amount=sign * trade.qty
                ),
                Posting(account=order.account, coin=rules.quote, amount=-sign * funds),
            ],
            intent_id=order.intent_id,
            symbol=order.symbol,
        )
        self._book_fee(at, order, rules.quote, fee)

    def _take_rounded(self, order: VenueOrder) -> tuple[Decimal, Decimal]:
        """What the ledger still lacks of the order's funds and fees, rounded.

        A sale never pays more fee than it has received so far: what is missing is
        taken from the next fill.
        """
        fees = _up(order.fees)
        if order.side is Side.BUY:
            funds = _up(order.funds)
        else:
            funds = _down(order.funds)
            fees = min(fees, funds)
        taken = (funds - order.booked_funds, fees - order.booked_fees)
        order.booked_funds, order.booked_fees = funds, fees
        return taken

    def _book_fee(
        self, at: datetime, order: VenueOrder, coin: str, fee: Decimal
    ) -> None:
        """Book a fee, or a maker's rebate; nothing where it rounds to nothing."""
        if fee == 0:
            return
        self._ledger.book(
            at,
            Cause.FEE,
            [Posting(account=order.account, coin=coin, amount=-fee)],
            intent_id=order.intent_id,
            symbol=order.symbol,
        )

    def _check_account(self, order: VenueOrder, rules: SpotRules) -> Refusal | None:
        """Refuse a pair that the account does not trade."""
        account, pair = order.account, isolated_pair(order.account)
        if account == MAIN:
            return Refusal("400100", "the main account does not trade: transfer first.")
        if pair is not None and (
            pair != order.symbol or pair not in self._rules.isolated_pairs
        ):
            return Refusal(
                "130303", f"{account} trades only its own pair, not {order.symbol}."
            )
        coins = {rules.base, rules.quote}
        if account == MARGIN_CROSS and not coins <= set(self._rules.margin_coins):
            return Refusal("130305", f"{order.symbol} has no cross margin.")
        return None

    def _needed(self, order: VenueOrder, fills: Fills) -> tuple[str, Decimal]:
        """The coin that pays for an order, and how much of it."""
        rules = self._rules.spot[order.symbol]
        if order.side is Side.SELL:
            return rules.base, order.remaining
        if order.price is not None:
            return rules.quote, self._cost(order, order.price * order.remaining)
        funds = sum((price * qty for price, qty in fills), ZERO)
        return rules.quote, self._cost(order, funds)

    def _cost(self, order: VenueOrder, funds: Decimal) -> Decimal:
        """Funds and the higher fee on them, each rounded up."""
        maker, taker = self._rules.spot_fee_rates[order.symbol]
        return _up(funds) + _up(funds * max(maker, taker, ZERO))

    def _fee_rate(self, order: VenueOrder, trade: Trade) -> Decimal:
        """The maker or the taker rate of this account on the pair."""
        maker, taker = self._rules.spot_fee_rates[order.symbol]
        return maker if trade.is_maker else taker

    def _last(self, symbol: str) -> Decimal:
        """The last price of a pair that ``check`` let pass."""
        last = self._tape.last(symbol)
        if last is None:
            raise ValueError(f"{symbol} has no price; check the order first")
        return last

    def _liquidity(self, symbol: str) -> Liquidity:
        """The depth that the market states, else the cautious default."""
        stated = self._tape.liquidity(symbol)
        return unknown_liquidity(self._last(symbol)) if stated is None else stated


def _check_form(order: VenueOrder) -> Refusal | None:
    """Refuse fields that contradict each other."""
    code = codes_for(order.account).parameter
    is_limit = order.type is OrderType.LIMIT
    if is_limit != (order.price is not None):
        return Refusal(code, "a limit order needs a price, a market order has none.")
    if order.reduces:
        return Refusal(code, "reduceOnly and closeOrder exist on futures only.")
    if order.post_only and (not is_limit or order.time_in_force is not TimeInForce.GTC):
        return Refusal(code, "postOnly goes with a resting limit order only.")
    return None


def _check_size(order: VenueOrder, rules: SpotRules, last: Decimal) -> Refusal | None:
    """Refuse a size, price or value off the pair's grid."""
    codes = codes_for(order.account)
    if not is_multiple(order.qty, rules.base_increment) or order.qty <= 0:
        return Refusal(
            codes.parameter,
            f"size {order.qty} must be a positive multiple of {rules.base_increment}.",
        )
    if order.qty < rules.base_min or order.qty > rules.base_max:
        return Refusal(
            codes.below_minimum if order.qty < rules.base_min else codes.parameter,
            f"size {order.qty} must be {rules.base_min} to {rules.base_max}.",
        )
    price = order.price
    if price is not None and (
        not is_multiple(price, rules.price_increment) or price <= 0
    ):
        return Refusal(
            codes.parameter,
            f"price {price} must be a positive multiple of {rules.price_increment}.",
        )
    value = order.qty * (last if price is None else price)
    if value < rules.min_funds:
        return Refusal(
            codes.below_minimum,
            f"the order is worth {value:f} {rules.quote}, the least is "
            f"{rules.min_funds}.",
        )
    return None
