"""What the futures side of the venue knows: positions, marks, and its neighbours.

The values that pass between the futures desk and the venue's order side
(``FuturesOrder``, ``FuturesFill``), the protocol by which the desk asks for resting
orders, and the one mutable state that all futures modules share.
Nothing here decides anything.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Protocol

from bot.domain.accounts import (
    FUTURES,
    MarginMode,
    Position,
    PositionKey,
    PositionSide,
)
from bot.domain.instruments import ContractRules, Rules
from bot.domain.market import Liquidity, MarketInstant
from bot.domain.money import ZERO
from bot.domain.orders import Side
from connectors.venue.book import unknown_liquidity
from connectors.venue.ledger import Ledger

__all__ = [
    "FuturesFill",
    "FuturesOrder",
    "FuturesOrders",
    "FuturesState",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesOrder:
    """A resting futures order as the margin rules see it; ``lots`` is what remains."""

    symbol: str
    side: Side
    lots: int
    price: Decimal
    mode: MarginMode = MarginMode.CROSS
    position_side: PositionSide = PositionSide.BOTH
    leverage: Decimal = Decimal(1)
    reduce_only: bool = False
    close: bool = False

    @property
    def key(self) -> PositionKey:
        """The position that it trades on."""
        return PositionKey(self.symbol, self.position_side)

    @property
    def opens(self) -> bool:
        """Whether it can open anything: closing orders cost no margin."""
        if self.reduce_only or self.close:
            return False
        closing = {PositionSide.LONG: Side.SELL, PositionSide.SHORT: Side.BUY}
        return closing.get(self.position_side) is not self.side


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesFill:
    """One execution of a futures order, before it is booked.

    ``lots`` is unsigned. ``reference_price`` is the mark (or last price) just
    before the trade. ``forced`` is None, ``"liquidation"`` or ``"adl"``; a forced
    fill states its ``fee`` in the settle currency, others pay the contract's rate.
    """

    at: datetime
    trade_id: str
    order_id: str
    intent_id: str | None
    symbol: str
    side: Side
    lots: int
    price: Decimal
    reference_price: Decimal
    is_maker: bool = False
    mode: MarginMode = MarginMode.CROSS
    position_side: PositionSide = PositionSide.BOTH
    leverage: Decimal = Decimal(1)
    forced: str | None = None
    fee: Decimal | None = None

    @property
    def key(self) -> PositionKey:
        """The position that it trades on."""
        return PositionKey(self.symbol, self.position_side)


class FuturesOrders(Protocol):
    """What the desk asks of the venue's order side."""

    def resting_futures(self) -> Sequence[FuturesOrder]:
        """Every open futures order, with what remains of it."""

    def cancel_futures(
        self, at: datetime, symbols: Collection[str], reason: str
    ) -> None:
        """Cancel every open order of these symbols, and emit ``OrderChanged``."""


@dataclass(slots=True, kw_only=True)
class FuturesState:
    """Positions, marks and neighbours of the futures account."""

    ledger: Ledger
    rules: Rules
    orders: FuturesOrders
    marks: dict[str, Decimal] = field(default_factory=dict)
    coin_marks: dict[str, Decimal] = field(default_factory=dict)
    """USDT a coin, for weighing a coin-settled position against 600,000 USDT."""
    liquidity: dict[str, Liquidity] = field(default_factory=dict)
    _positions: dict[PositionKey, Position] = field(default_factory=dict)
    _held: dict[tuple[str, MarginMode], tuple[Position, ...]] = field(
        default_factory=dict
    )
    _change_at: datetime | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._change_at = self.rules.next_change_at

    @property
    def positions(self) -> Mapping[PositionKey, Position]:
        """Every open position, read only."""
        return MappingProxyType(self._positions)

    def keep(self, position: Position) -> None:
        """Remember a position as it stands now; one without lots is forgotten."""
        if position.lots == 0:
            self._positions.pop(position.key, None)
        else:
            self._positions[position.key] = position
        held: dict[tuple[str, MarginMode], list[Position]] = {}
        for key in sorted(self._positions):
            one = self._positions[key]
            held.setdefault((self.contract(key.symbol).settle, one.mode), []).append(
                one
            )
        self._held = {group: tuple(found) for group, found in held.items()}

    def see(self, instant: MarketInstant) -> None:
        """Take over marks, liquidity and the constants that come into force now."""
        self.marks.update(instant.futures_marks)
        self.coin_marks.update(instant.margin_marks)
        self.liquidity.update(instant.liquidity)
        if self._change_at is not None and instant.at >= self._change_at:
            self.rules = self.rules.as_of(instant.at)
            self._change_at = self.rules.next_change_at

    def contract(self, symbol: str) -> ContractRules:
        """The rules of a contract.

        Raises:
            ValueError: The venue does not list it; checks come before this.
        """
        contract = self.rules.contracts.get(symbol)
        if contract is None:
            raise ValueError(f"the venue lists no contract {symbol!r}")
        return contract

    def mark(self, symbol: str) -> Decimal:
        """The latest mark of a contract.

        Raises:
            ValueError: It never had one; a position may not be opened without.
        """
        mark = self.marks.get(symbol)
        if mark is None:
            raise ValueError(f"no mark price of {symbol!r} was ever seen")
        return mark

    def depth(self, symbol: str) -> Liquidity:
        """The liquidity of a contract in base coins, or the conservative default.

        An inverse or second contract of a coin has its own entry or none; a
        profile of another symbol is never borrowed.
        """
        stated = self.liquidity.get(symbol)
        return unknown_liquidity(self.mark(symbol)) if stated is None else stated

    def wallet(self, settle: str) -> Decimal:
        """The wallet balance in the settle currency, isolated margins included."""
        return self.ledger.total(FUTURES, settle)

    def held(self, settle: str, mode: MarginMode) -> tuple[Position, ...]:
        """Positions of a settle currency and mode, in the order of their keys."""
        return self._held.get((settle, mode), ())

    def resting(self, settle: str, mode: MarginMode) -> list[FuturesOrder]:
        """Resting orders of a settle currency and mode."""
        return [
            order
            for order in self.orders.resting_futures()
            if order.mode is mode and self.contract(order.symbol).settle == settle
        ]

    def settles(self) -> list[str]:
        """Settle currencies with a position or a resting order, sorted."""
        found = {settle for settle, _ in self._held}
        found.update(
            self.contract(order.symbol).settle
            for order in self.orders.resting_futures()
        )
        return sorted(found)

    def isolated_margin(self, settle: str) -> Decimal:
        """What the wallet has earmarked for isolated positions."""
        return sum(
            (p.margin for p in self.held(settle, MarginMode.ISOLATED)),
            ZERO,
        )
