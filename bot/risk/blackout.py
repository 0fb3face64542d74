"""What an account must stand before a time in which nobody can act.

An exchange announces upgrades: for an hour no order and no transfer is taken. Before
it an account must be able to take an adverse move of a fifth, or of the worst hour on
record if that was worse, without being warned. The move is turned into the distance
to liquidation that it asks for, rounded to the safe side. Pure; decides nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Final

from bot.domain.money import ONE

__all__ = ["LEAD", "STRESS_MOVE", "Blackout", "stress_distance"]

STRESS_MOVE: Final = Decimal("0.20")
"""The least uniform adverse move that is prepared for."""

LEAD: Final = timedelta(hours=2)
"""How long before its start a blackout is prepared for."""

_PLACES: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True, order=True)
class Blackout:
    """An announced time in which the exchange takes no order and no transfer.

    Raises:
        ValueError: It ends before it starts.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError("a blackout must end after it starts")

    def is_prepared_for(self, at: datetime) -> bool:
        """Whether a time lies in the hours before it starts.

        Example:
            >>> night = Blackout(datetime(2025, 1, 1, 2), datetime(2025, 1, 1, 3))
            >>> night.is_prepared_for(datetime(2025, 1, 1, 0, 30))
            True
            >>> night.is_prepared_for(datetime(2025, 1, 1, 2, 30))
            False
        """
        return self.start - LEAD <= at < self.start


def stress_distance(move: Decimal, warning: Decimal, liquidation: Decimal) -> Decimal:
    """The distance to liquidation from which such a move does not reach the warning.

    A ratio that is ``move`` away from the warning level is further from liquidation:
    for a fall by the share that the levels are apart, of what is left, for a rise of
    debts by the same share of what they then are. The larger of the two is taken, so
    it holds for long, short and mixed accounts; a futures rate rises faster than its
    levels are apart, so there it is on the safe side.

    Args:
        move: A positive fraction.
        warning: The ratio that must not be reached.
        liquidation: The ratio at which the account is taken over, no lower.

    Example:
        >>> stress_distance(Decimal("0.20"), Decimal("0.95"), Decimal("0.97"))
        Decimal('0.2253')
        >>> stress_distance(Decimal("0.20"), Decimal("1"), Decimal("1"))
        Decimal('0.2000')
    """
    rise = (ONE + move) * liquidation / warning - ONE
    fall = ONE - (ONE - move) * warning / liquidation
    return max(rise, fall).quantize(_PLACES, ROUND_CEILING)
