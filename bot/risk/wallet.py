"""The identities of a futures wallet: total margin, equity and what is available.

They tie the parts that KuCoin pushes for one settle currency together, so that a
push can be checked against our own books. Nothing here computes a profit.

Source: KuCoin's wallet push; both published pushes satisfy the identities exactly.
Neither has a negative cross profit, so whether a cross loss lowers ``available``
is not proven; here it is left out, as pushed, and sizing never relies on it.
"""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.money import ZERO

__all__ = ["WalletParts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletParts:
    """One settle currency's wallet, all amounts in that currency.

    ``isolated_funding_margin`` is zero or negative, as KuCoin gives it.
    """

    balance: Decimal
    hold: Decimal = ZERO
    cross_order_margin: Decimal = ZERO
    cross_position_margin: Decimal = ZERO
    cross_pnl: Decimal = ZERO
    isolated_order_margin: Decimal = ZERO
    isolated_position_margin: Decimal = ZERO
    isolated_pnl: Decimal = ZERO
    isolated_funding_margin: Decimal = ZERO

    @property
    def total_margin(self) -> Decimal:
        """Balance less isolated margins plus cross profit.

        Example:
            >>> WalletParts(
            ...     balance=Decimal(100), isolated_position_margin=Decimal(30),
            ...     cross_pnl=Decimal(-5),
            ... ).total_margin
            Decimal('65')
        """
        isolated = self.isolated_order_margin + self.isolated_position_margin
        return self.balance - isolated + self.cross_pnl

    @property
    def equity(self) -> Decimal:
        """Balance plus all unrealised profit."""
        return self.balance + self.cross_pnl + self.isolated_pnl

    @property
    def available(self) -> Decimal:
        """Balance less everything held, without any unrealised profit."""
        held = self.hold + self.isolated_order_margin + self.isolated_position_margin
        cross = self.cross_order_margin + self.cross_position_margin
        return self.balance - held - cross + self.isolated_funding_margin
