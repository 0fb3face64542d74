"""The books of a cross futures account as straight lines in their mark prices.

Everything that the risk rate needs is a straight line in the *unit value* of each
contract (what one lot is worth in settle currency: multiplier x mark, or
multiplier / mark if inverse), because the margin rates depend on size alone.
``futures_shape`` computes those lines once, when positions, orders or rules
change. ``futures.measure`` reads them at a set of marks; ``cross_price`` and
``distance`` solve them. Nothing here knows a price or looks across currencies.

Readings where KuCoin is silent (research notes, section 13), all conservative:
the taker rate is the larger of 0.06 % and the contract's; open orders count in
their worst one-sided execution; in hedge mode the long and the short side of a
contract are two books that are added up, and a sell on the long side (a buy on
the short side) only closes and is left out, as reduce-only and close orders are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.accounts import MarginMode, Position, PositionKey, PositionSide
from bot.domain.instruments import ContractRules, Lots
from bot.domain.money import ZERO
from bot.domain.orders import Side
from bot.risk.curves import maintenance_rate
from bot.risk.missing import Missing, MissingKind

__all__ = [
    "MIN_TAKER_FEE_RATE",
    "BookShape",
    "FuturesAccount",
    "FuturesShape",
    "OpenOrder",
    "futures_shape",
]

MIN_TAKER_FEE_RATE: Final = Decimal("0.0006")
"""KuCoin's default taker rate: the least that a closing order is reckoned at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder:
    """A resting futures order; ``lots`` is what remains of it, never negative.

    ``price`` is None for an order without one; the risk rate values orders at
    mark in any case, only their initial margin asks for the price.
    """

    symbol: str
    side: Side
    lots: Lots
    price: Decimal | None = None
    reduce_only: bool = False
    close: bool = False
    mode: MarginMode = MarginMode.CROSS
    position_side: PositionSide = PositionSide.BOTH

    @property
    def can_open(self) -> bool:
        """Whether it may enlarge a cross position, so that it costs margin."""
        if self.reduce_only or self.close or self.mode is not MarginMode.CROSS:
            return False
        if self.position_side is PositionSide.LONG:
            return self.side is Side.BUY
        if self.position_side is PositionSide.SHORT:
            return self.side is Side.SELL
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesAccount:
    """The futures account of one settle currency, amounts in that currency.

    ``wallet`` is the balance without any unrealised profit; None is unknown.
    The isolated margins are part of the wallet and not of the cross margin.
    Positions and orders of other settle currencies must not be in here.
    """

    settle: str
    wallet: Decimal | None
    isolated_order_margin: Decimal = ZERO
    isolated_position_margin: Decimal = ZERO
    positions: tuple[Position, ...] = ()
    orders: tuple[OpenOrder, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BookShape:
    """One contract (one side of it in hedge mode) as straight lines in its mark.

    ``worst_lots`` is the size after the worst one-sided execution of the orders,
    ``opening_lots`` the larger side of the orders; both unsigned.
    """

    key: PositionKey
    base: str
    is_inverse: bool
    multiplier: Decimal
    lots: Decimal
    entry_value: Decimal
    worst_lots: Decimal
    opening_lots: Decimal
    taker_fee_rate: Decimal
    position_rate: Decimal | None
    worst_rate: Decimal | None

    def unit_value(self, mark: Decimal) -> Decimal:
        """What one lot is worth at a mark, in settle currency."""
        return self.multiplier / mark if self.is_inverse else self.multiplier * mark

    def profit(self, unit: Decimal) -> Decimal:
        """Unrealised profit at a unit value, in settle currency."""
        if self.is_inverse:
            return self.entry_value - self.lots * unit
        return self.lots * unit - self.entry_value

    @property
    def sign(self) -> int:
        """+1 if a rising unit value earns a long, -1 for inverse contracts."""
        return -1 if self.is_inverse else 1

    @property
    def burden(self) -> Decimal | None:
        """Maintenance and closing fee, position and orders, for one unit value."""
        if self.worst_rate is None:
            return None
        return self.worst_lots * (self.worst_rate + self.taker_fee_rate)

    @property
    def opening(self) -> Decimal:
        """Opening fee of the orders for one unit value."""
        return self.opening_lots * self.taker_fee_rate


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesShape:
    """An account's books, with all rules applied and no mark price yet.

    ``cross_wallet`` is the wallet less the isolated margins. ``missing`` names the
    contracts whose rules or curve are not known.
    """

    settle: str
    cross_wallet: Decimal | None
    books: tuple[BookShape, ...]
    missing: tuple[Missing, ...] = ()

    @property
    def has_exposure(self) -> bool:
        """Whether there is a position or an opening order at all."""
        return bool(self.books) or any(
            each.kind is MissingKind.CONTRACT for each in self.missing
        )


def futures_shape(
    account: FuturesAccount, contracts: Mapping[str, ContractRules]
) -> FuturesShape:
    """Apply every rule that does not need a mark price.

    Only cross positions with lots and cross orders that can open count.

    Example:
        >>> from bot.risk.examples import XBTUSDTM
        >>> shape = futures_shape(
        ...     FuturesAccount(settle="USDT", wallet=Decimal(5000), orders=(
        ...         OpenOrder(symbol="XBTUSDTM", side=Side.BUY, lots=Lots(300)),
        ...         OpenOrder(symbol="XBTUSDTM", side=Side.SELL, lots=Lots(500)),
        ...     )),
        ...     {"XBTUSDTM": XBTUSDTM},
        ... )
        >>> shape.books[0].worst_lots, shape.books[0].opening_lots
        (Decimal('500'), Decimal('500'))
    """
    positions = {
        each.key: each
        for each in account.positions
        if each.lots and each.mode is MarginMode.CROSS
    }
    orders: dict[PositionKey, list[OpenOrder]] = {}
    for order in account.orders:
        if order.can_open and order.lots:
            key = PositionKey(order.symbol, order.position_side)
            orders.setdefault(key, []).append(order)
    books: list[BookShape] = []
    missing: list[Missing] = []
    for key in sorted(positions.keys() | orders.keys(), key=_place):
        rules = contracts.get(key.symbol)
        if rules is None:
            missing.append(Missing(MissingKind.CONTRACT, key.symbol))
            continue
        book = _book(rules, key, positions.get(key), orders.get(key, []))
        if book.worst_rate is None:
            missing.append(Missing(MissingKind.CURVE, key.symbol))
        books.append(book)
    return FuturesShape(
        settle=account.settle,
        cross_wallet=None
        if account.wallet is None
        else account.wallet
        - account.isolated_order_margin
        - account.isolated_position_margin,
        books=tuple(books),
        missing=tuple(dict.fromkeys(missing)),
    )


def _place(key: PositionKey) -> tuple[str, str]:
    """The order of the books, as a tuple: many times faster than comparing keys."""
    return key.symbol, key.side


def _book(
    rules: ContractRules,
    key: PositionKey,
    position: Position | None,
    orders: list[OpenOrder],
) -> BookShape:
    """Net the orders of one book against its position (research notes, 2.4)."""
    lots = Decimal(position.lots) if position else ZERO
    held = maintenance_rate(rules, rules.curve_size(abs(lots)))
    buys, sells, worst, worst_rate = ZERO, ZERO, abs(lots), held
    if orders:
        buys = Decimal(sum(each.lots for each in orders if each.side is Side.BUY))
        sells = Decimal(sum(each.lots for each in orders if each.side is Side.SELL))
        worst = max(abs(lots + buys), abs(lots - sells))
        worst_rate = maintenance_rate(rules, rules.curve_size(worst))
    return BookShape(
        key=key,
        base=rules.base,
        is_inverse=rules.is_inverse,
        multiplier=rules.multiplier,
        lots=lots,
        entry_value=position.entry_value if position else ZERO,
        worst_lots=worst,
        opening_lots=max(buys, sells),
        taker_fee_rate=max(MIN_TAKER_FEE_RATE, rules.taker_fee_rate),
        position_rate=held,
        worst_rate=worst_rate,
    )
