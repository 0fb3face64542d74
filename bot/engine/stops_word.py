"""A person's word whether stops rest, and how the guard keeps it.

After ``cancel-all`` nothing of ours rests until that person says ``rest-stops`` or the
bot starts anew; while ``flatten`` goes on they wait too. The guard itself goes on: only
what protects a dead bot is missing, and that is said. Pure.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bot.domain.entries import Noted
from bot.guard.state import GuardState, RestingState

__all__ = ["PAUSED", "STOPS_PAUSED", "heard"]

STOPS_PAUSED: Final = "stops paused"
"""The topic of a person's word about the stops that rest at the exchange."""

PAUSED: Final = (
    "no stop rests, on the operator's word: nothing would act if the process ended; "
    "gnomon rest-stops brings them back"
)


def heard(
    guard: GuardState, *, rests_stops: bool | None
) -> tuple[GuardState, Sequence[Noted]]:
    """The guard that has heard the word, and the row that keeps it.

    Args:
        guard: What it remembers so far.
        rests_stops: The word; None, or what holds already, changes nothing.

    Example:
        >>> paused, [note] = heard(GuardState(), rests_stops=False)
        >>> paused.resting.is_paused, heard(paused, rests_stops=False)[1]
        (True, ())
    """
    if rests_stops is None or rests_stops is not guard.resting.is_paused:
        return guard, ()
    told = "stops rest again, on the operator's word" if rests_stops else PAUSED
    note = Noted(
        topic=STOPS_PAUSED,
        text=told,
        inputs={"is_paused": str(not rests_stops).lower()},
    )
    kept = replace(guard, resting=RestingState(is_paused=not rests_stops))
    return kept, (note,)
