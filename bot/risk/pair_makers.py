"""First legs that rest as makers: at their own side of the book, for a stated time.

Theory of operation. The first leg of a chunk is never urgent: until it fills, nothing
is uncovered. So it may wait at the best price of its own side, which saves the spread
and the dearer fee, and each part that fills is hedged at once by taking. When its time
is over it is withdrawn, and the rest of the chunk takes. It never rests over the
settlement that it would miss, and nothing that lowers a danger rests at all.

While it rests it may fill without us: at most one chunk stands uncovered when the
process dies. Nothing here decides what is wanted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from bot.domain.accounts import FUTURES
from bot.domain.intents import Intent, PlaceOrder
from bot.domain.money import ONE, ZERO
from bot.domain.orders import OrderType
from bot.domain.strategy import View
from bot.risk.own_orders import Resting, resting_of
from bot.risk.pairs import Pair

__all__ = ["Makers", "is_maker"]


@dataclass(frozen=True, slots=True)
class Makers:
    """The first legs of one owner that rest, and those that could; ``wait`` at most."""

    view: View
    owner: str
    wait: timedelta

    def resting(self) -> dict[str, Resting]:
        """What rests, by the id of its request."""
        found = resting_of(self.view, self.owner)
        return {key: each for key, each in found.items() if each.intent.post_only}

    def is_over(self, resting: Resting) -> bool:
        """Whether it has waited long enough; an unknown beginning is long ago."""
        since = resting.order.placed_at
        return since is None or self.view.at - since >= self.wait

    def rates_saved(self, pair: Pair) -> tuple[Decimal, Decimal]:
        """What resting saves on each leg: (spot, perpetual), the fee and the spread."""
        spot, perp = (self._saved(symbol) for symbol in pair.symbols)
        return spot, perp

    def _saved(self, symbol: str) -> Decimal:
        fees, depth = self.view.fee_rates(symbol), self.view.liquidity(symbol)
        if fees is None or depth is None:
            return ZERO
        return fees[1] - fees[0] + depth.half_spread

    def rested(self, pair: Pair, intents: Sequence[Intent]) -> tuple[Intent, ...]:
        """First legs as orders that rest, wherever there is time and a price."""
        return tuple(
            self._rested(pair, each) if isinstance(each, PlaceOrder) else each
            for each in intents
        )

    def _rested(self, pair: Pair, order: PlaceOrder) -> PlaceOrder:
        """The order as one that rests; itself where there is no time or no price.

        There is none just after one of them has waited in vain, or when the next
        settlement comes before its time is over.
        """
        quote = self.view.funding(pair.contract.symbol)
        ends = self.view.at + self.wait
        tried = self.view.setback(self.owner, order.symbol)
        if not self.wait or quote is None or quote.settlement_at <= ends:
            return order
        is_tried = tried is not None and is_maker(tried.intent)
        if tried is not None and is_tried and self.view.at - tried.at < self.wait:
            return order
        price = self._price(pair, order)
        if price is None:
            return order
        return replace(order, type=OrderType.LIMIT, price=price, post_only=True)

    def _price(self, pair: Pair, order: PlaceOrder) -> Decimal | None:
        """The best price of the order's own side; None where it is not known."""
        depth = self.view.liquidity(order.symbol)
        is_perp = order.account == FUTURES
        mark = pair.futures_mark if is_perp else pair.mark
        if depth is None or mark is None:
            return None
        tick = pair.contract.tick_size if is_perp else pair.spot.price_increment
        sign = order.side.sign
        wanted = mark * (ONE - sign * depth.half_spread)
        rounding = ROUND_FLOOR if sign > 0 else ROUND_CEILING
        return (wanted / tick).to_integral_value(rounding) * tick


def is_maker(intent: Intent) -> bool:
    """Whether an intent is an order that only rests.

    Example:
        >>> from bot.domain.orders import Side
        >>> is_maker(PlaceOrder(account=FUTURES, symbol="XBTUSDTM", side=Side.BUY,
        ...                     qty=ONE))
        False
    """
    return isinstance(intent, PlaceOrder) and intent.post_only
