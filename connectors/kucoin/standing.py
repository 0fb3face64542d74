"""How the exchange stands to each account: its ratio, and the status that follows.

The exchange states a status in words for margin accounts and only a number for
futures, so the status of futures follows from the number. A status is told when it
changes. Pure state: no clock, no network.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, AccountId
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    Event,
    RatioReported,
)
from bot.domain.money import ONE

__all__ = ["Standing"]

_FROZEN: Final = frozenset({AccountStatus.LIQUIDATING, AccountStatus.BANKRUPT})
_FREE: Final = frozenset(
    {
        *("normal", "borrowing", "repaying", "renewing"),
        *("debt", "clear", "in_borrow", "in_repay", "in_auto_renew"),
    }
)
_ORDERS_CANCELLED: Final = Decimal("0.95")


@dataclass(slots=True, kw_only=True)
class Standing:
    """The last status of each account; absent is normal."""

    warning_debt_ratio: Decimal
    _known: dict[tuple[AccountId, str | None], AccountStatus] = field(
        default_factory=dict
    )

    def margin_ratio(
        self, at: datetime, account: AccountId, ratio: Decimal
    ) -> tuple[Event, ...]:
        """A debt ratio that the exchange states; a frozen account stays frozen."""
        told: tuple[Event, ...] = (RatioReported(at=at, account=account, value=ratio),)
        if self._known.get((account, None)) in _FROZEN:
            return told
        is_warned = ratio >= self.warning_debt_ratio
        status = AccountStatus.WARNED if is_warned else AccountStatus.NORMAL
        return (*told, *self.status(at, account, status, ratio=ratio))

    def margin_word(
        self, at: datetime, account: AccountId, word: str
    ) -> tuple[Event, ...]:
        """Our word for the state in which a document lists a margin account.

        A word that is known and names no take-over ends one; a new word does not.
        """
        known = self._known.get((account, None), AccountStatus.NORMAL)
        if word in {"liquidating", "in_liquidation"}:
            return self.status(at, account, AccountStatus.LIQUIDATING)
        if word in {"bankrupt", "bankruptcy"}:
            return self.status(at, account, AccountStatus.BANKRUPT)
        if known in _FROZEN and word in _FREE:
            return self.released(at, account)
        return ()

    def released(self, at: datetime, account: AccountId) -> tuple[Event, ...]:
        """A liquidation is over: told as such, and the account is normal again."""
        return (
            *self.status(at, account, AccountStatus.LIQUIDATED),
            *self.status(at, account, AccountStatus.NORMAL),
        )

    def risk_rate(self, at: datetime, settle: str, rate: Decimal) -> tuple[Event, ...]:
        """The risk rate of a futures wallet."""
        told = RatioReported(at=at, account=FUTURES, value=rate, coin=settle)
        if rate >= ONE:
            status = AccountStatus.LIQUIDATING
        elif rate >= _ORDERS_CANCELLED:
            status = AccountStatus.ORDERS_CANCELLED
        else:
            status = AccountStatus.NORMAL
        return (told, *self.status(at, FUTURES, status, coin=settle, ratio=rate))

    def status(
        self,
        at: datetime,
        account: AccountId,
        status: AccountStatus,
        *,
        coin: str | None = None,
        ratio: Decimal | None = None,
    ) -> tuple[Event, ...]:
        """The event of a status, if it is another one than before."""
        key = (account, coin)
        if self._known.get(key, AccountStatus.NORMAL) is status:
            return ()
        self._known[key] = status
        changed = AccountStatusChanged(
            at=at, account=account, status=status, coin=coin, ratio=ratio
        )
        return (changed,)
