"""The futures desk: everything the venue does for its futures account.

The venue's order side keeps orders and matches them; it asks the desk what may trade
(``check_order``, ``sized``), books what traded (``apply_fill``) and tells it of every
instant in three steps: ``see`` (marks), ``settle`` (funding), and after the resting
fills ``supervise`` (cancel at 95 %, liquidate at 100 %, reports, lamps). The desk puts
its events into the ledger's outbox. It keeps no order and makes no match, and it must
not import the product's risk formulas.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    MarginMode,
    Position,
    PositionKey,
    PositionSide,
)
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    AdlRankReported,
    Cause,
    RatioReported,
)
from bot.domain.instruments import Rules
from bot.domain.intents import AdjustMargin, PlaceOrder
from bot.domain.market import MarketInstant
from bot.domain.orders import Side
from connectors.venue import (
    adl,
    futures_checks,
    futures_fills,
    futures_liquidation,
    futures_margin,
    futures_risk,
)
from connectors.venue.adl import AdlStrike
from connectors.venue.funding import settle_funding
from connectors.venue.futures_state import (
    FuturesFill,
    FuturesOrder,
    FuturesOrders,
    FuturesState,
)
from connectors.venue.ledger import Ledger
from connectors.venue.refusal import Refusal

__all__ = [
    "AdlStrike",
    "FuturesDesk",
    "FuturesFill",
    "FuturesOrder",
    "FuturesOrders",
    "Refusal",
]

CANCEL_AT: Final = Decimal("0.95")
"""Risk rate at which all orders of a settle currency are cancelled."""

_REPORT_EVERY: Final = timedelta(seconds=5)
_RATIO_QUANTUM: Final = Decimal("0.0000000001")


class FuturesDesk:
    """Positions, funding, margins and liquidation of one user's futures account.

    Settle currencies never share anything. Every wallet change is a ``LedgerBooked``
    with one cause; every change of a position is a ``PositionChanged``.
    """

    def __init__(self, *, ledger: Ledger, rules: Rules, orders: FuturesOrders) -> None:
        self._state = FuturesState(ledger=ledger, rules=rules, orders=orders)
        self._status: dict[str, AccountStatus] = {}
        self._reported: dict[str, datetime] = {}
        self._lamps: dict[str, int] = {}

    # -- the account ------------------------------------------------------

    def open(self, at: datetime, positions: Iterable[Position]) -> None:
        """Take over the positions of an opening account; marks must be known.

        Isolated margins are earmarked with cause ``OPENING``; the coins themselves
        are in the wallet that the venue's facade books.

        Raises:
            ValueError: A contract is unknown or has no mark yet.
        """
        for position in positions:
            self._state.mark(position.symbol)
            self._state.contract(position.symbol)
            self._state.keep(position)
            futures_fills.earmark(
                self._state, at, position, position.margin, cause=Cause.OPENING
            )

    @property
    def positions(self) -> Mapping[PositionKey, Position]:
        """Every open position, read only."""
        return self._state.positions

    def position(
        self, symbol: str, side: PositionSide = PositionSide.BOTH
    ) -> Position | None:
        """One position, or None when flat."""
        return self._state.positions.get(PositionKey(symbol, side))

    @property
    def state(self) -> FuturesState:
        """Positions, marks and wallets; to be read only."""
        return self._state

    def equity(self, settle: str) -> Decimal:
        """Wallet and unrealised profit of a settle currency, at mark."""
        return futures_risk.equity(self._state, settle)

    def risk_rate(self, settle: str) -> Decimal | None:
        """The cross risk rate; None when the margin is used up under exposure."""
        return futures_risk.risk_rate(self._state, settle)

    def initial_margin_in_use(self, settle: str) -> Decimal:
        """Initial margin of cross positions and opening orders, in settle currency."""
        return futures_risk.initial_margin_in_use(self._state, settle)

    def free_cash(self, settle: str) -> Decimal:
        """What may be transferred out, in settle currency; never negative."""
        return futures_risk.free_cash(self._state, settle)

    # -- orders -----------------------------------------------------------

    def check_order(self, order: PlaceOrder) -> Refusal | None:
        """KuCoin's refusal of a new order, or None when it may trade or rest."""
        return futures_checks.check_order(self._state, order)

    def sized(self, order: PlaceOrder) -> tuple[Side, int]:
        """Side and lots after clipping reduce-only, close and hedge-closing orders."""
        return futures_checks.sized(self._state, order)

    def reducible_lots(
        self, symbol: str, side: Side, position_side: PositionSide = PositionSide.BOTH
    ) -> int:
        """What a closing order may still do; ask again before each resting fill."""
        return futures_checks.reducible_lots(self._state, symbol, side, position_side)

    def apply_fill(self, fill: FuturesFill) -> Position:
        """Book one execution: ``Filled``, the money, and ``PositionChanged``."""
        return futures_fills.apply_fill(self._state, fill)

    def adjust_margin(
        self, at: datetime, intent: AdjustMargin, intent_id: str
    ) -> Refusal | None:
        """Move free wallet coins into an isolated margin (or back, if negative)."""
        return futures_margin.adjust_margin(self._state, at, intent, intent_id)

    # -- time -------------------------------------------------------------

    def see(self, instant: MarketInstant) -> None:
        """The market moved: take over marks and liquidity. Emits nothing."""
        self._state.see(instant)

    def settle(self, instant: MarketInstant) -> None:
        """Book the funding settlements of the instant, at its marks."""
        for settlement in instant.settlements:
            settle_funding(self._state, instant.at, settlement)

    def supervise(self, at: datetime) -> None:
        """Cancel, cut, take over and report, as the marks demand."""
        known = set(self._state.settles())
        held = self._state.ledger.coins(FUTURES)
        overdrawn = {c for c in held if self._state.wallet(c) < 0}
        for settle in sorted(known | self._status.keys() | overdrawn):
            self._check_isolated(at, settle)
            rate = self._check_cross(at, settle)
            if settle in known and rate is not None:
                self._report(at, settle, rate)

    def strike(self, at: datetime, event: AdlStrike) -> None:
        """An auto-deleveraging event: cut a profitable position."""
        adl.strike(self._state, at, event)

    # -- inside -----------------------------------------------------------

    def _check_isolated(self, at: datetime, settle: str) -> None:
        """Liquidate isolated positions whose margin rate reached 1."""
        for position in self._state.held(settle, MarginMode.ISOLATED):
            rate = futures_risk.isolated_margin_rate(self._state, position)
            if rate is not None and rate < 1:
                continue
            before = self._status.get(settle, AccountStatus.NORMAL)
            self._state.orders.cancel_futures(at, {position.symbol}, "liquidation")
            futures_liquidation.liquidate_isolated(
                self._state, at, position.key, self._announcer(at, settle)
            )
            self._announce(at, settle, before, None)

    def _check_cross(self, at: datetime, settle: str) -> Decimal | None:
        """Cancel at 95 %, liquidate at 100 %, and say when it is over.

        Returns:
            The risk rate after all of it.
        """
        rate = self.risk_rate(settle)
        if rate is None or rate >= CANCEL_AT:
            self._cancel_all(at, settle, rate)
            rate = self.risk_rate(settle)
        if rate is None or rate >= 1:
            futures_liquidation.liquidate_cross(
                self._state, at, settle, self._announcer(at, settle)
            )
            rate = self.risk_rate(settle)
        if self._state.wallet(settle) < 0:
            futures_liquidation.absorb_overdraft(
                self._state, at, settle, self._announcer(at, settle)
            )
        if rate is not None:
            is_high = rate >= CANCEL_AT
            status = AccountStatus.ORDERS_CANCELLED if is_high else AccountStatus.NORMAL
            self._announce(at, settle, status, rate)
        return rate

    def _cancel_all(self, at: datetime, settle: str, rate: Decimal | None) -> None:
        """Every order of the settle currency goes, whatever its margin mode."""
        symbols = {
            order.symbol
            for order in self._state.orders.resting_futures()
            if self._state.contract(order.symbol).settle == settle
        }
        if symbols:
            self._state.orders.cancel_futures(at, symbols, "risk rate")
        self._announce(at, settle, AccountStatus.ORDERS_CANCELLED, rate)

    def _announcer(self, at: datetime, settle: str) -> futures_liquidation.Announce:
        def announce(status: AccountStatus, ratio: Decimal | None) -> None:
            self._announce(at, settle, status, ratio)

        return announce

    def _announce(
        self, at: datetime, settle: str, status: AccountStatus, ratio: Decimal | None
    ) -> None:
        """Emit a status once, when it is another than before."""
        if self._status.get(settle, AccountStatus.NORMAL) is status:
            return
        if status is AccountStatus.NORMAL:
            del self._status[settle]
        else:
            self._status[settle] = status
        event = AccountStatusChanged(
            at=at, account=FUTURES, status=status, coin=settle, ratio=ratio
        )
        self._state.ledger.emit(event)

    def _report(self, at: datetime, settle: str, rate: Decimal) -> None:
        """The risk rate and the lamps, at most every five seconds."""
        last = self._reported.get(settle)
        if last is not None and at - last < _REPORT_EVERY:
            return
        self._reported[settle] = at
        value = rate.quantize(_RATIO_QUANTUM)
        self._state.ledger.emit(
            RatioReported(at=at, account=FUTURES, value=value, coin=settle)
        )
        self._report_lamps(at, settle)

    def _report_lamps(self, at: datetime, settle: str) -> None:
        """A changed number of ADL lamps; of two hedge sides the brighter one."""
        lamps: dict[str, int] = {}
        margin = futures_risk.cross_margin(self._state, settle)
        for mode in MarginMode:
            for position in self._state.held(settle, mode):
                rank = adl.adl_rank(self._state, position, margin)
                if rank is not None:
                    known = lamps.get(position.symbol, rank)
                    lamps[position.symbol] = max(rank, known)
        for symbol, rank in lamps.items():
            self._light(symbol, rank)
            if self._lamps.get(symbol) != rank:
                self._lamps[symbol] = rank
                event = AdlRankReported(at=at, symbol=symbol, rank=rank)
                self._state.ledger.emit(event)

    def _light(self, symbol: str, rank: int) -> None:
        """Keep the lamps with the positions, as a reader of them would see."""
        for key, position in tuple(self._state.positions.items()):
            if key.symbol == symbol and position.adl_rank != rank:
                self._state.keep(replace(position, adl_rank=rank))
