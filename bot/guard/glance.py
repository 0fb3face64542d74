"""Whether the judge would find nothing to do, told from the kernel's floats.

On most marks every account is far from its thresholds. ``is_quiet`` says so only
where it is certain: each account known, guarded already, in no episode, and beyond
its thresholds by more than the floats can be wrong, and none that opened near as far
away as its usual target. Then ``judge`` would call every
account safe and leave the state as it is. In every other case it says no, and the
exact engine is asked. Nothing here may decide to act.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import is_not
from typing import Final

from bot.guard.state import GuardState
from bot.risk.kernel_row import KernelNumbers

__all__ = ["Levels", "is_quiet", "levels_of"]

_ROUNDING: Final = 1e-12
"""What the levels themselves may lose as floats, and far more."""


@dataclass(frozen=True, slots=True)
class Levels:
    """The widened thresholds of one account: a distance and a ratio, fractions.

    ``usual_target``: from there on an account that opened near gets its usual ones.
    """

    act: float
    backstop: float
    usual_target: float | None = None


def levels_of(state: GuardState) -> Mapping[str, Levels] | None:
    """The levels of every guarded account; None while one is in an episode.

    They hold as long as the guard's state is the same object.

    Example:
        >>> levels_of(GuardState())
        {}
    """
    if state.is_acting:
        return None
    found: dict[str, Levels] = {}
    for name, known in state.subjects.items():
        wide = state.thresholds_of(name, known.thresholds)
        usual = wide.usual_target
        found[name] = Levels(
            float(wide.act),
            float(wide.backstop),
            None if usual is None else float(usual),
        )
    return found


def is_quiet(
    levels: Mapping[str, Levels] | None,
    numbers: Sequence[KernelNumbers],
    before: Sequence[KernelNumbers] = (),
) -> bool:
    """Whether every account is certainly safe and the guard's state stays the same.

    Args:
        levels: From ``levels_of``.
        numbers: From ``Kernel.numbers``, of the same moment.
        before: Numbers that were found quiet by the same levels. Those in the same
            place that are the same object are not looked at again.

    Example:
        >>> is_quiet({}, ()), is_quiet(None, ())
        (True, False)
        >>> is_quiet({"margin_cross": Levels(0.15, 0.85)}, ())
        False
    """
    if levels is None or len(levels) != len(numbers):
        return False
    news = numbers
    if len(before) == len(numbers):
        news = list(compress(numbers, map(is_not, numbers, before)))
    return all(_is_safe(levels.get(each.subject), each) for each in news)


def _is_safe(level: Levels | None, numbers: KernelNumbers) -> bool:
    """Whether one account is beyond its thresholds by more than any error."""
    ratio = numbers.ratio
    if level is None or ratio is None:
        return False
    if not ratio + numbers.ratio_error + _ROUNDING < level.backstop:
        return False
    error = numbers.distance_error
    distance = numbers.distance
    if level.usual_target is not None and (
        distance is None or distance + error + _ROUNDING >= level.usual_target
    ):
        return False
    if distance is None:
        return error == 0.0 or 1.0 - error - _ROUNDING > level.act
    return distance - error - _ROUNDING > level.act
