"""The fast look at all accounts that most marks need: the kernel beside the core.

A ``Lookout`` belongs to whoever calls ``Core.step`` again and again. It keeps the
kernel and the guard's levels from mark to mark and answers one question: is it certain
that the exact engine would find every account as safe as before? Then the step
measures nothing exactly and its journal is the same, byte for byte. It is a memory
and never an opinion: a step without one, or with a new one, comes to the same rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.domain.events import RatioReported
from bot.domain.money import ZERO
from bot.engine.parity import TOLERANCE, agree, subject_of
from bot.guard.glance import Levels, is_quiet, levels_of
from bot.guard.state import GuardState
from bot.risk.freshness import first_aging
from bot.risk.kernel import Kernel
from bot.risk.kernel_row import KernelNumbers
from bot.risk.measure import Known, SubjectMeasure, measure_subjects
from bot.risk.unchanged import has_same_holdings
from bot.shadow.state import Shadow

__all__ = ["Lookout", "Sight", "is_surely_agreed"]

_ROUNDING: Final = 1e-12
"""What a stated ratio may lose as a float, and far more."""


class Lookout:
    """The kernel of the shadow that was last judged, and what makes it quiet.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> Lookout().numbers(empty_shadow(Rules()))
        ()
    """

    __slots__ = ("_fresh_until", "_guard", "_kernel", "_levels", "_measured", "_quiet")

    def __init__(self) -> None:
        self._kernel: Kernel | None = None
        self._fresh_until: datetime | None = None
        """Until when no mark of the holdings that were measured can be aged."""
        self._measured: Shadow | None = None
        """The last shadow that was measured exactly and had nothing unknown."""
        self._guard: GuardState | None = None
        self._levels: Mapping[str, Levels] | None = None
        self._quiet: Sequence[KernelNumbers] = ()
        """The numbers that were last found quiet by these levels."""

    def saw(self, shadow: Shadow, measures: Sequence[SubjectMeasure]) -> None:
        """Be told what was measured exactly; only after that a glance can be quiet."""
        is_known = all(each.ratio is not None for each in measures)
        if self._measured is None or not has_same_holdings(self._measured, shadow):
            self._fresh_until = None
        self._measured = shadow if is_known else None

    def numbers(self, shadow: Shadow) -> tuple[KernelNumbers, ...]:
        """The numbers of every account, none unknown; empty where that is not so.

        Empty, too, when an account is new or has changed since it was measured
        exactly, and when there is none.
        """
        if not _has_same_names(self._measured, shadow):
            return ()
        if self._kernel is None:
            self._kernel = Kernel(shadow)
        else:
            self._kernel.follow(shadow)
        numbers = self._kernel.numbers()
        return () if any(each.ratio is None for each in numbers) else numbers

    def is_fresh(self, shadow: Shadow, cadence: timedelta) -> bool:
        """Whether no mark that counts is aged; looked up when one first may be."""
        if self._fresh_until is not None and shadow.at <= self._fresh_until:
            return True
        self._fresh_until = first_aging(shadow, cadence)
        return self._fresh_until is None or shadow.at <= self._fresh_until

    def is_quiet(self, guard: GuardState, numbers: Sequence[KernelNumbers]) -> bool:
        """Whether the judge would certainly call all safe and change nothing.

        The levels hold while the guard's state is the same object.
        """
        if self._guard is not guard:
            self._guard, self._levels, self._quiet = guard, levels_of(guard), ()
        if guard.pairs or not is_quiet(self._levels, numbers, self._quiet):
            return False
        self._quiet = numbers
        return True


def _has_same_names(measured: Shadow | None, shadow: Shadow) -> bool:
    """Whether only marks that were known before have changed since."""
    return (
        measured is not None
        and has_same_holdings(measured, shadow)
        and len(measured.margin_marks) == len(shadow.margin_marks)
        and len(measured.futures_marks) == len(shadow.futures_marks)
    )


def is_surely_agreed(
    report: RatioReported, numbers: Mapping[str, KernelNumbers]
) -> bool:
    """Whether our exact ratio and the reported one are the same but for printing.

    A subject without numbers owes nothing and holds nothing: its ratio is zero.

    Example:
        >>> from datetime import UTC, datetime
        >>> from decimal import Decimal
        >>> from bot.domain.accounts import MARGIN_CROSS
        >>> report = RatioReported(at=datetime(2026, 1, 1, tzinfo=UTC),
        ...     account=MARGIN_CROSS, value=Decimal("0.5"))
        >>> is_surely_agreed(report, {})
        False
    """
    ours = numbers.get(subject_of(report))
    if ours is None:
        return agree(ZERO, report.value)
    if ours.ratio is None or not report.value.is_finite():
        return False
    apart = abs(ours.ratio - float(report.value)) + ours.ratio_error + _ROUNDING
    return apart < float(TOLERANCE)


@dataclass(slots=True)
class Sight:
    """What one step has measured of its moment: nothing yet, floats, or exactly."""

    lookout: Lookout | None
    measures: tuple[SubjectMeasure, ...] = ()
    numbers: tuple[KernelNumbers, ...] = ()

    def look(self, shadow: Shadow, guard: GuardState) -> None:
        """Numbers of this moment: in floats where those may do, else exact."""
        if self.lookout is not None and not guard.has_work:
            self.numbers = self.lookout.numbers(shadow)
        if not self.numbers:
            self.measure(shadow)

    def measure(self, shadow: Shadow) -> tuple[SubjectMeasure, ...]:
        """Exactly, once in a step."""
        if not self.measures:
            self.measures, self.numbers = measure_subjects(shadow), ()
            if self.lookout is not None:
                self.lookout.saw(shadow, self.measures)
        return self.measures

    def known(self, shadow: Shadow) -> Known | None:
        """The exact numbers for admission, if there are any; ``shadow`` is theirs."""
        return (shadow, self.measures) if self.measures else None

    def is_quiet(self, shadow: Shadow, guard: GuardState, cadence: timedelta) -> bool:
        """Whether the judge would certainly find nothing in the exact numbers."""
        return (
            self.lookout is not None
            and bool(self.numbers)
            and self.lookout.is_fresh(shadow, cadence)
            and self.lookout.is_quiet(guard, self.numbers)
        )

    def agrees(self, reports: Sequence[RatioReported]) -> bool:
        """Whether every reported ratio is surely ours but for printing."""
        near = {each.subject: each for each in self.numbers}
        return bool(near) and all(is_surely_agreed(each, near) for each in reports)
