"""What could not be known, as a value.

A number that lacks an input is None and is accompanied by one ``Missing`` for
each input that was not there. Sentences about it are made by whoever reports;
this module must not hold any.
"""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Missing", "MissingKind"]


class MissingKind(StrEnum):
    """Which sort of input is not there."""

    PRICE = "price"
    """A coin that is held or owed has no price."""
    COEFFICIENT = "coefficient"
    """A held coin has no margin coefficient; 1 was taken for it."""
    TIERS = "tiers"
    """A held coin is not in the collateral tiers that were given."""
    MARK = "mark"
    """A contract has no mark price."""
    CONTRACT = "contract"
    """A contract's rules are not known."""
    CURVE = "curve"
    """A contract lacks the parameters of its margin curve."""
    WALLET = "wallet"
    """The futures wallet of a settle currency is not known."""
    BETA = "beta"
    """A coin has no beta."""
    RETURNS = "returns"
    """A coin has no place in the covariance of returns."""


@dataclass(frozen=True, slots=True, order=True)
class Missing:
    """One input that was not there.

    ``name`` is the coin, the contract symbol or the settle currency.
    """

    kind: MissingKind
    name: str
