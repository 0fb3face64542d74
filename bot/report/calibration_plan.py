"""What a calibration does to a small live account, as data.

A calibration walks through *situations* of one contract: flat, one lot, an order far
away, one on the other side, another leverage, and flat again. ``moves`` says what
leads from one situation to another, so a calibration that was interrupted can begin
at any step, and undoing is the way back to flat. Pure: nothing here sends or reads.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

__all__ = ["FLAT", "STEPS", "Move", "MoveKind", "Situation", "Step", "moves"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """How the contract is to stand; everything else in the account is empty.

    ``leverage_factor`` multiplies the leverage that was found.
    """

    lots: int = 0
    has_far_buy: bool = False
    has_far_sell: bool = False
    leverage_factor: Decimal = Decimal(1)

    @property
    def needs_orders(self) -> bool:
        """Whether anything has to be sent to stand like this."""
        return self != FLAT


FLAT: Final = Situation()
_HALVED: Final = Decimal("0.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One observation: where the contract stands, and what is to be learnt."""

    name: str
    situation: Situation
    sentence: str


STEPS: Final = (
    Step(
        name="parameters",
        situation=FLAT,
        sentence="read the contract's parameters and the exchange's own order limits; "
        "compare the margin rates and the largest sizes",
    ),
    Step(
        name="one_lot",
        situation=Situation(lots=1),
        sentence="buy one lot at market, cross margin; compare position margin, risk "
        "rate and liquidation price",
    ),
    Step(
        name="far_order",
        situation=Situation(lots=1, has_far_buy=True),
        sentence="add a far buy order of one lot; compare the risk rate with the order",
    ),
    Step(
        name="opposite_order",
        situation=Situation(lots=1, has_far_buy=True, has_far_sell=True),
        sentence="add a far sell order of one lot; compare the risk rate with both",
    ),
    Step(
        name="other_leverage",
        situation=Situation(
            lots=1, has_far_buy=True, has_far_sell=True, leverage_factor=_HALVED
        ),
        sentence="halve the leverage; compare the position margin, and that the risk "
        "rate stays",
    ),
    Step(
        name="cancelled",
        situation=Situation(lots=1),
        sentence="cancel both orders and set the leverage back; compare again",
    ),
    Step(
        name="closed",
        situation=FLAT,
        sentence="close the lot; the risk rate is zero",
    ),
)
"""The steps, in order; the last situation is where the account was found."""


class MoveKind(StrEnum):
    """One request."""

    CANCEL_BUY = "cancel the far buy order"
    CANCEL_SELL = "cancel the far sell order"
    CLOSE = "close the position"
    SWITCH = "switch the leverage"
    OPEN = "buy one lot at market"
    PLACE_BUY = "place a far buy order of one lot"
    PLACE_SELL = "place a far sell order of one lot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One request, and the leverage factor that it sets if it is a switch."""

    kind: MoveKind
    leverage_factor: Decimal = Decimal(1)


def moves(before: Situation, after: Situation) -> tuple[Move, ...]:
    """The requests that lead from one situation to another, reductions first.

    Example:
        >>> [m.kind.value for m in moves(Situation(lots=1, has_far_buy=True), FLAT)]
        ['cancel the far buy order', 'close the position']
    """
    found: list[MoveKind] = []
    if before.has_far_buy and not after.has_far_buy:
        found.append(MoveKind.CANCEL_BUY)
    if before.has_far_sell and not after.has_far_sell:
        found.append(MoveKind.CANCEL_SELL)
    if before.lots > after.lots:
        found.append(MoveKind.CLOSE)
    if before.leverage_factor != after.leverage_factor:
        found.append(MoveKind.SWITCH)
    if before.lots < after.lots:
        found.append(MoveKind.OPEN)
    if after.has_far_buy and not before.has_far_buy:
        found.append(MoveKind.PLACE_BUY)
    if after.has_far_sell and not before.has_far_sell:
        found.append(MoveKind.PLACE_SELL)
    return tuple(
        Move(kind=kind, leverage_factor=after.leverage_factor) for kind in found
    )
