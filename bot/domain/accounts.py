"""What an account owns, owes and holds: the nouns of the shadow.

Amounts are ``Decimal`` in units of the coin. ``total`` includes ``hold``; a
liability is principal plus interest. A position is signed lots plus its exact
``entry_value`` (never an average price that was rounded). Nothing here knows a
price, a rule or a formula.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final, NewType

from bot.domain.instruments import Lots
from bot.domain.money import ZERO

__all__ = [
    "FUTURES",
    "MAIN",
    "MARGIN_CROSS",
    "SPOT",
    "AccountId",
    "AccountSnapshot",
    "Balance",
    "MarginMode",
    "Position",
    "PositionKey",
    "PositionSide",
    "isolated_account",
    "isolated_pair",
]

AccountId = NewType("AccountId", str)
"""``main``, ``spot``, ``margin_cross``, ``margin_isolated:BTC-USDT`` or ``futures``."""

MAIN: Final = AccountId("main")
SPOT: Final = AccountId("spot")
MARGIN_CROSS: Final = AccountId("margin_cross")
FUTURES: Final = AccountId("futures")
_ISOLATED_PREFIX: Final = "margin_isolated:"


def isolated_account(pair: str) -> AccountId:
    """The account of one isolated pair.

    Example:
        >>> isolated_account("BTC-USDT")
        'margin_isolated:BTC-USDT'
    """
    return AccountId(_ISOLATED_PREFIX + pair)


def isolated_pair(account: AccountId) -> str | None:
    """The pair of an isolated margin account, or None for any other account.

    Example:
        >>> isolated_pair(isolated_account("BTC-USDT"))
        'BTC-USDT'
        >>> isolated_pair(FUTURES) is None
        True
    """
    if account.startswith(_ISOLATED_PREFIX):
        return account.removeprefix(_ISOLATED_PREFIX)
    return None


class MarginMode(StrEnum):
    """Whether a futures position shares the wallet or has its own margin."""

    CROSS = "cross"
    ISOLATED = "isolated"


class PositionSide(StrEnum):
    """One-way accounts use BOTH; hedge mode keeps LONG and SHORT apart."""

    BOTH = "both"
    LONG = "long"
    SHORT = "short"

    __hash__ = str.__hash__
    """That of the word, which it equals; an enum's own runs in Python, and keys ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """One coin in one account. A margin account may owe it as well."""

    total: Decimal = ZERO
    hold: Decimal = ZERO
    principal: Decimal = ZERO
    interest: Decimal = ZERO

    @property
    def available(self) -> Decimal:
        """What is not held by open orders."""
        return self.total - self.hold

    @property
    def liability(self) -> Decimal:
        """Principal and interest together."""
        return self.principal + self.interest


@dataclass(frozen=True, slots=True, order=True)
class PositionKey:
    """A futures symbol and the side that hedge mode gives it."""

    symbol: str
    side: PositionSide = PositionSide.BOTH

    def __str__(self) -> str:
        """``XBTUSDTM``, or ``XBTUSDTM:LONG`` in hedge mode."""
        if self.side is PositionSide.BOTH:
            return self.symbol
        return f"{self.symbol}:{self.side.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One futures position.

    ``entry_value`` is the signed cost in the settle currency: linear
    ``lots x multiplier x entry``, inverse ``lots x multiplier / entry``. The
    unrealised profit of a linear position is ``value at mark - entry_value``, of
    an inverse one ``entry_value - value at mark``. ``margin`` is the isolated
    margin without unrealised profit, zero in cross mode.
    """

    symbol: str
    lots: Lots
    entry_value: Decimal
    mode: MarginMode = MarginMode.CROSS
    side: PositionSide = PositionSide.BOTH
    leverage: Decimal = Decimal(1)
    margin: Decimal = ZERO
    adl_rank: int | None = None
    """Lights lit in the exchange's auto-deleveraging queue, 1 to 5; None is unknown."""
    maintenance_margin_rate: Decimal | None = None
    """What the exchange states of just this isolated position, without fee; None is
    not stated."""

    @property
    def key(self) -> PositionKey:
        """Its place in the book of positions."""
        return PositionKey(self.symbol, self.side)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshot:
    """Everything one reader saw at one time: balances and positions.

    ``balances`` maps account to coin to balance; a coin that is absent is owned
    and owed zero *in this snapshot*, which is a statement of the exchange, not a
    default of ours.
    """

    balances: Mapping[AccountId, Mapping[str, Balance]]
    positions: Mapping[PositionKey, Position] = field(default_factory=dict)
    margin_leverage: Mapping[AccountId, Decimal] = field(default_factory=dict)
