"""Initial margin of cross futures: what opening takes, with netting inside a contract.

``contract margin = max(position + same-side orders, opposite orders beyond the
position)``. Leverage enters here and only here: it limits opening, never the risk
rate. Nothing here may look across contracts except to add them up.

Conservative readings: an order costs value x (IMR + taker), with the IMR of the
whole side's size; when a position covers a part of the opposite orders, it covers
the cheapest ones, so the dearest are charged; in hedge mode, where KuCoin charges
the larger side only, a contract's two sides are compared in the same way, each
with its own orders.

Source: KuCoin help 35084093025049 (offset), 48142946141325 (hedge mode).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.accounts import MarginMode, PositionSide
from bot.domain.instruments import ContractRules
from bot.domain.money import ZERO
from bot.domain.orders import Side
from bot.risk.curves import initial_rate
from bot.risk.futures_shape import MIN_TAKER_FEE_RATE, FuturesAccount, OpenOrder

__all__ = ["ContractTerms", "contract_margin", "funds_used"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractTerms:
    """A contract with its mark price and the leverage that the user set for it."""

    rules: ContractRules
    mark: Decimal
    leverage: Decimal

    @property
    def taker_fee_rate(self) -> Decimal:
        """The rate that an order's fee is reckoned at."""
        return max(MIN_TAKER_FEE_RATE, self.rules.taker_fee_rate)

    def rate(self, lots: int) -> Decimal | None:
        """IMR of a number of lots."""
        size = self.rules.curve_size(Decimal(abs(lots)))
        return initial_rate(self.rules, size, self.leverage)


def contract_margin(account: FuturesAccount, terms: ContractTerms) -> Decimal | None:
    """Initial margin that one contract's cross positions and orders take.

    Args:
        account: Everything in the settle currency; other contracts are ignored.
        terms: The contract, its mark and leverage.

    Returns:
        Settle currency, zero for nothing; None when the curve is not known.

    Example:
        Long 0.1 BTC at mark 50 000 with 25x: 200 USDT (KuCoin's help page).

        >>> from bot.domain.accounts import Position
        >>> from bot.domain.instruments import Lots
        >>> from bot.risk.examples import XBTUSDTM
        >>> account = FuturesAccount(
        ...     settle="USDT", wallet=Decimal(1000), positions=(
        ...         Position(symbol="XBTUSDTM", lots=Lots(100),
        ...                  entry_value=Decimal(5000)),
        ...     ),
        ... )
        >>> terms = ContractTerms(
        ...     rules=XBTUSDTM, mark=Decimal(50000), leverage=Decimal(25)
        ... )
        >>> contract_margin(account, terms) == 200
        True
    """
    symbol = terms.rules.symbol
    long_lots = short_lots = 0
    for position in account.positions:
        if position.symbol == symbol and position.mode is MarginMode.CROSS:
            long_lots += max(position.lots, 0)
            short_lots += max(-position.lots, 0)
    orders = [each for each in account.orders if each.symbol == symbol]
    offset = {Side.BUY: short_lots, Side.SELL: long_lots}
    held = {Side.BUY: long_lots, Side.SELL: short_lots}
    sides = [
        _side_margin(terms, side, held[side], _beyond(terms, orders, side, offset))
        for side in (Side.BUY, Side.SELL)
    ]
    known = [each for each in sides if each is not None]
    return max(known) if len(known) == len(sides) else None


def _beyond(
    terms: ContractTerms,
    orders: Iterable[OpenOrder],
    side: Side,
    offset: Mapping[Side, int],
) -> list[tuple[int, Decimal]]:
    """Lots and value of one side's opening orders that no position covers.

    In one-way mode the opposite position covers the cheapest orders; an order for
    a named side of hedge mode only opens, so nothing covers it.
    """
    mine = [each for each in orders if each.side is side and each.can_open]
    valued = sorted(
        (
            (terms.rules.value(Decimal(1), each.price or terms.mark), each)
            for each in mine
        ),
        key=lambda pair: pair[0],
    )
    covered = offset[side]
    beyond: list[tuple[int, Decimal]] = []
    for unit, order in valued:
        lots = int(order.lots)
        if order.position_side is PositionSide.BOTH:
            taken = min(covered, lots)
            covered, lots = covered - taken, lots - taken
        if lots:
            beyond.append((lots, lots * unit))
    return beyond


def _side_margin(
    terms: ContractTerms, side: Side, held: int, orders: list[tuple[int, Decimal]]
) -> Decimal | None:
    """Margin of the position on one side and of the orders that would add to it."""
    lots = held + sum(each for each, _ in orders)
    if not lots:
        return ZERO
    rate = terms.rate(lots)
    if rate is None:
        return None
    position_value = terms.rules.value(Decimal(held), terms.mark)
    order_value = sum((value for _, value in orders), ZERO)
    return position_value * rate + order_value * (rate + terms.taker_fee_rate)


def funds_used(
    account: FuturesAccount, contracts: Iterable[ContractTerms], but: str = ""
) -> Decimal | None:
    """Initial margin of all contracts but one: the F of the maximum open size.

    None when any of them is not known, so a size is never drawn from a guess.

    Example:
        >>> funds_used(FuturesAccount(settle="USDT", wallet=Decimal(0)), ())
        Decimal('0')
    """
    given = {each.rules.symbol: each for each in contracts}
    symbols = {
        each.symbol
        for each in account.positions
        if each.lots and each.mode is MarginMode.CROSS
    } | {each.symbol for each in account.orders if each.can_open}
    total = ZERO
    for symbol in sorted(symbols - {but}):
        margin = contract_margin(account, given[symbol]) if symbol in given else None
        if margin is None:
            return None
        total += margin
    return total
