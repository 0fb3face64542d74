"""How a twin is looked at on every mark without being measured exactly each time.

The kernel follows the twin's holdings as they stand with the real account's; only
where it sees the twin near is an exact measure asked for. A ``Sight`` holds what was
built last and compares what it is handed by identity, so what it answers is a
function of its arguments: two states may share one. It keeps no result of its own.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Final

from bot.guard.undone import GivenBack, restored
from bot.risk.kernel import Kernel
from bot.risk.kernel_row import KernelNumbers
from bot.shadow.state import Shadow

__all__ = ["Sight"]

_HIGH: Final = 0.9
"""From this ratio on an account is measured exactly whatever its distance is."""


class Sight:
    """The last twin that was built, and the kernel on it."""

    __slots__ = ("_given", "_kernel", "_other", "_real")

    def __init__(self) -> None:
        self._real: Shadow | None = None
        self._given: GivenBack | None = None
        self._other: Shadow | None = None
        self._kernel: Kernel | None = None

    def of(self, shadow: Shadow, given: GivenBack) -> Shadow:
        """The twin's account beside a real one, built anew only where it changed."""
        known, other = self._real, self._other
        is_same = known is not None and _is_same(known, shadow)
        if other is None or not is_same or given is not self._given:
            other = restored(shadow, given)
        else:
            other = replace(shadow, balances=other.balances, positions=other.positions)
        self._real, self._given, self._other = shadow, given, other
        return other

    def is_near(
        self, shadow: Shadow, given: GivenBack, subject: str, floor: Decimal | None
    ) -> bool:
        """Whether the twin must be measured exactly now.

        Args:
            shadow: The real account.
            given: What is added to it.
            subject: The account that is watched.
            floor: The distance that is known already; None asks for the first one.

        Returns:
            True where it is nearer than the floor or within the kernel's error of it,
            where its ratio is high although no move liquidates it, and where it is
            not known. False for a subject with nothing to lose.
        """
        found = self._numbers(self.of(shadow, given), subject)
        if found is None:
            return False
        distance = found.distance
        if found.ratio is None:
            return True
        if distance is None:
            return found.ratio > _HIGH
        return floor is None or distance <= float(floor) + found.distance_error

    def _numbers(self, other: Shadow, subject: str) -> KernelNumbers | None:
        if self._kernel is None:
            self._kernel = Kernel(other)
        else:
            self._kernel.follow(other)
        rows = (n for n in self._kernel.numbers() if n.subject == subject)
        return next(rows, None)


def _is_same(one: Shadow, other: Shadow) -> bool:
    return (
        one.balances is other.balances
        and one.positions is other.positions
        and one.rules is other.rules
        and one.orders is other.orders
    )
