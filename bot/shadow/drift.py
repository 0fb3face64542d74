"""Where the shadow and the exchange's own statement differ, to the last digit.

Drift is compared amount by amount between the shadow and a snapshot of the same
instant. A difference is a fact to be explained, never averaged away. This module
changes nothing and decides nothing.
"""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.accounts import AccountSnapshot, Balance, Position
from bot.domain.money import plain
from bot.shadow.state import EMPTY_BALANCE, Shadow

__all__ = ["Drift", "compare"]

_FIELDS = ("total", "hold", "principal", "interest")


@dataclass(frozen=True, slots=True)
class Drift:
    """One number on which the two sides disagree."""

    where: str
    shadow: Decimal
    exchange: Decimal

    def __str__(self) -> str:
        """A sentence for the journal."""
        return (
            f"{self.where}: the shadow has {plain(self.shadow)}, "
            f"the exchange states {plain(self.exchange)}"
        )


def compare(shadow: Shadow, snapshot: AccountSnapshot) -> tuple[Drift, ...]:
    """Every balance, debt and position that differs, in a fixed order."""
    found: list[Drift] = []
    accounts = sorted({*shadow.balances, *snapshot.balances})
    for account in accounts:
        ours = shadow.balances.get(account, {})
        theirs = snapshot.balances.get(account, {})
        for coin in sorted({*ours, *theirs}):
            found += _balance(
                f"{account} {coin}",
                ours.get(coin, EMPTY_BALANCE),
                theirs.get(coin, EMPTY_BALANCE),
            )
    for key in sorted({*shadow.positions, *snapshot.positions}):
        found += _position(
            str(key), shadow.positions.get(key), snapshot.positions.get(key)
        )
    return tuple(found)


def _balance(where: str, ours: Balance, theirs: Balance) -> list[Drift]:
    return [
        Drift(f"{where} {name}", getattr(ours, name), getattr(theirs, name))
        for name in _FIELDS
        if getattr(ours, name) != getattr(theirs, name)
    ]


def _position(
    where: str, ours: Position | None, theirs: Position | None
) -> list[Drift]:
    drifts: list[Drift] = []
    for name in ("lots", "entry_value", "margin"):
        mine = Decimal(getattr(ours, name)) if ours else Decimal(0)
        exchange = Decimal(getattr(theirs, name)) if theirs else Decimal(0)
        if mine != exchange:
            drifts.append(Drift(f"{where} {name}", mine, exchange))
    return drifts
