"""The futures wallet of one settle currency: its parts, and how KuCoin writes them.

The identities of futures-and-unified.md 2.1 hold to the last digit that is printed:
``totalCrossMargin = walletBalance - isolatedOrderMargin - isolatedPosMargin +
crossUnPnl`` and ``equity = walletBalance + crossUnPnl + isolatedUnPnl``. An isolated
margin here includes its funding, so ``isolatedFundingFeeMargin`` is zero. A cross loss
lowers what is available, a cross profit does not raise it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.domain.accounts import MarginMode
from bot.domain.money import ZERO
from connectors.venue.futures_risk import (
    imr,
    initial_margin_in_use,
    isolated_order_margin,
    side_books,
    unrealised_pnl,
)
from connectors.venue.futures_state import FuturesState
from connectors.venue.server.words_futures_common import ms, scaled, text, word

__all__ = ["WalletFigures", "overview", "wallet_figures", "wallet_push"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletFigures:
    """The parts of a wallet in its settle currency, rounded as they are printed."""

    settle: str
    wallet: Decimal
    isolated_orders: Decimal
    isolated_positions: Decimal
    cross_orders: Decimal
    cross_positions: Decimal
    cross_pnl: Decimal
    isolated_pnl: Decimal

    @property
    def equity(self) -> Decimal:
        """Wallet and every unrealised profit."""
        return self.wallet + self.cross_pnl + self.isolated_pnl

    @property
    def cross_margin(self) -> Decimal:
        """What backs the cross positions."""
        isolated = self.isolated_orders + self.isolated_positions
        return self.wallet - isolated + self.cross_pnl

    @property
    def available(self) -> Decimal:
        """What may leave the wallet or open isolated positions; may be negative."""
        used = self.cross_orders + self.cross_positions
        return self.cross_margin - max(self.cross_pnl, ZERO) - used

    @property
    def opening(self) -> Decimal:
        """What cross orders may use: a profit counts as well."""
        return self.cross_margin - self.cross_orders - self.cross_positions


def wallet_figures(state: FuturesState, settle: str) -> WalletFigures:
    """The wallet of a settle currency at the current marks."""
    positions = _cross_position_margin(state, settle)
    in_use = initial_margin_in_use(state, settle)
    return WalletFigures(
        settle=settle,
        wallet=state.wallet(settle),
        isolated_orders=scaled(isolated_order_margin(state, settle)),
        isolated_positions=state.isolated_margin(settle),
        cross_orders=scaled(max(ZERO, in_use - positions)),
        cross_positions=scaled(positions),
        cross_pnl=_pnl(state, settle, MarginMode.CROSS),
        isolated_pnl=_pnl(state, settle, MarginMode.ISOLATED),
    )


def _cross_position_margin(state: FuturesState, settle: str) -> Decimal:
    """Initial margin at mark of the cross positions without their orders."""
    total = ZERO
    for book in side_books(state, settle).values():
        if book.position:
            contract, lots = state.contract(book.key.symbol), abs(book.position)
            value = contract.value(Decimal(lots), state.mark(contract.symbol))
            total += value * imr(contract, lots, book.leverage or Decimal(1))
    return total


def _pnl(state: FuturesState, settle: str, mode: MarginMode) -> Decimal:
    held = state.held(settle, mode)
    return sum((scaled(unrealised_pnl(state, position)) for position in held), ZERO)


def overview(
    figures: WalletFigures, risk_rate: Decimal, free: Decimal
) -> Mapping[str, object]:
    """``account-overview``; ``free`` is what may be transferred out."""
    return {
        "accountEquity": scaled(figures.equity),
        "unrealisedPNL": scaled(figures.cross_pnl + figures.isolated_pnl),
        "marginBalance": scaled(figures.wallet),
        "positionMargin": scaled(figures.cross_positions + figures.isolated_positions),
        "orderMargin": scaled(figures.cross_orders + figures.isolated_orders),
        "frozenFunds": ZERO,
        "availableBalance": scaled(max(ZERO, figures.available)),
        "currency": word(figures.settle),
        "riskRatio": scaled(risk_rate),
        "maxWithdrawAmount": scaled(free),
        "availableMargin": scaled(max(ZERO, figures.opening)),
    }


def wallet_push(
    figures: WalletFigures, free: Decimal, version: int, at: datetime
) -> Mapping[str, object]:
    """The data of a ``walletBalance.change`` push; everything is a text."""
    return {
        "crossPosMargin": text(figures.cross_positions),
        "isolatedOrderMargin": text(figures.isolated_orders),
        "holdBalance": "0",
        "equity": text(figures.equity),
        "version": str(version),
        "availableBalance": text(max(ZERO, figures.available)),
        "isolatedPosMargin": text(figures.isolated_positions),
        "maxWithdrawAmount": text(free),
        "walletBalance": text(figures.wallet),
        "isolatedFundingFeeMargin": "0",
        "crossUnPnl": text(figures.cross_pnl),
        "totalCrossMargin": text(figures.cross_margin),
        "currency": word(figures.settle),
        "isolatedUnPnl": text(figures.isolated_pnl),
        "availableMargin": text(max(ZERO, figures.opening)),
        "crossOrderMargin": text(figures.cross_orders),
        "timestamp": str(ms(at)),
    }
