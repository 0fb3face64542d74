"""What an account's numbers may be while some of its marks are old.

Values only: ``bot.risk.freshness`` says how they are found, the guard what they mean.
Ages count missed updates of a source's own cadence (FAULTS P5): more than 3 is stale
and stops new risk, more than 10 is aged and is judged at its worst end, more than 30
is lost and makes the guard take risk off. Nothing here knows a limit of risk.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Final

from bot.domain.money import plain
from bot.shadow.state import Shadow

__all__ = ["MISSED_UPDATES", "Aged", "Staleness", "staleness_of"]


class Staleness(IntEnum):
    """How far a mark can be trusted; a higher one is worse."""

    FRESH = 0
    STALE = 1
    AGED = 2
    LOST = 3


MISSED_UPDATES: Final[Mapping[Staleness, int]] = {
    Staleness.STALE: 3,
    Staleness.AGED: 10,
    Staleness.LOST: 30,
}
"""Beyond so many missed updates a mark is that."""


def staleness_of(age: timedelta, cadence: timedelta) -> Staleness:
    """What a mark of this age is, from a source that speaks once in a cadence.

    Example:
        >>> second = timedelta(seconds=1)
        >>> [staleness_of(n * second, second).name for n in (3, 4, 10, 11, 30, 31)]
        ['FRESH', 'STALE', 'STALE', 'AGED', 'AGED', 'LOST']
    """
    beyond = [kind for kind, missed in MISSED_UPDATES.items() if age > missed * cadence]
    return max(beyond, default=Staleness.FRESH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aged:
    """One account whose marks are not all fresh.

    ``ratio`` and ``distance`` are those at the last known marks; the true ratio is
    taken to lie between ``ratio_low`` and ``ratio_high``. ``margin_marks`` and
    ``futures_marks`` hold the old marks' replacements that bring it nearest to its
    liquidation.
    """

    staleness: Staleness
    ages: Mapping[str, timedelta]
    """Coin or contract to the age of its mark, the oldest first, fresh ones left out.
    """
    ratio: Decimal | None
    distance: Decimal | None
    ratio_low: Decimal
    ratio_high: Decimal
    margin_marks: Mapping[str, Decimal] = field(default_factory=dict)
    futures_marks: Mapping[str, Decimal] = field(default_factory=dict)

    def on(self, shadow: Shadow) -> Shadow:
        """The shadow with the worst prices in the place of the old ones."""
        return replace(
            shadow,
            margin_marks={**shadow.margin_marks, **self.margin_marks},
            futures_marks={**shadow.futures_marks, **self.futures_marks},
        )

    @property
    def words(self) -> str:
        """The oldest mark and its age, for a sentence.

        Example:
            >>> Aged(staleness=Staleness.AGED, ages={"BTC": timedelta(seconds=14)},
            ...     ratio=None, distance=None, ratio_low=Decimal("0.61"),
            ...     ratio_high=Decimal("0.66")).words
            'BTC mark 14 s old'
        """
        name, age = next(iter(self.ages.items()))
        more = f" and {len(self.ages) - 1} more" if len(self.ages) > 1 else ""
        return f"{name} mark {age.total_seconds():.0f} s old{more}"

    @property
    def inputs(self) -> Mapping[str, str]:
        """The numbers as text, for the journal; ages in seconds."""
        return {
            "ratio low": plain(self.ratio_low),
            "ratio high": plain(self.ratio_high),
            **{
                f"mark age {name}": f"{age.total_seconds():.3f}"
                for name, age in self.ages.items()
            },
        }
