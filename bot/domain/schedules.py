"""When a strategy is asked, as text: the parts that no clock decides.

A schedule is one text, its parts parted by ``;``. ``every``, ``cron`` and
``before-settlement`` are the clock's (``connectors/system/schedules.py``). The parts
of this module begin with ``on``: something happened to the account. Nothing here
reads a clock.

- ``on distance 0.25``: an account's distance to liquidation crossed 25 %, either way.
- ``on band``: an account came into another of the exchange's risk bands.
- ``on forced-fill``: the exchange liquidated or deleveraged something of ours.
- ``on interference``: a person or another program traded or moved money here.
- ``on fact``: every fact about our own requests, fills and positions.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final

from bot.domain.errors import UsageError

__all__ = [
    "FACTS",
    "Occasion",
    "OnOccasion",
    "occasion_of",
    "parts_of",
    "settlement_of",
]

FACTS: Final = "on fact"
"""The schedule of a strategy that must see what became of its requests."""


class Occasion(StrEnum):
    """What can happen to an account that a strategy waits for."""

    DISTANCE = "distance"
    BAND = "band"
    FORCED_FILL = "forced-fill"
    INTERFERENCE = "interference"
    FACT = "fact"


@dataclass(frozen=True, slots=True)
class OnOccasion:
    """One ``on`` part; ``threshold`` is a distance, a fraction, else None."""

    occasion: Occasion
    threshold: Decimal | None = None


def parts_of(schedule: str) -> tuple[str, ...]:
    """The parts of a schedule, in their order.

    Raises:
        UsageError: There is none.

    Example:
        >>> parts_of("cron 0 8 * * *; on forced-fill")
        ('cron 0 8 * * *', 'on forced-fill')
    """
    parts = tuple(part.strip() for part in schedule.split(";") if part.strip())
    if not parts:
        raise UsageError("A schedule must not be empty; write 'every 60s'.")
    return parts


def settlement_of(part: str) -> str | None:
    """The contract of a ``before-settlement`` part; None for any other part.

    Example:
        >>> settlement_of("before-settlement 10m XBTUSDTM")
        'XBTUSDTM'
        >>> settlement_of("every 60s") is None
        True
    """
    match part.split():
        case ["before-settlement", _, symbol]:
            return symbol
        case _:
            return None


def occasion_of(part: str) -> OnOccasion | None:
    """What an ``on`` part waits for; None for a part that a clock decides.

    Raises:
        UsageError: It begins with ``on`` and is none of the forms above.

    Example:
        >>> occasion_of("on distance 0.25")
        OnOccasion(occasion=<Occasion.DISTANCE: 'distance'>, threshold=Decimal('0.25'))
        >>> occasion_of("every 60s") is None
        True
    """
    words = part.split()
    if not words or words[0] != "on":
        return None
    match words[1:]:
        case [Occasion.DISTANCE, number] if _is_distance(number):
            return OnOccasion(Occasion.DISTANCE, Decimal(number))
        case [word] if word in set(Occasion) - {Occasion.DISTANCE}:
            return OnOccasion(Occasion(word))
        case _:
            raise UsageError(
                f"The schedule {part!r} is not understood; write 'on distance 0.25' "
                "(a fraction under 1), 'on band', 'on forced-fill', "
                "'on interference' or 'on fact'."
            )


def _is_distance(number: str) -> bool:
    try:
        value = Decimal(number)
    except InvalidOperation:
        return False
    return value.is_finite() and 0 < value < 1
